"""Maps: the prediction and the units' outputs over the plane of two columns, and the dependence on one column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.network import Network

MOST_GRIDS = 8
"""The most grids of inputs that are kept."""


class Grids:
    """The inputs over grids of columns, which stay the same from frame to frame."""

    def __init__(self) -> None:
        self.kept: dict[Any, tuple[Any, Array]] = {}

    def plane(self, examples: Any, dtype: np.dtype[Any], axes: Sequence[int], points: int, at: int | None) -> Array:
        """Return `examples.plane` in the network's number type; its latest answers are kept."""
        key = id(examples), dtype, tuple(axes), points, at
        if key not in self.kept:
            rows = np.ascontiguousarray(examples.plane(list(axes), points, at), dtype)
            while len(self.kept) >= MOST_GRIDS:
                del self.kept[next(iter(self.kept))]
            self.kept[key] = examples, rows  # the examples are kept, so that no other ones get their id
        return self.kept[key][1]


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
