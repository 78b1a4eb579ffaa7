"""The types of arrays in every signature, and one vector as many arrays."""

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

Shape: TypeAlias = tuple[int, ...]


def total(shapes: Iterable[Mapping[str, Shape]]) -> int:
    """Return how many numbers arrays of these shapes hold together."""
    return sum(math.prod(shape) for layer in shapes for shape in layer.values())


def views(vector: Array, shapes: Iterable[Mapping[str, Shape]]) -> list[dict[str, Array]]:
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


@cache  # once is enough
def keep_freed_memory() -> None:
    """Let the memory of freed arrays serve the next ones, instead of going back to the system after each.

    glibc's allocator keeps as much as the largest block of up to 32 MB that it has seen freed. Without this every
    temporary array of a large batch costs a page fault per 4 KB: twice the time of L-BFGS on 1,347 rows and 100 units.
    """
    np.empty(30 * 2**20, np.uint8)  # no page of it is touched, so it costs a microsecond
