"""Metrics: how good predictions are, as plain functions `(targets, predictions) -> float`.

Predictions are what `net.predict` returns, a 2-D array with a row an example. What the targets are follows
from their shape:

| predictions                  | targets                                      | task                         |
| ---------------------------- | -------------------------------------------- | ---------------------------- |
| (n, 1), one sigmoid unit     | 0 or 1, shape (n,) or (n, 1)                 | two classes                  |
| (n, C), softmax, C >= 2      | labels 0 ... C-1, shape (n,) or (n, 1)       | C classes                    |
| (n, C), softmax, C >= 2      | one-hot rows, shape (n, C)                   | C classes                    |
| (n, k), k sigmoid units      | rows of 0 and 1, shape (n, k), not one-hot   | k labels, each there or not  |
| (n, k), any output           | values, shape (n, k), or (n,) where k = 1    | regression: r2, rmse, mae    |

An example counts as the class of its largest output (of one sigmoid unit p: 1 where p > 0.5); each of several
labels counts as there where its output is above 0.5. With two classes, class 1 is the positive one. With
more, precision, recall and F1 are macro averages: the mean, each class counting the same, over the classes
that occur in the targets or among the predicted classes; over several labels it is the mean over all of them.
These are scikit-learn's conventions. Targets whose rows hold exactly one 1 and else 0 are always taken
as one-hot.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from plainnet import checks
from plainnet.arrays import Array
from plainnet.errors import InvalidType, InvalidValue

Metric: TypeAlias = Callable[[Array, Array], float]
_FLOAT64 = np.dtype(np.float64)


def accuracy(targets: Array, predictions: Array) -> float:
    """Share of the examples that are right; with several labels, of those with every label right.

    `accuracy = right / n`. Raises InvalidValue where targets do not fit predictions.

    >>> accuracy(np.array([0, 2, 1]), np.array([[0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.3, 0.5]]))
    0.6666666666666666
    """
    truth, scores = _truth_and_scores(targets, predictions)
    return float((truth == _decisions(truth, scores)).all(axis=1).mean())


def precision(targets: Array, predictions: Array) -> float:
    """Share of what was predicted positive that is positive.

    `precision = TP / (TP + FP)`, 0 where nothing was predicted positive; more than two classes: the macro
    average. Raises InvalidValue where targets do not fit predictions. Source: Fawcett, "An introduction to
    ROC analysis", Pattern Recognition Letters 27 (2006).

    >>> precision(np.array([1, 0, 1, 0]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.5
    """
    hits, predicted, _ = _counts(targets, predictions)
    return _mean_ratio(hits, predicted)


def recall(targets: Array, predictions: Array) -> float:
    """Share of the positive examples that was predicted positive.

    `recall = TP / (TP + FN)`, 0 where nothing is positive; more than two classes: the macro average.
    Raises InvalidValue where targets do not fit predictions. Source: Fawcett (2006), as for precision.

    >>> recall(np.array([1, 1, 1, 0]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.6666666666666666
    """
    hits, _, actual = _counts(targets, predictions)
    return _mean_ratio(hits, actual)


def f1(targets: Array, predictions: Array) -> float:
    """Harmonic mean of precision and recall.

    `F1 = 2 / (1 / precision + 1 / recall) = 2 TP / ((TP + FP) + (TP + FN))`, 0 where the denominator is; more
    than two classes: the macro average, the mean of each class's F1. Raises InvalidValue where targets do not
    fit predictions. Source: Fawcett (2006), as for precision.

    >>> f1(np.array([1, 0, 1, 1]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.4
    """
    hits, predicted, actual = _counts(targets, predictions)
    return _mean_ratio(2 * hits, predicted + actual)


def roc_auc(targets: Array, predictions: Array) -> float:
    """Area under the ROC curve: the chance that a positive example scores higher than a negative one.

    `AUC = U / (P N)` with `U = Σ ranks of the positives - P (P + 1) / 2`, for P positive and N negative
    examples; ranks are counted from 1 over all scores, and equal scores share the mean of their ranks. Two
    classes: the score is the output for class 1. More: the mean over the classes of each class against the
    rest; several labels: the mean over the labels. NaN where a class (or label) that takes part has no
    positive or no negative example. Raises InvalidValue where targets do not fit predictions. Sources: Hand
    and Till, Machine Learning 45 (2001), for the formula; Fawcett (2006), as for precision, for the curve.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([[0.1], [0.4], [0.35], [0.8]]))
    0.75
    """
    truth, scores = _truth_and_scores(targets, predictions)
    if _one_class_each(truth) and truth.shape[1] == 2:
        truth, scores = truth[:, 1:], scores[:, 1:]
    return float(np.mean([_area(*column) for column in zip(truth.T, scores.T, strict=True)]))


def r2(targets: Array, predictions: Array) -> float:
    """Coefficient of determination: the share of the targets' variance that the predictions explain.

    `R² = 1 - Σ(y - ŷ)² / Σ(y - ȳ)²`; several outputs: the mean of each output's R². A constant target leaves
    no variance to explain: 1 where it is predicted exactly, else 0; NaN for a single example. All three as in
    scikit-learn. Raises InvalidValue where targets and predictions differ in shape. Source: Draper and Smith,
    Applied Regression Analysis (1998).

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([[1.0], [2.0], [2.0]]))
    0.5
    """
    y, predicted = _values(targets, predictions)
    if len(y) == 1:
        return float("nan")
    residual = np.square(y - predicted).sum(axis=0)
    from_first = y - y[0]  # exactly 0 in a constant column, where y - mean(y) can be off by rounding
    total = np.square(from_first - from_first.mean(axis=0)).sum(axis=0)
    constant = total == 0
    explained = 1 - residual / np.where(constant, 1.0, total)
    return float(np.where(constant, residual == 0, explained).mean())


def rmse(targets: Array, predictions: Array) -> float:
    """Root mean squared error, in the unit of the targets.

    `RMSE = √(Σ(y - ŷ)² / n)`; several outputs: the mean of each output's RMSE, as in scikit-learn.
    Raises InvalidValue where targets and predictions differ in shape.

    >>> rmse(np.array([1.0, 2.0]), np.array([[4.0], [6.0]]))  # √((9 + 16) / 2)
    3.5355339059327378
    """
    y, predicted = _values(targets, predictions)
    return float(np.sqrt(np.square(y - predicted).mean(axis=0)).mean())


def mae(targets: Array, predictions: Array) -> float:
    """Mean absolute error, in the unit of the targets.

    `MAE = Σ|y - ŷ| / n`; several outputs: the mean of each output's MAE.
    Raises InvalidValue where targets and predictions differ in shape.

    >>> mae(np.array([1.0, 2.0]), np.array([[4.0], [6.0]]))
    3.5
    """
    y, predicted = _values(targets, predictions)
    return float(np.abs(y - predicted).mean())


def confusion_matrix(targets: Array, predictions: Array) -> Array:
    """Counts of the examples of each class (row) that were predicted as each class (column), shape (C, C).

    `M[i, j] = Σ [true class is i] [predicted class is j]`; C is 2 for one sigmoid unit, else the number of
    outputs. Raises InvalidValue where targets do not fit predictions or have several labels a row.

    >>> confusion_matrix(np.array([1, 0, 1, 1]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    array([[0, 1],
           [2, 1]])
    """
    truth, scores = _truth_and_scores(targets, predictions)
    if not _one_class_each(truth):
        raise InvalidValue("targets has rows with no or several labels; a confusion matrix takes one class an example")
    counts: Array = truth.T.astype(int) @ _decisions(truth, scores).astype(int)
    return counts


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "roc_auc": roc_auc,
    "r2": r2,
    "rmse": rmse,
    "mae": mae,
}


def resolve(metric: str | Metric) -> tuple[str, Metric]:
    """The name and the function of a metric, given by name or as a function of targets and predictions.

    Raises InvalidValue for an unknown name, with the closest known one.

    >>> resolve("rmse")[1] is rmse, resolve(rmse)[0]
    (True, 'rmse')
    """
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    name = checks.one_of("metric", metric, METRICS)
    return name, METRICS[name]


def resolve_all(given: Any) -> dict[str, Metric]:
    """Metrics by name, from a list of names and functions, or one of either; None is none.

    Raises InvalidType for anything else, InvalidValue where two have one name or one is called "loss".
    """
    if given is None:
        given = ()
    if isinstance(given, str) or callable(given):
        given = (given,)
    if not isinstance(given, Sequence):
        raise InvalidType(f"metrics is {given!r}; it takes a list of names and functions")
    named = [resolve(metric) for metric in given]
    names = [name for name, _ in named]
    if "loss" in names or len(set(names)) < len(names):
        raise InvalidValue(f"metrics are named {', '.join(names)}; each takes a name of its own, and not 'loss'")
    return dict(named)


def _truth_and_scores(targets: Array, predictions: Array) -> tuple[Array, Array]:
    """Booleans and outputs, both (n, C), a column a class or label; one sigmoid unit p becomes (1 - p, p)."""
    scores = checks.examples("predictions", predictions, _FLOAT64)
    given = checks.numeric_array("targets", targets, _FLOAT64)
    rows, columns = scores.shape
    if columns > 1 and given.shape == scores.shape:
        _refuse(given, (given != 0) & (given != 1), "rows take only 0 and 1, one-hot or for each label")
        return given == 1, scores
    if given.shape not in {(rows,), (rows, 1)}:
        raise _misfit(given, scores, f"({rows},), ({rows}, 1)" + (f", {scores.shape}" if columns > 1 else ""))
    if columns == 1:
        scores = np.hstack([1 - scores, scores])
    truth = given.reshape(rows, 1) == np.arange(scores.shape[1])
    last, plural = scores.shape[1] - 1, "" if columns == 1 else "s"
    rule = f"for {columns} column{plural} of predictions the labels are whole numbers from 0 to {last}"
    _refuse(given, ~truth.any(axis=1), rule)
    return truth, scores


def _values(targets: Array, predictions: Array) -> tuple[Array, Array]:
    """Targets and predictions of a regression, both (n, k), float64."""
    predicted = checks.examples("predictions", predictions, _FLOAT64)
    y = checks.numeric_array("targets", targets, _FLOAT64)
    rows, columns = predicted.shape
    if columns == 1 and y.shape == (rows,):
        y = y.reshape(rows, 1)
    if y.shape != predicted.shape:
        raise _misfit(y, predicted, f"{predicted.shape}" + (f", ({rows},)" if columns == 1 else ""))
    checks.finite("targets", y)
    return y, predicted


def _misfit(targets: Array, predictions: Array, fitting: str) -> InvalidValue:
    return InvalidValue(
        f"targets has shape {targets.shape}; for predictions of shape {predictions.shape} it takes: {fitting}"
    )


def _refuse(targets: Array, wrong: Array, rule: str) -> None:
    """Refuse targets where any is wrong, naming the first."""
    if wrong.any():
        place = np.unravel_index(wrong.argmax(), targets.shape)
        raise InvalidValue(f"targets holds {targets[place]:.9g} in row {place[0]} (counted from 0); {rule}")


def _one_class_each(truth: Array) -> bool:
    """Whether every row is one-hot: classes that exclude each other rather than several labels."""
    return bool((truth.sum(axis=1) == 1).all())


def _decisions(truth: Array, scores: Array) -> Array:
    """What the scores say, as booleans (n, C): a row's largest, or with several labels all above 0.5."""
    if _one_class_each(truth):
        decided: Array = scores.argmax(axis=1)[:, np.newaxis] == np.arange(scores.shape[1])
        return decided
    return scores > 0.5


def _counts(targets: Array, predictions: Array) -> tuple[Array, Array, Array]:
    """TP, TP + FP and TP + FN, with an element for each class that precision, recall and F1 average over."""
    truth, scores = _truth_and_scores(targets, predictions)
    decided = _decisions(truth, scores)
    hits, predicted, actual = (truth & decided).sum(axis=0), decided.sum(axis=0), truth.sum(axis=0)
    if not _one_class_each(truth):  # several labels: each of them
        averaged = np.full(len(hits), True)
    elif len(hits) == 2:  # two classes: the positive one
        averaged = np.array([False, True])
    else:  # more classes: those that occur
        averaged = predicted + actual > 0
    return hits[averaged], predicted[averaged], actual[averaged]


def _mean_ratio(numerators: Array, denominators: Array) -> float:
    """Mean of the ratios, each 0 where its denominator is (its numerator then is too)."""
    return float((numerators / np.maximum(denominators, 1)).mean())


def _area(truth: Array, scores: Array) -> float:
    """AUC of one column by the rank formula of `roc_auc`; NaN without positives or without negatives."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, place, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    u = ranks[truth].sum() - positives * (positives + 1) / 2
    return float(u / (positives * negatives))
