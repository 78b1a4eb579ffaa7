"""Metrics of decided classes: how often the class, or the label, that a network decides for is right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.metrics.examples import one_class_each, truth_and_scores
from plainnet.metrics.means import OfMeans, mean_over, ratio


def accuracy(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the share of the examples that are right; with several labels, of those with every label right.

    `accuracy = right / n`. Raises InvalidValue where targets do not fit predictions.

    >>> accuracy(np.array([0, 2, 1]), np.array([[0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.3, 0.5]]))
    0.6666666666666666
    """
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    decided = _decisions(scores, several_labels or not one_class_each(truth))
    return float(np.average((truth == decided).all(axis=1), weights=weights))


def balanced_accuracy(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the mean over the classes of the share of their examples that are right, each class counting the same.

    `balanced accuracy = mean over the classes in the targets of right of the class / examples of the class`: chance
    gets 1 / classes, however rare a class is. Over several labels it is the mean over the labels of
    `(recall + right where the label is not there / examples without it) / 2`. Raises InvalidValue where targets do
    not fit predictions. Source: Brodersen, Ong, Stephan & Buhmann, "The balanced accuracy and its posterior
    distribution", ICPR 2010.

    >>> balanced_accuracy(np.array([1, 0, 0, 0]), np.array([[0.4], [0.1], [0.2], [0.3]]))
    0.5
    """
    return balanced_accuracy_parts(targets, predictions, sample_weight, several_labels).value


def precision(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the share of what was predicted positive that is positive.

    `precision = TP / (TP + FP)`, 0 where nothing was predicted positive; more than two classes: the macro
    average. Raises InvalidValue where targets do not fit predictions. Source: Fawcett, "An introduction to
    ROC analysis", Pattern Recognition Letters 27 (2006).

    >>> precision(np.array([1, 0, 1, 0]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.5
    """
    return precision_parts(targets, predictions, sample_weight, several_labels).value


def recall(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the share of the positive examples that was predicted positive.

    `recall = TP / (TP + FN)`, 0 where nothing is positive; more than two classes: the macro average.
    Raises InvalidValue where targets do not fit predictions. Source: Fawcett (2006), as for precision.

    >>> recall(np.array([1, 1, 1, 0]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.6666666666666666
    """
    return recall_parts(targets, predictions, sample_weight, several_labels).value


def f1(targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False) -> float:
    """Return the harmonic mean of precision and recall.

    `F1 = 2 / (1 / precision + 1 / recall) = 2 TP / ((TP + FP) + (TP + FN))`, 0 where the denominator is; more
    than two classes: the macro average, the mean of each class's F1. Raises InvalidValue where targets do not
    fit predictions. Source: Fawcett (2006), as for precision.

    >>> f1(np.array([1, 0, 1, 1]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.4
    """
    return f1_parts(targets, predictions, sample_weight, several_labels).value


def confusion_matrix(targets: Array, predictions: Array, sample_weight: Array | None = None) -> Array:
    """Count the examples of each class (row) that were predicted as each class (column), shape (C, C).

    `M[i, j] = Σ [true class is i] [predicted class is j]`; C is 2 for one sigmoid unit, else the number of
    outputs. With `sample_weight`, sums of weights in place of counts. Raises InvalidValue where targets do not fit
    predictions or have several labels in a row.

    >>> confusion_matrix(np.array([1, 0, 1, 1]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    array([[0, 1],
           [2, 1]])
    """
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    if not one_class_each(truth):
        raise InvalidValue("targets has rows with no or several labels; a confusion matrix takes one class per example")
    counted = truth.astype(int) if weights is None else truth * weights[:, np.newaxis]
    counts: Array = counted.T @ _decisions(scores, several_labels=False).astype(counted.dtype)
    return counts


# ---- the same as functions of means: of hits, what is predicted, and what is true ----


def balanced_accuracy_parts(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> OfMeans:
    """Return the balanced accuracy as a function of the shares of hits, positives and, of labels, their opposites."""
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    several_labels = several_labels or not one_class_each(truth)
    decided = _decisions(scores, several_labels)
    if several_labels:  # each label is two classes
        truth, decided = np.hstack([truth, ~truth]), np.hstack([decided, ~decided])

    def of(means: Array) -> Array:
        hits, actual = np.split(means, 2, axis=-1)
        return mean_over(ratio(hits, actual), actual > 0)

    return OfMeans(np.hstack([truth & decided, truth]), weights, of)


def precision_parts(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> OfMeans:
    """Return the precision as a function of the shares of hits, predicted and true positives."""
    return _parts(
        targets, predictions, sample_weight, several_labels, lambda hits, predicted, _: ratio(hits, predicted)
    )


def recall_parts(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> OfMeans:
    """Return the recall as a function of the shares of hits, predicted and true positives."""
    return _parts(targets, predictions, sample_weight, several_labels, lambda hits, _, actual: ratio(hits, actual))


def f1_parts(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> OfMeans:
    """Return F1 as a function of the shares of hits, predicted and true positives."""

    def of_each(hits: Array, predicted: Array, actual: Array) -> Array:
        return ratio(2 * hits, predicted + actual)

    return _parts(targets, predictions, sample_weight, several_labels, of_each)


def _parts(
    targets: Array,
    predictions: Array,
    sample_weight: Array | None,
    several_labels: bool,
    of_each: Callable[[Array, Array, Array], Array],
) -> OfMeans:
    """Return the mean of `of_each` over the classes, a function of the shares of TP, TP + FP and TP + FN of each."""
    truth, scores, weights = truth_and_scores(targets, predictions, sample_weight)
    several_labels = several_labels or not one_class_each(truth)
    decided = _decisions(scores, several_labels)
    if truth.shape[1] == 2 and not several_labels:  # the positive class
        truth, decided = truth[:, 1:], decided[:, 1:]
    of_those_that_occur = not several_labels and truth.shape[1] > 1

    def of(means: Array) -> Array:
        hits, predicted, actual = np.split(means, 3, axis=-1)
        taking_part = predicted + actual > 0 if of_those_that_occur else np.ones(hits.shape)
        return mean_over(of_each(hits, predicted, actual), taking_part)

    return OfMeans(np.hstack([truth & decided, decided, truth]), weights, of)


def _decisions(scores: Array, several_labels: bool) -> Array:
    """Return decisions as booleans (n, C): a row's largest score, or with several labels all above 0.5."""
    if several_labels:
        return scores > 0.5
    return scores.argmax(axis=1)[:, np.newaxis] == np.arange(scores.shape[1])
