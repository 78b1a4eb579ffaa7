"""Measure how good a network is on rows of a table whose target is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plainnet._base.arrays import Array
from plainnet.adapters import loss_of
from plainnet.history import History
from plainnet.losses import Loss, as_measure
from plainnet.network import Network
from plainnet.network.prediction import engine_for
from plainnet.tabular import scores
from plainnet.tabular.overlap import known_share, row_hashes
from plainnet.tabular.parts import TablePart
from plainnet.tabular.scores import Score, Scores
from plainnet.tabular.table import Table
from plainnet.tabular.targets import NumberTarget
from plainnet.tabular.thresholds import decided


@dataclass(frozen=True)
class Measured:
    """Measured holds what a network gives for some rows against what they are."""

    scores: Scores
    true: Array
    """The number of each row's class, or its value in the target's own units, (rows, 1)."""
    predicted: Array
    """The number of each row's predicted class, or the predicted value, in the same shape."""
    weights: Array | None
    seen: float
    """The share of the rows that are equal to rows of the training, as far as the table knows them."""


def measure(
    table: Table,
    net: Network,
    part: TablePart,
    *,
    outputs: Array | None = None,
    linear: Array | None = None,
    warn_of_news: bool = True,
) -> Measured:
    """Return the loss and the usual measures of the task; R², RMSE and MAE are in the target's own units.

    The loss is that of the training, without label smoothing. `outputs` are the outputs for the rows, where they are
    not the network's own, and `linear` those of a linear model, to be shown beside (see `linear_baseline`). Without
    `warn_of_news` no warning says what training did not have.
    """
    history = net.history
    assert history is not None
    targets, weights = table.targets(part.frame), part.weights
    given = outputs_for(table, net, part, warn_of_news=warn_of_news) if outputs is None else outputs
    loss = loss_of_record(history)
    mean = loss.value(loss.prepare(targets, given.shape[1], given.dtype), given, weights)
    if table.task == "classification":
        balanced, threshold = bool(history.settings.get("weighted")), table.threshold
        found = scores.of_classes(
            targets, given, table.class_names, weights, balanced=balanced, threshold=threshold, linear=linear
        )
        true, predicted = targets, decided(given, threshold)
    else:
        true, predicted = table.target.stated(targets)[:, None], table.decode(given)[:, None]
        beside = None if linear is None else table.decode(linear)[:, None]
        found = scores.of_quantities(true, predicted, weights, linear=beside)
    remarks = found.remarks
    if isinstance(table.target, NumberTarget) and table.target.deviation != 1:
        remarks = (f"The loss ({loss.name}) is that of the standardized target.", *remarks)
    return Measured(
        scores=Scores(_with_loss(mean, found.measures), found.baseline, remarks),
        true=true,
        predicted=predicted,
        weights=weights,
        seen=share_seen(table, part),
    )


def _with_loss(loss: float, measures: Sequence[Score]) -> tuple[Score, ...]:
    """Put the loss first; where it is the log loss, as after a training without label smoothing, that has one line."""
    for score in measures:
        if score.name == "log_loss" and np.isclose(score.value, loss, rtol=1e-2, atol=1e-6):
            return replace(score, name="loss", value=loss), *(other for other in measures if other is not score)
    return Score("loss", loss), *measures


def outputs_for(table: Table, net: Network, part: TablePart, *, warn_of_news: bool = True) -> Array:
    """Return a network's outputs for rows, taken a block at a time: the features of many need not fit into memory."""
    blocks = table.feature_blocks(part.frame, net.dtype, place=part.place, warn_of_news=warn_of_news)
    engine = engine_for(net, len(part))
    return np.concatenate([net.predict(X, engine=engine) for X in blocks])


def loss_of_record(history: History) -> Loss:
    """Return the loss of a training as a measure."""
    return as_measure(loss_of(history.settings["loss"]))


def share_seen(table: Table, part: TablePart) -> float:
    """Return the share of the rows that are equal to rows of the training, as far as the table knows them."""
    return known_share(table.fingerprint, row_hashes(table, part.frame)) if table.fingerprint else 0.0


def about_seen(share: float) -> str:
    """Return a sentence that warns of a share of rows equal to rows of the training; empty if there are none."""
    if not share:
        return ""
    count = "All" if share == 1 else "Some" if share < 0.005 else f"About {share:.0%}"
    return f"{count} of these rows are equal to rows that the model was trained on, so the figures flatter it."
