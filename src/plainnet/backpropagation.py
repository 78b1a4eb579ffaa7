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
    value, gradient = loss.value_and_gradient(targets, outputs, sample_weight, from_logits)
    for backward, own in zip(reversed(backwards), reversed(gradients), strict=True):
        gradient = backward(gradient, own)
    return value + add_penalties(layers, gradients, penalty_factor(loss, len(inputs), sample_weight))


def is_fused(last: Layer, loss: Loss) -> bool:
    """Return True if `loss` takes the weighted sums before the last layer's activation."""
    if loss.fused_with is None or not last.ends_in_activation:
        return False
    return type(last.activation) is ACTIVATIONS.get(loss.fused_with)  # a user's own of that name is another function


def penalty_factor(loss: Loss, rows: int, sample_weight: Array | None) -> float:
    """Return how many times a batch counts the layers' penalties: once, unless the loss has `penalty_rows`."""
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
