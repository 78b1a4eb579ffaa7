"""Metrics say how good predictions are: plain functions `(targets, predictions, sample_weight=None) -> float`.

Predictions are what `net.predict` returns, a 2-D array with one row per example. What the targets are follows
from their shape:

| predictions                  | targets                                      | task                         |
| ---------------------------- | -------------------------------------------- | ---------------------------- |
| (n, 1), one sigmoid unit     | 0 or 1, shape (n,) or (n, 1)                 | two classes                  |
| (n, C), softmax, C >= 2      | labels 0 ... C-1, shape (n,) or (n, 1)       | C classes                    |
| (n, C), softmax, C >= 2      | one-hot rows, shape (n, C)                   | C classes                    |
| (n, C), softmax, C >= 2      | rows of probabilities that sum to 1, (n, C)  | C classes, the likeliest     |
| (n, k), k sigmoid units      | rows of 0 and 1, shape (n, k), not one-hot   | k labels, each there or not  |
| (n, k), any output           | values, shape (n, k), or (n,) where k = 1    | regression: r2, rmse, mae    |

An example counts as the class of its largest output (of one sigmoid unit p: 1 where p > 0.5); each of several
labels counts as there where its output is above 0.5. With two classes, class 1 is the positive one. With
more, precision, recall and F1 are macro averages: the mean, each class counting the same, over the classes
that occur in the targets or among the predicted classes; over several labels it is the mean over all of them.
These are scikit-learn's conventions. Targets whose rows hold exactly one 1 and else 0 are taken as one-hot, unless
`several_labels=True` says that they are labels of which each row happens to have one. A run says so of its validation
rows where its training rows have several.

Soft targets, as from label smoothing, count as what is likeliest: rows of probabilities as the class of their
largest entry, a probability in a single column, or of each of several labels, as 1 above 0.5.

Every formula is that for examples of weight 1. With `sample_weight`, each example counts as often as its weight
says: sums and numbers of examples become sums of weights, and an example of weight 0 counts as absent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.mapped import Rows, blocks
from plainnet.errors import InvalidType, InvalidValue, warn

Metric: TypeAlias = Callable[..., float]
"""(targets, predictions), and where it can be weighted `sample_weight` -> float."""

_FLOAT64 = np.dtype(np.float64)


def accuracy(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the share of the examples that are right; with several labels, of those with every label right.

    `accuracy = right / n`. Raises InvalidValue where targets do not fit predictions.

    >>> accuracy(np.array([0, 2, 1]), np.array([[0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.3, 0.5]]))
    0.6666666666666666
    """
    truth, scores, weights = _truth_and_scores(targets, predictions, sample_weight)
    decided = _decisions(scores, several_labels or not _one_class_each(truth))
    return float(np.average((truth == decided).all(axis=1), weights=weights))


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
    hits, predicted, _ = _counts(targets, predictions, sample_weight, several_labels)
    return _mean_ratio(hits, predicted)


def recall(
    targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False
) -> float:
    """Return the share of the positive examples that was predicted positive.

    `recall = TP / (TP + FN)`, 0 where nothing is positive; more than two classes: the macro average.
    Raises InvalidValue where targets do not fit predictions. Source: Fawcett (2006), as for precision.

    >>> recall(np.array([1, 1, 1, 0]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.6666666666666666
    """
    hits, _, actual = _counts(targets, predictions, sample_weight, several_labels)
    return _mean_ratio(hits, actual)


def f1(targets: Array, predictions: Array, sample_weight: Array | None = None, several_labels: bool = False) -> float:
    """Return the harmonic mean of precision and recall.

    `F1 = 2 / (1 / precision + 1 / recall) = 2 TP / ((TP + FP) + (TP + FN))`, 0 where the denominator is; more
    than two classes: the macro average, the mean of each class's F1. Raises InvalidValue where targets do not
    fit predictions. Source: Fawcett (2006), as for precision.

    >>> f1(np.array([1, 0, 1, 1]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    0.4
    """
    hits, predicted, actual = _counts(targets, predictions, sample_weight, several_labels)
    return _mean_ratio(2 * hits, predicted + actual)


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
    truth, scores, weights = _truth_and_scores(targets, predictions, sample_weight)
    if truth.shape[1] == 2 and _one_class_each(truth) and not several_labels:
        truth, scores = truth[:, 1:], scores[:, 1:]
    return float(np.mean([_area(*column, weights) for column in zip(truth.T, scores.T, strict=True)]))


