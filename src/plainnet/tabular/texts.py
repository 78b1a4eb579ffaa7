"""One form for each name and each category, whatever file it stands in."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
"""Characters without a picture: zero-width spaces and joiners, marks of direction, the soft hyphen."""
SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
_CHANGED = r"^\s|\s$|^[+-]?[0-9]+\.0+$|^(?i:true|false)$|^-0$"
"""This matches the ASCII texts that `as_text` changes."""


# The exported script holds the text of the next two functions: their lines are as short as `ruff format` makes them
# without settings.


def spelled(text: str) -> str:
    """Return a text in Unicode's composed form (NFC), without spaces and invisible characters at its ends.

    >>> spelled("cafe\\u0301\\u200b") == "caf\\u00e9"
    True
    """
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text).strip(SPACES + INVISIBLE)


def as_text(value: object) -> str:
    """Return a category as text: 3 for 3.0, true for True, and one form of each letter."""
    text = spelled(str(value))
    if text.lower() in ("true", "false"):
        return text.lower()
    text = re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", text)
    return "0" if text == "-0" else text


def spelled_column(column: pl.Series) -> pl.Series:
    """Apply `spelled` to each value of a column."""
    if is_ascii(column):
        return column.str.strip_chars()
    return column.str.normalize("NFC").str.strip_chars(SPACES + INVISIBLE)


def categories(column: pl.Series) -> pl.Series:
    """Apply `as_text` to each value of a column; null stays."""
    import polars as pl

    if column.dtype == pl.Null:
        return column.cast(pl.String)
    if column.dtype == pl.String and is_ascii(column) and not column.str.contains(_CHANGED).any():
        return column
    return each_different(column, as_text, pl.String)


def each_different(column: pl.Series, function: Callable[[Any], Any], dtype: Any) -> pl.Series:
    """Apply a function to each value of a column, called once for each different one; null stays."""
    import polars as pl

    values = column.drop_nulls().unique()
    made = pl.Series([function(value) for value in values], dtype=dtype)
    if not len(values):
        return column.cast(dtype)
    return column.replace_strict(values, made, default=None, return_dtype=dtype)


def is_ascii(column: pl.Series) -> bool:
    """Return True if each text is ASCII, as most are."""
    return bool((column.str.len_bytes() == column.str.len_chars()).all())


def argument(name: str) -> str:
    r"""Return a name as it is written on a command line in the list of an option.

    >>> argument("age"), argument("income, total")
    ('age', '\'"income, total"\'')
    """
    return shlex.quote('"' + name.replace('"', '""') + '"' if "," in name or name.startswith('"') else name)


def option(role: str, name: str) -> str:
    """Return how a caller names a column in an option: "ignore=['id'], --ignore id"."""
    return f"{role}=[{name!r}], --{role} {argument(name)}"
