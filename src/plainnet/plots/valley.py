"""The loss along one or two directions, with the path of training and the slope at a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE, VERMILION
from plainnet._base.wording import in_digits
from plainnet.network import Network
from plainnet.network.examples import inputs_for
from plainnet.plots.drawing import legend_above, new_axes, open_frame, plain_numbers
from plainnet.plots.landscape import (
    POINTS,
    Direction,
    Directions,
    Measured,
    checked_path,
    chosen_directions,
    main_directions,
    vector_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_surface(
    net: Network,
    X: Any,
    y: Any,
    *,
    loss: Any,
    along: Sequence[Direction] | None = None,
    path: Sequence[Any] | None = None,
    at: Any = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw the loss, penalties included, around a point, with the descent and the tangent there.

    `loss` is a name, an object or a function. `along` names one or two parameters; all others stay as they are at the
    point. One gives the loss as a curve with its tangent, whose slope is ∂loss/∂parameter; two give a map in contours,
    or a surface if `axes` is 3-D. `path` is the parameters of a run, one vector per step, such as
    `[net.parameters.copy() for _ in net.training(...)]`; without `along` the map spans its two main directions, the
    first two right singular vectors of path - path[-1] (Li et al., "Visualizing the loss landscape of neural nets",
    2018). `at` is the point, a vector of parameters; by default it is the beginning of the path, or the network as it
    is. The tangent shows the steepest descent within the map.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    >>> axes = loss_surface(net, X, y, loss="mse", along=["layers[0].weights[0, 1]"])
    >>> axes.get_xlabel()
    'layers[0].weights[0, 1]'

    Raises InvalidValue for unknown parameters and for a path that does not fit or does not move.
    """
    inputs_for(net, X)
    net = net.copy("float64")
    steps = checked_path(net, path)
    point = vector_of(net, "at", at) if at is not None else (steps[0] if steps is not None else net.parameters.copy())
    directions = chosen_directions(net, along, point) if along is not None else main_directions(steps)

    def measured(parameters: Array) -> tuple[float, Array]:
        net.parameters = parameters
        return net.loss_and_gradient(X, y, loss=loss, training=False)

    draw = _curve if len(directions.vectors) == 1 else _map
    return draw(measured, directions, steps, point, axes)


def _curve(measured: Measured, along: Directions, steps: Array | None, point: Array, axes: Axes | None) -> Axes:
    axes = axes if axes is not None else new_axes(5.5, 4)
    here = float(along.coordinates(point)[0])
    (places,) = along.ranges(_visited(along, steps, point))
    values = [measured(along.parameters(place))[0] for place in places[:, None]]
    value, gradient = measured(point)
    slope = float(gradient @ along.vectors[0])
    tangent = here + np.array([-0.135, 0.135]) * np.ptp(places)
    axes.plot(places, values, color=BLUE, linewidth=2, label="loss")
    axes.plot(tangent, value + slope * (tangent - here), color=VERMILION, linestyle="--", label=f"slope {slope:.3g}")
    axes.plot([here], [value], "o", color=VERMILION)
    axes.set_xlabel(along.labels[0])
    axes.set_ylabel("loss")
    plain_numbers(axes.xaxis, axes.yaxis)
    legend_above(axes)
    open_frame(axes)
    return axes


def _map(measured: Measured, along: Directions, steps: Array | None, point: Array, axes: Axes | None) -> Axes:
    axes = axes if axes is not None else new_axes(6, 4.8)
    here = along.coordinates(point)
    visited = _visited(along, steps, point)
    first, second = along.ranges(visited)
    visited = visited[1:]
    values = np.array([[measured(along.parameters(np.array([a, b])))[0] for a in first] for b in second])
    value, gradient = measured(along.parameters(here))  # the point as the map shows it
    slope = along.vectors @ gradient
    if axes.name == "3d":
        _surface(axes, measured, along, first, second, values, visited if steps is not None else None)
    else:
        _contours(axes, first, second, values)
        if steps is not None:
            axes.plot(*visited.T, color="white", linewidth=3, solid_capstyle="round")
            axes.plot(*visited.T, color=VERMILION, linewidth=1.6, label="descent, projected")
            axes.plot(*visited[-1], "*", color=VERMILION, markersize=13, markeredgecolor="white", label="end")
    _tangent(axes, here, value, slope, first, second)
    axes.set_xlabel(along.labels[0])
    axes.set_ylabel(along.labels[1])
    if axes.name == "3d":
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.05), ncols=3, frameon=False, fontsize="small")
    else:
        plain_numbers(axes.xaxis, axes.yaxis)
        legend_above(axes)
    return axes


