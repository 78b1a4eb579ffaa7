"""A layer's part in a prediction as a graph."""

import copy
from typing import Any

import numpy as np

from plainnet._base.arrays import Shape
from plainnet.layers import Layer
from plainnet.tracing.graph import Graph, Node, ShapeDtype
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


def meeting(graph: Graph, other: Graph) -> str | None:
    """Return the operation in which the rows of a batch meet, None where each row is predicted by itself.

    The two graphs are traced with different numbers of rows. An axis of rows is one whose length differs; it may not
    disappear, be cut, or have its length in the formula.
    """
    if [node.op for node in graph.nodes] != [node.op for node in other.nodes]:
        return "a branch on the number of rows"
    for one, two in zip(graph.nodes, other.nodes, strict=True):
        if one.op == "constant" and not np.array_equal(
            one.attributes["value"], two.attributes["value"], equal_nan=True
        ):
            return "the number of rows"
        of_inputs = [_rows(a, b) for a, b in zip(one.inputs, two.inputs, strict=True)]
        if any(of_inputs) and not _rows(one, two):
            return f"np.{one.op}"
        if one.op in ("getitem", "setitem", "add_at") and 0 in of_inputs[0]:
            entries = [entry for entry in one.attributes["index"] if entry is not None]
            if entries[:1] not in ([], [slice(None)]):
                return "an index of rows"
    return None


def _rows(one: Node, two: Node) -> list[int]:
    """Return the axes of rows."""
    return [axis for axis, lengths in enumerate(zip(one.shape, two.shape, strict=True)) if len(set(lengths)) > 1]
