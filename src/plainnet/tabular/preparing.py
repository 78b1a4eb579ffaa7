"""From a table file to what trains on it: arrays, a split, and a network that fits the task."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import checks
from plainnet.activations import Activatable
from plainnet.arrays import Array
from plainnet.errors import InvalidValue, PlainnetWarning
from plainnet.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from plainnet.network import Network
from plainnet.tabular.names import require_columns
from plainnet.tabular.read_options import DEFAULT, ReadOptions
from plainnet.tabular.reading import read_for_training
from plainnet.tabular.table import Table
from plainnet.tabular.tasks import Task, decide_task, drop_missing_targets, split, target_column

if TYPE_CHECKING:
    import polars as pl

LOSSES: dict[Task, tuple[str, ...]] = {
    "classification": ("cross_entropy", "binary_cross_entropy"),
    "regression": ("mse", "mae", "huber", "poisson"),
}
"""The losses for each task, the usual one first."""

NORMALIZATIONS: dict[str, type[Layer]] = {"batch": BatchNorm, "layer": LayerNorm}


@dataclass(frozen=True)
class Prepared:
    """A table's training and validation part as arrays, with the table learned from the training part."""

    table: Table
    loss: str
    X: Array
    y: Array
    sample_weight: Array | None
    validation: tuple[Array, Array]
    rows_without_target: int
    held_out: pl.DataFrame
    """The validation rows as they stand in the table."""


def prepare(
    path: str | os.PathLike[str],
    target: str,
    *,
    task: str | None = None,
    loss: str | None = None,
    categories: Collection[str] = (),
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
    sample_weight: str | None = None,
    validation: float | os.PathLike[str] = 0.2,
    seed: int | None = None,
) -> Prepared:
    """Read a table file for training; see `read_table` and `prepare_rows`."""
    if target in ignore:
        raise InvalidValue(f"ignore names {target!r}, which is the target; a column that is left out cannot be learned")
    options = options.with_categories(categories)
    frame, options = read_for_training(path, ignore=ignore, options=options, target=target)
    return prepare_rows(
        frame,
        target,
        task=task,
        loss=loss,
        options=options,
        sample_weight=sample_weight,
        validation=validation,
        seed=seed,
    )


def prepare_rows(
    frame: pl.DataFrame,
    target: str,
    *,
    task: str | None = None,
    loss: str | None = None,
    options: ReadOptions = DEFAULT,
    sample_weight: str | None = None,
    validation: float | os.PathLike[str] = 0.2,
    seed: int | None = None,
) -> Prepared:
    """Make rows ready for training; `validation` is a fraction of them or a file of rows with the same columns.

    Rows without a target are left out. `options` are those that the rows were read with.
    `sample_weight` names the column of weights, which is then no input. Raises as the functions of
    `plainnet.tabular` do, and InvalidValue for a loss that does not go with the task.
    """
    frame, dropped = _known_rows(frame, target)
    decided = decide_task(frame, target, task)
    checked_loss = _loss_for(decided, loss)
    training = held_out = frame
    if isinstance(validation, float):
        train, held = split(frame, target, decided, validation, np.random.default_rng(seed))
        training, held_out = frame[train], frame[held]
    weights = None if sample_weight is None else _weights(training, sample_weight)
    inputs = training if sample_weight is None else training.drop(sample_weight)
    _warn_of_leaks(inputs, target)
    table = Table.learn(inputs, target, decided, standardize_target=checked_loss != "poisson", options=options)
    if not isinstance(validation, float):
        held_out, _ = _known_rows(table.read(validation, target=True), target)
    if checked_loss == "binary_cross_entropy" and len(table.classes) != 2:
        raise InvalidValue(f"loss 'binary_cross_entropy' takes two classes and {target!r} has {len(table.classes)}")
    return Prepared(
        table=table,
        loss=checked_loss,
        X=table.features(training),
        y=table.targets(training),
        sample_weight=weights,
        validation=(table.features(held_out), table.targets(held_out)),
        rows_without_target=dropped,
        held_out=held_out,
    )


def network_for(
    prepared: Prepared,
    hidden: Sequence[int],
    *,
    activation: Activatable = "relu",
    initializer: Any = "auto",
    dropout: float = 0.0,
    normalization: str | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    seed: int | None = None,
    dtype: str = "float32",
) -> Network:
    """A network for a prepared table: hidden Dense layers, each with its normalization and dropout, and the output.

    The output suits the loss: softmax over the classes, one sigmoid unit for binary cross-entropy, an exponential
    for Poisson, which starts at the mean count, otherwise a plain sum.
    """

    def dense(units: int, own_activation: Activatable) -> Dense:
        return Dense(units, own_activation, initializer=initializer, l1=l1, l2=l2)

    layers: list[Layer] = []
    for units in hidden:
        if normalization is None:
            layers.append(dense(units, activation))
        else:
            made = NORMALIZATIONS[checks.one_of("normalization", normalization, NORMALIZATIONS)]()
            layers += [dense(units, "identity"), made, Activation(activation)]
        if dropout:
            layers.append(Dropout(dropout))
    units, output = {
        "cross_entropy": (len(prepared.table.classes), "softmax"),
        "binary_cross_entropy": (1, "sigmoid"),
        "poisson": (1, "exponential"),
    }.get(prepared.loss, (1, "identity"))
    last = dense(units, output)
    net = Network(*layers, last, input_size=prepared.X.shape[1], seed=seed, dtype=dtype)
    if prepared.loss == "poisson":
        last.bias = np.log(max(float(prepared.y.mean()), 1e-3)) * np.ones(1)
    net.table = prepared.table.to_dict()
    return net


def _known_rows(frame: pl.DataFrame, target: str) -> tuple[pl.DataFrame, int]:
    """The rows that have a target, and how many have none; all of them where none has, for `decide_task` to refuse."""
    known, dropped = drop_missing_targets(frame, target)
    return (frame, 0) if len(known) == 0 else (known, dropped)


def _warn_of_leaks(frame: pl.DataFrame, target: str) -> None:
    """A column that says the same as the target makes results look better than they are."""
    for name in frame.columns:
        if name != target and _says_the_same(frame[name], frame[target]):
            warnings.warn(
                f"column {name!r} says the same as the target {target!r} in every row", PlainnetWarning, stacklevel=3
            )


def _says_the_same(column: pl.Series, target: pl.Series) -> bool:
    """Whether each value of the one goes with one value of the other; all-different values say nothing."""
    different = target.n_unique()
    if column.n_unique() != different or different == len(target):
        return column.dtype == target.dtype and bool(column.eq_missing(target).all())
    return column.to_frame("a").with_columns(target.alias("b")).n_unique() == different


def _loss_for(task: Task, loss: str | None) -> str:
    if loss is None:
        return LOSSES[task][0]
    checks.one_of("loss", loss, [name for names in LOSSES.values() for name in names])
    if loss not in LOSSES[task]:
        raise InvalidValue(f"loss {loss!r} does not go with {task}, which takes {' or '.join(LOSSES[task])}")
    return loss


def _weights(frame: pl.DataFrame, name: str) -> Array:
    require_columns([name], frame.columns, "sample_weight: the table")
    column = target_column(frame, name)
    if not column.dtype.is_numeric() or column.null_count():
        raise InvalidValue(f"sample_weight column {name!r} takes a number in every row")
    return column.to_numpy()
