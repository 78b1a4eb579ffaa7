"""Small nests without a loop: all places of a nest are the lanes of one vector, which stays in registers.

The network for XOR is one such block of code from the inputs to the updated parameters.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from plainnet.engines.compiled import operations
from plainnet.engines.compiled.assembly import TYPES, Value, lanes, number, vector, whole
from plainnet.engines.compiled.loops import Affine, Buffer, Expression, Nest, Product, Store, loads
from plainnet.engines.compiled.memory import used_by
from plainnet.engines.compiled.storing import MOST_SUMMED, MOST_SUMS
from plainnet.engines.compiled.writing import Writing

MOST_UNROLLED = 64
"""The longest sum that is written without a loop where it has no other axis."""


def is_small(nest: Nest) -> bool:
    """Return True if a nest is written without loops."""
    if nest.over_ranks or any(extent.per_row for extent in nest.extents):
        return False
    if any(_has_moved(store.expression) for store in nest.stores):
        return False
    outer = math.prod(extent.count for extent in nest.domain)
    inner = math.prod(extent.count for extent in nest.reduced)
    if outer == 1 and all(s.reduction == "add" for s in nest.stores):
        return inner <= MOST_UNROLLED
    return outer <= MOST_SUMS and inner <= MOST_SUMMED


def _has_moved(expression: Expression) -> bool:
    return expression.op == "add at" or any(load.arguments for load in loads(expression))


class RegisterNests:
    """The writer of small nests; it knows which buffers' values are at hand in registers."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.f = writing.f
        self.registers: dict[Buffer, Value] = {}
        """Small buffers whose value is at hand."""
        self.needed = _needed_in_memory(writing)
        writers = Counter(s.buffer for step in writing.program.steps if isinstance(step, Nest) for s in step.stores)
        self.in_parts = {buffer for buffer, count in writers.items() if count > 1}
        """Buffers that several nests write."""

    def forget(self, step: Nest | Product) -> None:
        """Forget the values that a step has replaced."""
        for buffer in [step.target] if isinstance(step, Product) else [s.buffer for s in step.stores]:
            for old in [b for b in self.registers if b.memory is buffer.memory and b is not buffer]:
                del self.registers[old]

    def write(self, nest: Nest) -> None:
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
            elif not all(map(len, reduced)):
                kind = TYPES[store.expression.dtype.name]
                results.append(operations.start(store.reduction, kind)[-1])
            elif len(places) == 1 and store.reduction == "add":
                every = [(*places[0], *rest) for rest in itertools.product(*reduced)]
                one = _Lanes(self, every, {})
                results.append(self.f.total(one.spread(one.value(store.expression))))
            else:
                results.append(self._unrolled(store, places, list(itertools.product(*reduced))))
        for store, value in zip(nest.stores, results, strict=True):
            if store.buffer in nest.local:
                continue
            self._keep(store, at_places, value)

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

    def _keep(self, store: Store, where: _Lanes, value: Value) -> None:
        value = where.spread(value)
        offsets = where.offsets(store.place)
        buffer = store.buffer
        size = math.prod(e.count for e in buffer.extents)
        in_order = offsets == list(range(size)) and buffer not in self.in_parts
        if in_order:
            self.registers[buffer] = value
            if buffer.base == "work" and buffer not in self.needed:
                return
        first = offsets[0]
        value = operations.to_memory(self.f, value)
        if offsets == list(range(first, first + len(offsets))):
            self.f.store(value, self.writing.address(buffer, first))
            return
        for lane, offset in enumerate(offsets):
            self.f.store(self.f.shuffle(value, [lane]), self.writing.address(buffer, offset))


def _needed_in_memory(writing: Writing) -> set[Buffer]:
    """Return the buffers that a loop, a product or another thread reads or writes."""
    steps = writing.program.steps
    in_loops = [s for s in steps if writing.thread or isinstance(s, Product) or not is_small(s)]
    return {buffer for step in in_loops for buffer in used_by(step)}


class _Lanes:
    """Expressions at a list of places, one in each lane; what is the same in all of them is a single number."""

    def __init__(self, nests: RegisterNests, places: Sequence[tuple[int, ...]], forwarded: Mapping[Any, Expression]):
        self.nests = nests
        self.f = nests.f
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
            return self.nests.writing.arguments[e.value]
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
        known = self.nests.registers.get(e.buffer)
        if known is not None:
            return self.f.shuffle(known, offsets)
        kind = operations.memory_type(e.dtype)
        if last - first < 2 * max(len(offsets), 16):
            read = self.f.load(vector(kind, last - first + 1), self.nests.writing.address(e.buffer, first))
            value = self.f.shuffle(read, [offset - first for offset in offsets])
        else:
            value = self.f.gathered([self.f.load(kind, self.nests.writing.address(e.buffer, o)) for o in offsets])
        return operations.from_memory(self.f, value, e.dtype)
