"""How good predictions are, for people: named measures beside the simplest answer, and what to be careful about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plainnet import metrics
from plainnet._base.arrays import Array

OF_CLASSES = ("accuracy", "precision", "recall", "f1", "roc_auc")
OF_QUANTITIES = ("r2", "rmse", "mae")
Z = 1.959964
"""The 97.5 % quantile of the normal distribution: intervals are of 95 %."""
MOST_NAMED = 3
MOST_SCORES = 10**8
"""With more outputs (rows times classes) the area under the ROC curve, which sorts them all, is not measured."""
RARE = 0.5
"""A class with less than this share of the commonest class's rows is one that balanced class weights help."""


@dataclass(frozen=True)
class Score:
    """A measure of predictions; NaN where it is not defined."""

    name: str
    value: float
    of: str = ""
    """The class that it is about ("of 'yes'"), or how it is averaged over the classes ("macro average")."""
    baseline: float | None = None
    """The same measure of the simplest answer, where that says something."""
    interval: tuple[float, float] | None = None
    """The 95 % interval of the value, for rows drawn at random like these."""

    @property
    def label(self) -> str:
        """The name with what it is of: "f1 of 'yes'"."""
        return f"{self.name} {self.of}".rstrip()


@dataclass(frozen=True)
class Scores:
    """The measures of a model on rows whose target is known."""

    measures: tuple[Score, ...]
    baseline: str
    """The simplest answer, which knows no inputs: "always 'no'"."""
    remarks: tuple[str, ...]
    """Sentences on what the measures do not show by themselves."""


def of_classes(
    labels: Array, outputs: Array, classes: Sequence[str], weights: Array | None = None, *, balanced: bool = False
) -> Scores:
    """The measures of a network that tells classes apart, from the class of each row and the network's outputs.

    `balanced` says that the network was trained with weights, so that class weights need no recommendation.
    """
    predicted = decided(outputs)
    actual = np.bincount(labels, weights, len(classes))
    answers = np.bincount(predicted, weights, len(classes))
    commonest = int(actual.argmax())
    accuracy = float(np.average(predicted == labels, weights=weights))
    share = float(actual[commonest] / actual.sum())
    of = f"of {classes[1]!r}" if len(classes) == 2 else "(macro average)"
    interval = _wilson(accuracy, weights, len(labels))
    measured = [Score("accuracy", accuracy, "", share, interval)]
    for name in OF_CLASSES[1:]:
        if name != "roc_auc":
            measured.append(Score(name, _measure(name, labels, outputs, weights), of))
        elif outputs.size <= MOST_SCORES:
            measured.append(Score(name, _measure(name, labels, outputs, weights)))
    baseline = f"always {classes[commonest]!r}"
    remarks = [
        *_against_baseline(accuracy, interval[0], share, baseline),
        *_never_predicted(actual, answers, classes, balanced),
        *_without_rows(actual, classes),
    ]
    return Scores(tuple(measured), baseline, tuple(remarks))


def of_quantities(true: Array, predicted: Array, weights: Array | None = None) -> Scores:
    """The measures of predictions of a quantity, both in the target's own units, shape (rows, outputs)."""
    mean = np.average(true, axis=0, weights=weights)
    constant = np.broadcast_to(mean, true.shape)
    measured = []
    for name in OF_QUANTITIES:
        simplest = _measure(name, true, constant, weights)
        simplest = round(simplest, 9) + 0.0 if name == "r2" else simplest  # 0, but for rounding
        measured.append(Score(name, _measure(name, true, predicted, weights), "", simplest))
    baseline = f"always the mean, {in_digits(mean[0])}" if len(mean) == 1 else "always the mean"
    return Scores(tuple(measured), baseline, tuple(_of_the_spread(true, measured[0].value, baseline)))


def in_digits(value: float, figures: int = 6) -> str:
    """A number of some significant figures, without an exponent where it is large: 1024760."""
    return f"{float(f'{value:.{figures}g}'):.15g}"


def decided(outputs: Array) -> Array:
    """The class that each row's outputs decide for: the likeliest; of one sigmoid unit p, 1 where p > 0.5."""
    chosen: Array = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(np.intp)
    return chosen


def confusions(labels: Array, predicted: Array, classes: int, weights: Array | None = None) -> tuple[Array, Array]:
    """The pairs of true and predicted class that occur, shape (pairs, 2), and how many rows (or weight) each has."""
    pairs, place = np.unique(labels.astype(np.int64) * classes + predicted, return_inverse=True)
    return np.stack(np.divmod(pairs, classes), axis=1), np.bincount(place, weights)


def _measure(name: str, targets: Array, predictions: Array, weights: Array | None) -> float:
    return metrics.METRICS[name](targets, predictions, weights)


def _wilson(share: float, weights: Array | None, rows: int) -> tuple[float, float]:
    """Wilson's interval of a share (Journal of the American Statistical Association 22, 1927).

    Weighted rows count as (Σw)² / Σw² rows, as in Kish, Survey Sampling (1965).
    """
    n = rows if weights is None else float(weights.sum() ** 2 / np.square(weights).sum())
    center = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    return float(max(0.0, center - half)), float(min(1.0, center + half))


def _against_baseline(accuracy: float, low: float, simplest: float, baseline: str) -> list[str]:
    if accuracy <= simplest:
        return [f"Its accuracy is no better than that of the answer {baseline}, {simplest:.4g}."]
    if low <= simplest:
        return [
            f"Its accuracy may be no better than that of the answer {baseline}: its 95 % interval holds {simplest:.4g}."
        ]
    return []


def _never_predicted(actual: Array, answers: Array, classes: Sequence[str], balanced: bool) -> list[str]:
    never = np.flatnonzero((actual > 0) & (answers == 0))
    if not len(never):
        return []
    unbalanced = actual[never].min() < RARE * actual.max()
    advice = (
        "; --class-weight balanced makes rare classes count more in training" if unbalanced and not balanced else ""
    )
    return [f"It never predicts {_named(never, classes)}{advice}."]


def _without_rows(actual: Array, classes: Sequence[str]) -> list[str]:
    absent = np.flatnonzero(actual == 0)
    if not len(absent):
        return []
    if len(absent) == len(classes) - 1:
        return [f"Every row here is {classes[int(actual.argmax())]!r}, so roc_auc is not defined."]
    return [f"No row here is {_named(absent, classes)}: roc_auc is not defined, and nothing is known of such rows."]


def _of_the_spread(true: Array, r2: float, baseline: str) -> list[str]:
    if len(true) == 1:
        return ["r2 is not defined for one row."]
    if (true == true[0]).all():
        return ["The target is the same in every row here, so r2 says nothing."]
    return [f"It is no better than the answer {baseline}, whose r2 is 0."] if r2 <= 0 else []


def _named(numbers: Array, classes: Sequence[str]) -> str:
    """Some classes by name: 'a', 'b' or 'c'; of many the first few."""
    names = [repr(classes[int(k)]) for k in numbers]
    if len(names) > MOST_NAMED:
        return f"any of {len(names)} classes: {', '.join(names[:MOST_NAMED])}, ..."
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
