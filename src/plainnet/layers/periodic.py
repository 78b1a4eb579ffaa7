"""PeriodicEmbedding: numbers as sums of cosines."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Mapping
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array, Shape
from plainnet.errors import InvalidValue
from plainnet.layers.base import Backward, Layer, TrainingPass, one_axis

TWO_PI = 6.283185307179586


def angles_of(numbers: Array, frequencies: Array, phases: Array) -> Array:
    """φ = 2π x · frequencies + phases, for numbers (columns, examples): (columns, examples, frequencies)."""
    return TWO_PI * numbers[:, :, None] * frequencies[:, None, :] + phases[:, None, :]


def sums_of_waves(waves: Array, weights: Array, bias: Array) -> Array:
    """s = waves @ weights + bias, of each column by itself: (columns, examples, width - 1)."""
    return waves @ weights + bias[:, None, :]


def beside(sums: Array, inputs: Array) -> Array:
    """The sums of each example, column by column, and behind them its inputs."""
    columns, examples, width = sums.shape
    return np.concatenate([sums.transpose(1, 0, 2).reshape(examples, columns * width), inputs], axis=1)


class PeriodicEmbedding(Layer):
    """Put before the inputs, for each of the first `columns` of them, `width` - 1 sums of cosines of it.

    A straight line through a number is a poor first guess where a little more of it means something else; sums of
    waves bend where the data ask for it. Each column x, a number of about -3 to 3, has its own waves:

        φ = 2π x · frequencies + phases        s = cos(φ) @ weights + bias

    The outputs are the sums of the first column, of the second, ..., then all inputs as they are: with its own sums
    each column is embedded in `width` numbers. (PBLD, "periodic, bias, linear, DenseNet", of Holzmüller, Grinsztajn &
    Steinwart 2024, after the periodic embeddings of Gorishniy, Rubachev & Babenko 2022.)

    Shapes: frequencies and phases (columns, frequencies), weights (columns, frequencies, width - 1), bias (columns,
    width - 1). With g = ∂loss/∂s, of each column:

        ∂loss/∂bias        = Σ_examples g                ∂loss/∂weights = Σ_examples cos(φ)ᵀ g
        ∂loss/∂φ           = -sin(φ) · (g @ weightsᵀ)    ∂loss/∂phases  = Σ_examples ∂loss/∂φ
        ∂loss/∂frequencies = Σ_examples 2π x · ∂loss/∂φ
        ∂loss/∂x           = Σ_frequencies 2π frequencies · ∂loss/∂φ + ∂loss/∂(x as it is)

        columns      the number of inputs, from the first on, that are embedded, at least 1
        frequencies  the number of waves of a column, at least 1
        width        the numbers that a column becomes, itself included, at least 2
        deviation    that of the normal distribution of the frequencies at the start, above 0; the phases begin
                     uniform over [-π, π], weights and bias over ±1/√frequencies

    Raises InvalidValue or InvalidType for an argument that it does not take, and where there are fewer inputs than
    columns.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.PeriodicEmbedding(2, width=4), input_size=3, seed=1)
    >>> net.predict([[0.5, -1.0, 2.0]]).shape, net.predict([[0.5, -1.0, 2.0]])[0, 6:].tolist()
    ((1, 9), [0.5, -1.0, 2.0])
    """

    may_skip_input_gradient = True

    def __init__(self, columns: int, frequencies: int = 16, width: int = 4, deviation: float = 0.1) -> None:
        self.columns = checks.whole_number("columns", columns, least=1)
        self.frequency_count = checks.whole_number("frequencies", frequencies, least=1)
        self.width = checks.whole_number("width", width, least=2)
        self.deviation = checks.number("deviation", deviation, above=0)
        self.frequencies: Array
        self.phases: Array
        self.weights: Array
        self.bias: Array

    def settings(self) -> dict[str, Any]:
        counts = {"columns": self.columns, "frequencies": self.frequency_count, "width": self.width}
        return {**counts, "deviation": self.deviation}

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        (inputs,) = one_axis(self, input_shape)
        if inputs < self.columns:
            raise InvalidValue(f"columns is {self.columns}; with {inputs} inputs {self.name} takes at most {inputs}")
        waves, sums = (self.columns, self.frequency_count), self.width - 1
        return {"frequencies": waves, "phases": waves, "weights": (*waves, sums), "bias": (self.columns, sums)}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0] + self.columns * (self.width - 1),)

    def initialize(self, random: np.random.Generator) -> None:
        limit = 1 / np.sqrt(self.frequency_count)
        self.frequencies[...] = self.deviation * random.standard_normal(self.frequencies.shape)
        self.phases[...] = random.uniform(-np.pi, np.pi, self.phases.shape)
        self.weights[...] = random.uniform(-limit, limit, self.weights.shape)
        self.bias[...] = random.uniform(-limit, limit, self.bias.shape)

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        numbers = inputs[:, : self.columns].T
        angles = angles_of(numbers, self.frequencies, self.phases)
        waves = np.cos(angles)
        sums = sums_of_waves(waves, self.weights, self.bias)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            of_sums = self.columns * (self.width - 1)
            g = gradient[:, :of_sums].reshape(len(gradient), self.columns, self.width - 1).transpose(1, 0, 2)
            gradients["bias"][...] = g.sum(axis=1)
            gradients["weights"][...] = waves.transpose(0, 2, 1) @ g
            by_angles = -np.sin(angles) * (g @ self.weights.transpose(0, 2, 1))
            gradients["phases"][...] = by_angles.sum(axis=1)
            gradients["frequencies"][...] = (TWO_PI * numbers[:, None, :] @ by_angles)[:, 0]
            if training is not None and not training.needs_input_gradient:
                return gradient
            by_numbers = (by_angles @ (TWO_PI * self.frequencies[:, :, None]))[:, :, 0]
            by_inputs = gradient[:, of_sums:].copy()
            by_inputs[:, : self.columns] += by_numbers.T
            return by_inputs

        return beside(sums, inputs), backward

    def predict(self, inputs: Array) -> Array:
        waves = np.cos(angles_of(inputs[:, : self.columns].T, self.frequencies, self.phases))
        return beside(sums_of_waves(waves, self.weights, self.bias), inputs)
