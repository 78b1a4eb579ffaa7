"""The input plane, over which two inputs vary and all others keep their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.plots.drawing import near, plain_numbers, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scale: TypeAlias = tuple[float, float] | tuple[Callable[[Array], Array], Callable[[Array], Array]]
"""The mean and deviation with which an input was standardized, x = input · deviation + mean; or the function from the
input to x and its inverse."""
Scales: TypeAlias = Sequence[Scale]


@dataclass(frozen=True)
class Plane:
    """A grid over one or two inputs, all others held fixed."""

    features: tuple[int, ...]
    axes_values: list[Array]
    """The values of each varying input in its own units."""
    rows: Array
    """The points of the grid as examples for the network, (points, inputs)."""
    labels: list[str]
    scales: list[Scale]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The left, right, bottom and top of an image of the grid."""
        x, y = self.axes_values
        return float(x[0]), float(x[-1]), float(y[0]), float(y[-1])

    def image(self, values: Array) -> Array:
        """Return values of the rows as an image, with the second input upwards."""
        x, y = self.axes_values
        return values.reshape(len(y), len(x))

    def shown(self, X: Array, i: int) -> Array:
        """Return the i-th varying input of examples in its own units."""
        return own_units(X[:, self.features[i]], self.scales[i])

    def label(self, axes: Axes) -> None:
        """Name the axes of a picture over the plane, and number them."""
        axes.set_xlabel(shortened(self.labels[0], 40))
        plain_numbers(axes.xaxis)
        if len(self.labels) > 1:
            axes.set_ylabel(shortened(self.labels[1], 40))
            plain_numbers(axes.yaxis)


def plane(
    X: Array,
    features: Sequence[int],
    points: int,
    at: Any = None,
    names: Sequence[str] | None = None,
    scales: Scales | None = None,
) -> Plane:
    """Make the plane of one or two `features` over the range of X; the others stay at their medians, or at `at`."""
    chosen = _checked_features(features, X.shape[1])
    base = np.median(X, axis=0) if at is None else checks.numeric_array("at", at, X.dtype)
    if base.shape != (X.shape[1],):
        raise InvalidValue(f"at has shape {base.shape}; it takes a number for each input, shape ({X.shape[1]},)")
    own_scales: list[Scale] = [scales[feature] if scales is not None else (0.0, 1.0) for feature in chosen]
    own = [own_units(X[:, feature], scale) for feature, scale in zip(chosen, own_scales, strict=True)]
    shown = [np.linspace(*shown_range(values), points) for values in own]
    ranges = [as_inputs(values, scale) for values, scale in zip(shown, own_scales, strict=True)]
    rows = np.tile(base, (points ** len(chosen), 1)).astype(X.dtype)
    for feature, values in zip(chosen, np.meshgrid(*ranges), strict=True):
        rows[:, feature] = values.ravel()
    labels = [names[feature] if names is not None else f"input {feature}" for feature in chosen]
    return Plane(chosen, shown, rows, labels, own_scales)


def own_units(inputs: Array, scale: Scale) -> Array:
    """Return inputs in the units that they had before they were scaled."""
    first, second = scale
    return first(inputs) if callable(first) else inputs * second + first


def as_inputs(shown: Array, scale: Scale) -> Array:
    """Return inputs of a network from values in their own units."""
    first, second = scale
    return second(shown) if callable(second) else (shown - first) / second


def shown_range(values: Array) -> tuple[float, float]:
    """Return the range that a picture shows of values: theirs and a margin, without a few that lie far out."""
    values = values[near(values)]
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def _checked_features(features: Any, inputs: int) -> tuple[int, ...]:
    given = (features,) if isinstance(features, int) else tuple(features)
    if inputs == 1 and given == (0, 1):  # the usual pair, where there is only one
        given = (0,)
    chosen = tuple(checks.whole_number("features", feature, least=0) for feature in given)
    if len(chosen) not in (1, 2) or len(set(chosen)) < len(chosen) or max(chosen) >= inputs:
        raise InvalidValue(f"features is {features!r}; it takes one or two different inputs from 0 to {inputs - 1}")
    return chosen
