"""Activations that stand apart from a Dense layer."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from typing import Any

from plainnet import adapters
from plainnet._base.arrays import Array
from plainnet.activations import ActivationFunction
from plainnet.adapters import Activatable
from plainnet.layers.base import Backward, Layer, TrainingPass


class Activation(Layer):
    """outputs = f(inputs), for an activation that stands apart from its Dense layer, as after BatchNorm.

    `activation` is a name, an object, or a function z -> (value, derivative).
    """

    def __init__(self, activation: Activatable) -> None:
        self.activation: ActivationFunction = adapters.activation_of(activation)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, adapters.activation_of(value) if name == "activation" else value)

    def pre_activation(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        """z = inputs."""
        return inputs, lambda gradient, gradients: gradient

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        outputs = self.activation.value(inputs)
        return outputs, lambda gradient, gradients: self.activation.backward(gradient, inputs, outputs)

    def predict(self, inputs: Array) -> Array:
        return self.activation.value(inputs)
