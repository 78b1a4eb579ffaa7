"""A graph lowered to loops: which values are stored in memory, and which nest computes what.

A node of the graph is either stored in a buffer or computed anew wherever it is used, as part of a larger expression:
most elementwise operations are, so a chain of them is one loop ("fusion"). Products, reductions and what is used in
several places and costs much to compute are stored. Views (transposed, reshaped, sliced, broadcast) only change the
index of a load.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

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
    Unsupported,
    combined,
    loads,
    strides,
)  # fmt: skip
from plainnet.engines.compiled.memory import place_in_memory, read_by
from plainnet.tracing.graph import ARRAY, Graph, Node

VIEWS = {"transpose", "reshape", "broadcast_to", "full", "getitem", "copy"}
REDUCTIONS = {
    "sum": "add", "mean": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "all": "logical_and",
    "any": "logical_or", "argmax": "argmax",
}  # fmt: skip
STORED = {*REDUCTIONS, "matmul", "setitem", "concatenate"}
"""Operations whose result is always stored."""

COSTS = {
    "exp": 20, "log": 20, "tanh": 20, "expm1": 20, "log1p": 20, "power": 30, "divide": 4, "sqrt": 4, "reciprocal": 4,
    "remainder": 10, "floor_divide": 10, "astype": 0.5, "negative": 0.5, "equal": 0.5,
}  # fmt: skip
"""About what an operation costs beside an addition; what is not here and is not ordinary arithmetic is dear."""

CHEAP = {
    "add", "subtract", "multiply", "maximum", "minimum", "absolute", "greater", "greater_equal", "less", "less_equal",
    "equal", "not_equal", "where", "clip", "sign", "square", "logical_and", "logical_or", "logical_not", "positive",
    "floor", "ceil", "rint", "trunc", "isnan", "isfinite", "isinf", "bitwise_and", "bitwise_or", "invert",
}  # fmt: skip

MOST_RECOMPUTED = 4.0
"""The cost up to which a value is computed again in each place that uses it."""

MOST_SUMS, MOST_SUMMED = 32, 16
"""A matrix product of at most so many sums, of so many products each, is a nest like others, kept in registers."""


def lower(
    graph: Graph,
    buffers: Mapping[Node, Buffer | Expression],
    results: Sequence[tuple[Node, Buffer]],
    extents: Mapping[Node, tuple[Extent, ...]],
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
        extents: Mapping[Node, tuple[Extent, ...]], rows: int, tables: Mapping[Node, Buffer],
        scratch: Callable[[Product, int, int], int] | None, threads: int,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.threads = threads
        self.scratch = scratch
        self.extents = extents
        self.rows = rows
        self.tables = tables
        self.targets: dict[Node, list[Buffer]] = {}
        for node, value in graph.updates.items():
            given = buffers[node]
            assert isinstance(given, Buffer)
            self.targets.setdefault(value, []).append(given)
        for node, buffer in results:
            self.targets.setdefault(node, []).append(buffer)
        self.memory: dict[Node, Buffer] = {n: b for n, b in buffers.items() if isinstance(b, Buffer)}
        self.numbers: dict[Node, Expression] = {n: b for n, b in buffers.items() if isinstance(b, Expression)}
        self.arrays: list[Any] = []
        self.temporary: list[Buffer] = []
        self.expressions: dict[Any, Expression] = {}
        self.steps: list[Nest | Product] = []
        self.written: dict[Buffer, int] = {}
        """The place in `steps` of the last step that writes each buffer."""
        self.read: dict[Buffer, int] = {}
        self.nodes = [node for node in graph.nodes if node.op not in ("input", "generator", "random")]
        self.stored = self._choose_stored()

    def program(self) -> Program:
        late: list[tuple[Buffer, Buffer]] = []
        for node in self.nodes:
            if node in self.stored:
                late += self._store(node)
        for node, targets in self.targets.items():  # inputs that are results as they are
            if node not in self.stored:
                for target in targets:
                    self._elementwise(
                        replacing(target), self.extents[node], lambda idx, node=node: self.value(node, idx)
                    )
        for source, target in late:
            self._copy(source, target)
        self._drop_unread()
        return Program(
            self.steps,
            place_in_memory(self.steps, self.temporary, self.rows, self.threads == 1),
            self.rows,
            self.arrays,
        )

    def _drop_unread(self) -> None:
        """Keep in registers what only the nest itself reads."""
        readers: dict[Buffer, set[int]] = {}
        for at, step in enumerate(self.steps):
            for buffer in read_by(step):
                readers.setdefault(buffer, set()).add(at)
        for at, step in enumerate(self.steps):
            if isinstance(step, Nest) and not step.reduced:
                step.local = {
                    s.buffer for s in step.stores if s.buffer.base == "work" and readers.get(s.buffer, set()) <= {at}
                }
        unread = [b for b in self.temporary if any(isinstance(s, Nest) and b in s.local for s in self.steps)]
        self.temporary = [b for b in self.temporary if b not in unread]

    # What is stored

    def _choose_stored(self) -> set[Node]:
        """Return the nodes that are stored; each other one is computed in every step that uses it."""
        used_by: dict[Node, list[Node]] = {node: [] for node in self.graph.nodes}
        for node in self.nodes:
            for given in node.inputs:
                used_by[given].append(node)
        stored: set[Node] = set()
        for node in self.nodes:
            if node.op == "matmul" and self._is_product(node):
                stored.update(filter(None, map(self._source, node.inputs)))
            if (node.op == "reshape" and not self._only_ones(node)) or _has_arrays(node):
                stored.update(filter(None, [self._source(node.inputs[0])]))
        users: dict[Node, set[Node]] = {}
        costs = {node: self._cost(node) for node in self.nodes}
        for node in reversed(self.nodes):
            users[node] = set().union(*({u} if u in stored else users[u] for u in used_by[node]))
            if node.op == "constant" or (node.op in VIEWS and node not in self.targets):
                continue
            total = self._recomputed(node, costs, stored)
            if node.op in STORED or node in self.targets or (len(users[node]) > 1 and total > MOST_RECOMPUTED):
                stored.add(node)
        return stored

    def _recomputed(self, node: Node, costs: Mapping[Node, float], stored: set[Node]) -> float:
        """Return what computing the node from what is stored costs."""
        waiting, seen = [node], {node}
        while waiting:
            new = {x for x in waiting.pop().inputs if x in costs and x.op not in STORED} - stored - seen
            seen |= new
            waiting += new
        return sum(costs[x] for x in seen)

    def _cost(self, node: Node) -> float:
        if node.op in VIEWS or node.op == "constant":
            return 0.0
        if node.op == "divide" and node.inputs[1].op == "constant":
            return 1.0
        return COSTS.get(node.op, 1.0 if node.op in CHEAP else 30.0)

    def _source(self, node: Node) -> Node | None:
        """Return the node in whose memory this one is seen; None for an input."""
        while node.op in VIEWS and not _has_arrays(node):
            node = node.inputs[0]
        return node if node.op not in ("input", "random", "constant") else None

    def _only_ones(self, node: Node) -> bool:
        """Return True if a reshape only adds or takes away axes of length 1."""
        return _without_ones(self.extents[node]) == _without_ones(self.extents[node.inputs[0]])

    def _is_product(self, node: Node) -> bool:
        if any(len(x.shape) != 2 for x in node.inputs) or node.dtype.kind != "f":
            return False
        m, k, n = *self.extents[node.inputs[0]], self.extents[node.inputs[1]][1]
        return m.per_row or k.per_row or m.count * n.count > MOST_SUMS or k.count > MOST_SUMMED

    # Values at an index

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
            return self._load(buffer, combined(index, strides(self.extents[node])))
        if node in self.numbers:
            return self.numbers[node]
        if node in self.tables:
            table = self._load(self.tables[node], Affine())
            return self._operation("astype", node.dtype, (table,))
        assert node not in self.stored, f"{node} is used before it is computed"
        return self._computed(node, index)

    def _computed(self, node: Node, index: tuple[Affine, ...]) -> Expression:
        """Return the expression that computes a node from its inputs."""
        if node.op == "constant":
            return self._constant(node, index)
        if node.op in VIEWS:
            return self._view(node, index)
        arguments = tuple(self.value(x, _broadcast(index, len(x.shape))) for x in node.inputs)
        if len({x.dtype for x in arguments if x.dtype != bool}) > 1 and node.op != "astype":  # Python numbers
            common = np.result_type(*(x.dtype for x in arguments if x.dtype != bool))
            arguments = tuple(x if x.dtype == bool else self._converted(x, common) for x in arguments)
        return self._operation(node.op, node.dtype, arguments)

    def _converted(self, value: Expression, dtype: Any) -> Expression:
        if value.op == "constant":
            return Expression("constant", dtype, value=dtype.type(value.value))
        return value if value.dtype == dtype else self._operation("astype", dtype, (value,))

    def _operation(self, op: str, dtype: Any, arguments: tuple[Expression, ...], **more: Any) -> Expression:
        if op == "divide" and arguments[1].op == "constant" and dtype.kind == "f" and arguments[1].value:
            reciprocal = Expression("constant", dtype, value=dtype.type(1 / arguments[1].value))
            return self._operation("multiply", dtype, (arguments[0], reciprocal))
        if op == "divide" and _is_steady(*arguments) and dtype.kind == "f":
            one = Expression("constant", dtype, value=dtype.type(1))
            return self._operation("multiply", dtype, (arguments[0], self._operation(op, dtype, (one, arguments[1]))))
        key = (
            op,
            dtype,
            *((x.dtype, float(x.value)) if x.op == "constant" else id(x) for x in arguments),
            *more.values(),
        )
        if key not in self.expressions:
            axes = frozenset().union(*(x.axes for x in arguments))
            self.expressions[key] = Expression(op, dtype, arguments, axes, **more)
        return self.expressions[key]

    def _load(
        self, buffer: Buffer, place: Affine, moved: tuple[Expression, ...] = (), factors: tuple[int, ...] = ()
    ) -> Expression:
        key = ("load", buffer, place, *map(id, moved), factors)
        if key not in self.expressions:
            axes = frozenset(axis for axis, _ in place.terms).union(*(x.axes for x in moved))
            self.expressions[key] = Expression("load", buffer.dtype, moved, axes, buffer, place, factors)
        return self.expressions[key]

    def _constant(self, node: Node, index: tuple[Affine, ...]) -> Expression:
        value = np.asarray(node.attributes["value"])
        if value.size == 1 or (value == value.flat[0]).all():
            return Expression("constant", node.dtype, value=value.flat[0])
        if value.ndim == 1 and value.dtype.kind in "iu" and (np.diff(value) == value[1] - value[0]).all():
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
            return self.value(x, _broadcast(index, len(x.shape)))
        if node.op == "reshape":
            return self._reshaped(node, x, index)
        return self._item(node, x, arrays, index)

    def _reshaped(self, node: Node, x: Node, index: tuple[Affine, ...]) -> Expression:
        if self._only_ones(node):
            places = [i for i, e in zip(index, self.extents[node], strict=True) if e != Extent(1)]
            return self.value(x, tuple(Affine() if e == Extent(1) else places.pop(0) for e in self.extents[x]))
        flat = combined(index, strides(self.extents[node]))
        start = self.value(x, tuple(Affine() for _ in x.shape))
        if start.op == "load" and start.buffer and not start.arguments:
            whole = self.value(x, tuple(Affine(0, ((-1 - i, 1),)) for i in range(len(x.shape))))
            wanted = combined(tuple(Affine(0, ((-1 - i, 1),)) for i in range(len(x.shape))), strides(self.extents[x]))
            ones = {-1 - i for i, e in enumerate(self.extents[x]) if e == Extent(1)}
            if whole.place.terms == tuple(t for t in wanted.terms if t[0] not in ones):
                return self._load(start.buffer, Affine(flat.constant + start.place.constant, flat.terms))
        raise Unsupported(f"it reshapes an array of shape {x.shape} that does not lie in one piece")

    def _item(self, node: Node, x: Node, arrays: list[Node], index: tuple[Affine, ...]) -> Expression:
        if arrays:
            return self._gathered(node, x, arrays, index)
        places = list(index)
        of: list[Affine] = []
        for entry in _full_index(node.attributes["index"], len(x.shape)):
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
        entries = _full_index(node.attributes["index"], len(x.shape))
        which = [i for i, entry in enumerate(entries) if entry == ARRAY]
        if which != list(range(which[0], which[0] + len(which))) or any(a.dtype.kind not in "iu" for a in arrays):
            raise Unsupported("it is indexed by arrays that do not stand side by side, or are no whole numbers")
        depth = max(len(a.shape) for a in arrays)
        if any(not isinstance(e, slice) or e != slice(None) for i, e in enumerate(entries) if i not in which):
            raise Unsupported("it is indexed by arrays and slices at once")
        start = which[0]
        own = index[start : start + depth]
        of = [*index[:start], *(Affine() for _ in which), *index[start + depth :]]
        source = self.value(x, tuple(of))
        if source.op != "load" or source.buffer is None:
            raise Unsupported("it is indexed by an array and is not stored")
        moved, factors = [], []
        for place, array in zip(which, arrays, strict=True):
            extent = self.extents[x][place]
            if extent.per_row and array.op == "constant":
                raise Unsupported("it takes some of the batch's rows by their number")
            at = self.value(array, _broadcast(own, len(array.shape)))
            moved.append(self._operation("wrapped index", np.dtype(np.int64), (at,), value=extent))
            factors.append(strides(self.extents[x])[place])
        return self._load(source.buffer, source.place, tuple(moved), tuple(factors))

    # Steps

    def _store(self, node: Node) -> list[tuple[Buffer, Buffer]]:
        """Write the steps that compute a node; return the copies that have to wait until the end."""
        target, others, late = self._target(node)
        if node.op == "matmul":
            self._matmul(node, target)
        elif node.op in REDUCTIONS:
            self._reduce(node, target)
        elif node.op == "setitem":
            self._setitem(node, target)
        elif node.op == "concatenate":
            self._concatenate(node, target)
        else:
            self._elementwise(target, self.extents[node], lambda idx: self._computed(node, idx))
        self.memory[node] = target
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
            target = Buffer("work", -1, self.extents[node], node.dtype)
            self.temporary.append(target)
        return target, free, [(target, buffer) for buffer in busy]

    def _is_free(self, buffer: Buffer, node: Node) -> bool:
        """Return True if nothing that comes after the node reads what the buffer holds now, but at the same place."""
        olds = [old for old, memory in self.memory.items() if memory is buffer and old.op == "input"]
        if not olds:
            return True
        reached = {node}
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
        return bool(reached)

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
        return all(x.place == own and not x.arguments for x in loads(self._computed(node, index)) if x.buffer is buffer)

    def _copy(self, source: Buffer, target: Buffer) -> None:
        target = replacing(target)
        self._elementwise(target, source.extents, lambda index: self._load(source, combined(index, source.strides)))

    def _elementwise(self, target: Buffer, domain: tuple[Extent, ...], value: Any, into: Any = None) -> None:
        """Write a store for each place of a domain; `into` gives the place in the target, by default the same."""
        index = tuple(Affine(0, ((axis, 1),)) for axis in range(len(domain)))
        squeezed = tuple(Affine() if e == Extent(1) else i for i, e in zip(index, domain, strict=True))
        place = combined(squeezed, strides(domain)) if into is None else into(squeezed)
        self._add(Nest(domain, (), [Store(target, place, value(squeezed))]))

    def _reduce(self, node: Node, target: Buffer) -> None:
        (x,) = node.inputs
        axes = node.attributes["axis"]
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
        value = self.value(x, tuple(index))
        if value.dtype != node.dtype and node.op != "argmax":
            value = self._converted(value, node.dtype)
        if node.op == "mean":
            if any(extent.per_row for extent in reduced):
                raise Unsupported("it takes a mean over rows whose number differs")
            share = Expression("constant", node.dtype, value=node.dtype.type(1 / math.prod(e.count for e in reduced)))
            value = self._operation("multiply", node.dtype, (value, share))
        self._accumulate(target, domain, tuple(reduced), value, REDUCTIONS[node.op])

    def _accumulate(
        self, target: Buffer, domain: tuple[Extent, ...], reduced: tuple[Extent, ...], value: Expression, kind: str
    ) -> None:
        index = tuple(Affine() if e == Extent(1) else Affine(0, ((axis, 1),)) for axis, e in enumerate(domain))
        self._add(Nest(domain, reduced, [Store(target, combined(index, strides(domain)), value, kind)]))

    def _matmul(self, node: Node, target: Buffer) -> None:
        left, right = node.inputs
        if self._is_product(node):
            (m, k), n = self.extents[left], self.extents[right][1]
            product = Product(m, n, k, self._operand(left), self._operand(right), target)
            if self.scratch and (numbers := self.scratch(product, self.rows, self.threads)):
                product.scratch = Buffer("work", -1, (Extent(numbers),), node.dtype)
                self.temporary.append(product.scratch)
            self._note(product)
            return
        domain = self.extents[node]
        inner = Affine(0, ((len(domain), 1),))
        index = [Affine(0, ((axis, 1),)) for axis in range(len(domain))]
        columns = [index.pop()] if len(right.shape) > 1 else []
        rows = [index.pop()] if len(left.shape) > 1 else []
        stack = tuple(index)
        a = self.value(left, (*_broadcast(stack, max(len(left.shape) - 2, 0)), *rows, inner))
        b = self.value(right, (*_broadcast(stack, max(len(right.shape) - 2, 0)), inner, *columns))
        terms = self._operation("multiply", node.dtype, (a, b))
        self._accumulate(target, domain, (self.extents[left][-1],), terms, "add")

    def _operand(self, node: Node) -> Operand:
        """Return where a matrix lies; one that does not lie in memory is stored first."""
        value = self.value(node, (Affine(0, ((0, 1),)), Affine(0, ((1, 1),))))
        if value.op != "load" or value.arguments or value.buffer is None:
            stored = Buffer("work", -1, self.extents[node], node.dtype)
            self.temporary.append(stored)
            self._elementwise(stored, self.extents[node], lambda index: self.value(node, index))
            self.memory[node] = stored
            return self._operand(node)
        steps = dict(value.place.terms)
        return Operand(value.buffer, value.place.constant, steps.get(0, 0), steps.get(1, 0))

    def _setitem(self, node: Node, target: Buffer) -> None:
        x, value, *arrays = node.inputs
        if arrays:
            raise Unsupported("it writes to places that an array names")
        if not (x in self.memory and self.memory[x].memory is target.memory):
            self._elementwise(target, self.extents[node], lambda index: self.value(x, index))
        entries = _full_index(node.attributes["index"], len(x.shape))
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
            return self.value(value, _broadcast(tuple(index[axis] for axis in kept), len(value.shape)))

        self._elementwise(target, domain, written, into)

    def _concatenate(self, node: Node, target: Buffer) -> None:
        axis, start = node.attributes["axis"], 0
        if any(self.extents[x][axis].per_row for x in node.inputs):
            raise Unsupported("it puts rows after the batch's rows")
        for x in node.inputs:

            def into(index: tuple[Affine, ...], start: int = start) -> Affine:
                moved = tuple(i.scaled(1, start) if a == axis else i for a, i in enumerate(index))
                return combined(moved, strides(self.extents[node]))

            self._elementwise(target, self.extents[x], lambda index, x=x: self.value(x, index), into)
            start += self.extents[x][axis].count

    # Fusion of nests

    def _add(self, nest: Nest) -> None:
        """Add a nest, or its store to an earlier nest that runs over the same places."""
        (store,) = nest.stores
        found = loads(store.expression)
        earliest = 0
        for load in found:
            assert load.buffer is not None
            earliest = max(earliest, self._after(load, store, nest))
        earliest = max(earliest, self.read.get(store.buffer.memory, -1), self.written.get(store.buffer.memory, -1) + 1)
        for at in range(len(self.steps) - 1, earliest - 1, -1):
            other = self.steps[at]
            if isinstance(other, Nest) and self._can_join(other, nest):
                other.stores.append(store)
                self._mark(at, found, [store.buffer])
                return
        self._note(nest)

    def _after(self, load: Expression, store: Store, nest: Nest) -> int:
        """Return the first step at which the load may stand: after the one that writes it, or in that one."""
        assert load.buffer is not None
        at = self.written.get(load.buffer.memory)
        if at is None:
            return 0
        writer = self.steps[at]
        if isinstance(writer, Nest) and not writer.reduced and not nest.reduced and not load.arguments:
            own = [s for s in writer.stores if s.buffer is load.buffer]
            if writer.domain == nest.domain and len(own) == 1 and own[0].place == load.place:
                return at
        return at + 1

    def _can_join(self, other: Nest, nest: Nest) -> bool:
        """Return True if the nest runs over the same places, and nothing in it sees what the store writes elsewhere."""
        (store,) = nest.stores
        if (other.domain, other.reduced) != (nest.domain, nest.reduced):
            return False
        for earlier in other.stores:
            if earlier.buffer.memory is store.buffer.memory:
                return False
            for load in loads(earlier.expression):
                assert load.buffer is not None
                elsewhere = load.place != store.place or load.arguments or other.reduced
                if load.buffer.memory is store.buffer.memory and elsewhere:
                    return False
        return True

    def _note(self, step: Nest | Product) -> None:
        self.steps.append(step)
        at = len(self.steps) - 1
        if isinstance(step, Product):
            self.read[step.left.buffer.memory] = self.read[step.right.buffer.memory] = at
            self.written[step.target.memory] = at
            return
        for store in step.stores:
            self._mark(at, loads(store.expression), [store.buffer])

    def _mark(self, at: int, found: list[Expression], written: list[Buffer]) -> None:
        for load in found:
            assert load.buffer is not None
            memory = load.buffer.memory
            self.read[memory] = max(self.read.get(memory, -1), at)
        for buffer in written:
            self.written[buffer.memory] = max(self.written.get(buffer.memory, -1), at)


def replacing(buffer: Buffer) -> Buffer:
    """Return a buffer in the memory of another one, for a new value."""
    return Buffer(buffer.base, buffer.offset, buffer.extents, buffer.dtype, buffer)


def _is_steady(dividend: Expression, divisor: Expression) -> bool:
    """Return True if a divisor stays the same in the innermost loop, so that one division does for all of it."""
    return bool(dividend.axes) and divisor.op != "constant" and max(dividend.axes) not in divisor.axes


def _broadcast(index: tuple[Affine, ...], axes: int) -> tuple[Affine, ...]:
    """Return the index of an array of fewer axes that is broadcast; axes of length 1 are set to 0 by `value`."""
    return index[len(index) - axes :]


def _without_ones(extents: tuple[Extent, ...]) -> list[Extent]:
    return [extent for extent in extents if extent != Extent(1)]


def _has_arrays(node: Node) -> bool:
    return node.op == "getitem" and len(node.inputs) > 1


def _full_index(index: Any, axes: int) -> list[Any]:
    """Return an index with an entry for each axis."""
    entries = list(index)
    named = sum(entry is not None for entry in entries)
    return entries + [slice(None)] * (axes - named)
