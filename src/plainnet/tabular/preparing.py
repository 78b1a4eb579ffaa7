"""Prepare a table file for training: the rows and their weights, a split, arrays, and a network for the task."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.adapters import Activatable
from plainnet.errors import InvalidValue, warn
from plainnet.layers import Dense, Layer, hidden_block
from plainnet.losses import LOSSES
from plainnet.network import Network
from plainnet.tabular import overlap
from plainnet.tabular.kinds import from_typed, kind_of, row_of_frame
from plainnet.tabular.memory import require_memory
from plainnet.tabular.names import require_columns
from plainnet.tabular.read_options import DEFAULT, ReadOptions
from plainnet.tabular.reading import read_for_training
from plainnet.tabular.table import Table
from plainnet.tabular.targets import Task, decide_task, split, target_column

if TYPE_CHECKING:
    import polars as pl

USUAL_LOSSES: dict[Task, str] = {"classification": "cross_entropy", "regression": "mse"}

TOLD_APART = 0.25
"""If chance makes more than this share of new rows equal to training rows, a model does not look for its own."""


@dataclass(frozen=True, eq=False)
class TablePart:
    """Some rows of a table, each with a target, a weight, and a place in the file."""

    frame: pl.DataFrame
    source: str
    """The table that the rows are from, as the user knows it."""
    numbers: Array
    """The number of each row in that table; 1 is the first below the header."""
    weights: Array | None = None
    """The weight of each row, above 0; None if all count the same."""
    without_target: int = 0
    """So many more rows were left out because they have no target."""
    weightless: int = 0
    """So many more rows were left out because their weight is 0."""

    @classmethod
    def known(cls, frame: pl.DataFrame, source: str, target: str) -> TablePart:
        """Take the rows that have a target; all rows if none has one, for `decide_task` to complain of."""
        known = target_column(frame, target).is_not_null()
        count = int(known.sum())
        numbers = np.arange(1, len(frame) + 1)
        if count in (0, len(frame)):
            return cls(frame, source, numbers)
        return cls(frame.filter(known), source, numbers[known.to_numpy()], without_target=len(frame) - count)

    def weighted(self, column: str) -> TablePart:
        """Take the weights from a column, which is then no input, and leave out the rows of weight 0."""
        import polars.selectors as cs

        require_columns([column], self.frame.columns, f"sample_weight: {self.source}")
        values = from_typed(self.frame[column], row_of_frame)
        missing = values.is_null()
        if kind_of(values) != "number" or missing.any():
            row = int(missing.arg_max() or 0) if missing.any() else 0
            found = "no value" if values[row] is None else repr(values[row])
            raise InvalidValue(
                f"{self.place(row)}: sample_weight column {column!r} holds {found}; it takes a number in every row"
            )
        weights = values.to_numpy()
        if (weights < 0).any():
            row = int((weights < 0).argmax())
            raise InvalidValue(
                f"{self.place(row)}: sample_weight column {column!r} holds {weights[row]:g}; a weight is at least 0"
            )
        if not weights.any():
            raise InvalidValue(f"sample_weight column {column!r} is 0 in every row; some rows must count")
        counting = np.flatnonzero(weights)
        part = replace(
            self, frame=self.frame.drop(cs.by_name(column)), weights=weights, weightless=len(weights) - len(counting)
        )
        return part if part.weightless == 0 else part.take(counting)

    def take(self, rows: Array) -> TablePart:
        """Take only the rows with these places, counted from 0."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, frame=self.frame[rows], numbers=self.numbers[rows], weights=weights)

    def place(self, row: int) -> str:
        """Say where a row, counted from 0, stands: "penguins.csv, row 12"."""
        return f"{self.source}, row {self.numbers[row]}"

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True)
class Prepared:
    """Prepared holds a table's training and validation part as arrays, and the table learned from the training part."""

    table: Table
    loss: str
    X: Array
    y: Array
    sample_weight: Array | None
    validation: tuple[Array, ...]
    """Features and targets, and the rows' weights if there are any."""
    training: TablePart
    held_out: TablePart
    """The validation rows as they stand in the table."""


