"""Curves of a classifier's probabilities: what a threshold trades, and how far they can be taken at their word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import metrics
from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE
from plainnet.errors import InvalidValue
from plainnet.metrics.examples import one_class_each, truth_and_scores
from plainnet.metrics.intervals import wilson_bounds
from plainnet.metrics.probabilities import BINS
from plainnet.plots import drawing
from plainnet.plots.drawing import DASHES, GRAY, remark, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CURVES = 6
"""The most classes with a curve of their own, those with the smallest area."""
MOST_PLACES = 400
"""The most points of a curve."""

Curve = Callable[[Array, Array, Array | None], tuple[Array, Array]]


def roc_curve(
    targets: Any,
    predictions: Any,
    names: Sequence[str] | None = None,
    axes: Axes | None = None,
    *,
    sample_weight: Any = None,
    threshold: float | None = None,
    colors: Sequence[str] | None = None,
) -> Axes:
    """Draw the true positive rate over the false positive rate for every threshold, with the area under the curve.

    Targets and predictions are those of `metrics.roc_auc`. Two classes have the curve of the second, more a curve each
    against the rest; of more than 6 (`MOST_CURVES`) those with the smallest areas are drawn, and the macro average of
    all areas stands above. Guessing has the dashed line. With `threshold`, of two classes, a point is where the second
    is predicted above it.
    """
    shown = _Classes(targets, predictions, names, sample_weight, colors, metrics.roc_auc, "AUC")
    axes = axes if axes is not None else drawing.new_axes(5, 4.5)
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle="--", label="guessing: 0.5")
    for k, style in shown.styles():
        false, true = metrics.roc_curve(shown.truth[:, k], shown.scores[:, k], shown.weights)
        kept = _few(false + true, 2.0)
        axes.plot(false[kept], true[kept], label=shown.label(k), **style)
    if threshold is not None:
        hits, answered, actual, rest = shown.decided(threshold)
        _mark(axes, (answered - hits) / rest, hits / actual, threshold)
    return _finished(axes, shown, "false positive rate", "true positive rate (recall)")


def precision_recall_curve(
    targets: Any,
    predictions: Any,
    names: Sequence[str] | None = None,
    axes: Axes | None = None,
    *,
    sample_weight: Any = None,
    threshold: float | None = None,
    colors: Sequence[str] | None = None,
) -> Axes:
    """Draw precision over recall for every threshold, with the average precision, the area under the steps.

    It takes what `roc_curve` takes, `threshold` as well, and draws as many curves. Guessing has the share of a class as
    its precision, a dotted line; where a class is rare the curve says more than the ROC curve.
    """
    shown = _Classes(targets, predictions, names, sample_weight, colors, metrics.average_precision, "average precision")
    axes = axes if axes is not None else drawing.new_axes(5, 4.5)
    for k, style in shown.styles():
        share = float(np.average(shown.truth[:, k], weights=shown.weights))
        guess = f"guessing: {share:.2g}" if shown.is_binary else None
        axes.axhline(share, color=GRAY if shown.is_binary else style["color"], linewidth=1, linestyle=":", label=guess)
        precision, recall = metrics.precision_recall_curve(shown.truth[:, k], shown.scores[:, k], shown.weights)
        kept = _few(recall, 1.0)
        steps = np.concatenate([[0.0], recall[kept]]), np.concatenate([precision[kept][:1], precision[kept]])
        axes.plot(*steps, drawstyle="steps-pre", label=shown.label(k), **style)
    if threshold is not None:
        hits, answered, actual, _ = shown.decided(threshold)
        if answered:
            _mark(axes, hits / actual, hits / answered, threshold)
    return _finished(axes, shown, "recall", "precision")


def reliability_diagram(
    targets: Any, predictions: Any, axes: Axes | None = None, *, sample_weight: Any = None, bins: int = BINS
) -> Axes:
    """Draw the share of right predictions over their confidence, with the expected calibration error.

    The confidence is the probability of the predicted class. A point is one of so many `bins` of confidences, the
    larger the more examples are in it, with Wilson's interval of its share. On the dashed line confidence is right;
    below it the network is too sure, above it not sure enough. Targets and predictions are those of
    `metrics.reliability`.
    """
    found = metrics.reliability(targets, predictions, sample_weight, bins)
    axes = axes if axes is not None else drawing.new_axes(5, 4.5)
    held = found.share > 0
    rows = len(np.asarray(predictions))
    x, y, share = found.confidence[held], found.accuracy[held], found.share[held]
    low, high = np.array([wilson_bounds(p, max(n, 1e-9)) for p, n in zip(y, share * rows, strict=True)]).T
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle="--", label="confidence is right")
    spread = np.maximum([y - low, high - y], 0)
    axes.errorbar(x, y, spread, fmt="none", ecolor=GRAY, elinewidth=1)
    axes.plot(x, y, color=BLUE, linewidth=1)
    sizes = 12 + 150 * share / share.max()
    axes.scatter(x, y, s=sizes, color=BLUE, edgecolors="none", zorder=3, label=f"this network: ECE {found.error:.3f}")
    drawing.probabilities(axes.yaxis)
    drawing.probabilities(axes.xaxis)
    outputs = np.asarray(predictions).shape[1]
    least = 1 / max(outputs, 2)
    axes.set_xlim(least if least >= 0.25 else 0, 1)
    axes.set_xlabel("probability of the predicted class")
    axes.set_ylabel("share that is right")
    drawing.open_frame(axes)
    drawing.legend_above(axes)
    return axes


class _Classes:
    """The classes that have a curve, with the area under each."""

    def __init__(
        self,
        targets: Any,
        predictions: Any,
        names: Sequence[str] | None,
        sample_weight: Any,
        colors: Sequence[str] | None,
        area: metrics.Metric,
        called: str,
    ) -> None:
        self.called = called
        self.truth, self.scores, self.weights = truth_and_scores(targets, predictions, sample_weight)
        if not one_class_each(self.truth):
            raise InvalidValue("targets has rows with no or several labels; a curve takes one class per example")
        count = self.truth.shape[1]
        self.is_binary = count == 2
        self.names = drawing.named("names", names, range(count))
        self.colors = drawing.class_colors(count, self.truth.argmax(axis=1)) if colors is None else colors
        possible = [k for k in range(count) if self.truth[:, k].any() and not self.truth[:, k].all()]
        if not possible:
            raise InvalidValue("targets has one class alone; a curve takes examples of at least two")
        self.drawn = [1] if self.is_binary else possible
        self.areas = {
            k: area(self.truth[:, k].astype(int), self.scores[:, k : k + 1], self.weights) for k in self.drawn
        }
        self.average = float(np.mean(list(self.areas.values())))
        self.left_out = max(0, len(self.drawn) - MOST_CURVES)
        if self.left_out:
            self.drawn = sorted(sorted(self.drawn, key=lambda k: self.areas[k])[:MOST_CURVES])

    def styles(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the classes to draw with the style of each."""
        return [
            (k, {"color": BLUE if self.is_binary else self.colors[k], "linestyle": DASHES[i % len(DASHES)]})
            for i, k in enumerate(self.drawn)
        ]

    def label(self, k: int) -> str:
        """Return what is said of a class in the legend: the area, and which class it is if there are more than two."""
        called = self.called if self.is_binary else shortened(self.names[k], 14)
        return f"{called}: {self.areas[k]:.3f}"

    def decided(self, threshold: float) -> tuple[float, float, float, float]:
        """Return the weights of what is predicted to be of the second class rightly, at all; of it, and of the rest."""
        if not self.is_binary:
            raise InvalidValue(f"threshold is {threshold} for {len(self.names)} classes; it takes two")
        each = np.ones(len(self.truth)) if self.weights is None else self.weights
        answered, actual = self.scores[:, 1] > threshold, self.truth[:, 1]
        parts = (answered & actual, answered, actual, ~actual)
        hits, predicted, positive, negative = (float(each[part].sum()) for part in parts)
        return hits, predicted, positive, negative


def _few(along: Array, length: float) -> Array:
    """Return the places of at most `MOST_PLACES` points of a curve, the first and the last among them."""
    if len(along) <= MOST_PLACES:
        return np.arange(len(along))
    places = np.searchsorted(along, np.linspace(0, length, MOST_PLACES))
    return np.unique(np.concatenate([[0], np.minimum(places, len(along) - 1), [len(along) - 1]]))


def _mark(axes: Axes, x: float, y: float, threshold: float) -> None:
    """Draw a point where predictions are made now."""
    label = f"decides at {threshold:.3g}"
    axes.plot([x], [y], "o", color=drawing.VALIDATION, markersize=6, label=label, clip_on=False, zorder=4)


def _finished(axes: Axes, shown: _Classes, x: str, y: str) -> Axes:
    drawing.probabilities(axes.xaxis)
    drawing.probabilities(axes.yaxis)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    drawing.open_frame(axes)
    drawing.legend_above(axes)
    if not shown.is_binary:
        some = f"{MOST_CURVES} of {len(shown.names)} classes" if shown.left_out else "Each class"
        remark(axes, f"{some} against the rest; mean of all: {shown.average:.3f}")
    return axes
