"""Dropout: set inputs to zero at random in training."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.layers.base import Backward, Layer, TrainingPass


class Dropout(Layer):
    """Set each input to zero with probability `rate` in training, and divide the others by 1 - rate.

    outputs = inputs · mask / (1 - rate), so the expected value stays as it is and a prediction changes nothing
    (Srivastava et al. 2014; the inverted form). The gradient passes through the same mask. `rate` is from 0 to below 1.
    """

    torch = "Dropout({rate})"

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = checks.number("rate", rate, least=0, below=1)

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        if training is None or self.rate == 0:
            return inputs, lambda gradient, gradients: gradient
        mask = (training.random.random(inputs.shape, dtype=np.float32) >= self.rate) / inputs.dtype.type(1 - self.rate)
        training.keep(mask=mask)
        return inputs * mask, lambda gradient, gradients: gradient * mask

    def predict(self, inputs: Array) -> Array:
        return inputs

    def initialize_from(self, inputs: Array, random: np.random.Generator) -> Array:
        return inputs
