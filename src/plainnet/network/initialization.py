"""First weights and biases that suit the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.mapped import rows_of
from plainnet._base.pieces import PieceRows, Rows
from plainnet.network import Network
from plainnet.network.examples import inputs_for

MOST_NUMBERS = 2**24
"""The numbers that the widest layer's outputs may have; of more rows a random part is taken."""

FIFTH = 4
"""The network's own seed gives four streams of random numbers, and the fifth is for this."""


def initialize_from_data(net: Network, X: Any, seed: int | None = None) -> None:
    """Draw the weights and biases of all Dense layers so that their sums suit the data, layer by layer.

    Each unit's weighted sums have deviation 1 over the rows of X, and each bias stands where there are examples:
    no unit begins where its activation is flat for all of them. The layers are taken in order, each with the outputs
    of those before it, and without dropout; `Dense.initialize_from` has the formulas. What other layers have keeps
    its first values. A network that is not built is built for the columns of X.

    Arguments:
        net: the network, whose weights and biases are changed.
        X: the examples of the training, (examples, features). Of many rows a random part is taken.
        seed: a whole number of at least 0; if it is not given, the network's own seed decides.

    Raises InvalidValue or InvalidType where X does not fit the network.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.sine(200, seed=1)
    >>> net = pn.Network(pn.Dense(8, "selu"), pn.Dense(1), input_size=1, seed=1, dtype="float64")
    >>> pn.initialize_from_data(net, X)
    >>> net.layers[0].pre_activation(X)[0].std(axis=0).round(6)
    array([1., 1., 1., 1., 1., 1., 1., 1.])
    """
    if seed is None:
        random = np.random.default_rng(np.random.SeedSequence(net.seed, spawn_key=(FIFTH,)))
    else:
        random = np.random.default_rng(checks.whole_number("seed", seed, least=0))
    if not net.is_built:
        net.build(rows_of(X, lambda values: checks.examples("X", values, net.dtype)).shape[1])
    values = _sample(inputs_for(net, X), _most_rows(net), random)
    for layer in net.layers:
        values = layer.initialize_from(values, random)


def _most_rows(net: Network) -> int:
    arrays = [array for own in net.parameter_views(net.parameters) for array in own.values()]
    widest = max([net.input_size or 1, *(length for array in arrays for length in array.shape)])
    return max(MOST_NUMBERS // widest, 1)


def _sample(inputs: Rows, most: int, random: np.random.Generator) -> Array:
    """Return the rows or, of more than `most`, as many random ones in their order."""
    if len(inputs) > most:
        chosen = np.sort(random.choice(len(inputs), most, replace=False))
        return inputs.take(chosen) if isinstance(inputs, PieceRows) else inputs[chosen]
    return inputs[:]
