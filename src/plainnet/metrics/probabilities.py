"""Metrics of probabilities: how much they can be taken at their word, not only which is the largest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.metrics.examples import one_class_each, truth_and_scores
from plainnet.metrics.means import OfMeans, ratio

BINS = 15
"""The bins of the expected calibration error, as in Guo et al. (2017)."""
ROUNDING = 1e-6
"""A mean of probabilities in float32 may be so much above 1."""


def log_loss(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the mean of -ln p of the true class: 0 for certainty that is right, without a bound for what is wrong.

    `log loss = -Σ ln p(true class) / n`, with p kept one unit of rounding away from 0 and 1, as in scikit-learn. Over
    several labels it is the mean over the labels, p being the probability that the label is as it is. Raises
    InvalidValue where targets do not fit predictions or a prediction is no probability. Source: Good, "Rational
    decisions", Journal of the Royal Statistical Society B 14 (1952).

    >>> round(log_loss(np.array([1, 0]), np.array([[0.9], [0.2]])), 6)  # -(ln 0.9 + ln 0.8) / 2
    0.164252
    """
    return log_loss_parts(targets, predictions, sample_weight, several_labels).value


def brier(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the mean squared distance of the probabilities from what is true, 1 for the true class and 0 else.

    `Brier = Σ Σ_k (p_k - y_k)² / n` over the classes k; for two classes (p - y)² of the second alone, which is half of
    that sum; both as in scikit-learn. Over several labels it is the mean of (p - y)² over the labels. Raises
    InvalidValue where targets do not fit predictions or a prediction is no probability. Source: Brier, "Verification
    of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950).

    >>> round(brier(np.array([1, 0]), np.array([[0.9], [0.2]])), 6)  # (0.1² + 0.2²) / 2
    0.025
    """
    return brier_parts(targets, predictions, sample_weight, several_labels).value


def expected_calibration_error(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return how far confidence and accuracy are apart, on average over bins of equal confidence.

    `ECE = Σ_b n_b / n |accuracy_b - confidence_b|`: the confidence of an example is its largest probability, bin b of
    15 holds the confidences in ((b - 1) / 15, b / 15], and accuracy_b and confidence_b are their means over the bin's
    examples. Over several labels it is the mean over the labels, each a decision between two classes. Few examples
    make the ECE of the best model large: it is about 0.04 for 500 examples. Raises InvalidValue where targets do not
    fit predictions or a prediction is no probability. Source: Guo, Pleiss, Sun & Weinberger, "On calibration of modern
    neural networks", ICML 2017.

    >>> round(expected_calibration_error(np.array([1, 1, 0, 0]), np.array([[0.9], [0.9], [0.9], [0.2]])), 6)
    0.225
    """
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    _require_probabilities(scores)
    if several_labels or not one_class_each(truth):
        labels = zip(truth.T, scores.T, strict=True)
        each = [_reliability(t == (p > 0.5), np.maximum(p, 1 - p), weights, BINS).error for t, p in labels]
        return float(np.mean(each))
    return reliability(targets, predictions, sample_weight).error


@dataclass(frozen=True, eq=False)
class Reliability:
    """Reliability holds what a reliability diagram shows: confidence and accuracy in bins of equal confidence."""

    edges: Array
    """The bounds of the bins, shape (bins + 1,)."""
    share: Array
    """The share of the examples (of their weight) in each bin."""
    confidence: Array
    """The mean confidence in each bin; 0 where it is empty."""
    accuracy: Array
    """The share of each bin's examples that are right; 0 where it is empty."""

    @property
    def error(self) -> float:
        """Return the expected calibration error."""
        return float(self.share @ np.abs(self.accuracy - self.confidence))


def reliability(
    targets: Array, predictions: Array, sample_weight: Array | None = None, bins: int = BINS
) -> Reliability:
    """Return confidence and accuracy of the likeliest classes in so many `bins`; see `expected_calibration_error`.

    Raises InvalidValue where targets do not fit predictions, have several labels in a row, or a prediction is no
    probability.

    >>> found = reliability(np.array([1, 1, 0, 0]), np.array([[0.9], [0.9], [0.9], [0.2]]), bins=2)
    >>> found.accuracy.round(6).tolist(), found.confidence.round(6).tolist()
    ([0.0, 0.75], [0.0, 0.875])
    """
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    _require_probabilities(scores)
    if not one_class_each(truth):
        raise InvalidValue("targets has rows with no or several labels; reliability takes one class per example")
    chosen = scores.argmax(axis=1)
    return _reliability(truth[np.arange(len(truth)), chosen], scores.max(axis=1), weights, bins)


def _reliability(right: Array, confidence: Array, weights: Array | None, bins: int) -> Reliability:
    edges = np.linspace(0, 1, checks.whole_number("bins", bins, least=1) + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    each = np.ones(len(right)) if weights is None else weights
    total, sure, hits = (np.bincount(place, part, bins) for part in (each, each * confidence, each * right))
    return Reliability(edges, total / total.sum(), ratio(sure, total), ratio(hits, total))


# ---- the same as functions of means ----


def log_loss_parts(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> OfMeans:
    """Return the log loss as the mean of each example's own."""
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    _require_probabilities(scores)
    given = np.asarray(predictions).dtype
    margin = np.finfo(given if given.kind == "f" else np.float64).eps
    p = np.clip(scores, margin, 1 - margin)
    if several_labels or not one_class_each(truth):
        losses = -np.log(np.where(truth, p, 1 - p)).mean(axis=1)
    else:
        losses = -np.log(p[truth])  # one of each row
    return _mean_of(losses, weights)


def brier_parts(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> OfMeans:
    """Return the Brier score as the mean of each example's own."""
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    _require_probabilities(scores)
    squares = np.square(scores - truth)
    if several_labels or not one_class_each(truth):
        return _mean_of(squares.mean(axis=1), weights)
    return _mean_of(squares[:, 1] if squares.shape[1] == 2 else squares.sum(axis=1), weights)


def _mean_of(values: Array, weights: Array | None) -> OfMeans:
    return OfMeans(values[:, np.newaxis], weights, lambda means: means[..., 0])


def _require_probabilities(scores: Array) -> None:
    """Raise InvalidValue for outputs outside 0 to 1, but for rounding."""
    wrong = (scores < -ROUNDING) | (scores > 1 + ROUNDING)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise InvalidValue(
            f"predictions holds {scores[row, column]:.9g} at row {row}, column {column} (counted from 0); "
            "a probability lies between 0 and 1, as the outputs of softmax and sigmoid do"
        )
