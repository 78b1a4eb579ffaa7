"""Some texts stand for a missing value: hints and notes on those that may."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from plainnet.tabular.read_options import MISSING, ReadOptions
from plainnet.tabular.texts import option, spelled_column

if TYPE_CHECKING:
    from plainnet.tabular.raw_table import RawTable

USUAL = MISSING[1:]
"""The empty field, which is never a value, is not among these."""
MANY = 0.05
"""A marker of so large a share of a column of text is worth a note, from three rows on."""

EXPORTED = (
    *("\\N", "<NA>", "NaT", "(null)", "[null]", "(NULL)", "[NULL]"),
    *("#N/A", "#NA", "#NV", "#DIV/0!", "#VALUE!", "#REF!"),
)
"""Texts that databases, pandas and Excel write for a missing value, and people for nothing else: beside the usual
markers they get a note where they stand in a column of text."""

LIKELY = (
    *map(str.lower, EXPORTED),
    *("-", "--", "---", "–", "—", ".", "..", "...", "*", "/", "?", "??", "nan"),
    *("na", "n/a", "n.a.", "n.a", "n/d", "n.d.", "nd", "k.a.", "none", "(none)", "nil", "null"),
    *("missing", "(missing)", "unknown", "undefined", "not available", "void", "empty", "blank"),
)
"""Texts, in small letters, that among numbers stand for a missing value more likely than for anything else."""


def missing_hint(text: str) -> str:
    """Return the way out for a text among numbers that looks like a marker of missing values; else nothing."""
    if text.lower() not in LIKELY and not text.startswith("#"):
        return ""
    return f"if it stands for a missing value, say so (missing=[{text!r}], --missing={shlex.quote(text)}); otherwise "


def notes_of_markers(raw: RawTable, frame: pl.DataFrame, options: ReadOptions) -> Iterator[str]:
    """Say which markers took values out of columns of text, and which usual ones stand there as values."""
    taken: dict[str, list[tuple[str, int]]] = defaultdict(list)
    kept: dict[str, list[tuple[str, int]]] = defaultdict(list)
    many = max(3, MANY * len(frame))
    for name in frame.select(pl.col(pl.String)).columns if raw.is_text else ():
        column, number = frame[name], raw.number(name)
        usual = options.missing is None and name not in options.categories
        if usual and column.null_count() >= many:
            written = spelled_column(raw.frame.to_series(number)).filter(column.is_null())
            for marker, count in _counts(written, USUAL):
                if count >= many:
                    taken[marker].append((name, count))
        if options.missing == ():  # the user says that no text stands for a missing value
            continue
        usual_may_be_kept = not usual or number in raw.quoted
        for marker, count in _counts(column, (*EXPORTED, *(USUAL if usual_may_be_kept else ()))):
            kept[marker].append((name, count))
    for marker, columns in taken.items():
        yield (
            f"{marker!r} counts as a missing value in {_listed(columns)}; where it is a value, name the column in "
            f"categories ({option('categories', columns[0][0])})"
        )
    for marker, columns in kept.items():
        yield (
            f"{marker!r} is a value in {_listed(columns)}; if it stands for a missing one, name it in missing "
            f"(missing=[{marker!r}], --missing={shlex.quote(marker)})"
        )


def _counts(texts: pl.Series, markers: Sequence[str]) -> list[tuple[str, int]]:
    """Return those of the markers that stand in a column, each with its number."""
    found = texts.filter(texts.is_in(markers))
    return list(found.value_counts(sort=True).iter_rows())


def _listed(columns: list[tuple[str, int]]) -> str:
    """Name the first three columns with their number of rows, and say how many more there are."""
    more = f" and {len(columns) - 3} more columns" if len(columns) > 3 else ""
    return ", ".join(f"column {name!r} ({count:,} rows)" for name, count in columns[:3]) + more
