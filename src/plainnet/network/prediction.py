"""Outputs and measures of a network on checked examples, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.mapped import MappedRows, Rows, blocks
from plainnet.backpropagation import is_fused
from plainnet.losses import Loss
from plainnet.metrics import Measure

if TYPE_CHECKING:
    from plainnet.network import Network

ROWS_AT_A_TIME = 8192
"""Rows pass through the network in blocks of so many, so that memory does not grow with the data."""


def outputs_of(net: Network, inputs: Rows, *, before_activation: bool = False) -> Array:
    """Return the outputs for each row, or the sums before the last activation."""
    if len(inputs) <= ROWS_AT_A_TIME and isinstance(inputs, np.ndarray):
        return _forward(net, inputs, before_activation)
    outputs = np.empty((len(inputs), net.output_size or 0), net.dtype)
    if isinstance(inputs, MappedRows):
        for block in blocks(inputs):
            outputs[block] = outputs_of(net, inputs[block], before_activation=before_activation)
        return outputs
    for start in range(0, len(inputs), ROWS_AT_A_TIME):
        block = slice(start, start + ROWS_AT_A_TIME)
        outputs[block] = _forward(net, inputs[block], before_activation)
    return outputs


def _forward(net: Network, inputs: Array, before_activation: bool) -> Array:
    outputs = inputs
    for layer in net.layers[:-1]:
        outputs = layer.predict(outputs)
    last = net.layers[-1]
    return last.pre_activation(outputs)[0] if before_activation else last.predict(outputs)


def measure(
    net: Network, inputs: Rows, targets: Rows, sample_weight: Array | None, loss: Loss, metrics: Mapping[str, Measure]
) -> dict[str, float]:
    """Return the loss without penalties and each metric; all outputs are kept in memory only if there are metrics."""
    fused = is_fused(net.layers[-1], loss)
    mean = total = 0.0
    kept: list[tuple[Array, Array]] = []
    for block in blocks(inputs, targets):
        y, outputs = targets[block], outputs_of(net, inputs[block], before_activation=fused)
        w = None if sample_weight is None else sample_weight[block]
        value, _ = loss.value_and_gradient(y, outputs, w, from_logits=fused)
        weight = len(y) if w is None else float(w.sum())
        total += weight
        mean += (float(value) - mean) * (weight / total if total else 0.0)  # a running mean; exact for one block
        if metrics:
            kept.append((y, net.layers[-1].activation.value(outputs) if fused else outputs))
    if not metrics:
        return {"loss": mean}
    y, outputs = kept[0] if len(kept) == 1 else map(np.concatenate, zip(*kept, strict=True))
    return {"loss": mean} | {name: metric(y, outputs, sample_weight) for name, metric in metrics.items()}
