"""Categories as text: one text for one value, whatever file it stands in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plainnet.tabular.spelling import is_ascii, spelled

if TYPE_CHECKING:
    import polars as pl

_OTHER = r"^\s|\s$|^[+-]?[0-9]+\.0+$|^(?i:true|false)$|^-0$"
"""What an ASCII text that `as_text` changes looks like."""


# The exported script holds the text of this function: its lines are as short as `ruff format` makes them without
# settings.


def as_text(value: object) -> str:
    """A category as text: 3 for 3.0, true for True, and one form of each letter."""
    text = spelled(str(value))
    if text.lower() in ("true", "false"):
        return text.lower()
    text = re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", text)
    return "0" if text == "-0" else text


def categories(column: pl.Series) -> pl.Series:
    """`as_text` of each value; null stays."""
    import polars as pl

    if column.dtype == pl.Null:
        return column.cast(pl.String)
    if column.dtype == pl.String and is_ascii(column) and not column.str.contains(_OTHER).any():
        return column
    return each_different(column, as_text, pl.String)


def each_different(column: pl.Series, function: Callable[[Any], Any], dtype: Any) -> pl.Series:
    """A function of each value, called once for each different one; null stays."""
    import polars as pl

    values = column.drop_nulls().unique()
    made = pl.Series([function(value) for value in values], dtype=dtype)
    if not len(values):
        return column.cast(dtype)
    return column.replace_strict(values, made, default=None, return_dtype=dtype)
