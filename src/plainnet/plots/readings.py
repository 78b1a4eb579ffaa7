"""Quantities of a network for pictures: loss, classes, outputs of each layer, and the importance of each input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet import adapters, losses
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import PlainnetError
from plainnet.layers import Dense, Dropout
from plainnet.network import Network
from plainnet.network.examples import inputs_for, loss_for
from plainnet.network.prediction import measure

MOST_ROWS, LEAST_ROWS, MOST_PREDICTED = 2000, 200, 100_000
"""Importance is measured on as many examples as make `MOST_PREDICTED` predictions, within these bounds."""


def own_loss(net: Network) -> losses.Loss:
    """Return the loss of the latest training run or, if it is unknown, the usual one for the last activation."""
    output = activation_name(net, -1)
    recorded = net.history.settings.get("loss") if net.history else None
    try:
        return loss_for(net, recorded)
    except PlainnetError:  # none recorded, or a custom function, of which a file keeps only the name
        return adapters.loss_of(losses.usual_after(output))


def activation_name(net: Network, layer: int) -> str:
    """Return the name of a layer's activation, "identity" if it has none."""
    activation = getattr(net.layers[layer], "activation", None)
    return activation.name if activation is not None else "identity"


def bounds(net: Network, layer: int) -> tuple[float, float] | None:
    """Return the bounds of a layer's activation, None if it has none."""
    activation = getattr(net.layers[layer], "activation", None)
    return None if activation is None else activation.bounds


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


def layer_outputs(net: Network, X: Any) -> list[Array]:
    """Return the outputs of each layer for the rows of X, a list of (examples, units)."""
    outputs = inputs_for(net, X)[:]
    result = []
    for layer in net.layers:
        outputs, _ = layer.forward(outputs)
        result.append(outputs)
    return result


def hidden_layers(net: Network) -> list[int]:
    """Return the places of the layers, other than Dropout, whose outputs are the inputs of a later Dense layer."""
    places = []
    for i, layer in enumerate(net.layers):
        before = i - 1
        while before >= 0 and isinstance(net.layers[before], Dropout):
            before -= 1
        if isinstance(layer, Dense) and before >= 0:
            places.append(before)
    return places


@dataclass(frozen=True)
class Activity:
    """The outputs of a layer's units over the examples."""

    layer: int
    outputs: Array
    """The outputs, (examples, units)."""
    dead: int
    """The number of units with the same output for every example, which carry nothing of the input."""
    saturated: int | None
    """The number of units within 5 % of a bound in 95 % of the examples; None for activations without two bounds."""


def activity(net: Network, X: Any) -> list[Activity]:
    """Return the activity of every hidden layer and of the output."""
    outputs = layer_outputs(net, X)
    places = [*hidden_layers(net), len(outputs) - 1]
    return [_activity(i, outputs[i], bounds(net, i)) for i in places]


def _activity(layer: int, outputs: Array, between: tuple[float, float] | None) -> Activity:
    dead = int((np.ptp(outputs, axis=0) == 0).sum()) if len(outputs) > 1 else 0
    if between is None:
        return Activity(layer, outputs, dead, None)
    low, high = between
    margin = 0.05 * (high - low)
    at_bound = (outputs < low + margin) | (outputs > high - margin)
    return Activity(layer, outputs, dead, int((at_bound.mean(axis=0) >= 0.95).sum()))


def importance_rows(rows: int, inputs: int) -> int:
    """Return the number of rows on which importance is measured, which is smaller for many inputs."""
    return min(rows, MOST_ROWS, max(LEAST_ROWS, MOST_PREDICTED // inputs))


def mistakes(outputs: Array, targets: Array, labels: Array | None) -> Array:
    """Return the mistake of each example, from 0 for right to 1, (examples,).

    For classes it is 1 - the probability of the true class. For quantities it is |output - target| as a share of the
    range of the targets from their 5th to their 95th percentile, at most 1, on average over the outputs.
    """
    if labels is not None:
        return 1 - class_scores(outputs)[np.arange(len(labels)), labels]
    low, high = np.percentile(targets, (5, 95), axis=0)
    spread = np.where(high > low, high - low, np.maximum(np.ptp(targets, axis=0), np.finfo(float).tiny))
    return np.minimum(np.abs(outputs - targets) / spread, 1).mean(axis=1)


def slopes(net: Network, X: Array, labels: Array | None) -> Array:
    """Return the slope of the prediction along each input by the chain rule, (examples, inputs).

    The prediction is the probability of an example's class, or the sum of the outputs.
    """
    outputs, backwards = X, []
    for layer in net.layers:
        outputs, backward = layer.forward(outputs)
        backwards.append(backward)
    slope = np.ones_like(outputs)
    if labels is not None and outputs.shape[1] == 1:
        slope[labels == 0] = -1
    elif labels is not None:
        slope[:] = np.arange(outputs.shape[1]) == labels[:, None]
    not_needed = net.parameter_views(np.zeros_like(net.parameters))
    for backward, own in zip(reversed(backwards), reversed(not_needed), strict=True):
        slope = backward(slope, own)
    return slope


def permutation_importance(
    net: Network,
    X: Any,
    y: Any,
    *,
    inputs: Sequence[Sequence[int]] | None = None,
    repeats: int = 5,
    seed: int = 0,
    bounded: bool = False,
) -> Array:
    """Return the rise of the loss when an input's values are shuffled among the examples, (inputs, repeats).

    `importance_i = loss(X with input i shuffled) - loss(X)`: 0 for an input that the network does not use. `inputs`
    groups columns of X that belong together, such as those of one category; by default each column is one input. If
    there are many rows, a sample is used (see `importance_rows`). A loss has no upper bound, so that one odd value can
    decide; `bounded` takes the mean of `mistakes`, from 0 to 1 for each example, in its place. Source: Breiman, "Random
    forests", Machine Learning 45 (2001); for any model Fisher, Rudin & Dominici (2019).
    """
    rows, targets = examples(net, X, y)
    repeats = checks.whole_number("repeats", repeats, least=1)
    random = np.random.default_rng(checks.whole_number("seed", seed, least=0))
    groups = [[i] for i in range(rows.shape[1])] if inputs is None else [list(group) for group in inputs]
    drawn: Any = slice(None)
    if len(rows) > importance_rows(len(rows), rows.shape[1]):
        drawn = random.choice(len(rows), importance_rows(len(rows), rows.shape[1]), replace=False)
    labels = class_labels(net, targets)
    rows, targets = rows[drawn], targets[drawn]
    labels = labels[drawn] if labels is not None else None
    loss = own_loss(net)

    def badness(X: Array) -> float:
        if bounded:
            return float(mistakes(net.predict(X), targets, labels).mean())
        return measure(net, X, targets, None, loss, {})["loss"]

    base = badness(rows)
    result = np.empty((len(groups), repeats))
    shuffled = rows.copy()
    for i, group in enumerate(groups):
        for j in range(repeats):
            shuffled[:, group] = rows[random.permutation(len(rows))][:, group]
            result[i, j] = badness(shuffled) - base
        shuffled[:, group] = rows[:, group]
    return result
