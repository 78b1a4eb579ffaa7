"""The facts on a column's training rows from which a table is learned: of rows in memory, or of rows that passed by."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from plainnet._base.arrays import Array
from plainnet.tabular.encoding import positions
from plainnet.tabular.kinds import Kind, kind_of
from plainnet.tabular.texts import categories

if TYPE_CHECKING:
    import polars as pl


class Facts(Protocol):
    """Facts are what is known of a column's training rows, each of which has a weight, 1 without weights."""

    @property
    def name(self) -> str:
        """Return the name of the column."""

    @property
    def rows(self) -> int:
        """Return the number of training rows."""

    @property
    def missing(self) -> int:
        """Return the number of rows whose value is missing."""

    @property
    def kind(self) -> Kind | None:
        """Return the kind of the values; None if all are missing."""

    @property
    def unit(self) -> float:
        """Return the weight of the row that weighs least, 1 without weights."""

    @property
    def different(self) -> int:
        """Return the number of different values, without the missing one."""

    @property
    def first(self) -> float | bool | str:
        """Return some value."""

    @property
    def values(self) -> Array:
        """Return the numbers of the rows, or of a sample of them, without the missing ones."""

    @property
    def weights(self) -> Array | None:
        """Return the weights of `values`; None without weights."""

    @property
    def ends(self) -> tuple[float, float]:
        """Return the least and the largest number of all rows."""

    @property
    def moments(self) -> tuple[float, float]:
        """Return mean and deviation of the numbers of all rows; see `mean_and_deviation`."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the different categories of all rows in order."""

    @property
    def totals(self) -> list[float]:
        """Return the weight of the rows with a missing value, and of those with each of `texts`, or of false and true.

        Of numbers these are the missing and the present ones.
        """

    def counts_rows(self) -> bool:
        """Return True if the numbers are those that count the rows; see `counts_rows`."""


class ColumnFacts:
    """ColumnFacts are the facts on a column in memory, found when they are asked for."""

    def __init__(self, column: pl.Series, weights: Array | None = None, different: int | None = None) -> None:
        self.name, self.rows, self.missing, self.kind = column.name, len(column), column.null_count(), kind_of(column)
        self.unit = 1.0 if weights is None else float(weights.min())
        self._column, self._row_weights, self._different = column, weights, different

    @cached_property
    def different(self) -> int:
        """Return the number of different values, without the missing one."""
        return self._known.n_unique() if self._different is None else self._different

    @property
    def first(self) -> float | bool | str:
        """Return the first value."""
        value: float | bool | str = self._known[0]
        return value

    @cached_property
    def values(self) -> Array:
        """Return the numbers of the rows, without the missing ones."""
        return self._known.to_numpy()

    @cached_property
    def weights(self) -> Array | None:
        """Return the weights of `values`; None without weights."""
        if self._row_weights is None or not self.missing:
            return self._row_weights
        return self._row_weights[self._column.is_not_null().to_numpy()]

    @property
    def ends(self) -> tuple[float, float]:
        """Return the least and the largest number."""
        return float(self.values.min()), float(self.values.max())

    @property
    def moments(self) -> tuple[float, float]:
        """Return mean and deviation of the numbers; see `mean_and_deviation`."""
        return mean_and_deviation(self.values, self.weights)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Return the different categories in order."""
        return tuple(sorted(categories(self._known).unique()))

    @property
    def totals(self) -> list[float]:
        """Return the weight of the missing values, and of each of `texts`, of false and true, or of all numbers."""
        column = self._column
        if self.kind == "category":
            places, count = positions(column, self.texts), len(self.texts)
        elif self.kind == "boolean":
            places, count = column.cast(int).fill_null(-1).to_numpy(), 2
        else:
            places, count = column.is_not_null().to_numpy().astype(np.int64) - 1, 1
        found: list[float] = np.bincount(places + 1, self._row_weights, 1 + count).astype(float).tolist()
        return found

    def counts_rows(self) -> bool:
        """Return True if the numbers are those that count the rows; see `counts_rows`."""
        return counts_rows(self._column)

    @cached_property
    def _known(self) -> pl.Series:
        # a call of polars costs more than a column of a small table
        return self._column.drop_nulls() if self.missing else self._column


def counts_rows(column: pl.Series) -> bool:
    """Return True if the values are different whole numbers, all present, and either in order or close together."""
    if column.null_count() or column.n_unique() < len(column) or not (column == column.floor()).all():
        return False
    close = float(column.max()) - float(column.min()) < 3 * len(column)  # type: ignore[arg-type]
    return close or column.is_sorted() or column.is_sorted(descending=True)


def mean_and_deviation(values: Array, weights: Array | None = None) -> tuple[float, float]:
    """Return μ = Σx / n and σ = √(Σ(x - μ)² / n), with σ = 1 if all values are equal (to rounding).

    With weights μ = Σwx / Σw and σ = √(Σw(x - μ)² / Σw). Computed on x / max|x|, whose squares
    can neither overflow nor vanish.
    """
    largest = float(np.abs(values).max()) or 1.0
    scaled = values / largest
    mean = np.average(scaled, weights=weights)
    deviation = np.sqrt(np.average(np.square(scaled - mean), weights=weights))
    return largest * float(mean), largest * float(deviation) or 1.0
