"""Write a table's preprocessing as source: from rows (dicts of column and value) to a network's inputs, and back."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from plainnet.errors import InvalidValue
from plainnet.export import standalone
from plainnet.export.source import WIDTH, bracketed, literal, words
from plainnet.network import Network
from plainnet.tabular import Table, encodings
from plainnet.tabular.booleans import FALSE, TRUE, is_true
from plainnet.tabular.columns import Categories, Column
from plainnet.tabular.decoding import encoding_of
from plainnet.tabular.features import Features
from plainnet.tabular.layout import separator_of
from plainnet.tabular.names import known_names
from plainnet.tabular.notations import GROUPED, PLAIN, amount, days, plain_marks
from plainnet.tabular.read_options import MARKERS
from plainnet.tabular.targets import ClassTarget, Target
from plainnet.tabular.texts import INVISIBLE, as_text, spelled
from plainnet.tabular.thresholds import HALF

MAIN = '''
def main():
    """Print the prediction for each row of a CSV file."""
    if len(sys.argv) != 2:
        sys.exit("usage: python {file} rows.csv")
    try:
        predictions = predict(read(sys.argv[1])){digits}
    except KeyError as column:
        sys.exit(f"{{sys.argv[1]}} has no column {{column}}")
    except (OSError, ValueError) as error:
        sys.exit(f"{{sys.argv[1]}}: {{error}}")
    print(*{shown}, sep="\\n")


if __name__ == "__main__":
    main()
'''

INPUTS_OF_ROWS = '''
def inputs_of(rows):
    """Return the inputs of the network, one line per row."""
    read_rows = []
    for i, row in enumerate(rows):
        try:
            read_rows.append(values_of(row))
        except ValueError as error:
            raise ValueError(f"row {{i + 1}}: {{error}}") from None
    with np.errstate(over="ignore"):
        inputs = features(np.array(read_rows, float)).astype({dtype})
    if not np.isfinite(inputs).all():
        row = int((~np.isfinite(inputs)).any(axis=1).argmax())
        raise ValueError(f"row {{row + 1}}: a number is too far from those in training")
    return inputs
'''

HELPERS = (
    *(days, spelled, standalone.is_missing, standalone.is_absent, standalone.Quoted, standalone.Bare),
    *(plain_marks, amount, standalone.plain, standalone.whole, standalone.number),
    *(as_text, is_true, standalone.boolean, standalone.category),
    *(encoding_of, known_names, separator_of, standalone.records, standalone.is_blank, standalone.read),
    *(encodings.standardized, encodings.smooth_clip, encodings.robust),
    *(encodings.truth, encodings.one_hot, encodings.two_valued, encodings.code, encodings.mark),
    *(encodings.from_march, encodings.month, encodings.year, encodings.day_of_month, encodings.weekday),
    *(encodings.hour, encodings.robust_year, encodings.sine, encodings.cosine),
)
"""The functions that a script may hold: each calls only functions to its left."""
WORDS = {"TRUE": TRUE, "FALSE": FALSE}


def check_fit(net: Network, table: Table) -> None:
    """Refuse a network that does not fit its table."""
    if len(table.feature_names) != net.input_size:
        raise InvalidValue(
            f"the network takes {net.input_size} inputs and its table makes {len(table.feature_names)} features; "
            "set net.table to the table it was trained on, or to None"
        )
    table.decode(np.zeros((1, net.output_size or 0)))  # refuses a number of outputs that does not fit the target


def constants(table: Table) -> str:
    """Return the names of the classes, what counts as missing, and how numbers are written."""
    lines = []
    if isinstance(table.target, ClassTarget):
        lines.append(_named("CLASSES", "np.array([", table.target.labels, "])"))
        if _shown(table.target) != "predictions":
            names = [f"{literal(a)}: {literal(b)}" for a, b in zip(table.classes, table.class_names, strict=True)]
            lines.append(bracketed("NAMES = {", names, "}", 0))
    lines.append(bracketed("MISSING = {", [literal(text) for text in table.options.markers], "}", 0))
    in_marks = '{""}' if table.options.missing is None else "MISSING"
    lines.append(f"MISSING_IN_MARKS = {in_marks}")
    if any(column.kind != "category" for column in table.columns):
        markers = MARKERS if table.options.among_numbers else ""
        lines.append(f'MARKERS = """{markers}"""'.replace("\\", "\\\\"))
        lines.append("AMONG_NUMBERS = set(MARKERS.split())")
    if any(column.kind == "boolean" for column in table.columns):
        lines += [
            bracketed(f"{name} = (", [literal(word) for word in listed], ")", 0) for name, listed in WORDS.items()
        ]
    lines.append('SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))')  # as plainnet.tabular.texts has it
    lines.append(f"INVISIBLE = {ascii(INVISIBLE).replace(chr(39), chr(34))}")
    if any(column.kind == "number" for column in table.columns):
        lines.append(f"PLAIN_NUMBER = {literal(PLAIN.pattern)}")
        lines.append(f"GROUPED = {literal(GROUPED)}")
    return "\n".join(lines)


def _named(name: str, opening: str, values: Sequence[Any], closing: str) -> str:
    """Define a constant that holds a list, laid out as `ruff format` does."""
    items = [literal(value) for value in values]
    flat = f"{name} = {opening}{', '.join(items)}{closing}"
    if len(flat) <= WIDTH and "\n" not in flat:
        return flat
    return f"{name} = {opening[:-1]}\n    {bracketed('[', items, ']', 4)}\n{closing[1:]}"


def _shown(target: Target) -> str:
    """Show predictions as `plainnet predict` writes them: true and false in small letters, labels as they were."""
    if not isinstance(target, ClassTarget) or target.names == tuple(map(str, target.labels)):
        return "predictions"
    return "[NAMES[label] for label in predictions.tolist()]"


def features(table: Table, size: int) -> list[str]:
    """Return the functions from a row to the network's inputs."""
    values = f'''def values_of(row):
    """Return a number for each value of a row: a category's is its place."""
    # fmt: off
    return [
{"".join(f"        {_read(table, column)},{chr(10)}" for column in table.columns)}    ]
    # fmt: on'''
    calls = {}
    for i, (column, places) in enumerate(zip(table.columns, table.features_of_columns, strict=True)):
        starts = iter(places)
        for made in column.features:
            place, *_ = islice(starts, len(made.names))
            about = made.names[0] if len(made.names) == 1 else column.name
            calls[place] = f"        {_call(made, i)},  # {words(about)}\n"
    made_of = f'''def features(values):
    """Return the {size} numbers that the network takes for each row of values."""
    columns = values.T[:, :, np.newaxis]
    # fmt: off
    return np.hstack([
{"".join(calls[place] for place in sorted(calls))}    ])
    # fmt: on'''
    return [*_helpers(f"read({values}{made_of}"), values, made_of]


