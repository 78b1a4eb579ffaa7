"""Pictures of partial dependence: the average prediction over the examples as one input changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE
from plainnet.attribution.dependence import checked_columns, individual_dependence
from plainnet.attribution.outputs import activation_name, class_scores
from plainnet.network import Network
from plainnet.network.examples import inputs_for
from plainnet.plots import drawing
from plainnet.plots.drawing import CLASS_COLORS, DASHES, GRAY, are_whole, plain_numbers, shortened
from plainnet.plots.plane import Scale, as_inputs, own_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Names = Sequence[str] | None
POINTS = 31
"""The number of points of a curve."""
MOST_LINES = 6
"""The most classes or outputs to draw, those whose prediction changes most."""
MOST_RUG = 200
"""The most examples with a tick at the foot."""
MIDDLE = (10, 90)
"""The percentiles of the examples' own curves between which a single curve has a shade."""
FEW = 2
"""The most different values of a column that gives bars."""


def dependence(
    net: Network,
    X: Any,
    features: int | Sequence[int] = 0,
    axes: Axes | None = None,
    *,
    values: Any = None,
    labels: Names = None,
    name: str = "",
    classes: Names = None,
    colors: Names = None,
    scale: Scale = (0.0, 1.0),
    shown: tuple[Any, Any] | None = None,
    target: str = "prediction",
    target_scale: tuple[float, float] = (0.0, 1.0),
) -> Axes:
    """Draw the `partial_dependence` of the prediction on one input: a curve with the examples as ticks, or bars.

    `features` and `values` are those of `partial_dependence`; for a curve `values_to_try` chooses them. `labels`, the
    names of the values, give bars, as does a column of two different values. `name` is the name of the input, `target`
    that of the quantity, `classes` and `colors` belong to the classes; `scale` and `target_scale`, each (mean,
    deviation), show a standardized input and target in their own units. Where an input is several features, or is not
    standardized, `shown` has the values and the examples in their own units. If there are two classes, the probability
    of the second is drawn. A shade around a single curve, and a line over single bars, is where 80 % of the examples
    have their own curves (`individual_dependence`), each moved to the level of the average: the wider, the more the
    effect of the input depends on the others. With more than 1,000 examples (`MOST_POINTS`) a sample is used.
    """
    inputs = inputs_for(net, X)[:]
    columns = checked_columns(features, inputs.shape[1])
    drawn, sample = drawing.sample(len(inputs))
    inputs = inputs[drawn]
    ticks = own_units(inputs[:, columns[0]], scale) if shown is None else np.asarray(shown[1], float)[drawn]
    if values is None and len(columns) == 1:
        values = as_inputs(values_to_try(ticks), scale)
    values = np.asarray(np.unique(inputs[:, columns], axis=0) if values is None else values, float)
    each = individual_dependence(net, inputs, columns, values)
    first = own_units(values.reshape(len(values), -1)[:, 0], scale) if shown is None else np.asarray(shown[0], float)
    names = drawing.named("labels", labels, [f"{value:.6g}" for value in first])
    lines = _lines(net, each, classes, colors, target, target_scale)
    axes = axes if axes is not None else drawing.new_axes(4, 3)
    called = shortened(name or f"input {columns[0]}", 30)
    if labels is None and (len(values) > FEW or len(columns) > 1):
        _curves(axes, first, lines)
        _rug(axes, ticks[(ticks >= first.min()) & (ticks <= first.max())])
        plain_numbers(axes.xaxis, whole=are_whole(first))
        axes.set_xlabel(called)
    else:
        center = net.predict(inputs).mean(axis=0) * target_scale[1] + target_scale[0]
        _bars(axes, names, lines, float(center[0]))
        axes.set_ylabel(called)
    left_out = each.shape[2] > max(len(lines), 2)
    some = f"The {len(lines)} of {each.shape[2]} that change most" if left_out else ""
    drawing.remark(axes, sample and f"Average over {sample.removesuffix(', drawn at random')}", some)
    drawing.open_frame(axes)
    return axes


@dataclass(frozen=True)
class _Line:
    """The averages of one class or output, with the style of their line."""

    label: str
    values: Array
    middle: Array
    """The 10th and the 90th percentile of the examples' own curves, moved to one level, (2, values)."""
    color: str
    dashes: Any
    is_probability: bool


