"""The probability above which the second of two classes is predicted, chosen for a stated aim."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.metrics.means import ratio
from plainnet.metrics.ranking import by_threshold

HALF = 0.5
"""The threshold at which the likelier class is predicted."""


@dataclass(frozen=True)
class Cost:
    """A Cost weighs the two mistakes; "5:1" says that a false negative costs five times as much as a false positive.

    A false negative is a row of the second class that is predicted as the first, a false positive the opposite. The
    classes stand in sorted order: of "no" and "yes", "yes" is the second.
    """

    false_negative: float
    false_positive: float

    def __post_init__(self) -> None:
        checks.number("cost of a false negative", self.false_negative, above=0)
        checks.number("cost of a false positive", self.false_positive, above=0)


Aim: TypeAlias = Literal["f1", "balanced"] | float | Cost


def aim_of(threshold: str | float | None = None, cost: str | None = None) -> Aim | None:
    """Return what a threshold is chosen for, from the words of a command; None where nothing is given.

    Raises InvalidValue for other words, and where both are given.

    >>> aim_of("0.3"), aim_of(cost="5:1")
    (0.3, Cost(false_negative=5.0, false_positive=1.0))
    """
    if threshold is not None and cost is not None:
        raise InvalidValue(f"threshold is {threshold!r} and cost is {cost!r}; the cost chooses the threshold: give one")
    if cost is not None:
        found = re.fullmatch(r"\s*(\d+\.?\d*)\s*:\s*(\d+\.?\d*)\s*", cost)
        if found is None:
            raise InvalidValue(
                f"cost is {cost!r}; it takes the costs of a false negative and of a false positive, such as 5:1"
            )
        return Cost(float(found[1]), float(found[2]))
    if threshold is None or threshold in ("f1", "balanced"):
        return threshold  # type: ignore[return-value]  # one of these words
    try:
        number = float(threshold)
    except ValueError:
        raise InvalidValue(f"threshold is {threshold!r}; it takes f1, balanced or a number between 0 and 1") from None
    return checks.number("threshold", number, above=0, below=1)


def choose_threshold(targets: Array, probabilities: Array, aim: Aim, sample_weight: Array | None = None) -> float:
    """Return the threshold that serves an aim best on rows whose class is known, a number between 0 and 1.

    The second class is predicted where its probability is above the threshold. "f1" makes the F1 of the second class
    largest, "balanced" the balanced accuracy (Youden, "Index for rating diagnostic tests", Cancer 3 (1950)), a `Cost`
    the sum of the costs smallest (Elkan, "The foundations of cost-sensitive learning", IJCAI 2001); a number is the
    threshold itself. A threshold lies midway between two probabilities that occur, of equally good ones nearest to
    0.5. `targets` are the classes 0 and 1, shape (rows,), `probabilities` those of the second class, shape (rows,) or
    (rows, 1), or of both, (rows, 2).

    Raises InvalidValue where the rows have one class alone, unless the aim is a number.

    >>> choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.9]), "f1")
    0.25
    """
    if isinstance(aim, int | float):
        return checks.number("threshold", aim, above=0, below=1)
    probabilities = np.asarray(probabilities, np.float64)
    p = probabilities if probabilities.ndim == 1 else probabilities[:, -1]
    if p.shape != targets.shape or (probabilities.ndim > 1 and probabilities.shape[1] > 2):
        raise InvalidValue(
            f"probabilities has shape {probabilities.shape}; a threshold is for two classes and {len(targets)} targets"
        )
    positive = targets == 1
    if positive.all() or not positive.any():
        raise InvalidValue("targets has one class alone; a threshold is chosen on rows of both classes")
    different, hits, false_alarms = by_threshold(positive, p, sample_weight)
    ends = np.concatenate([[1.0], different, [0.0]])
    places = (ends[:-1] + ends[1:]) / 2  # above the highest, between, below the lowest
    hits, false_alarms = np.concatenate([[0.0], hits]), np.concatenate([[0.0], false_alarms])
    merit = _merit(aim, hits, false_alarms)
    possible = (ends[:-1] > places) & (places > ends[1:])
    best = np.flatnonzero(possible & (merit >= merit[possible].max() - 1e-12 * np.abs(merit).max()))
    return float(places[best[np.abs(places[best] - HALF).argmin()]])


def _merit(aim: Any, hits: Array, false_alarms: Array) -> Array:
    """Return how well each threshold serves an aim, from the true and the false positives above it."""
    positives, negatives = hits[-1], false_alarms[-1]
    misses = positives - hits
    if isinstance(aim, Cost):
        return -(aim.false_negative * misses + aim.false_positive * false_alarms)
    if checks.one_of("threshold", aim, ("f1", "balanced")) == "f1":
        return ratio(2 * hits, 2 * hits + false_alarms + misses)
    balanced: Array = (hits / positives + 1 - false_alarms / negatives) / 2
    return balanced


def decided(outputs: Array, threshold: float = HALF) -> Array:
    """Return the class that each row's outputs decide for, shape (rows,).

    It is the likeliest class; of two classes the second where its probability is above the threshold. The outputs are
    a probability for each class, or for two classes that of the second, shape (rows, 1).
    """
    if outputs.shape[1] > 2 or (outputs.shape[1] == 2 and threshold == HALF):
        chosen: Array = outputs.argmax(axis=1)
    else:
        chosen = (outputs[:, -1] > threshold).astype(np.intp)
    return chosen
