"""The rows of a table, and their division: some to train on, some to choose by, some that nothing is chosen on."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.wording import plural
from plainnet.errors import InvalidValue, warn
from plainnet.tabular.encoding import positions
from plainnet.tabular.kinds import from_typed, kind_of, row_of_frame
from plainnet.tabular.names import require_columns
from plainnet.tabular.sources import TablePath, named
from plainnet.tabular.table import Table
from plainnet.tabular.targets import Task, known_target, target_column
from plainnet.training import splitting

if TYPE_CHECKING:
    import polars as pl

ENOUGH_FOR_A_TEST = 1_000
"""The number of rows from which a test part of the usual share says enough; with fewer, folds say more."""
USUAL_TEST = 0.2
"""The share of the rows in the test part."""
USUAL_VALIDATION = 0.2
"""The share of the others by which the best epoch is chosen."""
USUAL_FOLDS = 5
TEST_STREAM = 1
"""This number sets the random stream that draws the test part apart from the one that draws the validation part."""


@dataclass(frozen=True, eq=False)
class TablePart:
    """A TablePart holds some rows of a table, each with a target, a weight, and a place in the file."""

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
        weights = self.weights_in(column)
        if not weights.any():
            raise InvalidValue(f"sample_weight column {column!r} is 0 in every row; some rows must count")
        return self.counting(column, weights)

    def counting(self, column: str, weights: Array) -> TablePart:
        """Take the weights that stood in a column, which is then no input, and leave out the rows of weight 0."""
        import polars.selectors as cs

        counting = np.flatnonzero(weights)
        part = replace(
            self, frame=self.frame.drop(cs.by_name(column)), weights=weights, weightless=len(weights) - len(counting)
        )
        return part if part.weightless == 0 else part.take(counting)

    def weights_in(self, column: str) -> Array:
        """Return the weights that stand in a column; raise InvalidValue for any that is missing or below 0."""
        require_columns([column], self.frame.columns, f"sample_weight: {self.source}")
        values = from_typed(self.frame[column], row_of_frame)
        missing = values.is_null()
        if kind_of(values) != "number" or missing.any():
            row = int(missing.arg_max() or 0) if missing.any() else 0
            found = "no value" if values[row] is None else repr(values[row])
            raise InvalidValue(
                f"{self.place(row)}: sample_weight column {column!r} holds {found}; it takes a number in every row"
            )
        weights: Array = values.to_numpy()
        if (weights < 0).any():
            row = int((weights < 0).argmax())
            raise InvalidValue(
                f"{self.place(row)}: sample_weight column {column!r} holds {weights[row]:g}; a weight is at least 0"
            )
        return weights

    def take(self, rows: Array) -> TablePart:
        """Take only the rows with these places, counted from 0."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, frame=self.frame[rows], numbers=self.numbers[rows], weights=weights)

    def place(self, row: int) -> str:
        """Say where a row, counted from 0, stands: "penguins.csv, row 12"."""
        return f"{self.source}, row {self.numbers[row]}"

    def __len__(self) -> int:
        return len(self.frame)


def part_of_file(table: Table, path: TablePath, sample_weight: str | None) -> TablePart:
    """Read the rows of a file that a known table can be measured on, with their weights if the file has that column."""
    frame = table.read(path, target=True, also=[] if sample_weight is None else [sample_weight])
    part = TablePart.known(frame, named(path), table.target.name)
    if part.frame[table.target.name].null_count() == len(frame):
        return part.take(np.arange(0))
    if sample_weight is None:
        return part
    if sample_weight in frame.columns:
        return part.weighted(sample_weight)
    warn(f"{named(path)} has no column {sample_weight!r} with weights, so its rows all count the same")
    return part


@dataclass(frozen=True)
class Share:
    """A Share is drawn from the rows at random, or taken from their end where they are in the order of time.

    `fraction` is the share of the rows, from 0 to below 1; with `last` it is their end.
    """

    fraction: float
    last: bool = False

    def __post_init__(self) -> None:
        checks.number("fraction", self.fraction, least=0, below=1)


