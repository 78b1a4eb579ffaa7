"""Decisions on the columns of a table: what each was read as, why, and which option decides otherwise."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from plainnet.tabular.texts import argument, option

ReadAs: TypeAlias = Literal["number", "date", "time", "boolean", "category", "left out"]
Counts: TypeAlias = tuple[tuple[str, int], ...]
"""Texts, each with the number of rows that hold it."""

AS_SAID = "as you say"
"""The reason of a decision that the user took."""
MEANINGS: dict[ReadAs, str] = {
    "number": "numbers",
    "date": "days since 1970-01-01",
    "time": "fractions of a day",
    "boolean": "booleans",
    "category": "categories",
}
"""The kinds of columns, in the words of a note."""


@dataclass(frozen=True)
class Decision:
    """A Decision says what a column was read as, why, and which option decides otherwise.

    >>> print(Decision("zip", "category", "leading zeros", "--numbers zip", "01002"))
    zip: category, leading zeros ('01002'); otherwise: --numbers zip
    """

    column: str
    kind: ReadAs
    reason: str
    """The finding in the column, such as "leading zeros"; for a column that is left out, the reason."""
    option: str = ""
    """The option of the command line that decides otherwise; empty if there is none."""
    example: str = ""
    """A value, as the file writes it, that shows the reason."""
    is_notable: bool = False
    """True if the user may not expect it; then a note says it."""
    missing: Counts = ()
    """The texts that count as missing values in the column and may be values."""
    kept: Counts = ()
    """The texts that are values in the column and may stand for missing ones."""

    def __str__(self) -> str:
        example = f" ({self.example!r})" if self.example else ""
        return f"{self.column}: {self.kind}, {self.reason}{example}" + (
            f"; otherwise: {self.option}" if self.option else ""
        )


def option_otherwise(kind: ReadAs, column: str) -> str:
    """Return the option of the command line that reads a column in another way than as `kind`."""
    return f"--{_role_otherwise(kind)} {argument(column)}"


def notes(decisions: Iterable[Decision]) -> Iterator[str]:
    """Say what the user may not expect of the decisions, once for columns that are alike."""
    alike: dict[tuple[str, ReadAs], list[Decision]] = defaultdict(list)
    taken: dict[str, list[tuple[str, int]]] = defaultdict(list)
    kept: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for decision in decisions:
        if decision.kind == "left out" and decision.is_notable:
            way = f"; {_ways('categories', decision.column)} keeps it" if decision.option else ""
            yield f"column {decision.column!r} is left out: {decision.reason}{way}"
        elif decision.is_notable:
            alike[decision.reason, decision.kind].append(decision)
        for found, counts in ((taken, decision.missing), (kept, decision.kept)):
            for marker, count in counts:
                found[marker].append((decision.column, count))
    for (reason, kind), some in alike.items():
        yield _note(reason, kind, [decision.column for decision in some], some[0].example)
    for marker, columns in taken.items():
        way = f"name the column in categories ({option('categories', columns[0][0])})"
        yield f"{marker!r} counts as a missing value in {_counted(columns)}; where it is a value, {way}"
    for marker, columns in kept.items():
        way = f"name it in missing (missing=[{marker!r}], --missing={shlex.quote(marker)})"
        yield f"{marker!r} is a value in {_counted(columns)}; if it stands for a missing one, {way}"


def _role_otherwise(kind: ReadAs) -> str:
    return "numbers" if kind == "category" else "categories"


def _note(reason: str, kind: ReadAs, names: Sequence[str], example: str) -> str:
    listed = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    many, other = len(names) > 1, _role_otherwise(kind)
    return (
        f"{'columns' if many else 'column'} {listed} {'hold' if many else 'holds'} {reason} ({example!r}) "
        f"and {'are' if many else 'is'} read as {MEANINGS[kind]}; "
        f"{_ways(other, names[0])} makes {other} of it"
    )


def _ways(role: str, name: str) -> str:
    return f"{role}=[{name!r}] (--{role} {argument(name)})"


def _counted(columns: list[tuple[str, int]]) -> str:
    """Name the first three columns with their number of rows, and say how many more there are."""
    more = f" and {len(columns) - 3} more columns" if len(columns) > 3 else ""
    return ", ".join(f"column {name!r} ({count:,} rows)" for name, count in columns[:3]) + more
