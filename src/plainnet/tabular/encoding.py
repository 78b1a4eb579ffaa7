"""A table's input columns as arrays: first a number for each value, then the features of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.columns import CategoryColumn, Column, positions
from plainnet.tabular.kinds import Kind, Place, from_typed, kind_of, row_of_frame

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 2**22
"""How many numbers are taken out of a frame at a time."""

PLURAL: dict[Kind, str] = {"number": "numbers", "boolean": "true and false", "category": "text"}


def of_kinds(columns: Sequence[Column], frame: pl.DataFrame) -> pl.DataFrame:
    """The frame's columns of these names in their kinds, as `from_typed` makes them; InvalidValue for another kind.

    A call of polars costs more than a column of a small table, so columns that are as they should be are looked at
    all at once.
    """
    import polars as pl
    import polars.selectors as cs

    dtypes = {"number": pl.Float64, "boolean": pl.Boolean, "category": pl.String}
    taken = frame.select(cs.by_name([column.name for column in columns]))
    schema = taken.schema
    found = taken.select(pl.col(pl.Float64).is_infinite().any())
    infinite = found.row(0, named=True) if found.width else {}
    changed = [
        column_of_kind(taken, column.name, column.kind)
        for column in columns
        if schema[column.name] != dtypes[column.kind] or column.kind == "category" or infinite.get(column.name)
    ]
    return taken.with_columns(pl.col(pl.Float64).fill_nan(None)).with_columns(changed)


def column_of_kind(frame: pl.DataFrame, name: str, learned: Kind) -> pl.Series:
    """A column in its kind, which is the one learned or, where every value is missing, any."""
    column = from_typed(frame[name], row_of_frame)
    kind = kind_of(column)
    if kind in (learned, None):
        return column
    remedy = f"; read it as categories (categories=[{name!r}]), as Table.read does" if learned == "category" else ""
    raise InvalidValue(f"column {name!r} holds {PLURAL[kind or learned]} where training had {PLURAL[learned]}{remedy}")


def codes(columns: Sequence[Column], frame: pl.DataFrame) -> Iterator[tuple[int, Array]]:
    """The place of each column with a number for each of its values, from a frame of the right kinds.

    Numbers and booleans (1 for true, 0 for false) are float64, NaN where missing. Categories are places among the
    learned ones: -1 for a value that training did not have, the number of categories where missing.
    """
    import polars as pl
    import polars.selectors as cs

    numeric = [place for place, column in enumerate(columns) if not isinstance(column, CategoryColumn)]
    size = max(1, AT_ONCE // max(1, len(frame)))
    for first in range(0, len(numeric), size):
        chosen = numeric[first : first + size]
        values = frame.select(cs.by_name([columns[place].name for place in chosen]).cast(pl.Float64)).to_numpy()
        for i, place in enumerate(chosen):
            yield place, values[:, i]
    for place, column in enumerate(columns):
        if isinstance(column, CategoryColumn):
            text = frame[column.name].cast(pl.String)
            yield place, np.where(text.is_null().to_numpy(), len(column.values), positions(text, column.values))


def encode(columns: Sequence[Column], frame: pl.DataFrame, dtype: np.dtype[Any], place: Place) -> Array:
    """The features of the columns, shape (rows, features), from a frame of the right kinds."""
    starts = np.cumsum([0, *(len(column.feature_names) for column in columns)])
    features = np.empty((len(frame), int(starts[-1])), dtype)
    for i, values in codes(columns, frame):
        own = features[:, starts[i] : starts[i + 1]]
        with np.errstate(over="ignore"):
            columns[i].write_features(values, own)
        if columns[i].kind == "number" and not np.isfinite(own[:, 0]).all():
            row = int((~np.isfinite(own[:, 0])).argmax())
            raise InvalidValue(
                f"{place(row)}: column {columns[i].name!r} holds {values[row]:g}, too far from what training had "
                f"({columns[i].summary}) for {dtype}; correct it, or leave the field empty"
            )
    return features
