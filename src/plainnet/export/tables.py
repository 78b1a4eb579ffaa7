"""A table's preprocessing as source: from rows (dicts of column and value) to a network's inputs, and back."""

from __future__ import annotations

from plainnet.export.source import WIDTH, bracketed, literal
from plainnet.tabular import Table
from plainnet.tabular.columns import BooleanColumn, CategoryColumn, Column, NumberColumn
from plainnet.tabular.targets import ClassTarget

IS_MISSING = '''
def is_missing(value):
    """Whether a value is missing: None, NaN, or text that says so."""
    if isinstance(value, str):
        return value.strip() in MISSING
    is_float = isinstance(value, float | np.floating)
    return value is None or (is_float and math.isnan(value))
'''

HELPERS = {
    "number": '''
def number(value, mean, deviation):
    """A number, standardized; 0, the mean, where it is missing."""
    if is_missing(value):
        return [0.0]
    value = float(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number to predict from; leave it empty")
    return [(value - mean) / deviation]
''',
    "number_or_missing": '''
def number_or_missing(value, mean, deviation):
    """A number, standardized, and 1 where it is missing, else 0."""
    return [*number(value, mean, deviation), float(is_missing(value))]
''',
    "truth": '''
def truth(value, mean):
    """1 for true, 0 for false; the mean, the share of true, where it is missing."""
    if is_missing(value):
        return [mean]
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return [float(text == "true")]
''',
    "truth_or_missing": '''
def truth_or_missing(value, mean):
    """1 for true, 0 for false, and 1 where it is missing, else 0."""
    return [*truth(value, mean), float(is_missing(value))]
''',
    "category": '''
def category(value, known):
    """1 at the place of the value among the known ones, else 0; all 0 for any other."""
    if value not in known:
        value = None if is_missing(value) else as_text(value)
    return [float(value == one) for one in known]
''',
    "category_or_missing": '''
def category_or_missing(value, known):
    """The places of the known values, and one for a missing value."""
    missing = value not in known and is_missing(value)
    return [*category(value, known), float(missing)]
''',
}

AS_TEXT = '''
def as_text(value):
    """A category as a table file holds it: text, 3 for 3.0, true for True."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value).strip()
'''

MAIN = '''
def main():
    """Print the prediction for each row of a CSV file."""
    if len(sys.argv) != 2:
        sys.exit("usage: python {file} rows.csv")
    with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        sys.exit(f"{{sys.argv[1]}} has no rows")
    try:
        predictions = predict(rows)
    except KeyError as column:
        sys.exit(f"{{sys.argv[1]}} has no column {{column}}")
    print(*predictions{digits}, sep="\\n")


if __name__ == "__main__":
    main()
'''


def constants(table: Table) -> str:
    """The names of the classes, and what counts as missing."""
    lines = [bracketed("MISSING = {", [literal(text) for text in table.options.markers], "}", 0)]
    if isinstance(table.target, ClassTarget):
        labels = table.target.labels
        items = bracketed("[", [literal(label) for label in labels], "]", 0)
        flat = f"CLASSES = np.array({items})"
        if len(flat) > WIDTH or "\n" in flat:
            inner = bracketed("[", [literal(label) for label in labels], "]", 4)
            flat = f"CLASSES = np.array(\n    {inner}\n)"
        lines.insert(0, flat)
    return "\n".join(lines)


def features(table: Table, size: int) -> list[str]:
    """The functions from a row to the network's inputs."""
    calls = [_call(column) for column in table.columns]
    used = {name for name, _ in calls}
    used |= {name.removesuffix("_or_missing") for name in used}
    helpers = [IS_MISSING, *([AS_TEXT] if "category" in used else [])]
    helpers += [text for name, text in HELPERS.items() if name in used]
    lines = [f"        *{name}({', '.join(arguments)}),\n" for name, arguments in calls]
    own = f'''
def features(row):
    """The {size} numbers that the network takes for a row."""
    # fmt: off
    return [
{"".join(lines)}    ]
    # fmt: on
'''.strip("\n")
    return [*(helper.strip("\n") for helper in helpers), own]


def _call(column: Column) -> tuple[str, list[str]]:
    """The helper that makes a column's features, and its arguments."""
    value = f"row[{literal(column.name)}]"
    kind, arguments = _kind_and_arguments(column)
    return (f"{kind}_or_missing" if column.missing else kind), [value, *arguments]


def _kind_and_arguments(column: Column) -> tuple[str, list[str]]:
    match column:
        case NumberColumn():
            return "number", [f"mean={column.mean!r}", f"deviation={column.deviation!r}"]
        case BooleanColumn():
            return "truth", [f"mean={column.mean!r}"]
        case CategoryColumn():
            return "category", [_wrapped([literal(value) for value in column.values])]


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
    rows = f"""
    inputs = np.array([features(row) for row in rows], {dtype})
    outputs = in_blocks(inputs)"""
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
        return [probabilities.strip("\n"), predict.strip("\n")]
    units = "" if (target.mean, target.deviation) == (0.0, 1.0) else f" * {target.deviation!r} + {target.mean!r}"
    predict = f'''
def predict(rows):
    """The prediction for each row, in the target's own units."""{rows}
    return outputs[:, 0].astype(np.float64){units}
'''
    return [predict.strip("\n")]


def main(table: Table, dtype: str, file: str) -> str:
    """The function that `python model.py rows.csv` runs; it prints as many digits as `plainnet predict` writes."""
    digits = "" if isinstance(table.target, ClassTarget) or dtype == "np.float64" else f".astype({dtype})"
    return MAIN.format(file=file, digits=digits).strip("\n")
