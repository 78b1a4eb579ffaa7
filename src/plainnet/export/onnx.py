"""ONNX: a network, with its table's preprocessing where it has one, as a graph for runtimes in any language.

The layers are traced: the operators are those of their own `forward`, a user's own layers included.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from os import PathLike, fspath
from typing import Any

import numpy as np

from plainnet import activations
from plainnet._base.arrays import Shape
from plainnet.errors import InvalidValue
from plainnet.export.onnx_graph import ML_DOMAIN, GraphValue, OnnxGraph, model
from plainnet.export.onnx_operators import lower
from plainnet.export.tables import check_fit
from plainnet.files.writing import replacing
from plainnet.network import Network
from plainnet.tabular import Table
from plainnet.tabular.columns import Categories, Column
from plainnet.tabular.targets import ClassTarget, NumberTarget
from plainnet.tabular.thresholds import HALF
from plainnet.tracing import Graph, ShapeDtype, Untraceable, fold, trace
from plainnet.tracing.layers import prediction

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

    Raises InvalidValue for a layer that cannot be traced or has an operation that ONNX does not have, and for a network
    that is not built, is too large, or does not fit its table; FileError where the file cannot be written;
    MissingExtraError without the library onnx.
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


KNOWN = {"sigmoid": activations.sigmoid, "silu": activations.silu, "softmax": activations.softmax}
"""The functions that `onnx_operators` writes by name wherever a layer's graph contains their formula."""

EXAMPLES = 1009, 1013
"""Numbers of rows to trace layers with: a formula that holds for both holds for all."""


def _network(net: Network, inputs: GraphValue) -> GraphValue:
    """Add the layers in order, from (batch, features) to (batch, outputs)."""
    values = inputs
    shape: Shape = (net.input_size or 0,)
    for i, layer in enumerate(net.layers):
        inputs.graph.scope = f"layers[{i}]"
        where = f"layers[{i}], {type(layer).__name__},"
        try:
            traced, again = (prediction(layer, (rows, *shape), net.dtype) for rows in EXAMPLES)
        except Untraceable as error:
            raise InvalidValue(
                f"{where} cannot be written as ONNX: {error}; write it with NumPy's operations alone, or export the "
                "network as a Python script (.py) or as safetensors"
            ) from None
        if _constants(traced) != _constants(again):
            raise InvalidValue(f"{where} computes with the number of rows, and an ONNX file takes batches of any size")
        arrays = {node: (node.name or "", getattr(layer, node.name or "")) for node in traced.inputs[1:]}
        values = lower(fold(traced, KNOWN), values, arrays, where)
        shape = layer.output_shape(shape)
    return values


def _constants(graph: Graph) -> list[Any]:
    """Return the numbers in a graph."""
    return [node.attributes["value"] for node in graph.nodes if node.op == "constant" and not node.shape]


def _graph_of_arrays(net: Network) -> OnnxGraph:
    graph = OnnxGraph(net.dtype)
    inputs = graph.input("X", net.dtype, net.input_size or 0, "one row per example")
    outputs = _network(net, inputs)
    graph.output("Y", outputs, net.dtype, (net.output_size or 0,), "the outputs for each row of X")
    if net.classes is not None:
        graph.scope = "target"
        _classes(outputs, net.classes, "", net)
    return graph


# ---- the table around the network ----


def _graph_of_table(net: Network, table: Table) -> OnnxGraph:
    check_fit(net, table)
    graph = OnnxGraph(net.dtype)
    inputs = [_input(graph, column) for column in table.columns]
    blocks = {}
    for column, value, places in zip(table.columns, inputs, table.features_of_columns, strict=True):
        graph.scope = f"columns[{column.name}]"
        starts = iter(places)
        for made, block in zip(column.features, _features(column, value), strict=True):
            place, *_ = islice(starts, len(made.names))
            blocks[place] = block.cast(net.dtype)
    graph.scope = "features"
    outputs = _network(net, graph.apply("Concat", *(blocks[place] for place in sorted(blocks)), axis=1))
    graph.scope = "target"
    if isinstance(table.target, NumberTarget):
        _quantity(outputs, table.target)
    else:
        _classes(outputs, _labels(table), f"{table.target.name}: ", net, table.threshold)
    return graph


