"""Intervals of metrics: where a metric may lie for other examples that are drawn like these."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.metrics import decisions, probabilities, quantities
from plainnet.metrics.examples import one_class_each, truth_and_scores
from plainnet.metrics.means import OfMeans
from plainnet.metrics.ranking import roc_auc_and_deviation

REPLICATES = 1000
"""So many resamples make a bootstrap interval."""
GROUPS = 2000
"""The number of groups, drawn at random, that are resampled in place of single examples where there are more."""
BLOCK = 100
"""So many resamples are taken at a time."""
MOST_MEANS = 600
"""A metric of more means than these, such as the F1 of more than 200 classes, has no interval."""
TAIL = 0.025
"""The share of other samples on each side of an interval: intervals are of 95 %."""
NORMAL = NormalDist()
Z = 1.959964
"""The 97.5 % quantile of the normal distribution."""

PARTS: dict[str, Callable[..., OfMeans]] = {
    "balanced_accuracy": decisions.balanced_accuracy_parts,
    "precision": decisions.precision_parts,
    "recall": decisions.recall_parts,
    "f1": decisions.f1_parts,
    "log_loss": probabilities.log_loss_parts,
    "brier": probabilities.brier_parts,
    "r2": quantities.r2_parts,
    "rmse": quantities.rmse_parts,
    "mae": quantities.mae_parts,
}
"""The metrics that are functions of means."""
WITH_INTERVALS = ("accuracy", "roc_auc", *PARTS)

Interval = tuple[float, float]


def interval(
    metric: str, targets: Array, predictions: Array, sample_weight: Array | None = None, seed: int = 0
) -> Interval | None:
    """Return the 95 % interval of a metric, by name; None where too few examples, or all alike, say nothing of it.

    A share of examples (the accuracy; precision and recall of two classes) has Wilson's interval. The area under the
    ROC curve has DeLong's, on the scale of its logit. Any other metric has a bootstrap interval (see `bootstrap`) with
    this seed. Raises InvalidValue for a metric without an interval and where targets do not fit predictions.

    >>> low, high = interval("accuracy", np.array([0, 1, 1, 1]), np.array([[0.1], [0.9], [0.8], [0.3]]))
    >>> round(low, 3), round(high, 3)
    (0.301, 0.954)
    """
    checks.one_of("metric", metric, WITH_INTERVALS)
    if metric == "roc_auc":
        return _delong(targets, predictions, sample_weight)
    if metric in ("accuracy", "precision", "recall"):
        truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
        chosen = scores.argmax(axis=1)
        right = truth[np.arange(len(truth)), chosen]
        if metric == "accuracy" and one_class_each(truth):
            return wilson(right, weights)
        if truth.shape[1] == 2 and one_class_each(truth):
            counted = chosen == 1 if metric == "precision" else truth[:, 1]
            return wilson(right[counted], None if weights is None else weights[counted])
    if metric == "accuracy":  # of several labels
        right = (truth == (scores > 0.5)).all(axis=1)
        return wilson(right, weights)
    return bootstrap(PARTS[metric](targets, predictions, sample_weight), seed)


def wilson(right: Array, sample_weight: Array | None = None) -> Interval | None:
    """Return Wilson's interval of the share of the examples that are right, an array of booleans; None for none.

    With z = 1.96 it holds the shares π with `(share - π)² ≤ z² π (1 - π) / n`. Weighted examples count as
    n = (Σw)² / Σw² (Kish, Survey Sampling, 1965). Source: Wilson, Journal of the American Statistical Association 22
    (1927).
    """
    if not len(right):
        return None
    share = float(np.average(right, weights=sample_weight))
    weights = np.ones(len(right)) if sample_weight is None else sample_weight
    return wilson_bounds(share, float(weights.sum() ** 2 / np.square(weights).sum()))


def wilson_bounds(share: float, n: float) -> Interval:
    """Return the bounds of Wilson's interval of a share of n examples."""
    center = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    return float(max(0.0, center - half)), float(min(1.0, center + half))


def bootstrap(metric: OfMeans, seed: int = 0) -> Interval | None:
    """Return the bootstrap interval of a metric; None if all resamples give one value, or it has over 600 means.

    Each of 1,000 resamples draws as many examples as there are, with replacement, each with its weight. The bounds
    are quantiles of the resamples' values, bias-corrected and accelerated (BCa). Of more than 2,000 examples, 2,000
    groups drawn at random are resampled, so that time and memory hardly grow with the examples. Source: Efron,
    "Better bootstrap confidence intervals", Journal of the American Statistical Association 82 (1987).
    """
    rows = len(metric.columns)
    if rows < 2 or metric.columns.shape[1] > MOST_MEANS:
        return None
    random = np.random.default_rng(seed)
    groups = min(rows, GROUPS)
    order = None if rows == groups else random.permutation(rows)
    starts = np.arange(groups) * rows // groups
    sums = metric.sums(starts, order)
    weights = np.ones(rows) if metric.weights is None else metric.weights
    totals = np.add.reduceat(weights if order is None else weights[order], starts)
    values = []
    for _ in range(0, REPLICATES, BLOCK):
        drawn = random.integers(groups, size=(BLOCK, groups)) + groups * np.arange(BLOCK)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=BLOCK * groups).reshape(BLOCK, groups).astype(np.float64)
        values.append(metric.of(counts @ sums / (counts @ totals)[:, np.newaxis]))
    without = metric.of((sums.sum(axis=0) - sums) / (totals.sum() - totals)[:, np.newaxis])
    return _bca(metric.value, np.concatenate(values), without)


def _bca(value: float, resampled: Array, without: Array) -> Interval | None:
    """Return the BCa interval from the values of resamples and of samples that each lack one example, or group.

    With z0 the quantile of the share of resampled values below the value and a the skewness of the lacking examples'
    effects, the bound for the quantile z is that of `z0 + (z0 + z) / (1 - a (z0 + z))`.
    """
    resampled, without = resampled[np.isfinite(resampled)], without[np.isfinite(without)]
    if not len(resampled) or not len(without) or np.ptp(resampled) <= 1e-12 * abs(value):
        return None
    below = ((resampled < value).mean() + (resampled <= value).mean()) / 2
    z0 = NORMAL.inv_cdf(min(max(float(below), 1 / REPLICATES), 1 - 1 / REPLICATES))
    effects = without.mean() - without
    spread = float(np.square(effects).sum())
    a = float((effects**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    if not math.isfinite(a):  # of numbers whose squares or cubes no float holds
        return None
    shifted = (z0 + NORMAL.inv_cdf(share) for share in (TAIL, 1 - TAIL))
    low, high = np.quantile(resampled, [NORMAL.cdf(z0 + z / max(1 - a * z, 1e-3)) for z in shifted])
    return (float(low), float(high)) if low < high else None


def _delong(targets: Array, predictions: Array, sample_weight: Array | None) -> Interval | None:
    """Return the interval of the area under the ROC curve, which on its logit is ± z deviation / (AUC (1 - AUC)).

    Sources: DeLong et al. (1988), as for `roc_auc_and_deviation`; Pepe, The Statistical Evaluation of Medical Tests for
    Classification and Prediction (2003), for the logit.
    """
    area, deviation = roc_auc_and_deviation(targets, predictions, sample_weight)
    if not 0 < area < 1 or not deviation > 0:
        return None
    logit = np.log(area / (1 - area))
    half = Z * deviation / (area * (1 - area))
    low, high = (float(1 / (1 + np.exp(-bound))) for bound in (logit - half, logit + half))
    return low, high
