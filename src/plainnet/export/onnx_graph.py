"""The graph of an ONNX file as plain data; the library onnx only turns the finished graph into a file.

A graph is written as formulas: arithmetic on a `GraphValue` adds the operator and gives the value of its outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import plainnet
from plainnet._base.arrays import Array
from plainnet._base.extras import missing_extra

if TYPE_CHECKING:
    import onnx

OPSET = 13
"""The operators of ONNX 1.8 (2020), which ONNX Runtime reads from 1.6 on: the first with today's Softmax.

Nothing here needs a later version.
"""
ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 2
"""The operators on strings, in the version of the same release."""
IR_VERSION = 7
"""The file format of the same release: a newer one is refused by runtimes that know all the operators."""


@dataclass(frozen=True)
class Port:
    """An input or output of the graph; its first axis is the batch."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[str | int, ...]
    meaning: str


@dataclass(frozen=True)
class OnnxNode:
    """An operator between values that go by their names."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


@dataclass
class OnnxGraph:
    """Operators in order and the constants they take; `scope` says which part of the network is being written."""

    dtype: np.dtype[Any]
    scope: str = ""
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    nodes: list[OnnxNode] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def input(self, name: str, dtype: Any, width: int, meaning: str) -> GraphValue:
        """Return an input of shape (batch, width); inputs come first, so that each has the very name it was given."""
        self.inputs.append(Port(self.unique(name), np.dtype(dtype), ("batch", width), meaning))
        return GraphValue(self, name)

    def output(self, name: str, value: GraphValue, dtype: Any, widths: tuple[int, ...], meaning: str) -> None:
        """Return an output of shape (batch, *widths); where an input has its name, a number follows, as in skl2onnx."""
        port = Port(self.unique(name), np.dtype(dtype), ("batch", *widths), meaning)
        self.outputs.append(port)
        self.nodes.append(OnnxNode("Identity", (value.name,), port.name, {}))

    def constant(self, name: str, array: Any) -> GraphValue:
        """Return a constant under `name` within the present scope."""
        unique = self.unique(f"{self.scope}.{name}")
        self.constants[unique] = np.asarray(array)
        return GraphValue(self, unique)

    def apply(self, operator: str, *operands: GraphValue | float, **attributes: Any) -> GraphValue:
        """Return the value of an operator, added to the graph.

        A number among the operands takes the network's dtype.
        """
        values = [
            v if isinstance(v, GraphValue) else self.constant("number", np.array(v, self.dtype)) for v in operands
        ]
        output = self.unique(f"{self.scope}/{operator}")
        self.nodes.append(OnnxNode(operator, tuple(value.name for value in values), output, attributes))
        return GraphValue(self, output)

    def unique(self, name: str) -> str:
        """`name`, with a number behind it where it is taken."""
        free, number = name, 0
        while free in self.names:
            number += 1
            free = f"{name}{number}"
        self.names.add(free)
        return free


@dataclass(frozen=True)
class GraphValue:
    """An array of the graph by its name; arithmetic on it adds to the graph."""

    graph: OnnxGraph
    name: str

    def apply(self, operator: str, *operands: GraphValue | float, **attributes: Any) -> GraphValue:
        """Return the value of an operator whose first operand is this one."""
        return self.graph.apply(operator, self, *operands, **attributes)

    def cast(self, dtype: Any) -> GraphValue:
        """Return the same numbers in another dtype."""
        return self.apply("Cast", to=np.dtype(dtype))

    def __add__(self, other: GraphValue | float) -> GraphValue:
        return self.apply("Add", other)

    def __sub__(self, other: GraphValue | float) -> GraphValue:
        return self.apply("Sub", other)

    def __mul__(self, other: GraphValue | float) -> GraphValue:
        return self.apply("Mul", other)

    def __truediv__(self, other: GraphValue | float) -> GraphValue:
        return self.apply("Div", other)

    def __neg__(self) -> GraphValue:
        return self.apply("Neg")

    def __radd__(self, other: float) -> GraphValue:
        return self.graph.apply("Add", other, self)

    def __rsub__(self, other: float) -> GraphValue:
        return self.graph.apply("Sub", other, self)

    def __rmul__(self, other: float) -> GraphValue:
        return self.graph.apply("Mul", other, self)


def model(graph: OnnxGraph) -> onnx.ModelProto:
    """Return the graph as the library onnx holds it, marked with plainnet's version."""
    try:
        from onnx import helper, numpy_helper
    except ImportError:
        raise missing_extra("writing ONNX", "exchange", "onnx") from None
    tensor_type = helper.np_dtype_to_tensor_dtype

    def value_info(port: Port) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(port.name, tensor_type(port.dtype), port.shape, port.meaning)

    def operator(node: OnnxNode) -> onnx.NodeProto:
        attributes: dict[str, Any] = {
            name: tensor_type(value) if isinstance(value, np.dtype) else value
            for name, value in node.attributes.items()
        }
        return helper.make_node(node.operator, node.inputs, [node.output], name=node.output, **attributes)

    proto = helper.make_graph(
        [operator(node) for node in graph.nodes],
        "plainnet",
        [value_info(port) for port in graph.inputs],
        [value_info(port) for port in graph.outputs],
        [numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    domains = {"": OPSET}
    if any("domain" in node.attributes for node in graph.nodes):
        domains[ML_DOMAIN] = ML_OPSET
    made = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in domains.items()],
        ir_version=IR_VERSION,
        producer_name="plainnet",
        producer_version=plainnet.__version__,
    )
    helper.set_model_props(made, {"plainnet": plainnet.__version__})  # what ONNX Runtime shows of a file
    return made
