"""Activations that stand apart from a Dense layer."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Mapping
from typing import Any

import numpy as np

from plainnet import adapters
from plainnet._base.arrays import Array, Shape
from plainnet.activations import ActivationFunction
from plainnet.adapters import Activatable
from plainnet.layers.base import Backward, Layer, TrainingPass, one_axis


class Activation(Layer):
    """outputs = f(inputs), for an activation that stands apart from its Dense layer, as after BatchNorm.

    `activation` is a name, an object, or a function z -> (value, derivative).

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(4), pn.BatchNorm(), pn.Activation("relu"), pn.Dense(1), input_size=3)
    """

    def __init__(self, activation: Activatable) -> None:
        self.activation: ActivationFunction = adapters.activation_of(activation)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, adapters.activation_of(value) if name == "activation" else value)

    def pre_activation(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        """Return z = inputs, and the backward pass from ∂loss/∂z; `training` is not looked at."""
        return inputs, lambda gradient, gradients: gradient

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        outputs = self.activation.value(inputs)
        return outputs, lambda gradient, gradients: self.activation.backward(gradient, inputs, outputs)

    def predict(self, inputs: Array) -> Array:
        return self.activation.value(inputs)


class ParametricActivation(Layer):
    """outputs = inputs + alpha · (f(inputs) - inputs), with an alpha for each feature that begins at 1.

    At alpha = 1 it is the activation f, at alpha = 0 the identity: each unit learns how bent it is (Holzmüller,
    Grinsztajn & Steinwart 2024). `activation` is a name, an object, or a function z -> (value, derivative). Shape:
    alpha (features,). With g = ∂loss/∂outputs:

        ∂loss/∂alpha = Σ_examples g · (f(inputs) - inputs)
        ∂loss/∂inputs = (1 - alpha) · g + f'(inputs) · alpha · g

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(4), pn.ParametricActivation("silu"), pn.Dense(1), input_size=3)
    >>> net.layers[1].alpha.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, activation: Activatable) -> None:
        self.activation: ActivationFunction = adapters.activation_of(activation)
        self.alpha: Array

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, adapters.activation_of(value) if name == "activation" else value)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"alpha": one_axis(self, input_shape)}

    def initialize(self, random: np.random.Generator) -> None:
        self.alpha[...] = 1

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        f = self.activation.value(inputs)
        bend = f - inputs

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["alpha"][...] = (gradient * bend).sum(axis=0)
            return (1 - self.alpha) * gradient + self.activation.backward(self.alpha * gradient, inputs, f)

        return inputs + self.alpha * bend, backward

    def predict(self, inputs: Array) -> Array:
        return inputs + self.alpha * (self.activation.value(inputs) - inputs)