def _lines(
    net: Network, each: Array, classes: Names, colors: Names, target: str, scale: tuple[float, float]
) -> list[_Line]:
    outputs = each.shape[2]
    if activation_name(net, -1) == "softmax" or (classes is not None and outputs == 1):
        each = class_scores(each.reshape(-1, outputs)).reshape(*each.shape[:2], -1)
        scores = each.mean(axis=1)
        called = drawing.named("classes", classes, [f"class {k}" for k in range(scores.shape[1])])
        drawn = [1] if scores.shape[1] == 2 else _that_change_most(scores)
        tints = colors if colors is not None else drawing.class_colors(scores.shape[1])
        labels = [called[k] for k in drawn]
    else:
        each = each * scale[1] + scale[0]
        scores = each.mean(axis=1)
        drawn = _that_change_most(scores)
        tints = CLASS_COLORS if outputs > 1 else [BLUE]
        labels = [f"output {k}" if outputs > 1 else target for k in drawn]
    own = each[:, :, drawn]
    level = own.mean(axis=0) - own.mean(axis=(0, 1))  # of each example above the average
    middle = np.percentile(own - level, MIDDLE, axis=1)
    is_probability = scores.shape[1] > outputs or activation_name(net, -1) == "softmax"
    return [
        _Line(
            label=shortened(label),
            values=scores[:, k],
            middle=middle[:, :, i],
            color=tints[k % len(tints)],
            dashes=DASHES[i % len(DASHES)],
            is_probability=is_probability,
        )
        for i, (k, label) in enumerate(zip(drawn, labels, strict=True))
    ]


def _that_change_most(scores: Array) -> list[int]:
    order = np.argsort(-np.ptp(scores, axis=0), kind="stable")[:MOST_LINES]
    return sorted(int(k) for k in order)


def _name_quantity(axes: Axes, axis: Axis, lines: Sequence[_Line]) -> None:
    """Name a single line at the axis, several lines in a legend."""
    one = len(lines) == 1
    if lines[0].is_probability:
        axis.set_label_text(f"probability of {lines[0].label}" if one else "probability")
        drawing.probabilities(axis)
    else:
        axis.set_label_text(lines[0].label if one else "prediction")
        plain_numbers(axis)
    if not one:
        drawing.legend_above(axes)


def _curves(axes: Axes, places: Array, lines: Sequence[_Line]) -> None:
    marker = "o" if len(places) < 8 else ""
    for line in lines:
        style: dict[str, Any] = {"color": line.color, "linestyle": line.dashes, "linewidth": 2, "marker": marker}
        axes.plot(places, line.values, label=line.label, markersize=4, **style)
    if len(lines) == 1:
        axes.fill_between(places, *lines[0].middle, color=lines[0].color, alpha=0.15, linewidth=0)
    _name_quantity(axes, axes.yaxis, lines)


def _rug(axes: Axes, values: Array) -> None:
    """Draw a tick at the foot for each example, or for a sample of many."""
    values = values[drawing.sample(len(values), MOST_RUG)[0]]
    axes.plot(values, np.full(len(values), 0.02), "|", color=GRAY, markersize=6, transform=axes.get_xaxis_transform())


def _bars(axes: Axes, names: Sequence[str], lines: Sequence[_Line], center: float) -> None:
    """Draw a bar for each value: the classes' probabilities in a row, a quantity from the average prediction on."""
    places = np.arange(len(names))
    if lines[0].is_probability:
        left = np.zeros(len(names))
        for line in lines:
            axes.barh(places, line.values, 0.7, left=left, color=line.color, label=line.label)
            left = left + line.values
    else:
        height = 0.7 / len(lines)
        for i, line in enumerate(lines):
            start = center if len(lines) == 1 else 0.0
            offset = (i - (len(lines) - 1) / 2) * height
            axes.barh(places + offset, line.values - start, height, left=start, color=line.color, label=line.label)
        axes.axvline(center if len(lines) == 1 else 0.0, color=GRAY, linewidth=1)
    if len(lines) == 1:
        axes.hlines(places, *lines[0].middle, color=GRAY, linewidth=1.5)
    _name_quantity(axes, axes.xaxis, lines)
    axes.set_yticks(places, [shortened(name, 14) for name in names])
    axes.invert_yaxis()


def values_to_try(column: Array) -> Array:
    """Return values of a column for a curve: all if they are few, or whole numbers; otherwise some from end to end.

    Half of these divide the values into equally many, half are at equal distances. A few values that are far from all
    others do not count.
    """
    different = np.unique(column)
    if len(different) <= FEW or (are_whole(column) and len(different) <= POINTS):
        return different
    column = column[drawing.near(column)]
    at = np.linspace(0, 1, POINTS // 2 + 1)
    ends = column.min(), column.max()
    return np.unique(np.concatenate([np.quantile(column, at), np.interp(at, (0, 1), ends)]))
