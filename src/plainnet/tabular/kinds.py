"""A column is of one kind: numbers (Float64), booleans (Boolean) or categories (String), null where missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from plainnet.errors import InvalidValue
from plainnet.tabular.notations import PLAIN, Notation
from plainnet.tabular.texts import as_text, each_different, is_ascii, option

if TYPE_CHECKING:
    import polars as pl

Kind: TypeAlias = Literal["number", "boolean", "category"]
Place: TypeAlias = Callable[[int], str]
"""A function that says in the user's words where a row (counted from 0) stands: "penguins.csv, line 7"."""

LARGEST_EXACT = 2.0**53
"""The bound up to which every whole number is a float64 of its own."""
MICROSECONDS_A_DAY = 86_400_000_000


def row_of_frame(row: int) -> str:
    """Say where a row stands in a frame whose file is not known."""
    return f"row {row + 1}"


def kind_of(column: pl.Series) -> Kind | None:
    """Return the kind of a column that `decide` or `from_typed` made; None if every value is missing."""
    import polars as pl

    if column.null_count() == len(column):
        return None
    if column.dtype == pl.Float64:
        return "number"
    return "boolean" if column.dtype == pl.Boolean else "category"


def from_typed(
    column: pl.Series, place: Place, *, category: bool = False, notation: Notation | None = None
) -> pl.Series:
    """Return a column of a Parquet file or a frame, whose type is known, in its kind; NaN is missing as null is.

    Dates and times are numbers: days since 1970-01-01, or since midnight. Whole numbers that a float cannot hold
    exactly are categories. With `category` numbers and booleans become their text: 3.0 becomes "3", and true becomes
    "true". `notation` is what training had, if the column is a number.

    Raises InvalidValue for a type that is no number, boolean, date or text, for dates where training had numbers and
    the reverse, and for an infinite number.
    """
    import polars as pl

    dtype = column.dtype
    if dtype == pl.Float64 and not category and notation is None:
        return finite(column, place)
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        text = column.cast(pl.String)
        return text if is_ascii(text) else text.str.normalize("NFC")  # spaces count here
    typed = notation_of_type(dtype)
    if not dtype.is_numeric() and dtype != pl.Boolean and typed is None:
        raise InvalidValue(
            f"column {column.name!r} is of type {dtype}; a table takes numbers, booleans, dates and text: "
            f"convert the column, or leave it out ({option('ignore', column.name)})"
        )
    if dtype != pl.Boolean and notation is not None and (typed or PLAIN).kind != notation.kind:
        raise InvalidValue(f"column {column.name!r} is of type {dtype} where training had {notation.kind}")
    if dtype == pl.Boolean:
        return column.cast(pl.String) if category else column
    if category or (notation is None and loses_digits(column)):
        return each_different(column.fill_nan(None) if dtype.is_float() else column, as_text, pl.String)
    if dtype == pl.Time:
        return column.cast(pl.Int64).cast(pl.Float64) / (1000 * MICROSECONDS_A_DAY)
    if typed:
        return column.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / MICROSECONDS_A_DAY
    return finite(column.cast(pl.Float64), place)


def notation_of_type(dtype: pl.DataType) -> Notation | None:
    """Return the notation that a date or time of this type has in a text file; None for any other type."""
    import polars as pl

    if dtype == pl.Time:
        return Notation(date="time")
    return Notation(date="ymd") if dtype in (pl.Date, pl.Datetime) else None


def loses_digits(column: pl.Series) -> bool:
    """Return True if a typed column holds a whole number that a float64 cannot hold."""
    import polars as pl

    dtype = column.dtype
    if not (dtype.is_integer() or (isinstance(dtype, pl.Decimal) and dtype.scale == 0)):
        return False
    exact = column.drop_nulls().cast(pl.Int128)
    return bool(((exact.abs() > int(LARGEST_EXACT)) & (exact.cast(pl.Float64).cast(pl.Int128) != exact)).any())


def has_thousands(column: pl.Series) -> bool:
    """Return True for whole numbers some of which, of a thousand or more, have no mark between thousands."""
    ends = (column.min(), column.max()) if column.dtype.is_integer() else ()
    return any(isinstance(end, int) and abs(end) >= 1000 for end in ends)


def is_whole(numbers: pl.Series) -> pl.Series:
    """Mark the numbers that are whole and small enough to be exact as float64; null where missing."""
    return (numbers == numbers.floor()) & (numbers.abs() <= LARGEST_EXACT)


def finite(numbers: pl.Series, place: Place) -> pl.Series:
    """Return the numbers with null in place of NaN; raise InvalidValue if one is infinite."""
    if np.isfinite(numbers.to_numpy()).all():  # as in most columns
        return numbers
    infinite = numbers.is_infinite()
    if infinite.any():
        row = infinite.arg_max() or 0
        raise InvalidValue(
            f"{place(row)}: column {numbers.name!r} holds {numbers[row]}; numbers must be finite "
            "(leave a field empty where its value is not known)"
        )
    return numbers.fill_nan(None)
