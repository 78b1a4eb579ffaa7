"""ReadOptions hold what a table file itself leaves open to its reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from plainnet._base import checks
from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.description import as_dict, require_keys
from plainnet.tabular.notations import DECIMALS, THOUSANDS, Notation

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""The texts that usually stand for a missing value in a text file."""

EXPORTED = (
    *("\\N", "<NA>", "NaT", "(null)", "[null]", "(NULL)", "[NULL]", "#N/A", "#NA", "#NV", "#DIV/0!", "#VALUE!"),
    *("#REF!", "#NAME?", "#NUM!", "#NULL!", "#WERT!", "#BEZUG!", "#ZAHL!"),
)
"""Texts that databases, pandas and Excel write for a missing value, and people for nothing else: beside the usual
markers they get a note where they stand in a column of text."""

MARKERS = """
- -- --- – — . .. ... * / ? ?? nan na n/a n.a. n.a n/d n.d. nd k.a. none (none) nil
null (null) [null] \\n <na> nat missing (missing) unknown undefined void empty blank
#n/a #na #nv #div/0! #value! #ref! #name? #num! #null! #wert! #bezug! #zahl!
"""
AMONG_NUMBERS = tuple(MARKERS.split())
"""Texts, in small letters, that stand for a missing value where all else in a column is numbers or dates."""

ColumnKind: TypeAlias = Literal["number", "category", "date", "boolean", "ignore"]
KINDS: tuple[str, ...] = get_args(ColumnKind)
"""The kinds that a caller may give a column; one to ignore is not read."""


@dataclass(frozen=True)
class ReadOptions:
    """ReadOptions say how a table file is read; the defaults suit most files.

    The last two are what reading the training file found: its model reads later files by them. All others are the
    caller's choices.

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
    encoding: str | None = None
    """The encoding of a text file; None takes UTF-8, UTF-16 with its mark, or else Windows-1252."""
    sheet: str | None = None
    """The sheet of a workbook, by its name or its number from 1 on; None takes the first."""
    columns: Mapping[str, ColumnKind] = field(default_factory=dict)
    """The kind of a column, whatever its values show; the values of any other column decide."""
    categories: tuple[str, ...] = ()
    """The columns of `columns` that are categories; those given here are added to `columns`."""
    numbers: tuple[str, ...] = ()
    """The columns of `columns` that are numbers, with leading zeros for instance; those given here are added too."""
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
        self._take_columns()
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
        if self.encoding is not None:
            _check_encoding(self.encoding)
        separator = self.separator
        if separator is not None and (len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0'):
            raise InvalidValue(
                f"separator is {separator!r}; it takes one character such as ',' or ';' that stands between the fields"
            )

    def _take_columns(self) -> None:
        """Put the columns of `categories` and `numbers` with those of `columns`, and set all three."""
        if not isinstance(self.columns, Mapping):
            raise InvalidType(f"columns is {self.columns!r}; it takes a dict such as {{'zip': 'category'}}")
        columns = dict(self.columns)
        for name, kind in columns.items():
            checks.one_of(f"the kind of column {name!r}", kind, KINDS)
        for argument, kind in (("categories", "category"), ("numbers", "number")):
            for name in _texts(argument, getattr(self, argument)):
                if columns.setdefault(name, kind) != kind:
                    raise InvalidValue(
                        f"column {name!r} is to be a {columns[name]} and in {argument}; it is one of them"
                    )
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "categories", tuple(name for name, kind in columns.items() if kind == "category"))
        object.__setattr__(self, "numbers", tuple(name for name, kind in columns.items() if kind == "number"))

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return the columns that are not read."""
        return tuple(name for name, kind in self.columns.items() if kind == "ignore")

    @property
    def markers(self) -> tuple[str, ...]:
        """Return the texts that stand for a missing value."""
        return MISSING if self.missing is None else ("", *self.missing)

    def missing_in(self, column: str) -> tuple[str, ...]:
        """Return the texts that stand for a missing value in one column."""
        return ("",) if self.missing is None and column in self.categories else self.markers

    @property
    def among_numbers(self) -> tuple[str, ...]:
        """Return the texts, in small letters, that beside `markers` are missing where all else is numbers or dates."""
        return AMONG_NUMBERS if self.missing is None else ()

    def with_categories(self, names: Iterable[str]) -> ReadOptions:
        """Return the options with the columns `names` among `categories`."""
        return replace(self, categories=(*self.categories, *names))

    def to_dict(self) -> dict[str, Any]:
        """Return what a model keeps, as plain data; the separator, encoding and sheet belong to a file."""
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


def _check_encoding(encoding: str) -> None:
    try:
        "a".encode(encoding)
    except (LookupError, TypeError, ValueError):
        raise InvalidValue(
            f"encoding is {encoding!r}; it takes one that Python knows, such as utf-8, cp1252, latin-1 or utf-16"
        ) from None


def _texts(name: str, values: Any) -> tuple[str, ...]:
    """Return a list, or another collection, of texts as a tuple; raise InvalidType for anything else."""
    if isinstance(values, str) or not isinstance(values, Collection) or not all(isinstance(v, str) for v in values):
        raise InvalidType(f"{name} is {values!r}; it takes a list of texts")
    return tuple(values)


DEFAULT = ReadOptions()
