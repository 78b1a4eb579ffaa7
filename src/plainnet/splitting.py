"""Splitting rows into a training and a validation part."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import numpy as np

from plainnet.arrays import Array
from plainnet.errors import InvalidValue


def split(rows: int, fraction: float, random: np.random.Generator, labels: Array | None = None) -> tuple[Array, Array]:
    """Indices of the training and of the validation rows, both in rising order.

    About `fraction` of the rows are drawn for validation, at least one and not all; with `labels`, a share of each
    class as near to `fraction` as whole rows allow, and a class with a single row stays in training.
    """
    if rows < 2:
        raise InvalidValue(f"there are {rows} rows; a validation part needs at least 2")
    size = min(max(round(rows * fraction), 1), rows - 1)
    order = random.permutation(rows)
    chosen = order[:size] if labels is None else _from_each_class(order, labels, size)
    held = np.zeros(rows, dtype=bool)
    held[chosen] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _from_each_class(order: Array, labels: Array, size: int) -> Array:
    """`size` rows (fewer where classes have a single row) in which the classes have their overall shares.

    Each class gives the whole part of its exact share; the classes with the largest remainders give one more until
    `size` is reached, and none gives its last row.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    exact = counts * (size / len(labels))
    give = np.minimum(np.floor(exact).astype(int), counts - 1)
    for c in np.argsort(-(exact - give), kind="stable"):
        if give.sum() < size and give[c] < counts[c] - 1:
            give[c] += 1
    if give.sum() == 0:
        raise InvalidValue("every class has a single row; no validation part can be split off")
    return np.concatenate([order[classes[order] == c][:n] for c, n in enumerate(give)])