def _helpers(called: str) -> list[str]:
    """Return the source of the functions that some text calls."""
    sources: list[str] = []
    for helper in reversed(HELPERS):
        if re.search(rf"\b{helper.__name__}\(|(\] |read|part)= ?{helper.__name__}\b", called):
            sources.insert(0, inspect.getsource(helper).rstrip())
            called += "\n" + sources[0]
    return sources


def _read(table: Table, column: Column) -> str:
    """Return the call that reads a column's value as a number."""
    value = f"row[{literal(column.name)}]"
    if isinstance(column, Categories):
        arguments = [value, _wrapped([literal(text) for text in column.values])]
        markers = table.options.missing_in(column.name)
        if markers != table.options.markers:
            arguments.append(f"markers=[{', '.join(map(literal, markers))}]")
        return f"category({', '.join(arguments)})"
    return f"{column.kind}({', '.join([value, *_reader(table, column)])})"


def _call(features: Features, place: int) -> str:
    """Return the call that makes features of the column at a place."""
    settings = [f"{name}={_setting(value)}" for name, value in features.settings.items()]
    return f"{features.formula.__name__}({', '.join([f'columns[{place}]', *settings])})"


def _setting(value: Any) -> str:
    """Return a number, a list of numbers or a function as source."""
    if callable(value):
        return str(value.__name__)
    if not isinstance(value, tuple):
        return repr(value)
    if len(set(value)) == 1 < len(value):
        return f"[{value[0]!r}] * {len(value)}"
    return _wrapped([repr(number) for number in value])


