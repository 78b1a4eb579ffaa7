"""ONNX: a network, with its table's preprocessing where it has one, as a graph for runtimes in any language.

Each formula stands as in the layer or activation itself: arithmetic on a `Value` adds operators to the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np

from plainnet import activations, layers
from plainnet.activations import ActivationFunction
from plainnet.errors import InvalidValue
from plainnet.export.onnx_graph import ML_DOMAIN, Graph, Value, model
from plainnet.files.writing import replacing
from plainnet.layers import Layer
from plainnet.network import Network
from plainnet.tabular import Table
from plainnet.tabular.columns import BooleanColumn, CategoryColumn, Column, NumberColumn
from plainnet.tabular.targets import ClassTarget, NumberTarget

LARGEST = 2**31 - 2**26
"""Bytes of parameters: a protobuf message ends below 2 GiB, and the names and categories need room too."""


def write(net: Network, path: str | PathLike[str]) -> None:
    """Write `net` to `path` as ONNX: the inputs and outputs of `net.predict`, or of its table where it has one.

    Without a table: "X" (batch, features) to "Y" (batch, outputs), both of the network's dtype; of a classifier of
    plainnet.sklearn also to `label` and `probabilities`. With one: each column is an input of shape (batch, 1) under
    its own name, and the outputs have skl2onnx's names.

        number      double, NaN where missing          classification    label        (batch,)
        boolean     double, 1, 0 or NaN                                  probabilities  (batch, classes)
        category    string, "" where missing           regression        variable            (batch, 1)

    Raises InvalidValue for a layer or activation of the user's own, a network that is not built, is too large, or
    does not fit its table; FileError where the file cannot be written; MissingExtraError without the library onnx.
    """
    size = net.parameters.nbytes + net.statistics.nbytes
    if size > LARGEST:
        remedy = "export it as safetensors" + (", or as net.copy('float32')" if net.dtype == "float64" else "")
        raise InvalidValue(
            f"the network has {size:,} bytes of parameters and {fspath(path)}, as any ONNX file, holds less than "
            f"2 GiB; {remedy}"
        )
    graph = _graph_of_arrays(net) if net.table is None else _graph_of_table(net, Table.from_dict(net.table))
    content = model(graph).SerializeToString()
    with replacing(path) as file:
        file.write(content)


# ---- activations and layers ----


def _exp(z: Value) -> Value:
    return z.apply("Exp")


def _positive_or(z: Value, otherwise: Value) -> Value:
    """z where z > 0, else `otherwise`."""
    return z.apply("Greater", 0.0).apply("Where", z, otherwise)


def _elu(z: Value, alpha: float) -> Value:
    return _positive_or(z, alpha * (_exp(z.apply("Min", 0.0)) - 1.0))


def _gelu(z: Value, f: Any) -> Value:
    return 0.5 * z * (1.0 + (activations.GELU_ROOT * (z + activations.GELU_CUBIC * z * z * z)).apply("Tanh"))


_AS_ONNX: dict[type[ActivationFunction], Callable[[Value, Any], Value]] = {
    # ONNX Runtime has LeakyRelu, Elu, Selu and Softplus for float32 alone; written out they serve float64 as well.
    activations.Identity: lambda z, f: z,
    activations.Sigmoid: lambda z, f: z.apply("Sigmoid"),
    activations.Tanh: lambda z, f: z.apply("Tanh"),
    activations.Relu: lambda z, f: z.apply("Relu"),
    activations.LeakyRelu: lambda z, f: _positive_or(z, f.slope * z),
    activations.Elu: lambda z, f: _elu(z, f.alpha),
    activations.Selu: lambda z, f: activations.SELU_SCALE * _elu(z, activations.SELU_ALPHA),
    activations.Gelu: _gelu,
    activations.Silu: lambda z, f: z / (1.0 + _exp(-z)),  # z times Sigmoid would be off for z far below 0
    activations.Softplus: lambda z, f: z.apply("Max", 0.0) + (1.0 + _exp(-z.apply("Abs"))).apply("Log"),
    activations.Exponential: lambda z, f: _exp(z),
    activations.Softmax: lambda z, f: z.apply("Softmax", axis=1),
}


def _dense(inputs: Value, layer: Any) -> Value:
    operands = [inputs.graph.constant("weights", layer.weights)]
    if layer.bias is not None:
        operands.append(inputs.graph.constant("bias", layer.bias))
    return _activated(inputs.apply("Gemm", *operands), layer)


def _activated(z: Value, layer: Any) -> Value:
    return _AS_ONNX[type(layer.activation)](z, layer.activation)


def _batch_norm(inputs: Value, layer: Any) -> Value:
    """scale / √(running_variance + epsilon) · (inputs - running_mean) + shift.

    The operator BatchNormalization may multiply before it subtracts (ONNX Runtime does), which loses the digits of a
    feature whose mean is large beside its deviation.
    """
    constant = inputs.graph.constant
    centred = inputs - constant("running_mean", layer.running_mean)
    factor = layer.scale / np.sqrt(layer.running_variance + layer.epsilon)
    return centred * constant("factor", factor) + constant("shift", layer.shift)


def _layer_norm(inputs: Value, layer: Any) -> Value:
    """The operator LayerNormalization needs opset 17 and may compute its variance in float32."""
    constant = inputs.graph.constant
    centred = inputs - inputs.apply("ReduceMean", axes=[1])
    variance = (centred * centred).apply("ReduceMean", axes=[1])
    normalized = centred / (variance + layer.epsilon).apply("Sqrt")
    return normalized * constant("scale", layer.scale) + constant("shift", layer.shift)


_LAYERS: dict[type[Layer], Callable[[Value, Any], Value]] = {
    layers.Dense: _dense,
    layers.Activation: _activated,
    layers.Dropout: lambda inputs, layer: inputs,
    layers.BatchNorm: _batch_norm,
    layers.LayerNorm: _layer_norm,
}


def _network(net: Network, inputs: Value) -> Value:
    """The layers in order, from (batch, features) to (batch, outputs)."""
    values = inputs
    for i, layer in enumerate(net.layers):
        inputs.graph.scope = f"layers[{i}]"
        _refuse_own(f"layers[{i}], {type(layer).__name__},", layer, _LAYERS)
        own = getattr(layer, "activation", activations.Identity())
        _refuse_own(f"activation of layers[{i}], {own.name},", own, _AS_ONNX)
        values = _LAYERS[type(layer)](values, layer)
    return values


def _refuse_own(where: str, part: Any, known: dict[Any, Any]) -> None:
    if type(part) not in known:
        raise InvalidValue(
            f"{where} is your own, and its formula is known to Python alone; build the network from plainnet's layers "
            "and activations, or export the arrays as safetensors"
        )


def _graph_of_arrays(net: Network) -> Graph:
    graph = Graph(net.dtype)
    inputs = graph.input("X", net.dtype, net.input_size or 0, "a row an example")
    outputs = _network(net, inputs)
    graph.output("Y", outputs, net.dtype, (net.output_size or 0,), "the outputs for each row of X")
    if net.classes is not None:
        graph.scope = "target"
        _classes(outputs, net.classes, "", net)
    return graph


# ---- the table around the network ----


def _graph_of_table(net: Network, table: Table) -> Graph:
    _check_fit(net, table)
    graph = Graph(net.dtype)
    inputs = [_input(graph, column) for column in table.columns]
    blocks = []
    for column, value in zip(table.columns, inputs, strict=True):
        graph.scope = f"columns[{column.name}]"
        blocks += [block.cast(net.dtype) for block in _features(column, value)]
    graph.scope = "features"
    outputs = _network(net, graph.apply("Concat", *blocks, axis=1))
    graph.scope = "target"
    if isinstance(table.target, NumberTarget):
        _quantity(outputs, table.target)
    else:
        _classes(outputs, _labels(table), f"{table.target.name}: ", net)
    return graph


def _check_fit(net: Network, table: Table) -> None:
    if len(table.feature_names) != net.input_size:
        raise InvalidValue(
            f"the network takes {net.input_size} inputs and its table makes {len(table.feature_names)} features; "
            "set net.table to the table it was trained on, or to None"
        )
    table.decode(np.zeros((1, net.output_size or 0)))  # refuses a number of outputs that does not fit the target


def _input(graph: Graph, column: Column) -> Value:
    """A column's input. Numbers are double, because a date in seconds or an amount in cents outgrows float32."""
    if not column.name:
        raise InvalidValue("a column of the table has an empty name, which ONNX does not take; name it and train anew")
    if not isinstance(column, CategoryColumn):
        truth = "1 for true, 0 for false" if isinstance(column, BooleanColumn) else "a number"
        return graph.input(column.name, np.float64, 1, f"{truth}, NaN where missing")
    if column.missing and "" in column.values:
        raise InvalidValue(
            f"column {column.name!r} has the empty text as a category, which in ONNX says that a value is missing; "
            "give that category a name and train anew"
        )
    return graph.input(column.name, object, 1, 'text, "" where missing')


