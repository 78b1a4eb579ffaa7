"""The common part of the two exporters of Python source: names for a network's layers, numbers and texts as source.

Whatever comes from outside (column names, categories) enters the text through `literal` or `words` and so cannot
become code.
"""

import ast
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import OWN
from plainnet.activations import Identity
from plainnet.layers import Activation, Average, Dense, Dropout, Layer
from plainnet.network import Network

WIDTH = 88
"""The line length of `ruff format`."""

WIDEST_NUMBERS = 100
"""The line length of what `# fmt: off` leaves alone."""

# ---- the parts of a network ----


@dataclass(frozen=True)
class NamedLayer:
    """A layer that does something, with the names that it and its neighbours have in the text.

    A Dense layer opens a block, hidden_1, hidden_2, ... or output for the last; what follows it is named after the
    block, such as hidden_1_norm. Layers before the first Dense belong to the block input.
    """

    index: int
    """Its place among the network's layers."""
    layer: Layer
    name: str
    """The beginning of its parameters' names: hidden_1 has hidden_1_weights."""
    inputs: str
    """The name of what goes in; "inputs" for the first part."""
    outputs: str
    """The name of what comes out; "outputs" for the last part."""
    features: int
    """The number of columns of what goes in."""
    units: int
    """The number of columns of what comes out."""
    learns: frozenset[str]
    """The names of its parameters, among those of its arrays."""

    @property
    def arrays(self) -> dict[str, Array]:
        """The layer's parameters and statistics by the names of its attributes."""
        return {name: getattr(self.layer, name) for name in vars(self.layer)["_views"]}

    def array_name(self, attribute: str) -> str:
        """Return the name of one of the arrays in the text."""
        own = re.sub(r"branches\[(\d+)\].layers\[(\d+)\].", r"\1_\2_", attribute)  # branch 0, layer 1: 0_1_bias
        return f"{self.name}_{own.replace('running_', '')}"


def parts(net: Network, *, training: bool = False) -> list[NamedLayer]:
    """Return the layers that do something in a prediction, or all of them for training, named.

    Raises InvalidValue if a number is not finite.
    """
    checks.finite("net.parameters", net.parameters)
    checks.finite("net.statistics", net.statistics)
    sized = [
        (index, layer, units)
        for index, (layer, units, _) in enumerate(net.layer_sizes())
        if training or _does_something(layer)
    ]
    blocks = _block_names(sum(isinstance(layer, Dense) for layer in net.layers))
    learned = net.parameter_views(net.parameters)
    made: list[NamedLayer] = []
    block, inputs, features = "input", "inputs", net.input_size or 0
    for i, (index, layer, units) in enumerate(sized):
        block = next(blocks) if isinstance(layer, Dense) else block
        wanted = block if isinstance(layer, Dense) else f"{block}_{_kind(layer)}"
        wanted = "average" if isinstance(layer, Average) else wanted
        name = free_name(wanted, [part.name for part in made])
        outputs = "outputs" if i == len(sized) - 1 else name
        made.append(NamedLayer(index, layer, name, inputs, outputs, features, int(units), frozenset(learned[index])))
        inputs, features = outputs, int(units)
    return made


def _does_something(layer: Layer) -> bool:
    """False for what passes its inputs on in a prediction."""
    return type(layer) is not Dropout and not (type(layer) is Activation and type(layer.activation) is Identity)


def _kind(layer: Layer) -> str:
    """Return the second half of a name: hidden_1_relu, hidden_1_norm, hidden_1_dropout."""
    if layer.normalization:
        return "norm"
    name = layer.activation.name if isinstance(layer, Activation) else type(layer).__name__
    return re.sub(r"\W+", "_", name.removeprefix(OWN)).lower()


