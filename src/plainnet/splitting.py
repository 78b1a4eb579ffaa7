"""Splitting rows into a training and a validation part."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import numpy as np

from plainnet.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.mapped import Rows, blocks
from plainnet.weighting import class_labels


def split(rows: int, fraction: float, random: np.random.Generator, labels: Array | None = None) -> tuple[Array, Array]:
    """The numbers of the training and of the validation rows, both in rising order.

    The validation part has `round(fraction · rows)` rows drawn at random, at least one and not all. With `labels`,
    each class gives its share of them (shares rounded by the largest remainder) and keeps at least one row for
    training, so a class of a single row is trained on; where this leaves too few rows to give, the validation part
    is smaller.
    """
    class_of_row = np.zeros(rows, int) if labels is None else np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(class_of_row)
    if (sizes < 2).all():
        least = "two rows" if labels is None else "a class with two rows"
        raise InvalidValue(f"no row can be set aside for validation; it takes at least {least}")
    rows_of_class = np.split(np.argsort(class_of_row, kind="stable"), np.cumsum(sizes)[:-1])
    shares = _shares(sizes, fraction, random)
    chosen = [random.permutation(own)[:share] for own, share in zip(rows_of_class, shares, strict=True)]
    held = np.zeros(rows, bool)
    held[np.concatenate(chosen)] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def held_out(inputs: Rows, targets: Rows, fraction: float, random: np.random.Generator) -> Array:
    """Whether each row is for validation, (examples,): a `split` by class, of each block of the rows by itself."""
    held = np.zeros(len(inputs), bool)
    for block in blocks(inputs, targets):
        y = targets[block]
        try:
            _, numbers = split(len(y), fraction, random, class_labels(y))
        except InvalidValue:
            if block.start == 0:
                raise
            continue  # a short last block may have none to give
        held[block][numbers] = True
    return held


def _shares(sizes: Array, fraction: float, random: np.random.Generator) -> Array:
    """How many of its rows each class gives for validation, by largest remainder; one it keeps."""
    can_give = sizes - 1
    wanted = min(max(1, round(fraction * int(sizes.sum()))), int(can_give.sum()))
    shares: Array = np.minimum(np.floor(fraction * sizes).astype(int), can_give)
    remainders = fraction * sizes - shares
    while shares.sum() < wanted:
        able = random.permutation(np.flatnonzero(shares < can_give))  # of equal remainders chance takes one
        able = able[np.argsort(-remainders[able], kind="stable")]
        shares[able[: wanted - shares.sum()]] += 1
    return shares
