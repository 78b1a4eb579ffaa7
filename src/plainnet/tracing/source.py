"""Graphs as NumPy source text: `source` prints a function that computes what the traced one does, to the last bit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from plainnet.tracing.graph import Graph, Node
from plainnet.tracing.printing import is_range

_OPERATORS = {
    "add": ("+", 2), "subtract": ("-", 2), "multiply": ("*", 3), "divide": ("/", 3), "floor_divide": ("//", 3),
    "remainder": ("%", 3), "matmul": ("@", 3), "power": ("**", 5), "greater": (">", 1), "greater_equal": (">=", 1),
    "less": ("<", 1), "less_equal": ("<=", 1), "equal": ("==", 1), "not_equal": ("!=", 1),
}  # fmt: skip
"""Each operator with how strongly it binds."""

_UNARY, _ATOM = 4, 6
_METHODS = frozenset({"sum", "max", "min", "prod", "mean", "any", "all", "argmax", "astype", "reshape", "transpose"})
_VIEWS = frozenset({"input", "getitem", "reshape", "transpose", "broadcast_to"})

LONGEST = 60
"""Characters of an expression that is put into another one, and not into a line of its own."""


def source(graph: Graph, name: str = "function") -> str:
    """Return the source text of a function of the graph's inputs, one after the other.

    >>> from plainnet.tracing import ShapeDtype, trace
    >>> print(source(trace(lambda z: z * (1 - np.tanh(z).mean()), ShapeDtype((2, 3))), "shrink"))
    def shrink(z):
        return z * (1 - np.tanh(z).mean(axis=(0, 1)))
    """
    writer = _Writer(graph)
    parameters = ", ".join(writer.texts[node] for node in graph.inputs)
    return "\n    ".join([f"def {name}({parameters}):", *writer.lines(), f"return {writer.result(graph.result)}"])


class _Writer:
    """Writes each node as an expression, and as a line of its own if it is long or used more than once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.texts: dict[Node, str] = {}
        self.strength: dict[Node, int] = {}
        for node in graph.inputs:
            taken = self.texts.values()
            self.texts[node] = str(node.name) if node.name not in taken else f"{node.name}_{len(self.texts)}"

    def lines(self) -> list[str]:
        lines: list[str] = []
        updates = self.graph.updates
        ends = {*updates.values(), *self.graph.outputs} if updates else set()
        for node in self.graph.nodes:
            if node.op != "constant" and node not in self.texts:
                text = self.expression(node)
                uses = len(self.graph.users[node])
                if uses > 1 or len(text) > LONGEST or node in ends or node.op in ("random", "setitem"):
                    variable = f"t{len(lines) + 1}"
                    copied = node in ends and node.op in _VIEWS
                    lines.append(f"{variable} = {f'np.array({text})' if copied else text}")
                    if node.op == "setitem":
                        lines.append(f"{variable}{self.index(node, node.inputs[2:])} = {self.operand(node, 1)}")
                    text, self.strength[node] = variable, _ATOM
                self.texts[node] = text
        parameters = dict(self.texts)
        for node in self.graph.inputs:
            if node in ends:
                self.texts[node] = f"t{len(lines) + 1}"
                lines.append(f"{self.texts[node]} = np.array({parameters[node]})")
        return [*lines, *(f"{parameters[node]}[...] = {self.result(new)}" for node, new in updates.items())]

    def result(self, structure: Any, outermost: bool = True) -> str:
        if isinstance(structure, Node):
            return _number(structure) if structure.op == "constant" else self.texts[structure]
        if isinstance(structure, dict):
            return f"{{{', '.join(f'{key!r}: {self.result(part, False)}' for key, part in structure.items())}}}"
        if isinstance(structure, tuple | list):
            parts = ", ".join(self.result(part, False) for part in structure)
            return parts if outermost and len(structure) > 1 else f"({parts}{',' * (len(structure) == 1)})"
        return repr(structure)

    def operand(self, node: Node, place: int, least: int = 0) -> str:
        """Return the text of an input, in brackets if it binds less than `least`."""
        given = node.inputs[place]
        if given.op == "constant":
            text = self.literal(node, given)
            return f"({text})" if text.startswith("-") and least > _UNARY else text
        return f"({self.texts[given]})" if self.strength.get(given, _ATOM) < least else self.texts[given]

    def literal(self, node: Node, given: Node) -> str:
        """Return a constant; a Python number if it takes its dtype from the array beside it."""
        others = [x for x in node.inputs if x.op != "constant" and not x.weak and x.dtype == given.dtype]
        is_ufunc = isinstance(getattr(np, node.op, None), np.ufunc) or node.op in ("where", "clip")
        return (
            _plain(given.attributes["value"])
            if given.weak or (others and is_ufunc and not given.shape)
            else _number(given)
        )

    def expression(self, node: Node) -> str:
        op, attributes = node.op, dict(node.attributes)
        if op in _OPERATORS and (op != "power" or not node.shape):
            sign, strength = _OPERATORS[op]
            self.strength[node] = strength
            left = self.operand(node, 0, strength + (op == "power" or strength == 1))
            return f"{left} {sign} {self.operand(node, 1, strength + 1)}"
        if op == "negative":
            self.strength[node] = _UNARY
            return f"-{self.operand(node, 0, _UNARY)}"
        if op == "getitem":
            return self.operand(node, 0, _ATOM) + self.index(node, node.inputs[1:])
        if op == "random":
            generator = self.texts[attributes["generator"]]
            shape = "" if node.weak else f"{node.shape}, dtype={_dtype(node.dtype)}"
            return f"{generator}.{attributes['method']}({shape})"
        if op == "astype" and node.inputs[0].weak:
            return f"{_dtype(node.dtype)}({self.operand(node, 0)})"
        if op in _METHODS:
            return f"{self.operand(node, 0, _ATOM)}.{op}({_arguments(attributes)})"
        operands = [self.operand(node, place) for place in range(len(node.inputs))]
        if op == "setitem":
            return f"np.array({operands[0]})"
        if op == "copy":
            return f'np.array({operands[0]}, order="C")'
        if op == "full":
            return f"np.full({node.shape}, {operands[0]})"
        if op == "concatenate":
            return f"np.concatenate([{', '.join(operands)}], axis={attributes['axis']})"
        if "function" in attributes:
            return f"{op}({', '.join(operands)})"
        function = f"np.{op}" if not node.weak else op.removesuffix("olute")  # the only one is abs
        return f"{function}({', '.join([*operands, *([_arguments(attributes)] if attributes else [])])})"

    def index(self, node: Node, arrays: tuple[Node, ...]) -> str:
        remaining = iter(range(len(node.inputs) - len(arrays), len(node.inputs)))
        return f"[{', '.join(self.entry(node, entry, remaining) for entry in node.attributes['index'])}]"

    def entry(self, node: Node, entry: Any, remaining: Any) -> str:
        if isinstance(entry, str):
            return self.operand(node, next(remaining))
        if isinstance(entry, slice):
            parts = ["" if part is None else str(part) for part in (entry.start, entry.stop, entry.step)]
            return ":".join(parts[:2] if parts[2] in ("", "1") else parts)
        return str(entry)


def _arguments(attributes: Mapping[str, Any]) -> str:
    shown = {key: _dtype(value) if isinstance(value, np.dtype) else str(value) for key, value in attributes.items()}
    if len(shown) == 1 and not {"shape", "axes", "dtype"}.isdisjoint(shown):
        return next(iter(shown.values()))
    return ", ".join(f"{key}={value}" for key, value in shown.items() if (key, value) != ("keepdims", "False"))


def _dtype(dtype: np.dtype[Any]) -> str:
    return f"np.{dtype.name}"


def _plain(value: Any) -> str:
    """Return a Python number that becomes this value in its dtype."""
    if isinstance(value, int | np.integer | np.bool_):
        return str(value)
    if not np.isfinite(value):
        return f'float("{value}")'
    return str(int(value)) if value == int(value) and abs(value) < 1e6 and type(value) is not float else str(value)


def _number(node: Node) -> str:
    """Return a constant with its dtype."""
    value = node.attributes["value"]
    if node.weak:
        return _plain(value)
    if not node.shape:
        return f"{_dtype(node.dtype)}({_plain(value)})"
    if is_range(node):
        return f"np.arange({len(value)})"
    return f"np.array({value.tolist()!r}, {_dtype(node.dtype)})"
