"""A diagram of a network: units and links, or images of the weight matrices if there are too many units."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE, VERMILION
from plainnet._base.wording import plural
from plainnet.errors import InvalidValue
from plainnet.layers import Dense
from plainnet.network import Network
from plainnet.plots.drawing import GRAY, diverging, new_axes, plain_numbers, remark, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_UNITS = 16
"""The most units of a layer, or inputs, to draw with their links."""
MOST_LAYERS = 6
"""The most Dense layers to draw."""
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def network_diagram(
    net: Network,
    axes: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> Axes:
    """Draw inputs, units and the links between them, blue for a positive weight and vermilion for a negative one.

    The wider the link, the larger |weight|; a unit is filled with the colour of its bias, on the same scale. If a layer
    has more than 16 units or inputs (`MOST_UNITS`), each weight matrix is an image instead. Only the first 6 Dense
    layers (`MOST_LAYERS`) are drawn. `names` are those of the inputs, `classes` those of the outputs.

    Raises InvalidValue for a network that is not built or has no Dense layer.
    """
    net.parameters  # noqa: B018  (raises NotBuiltError)
    dense = [layer for layer in net.layers if isinstance(layer, Dense)]
    if not dense:
        raise InvalidValue("the network has no Dense layer, and a diagram shows the weights of Dense layers")
    drawn = dense[:MOST_LAYERS]
    sizes = [drawn[0].weights.shape[0], *(layer.units for layer in drawn)]
    axes = axes if axes is not None else new_axes(6, 4)
    axes.set_axis_off()
    left_out = f"The first {MOST_LAYERS} of {len(dense)} Dense layers" if len(dense) > MOST_LAYERS else ""
    headings = _headings(net, drawn)
    if max(sizes) <= MOST_UNITS:
        names = names or [f"x{i + 1}".translate(SUBSCRIPTS) for i in range(sizes[0])]
        _units_and_links(axes, drawn, sizes, headings, names, classes if not left_out else None)
        remark(axes, left_out)
    else:
        _matrices(axes, drawn, sizes, headings)
        remark(axes, left_out, f"Weights as images: a layer has more than {MOST_UNITS} units or inputs")
    return axes


def _units_and_links(
    axes: Axes,
    dense: Sequence[Dense],
    sizes: Sequence[int],
    headings: Sequence[str],
    names: Sequence[str],
    classes: Sequence[str] | None,
) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    tallest = max(sizes)
    reach = _reach(dense)
    places = [np.column_stack([np.full(n, i), (np.arange(n)[::-1] - (n - 1) / 2)]) for i, n in enumerate(sizes)]
    size = 420 / max(4, tallest) ** 0.7
    for i, layer in enumerate(dense):
        weights = np.asarray(layer.weights, float).ravel()
        ends = [(start, end) for start in places[i] for end in places[i + 1]]
        strength = np.abs(weights) / reach
        order = np.argsort(strength)  # the strongest on top
        colors = [BLUE if weights[k] > 0 else VERMILION for k in order]
        widths = 0.3 + 5 * strength[order]
        axes.add_collection(LineCollection([ends[k] for k in order], linewidths=widths, colors=colors, zorder=1))
    for i, place in enumerate(places):
        bias = np.zeros(sizes[i]) if i == 0 else _bias(dense[i - 1])
        x, y = place.T
        fill: dict[str, Any] = {"c": bias, "cmap": diverging(), "vmin": -reach, "vmax": reach}
        axes.scatter(x, y, size, edgecolors=GRAY, linewidths=1, zorder=2, **fill)
        axes.text(i, tallest / 2 + 0.25, headings[i], ha="center", va="bottom", fontsize="small")
    for column, called, shift, side in ((places[0], names, -0.12, "right"), (places[-1], classes or [], 0.12, "left")):
        for (x, y), name in zip(column, called, strict=False):
            axes.text(x + shift, y, shortened(str(name), 16), ha=side, va="center", fontsize="small")
    axes.set_xlim(-0.6, len(dense) + (0.6 if classes else 0.3))
    axes.set_ylim(-tallest / 2 - 0.3, tallest / 2 + 1.2)
    signs = ((BLUE, "positive"), (VERMILION, "negative"))
    handles = [Line2D([], [], color=color, linewidth=3, label=label) for color, label in signs]
    style: dict[str, Any] = {
        "loc": "upper center",
        "bbox_to_anchor": (0.5, 0),
        "ncols": 2,
        "frameon": False,
        "fontsize": "small",
    }
    title = f"weight (line; widest: {reach:.3g}) and bias (fill)"
    axes.legend(handles=handles, title=title, title_fontsize="small", **style)


def _matrices(axes: Axes, dense: Sequence[Dense], sizes: Sequence[int], headings: Sequence[str]) -> None:
    """Draw each weight matrix as an image, inputs downwards and units to the right; more of them make it larger."""
    largest = math.sqrt(max(sizes))
    widths = [max(0.35, math.sqrt(n) / largest) for n in sizes]
    gap = 0.45
    left, image = 0.0, None
    limit = max(float(np.percentile(np.abs(layer.weights), 99)) for layer in dense) or 1.0
    for i, layer in enumerate(dense):
        height, width = 1.6 * widths[i], widths[i + 1]
        extent = (left, left + width, -height / 2, height / 2)
        style: dict[str, Any] = {"cmap": diverging(), "vmin": -limit, "vmax": limit, "interpolation": "nearest"}
        image = axes.imshow(np.asarray(layer.weights, float), extent=extent, aspect="auto", **style)
        middle = left + width / 2
        axes.text(middle, 0.84, headings[i + 1], ha="center", va="bottom", fontsize="small")
        axes.text(middle, -0.84, f"{sizes[i]:,} × {sizes[i + 1]:,}", ha="center", va="top", fontsize="small")
        arrow = {"arrowstyle": "->", "color": GRAY}
        axes.annotate("", (left - 0.05, 0), (left - gap + 0.05, 0), arrowprops=arrow)
        left += width + gap
    axes.annotate("", (left - 0.05, 0), (left - gap + 0.05, 0), arrowprops={"arrowstyle": "->", "color": GRAY})
    axes.text(-gap, 0.06, headings[0], ha="center", va="bottom", fontsize="small")
    axes.text(left, 0.06, plural(sizes[-1], "output"), ha="center", va="bottom", fontsize="small")
    axes.set_xlim(-gap - 0.35, left + 0.35)
    axes.set_ylim(-1.05, 1.25)
    if image is not None:
        colorbar = axes.figure.colorbar(image, ax=axes, orientation="horizontal", fraction=0.06, pad=0.02, aspect=40)
        colorbar.set_label("weight (inputs × units)", fontsize="small")
        colorbar.ax.tick_params(labelsize="small")
        plain_numbers(colorbar.ax.xaxis)


def _headings(net: Network, drawn: Sequence[Dense]) -> list[str]:
    """Return a heading for the inputs and one for each Dense layer and the layers up to the next one."""
    result = [plural(net.input_size or 0, "input")]
    for layer in drawn:
        place = next(i for i, other in enumerate(net.layers) if other is layer)
        after = list(itertools.takewhile(lambda other: not isinstance(other, Dense), net.layers[place + 1 :]))
        activation = layer.activation.name.replace("_", " ")
        words = [] if activation == "identity" and after else [activation]
        words += [getattr(getattr(other, "activation", None), "name", other.name) for other in after]
        result.append("\n".join([plural(layer.units, "unit"), *words]))
    return result


def _reach(dense: Sequence[Dense]) -> float:
    return max(float(np.abs(values).max()) for layer in dense for values in (layer.weights, _bias(layer))) or 1.0


def _bias(layer: Dense) -> Array:
    return np.asarray(layer.bias, float) if layer.bias is not None else np.zeros(layer.units)
