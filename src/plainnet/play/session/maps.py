"""Maps: the prediction and the units' outputs over the plane of two columns, and the dependence on one column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.network import Network
from plainnet.play.session.examples import Examples

MOST_GRIDS = 8
"""The most grids of inputs that are kept."""

MOST_AVERAGED = 200
"""The most training examples over which the dependence on a column is averaged."""

AVERAGED_NUMBERS = 2_000_000
"""The most numbers of a grid for it; with many inputs there are fewer examples."""


class Grids:
    """Grids holds the inputs over grids of columns, which stay the same from frame to frame."""

    def __init__(self) -> None:
        self.kept: dict[Any, tuple[Any, Array]] = {}

    def plane(
        self, examples: Examples, dtype: np.dtype[Any], axes: Sequence[int], points: int, at: int | None
    ) -> Array:
        """Return `examples.plane` in the network's number type; its latest answers are kept."""
        key = "plane", id(examples), dtype, tuple(axes), points, at
        return self._kept(key, examples, lambda: examples.plane(list(axes), points, at))

    def dependence(self, examples: Examples, dtype: np.dtype[Any], column: int, points: int) -> Array:
        """Return training examples with one column set to each of its values, (values · examples, inputs).

        They are a sample, the same at every call; the rows of the first value come first.
        """
        key = "dependence", id(examples), dtype, column, points
        return self._kept(key, examples, lambda: _with_values(examples, column, points))

    def _kept(self, key: Any, examples: Examples, make: Callable[[], Array]) -> Array:
        if key not in self.kept:
            rows = np.ascontiguousarray(make(), key[2])
            while len(self.kept) >= MOST_GRIDS:
                del self.kept[next(iter(self.kept))]
            self.kept[key] = examples, rows  # the examples are kept, so that no other ones get their id
        return self.kept[key][1]


def _with_values(examples: Examples, column: int, points: int) -> Array:
    values, encoded = examples.dependence(column, points)
    rows = examples.training[0]
    most = max(1, min(MOST_AVERAGED, AVERAGED_NUMBERS // (len(values) * rows.shape[1])))
    chosen = rows[np.random.default_rng(0).permutation(len(rows))[:most]]
    grid = np.tile(chosen, (len(values), 1))
    grid[:, list(examples.columns[column].inputs)] = np.repeat(encoded.reshape(len(values), -1), len(chosen), axis=0)
    return grid


def unit_outputs(net: Network, inputs: Array, units: Sequence[tuple[int, int]]) -> Array:
    """Return the outputs of some units, each given as (layer, unit), for rows of inputs: (units, rows)."""
    wanted = {layer for layer, _ in units}
    found: dict[int, Array] = {}
    outputs = inputs
    with np.errstate(all="ignore"):
        for place, layer in enumerate(net.layers[: max(wanted, default=-1) + 1]):
            outputs = layer.predict(outputs)
            if place in wanted:
                found[place] = outputs
    return np.array([found[layer][:, unit] for layer, unit in units]).reshape(len(units), len(inputs))


def as_bytes(values: Array) -> tuple[Array, Array]:
    """Return each row of values as whole numbers from 0 to 255, and its lowest and highest value, (rows, 2).

    value ≈ lowest + byte / 255 · (highest - lowest); a value that is not finite counts as the nearest finite one.
    """
    largest = float(np.finfo(values.dtype).max) / 4
    finite = np.nan_to_num(values, nan=0.0, posinf=largest, neginf=-largest).clip(-largest, largest)
    low, high = finite.min(axis=1, initial=largest), finite.max(axis=1, initial=-largest)
    span = np.where(high > low, high - low, 1)
    scaled = (finite - low[:, None]) * (255 / span)[:, None]
    return np.rint(scaled).astype(np.uint8), np.column_stack([low, high])
