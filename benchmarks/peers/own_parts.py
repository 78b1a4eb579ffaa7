"""plainnet with a layer and an activation that a user has written in plain NumPy, in place of Dense and relu."""

from typing import Any

import numpy as np

import plainnet as pn
from benchmarks.peers import plain
from benchmarks.workloads import Workload

threads = plain.threads


def rectifier(z):
    """a = max(z, 0)."""
    return np.maximum(z, 0), (z > 0).astype(z.dtype)


class Linear(pn.Layer):
    """outputs = inputs @ weights + bias."""

    def __init__(self, units):
        self.units = units

    def parameter_shapes(self, input_shape):
        return {"weights": (*input_shape, self.units), "bias": (self.units,)}

    def output_shape(self, input_shape):
        return (self.units,)

    def initialize(self, random):
        inputs = len(self.weights)
        self.weights[...] = np.sqrt(2 / inputs) * random.standard_normal(self.weights.shape)

    def forward(self, inputs, training=None):
        outputs = inputs @ self.weights + self.bias

        def backward(gradient, gradients):
            gradients["weights"][...] = inputs.T @ gradient
            gradients["bias"][...] = gradient.sum(axis=0)
            return gradient @ self.weights.T

        return outputs, backward


def network(work: Workload) -> pn.Network:
    """Return the workload's network made of these parts, with plainnet's own softmax."""
    layers: list[Any] = []
    for units in work.sizes[1:-1]:
        layers += [Linear(units), pn.Activation(rectifier)]
    layers += [Linear(work.sizes[-1]), pn.Activation("softmax")]
    return pn.Network(*layers, input_size=work.sizes[0], seed=work.seed, dtype=work.dtype)


class Single(plain.Single):
    """One network."""

    def __init__(self, work: Workload, engine: str) -> None:
        super().__init__(work, engine, own=network(work))
