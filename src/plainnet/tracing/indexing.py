"""Indexes in one normal form, as the operations getitem and setitem keep them."""

import operator
from typing import Any

import numpy as np

from plainnet._base.arrays import Shape
from plainnet.tracing.graph import ARRAY, Node, constant
from plainnet.tracing.untraceable import untraceable

Key = tuple[Any, ...]
"""One entry per axis: slice(None) for all of it, a slice of numbers, a number ≥ 0, or ARRAY for the next index array.

None adds an axis.
"""


def index_of(index: Any, shape: Shape) -> tuple[Key, list[Node]]:
    """Return the index x[index] of an array of this shape in normal form, and its arrays of integers."""
    entries = _filled_up(list(index) if isinstance(index, tuple) else [index], len(shape))
    key: list[Any] = []
    arrays: list[Node] = []
    axes = iter(shape)
    for entry in entries:
        if entry is None:
            key.append(None)
        elif isinstance(entry, slice):
            key.append(_slice(entry, next(axes)))
        elif isinstance(entry, int | np.integer):
            key.append(_number(entry, next(axes)))
        else:
            key.append(ARRAY)
            arrays.append(entry if isinstance(entry, Node) else constant(entry))
            next(axes)
    return tuple(key), arrays


def _filled_up(given: list[Any], ndim: int) -> list[Any]:
    """Return entries for all axes: what an Ellipsis stands for is written out, masks are integers."""
    entries: list[Any] = []
    for entry in given:
        entries += _entries(entry)
    missing = ndim - sum(entry is not None and entry is not Ellipsis for entry in entries)
    if missing < 0:
        raise IndexError(f"too many indices: the array has {ndim} axes")
    place = next((i for i, entry in enumerate(entries) if entry is Ellipsis), len(entries))
    return [*entries[:place], *[slice(None)] * missing, *entries[place + 1 :]]


def _entries(entry: Any) -> list[Any]:
    node = getattr(entry, "node", None)
    if isinstance(node, Node):
        if node.dtype.kind == "b":
            raise untraceable("which elements are taken depends on values; np.where, which takes all, is traced")
        if node.dtype.kind not in "iu" or node.weak:
            raise IndexError(f"an index is {node!r}; it takes integers")
        return [node]
    if entry is None or entry is Ellipsis or isinstance(entry, slice | np.integer) or type(entry) is int:
        return [entry]
    array = np.asarray(entry)
    if array.dtype == np.bool_:
        return list(np.nonzero(array))
    return [array.astype(np.intp, casting="safe" if array.size else "unsafe")]


def _slice(entry: slice, length: int) -> slice:
    start, stop, step = entry.indices(length)
    if (start, stop, step) == (0, length, 1):
        return slice(None)
    return slice(start, None if stop < 0 else stop, step)


def _number(entry: Any, length: int) -> int:
    number = operator.index(entry)
    if not -length <= number < length:
        raise IndexError(f"index {number} is out of bounds for an axis of length {length}")
    return number % length


def is_whole(key: Key) -> bool:
    """Return True if the index takes everything, as x[...] does; it may add axes."""
    return all(entry is None or entry == slice(None) for entry in key)
