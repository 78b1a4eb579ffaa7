"""The columns of a table file, as `plainnet show` prints them: what each is read as, what it holds, and why."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from plainnet._base.wording import plural
from plainnet.cli import options
from plainnet.cli.display import UNLIMITED, console, plain_table
from plainnet.cli.measures import cut
from plainnet.cli.train_options import Reading
from plainnet.tabular.decisions import AS_SAID, Counts, Decision
from plainnet.tabular.learning import facts_of, useless_columns
from plainnet.tabular.reading import TypedTable, read_typed
from plainnet.tabular.scores import in_plain_figures
from plainnet.tabular.targets import decide_task
from plainnet.tabular.texts import spelled

if TYPE_CHECKING:
    import polars as pl

WIDEST_NAME = 28
WIDEST_VALUES = 32
MOST_VALUES = 4
ROOMY = 76
"""A console with fewer letters in a line than this has narrow gaps between the columns."""
WAY = "To read a column otherwise: --column NAME=KIND (number, category, date, boolean, ignore)"


def show_table(files: Sequence[Path], target: str | None, reading: Reading) -> None:
    """Print how each column of a table is read and which are no inputs."""
    target = None if target is None else spelled(target)
    typed = read_typed(files, ignore=reading.ignored, options=reading.options, target=target, say=False)
    task = None if target is None else decide_task(typed.frame, target)
    inputs = typed.frame if target is None else typed.frame.drop(target)
    useless = useless_columns(facts_of(inputs), typed.options.categories, most=None)
    about = (
        ""
        if target is None
        else f"; {target} is the target, of {'classes' if task == 'classification' else 'a quantity'}"
    )
    console.print(
        f"{options.named(files)}: {plural(len(typed.frame), 'row')}, {plural(len(typed.decisions), 'column')}{about}"
    )
    lines = [_line(decision, useless.get(decision.column), typed, target) for decision in typed.decisions]
    _print(lines)
    console.print(WAY)


@dataclass(frozen=True)
class _Line:
    """This is what is shown of one column."""

    name: str
    kind: str
    different: str
    missing: str
    values: str
    why: Text
    style: str | None


def _line(decision: Decision, no_input: Decision | None, typed: TypedTable, target: str | None) -> _Line:
    different = missing = ""
    values = decision.example
    if decision.column in typed.frame.columns:
        column = typed.frame[decision.column]
        different = f"{column.drop_nulls().n_unique():,}"
        missing = f"{column.null_count():,}" if column.null_count() else "·"
        values = values_of(column, decision)
    kind = (no_input or decision).kind
    style = "bold" if decision.column == target else "dim" if kind == "left out" else None
    why = _why(decision, no_input)
    return _Line(cut(decision.column, WIDEST_NAME), kind, different, missing, cut(values, WIDEST_VALUES), why, style)


def _print(lines: Sequence[_Line]) -> None:
    """Print a line per column; what has no room beside it stands below, and values that have none are left out."""
    heads = {"name": "column", "kind": "read as", "different": "different", "missing": "missing"}
    for more in ({"values": "values", "why": "why"}, {"values": "values"}, {}):
        shown = {**heads, **more}
        table = plain_table(*shown.values(), left=(0, 1, 4, 5))
        table.padding = (0, 0 if console.width < ROOMY else 1)
        for line in lines:
            table.add_row(*(getattr(line, part) for part in shown), style=line.style)
        if console.measure(table, options=console.options.update(width=UNLIMITED)).maximum <= console.width:
            break
    console.print(table)
    if "why" not in shown and any(line.why for line in lines):
        reasons = Table.grid("", "", padding=(0, 2))
        for line in lines:
            if line.why:
                reasons.add_row(line.name, line.why)
        console.print(reasons)
        console.print()


def values_of(column: pl.Series, decision: Decision) -> str:
    """Return what a column holds in a few words: the commonest categories, or the range of the numbers."""
    known = column.drop_nulls()
    if not len(known):
        return ""
    if decision.kind == "boolean":
        return f"{known.sum() / len(known):.0%} true"
    if decision.kind == "category":
        counts = known.alias("value").value_counts(sort=True).sort("count", "value", descending=[True, False])
        more = ", …" if len(counts) > MOST_VALUES else ""
        return ", ".join(counts["value"][:MOST_VALUES]) + more
    least, most = (_written(float(end), decision.kind) for end in (known.min(), known.max()))  # type: ignore[arg-type]
    return least if least == most else f"{least} … {most}"


def _written(number: float, kind: str) -> str:
    """Return a number as people write it: 0.5, 2024-04-03, 2024-04-03 12:30, 12:30."""
    if kind == "number":
        return f"{number:.10g}" if number == int(number) else in_plain_figures(number)
    moment = datetime(1970, 1, 1) + timedelta(days=number)
    if kind == "time":
        return f"{moment:%H:%M}"
    return f"{moment:%Y-%m-%d}" if number == int(number) else f"{moment:%Y-%m-%d %H:%M}"


def _why(decision: Decision, no_input: Decision | None) -> Text:
    """Return the reasons that are not plain from the kind, each with the option that decides otherwise."""
    reasons = [(one.reason, one.option) for one in (decision, no_input) if one and one.is_notable]
    if not reasons and (decision.kind == "left out" or decision.reason == AS_SAID):
        reasons = [(decision.reason, "")]
    if decision.missing:
        count = "counts" if len(decision.missing) == 1 else "count"
        reasons.append((f"{_listed(decision.missing)} {count} as missing", decision.option))
    if decision.kept:
        are_values = "is a value" if len(decision.kept) == 1 else "are values"
        reasons.append((f"{_listed(decision.kept)} {are_values}", f"--missing={shlex.quote(decision.kept[0][0])}"))
    parts = [Text.assemble(reason, (f": {option}", "cyan") if option else "") for reason, option in reasons]
    return Text("; ").join(parts)


def _listed(counts: Counts) -> str:
    return ", ".join(repr(text) for text, _ in counts)
