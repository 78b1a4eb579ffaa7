"""The functions of NumPy, other than ufuncs, that can be traced: each is recorded by a function here or by a method."""

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


def _filled(value: int) -> Callable[..., Symbol]:
    return lambda x, dtype=None, shape=None: _full_like(x, value, dtype, shape)


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


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.result_type: lambda *given: np.result_type(*(x.dtype if isinstance(x, Symbol) else x for x in given)),
    np.where: _where,
    np.full_like: _full_like,
    np.zeros_like: _filled(0),
    np.empty_like: _filled(0),
    np.ones_like: _filled(1),
    np.copyto: lambda dst, src: recorded(node_of(src, dst.dtype), (), dst),
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.hstack: lambda tup: _concatenate(tup, axis=min(1, len(tup[0].shape) - 1)),
    np.expand_dims: _expand_dims,
    np.broadcast_to: _broadcast_to,
    np.ravel: lambda a: a.ravel(),
    np.copy: lambda a: a.copy(),
    np.dot: lambda a, b: _symbol(a).dot(b),
    np.clip: lambda a, a_min=None, a_max=None, out=None, **bounds: _symbol(a).clip(a_min, a_max, out, **bounds),
    np.take: lambda a, indices, axis=None: _symbol(a).take(indices, axis),
    np.vdot: _vdot,
    np.linalg.norm: _norm,
}
"""Each with the function that records it in its place."""

_OWN = "shape ndim size sum mean prod max min amax amin any all argmax var std reshape transpose swapaxes squeeze "
_OWN += "take_along_axis put_along_axis array_split split hsplit vsplit moveaxis"
FUNCTIONS |= {getattr(np, name): getattr(np, name)._implementation for name in _OWN.split()}
"""NumPy's own Python code records these: it calls methods and indexes."""
