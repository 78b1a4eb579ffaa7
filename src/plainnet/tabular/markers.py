"""Texts that stand for a missing value: taking them out of a column, and saying what they may be."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from plainnet._base.arrays import Array
from plainnet.tabular.read_options import MISSING, ReadOptions
from plainnet.tabular.spelling import argument, spelled_column

if TYPE_CHECKING:
    import polars as pl

    from plainnet.tabular.raw_table import RawTable

USUAL = MISSING[1:]
"""Without the empty field, which is never a value."""
MANY = 0.05
"""A marker of so large a share of a column of text is worth a note, from three rows on."""

EXPORTED = (
    "\\N",
    "<NA>",
    "NaT",
    "(null)",
    "[null]",
    "(NULL)",
    "[NULL]",
    "#N/A",
    "#NA",
    "#NV",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
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


def with_quoted(text: pl.Series, written: pl.Series, quoted: Array | None) -> pl.Series:
    """A column without its markers, but with those of the rows `quoted` as they were written."""
    return text if quoted is None else text.clone().scatter(quoted, written[quoted])


def number_words(text: pl.Series, numbers: pl.Series) -> int:
    """How many of the numbers are words that a parser of numbers knows: nan, inf and infinity, in any case."""
    is_word = numbers.is_nan() | numbers.is_infinite()
    return int((is_word & ~text.str.contains(r"\d")).sum()) if is_word.any() else 0


def missing_hint(text: str) -> str:
    """The way out for a text among numbers that looks like a marker of missing values; else nothing."""
    if text.lower() not in LIKELY and not text.startswith("#"):
        return ""
    return f"if it stands for a missing value, say so (missing=[{text!r}], --missing={shlex.quote(text)}); otherwise "


def notes_of_markers(raw: RawTable, frame: pl.DataFrame, options: ReadOptions) -> Iterator[str]:
    """Which markers took values out of columns of text, and which usual ones stand there as values, for the user."""
    import polars as pl

    taken: dict[str, list[tuple[str, int]]] = defaultdict(list)
    kept: dict[str, list[tuple[str, int]]] = defaultdict(list)
    many = max(3, MANY * len(frame))
    for name in frame.columns if raw.is_text else ():
        column, number = frame[name], raw.number(name)
        if column.dtype != pl.String:
            continue
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
        names = [name for name, _ in columns]
        yield (
            f"{marker!r} counts as a missing value in {_listed(columns)}; where it is a value, name the column in "
            f"categories (categories=[{names[0]!r}], --categories {argument(names[0])})"
        )
    for marker, columns in kept.items():
        yield (
            f"{marker!r} is a value in {_listed(columns)}; if it stands for a missing one, name it in missing "
            f"(missing=[{marker!r}], --missing={shlex.quote(marker)})"
        )


def _counts(texts: pl.Series, markers: Sequence[str]) -> list[tuple[str, int]]:
    """Those of the markers that stand in a column, with their number."""
    found = texts.filter(texts.is_in(markers))
    return list(found.value_counts(sort=True).iter_rows())


def _listed(columns: list[tuple[str, int]]) -> str:
    """Columns with their number of rows, the first three of them."""
    more = f" and {len(columns) - 3} more columns" if len(columns) > 3 else ""
    return ", ".join(f"column {name!r} ({count:,} rows)" for name, count in columns[:3]) + more
