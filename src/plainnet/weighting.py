"""Class weights, as a weight for each example."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from plainnet import checks
from plainnet.arrays import Array
from plainnet.errors import InvalidType, InvalidValue
from plainnet.mapped import Rows, blocks


def example_weights(
    sample_weight: Array | None, class_weight: Any, targets: Rows, dtype: np.dtype[Any]
) -> Array | None:
    """Each example's sample weight times the weight of its class; None where neither is given.

    "balanced" weighs a class by examples / (classes · examples of the class), so that every class counts the same.
    """
    if class_weight is None:
        return sample_weight
    by_block = [class_labels(targets[block]) for block in blocks(targets)]
    known = [labels for labels in by_block if labels is not None]
    if len(known) < len(by_block):
        raise InvalidValue("class_weight needs targets that are classes: labels, one-hot rows, or 0 and 1")
    labels = np.concatenate(known)
    weights = _balanced(labels) if class_weight == "balanced" else _by_class(class_weight, labels)
    weights = weights.astype(dtype)
    return weights if sample_weight is None else weights * sample_weight


def class_labels(targets: Array) -> Array | None:
    """The class of each example, from labels, one-hot rows or a column of 0 and 1; None where they are no classes."""
    if targets.ndim == 1:
        return targets
    if not np.isin(targets, (0, 1)).all():
        return None
    if targets.shape[1] == 1:
        return targets[:, 0].astype(np.intp)
    return targets.argmax(axis=1) if (targets.sum(axis=1) == 1).all() else None


def _balanced(labels: Array) -> Array:
    counts = np.bincount(labels)
    return (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[labels]


def _by_class(class_weight: Any, labels: Array) -> Array:
    if not isinstance(class_weight, Mapping):
        raise InvalidType(f"class_weight is {class_weight!r}; it takes 'balanced' or a dict {{label: weight}}")
    present = np.unique(labels)
    lacking = sorted(set(present.tolist()) - set(class_weight))
    if lacking:
        raise InvalidValue(f"class_weight lacks class {lacking[0]}; it takes a weight for each label in y")
    table = {label: checks.number(f"class_weight[{label}]", class_weight[label], least=0) for label in present.tolist()}
    return np.array([table[label] for label in labels.tolist()])
