"""One vector as many arrays: cutting it into views by layer and name, and writing to it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from plainnet import checks
from plainnet.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.layers import Shape


def assign(name: str, vector: Array, values: Any) -> None:
    """Write `values` into the whole of `vector`; InvalidValue, calling it `name`, where the shapes differ."""
    array = checks.numeric_array(name, values, vector.dtype)
    if array.shape != vector.shape:
        raise InvalidValue(f"{name} has shape {array.shape}; this network's has shape {vector.shape}")
    vector[...] = array


def total(shapes: Sequence[Mapping[str, Shape]]) -> int:
    """How many numbers arrays of these shapes hold together."""
    return sum(math.prod(shape) for layer in shapes for shape in layer.values())


def views(vector: Array, shapes: Sequence[Mapping[str, Shape]]) -> list[dict[str, Array]]:
    """`vector` cut into consecutive arrays of the given shapes, without copying."""
    cut: list[dict[str, Array]] = []
    start = 0
    for layer in shapes:
        cut.append({})
        for name, shape in layer.items():
            stop = start + math.prod(shape)
            cut[-1][name] = vector[start:stop].reshape(shape)
            start = stop
    return cut
