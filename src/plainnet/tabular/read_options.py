"""ReadOptions hold what a table file itself leaves open to its reader."""

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
    """ReadOptions say how a table file is read; the defaults suit most files.

    The first seven are the caller's choices. The last two are what reading the training file found: its model reads
    later files by them.

    >>> ReadOptions(missing=["-", "n/a"]).missing
    ('-', 'n/a')
    """

    missing: tuple[str, ...] | None = None
    """The texts of a text file that stand for a missing value, beside the empty field, which always does.

    None stands for the usual ones, `MISSING`: these are a guess, so in a column of text they yield to quotation marks
    ("NA" is then a value), and in the columns that `categories` names they are values as well. A list holds everywhere;
    an empty one leaves the empty field alone.
    """
    separator: str | None = None
    """The character between the fields of a text file; None takes the one that its lines agree on."""
    categories: tuple[str, ...] = ()
    """The columns that are categories whatever they hold."""
    numbers: tuple[str, ...] = ()
    """The columns that are numbers though they look like codes, with leading zeros for instance."""
    decimal: str | None = None
    """The decimal mark; where this or one of the next two is None, the values of a column decide, if they can."""
    thousands: str | None = None
    """The mark between thousands."""
    dates: str | None = None
    """The order of day and month: "dmy" or "mdy"."""
    notations: Mapping[str, Notation] = field(default_factory=dict)
    """These columns write their numbers so; the values of any other column decide."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """The file writes these classes of the target so; any other class is written as its plain text."""

    def __post_init__(self) -> None:
        for name in ("numbers", "categories"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        both = set(self.numbers) & set(self.categories)
        if both:
            raise InvalidValue(f"numbers and categories both name {min(both)!r}; a column is one of them")
        if self.missing is not None:
            markers = (text.strip() for text in _texts("missing", self.missing))
            object.__setattr__(self, "missing", tuple(dict.fromkeys(filter(None, markers))))
        if self.decimal not in (None, *DECIMALS):
            raise InvalidValue(f"decimal is {self.decimal!r}; it takes '.' or ','")
        if self.thousands not in (None, *THOUSANDS) or self.thousands == (self.decimal or "none"):
            raise InvalidValue(
                f"thousands is {self.thousands!r}; it takes the mark between thousands, another than the decimal mark: "
                f"{', '.join(map(repr, THOUSANDS))}"
            )
        if self.dates not in (None, "dmy", "mdy"):
            raise InvalidValue(f"dates is {self.dates!r}; it takes 'dmy' (day, month, year) or 'mdy'")
        separator = self.separator
        if separator is not None and (len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0'):
            raise InvalidValue(
                f"separator is {separator!r}; it takes one character such as ',' or ';' that stands between the fields"
            )

    @property
    def markers(self) -> tuple[str, ...]:
        """Return the texts that stand for a missing value."""
        return MISSING if self.missing is None else ("", *self.missing)

    def missing_in(self, column: str) -> tuple[str, ...]:
        """Return the texts that stand for a missing value in one column."""
        return ("",) if self.missing is None and column in self.categories else self.markers

    def with_categories(self, names: Iterable[str]) -> ReadOptions:
        """Return the options with these columns among `categories`."""
        return replace(self, categories=tuple(dict.fromkeys([*self.categories, *names])))

    def to_dict(self) -> dict[str, Any]:
        """Return what a model keeps, as plain data; the separator belongs to a file and is not part of it."""
        return {
            "missing": None if self.missing is None else list(self.missing),
            "categories": list(self.categories),
            "notations": {name: notation.to_dict() for name, notation in self.notations.items()},
        }

    @classmethod
    def from_dict(cls, data: Any) -> ReadOptions:
        """Return the options that `to_dict` described; raise InvalidValue for data that describe none."""
        entries = as_dict("the options of the table", data)
        found = as_dict("notations of the table", entries.pop("notations", {}))
        require_keys("the options of the table", entries, ("missing", "categories"))
        notations = {name: Notation.from_dict(f"notation of column {name!r}", data) for name, data in found.items()}
        try:
            return cls(missing=entries["missing"], categories=entries["categories"], notations=notations)
        except InvalidType as error:
            raise InvalidValue(f"the options of the table: {error}") from None


def _texts(name: str, values: Any) -> tuple[str, ...]:
    """Return a list, or another collection, of texts as a tuple; raise InvalidType for anything else."""
    if isinstance(values, str) or not isinstance(values, Collection) or not all(isinstance(v, str) for v in values):
        raise InvalidType(f"{name} is {values!r}; it takes a list of texts")
    return tuple(values)


DEFAULT = ReadOptions()
