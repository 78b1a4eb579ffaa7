"""The activation of each unit of a layer over the input plane, which shows what the unit has learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE
from plainnet.attribution.outputs import activation_name
from plainnet.errors import InvalidValue
from plainnet.network import Network
from plainnet.network.examples import inputs_for
from plainnet.plots import drawing
from plainnet.plots.drawing import DARK, GRAY, MARKERS, PALE, plain_numbers, shortened
from plainnet.plots.plane import Plane, Scales, plane
from plainnet.plots.readings import bounds, hidden_layers, layer_outputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

MOST_UNITS = 16
"""The most units of a layer to draw."""
MOST_TILE_POINTS = 100
"""The most examples to draw in a tile."""
FEW_POINTS = 20
"""The most examples whose points are large."""
POINTS = 48
"""The number of points of the grid along each input."""


def hidden_units(
    net: Network,
    X: Any,
    layer: int | None = None,
    features: Sequence[int] = (0, 1),
    axes: Axes | None = None,
    *,
    at: Any = None,
    names: Sequence[str] | None = None,
    scales: Scales | None = None,
    labels: Any = None,
) -> Axes:
    """Draw the activation of each unit of a layer over the plane of two inputs: a tile per unit, the darker the higher.

    `layer` is a place in `net.layers`, by default that of the first hidden layer. `labels` is the class of each
    example, (examples,), and colours its point; `features`, `at`, `names` and `scales` are those of
    `decision_boundary`. Layers and units count from 0. If there are more than 16 units (`MOST_UNITS`), those are drawn
    that vary most over the examples; if there are more than 100 examples (`MOST_TILE_POINTS`), a sample is drawn.
    TensorFlow Playground (Smilkov et al. 2017) has such pictures.
    """
    inputs = inputs_for(net, X)[:]
    place = _checked_layer(net, layer)
    over = plane(inputs, features, POINTS, at, names, scales)
    outputs = layer_outputs(net, over.rows)[place]
    units = np.arange(outputs.shape[1])
    left_out = ""
    if len(units) > MOST_UNITS:
        spread = layer_outputs(net, inputs)[place].std(axis=0)
        units = np.sort(np.argsort(-spread, kind="stable")[:MOST_UNITS])
        left_out = f"The {MOST_UNITS} of {outputs.shape[1]} units that vary most over the examples"
    columns = min(len(units), 4)
    rows = -(-len(units) // columns)
    axes = axes if axes is not None else drawing.new_axes(5.5, 0.9 + 1.25 * rows)
    axes.set_axis_off()
    shades = _range_of_activations(bounds(net, place), outputs[:, units])
    image: ScalarMappable | None = None
    for k, unit in enumerate(units):
        tile = _tile(axes, k, rows, columns)
        tile.set_title(f"unit {unit}", fontsize="small", pad=3)
        if len(over.features) == 1:
            _curve(tile, over, outputs[:, unit], shades, inputs)
        else:
            image = _map(tile, over, outputs[:, unit], shades)
            _points(tile, over, inputs, labels)
        _label_outer(tile, k, columns, len(units), over)
    if image is not None:
        colorbar = axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
        colorbar.set_label(f"activation ({activation_name(net, place).replace('_', ' ')})")
        plain_numbers(colorbar.ax.yaxis)
    drawing.remark(axes, left_out)
    return axes


def _curve(tile: Axes, over: Plane, outputs: Array, shades: tuple[float, float, float | None], inputs: Array) -> None:
    low, high, _ = shades
    places = over.shown(inputs, 0)[drawing.sample(len(inputs), MOST_TILE_POINTS)[0]]
    tile.plot(places, np.full(len(places), 0.03), "|", color=GRAY, markersize=4, transform=tile.get_xaxis_transform())
    tile.plot(over.axes_values[0], outputs, color=BLUE)
    tile.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    drawing.open_frame(tile)


def _map(tile: Axes, over: Plane, outputs: Array, shades: tuple[float, float, float | None]) -> ScalarMappable:
    """Draw shades of gray, as colours belong to classes, with a line where the activation is in the middle."""
    low, high, middle = shades
    ground = over.image(outputs)
    style: dict[str, Any] = {"origin": "lower", "extent": over.extent, "aspect": "auto"}
    image = tile.imshow(ground, cmap=drawing.sequential("#4a4a4a"), vmin=low, vmax=high, **style)
    if middle is not None and outputs.min() < middle < outputs.max():
        tile.contour(*over.axes_values, ground, [middle], colors=DARK, linewidths=0.8)
    return image


def _points(tile: Axes, over: Plane, inputs: Array, labels: Any) -> None:
    """Draw the examples, each in the colour and shape of its class if that is given."""
    drawn, _ = drawing.sample(len(inputs), MOST_TILE_POINTS)
    classes = np.asarray(labels, int) if labels is not None else np.zeros(len(inputs), int)
    colors = drawing.class_colors(int(classes.max()) + 1, classes) if labels is not None else [PALE]
    x, y = over.shown(inputs, 0), over.shown(inputs, 1)
    for k in np.unique(classes[drawn]):
        own = drawn[classes[drawn] == k]
        style: dict[str, Any] = {"s": 14 if len(inputs) > FEW_POINTS else 36, "linewidths": 0.5, "color": [colors[k]]}
        style |= {"marker": MARKERS[k % len(MARKERS)], "edgecolors": "white" if labels is not None else DARK}
        tile.scatter(x[own], y[own], **style)


def _tile(axes: Axes, k: int, rows: int, columns: int) -> Axes:
    """Make the k-th small axes of a grid inside `axes`, with room for a title and labels."""
    width, height = 1 / columns, 1 / rows
    row, column = divmod(k, columns)
    left, bottom = (column + 0.1) * width, 1 - (row + 0.88) * height
    tile = axes.inset_axes((left, bottom, 0.86 * width, 0.66 * height))
    tile.tick_params(labelsize="small", length=2)
    plain_numbers(tile.xaxis, tile.yaxis, most=2)
    return tile


def _label_outer(tile: Axes, k: int, columns: int, count: int, over: Plane) -> None:
    """Keep ticks and names only at the left and lower edge of the grid."""
    if k + columns >= count:
        tile.set_xlabel(shortened(over.labels[0]), fontsize="small")
    else:
        tile.tick_params(labelbottom=False)
    if k % columns == 0:
        tile.set_ylabel(shortened(over.labels[1]) if len(over.labels) > 1 else "activation", fontsize="small")
    else:
        tile.tick_params(labelleft=False)


def _range_of_activations(between: tuple[float, float] | None, outputs: Array) -> tuple[float, float, float | None]:
    """Return the lowest and the highest value of the shades, and the middle of a scale that has one."""
    if between is not None:
        low, high = between
        return low, high, (low + high) / 2
    reach = float(np.abs(outputs).max()) or 1.0
    return (-reach, reach, 0.0) if outputs.min() < 0 else (0.0, reach, None)


def _checked_layer(net: Network, layer: int | None) -> int:
    if layer is None:
        return (hidden_layers(net) or [len(net.layers) - 1])[0]
    place = checks.whole_number("layer", layer, least=0)
    if place >= len(net.layers):
        raise InvalidValue(f"layer is {layer}; the network's layers are 0 to {len(net.layers) - 1}")
    return place
