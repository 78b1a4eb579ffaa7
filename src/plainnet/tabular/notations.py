"""Numbers as tables write them: decimal commas, marks between thousands, units, dates.

A `Notation` says how one column writes its numbers. Training finds it from all of the column's values, and every later
reader takes it from there: `Table.read`, the exported script.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.dates import PATTERNS, days
from plainnet.tabular.description import as_dict
from plainnet.tabular.spelling import is_ascii
from plainnet.tabular.texts import each_different

if TYPE_CHECKING:
    import polars as pl

DECIMALS = (".", ",")
THOUSANDS = {"": "no mark", ",": "commas", ".": "points", "'": "apostrophes", " ": "spaces", "_": "underscores"}
CURRENCIES = re.compile(
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RON|RUB|SEK|SGD|THB|TRY|"
    "TWD|USD|ZAR|kr"
)
_UNIT = re.compile(r"[^\s\d+\-'_().,;:][^\d+\-'_()]{0,11}(?<!\s)")


@dataclass(frozen=True)
class Notation:
    """How a column writes its numbers: 1,234.50 or 1.234,50, 12%, $5, 5 kg, 2024-04-03.

    `decimal` is the decimal mark, `thousands` the mark between thousands (a number may also go without), `unit` what
    stands before or after each number. `date`, a key of `plainnet.tabular.dates.PATTERNS`, is the order of a date,
    whose number is the days since 1970-01-01.

    >>> Notation(decimal=",", thousands=".").number("1.234,5")
    1234.5
    >>> Notation(unit="$").number("-$3")
    -3.0
    >>> Notation(date="dmy").number("02.01.1970 12:00")
    1.5
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    date: str = ""

    def __post_init__(self) -> None:
        for name, text in asdict(self).items():
            if not isinstance(text, str):
                raise InvalidType(f"{name} of a notation is {text!r}; it takes text")
        if self.decimal not in DECIMALS or self.thousands not in THOUSANDS or self.thousands == self.decimal:
            raise InvalidValue(
                f"a notation has the decimal mark {self.decimal!r} and {self.thousands!r} between thousands; "
                f"it takes one of {DECIMALS}, and another one of {tuple(THOUSANDS)}"
            )
        if self.date and self.date not in PATTERNS:
            raise InvalidValue(f"date of a notation is {self.date!r}; it takes one of {tuple(PATTERNS)}")

    @property
    def pattern(self) -> str:
        """The regular expression of a value, for Python and for polars, after `plain_marks`; of dates for Python."""
        if self.date:
            return PATTERNS[self.date]
        whole, mark, unit = "[0-9]+", re.escape(self.thousands), re.escape(self.unit)
        if self.thousands:
            group = "[0-9]{2,3}" if self.thousands == "," else "[0-9]{3}"  # Indian: 12,34,567
            whole = f"(?:[1-9][0-9]{{0,2}}(?:{mark}{group})*{mark}[0-9]{{3}}|[0-9]+)"
        point = re.escape(self.decimal)
        number = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)"
        if not self.unit:
            words = "|(?i:nan|inf|infinity)" if self == PLAIN else ""
            return f"[+-]?(?:{number}(?:[eE][+-]?[0-9]+)?{words})"
        return f"(?:[+-]?{unit} ?|{unit} ?[+-]?){number}|[+-]?{number} ?{unit}"

    def number(self, text: str) -> float:
        """The number that a text writes; ValueError where it writes none."""
        if self.date:
            return days(text, self.pattern)
        return amount(text, self.pattern, self.unit, self.thousands, self.decimal)

    def numbers(self, column: pl.Series) -> pl.Series:
        """The number that each text writes, null where it writes none."""
        import polars as pl

        if self == PLAIN:
            return with_plain_marks(column).cast(pl.Float64, strict=False)
        if self.date:
            return each_different(column, self._number_or_none, pl.Float64)
        plain = with_plain_marks(column)
        whole = plain.str.contains(f"^(?:{self.pattern})$")
        for mark in (self.unit, self.thousands, " "):
            if mark:
                plain = plain.str.replace_all(mark, "", literal=True)
        plain = plain.str.replace(self.decimal, ".", literal=True)
        return plain.set(~whole, None).cast(pl.Float64, strict=False)

    def reads(self, text: str) -> bool:
        """Whether a text is a number in this notation."""
        return self._number_or_none(text) is not None

    def _number_or_none(self, text: str) -> float | None:
        try:
            return self.number(text)
        except ValueError:
            return None

    @property
    def kind(self) -> str:
        """What the values are: numbers, dates or times."""
        return "times" if self.date == "time" else "dates" if self.date else "numbers"

    @property
    def meaning(self) -> str:
        """What the numbers count, for a note."""
        return {"numbers": "numbers", "dates": "days since 1970-01-01", "times": "fractions of a day"}[self.kind]

    @property
    def name(self) -> str:
        """What is not plain about the numbers, for a note: "decimal commas and the unit '€'"."""
        if self.date:
            return self.kind
        marks = ["decimal commas"] * (self.decimal == ",")
        marks += [f"{THOUSANDS[self.thousands]} between thousands"] * bool(self.thousands)
        marks += [f"the unit {self.unit!r}"] * bool(self.unit)
        return " and ".join(marks) or "digits or signs outside ASCII"

    def to_dict(self) -> dict[str, str]:
        """What is not plain, as plain data."""
        return {name: text for name, text in asdict(self).items() if text != getattr(PLAIN, name)}

    @classmethod
    def from_dict(cls, where: str, data: Any) -> Notation:
        """The notation that `to_dict` described; InvalidValue for data that describe none."""
        try:
            return cls(**as_dict(where, data))
        except TypeError as error:
            raise InvalidValue(f"{where} is {data!r}: {error}") from None


