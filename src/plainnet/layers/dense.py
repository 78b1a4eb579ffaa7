"""Dense: every output depends on every input."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Mapping
from typing import Any

import numpy as np

from plainnet import adapters, initializers
from plainnet._base import checks
from plainnet._base.arrays import Array, Shape
from plainnet.activations import ActivationFunction
from plainnet.adapters import Activatable
from plainnet.errors import InvalidValue
from plainnet.initializers import Initializer
from plainnet.layers.base import Backward, Layer, Penalty, TrainingPass, one_axis

EXAMPLES_OF_A_BIAS = 5
"""The number of examples between whose sums a bias is drawn."""


def weighted_sums(inputs: Array, weights: Array, bias: Array | None) -> Array:
    """z = inputs @ weights + bias."""
    z = inputs @ weights
    if bias is not None:
        z += bias
    return z


class Dense(Layer):
    """Every output depends on every input: outputs = f(inputs @ weights + bias).

    Shapes: inputs (examples, inputs), weights (inputs, units), bias (units,), outputs (examples, units). With
    z = inputs @ weights + bias and δ = ∂loss/∂z = ∂loss/∂outputs · f'(z), the chain rule gives

        ∂loss/∂weights = inputsᵀ @ δ        each weight's input times its unit's δ, summed over the examples
        ∂loss/∂bias    = Σ_examples δ       the bias's input is 1
        ∂loss/∂inputs  = δ @ weightsᵀ       each unit's δ through the weight it came by

    (Rumelhart, Hinton & Williams 1986).

        units        the number of outputs, at least 1
        activation   a name, an object, or a function z -> (value, derivative)
        bias         False leaves the bias out; biases start at 0
        initializer  a name, an object, a function (shape, random), or "auto", which suits the activation
        l1, l2       the penalty l1 · Σ|w| + l2/2 · Σw² on the weights, which is part of the loss; at least 0

    Raises InvalidValue or InvalidType for an argument that it does not take.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(4, "relu", l2=0.01), pn.Dense(1), input_size=3, seed=1)
    >>> net.layers[0].weights.shape, net.layers[0].bias.shape, net.predict([[0, 1, 1], [1, 0, 1]]).shape
    ((3, 4), (4,), (2, 1))
    """

    torch = "Linear({features}, {units}, bias={bias})"
    may_skip_input_gradient = True

    def __init__(
        self,
        units: int,
        activation: Activatable = "identity",
        *,
        bias: bool = True,
        initializer: Any = "auto",
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        self.units = checks.whole_number("units", units, least=1)
        self.activation: ActivationFunction = adapters.activation_of(activation)
        self.has_bias = checks.flag("bias", bias)
        self.initializer = "auto" if initializer == "auto" else initializers.resolve(initializer)
        self.l1 = checks.number("l1", l1, least=0)
        self.l2 = checks.number("l2", l2, least=0)
        self.bias: Array | None = None
        self.weights: Array

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("units", "has_bias") and self.is_built:
            raise InvalidValue(f"{name} cannot be set: the layer has its weights; make a new network")
        super().__setattr__(name, adapters.activation_of(value) if name == "activation" else value)

    def settings(self) -> dict[str, Any]:
        settings = {"units": self.units, "activation": self.activation, "bias": self.has_bias}
        return {**settings, "initializer": self.initializer, "l1": self.l1, "l2": self.l2}

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        (inputs,) = one_axis(self, input_shape)
        bias = {"bias": (self.units,)} if self.has_bias else {}
        return {"weights": (inputs, self.units), **bias}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (self.units,)

    @property
    def weights_initializer(self) -> Initializer:
        """The initializer; if it is "auto", the one that suits the activation."""
        if isinstance(self.initializer, str):
            return initializers.resolve(self.activation.initializer)
        return self.initializer

    def initialize(self, random: np.random.Generator) -> None:
        drawn = np.asarray(self.weights_initializer(self.weights.shape, random))
        if drawn.shape != self.weights.shape:
            raise InvalidValue(f"initializer returned shape {drawn.shape}; the weights take {self.weights.shape}")
        self.weights[...] = drawn

    def initialize_from(self, inputs: Array, random: np.random.Generator) -> Array:
        """Draw weights with which each unit's sums have deviation 1 over the inputs, and biases among these sums.

        weights ~ N(0, 1), divided by the deviation of inputs @ weights; bias = -Σ w_k z_k for five examples of the
        sums z and five random w of sum 1, so that the units bend where there are examples ("he+5"; Steinwart 2019,
        Holzmüller, Grinsztajn & Steinwart 2024). A unit whose sums are all the same keeps weights of variance
        1 / inputs.
        """
        drawn = random.standard_normal(self.weights.shape) / np.sqrt(len(self.weights))
        z = inputs @ drawn.astype(inputs.dtype)
        deviation = z.std(axis=0, dtype=np.float64)
        noise = 100 * np.finfo(inputs.dtype).eps * np.abs(z).max(axis=0)  # what rounding makes of equal sums
        deviation = np.where(deviation > noise, deviation, 1.0)
        self.weights[...] = drawn / deviation
        z = inputs @ self.weights
        if self.bias is not None:
            rows = random.integers(0, len(z), (EXAMPLES_OF_A_BIAS, self.units))
            shares = random.standard_exponential(rows.shape)
            shares /= shares.sum(axis=0)
            self.bias[...] = -(shares * z[rows, np.arange(self.units)]).sum(axis=0)
        return self.predict(inputs)

    def penalties(self) -> dict[str, Penalty]:
        return {"weights": Penalty(self.l1, self.l2)} if self.l1 or self.l2 else {}

    def pre_activation(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        """Return z = inputs @ weights + bias, and the backward pass from ∂loss/∂z.

        `inputs` and `training` are as for `forward`.
        """
        z = weighted_sums(inputs, self.weights, self.bias)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["weights"][...] = inputs.T @ gradient
            if self.bias is not None:
                gradients["bias"][...] = gradient.sum(axis=0)
            if training is not None and not training.needs_input_gradient:
                return gradient
            return gradient @ self.weights.T

        return z, backward

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        z, backward_from_z = self.pre_activation(inputs, training)
        outputs = self.activation.value(z)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            return backward_from_z(self.activation.backward(gradient, z, outputs), gradients)

        return outputs, backward

    def predict(self, inputs: Array) -> Array:
        return self.activation.value(weighted_sums(inputs, self.weights, self.bias))
