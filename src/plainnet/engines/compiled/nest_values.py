"""The values of a nest in the midst of its loops: what is loaded and computed, each as far outside as it can stand."""

from __future__ import annotations

from typing import Any, NamedTuple

from plainnet.engines.compiled import operations, sharing
from plainnet.engines.compiled.assembly import TYPES, Value, lanes, number, vector, whole
from plainnet.engines.compiled.loops import Affine, Expression, Extent, Nest, Store, adds, loads
from plainnet.engines.compiled.writing import Writing


class Axis(NamedTuple):
    """Neighbouring loop axes that count as one, named by the last of them."""

    name: int
    extent: Extent


class NestValues:
    """A nest that is being written as loops, some of which are open."""

    def __init__(self, writing: Writing, nest: Nest) -> None:
        self.writing = writing
        self.f = writing.f
        self.nest = nest
        self.memo: list[dict[Any, Value]] = [{}]
        """Values and addresses that are known, for each loop that is open."""
        self.loads = [load for store in nest.stores for load in loads(store.expression)]
        self.places = [load.place for load in self.loads] + [store.place for store in nest.stores]
        self.places += [e.place for store in nest.stores for e in _indices(store.expression)]
        outer = len(nest.domain)
        self.split = sharing.split_axis(nest) if writing.thread else None
        """The axis of which this thread does a part."""
        self.domain = self._merged(list(enumerate(nest.domain)))
        self.reduced = self._merged([(outer + i, extent) for i, extent in enumerate(nest.reduced)])
        self.forwarded: dict[Any, Expression] = {
            (s.buffer, s.place): s.expression for s in nest.stores if not s.reduction
        }
        self.open: dict[int, Value] = {}
        """The loop variable of each axis that is open."""
        self.dropped = {a for a, e in enumerate(nest.extents) if e == Extent(1)}
        self.vector_axis = self._vector_axis()
        self.lanes = 1
        self.mask: Value | None = None

    def _merged(self, axes: list[tuple[int, Extent]]) -> list[Axis]:
        """Return the axes, neighbours that every load and store goes through in one piece as one; no axis of one."""
        merged: list[Axis] = []
        for axis, extent in axes:
            if extent == Extent(1):
                continue
            if (
                merged
                and merged[-1].name != self.split
                and not extent.per_row
                and all(
                    dict(p.terms).get(merged[-1].name, 0) == dict(p.terms).get(axis, 0) * extent.count
                    for p in self.places
                )
            ):
                before = merged.pop().extent
                extent = Extent(before.count * extent.count, before.per_row)
            merged.append(Axis(axis, extent))
        return merged

    def _vector_axis(self) -> int | None:
        """Return the axis whose neighbours lie side by side in memory for most loads and stores."""
        if any(store.reduction == "argmax" for store in self.nest.stores):
            candidates = self.domain[-1:]
        elif adds(self.nest):  # two lanes must not add at one place
            moved = [e for store in self.nest.stores for e in store.expression.arguments[1:]]
            candidates = [axis for axis in self.domain[-1:] if all(axis.name not in self._axes(e) for e in moved)]
        else:
            candidates = self.domain[-1:] + self.reduced[-1:]
        best, found = -1.0, None
        for axis in candidates:
            steps = [dict(p.terms).get(axis.name, 0) for p in self.places]
            score = sum(step == 1 for step in steps) - 4.0 * sum(step > 1 for step in steps)
            score += 0.5 * (axis.extent.per_row or axis.extent.count >= 4)
            if score > best:
                best, found = score, axis.name
        return found

    def _prepare(self) -> None:
        """Write, before the next loop begins, what does not depend on it."""
        waiting = [store.expression for store in self.nest.stores]
        seen: set[Expression] = set()
        while waiting:
            e = waiting.pop()
            if e in seen or e.op in ("constant", "argument"):
                continue
            seen.add(e)
            if e.op == "add at":
                waiting += e.arguments
            elif self._axes(e) <= self.open.keys():
                if self._axes(e) or e.op != "index":
                    self.value(e)
            else:
                if e.op == "load":
                    self._start(e)
                waiting += e.arguments
        for store in self.nest.stores:
            self._start(store)

    def _axes(self, e: Expression) -> set[int]:
        """Return the open or coming axes on which an expression depends."""
        groups = {axis.name for axis in (*self.domain, *self.reduced)}
        own: set[int] = set()
        for axis in e.axes - self.dropped:
            own.add(min(name for name in groups if name >= axis))
        return own

    def value(self, e: Expression) -> Value:
        known = self._known(e)
        if known is None:
            known = self._value(e)
            self.memo[-1][e] = known
        return known

    def _known(self, key: Any) -> Value | None:
        for level in reversed(self.memo):
            if key in level:
                return level[key]
        return None

    def _value(self, e: Expression) -> Value:
        if e.op == "load":
            found = self.forwarded.get((e.buffer, e.place))
            return self._load(e) if found is None else self.value(found)
        if e.op == "index":
            return self._index(e.place)
        if e.op == "argument":
            return self.writing.arguments[e.value]
        if e.op == "constant":
            return number(TYPES[e.dtype.name], e.value)
        if e.op == "wrapped index":
            (at,) = (self.value(x) for x in e.arguments)
            return operations.wrapped(self.f, at, self.writing.count(e.value))
        values = [self.value(x) for x in e.arguments]
        count = max(lanes(v.type) for v in values)
        return operations.write(self.f, e, [self.f.spread(v, count) for v in values])

    def _index(self, place: Affine) -> Value:
        total = whole(place.constant)
        for axis, factor in place.terms:
            if axis in self.dropped:
                continue
            index = self._lane_index(axis) if axis == self.vector_axis else self.open[axis]
            count = max(lanes(index.type), lanes(total.type))
            scaled = index if factor == 1 else self.f.multiply(index, number(index.type, factor))
            total = self.f.add(self.f.spread(total, count), self.f.spread(scaled, count))
        return total

    def _lane_index(self, axis: int) -> Value:
        index = self.open[axis]
        return self.f.add(self.f.splat(index, self.lanes), self.f.places(self.lanes)) if self.lanes > 1 else index

    def _start(self, e: Expression | Store) -> Value:
        """Return the address that a load has reached with the loops that are open."""
        assert e.buffer is not None
        key = ("start", e.buffer, e.place)
        opened = [axis for axis in self.open if dict(e.place.terms).get(axis)]
        known = self._known((*key, len(opened)))
        if known is not None:
            return known
        at = self.writing.address(e.buffer, e.place.constant)
        kind = operations.memory_type(e.buffer.dtype)
        for count, axis in enumerate(opened, 1):
            known = self._known((*key, count))
            if known is None:
                factor = dict(e.place.terms)[axis]
                index = self.open[axis]
                step = index if factor == 1 else self.f.multiply(index, whole(factor))
                known = self.f.place(at, kind, step)
                self.memo[-1][(*key, count)] = known
            at = known
        return at

    def _vector_step(self, place: Affine) -> int:
        """Return the distance in numbers between two lanes; 0 outside the loop over vectors."""
        return next((f for axis, f in place.terms if axis == self.vector_axis and axis in self.open), 0)

    def _load(self, e: Expression) -> Value:
        assert e.buffer is not None
        at, kind = self._start(e), operations.memory_type(e.dtype)
        step = self._vector_step(e.place)
        moved = [self.value(x) for x in e.arguments]
        if not moved and step in (0, 1):
            type = vector(kind, self.lanes) if step else kind
            return operations.from_memory(self.f, self.f.load(type, at, self.mask if step else None), e.dtype)
        count = max([self.lanes if step else 1, *(lanes(v.type) for v in moved)])
        index = number(vector("i64", count), 0)
        if step:
            index = self.f.multiply(self.f.places(count), number(index.type, step))
        for value, factor in zip(moved, e.factors, strict=True):
            own = self.f.spread(value, count)
            index = self.f.add(index, self.f.multiply(own, number(own.type, factor)))
        mask = self.mask if count > 1 else None
        return operations.from_memory(self.f, self.f.gather(kind, at, index, mask), e.dtype)

    def _store(self, store: Store, value: Value) -> None:
        at = self._start(store)
        in_vector = self.vector_axis in self.open
        step = self._vector_step(store.place)
        value = operations.to_memory(self.f, value)
        if not in_vector or self.lanes == 1:
            self.f.store(value, at)
        elif step == 1:
            self.f.store(self.f.spread(value, self.lanes), at, self.mask)
        else:
            self.f.scatter(self.f.spread(value, self.lanes), at, step, self.mask)

    def _add_at(self, store: Store) -> None:
        """Add a number, or a vector of neighbours, to what stands at a place that is computed."""
        added, *moved = store.expression.arguments
        kind = operations.memory_type(store.buffer.dtype)
        index = whole(0)
        for e, factor in zip(moved, store.expression.factors, strict=True):
            index = self.f.add(index, self.f.multiply(self.value(e), whole(factor)))
        at = self.f.place(self._start(store), kind, index)
        value = self.value(added)
        count, mask = (self.lanes, self.mask) if self.vector_axis in self.open else (1, None)
        before = self.f.load(vector(kind, count), at, mask)
        self.f.store(self.f.add(before, self.f.spread(value, count)), at, mask)


def _indices(expression: Expression) -> list[Expression]:
    own = [expression] if expression.op == "index" else []
    return own + [found for argument in expression.arguments for found in _indices(argument)]
