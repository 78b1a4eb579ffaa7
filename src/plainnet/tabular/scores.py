"""Say how good predictions are: named measures beside simple answers, and what to be careful about."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plainnet import metrics
from plainnet._base.arrays import Array
from plainnet.metrics.intervals import WITH_INTERVALS, interval
from plainnet.tabular.thresholds import HALF, decided

MOST_NAMED = 3
MOST_SCORES = 10**8
"""Measures that sort all outputs, such as the area under the ROC curve, are not taken of more (rows times classes)."""
RARE = 0.5
"""A class with less than this share of the commonest class's rows is one that balanced class weights help."""
UNBALANCED = 0.75
"""The share of the commonest class from which on the accuracy says little."""


@dataclass(frozen=True)
class Score:
    """A Score is a measure of predictions; NaN if it is not defined."""

    name: str
    value: float
    of: str = ""
    """The class that it is about ("of 'yes'"), or its mean over the classes ("macro average")."""
    baseline: float | None = None
    """The same measure of the simplest answer, if that says something."""
    interval: tuple[float, float] | None = None
    """The 95 % interval of the value, for rows drawn at random like these; None if nothing is known of it."""
    linear: float | None = None
    """The same measure of a linear model, if there is one."""

    @property
    def label(self) -> str:
        """Return the name with what it is of: "f1 of 'yes'"."""
        return f"{self.name} {self.of}".rstrip()


@dataclass(frozen=True)
class Scores:
    """Scores are the measures of a model on rows whose target is known."""

    measures: tuple[Score, ...]
    baseline: str
    """The simplest answer, which knows no inputs: "always 'no'"."""
    remarks: tuple[str, ...]
    """Sentences on what the measures do not show by themselves."""


def of_classes(
    labels: Array,
    outputs: Array,
    classes: Sequence[str],
    weights: Array | None = None,
    *,
    balanced: bool = False,
    threshold: float = HALF,
    linear: Array | None = None,
) -> Scores:
    """Return the measures of a network that tells classes apart, from the class of each row and the outputs.

    `balanced` says that the network was trained with weights, so that class weights need no recommendation.
    `threshold` is the probability above which the second of two classes is predicted, and `linear` holds the outputs
    of a linear model for the same rows. The simplest answer is the share of each class in these rows.
    """
    actual = np.bincount(labels, weights, len(classes))
    shares = actual / actual.sum()
    commonest = int(actual.argmax())
    baseline = f"always {classes[commonest]!r}"
    of_one = f"of {classes[1]!r}" if len(classes) == 2 else "(macro average)"
    simple = np.arange(len(classes)), np.tile(shares, (len(classes), 1)), actual  # a row for each class, weighted
    answers = decided(outputs, threshold)
    each = {
        metrics.accuracy: "",
        metrics.balanced_accuracy: "",
        metrics.precision: of_one,
        metrics.recall: of_one,
        metrics.f1: of_one,
        metrics.roc_auc: "",
        metrics.average_precision: of_one,
        metrics.log_loss: "",
        metrics.brier: "",
        metrics.expected_calibration_error: "",
    }
    measured = []
    for metric, of in each.items():
        if metric in SORTING and outputs.size > MOST_SCORES:
            continue
        given = outputs
        if metric in DECIDING and threshold != HALF:
            given = answers[:, np.newaxis].astype(np.float64)  # as the output of one unit that is sure
        measured.append(_score(metric, labels, given, weights, simple, linear, of))
    accuracy, simplest = measured[0], measured[0].baseline
    assert simplest is not None
    assert accuracy.interval is not None
    remarks = []
    if accuracy.value <= simplest:
        remarks.append(f"Its accuracy is no better than that of the answer {baseline}, {simplest:.4g}.")
    elif accuracy.interval[0] <= simplest:
        remarks.append(
            f"Its accuracy may be no better than that of the answer {baseline}: its 95 % interval holds {simplest:.4g}."
        )
    remarks += _on_linear(accuracy)
    remarks += _on_single_classes(actual, np.bincount(answers, weights, len(classes)), classes, balanced)
    remarks += _on_balance(shares, classes, balanced or threshold != HALF)
    return Scores(tuple(measured), baseline, tuple(remarks))


DECIDING: tuple[metrics.Metric, ...] = (
    metrics.accuracy,
    metrics.balanced_accuracy,
    metrics.precision,
    metrics.recall,
    metrics.f1,
)
"""The metrics of the classes decided on."""
SORTING: tuple[metrics.Metric, ...] = (metrics.roc_auc, metrics.average_precision)
"""The metrics that sort the outputs."""


