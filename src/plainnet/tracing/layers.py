"""A layer's part in a prediction as a graph."""

import copy
from typing import Any

import numpy as np

from plainnet._base.arrays import Shape
from plainnet.layers import Layer
from plainnet.tracing.graph import Graph, ShapeDtype
from plainnet.tracing.tracer import trace


def prediction(layer: Layer, inputs: Shape, dtype: np.dtype[Any]) -> Graph:
    """Return the graph of what a layer of a built network makes of `inputs`, a shape with the examples' axis.

    Its first input is the layer's inputs; the others are the layer's arrays under their names.
    """
    twin = copy.deepcopy(layer)  # without the arrays
    shapes = layer.parameter_shapes(inputs[1:]) | layer.statistic_shapes(inputs[1:])

    def predicted(x: Any, arrays: dict[str, Any]) -> Any:
        twin.bind(arrays)
        return twin.forward(x)[0]

    arrays = {name: ShapeDtype(shape, dtype) for name, shape in shapes.items()}
    return trace(predicted, ShapeDtype(inputs, dtype), arrays, names=["inputs", "arrays"])
