"""The predictions over the input plane, with the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE
from plainnet.network import Network
from plainnet.plots.drawing import (
    CLASS_COLORS,
    DARK,
    DASHES,
    GRAY,
    MARKERS,
    MOST_POINTS,
    class_colors,
    legend_above,
    new_axes,
    open_frame,
    plain_numbers,
    plural,
    probabilities,
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
    """Draw the predictions over the plane of two inputs, with the examples: classes, or a quantity as colour.

    One feature gives a curve. The other inputs stay at their medians, or at `at` (inputs,). `names` are those of
    the inputs, `classes` those of the classes; `scales` and `target_scale`, each (mean, deviation), show standardized
    inputs and targets in their own units. Of more than `MOST_CLASSES` classes the rarest are gray; of more than
    `MOST_POINTS` examples a sample is drawn.
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
            first = _class_curves(axes, over, class_scores(outputs), inputs, labels, drawn, classes)
        remark(axes, first, sample)
    elif labels is None:
        _quantity(axes, over, in_units(outputs[:, 0]), inputs, in_units(targets[:, 0]), drawn)
        remark(axes, first, sample)
    else:
        gray = _classes(axes, over, class_scores(outputs), inputs, labels, drawn, classes)
        remark(axes, gray, sample)
    return axes


def _curve(axes: Axes, over: Plane, outputs: Array, inputs: Array, targets: Array, drawn: Array) -> None:
    axes.scatter(over.shown(inputs, 0)[drawn], targets[drawn], s=12, color=GRAY, label="examples")
    axes.plot(over.axes_values[0], outputs, color=BLUE, linewidth=2, label="prediction")
    axes.set_ylabel("prediction")
    plain_numbers(axes.yaxis)
    legend_above(axes)
    open_frame(axes)


def _class_curves(
    axes: Axes,
    over: Plane,
    scores: Array,
    inputs: Array,
    labels: Array,
    drawn: Array,
    names: Sequence[str] | None,
) -> str:
    """The probability of each class along one input, and the examples of each as marks at the foot; a word on them."""
    called = _called(names, scores.shape[1])
    colors = class_colors(scores.shape[1], labels)
    shown = [k for k in range(scores.shape[1]) if colors[k] != GRAY]
    for i, k in enumerate(shown):
        own = drawn[labels[drawn] == k]
        style = {"color": colors[k], "linestyle": DASHES[i % len(DASHES)], "linewidth": 2}
        axes.plot(over.axes_values[0], scores[:, k], label=shortened(called[k]), **style)
        height = np.full(len(own), 0.015 + 0.03 * i)
        axes.scatter(over.shown(inputs, 0)[own], height, s=10, marker="|", color=colors[k], zorder=3)
    axes.set_ylabel("probability")
    probabilities(axes.yaxis)
    legend_above(axes)
    open_frame(axes)
    left_out = scores.shape[1] - len(shown)
    return f"{left_out} of {len(called)} classes are left out" if left_out else "The marks at the foot are the examples"


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
    bar = axes.figure.colorbar(image, ax=axes, label="prediction (ground), target (points)")
    plain_numbers(bar.ax.yaxis)


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
    called = _called(names, count)
    winner = scores.argmax(axis=1)
    colors = class_colors(count, labels)
    sure = (scores.max(axis=1, keepdims=True) - 1 / count) / (1 - 1 / count)
    strength = 0.12 + 0.5 * np.clip(sure, 0, 1)
    ground = 1 - strength * (1 - np.array([to_rgb(color) for color in colors])[winner])
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
            axes.contour(x, y, over.image(margin), [0], colors=DARK, linewidths=1)
    first, second = over.shown(inputs, 0), over.shown(inputs, 1)
    gray = [k for k in range(count) if colors[k] == GRAY]
    markers = iter(MARKERS)
    for k in [*(k for k in range(count) if k not in gray), *gray]:
        own = drawn[labels[drawn] == k]
        style: dict[str, Any] = {"s": 26 if len(drawn) < 300 else 14, "color": [colors[k]], "linewidths": 0.5}
        if k in gray:
            axes.scatter(first[own], second[own], marker="1", zorder=3, **style)
        else:
            style |= {"edgecolors": DARK, "label": shortened(called[k])}
            axes.scatter(first[own], second[own], marker=next(markers), zorder=3, **style)
    legend_above(axes)
    more = " and others" if len(gray) > 6 else ""
    return f"Gray, of {count} classes: {', '.join(shortened(called[k]) for k in gray[:6])}{more}" if gray else ""


def _called(names: Sequence[str] | None, count: int) -> list[str]:
    return [str(name) for name in names] if names is not None else [f"class {k}" for k in range(count)]


def _sample(rows: int) -> tuple[Array, str]:
    """The examples to draw, and a word where they are not all."""
    if rows <= MOST_POINTS:
        return np.arange(rows), ""
    drawn = np.sort(np.random.default_rng(0).choice(rows, MOST_POINTS, replace=False))
    return drawn, f"{MOST_POINTS:,} of {plural(rows, 'example')}, drawn at random"
