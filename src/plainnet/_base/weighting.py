"""Weights: how much each example counts, by sample weights and class weights."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.mapped import Rows, blocks, choose
from plainnet.errors import InvalidType, InvalidValue

Examples = tuple[Rows, Rows, Array | None]
"""Inputs, targets, weights."""

ClassWeights = Mapping[int, float]
"""The weight of each class by its label."""


def without_weightless(examples: Examples) -> Examples:
    """Return the examples without those of weight 0, which must influence neither splits nor batch statistics."""
    inputs, targets, weights = examples
    if weights is None or weights.all():
        return examples
    counted = weights > 0
    return choose(inputs, counted), choose(targets, counted), weights[counted]


def class_weights(
    class_weight: Any,
    targets: Rows,
    sample_weight: Array | None,
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
    labels = _labels(targets)
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals = total(np.bincount(labels, weights=sample_weight))
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


def example_weights(
    by_class: ClassWeights | None,
    targets: Rows,
    sample_weight: Array | None,
    dtype: np.dtype[Any],
    name: str = "y",
    absent: float | None = None,
) -> Array | None:
    """Each example's sample weight times the weight of its class; None where neither is given.

    `absent` is the weight of a class that has none; where it is None, such a class is refused.
    """
    if by_class is None:
        return sample_weight
    labels = _labels(targets)
    present = np.unique(labels).tolist()
    lacking = [label for label in present if label not in by_class]
    if lacking and absent is None:
        raise InvalidValue(f"class_weight lacks class {lacking[0]}; it takes a weight for each label in {name}")
    table = np.array([by_class.get(label, absent or 0.0) for label in range(max(present, default=-1) + 1)])
    weights = checks.held(table, np.dtype(np.float64))[labels]
    return checks.held(weights if sample_weight is None else weights * sample_weight, dtype)


def _labels(targets: Rows) -> Array:
    """Return the class of each example."""
    by_block = [class_labels(targets[block]) for block in blocks(targets)]
    known = [labels for labels in by_block if labels is not None]
    if len(known) < len(by_block):
        raise InvalidValue("class_weight needs targets that are classes: labels, one-hot rows, or 0 and 1")
    return np.concatenate(known) if known else np.zeros(0, np.intp)


def class_labels(targets: Array) -> Array | None:
    """Return the class of each example, from labels, one-hot rows or a column of 0 and 1; None for other targets."""
    if targets.ndim == 1:
        return targets
    if not np.isin(targets, (0, 1)).all():
        return None
    if targets.shape[1] == 1:
        return targets[:, 0].astype(np.intp)
    return targets.argmax(axis=1) if (targets.sum(axis=1) == 1).all() else None
