"""Quantities of a network for pictures: the outputs of each layer, and the units that do nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.layers import Dense, Dropout
from plainnet.network import Network
from plainnet.network.examples import inputs_for


def bounds(net: Network, layer: int) -> tuple[float, float] | None:
    """Return the bounds of a layer's activation, None if it has none."""
    activation = getattr(net.layers[layer], "activation", None)
    return None if activation is None else activation.bounds


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
