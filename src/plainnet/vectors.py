"""One vector as many arrays: cutting it into views by layer and name, and writing to it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from plainnet import checks
from plainnet.arrays import Array, Shape
from plainnet.errors import InvalidValue


def assign(name: str, array: Array, values: Any, *, fill: bool = False) -> None:
    """Write `values` into the whole of `array`; `fill` takes one number for all of it as well.

    Raises InvalidValue, calling the array `name`, where the shapes differ: nothing is broadcast.
    """
    given = checked(name, array, values, fill=fill)
    array[...] = given


def checked(name: str, array: Array, values: Any, *, fill: bool = False) -> Array:
    """`values` as numbers of the dtype and shape of `array`, which stays as it is."""
    given = checks.numeric_array(name, values, array.dtype)
    if given.shape != array.shape and not (fill and given.ndim == 0):
        raise InvalidValue(f"{name} has shape {given.shape}; it takes shape {array.shape}")
    return given


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
