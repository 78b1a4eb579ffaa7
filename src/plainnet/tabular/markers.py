"""Some texts stand for a missing value: find those that may in columns of text, and hint at them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from plainnet.tabular.decisions import Counts, Decision
from plainnet.tabular.read_options import AMONG_NUMBERS, EXPORTED, MISSING, ReadOptions
from plainnet.tabular.texts import spelled_column

if TYPE_CHECKING:
    from plainnet.tabular.raw_table import RawTable

USUAL = MISSING[1:]
"""The empty field, which is never a value, is not among these."""
MANY = 0.05
"""A marker of so large a share of a column of text is worth a note, from three rows on."""


def missing_hint(text: str) -> str:
    """Return the way out for a text among numbers that looks like a marker of missing values; else nothing."""
    if text.lower() not in AMONG_NUMBERS and not text.startswith("#"):
        return ""
    return f"if it stands for a missing value, say so (missing=[{text!r}], --missing={shlex.quote(text)}); otherwise "


def with_markers(
    decisions: Sequence[Decision], raw: RawTable, frame: pl.DataFrame, options: ReadOptions
) -> list[Decision]:
    """Return the decisions with the texts that may stand for a missing value in a column of text.

    Those are the usual ones that took many values out of it, and all of them that stand there as values.
    """
    if not raw.is_text:
        return list(decisions)
    return [
        _with_markers(decision, raw, frame[decision.column], options)
        if decision.kind == "category" and raw.has_text(decision.column)
        else decision
        for decision in decisions
    ]


def _with_markers(decision: Decision, raw: RawTable, column: pl.Series, options: ReadOptions) -> Decision:
    number, many = raw.number(column.name), max(3, MANY * len(column))
    usual = options.missing is None and column.name not in options.categories
    taken: Counts = ()
    if usual and column.null_count() >= many:
        written = spelled_column(raw.frame.to_series(number)).filter(column.is_null())
        taken = tuple((marker, count) for marker, count in _counts(written, USUAL) if count >= many)
    may_be_kept = (*EXPORTED, *(USUAL if not usual or number in raw.quoted else ()))
    kept = () if options.missing == () else tuple(_counts(column, may_be_kept))  # () says that no text is missing
    return replace(decision, missing=decision.missing + taken, kept=kept) if taken or kept else decision


def _counts(texts: pl.Series, markers: Sequence[str]) -> list[tuple[str, int]]:
    """Return those of the markers that stand in a column, each with its number."""
    found = texts.filter(texts.is_in(markers))
    return list(found.value_counts(sort=True).iter_rows()) if len(found) else []