PLAIN = Notation()
"""Numbers as programs write them: -1.5, 2e-3."""


# The exported script holds the text of the next two functions: they use the standard library alone, and their lines
# are as short as `ruff format` makes them without settings.


def plain_marks(text: str) -> str:
    """A text with ASCII digits, signs and spaces in place of others that mean the same."""
    same = {"\u2212": "-", "\u2013": "-", "\uff0d": "-", "\uff0b": "+", "\u2019": "'"}
    same |= {"\uff0c": ",", "\uff0e": ".", "\u066b": ",", "\u066c": "'"}
    same |= dict.fromkeys("\xa0\u2007\u2009\u202f", " ")
    marks = [same.get(mark, mark) for mark in text.strip()]
    return "".join(str(unicodedata.decimal(mark, mark)) for mark in marks)


def amount(text: str, pattern: str, unit: str, thousands: str, decimal: str) -> float:
    """The number that a text writes in the notation of its column."""
    plain = plain_marks(text)
    if not re.fullmatch(pattern, plain):
        raise ValueError(f"{text!r} is no number in the notation of this column")
    for mark in (unit, thousands, " "):
        plain = plain.replace(mark, "")
    return float(plain.replace(decimal, "."))


def with_plain_marks(column: pl.Series) -> pl.Series:
    """`plain_marks` of each text; most columns are ASCII and stay as they are."""
    import polars as pl

    return column if is_ascii(column) else each_different(column, plain_marks, pl.String)


def unit_of(text: str) -> str:
    """What stands before or after a number, empty where nothing does: '$' in -$5, 'kg' in 5 kg.

    Before a number only signs of currencies and their codes are units: A5 is a code.
    """
    plain = plain_marks(text)
    first, last = re.search("[0-9]", plain), re.search("[0-9][.,]?[^0-9]*$", plain)
    if not first or not last:
        return ""
    before = plain[: first.start()].strip(" +-.,")
    after = plain[last.start() + 1 :].strip() if plain[-1:] != "." else ""
    if before and not after:
        is_currency = unicodedata.category(before[-1]) == "Sc" or CURRENCIES.fullmatch(before)
        return before if is_currency and _UNIT.fullmatch(before) else ""
    return after if after and not before and _UNIT.fullmatch(after) else ""
