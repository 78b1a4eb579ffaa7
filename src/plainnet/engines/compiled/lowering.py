"""A graph lowered to loops: each stored node becomes the steps that compute it.

A node of the graph is either stored in a buffer or computed anew wherever it is used, as part of a larger expression:
most elementwise operations are, so a chain of them is one loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from plainnet.engines.compiled.loops import (
    GRAIN,
    Affine,
    Buffer,
    Expression,
    Extent,
    Nest,
    Operand,
    Product,
    Program,
    Store,
    Unsupported,
    combined,
    loads,
    strides,
)  # fmt: skip
from plainnet.engines.compiled.memory import place_in_memory
from plainnet.engines.compiled.steps import Steps
from plainnet.engines.compiled.storing import REDUCTIONS, STORED, VIEWS, Extents, computed, is_product, stored_nodes
from plainnet.engines.compiled.values import Values, broadcast, full_index
from plainnet.tracing.graph import ARRAY, Graph, Node

SHARED_SUM = 65_536
"""The length from which threads share the sum of a vector."""

PARTS = 4 * GRAIN
"""The number of parts of such a sum. It does not depend on the threads, so that the sum does not either."""


def lower(
    graph: Graph,
    buffers: Mapping[Node, Buffer | Expression],
    results: Sequence[tuple[Node, Buffer]],
    extents: Extents,
    rows: int = 1,
    tables: Mapping[Node, Buffer] | None = None,
    scratch: Callable[[Product, int, int], int] | None = None,
    threads: int = 1,
) -> Program:
    """Return the loops that compute the graph.

    `buffers` has the memory of each input array, or the expression of an input number; an array that the graph
    changes in place gets its new value there. `results` says where each result goes. `extents` has each node's shape,
    for at most `rows` rows where it is per row; `tables` those constants that differ with the number of rows.
    `scratch` tells how many numbers of scratch memory a product takes for so many rows and `threads`.
    """
    return _Lowering(graph, buffers, results, extents, rows, tables or {}, scratch, threads).program()


class _Lowering:
    def __init__(
        self, graph: Graph, buffers: Mapping[Node, Buffer | Expression], results: Sequence[tuple[Node, Buffer]],
        extents: Extents, rows: int, tables: Mapping[Node, Buffer], scratch: Callable[[Product, int, int], int] | None,
        threads: int,
    ) -> None:  # fmt: skip
        self.graph, self.extents, self.rows, self.threads, self.scratch = graph, extents, rows, threads, scratch
        self.targets: dict[Node, list[Buffer]] = {}
        """The buffer to which each result goes."""
        for node, value in graph.updates.items():
            given = buffers[node]
            assert isinstance(given, Buffer)
            self.targets.setdefault(value, []).append(given)
        for node, buffer in results:
            self.targets.setdefault(node, []).append(buffer)
        self.nodes = computed(graph)
        self.stored = stored_nodes(graph, extents, self.targets)
        self.values = Values(buffers, extents, tables, self.stored, self._keep)
        self.steps = Steps()
        self.temporary: list[Buffer] = []

    def program(self) -> Program:
        late: list[tuple[Buffer, Buffer]] = []
        for node in self.nodes:
            if node in self.stored:
                late += self._store(node)
        for node, targets in self.targets.items():  # inputs that are results as they are
            for target in [] if node in self.stored else targets:
                new = replacing(target)
                self._elementwise(new, self.extents[node], lambda idx, node=node: self.values.value(node, idx))
        for source, target in late:
            self._copy(source, target)
        unread = self.steps.keep_local()
        in_memory = [buffer for buffer in self.temporary if buffer not in unread]
        work = place_in_memory(self.steps.steps, in_memory, self.rows, self.threads == 1)
        return Program(self.steps.steps, work, self.rows, self.values.arrays)

    def _temporary(self, extents: tuple[Extent, ...], dtype: Any) -> Buffer:
        """Return a new buffer in the workspace."""
        self.temporary.append(Buffer("work", -1, extents, dtype))
        return self.temporary[-1]

    def _store(self, node: Node) -> list[tuple[Buffer, Buffer]]:
        """Write the steps that compute a node; return the copies that have to wait until the end."""
        target, others, late = self._target(node)
        if node.op == "matmul":
            self._matmul(node, target)
        elif node.op in REDUCTIONS:
            self._reduce(node, target)
        elif node.op == "setitem":
            self._setitem(node, target)
        elif node.op == "add_at":
            self._add_at(node, target)
        elif node.op == "concatenate":
            self._concatenate(node, target)
        elif node.op == "sum_over_ranks":
            self._sum_over_ranks(node, target)
        else:
            self._elementwise(target, self.extents[node], lambda idx: self.values.computed(node, idx))
        self.values.store(node, target)
        for other in others:
            self._copy(target, other)
        return late

    def _target(self, node: Node) -> tuple[Buffer, list[Buffer], list[tuple[Buffer, Buffer]]]:
        """Return where a node is stored, the buffers it is copied to next, and the copies that have to wait."""
        asked = self.targets.get(node, [])
        free: list[Buffer] = []
        busy: list[Buffer] = []
        for buffer in asked:
            (free if self._is_free(buffer, node) else busy).append(buffer)
        if free:
            first, *free = free
            target = replacing(first)
        else:
            target = self._temporary(self.extents[node], node.dtype)
        return target, free, [(target, buffer) for buffer in busy]

    def _is_free(self, buffer: Buffer, node: Node) -> bool:
        """Return True if nothing that comes after the node reads what the buffer holds now, but at the same place."""
        olds = [old for old, memory in self.values.memory.items() if memory is buffer and old.op == "input"]
        if not olds:
            return True
        after = self.nodes[self.nodes.index(node) + 1 :]
        for old in olds:
            views = {old}
            for other in self.graph.nodes:
                if other.op in VIEWS and other.inputs[0] in views:
                    views.add(other)
            inlined = set(views)
            for other in self.nodes:  # what is computed anew from the old value wherever it is used
                if other not in self.stored and not inlined.isdisjoint(other.inputs):
                    inlined.add(other)
            if any(not inlined.isdisjoint(other.inputs) for other in after if other in self.stored):
                return False
            if not self._reads_pointwise(node, old, buffer):
                return False
        return True

    def _reads_pointwise(self, node: Node, old: Node, buffer: Buffer) -> bool:
        if node.op in STORED:
            waiting, seen = list(node.inputs), set()
            while waiting:
                x = waiting.pop()
                if x is old:
                    return False
                if x not in self.stored and x not in seen:
                    seen.add(x)
                    waiting += x.inputs
            return True
        index = tuple(Affine(0, ((axis, 1),)) for axis in range(len(node.shape)))
        own = combined(
            tuple(Affine() if e == Extent(1) else i for i, e in zip(index, self.extents[node], strict=True)),
            strides(self.extents[node]),
        )
        return all(
            x.place == own and not x.arguments for x in loads(self.values.computed(node, index)) if x.buffer is buffer
        )

    def _copy(self, source: Buffer, target: Buffer) -> None:
        target = replacing(target)
        self._elementwise(
            target, source.extents, lambda index: self.values.load(source, combined(index, source.strides))
        )

    def _elementwise(self, target: Buffer, domain: tuple[Extent, ...], value: Any, into: Any = None) -> None:
        """Write a store for each place of a domain; `into` gives the place in the target, by default the same."""
        index = tuple(Affine(0, ((axis, 1),)) for axis in range(len(domain)))
        squeezed = tuple(Affine() if e == Extent(1) else i for i, e in zip(index, domain, strict=True))
        place = combined(squeezed, strides(domain)) if into is None else into(squeezed)
        self.steps.add(Nest(domain, (), [Store(target, place, value(squeezed))]))

    def _reduce(self, node: Node, target: Buffer) -> None:
        (x,) = node.inputs
        if node.op == "sum" and self._is_long(x):
            self._sum_in_parts(target, x.shape[0], lambda i: self.values.value(x, (i,)))
            return
        axes = node.attributes["axis"]
        if axes is None or x.dtype.kind == "u":
            raise Unsupported(f"it uses np.{node.op} {'without an axis' if axes is None else f'of {x.dtype}'}")
        axes = (axes,) if isinstance(axes, int) else axes
        domain = self.extents[node]
        kept = iter(range(len(domain)))
        index: list[Affine] = []
        reduced: list[Extent] = []
        for axis, extent in enumerate(self.extents[x]):
            if axis in axes:
                index.append(Affine(0, ((len(domain) + len(reduced), 1),)))
                reduced.append(extent)
                if node.attributes.get("keepdims"):
                    next(kept)
            else:
                index.append(Affine(0, ((next(kept), 1),)))
        value = self.values.value(x, tuple(index))
        if value.dtype != node.dtype and node.op != "argmax":
            value = self.values.converted(value, node.dtype)
        if node.op == "mean":
            if any(extent.per_row for extent in reduced):
                raise Unsupported("it takes a mean over rows whose number differs")
            share = Expression("constant", node.dtype, value=node.dtype.type(1 / math.prod(e.count for e in reduced)))
            value = self.values.operation("multiply", node.dtype, (value, share))
        self._accumulate(target, domain, tuple(reduced), value, REDUCTIONS[node.op])

    def _is_long(self, x: Node) -> bool:
        """Return True if threads share the sum of the vector."""
        return len(x.shape) == 1 and x.shape[0] >= SHARED_SUM

    def _sum_in_parts(self, target: Buffer, length: int, value: Callable[[Affine], Expression]) -> None:
        """Write the sum of a long vector as sums of parts, which threads share, and their sum."""
        parts, size = PARTS, length // PARTS
        sums = self._temporary((Extent(parts + 1),), target.dtype)
        of_part, of_rest = value(Affine(0, ((0, size), (1, 1)))), value(Affine(parts * size, ((0, 1),)))
        self.steps.add(Nest((Extent(parts),), (Extent(size),), [Store(sums, Affine(0, ((0, 1),)), of_part, "add")]))
        self.steps.add(Nest((), (Extent(length - parts * size),), [Store(sums, Affine(parts), of_rest, "add")]))
        total = self.values.load(sums, Affine(0, ((0, 1),)))
        self._accumulate(target, target.extents, (Extent(parts + 1),), total, "add")

    def _accumulate(
        self, target: Buffer, domain: tuple[Extent, ...], reduced: tuple[Extent, ...], value: Expression, kind: str
    ) -> None:
        index = tuple(Affine() if e == Extent(1) else Affine(0, ((axis, 1),)) for axis, e in enumerate(domain))
        self.steps.add(Nest(domain, reduced, [Store(target, combined(index, strides(domain)), value, kind)]))

    def _matmul(self, node: Node, target: Buffer) -> None:
        left, right = node.inputs
        if is_product(node, self.extents):
            (m, k), n = self.extents[left], self.extents[right][1]
            if n.per_row:
                raise Unsupported("it multiplies by a matrix with a column for each row of the batch")
            product = Product(m, n, k, self._operand(left), self._operand(right), target)
            if self.scratch and (numbers := self.scratch(product, self.rows, self.threads)):
                product.scratch = self._temporary((Extent(numbers),), node.dtype)
            self.steps.append(product)
            return
        if len(right.shape) == 1 and self._is_long(left):
            self._sum_in_parts(target, left.shape[0], lambda i: self._term(node, (i,), (i,)))
            return
        domain = self.extents[node]
        inner = Affine(0, ((len(domain), 1),))
        index = [Affine(0, ((axis, 1),)) for axis in range(len(domain))]
        columns = [index.pop()] if len(right.shape) > 1 else []
        rows = [index.pop()] if len(left.shape) > 1 else []
        stack = tuple(index)
        of_left = (*broadcast(stack, max(len(left.shape) - 2, 0)), *rows, inner)
        of_right = (*broadcast(stack, max(len(right.shape) - 2, 0)), inner, *columns)
        self._accumulate(target, domain, (self.extents[left][-1],), self._term(node, of_left, of_right), "add")

    def _term(self, node: Node, of_left: tuple[Affine, ...], of_right: tuple[Affine, ...]) -> Expression:
        """Return a product of one number of each of the two matrices."""
        factors = [self.values.value(x, index) for x, index in zip(node.inputs, (of_left, of_right), strict=True)]
        return self.values.operation("multiply", node.dtype, tuple(factors))

    def _operand(self, node: Node) -> Operand:
        """Return where a matrix lies; one that does not lie in memory is stored first."""
        value = self.values.value(node, (Affine(0, ((0, 1),)), Affine(0, ((1, 1),))))
        if value.op != "load" or value.arguments or value.buffer is None:
            self._keep(node)
            return self._operand(node)
        steps = dict(value.place.terms)
        return Operand(value.buffer, value.place.constant, steps.get(0, 0), steps.get(1, 0))

    def _keep(self, node: Node) -> None:
        """Store a node that would be computed, or is seen in another array, where it is used."""
        stored = self._temporary(self.extents[node], node.dtype)
        self._elementwise(stored, self.extents[node], lambda index: self.values.value(node, index))
        self.values.store(node, stored)

    def _setitem(self, node: Node, target: Buffer) -> None:
        x, value, *arrays = node.inputs
        if arrays or None in node.attributes["index"]:
            raise Unsupported("it writes to places that an array names, or to new axes")
        if not (x in self.values.memory and self.values.memory[x].memory is target.memory):
            self._elementwise(target, self.extents[node], lambda index: self.values.value(x, index))
        entries = full_index(node.attributes["index"], len(x.shape))
        part: list[Extent] = []
        of: list[tuple[int, int] | None] = []
        for axis, entry in enumerate(e for e in entries if e is not None):
            if isinstance(entry, slice):
                start, stop, step = entry.indices(x.shape[axis])
                extent = self.extents[x][axis]
                whole = (start, stop, step) == (0, x.shape[axis], 1)
                if extent.per_row and not whole:
                    raise Unsupported("it writes to some of the batch's rows by their number")
                part.append(extent if whole else Extent(len(range(start, stop, step))))
                of.append((start, step))
            else:
                part.append(Extent(1))
                of.append((int(entry) % x.shape[axis], 0))
        domain = tuple(part)
        kept = [axis for axis, entry in enumerate(e for e in entries if e is not None) if isinstance(entry, slice)]

        def into(index: tuple[Affine, ...]) -> Affine:
            places = tuple(i.scaled(step, start) for i, (start, step) in zip(index, of, strict=True))  # type: ignore[misc]
            return combined(places, strides(self.extents[x]))

        def written(index: tuple[Affine, ...]) -> Expression:
            return self.values.value(value, broadcast(tuple(index[axis] for axis in kept), len(value.shape)))

        self._elementwise(target, domain, written, into)

    def _add_at(self, node: Node, target: Buffer) -> None:
        """Write the loop over all that is added, in order: a place may stand in the index several times."""
        x, value, *arrays = node.inputs
        entries = full_index(node.attributes["index"], len(x.shape))
        depth = max((len(array.shape) for array in arrays), default=0)
        are_first = entries[: len(arrays)] == [ARRAY] * len(arrays)
        others = entries[len(arrays) :]
        if not arrays or not are_first or others != [slice(None)] * len(others) or x.dtype.kind not in "if":
            raise Unsupported("it adds at places that are not named by arrays for the first axes")
        if any(extent.per_row for extent in self.extents[x]):
            raise Unsupported("it adds to some of the batch's rows by their number")
        if not (x in self.values.memory and self.values.memory[x].memory is target.memory):
            self._elementwise(target, self.extents[node], lambda index: self.values.value(x, index))
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        of_shape = [self.extents[array] for array in arrays if array.shape == shape]
        if not of_shape:
            raise Unsupported("it adds at places named by arrays none of which has the shape of all")
        domain = (*of_shape[0], *self.extents[x][len(arrays) :])
        index = tuple(Affine() if e == Extent(1) else Affine(0, ((axis, 1),)) for axis, e in enumerate(domain))
        steps = strides(self.extents[x])
        moved = []
        for array, extent in zip(arrays, self.extents[x], strict=False):
            at = self.values.value(array, broadcast(index[:depth], len(array.shape)))
            moved.append(self.values.operation("wrapped index", np.dtype(np.int64), (at,), value=extent))
        added = self.values.value(value, broadcast(index, len(value.shape)))
        axes = frozenset().union(*(e.axes for e in (added, *moved)))
        expression = Expression("add at", node.dtype, (added, *moved), axes, factors=steps[: len(arrays)])
        self.steps.append(Nest(domain, (), [Store(target, combined(index[depth:], steps[len(arrays) :]), expression)]))

    def _sum_over_ranks(self, node: Node, target: Buffer) -> None:
        domain = self.extents[node]
        if any(extent.per_row for extent in domain) or node.dtype.kind != "f":
            raise Unsupported("it sums over the ranks what is not the same number of floats on each")
        index = tuple(Affine() if e == Extent(1) else Affine(0, ((axis, 1),)) for axis, e in enumerate(domain))
        value = self.values.value(node.inputs[0], index)
        self.steps.append(Nest(domain, (), [Store(target, combined(index, strides(domain)), value)], over_ranks=True))

    def _concatenate(self, node: Node, target: Buffer) -> None:
        axis, start = node.attributes["axis"], 0
        if any(self.extents[x][axis].per_row for x in node.inputs):
            raise Unsupported("it puts rows after the batch's rows")
        for x in node.inputs:

            def into(index: tuple[Affine, ...], start: int = start) -> Affine:
                moved = tuple(i.scaled(1, start) if a == axis else i for a, i in enumerate(index))
                return combined(moved, strides(self.extents[node]))

            self._elementwise(target, self.extents[x], lambda index, x=x: self.values.value(x, index), into)
            start += self.extents[x][axis].count


def replacing(buffer: Buffer) -> Buffer:
    """Return a buffer in the memory of another one, for a new value."""
    return Buffer(buffer.base, buffer.offset, buffer.extents, buffer.dtype, buffer)
