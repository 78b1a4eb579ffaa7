"""Dropout: set inputs to zero at random in training."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from typing import ClassVar

import numpy as np

from plainnet import schedules
from plainnet._base.arrays import Array
from plainnet.layers.base import Backward, Layer, TrainingPass
from plainnet.schedules import Rate


class Dropout(Layer):
    """Set each input to zero with probability `rate` in training, and divide the others by 1 - rate.

    outputs = inputs · mask / (1 - rate), so the expected value stays as it is and a prediction changes nothing
    (Srivastava et al. 2014; the inverted form). The gradient passes through the same mask. `rate` is a number from 0 to
    below 1, or a schedule of such numbers: `Dropout(plainnet.schedules.FlatCosine(0.15))`.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(64, "relu"), pn.Dropout(0.2), pn.Dense(1), input_size=3)
    """

    torch = "Dropout({rate})"
    limits: ClassVar = {"rate": {"least": 0, "below": 1}}
    """The limits of the settings that may be schedules."""

    def __init__(self, rate: Rate = 0.5) -> None:
        self.rate = schedules.number_or_schedule("rate", rate, self.limits["rate"])

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        if training is None or self.rate == 0:
            return inputs, lambda gradient, gradients: gradient
        rate = training.value_of(self.rate)
        drawn = training.random.random(inputs.shape, dtype=np.float32)
        mask = np.greater_equal(drawn, rate).astype(inputs.dtype) / (1 - rate)
        training.keep(mask=mask)
        return inputs * mask, lambda gradient, gradients: gradient * mask

    def predict(self, inputs: Array) -> Array:
        return inputs

    def initialize_from(self, inputs: Array, random: np.random.Generator) -> Array:
        return inputs