def _block_names(count: int) -> Iterator[str]:
    hidden = [f"hidden_{k + 1}" for k in range(count - 1)] if count > 2 else ["hidden"] * (count - 1)
    return iter([*hidden, "output"])


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the wanted one, or that with the first number from 2 that makes it free."""
    numbered = (f"{wanted}_{k}" for k in range(2, len(taken) + 2))
    return next(name for name in (wanted, *numbered) if name not in taken)


def architecture(net: Network, network: list[NamedLayer]) -> str:
    """Return the parts of a network in a line: 3 inputs → 4 sigmoid → 1 sigmoid."""
    steps = [f"{net.input_size} input{'s' if net.input_size != 1 else ''}"]
    for part in network:
        name = getattr(part.layer, "activation", part.layer).name.removeprefix(OWN)
        steps.append(f"{part.units} {name}".removesuffix(" identity") if isinstance(part.layer, Dense) else name)
    return " → ".join(steps)


def training(net: Network) -> str:
    """Return where the network comes from, as far as its training record says."""
    if net.history is None or not net.history.epoch:
        return ""
    data = net.history.settings.get("data")
    source = f" on {words(data)}" if data else ""
    return f" after training{source} for {net.history.epoch[-1]:,} epochs"


# ---- text ----


def literal(value: Any) -> str:
    """Return a number, truth value or text as Python source, text in the quotation marks that `ruff format` prefers."""
    if not isinstance(value, str):
        return repr(value)
    if value.count('"') > value.count("'"):
        return repr(value) if "'" not in value else repr(value + '"')[:-2] + "'"
    in_single_quotes = repr('"' + value)[2:-1]  # the mark in front makes repr choose single ones
    return '"' + in_single_quotes.replace("\\'", "'").replace('"', '\\"') + '"'


def words(text: Any) -> str:
    """Text for a docstring or a comment: whatever could end one, or is not printable, as a question mark."""
    return "".join(c if c.isprintable() and c not in '"\\' else "?" for c in str(text))


def bracketed(opening: str, items: Sequence[str], closing: str, indent: int) -> str:
    """`opening` items `closing`, on one line where it fits, otherwise broken as `ruff format` breaks it.

    The items of a call may share the second line; those of a list get a line each. `indent` counts the spaces in
    front; the first line comes without them.
    """
    inside, space = " " * (indent + 4), " " * indent
    flat = opening + ", ".join(items) + closing
    if indent + len(flat) <= WIDTH and "\n" not in flat:
        return flat
    shared = inside + ", ".join(items)
    is_call = opening.endswith("(") and len(opening) > 1 and opening[-2].isidentifier()
    if is_call and (len(items) == 1 or (len(shared) <= WIDTH and "\n" not in shared)):
        return f"{opening}\n{shared}\n{space}{closing}"
    return opening + "\n" + "".join(f"{inside}{item},\n" for item in items) + space + closing


def assignment(target: str, expression: ast.expr, comment: str, indent: int = 4) -> str:
    """`target = expression  # comment`, broken in two at its last operator or inside its call if it is long."""
    space, text = " " * indent, ast.unparse(expression)
    line = f"{space}{target} = {text}"
    if len(line) > WIDTH and isinstance(expression, ast.Call):
        line = f"{space}{target} = {_call(expression, indent, len(target) + 3)}"
    elif len(line) > WIDTH and isinstance(expression, ast.BinOp):
        left = ast.unparse(expression.left)
        line = f"{space}{target} = (\n{space}    {left}\n{space}    {text[len(left) :].strip()}\n{space})"
    behind = f"  # {comment}"
    return line + behind if "\n" in line or len(line) + len(behind) <= WIDEST_NUMBERS else line


def _call(expression: ast.expr, indent: int, before: int = 0) -> str:
    """Return a call broken where it is long, as `ruff format` breaks it; `before` characters stand before it."""
    text = ast.unparse(expression)
    if not isinstance(expression, ast.Call) or indent + before + len(text) < WIDTH:
        return text
    arguments = [_call(argument, indent + 4) for argument in expression.args]
    arguments += [ast.unparse(keyword) for keyword in expression.keywords]
    opening = f"{ast.unparse(expression.func)}("
    return bracketed(" " * before + opening, arguments, ")", indent)[before:]


def number(value: Any) -> str:
    """Return a float32 or float64 in the fewest digits that give it back, to the bit, in an array of its dtype."""
    shortest = str(value)
    text = shortest if type(value)(float(shortest)) == value else repr(float(value))
    return text.replace("inf", "np.inf").replace("nan", "np.nan")


def array_source(name: str, array: Array) -> str:
    """`name = np.array(...)  # (rows, columns)` in columns; for between `# fmt: off` and `# fmt: on`."""
    texts = [number(value) for value in array.ravel()]
    dtype = ", np.float32" if array.dtype == np.float32 else ""
    flat = f"{name} = np.array([{', '.join(texts)}]{dtype})  # {shape(array.shape)}"
    if array.ndim <= 1 and len(flat) <= WIDTH:
        return flat if array.ndim else flat.replace("[", "").replace("]", "")
    space = " " if any(text.startswith("-") for text in texts) else ""
    signed = [text if text.startswith("-") else space + text for text in texts]
    if array.ndim == 1:
        body = _lines(signed, "    ")
    elif array.shape[-1] == 1:  # a column: several rows on a line
        body = _lines([f"[{text}]" for text in signed], "    ")
    else:
        rows = np.reshape(signed, (-1, array.shape[-1])).tolist()
        width = max(map(len, signed))
        body = "\n".join(f"    [{_lines(row, ' ' * 5, width)[5:-1]}]," for row in rows)
    axes = f".reshape{array.shape}" if array.ndim > 2 else ""
    return f"{name} = np.array([  # {shape(array.shape)}\n{body}\n]{dtype}){axes}"


def _lines(items: list[str], space: str, width: int = 0) -> str:
    """Items, a comma behind each, in columns and in lines of as many as fit."""
    width = max(width, *map(len, items)) + 2
    each = max(1, (WIDEST_NUMBERS - len(space)) // width)
    lines = [items[i : i + each] for i in range(0, len(items), each)]
    return "\n".join(space + "".join(f"{item + ',':<{width}}" for item in line).rstrip() for line in lines)


def shape(numbers: Iterable[int | str]) -> str:
    """(3, 4), or (4,) for a vector."""
    texts = [str(n) for n in numbers]
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


def docstring(paragraphs: Iterable[str]) -> str:
    """Return a module's docstring: prose wrapped at the line length, indented paragraphs as they are."""
    wrapped = [p if p.startswith("    ") else textwrap.fill(p, WIDTH) for p in paragraphs]
    return '"""' + "\n\n".join(wrapped) + '\n"""'


