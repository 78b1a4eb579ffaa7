"""The functions of NumPy, other than ufuncs, that can be traced."""

from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet.tracing.graph import Node, make
from plainnet.tracing.symbol import Symbol, cast, elementwise, node_of, product, reduced, written
from plainnet.tracing.untraceable import untraceable

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x, axis=None: x.size if axis is None else x.shape[axis],
    np.result_type: lambda *given: np.result_type(*(x.dtype if isinstance(x, Symbol) else x for x in given)),
    np.reshape: lambda x, shape: x.reshape(shape),
    np.ravel: lambda x: x.ravel(),
    np.transpose: lambda x, axes=None: x.transpose() if axes is None else x.transpose(axes),
    np.swapaxes: lambda x, first, second: x.swapaxes(first, second),
    np.squeeze: lambda x, axis=None: x.squeeze(axis),
    np.copy: lambda x: x.copy(),
    np.dot: lambda a, b: _dot(node_of(a), node_of(b)),
    np.vdot: lambda a, b: Symbol(product(_flat(node_of(a)), _flat(node_of(b)))),
    np.std: lambda x, axis=None, ddof=0, keepdims=False: np.sqrt(np.var(x, axis, ddof=ddof, keepdims=keepdims)),
}
"""Each with the function that records it in its place."""


def _records(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(own: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, own))
        return own

    return register


def _reduction(op: str) -> Callable[..., Any]:
    def reduce(
        x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **options: Any
    ) -> Any:
        if options:
            raise untraceable(f"the argument {next(iter(options))} of np.{op} cannot be traced")
        return reduced(op, x, axis, keepdims, dtype, out)

    return reduce


FUNCTIONS.update({getattr(np, op): _reduction(op) for op in ("sum", "mean", "prod")})


def _reduction_without_dtype(op: str) -> Callable[..., Any]:
    reduce = _reduction(op)
    return lambda x, axis=None, out=None, keepdims=False, **options: reduce(x, axis, None, out, keepdims, **options)


FUNCTIONS.update(
    {
        getattr(np, name): _reduction_without_dtype(name.removeprefix("a") if name in ("amax", "amin") else name)
        for name in ("max", "min", "amax", "amin", "any", "all")
    }
)


@_records(np.argmax)
def _argmax(x: Any, axis: int | None = None) -> Symbol:
    node = node_of(x)
    return Symbol(make("argmax", node, axis=None if axis is None else axis % len(node.shape)))


@_records(np.var)
def _var(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """Record the variance in the steps in which NumPy takes it."""
    centred = x - np.mean(x, axis, keepdims=True)
    total = np.sum(np.multiply(centred, centred), axis, keepdims=keepdims)
    return total / (x.size // total.size - ddof)


@_records(np.where)
def _where(condition: Any, *choices: Any) -> Symbol:
    if not choices:
        raise untraceable("np.where with a condition alone gives as many places as the values decide")
    return Symbol(elementwise("where", condition, *choices))


@_records(np.clip)
def _clip(x: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None or high is None:
        bounds = [("maximum", low), ("minimum", high)]
        node = next((elementwise(op, x, bound) for op, bound in bounds if bound is not None), node_of(x))
    else:
        node = elementwise("clip", x, low, high)
    return written(node, out)


@_records(np.full_like)
def _full_like(x: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Symbol:
    value = cast(node_of(fill_value), np.dtype(dtype or x.dtype))
    size = x.shape if shape is None else shape
    return Symbol(make("full", value, shape=tuple(size) if np.iterable(size) else (size,)))


FUNCTIONS[np.zeros_like] = lambda x, dtype=None, shape=None: _full_like(x, 0, dtype, shape)
FUNCTIONS[np.empty_like] = FUNCTIONS[np.zeros_like]
FUNCTIONS[np.ones_like] = lambda x, dtype=None, shape=None: _full_like(x, 1, dtype, shape)


@_records(np.copyto)
def _copyto(dst: Any, src: Any) -> None:
    written(node_of(src, dst.dtype), dst)


@_records(np.concatenate)
def _concatenate(arrays: Any, axis: int = 0) -> Symbol:
    nodes = [node_of(array) for array in arrays]
    dtype = np.result_type(*(node.dtype for node in nodes))
    return Symbol(make("concatenate", *(cast(node, dtype) for node in nodes), axis=axis % len(nodes[0].shape)))


@_records(np.stack)
def _stack(arrays: Any, axis: int = 0) -> Symbol:
    return _concatenate([np.expand_dims(array, axis) for array in arrays], axis)


@_records(np.expand_dims)
def _expand_dims(x: Any, axis: int | tuple[int, ...]) -> Any:
    axes = axis if isinstance(axis, tuple) else (axis,)
    ndim = x.ndim + len(axes)
    added = {one % ndim for one in axes}
    return x[tuple(None if i in added else slice(None) for i in range(ndim))]


@_records(np.broadcast_to)
def _broadcast_to(x: Any, shape: Any) -> Symbol:
    symbol = Symbol(make("broadcast_to", node_of(x), shape=tuple(shape) if np.iterable(shape) else (shape,)))
    symbol._shared = "that np.broadcast_to made"
    return symbol


@_records(np.take)
def _take(x: Any, indices: Any, axis: int | None = None) -> Any:
    if axis is None:
        return x.reshape(-1)[indices]
    if isinstance(indices, list | tuple):
        indices = np.asarray(indices)
    return x[(slice(None),) * (axis % x.ndim) + (indices,)]


def _along_axis(indices: Any, axis: int) -> tuple[Any, ...]:
    """Return the index of the elements that np.take_along_axis takes."""
    ndim = indices.ndim
    axis %= ndim
    places = (
        np.arange(length).reshape(tuple(-1 if i == place else 1 for i in range(ndim)))
        for place, length in enumerate(indices.shape)
    )
    return tuple(indices if place == axis else own for place, own in enumerate(places))


@_records(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int) -> Any:
    return (arr if isinstance(arr, Symbol) else Symbol(node_of(arr)))[_along_axis(indices, axis)]


@_records(np.put_along_axis)
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int) -> None:
    arr[_along_axis(indices, axis)] = values


@_records(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (None, 2) or (axis is None and keepdims):
        raise untraceable(f"np.linalg.norm is traced for ord=None, and ord is {ord!r}")
    if axis is None:
        return np.sqrt(Symbol(product(_flat(node_of(x)), _flat(node_of(x)))))
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


def _flat(node: Node) -> Node:
    return node if len(node.shape) == 1 else make("reshape", node, shape=(int(np.prod(node.shape, dtype=np.intp)),))


def _dot(a: Node, b: Node) -> Symbol:
    if not a.shape or not b.shape:
        return Symbol(elementwise("multiply", Symbol(a), Symbol(b)))
    if len(a.shape) > 2 or len(b.shape) > 2:
        raise untraceable("np.dot of arrays with more than two axes; a @ b is traced")
    return Symbol(product(a, b))
