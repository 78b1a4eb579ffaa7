"""`trace`: a function and examples of its arguments become a graph."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from plainnet.tracing.graph import Graph, Node, Number, ShapeDtype, leaves, mapped
from plainnet.tracing.symbol import NumberSymbol, Symbol
from plainnet.tracing.untraceable import Untraceable, untraceable


def trace(function: Callable[..., Any], *arguments: Any, names: Sequence[str] | None = None) -> Graph:
    """Return the graph of what a `function` computes from its `arguments`, arrays in tuples, lists and dicts too.

    An array, a NumPy scalar or a `ShapeDtype` becomes an input of that shape and dtype, a `Number` an input that is a
    Python number, a `np.random.Generator` one that records what is drawn. The function gets anything else as it is, and
    its value is part of the graph. The inputs have the `names` of the arguments, by default those of the function's
    parameters. Raises Untraceable if the function does more than NumPy's operations on arrays.

    The function runs twice: a number from np.random, a clock or a counter would differ, and is not part of any formula.
    """
    names = names or _parameter_names(function, len(arguments))
    graph, again = _traced(function, arguments, names), _traced(function, arguments, names)
    if _steps(graph) != _steps(again):
        raise Untraceable(
            "the function computes something else when it runs again, with np.random, a clock or a counter; "
            "pass a np.random.Generator, or the number, as an argument"
        )
    return graph


def _traced(function: Callable[..., Any], arguments: tuple[Any, ...], names: Sequence[str]) -> Graph:
    draws: list[Node] = []
    inputs = tuple(_inputs(argument, name) for argument, name in zip(arguments, names, strict=True))
    symbols = mapped(lambda leaf: _symbol(leaf, draws), inputs)
    symbol_list = tuple(leaves(symbols))
    returned = function(*symbols)
    for before, after in zip(symbol_list, leaves(symbols), strict=False):
        if before is not after:
            raise Untraceable(
                "the function puts another array in the place of one in its arguments; it can change that in place"
            )
    updates = {
        node: symbol.node
        for node, symbol in zip(leaves(inputs), symbol_list, strict=True)
        if isinstance(node, Node) and isinstance(symbol, Symbol) and symbol.node is not node
    }
    graph = Graph(inputs, mapped(_result, returned), updates, tuple(draws))
    for node in graph.nodes:
        if node.op in ("input", "generator") and node not in graph.inputs:
            raise Untraceable(f"the function uses {node.name}, an array of another trace")
    return graph


def _parameter_names(function: Callable[..., Any], count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*names[:count], *(f"argument_{i}" for i in range(len(names), count))]


def _inputs(argument: Any, name: str) -> Any:
    """Return the argument with an input node in place of each array, generator and `Number`."""
    if isinstance(argument, dict):
        return {key: _inputs(part, str(key)) for key, part in argument.items()}
    if isinstance(argument, tuple | list):
        parts = [_inputs(part, f"{name}_{i}") for i, part in enumerate(argument)]
        return type(argument)(*parts) if hasattr(argument, "_fields") else type(argument)(parts)
    if isinstance(argument, np.ndarray | np.generic | ShapeDtype):
        shape = tuple(int(length) for length in argument.shape)
        return Node("input", shape=shape, dtype=np.dtype(argument.dtype), name=name)
    if isinstance(argument, Number):
        return Node("input", dtype=np.dtype(argument.kind), name=name, weak=True)
    if isinstance(argument, np.random.Generator):
        return Node("generator", name=name)
    return argument


def _symbol(leaf: Any, draws: list[Node]) -> Any:
    """Return what the function gets in place of an input node."""
    if not isinstance(leaf, Node):
        return leaf
    if leaf.op == "generator":
        return Draws(leaf, draws)
    return NumberSymbol(leaf) if leaf.weak else Symbol(leaf, contiguous=True)


def _result(leaf: Any) -> Any:
    return leaf.node if isinstance(leaf, Symbol) else leaf


class Draws:
    """A stand-in for a generator of random numbers: it records each draw."""

    def __init__(self, generator: Node, draws: list[Node]) -> None:
        self._generator = generator
        self._draws = draws

    def random(self, size: Any = None, dtype: Any = np.float64) -> Symbol:
        return self._draw("random", size, dtype)

    def standard_normal(self, size: Any = None, dtype: Any = np.float64) -> Symbol:
        return self._draw("standard_normal", size, dtype)

    def _draw(self, method: str, size: Any, dtype: Any) -> Symbol:
        shape = () if size is None else tuple(size) if np.iterable(size) else (int(size),)
        attributes = {"method": method, "generator": self._generator}
        node = Node("random", (), attributes, shape, np.dtype(dtype), weak=size is None)
        self._draws.append(node)
        return NumberSymbol(node) if node.weak else Symbol(node, contiguous=True)

    def __getattr__(self, name: str) -> Any:
        raise untraceable(f"{name} of a generator cannot be traced; random and standard_normal can")


def _steps(graph: Graph) -> list[Any]:
    """Return what two traces of a function have in common."""
    places = {node: i for i, node in enumerate(graph.nodes)}
    return [
        (node.op, [places[given] for given in node.inputs], np.asarray(node.attributes.get("value", 0)).tobytes())
        for node in graph.nodes
    ]
