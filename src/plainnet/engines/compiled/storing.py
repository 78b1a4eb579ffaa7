"""The compiler decides what is stored in memory, and what is computed anew in each step that uses it.

Products and reductions are stored, what they take if it is a matrix product, the results, and what is used in several
places and costs much to compute.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping

from plainnet.engines.compiled.loops import Extent
from plainnet.tracing.graph import Graph, Node

Extents = Mapping[Node, tuple[Extent, ...]]
"""The shape of each node."""

VIEWS = {"transpose", "reshape", "broadcast_to", "full", "getitem", "copy"}
REDUCTIONS = {
    "sum": "add", "mean": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "all": "logical_and",
    "any": "logical_or", "argmax": "argmax",
}  # fmt: skip
STORED = {*REDUCTIONS, "matmul", "setitem", "add_at", "concatenate", "sum_over_ranks"}
"""Operations whose result is always stored."""

COSTS = {
    "exp": 20, "log": 20, "tanh": 20, "expm1": 20, "log1p": 20, "sin": 20, "cos": 20, "power": 30,
    "divide": 4, "sqrt": 4, "reciprocal": 4, "remainder": 10, "floor_divide": 10, "astype": 0.5, "negative": 0.5,
    "equal": 0.5,
}  # fmt: skip
"""About what an operation costs beside an addition; what is not here and is not ordinary arithmetic is dear."""

CHEAP = {
    "add", "subtract", "multiply", "maximum", "minimum", "absolute", "greater", "greater_equal", "less", "less_equal",
    "equal", "not_equal", "where", "clip", "sign", "square", "logical_and", "logical_or", "logical_not", "positive",
    "floor", "ceil", "rint", "trunc", "isnan", "isfinite", "isinf", "bitwise_and", "bitwise_or", "invert",
}  # fmt: skip

MOST_RECOMPUTED = 4.0
"""The cost up to which a value is computed again in each place that uses it."""

MOST_REPEATED = 15.0
"""The cost up to which a value is computed again in each place of a larger array that it is broadcast to."""

MOST_SUMS, MOST_SUMMED = 32, 16
"""A matrix product of at most so many sums, of so many products each, is a nest like others, kept in registers."""


def stored_nodes(graph: Graph, extents: Extents, results: Container[Node]) -> set[Node]:
    """Return the nodes that are stored; each other one is computed in every step that uses it."""
    nodes = computed(graph)
    used_by: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for node in nodes:
        for given in node.inputs:
            used_by[given].append(node)
    stored: set[Node] = set()
    for node in nodes:
        if node.op == "matmul" and is_product(node, extents):
            stored.update(filter(None, map(_source, node.inputs)))
        if (node.op == "reshape" and not only_ones(node, extents)) or has_arrays(node):
            stored.update(filter(None, [_source(node.inputs[0])]))
    users: dict[Node, set[Node]] = {}
    repeated: set[Node] = set()
    """The values that are broadcast to a larger array."""
    costs = {node: _cost(node) for node in nodes}
    for node in reversed(nodes):
        users[node] = set().union(*({u} if u in stored else users[u] for u in used_by[node]))
        if any(u in repeated if u.op in VIEWS else _is_larger(u, node) for u in used_by[node]):
            repeated.add(node)
        if node.op == "constant" or (node.op in VIEWS and node not in results):
            continue
        total = _recomputed(node, costs, stored)
        is_dear = total > (MOST_RECOMPUTED if len(users[node]) > 1 else MOST_REPEATED)
        if node.op in STORED or node in results or (is_dear and (len(users[node]) > 1 or node in repeated)):
            stored.add(node)
    return stored


def _is_larger(user: Node, node: Node) -> bool:
    """Return True if an operation takes the node's numbers several times each."""
    return user.op not in STORED and math.prod(user.shape) > math.prod(node.shape)


def _recomputed(node: Node, costs: Mapping[Node, float], stored: set[Node]) -> float:
    """Return what computing the node from what is stored costs."""
    waiting, seen = [node], {node}
    while waiting:
        new = {x for x in waiting.pop().inputs if x in costs and x.op not in STORED} - stored - seen
        seen |= new
        waiting += new
    return sum(costs[x] for x in seen)


def _cost(node: Node) -> float:
    """Return about how many additions an operation takes as long as."""
    if node.op in VIEWS or node.op == "constant":
        return 0.0
    if node.op == "divide" and node.inputs[1].op == "constant":
        return 1.0
    return COSTS.get(node.op, 1.0 if node.op in CHEAP else 30.0)


def _source(node: Node) -> Node | None:
    """Return the node in whose memory this one is seen; None for an input."""
    while node.op in VIEWS and not has_arrays(node):
        node = node.inputs[0]
    return node if node.op not in ("input", "random", "constant") else None


def only_ones(node: Node, extents: Extents) -> bool:
    """Return True if a reshape only adds or takes away axes of length 1."""
    return _without_ones(extents[node]) == _without_ones(extents[node.inputs[0]])


def is_product(node: Node, extents: Extents) -> bool:
    """Return True if a matrix product is done by its own routine."""
    if any(len(x.shape) != 2 for x in node.inputs) or node.dtype.kind != "f":
        return False
    m, k, n = *extents[node.inputs[0]], extents[node.inputs[1]][1]
    return m.per_row or k.per_row or m.count * n.count > MOST_SUMS or k.count > MOST_SUMMED


def has_arrays(node: Node) -> bool:
    """Return True if the node is an array indexed by arrays."""
    return node.op == "getitem" and len(node.inputs) > 1


def computed(graph: Graph) -> list[Node]:
    """Return the nodes that are neither given nor drawn."""
    return [node for node in graph.nodes if node.op not in ("input", "generator", "random")]


def _without_ones(extents: tuple[Extent, ...]) -> list[Extent]:
    return [extent for extent in extents if extent != Extent(1)]
