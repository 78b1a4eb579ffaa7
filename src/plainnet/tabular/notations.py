"""Numbers and dates as tables write them: decimal commas, marks between thousands, units, orders of day and month.

A `Notation` says how one column writes its numbers. Training finds it from all of the column's values, and every later
reader takes it from there: `Table.read`, the exported script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.description import as_dict
from plainnet.tabular.texts import each_different, is_ascii

if TYPE_CHECKING:
    import polars as pl

DECIMALS = (".", ",")
THOUSANDS = {"": "no mark", ",": "commas", ".": "points", "'": "apostrophes", " ": "spaces", "_": "underscores"}
CURRENCIES = re.compile(
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RON|RUB|SEK|SGD|THB|TRY|"
    "TWD|USD|ZAR|kr"
)
GROUPED = r"(?:^|[^0-9])[1-9][0-9]{0,2}\.[0-9]{3}(?:[^0-9eE]|$)"
"""This finds a point that may stand between thousands: in 7.000, not in 7.5 or 0.250."""
_UNIT = re.compile(r"[^\s\d+\-'_().,;:][^\d+\-'_()]{0,11}(?<!\s)")

_MONTH = r"(?P<m>[0-9]{1,2}|[A-Za-z]{3,9}\.?)"
_DAY, _YEAR, _TWO = r"(?P<d>[0-9]{1,2})", r"(?P<y>[0-9]{4})", "[0-9]{2}"
_CLOCK = r"(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(:(?P<S>[0-9]{2}([.,][0-9]+)?))?( ?(?P<half>[AaPp][Mm]))?"
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)?"
_WEEKDAY = r"((Mon|Tue(s)?|Wed(nes)?|Thu(rs)?|Fri|Sat(ur)?|Sun)(day)?,? )?"
_TIME = rf"(([Tt]|,? ) ?{_CLOCK} ?{_ZONE})?"

PATTERNS = {
    "ymd": rf"{_YEAR}(?P<s>[-/.]){_MONTH}(?P=s){_DAY}{_TIME}",
    "dmy": rf"{_WEEKDAY}{_DAY}(?P<s>[-/. ]) ?{_MONTH}(?P=s){_YEAR}{_TIME}",
    "mdy": rf"{_WEEKDAY}{_MONTH}(?P<s>[-/. ]){_DAY}(,? |(?P=s)){_YEAR}{_TIME}",
    "compact": rf"{_YEAR}(?P<m>{_TWO})(?P<d>{_TWO})T(?P<H>{_TWO})(?P<M>{_TWO})(?P<S>{_TWO})?{_ZONE}",
    "ym": rf"{_YEAR}-(?P<m>{_TWO})",
    "time": _CLOCK,
    "digits": rf"{_YEAR}(?P<m>{_TWO})(?P<d>{_TWO})",
}
"""The ways to write a date or a time; the name of the weekday may come first."""
FOUND = [order for order in PATTERNS if order != "digits"]
"""The ways that are found by themselves; dates in digits alone are numbers unless a caller says that they are dates."""
EXAMPLES = {
    "ymd": "2024-04-03",
    "dmy": "03.04.2024 or 3 Apr 2024 (the day first)",
    "mdy": "04/03/2024 or Apr 3, 2024 (the month first)",
    "compact": "20240403T1230",
    "ym": "2024-04",
    "time": "12:30",
    "digits": "20240403",
}
_MONTH_NAME = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
SHORT_YEAR = rf"[0-9]{{1,2}}((?P<s>[-/.])[0-9]{{1,2}}(?P=s)|[-/. ]{_MONTH_NAME}[-/. ]'?)[0-9]{{2}}{_TIME}"


@dataclass(frozen=True)
class Notation:
    """A Notation says how a column writes its numbers: 1,234.50 or 1.234,50, 12%, $5, 5 kg, 2024-04-03.

    `decimal` is the decimal mark, `thousands` the mark between thousands (a number may also go without), `unit` what
    stands before or after each number. `date`, a key of `PATTERNS`, is the order of a date, whose number is the days
    since 1970-01-01. `whole` is True if training saw whole numbers alone, some of a thousand or more, without a mark:
    7.000 may then be 7 or 7000, and is no number.

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
    whole: bool = False

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, bool if name == "whole" else str):
                kind = "true or false" if name == "whole" else "text"
                raise InvalidType(f"{name} of a notation is {value!r}; it takes {kind}")
        if self.decimal not in DECIMALS or self.thousands not in THOUSANDS or self.thousands == self.decimal:
            raise InvalidValue(
                f"a notation has the decimal mark {self.decimal!r} and {self.thousands!r} between thousands; "
                f"it takes one of {DECIMALS}, and another one of {tuple(THOUSANDS)}"
            )
        if self.date and self.date not in PATTERNS:
            raise InvalidValue(f"date of a notation is {self.date!r}; it takes one of {tuple(PATTERNS)}")

    @property
    def is_plain(self) -> bool:
        """Return True if numbers are written as programs do."""
        return replace(self, whole=False) == PLAIN

    @property
    def pattern(self) -> str:
        """Return the pattern of a value after `plain_marks`, for Python and polars; of dates for Python alone."""
        if self.date:
            return PATTERNS[self.date]
        whole, mark, unit = "[0-9]+", re.escape(self.thousands), re.escape(self.unit)
        if self.thousands:
            group = "[0-9]{2,3}" if self.thousands == "," else "[0-9]{3}"  # Indian: 12,34,567
            whole = f"(?:[1-9][0-9]{{0,2}}(?:{mark}{group})*{mark}[0-9]{{3}}|[0-9]+)"
        point = re.escape(self.decimal)
        number = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)"
        if not self.unit:
            words = "|(?i:nan|inf|infinity)" if self.is_plain else ""
            return f"[+-]?(?:{number}(?:[eE][+-]?[0-9]+)?{words})"
        return f"(?:[+-]?{unit} ?|{unit} ?[+-]?){number}|[+-]?{number} ?{unit}"

    def number(self, text: str) -> float:
        """Return the number that a text writes; raise ValueError if it writes none."""
        if self.date:
            return days(text, self.pattern)
        return amount(text, self.pattern, self.unit, self.thousands, self.decimal, self.whole)

    def numbers(self, column: pl.Series) -> pl.Series:
        """Return the number that each text writes, null where it writes none."""
        import polars as pl

        if self.date:
            return each_different(column, self._number_or_none, pl.Float64)
        text = column if is_ascii(column) else each_different(column, plain_marks, pl.String)
        if self.whole:
            text = text.set(text.str.contains(GROUPED).fill_null(False), None)
        if not self.is_plain:
            is_number = text.str.contains(f"^(?:{self.pattern})$")
            for mark in (self.unit, self.thousands, " "):
                text = text.str.replace_all(mark, "", literal=True) if mark else text
            text = text.str.replace(self.decimal, ".", literal=True).set(~is_number, None)
        return text.cast(pl.Float64, strict=False)

    def reads(self, text: str) -> bool:
        """Return True if a text is a number in this notation."""
        return self._number_or_none(text) is not None

    def _number_or_none(self, text: str) -> float | None:
        try:
            return self.number(text)
        except ValueError:
            return None

    @property
    def kind(self) -> str:
        """Say what the values are: numbers, dates or times."""
        return "times" if self.date == "time" else "dates" if self.date else "numbers"

    @property
    def meaning(self) -> str:
        """Say what the numbers count, for a note."""
        return {"numbers": "numbers", "dates": "days since 1970-01-01", "times": "fractions of a day"}[self.kind]

    @property
    def name(self) -> str:
        """Say what is not plain about the numbers, for a note: "decimal commas and the unit '€'"."""
        if self.date:
            return self.kind
        marks = ["decimal commas"] * (self.decimal == ",")
        marks += [f"{THOUSANDS[self.thousands]} between thousands"] * bool(self.thousands)
        marks += [f"the unit {self.unit!r}"] * bool(self.unit)
        return " and ".join(marks) or "digits or signs outside ASCII"

    @property
    def described(self) -> str:
        """Say what a column holds, for a message: "numbers with decimal commas", "dates as 2024-04-03"."""
        if self.date:
            return f"{self.kind} as {EXAMPLES[self.date]}"
        return self.kind if self.is_plain else f"{self.kind} with {self.name}"

    def to_dict(self) -> dict[str, Any]:
        """Return what is not plain, as plain data."""
        return {name: value for name, value in asdict(self).items() if value != getattr(PLAIN, name)}

    @classmethod
    def from_dict(cls, where: str, data: Any) -> Notation:
        """Return the notation that `to_dict` described; raise InvalidValue for data that describe none."""
        try:
            return cls(**as_dict(where, data))
        except TypeError as error:
            raise InvalidValue(f"{where} is {data!r}: {error}") from None


