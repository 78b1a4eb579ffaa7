"""The kinds of column: numbers (Float64), booleans (Boolean) and categories (String), null where missing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Literal, TypeAlias

from plainnet.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.markers import missing_hint, number_words, with_quoted, without
from plainnet.tabular.read_options import MISSING
from plainnet.tabular.spelling import composed_column, spelled_column

if TYPE_CHECKING:
    import polars as pl

Kind: TypeAlias = Literal["number", "boolean", "category"]
Place: TypeAlias = Callable[[int], str]
"""Where a row (counted from 0) stands, in the user's words: "penguins.csv, line 7"."""

LARGEST_EXACT = 2.0**53
"""Up to here every whole number is a float64 of its own."""


def row_of_frame(row: int) -> str:
    """The place of a row of a frame whose file is not known."""
    return f"row {row + 1}"


def kind_of(column: pl.Series) -> Kind | None:
    """The kind of a column that `from_text` or `from_typed` made; None where every value is missing."""
    import polars as pl

    if column.null_count() == len(column):
        return None
    if column.dtype == pl.Float64:
        return "number"
    return "boolean" if column.dtype == pl.Boolean else "category"


def from_text(
    column: pl.Series,
    place: Place,
    *,
    category: bool = False,
    missing: Collection[str] = MISSING,
    quoted: Array | None = None,
) -> pl.Series:
    """A column of a text file in the kind that all of its values share.

    Spaces and invisible characters around a value do not count, its characters are composed (NFC), and the
    markers in `missing` are missing values. What is left decides: all numbers, all true or false (in any case),
    or no number at all, which makes categories. `category` decides for categories whatever the values are. In
    categories the markers of the rows `quoted`, which stand in quotation marks, are values.

    Raises InvalidValue where numbers and text are mixed or a number is infinite, naming the first such place.
    """
    import polars as pl

    written = spelled_column(column)
    text = without(written, missing)
    if category:
        return with_quoted(text, written, quoted)
    numbers = text.cast(pl.Float64, strict=False)
    is_number = numbers.is_not_null()
    number_count, present_count = int(is_number.sum()), len(text) - text.null_count()
    if 0 < number_count == present_count:
        return _finite(numbers.fill_nan(None), place)
    if number_count > number_words(text, numbers):
        few_numbers = 2 * number_count < present_count
        odd = is_number if few_numbers else text.is_not_null() & ~is_number
        row = odd.arg_max() or 0
        hint = "" if few_numbers else missing_hint(text[row])
        raise InvalidValue(
            f"{place(row)}: column {column.name!r} holds {text[row]!r}, "
            f"{'a number among text' if few_numbers else 'text among numbers'}; {hint}correct it, or read the "
            f"column as categories (categories=[{column.name!r}], --categories {column.name})"
        )
    words = text.str.to_lowercase()
    if present_count > 0 and words.is_in(["true", "false"]).all():
        return words == "true"
    return with_quoted(text, written, quoted)


def from_typed(column: pl.Series, place: Place, *, category: bool = False) -> pl.Series:
    """A column of a Parquet file or a frame, whose type is known, in its kind; NaN is missing as null is.

    With `category` numbers and booleans become their text: 3.0 becomes "3", and true becomes "true".

    Raises InvalidValue for a type that is no number, boolean or text, and for an infinite number.
    """
    import polars as pl

    dtype = column.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return composed_column(column.cast(pl.String))
    if dtype == pl.Boolean or (category and dtype.is_integer()):
        return column.cast(pl.String) if category else column
    if not dtype.is_numeric():
        raise InvalidValue(
            f"column {column.name!r} is of type {dtype}; a table takes numbers, booleans and text: "
            f"convert the column, or leave it out (ignore=[{column.name!r}], --ignore {column.name})"
        )
    numbers = _finite(column.cast(pl.Float64).fill_nan(None), place)
    if not category:
        return numbers
    whole = is_whole(numbers)
    return numbers.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole, numbers.cast(pl.String))


def is_whole(numbers: pl.Series) -> pl.Series:
    """Which of the numbers are whole and small enough to be exact as float64; null where missing."""
    return (numbers == numbers.floor()) & (numbers.abs() <= LARGEST_EXACT)


def _finite(numbers: pl.Series, place: Place) -> pl.Series:
    infinite = numbers.is_infinite()
    if infinite.any():
        row = infinite.arg_max() or 0
        raise InvalidValue(
            f"{place(row)}: column {numbers.name!r} holds {numbers[row]}; numbers must be finite "
            "(leave a field empty where its value is not known)"
        )
    return numbers