def _score(
    metric: Callable[..., float],
    targets: Array,
    outputs: Array,
    weights: Array | None,
    simple: tuple[Array, Array, Array | None],
    linear: Array | None,
    of: str = "",
) -> Score:
    """Return a measure with its interval, beside those of a linear model and of the simplest answer.

    `simple` holds targets, the simplest answer for them, and weights.
    """
    name = metric.__name__
    return Score(
        name,
        metric(targets, outputs, weights),
        of,
        # the shares of the classes are calibrated, which says nothing for them
        None if name == "expected_calibration_error" else metric(*simple),
        interval(name, targets, outputs, weights) if name in WITH_INTERVALS else None,
        None if linear is None else metric(targets, linear, weights),
    )


def _on_linear(score: Score) -> Iterator[str]:
    """Remark on a linear model that is at least as good."""
    if score.linear is not None and score.linear >= score.value:
        yield f"A linear model is as good ({score.name} {score.linear:.4g}): what it is worth beyond that is not shown."


def _on_balance(shares: Array, classes: Sequence[str], minded: bool) -> Iterator[str]:
    """Remark on classes of which one has most of the rows, unless the model was made with that in mind."""
    commonest = int(shares.argmax())
    if minded or not UNBALANCED <= shares[commonest] < 1:
        return
    threshold = " or --threshold f1" if len(classes) == 2 else ""
    yield (
        f"The classes are unbalanced ({classes[commonest]!r} is {shares[commonest]:.0%} of the rows), so the accuracy "
        f"says little: look at balanced_accuracy and f1. --class-weight balanced{threshold} finds more of the rarer "
        f"class{'' if len(classes) == 2 else 'es'}."
    )


def _on_single_classes(actual: Array, answers: Array, classes: Sequence[str], balanced: bool) -> Iterator[str]:
    """Remark on classes that are never predicted, and on those without rows."""
    never = np.flatnonzero((actual > 0) & (answers == 0))
    if len(never):
        advised = not balanced and actual[never].min() < RARE * actual.max()
        advice = "; --class-weight balanced makes rare classes count more in training" if advised else ""
        yield f"It never predicts {_named(never, classes)}{advice}."
    absent = np.flatnonzero(actual == 0)
    if len(absent) == len(classes) - 1:
        yield f"Every row here is {classes[int(actual.argmax())]!r}, so roc_auc is not defined."
    elif len(absent):
        yield f"No row here is {_named(absent, classes)}: roc_auc is not defined, and nothing is known of such rows."


def of_quantities(
    true: Array, predicted: Array, weights: Array | None = None, *, linear: Array | None = None
) -> Scores:
    """Return the measures of predictions of a quantity, all in the target's own units, shape (rows, outputs).

    `linear` holds the predictions of a linear model for the same rows.
    """
    mean = np.average(true, axis=0, weights=weights)
    simple = true, np.broadcast_to(mean, true.shape), weights
    measured = []
    for metric in (metrics.r2, metrics.rmse, metrics.mae):
        score = _score(metric, true, predicted, weights, simple, linear)
        if metric is metrics.r2 and score.baseline is not None:
            score = replace(score, baseline=round(score.baseline, 9) + 0.0)  # 0, but for rounding
        measured.append(score)
    baseline = f"always the mean, {in_plain_figures(mean[0])}" if len(mean) == 1 else "always the mean"
    remarks: tuple[str, ...] = ()
    if len(true) == 1:
        remarks = ("r2 is not defined for one row.",)
    elif (true == true[0]).all():
        remarks = ("The target is the same in every row here, so r2 says nothing.",)
    elif measured[0].value <= 0:
        remarks = (f"It is no better than the answer {baseline}, whose r2 is 0.",)
    else:
        remarks = tuple(_on_linear(measured[0]))
    return Scores(tuple(measured), baseline, remarks)


def in_plain_figures(value: float, figures: int = 6) -> str:
    """Write a number with some significant figures, without an exponent if it is large: 1024760."""
    return f"{float(f'{value:.{figures}g}'):.15g}"


def written_interval(interval: tuple[float, float] | None) -> str:
    """Write an interval with as many decimals as its width deserves: 0.922 to 0.997; nothing for None."""
    if interval is None:
        return ""
    width = interval[1] - interval[0]
    decimals = min(max(0, 1 - math.floor(math.log10(width))), 15) if width > 0 else 3
    return " to ".join(f"{bound:.{decimals}f}" for bound in interval)


def confusions(labels: Array, predicted: Array, classes: int, weights: Array | None = None) -> tuple[Array, Array]:
    """Return the pairs of true and predicted class that occur, shape (pairs, 2), and the rows (or weight) of each."""
    pairs, place = np.unique(labels.astype(np.int64) * classes + predicted, return_inverse=True)
    return np.stack(np.divmod(pairs, classes), axis=1), np.bincount(place, weights)


def _named(numbers: Array, classes: Sequence[str]) -> str:
    """Name some classes: 'a', 'b' or 'c'; of many the first few."""
    names = [repr(classes[int(k)]) for k in numbers]
    if len(names) > MOST_NAMED:
        return f"any of {len(names)} classes: {', '.join(names[:MOST_NAMED])}, ..."
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
