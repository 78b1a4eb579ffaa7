"""How a table file is read, where the file itself leaves it open."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.description import as_dict, require_keys

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""The texts that usually stand for a missing value in a text file."""


@dataclass(frozen=True)
class ReadOptions:
    """The choices of a reader of table files; the defaults suit most files.

    `missing` lists the texts of a text file that stand for a missing value, beside the empty field, which always
    does. None stands for the usual ones, `MISSING`: these are a guess, so in a column of text they yield to
    quotation marks ("NA" is then a value), and in the columns that `categories` names they are values as well. A
    list holds everywhere; an empty one leaves the empty field alone.

    `separator` is the character between the fields of a text file; None takes the one that its lines agree on.

    >>> ReadOptions(missing=["-", "n/a"]).missing
    ('-', 'n/a')
    """

    missing: tuple[str, ...] | None = None
    separator: str | None = None
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.missing is not None:
            markers = tuple(dict.fromkeys(text.strip() for text in _texts("missing", self.missing)))
            object.__setattr__(self, "missing", tuple(text for text in markers if text))
        object.__setattr__(self, "categories", tuple(_texts("categories", self.categories)))
        separator = self.separator
        if separator is not None and (len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0'):
            raise InvalidValue(
                f"separator is {separator!r}; it takes one character such as ',' or ';' that stands between the fields"
            )

    @property
    def markers(self) -> tuple[str, ...]:
        """The texts that stand for a missing value."""
        return MISSING if self.missing is None else ("", *self.missing)

    def missing_in(self, column: str) -> tuple[str, ...]:
        """The texts that stand for a missing value in one column."""
        return ("",) if self.missing is None and column in self.categories else self.markers

    def with_categories(self, names: Iterable[str]) -> ReadOptions:
        """The same options, with these columns among `categories`."""
        return replace(self, categories=tuple(dict.fromkeys([*self.categories, *names])))

    def to_dict(self) -> dict[str, Any]:
        """What a model keeps, as plain data: the separator belongs to a file and is not among it."""
        return {
            "missing": None if self.missing is None else list(self.missing),
            "categories": list(self.categories),
        }

    @classmethod
    def from_dict(cls, data: Any) -> ReadOptions:
        """The options that `to_dict` described; InvalidValue for data that describe none."""
        entries = as_dict("the options of the table", data)
        require_keys("the options of the table", entries, ("missing", "categories"))
        try:
            return cls(missing=entries["missing"], categories=entries["categories"])
        except InvalidType as error:
            raise InvalidValue(f"the options of the table: {error}") from None


def _texts(name: str, values: Any) -> Collection[str]:
    """`values` where it is a list of texts, or another collection of them."""
    if isinstance(values, str) or not isinstance(values, Collection) or not all(isinstance(v, str) for v in values):
        raise InvalidType(f"{name} is {values!r}; it takes a list of texts")
    return values


DEFAULT = ReadOptions()
