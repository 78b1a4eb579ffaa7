"""One nest of loops for many networks at once: unrolled places, reductions in registers, and the values in them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plainnet.engines.compiled import operations
from plainnet.engines.compiled.assembly import TYPES, Value, lanes, number, vector, whole
from plainnet.engines.compiled.loops import Affine, Buffer, Expression, Nest, Store, Unsupported, loads
from plainnet.engines.compiled.machine import registers
from plainnet.engines.compiled.storing import COSTS

if TYPE_CHECKING:
    from plainnet.engines.compiled.lane_emission import Emission

MOST_UNROLLED = 64
"""About as many instructions are written for the body of a loop; more take LLVM longer, and are hardly faster."""

Cell = Mapping[int, int]
"""A place of a nest beside the loops that are open: for each axis the distance from where its loop stands."""


class LaneNest:
    """One nest: its loops, and what is known of the values in each of them."""

    def __init__(self, emission: Emission, nest: Nest) -> None:
        if any(extent.per_row for extent in nest.extents):
            raise Unsupported("its number of rows is not known")
        self.emission = emission
        self.f = emission.f
        self.nest = nest
        self.counts = [extent.count for extent in nest.extents]
        self.domain = range(len(nest.domain))
        self.reduced = range(len(nest.domain), len(self.counts))
        self.steps = self._steps()
        self.has_loops = any(step < count for step, count in zip(self.steps, self.counts, strict=True)) or any(
            load.arguments for store in nest.stores for load in loads(store.expression)
        )
        self.forwarded = {(s.buffer, s.place): s.expression for s in nest.stores if not s.reduction}
        self.open: dict[int, Value] = {}
        """The loop variable of each axis that is open."""
        self.memo: list[dict[Any, Value]] = [{}]
        """Values and addresses that are known, for each loop that is open."""

    def _steps(self) -> list[int]:
        """Return how many neighbouring places of each axis one turn of its loop does."""
        cost = max(1.0, sum(_cost(store.expression, set()) for store in self.nest.stores))
        if cost * math.prod(self.counts) <= MOST_UNROLLED:
            return list(self.counts)
        steps = [1] * len(self.counts)
        left = max(1, int(MOST_UNROLLED / cost))
        if not self.nest.reduced:
            for axis in reversed(self.domain):
                steps[axis] = min(self.counts[axis], left)
                left //= steps[axis]
            return steps
        sums = 16 if registers()[1] == 32 else 6  # as many as stay in registers, beside what they are made from
        sums = max(1, min(left, sums // len(self.nest.stores)))
        for side in (round(math.sqrt(sums)), sums):  # a square needs the fewest loads
            for axis in reversed(self.domain):
                others = math.prod(steps) // steps[axis]
                steps[axis] = max(steps[axis], min(self.counts[axis], side, sums // others))
        steps[-1] = max(1, min(self.counts[-1], 4, left // math.prod(steps)))
        return steps

    # Loops

    def write(self) -> None:
        self._over(list(self.domain), {}, (), self._at_cells)

    def _over(
        self, axes: list[int], cells: dict[int, range], carried: tuple[Value, ...],
        body: Callable[[dict[int, range], tuple[Value, ...]], tuple[Value, ...]],
    ) -> tuple[Value, ...]:  # fmt: skip
        """Write loops over the axes around the body, which gets the places that one turn does."""
        if not axes:
            return body(cells, carried)
        axis, *rest = axes
        count, step = self.counts[axis], self.steps[axis]
        whole_turns = count // step * step
        if whole_turns > step:
            self._prepare(axis, cells)
            with self.f.loop(whole(0), whole(whole_turns), step, carried) as loop, self._opened(axis, loop.index):
                loop.next = self._over(rest, {**cells, axis: range(step)}, loop.carried, body)
            carried = loop.carried
        else:
            carried = self._over(rest, {**cells, axis: range(whole_turns)}, carried, body)
        if whole_turns < count:
            carried = self._over(rest, {**cells, axis: range(whole_turns, count)}, carried, body)
        return carried

    @contextmanager
    def _opened(self, axis: int, index: Value) -> Iterator[None]:
        self.open[axis] = index
        self.memo.append({})
        yield
        self.memo.pop()
        del self.open[axis]

    def _prepare(self, axis: int, cells: Mapping[int, range]) -> None:
        """Write, before a loop begins, what is dear and does not depend on it."""
        coming = set(range(len(self.counts))) - cells.keys()
        waiting, seen = [store.expression for store in self.nest.stores], set()
        while waiting:
            e = waiting.pop()
            if e in seen or not e.arguments or e.op == "load":
                continue
            seen.add(e)
            if coming.isdisjoint(e.axes):
                for cell in _places({a: cells[a] for a in e.axes}):
                    self.value(e, cell)
            else:
                waiting += e.arguments

    def _at_cells(self, cells: dict[int, range], carried: tuple[Value, ...]) -> tuple[Value, ...]:
        """Write the stores at some places of the domain."""
        places = list(_places(cells))
        if self.nest.reduced:
            results = self._reductions(cells, places)
        else:
            results = [[self.value(store.expression, place) for place in places] for store in self.nest.stores]
        for store, values in zip(self.nest.stores, results, strict=True):
            if store.buffer in self.nest.local:
                continue
            if self.has_loops:
                for key in [key for key in self.emission.known if key[0] is store.buffer.memory]:
                    del self.emission.known[key]
            for place, value in zip(places, values, strict=True):
                self._store(store, place, value)
        return carried

    def _reductions(self, cells: dict[int, range], places: list[Cell]) -> list[list[Value]]:
        """Return the result of each store's reduction at each place."""
        results = [(store, place) for store in self.nest.stores for place in places]
        sums = [sum for sum in results for _ in range(self._sums_of(sum[0], len(results)))]
        starts = [operations.start(store.reduction or "", self._type(store.expression)) for store, _ in sums]
        sizes = [len(start) for start in starts]

        def accumulate(reduced: dict[int, range], states: tuple[Value, ...]) -> tuple[Value, ...]:
            parts = _parted(states, sizes)
            for turn, rest in enumerate(_places({axis: reduced[axis] for axis in self.reduced})):
                for i, (store, place) in enumerate(sums):
                    ways = self._sums_of(store, len(results))
                    if i % ways == turn % ways:
                        known = None if parts[i] == starts[i] else parts[i]
                        parts[i] = self._with(store, known, {**place, **rest})
            return tuple(itertools.chain(*parts))

        first = tuple(itertools.chain(*starts))
        last = iter(_parted(self._over(list(self.reduced), cells, first, accumulate), sizes))
        found = [
            self._joined(store, [next(last) for _ in range(self._sums_of(store, len(results)))]) for store, _ in results
        ]
        return [found[i : i + len(places)] for i in range(0, len(found), len(places))]

    def _sums_of(self, store: Store, results: int) -> int:
        """Return into how many sums side by side a store's reduction is parted, none of which waits for another."""
        return 1 if store.reduction == "argmax" or results > 2 else 4

    def _type(self, e: Expression) -> str:
        return vector(TYPES[e.dtype.name], self.emission.networks)

    def _with(self, store: Store, state: tuple[Value, ...] | None, cell: Cell) -> tuple[Value, ...]:
        """Return the state of a reduction with one place more."""
        value, at = self.wide(store.expression, cell), whole(0)
        if store.reduction == "argmax":
            at = self.f.spread(self._index(Affine(0, ((self.reduced[-1], 1),)), cell), self.emission.networks)
        return operations.reduced(self.f, store.reduction or "", state, value, at)

    def _joined(self, store: Store, parts: list[tuple[Value, ...]]) -> Value:
        """Return the result of a reduction from the states of its parts."""
        kind = store.reduction or ""
        state = parts[0]
        for part in parts[1:]:
            state = operations.reduced(self.f, kind, state, part[0], whole(0))
        return operations.result_of(kind, state)

    # Values

    def wide(self, e: Expression, cell: Cell) -> Value:
        """Return a value with a lane for each network."""
        value = self.value(e, cell)
        if lanes(value.type) == self.emission.networks:
            return value
        key = ("wide", value)
        known = self._known(key)
        if known is None:
            known = self.memo[-1][key] = self.f.spread(value, self.emission.networks)
        return known

    def value(self, e: Expression, cell: Cell) -> Value:
        """Return the value of an expression at a place: a lane for each network, or one number for all of them."""
        if e.op == "constant":
            return number(TYPES[e.dtype.name], e.value)
        if e.op == "argument":
            return self.emission.arguments[e.value]
        key = (e, *(cell[axis] for axis in sorted(e.axes)))
        known = self._known(key)
        if known is None:
            known = self.memo[-1][key] = self._value(e, cell)
        return known

    def _known(self, key: Any) -> Value | None:
        for level in reversed(self.memo):
            if key in level:
                return level[key]
        return None

    def _value(self, e: Expression, cell: Cell) -> Value:
        if e.op == "load":
            assert e.buffer is not None
            found = self.forwarded.get((e.buffer, e.place))
            return self._load(e, cell) if found is None else self.value(found, cell)
        if e.op == "index":
            return self._index(e.place, cell)
        if e.op == "wrapped index":
            return operations.wrapped(self.f, self.value(e.arguments[0], cell), whole(e.value.count))
        values = [self.value(x, cell) for x in e.arguments]
        if any(lanes(v.type) > 1 for v in values):
            values = [self.wide(x, cell) for x in e.arguments]
        return operations.write(self.f, e, values)

    def _index(self, place: Affine, cell: Cell) -> Value:
        total = whole(place.constant + sum(factor * cell[axis] for axis, factor in place.terms))
        for axis, factor in place.terms:
            if axis in self.open:
                total = self.f.add(total, self.f.multiply(self.open[axis], whole(factor)))
        return total

    def _at(self, buffer: Buffer, place: Affine, cell: Cell) -> tuple[Value, int | None]:
        """Return the address of a place of a buffer, and the place itself where no loop moves it."""
        constant = place.constant + sum(factor * cell[axis] for axis, factor in place.terms)
        moving = [(axis, factor) for axis, factor in place.terms if axis in self.open]
        if not moving:
            return self.emission.address(buffer, constant), constant
        kind, numbers = operations.memory_type(buffer.dtype), self.emission.numbers(buffer)
        at = self.emission.address(buffer)
        for i, (axis, factor) in enumerate(moving, 1):
            key = ("start", buffer, *moving[:i])
            known = self._known(key)
            if known is None:
                step = self.f.multiply(self.open[axis], whole(factor * numbers))
                known = self.memo[-1][key] = self.f.place(at, kind, step)
            at = known
        return self.f.place(at, kind, whole(constant * numbers)), None

    def _load(self, e: Expression, cell: Cell) -> Value:
        assert e.buffer is not None
        at, place = self._at(e.buffer, e.place, cell)
        kind, numbers = operations.memory_type(e.dtype), self.emission.numbers(e.buffer)
        if e.arguments:
            return operations.from_memory(self.f, self._gathered(e, cell, at, kind, numbers), e.dtype)
        if place is not None and (known := self.emission.known.get((e.buffer.memory, place))):
            return known
        return operations.from_memory(self.f, self.f.load(vector(kind, numbers), at), e.dtype)

    def _gathered(self, e: Expression, cell: Cell, at: Value, kind: str, numbers: int) -> Value:
        """Return what stands where other values say: the same place for all networks, or one for each."""
        index = whole(0)
        for x, factor in zip(e.arguments, e.factors, strict=True):
            step = self.value(x, cell)
            step = self.f.multiply(step, number(step.type, factor * numbers))
            count = max(lanes(step.type), lanes(index.type))
            index = self.f.add(self.f.spread(index, count), self.f.spread(step, count))
        if lanes(index.type) == 1:
            return self.f.load(vector(kind, numbers), self.f.place(at, kind, index))
        if numbers > 1:
            index = self.f.add(index, self.f.places(numbers))
        return self.f.gather(kind, at, index)

    def _store(self, store: Store, cell: Cell, value: Value) -> None:
        at, place = self._at(store.buffer, store.place, cell)
        if place is not None and not self.has_loops:
            self.emission.known[store.buffer.memory, place] = value
            if store.buffer.base == "work" and store.buffer.memory not in self.emission.in_memory:
                return
        value = operations.to_memory(self.f, self.f.spread(value, self.emission.networks))
        self.f.store(value, at)


def _places(cells: Mapping[int, range]) -> Iterator[Cell]:
    """Return all places in some ranges of axes."""
    for offsets in itertools.product(*cells.values()):
        yield dict(zip(cells, offsets, strict=True))


def _parted(values: Sequence[Value], sizes: Sequence[int]) -> list[tuple[Value, ...]]:
    rest = iter(values)
    return [tuple(itertools.islice(rest, size)) for size in sizes]


def _cost(e: Expression, seen: set[Expression]) -> float:
    """Return about how many instructions an expression takes."""
    if e in seen or e.op in ("constant", "argument"):
        return 0.0
    seen.add(e)
    own = 0.5 if e.op in ("load", "index") else max(1.0, COSTS.get(e.op, 1.0))
    return own + sum(_cost(x, seen) for x in e.arguments)
