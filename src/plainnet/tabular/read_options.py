"""How a table file is read, where the file itself leaves it open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.description import as_dict, require_keys
from plainnet.tabular.notations import DECIMALS, THOUSANDS, Notation

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

    `numbers` names columns that are numbers though they look like codes, with leading zeros for instance. `decimal`
    and `thousands` are the decimal mark and the mark between thousands, `dates` ("dmy" or "mdy") is the order of day
    and month; where None, the values of a column decide, and are refused where they leave it open.

    `notations` holds how columns write their numbers; where a column has none, its values decide. `spellings` holds
    how the file writes the classes of the target where that is not their plain text. Training puts in what it found,
    and its model reads later files by it.

    >>> ReadOptions(missing=["-", "n/a"]).missing
    ('-', 'n/a')
    """

    missing: tuple[str, ...] | None = None
    separator: str | None = None
    categories: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    decimal: str | None = None
    thousands: str | None = None
    dates: str | None = None
    notations: Mapping[str, Notation] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.decimal not in (None, *DECIMALS):
            raise InvalidValue(f"decimal is {self.decimal!r}; it takes '.' or ','")
        if self.thousands not in (None, *THOUSANDS) or self.thousands == (self.decimal or "none"):
            raise InvalidValue(
                f"thousands is {self.thousands!r}; it takes the mark between thousands, another than the decimal mark: "
                f"{', '.join(map(repr, THOUSANDS))}"
            )
        if self.dates not in (None, "dmy", "mdy"):
            raise InvalidValue(f"dates is {self.dates!r}; it takes 'dmy' (day, month, year) or 'mdy'")
        object.__setattr__(self, "numbers", tuple(_texts("numbers", self.numbers)))
        both = set(self.numbers) & set(self.categories)
        if both:
            raise InvalidValue(f"numbers and categories both name {min(both)!r}; a column is one of them")
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
            "notations": {name: notation.to_dict() for name, notation in self.notations.items()},
        }

    @classmethod
    def from_dict(cls, data: Any) -> ReadOptions:
        """The options that `to_dict` described; InvalidValue for data that describe none."""
        entries = as_dict("the options of the table", data)
        found = as_dict("notations of the table", entries.pop("notations", {}))
        require_keys("the options of the table", entries, ("missing", "categories"))
        notations = {name: Notation.from_dict(f"notation of column {name!r}", data) for name, data in found.items()}
        try:
            return cls(missing=entries["missing"], categories=entries["categories"], notations=notations)
        except InvalidType as error:
            raise InvalidValue(f"the options of the table: {error}") from None


def _texts(name: str, values: Any) -> Collection[str]:
    """`values` where it is a list of texts, or another collection of them."""
    if isinstance(values, str) or not isinstance(values, Collection) or not all(isinstance(v, str) for v in values):
        raise InvalidType(f"{name} is {values!r}; it takes a list of texts")
    return values


DEFAULT = ReadOptions()
