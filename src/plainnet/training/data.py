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
from plainnet.ranks import ALONE, Alone, Ranks
from plainnet.training.ranked import features_of, has_rows, held_out_of_all, shaped_like_others, total_over

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


def examples_of(net: Network, X: Any, y: Any, options: Options, ranks: Ranks | Alone = ALONE) -> Data:
    """Return checked training and validation examples (inputs, targets, weights); build the network if it is not.

    Class weights apply to both; a fraction that is held out keeps its sample weights. Examples of weight 0 are left
    out of both. Of several ranks each gives and gets its share of the examples.
    """
    if not net.is_built:
        if has_rows(X, ranks):
            X = rows_of(X, lambda values: checks.examples("X", values, net.dtype))
        net.build(features_of(X, ranks))
    loss, validation, class_weight = loss_for(net, options.loss), options.validation, options.class_weight
    inputs, targets, weights = _share(net, loss, X, y, options.sample_weight, "", ranks)
    by_class = class_weights(class_weight, targets, weights, net.output_size or 0, lambda own: total_over(ranks, own))
    absent = 1.0 if isinstance(class_weight, str) else None  # "balanced" has no weight for a class that never counts
    weights = example_weights(by_class, targets, weights, net.dtype, absent=absent)
    if weights is not None and not any(ranks.all(bool(weights.any()))):
        raise InvalidValue(
            "the weights of the training examples are all 0 (sample_weight, class_weight); some must count"
        )
    training = without_weightless((inputs, targets, weights))
    weightless = len(inputs) - len(training[0])
    if net.table is None:  # those of a table were checked by name when it was prepared
        warn_of_suspicious(*training[:2], ranks)
    if validation is None:
        return Data(training, None, weightless)
    if isinstance(validation, tuple):
        return Data(training, _validation(net, loss, validation, by_class, absent, ranks), weightless)
    return Data(*_split(net, training, validation, ranks), weightless)


def _validation(
    net: Network,
    loss: Loss,
    given: tuple[Any, Any, Any],
    by_class: ClassWeights | None,
    absent: float | None,
    ranks: Ranks | Alone,
) -> Examples:
    """Return the user's validation examples; `absent` is the weight of a class that is not in the training part."""
    inputs, targets, weights = _share(net, loss, *given, "validation ", ranks)
    weights = example_weights(by_class, targets, weights, net.dtype, "validation y", absent)
    if weights is not None and not any(ranks.all(bool(weights.any()))):
        raise InvalidValue("the weights of the validation examples are all 0; some must count")
    return without_weightless((inputs, targets, weights))


def _share(net: Network, loss: Loss, X: Any, y: Any, sample_weight: Any, prefix: str, ranks: Ranks | Alone) -> Examples:
    """Return this rank's checked examples; they may be none, or all of weight 0, where other ranks have some."""
    own = None
    if has_rows(X, ranks):
        weightless = ranks.size > 1 and sample_weight is not None and not np.any(sample_weight)
        own = _checked(net, loss, X, y, None if weightless else sample_weight, prefix)
        if weightless:
            own = (*own[:2], np.zeros(len(own[0]), net.dtype))
    return own if own and ranks.size == 1 else shaped_like_others(own, X, y, net, prefix, ranks)


def _checked(net: Network, loss: Loss, X: Any, y: Any, sample_weight: Any, prefix: str = "") -> Examples:
    """Return checked examples; files are read once, so that a bad row is found before the training."""
    inputs, targets, weights = examples_for(net, X, y, loss, sample_weight, prefix)
    if are_mapped(inputs, targets):
        for block in blocks(inputs, targets):
            inputs[block], targets[block]
    return inputs, targets, weights


def _split(net: Network, examples: Examples, fraction: float, ranks: Ranks | Alone) -> tuple[Examples, Examples]:
    """Return the examples to train on and the fraction held out for validation, the same ones at every call."""
    inputs, targets, weights = examples
    random = np.random.default_rng(net.split_seed)
    if ranks.size == 1:
        held = held_out(inputs, targets, fraction, random)
    else:

        def quotas(sizes: Array, by_class: bool) -> Array:
            if (sizes < 2).all():
                raise nothing_to_hold_out(by_class)
            return shares(sizes, fraction, random)

        assert isinstance(ranks, Ranks)
        held = held_out_of_all(inputs, targets, quotas, random, ranks)
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


def warn_of_suspicious(inputs: Rows, targets: Rows, ranks: Ranks | Alone = ALONE) -> None:
    """Warn of constant columns, of columns equal to the target, and of targets that are all the same.

    A column of ones is taken for a bias added by hand, as in the XOR post, and gets no warning.
    """
    some = [own for own in ranks.all((inputs[:1], targets[:1])) if len(own[0])]
    if not some:
        return
    first, first_target = some[0]
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
    found = ranks.all((constant, leaks, one_answer))
    constant, leaks = (np.logical_and.reduce([own[i] for own in found]) for i in (0, 1))
    one_answer = all(own[2] for own in found)
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
