"""Nests as loops, the innermost of them over vectors.

Along one axis of the nest, whose neighbours lie side by side in memory for most loads and stores, a vector register
holds several places; what is left at the end is done under a mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from plainnet.engines.compiled import operations, sharing
from plainnet.engines.compiled.assembly import TYPES, Value, lanes, vector, whole
from plainnet.engines.compiled.loops import Affine, Expression, adds
from plainnet.engines.compiled.nest_values import Axis, NestValues

ACCUMULATORS = 4
"""Sums side by side in a long reduction: one addition need not wait for the one before."""


class LoopNest(NestValues):
    """The writer of a nest as loops."""

    def write(self) -> None:
        outer = [axis for axis in self.domain if axis.name != self.vector_axis]
        inner = [axis for axis in self.domain if axis.name == self.vector_axis]
        self._prepare()
        self._over(outer + inner, self._at_place)

    def _over(self, axes: Sequence[Axis], body: Any) -> None:
        """Write loops over the axes around the body."""
        if not axes:
            body()
            return
        axis, *rest = axes
        if axis.name == self.vector_axis:

            def inside(carried: tuple[Value, ...]) -> tuple[Value, ...]:
                self._over(rest, body)
                return ()

            self._vectors(axis, (), inside)
            return
        with self.f.loop(*self._range(axis)) as loop, self._opened(axis, loop.index):
            self._over(rest, body)

    def _range(self, axis: Axis) -> tuple[Value, Value]:
        """Return where the loop over an axis begins and ends."""
        count = self.writing.count(axis.extent)
        if axis.name != self.split or self.writing.thread is None:
            return whole(0), count
        return sharing.part(self.f, count, self.writing.thread)

    def _at_place(self) -> None:
        """Write what happens at one place of the domain, or at a vector of places."""
        stores = self.nest.stores
        if adds(self.nest):
            for store in stores:
                self._add_at(store)
            return
        if not self.nest.reduced:
            values = [self.value(store.expression) for store in stores]
        else:
            first = tuple(v for s in stores for v in operations.start(s.reduction or "", self._type(s.expression)))
            last = self._reduce(self.reduced, first)
            values = self._results(last)
        for store, value in zip(stores, values, strict=True):
            if store.buffer not in self.nest.local:
                self._store(store, value)

    def _type(self, e: Expression) -> str:
        return vector(TYPES[e.dtype.name], self._accumulated())

    def _accumulated(self) -> int:
        """Return the lanes of a reduction's state."""
        if self.vector_axis in self.open or self.vector_axis is None:
            return self.lanes
        axis = next(axis for axis in self.reduced if axis.name == self.vector_axis)
        return self._width(axis)

    def _reduce(self, axes: Sequence[Axis], carried: tuple[Value, ...]) -> tuple[Value, ...]:
        if not axes:
            return self._accumulate(carried)
        axis, *rest = axes
        if axis.name == self.vector_axis:
            return self._vectors(axis, carried, lambda state: self._reduce(rest, state))
        count = self.writing.count(axis.extent)
        with self.f.loop(whole(0), count, carried=carried) as loop, self._opened(axis, loop.index):
            loop.next = self._reduce(rest, loop.carried)
        return loop.carried

    def _accumulate(self, carried: tuple[Value, ...]) -> tuple[Value, ...]:
        """Return the state of each reduction with one place more."""
        after: list[Value] = []
        states = list(carried)
        for store in self.nest.stores:
            kind = store.reduction or ""
            width = operations.STATE.get(kind, 1)
            own, states = tuple(states[:width]), states[width:]
            value = self.f.spread(self.value(store.expression), lanes(own[0].type))
            at = (
                self.f.spread(self._index(Affine(0, ((self.reduced[-1].name, 1),))), lanes(own[0].type))
                if width > 1 and self.reduced
                else whole(0)
            )
            new = operations.reduced(self.f, kind, own, value, at)
            in_reduction = self.mask is not None and self.vector_axis in {axis.name for axis in self.reduced}
            if in_reduction:
                assert self.mask is not None
                new = tuple(self.f.select(self.mask, n, o) for n, o in zip(new, own, strict=True))
            after += new
        return tuple(after)

    def _results(self, states: tuple[Value, ...]) -> list[Value]:
        values: list[Value] = []
        rest = list(states)
        across = self.vector_axis in {axis.name for axis in self.reduced}
        for store in self.nest.stores:
            kind = store.reduction or ""
            width = operations.STATE.get(kind, 1)
            own, rest = tuple(rest[:width]), rest[width:]
            result = operations.result_of(kind, own)
            values.append(operations.across(self.f, kind, result) if across else result)
        return values

    def _width(self, axis: Axis) -> int:
        """Return the lanes of the vectors along an axis."""
        size = max(4, *(s.expression.dtype.itemsize for s in self.nest.stores))
        most = self.writing.width // size
        extent = axis.extent
        long = extent.per_row or extent.count >= 2 * ACCUMULATORS * most
        if self.nest.reduced and long and not (extent.per_row and extent.count < most):
            return most * ACCUMULATORS
        if extent.per_row:
            return most
        return min(most, 1 << (extent.count - 1).bit_length())

    def _vectors(self, axis: Axis, carried: tuple[Value, ...], body: Any) -> tuple[Value, ...]:
        """Write a loop over whole vectors, then the rest under a mask."""
        width = self._width(axis)
        self.lanes = width
        if axis.extent.per_row or axis.name == self.split:
            start, stop = self._range(axis)
            count = self.f.subtract(stop, start)
            full = self.f.add(start, self.f.binary("and", count, whole(-width)))
            carried = self._whole_vectors(axis, start, full, carried, body)
            carried = self._tail(axis, full, self.f.subtract(stop, full), carried, body)
        else:
            full = whole(axis.extent.count // width * width)
            rest = axis.extent.count % width
            if full.name != "0":
                carried = self._whole_vectors(axis, whole(0), full, carried, body)
            if rest:
                ones = ", ".join(f"i1 {int(lane < rest)}" for lane in range(width))
                self.mask = Value(vector("i1", width), f"<{ones}>") if width > 1 else None
                with self._opened(axis, full):
                    carried = body(carried)
                self.mask = None
        self.lanes = 1
        return carried

    def _whole_vectors(
        self, axis: Axis, start: Value, stop: Value, carried: tuple[Value, ...], body: Any
    ) -> tuple[Value, ...]:
        if stop.name == str(self.lanes):  # a single vector
            with self._opened(axis, whole(0)):
                return body(carried)
        with self.f.loop(start, stop, self.lanes, carried) as loop, self._opened(axis, loop.index):
            loop.next = body(loop.carried)
        return loop.carried

    def _tail(self, axis: Axis, begin: Value, rest: Value, carried: tuple[Value, ...], body: Any) -> tuple[Value, ...]:
        """Write the turn for the last places, fewer than a vector has lanes, where there are any."""
        some = self.f.select(self.f.compare("sgt", rest, whole(0)), whole(1), whole(0))
        with self.f.loop(whole(0), some, carried=carried) as loop:
            places = self.f.places(self.lanes)
            self.mask = self.f.compare("slt", places, self.f.splat(rest, self.lanes))
            with self._opened(axis, begin):
                loop.next = body(loop.carried)
            self.mask = None
        return loop.carried

    @contextmanager
    def _opened(self, axis: Axis, index: Value) -> Iterator[None]:
        self.open[axis.name] = index
        self.memo.append({})
        self._prepare()
        yield
        self.memo.pop()
        del self.open[axis.name]
