"""What is to be learned from a table: classification or regression, and from which of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.columns import positions
from plainnet.tabular.kinds import from_typed, is_whole, kind_of, row_of_frame
from plainnet.tabular.spelling import argument
from plainnet.training import data

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

Task: TypeAlias = Literal["classification", "regression"]

FEW_CLASSES = 10
"""A target of whole numbers with at most so many different values is taken for classes."""
MOST_NUMERIC_CLASSES = 100
"""A target of whole numbers with more different values is refused as classes."""
MOST_TEXT_CLASSES = 1000
"""A target of text with more different values is taken for classes only on request."""


def target_column(frame: pl.DataFrame, target: str) -> pl.Series:
    """The target column of a frame in its kind; InvalidValue with the closest name where there is none."""
    if target not in frame.columns:
        raise InvalidValue(
            f"target is {target!r}, which is no column of the table; {checks.closest(target, frame.columns)}"
        )
    return from_typed(frame[target], row_of_frame)


def drop_missing_targets(frame: pl.DataFrame, target: str) -> tuple[pl.DataFrame, int]:
    """The rows whose target is known, and the number of those left out."""
    known = target_column(frame, target).is_not_null()
    return frame.filter(known), int((~known).sum())


def decide_task(frame: pl.DataFrame, target: str, task: str | None = None) -> Task:
    """Whether the target holds classes (classification) or quantities (regression).

    Text and booleans are classes; so are numbers where all are whole and at most `FEW_CLASSES` of them
    differ. `task` decides otherwise where the target's values permit it. Missing values play no part.

    Raises InvalidValue for an unknown target, one that is constant or entirely missing, and a task that it
    does not permit: regression on text, classification of numbers that are not whole or differ in more than
    `MOST_NUMERIC_CLASSES` values.
    """
    values = target_column(frame, target).drop_nulls()
    if len(values) == 0:
        raise InvalidValue(f"target {target!r} is missing in every row; there is nothing to learn")
    different = values.n_unique()
    if different == 1:
        raise InvalidValue(f"target {target!r} is {values[0]!r} in every row; there is nothing to learn")
    if task is not None:
        checks.one_of("task", task, ("classification", "regression"))

    if kind_of(values) != "number":
        if task == "regression":
            raise InvalidValue(
                f"target {target!r} holds {values[0]!r}, which is no number; "
                "task='regression' takes numbers, task='classification' takes text and booleans"
            )
        if task is None and different > MOST_TEXT_CLASSES:
            raise InvalidValue(
                f"target {target!r} holds {different:,} different texts in {len(values):,} rows ({values[0]!r}); that "
                "is too many classes to tell apart (task='classification', --task classification, learns them anyway)"
            )
        return "classification"
    whole = bool(is_whole(values).all())
    if task == "classification" and not (whole and different <= MOST_NUMERIC_CLASSES):
        found = f"{different} different numbers" if whole else "numbers that are not whole"
        raise InvalidValue(
            f"target {target!r} holds {found}; task='classification' takes whole numbers, at most "
            f"{MOST_NUMERIC_CLASSES} different ones: use task='regression', or read the column as categories "
            f"(categories=[{target!r}], --categories {argument(target)})"
        )
    few = whole and different <= FEW_CLASSES
    return "classification" if task == "classification" or (task is None and few) else "regression"


def split(
    frame: pl.DataFrame, target: str, task: Task, fraction: float, random: np.random.Generator
) -> tuple[Array, Array]:
    """The numbers of the rows to train on and of those to validate on, at random, each in the frame's order.

    See `plainnet.training.data.split`; for classification each class gives its share.

    Raises InvalidValue for a fraction outside (0, 1), a missing target and too few rows.
    """
    checks.number("fraction", fraction, above=0, below=1)
    values = target_column(frame, target)
    if values.null_count():
        raise InvalidValue(f"target {target!r} is missing in {values.null_count()} rows; drop those rows first")
    labels = positions(values, tuple(sorted(values.unique()))) if task == "classification" else None
    return data.split(len(values), fraction, random, labels)