def _reader(table: Table, column: Column) -> list[str]:
    """Return the argument that says how the text of a column of numbers becomes a number, if it is not plain."""
    notation = table.options.notations.get(column.name, PLAIN) if column.kind == "number" else PLAIN
    if notation.is_plain:
        return ["read=whole"] if notation.whole else []
    pattern = literal(notation.pattern)
    if notation.date:
        return [f"read=lambda text: days(text, {pattern})"]
    marks = ", ".join(map(literal, (notation.unit, notation.thousands, notation.decimal)))
    whole = ", True" if notation.whole else ""
    return [f"read=lambda text: amount(text, {pattern}, {marks}{whole})"]


def _wrapped(items: list[str]) -> str:
    """Return a list, over as many lines as it takes."""
    flat, space = f"[{', '.join(items)}]", "\n            "
    if len(flat) <= WIDTH // 2:
        return flat
    lines = [items[0]]
    for item in items[1:]:
        if len(lines[-1]) + len(item) + 2 <= WIDTH - len(space):
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return "[" + "".join(f"{space}{line}," for line in lines) + "\n        ]"


def predictions(table: Table, dtype: str, outputs: int) -> list[str]:
    """Return the functions `predict`, and `probabilities` if there are classes."""
    rows = "\n    outputs = in_blocks(inputs_of(rows))"
    inputs = INPUTS_OF_ROWS.format(dtype=dtype).strip("\n")
    target = table.target
    if isinstance(target, ClassTarget):
        two = outputs == 1
        result = "np.hstack([1 - p, p])" if two else "outputs.astype(np.float64)"
        middle = "\n    p = outputs.astype(np.float64)  # of the second class" if two else ""
        probabilities = f'''
def probabilities(rows):
    """Return the probability of each class, (rows, {len(target.classes)}), in the order of CLASSES."""{rows}{middle}
    return {result}
'''
        chosen, which = "probabilities(rows).argmax(axis=1)", "the most probable class of each row"
        if target.threshold != HALF:
            chosen = f"(probabilities(rows)[:, 1] > {target.threshold!r}).astype(int)"
            which = f"the second class where its probability is above {target.threshold!r}, else the first"
        predict = f'''
def predict(rows):
    """Return {which}."""
    return CLASSES[{chosen}]
'''
        return [inputs, probabilities.strip("\n"), predict.strip("\n")]
    units = "" if (target.mean, target.deviation) == (0.0, 1.0) else f" * {target.deviation!r} + {target.mean!r}"
    quantity = f"outputs[:, 0].astype(np.float64){units}"
    predict = f'''
def predict(rows):
    """Return the prediction for each row, in the target's own units."""{rows}
    {_clipped(quantity, target.limits)}
'''
    return [inputs, predict.strip("\n")]


def _clipped(quantity: str, limits: tuple[float, ...]) -> str:
    """Return the line that returns a prediction, within the targets of the training rows."""
    if not limits:
        return f"return {quantity}"
    return f"quantity = {quantity}\n    return np.clip(quantity, {limits[0]!r}, {limits[1]!r})"


def modules(source: str) -> list[str]:
    """Return the imports of the functions of a table's script."""
    names = dict.fromkeys(["Callable", "Container", "Iterator", "Sequence"], "collections.abc") | {"date": "datetime"}
    used = [name for name in names if re.search(rf"{name}\[| {name}\(", source)]
    return ["import re", "import sys", "import unicodedata", *(f"from {names[name]} import {name}" for name in used)]


def main(table: Table, dtype: str, file: str) -> str:
    """Return the function that `python model.py rows.csv` runs; it prints the digits that `plainnet predict` writes."""
    digits = "" if isinstance(table.target, ClassTarget) or dtype == "np.float64" else f".astype({dtype})"
    return MAIN.format(file=file, digits=digits, shown=_shown(table.target)).strip("\n")
