"""Rows of a table that can be learned from or measured on: with a target, a weight, and a place in the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.kinds import from_typed, kind_of, row_of_frame
from plainnet.tabular.names import require_columns
from plainnet.tabular.tasks import target_column

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a table."""

    frame: pl.DataFrame
    source: str
    """The table they are from, as the user knows it."""
    numbers: Array
    """The number of each in that table; 1 is the first below the header."""
    weights: Array | None = None
    """What each counts, above 0; None where all count the same."""
    without_target: int = 0
    """How many more rows were left out because they have no target."""
    weightless: int = 0
    """How many more rows were left out because their weight is 0."""

    @classmethod
    def known(cls, frame: pl.DataFrame, source: str, target: str) -> Part:
        """The rows that have a target; all rows where none has one, for `decide_task` to refuse."""
        known = target_column(frame, target).is_not_null()
        count = int(known.sum())
        numbers = np.arange(1, len(frame) + 1)
        if count in (0, len(frame)):
            return cls(frame, source, numbers)
        return cls(frame.filter(known), source, numbers[known.to_numpy()], without_target=len(frame) - count)

    def weighted(self, column: str) -> Part:
        """The same with the weights of that column, which is then no input, without the rows of weight 0."""
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

    def take(self, rows: Array) -> Part:
        """Only the rows with these places, counted from 0."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, frame=self.frame[rows], numbers=self.numbers[rows], weights=weights)

    def place(self, row: int) -> str:
        """Where a row, counted from 0, stands: "penguins.csv, row 12"."""
        return f"{self.source}, row {self.numbers[row]}"

    def __len__(self) -> int:
        return len(self.frame)
