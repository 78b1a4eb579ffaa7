"""How good a network is on rows of a table whose target is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plainnet import scores
from plainnet.arrays import Array
from plainnet.network import Network
from plainnet.scores import Score, Scores
from plainnet.tabular.table import Table
from plainnet.tabular.targets import NumberTarget

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Measured:
    """What a network gives for some rows, held against what they are."""

    scores: Scores
    true: Array
    """The number of each row's class, or its value in the target's own units, (rows, 1)."""
    predicted: Array
    """The same of the predictions."""
    weights: Array | None


def measure(table: Table, net: Network, frame: pl.DataFrame, loss: str, weights: Array | None = None) -> Measured:
    """The loss and the usual measures of the task; R², RMSE and MAE in the target's own units.

    The rows are taken a block at a time, so that the features of a large table need not fit into memory.
    """
    targets = table.targets(frame)
    outputs, total, start = [], 0.0, 0
    for X in table.feature_blocks(frame, net.dtype):
        part = slice(start, start + len(X))
        own = None if weights is None else weights[part]
        outputs.append(net.predict(X))
        count = len(X) if own is None else float(own.sum())
        if count:
            total += count * net.evaluate(X, targets[part], loss=loss, sample_weight=own)["loss"]
        start += len(X)
    given = np.concatenate(outputs)
    mean = total / (len(targets) if weights is None else float(weights.sum()))
    if table.task == "classification":
        balanced = net.history is not None and bool(net.history.settings.get("weighted"))
        found = scores.of_classes(targets, given, table.class_names, weights, balanced=balanced)
        true, predicted = targets, scores.decided(given)
    else:
        true, predicted = table.decode(targets)[:, None], table.decode(given)[:, None]
        found = scores.of_quantities(true, predicted, weights)
    remarks = found.remarks
    if isinstance(table.target, NumberTarget) and table.target.deviation != 1:
        remarks = (f"The loss ({loss}) is that of the standardized target.", *remarks)
    return Measured(Scores((Score("loss", mean), *found.measures), found.baseline, remarks), true, predicted, weights)
