"""A traced graph as operators of ONNX: what each of NumPy's operations is called there."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.export.onnx_graph import GraphValue, OnnxGraph
from plainnet.tracing import Graph, Node, evaluate
from plainnet.tracing.graph import ARRAY

OPERATORS = {
    "absolute": "Abs",
    "add": "Add",
    "arccos": "Acos",
    "arcsin": "Asin",
    "arctan": "Atan",
    "ceil": "Ceil",
    "cos": "Cos",
    "divide": "Div",
    "equal": "Equal",
    "exp": "Exp",
    "fabs": "Abs",
    "floor": "Floor",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "isnan": "IsNaN",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "log": "Log",
    "matmul": "MatMul",
    "maximum": "Max",
    "minimum": "Min",
    "multiply": "Mul",
    "negative": "Neg",
    "power": "Pow",
    "reciprocal": "Reciprocal",
    "rint": "Round",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "subtract": "Sub",
    "tanh": "Tanh",
    "where": "Where",
}
"""The operations that ONNX has by another name."""

COMPOSED: dict[str, Callable[..., GraphValue]] = {
    "clip": lambda x, low, high: x.apply("Max", low).apply("Min", high),
    "cosh": lambda x: (x.apply("Exp") + (-x).apply("Exp")) * 0.5,  # ONNX Runtime has Cosh, Sinh, Tan in float32 alone
    "exp2": lambda x: (x * float(np.log(2))).apply("Exp"),
    "expm1": lambda x: x.apply("Exp") - 1.0,
    "log10": lambda x: x.apply("Log") * float(1 / np.log(10)),
    "log1p": lambda x: (1.0 + x).apply("Log"),
    "log2": lambda x: x.apply("Log") * float(1 / np.log(2)),
    "not_equal": lambda x, y: x.apply("Equal", y).apply("Not"),
    "positive": lambda x: x,
    "sinh": lambda x: (x.apply("Exp") - (-x).apply("Exp")) * 0.5,
    "square": lambda x: x * x,
    # the operator Sigmoid stops at about e^-18, and z of -1000 times that is no longer 0
    "silu": lambda z: z / (1.0 + (-z).apply("Exp")),
    "softmax": lambda z: z.apply("Softmax", axis=1),
    "tan": lambda x: x.apply("Sin") / x.apply("Cos"),
}
"""The operations, and functions known by their formulas, that are several operators of ONNX."""

LOGICAL = {
    "bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor", "invert": "Not",
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not",
}  # fmt: skip
"""The operators of truth values; of a number, what is not 0 is true."""

FLOAT32_ALONE = ("arccos", "arcsin", "arctan")
"""The operations that ONNX Runtime has in float32 alone."""

REDUCTIONS = {"max": "ReduceMax", "min": "ReduceMin", "mean": "ReduceMean", "prod": "ReduceProd", "sum": "ReduceSum"}


def lower(traced: Graph, inputs: GraphValue, arrays: Mapping[Node, tuple[str, Array]], where: str) -> GraphValue:
    """Add what `traced` computes to the graph of `inputs`, the value for the one input node that is not in `arrays`.

    `arrays` gives the name and the value of each other input. What depends on these alone is computed now. Raise
    InvalidValue, which names the layer `where`, for an operation that ONNX does not have.
    """
    return _Lowering(inputs, traced, arrays, where).value(traced.outputs[0])


class _Lowering:
    """The values of a traced graph's nodes in the ONNX graph, added as they are asked for."""

    def __init__(self, inputs: GraphValue, traced: Graph, arrays: Mapping[Node, tuple[str, Array]], where: str) -> None:
        self.graph: OnnxGraph = inputs.graph
        self.where = where
        self.examples = next(node.shape[0] for node in traced.inputs if node not in arrays)
        self.known = {node: array for node, (_, array) in arrays.items()}
        self.names = {node: name for node, (name, _) in arrays.items()}
        self.values = {node: inputs for node in traced.inputs if node not in arrays}
        for node in traced.nodes:
            if all(given in self.known for given in node.inputs) and node not in self.values:
                if node not in self.known:
                    self.known[node] = evaluate(node, *(self.known[given] for given in node.inputs))
            elif node not in self.values:
                self.values[node] = self.applied(node)

    def value(self, node: Node) -> GraphValue:
        """Return the value of a node; an array known by now becomes a constant when something asks for it."""
        if node not in self.values:
            array = np.asarray(self.known[node])
            if self.examples in array.shape:  # one row, repeated
                array = array[tuple(slice(0, 1) if n == self.examples else slice(None) for n in array.shape)]
            self.values[node] = self.graph.constant(self.names.get(node, "constant"), array)
        return self.values[node]

    def applied(self, node: Node) -> GraphValue:
        """Return the value of an operation that depends on the inputs."""
        operands = [self.value(given) for given in node.inputs]
        settings = node.attributes
        if node.op in COMPOSED:
            return COMPOSED[node.op](*operands)
        if node.op in FLOAT32_ALONE and node.dtype == np.float64:
            raise InvalidValue(
                f"{self.where} computes {node.op} in float64, which ONNX Runtime has in float32 alone; export "
                "net.copy('float32'), or the network as a Python script (.py) or as safetensors"
            )
        if node.op in OPERATORS:
            return operands[0].apply(OPERATORS[node.op], *operands[1:])
        if node.op in LOGICAL and node.dtype == np.bool:
            operands = [
                x if given.dtype == np.bool else x.cast(np.bool) for x, given in zip(operands, node.inputs, strict=True)
            ]
            return operands[0].apply(LOGICAL[node.op], *operands[1:])
        if node.op in REDUCTIONS and not settings.get("dtype"):
            return self.reduced(node, operands[0])
        if node.op == "astype":
            return operands[0].cast(settings["dtype"])
        if node.op == "copy":
            return operands[0]
        if node.op == "transpose":
            return operands[0].apply("Transpose", perm=list(settings["axes"]))
        if node.op == "concatenate":
            return operands[0].apply("Concat", *operands[1:], axis=settings["axis"])
        if node.op == "reshape":
            return self.reshaped(operands[0], node)
        if node.op == "getitem" and all(entry is None or isinstance(entry, slice) for entry in settings["index"]):
            return self.cut(operands[0], node)
        if node.op == "getitem" and settings["index"] == (ARRAY, *[slice(None)] * (len(node.inputs[0].shape) - 1)):
            return operands[0].apply("Gather", operands[1], axis=0)
        raise InvalidValue(
            f"{self.where} computes {node.op}, which has no operator in ONNX; write it with other operations of NumPy, "
            "or export the network as a Python script (.py) or as safetensors"
        )

    def reduced(self, node: Node, x: GraphValue) -> GraphValue:
        axes, keepdims = list(node.attributes["axis"]), int(node.attributes["keepdims"])
        if 0 in axes:
            raise InvalidValue(
                f"{self.where} takes the {node.op} over the examples, so a prediction depends on the other rows of its "
                "batch; an ONNX file takes batches of any size, so there is none to write"
            )
        if node.op == "sum":  # the only one whose axes are an input in this version of the operators
            return x.apply("ReduceSum", self.whole_numbers("axes", axes), keepdims=keepdims)
        return x.apply(REDUCTIONS[node.op], axes=axes, keepdims=keepdims)

    def reshaped(self, x: GraphValue, node: Node) -> GraphValue:
        return x.apply("Reshape", self.whole_numbers("shape", self.any_batch(node.attributes["shape"])))

    def any_batch(self, shape: tuple[int, ...]) -> list[int]:
        """Return a shape with -1 for the number of examples."""
        return [-1 if length == self.examples else length for length in shape]

    def cut(self, x: GraphValue, node: Node) -> GraphValue:
        """Return x[a:b, None, ...]: a Slice, then the new axes."""
        slices = [entry for entry in node.attributes["index"] if entry is not None]
        kept = [
            (axis, entry.indices(length))
            for axis, (entry, length) in enumerate(zip(slices, node.inputs[0].shape, strict=False))
            if entry.indices(length) != (0, length, 1)
        ]
        if kept:
            first = np.iinfo(np.int64).min  # to the first element and including it; -1 would be the last
            kept = [(axis, (a, first if b < 0 else b, step)) for axis, (a, b, step) in kept]
            bounds = [[entry[i] for _, entry in kept] for i in range(3)]
            start, stop, step = (
                self.whole_numbers(name, b) for name, b in zip(("start", "stop", "step"), bounds, strict=True)
            )
            x = x.apply("Slice", start, stop, self.whole_numbers("axes", [axis for axis, _ in kept]), step)
        new = [axis for axis, entry in enumerate(node.attributes["index"]) if entry is None]
        return x.apply("Unsqueeze", self.whole_numbers("axes", new)) if new else x

    def whole_numbers(self, name: str, values: list[Any]) -> GraphValue:
        return self.graph.constant(name, np.array(values, np.int64))
