"""Encode the rows of a frame: its columns in their kinds, a number for each value, and the features made of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.columns import Categories, Column
from plainnet.tabular.features import GROUPS, Features
from plainnet.tabular.kinds import Kind, Place, from_typed, kind_of, row_of_frame
from plainnet.tabular.texts import as_text

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 2**22
"""So many numbers are taken out of a frame at a time."""
BLOCK = 2**13
"""So many features are made at a time, so that what is in between stays in the processor's cache."""
PLURAL: dict[Kind, str] = {"number": "numbers", "boolean": "true and false", "category": "text"}


def positions(column: pl.Series, known: tuple[str | int | bool, ...]) -> Array:
    """Return the place of each value among the known ones, shape (rows,); -1 for any other and for a missing one.

    A text that is not known as it stands is known where `as_text` says the same of it and of a known one.
    """
    import polars as pl

    places = dict(zip(known, range(len(known)), strict=True))
    if column.dtype == pl.String:
        others = [value for value in column.drop_nulls().unique() if value not in places]
        alike = {as_text(value): places[value] for value in reversed(known)} if others else {}
        places |= {value: alike[as_text(value)] for value in others if as_text(value) in alike}
    return column.replace_strict(
        pl.Series(list(places), dtype=column.dtype), pl.Series(places.values()), default=-1, return_dtype=pl.Int64
    ).to_numpy()


def of_kinds(columns: Sequence[Column], frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame's columns of these names in their kinds; raise InvalidValue for another kind.

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
    """Return a column in its kind, which is the one learned or, if every value is missing, any."""
    column = from_typed(frame[name], row_of_frame)
    kind = kind_of(column)
    if kind in (learned, None):
        return column
    remedy = f"; read it as categories (categories=[{name!r}]), as Table.read does" if learned == "category" else ""
    raise InvalidValue(f"column {name!r} holds {PLURAL[kind or learned]} where training had {PLURAL[learned]}{remedy}")


def codes(columns: Sequence[Column], frame: pl.DataFrame) -> Iterator[tuple[int, Array]]:
    """Yield the place of each column with a number for each of its values, from a frame of the right kinds.

    Numbers and booleans (1 for true, 0 for false) are float64, NaN where missing. Categories are places among the
    learned ones: -1 for a value that training did not have, the number of categories where missing.
    """
    import polars as pl
    import polars.selectors as cs

    numeric = [place for place, column in enumerate(columns) if not isinstance(column, Categories)]
    size = max(1, AT_ONCE // max(1, len(frame)))
    for first in range(0, len(numeric), size):
        chosen = numeric[first : first + size]
        values = frame.select(cs.by_name([columns[place].name for place in chosen]).cast(pl.Float64)).to_numpy()
        for i, place in enumerate(chosen):
            yield place, values[:, i]
    for place, column in enumerate(columns):
        if isinstance(column, Categories):
            text = frame[column.name].cast(pl.String)
            yield place, np.where(text.is_null().to_numpy(), len(column.values), positions(text, column.values))


def places_of_features(columns: Sequence[Column]) -> list[list[slice]]:
    """Return the places of each column's `features` among those of the table: numbers, then plain ones, then codes."""
    places: list[list[slice]] = [[] for _ in columns]
    start = 0
    for group in GROUPS:
        for column, own in zip(columns, places, strict=True):
            for made in column.features:
                if made.group == group:
                    own.append(slice(start, start + len(made.names)))
                    start += len(made.names)
    return places


def encode(
    columns: Sequence[Column],
    places: Sequence[Sequence[slice]],
    frame: pl.DataFrame,
    dtype: np.dtype[Any],
    place: Place,
    first_row: int = 0,
) -> Array:
    """Return the features of the columns, shape (rows, features), from a frame of the right kinds.

    `places` are those of `places_of_features`.
    """
    features = np.empty((len(frame), max(own[-1].stop for own in places)), dtype)
    for i, values in codes(columns, frame):
        for made, own in zip(columns[i].features, places[i], strict=True):
            fill(features[:, own], made, values)
        first = places[i][0].start
        if columns[i].kind == "number" and not np.isfinite(features[:, first]).all():
            row = int((~np.isfinite(features[:, first])).argmax())
            raise InvalidValue(
                f"{place(first_row + row)}: column {columns[i].name!r} holds {values[row]:g}, too far from what "
                f"training had ({columns[i].in_training()}) for {dtype}; correct it, or leave the field empty"
            )
    return features


def fill(features: Array, made: Features, values: Array) -> None:
    """Make the features of a column's values, a block of rows at a time."""
    size = max(1, BLOCK // features.shape[1])
    with np.errstate(over="ignore"):
        for start in range(0, len(values), size):
            features[start : start + size] = made.of(values[start : start + size, np.newaxis])
