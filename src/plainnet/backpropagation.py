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
"""For each layer the gradient of each parameter by name, to be written."""


def backpropagate(
    layers: Sequence[Layer],
    loss: Loss,
    inputs: Array,
    targets: Array,
    sample_weight: Array | None,
    training: TrainingPass | None,
    gradients: LayerGradients,
) -> float:
    """The loss of a batch, penalties included; the gradients of all parameters are written into `gradients`.

    Where the loss is computed together with the output's activation, the last layer stops at its weighted sums z.
    """
    last = layers[-1]
    from_logits = is_fused(last, loss)
    first_pass = training and training.at_first_layer
    backwards: list[Backward] = []
    outputs = inputs
    for layer in layers:
        stage = layer.pre_activation if from_logits and layer is last else layer.forward
        outputs, backward = stage(outputs, first_pass if layer is layers[0] else training)
        backwards.append(backward)
    value, gradient = loss.value_and_gradient(targets, outputs, sample_weight, from_logits)
    for backward, own in zip(reversed(backwards), reversed(gradients), strict=True):
        gradient = backward(gradient, own)
    return value + add_penalties(layers, gradients)


def is_fused(last: Layer, loss: Loss) -> bool:
    """Return True if `loss` takes the weighted sums before the last layer's activation."""
    if loss.fused_with is None or not hasattr(last, "pre_activation"):
        return False
    return type(last.activation) is ACTIVATIONS.get(loss.fused_with)  # a user's own of that name is another function


def add_penalties(layers: Sequence[Layer], gradients: LayerGradients) -> float:
    """The penalty, with its gradient l1 · sign(w) + l2 · w added to `gradients`."""
    total = 0.0
    for layer, own in zip(layers, gradients, strict=True):
        for name, (l1, l2) in layer.penalties().items():
            w = getattr(layer, name)
            if l1:
                total += l1 * np.abs(w).sum()
                own[name][...] += l1 * np.sign(w)
            if l2:
                total += l2 / 2 * (w * w).sum()
                own[name][...] += l2 * w
    return total
