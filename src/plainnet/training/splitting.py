"""These functions choose which rows of arrays are held out for validation."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue


def split(rows: int, fraction: float, random: np.random.Generator, labels: Array | None = None) -> tuple[Array, Array]:
    """Return the numbers of the training rows and of the validation rows, both in ascending order.

    `round(fraction · rows)` rows are drawn for validation, at least one and not all. With `labels`, each class gives
    its share (rounded by the largest remainder) and keeps at least one row for training; if the classes cannot give
    so many, the validation part is smaller.
    """
    class_of_row = np.zeros(rows, int) if labels is None else np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(class_of_row)
    if (sizes < 2).all():
        raise nothing_to_hold_out(labels is not None)
    rows_of_class = np.split(np.argsort(class_of_row, kind="stable"), np.cumsum(sizes)[:-1])
    given = shares(sizes, fraction, random)
    chosen = [random.permutation(own)[:share] for own, share in zip(rows_of_class, given, strict=True)]
    held = np.zeros(rows, bool)
    held[np.concatenate(chosen)] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def nothing_to_hold_out(by_class: bool) -> InvalidValue:
    """Return the error for rows that cannot give any for validation."""
    least = "a class with two rows" if by_class else "two rows"
    return InvalidValue(f"no row can be set aside for validation; it takes at least {least}")


def shares(sizes: Array, fraction: float, random: np.random.Generator) -> Array:
    """Return how many of its rows each class gives for validation, by the largest remainder; it keeps one."""
    can_give = sizes - 1
    wanted = min(max(1, round(fraction * int(sizes.sum()))), int(can_give.sum()))
    given: Array = np.minimum(np.floor(fraction * sizes).astype(int), can_give)
    remainders = fraction * sizes - given
    while given.sum() < wanted:
        able = random.permutation(np.flatnonzero(given < can_give))  # equal remainders in random order
        able = able[np.argsort(-remainders[able], kind="stable")]
        given[able[: wanted - given.sum()]] += 1
    return given
