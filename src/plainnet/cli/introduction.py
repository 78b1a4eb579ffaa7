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
    console.print(f"{Path(rows.source).name}: {plural(prepared.rows, 'row')}, target {table.target.name}")
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
    console.print(f"{columns} as {plural(len(table.feature_names), 'feature')}")
    for line in column_lines(table):
        console.print(f"  {line}")
    console.print(_division(prepared))
    for line in _of_stream(prepared):
        console.print(line)
    console.print()


def _division(prepared: Prepared) -> str:
    """Say how the rows are divided."""
    parts, held_out = prepared.parts, prepared.held_out
    tested = f", {len(parts.test):,} to test" if len(parts.test) else ""
    if parts.folds:
        train, held = parts.folds[0]
        networks = plural(len(parts.folds), "network")
        return f"{networks}, each with about {plural(len(train), 'row')} to train on, {len(held):,} to validate{tested}"
    return f"{plural(prepared.to_train, 'row')} to train on, {len(held_out):,} to validate{tested}"


def _of_stream(prepared: Prepared) -> Iterator[str]:
    """Say how the rows of a stream are held, and what happens to ranks if one of them ends."""
    stream = prepared.stream
    if stream is None:
        return
    if stream.nowhere:
        yield f"{stream.nowhere:,} of the last rows are left out, as enough of them are drawn"
    kept = "kept in memory" if stream.in_memory else "read in pieces, again in each epoch"
    if stream.ranks.size == 1:
        yield f"The rows to train on are {kept}"
        return
    each = round(stream.to_train / stream.ranks.size)
    yield f"{stream.ranks.size} ranks, each with about {each:,} rows to train on, {kept}"
    yield "If one of them dies, all end; the same command with --checkpoint FILE --resume goes on from the checkpoint"


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
