"""Loops made into LLVM IR, with vectors along one axis of each nest.

A nest of few places is written without a loop: all its places are the lanes of one vector, which stays in registers
for the nests that follow. The network for XOR is one such block of code from the inputs to the updated parameters.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from plainnet.engines.compiled import operations, products, sharing
from plainnet.engines.compiled.assembly import TYPES, Function, Value, lanes, number, vector, whole
from plainnet.engines.compiled.loops import (
    Affine,
    Buffer,
    Expression,
    Extent,
    Nest,
    Operand,
    Product,
    Program,
    Store,
    loads,
)
from plainnet.engines.compiled.lowering import MOST_SUMMED, MOST_SUMS
from plainnet.engines.compiled.memory import used_by
from plainnet.engines.compiled.products import Matrix, product
from plainnet.engines.compiled.sharing import Barriers, Thread

ACCUMULATORS = 4
"""Sums side by side in a long reduction: one addition need not wait for the one before."""

MOST_UNROLLED = 64
"""The longest sum that is written without a loop where it has no other axis."""


class Axis(NamedTuple):
    """Neighbouring loop axes that count as one, named by the last of them."""

    name: int
    extent: Extent


def write(
    f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value], rows: Value, width: int,
    thread: Thread | None = None,
) -> None:  # fmt: skip
    """Write a program: `bases` has the addresses, `arguments` the numbers; `width` bytes are in a vector register.

    With a `thread`, the code does that thread's part of the program, and all threads wait for each other at its end.
    """
    _Emission(f, program, bases, arguments, rows, width, thread).write()


def _most(step: Product, rows: int) -> int:
    return max(rows if e.per_row else e.count for e in (step.m, step.k))


def scratch_numbers(step: Product, rows: int, threads: int) -> int:
    """Return the numbers of scratch memory that a product takes for batches of at most so many rows."""
    if threads > 1:
        shared = replace(step, m=Extent(1, per_row=True))
        numbers = scratch_numbers(shared, _most(step, rows), 1)
        return -(-numbers // sharing.LINE) * sharing.LINE * threads
    m, n, k = (Value("i64", "%rows") if e.per_row else whole(e.count) for e in (step.m, step.n, step.k))
    right = _matrix(step.right, Value("ptr", "null"))
    return products.scratch_numbers(TYPES[step.target.dtype.name], m, n, k, right, rows)


def _matrix(operand: Operand, address: Value) -> Matrix:
    return Matrix(address, whole(operand.row), whole(operand.column))


class _Emission:
    def __init__(
        self, f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value], rows: Value,
        width: int, thread: Thread | None,
    ) -> None:  # fmt: skip
        self.f = f
        self.thread = thread
        self.program = program
        self.bases = bases
        self.arguments = arguments
        self.rows = rows
        self.width = width
        self.registers: dict[Buffer, Value] = {}
        """Small buffers whose value is at hand."""
        self.counts: dict[Extent, Value] = {}
        self.addresses: dict[tuple[str, int], Value] = {}
        self.arrays: dict[int, Value] = {}
        writers = Counter(s.buffer for step in program.steps if isinstance(step, Nest) for s in step.stores)
        self.in_parts = {buffer for buffer, count in writers.items() if count > 1}
        """Buffers that several nests write."""

    def write(self) -> None:
        needed = self._needed_in_memory()
        barriers = Barriers()
        for step in self.program.steps:
            alone = isinstance(step, Nest) and (_is_small(step) or sharing.split_axis(step) is None)
            if self.thread and barriers.is_needed(step, alone):
                sharing.wait(self.f, self.thread)
            if self.thread and alone:
                with self.f.when(sharing.only_first(self.f, self.thread)):
                    self._step(step, needed)
                self.registers.clear()
            else:
                self._step(step, needed)
        if self.thread:
            sharing.wait(self.f, self.thread)

    def _step(self, step: Nest | Product, needed: set[Buffer]) -> None:
        if isinstance(step, Product):
            self._product(step)
        elif _is_small(step):
            self._small(step, needed)
        else:
            _Loops(self, step).write()
        for buffer in [step.target] if isinstance(step, Product) else [s.buffer for s in step.stores]:
            for old in [b for b in self.registers if b.memory is buffer.memory and b is not buffer]:
                del self.registers[old]

    def _needed_in_memory(self) -> set[Buffer]:
        """Return the temporary buffers that a loop or a product reads or writes."""
        in_loops = [s for s in self.program.steps if self.thread or isinstance(s, Product) or not _is_small(s)]
        return {buffer for step in in_loops for buffer in used_by(step)}

    def count(self, extent: Extent) -> Value:
        """Return how often a loop runs."""
        if not extent.per_row:
            return whole(extent.count)
        if extent.count == 1:
            return self.rows
        if extent not in self.counts:
            self.counts[extent] = self.f.early_op("i64", f"mul {self.rows}, {extent.count}")
        return self.counts[extent]

    def address(self, buffer: Buffer, numbers: int = 0) -> Value:
        """Return the address of a buffer, or of the number at a fixed place in it."""
        offset = buffer.offset + numbers * buffer.dtype.itemsize
        key = (buffer.base, offset)
        if key not in self.addresses:
            base = self._base(buffer)
            at = self.f.early_op("ptr", f"getelementptr inbounds i8, {base}, i64 {offset}") if offset else base
            self.addresses[key] = at
        return self.addresses[key]

    def _base(self, buffer: Buffer) -> Value:
        if buffer.base.startswith("array "):
            return self._array(int(buffer.base.split()[1]))
        return self.bases[buffer.base]

    def _array(self, i: int) -> Value:
        if i not in self.arrays:
            values = self.program.arrays[i]
            kind = "i8" if values.dtype == bool else TYPES[values.dtype.name]
            name = f"@{self.f.name}.{i}"
            listed = ", ".join(str(number(kind, v)) for v in values.reshape(-1).tolist())
            self.f.module.constants.append(f"{name} = internal constant [{values.size} x {kind}] [{listed}], align 64")
            self.arrays[i] = Value("ptr", name)
        return self.arrays[i]

    # Products

    def _product(self, step: Product) -> None:
        left, right = (_matrix(x, self.address(x.buffer, x.offset)) for x in (step.left, step.right))
        columns = whole(step.n.count)
        target = Matrix(self.address(step.target), columns, whole(1))
        kind = TYPES[step.target.dtype.name]
        scratch = self.address(step.scratch) if step.scratch else Value("ptr", "null")
        m, k = self.count(step.m), self.count(step.k)
        if self.thread is None:
            product(self.f, kind, m, columns, k, left, right, target, scratch, self.program.rows)
            return
        f = self.f
        start, stop = sharing.part(f, m, self.thread)
        some = f.subtract(stop, start)
        left = left._replace(address=f.place(left.address, kind, f.multiply(start, left.row)))
        target = target._replace(address=f.place(target.address, kind, f.multiply(start, columns)))
        if step.scratch:
            own = step.scratch.extents[0].count // self.thread.threads
            scratch = f.place(scratch, kind, f.multiply(self.thread.number, whole(own)))
        with f.when(f.compare("sgt", some, whole(0))):
            product(f, kind, some, columns, k, left, right, target, scratch, _most(step, self.program.rows))

    # Small nests

    def _small(self, nest: Nest, needed: set[Buffer]) -> None:
        """Write a nest whose places are the lanes of one vector."""
        domain = [range(extent.count) for extent in nest.domain]
        reduced = [range(extent.count) for extent in nest.reduced]
        places = list(itertools.product(*domain))
        forwarded = {(s.buffer, s.place): s.expression for s in nest.stores if not s.reduction}
        results = []
        at_places = _Lanes(self, places, forwarded)
        for store in nest.stores:
            if not store.reduction:
                results.append(at_places.value(store.expression))
            elif len(places) == 1 and store.reduction == "add":
                every = [(*places[0], *rest) for rest in itertools.product(*reduced)]
                one = _Lanes(self, every, {})
                results.append(self.f.total(one.spread(one.value(store.expression))))
            else:
                results.append(self._unrolled(store, places, list(itertools.product(*reduced))))
        for store, value in zip(nest.stores, results, strict=True):
            if store.buffer in nest.local:
                continue
            self._keep(store, at_places, value, needed)

    def _unrolled(self, store: Store, places: list[Any], rests: list[Any]) -> Value:
        """Return a reduction, written place by place."""
        assert store.reduction
        state: Any = None
        for rest in rests:
            one = _Lanes(self, [(*place, *rest) for place in places], {})
            value = one.spread(one.value(store.expression))
            at = number(vector("i64", len(places)), rests.index(rest))
            state = operations.reduced(self.f, store.reduction, state, value, at)
        return operations.result_of(store.reduction, state)

    def _keep(self, store: Store, where: _Lanes, value: Value, needed: set[Buffer]) -> None:
        value = where.spread(value)
        offsets = where.offsets(store.place)
        buffer = store.buffer
        size = math.prod(e.count for e in buffer.extents)
        in_order = offsets == list(range(size)) and buffer not in self.in_parts
        if in_order:
            self.registers[buffer] = value
            if buffer.base == "work" and buffer not in needed:
                return
        first = offsets[0]
        value = operations.to_memory(self.f, value)
        if offsets == list(range(first, first + len(offsets))):
            self.f.store(value, self.address(buffer, first))
            return
        for lane, offset in enumerate(offsets):
            self.f.store(self.f.shuffle(value, [lane]), self.address(buffer, offset))


def _is_small(nest: Nest) -> bool:
    """Return True if a nest is written without loops."""
    if any(extent.per_row for extent in nest.extents) or any(_has_moved(s.expression) for s in nest.stores):
        return False
    outer = math.prod(extent.count for extent in nest.domain)
    inner = math.prod(extent.count for extent in nest.reduced)
    if outer == 1 and all(s.reduction == "add" for s in nest.stores):
        return inner <= MOST_UNROLLED
    return outer <= MOST_SUMS and inner <= MOST_SUMMED


def _has_moved(expression: Expression) -> bool:
    return any(load.arguments for load in loads(expression))


class _Lanes:
    """Expressions at a list of places, one in each lane; what is the same in all of them is a single number."""

    def __init__(self, emission: _Emission, places: Sequence[tuple[int, ...]], forwarded: Mapping[Any, Expression]):
        self.emission = emission
        self.f = emission.f
        self.places = places
        self.forwarded = forwarded
        self.memo: dict[Expression, Value] = {}

    def value(self, e: Expression) -> Value:
        if e not in self.memo:
            self.memo[e] = self._value(e)
        return self.memo[e]

    def _value(self, e: Expression) -> Value:
        if e.op == "load":
            found = self.forwarded.get((e.buffer, e.place))
            return self._load(e) if found is None else self.value(found)
        if e.op == "index":
            listed = ", ".join(f"i64 {offset}" for offset in self.offsets(e.place))
            index = Value(vector("i64", len(self.places)), f"<{listed}>")
            return index if len(self.places) > 1 else whole(self.offsets(e.place)[0])
        if e.op == "argument":
            return self.emission.arguments[e.value]
        if e.op == "constant":
            return number(TYPES[e.dtype.name], e.value)
        values = [self.value(x) for x in e.arguments]
        count = max(lanes(v.type) for v in values)
        return operations.write(self.f, e, [self.f.spread(v, count) for v in values])

    def spread(self, value: Value) -> Value:
        """Return the value with a lane for each place."""
        return self.f.spread(value, len(self.places))

    def offsets(self, place: Affine) -> list[int]:
        """Return the place in numbers, for each lane."""
        return [place.constant + sum(at[axis] * factor for axis, factor in place.terms) for at in self.places]

    def _load(self, e: Expression) -> Value:
        assert e.buffer is not None
        offsets = self.offsets(e.place)
        first, last = min(offsets), max(offsets)
        if first == last:
            offsets = [first]
        known = self.emission.registers.get(e.buffer)
        if known is not None:
            return self.f.shuffle(known, offsets)
        kind = operations.memory_type(e.dtype)
        if last - first < 2 * max(len(offsets), 16):
            read = self.f.load(vector(kind, last - first + 1), self.emission.address(e.buffer, first))
            value = self.f.shuffle(read, [offset - first for offset in offsets])
        else:
            value = self.f.gathered([self.f.load(kind, self.emission.address(e.buffer, o)) for o in offsets])
        return operations.from_memory(self.f, value, e.dtype)


class _Loops:
    """A nest written as loops, the innermost of them over vectors."""

    def __init__(self, emission: _Emission, nest: Nest) -> None:
        self.emission = emission
        self.f = emission.f
        self.nest = nest
        self.memo: list[dict[Any, Value]] = [{}]
        """Values and addresses that are known, for each loop that is open."""
        self.loads = [load for store in nest.stores for load in loads(store.expression)]
        self.places = [load.place for load in self.loads] + [store.place for store in nest.stores]
        self.places += [e.place for store in nest.stores for e in _indices(store.expression)]
        outer = len(nest.domain)
        self.split = sharing.split_axis(nest) if emission.thread else None
        """The axis of which this thread does a part."""
        self.domain = self._merged(list(enumerate(nest.domain)))
        self.reduced = self._merged([(outer + i, extent) for i, extent in enumerate(nest.reduced)])
        self.forwarded: dict[Any, Expression] = {
            (s.buffer, s.place): s.expression for s in nest.stores if not s.reduction
        }
        self.open: dict[int, Value] = {}
        """The loop variable of each axis that is open."""
        self.vector_axis = self._vector_axis()
        self.lanes = 1
        self.mask: Value | None = None
        self.dropped = {a for a, e in enumerate(nest.extents) if e == Extent(1)}

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

    # Loops

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
        count = self.emission.count(axis.extent)
        if axis.name != self.split or self.emission.thread is None:
            return whole(0), count
        return sharing.part(self.f, count, self.emission.thread)

    def _at_place(self) -> None:
        """Write what happens at one place of the domain, or at a vector of places."""
        stores = self.nest.stores
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
        count = self.emission.count(axis.extent)
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
        most = self.emission.width // size
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

    def _prepare(self) -> None:
        """Write, before the next loop begins, what does not depend on it."""
        waiting = [store.expression for store in self.nest.stores]
        seen: set[Expression] = set()
        while waiting:
            e = waiting.pop()
            if e in seen or e.op in ("constant", "argument"):
                continue
            seen.add(e)
            if self._axes(e) <= self.open.keys():
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

    # Values

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
            return self.emission.arguments[e.value]
        if e.op == "constant":
            return number(TYPES[e.dtype.name], e.value)
        if e.op == "wrapped index":
            (at,) = (self.value(x) for x in e.arguments)
            return operations.wrapped(self.f, at, self.emission.count(e.value))
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
        at = self.emission.address(e.buffer, e.place.constant)
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


def _indices(expression: Expression) -> list[Expression]:
    own = [expression] if expression.op == "index" else []
    return own + [found for argument in expression.arguments for found in _indices(argument)]
