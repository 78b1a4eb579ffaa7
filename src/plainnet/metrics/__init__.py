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
`log_loss`, `brier` and `expected_calibration_error` take the outputs as probabilities. These are scikit-learn's
conventions. Targets whose rows hold exactly one 1 and else 0 are taken as one-hot, unless
`several_labels=True` says that they are labels of which each row happens to have one. A run says so of its validation
rows where its training rows have several.

Soft targets, as from label smoothing, count as what is likeliest: rows of probabilities as the class of their
largest entry, a probability in a single column, or of each of several labels, as 1 above 0.5.

Every formula is that for examples of weight 1. With `sample_weight`, each example counts as often as its weight
says: sums and numbers of examples become sums of weights, and an example of weight 0 counts as absent.

>>> import numpy as np
>>> from plainnet import metrics
>>> probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.5, 0.4, 0.1], [0.0, 1.0, 0.0]])
>>> metrics.accuracy(np.array([0, 2, 1, 1]), probabilities)
0.75
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue, warn
from plainnet.metrics.decisions import accuracy, balanced_accuracy, confusion_matrix, f1, precision, recall
from plainnet.metrics.examples import has_several_labels as has_several_labels  # of a run's targets
from plainnet.metrics.examples import several_labels as several_labels
from plainnet.metrics.probabilities import brier, expected_calibration_error, log_loss, reliability
from plainnet.metrics.quantities import mae, r2, rmse
from plainnet.metrics.ranking import average_precision, precision_recall_curve, roc_auc, roc_curve

__all__ = [
    "LOWER_IS_BETTER",
    "METRICS",
    "Metric",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "confusion_matrix",
    "expected_calibration_error",
    "f1",
    "log_loss",
    "mae",
    "precision",
    "precision_recall_curve",
    "r2",
    "recall",
    "reliability",
    "resolve",
    "rmse",
    "roc_auc",
    "roc_curve",
]

Metric: TypeAlias = Callable[..., float]
"""(targets, predictions), and where it can be weighted `sample_weight` -> float."""

OF_CLASSES: tuple[Metric, ...] = (
    *(accuracy, balanced_accuracy, precision, recall, f1),
    *(roc_auc, average_precision),
    *(log_loss, brier, expected_calibration_error),
)
"""These metrics are of classes or labels."""
METRICS: dict[str, Metric] = {metric.__name__: metric for metric in (*OF_CLASSES, r2, rmse, mae)}
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "expected_calibration_error", "rmse", "mae"})
"""The metrics of which a lower value is better; of the others a higher one is."""


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
