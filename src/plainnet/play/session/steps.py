"""The command `explain` tells one step of a run on one example or on the first ones, scene by scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidType
from plainnet.explain.standing import before_next_step
from plainnet.explain.walk import walk
from plainnet.network import Network
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.run import LiveRun
from plainnet.play.session.scenes import Scenes

if TYPE_CHECKING:
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session

MOST_ROWS = 32
"""The most examples of a batch that is explained."""

LEAST_CHECKED, MOST_CHECKED = 8, 2_000
"""The numbers of entries of an array that are checked; MOST_CHECKED over the square of the number of layers.

Each layer has a few arrays, each entry of them costs two passes through all layers, and the page waits.
"""

MOST_CELLS = 12
"""The most cells of an example that are told."""

COMPANY = 8
"""The examples of the batch in which one is explained where a layer takes a mean over the batch: of two alone the
normalized values are 1 and -1 whatever the weights are, and the gradients nothing but rounding."""

MOST_CHOSEN = 16
"""The most units of large layers that have scenes of their own."""


def explain(session: Session, given: CommandArguments) -> Reply:
    """Return the next step of a run as it were on one example alone, or on a batch of the first training examples."""
    run = session.runs[given.place("run", session.runs)]
    row = given.whole("row", 0, len(run.examples.labels) - 1, None)
    chosen = chosen_units(run.network, given.list("units", MOST_CHOSEN, []))
    given.finish()
    rows, X, y, weight = batch_of(run) if row is None else example_of(run, row)
    job = run.job
    standing, entries = before_next_step(job), max(LEAST_CHECKED, MOST_CHECKED // len(run.network.layers) ** 2)
    names = None if row is None else [f"example {row}", *(f"companion {i}" for i in range(1, len(X)))]
    explanation = walk(
        run.network, X, y, job.loss, job.optimizer, weight, run.steps, names, standing=standing, most_entries=entries
    )
    scenes = Scenes(explanation, run.network, chosen)
    header = {
        **told(run, row),
        "row": row,
        "rows": rows,
        "epoch": run.epochs,
        "step": run.steps + 1,
        "loss": float(explanation.value),
        "penalty": float(explanation.penalty),
        "learning_rate": float(explanation.learning_rate),
        "relative_error": explanation.relative_error,
        "loss_name": explanation.loss_name,
        "optimizer": explanation.optimizer,
        "notes": {section.title.lower(): section.note for section in explanation.sections},
        "large": scenes.large_layers(),
        "scenes": scenes.all(),
    }
    return header, {}


def told(run: LiveRun, row: int | None) -> dict[str, Any]:
    """Return an example in words: its first cells, and the target."""
    if row is None:
        return {}
    found = run.examples.row(row)
    names = [column.name for column in run.examples.columns]
    cells = list(zip(names, found.cells, strict=True))
    more = [("…", "…")] if len(cells) > MOST_CELLS else []
    return {"cells": [*cells[:MOST_CELLS], *more], "label": found.label, "target": run.examples.target}


def chosen_units(net: Network, given: list[Any]) -> list[tuple[int, int]]:
    """Return the units that a list of [layer, unit] names; those that are not there are left out, as after a change."""
    sizes = {-1: net.input_size or 0} | {i: int(size) for i, (_, size, _) in enumerate(net.layer_sizes())}
    for pair in given:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(place) is int for place in pair)):
            raise InvalidType(f"units has the entry {str(pair)[:40]}; each takes the form [layer, unit]")
    return [(layer, unit) for layer, unit in given if layer in sizes and 0 <= unit < sizes[layer]]


def batch_of(run: LiveRun) -> tuple[int, Array, Array, Array | None]:
    """Return the first training examples, as many as a batch has, and at most MOST_ROWS."""
    job = run.job
    count = min(job.batch_size or len(job.inputs), MOST_ROWS, len(job.inputs))
    part = slice(0, count)
    weight = None if job.sample_weight is None else job.sample_weight[part]
    if weight is not None and not weight.any():
        weight = None
    return count, job.inputs[part], job.targets[part], weight


def example_of(run: LiveRun, row: int) -> tuple[int, Array, Array, None]:
    """Return one example as a batch; where a layer takes a mean over the batch, it is followed by training examples."""
    found, job = run.examples.row(row), run.job
    X, y = found.inputs[None], found.target
    least = max(layer.smallest_batch for layer in run.network.layers)
    if least > 1:
        others = min(max(least, COMPANY) - 1, len(job.inputs))
        X = np.concatenate([X, job.inputs[:others]])
        y = np.concatenate([y.reshape(1, *job.targets.shape[1:]), job.targets[:others]])
    return len(X), X, y, None
