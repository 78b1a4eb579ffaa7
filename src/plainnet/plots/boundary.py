"""The predictions over the input plane, with the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE
from plainnet._base.wording import plural
from plainnet.attribution.outputs import class_labels, class_scores, examples
from plainnet.network import Network
from plainnet.plots import drawing
from plainnet.plots.drawing import CLASS_COLORS, DARK, DASHES, GRAY, MARKERS, shortened
from plainnet.plots.plane import Plane, Scales, plane
from plainnet.tabular.thresholds import HALF

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = len(CLASS_COLORS)
POINTS = 161
"""The number of points of the grid along each input."""


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
    threshold: float = HALF,
) -> Axes:
    """Draw the predictions over the plane of two inputs, with the examples: classes, or a quantity as colour.

    `features` are the columns of the two inputs; one feature gives a curve. The other inputs stay at their medians, or
    at `at` (inputs,). `names` are those of the inputs, `classes` those of the classes; `scales` and `target_scale`,
    each (mean, deviation), show standardized inputs and targets in their own units; a scale may also be the function to
    own units and its inverse. With more than 10 classes (`MOST_CLASSES`) the rarest are gray; with more than 1,000
    examples (`MOST_POINTS`) a sample is drawn. Of two classes the second has the region where its probability is above
    `threshold`.
    """
    inputs, targets = examples(net, X, y)
    over = plane(inputs, features, POINTS, at, names, scales)
    labels = class_labels(net, targets)
    outputs = net.predict(over.rows)
    axes = axes if axes is not None else drawing.new_axes(5.5, 4.5)
    drawn, sample = drawing.sample(len(inputs))
    places = [over.shown(inputs, i)[drawn] for i in range(len(over.features))]
    ranges = zip(places, over.axes_values, strict=True)
    within = np.all([(values >= ends[0]) & (values <= ends[-1]) for values, ends in ranges], axis=0)
    drawn, places = drawn[within], [values[within] for values in places]
    far = f"{plural((~within).sum(), 'example')} far from all others left out" if not within.all() else ""
    over.label(axes)
    if labels is None:
        mean, deviation = target_scale
        draw_quantity = _curve if len(places) == 1 else _map
        draw_quantity(axes, over, outputs[:, 0] * deviation + mean, places, targets[drawn, 0] * deviation + mean)
        note = f"The first of {outputs.shape[1]} outputs" if outputs.shape[1] > 1 else ""
    else:
        scores = class_scores(outputs)
        count = scores.shape[1]
        called = drawing.named("classes", classes, [f"class {k}" for k in range(count)])
        if len(places) > 1 and threshold != HALF:
            scores = _seen_from(threshold, scores)
        draw_classes = _class_curves if len(places) == 1 else _regions
        note = draw_classes(axes, over, scores, places, labels[drawn], called, drawing.class_colors(count, labels))
    drawing.remark(axes, note, sample, far)
    return axes


def _seen_from(threshold: float, scores: Array) -> Array:
    """Return probabilities of two classes, shifted on the logit scale so that the threshold becomes 0.5."""
    odds = scores * [threshold, 1 - threshold]
    shifted: Array = odds / odds.sum(axis=1, keepdims=True)
    return shifted


def _curve(axes: Axes, over: Plane, outputs: Array, places: Sequence[Array], targets: Array) -> None:
    axes.scatter(places[0], targets, s=12, color=GRAY, label="examples")
    axes.plot(over.axes_values[0], outputs, color=BLUE, linewidth=2, label="prediction")
    axes.set_ylabel("prediction")
    drawing.plain_numbers(axes.yaxis)
    drawing.legend_above(axes)
    drawing.open_frame(axes)


def _class_curves(
    axes: Axes, over: Plane, scores: Array, places: Sequence[Array], labels: Array, names: list[str], colors: list[str]
) -> str:
    """Draw the probability of each class along one input, and the examples as marks at the foot; return a remark."""
    shown = [k for k, color in enumerate(colors) if color != GRAY]
    for i, k in enumerate(shown):
        style = {"color": colors[k], "linestyle": DASHES[i % len(DASHES)], "linewidth": 2}
        axes.plot(over.axes_values[0], scores[:, k], label=shortened(names[k]), **style)
        marks = places[0][labels == k]
        axes.scatter(marks, np.full(len(marks), 0.015 + 0.03 * i), s=10, marker="|", color=colors[k], zorder=3)
    axes.set_ylabel("probability")
    drawing.probabilities(axes.yaxis)
    drawing.legend_above(axes)
    drawing.open_frame(axes)
    left_out = len(names) - len(shown)
    return f"{left_out} of {len(names)} classes are left out" if left_out else "The marks at the foot are the examples"


def _map(axes: Axes, over: Plane, values: Array, places: Sequence[Array], targets: Array) -> None:
    low, high = float(min(values.min(), targets.min())), float(max(values.max(), targets.max()))
    shades: dict[str, Any] = {"cmap": "cividis", "vmin": low, "vmax": high if high > low else low + 1}
    image = axes.imshow(over.image(values), origin="lower", extent=over.extent, aspect="auto", **shades)
    if np.ptp(values) > 0:
        axes.contour(*over.axes_values, over.image(values), 8, colors="white", linewidths=0.5, alpha=0.6)
    axes.scatter(places[0], places[1], c=targets, s=16, edgecolors="white", linewidths=0.6, **shades)
    bar = axes.figure.colorbar(image, ax=axes, label="prediction (ground), target (points)")
    drawing.plain_numbers(bar.ax.yaxis)


def _regions(
    axes: Axes, over: Plane, scores: Array, places: Sequence[Array], labels: Array, names: list[str], colors: list[str]
) -> str:
    """Draw regions in the colour of their class, paler where the network is less sure; return the classes in gray."""
    from matplotlib.colors import to_rgb

    count = len(names)
    winner = scores.argmax(axis=1)
    sure = (scores.max(axis=1, keepdims=True) - 1 / count) / (1 - 1 / count)
    strength = 0.12 + 0.5 * np.clip(sure, 0, 1)
    ground = 1 - strength * (1 - np.array([to_rgb(color) for color in colors])[winner])
    pixels = np.stack([over.image(channel) for channel in ground.T], axis=-1)
    axes.imshow(pixels, origin="lower", extent=over.extent, aspect="auto", interpolation="bilinear")
    for k in np.unique(winner) if count > 2 else [1]:
        margin = scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)
        if margin.min() < 0 < margin.max():
            axes.contour(*over.axes_values, over.image(margin), [0], colors=DARK, linewidths=1)
    gray = [k for k in range(count) if colors[k] == GRAY]
    markers = iter(MARKERS)
    for k in sorted(range(count), key=gray.__contains__):  # those in gray on top
        style: dict[str, Any] = {"s": 26 if len(labels) < 300 else 14, "color": [colors[k]], "linewidths": 0.5}
        if k in gray:
            style["marker"] = "1"
        else:
            style |= {"marker": next(markers), "edgecolors": DARK, "label": shortened(names[k])}
        axes.scatter(places[0][labels == k], places[1][labels == k], zorder=3, **style)
    drawing.legend_above(axes)
    more = " and others" if len(gray) > 6 else ""
    return f"Gray, of {count} classes: {', '.join(shortened(names[k]) for k in gray[:6])}{more}" if gray else ""
