"""Loops made into LLVM IR for many networks of one shape at once: one network in each lane of the vectors.

Every number of a network becomes a vector, with one lane for each network, and lies in memory so: the number at a place
of a network's array stands, for the network in a lane, at place · networks + lane. What all networks share, such as the
inputs, stays a single number, and is spread over the lanes where it meets a vector. The loops run over the places; they
are unrolled as far as registers and the length of the code allow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from plainnet.engines.compiled import operations
from plainnet.engines.compiled.assembly import TYPES, Function, Value, bytes_of, lanes, number, vector, whole
from plainnet.engines.compiled.loops import (
    Affine,
    Buffer,
    Expression,
    Nest,
    Operand,
    Product,
    Program,
    Store,
    Unsupported,
    loads,
)  # fmt: skip
from plainnet.engines.compiled.lowering import COSTS
from plainnet.engines.compiled.machine import registers
from plainnet.engines.compiled.memory import used_by

MOST_UNROLLED = 64
"""About as many instructions are written for the body of a loop; more take LLVM longer, and are hardly faster."""

Cell = Mapping[int, int]
"""A place of a nest beside the loops that are open: for each axis the distance from where its loop stands."""


def write(
    f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value], shared: set[str],
    networks: int,
) -> None:  # fmt: skip
    """Write a program for so many networks: `bases` has the addresses, `arguments` numbers, or a vector of them.

    All networks have the arrays at the bases in `shared` in common.
    """
    _Emission(f, program, bases, arguments, shared, networks).write()


class _Emission:
    def __init__(
        self, f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value],
        shared: set[str], networks: int,
    ) -> None:  # fmt: skip
        self.f = f
        self.program = program
        self.bases = bases
        self.arguments = arguments
        self.shared = shared
        self.networks = networks
        self.known: dict[tuple[Buffer, int], Value] = {}
        """Numbers that were stored and are still in a register, by their place in memory."""
        self.addresses: dict[tuple[str, int], Value] = {}
        self.arrays: dict[int, Value] = {}

    def write(self) -> None:
        steps = [_as_nest(step) if isinstance(step, Product) else step for step in self.program.steps]
        nests = [_Nest(self, step) for step in steps]
        self.in_memory = {buffer.memory for nest in nests if nest.has_loops for buffer in used_by(nest.nest)}
        for nest in nests:
            nest.write()

    def numbers(self, buffer: Buffer) -> int:
        """Return how many numbers stand at one place of a buffer."""
        return 1 if buffer.base in self.shared or buffer.base.startswith("array ") else self.networks

    def address(self, buffer: Buffer, place: int = 0) -> Value:
        """Return the address of a place of a buffer."""
        size = bytes_of(operations.memory_type(buffer.dtype))
        offset = (buffer.offset + place * size) * self.numbers(buffer)
        key = (buffer.base, offset)
        if key not in self.addresses:
            base = self._base(buffer.base)
            at = self.f.early_op("ptr", f"getelementptr inbounds i8, {base}, i64 {offset}") if offset else base
            self.addresses[key] = at
        return self.addresses[key]

    def _base(self, name: str) -> Value:
        if not name.startswith("array "):
            return self.bases[name]
        i = int(name.split()[1])
        if i not in self.arrays:
            self.arrays[i] = self.f.module.array(f"{self.f.name}.{i}", self.program.arrays[i])
        return self.arrays[i]


def _as_nest(step: Product) -> Nest:
    """Return a matrix product as a nest with a sum."""

    def load(operand: Operand, row: int, column: int) -> Expression:
        terms = tuple((axis, factor) for axis, factor in ((row, operand.row), (column, operand.column)) if factor)
        place = Affine(operand.offset, terms)
        return Expression("load", step.target.dtype, (), frozenset((row, column)), operand.buffer, place)

    factors = load(step.left, 0, 2), load(step.right, 2, 1)
    product = Expression("multiply", step.target.dtype, factors, frozenset((0, 1, 2)))
    place = Affine(0, ((0, step.n.count), (1, 1)))
    return Nest((step.m, step.n), (step.k,), [Store(step.target, place, product, "add")])


class _Nest:
    """One nest: its loops, and what is known of the values in each of them."""

    def __init__(self, emission: _Emission, nest: Nest) -> None:
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
        kinds = [store.reduction or "" for store in self.nest.stores]
        types = [vector(TYPES[s.expression.dtype.name], self.emission.networks) for s in self.nest.stores]
        starts = [operations.start(kind, type) for kind, type in zip(kinds, types, strict=True)]
        sizes = [len(start) for start in starts for _ in places]

        def accumulate(reduced: dict[int, range], states: tuple[Value, ...]) -> tuple[Value, ...]:
            parts = _parted(states, sizes)
            for rest in _places({axis: reduced[axis] for axis in self.reduced}):
                for i, (kind, type) in enumerate(zip(kinds, types, strict=True)):
                    for j, place in enumerate(places, i * len(places)):
                        value = self.wide(self.nest.stores[i].expression, {**place, **rest})
                        at = self._index(Affine(0, ((self.reduced[-1], 1),)), {**place, **rest})
                        known = None if parts[j] == starts[i] else parts[j]
                        at = self.f.spread(at, lanes(type)) if kind == "argmax" else at
                        parts[j] = operations.reduced(self.f, kind, known, value, at)
            return tuple(itertools.chain(*parts))

        first = tuple(itertools.chain(*(start for start in starts for _ in places)))
        last = _parted(self._over(list(self.reduced), cells, first, accumulate), sizes)
        results = iter(last)
        return [[operations.result_of(kind, next(results)) for _ in places] for kind in kinds]

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
