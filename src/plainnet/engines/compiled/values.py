"""The value of a graph's node at an index, as an expression of what lies in memory.

Views (transposed, reshaped, sliced, broadcast) only change the index; elementwise operations become operations of the
expression, down to what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from plainnet.engines.compiled.loops import Affine, Buffer, Expression, Extent, Unsupported, combined, strides
from plainnet.engines.compiled.storing import VIEWS, Extents, only_ones
from plainnet.tracing.graph import ARRAY, Node


class Values:
    """The expressions of a graph's nodes; `memory` grows as nodes are stored."""

    def __init__(
        self, buffers: Mapping[Node, Buffer | Expression], extents: Extents, tables: Mapping[Node, Buffer],
        stored: set[Node], keep: Callable[[Node], None],
    ) -> None:  # fmt: skip
        self.keep = keep
        """Stores a node that is wanted in one piece."""
        self.extents = extents
        self.tables = tables
        self.stored = stored
        self.memory: dict[Node, Buffer] = {n: b for n, b in buffers.items() if isinstance(b, Buffer)}
        self.numbers: dict[Node, Expression] = {n: b for n, b in buffers.items() if isinstance(b, Expression)}
        self.arrays: list[Any] = []
        self.expressions: dict[Any, Expression] = {}

    def store(self, node: Node, buffer: Buffer) -> None:
        """Note where a node lies from now on."""
        self.memory[node] = buffer
        for key in [key for key in self.expressions if key[0] is node]:
            del self.expressions[key]

    def value(self, node: Node, index: tuple[Affine, ...]) -> Expression:
        """Return the expression of a node's value at an index, which has an entry for each of its axes."""
        index = tuple(Affine() if e == Extent(1) else i for i, e in zip(index, self.extents[node], strict=True))
        key = (node, index)
        if key not in self.expressions:
            self.expressions[key] = self._value(node, index)
        return self.expressions[key]

    def _value(self, node: Node, index: tuple[Affine, ...]) -> Expression:
        if node in self.memory:
            buffer = self.memory[node]
            return self.load(buffer, combined(index, strides(self.extents[node])))
        if node in self.numbers:
            return self.numbers[node]
        if node in self.tables:
            table = self.load(self.tables[node], Affine())
            return self.operation("astype", node.dtype, (table,))
        assert node not in self.stored, f"{node} is used before it is computed"
        return self.computed(node, index)

    def computed(self, node: Node, index: tuple[Affine, ...]) -> Expression:
        """Return the expression that computes a node from its inputs."""
        if node.op == "constant":
            return self._constant(node, index)
        if node.op in VIEWS:
            return self._view(node, index)
        arguments = tuple(self.value(x, broadcast(index, len(x.shape))) for x in node.inputs)
        if len({x.dtype for x in arguments if x.dtype != bool}) > 1 and node.op != "astype":  # Python numbers
            common = np.result_type(*(x.dtype for x in arguments if x.dtype != bool))
            arguments = tuple(x if x.dtype == bool else self.converted(x, common) for x in arguments)
        return self.operation(node.op, node.dtype, arguments)

    def converted(self, value: Expression, dtype: Any) -> Expression:
        """Return the value as a number of the dtype."""
        if value.op == "constant":
            return Expression("constant", dtype, value=dtype.type(value.value))
        return value if value.dtype == dtype else self.operation("astype", dtype, (value,))

    def operation(self, op: str, dtype: Any, arguments: tuple[Expression, ...], **more: Any) -> Expression:
        """Return the expression of an operation, the same object where it has been asked for before."""
        if op == "divide" and arguments[1].op == "constant" and _has_reciprocal(arguments[1].value, dtype):
            reciprocal = Expression("constant", dtype, value=dtype.type(1 / arguments[1].value))
            return self.operation("multiply", dtype, (arguments[0], reciprocal))
        if op == "divide" and _is_steady(*arguments) and dtype.kind == "f":
            one = Expression("constant", dtype, value=dtype.type(1))
            return self.operation("multiply", dtype, (arguments[0], self.operation(op, dtype, (one, arguments[1]))))
        key = (
            op,
            dtype,
            *((x.dtype, np.asarray(x.value, x.dtype).tobytes()) if x.op == "constant" else id(x) for x in arguments),
            *more.values(),
        )
        if key not in self.expressions:
            axes = frozenset().union(*(x.axes for x in arguments))
            self.expressions[key] = Expression(op, dtype, arguments, axes, **more)
        return self.expressions[key]

    def load(
        self, buffer: Buffer, place: Affine, moved: tuple[Expression, ...] = (), factors: tuple[int, ...] = ()
    ) -> Expression:
        """Return the expression of a number in memory, at a place plus the values `moved` times `factors`."""
        key = ("load", buffer, place, *map(id, moved), factors)
        if key not in self.expressions:
            axes = frozenset(axis for axis, _ in place.terms).union(*(x.axes for x in moved))
            self.expressions[key] = Expression("load", buffer.dtype, moved, axes, buffer, place, factors)
        return self.expressions[key]

    def _constant(self, node: Node, index: tuple[Affine, ...]) -> Expression:
        value = np.asarray(node.attributes["value"])
        if value.size == 0:
            return Expression("constant", node.dtype, value=node.dtype.type(0))
        if value.size == 1 or (value == value.flat[0]).all():
            return Expression("constant", node.dtype, value=value.flat[0])
        if value.ndim == 1 and value.dtype == np.int64 and (np.diff(value) == value[1] - value[0]).all():
            place = index[0].scaled(int(value[1] - value[0]), int(value[0]))
            axes = frozenset(axis for axis, _ in place.terms)
            return Expression("index", node.dtype, (), axes, place=place)
        self.arrays.append(np.ascontiguousarray(value))
        self.memory[node] = Buffer(f"array {len(self.arrays) - 1}", 0, self.extents[node], node.dtype)
        return self._value(node, index)

    def _view(self, node: Node, index: tuple[Affine, ...]) -> Expression:
        (x, *arrays) = node.inputs
        if node.op == "transpose":
            of: list[Affine] = [Affine()] * len(index)
            for axis, place in zip(node.attributes["axes"], index, strict=True):
                of[axis] = place
            return self.value(x, tuple(of))
        if node.op in ("broadcast_to", "full", "copy"):
            return self.value(x, broadcast(index, len(x.shape)))
        if node.op == "reshape":
            return self._reshaped(node, x, index)
        return self._item(node, x, arrays, index)

    def _reshaped(self, node: Node, x: Node, index: tuple[Affine, ...]) -> Expression:
        if only_ones(node, self.extents):
            places = [i for i, e in zip(index, self.extents[node], strict=True) if e != Extent(1)]
            return self.value(x, tuple(Affine() if e == Extent(1) else places.pop(0) for e in self.extents[x]))
        whole = self.value(x, tuple(Affine(0, ((-1 - axis, 1),)) for axis in range(len(x.shape))))
        steps = dict(whole.place.terms)
        place = Affine(whole.place.constant)
        for axes, before in pieces(self.extents[node], self.extents[x]):
            flat = combined(tuple(index[axis] for axis in axes), strides(tuple(self.extents[node][a] for a in axes)))
            *_, step = own = [steps.get(-1 - axis, 0) for axis in before]
            in_one_piece = own == [step * factor for factor in strides(tuple(self.extents[x][a] for a in before))]
            if whole.op != "load" or whole.buffer is None or whole.arguments or not in_one_piece:
                self.keep(x)
                return self._reshaped(node, x, index)
            place = combined((place, flat), (1, step))
        assert whole.buffer is not None
        return self.load(whole.buffer, place)

    def _item(self, node: Node, x: Node, arrays: list[Node], index: tuple[Affine, ...]) -> Expression:
        if arrays:
            return self._gathered(node, x, arrays, index)
        places = list(index)
        of: list[Affine] = []
        for entry in full_index(node.attributes["index"], len(x.shape)):
            if entry is None:
                places.pop(0)
            elif isinstance(entry, slice):
                length = x.shape[len(of)]
                start, _, step = entry.indices(length)
                if self.extents[x][len(of)].per_row and (start, step) != (0, 1):
                    raise Unsupported("it takes some of the batch's rows by their number")
                of.append(places.pop(0).scaled(step, start))
            else:
                if self.extents[x][len(of)].per_row and entry < 0:
                    raise Unsupported("it takes one of the batch's last rows")
                of.append(Affine(int(entry) % x.shape[len(of)]))
        return self.value(x, tuple(of))

    def _gathered(self, node: Node, x: Node, arrays: list[Node], index: tuple[Affine, ...]) -> Expression:
        """Return x[..., rows, ...] for index arrays side by side, which stand where the first of them does."""
        entries = full_index(node.attributes["index"], len(x.shape))
        which = [i for i, entry in enumerate(entries) if entry == ARRAY]
        if which != list(range(which[0], which[0] + len(which))) or any(a.dtype.kind not in "iu" for a in arrays):
            raise Unsupported("it is indexed by arrays that do not stand side by side, or are no whole numbers")
        depth = max(len(a.shape) for a in arrays)
        if any(not isinstance(e, slice) or e != slice(None) for i, e in enumerate(entries) if i not in which):
            raise Unsupported("it is indexed by arrays and slices at once")
        start = which[0]
        own = index[start : start + depth]
        free = {place: -1 - place for place in which}  # stands for the index that is not known yet
        of = [*index[:start], *(Affine(0, ((free[place], 1),)) for place in which), *index[start + depth :]]
        source = self.value(x, tuple(of))
        if source.op != "load" or source.buffer is None:
            raise Unsupported("it is indexed by an array and is not stored")
        moved, factors = [], []
        for place, array in zip(which, arrays, strict=True):
            extent = self.extents[x][place]
            if extent.per_row and array.op == "constant":
                raise Unsupported("it takes some of the batch's rows by their number")
            at = self.value(array, broadcast(own, len(array.shape)))
            moved.append(self.operation("wrapped index", np.dtype(np.int64), (at,), value=extent))
            factors.append(dict(source.place.terms).get(free[place], 0))
        known = tuple(term for term in source.place.terms if term[0] >= 0)
        return self.load(source.buffer, Affine(source.place.constant, known), tuple(moved), tuple(factors))


