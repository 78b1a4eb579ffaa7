"""Distributions of the weights of each layer, and of its units' activations over the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE, VERMILION
from plainnet._base.wording import plural
from plainnet.attribution.outputs import activation_name
from plainnet.errors import InvalidValue
from plainnet.network import Network
from plainnet.plots.drawing import GRAY, new_axes, plain_numbers, remark
from plainnet.plots.readings import Activity, activity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 10
"""The most layers to draw."""
BINS = 60


def weight_distributions(net: Network, axes: Axes | None = None) -> Axes:
    """Draw a histogram of the weights of each layer that has some, the first layer on top, on one axis."""
    net.parameters  # noqa: B018  (raises NotBuiltError)
    rows = [
        (f"layer {i}\n{plural(weights.size, 'weight')}", weights.ravel())
        for i, layer in enumerate(net.layers)
        if (weights := getattr(layer, "weights", None)) is not None
    ]
    if not rows:
        raise InvalidValue("the network has no layer with weights")
    return _ridges(rows, "weight", BLUE, axes)


def activation_distributions(net: Network, X: Any, axes: Axes | None = None) -> Axes:
    """Draw a histogram of the activations of each hidden layer and the output over the examples.

    The labels count dead units, which give the same output for every example, and saturated units, which are within 5 %
    of a bound of their activation (sigmoid, tanh) in 95 % of the examples.
    """
    rows = [(_described(net, layer), layer.outputs.ravel()) for layer in activity(net, X)]
    return _ridges(rows, "activation", VERMILION, axes)


def _described(net: Network, layer: Activity) -> str:
    units = layer.outputs.shape[1]
    is_last = layer.layer == len(net.layers) - 1
    words = [f"{'output' if is_last else f'layer {layer.layer}'}, {activation_name(net, layer.layer)}"]
    counts = [f"{layer.dead} dead"] if not is_last else []
    if layer.saturated is not None and not is_last:
        counts.append(f"{layer.saturated} saturated")
    return "\n".join([*words, plural(units, "unit"), *counts])


def _ridges(rows: Sequence[tuple[str, Array]], what: str, color: str, axes: Axes | None) -> Axes:
    """Draw histograms above each other on one axis; each has its own scale, for the roots of its counts."""
    drawn = rows[:MOST_ROWS]
    axes = axes if axes is not None else new_axes(5.5, 1 + 0.8 * len(drawn))
    low = min(float(np.percentile(values, 0.1)) for _, values in drawn)
    high = max(float(np.percentile(values, 99.9)) for _, values in drawn)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    for i, (_, values) in enumerate(drawn):
        counts, _ = np.histogram(np.clip(values, low, high), edges)
        heights = -i + 0.85 * np.sqrt(counts / counts.max())  # a spike at 0, usual for relu, leaves the rest to be seen
        axes.fill_between(np.repeat(edges, 2)[1:-1], -i, np.repeat(heights, 2), color=color, linewidth=0)
        axes.axhline(-i, color=GRAY, linewidth=0.6)
    axes.axvline(0, color=GRAY, linewidth=0.6, linestyle=":")
    axes.set_yticks([0.4 - i for i in range(len(drawn))], [label for label, _ in drawn], fontsize="small")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(0.05 - len(drawn) + 0.9, 1.0)
    axes.set_xlabel(what)
    plain_numbers(axes.xaxis)
    axes.spines[["top", "right", "left"]].set_visible(False)
    remark(axes, f"The first {MOST_ROWS} of {len(rows)} layers" if len(rows) > MOST_ROWS else "")
    return axes
