"""A Column of the data has its own unit and range, and the inputs that the network gets of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.wording import in_date, in_digits
from plainnet.plots.plane import shown_range


@dataclass(frozen=True)
class ShownColumn:
    """A Column is one column of the data, as the page shows it."""

    name: str
    kind: str
    """ "number", "category", or "date", whose numbers are days since 1970-01-01."""
    levels: list[str]
    """The values of a category, in order; none for other kinds."""
    inputs: list[int]
    """The places of its inputs among those of the network."""
    range: tuple[float, float]
    """A picture shows this part of it, in its own unit; of a category half a place more than its levels."""
    usual: float
    """The median, or the place of the most frequent level."""
    formula: Callable[[Array], Array] | None = None
    """The inputs (values, inputs) for numbers (values, 1); None where the number itself is the input."""

    def encode(self, values: Array) -> Array:
        """Return the inputs for values in the column's own unit: (values,) -> (values, inputs)."""
        given = np.asarray(values, dtype=float).reshape(-1, 1)
        if self.levels:
            given = np.clip(np.rint(given), 0, len(self.levels) - 1)
        return given if self.formula is None else self.formula(given)

    def grid(self, points: int) -> Array:
        """Return values over the range; those of a category are rounded to its levels when they are encoded."""
        return np.linspace(*self.range, points)

    def text(self, value: float) -> str:
        """Return a value as people write it."""
        if np.isnan(value):
            return ""
        if self.levels:
            return self.levels[int(value)] if 0 <= value < len(self.levels) else ""
        return in_date(value) if self.kind == "date" else in_digits(float(value))


def number_column(name: str, values: Array, places: list[int], kind: str = "number") -> ShownColumn:
    """Return the column of numbers that are inputs as they are."""
    low, high = range_of(values)
    return ShownColumn(name, kind, [], places, (low, high), median_of(values))


def range_of(values: Array) -> tuple[float, float]:
    """Return the range that a picture shows of the known numbers."""
    known = values[np.isfinite(values)]
    return shown_range(known) if len(known) else (-1.0, 1.0)


def median_of(values: Array) -> float:
    """Return the median of the known numbers, 0 where there are none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def most_frequent(places: Array, levels: int) -> float:
    """Return the place of the most frequent level, the first of several."""
    known = places[(places >= 0) & (places < levels)].astype(int)
    return float(np.bincount(known, minlength=levels).argmax())
