"""Say how good predictions are: named measures beside the simplest answer, and what to be careful about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from plainnet import metrics
from plainnet._base.arrays import Array

Z = 1.959964
"""The 97.5 % quantile of the normal distribution: intervals are of 95 %."""
MOST_NAMED = 3
MOST_SCORES = 10**8
"""The area under the ROC curve, which sorts all outputs, is not measured of more outputs (rows times classes)."""
RARE = 0.5
"""A class with less than this share of the commonest class's rows is one that balanced class weights help."""


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
    """The 95 % interval of the value, for rows drawn at random like these."""

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
    labels: Array, outputs: Array, classes: Sequence[str], weights: Array | None = None, *, balanced: bool = False
) -> Scores:
    """Return the measures of a network that tells classes apart, from the class of each row and the outputs.

    `balanced` says that the network was trained with weights, so that class weights need no recommendation.
    """
    predicted = decided(outputs)
    actual = np.bincount(labels, weights, len(classes))
    commonest = int(actual.argmax())
    baseline = f"always {classes[commonest]!r}"
    simplest = float(actual[commonest] / actual.sum())
    accuracy = float(np.average(predicted == labels, weights=weights))
    low, high = _wilson(accuracy, weights, len(labels))
    measured = [Score("accuracy", accuracy, "", simplest, (low, high))]
    of = f"of {classes[1]!r}" if len(classes) == 2 else "(macro average)"
    by_class = (metrics.precision, metrics.recall, metrics.f1)
    measured += [Score(metric.__name__, metric(labels, outputs, weights), of) for metric in by_class]
    if outputs.size <= MOST_SCORES:
        measured.append(Score("roc_auc", metrics.roc_auc(labels, outputs, weights)))
    remarks = []
    if accuracy <= simplest:
        remarks.append(f"Its accuracy is no better than that of the answer {baseline}, {simplest:.4g}.")
    elif low <= simplest:
        remarks.append(
            f"Its accuracy may be no better than that of the answer {baseline}: its 95 % interval holds {simplest:.4g}."
        )
    remarks += _on_single_classes(actual, np.bincount(predicted, weights, len(classes)), classes, balanced)
    return Scores(tuple(measured), baseline, tuple(remarks))


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


def of_quantities(true: Array, predicted: Array, weights: Array | None = None) -> Scores:
    """Return the measures of predictions of a quantity, both in the target's own units, shape (rows, outputs)."""
    mean = np.average(true, axis=0, weights=weights)
    constant = np.broadcast_to(mean, true.shape)
    measured = []
    for metric in (metrics.r2, metrics.rmse, metrics.mae):
        simplest = metric(true, constant, weights)
        simplest = round(simplest, 9) + 0.0 if metric is metrics.r2 else simplest  # 0, but for rounding
        measured.append(Score(metric.__name__, metric(true, predicted, weights), "", simplest))
    baseline = f"always the mean, {in_plain_figures(mean[0])}" if len(mean) == 1 else "always the mean"
    remarks: tuple[str, ...] = ()
    if len(true) == 1:
        remarks = ("r2 is not defined for one row.",)
    elif (true == true[0]).all():
        remarks = ("The target is the same in every row here, so r2 says nothing.",)
    elif measured[0].value <= 0:
        remarks = (f"It is no better than the answer {baseline}, whose r2 is 0.",)
    return Scores(tuple(measured), baseline, remarks)


def in_plain_figures(value: float, figures: int = 6) -> str:
    """Write a number with some significant figures, without an exponent if it is large: 1024760."""
    return f"{float(f'{value:.{figures}g}'):.15g}"


def decided(outputs: Array) -> Array:
    """Return the class that each row's outputs decide for: the likeliest; of one sigmoid unit p, 1 where p > 0.5."""
    chosen: Array = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(np.intp)
    return chosen


def confusions(labels: Array, predicted: Array, classes: int, weights: Array | None = None) -> tuple[Array, Array]:
    """Return the pairs of true and predicted class that occur, shape (pairs, 2), and the rows (or weight) of each."""
    pairs, place = np.unique(labels.astype(np.int64) * classes + predicted, return_inverse=True)
    return np.stack(np.divmod(pairs, classes), axis=1), np.bincount(place, weights)


def _wilson(share: float, weights: Array | None, rows: int) -> tuple[float, float]:
    """Return Wilson's interval of a share (Journal of the American Statistical Association 22, 1927).

    Weighted rows count as (Σw)² / Σw² rows, as in Kish, Survey Sampling (1965).
    """
    n = rows if weights is None else float(weights.sum() ** 2 / np.square(weights).sum())
    center = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    return float(max(0.0, center - half)), float(min(1.0, center + half))


def _named(numbers: Array, classes: Sequence[str]) -> str:
    """Name some classes: 'a', 'b' or 'c'; of many the first few."""
    names = [repr(classes[int(k)]) for k in numbers]
    if len(names) > MOST_NAMED:
        return f"any of {len(names)} classes: {', '.join(names[:MOST_NAMED])}, ..."
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
