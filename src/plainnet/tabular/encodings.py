"""The formulas from a column's values to features; every reader of a table takes them from here.

`values` is a float64 array with the number of each value: the number itself, 1 for true and 0 for false, or the place
of a category among those of training, -1 if training did not have it and the number of categories if it is missing. A
missing number or boolean is NaN. Numbers of days are dates: days since 1970-01-01. The functions are traced for ONNX
and C, and exported scripts hold their source; their lines are as short as `ruff format` makes them without settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

# ---- numbers ----


def standardized(values: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Return (x - mean) / deviation, 0 where the number is missing."""
    return np.where(np.isnan(values), 0.0, (values - mean) / deviation)


def smooth_clip(z: np.ndarray) -> np.ndarray:
    """Return z / √(1 + (z/3)²), which lies between -3 and 3 and is close to z near 0."""
    near = np.minimum(np.maximum(z, -1e9), 1e9)  # farther out it is 3 to the last bit
    return near / np.sqrt(1 + (near / 3) * (near / 3))


def robust(values: np.ndarray, center: float, spread: float, missing: float) -> np.ndarray:
    """Return the smooth clip of (x - center) / spread, and `missing` for NaN."""
    z = (values - center) / spread
    return np.where(np.isnan(values), missing, smooth_clip(z))


# ---- truth values and categories ----


def truth(values: np.ndarray, mean: float) -> np.ndarray:
    """Return 1 for true, 0 for false, the mean where the value is missing."""
    return np.where(np.isnan(values), mean, values)


def one_hot(
    values: np.ndarray,
    on: Sequence[float],
    off: Sequence[float],
) -> np.ndarray:
    """Return for each category its number in `on` if it is the value, else in `off`."""
    places = np.arange(len(on), dtype=np.float64)
    return np.where(values == places, np.array(on), np.array(off))


def two_valued(values: np.ndarray, first: float, second: float, unknown: float) -> np.ndarray:
    """Return one number for 0, one for 1, and one for any other value or none."""
    return np.where(values == 0, first, np.where(values == 1, second, unknown))


def code(values: np.ndarray, count: int) -> np.ndarray:
    """Return 1 for the first of `count` categories, and 0 for any other value or none."""
    return np.where((values >= 0) & (values < count), values + 1, 0)


def mark(values: np.ndarray, missing: float = 1.0, present: float = 0.0) -> np.ndarray:
    """Return one number where the number or truth value is missing, else the other."""
    return np.where(np.isnan(values), missing, present)


# ---- parts of dates ----
#
# A half is added before a division is rounded down, so that a reader which multiplies
# by the reciprocal gives the same whole number.


def from_march(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the year and the days since the first of March with which it begins.

    A leap day is then the last day of its year: Howard Hinnant, "chrono-Compatible
    Low-Level Date Algorithms", 2013.
    """
    days = np.floor(values) + 719468.5  # since 1 March of the year 0
    cycle = np.floor(days / 146097)  # of 400 years
    day = days - 146097 * cycle
    leaps = np.floor(day / 36524) - np.floor(day / 1460) - np.floor(day / 146096)
    year = np.floor((day + leaps) / 365)
    first = 365 * year + np.floor((year + 0.5) / 4) - np.floor((year + 0.5) / 100)
    return 400 * cycle + year, np.floor(day) - first


def month(values: np.ndarray) -> np.ndarray:
    """Return the month, 1 to 12."""
    _, day = from_march(values)
    place = np.floor((5 * day + 2.5) / 153)  # 0 is March
    return np.where(place < 10, place + 3, place - 9)


def year(values: np.ndarray) -> np.ndarray:
    """Return the year."""
    begun, day = from_march(values)
    # January comes 306 days after March
    return begun + np.where(day > 305, 1.0, 0.0)


def day_of_month(values: np.ndarray) -> np.ndarray:
    """Return the day of the month, 1 to 31."""
    _, day = from_march(values)
    place = np.floor((5 * day + 2.5) / 153)
    return day - np.floor((153 * place + 2.5) / 5) + 1


def weekday(values: np.ndarray) -> np.ndarray:
    """Return the day of the week, 1 for Monday to 7."""
    days = np.floor(values) + 3  # 1 January 1970 was a Thursday
    return days - 7 * np.floor((days + 0.5) / 7) + 1


def hour(values: np.ndarray) -> np.ndarray:
    """Return the time of day in hours, minutes and seconds as a fraction."""
    return 24 * (values - np.floor(values))


def robust_year(
    values: np.ndarray,
    center: float,
    spread: float,
    missing: float,
) -> np.ndarray:
    """Return the smooth clip of (year - center) / spread, and `missing` for NaN."""
    return robust(year(values), center, spread, missing)


def sine(
    values: np.ndarray,
    part: Callable[[np.ndarray], np.ndarray],
    period: float,
    missing: float,
) -> np.ndarray:
    """Return sin(2π · part / period), and `missing` for NaN."""
    return np.where(np.isnan(values), missing, np.sin(2 * np.pi / period * part(values)))


def cosine(
    values: np.ndarray,
    part: Callable[[np.ndarray], np.ndarray],
    period: float,
    missing: float,
) -> np.ndarray:
    """Return cos(2π · part / period), and `missing` for NaN."""
    return np.where(np.isnan(values), missing, np.cos(2 * np.pi / period * part(values)))
