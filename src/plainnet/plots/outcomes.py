"""Right and wrong predictions, residuals, and the importance of each input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import metrics
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE, VERMILION
from plainnet.errors import InvalidValue
from plainnet.plots import drawing
from plainnet.plots.drawing import GRAY, plain_numbers, remark, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 12
"""The most classes to draw, those that are confused most often."""
MOST_BARS = 15


def confusion_matrix(
    targets: Any, predictions: Any, names: Sequence[str] | None = None, axes: Axes | None = None
) -> Axes:
    """Draw the true classes (rows) by the predicted ones (columns), with the count of examples in each cell.

    Right predictions, on the diagonal, are blue and wrong ones vermilion, the darker the larger the share of the true
    class. Targets and predictions are those of `metrics.confusion_matrix`. Only the 12 classes (`MOST_CLASSES`) with
    the most mistakes are drawn.
    """
    counts = metrics.confusion_matrix(targets, predictions)
    called = np.array([shortened(name, 14) for name in drawing.named("names", names, range(len(counts)))])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    left_out = ""
    if len(counts) > MOST_CLASSES:
        mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
        kept = np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])
        left_out = f"The {MOST_CLASSES} of {len(counts)} classes with the most mistakes"
        counts, share, called = counts[np.ix_(kept, kept)], share[np.ix_(kept, kept)], called[kept]
    axes = axes if axes is not None else drawing.new_axes(5, 4.5)
    _cells(axes, counts, share)
    rotated = max(map(len, called)) * len(called) > 11 * drawing.width_of(axes)
    axes.set_xticks(range(len(called)), called, rotation=90 if rotated else 0)
    axes.set_yticks(range(len(called)), called)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    remark(axes, left_out)
    return axes


def _cells(axes: Axes, counts: Array, share: Array) -> None:
    """Draw right and wrong cells in different colours, with the counts."""
    right, wrong = drawing.sequential(BLUE), drawing.sequential(VERMILION)
    diagonal = np.eye(len(counts), dtype=bool)
    colors = np.where(diagonal[..., None], right(share), wrong(share))
    axes.imshow(colors, aspect="auto")
    for (i, j), count in np.ndenumerate(counts):
        if count:
            weight = "bold" if i == j else "normal"
            ink = _readable_on(colors[i, j])
            axes.text(j, i, f"{count:,}", ha="center", va="center", color=ink, weight=weight, fontsize="small")


def _readable_on(ground: Array) -> str:
    """Return white if its contrast on the ground is 4.5:1 (WCAG 2.2), otherwise black, which then has more."""
    channels = np.where(ground[:3] <= 0.04045, ground[:3] / 12.92, ((ground[:3] + 0.055) / 1.055) ** 2.4)
    luminance = float(channels @ [0.2126, 0.7152, 0.0722])
    return "white" if 1.05 / (luminance + 0.05) >= 4.5 else "black"


def predicted_against_true(targets: Any, predictions: Any, axes: Axes | None = None, *, name: str = "") -> Axes:
    """Draw a point for each example, its prediction over its true value; on the line the two are equal.

    Targets and predictions are (examples,) or (examples, 1); of more than 1,000 (`MOST_POINTS`) a sample is drawn.
    `name` is that of the target.
    """
    true, predicted, left_out = _pairs(targets, predictions)
    axes = axes if axes is not None else drawing.new_axes(5, 4.5)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, color=GRAY, linewidth=1, linestyle="--", label="predicted = true")
    _scatter(axes, true, predicted)
    axes.set_xlabel(f"true {shortened(name, 30)}".strip())
    axes.set_ylabel(f"predicted {shortened(name, 30)}".strip())
    drawing.legend_above(axes)
    remark(axes, left_out)
    return axes


def residuals(targets: Any, predictions: Any, axes: Axes | None = None, *, name: str = "") -> Axes:
    """Draw the residual of each example, true value - prediction, over its prediction; a good model leaves no pattern.

    Targets and predictions are (examples,) or (examples, 1); of more than 1,000 (`MOST_POINTS`) a sample is drawn.
    `name` is that of the target. Points that bend or fan out show what the model has not learned: a curve, or errors
    that grow with the value.
    """
    true, predicted, left_out = _pairs(targets, predictions)
    axes = axes if axes is not None else drawing.new_axes(5, 4.5)
    axes.axhline(0, color=GRAY, linewidth=1, linestyle="--")
    _scatter(axes, predicted, true - predicted)
    axes.set_xlabel(f"predicted {shortened(name, 30)}".strip())
    axes.set_ylabel("residual: true - predicted")
    remark(axes, left_out)
    return axes


def _pairs(targets: Any, predictions: Any) -> tuple[Array, Array, str]:
    """Return checked true and predicted values, at most `MOST_POINTS` of each, and a remark if they are a sample."""
    true = checks.numeric_array("targets", targets, np.dtype(float)).reshape(-1)
    predicted = checks.numeric_array("predictions", predictions, np.dtype(float)).reshape(-1)
    if true.shape != predicted.shape or not len(true):
        raise InvalidValue(f"targets has {len(true)} values and predictions {len(predicted)}; each example takes one")
    checks.finite("targets", true)
    checks.finite("predictions", predicted)
    drawn, left_out = drawing.sample(len(true))
    return true[drawn], predicted[drawn], left_out


def _scatter(axes: Axes, x: Array, y: Array) -> None:
    axes.scatter(x, y, s=12, color=BLUE, edgecolors="none")
    plain_numbers(axes.xaxis, axes.yaxis)
    drawing.open_frame(axes)


def importance(
    values: Array,
    names: Sequence[str] | None = None,
    axes: Axes | None = None,
    *,
    label: str = "rise of the loss when the input is shuffled",
) -> Axes:
    """Draw the importance of each input, the largest on top: mean and range of `permutation_importance`'s repeats.

    `values` is (inputs, repeats), `label` their name. Only the 15 (`MOST_BARS`) most important inputs are drawn.
    """
    values = checks.examples("values", values, np.dtype(float))
    called = drawing.named("names", names, [f"input {i}" for i in range(len(values))])
    means = values.mean(axis=1)
    order = np.argsort(-means, kind="stable")[:MOST_BARS]
    axes = axes if axes is not None else drawing.new_axes(5.5, 0.9 + 0.28 * len(order))
    spread = np.abs(np.stack([values.min(axis=1), values.max(axis=1)]) - means)[:, order]
    axes.barh(range(len(order)), means[order], 0.65, xerr=spread, color=BLUE, ecolor=GRAY, error_kw={"linewidth": 1})
    axes.set_yticks(range(len(order)), [shortened(called[i], 22) for i in order])
    axes.invert_yaxis()
    axes.axvline(0, color=GRAY, linewidth=0.8)
    axes.set_xlabel(label)
    plain_numbers(axes.xaxis, most=4)
    drawing.open_frame(axes)
    left_out = f"The {MOST_BARS} most important of {len(values)} inputs" if len(values) > MOST_BARS else ""
    remark(axes, left_out)
    return axes
