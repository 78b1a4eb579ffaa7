"""A few lines on a table, printed before the training."""

from collections.abc import Iterator
from pathlib import Path

from plainnet._base.wording import plural
from plainnet.cli.display import console
from plainnet.cli.models import left_out
from plainnet.tabular import Table
from plainnet.tabular.columns import Categories
from plainnet.tabular.notations import PLAIN
from plainnet.tabular.parts import TablePart
from plainnet.tabular.preparing import Prepared

MOST_CLASSES = 5
MOST_NAMES = 12
KINDS = {"boolean": "true or false", "category": "categories"}


def introduce(prepared: Prepared) -> None:
    """Print the number of rows, the classes, the columns, and what is left out."""
    table, held_out = prepared.table, prepared.held_out
    rows = prepared.problem.rows
    console.print(f"{Path(rows.source).name}: {plural(len(rows), 'row')}, target {table.target.name}")
    _say_left_out(rows, "")
    if held_out.source != rows.source:
        console.print(f"{Path(held_out.source).name}: {plural(len(held_out), 'row')} to validate on")
        _say_left_out(held_out, f"{Path(held_out.source).name}: ")
    if table.classes:
        more = ", ..." if len(table.classes) > MOST_CLASSES else ""
        named = ", ".join(table.class_names[:MOST_CLASSES])
        console.print(f"classification, {len(table.classes)} classes: {named}{more}")
    else:
        console.print("regression")
    columns = plural(len(table.columns), "input column")
    console.print(f"{columns} as {plural(prepared.X.shape[1], 'feature')}")
    for line in column_lines(table):
        console.print(f"  {line}")
    console.print(f"{_division(prepared)}\n")


def _division(prepared: Prepared) -> str:
    """Say how the rows are divided."""
    parts, held_out = prepared.parts, prepared.held_out
    tested = f", {len(parts.test):,} to test" if len(parts.test) else ""
    if parts.folds:
        train, held = parts.folds[0]
        networks = plural(len(parts.folds), "network")
        return f"{networks}, each with about {plural(len(train), 'row')} to train on, {len(held):,} to validate{tested}"
    return f"{plural(len(parts.training), 'row')} to train on, {len(held_out):,} to validate{tested}"


def column_lines(table: Table) -> Iterator[str]:
    """Say how the columns are read, on one line for those that are read alike, of which it names the first."""
    alike: dict[str, list[str]] = {}
    for column in table.columns:
        notation = table.options.notations.get(column.name, PLAIN)
        kind = notation.described if column.kind == "number" else KINDS[column.kind]
        count = f" ({len(column.values)})" if isinstance(column, Categories) else ""
        alike.setdefault(kind, []).append(f"{column.name}{count}")
    for kind, names in alike.items():
        more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        yield f"{kind}: {', '.join(names[:MOST_NAMES])}{more}"


def _say_left_out(part: TablePart, prefix: str) -> None:
    for line in left_out(part):
        console.print(f"{prefix}{line}")
