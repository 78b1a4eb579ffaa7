"""One training step walked through, from the inputs to the updated parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import optimizers
from plainnet._base.weighting import in_memory
from plainnet.errors import InvalidValue
from plainnet.explain import formulas
from plainnet.explain.backward import backward
from plainnet.explain.explanation import Explanation, Section
from plainnet.explain.forward import forward, loss_stage
from plainnet.explain.naming import Names
from plainnet.explain.numerical import MOST_ENTRIES, Differences
from plainnet.explain.recording import record
from plainnet.explain.standing import Standing, at_beginning
from plainnet.explain.step import ExplainedStep
from plainnet.explain.update import updates
from plainnet.network.examples import examples_for, loss_for

if TYPE_CHECKING:
    from plainnet.network import Network


def walk(
    net: Network,
    X: Any,
    y: Any,
    loss: Any,
    optimizer: Any,
    sample_weight: Any,
    dropout_seed: int,
    examples: Sequence[str] | None,
    standing: Standing | None = None,
    most_entries: int = MOST_ENTRIES,
) -> Explanation:
    """See `plainnet.explain.explain`; `standing` says where the run stands, without it at its beginning.

    `most_entries` is the number of entries of each array whose gradient is checked by central differences.
    """
    checked_loss = loss_for(net, loss)
    inputs, targets, weight = in_memory(examples_for(net, X, y, checked_loss, sample_weight))
    _refuse_small_batch(net, len(inputs))
    chosen = optimizers.resolve(optimizer)
    standing = standing or at_beginning(net, chosen)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        recorded = record(net, checked_loss, inputs, targets, weight, dropout_seed, standing)
    if not math.isfinite(recorded.value):
        raise InvalidValue(f"the loss of these examples is {recorded.value}, so there is no step to explain")
    twin = net.copy(dtype="float64")
    precise = in_memory(examples_for(twin, X, y, checked_loss, sample_weight))
    differences = Differences(twin, checked_loss, *precise, dropout_seed, standing, most_entries)
    names = Names.of(net, len(inputs), examples)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _written(
            ExplainedStep(net, checked_loss, chosen, targets, weight, recorded, differences, names, standing)
        )


def _refuse_small_batch(net: Network, rows: int) -> None:
    for layer in net.layers:
        if rows < layer.smallest_batch:
            raise InvalidValue(
                f"X has {rows} row and {layer.name} takes the mean and variance of a batch; "
                f"give at least {layer.smallest_batch} rows"
            )


def _written(step: ExplainedStep) -> Explanation:
    return Explanation(
        network=repr(step.net),
        dtype=step.net.dtype.name,
        examples=step.names.examples,
        loss_name=formulas.name_of(step.loss),
        optimizer=repr(step.optimizer),
        value=step.recorded.value,
        penalty=step.recorded.value - step.recorded.data_loss if step.has_penalties else 0.0,
        learning_rate=step.standing.learning_rate,
        forward=Section("Forward", "Each layer takes the outputs of the one before it.", tuple(forward(step))),
        loss=Section("Loss", "How wrong the outputs are, in one number to descend.", (loss_stage(step),)),
        backward=Section(
            "Backward",
            "The chain rule, from the last layer to the first: how the loss changes with each number.",
            tuple(backward(step)),
        ),
        update=Section("Update", "Each parameter takes a step that makes the loss smaller.", tuple(updates(step))),
    )