PLAIN = Notation()
"""Numbers as programs write them: -1.5, 2e-3."""
WHOLE = Notation(whole=True)


# The exported script holds the text of the next three functions: they use the standard library alone, and their lines
# are as short as `ruff format` makes them without settings.


def days(value: object, pattern: str) -> float:
    """Return a date in days since 1970-01-01 UTC; a time alone in days since midnight."""
    found = re.fullmatch(pattern, str(value).strip())
    if not found:
        raise ValueError(f"{value!r} is no date in the form of this column")
    part = dict.fromkeys(("y", "m", "d", "H", "M", "S", "half", "zone"), "")
    part |= {name: text for name, text in found.groupdict().items() if text}
    result, month = 0, part["m"].lower().rstrip(".")
    if part["y"]:
        months = "january february march april may june july august september "
        names = (months + "october november december").split()
        if not month.isdecimal():
            month = str([name.startswith(month) for name in names].index(True) + 1)
        day = date(int(part["y"]), int(month), int(part["d"] or 1))
        result = day.toordinal() - date(1970, 1, 1).toordinal()
    hour, minute = int(part["H"] or 0), int(part["M"] or 0)
    second = float(part["S"].replace(",", ".") or 0)
    if part["half"]:
        after_noon = 12 * (part["half"].lower() == "pm")
        hour = hour % 12 + after_noon if 1 <= hour <= 12 else 24
    if hour > 23 or minute > 59 or second >= 60:
        raise ValueError(f"{value!r} is no time of day")
    seconds = 3600 * hour + 60 * minute + second
    zone = part["zone"].replace(":", "").strip("ZUTCGM")
    if zone:
        east = 3600 * int(zone[1:3]) + 60 * int(zone[3:] or 0)
        seconds -= east if zone[0] == "+" else -east
    return result + seconds / 86400


