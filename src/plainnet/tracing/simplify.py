"""Simpler graphs: `simplify` takes out what computes nothing new, `fold` names well-known functions.

Both return another graph with the same values. (The sign of a zero may differ: x + 0 is x.)
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from plainnet.tracing.graph import Graph, Node, Number, ShapeDtype, constant, evaluate, make, mapped
from plainnet.tracing.tracer import trace
from plainnet.tracing.untraceable import Untraceable

NOT_COMPUTED = ("full", "broadcast_to", "sum_over_ranks")
"""Operations that stay what they are where their inputs are constants."""


def rebuilt(graph: Graph, rewrite: Callable[[Node], Node]) -> Graph:
    """Return the graph with `rewrite` of each node in its place; a node that `rewrite` gets has rewritten inputs."""
    return _with_nodes(graph, _rewritten(graph, rewrite))


def _rewritten(graph: Graph, rewrite: Callable[[Node], Node]) -> dict[Node, Node]:
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = tuple(new[given] for given in node.inputs)
        fixed = node.op in ("input", "generator", "random")
        new[node] = node if fixed else rewrite(node if inputs == node.inputs else replace(node, inputs=inputs))
    return new


def _with_nodes(graph: Graph, new: Mapping[Node, Node]) -> Graph:
    result = mapped(lambda leaf: new[leaf] if isinstance(leaf, Node) else leaf, graph.result)
    return replace(graph, result=result, updates={node: new[value] for node, value in graph.updates.items()})


def simplify(graph: Graph) -> Graph:
    """Return the graph without constant subgraphs, operations that change nothing, repetitions and dead nodes."""
    return merged(graph, _simpler)


def simplify_with_choices(graph: Graph, choices: Mapping[Node, tuple[Any, ...]]) -> tuple[Graph, Mapping[Node, Node]]:
    """Return the simplified graph, and for each node of the graph the one of the same value there.

    `choices` has the constants whose value is not known yet, but is one of several. In the simplified graph they, and
    the numbers that are computed from nothing but constants, have the attribute "values" beside "value", the first.
    """

    def rewrite(node: Node) -> Node:
        return _choice(node, choices[node]) if node in choices else _simpler(node)

    new = _rewritten(graph, _once(rewrite))
    return _with_nodes(graph, new), new


def _choice(node: Node, values: tuple[Any, ...]) -> Node:
    return Node("constant", (), {"value": values[0], "values": values}, (), node.dtype, weak=node.weak)


def merged(graph: Graph, rewrite: Callable[[Node], Node]) -> Graph:
    """Return `rebuilt(graph, rewrite)` with one node for all that compute the same."""
    return rebuilt(graph, _once(rewrite))


def _once(rewrite: Callable[[Node], Node]) -> Callable[[Node], Node]:
    """Return a function that gives one node for all that compute the same."""
    seen: dict[Any, Node] = {}

    def first(node: Node) -> Node:
        node = rewrite(node)
        return seen.setdefault(_key(node), node)

    return first


def _key(node: Node) -> Any:
    """Return what two nodes have in common exactly if they compute the same."""
    if node.op in ("input", "generator", "random"):
        return node
    if node.op == "constant":
        value = np.asarray(node.attributes["value"])
        return (node.weak, str(value.dtype), value.shape, value.tobytes(), repr(node.attributes.get("values")))
    return (node.op, node.inputs, repr(sorted(node.attributes.items())), str(node.dtype))


def _simpler(node: Node) -> Node:
    """Return a node that has the same value as this one and is nearer to the inputs, where there is one."""
    given = [one.attributes for one in node.inputs if one.op == "constant"]
    if given and len(given) == len(node.inputs) and node.op not in NOT_COMPUTED:
        count = max(len(one.get("values", ())) for one in given)
        if not count:
            return constant(evaluate(node, *(one["value"] for one in given)))
        if not node.shape:
            each = zip(*(one.get("values", (one["value"],) * count) for one in given), strict=True)
            return _choice(node, tuple(evaluate(node, *values) for values in each))
    for rule in _RULES.get(node.op, ()):
        simpler = rule(node, *node.inputs)
        if simpler is not None and (simpler.shape, simpler.dtype, simpler.weak) == (node.shape, node.dtype, node.weak):
            return simpler
    return node


def is_number(node: Node, number: float) -> bool:
    """Return True if the node is that number, or an array of nothing else."""
    if node.op in ("full", "broadcast_to"):
        return is_number(node.inputs[0], number)
    known = node.op == "constant" and "values" not in node.attributes
    return known and bool(np.all(node.attributes["value"] == number))


def _kept(place: int, number: float) -> Callable[..., Node | None]:
    """Return the rule that one operand remains if the other one is that number."""
    return lambda node, *operands: operands[place] if is_number(operands[1 - place], number) else None


def _of_negative(op: str) -> Callable[..., Node | None]:
    """Return the rule that x + -y is x - y, or the other way round."""
    return lambda node, x, y: make(op, x, y.inputs[0]) if y.op == "negative" else None


def _of_reshaped(node: Node, x: Node) -> Node | None:
    return _simpler(make("reshape", x.inputs[0], shape=node.shape)) if x.op == "reshape" else None


def _of_transposed(node: Node, x: Node) -> Node | None:
    if x.op != "transpose":
        return None
    axes = tuple(x.attributes["axes"][axis] for axis in node.attributes["axes"])
    return x.inputs[0] if axes == tuple(range(len(axes))) else make("transpose", x.inputs[0], axes=axes)


def _of_written(node: Node, x: Node, *arrays: Node) -> Node | None:
    """Take x[index] before x was changed elsewhere, or what was written there."""
    if x.op != "setitem" or arrays or len(x.inputs) > 2:
        return None
    index, written = node.attributes["index"], x.attributes["index"]
    if index == written:
        return x.inputs[1]
    if _are_apart(index[0], written[0]):
        return _simpler(make("getitem", x.inputs[0], index=index))
    return None


def _are_apart(one: Any, other: Any) -> bool:
    """Return True if two slices of neighbours have none in common."""
    if not all(isinstance(part, slice) and part.step == 1 for part in (one, other)):
        return False
    return bool(one.stop <= other.start or other.stop <= one.start)


def _itself(node: Node, x: Node, *rest: Node) -> Node:
    return x


_RULES: dict[str, tuple[Callable[..., Node | None], ...]] = {
    "add": (_kept(0, 0), _kept(1, 0), _of_negative("subtract")),
    "subtract": (_kept(0, 0), _of_negative("add")),
    "multiply": (_kept(0, 1), _kept(1, 1)),
    "divide": (_kept(0, 1),),
    "power": (_kept(0, 1),),
    "negative": (lambda node, x: x.inputs[0] if x.op == "negative" else None,),
    "positive": (_itself,),
    "copy": (_itself,),
    "astype": (_itself,),
    "broadcast_to": (_itself,),
    "reshape": (_itself, _of_reshaped),
    "transpose": (_of_transposed,),
    "getitem": (_of_written,),
}
"""The replacements of each operation; a replacement of another shape or dtype is dropped."""


# Well-known functions


def fold(graph: Graph, functions: Mapping[str, Callable[..., Any]]) -> Graph:
    """Return the graph with one node in place of each subgraph that is one of the functions, named after it.

    A function is plain NumPy code and is traced itself: its graph is the pattern. A parameter annotated as `float` is a
    constant of the graph, any other one an array. Where several functions match, the one of most operations is taken.
    """
    graph = simplify(graph)
    dtypes = {node.dtype for node in graph.nodes if node.dtype.kind == "f" and not node.weak}
    patterns = [
        (name, function, pattern)
        for name, function in functions.items()
        for dtype in sorted(dtypes, key=str)
        if (pattern := _pattern(function, dtype)) is not None
    ]
    for name, function, pattern in sorted(patterns, key=lambda known: -len(known[2].nodes)):
        graph = rebuilt(graph, partial(_folded, name=name, function=function, pattern=pattern))
    return graph


@lru_cache(maxsize=256)
def _pattern(function: Callable[..., Any], dtype: np.dtype[Any]) -> Graph | None:
    """Return the function's graph, or None if it has none or is no more than one operation of NumPy's."""
    example = ShapeDtype((2, 3), dtype)
    try:  # older releases of NumPy tell no signature of a ufunc
        parameters = inspect.signature(function).parameters.values()
        examples = [Number(float) if p.annotation in (float, "float") else example for p in parameters]
        pattern = simplify(trace(function, *examples))
    except (Untraceable, TypeError, ValueError):
        return None
    root = pattern.result
    is_pattern = isinstance(root, Node) and not pattern.updates and any(x.op != "input" for x in root.inputs)
    return pattern if is_pattern else None


def _folded(node: Node, name: str, function: Callable[..., Any], pattern: Graph) -> Node:
    root = pattern.result
    bound: dict[Node, Node] = {}
    if not _matches(root, node, bound) or len(bound) < len(pattern.inputs):
        return node
    if any(bound[x].shape != node.shape for x in pattern.inputs if x.shape == root.shape and not x.weak):
        return node
    return Node(name, tuple(bound[x] for x in pattern.inputs), {"function": function}, node.shape, node.dtype)


COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or"})


def _matches(pattern: Node, node: Node, bound: dict[Node, Node]) -> bool:
    """Return True if the node computes what the pattern does, for the inputs that are then entered in `bound`."""
    if pattern.op == "astype" and pattern.inputs[0].weak and pattern.inputs[0].op == "input":
        is_constant = node.op == "constant" and not node.shape and node.dtype == pattern.dtype
        return is_constant and bound.setdefault(pattern.inputs[0], node) is node
    if node.dtype != pattern.dtype:
        return False
    if pattern.op == "input":
        return bound.setdefault(pattern, node) is node
    if node.op != pattern.op or len(node.inputs) != len(pattern.inputs):
        return False
    if pattern.op == "constant":
        return _key(pattern) == _key(node)
    if {**pattern.attributes, "shape": 0} != {**node.attributes, "shape": 0}:
        return False
    orders: Iterable[tuple[Node, ...]] = [node.inputs]
    if node.op in COMMUTATIVE:
        orders = [node.inputs, node.inputs[::-1]]
    for inputs in orders:
        trial = dict(bound)
        if all(_matches(p, x, trial) for p, x in zip(pattern.inputs, inputs, strict=True)):
            bound.update(trial)
            return True
    return False
