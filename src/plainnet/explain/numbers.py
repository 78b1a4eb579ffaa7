"""Arrays as cells of text: numbers of one array with the same decimals, and large arrays abbreviated."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from plainnet._base.arrays import Array

DIGITS = 5
"""The number of digits that the largest number of an array is shown with."""
GAP = "…"
LEFT_OUT = "·"


@dataclass(frozen=True)
class Cells:
    """An array as text. Where `values` is NaN the cell is a gap or a number that was left out."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]
    values: tuple[tuple[float, ...], ...]


def cells(values: Array, rows: Sequence[str], columns: Sequence[str], most: int | None) -> Cells:
    """Return the array as rows and columns: a vector is one row, and all axes after the first run along the columns.

    An array with more than `most` rows or columns is abbreviated: the first ones, a gap, and the last one.
    """
    array = np.asarray(values, dtype=float)
    array = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
    row_places, column_places = _places(array.shape[0], most), _places(array.shape[1], most)
    write = _writer(array)

    def text(i: int | None, k: int | None) -> str:
        return GAP if i is None or k is None else write(float(array[i, k]))

    def value(i: int | None, k: int | None) -> float:
        return math.nan if i is None or k is None else float(array[i, k])

    return Cells(
        _names(rows, array.shape[0], row_places),
        _names(columns, array.shape[1], column_places),
        tuple(tuple(text(i, k) for k in column_places) for i in row_places),
        tuple(tuple(value(i, k) for k in column_places) for i in row_places),
    )


def _places(size: int, most: int | None) -> list[int | None]:
    """Return the places to show, of `size`; None is the gap."""
    if most is None or size <= most:
        return list(range(size))
    return [*range(most - 2), None, size - 1]


def _names(names: Sequence[str], size: int, places: Sequence[int | None]) -> tuple[str, ...]:
    if len(names) != size:
        return ()
    return tuple(GAP if place is None else names[place] for place in places)


def _writer(array: Array) -> Callable[[float], str]:
    """Return how to write a number of this array."""
    finite = np.abs(array[np.isfinite(array)])
    largest = float(finite.max(initial=0.0))
    if finite.size == array.size and largest < 1e6 and bool((array == np.round(array)).all()):
        form = ".0f"
    elif 1e-4 <= largest < 1e6:
        form = f".{max(0, DIGITS - 1 - math.floor(math.log10(largest)))}f"
    else:
        form = f".{DIGITS - 1}e"

    def write(value: float) -> str:
        return f"{value + 0.0:{form}}" if math.isfinite(value) else LEFT_OUT  # + 0.0 makes -0.0 a 0

    return write
