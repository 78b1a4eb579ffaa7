"""Weights: how much each example counts, by sample weights and class weights."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.blocks import blocks, each_piece
from plainnet._base.derived_pieces import chosen, with_weights
from plainnet._base.pieces import PieceRows, Rows
from plainnet.errors import InvalidType, InvalidValue

Examples = tuple[Rows, Rows, Rows | None]
"""Inputs, targets, weights."""

ClassWeights = Mapping[int, float]
"""The weight of each class by its label."""


def in_memory(examples: Examples) -> tuple[Array, Array, Array | None]:
    """Return all the examples as arrays."""
    inputs, targets, weights = examples
    return inputs[:], targets[:], None if weights is None else weights[:]


def arrays_at(examples: Examples, chosen: Array) -> Examples:
    """Return some rows of examples that are arrays."""
    inputs, targets, weights = in_memory(examples)
    return inputs[chosen], targets[chosen], None if weights is None else weights[chosen]


def without_weightless(examples: Examples) -> Examples:
    """Return the examples without those of weight 0, which must influence neither splits nor batch statistics."""
    weights = examples[2]
    if isinstance(weights, PieceRows):
        return _without_weightless_in_pieces(examples, weights)
    if weights is None or weights.all():
        return examples
    return arrays_at(examples, weights > 0)


def _without_weightless_in_pieces(examples: Examples, weights: PieceRows) -> Examples:
    lengths = np.array(weights.pieces.lengths)
    counts = lengths.copy()
    for piece, (_, _, own) in each_piece(*examples):
        counts[piece] = np.count_nonzero(np.asarray(own))
    if (counts == lengths).all():
        return examples
    inputs, targets, kept = chosen(examples, counts, lambda piece, columns: np.asarray(columns[2]) > 0)
    assert inputs is not None
    assert targets is not None
    return inputs, targets, kept


def class_weights(
    class_weight: Any,
    targets: Rows,
    sample_weight: Rows | None,
    outputs: int,
    total: Callable[[Array], Array] = np.asarray,
) -> ClassWeights | None:
    """Return the weight of each class that the user means by "balanced" or a dict; None for none.

    `total` takes a vector of the classes' weights among these examples and returns that among all, where these are a
    part of them.

    "balanced" weighs a class by W / (classes · W of the class), W being the sum of the sample weights (the number of
    examples without), so that every class counts the same.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals = total(_totals(targets, sample_weight))
        present = np.flatnonzero(totals)
        return {int(label): float(totals.sum() / (len(present) * totals[label])) for label in present}
    if not isinstance(class_weight, Mapping):
        raise InvalidType(f"class_weight is {class_weight!r}; it takes 'balanced' or a dict {{label: weight}}")
    classes = max(outputs, 2)
    for label in class_weight:
        if label not in range(classes):
            raise InvalidValue(
                f"class_weight has a weight for {label!r}; the classes of this network are the labels 0 ... "
                f"{classes - 1}"
            )
    return {int(label): checks.number(f"class_weight[{label}]", w, least=0) for label, w in class_weight.items()}


def weighted(
    examples: Examples,
    by_class: ClassWeights | None,
    dtype: np.dtype[Any],
    name: str = "y",
    absent: float | None = None,
) -> Examples:
    """Return the examples, each with its sample weight times the weight of its class, if these are given.

    `absent` is the weight of a class that has none; where it is None, such a class is refused.
    """
    if by_class is None:
        return examples
    inputs, targets, sample_weight = examples
    present = np.flatnonzero(_totals(targets, None)).tolist()
    lacking = [label for label in present if label not in by_class]
    if lacking and absent is None:
        raise InvalidValue(f"class_weight lacks class {lacking[0]}; it takes a weight for each label in {name}")
    given = np.array([by_class.get(label, absent or 0.0) for label in range(max(present, default=-1) + 1)])
    table = checks.held(given, np.dtype(np.float64))

    def weights(targets: Array, sample_weight: Array | None) -> Array:
        own = table[_labels(targets)]
        return own if sample_weight is None else own * sample_weight

    if isinstance(targets, PieceRows):
        return with_weights(examples, lambda y, w: weights(y, w).astype(dtype), dtype)
    assert not isinstance(sample_weight, PieceRows)
    return inputs, targets, checks.held(weights(targets, sample_weight), dtype)


def _totals(targets: Rows, sample_weight: Rows | None) -> Array:
    """Return the sum of the sample weights of each class, or the number of its examples."""
    totals = np.zeros(0)
    for _, (y, w) in blocks(targets, sample_weight):
        found = np.bincount(_labels(y), weights=w)
        totals = np.pad(totals, (0, max(0, len(found) - len(totals))))
        totals[: len(found)] += found
    return totals


def _labels(targets: Array | None) -> Array:
    """Return the class of each example."""
    assert targets is not None
    labels = class_labels(targets)
    if labels is None:
        raise InvalidValue("class_weight needs targets that are classes: labels, one-hot rows, or 0 and 1")
    return labels


def class_labels(targets: Array) -> Array | None:
    """Return the class of each example, from labels, one-hot rows or a column of 0 and 1; None for other targets."""
    if targets.ndim == 1:
        return targets
    if not np.isin(targets, (0, 1)).all():
        return None
    if targets.shape[1] == 1:
        return targets[:, 0].astype(np.intp)
    return targets.argmax(axis=1) if (targets.sum(axis=1) == 1).all() else None
