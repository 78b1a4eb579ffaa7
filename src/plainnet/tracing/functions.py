"""The functions of NumPy, other than ufuncs, that can be traced: each is recorded by a function here or by a method."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet.tracing.graph import Node, make
from plainnet.tracing.symbol import Symbol, cast, elementwise, node_of, product, recorded
from plainnet.tracing.untraceable import untraceable


def _where(condition: Any, *choices: Any) -> Symbol:
    if not choices:
        raise untraceable("np.where with a condition alone gives as many places as the values decide")
    return recorded(elementwise("where", condition, *choices), (condition, *choices))


def _full_like(x: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Symbol:
    value = cast(node_of(fill_value), np.dtype(dtype or x.dtype))
    return Symbol(make("full", value, shape=_shape(x.shape if shape is None else shape)), contiguous=True)


def _shape(given: Any) -> tuple[int, ...]:
    return tuple(given) if np.iterable(given) else (given,)


def _zeros_like(x: Any, dtype: Any = None, shape: Any = None) -> Symbol:
    return _full_like(x, 0, dtype, shape)


def _ones_like(x: Any, dtype: Any = None, shape: Any = None) -> Symbol:
    return _full_like(x, 1, dtype, shape)


def _concatenate(arrays: Any, axis: int = 0) -> Symbol:
    nodes = [node_of(array) for array in arrays]
    dtype = np.result_type(*(node.dtype for node in nodes))
    node = make("concatenate", *(cast(node, dtype) for node in nodes), axis=axis % len(nodes[0].shape))
    return recorded(node, arrays)


def _stack(arrays: Any, axis: int = 0) -> Symbol:
    return _concatenate([np.expand_dims(array, axis) for array in arrays], axis)


def _expand_dims(a: Any, axis: int | tuple[int, ...]) -> Symbol:
    axes = axis if isinstance(axis, tuple) else (axis,)
    ndim = a.ndim + len(axes)
    added = {one % ndim for one in axes}
    return a[tuple(None if i in added else slice(None) for i in range(ndim))]


def _broadcast_to(array: Any, shape: Any) -> Symbol:
    symbol = Symbol(make("broadcast_to", node_of(array), shape=_shape(shape)))
    symbol.share("that np.broadcast_to made")
    return symbol


def _along_axis(indices: Any, axis: int) -> tuple[Any, ...]:
    """Return the index of the elements that np.take_along_axis takes."""
    ranges = np.ogrid[tuple(slice(length) for length in indices.shape)]
    return tuple(indices if place == axis % indices.ndim else own for place, own in enumerate(ranges))


def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int) -> None:
    arr[_along_axis(indices, axis)] = values


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (None, 2) or (axis is None and keepdims):
        raise untraceable(f"np.linalg.norm is traced for ord=None, and ord is {ord!r}")
    return np.sqrt(_vdot(x, x) if axis is None else (x * x).sum(axis, keepdims=keepdims))


def _vdot(a: Any, b: Any) -> Symbol:
    return Symbol(product(_flat(node_of(a)), _flat(node_of(b))))


def _flat(node: Node) -> Node:
    return node if len(node.shape) == 1 else make("reshape", node, shape=(int(np.prod(node.shape, dtype=np.intp)),))


def _symbol(x: Any) -> Symbol:
    return x if isinstance(x, Symbol) else Symbol(node_of(x), np.asarray(x).flags.c_contiguous)


def _method(name: str) -> Callable[..., Any]:
    method = getattr(Symbol, name)

    @functools.wraps(method)
    def call(x: Any, *arguments: Any, **options: Any) -> Any:
        return method(_symbol(x), *arguments, **options)

    return call


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.result_type: lambda *given: np.result_type(*(x.dtype if isinstance(x, Symbol) else x for x in given)),
    np.where: _where,
    np.full_like: _full_like,
    np.zeros_like: _zeros_like,
    np.empty_like: _zeros_like,
    np.ones_like: _ones_like,
    np.copyto: lambda dst, src: recorded(node_of(src, dst.dtype), (), dst),
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.hstack: lambda tup: _concatenate(tup, axis=min(1, len(tup[0].shape) - 1)),
    np.expand_dims: _expand_dims,
    np.broadcast_to: _broadcast_to,
    np.take_along_axis: lambda arr, indices, axis=-1: _symbol(arr)[_along_axis(indices, axis)],
    np.put_along_axis: _put_along_axis,
    np.vdot: _vdot,
    np.linalg.norm: _norm,
}
"""Each with the function that records it in its place."""

_METHODS = "sum mean prod max min any all argmax var std clip take dot reshape ravel transpose swapaxes squeeze copy"
FUNCTIONS |= {getattr(np, name): _method(name) for name in _METHODS.split()}
FUNCTIONS |= {np.amax: FUNCTIONS[np.max], np.amin: FUNCTIONS[np.min]}
