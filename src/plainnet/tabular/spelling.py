"""One spelling of a name or a value: composed characters, and nothing invisible at its ends."""

from __future__ import annotations

import shlex
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
"""Characters without a picture: zero-width spaces and joiners, marks of direction, the soft hyphen."""
SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))


def spelled(text: str) -> str:
    """A text in Unicode's composed form (NFC), without spaces and invisible characters at its ends.

    >>> spelled("cafe\\u0301\\u200b") == "caf\\u00e9"
    True
    """
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text).strip(SPACES + INVISIBLE)


def spelled_column(column: pl.Series) -> pl.Series:
    """The column of a text file with `spelled` applied to each value."""
    if is_ascii(column):
        return column.str.strip_chars()
    return column.str.normalize("NFC").str.strip_chars(SPACES + INVISIBLE)


def composed_column(column: pl.Series) -> pl.Series:
    """A column of text whose spaces count, in Unicode's composed form."""
    return column if is_ascii(column) else column.str.normalize("NFC")


def argument(name: str) -> str:
    r"""A name as it is written on a command line in the list of an option.

    >>> argument("age"), argument("income, total")
    ('age', '\'"income, total"\'')
    """
    return shlex.quote('"' + name.replace('"', '""') + '"' if "," in name or name.startswith('"') else name)


def difference(first: str, second: str) -> str:
    """Where two names that may look the same differ, in words; nothing where their letters tell."""
    pairs = [(a, b) for a, b in zip(first, second, strict=False) if a != b]
    if len(first) != len(second) or not pairs or "".join(map("".join, pairs)).isascii():
        return ""
    here, there = (f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip() for letter in pairs[0])
    return f"{here} is not {there}"


def is_ascii(column: pl.Series) -> bool:
    """Whether each text is ASCII, as most are."""
    return bool((column.str.len_bytes() == column.str.len_chars()).all())
