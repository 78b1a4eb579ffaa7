"""What the two exporters of Python source share: names for a network's parts, and text laid out as `ruff format` does.

Whatever comes from outside (column names, categories) enters the text through `literal` or `words` and so cannot
become code.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidValue
from plainnet.layers import LAYERS, Dense, Dropout, Layer
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
    """What its parameters are named after: hidden_1 has hidden_1_weights."""
    inputs: str
    """The name of what goes in; "inputs" for the first part."""
    outputs: str
    """The name of what comes out; "outputs" for the last part."""
    units: int
    """The number of columns of what comes out."""

    @property
    def activation(self) -> Any:
        """The activation where it has one that does something, else None."""
        activation = getattr(self.layer, "activation", None)
        return None if activation is None or activation.name == "identity" else activation

    @property
    def sums(self) -> str:
        """The name of what goes into the activation; that of the outputs where there is none."""
        if not isinstance(self.layer, Dense):
            return self.inputs
        return f"{self.name}_sums" if self.activation else self.outputs


def parts(net: Network, *, training: bool = False) -> list[NamedLayer]:
    """The layers that do something in a prediction, or in training, named.

    Raises InvalidValue for a layer or an activation of the user's own and for numbers that are not finite.
    """
    checks.finite("net.parameters", net.parameters)
    checks.finite("net.statistics", net.statistics)
    for index, layer in enumerate(net.layers):
        _refuse_own(index, layer)
    sized = [
        (index, layer, units)
        for index, (layer, units, _) in enumerate(net.layer_sizes())
        if _does_something(layer, training)
    ]
    blocks = _block_names(sum(isinstance(layer, Dense) for layer in net.layers))
    made: list[NamedLayer] = []
    block, inputs, taken = "input", "inputs", set[str]()
    for i, (index, layer, units) in enumerate(sized):
        block = next(blocks) if isinstance(layer, Dense) else block
        name = _free(block if isinstance(layer, Dense) else f"{block}_{_kind(layer)}", taken)
        outputs = "outputs" if i == len(sized) - 1 else name
        made.append(NamedLayer(index, layer, name, inputs, outputs, int(units)))
        inputs = outputs
    return made


def _refuse_own(index: int, layer: Layer) -> None:
    if type(layer) is not LAYERS.get(layer.name):
        raise InvalidValue(
            f"layers[{index}] is {type(layer).__name__}, a layer of your own, which cannot be written out as source; "
            f"use plainnet's layers ({', '.join(LAYERS)}), or ship the network as .npz together with the class"
        )
    activation = getattr(layer, "activation", None)
    if activation is not None and type(activation) is not ACTIVATIONS.get(activation.name):
        raise InvalidValue(
            f"layers[{index}], {layer.name}, has {activation.name}, an activation of your own, which cannot be written "
            f"out as source; use plainnet's ({', '.join(ACTIVATIONS)}), or ship the network as .npz with the function"
        )


def _does_something(layer: Layer, training: bool) -> bool:
    if isinstance(layer, Dropout):
        return training and layer.rate > 0
    return layer.name != "Activation" or layer.activation.name != "identity"


def _kind(layer: Layer) -> str:
    """The second half of a name: hidden_1_relu, hidden_1_norm, hidden_1_kept."""
    known = {"BatchNorm": "norm", "LayerNorm": "norm", "Dropout": "kept"}
    return known[layer.name] if layer.name in known else str(layer.activation.name)


def _block_names(count: int) -> Iterator[str]:
    hidden = [f"hidden_{k + 1}" for k in range(count - 1)] if count > 2 else ["hidden"] * (count - 1)
    return iter([*hidden, "output"])


def _free(name: str, taken: set[str]) -> str:
    numbered = (name if k == 1 else f"{name}_{k}" for k in range(1, len(taken) + 2))
    free = next(candidate for candidate in numbered if candidate not in taken)
    taken.add(free)
    return free


def arrays(part: NamedLayer) -> dict[str, Array]:
    """A part's parameters and statistics by their names in the text."""
    names = [*part.layer.parameter_shapes((1,)), *part.layer.statistic_shapes((1,))]
    return {f"{part.name}_{name.removeprefix('running_')}": getattr(part.layer, name) for name in names}


def architecture(net: Network, network: list[NamedLayer]) -> str:
    """The parts of a network in a line: 3 inputs → 4 sigmoid → 1 sigmoid."""
    steps = [f"{net.input_size} input{'s' if net.input_size != 1 else ''}"]
    for part in network:
        if isinstance(part.layer, Dense):
            steps.append(f"{part.units} {part.layer.activation.name}".replace(" identity", ""))
        else:
            steps.append(part.activation.name if part.activation else part.layer.name)
    return " → ".join(steps)


# ---- text ----