def _visited(along: Directions, steps: Array | None, point: Array) -> Array:
    """Return the coordinates of the point, then those of the path."""
    return along.coordinates(point[None] if steps is None else np.vstack([point, steps]))


def _contours(axes: Axes, first: Array, second: Array, values: Array) -> None:
    """Draw contours that are closer at the floor, logarithmic if the loss differs more than twentyfold."""
    from matplotlib.colors import LogNorm, PowerNorm

    low, high = float(values.min()), float(values.max())
    wide = low > 0 and high > 20 * low
    high = high if high > low else low + 1
    levels = np.geomspace(low, high, 15) if wide else low + (high - low) * np.linspace(0, 1, 15) ** 2
    norm = LogNorm(low, high) if wide else PowerNorm(0.5, low, high)
    ground = axes.contourf(first, second, values, levels, cmap="cividis", norm=norm)
    axes.contour(first, second, values, levels, colors="white", linewidths=0.4, alpha=0.7, norm=norm)
    bar = axes.figure.colorbar(ground, ax=axes, label="loss" + (" (logarithmic)" if wide else ""))
    if wide:
        steps = (1, 2, 5) if high < 100 * low else (1, 3) if high < 1000 * low else (1,)
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        bar.set_ticks([tick for k in decades for step in steps if low <= (tick := step * 10.0**k) <= high])
        bar.ax.minorticks_off()
        bar.ax.set_yticklabels([in_digits(float(f"{tick:.1g}")) for tick in bar.get_ticks()])
    else:
        plain_numbers(bar.ax.yaxis)


def _surface(
    axes: Any, measured: Measured, along: Directions, first: Array, second: Array, values: Array, visited: Array | None
) -> None:
    from matplotlib.ticker import MaxNLocator

    grid = np.meshgrid(first, second)
    style = {"cmap": "cividis", "alpha": 0.85, "linewidth": 0, "rcount": POINTS, "ccount": POINTS}
    axes.plot_surface(*grid, values, **style)
    axes.set_zlabel("loss")
    axes.set_box_aspect(None, zoom=0.8)  # room for the slanted names of the axes
    axes.tick_params(labelsize="small")
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(5))
        axis.labelpad = 8  # slanted names would run into the numbers
    if visited is not None:
        lift = 0.01 * np.ptp(values)
        heights = [measured(along.parameters(place))[0] + lift for place in visited]
        axes.plot(*visited.T, heights, color=VERMILION, linewidth=2, label="descent, projected", zorder=10)


def _tangent(axes: Any, here: Array, value: float, slope: Array, first: Array, second: Array) -> None:
    """Draw the steepest descent at the point: an arrow on a map, a straight line on a surface."""
    steepness = float(np.linalg.norm(slope))
    label = f"tangent, slope {-steepness:.3g}"
    if axes.name == "3d":
        down = -slope / (steepness or 1.0) * 0.2 * min(np.ptp(first), np.ptp(second))
        ends = np.stack([here - down, here + down])
        heights = value + (ends - here) @ slope
        axes.plot(*ends.T, heights, color=BLUE, linestyle="--", linewidth=2, label=label, zorder=11)
        axes.plot(*here[:, None], [value], "o", color=BLUE, zorder=12)
        return
    axes.plot(*here, "o", color="white", markeredgecolor="#222222", markersize=8, label=label)
    if steepness > 0:
        down = -slope / steepness * 0.14 * min(np.ptp(first), np.ptp(second))
        shape = "simple,head_width=0.7,head_length=0.8,tail_width=0.2"
        arrow = {"arrowstyle": shape, "facecolor": "#222222", "edgecolor": "white", "shrinkA": 4, "shrinkB": 0}
        axes.annotate("", here + down, here, arrowprops=arrow, zorder=6)
