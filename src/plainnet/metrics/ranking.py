"""Metrics of order: how well outputs rank the examples of a class above the others, whatever the threshold."""

from __future__ import annotations

import numpy as np

from plainnet._base.arrays import Array
from plainnet.metrics.examples import one_class_each, truth_and_scores


def roc_auc(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the area under the ROC curve: the chance that a positive example scores higher than a negative one.

    `AUC = U / (P N)` with `U = Σ ranks of the positives - P (P + 1) / 2`, for P positive and N negative
    examples; ranks are counted from 1 over all scores, and equal scores share the mean of their ranks. Two
    classes: the score is the output for class 1. More: the mean over the classes of each class against the
    rest; several labels: the mean over the labels. NaN where a class (or label) that takes part has no
    positive or no negative example. Raises InvalidValue where targets do not fit predictions. Sources: Hand
    and Till, Machine Learning 45 (2001), for the formula; Fawcett (2006), as for precision, for the curve.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([[0.1], [0.4], [0.35], [0.8]]))
    0.75
    """
    truth, scores, weights = _columns(targets, predictions, sample_weight, several_labels)
    return float(np.mean([_area(*column, weights)[0] for column in zip(truth.T, scores.T, strict=True)]))


def roc_auc_and_deviation(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> tuple[float, float]:
    """Return `roc_auc` and its standard deviation over samples of the examples; NaN where they are not defined.

    An example moves the area by its share of the pairs that are in order: with V_i the share of the negatives that
    positive i outranks and V_j the share of the positives that outrank negative j, the variance is
    `Σ (V_i - AUC)² / (P (P - 1)) + Σ (V_j - AUC)² / (N (N - 1))`. The areas of several classes have the mean of these
    moves. Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988).
    """
    truth, scores, weights = _columns(targets, predictions, sample_weight, several_labels)
    areas, moves = [], np.zeros(len(truth))
    for column in zip(truth.T, scores.T, strict=True):
        area, moved = _area(*column, weights)
        areas.append(area)
        moves += moved
    return float(np.mean(areas)), float(np.linalg.norm(moves) / len(areas))


def average_precision(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the area under the curve of precision over recall, as a sum over its steps.

    `AP = Σ_n (R_n - R_(n-1)) P_n`, P_n and R_n being precision and recall where the n highest different scores count
    as positive. Chance gets the share of the positives. Two classes: of class 1; more: the mean over the classes of
    each class against the rest; several labels: the mean over the labels. NaN where a class (or label) has no positive
    example. Raises InvalidValue where targets do not fit predictions. Source: Zhu, "Recall, precision and average
    precision", University of Waterloo (2004).

    >>> round(average_precision(np.array([0, 0, 1, 1]), np.array([[0.1], [0.4], [0.35], [0.8]])), 6)
    0.833333
    """
    truth, scores, weights = _columns(targets, predictions, sample_weight, several_labels)
    return float(np.mean([_steps(*column, weights) for column in zip(truth.T, scores.T, strict=True)]))


def roc_curve(positive: Array, scores: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
    """Return the false and the true positive rate at each threshold, from 0 to 1 both; all arrays are 1-D.

    `positive` is True for the examples of the class, `scores` their outputs for it. The rates are NaN where there is
    no negative or no positive example.

    >>> roc_curve(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
    (array([0. , 0. , 0.5, 0.5, 1. ]), array([0. , 0.5, 0.5, 1. , 1. ]))
    """
    _, hits, mistakes = by_threshold(positive, scores, sample_weight)
    rates = [np.concatenate([[0.0], counts]) / (counts[-1] or np.nan) for counts in (mistakes, hits)]
    return rates[0], rates[1]


def precision_recall_curve(positive: Array, scores: Array, sample_weight: Array | None = None) -> tuple[Array, Array]:
    """Return precision and recall at each threshold, the highest first; all arrays are 1-D.

    `positive` and `scores` are as for `roc_curve`.

    >>> precision_recall_curve(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))[0].round(3)
    array([1.   , 0.5  , 0.667, 0.5  ])
    """
    _, hits, mistakes = by_threshold(positive, scores, sample_weight)
    return hits / (hits + mistakes), hits / (hits[-1] or np.nan)


def by_threshold(positive: Array, scores: Array, sample_weight: Array | None = None) -> tuple[Array, Array, Array]:
    """Return the different scores, the highest first, and the positives and negatives that score at least as high."""
    different, place = np.unique(scores, return_inverse=True)
    each = np.ones(len(scores)) if sample_weight is None else sample_weight
    positives, negatives = (np.bincount(place, each * part)[::-1] for part in (positive, ~positive))
    return different[::-1], np.cumsum(positives), np.cumsum(negatives)


def _columns(
    targets: Array, predictions: Array, sample_weight: Array | None, several_labels: bool
) -> tuple[Array, Array, Array | None]:
    """Return truth and scores of each class against the rest, of two classes of the second alone, and the weights."""
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    if truth.shape[1] == 2 and one_class_each(truth) and not several_labels:
        truth, scores = truth[:, 1:], scores[:, 1:]
    return truth, scores, weights


def _area(truth: Array, scores: Array, weights: Array | None) -> tuple[float, Array]:
    """Return the AUC of one column and how far each example moves it; NaN without positives or without negatives.

    U counts the pairs of a positive and a negative example in which the positive one scores higher, ties by half.
    """
    each = np.ones(len(truth)) if weights is None else weights
    if truth.all() or not truth.any():
        return float("nan"), np.full(len(truth), np.nan)
    _, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place, weights=each * truth)
    negatives = np.bincount(place, weights=each * ~truth)
    outranked = (np.cumsum(negatives) - negatives / 2) / negatives.sum()  # the share of the negatives below
    area = float(positives @ outranked / positives.sum())
    outranking = 1 - (np.cumsum(positives) - positives / 2) / positives.sum()  # the share of the positives above
    moves = np.empty(len(truth))
    for own, shares, total in ((truth, outranked, positives.sum()), (~truth, outranking, negatives.sum())):
        count = int(own.sum())
        free = np.sqrt(count / (count - 1)) if count > 1 else np.nan  # the variance of one example is not known
        moves[own] = free * each[own] * (shares[place[own]] - area) / total
    return area, moves


def _steps(truth: Array, scores: Array, weights: Array | None) -> float:
    """Return the average precision of one column; NaN without positives."""
    precision, recall = precision_recall_curve(truth, scores, weights)
    return float(precision @ np.diff(recall, prepend=0.0))