def _features(column: Column, value: Value) -> list[Value]:
    """What `Column.features` makes of a column, in the same arithmetic: float64."""
    constant = value.graph.constant
    if isinstance(column, CategoryColumn):
        categories = [*column.values, ""] if column.missing else list(column.values)
        one_hot = value.apply("OneHotEncoder", cats_strings=categories, zeros=1, domain=ML_DOMAIN)
        return [one_hot.apply("Reshape", constant("shape", np.array([-1, len(categories)])))]  # was (batch, 1, n)
    missing = value.apply("IsNaN")
    mean = constant("mean", np.float64(column.mean))
    if isinstance(column, NumberColumn):
        value = (value - mean) / constant("deviation", np.float64(column.deviation))
        mean = constant("standardized_mean", np.float64(0))
    known = missing.apply("Where", mean, value)
    return [known, missing] if column.missing else [known]


def _labels(table: Table) -> Sequence[Any]:
    """The classes as predictions state them: text as the training file wrote it."""
    return table.target.labels if isinstance(table.target, ClassTarget) else ()


def _classes(outputs: Value, classes: Sequence[Any], named: str, net: Network) -> None:
    """The label, as text or a number, and the probability of each class; `named` begins what is said of them."""
    graph = outputs.graph
    if len(classes) == 1:
        outputs = outputs * 0.0 + 1.0
    elif net.output_size == 1:  # the probability of the second of two classes
        outputs = graph.apply("Concat", 1.0 - outputs, outputs, axis=1)
    labels = np.array(classes, object if isinstance(classes[0], str) else None)
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int64)
    label = graph.constant("classes", labels).apply("Gather", outputs.apply("ArgMax", axis=1, keepdims=0))
    graph.output("label", label, labels.dtype, (), f"{named}the most probable class")
    meaning = f"{named}the probability of {', '.join(map(str, classes))}"
    graph.output("probabilities", outputs, net.dtype, (len(classes),), meaning)


def _quantity(outputs: Value, target: NumberTarget) -> None:
    """In the target's own units, in float64 as `Table.decode` does."""
    graph = outputs.graph
    deviation = graph.constant("deviation", np.float64(target.deviation))
    quantity = outputs.cast(np.float64) * deviation + graph.constant("mean", np.float64(target.mean))
    graph.output("variable", quantity, np.float64, (1,), target.name)