def _input(graph: OnnxGraph, column: Column) -> GraphValue:
    """Return a column's input. Numbers are double, because a date in seconds or an amount in cents outgrows float32."""
    if not column.name:
        raise InvalidValue("a column of the table has an empty name, which ONNX does not take; name it and train anew")
    if not isinstance(column, Categories):
        truth = "1 for true, 0 for false" if column.kind == "boolean" else "a number"
        return graph.input(column.name, np.float64, 1, f"{truth}, NaN where missing")
    if column.missing and "" in column.values:
        raise InvalidValue(
            f"column {column.name!r} has the empty text as a category, which in ONNX says that a value is missing; "
            "give that category a name and train anew"
        )
    return graph.input(column.name, object, 1, 'text, "" where missing')


def _features(column: Column, value: GraphValue) -> list[GraphValue]:
    """Return each of the column's `features`, traced from their formulas in float64."""
    if isinstance(column, Categories):
        value = _place(column, value)
    made = []
    for features in column.features:
        traced = trace(features.of, ShapeDtype((EXAMPLES[0], 1), np.float64))
        made.append(lower(traced, value, {}, f"column {column.name!r}"))
    return made


def _place(column: Categories, value: GraphValue) -> GraphValue:
    """Return the place of each text among the categories, as `plainnet.tabular.encoding.codes` has it."""
    texts = [*column.values, *([] if "" in column.values else [""])]
    numbers = list(range(len(texts)))
    place = value.apply("LabelEncoder", keys_strings=texts, values_int64s=numbers, default_int64=-1, domain=ML_DOMAIN)
    return place.cast(np.float64)


def _labels(table: Table) -> Sequence[Any]:
    """Return the classes as predictions state them: text as the training file wrote it."""
    return table.target.labels if isinstance(table.target, ClassTarget) else ()


def _classes(outputs: GraphValue, classes: Sequence[Any], named: str, net: Network, threshold: float = HALF) -> None:
    """Add the label, as text or a number, and the probability of each class; `named` begins what is said of them.

    Of two classes the label is the second where its probability is above the threshold.
    """
    graph = outputs.graph
    if len(classes) == 1:
        outputs = outputs * 0.0 + 1.0
    elif net.output_size == 1:  # the probability of the second of two classes
        outputs = graph.apply("Concat", 1.0 - outputs, outputs, axis=1)
    labels = np.array(classes, object if isinstance(classes[0], str) else None)
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int64)
    chosen, which = outputs.apply("ArgMax", axis=1, keepdims=0), "the most probable class"
    if threshold != HALF:
        second = outputs.apply("Gather", graph.constant("second", np.array([1])), axis=1)
        above = second.cast(np.float64).apply("Greater", graph.constant("threshold", np.float64(threshold)))
        chosen = above.cast(np.int64).apply("Reshape", graph.constant("flat", np.array([-1])))
        which = f"{classes[1]} where its probability is above {threshold!r}, else {classes[0]}"
    label = graph.constant("classes", labels).apply("Gather", chosen)
    graph.output("label", label, labels.dtype, (), f"{named}{which}")
    meaning = f"{named}the probability of {', '.join(map(str, classes))}"
    graph.output("probabilities", outputs, net.dtype, (len(classes),), meaning)


def _quantity(outputs: GraphValue, target: NumberTarget) -> None:
    """Add the output in the target's own units, in float64 as `Table.decode` does."""
    graph = outputs.graph
    deviation = graph.constant("deviation", np.float64(target.deviation))
    quantity = outputs.cast(np.float64) * deviation + graph.constant("mean", np.float64(target.mean))
    if target.limits:
        low, high = (graph.constant("limit", np.float64(limit)) for limit in target.limits)
        quantity = quantity.apply("Max", low).apply("Min", high)
    graph.output("variable", quantity, np.float64, (1,), target.name)