def pieces(new: tuple[Extent, ...], old: tuple[Extent, ...]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the axes of a reshaped array with those of the array that it was which hold the same numbers.

    As few as can be come together: of (6, 5) reshaped to (2, 3, 5), the axes 0 and 1 with 0, then 2 with 1.
    """
    sides = [[(axis, _length(e)) for axis, e in enumerate(extents) if e != Extent(1)] for extents in (new, old)]
    if any(length == 0 for side in sides for _, length in side):
        raise Unsupported("it reshapes an array without numbers")
    while any(sides):
        axes: tuple[list[int], list[int]] = ([], [])
        lengths = [1, 1]
        while not axes[0] or lengths[0] != lengths[1]:
            shorter = int(lengths[0] > lengths[1])
            axis, length = sides[shorter].pop(0)
            axes[shorter].append(axis)
            lengths[shorter] *= length
        yield axes


def _length(extent: Extent) -> int:
    """Return the length of an axis, of one per row as if there were a large prime number of rows."""
    return extent.count * (2**31 - 1 if extent.per_row else 1)


def _has_reciprocal(value: Any, dtype: np.dtype[Any]) -> bool:
    """Return True if the reciprocal of a constant is a normal number."""
    limits = np.finfo(dtype) if dtype.kind == "f" else None
    return limits is not None and float(limits.tiny) <= abs(float(value)) <= 1 / float(limits.tiny)


def _is_steady(dividend: Expression, divisor: Expression) -> bool:
    """Return True if a divisor stays the same in the innermost loop, so that one division does for all of it."""
    return bool(dividend.axes) and divisor.op != "constant" and max(dividend.axes) not in divisor.axes


def broadcast(index: tuple[Affine, ...], axes: int) -> tuple[Affine, ...]:
    """Return the index of an array of fewer axes that is broadcast; axes of length 1 are set to 0 by `value`."""
    return index[len(index) - axes :]


def full_index(index: Any, axes: int) -> list[Any]:
    """Return an index with an entry for each axis."""
    entries = list(index)
    named = sum(entry is not None for entry in entries)
    return entries + [slice(None)] * (axes - named)
