"""Counts, numbers, dates, settings and tables in words, alike in every output."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

GROUPED = 10_000
"""The least number written with a comma, so that 2009 can be a year."""
LARGE = 100_000
"""The number from which on numbers of a table have ten figures; smaller ones have six."""


def plural(count: int, noun: str) -> str:
    """Return '1 unit' or '1,200 units'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


MOST_NUMBERS = 4
"""The most numbers of a setting that `in_words` names; of more it says how many there are, and their range."""


def in_words(value: Any) -> str:
    """Return a setting for people: 'adam, learning rate 0.001'."""
    if isinstance(value, Mapping):
        if len(value) > MOST_NUMBERS and all(isinstance(part, float) for part in value.values()):
            return f"{len(value)} from {min(value.values()):.3g} to {max(value.values()):.3g}"
        parts = [f"{name.replace('_', ' ')} {_nested(part)}" for name, part in value.items() if name != "name"]
        return ", ".join([str(value["name"]), *parts] if "name" in value else parts)
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def _nested(value: Any) -> str:
    return f"({in_words(value)})" if isinstance(value, Mapping) else in_words(value)


def aligned(rows: Iterable[Sequence[str]], left: Iterable[int] = (0,)) -> list[str]:
    """Return a line of text for each row, the columns aligned: those of `left` to the left, all others to the right."""
    rows, left = list(rows), set(left)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return lines


def in_digits(value: float) -> str:
    """Return a number for people: 0.025, 2009, 100,500, 1e-06."""
    return f"{value:.10g}" if abs(value) < GROUPED else f"{value:,.10g}"


def in_figures(value: float, figures: int = 4) -> str:
    """Return a number for people, rounded to some significant figures: 0.4386, 100,500."""
    return in_digits(float(f"{value:.{figures}g}"))


def in_date(days: float) -> str:
    """Return the date of a number of days since 1970-01-01, or the number if there is no such date."""
    try:
        return str(date(1970, 1, 1) + timedelta(math.floor(days)))
    except OverflowError:
        return in_digits(days)


def in_cell(value: Any, *, is_date: bool = False) -> str:
    """Return a value of a table for people, "" for a missing one; dates are days since 1970-01-01."""
    if value is None:
        return ""
    if is_date:
        return in_date(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    return f"{value:.6g}" if abs(value) < LARGE else f"{value:.10g}"
