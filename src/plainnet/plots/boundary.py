"""What a network predicts over the input plane, with the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet.arrays import Array
from plainnet.network import Network
from plainnet.plots.drawing import (
    BLUE,
    CLASS_COLORS,
    GRAY,
    MARKERS,
    MOST_POINTS,
    new_axes,
    open_frame,
    plural,
    remark,
    shortened,
)
from plainnet.plots.plane import Plane, Scales, plane
from plainnet.plots.readings import class_labels, class_scores, examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = len(CLASS_COLORS)
POINTS = 161
"""Points of the grid along each input."""


def decision_boundary(
    net: Network,
    X: Any,
    y: Any,
    features: Sequence[int] = (0, 1),
    axes: Axes | None = None,
    *,
    at: Any = None,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    scales: Scales | None = None,
    target_scale: tuple[float, float] = (0.0, 1.0),
) -> Axes:
    """What the network predicts over the plane of two inputs, with the examples: classes, or a quantity as colour.

    One feature gives a curve. The other inputs stay at their medians, or at `at` (inputs,). `names` are those of
    the inputs, `classes` those of the classes; `scales` and `target_scale`, each (mean, deviation), show standardized
    inputs and targets in their own units. Of more than `MOST_CLASSES` classes those without a region, then the
    rarest, are gray; of more than `MOST_POINTS` examples a sample is drawn.
    """
    inputs, targets = examples(net, X, y)
    over = plane(inputs, features, POINTS, at, names, scales)
    labels = class_labels(net, targets)
    outputs = net.predict(over.rows)
    axes = axes if axes is not None else new_axes(5.5, 4.5)
    drawn, sample = _sample(len(inputs))

    def in_units(values: Array) -> Array:
        return values * target_scale[1] + target_scale[0]

    over.label(axes)
    count = net.output_size or 1
    first = f"The first of {count} outputs" if labels is None and count > 1 else ""
    if len(over.features) == 1:
        if labels is None:
            _curve(axes, over, in_units(outputs[:, 0]), inputs, in_units(targets[:, 0]), drawn)
        else:
            _class_curves(axes, over, class_scores(outputs), inputs, labels, drawn, classes)
        remark(axes, first, sample)
    elif labels is None:
        _quantity(axes, over, in_units(outputs[:, 0]), inputs, in_units(targets[:, 0]), drawn)
        remark(axes, first, sample)
    else:
        gray = _classes(axes, over, class_scores(outputs), inputs, labels, drawn, classes)
        remark(axes, gray, sample)
    return axes


def _curve(axes: Axes, over: Plane, outputs: Array, inputs: Array, targets: Array, drawn: Array) -> None:
    axes.scatter(over.shown(inputs, 0)[drawn], targets[drawn], s=12, color=GRAY, alpha=0.6, label="examples")
    axes.plot(over.axes_values[0], outputs, color=BLUE, linewidth=2, label="prediction")
    axes.set_ylabel("prediction")
    axes.legend(frameon=False)
    open_frame(axes)


def _class_curves(
    axes: Axes,
    over: Plane,
    scores: Array,
    inputs: Array,
    labels: Array,
    drawn: Array,
    names: Sequence[str] | None,
) -> None:
    """The probability of each class along one input, and the examples of each as marks below."""
    called = names if names is not None else [f"class {k}" for k in range(scores.shape[1])]
    for k in range(min(scores.shape[1], MOST_CLASSES)):
        own = drawn[labels[drawn] == k]
        axes.plot(
            over.axes_values[0], scores[:, k], color=CLASS_COLORS[k], linewidth=2, label=shortened(str(called[k]))
        )
        axes.scatter(over.shown(inputs, 0)[own], np.full(len(own), -0.04 - 0.04 * k), s=10, color=CLASS_COLORS[k])
    axes.set_ylabel("probability")
    axes.legend(frameon=False)
    open_frame(axes)


def _quantity(axes: Axes, over: Plane, values: Array, inputs: Array, targets: Array, drawn: Array) -> None:
    low, high = float(min(values.min(), targets.min())), float(max(values.max(), targets.max()))
    x, y = over.axes_values
    image = axes.imshow(
        over.image(values),
        origin="lower",
        extent=over.extent,
        aspect="auto",
        cmap="cividis",
        vmin=low,
        vmax=high if high > low else low + 1,
    )
    if np.ptp(values) > 0:
        axes.contour(x, y, over.image(values), 8, colors="white", linewidths=0.5, alpha=0.6)
    axes.scatter(
        over.shown(inputs, 0)[drawn],
        over.shown(inputs, 1)[drawn],
        c=targets[drawn],
        cmap="cividis",
        vmin=low,
        vmax=high if high > low else low + 1,
        s=16,
        edgecolors="white",
        linewidths=0.6,
    )
    axes.figure.colorbar(image, ax=axes, label="prediction (ground) and target (points)")


def _classes(
    axes: Axes,
    over: Plane,
    scores: Array,
    inputs: Array,
    labels: Array,
    drawn: Array,
    names: Sequence[str] | None,
) -> str:
    """Regions in the colour of their class, paler where the network is less sure; what is gray, in words."""
    from matplotlib.colors import to_rgb

    count = scores.shape[1]
    called = [str(name) for name in names] if names is not None else [f"class {k}" for k in range(count)]
    winner = scores.argmax(axis=1)
    seen = np.bincount(labels, minlength=count) + len(labels) * (np.bincount(winner, minlength=count) > 0)
    rank = np.argsort(-seen, kind="stable")  # classes with a region first, then by their number of examples
    colored = np.sort(rank[:MOST_CLASSES])
    colors = np.full((count, 3), to_rgb(GRAY))
    colors[colored] = [to_rgb(CLASS_COLORS[k]) for k in range(len(colored))]
    sure = (scores.max(axis=1, keepdims=True) - 1 / count) / (1 - 1 / count)
    strength = 0.12 + 0.5 * np.clip(sure, 0, 1)
    ground = 1 - strength * (1 - colors[winner])
    x, y = over.axes_values
    axes.imshow(
        ground.reshape(len(y), len(x), 3),
        origin="lower",
        extent=over.extent,
        aspect="auto",
        interpolation="bilinear",
    )
    for k in np.unique(winner) if count > 2 else [1]:
        others = np.delete(scores, k, axis=1).max(axis=1)
        margin = scores[:, k] - others
        if margin.min() < 0 < margin.max():
            axes.contour(x, y, over.image(margin), [0], colors="#222222", linewidths=1)
    first, second = over.shown(inputs, 0), over.shown(inputs, 1)
    for i, k in enumerate([*colored, *rank[MOST_CLASSES:]]):
        own = drawn[labels[drawn] == k]
        is_gray = i >= MOST_CLASSES
        axes.scatter(
            first[own],
            second[own],
            s=26 if len(drawn) < 300 else 14,
            marker="x" if is_gray else MARKERS[i],
            color=[GRAY if is_gray else CLASS_COLORS[i]],
            edgecolors=None if is_gray else "#222222",
            linewidths=0.5,
            label=None if is_gray else shortened(called[k]),
            zorder=3,
        )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4, frameon=False, fontsize="small")
    left_out = [called[k] for k in np.sort(rank[MOST_CLASSES:])]
    more = " and others" if len(left_out) > 6 else ""
    return f"Gray, of {count} classes: {', '.join(left_out[:6])}{more}" if left_out else ""


def _sample(rows: int) -> tuple[Array, str]:
    """The examples to draw, and a word where they are not all."""
    if rows <= MOST_POINTS:
        return np.arange(rows), ""
    drawn = np.sort(np.random.default_rng(0).choice(rows, MOST_POINTS, replace=False))
    return drawn, f"{MOST_POINTS:,} of {plural(rows, 'example')}, drawn at random"
