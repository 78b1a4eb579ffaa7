"""A table's preprocessing as source: from rows (dicts of column and value) to a network's inputs, and back."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from plainnet.export import standalone
from plainnet.export.source import WIDTH, bracketed, literal
from plainnet.tabular import Table
from plainnet.tabular.columns import BooleanColumn, CategoryColumn, Column, NumberColumn
from plainnet.tabular.dates import days
from plainnet.tabular.notations import PLAIN, Notation, amount, plain_marks
from plainnet.tabular.spelling import INVISIBLE, spelled
from plainnet.tabular.targets import ClassTarget, Target
from plainnet.tabular.texts import as_text

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

INPUTS = '''
def inputs_of(rows):
    """The inputs of the network, a line for each row."""
    made = []
    for i, row in enumerate(rows):
        try:
            made.append(features(row))
        except ValueError as error:
            raise ValueError(f"row {{i + 1}}: {{error}}") from None
    with np.errstate(over="ignore"):
        inputs = np.array(made, {dtype})
    if not np.isfinite(inputs).all():
        row = int((~np.isfinite(inputs)).any(axis=1).argmax())
        raise ValueError(f"row {{row + 1}}: a number is too far from those in training")
    return inputs
'''

CALLS = {
    "number": (plain_marks, amount, standalone.known, standalone.plain),
    "truth": (as_text,),
    "category": (as_text, standalone.place),
}
"""What the function for a kind of column calls, in order."""


def constants(table: Table) -> str:
    """The names of the classes, what counts as missing, and how numbers are written."""
    lines = []
    if isinstance(table.target, ClassTarget):
        lines.append(_named("CLASSES", "np.array([", table.target.labels, "])"))
        if _shown(table.target) != "predictions":
            names = [f"{literal(a)}: {literal(b)}" for a, b in zip(table.classes, table.class_names, strict=True)]
            lines.append(bracketed("NAMES = {", names, "}", 0))
    lines.append(bracketed("MISSING = {", [literal(text) for text in table.options.markers], "}", 0))
    in_marks = '{""}' if table.options.missing is None else "MISSING"
    lines.append(f"MISSING_IN_MARKS = {in_marks}")
    lines.append(f"SPACES = {_SPACES}")
    lines.append(f"INVISIBLE = {ascii(INVISIBLE).replace(chr(39), chr(34))}")
    if any(column.kind == "number" for column in table.columns):
        lines.append(f"PLAIN = {literal(PLAIN.pattern)}")
    return "\n".join(lines)


_SPACES = '"".join(filter(str.isspace, map(chr, range(0x3001))))'
"""`plainnet.tabular.spelling.SPACES`, as it is made there."""


def _named(name: str, opening: str, values: Sequence[Any], closing: str) -> str:
    """A constant that holds a list, laid out as `ruff format` does."""
    items = [literal(value) for value in values]
    flat = f"{name} = {opening}{', '.join(items)}{closing}"
    if len(flat) <= WIDTH and "\n" not in flat:
        return flat
    return f"{name} = {opening[:-1]}\n    {bracketed('[', items, ']', 4)}\n{closing[1:]}"


def _shown(target: Target) -> str:
    """The predictions as `plainnet predict` writes them: true and false in small letters, labels as they were."""
    if not isinstance(target, ClassTarget) or target.names == tuple(map(str, target.labels)):
        return "predictions"
    return "[NAMES[label] for label in predictions.tolist()]"


def features(table: Table, size: int) -> list[str]:
    """The functions from a row to the network's inputs."""
    calls = [_call(table, column) for column in table.columns]
    used = {name for name, _ in calls}
    kinds = dict.fromkeys(name.removesuffix("_or_missing") for name, _ in calls)
    helpers: dict[Any, None] = dict.fromkeys((spelled, standalone.is_missing, standalone.Quoted, standalone.Bare))
    for kind in kinds:
        helpers |= dict.fromkeys(CALLS[kind])
        helpers[getattr(standalone, kind)] = None
        if f"{kind}_or_missing" in used:
            helpers[getattr(standalone, f"{kind}_or_missing")] = None
    if any(notation.date for notation in table.options.notations.values()):
        helpers = {days: None, **helpers}
    readers = (standalone.read, standalone.separator_of, standalone.records, standalone.is_blank)
    lines = [f"        *{name}({', '.join(arguments)}),\n" for name, arguments in calls]
    own = f'''
def features(row):
    """The {size} numbers that the network takes for a row."""
    # fmt: off
    return [
{"".join(lines)}    ]
    # fmt: on
'''.strip("\n")
    return [*(inspect.getsource(helper).rstrip() for helper in (*helpers, *readers)), own]


