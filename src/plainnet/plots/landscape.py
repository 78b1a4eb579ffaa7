"""The functions here find the loss along one or two directions among the parameters, without a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import Network

POINTS = 41
"""The number of points along each axis of a map."""

CURVE_POINTS = 201
"""The number of points of a curve."""

Direction = int | str
"""A parameter: its place in `net.parameters`, or a name such as 'layers[0].weights[1, 2]'."""

Measured = Callable[[Array], tuple[float, Array]]
"""The loss and the gradient as a function of the parameters."""


@dataclass(frozen=True)
class Directions:
    """Directions holds one or two directions among the parameters: parameters = origin + coordinates @ vectors."""

    origin: Array
    vectors: Array
    """The directions, (coordinates, parameters), each of length 1."""
    labels: list[str]
    shares: tuple[float, ...] = ()
    """The share of a path's movement that lies along each main direction of it."""

    def coordinates(self, parameters: Array) -> Array:
        """Return the coordinates of the projection of parameters, (…, parameters)."""
        return (parameters - self.origin) @ self.vectors.T

    def parameters(self, coordinates: Array) -> Array:
        """Return the parameters at coordinates."""
        return self.origin + coordinates @ self.vectors

    def ranges(self, visited: Array, points: int = POINTS) -> list[Array]:
        """Return the places along each direction at which to take the loss, around `visited`, (visits, coordinates).

        A map has `points` along each. The first one visited is the point that a curve is about.
        """
        if len(self.vectors) == 2:
            return [span(visited[:, k], points) for k in (0, 1)]
        here = float(visited[0, 0])
        reach = max(3.0, abs(here), float(np.abs(visited[:, 0] - here).max()))
        return [np.linspace(here - 1.3 * reach, here + 1.3 * reach, CURVE_POINTS)]


def chosen_directions(net: Network, along: Sequence[Direction], point: Array) -> Directions:
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


def main_directions(steps: Array | None) -> Directions:
    """Return the two directions in which the path moves most from its end, by singular value decomposition."""
    if steps is None:
        raise InvalidValue(
            "loss_surface has no directions: it takes along=, one or two parameters, or path=, the parameters of a run"
        )
    moved = steps - steps[-1]
    _, singular, right = np.linalg.svd(moved, full_matrices=False)
    if not singular[0] > 0 or len(right) < 2:
        raise InvalidValue("path does not move; it takes the parameters at several steps of a run")
    shares = (singular**2 / (singular**2).sum())[:2]
    vectors = right[:2] * np.where((moved @ right[:2].T)[0] > 0, 1, -1)[:, None]
    labels = [f"main direction {k} of the path ({share:.0%})" for k, share in enumerate(shares, 1)]
    return Directions(steps[-1], vectors, labels, tuple(shares.tolist()))


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


def checked_path(net: Network, path: Sequence[Any] | None) -> Array | None:
    if path is None:
        return None
    if not len(path):
        raise InvalidValue("path is empty; it takes the parameters at several steps of a run")
    return np.stack([vector_of(net, "path", step) for step in path])


def vector_of(net: Network, name: str, values: Any) -> Array:
    if values is None:
        raise InvalidType(f"{name} holds None; it takes vectors like net.parameters")
    vector = checks.numeric_array(name, values, np.dtype(float))
    if vector.shape != net.parameters.shape:
        raise InvalidValue(f"{name} has shape {vector.shape}; this network's parameters have {net.parameters.shape}")
    checks.finite(name, vector)
    return vector


def span(values: Array, points: int = POINTS) -> Array:
    """Return a range around the values, with room at both ends."""
    low, high = float(values.min()), float(values.max())
    margin = 0.5 * (high - low) or 4.0
    return np.linspace(low - margin, high + margin, points)
