"""The examples of a training run: the user's data, checked, weighted, searched for likely mistakes and split."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.blocks import blocks, each_piece
from plainnet._base.derived_pieces import together
from plainnet._base.mapped import rows_of
from plainnet._base.pieces import PieceRows, Rows, are_in_pieces
from plainnet._base.weighting import (
    ClassWeights,
    Examples,
    arrays_at,
    class_labels,
    class_weights,
    weighted,
    without_weightless,
)
from plainnet.errors import InvalidValue, warn
from plainnet.losses import Loss
from plainnet.network.examples import examples_for, loss_for
from plainnet.ranks import ALONE, Alone, Ranks
from plainnet.training.piece_split import divided, split_pieces
from plainnet.training.ranked import features_of, has_rows, held_out_of_all, shaped_like_others, total_over
from plainnet.training.splitting import nothing_to_hold_out, shares, split

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
    examples = _share(net, loss, X, y, options.sample_weight, "", ranks)
    _, targets, weights = examples
    by_class = class_weights(class_weight, targets, weights, net.output_size or 0, lambda own: total_over(ranks, own))
    absent = 1.0 if isinstance(class_weight, str) else None  # "balanced" has no weight for a class that never counts
    training = _counted(weighted(examples, by_class, net.dtype, absent=absent), ranks)
    if training is None:
        raise InvalidValue(
            "the weights of the training examples are all 0 (sample_weight, class_weight); some must count"
        )
    weightless = len(targets) - len(training[0])
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
    examples = _share(net, loss, *given, "validation ", ranks)
    counted = _counted(weighted(examples, by_class, net.dtype, "validation y", absent), ranks)
    if counted is None:
        raise InvalidValue("the weights of the validation examples are all 0; some must count")
    return counted


def _counted(examples: Examples, ranks: Ranks | Alone) -> Examples | None:
    """Return the examples without those of weight 0; None if no rank has any other."""
    counted = without_weightless(examples)
    return None if examples[2] is not None and not any(ranks.all(len(counted[0]) > 0)) else counted


def _share(net: Network, loss: Loss, X: Any, y: Any, sample_weight: Any, prefix: str, ranks: Ranks | Alone) -> Examples:
    """Return this rank's checked examples; they may be none, or all of weight 0, where other ranks have some."""
    own = None
    if has_rows(X, ranks):
        in_memory = sample_weight is not None and not isinstance(sample_weight, PieceRows)
        weightless = ranks.size > 1 and in_memory and not np.any(sample_weight)
        own = _checked(net, loss, X, y, None if weightless else sample_weight, prefix)
        if weightless:
            own = (*own[:2], np.zeros(len(own[0]), net.dtype))
    if own is None or ranks.size > 1:
        own = shaped_like_others(own, X, y, net, prefix, ranks)
    return together(*own)  # type: ignore[return-value]  # inputs and targets are not None


def _checked(net: Network, loss: Loss, X: Any, y: Any, sample_weight: Any, prefix: str = "") -> Examples:
    """Return checked examples; rows in pieces are read once, so that a bad one is found before the training."""
    examples = examples_for(net, X, y, loss, sample_weight, prefix)
    if are_in_pieces(*examples):
        for _ in each_piece(*examples):
            pass
    return examples


def _split(net: Network, examples: Examples, fraction: float, ranks: Ranks | Alone) -> tuple[Examples, Examples]:
    """Return the examples to train on and the fraction held out for validation, the same ones at every call."""
    random = np.random.default_rng(net.split_seed)
    inputs, targets, _ = examples
    if ranks.size == 1 and are_in_pieces(*examples):
        return split_pieces(examples, fraction, net.split_seed)
    if ranks.size == 1:
        training_rows, held_rows = split(len(inputs), fraction, random, class_labels(targets[:]))
        return arrays_at(examples, training_rows), arrays_at(examples, held_rows)

    def quotas(sizes: Array, by_class: bool) -> Array:
        if (sizes < 2).all():
            raise nothing_to_hold_out(by_class)
        return shares(sizes, fraction, random)

    assert isinstance(ranks, Ranks)
    held = held_out_of_all(inputs, targets, quotas, random, ranks)
    if are_in_pieces(*examples):
        return divided(examples, held)
    return arrays_at(examples, ~held), arrays_at(examples, held)


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
    for _, (x, y) in blocks(inputs, targets):
        assert x is not None
        assert y is not None
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