def prepare(
    path: str | os.PathLike[str],
    target: str,
    *,
    categories: Collection[str] = (),
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
    sample_weight: str | None = None,
    **settings: Any,
) -> Prepared:
    """Read a table file for training; see `read_table` and, for the other settings, `prepare_rows`."""
    options = options.with_categories(categories)
    _check_roles(target, sample_weight, options.categories, ignore)
    frame, options = read_for_training(path, ignore=ignore, options=options, target=target)
    return prepare_rows(frame, target, options=options, sample_weight=sample_weight, source=str(path), **settings)


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
    dtype: str = "float32",
    source: str = "the table",
) -> Prepared:
    """Make rows ready for training; `validation` is a fraction of them or a file of rows with the same columns.

    Rows without a target are left out. `options` are those that the rows were read with. `sample_weight` names the
    column of weights, which is then no input: rows of weight 0 are left out before anything is learned or measured,
    and all else that is learned or measured takes each row as often as its weight says. `dtype` is that of the
    features, `source` how messages call the table. Raises as the functions of `plainnet.tabular` do, and
    InvalidValue for a loss that does not go with the task.
    """
    import polars.selectors as cs

    from plainnet.tabular import cautions  # imports polars

    _check_roles(target, sample_weight)
    rows = TablePart.known(frame, source, target)
    if sample_weight is not None:
        rows = rows.weighted(sample_weight)
        _note_classes_without_weight(frame, rows, target)
    decided = decide_task(rows.frame, target, task)
    checked_loss = _loss_for(decided, loss)
    if task is None and loss is None:
        cautions.warn_of_target(target_column(rows.frame, target), decided)
    training = rows
    if isinstance(validation, float):
        train, held = split(rows.frame, target, decided, validation, np.random.default_rng(seed))
        training, held_out = rows.take(train), rows.take(held)
    cautions.warn_of_leaks(training.frame, target)
    table = Table.learn(
        training.frame,
        target,
        decided,
        standardize_target=_output(checked_loss) == "identity",
        options=options,
        sample_weight=training.weights,
    )
    if not isinstance(validation, float):
        held_out = part_of_file(table, validation, sample_weight)
        if not len(held_out):
            raise InvalidValue(f"{validation} has no row that has a {target} and counts")
    cautions.warn_of_columns(training.frame, table)
    if _output(checked_loss) == "sigmoid" and len(table.classes) != 2:
        raise InvalidValue(f"loss {checked_loss!r} takes two classes and {target!r} has {len(table.classes)}")
    require_memory(table, len(training) + len(held_out), np.dtype(dtype))
    X = table.features(training.frame, dtype=dtype, place=training.place)
    held_X = table.features(held_out.frame, dtype=dtype, place=held_out.place)
    cautions.warn_of_far_out(table, training, X)
    hashes = overlap.row_hashes(table, training.frame)
    by_chance = cautions.share_equal_by_chance(training.frame.select(cs.by_name(table.column_names)))
    cautions.warn_of_overlap(hashes, overlap.row_hashes(table, held_out.frame), held_out, by_chance)
    if by_chance < TOLD_APART:
        table = replace(table, fingerprint=overlap.fingerprint(hashes))
    validated: tuple[Array, ...] = (held_X, table.targets(held_out.frame))
    return Prepared(
        table=table,
        loss=checked_loss,
        X=X,
        y=table.targets(training.frame),
        sample_weight=training.weights,
        validation=validated if held_out.weights is None else (*validated, held_out.weights),
        training=training,
        held_out=held_out,
    )


def part_of_file(table: Table, path: str | os.PathLike[str], sample_weight: str | None) -> TablePart:
    """Read the rows of a file that a known table can be measured on, with their weights if the file has that column."""
    frame = table.read(path, target=True, also=[] if sample_weight is None else [sample_weight])
    part = TablePart.known(frame, str(path), table.target.name)
    if part.frame[table.target.name].null_count() == len(frame):
        return part.take(np.arange(0))
    if sample_weight is None:
        return part
    if sample_weight in frame.columns:
        return part.weighted(sample_weight)
    warn(f"{path} has no column {sample_weight!r} with weights, so its rows all count the same")
    return part


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
    """Make a network for a prepared table: hidden Dense layers with normalization and dropout, and the output.

    The output suits the loss: softmax over the classes, one sigmoid unit for binary cross-entropy, an exponential
    for Poisson, which starts at the mean count, otherwise a plain sum.
    """

    settings: dict[str, Any] = {"initializer": initializer, "l1": l1, "l2": l2}
    layers: list[Layer] = []
    for units in hidden:
        layers += hidden_block(units, activation, normalization=normalization, dropout=dropout, **settings)
    output = _output(prepared.loss)
    last = Dense(len(prepared.table.classes) if output == "softmax" else 1, output, **settings)
    net = Network(*layers, last, input_size=prepared.X.shape[1], seed=seed, dtype=dtype)
    if output == "exponential":
        mean = float(np.average(prepared.y, weights=prepared.sample_weight, axis=0)[0])
        last.bias = np.log(max(mean, 1e-3)) * np.ones(1)
    net.table = prepared.table.to_dict()
    return net


def _check_roles(
    target: str, sample_weight: str | None, categories: Collection[str] = (), ignore: Collection[str] = ()
) -> None:
    """Raise InvalidValue for a column that is given two roles."""
    if sample_weight == target:
        raise InvalidValue(f"sample_weight and target are both {target!r}; the weights stand in a column of their own")
    for role, name in (("target", target), ("sample_weight", sample_weight)):
        if name in ignore:
            raise InvalidValue(f"ignore names {name!r}, which is the {role}; leave it out of ignore (--ignore)")
    if sample_weight in categories:
        raise InvalidValue(f"categories names {sample_weight!r}, which is the sample_weight and holds numbers")


def _note_classes_without_weight(frame: pl.DataFrame, rows: TablePart, target: str) -> None:
    """Warn of classes all of whose rows weigh 0: a network does not learn them."""
    if not rows.weightless or decide_task(frame, target) != "classification":
        return
    lost = sorted(set(frame[target].drop_nulls()) - set(rows.frame[target]))
    if lost:
        warn(
            f"every row of {', '.join(map(repr, lost[:5]))}{', ...' if len(lost) > 5 else ''} in target {target!r} has "
            "the weight 0, so it is no class for the network"
        )


def _loss_for(task: Task, loss: str | None) -> str:
    if loss is None:
        return USUAL_LOSSES[task]
    checks.one_of("loss", loss, LOSSES)
    of_classes = task == "classification"
    suitable = [name for name in LOSSES if (_output(name) in ("softmax", "sigmoid")) == of_classes]
    if loss not in suitable:
        raise InvalidValue(f"loss {loss!r} does not go with {task}, which takes {' or '.join(suitable)}")
    return loss


def _output(loss: str) -> str:
    """Return the output activation that a loss expects."""
    return (*LOSSES[loss].suits, "identity")[0]
