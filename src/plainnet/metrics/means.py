"""Metrics as functions of means, so that one formula gives the value and, of resampled means, its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plainnet._base.arrays import Array

BLOCK = 2**20
"""Numbers of so many columns at a time are weighted and added up, so that no whole array is copied."""


@dataclass(frozen=True, eq=False)
class OfMeans:
    """A metric that is a function of the weighted means of some numbers of each example.

    The RMSE, for instance, is the root of the mean of the squared errors; F1 is a ratio of the shares of the examples
    that are hits, are predicted positive, and are positive.
    """

    columns: Array
    """The numbers, shape (examples, k)."""
    weights: Array | None
    """The weight of each example, above 0; None if all count the same."""
    of: Callable[[Array], Array]
    """The metric from the means: (..., k) -> (...)."""

    @property
    def value(self) -> float:
        """Return the metric of these examples."""
        total = len(self.columns) if self.weights is None else self.weights.sum()
        return float(self.of(self.sums(np.array([0]))[0] / total))

    def sums(self, starts: Array, order: Array | None = None) -> Array:
        """Return the weighted sums over groups of examples that begin at `starts`, shape (groups, k).

        The examples stand in the `order` given, or in their own.
        """
        width = max(1, BLOCK // len(self.columns))
        parts = []
        for at in range(0, self.columns.shape[1], width):
            part = self.columns[:, at : at + width].astype(np.float64)
            if self.weights is not None:
                part *= self.weights[:, np.newaxis]
            parts.append(np.add.reduceat(part if order is None else part[order], starts, axis=0))
        return np.hstack(parts)


def ratio(numerators: Array, denominators: Array) -> Array:
    """Return each ratio, 0 where its denominator is (its numerator then is too)."""
    quotients: Array = numerators / np.where(denominators > 0, denominators, 1)
    return quotients


def mean_over(values: Array, taking_part: Array) -> Array:
    """Return the means over the last axis of those values that take part."""
    means: Array = (values * taking_part).sum(axis=-1) / np.maximum(taking_part.sum(axis=-1), 1)
    return means
