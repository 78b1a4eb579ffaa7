"""Outputs of a network read as classes or quantities, with the targets and the loss that go with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from plainnet import adapters, losses
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import PlainnetError
from plainnet.layers import Average
from plainnet.network import Network
from plainnet.network.examples import inputs_for, loss_for


def own_loss(net: Network) -> losses.Loss:
    """Return the loss of the latest training run or, if it is unknown, the usual one for the last activation."""
    output = activation_name(net, -1)
    recorded = net.history.settings.get("loss") if net.history else None
    try:
        return losses.as_measure(loss_for(net, recorded))
    except PlainnetError:  # none recorded, or a custom function, of which a file keeps only the name
        return adapters.loss_of(losses.usual_after(output))


def activation_name(net: Network, layer: int) -> str:
    """Return the name of a layer's activation, "identity" if it has none; of averaged networks, that of the first."""
    one = net.layers[layer]
    while isinstance(one, Average):
        one = one.branches[0][-1]
    activation = getattr(one, "activation", None)
    return activation.name if activation is not None else "identity"


def examples(net: Network, X: Any, y: Any) -> tuple[Array, Array]:
    """Return inputs and targets as the network's loss takes them; raise the errors of `Network.evaluate`."""
    inputs = inputs_for(net, X)[:]
    targets = own_loss(net).prepare(y, net.output_size or 0, net.dtype)
    checks.same_rows("y", targets, len(inputs))
    return inputs, targets


def class_labels(net: Network, targets: Array) -> Array | None:
    """Return the class of each row, (examples,), or None if the network predicts quantities."""
    if targets.ndim == 1:
        return targets
    output = activation_name(net, -1)
    if output == "softmax":
        return targets.argmax(axis=1)
    if output == "sigmoid" and targets.shape[1] == 1 and np.isin(targets, (0, 1)).all():
        return targets[:, 0].astype(int)
    return None


def class_scores(outputs: Array) -> Array:
    """Return a probability for each class, (examples, classes); one sigmoid unit p becomes (1 - p, p)."""
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs
