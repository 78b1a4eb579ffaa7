"""Graphs as mathematics: `formula` in plain text, `mathml` for pages, `equations` for all that a function computes."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from plainnet.tracing.graph import ARRAY, Graph, Node, constant, ordered
from plainnet.tracing.indexing import is_whole
from plainnet.tracing.notation import (
    ATOM,
    NEGATIVE,
    POWER,
    PREFIX,
    PRODUCT,
    RELATION,
    SUM,
    MathML,
    Piece,
    Text,
)
from plainnet.tracing.simplify import is_number, merged, simplify

SYMBOLS = {
    "learning_rate": "η", "momentum": "μ", "epsilon": "ε", "alpha": "α", "beta1": "β₁", "beta2": "β₂", "delta": "δ",
    "parameters": "θ", "gradient": "g", "predictions": "ŷ", "targets": "y", "logits": "z", "sigmoid": "σ",
}  # fmt: skip
"""The symbols of the usual names in formulas."""

LEGEND = (
    "∘ multiplies element by element, ᵀ transposes; Σ_i sums over the examples, Σ_j over the units of each of them."
)

Definition = tuple[str, Piece]
Names = Mapping[str, str]


def formula(graph: Graph, names: Names | None = None, notation: Text | None = None) -> str:
    """Return what the function of a `graph` computes, as plain text unless another `notation` is given.

    `names` says how to write an argument or a function, where it is not in `SYMBOLS`.

    >>> from plainnet.tracing import ShapeDtype, trace
    >>> formula(trace(lambda z: 1 / (1 + np.exp(-z)), ShapeDtype((2, 3))))
    '1 / (1 + e^-z)'
    """
    notation = notation or Text()
    (_, piece, definitions), *_ = _lines(graph, [""], names or {}, notation)
    return notation.formula(_with_definitions(piece, definitions, notation))


def mathml(graph: Graph, names: Names | None = None) -> str:
    """Return what the function of a `graph` computes, as a `<math>` element; `names` are as for `formula`."""
    return formula(graph, names, MathML())


def equations(
    graph: Graph, results: Sequence[str] = (), names: Names | None = None, notation: Text | None = None
) -> list[str]:
    """Return an equation for each result, and an assignment for each argument that the function changes in place.

    `graph` is that of the function. `results` are the left sides, by default the keys of the dict that the function
    returns. An equation refers to those before it by their left sides. `names` and `notation` are as for `formula`.
    """
    notation = notation or Text()
    if not results and isinstance(graph.result, dict):
        results = [str(key) for key in graph.result]
    lines = []
    for (left, sign), piece, definitions in _lines(graph, results, names or {}, notation):
        whole = notation.row(notation.name(left), sign, piece, strength=RELATION)
        lines.append(notation.formula(_with_definitions(whole, definitions, notation)))
    return lines


def _with_definitions(piece: Piece, definitions: list[Definition], notation: Text) -> Piece:
    for name, definition in definitions:
        piece = notation.row(piece, notation.words(", "), notation.name(name), " = ", definition, strength=RELATION)
    return piece


def _lines(
    graph: Graph, results: Sequence[str], names: Names, notation: Text
) -> Iterator[tuple[tuple[str, str], Piece, list[Definition]]]:
    """Yield the left side, the right side and the definitions of each equation."""
    graph = merged(simplify(graph), _bare)
    names = {**SYMBOLS, **names}
    known = {node: names.get(str(node.name), str(node.name)) for node in graph.inputs}
    lines = [(left, " = ", node) for left, node in zip(results, graph.outputs, strict=False)]
    values = set(graph.updates.values())
    updates = sorted(graph.updates.items(), key=lambda update: len(values.intersection(ordered([update[1]]))))
    for i, (node, new) in enumerate(updates):
        read_later = any(node in ordered([later], known=[new]) for _, later in updates[i + 1 :])
        lines.append((known[node] + "'", " = ", new) if read_later else (known[node], " ← ", new))
    for left, sign, node in lines:
        shared = _shared(node, known, names)
        printer = _Printer(notation, {**known, **shared}, names)
        definitions = [(name, printer.define(part)) for part, name in shared.items()]
        yield (left, sign), printer.define(node) if node not in known else printer.piece(node), definitions
        if node.inputs:
            known[node] = left


def _bare(node: Node) -> Node:
    """Return what a formula shows of an operation: no copies, number types and axes of length one."""
    if node.op in ("copy", "broadcast_to", "full", "reshape"):
        return node.inputs[0]
    if node.op == "astype" and node.inputs[0].dtype != np.bool_:
        return node.inputs[0]
    if node.op == "getitem" and is_whole(_without_short_axes(node)):
        return node.inputs[0]
    if node.op == "astype" and node.inputs[0].op == "equal" and is_range(node.inputs[0].inputs[1]):
        return Node("one_hot", node.inputs[0].inputs[:1], {}, node.shape, node.dtype)  # labels[:, None] == np.arange(n)
    if node.op == "divide" and node.inputs[0].op == "sum" and is_number(node.inputs[1], _count(node.inputs[0])):
        return replace(node.inputs[0], op="mean")
    return _with_one_hot(node) if node.op == "setitem" and len(node.inputs) == 4 else node


def _without_short_axes(node: Node) -> tuple[Any, ...]:
    """Return the index without the numbers that take all of an axis of length one."""
    axes = iter(node.inputs[0].shape)
    lengths = [None if entry is None else next(axes, None) for entry in node.attributes["index"]]
    return tuple(x for x, length in zip(node.attributes["index"], lengths, strict=True) if (x, length) != (0, 1))


def _count(total: Node) -> int:
    """Return the count of numbers that each element of a sum has taken."""
    return math.prod(total.inputs[0].shape[axis] for axis in total.attributes["axis"])


def _with_one_hot(node: Node) -> Node:
    """Return x - c one_hot(labels) for x with x[i, labels] less by c, as mathematics has no changes in place."""
    x, value, rows, labels = node.inputs
    one_hot = Node("one_hot", (labels,), {}, node.shape, node.dtype)
    if not is_range(rows):
        return node
    if is_number(x, 0) and is_number(value, 1):
        return one_hot
    own = value.inputs[0] if value.op == "subtract" else value
    if own.op == "getitem" and own.inputs == (x, rows, labels):
        less = (
            one_hot
            if is_number(value.inputs[1], 1)
            else replace(node, op="multiply", inputs=(value.inputs[1], one_hot))
        )
        return replace(node, op="subtract", inputs=(x, less), attributes={})
    return node


def is_range(node: Node) -> bool:
    """Return True for the constant 0, 1, 2, ..., the number of each row."""
    return node.op == "constant" and np.array_equal(node.attributes["value"], np.arange(*node.shape))


def _shared(root: Node, known: Mapping[Node, str], names: Names) -> dict[Node, str]:
    """Return names for the long parts that a formula shows more than once."""
    nodes = ordered([root], known=known)
    uses = Counter(given for node in nodes if node not in known for given in dict.fromkeys(node.inputs))
    letters = sorted(set(LETTERS) - {*known.values()}, key=LETTERS.index)
    free = itertools.chain(letters, (f"t{number}" for number in itertools.count(1)))
    shared: dict[Node, str] = {}
    for node in nodes:
        if uses[node] > 1 and node.inputs and node not in known and node is not root:
            length = len(_Printer(Text(), {**known, **shared}, names).piece(node).text)
            if (uses[node] - 1) * (length - 1) > LONG:
                shared[node] = next(free)
    return shared


LETTERS = "tuvwpqrsabcdef"
"""The names of parts of a formula, in the order in which they are taken; numbered ones follow."""

LONG = 10
"""Characters that a name for a part of a formula has to save."""

_INFIX = {
    "greater": ">", "greater_equal": "≥", "less": "<", "less_equal": "≤", "equal": "=", "not_equal": "≠",
    "logical_and": "and", "logical_or": "or", "bitwise_and": "and", "bitwise_or": "or",
}  # fmt: skip
_JOINTS = ("and", "or")
_CALLS = {"log": "ln", "maximum": "max", "minimum": "min", "logical_not": "not", "invert": "not"}
_PRODUCTS = frozenset({"multiply", "divide", "negative", "square", "reciprocal"})


class _Printer:
    """Sets nodes, each by the method of its operation; `known` nodes by their names."""

    def __init__(self, notation: Text, known: Mapping[Node, str], names: Names) -> None:
        self.notation = notation
        self.known = known
        self.names = names
        self.done: dict[Node, Piece] = {}

    def piece(self, node: Node) -> Piece:
        if node in self.known:
            return self.notation.name(self.known[node])
        if node not in self.done:
            self.done[node] = self.define(node)
        return self.done[node]

    def define(self, node: Node) -> Piece:
        """Set a node although it has a name."""
        if node.op in _PRODUCTS:
            return self.product(*self.factors(node, inside=True))
        if node.op in _INFIX:
            sign = _INFIX[node.op]
            is_joint = sign in _JOINTS
            kept = [is_joint and _INFIX.get(x.op) not in _JOINTS for x in node.inputs]
            parts = [
                self.notation.held(self.piece(x), RELATION if keep else SUM)
                for x, keep in zip(node.inputs, kept, strict=True)
            ]
            joint = self.notation.words(f" {sign} ") if is_joint else f" {sign} "
            return self.notation.row(parts[0], joint, parts[1], strength=RELATION)
        own = getattr(self, f"{node.op}_", None)
        return own(node, *node.inputs) if own else self.call(_CALLS.get(node.op, node.op), node.inputs)

    def call(self, function: str, arguments: Sequence[Node], index: str = "") -> Piece:
        """Set a function of its arguments."""
        name = self.names.get(function, function)
        parts: list[Piece | str] = []
        for argument in arguments:
            parts += [", ", self.piece(argument)] if parts else [self.piece(argument)]
        inside = self.notation.row(*parts, strength=RELATION)
        head = self.notation.below(name, index) if index else self.notation.name(name)
        return self.notation.row(head, self.notation.bracketed(inside), strength=ATOM)

    # Sums

    def add_(self, node: Node, a: Node, b: Node, sign: int = 1) -> Piece:
        left = self.notation.held(self.piece(a), SUM)
        own_sign, numerators, denominators = self.factors(b)
        right = self.product(1, numerators, denominators)
        sign *= own_sign
        right = self.notation.held(right, SUM if sign > 0 and not right.begins_with_minus else PREFIX)
        return self.notation.row(left, " + " if sign > 0 else " - ", right, strength=SUM)

    def subtract_(self, node: Node, a: Node, b: Node) -> Piece:
        return self.add_(node, a, b, -1)

    def expm1_(self, node: Node, x: Node) -> Piece:
        return self.notation.row(self.exp_(node, x), " - ", self.notation.number(1), strength=SUM)

    # Products and fractions

    def factors(self, node: Node, inside: bool = False) -> tuple[int, list[Node], list[Node]]:
        """Return the sign, the factors above and the factors below the stroke; `inside` looks into a named node."""
        if node.op == "constant" and not node.shape and node.attributes["value"] < 0:
            return -1, [constant(-node.attributes["value"])], []
        if node.op not in _PRODUCTS or (node in self.known and not inside):
            return 1, [node], []
        sign, above, below = self.factors(node.inputs[0])
        if node.op == "negative":
            return -sign, above, below
        if node.op == "square":
            return 1, above * 2, below * 2
        if node.op == "reciprocal":
            return (1, [], [node.inputs[0]]) if below else (sign, [], above)
        other_sign, other_above, other_below = self.factors(node.inputs[1])
        if node.op == "multiply":
            return sign * other_sign, above + other_above, below + other_below
        if other_below:
            return sign, above, [*below, node.inputs[1]]
        return sign * other_sign, above, below + other_above

    def product(self, sign: int, above: list[Node], below: list[Node]) -> Piece:
        above = [x for x in above if not is_number(x, 1)]
        piece = self.row_of_factors(above, PRODUCT if below else PREFIX) if above else self.notation.number(1)
        if below:
            piece = self.notation.fraction(piece, self.row_of_factors(below))
        return piece if sign > 0 else self.notation.row("-", self.notation.held(piece, PREFIX), strength=NEGATIVE)

    def row_of_factors(self, nodes: list[Node], least_at_end: int = PRODUCT) -> Piece:
        """Set a product: numbers first, then what is one number at a run, then arrays; equal factors are a power."""
        counted = sorted(Counter(nodes).items(), key=lambda factor: _rank(factor[0]))
        arrays = sum(_rank(node) == 2 for node, _ in counted)
        parts: list[Piece | str] = []
        for i, (node, count) in enumerate(counted):
            piece = self.piece(node)
            if count > 1:
                piece = self.notation.power(piece, self.notation.number(count))
            elif len(counted) == 1:
                return piece
            elif node.op == "matmul" and arrays > 1 and node not in self.known:
                piece = self.notation.bracketed(piece)
            else:
                piece = self.notation.held(piece, least_at_end if i + 1 == len(counted) else PRODUCT)
            ranks = {_rank(counted[i - 1][0]), _rank(node)}
            sign = " ∘ " if ranks == {2} else " · " if _begins_with_number(node) else " "
            parts += [sign, piece] if parts else [piece]
        return parts[0] if len(parts) == 1 else self.notation.row(*parts, strength=PRODUCT)  # type: ignore[return-value]

    def matmul_(self, node: Node, a: Node, b: Node) -> Piece:
        left = self.piece(a) if a.op == "matmul" else self.notation.held(self.piece(a), POWER)
        if len(a.shape) == 1:
            left = self.notation.power(left, Piece("⊤"))
        sign = " @ " if self.is_word(a) or self.is_word(b) else " "
        return self.notation.row(left, sign, self.notation.held(self.piece(b), POWER), strength=PRODUCT)

    def is_word(self, node: Node) -> bool:
        """Return True if the node is shown by a name of several letters."""
        node = node.inputs[0] if node.op == "transpose" else node
        return len(self.known.get(node, "").rstrip("'₀₁₂₃₄₅₆₇₈₉\u0302")) > 1

    def transpose_(self, node: Node, x: Node) -> Piece:
        return self.notation.power(self.piece(x), Piece("⊤"))

    # Powers and roots

    def exp_(self, node: Node, x: Node) -> Piece:
        return self.notation.power(self.notation.name("e"), self.piece(x))

    def power_(self, node: Node, x: Node, exponent: Node) -> Piece:
        if is_number(exponent, 0.5):
            return self.sqrt_(node, x)
        return self.notation.power(self.piece(x), self.piece(exponent))

    def sqrt_(self, node: Node, x: Node) -> Piece:
        if x.op == "matmul" and x.inputs[0] is x.inputs[1]:
            return self.notation.bracketed(self.piece(x.inputs[0]), "‖‖")
        return self.notation.root(self.piece(x))

    def log1p_(self, node: Node, x: Node) -> Piece:
        one_more = self.add_(node, constant(x.dtype.type(1)), x)
        return self.notation.row(self.notation.name("ln"), self.notation.bracketed(one_more), strength=ATOM)

    def absolute_(self, node: Node, x: Node) -> Piece:
        piece = self.piece(x)
        return self.notation.bracketed(self.notation.bracketed(piece) if "|" in piece.text else piece, "||")

    def logaddexp_(self, node: Node, a: Node, b: Node) -> Piece:
        total = self.notation.row(self.exp_(node, a), " + ", self.exp_(node, b), strength=SUM)
        return self.notation.row(self.notation.name("ln"), self.notation.bracketed(total), strength=ATOM)

    # Cases

    def where_(self, node: Node, condition: Node, a: Node, b: Node) -> Piece:
        words = self.notation.words
        is_case = b.op == "where" and b not in self.known
        joint = words(", " if is_case else ", else ")
        parts = (self.notation.held(self.piece(a), SUM), words(" for "), self.piece(condition), joint, self.piece(b))
        return self.notation.row(*parts, strength=RELATION)

    def astype_(self, node: Node, condition: Node) -> Piece:
        return self.where_(node, condition, constant(np.float64(1)), constant(np.float64(0)))

    def clip_(self, node: Node, x: Node, low: Node, high: Node) -> Piece:
        least = self.notation.row(self.piece(low), ", ", self.call("min", (x, high)), strength=RELATION)
        return self.notation.row(self.notation.name("max"), self.notation.bracketed(least), strength=ATOM)

    # Sums and the like over axes

    def sum_(self, node: Node, x: Node, sign: str = "Σ") -> Piece:
        index = _index(node)
        head = self.notation.below(sign, index) if index else sign
        return self.notation.row(head, " ", self.notation.held(self.piece(x), PRODUCT), strength=PREFIX)

    def prod_(self, node: Node, x: Node) -> Piece:
        return self.sum_(node, x, "Π")

    def mean_(self, node: Node, x: Node) -> Piece:
        return self.call(node.op, [x], _index(node))

    max_ = min_ = any_ = all_ = mean_

    # Leaves and parts

    def constant_(self, node: Node) -> Piece:
        value = np.asarray(node.attributes["value"])
        if value.size and np.all(value == value.flat[0]):
            return self.notation.number(value.flat[0].item())
        if value.ndim == 1 and is_range(node):
            return self.notation.name("i")
        if value.ndim == 2 and len(value) == value.shape[1] and np.array_equal(value, np.eye(len(value))):
            return self.notation.name("I")
        return self.notation.name("C")

    def random_(self, node: Node) -> Piece:
        return self.notation.name("random")

    def getitem_(self, node: Node, x: Node, *arrays: Node) -> Piece:
        return self.part(x, node.attributes["index"], arrays)

    def setitem_(self, node: Node, x: Node, value: Node, *arrays: Node) -> Piece:
        own = self.notation.held(self.piece(x), SUM)
        part = self.part(x, node.attributes["index"], arrays)
        words = self.notation.words(" with ")
        return self.notation.row(own, words, part, " = ", self.piece(value), strength=RELATION)

    def add_at_(self, node: Node, x: Node, value: Node, *arrays: Node) -> Piece:
        """Set the sum of the values that go to each place, and x before it where it is not 0."""
        places: list[Piece | str] = []
        for array in arrays:
            places += [", ", self.piece(array)] if places else [self.piece(array)]
        added = self.notation.held(self.piece(value), PRODUCT)
        total = self.notation.row("Σ ", added, self.notation.words(" at "), *places, strength=SUM)
        if is_number(x, 0):
            return total
        return self.notation.row(self.notation.held(self.piece(x), SUM), " + ", total, strength=SUM)

    def part(self, x: Node, index: tuple[Any, ...], arrays: Sequence[Node]) -> Piece:
        """Set x[index]."""
        remaining = iter(arrays)
        entries: list[Piece | str] = []
        for entry in index:
            if entry is None:
                continue
            if isinstance(entry, slice):
                piece = self.notation.name(":" if entry == slice(None) else f"{entry.start}:{entry.stop}")
            else:
                piece = self.piece(next(remaining)) if entry == ARRAY else self.notation.number(entry)
            entries += [", ", piece] if entries else [piece]
        inside = self.notation.bracketed(self.notation.row(*entries, strength=RELATION), "[]")
        return self.notation.row(self.notation.held(self.piece(x), ATOM), inside, strength=ATOM)


def _rank(node: Node) -> int:
    """Return the place of a factor: 0 for a number, 1 for one that differs from run to run, 2 for an array."""
    return 0 if node.op == "constant" and not node.shape else 2 if node.shape else 1


def _begins_with_number(node: Node) -> bool:
    """Return True for a number and for a power of one."""
    return _begins_with_number(node.inputs[0]) if node.op == "power" else _rank(node) == 0


def _index(node: Node) -> str:
    """Return the index that a sum runs over, or nothing if it runs over everything."""
    axes, ndim = node.attributes["axis"], len(node.inputs[0].shape)
    return "" if len(axes) == ndim else ",".join("ijklmn"[axis] for axis in axes)
