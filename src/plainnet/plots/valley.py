"""The loss along one or two directions, with the path of training and the slope at a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.pages import BLUE, VERMILION
from plainnet._base.wording import in_digits
from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import Network
from plainnet.network.examples import inputs_for
from plainnet.plots.drawing import legend_above, new_axes, open_frame, plain_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 41
Direction = int | str
"""A parameter: its place in `net.parameters`, or a name such as 'layers[0].weights[1, 2]'."""

Measured = Callable[[Array], tuple[float, Array]]
"""The loss and the gradient as a function of the parameters."""


@dataclass(frozen=True)
class Directions:
    """One or two directions among the parameters: parameters = origin + coordinates @ vectors."""

    origin: Array
    vectors: Array
    """The directions, (coordinates, parameters), each of length 1."""
    labels: list[str]

    def coordinates(self, parameters: Array) -> Array:
        """Return the coordinates of the projection of parameters, (…, parameters)."""
        return (parameters - self.origin) @ self.vectors.T


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

    `along` names one or two parameters; all others stay as they are at the point. One gives the loss as a curve with
    its tangent, whose slope is ∂loss/∂parameter; two give a map in contours, or a surface if `axes` is 3-D. `path` is
    the parameters of a run, one vector per step, such as `[net.parameters.copy() for _ in net.training(...)]`; without
    `along` the map spans its two main directions, the first two right singular vectors of path - path[-1]
    (Li et al., "Visualizing the loss landscape of neural nets", 2018). `at` is the point, a vector of parameters; by
    default it is the beginning of the path, or the network as it is. The tangent shows the steepest descent within the
    map.

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
    steps = _checked_path(net, path)
    point = _vector(net, "at", at) if at is not None else (steps[0] if steps is not None else net.parameters.copy())
    directions = _chosen(net, along, point) if along is not None else _main_directions(steps)

    def measured(parameters: Array) -> tuple[float, Array]:
        net.parameters = parameters
        return net.loss_and_gradient(X, y, loss=loss, training=False)

    draw = _curve if len(directions.vectors) == 1 else _map
    return draw(measured, directions, steps, point, axes)


def _curve(measured: Measured, along: Directions, steps: Array | None, point: Array, axes: Axes | None) -> Axes:
    axes = axes if axes is not None else new_axes(5.5, 4)
    here = float(along.coordinates(point)[0])
    visited = along.coordinates(steps)[:, 0] if steps is not None else np.array([here])
    reach = max(3.0, abs(here), float(np.abs(visited - here).max()))
    places = np.linspace(here - 1.3 * reach, here + 1.3 * reach, 201)
    base = point - here * along.vectors[0]
    values = [measured(base + place * along.vectors[0])[0] for place in places]
    value, gradient = measured(point)
    slope = float(gradient @ along.vectors[0])
    tangent = np.array([here - 0.35 * reach, here + 0.35 * reach])
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
    visited = along.coordinates(steps) if steps is not None else here[None]
    first, second = (_span(np.append(visited[:, k], here[k])) for k in (0, 1))
    origin = along.origin
    values = np.array([[measured(origin + np.array([a, b]) @ along.vectors)[0] for a in first] for b in second])
    value, gradient = measured(origin + here @ along.vectors)  # the point as the map shows it
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
        heights = [measured(along.origin + place @ along.vectors)[0] + lift for place in visited]
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


def _chosen(net: Network, along: Sequence[Direction], point: Array) -> Directions:
    """Return the directions of one or two parameters; all others stay as they are at the point."""
    given = [along] if isinstance(along, int | str) else list(along)
    places = [_place(net, direction) for direction in given]
    if len(places) not in (1, 2) or len(set(places)) < len(places):
        raise InvalidValue(f"along is {along!r}; it takes one or two different parameters")
    origin = point.copy()
    origin[places] = 0
    vectors = np.zeros((len(places), point.size))
    vectors[range(len(places)), places] = 1
    return Directions(origin, vectors, [_name(net, place) for place in places])


def _main_directions(steps: Array | None) -> Directions:
    """Return the two directions in which the path moves most from its end, by singular value decomposition."""
    if steps is None:
        raise InvalidValue(
            "loss_surface has no directions: it takes along=, one or two parameters, or path=, the parameters of a run"
        )
    moved = steps - steps[-1]
    _, singular, right = np.linalg.svd(moved, full_matrices=False)
    if not singular[0] > 0 or len(right) < 2:
        raise InvalidValue("path does not move; it takes the parameters at several steps of a run")
    share = singular**2 / (singular**2).sum()
    vectors = right[:2] * np.where((moved @ right[:2].T)[0] > 0, 1, -1)[:, None]
    labels = [f"main direction {k + 1} of the path ({share[k]:.0%})" for k in (0, 1)]
    return Directions(steps[-1], vectors, labels)


def _arrays(net: Network) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Yield the name and shape of each array of parameters, and the place where it begins in the vector."""
    start = 0
    views = [view for layer in net.parameter_views(net.parameters) for view in layer.values()]
    for name, view in zip(net.parameter_names(), views, strict=True):
        yield name, view.shape, start
        start += view.size


def _name(net: Network, place: int) -> str:
    name, shape, start = next(array for array in reversed(list(_arrays(net))) if array[2] <= place)
    return f"{name}[{', '.join(map(str, np.unravel_index(place - start, shape)))}]"


def _place(net: Network, direction: Direction) -> int:
    """Return the place of a parameter, which may be given by its name."""
    if not isinstance(direction, str):
        place = checks.whole_number("along", direction, least=0)
        if place >= net.parameters.size:
            raise InvalidValue(f"along is {direction}; the network has parameters 0 to {net.parameters.size - 1}")
        return place
    called, _, index = direction.strip().rpartition("[")
    checks.one_of("the array named by along", called, net.parameter_names())
    shape, start = next((shape, start) for name, shape, start in _arrays(net) if name == called)
    try:
        return start + int(np.ravel_multi_index([int(part) for part in index.rstrip("]").split(",")], shape))
    except ValueError:
        raise InvalidValue(f"along is {direction!r}; {called} has the shape {shape}") from None


def _checked_path(net: Network, path: Sequence[Any] | None) -> Array | None:
    if path is None:
        return None
    if not len(path):
        raise InvalidValue("path is empty; it takes the parameters at several steps of a run")
    return np.stack([_vector(net, "path", step) for step in path])


def _vector(net: Network, name: str, values: Any) -> Array:
    if values is None:
        raise InvalidType(f"{name} holds None; it takes vectors like net.parameters")
    vector = checks.numeric_array(name, values, np.dtype(float))
    if vector.shape != net.parameters.shape:
        raise InvalidValue(f"{name} has shape {vector.shape}; this network's parameters have {net.parameters.shape}")
    checks.finite(name, vector)
    return vector


def _span(values: Array) -> Array:
    """Return a range around the values, with room at both ends."""
    low, high = float(values.min()), float(values.max())
    margin = 0.5 * (high - low) or 4.0
    return np.linspace(low - margin, high + margin, POINTS)
