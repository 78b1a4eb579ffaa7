"""A problem says what is to be learned from a table: its rows with a known target, the task, the division."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue, warn
from plainnet.losses import LOSSES
from plainnet.tabular.names import require_columns
from plainnet.tabular.parts import TEST_STREAM, Division, Share, TablePart, folds_of, share_out
from plainnet.tabular.read_options import DEFAULT, ReadOptions
from plainnet.tabular.reading import read_typed
from plainnet.tabular.sources import TablePath, named
from plainnet.tabular.targets import Task, decide_task, target_column

if TYPE_CHECKING:
    import polars as pl

USUAL_LOSSES: dict[Task, str] = {"classification": "cross_entropy", "regression": "mse"}


@dataclass(frozen=True, eq=False)
class Problem:
    """A Problem holds the rows of a table that have a target and count, what the target is, and how they were read.

    `rows` has the frame and its weights. `target` is the name of the target's column, `task` is "classification" or
    "regression", `loss` is the name of the loss. `options` are those that the rows were read with; `weight_column` and
    `group` name the columns that hold the weights and what keeps rows together, or are None.
    """

    rows: TablePart
    target: str
    task: Task
    loss: str
    options: ReadOptions
    weight_column: str | None = None
    group: str | None = None
    groups: Array | None = None
    """A number for the group of each row, if the rows of a group have to stay together."""


@dataclass(frozen=True, eq=False)
class Divided:
    """Divided holds the parts of a problem's rows; a part may be empty."""

    training: TablePart
    """The rows to train on."""
    validation: TablePart | os.PathLike[str]
    """The rows by which the best epoch is chosen, or a file that has them."""
    test: TablePart
    """The rows that nothing is chosen on."""
    rest: TablePart
    """All rows of the table but those of the test part."""
    folds: tuple[tuple[Array, Array], ...] = ()
    """The places in `training`, for each fold, of the rows to train on and of those to validate on."""


def problem_of_file(
    path: TablePath,
    target: str,
    *,
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
    sample_weight: str | None = None,
    group: str | None = None,
    task: str | None = None,
    loss: str | None = None,
) -> Problem:
    """Return the problem of predicting the column `target` of a table file.

    `path`, `ignore` and `options` are as for `read_table`; `sample_weight`, `group`, `task` and `loss` are as for
    `problem_of`. Raises as both do.
    """
    check_roles(target, sample_weight, group, options.categories, ignore)
    typed = read_typed(path, ignore=ignore, options=options, target=target)
    return problem_of(
        typed.frame,
        target,
        options=typed.options,
        sample_weight=sample_weight,
        group=group,
        task=task,
        loss=loss,
        source=named(path),
    )


def problem_of(
    frame: pl.DataFrame,
    target: str,
    *,
    options: ReadOptions = DEFAULT,
    sample_weight: str | None = None,
    group: str | None = None,
    task: str | None = None,
    loss: str | None = None,
    source: str = "the table",
) -> Problem:
    """Return the problem of predicting the column `target` of a frame from its other columns.

    Rows without a target are left out. `options` are those that the rows were read with. `sample_weight` names the
    column of weights, which is then no input: rows of weight 0 are left out before anything is learned or measured, and
    all else that is learned or measured takes each row as often as its weight says. `group` names a column whose rows
    of equal value stay in one part; it is no input either. `source` is how messages call the table. `frame` is a frame
    of polars, as `read_table` returns it. `task` is "classification" or "regression", `loss` the name of a loss; by
    default the target decides.

    Raises InvalidValue for a target that is lacking, constant or missing throughout, for a loss that does not go with
    the task, and for weights that are no numbers of at least 0.
    """
    import polars.selectors as cs

    from plainnet.tabular import cautions  # imports polars

    check_roles(target, sample_weight, group)
    rows = TablePart.known(frame, source, target)
    if sample_weight is not None:
        rows = rows.weighted(sample_weight)
        _note_classes_without_weight(frame, rows, target)
    groups = None
    if group is not None:
        require_columns([group], rows.frame.columns, f"group: {source}")
        groups = rows.frame[group].rank("dense").fill_null(0).to_numpy()
        rows = replace(rows, frame=rows.frame.drop(cs.by_name(group)))
    decided = decide_task(rows.frame, target, task)
    checked_loss = loss_of_task(decided, loss)
    require_classes(checked_loss, target, rows.frame[target].n_unique())
    if task is None and loss is None:
        cautions.warn_of_target(target_column(rows.frame, target), decided)
    return Problem(rows, target, decided, checked_loss, options, sample_weight, group, groups)


def divide(problem: Problem, division: Division, seed: int | None = None) -> Divided:
    """Return the rows of a problem in their parts; what the division leaves open is decided by their number.

    `problem` is what `problem_of` returned, `division` says which parts there are, and `seed`, a whole number of at
    least 0, decides which rows are drawn. Raises InvalidValue where a part or a fold would be empty.
    """
    rows, groups, given = problem.rows, problem.groups, (problem.target, problem.task)
    division = division.for_rows(len(rows), None if groups is None else len(np.unique(groups)))
    if seed is not None:
        checks.whole_number("seed", seed, least=0)
    random = np.random.default_rng(seed)
    of_test = np.random.default_rng(None if seed is None else [TEST_STREAM, seed])
    assert division.test is not None
    kept, tested = share_out(rows, division.test, of_test, *given, groups)
    test, rest, nothing = rows.take(tested), rows.take(kept), rows.take(np.arange(0))
    groups = None if groups is None else groups[kept]
    if division.folds:
        return Divided(rest, nothing, test, rest, tuple(folds_of(rest, division.folds, random, *given, groups)))
    validation = division.validation
    if not isinstance(validation, Share):
        assert validation is not None
        return Divided(rest, validation, test, rest)
    splits = [share_out(rest, validation, random, *given, groups) for _ in range(division.ensemble)]
    if division.ensemble > 1:
        return Divided(rest, nothing, test, rest, tuple(splits))
    ((train, held),) = splits
    return Divided(rest.take(train), rest.take(held), test, rest)


def check_roles(
    target: str,
    sample_weight: str | None,
    group: str | None,
    categories: Collection[str] = (),
    ignore: Collection[str] = (),
) -> None:
    """Raise InvalidValue for a column that is given two roles."""
    if sample_weight == target:
        raise InvalidValue(f"sample_weight and target are both {target!r}; the weights stand in a column of their own")
    if group is not None and group in (target, sample_weight):
        role = "target" if group == target else "sample_weight"
        raise InvalidValue(f"group and {role} are both {group!r}; the groups stand in a column of their own")
    for role, name in (("target", target), ("sample_weight", sample_weight), ("group", group)):
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


def require_classes(loss: str, target: str, classes: int) -> None:
    """Raise InvalidValue for a loss of two classes where there are more."""
    if loss == "binary_cross_entropy" and classes != 2:
        raise InvalidValue(f"loss {loss!r} takes two classes and {target!r} has {classes}")


def loss_of_task(task: Task, loss: str | None) -> str:
    """Return the loss, the usual one if none is given; raise InvalidValue for one that does not go with the task."""
    if loss is None:
        return USUAL_LOSSES[task]
    checks.one_of("loss", loss, LOSSES)
    of_classes = task == "classification"
    suitable = [name for name in LOSSES if bool({"softmax", "sigmoid"} & set(LOSSES[name].suits)) == of_classes]
    if loss not in suitable:
        raise InvalidValue(f"loss {loss!r} does not go with {task}, which takes {' or '.join(suitable)}")
    return loss