def plain_marks(text: str) -> str:
    """Put ASCII digits, signs and spaces in place of others that mean the same."""
    same = {"\u2212": "-", "\u2013": "-", "\uff0d": "-", "\uff0b": "+", "\u2019": "'"}
    same |= {"\uff0c": ",", "\uff0e": ".", "\u066b": ",", "\u066c": "'"}
    same |= dict.fromkeys("\xa0\u2007\u2009\u202f", " ")
    marks = [same.get(mark, mark) for mark in text.strip()]
    return "".join(str(unicodedata.decimal(mark, mark)) for mark in marks)


def amount(
    text: str,
    pattern: str,
    unit: str = "",
    thousands: str = "",
    decimal: str = ".",
    whole: bool = False,
) -> float:
    """Return the number that a text writes in the notation of its column."""
    plain = plain_marks(text)
    if not re.fullmatch(pattern, plain):
        raise ValueError(f"{text!r} is no number in the notation of this column")
    if whole and re.search(GROUPED, plain):
        raise ValueError(f"the point in {text!r} may stand between thousands")
    for mark in (unit, thousands, " "):
        plain = plain.replace(mark, "")
    return float(plain.replace(decimal, "."))


def unit_of(text: str) -> str:
    """Return what stands before or after a number: '$' in -$5, 'kg' in 5 kg; empty if nothing does.

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


def orders_of(texts: Sequence[str], asked: bool = False) -> list[str]:
    """Return the keys of `PATTERNS` that fit every text; those that are not `FOUND` only if `asked`.

    With points, and with a name for the month, the order is known: 03.04.2024 is the third of April wherever dates are
    written so.
    """
    found = [order for order in (PATTERNS if asked else FOUND) if all(map(Notation(date=order).reads, texts))]
    if found == ["dmy", "mdy"] and all("." in text for text in texts):
        return ["dmy"]
    return found


def nearest_order(texts: Sequence[str]) -> str:
    """Return the key of `PATTERNS` that fits most texts."""
    return max(PATTERNS, key=lambda order: sum(map(Notation(date=order).reads, texts)))