def module(head: Sequence[str], definitions: Sequence[str]) -> str:
    """Return a file: its head in paragraphs, functions two blank lines apart, a constant above its function."""
    text = "\n\n".join(filter(None, head))
    before = ""
    for definition in definitions:
        both_constant = _is_constant(before) and _is_constant(definition)
        text += ("\n" if both_constant else "\n\n\n") + definition
        before = definition
    return text + "\n"


def _is_constant(text: str) -> bool:
    return re.match(r"\w+ = .*$", text) is not None


def imports(needed: Iterable[str]) -> str:
    """Return the lines of the imports in order, one for each module, NumPy's last."""
    lines: dict[str, set[str]] = {}
    for line in needed:
        head, _, inside = line.partition(" import ")
        lines.setdefault(head, set()).update([inside] if inside else [])
    texts = [f"{head} import {', '.join(sorted(inside))}" if inside else head for head, inside in lines.items()]
    ours = [text for text in texts if re.match(r"(import|from) numpy\b", text)]
    standard = sorted(set(texts) - set(ours), key=lambda text: (text.startswith("from"), text))
    return "\n\n".join("\n".join(group) for group in (standard, ours) if group)


def defined_names(text: str) -> set[str]:
    """Return the names that a text defines at its margin."""
    return set(re.findall(r"^(?:def |class )?(\w+)(?: =|\(|:)", text, re.MULTILINE))


def named_arrays(network: Iterable[NamedLayer]) -> dict[str, Array]:
    """Every parameter and statistic by its name in the text."""
    return {part.array_name(name): array for part in network for name, array in part.arrays.items()}