@dataclass(frozen=True)
class Division:
    """Division says how the rows of a table are divided.

    `test` is the share of the rows that nothing is chosen on, `validation` that of the others by which the best epoch
    is chosen, or a file with such rows. With `folds` each row is among the validation rows of one of so many networks;
    with `ensemble`, so many networks draw their validation rows each for itself. What is None is decided by the number
    of rows; a share of 0 is no part.
    """

    test: Share | None = None
    validation: Share | os.PathLike[str] | None = None
    folds: int | None = None
    ensemble: int = 1

    def __post_init__(self) -> None:
        checks.whole_number("ensemble", self.ensemble, least=1)
        if self.ensemble > 1 and not isinstance(self.validation, Share | None):
            raise InvalidValue(
                f"ensemble is {self.ensemble} and validation the file {self.validation}; each network of an ensemble "
                "draws validation rows of its own: give a fraction, such as 0.2"
            )
        if self.ensemble > 1 and isinstance(self.validation, Share) and not self.validation.fraction:
            raise InvalidValue(
                f"ensemble is {self.ensemble} and validation 0; each network of an ensemble draws validation rows of "
                "its own: give a fraction, such as 0.2"
            )
        if not self.folds:
            return
        checks.whole_number("folds", self.folds, least=2)
        if self.validation is not None:
            raise InvalidValue("folds and validation are both given; with folds, each row is once a validation row")
        if self.ensemble > 1:
            raise InvalidValue("folds and ensemble are both given; each makes several networks: take one of them")

    def for_rows(self, count: int, groups: int | None = None) -> Division:
        """Return the division with what it leaves open decided for `count` rows, and `groups` if rows stay together."""
        few = count < ENOUGH_FOR_A_TEST
        test = self.test or Share(0.0 if few or self.folds else USUAL_TEST)
        folds = self.folds
        if folds is None:
            alone = self.test is None and self.validation is None and self.ensemble == 1
            folds = max(2, min(USUAL_FOLDS, count if groups is None else groups)) if few and alone else 0
        validation = self.validation or Share(0.0 if folds else USUAL_VALIDATION)
        return Division(test, None if folds else validation, folds, self.ensemble)


def share_out(
    part: TablePart, share: Share, random: np.random.Generator, target: str, task: Task, groups: Array | None = None
) -> tuple[Array, Array]:
    """Return the places of the rows to keep and of those in the share, each in order.

    Each class gives its share, except to the last rows and to `groups` (a number for each row), which are given whole.
    Raises InvalidValue where no row can be given.
    """
    count = len(part)
    if not share.fraction:
        return np.arange(count), np.arange(0)
    if share.last:
        first = min(max(1, round((1 - share.fraction) * count)), count - 1)
        return np.arange(first), np.arange(first, count)
    if groups is None:
        return splitting.split(count, share.fraction, random, labels_of(part, target, task))
    _, of_row = np.unique(groups, return_inverse=True)
    given = np.isin(of_row, splitting.split(int(of_row.max()) + 1, share.fraction, random)[1])
    return np.flatnonzero(~given), np.flatnonzero(given)


def labels_of(part: TablePart, target: str, task: Task) -> Array | None:
    """Return a number for the class of each row; None where the target is a quantity."""
    values = known_target(part.frame, target)
    return positions(values, tuple(sorted(values.unique()))) if task == "classification" else None


def folds_of(
    part: TablePart, folds: int, random: np.random.Generator, target: str, task: Task, groups: Array | None = None
) -> list[tuple[Array, Array]]:
    """Return for each fold the places of the rows to train on and of those to validate on, each in order.

    Each row is once among those to validate on. The rows of a class (or all rows, where the target is a quantity) are
    dealt out in random order; with `groups`, a number for each row, whole groups are dealt out instead.
    """
    labels = labels_of(part, target, task)
    if groups is not None:
        _, of_row = np.unique(groups, return_inverse=True)
        labels = None
    else:
        of_row = np.arange(len(part))
    units = int(of_row.max()) + 1
    if units < folds:
        found = f"{'is' if units == 1 else 'are'} {plural(units, 'row' if groups is None else 'group')}"
        raise InvalidValue(f"folds is {folds} and there {found}; each fold takes at least one")
    order = random.permutation(units)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    fold_of_unit = np.empty(units, int)
    fold_of_unit[order] = np.arange(units) % folds
    fold = fold_of_unit[of_row]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]
