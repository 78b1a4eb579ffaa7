"""The examples of a training run: the user's data, checked, weighted, searched for likely mistakes and split."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.mapped import Rows, are_mapped, blocks, choose, rows_of
from plainnet._base.weighting import (
    ClassWeights,
    Examples,
    class_labels,
    class_weights,
    example_weights,
    without_weightless,
)
from plainnet.errors import InvalidValue, warn
from plainnet.losses import Loss
from plainnet.network.examples import examples_for, loss_for

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.training.options import Options

MOST_NAMED = 5


class Data(NamedTuple):
    """The examples of a run."""

    training: Examples
    validation: Examples | None
    weightless: int
    """The number of examples of weight 0 that were left out of the training."""


def examples_of(net: Network, X: Any, y: Any, options: Options) -> Data:
    """Return checked training and validation examples (inputs, targets, weights); build the network if it is not.

    Class weights apply to both; a fraction that is held out keeps its sample weights. Examples of weight 0 are left
    out of both.
    """
    if not net.is_built:
        X = rows_of(X, lambda values: checks.examples("X", values, net.dtype))
        net.build(X.shape[1])
    loss, validation, class_weight = loss_for(net, options.loss), options.validation, options.class_weight
    inputs, targets, weights = _checked(net, loss, X, y, options.sample_weight)
    by_class = class_weights(class_weight, targets, weights, net.output_size or 0)
    absent = 1.0 if isinstance(class_weight, str) else None  # "balanced" has no weight for a class that never counts
    weights = example_weights(by_class, targets, weights, net.dtype, absent=absent)
    if weights is not None and not weights.any():
        raise InvalidValue(
            "the weights of the training examples are all 0 (sample_weight, class_weight); some must count"
        )
    training = without_weightless((inputs, targets, weights))
    weightless = len(inputs) - len(training[0])
    if net.table is None:  # those of a table were checked by name when it was prepared
        warn_of_suspicious(*training[:2])
    if validation is None:
        return Data(training, None, weightless)
    if isinstance(validation, tuple):
        return Data(training, _validation(net, loss, validation, by_class, absent), weightless)
    return Data(*_split(net, training, validation), weightless)


def _validation(
    net: Network, loss: Loss, given: tuple[Any, Any, Any], by_class: ClassWeights | None, absent: float | None
) -> Examples:
    """Return the user's validation examples; `absent` is the weight of a class that is not in the training part."""
    inputs, targets, weights = _checked(net, loss, *given, prefix="validation ")
    weights = example_weights(by_class, targets, weights, net.dtype, "validation y", absent)
    if weights is not None and not weights.any():
        raise InvalidValue("the weights of the validation examples are all 0; some must count")
    return without_weightless((inputs, targets, weights))


def _checked(net: Network, loss: Loss, X: Any, y: Any, sample_weight: Any, prefix: str = "") -> Examples:
    """Return checked examples; files are read once, so that a bad row is found before the training."""
    inputs, targets, weights = examples_for(net, X, y, loss, sample_weight, prefix)
    if are_mapped(inputs, targets):
        for block in blocks(inputs, targets):
            inputs[block], targets[block]
    return inputs, targets, weights


def _split(net: Network, examples: Examples, fraction: float) -> tuple[Examples, Examples]:
    """Return the examples to train on and the fraction held out for validation, the same ones at every call."""
    inputs, targets, weights = examples
    held = held_out(inputs, targets, fraction, np.random.default_rng(net.split_seed))
    training, validation = (
        (choose(inputs, part), choose(targets, part), None if weights is None else weights[part])
        for part in (~held, held)
    )
    return training, validation


def split(rows: int, fraction: float, random: np.random.Generator, labels: Array | None = None) -> tuple[Array, Array]:
    """Return the numbers of the training rows and of the validation rows, both in ascending order.

    `round(fraction · rows)` rows are drawn for validation, at least one and not all. With `labels`, each class gives
    its share (rounded by the largest remainder) and keeps at least one row for training; if the classes cannot give
    so many, the validation part is smaller.
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
    """Return True for each row that is for validation, (examples,): a `split` by class of each block of rows."""
    held = np.zeros(len(inputs), bool)
    for block in blocks(inputs, targets):
        y = targets[block]
        try:
            _, numbers = split(len(y), fraction, random, class_labels(y))
        except InvalidValue:
            if block.start == 0:
                raise
            continue  # a short last block may be too small to split
        held[block][numbers] = True
    return held


def _shares(sizes: Array, fraction: float, random: np.random.Generator) -> Array:
    """Return how many of its rows each class gives for validation, by the largest remainder; it keeps one."""
    can_give = sizes - 1
    wanted = min(max(1, round(fraction * int(sizes.sum()))), int(can_give.sum()))
    shares: Array = np.minimum(np.floor(fraction * sizes).astype(int), can_give)
    remainders = fraction * sizes - shares
    while shares.sum() < wanted:
        able = random.permutation(np.flatnonzero(shares < can_give))  # equal remainders in random order
        able = able[np.argsort(-remainders[able], kind="stable")]
        shares[able[: wanted - shares.sum()]] += 1
    return shares


def warn_of_suspicious(inputs: Rows, targets: Rows) -> None:
    """Warn of constant columns, of columns equal to the target, and of targets that are all the same.

    A column of ones is taken for a bias added by hand, as in the XOR post, and gets no warning.
    """
    first, first_target = inputs[:1], targets[:1]
    constant = np.ones(inputs.shape[1], bool)
    leaks = np.full(inputs.shape[1], targets.shape in {(len(targets),), (len(targets), 1)})
    one_answer = True
    for block in blocks(inputs, targets):
        x, y = inputs[block], targets[block]
        constant &= (x == first).all(axis=0)
        one_answer = one_answer and bool((y == first_target).all())
        if leaks.any():
            leaks &= (x == y.reshape(-1, 1)).all(axis=0)
        if not (constant.any() or one_answer or leaks.any()):
            break
    _warn(constant & (first[0] != 1), "the same value in every row; it tells the network nothing")
    if one_answer:
        warn("every target is the same; the network can only learn that one answer")
    else:
        _warn(leaks, "equal to the target in every row; such a leak makes results look better than they are")


def _warn(columns: Array, what: str) -> None:
    found = np.flatnonzero(columns)
    if not len(found):
        return
    named = ", ".join(map(str, found[:MOST_NAMED])) + (", ..." if len(found) > MOST_NAMED else "")
    subject = f"column {named} of X is" if len(found) == 1 else f"columns {named} of X ({len(found)}) are each"
    warn(f"{subject} {what}")
