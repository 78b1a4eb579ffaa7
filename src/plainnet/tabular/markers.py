"""Texts that stand for a missing value: taking them out of a column, and saying what they may be."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import TYPE_CHECKING

from plainnet.arrays import Array

if TYPE_CHECKING:
    import polars as pl

LIKELY = (
    *(
        "-",
        "--",
        "---",
        "–",
        "—",
        ".",
        "..",
        "...",
        "*",
        "/",
        "?",
        "??",
        "na",
        "n/a",
        "n.a.",
        "n.a",
        "n/d",
        "n.d.",
        "nd",
    ),
    *("<na>", "nan", "nat", "none", "(none)", "nil", "null", "(null)", "[null]", "\\n", "missing", "(missing)"),
    *("unknown", "undefined", "not available", "void", "empty", "(empty)", "blank", "(blank)", "k.a."),
)
"""Texts, in small letters, that among numbers stand for a missing value more likely than for anything else."""


def without(text: pl.Series, markers: Collection[str]) -> pl.Series:
    """A column with null in place of each marker."""
    return text.set(text.is_in(list(markers)), None)


def with_quoted(text: pl.Series, written: pl.Series, quoted: Array | None) -> pl.Series:
    """The column of `without`, with the markers of the rows `quoted` as they were written."""
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
