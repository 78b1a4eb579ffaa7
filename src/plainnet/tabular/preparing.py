"""Prepare the parts of a table for training: encoders learned on the training part, and arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pieces import Rows
from plainnet.errors import InvalidValue
from plainnet.ranks import ALONE, Alone, Ranks
from plainnet.tabular import overlap
from plainnet.tabular.building import output_of
from plainnet.tabular.memory import require_memory
from plainnet.tabular.parts import TablePart, part_of_file
from plainnet.tabular.problem import Divided, Problem
from plainnet.tabular.recipe import Recipe
from plainnet.tabular.table import Table

TOLD_APART = 0.25
"""The share of new rows equal to training rows by chance, above which a model does not look for its own."""


@dataclass(frozen=True, eq=False)
class Stream:
    """A Stream says what is known of a table whose rows are read in pieces, or are shared out to several ranks."""

    rows: int
    """The rows of the table, of all ranks, that have a target and count."""
    to_train: int
    """The rows to train on."""
    nowhere: int
    """The last rows that are for nothing, as enough of them are held out."""
    examples: tuple[Array, Array, Array | None]
    """Features, targets and weights of a sample of the training rows."""
    ranks: Ranks | Alone
    communicator: Any
    """That of the ranks, as the user gave it."""
    in_memory: bool = True
    """True where this rank keeps its training rows in memory."""


@dataclass(frozen=True)
class Prepared:
    """Prepared holds a table's training and validation part as arrays, and the table learned from the training part.

    Of a stream X and y may be read in pieces, and they and `validation` are those of this rank; the parts hold a sample
    of the training rows, and on rank 0 the other rows of all ranks.
    """

    problem: Problem
    """The rows and the target."""
    parts: Divided
    """The rows by their parts."""
    table: Table
    """The table, learned from the training rows."""
    X: Rows
    """The features of the training rows, (rows, features)."""
    y: Rows
    """Their targets, as the network learns them."""
    sample_weight: Rows | None
    """Their weights, (rows,); None if all count the same."""
    validation: tuple[Array, ...]
    """Features and targets, and the rows' weights if there are any; empty where no rows are held out."""
    held_out: TablePart
    """The validation rows as they stand in the table."""
    dtype: str
    """The number type of the arrays, "float32" or "float64"."""
    stream: Stream | None = None
    """Rows that are read in pieces are described here; None if they are in memory."""

    @property
    def examples(self) -> tuple[Array, Array, Array | None]:
        """Return the features, targets and weights that a network's first weights are chosen by."""
        return self.stream.examples if self.stream else (self.X, self.y, self.sample_weight)  # type: ignore[return-value]

    @property
    def to_train(self) -> int:
        """Return the number of rows to train on, of all ranks."""
        return self.stream.to_train if self.stream else len(self.X)

    @property
    def rows_but_test(self) -> int:
        """Return the number of rows of the table but those of the test part."""
        return self.stream.to_train + len(self.held_out) if self.stream else len(self.parts.rest)

    @property
    def rows(self) -> int:
        """Return the number of rows of the table, of all ranks, that have a target and count."""
        return self.stream.rows if self.stream else len(self.problem.rows)

    @property
    def ranks(self) -> Ranks | Alone:
        """Return the ranks that the rows are shared out to, or this process alone."""
        return self.stream.ranks if self.stream else ALONE

    @property
    def speaks(self) -> bool:
        """Return True but on ranks other than the first, which say and write nothing."""
        return self.ranks.rank == 0


def prepare(
    problem: Problem, parts: Divided, recipe: Recipe, *, dtype: str = "float32", measured: bool = True
) -> Prepared:
    """Return arrays of the training and of the validation part, with encoders learned on the training part.

    With folds, the encoders are learned on the rows of all folds.

    Arguments:
        problem: the rows and the target, from `problem_of`.
        parts: their division, from `divide`.
        recipe: the recipe, which says how columns are encoded.
        dtype: "float32" or "float64", the number type of the arrays.
        measured: False to give no warning that rows of other parts are equal to training rows.

    Raises as `Table.learn` and `Table.features` do.
    """
    import polars.selectors as cs

    from plainnet.tabular import cautions  # imports polars

    training = parts.training
    cautions.warn_of_leaks(training.frame, problem.target)
    table = Table.learn(
        training.frame,
        problem.target,
        problem.task,
        standardize_target=output_of(problem.loss) == "identity",
        options=problem.options,
        sample_weight=training.weights,
        encoding=recipe.encoding,
        largest_one_hot=recipe.largest_one_hot,
    )
    held_out = parts.validation
    if not isinstance(held_out, TablePart):
        held_out = part_of_file(table, held_out, problem.weight_column)
        if not len(held_out):
            raise InvalidValue(f"{parts.validation} has no row that has a {problem.target} and counts")
    if len(parts.test):
        table.targets(parts.test.frame)  # raises now what would be raised after the training
    cautions.warn_of_columns(training.frame, table)
    require_memory(table, len(training) + len(held_out), np.dtype(dtype))
    X = table.features(training.frame, dtype=dtype, place=training.place)
    cautions.warn_of_far_out(table, training, X)
    hashes = overlap.row_hashes(table, training.frame)
    by_chance = cautions.share_equal_by_chance(training.frame.select(cs.by_name(table.column_names)))
    for part, name in ((held_out, "validation"), (parts.test, "test")):
        if measured and len(part):
            cautions.warn_of_overlap(hashes, overlap.row_hashes(table, part.frame), part, by_chance, name)
    if by_chance < TOLD_APART:
        table = replace(table, fingerprint=overlap.fingerprint(hashes))
    return Prepared(
        problem=problem,
        parts=parts,
        table=table,
        X=X,
        y=table.targets(training.frame),
        sample_weight=training.weights,
        validation=arrays_of(table, held_out, dtype) if len(held_out) else (),
        held_out=held_out,
        dtype=dtype,
    )


def arrays_of(table: Table, part: TablePart, dtype: str) -> tuple[Array, ...]:
    """Return the features and the targets of some rows, and their weights if they have any."""
    arrays = table.features(part.frame, dtype=dtype, place=part.place), table.targets(part.frame)
    return arrays if part.weights is None else (*arrays, part.weights)
