"""One pass forward, the loss, and the chain rule back: the gradient of every parameter.

The NumPy engine, `Network.loss_and_gradient` and the gradient checker all run this one function.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from plainnet._base.arrays import Array
from plainnet.activations import ACTIVATIONS
from plainnet.layers import Backward, Layer, TrainingPass
from plainnet.losses import Loss

LayerGradients = Sequence[Mapping[str, Array]]
"""The gradients of each layer's parameters by name, to be written."""


def backpropagate(
    layers: Sequence[Layer],
    loss: Loss,
    inputs: Array,
    targets: Array,
    sample_weight: Array | None,
    training: TrainingPass | None,
    gradients: LayerGradients,
) -> float:
    """Return the loss of a batch, penalties included, and write the gradients of all parameters into `gradients`.

    Where the loss is computed together with the output's activation, the last layer stops at its weighted sums z.

    Of a batch that several ranks hold, each is given its part, and `training` says what portion of the whole that is:
    the sum over the ranks is the loss of the batch and its gradient. A part may have no rows.
    """
    last = layers[-1]
    from_logits = is_fused(last, loss)
    first_pass = training and training.at_first_layer if layers[0].may_skip_input_gradient else training
    backwards: list[Backward] = []
    outputs = inputs
    for layer in layers:
        stage = layer.pre_activation if from_logits and layer is last else layer.forward
        outputs, backward = stage(outputs, first_pass if layer is layers[0] else training)
        backwards.append(backward)
    portion = None if training is None else training.portion
    value, gradient = _loss_of_part(loss, targets, outputs, sample_weight, from_logits, portion)
    for backward, own in zip(reversed(backwards), reversed(gradients), strict=True):
        gradient = backward(gradient, own)
    return value + add_penalties(layers, gradients, penalty_factor(loss, len(inputs), sample_weight, portion))


def _loss_of_part(
    loss: Loss, targets: Array, outputs: Array, weight: Array | None, from_logits: bool, portion: float | None
) -> tuple[float, Array]:
    """Return the loss and its gradient by the outputs, times the rows' portion of the batch."""
    if portion is None:
        return loss.value_and_gradient(targets, outputs, weight, from_logits)
    if not len(targets):
        return 0.0, np.zeros_like(outputs)
    value, gradient = loss.value_and_gradient(targets, outputs, weight, from_logits)
    return portion * value, portion * gradient


def is_fused(last: Layer, loss: Loss) -> bool:
    """Return True if `loss` takes the weighted sums before the last layer's activation."""
    if loss.fused_with is None or not last.ends_in_activation:
        return False
    return type(last.activation) is ACTIVATIONS.get(loss.fused_with)  # a user's own of that name is another function


def penalty_factor(loss: Loss, rows: int, sample_weight: Array | None, portion: float | None = None) -> float:
    """Return how many times a batch counts the layers' penalties: once, unless the loss has `penalty_rows`.

    The part of a batch that is a `portion` of it counts that portion of the whole batch's penalties.
    """
    if portion is not None:
        if loss.penalty_rows is None:
            return portion
        by_its_own_weight = penalty_factor(loss, rows, sample_weight) if rows else 0.0
        return by_its_own_weight * portion * portion  # the first portion makes it that of the weight of the whole batch
    if loss.penalty_rows is None:
        return 1.0
    if sample_weight is None:
        return loss.penalty_rows / rows
    total = sample_weight.sum()
    factor: float = loss.penalty_rows * np.sign(total) / np.maximum(total, np.finfo(total.dtype).tiny)
    return factor  # 0 if no row of the batch has a weight


def add_penalties(layers: Sequence[Layer], gradients: LayerGradients, factor: float = 1.0) -> float:
    """Return the penalty times `factor`, and add its gradient, l1 · sign(w) + l2 · w times `factor`, to `gradients`."""
    total = 0.0
    for layer, own in zip(layers, gradients, strict=True):
        for name, (l1, l2) in layer.penalties().items():
            w = getattr(layer, name)
            if l1:
                total += factor * l1 * np.abs(w).sum()
                own[name][...] += factor * l1 * np.sign(w)
            if l2:
                total += factor * l2 / 2 * (w * w).sum()
                own[name][...] += factor * l2 * w
    return total
