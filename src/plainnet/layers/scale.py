"""Scale: a factor for each feature."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Mapping

import numpy as np

from plainnet._base.arrays import Array, Shape
from plainnet.layers.base import Backward, Layer, TrainingPass, one_axis


class Scale(Layer):
    """outputs = scale · inputs, with a factor for each feature that begins at 1.

    As the first layer it learns which features count: with a larger learning rate than the weights' it is a soft
    selection of features (Holzmüller, Grinsztajn & Steinwart 2024). Shape: scale (features,). With
    g = ∂loss/∂outputs:

        ∂loss/∂scale = Σ_examples g · inputs        ∂loss/∂inputs = scale · g

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Scale(), input_size=2)
    >>> net.layers[0].scale = [2, 0.5]
    >>> net.predict([[3, 4]]).tolist()
    [[6.0, 2.0]]
    """

    may_skip_input_gradient = True

    def __init__(self) -> None:
        self.scale: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {"scale": one_axis(self, input_shape)}

    def initialize(self, random: np.random.Generator) -> None:
        self.scale[...] = 1

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            gradients["scale"][...] = (gradient * inputs).sum(axis=0)
            if training is not None and not training.needs_input_gradient:
                return gradient
            return self.scale * gradient

        return self.scale * inputs, backward

    def predict(self, inputs: Array) -> Array:
        return self.scale * inputs
