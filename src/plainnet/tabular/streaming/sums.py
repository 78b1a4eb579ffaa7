"""A pass over rows keeps counts, sums and ends of their columns, which are exact and merge with those of others.

Means and deviations are merged as by Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing
Sample Variances", COMPSTAT 1982.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from plainnet._base.arrays import Array
from plainnet.tabular.kinds import LARGEST_EXACT

MOST_VALUES = 2**18
"""So many different texts of a column are kept; of a column with more their number is estimated."""
SMALLEST = 4096
"""The number is estimated from so many of the smallest hashes, to about 1.6 %."""
COLUMNS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class NumberSums:
    """NumberSums hold a number for each of some columns of numbers, in each of these arrays of shape (columns,)."""

    known: Array
    """The rows with a number."""
    weight: Array
    """Their weight."""
    mean: Array
    deviation: Array
    least: Array
    most: Array
    whole: Array
    """True where all numbers are whole, and small enough to be exact."""

    @classmethod
    def of(cls, values: Array, weights: Array | None = None) -> NumberSums:
        """Return the sums of numbers, shape (rows, columns), NaN where missing."""
        parts = [
            cls._of(values[:, first : first + COLUMNS_AT_ONCE], weights)
            for first in range(0, max(1, values.shape[1]), COLUMNS_AT_ONCE)
        ]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    @classmethod
    def _of(cls, values: Array, weights: Array | None) -> NumberSums:
        """Compute on x / max|x|, whose squares can neither overflow nor vanish."""
        present = ~np.isnan(values)
        known = present.sum(axis=0)
        w = present if weights is None else present * weights[:, None]
        total = w.sum(axis=0, dtype=np.float64)
        x = np.where(present, values, 0.0)
        largest = np.abs(x).max(axis=0, initial=0.0)
        largest[largest == 0] = 1.0
        x /= largest
        share = np.where(total > 0, total, 1.0)
        mean = (w * x).sum(axis=0) / share
        deviation = np.sqrt((w * np.square(x - mean)).sum(axis=0) / share)
        least = np.where(present, values, np.inf).min(axis=0, initial=np.inf)
        most = np.where(present, values, -np.inf).max(axis=0, initial=-np.inf)
        whole = (~present | ((values == np.floor(values)) & (np.abs(values) <= LARGEST_EXACT))).all(axis=0)
        return cls(known, total, largest * mean, largest * deviation, least, most, whole)

    def __add__(self, other: NumberSums) -> NumberSums:
        """Return the sums of both sets of rows."""
        weight = self.weight + other.weight
        share = np.where(weight > 0, weight, 1.0)
        a, b = self.weight / share, other.weight / share
        distance = other.mean - self.mean
        within = np.hypot(self.deviation * np.sqrt(a), other.deviation * np.sqrt(b))
        return NumberSums(
            self.known + other.known,
            weight,
            np.where(b > a, other.mean - a * distance, self.mean + b * distance),
            np.hypot(within, distance * np.sqrt(a) * np.sqrt(b)),
            np.minimum(self.least, other.least),
            np.maximum(self.most, other.most),
            self.whole & other.whole,
        )


@dataclass(frozen=True, eq=False)
class ValueCounts:
    """ValueCounts hold the different values of a column, each with its rows and their weight, in no order."""

    counts: pl.DataFrame
    """The columns value, rows and weight; once there are too many different values, those of the missing one alone."""
    hashes: Array | None = None
    """The smallest hashes of the values where there are too many of them; None where all are in `counts`."""

    @classmethod
    def of(cls, column: pl.Series, weights: Array | None = None) -> ValueCounts:
        """Count the values of a column, the missing one (null) among them."""
        rows = pl.repeat(1, len(column), dtype=pl.Int64, eager=True)
        weight = pl.Series(np.ones(len(column)) if weights is None else weights, dtype=pl.Float64)
        return cls(_summed(pl.DataFrame({"value": column, "rows": rows, "weight": weight})))._kept()

    def __add__(self, other: ValueCounts) -> ValueCounts:
        """Return the counts of both sets of rows."""
        if self.hashes is None and other.hashes is None:
            return replace(self, counts=_summed(pl.concat([self.counts, other.counts], how="vertical_relaxed")))._kept()
        missing = pl.concat([own.counts.filter(pl.col("value").is_null()) for own in (self, other)])
        return ValueCounts(_summed(missing), _smallest([self._hashes, other._hashes]))

    @property
    def rows(self) -> dict[Any, int]:
        """Return the rows of each value that is kept."""
        return dict(zip(self.counts["value"], self.counts["rows"], strict=True))

    @property
    def weights(self) -> dict[Any, float]:
        """Return the weight of each value that is kept."""
        return dict(zip(self.counts["value"], self.counts["weight"], strict=True))

    @property
    def different(self) -> int:
        """Return the number of different values without the missing one, estimated where there are too many.

        The k-th smallest of n hashes that are spread evenly over 0 to 1 is about k / n (Bar-Yossef et al., "Counting
        Distinct Elements in a Data Stream", RANDOM 2002).
        """
        if self.hashes is None:
            return int(self.counts["value"].is_not_null().sum())
        return round((len(self.hashes) - 1) / (float(self.hashes[-1]) / 2.0**64))

    @property
    def _hashes(self) -> Array:
        return _smallest([self.counts["value"].drop_nulls().hash().to_numpy()]) if self.hashes is None else self.hashes

    def _kept(self) -> ValueCounts:
        if len(self.counts) <= MOST_VALUES:
            return self
        return ValueCounts(self.counts.filter(pl.col("value").is_null()), self._hashes)


def _summed(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.group_by("value").agg(pl.col("rows").sum(), pl.col("weight").sum())


def _smallest(hashes: Sequence[Array]) -> Array:
    found: Array = np.unique(np.concatenate(hashes))[:SMALLEST]
    return found
