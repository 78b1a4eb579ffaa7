"""How right the predictions are, and what each input is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import checks, metrics
from plainnet.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.plots.drawing import (
    BLUE,
    GRAY,
    MOST_POINTS,
    new_axes,
    open_frame,
    plural,
    remark,
    sequential,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 12
"""Of more classes than this the ones most often confused are drawn."""
MOST_BARS = 15


def confusion_matrix(
    targets: Any, predictions: Any, names: Sequence[str] | None = None, axes: Axes | None = None
) -> Axes:
    """True classes (rows) by predicted ones (columns): the count in each cell, the share of its row as colour.

    Targets and predictions are those of `metrics.confusion_matrix`. Of more than `MOST_CLASSES` classes those with
    the most mistakes are drawn.
    """
    counts = metrics.confusion_matrix(targets, predictions)
    if names is not None and len(names) != len(counts):
        raise InvalidValue(f"names has {len(names)} names; there are {len(counts)} classes")
    called = np.array([shortened(str(name), 14) for name in (names if names is not None else range(len(counts)))])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    left_out = ""
    if len(counts) > MOST_CLASSES:
        mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
        kept = np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])
        left_out = f"The {MOST_CLASSES} of {len(counts)} classes with the most mistakes"
        counts, share, called = counts[np.ix_(kept, kept)], share[np.ix_(kept, kept)], called[kept]
    axes = axes if axes is not None else new_axes(5, 4.5)
    image = axes.imshow(share, cmap=sequential(), vmin=0, vmax=1, aspect="auto")
    for (i, j), count in np.ndenumerate(counts):
        if count:
            color = "white" if share[i, j] > 0.6 else "#222222"
            weight = "bold" if i == j else "normal"
            size = "medium" if len(counts) < 7 else "x-small"
            axes.text(j, i, f"{count:,}", ha="center", va="center", color=color, weight=weight, fontsize=size)
    rotated = max(map(len, called)) * len(called) > 40
    axes.set_xticks(range(len(called)), called, rotation=90 if rotated else 0)
    axes.set_yticks(range(len(called)), called)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.figure.colorbar(image, ax=axes, label="share of the true class")
    remark(axes, left_out)
    return axes


def predicted_against_true(targets: Any, predictions: Any, axes: Axes | None = None, *, name: str = "") -> Axes:
    """A point an example, its prediction over its true value; on the line the two are equal.

    Targets and predictions (examples,) or (examples, 1); of more than `MOST_POINTS` a sample is drawn.
    """
    true = checks.numeric_array("targets", targets, np.dtype(float)).reshape(-1)
    predicted = checks.numeric_array("predictions", predictions, np.dtype(float)).reshape(-1)
    if true.shape != predicted.shape or not len(true):
        raise InvalidValue(f"targets has {len(true)} values and predictions {len(predicted)}; each example takes one")
    checks.finite("targets", true)
    checks.finite("predictions", predicted)
    left_out = ""
    if len(true) > MOST_POINTS:
        drawn = np.random.default_rng(0).choice(len(true), MOST_POINTS, replace=False)
        left_out = f"{MOST_POINTS:,} of {plural(len(true), 'example')}, drawn at random"
        true, predicted = true[drawn], predicted[drawn]
    axes = axes if axes is not None else new_axes(5, 4.5)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, color=GRAY, linewidth=1, linestyle="--", label="predicted = true")
    axes.scatter(true, predicted, s=14, color=BLUE, alpha=0.5, edgecolors="none")
    axes.set_xlabel(f"true {name}".strip())
    axes.set_ylabel(f"predicted {name}".strip())
    axes.legend(frameon=False)
    open_frame(axes)
    remark(axes, left_out)
    return axes


def importance(values: Array, names: Sequence[str] | None = None, axes: Axes | None = None) -> Axes:
    """What each input is worth, the most important on top: mean and range of `permutation_importance`'s repeats.

    `values` is (inputs, repeats). Of more than `MOST_BARS` inputs the most important are drawn.
    """
    values = checks.examples("values", values, np.dtype(float))
    called = [str(name) for name in names] if names is not None else [f"input {i}" for i in range(len(values))]
    if len(called) != len(values):
        raise InvalidValue(f"names has {len(called)} names; values has {len(values)} inputs")
    means = values.mean(axis=1)
    order = np.argsort(-means, kind="stable")[:MOST_BARS]
    axes = axes if axes is not None else new_axes(5.5, 0.9 + 0.28 * len(order))
    spread = np.abs(np.stack([values.min(axis=1), values.max(axis=1)]) - means)[:, order]
    axes.barh(range(len(order)), means[order], 0.65, xerr=spread, color=BLUE, ecolor=GRAY, error_kw={"linewidth": 1})
    axes.set_yticks(range(len(order)), [shortened(called[i], 22) for i in order])
    axes.invert_yaxis()
    axes.axvline(0, color=GRAY, linewidth=0.8)
    axes.set_xlabel("rise of the loss when the input is shuffled")
    open_frame(axes)
    left_out = f"The {MOST_BARS} most important of {len(values)} inputs" if len(values) > MOST_BARS else ""
    remark(axes, left_out)
    return axes