def _call(table: Table, column: Column) -> tuple[str, list[str]]:
    """The helper that makes a column's features, and its arguments."""
    value = f"row[{literal(column.name)}]"
    kind, arguments = _kind_and_arguments(table, column)
    return (f"{kind}_or_missing" if column.missing else kind), [value, *arguments]


def _kind_and_arguments(table: Table, column: Column) -> tuple[str, list[str]]:
    match column:
        case NumberColumn():
            notation = table.options.notations.get(column.name, PLAIN)
            return "number", [f"mean={column.mean!r}", f"deviation={column.deviation!r}", *_reader(notation)]
        case BooleanColumn():
            return "truth", [f"mean={column.mean!r}"]
        case CategoryColumn():
            markers = table.options.missing_in(column.name)
            own = [] if markers == table.options.markers else [f"markers=[{', '.join(map(literal, markers))}]"]
            return "category", [_wrapped([literal(value) for value in column.values]), *own]


def _reader(notation: Notation) -> list[str]:
    """The argument that says how the text of a column becomes a number."""
    if notation == PLAIN:
        return []
    pattern = literal(notation.pattern)
    if notation.date:
        return [f"read=lambda text: days(text, {pattern})"]
    marks = ", ".join(map(literal, (notation.unit, notation.thousands, notation.decimal)))
    return [f"read=lambda text: amount(text, {pattern}, {marks})"]


def _wrapped(items: list[str]) -> str:
    """A list, over as many lines as it takes."""
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
    """The functions `predict`, and `probabilities` where there are classes."""
    rows = "\n    outputs = in_blocks(inputs_of(rows))"
    inputs = INPUTS.format(dtype=dtype).strip("\n")
    target = table.target
    if isinstance(target, ClassTarget):
        two = outputs == 1
        result = "np.hstack([1 - p, p])" if two else "outputs.astype(np.float64)"
        middle = "\n    p = outputs.astype(np.float64)  # of the second class" if two else ""
        probabilities = f'''
def probabilities(rows):
    """The probability of each class, (rows, {len(target.classes)}), in the order of CLASSES."""{rows}{middle}
    return {result}
'''
        predict = '''
def predict(rows):
    """The most probable class of each row."""
    return CLASSES[probabilities(rows).argmax(axis=1)]
'''
        return [inputs, probabilities.strip("\n"), predict.strip("\n")]
    units = "" if (target.mean, target.deviation) == (0.0, 1.0) else f" * {target.deviation!r} + {target.mean!r}"
    predict = f'''
def predict(rows):
    """The prediction for each row, in the target's own units."""{rows}
    return outputs[:, 0].astype(np.float64){units}
'''
    return [inputs, predict.strip("\n")]


def modules(source: str) -> list[str]:
    """The modules and names that the functions of a table's script import, where its text uses them."""
    names = ["collections.abc.Callable", "collections.abc.Container", "collections.abc.Iterator"]
    names += ["collections.abc.Sequence", "datetime.date"]
    used = [
        name for name in names if f"{name.rpartition('.')[2]}[" in source or f" {name.rpartition('.')[2]}(" in source
    ]
    return ["re", "sys", "unicodedata", *used]


def main(table: Table, dtype: str, file: str) -> str:
    """The function that `python model.py rows.csv` runs; it prints as many digits as `plainnet predict` writes."""
    digits = "" if isinstance(table.target, ClassTarget) or dtype == "np.float64" else f".astype({dtype})"
    return MAIN.format(file=file, digits=digits, shown=_shown(table.target)).strip("\n")