def literal(value: Any) -> str:
    """A number, truth value or text as Python source, text in the quotation marks that `ruff format` prefers."""
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
    if is_call and len(shared) <= WIDTH and "\n" not in shared:
        return f"{opening}\n{shared}\n{space}{closing}"
    return opening + "\n" + "".join(f"{inside}{item},\n" for item in items) + space + closing


def statement(code: str, comment: str = "", indent: int = 4) -> str:
    """A line of code with its comment behind it or, where that is too long, above it; too long code is broken."""
    space = " " * indent
    behind = f"  # {comment}" if comment else ""
    if len(space + code) > WIDTH:
        return space + _broken(code, indent) + behind
    if len(space + code + behind) <= WIDTH:
        return space + code + behind
    return f"{space}# {comment}\n{space}{code}"


def _broken(code: str, indent: int) -> str:
    """An assignment too long for a line: inside the parentheses it ends with, else inside new ones."""
    target, _, expression = code.partition(" = ")
    opening = _last_opening(expression)
    head = f"{target} = {expression[: opening + 1]}"
    if opening and _operators(expression) <= 1 and indent + len(head) <= WIDTH:
        return bracketed(head, _arguments(expression[opening + 1 : -1]), ")", indent)
    if opening:  # a call behind a long target
        expression = bracketed(expression[: opening + 1], _arguments(expression[opening + 1 : -1]), ")", indent + 4)
    return f"{target} = (\n{' ' * (indent + 4)}{expression}\n{' ' * indent})"


def _arguments(text: str) -> list[str]:
    """The arguments of a call, split at the commas outside parentheses."""
    arguments, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            arguments.append("")
        else:
            arguments[-1] += character
    return [argument.strip() for argument in arguments]


def _last_opening(expression: str) -> int:
    """Where the parenthesis opens that the expression's last character closes; 0 where it is none."""
    depth = 0
    for place in reversed(range(len(expression))):
        depth += {")": 1, "(": -1}.get(expression[place], 0)
        if depth == 0:
            return place
    return 0


def _operators(expression: str) -> int:
    """The number of spaced operators outside parentheses."""
    depth = count = 0
    for word in expression.split(" "):
        count += depth == 0 and word in ("+", "-", "*", "/", "@")
        depth += word.count("(") - word.count(")")
    return count


def number(value: Any) -> str:
    """A float32 or float64 in the fewest digits that give it back, to the bit, in an array of its dtype."""
    shortest = str(value)
    text = shortest if type(value)(float(shortest)) == value else repr(float(value))
    return text.replace("inf", "np.inf").replace("nan", "np.nan")


def array_source(name: str, array: Array) -> str:
    """`name = np.array(...)  # (rows, columns)` in columns; for between `# fmt: off` and `# fmt: on`."""
    texts = [number(value) for value in array.ravel()]
    dtype = ", np.float32" if array.dtype == np.float32 else ""
    flat = f"{name} = np.array([{', '.join(texts)}]{dtype})  # {shape(array.shape)}"
    if array.ndim == 1 and len(flat) <= WIDTH:
        return flat
    signed = [_signed(text) for text in texts] if any(text.startswith("-") for text in texts) else texts
    if array.ndim == 1:
        body = _lines(signed, "    ")
    elif array.shape[1] == 1:  # a column: several rows on a line
        body = _lines([f"[{text}]" for text in signed], "    ")
    else:
        rows = np.reshape(signed, array.shape).tolist()
        width = max(map(len, signed))
        body = "\n".join(f"    [{_lines(row, ' ' * 5, width)[5:-1]}]," for row in rows)
    return f"{name} = np.array([  # {shape(array.shape)}\n{body}\n]{dtype})"


def _signed(text: str) -> str:
    """A number with a space in the place of the sign it lacks."""
    return text if text.startswith("-") else f" {text}"


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
    """A module's docstring: prose wrapped at the line length, indented paragraphs as they are."""
    wrapped = [p if p.startswith("    ") else textwrap.fill(p, WIDTH) for p in paragraphs]
    return '"""' + "\n\n".join(wrapped) + '\n"""'


def module(head: Sequence[str], functions: Sequence[str]) -> str:
    """A file: its head in paragraphs, its functions two blank lines apart."""
    return "\n\n\n".join(["\n\n".join(filter(None, head)), *functions]) + "\n"


def imports(text: str, modules: Iterable[str] = ()) -> str:
    """The imports of `modules` ("csv", "pathlib.Path"), of math where `text` uses it, and of NumPy."""
    names = sorted({*modules, *(["math"] if "math." in text else [])})
    plain = [f"import {name}" for name in names if "." not in name]
    parts = [name.rpartition(".") for name in names if "." in name]
    of_module = {module: ", ".join(name for other, _, name in parts if other == module) for module, _, _ in parts}
    from_module = [f"from {module} import {listed}" for module, listed in of_module.items()]
    return "\n".join([*plain, *from_module, "", "import numpy as np"] if names else ["import numpy as np"])
