"""Rows by which the columns of a stream are decided on: some of all, and those that tell against what the others show.

The columns of a text file get their kinds from all of its values. So a pass over it looks at the form of every value,
and of each form that a column has, the evidence holds some rows. The columns of other files have types, and rows of a
few pieces tell them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from plainnet._base.arrays import Array
from plainnet.tabular.deciding import CODE
from plainnet.tabular.raw_table import RawTable, together
from plainnet.tabular.read_options import AMONG_NUMBERS
from plainnet.tabular.readings import ALL_GROUPED, E_CODE
from plainnet.tabular.streaming.portions import Portion

ROWS = 20_000
"""About so many rows of all pieces are drawn."""
OF_A_FORM = 2
"""So many rows of a piece show a form that a column has there."""
TYPED_PIECES = 16
"""The number of pieces from which rows are drawn, beside the first piece of each file, where columns have types."""

_FORMS = (
    r"\.",
    ",",
    "[0-9]",
    "[0-9]{4}",
    r"^\s*[^0-9\s]",
    r"[^0-9\s]\s*$",
    CODE,
    ALL_GROUPED,
    E_CODE,
    "(?i)^(?:true|false)$",
    r"^(?:1[3-9]|[23][0-9])[./-]",
    r"^[0-9]+[./-](?:1[3-9]|[23][0-9])[./-]",
)
"""Each of these is in some values and not in others of a column that is not what it seems to be."""


def evidence_of(portions: Sequence[Portion], rows: int) -> list[RawTable]:
    """Return the evidence of a rank's portions, file by file; `rows` are those of all ranks."""
    found: list[RawTable] = []
    seen: set[tuple[int, int, str]] = set()
    drawn = np.random.default_rng(0)
    spread = set(np.linspace(0, max(0, len(portions) - 1), TYPED_PIECES, dtype=int).tolist())
    files: set[str] = set()
    for i, portion in enumerate(portions):
        is_first = portion.piece.where not in files
        files.add(portion.piece.where)
        if found and not found[-1].is_text and not is_first and i not in spread:
            continue
        raw = portion.read()
        count = min(len(portion), max(1, round(ROWS * len(portion) / max(1, rows))))
        chosen = drawn.choice(len(portion), count, replace=False)
        if raw.is_text:
            chosen = np.concatenate([chosen, *_witnesses(raw, seen)])
        else:
            chosen = np.concatenate([chosen, _with_values(raw)])
        found.append(raw.take(np.unique(chosen)))
    return by_file(found)


def by_file(tables: Iterable[RawTable]) -> list[RawTable]:
    """Put the tables of one file together."""
    files: dict[str, list[RawTable]] = {}
    for table in tables:
        files.setdefault(table.where, []).append(table)
    return [
        replace(together(own), where=where).take(np.arange(sum(len(table.frame) for table in own)))
        for where, own in files.items()
    ]


def rows_against(raw: RawTable, columns: Sequence[str]) -> RawTable:
    """Return rows of a piece that show what some columns hold there: their ends, and a value."""
    rows: set[int] = set()
    for name in columns:
        values = raw.frame.to_series(raw.number(name))
        places = (values.arg_max(), values.arg_min(), values.is_not_null().arg_max())
        rows |= {int(row) for row in places if row is not None}
    return raw.take(np.array(sorted(rows), np.int64))


def _with_values(raw: RawTable) -> Array:
    """Return the first row with a value of each column."""
    firsts = {int(column.is_not_null().arg_max() or 0) for column in raw.frame.iter_columns()}
    return np.array(sorted(firsts), np.int64)


def _witnesses(raw: RawTable, seen: set[tuple[int, int, str]]) -> list[Array]:
    """Return rows of a text piece that have a value of a form that the column has not had `seen`."""
    found = [_with_values(raw)]
    for number, column in enumerate(raw.frame.iter_columns()):
        if column.dtype != pl.String:
            continue
        text = column.str.strip_chars()
        markers = text.str.to_lowercase().is_in(AMONG_NUMBERS)
        forms = text.cast(pl.Float64, strict=False).is_not_null().cast(pl.Int64) + 2 * markers.cast(pl.Int64)
        for power, pattern in enumerate(_FORMS, start=2):
            forms += 2**power * text.str.contains(pattern).cast(pl.Int64)
        for form in forms.drop_nulls().unique().to_list():
            rows = None
            for word in _markers(text, forms, form):
                if (number, form, word) in seen:
                    continue
                seen.add((number, form, word))
                rows = (forms == form).arg_true() if rows is None else rows
                own = rows.filter(text[rows] == word) if word else rows
                found.append(own[:OF_A_FORM].to_numpy().astype(np.int64))
    return found


def _markers(text: pl.Series, forms: pl.Series, form: int) -> list[str]:
    """Return the different markers of missing values of a form, each of which counts for itself; "" for other forms."""
    return text.filter(forms == form).unique().to_list() if form & 2 else [""]
