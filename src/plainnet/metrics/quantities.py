"""Metrics of quantities: how far predictions are from true values."""

from __future__ import annotations

import numpy as np

from plainnet._base.arrays import Array
from plainnet.metrics.examples import true_and_predicted
from plainnet.metrics.means import OfMeans


def r2(targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
    """Return the coefficient of determination: the share of the targets' variance that the predictions explain.

    `R² = 1 - Σ(y - ŷ)² / Σ(y - ȳ)²`; several outputs: the mean of each output's R². A constant target leaves
    no variance to explain: 1 where it is predicted exactly, else 0; NaN for a single example. All three as in
    scikit-learn. Raises InvalidValue where targets and predictions differ in shape. Source: Draper and Smith,
    Applied Regression Analysis (1998).

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([[1.0], [2.0], [2.0]]))
    0.5
    """
    return r2_parts(targets, predictions, sample_weight).value


def rmse(targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
    """Return the root mean squared error, in the unit of the targets.

    `RMSE = √(Σ(y - ŷ)² / n)`; several outputs: the mean of each output's RMSE, as in scikit-learn.
    Raises InvalidValue where targets and predictions differ in shape.

    >>> rmse(np.array([1.0, 2.0]), np.array([[4.0], [6.0]]))  # √((9 + 16) / 2)
    3.5355339059327378
    """
    return rmse_parts(targets, predictions, sample_weight).value


def mae(targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
    """Return the mean absolute error, in the unit of the targets.

    `MAE = Σ|y - ŷ| / n`; several outputs: the mean of each output's MAE.
    Raises InvalidValue where targets and predictions differ in shape.

    >>> mae(np.array([1.0, 2.0]), np.array([[4.0], [6.0]]))
    3.5
    """
    return mae_parts(targets, predictions, sample_weight).value


# ---- the same as functions of means ----


def r2_parts(targets: Array, predictions: Array, sample_weight: Array | None = None) -> OfMeans:
    """Return R² as a function of the means of (y - ŷ)², y - ȳ and (y - ȳ)², ȳ being the mean of these examples."""
    y, predicted, weights = true_and_predicted(targets, predictions, sample_weight)
    from_first = y - y[0]  # exactly 0 in a constant column, where y - mean(y) can be off by rounding
    deviations = from_first - np.average(from_first, axis=0, weights=weights)

    def of(means: Array) -> Array:
        residual, mean, square = np.split(means, 3, axis=-1)
        total = square - mean * mean
        constant = total <= 0
        explained = 1 - residual / np.where(constant, 1.0, total)
        each = np.where(constant, residual == 0, explained).mean(axis=-1)
        return np.where(len(y) == 1, np.nan, each)

    return OfMeans(np.hstack([np.square(y - predicted), deviations, np.square(deviations)]), weights, of)


def rmse_parts(targets: Array, predictions: Array, sample_weight: Array | None = None) -> OfMeans:
    """Return the RMSE as a function of the mean of (y - ŷ)²."""
    y, predicted, weights = true_and_predicted(targets, predictions, sample_weight)
    return OfMeans(np.square(y - predicted), weights, lambda means: np.sqrt(means).mean(axis=-1))


def mae_parts(targets: Array, predictions: Array, sample_weight: Array | None = None) -> OfMeans:
    """Return the MAE as a function of the mean of |y - ŷ|."""
    y, predicted, weights = true_and_predicted(targets, predictions, sample_weight)
    return OfMeans(np.abs(y - predicted), weights, lambda means: means.mean(axis=-1))