def r2(targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
    """Return the coefficient of determination: the share of the targets' variance that the predictions explain.

    `R² = 1 - Σ(y - ŷ)² / Σ(y - ȳ)²`; several outputs: the mean of each output's R². A constant target leaves
    no variance to explain: 1 where it is predicted exactly, else 0; NaN for a single example. All three as in
    scikit-learn. Raises InvalidValue where targets and predictions differ in shape. Source: Draper and Smith,
    Applied Regression Analysis (1998).

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([[1.0], [2.0], [2.0]]))
    0.5
    """
    y, predicted, weights = _values(targets, predictions, sample_weight)
    if len(y) == 1:
        return float("nan")
    residual = np.average(np.square(y - predicted), axis=0, weights=weights)
    from_first = y - y[0]  # exactly 0 in a constant column, where y - mean(y) can be off by rounding
    deviations = from_first - np.average(from_first, axis=0, weights=weights)
    total = np.average(np.square(deviations), axis=0, weights=weights)
    constant = total == 0
    explained = 1 - residual / np.where(constant, 1.0, total)
    return float(np.where(constant, residual == 0, explained).mean())


def rmse(targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
    """Return the root mean squared error, in the unit of the targets.

    `RMSE = √(Σ(y - ŷ)² / n)`; several outputs: the mean of each output's RMSE, as in scikit-learn.
    Raises InvalidValue where targets and predictions differ in shape.

    >>> rmse(np.array([1.0, 2.0]), np.array([[4.0], [6.0]]))  # √((9 + 16) / 2)
    3.5355339059327378
    """
    y, predicted, weights = _values(targets, predictions, sample_weight)
    return float(np.sqrt(np.average(np.square(y - predicted), axis=0, weights=weights)).mean())


def mae(targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
    """Return the mean absolute error, in the unit of the targets.

    `MAE = Σ|y - ŷ| / n`; several outputs: the mean of each output's MAE.
    Raises InvalidValue where targets and predictions differ in shape.

    >>> mae(np.array([1.0, 2.0]), np.array([[4.0], [6.0]]))
    3.5
    """
    y, predicted, weights = _values(targets, predictions, sample_weight)
    return float(np.average(np.abs(y - predicted), axis=0, weights=weights).mean())


def confusion_matrix(targets: Array, predictions: Array, sample_weight: Array | None = None) -> Array:
    """Count the examples of each class (row) that were predicted as each class (column), shape (C, C).

    `M[i, j] = Σ [true class is i] [predicted class is j]`; C is 2 for one sigmoid unit, else the number of
    outputs. With `sample_weight`, sums of weights in place of counts. Raises InvalidValue where targets do not fit
    predictions or have several labels in a row.

    >>> confusion_matrix(np.array([1, 0, 1, 1]), np.array([[0.9], [0.7], [0.2], [0.1]]))
    array([[0, 1],
           [2, 1]])
    """
    truth, scores, weights = _truth_and_scores(targets, predictions, sample_weight)
    if not _one_class_each(truth):
        raise InvalidValue("targets has rows with no or several labels; a confusion matrix takes one class per example")
    counted = truth.astype(int) if weights is None else truth * weights[:, np.newaxis]
    counts: Array = counted.T @ _decisions(scores, several_labels=False).astype(counted.dtype)
    return counts


OF_CLASSES = (accuracy, precision, recall, f1, roc_auc)
"""These metrics are of classes or labels."""
METRICS: dict[str, Metric] = {metric.__name__: metric for metric in (*OF_CLASSES, r2, rmse, mae)}


def has_several_labels(targets: Rows) -> bool:
    """Return True for labels, not classes: rows of 0 and 1, or of probabilities, that do not sum to 1."""
    if len(targets.shape) != 2 or targets.shape[1] < 2:
        return False
    several = False
    for block in blocks(targets):
        part = targets[block]
        if not ((part >= 0) & (part <= 1)).all():
            return False
        several = several or bool((np.abs(part.sum(axis=1) - 1) > 1e-3).any())
    return several


def resolve(metric: str | Metric) -> tuple[str, Metric]:
    """Return the name and the function of a metric, given by name or as a function of targets and predictions.

    Raises InvalidValue for an unknown name, with the closest known one.

    >>> resolve("rmse")[1] is rmse, resolve(rmse)[0]
    (True, 'rmse')
    """
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    name = checks.one_of("metric", metric, METRICS)
    return name, METRICS[name]


@dataclass(frozen=True)
class Measure:
    """A Measure is a metric under its name; all are called alike, also those that take no weights."""

    name: str
    metric: Metric
    several_labels: bool = False
    """True if the targets are labels, although each row of a part of them may have one."""

    @cached_property
    def takes_weight(self) -> bool:
        """Return True if the metric has an argument `sample_weight`."""
        if self.metric in METRICS.values():
            return True
        import inspect  # only a metric of the user's own pays for this import

        try:
            return "sample_weight" in inspect.signature(self.metric).parameters
        except ValueError:  # a function of C that does not tell
            return False

    def __call__(self, targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
        """Return the value of the metric; raise InvalidType if the function returns something other than a number."""
        if self.metric not in METRICS.values():  # a function of the user's own may write to what it is given
            targets, predictions = targets.copy(), predictions.copy()
        options: dict[str, Any] = {}
        if sample_weight is not None and self.takes_weight:
            options["sample_weight"] = sample_weight
        if self.several_labels and self.metric in OF_CLASSES:
            options["several_labels"] = True
        try:
            value = self.metric(targets, predictions, **options)
        except Exception as error:
            error.add_note(f"raised by the metric {self.name!r}")
            raise
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InvalidType(f"metric {self.name!r} returned {value!r}; it must return a number") from None


def resolve_all(given: Any, several_labels: bool = False) -> dict[str, Measure]:
    """Return metrics by name, from a list of names and functions, or one of either; None is none.

    Raises InvalidType for anything else, and InvalidValue if two have one name or one is called "loss".
    """
    if given is None or isinstance(given, str) or callable(given):
        given = () if given is None else (given,)
    if not isinstance(given, Sequence):
        raise InvalidType(f"metrics is {given!r}; it takes a list of names and functions")
    named = [resolve(metric) for metric in given]
    names = [name for name, _ in named]
    if "loss" in names or len(set(names)) < len(names):
        raise InvalidValue(f"metrics are named {', '.join(names)}; each takes a name of its own, and not 'loss'")
    return {name: Measure(name, metric, several_labels) for name, metric in named}


def warn_of_unweighted(measures: Mapping[str, Measure], sample_weight: Array | None) -> None:
    """Warn of metrics that take no weights if some examples count more than others."""
    unweighted = [name for name, measure in measures.items() if not measure.takes_weight]
    if unweighted and sample_weight is not None and (sample_weight != sample_weight[0]).any():
        warn(
            f"metric {unweighted[0]!r} has no argument sample_weight: all examples count the same in it, and by their "
            "weights in the loss"
        )


def _truth_and_scores(
    targets: Array, predictions: Array, sample_weight: Array | None = None
) -> tuple[Array, Array, Array | None]:
    """Return targets as booleans and outputs, both (n, C), and the weights; one unit p becomes (1 - p, p)."""
    scores = checks.examples("predictions", predictions, _FLOAT64)
    given = checks.numeric_array("targets", targets, _FLOAT64)
    given, scores, weights = _counted(given, scores, sample_weight)
    rows, columns = scores.shape
    if columns > 1 and given.shape == scores.shape:
        return _truth_of_rows(given), scores, weights
    if given.shape not in {(rows,), (rows, 1)}:
        raise _misfit(given, scores, f"({rows},), ({rows}, 1)" + (f", {scores.shape}" if columns > 1 else ""))
    if columns == 1:
        scores = np.hstack([1 - scores, scores])
        if ((given >= 0) & (given <= 1)).all():
            given = _decided(given)
    truth = given.reshape(rows, 1) == np.arange(scores.shape[1])
    last, plural = scores.shape[1] - 1, "" if columns == 1 else "s"
    rule = f"for {columns} column{plural} of predictions the labels are whole numbers from 0 to {last}"
    _refuse(given, ~truth.any(axis=1), rule)
    return truth, scores, weights


def _truth_of_rows(given: Array) -> Array:
    """Return as booleans rows of 0 and 1, of probabilities that sum to 1, or of the probability of each label."""
    if np.isin(given, (0, 1)).all():
        return given == 1
    wrong = ~((given >= 0) & (given <= 1))
    _refuse(given, wrong, "rows take only 0 and 1, one-hot or for each label, or probabilities")
    if (np.abs(given.sum(axis=1) - 1) > 1e-3).any():
        return _decided(given) == 1
    likeliest = given == given.max(axis=1, keepdims=True)
    _refuse(given.max(axis=1), likeliest.sum(axis=1) > 1, "as more than one entry of its row, which has no class then")
    return likeliest


def _decided(probabilities: Array) -> Array:
    """Return 1 where a probability is above 0.5, else 0."""
    _refuse(probabilities, probabilities == 0.5, "which is neither class; probabilities count as 1 above 0.5")
    return (probabilities > 0.5).astype(np.float64)


def _values(targets: Array, predictions: Array, sample_weight: Array | None) -> tuple[Array, Array, Array | None]:
    """Return targets and predictions of a regression, both (n, k), float64, and the weights."""
    predicted = checks.examples("predictions", predictions, _FLOAT64)
    y = checks.numeric_array("targets", targets, _FLOAT64)
    rows, columns = predicted.shape
    if columns == 1 and y.shape == (rows,):
        y = y.reshape(rows, 1)
    if y.shape != predicted.shape:
        raise _misfit(y, predicted, f"{predicted.shape}" + (f", ({rows},)" if columns == 1 else ""))
    checks.finite("targets", y)
    return _counted(y, predicted, sample_weight)


def _counted(targets: Array, predictions: Array, sample_weight: Array | None) -> tuple[Array, Array, Array | None]:
    """Return the examples that count, all or those of a weight above 0, with their weights."""
    if sample_weight is None:
        return targets, predictions, None
    weights = checks.weights("sample_weight", sample_weight, _FLOAT64, len(predictions), of="predictions")
    counted = weights > 0
    if targets.shape[:1] != counted.shape:
        return targets, predictions, weights  # of a shape that is refused
    return targets[counted], predictions[counted], weights[counted]


def _misfit(targets: Array, predictions: Array, fitting: str) -> InvalidValue:
    return InvalidValue(
        f"targets has shape {targets.shape}; for predictions of shape {predictions.shape} it takes: {fitting}"
    )


def _refuse(targets: Array, wrong: Array, rule: str) -> None:
    """Raise InvalidValue if any target is wrong; the message says which is the first."""
    if wrong.any():
        place = np.unravel_index(wrong.argmax(), targets.shape)
        raise InvalidValue(f"targets holds {targets[place]:.9g} in row {place[0]} (counted from 0); {rule}")


def _one_class_each(truth: Array) -> bool:
    """Return True if every row is one-hot: classes that exclude each other rather than several labels."""
    return bool((truth.sum(axis=1) == 1).all())


def _decisions(scores: Array, several_labels: bool) -> Array:
    """Return decisions as booleans (n, C): a row's largest score, or with several labels all above 0.5."""
    if several_labels:
        return scores > 0.5
    return scores.argmax(axis=1)[:, np.newaxis] == np.arange(scores.shape[1])


def _counts(
    targets: Array, predictions: Array, sample_weight: Array | None, several_labels: bool
) -> tuple[Array, Array, Array]:
    """Return TP, TP + FP and TP + FN, one element for each class that precision, recall and F1 average over."""
    truth, scores, weights = _truth_and_scores(targets, predictions, sample_weight)
    several_labels = several_labels or not _one_class_each(truth)
    decided = _decisions(scores, several_labels)
    each = 1 if weights is None else weights[:, np.newaxis]
    hits, predicted, actual = (np.sum(part * each, axis=0) for part in (truth & decided, decided, truth))
    if several_labels:  # each of them
        averaged = np.full(len(hits), True)
    elif len(hits) == 2:  # two classes: the positive one
        averaged = np.array([False, True])
    else:  # more classes: those that occur
        averaged = predicted + actual > 0
    return hits[averaged], predicted[averaged], actual[averaged]


def _mean_ratio(numerators: Array, denominators: Array) -> float:
    """Return the mean of the ratios, each 0 where its denominator is (its numerator then is too)."""
    return float((numerators / np.where(denominators > 0, denominators, 1)).mean())


def _area(truth: Array, scores: Array, weights: Array | None) -> float:
    """Return the AUC of one column by the formula of `roc_auc`; NaN without positives or without negatives.

    U counts the pairs of a positive and a negative example in which the positive one scores higher, ties by half.
    """
    counts = np.ones(len(truth)) if weights is None else weights
    if truth.all() or not truth.any():
        return float("nan")
    _, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place, weights=counts * truth)
    negatives = np.bincount(place, weights=counts * ~truth)
    below = np.cumsum(negatives) - negatives / 2
    return float(positives @ below / (positives.sum() * negatives.sum()))
