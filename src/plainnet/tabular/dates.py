"""Dates and times as numbers: days since 1970-01-01, with the time of day as a fraction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

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
}
"""The ways to write a date or a time; the name of the weekday may come first."""
EXAMPLES = {
    "ymd": "2024-04-03",
    "dmy": "03.04.2024 or 3 Apr 2024 (the day first)",
    "mdy": "04/03/2024 or Apr 3, 2024 (the month first)",
    "compact": "20240403T1230",
    "ym": "2024-04",
    "time": "12:30",
}
_MONTH_NAME = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
SHORT_YEAR = rf"[0-9]{{1,2}}((?P<s>[-/.])[0-9]{{1,2}}(?P=s)|[-/. ]{_MONTH_NAME}[-/. ]'?)[0-9]{{2}}{_TIME}"


# The exported script holds the text of the next function: it uses the standard library alone, and its lines are as
# short as `ruff format` makes them without settings.


def days(value: object, pattern: str) -> float:
    """A date in days since 1970-01-01 UTC; a time alone in days since midnight."""
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
    if part["half"] and 1 <= hour <= 12:
        hour = hour % 12 + 12 * (part["half"].lower() == "pm")
    elif part["half"]:
        raise ValueError(f"{value!r} is no time of day")
    if hour > 23 or minute > 59 or second >= 60:
        raise ValueError(f"{value!r} is no time of day")
    seconds = 3600 * hour + 60 * minute + second
    zone = part["zone"].replace(":", "").strip("ZUTCGM")
    if zone:
        east = 3600 * int(zone[1:3]) + 60 * int(zone[3:] or 0)
        seconds -= east if zone[0] == "+" else -east
    return result + seconds / 86400


def is_date(text: str, pattern: str) -> bool:
    """Whether `days` takes a text."""
    try:
        days(text, pattern)
    except ValueError:
        return False
    return True


def orders_of(texts: Sequence[str]) -> list[str]:
    """The keys of `PATTERNS` that fit every text.

    With points, and with a name for the month, the order is known: 03.04.2024 is the third of April wherever dates are
    written so.
    """
    found = [order for order, pattern in PATTERNS.items() if all(is_date(text, pattern) for text in texts)]
    if found == ["dmy", "mdy"] and all("." in text for text in texts):
        return ["dmy"]
    return found
