"""A Reader knows how the rows of a stream are read: kinds of columns, target, weights, and the use of each row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from plainnet._base.arrays import Array
from plainnet.errors import FileError, InvalidValue, warnings_passed_over
from plainnet.tabular.kinds import Kind, kind_of
from plainnet.tabular.names import require_columns
from plainnet.tabular.notations import PLAIN, WHOLE
from plainnet.tabular.parts import TablePart
from plainnet.tabular.raw_table import RawTable, go_together, has_values, require_alike, together
from plainnet.tabular.read_options import ColumnKind, ReadOptions
from plainnet.tabular.reading import typed_of
from plainnet.tabular.sources import named
from plainnet.tabular.streaming.drawing import Drawing
from plainnet.tabular.streaming.evidence import by_file, rows_against
from plainnet.tabular.streaming.portions import Portion
from plainnet.tabular.targets import target_column


class NewEvidence(Exception):
    """A piece shows what the evidence on some columns did not."""

    def __init__(self, evidence: RawTable) -> None:
        self.evidence = evidence


@dataclass(frozen=True, eq=False)
class Reader:
    """A Reader reads the portions of a stream alike, whatever each of them holds."""

    source: str
    """The files, for messages."""
    names: tuple[str, ...]
    """The columns to read, the target among them."""
    kinds: Mapping[str, Kind | None]
    """Their kinds; None for a column without a value so far."""
    options: ReadOptions
    is_text: bool
    target: str
    weight_column: str | None
    drawing: Drawing
    example: RawTable
    """The columns of the first file, in the types that go with all of the evidence, without rows."""

    @classmethod
    def of(
        cls,
        evidence: Sequence[RawTable],
        target: str,
        options: ReadOptions,
        *,
        ignore: Collection[str] = (),
        weight_column: str | None = None,
        drawing: Drawing,
    ) -> Reader:
        """Return the reader that the evidence makes; notes say what is not expected.

        Raises as `read_typed` does.
        """
        files = by_file(evidence)
        raw = together(files)
        typed = typed_of(raw, ignore=ignore, options=options, target=target)
        kinds = {column.name: kind_of(column) for column in typed.frame.iter_columns()}
        return cls(
            source=named([Path(table.where) for table in files]),
            names=tuple(typed.frame.columns),
            kinds=kinds,
            options=typed.options,
            is_text=raw.is_text,
            target=target,
            weight_column=weight_column,
            drawing=drawing,
            example=replace(raw.take(np.arange(0)), where=files[0].where),
        )

    def read(self, portion: Portion) -> TablePart:
        """Return the rows of a portion that have a target and count, in their kinds; its numbers count in the file.

        Raises InvalidValue, naming the file and the row, for a value that does not go with the column's kind, and
        NewEvidence where that kind was decided on too little.
        """
        frame = self._frame(portion)
        numbers = np.arange(portion.first + 1, portion.first + 1 + len(frame))
        known = frame[self.target].is_not_null()
        count = int(known.sum())
        part = TablePart(frame, portion.piece.where, numbers)
        if count < len(frame):
            part = replace(part.take(known.arg_true().to_numpy()), without_target=len(frame) - count)
        if self.weight_column is not None:
            part = part.counting(self.weight_column, part.weights_in(self.weight_column))
        return part

    def numbers_of(self, portion: Portion, part: TablePart) -> Array:
        """Return the numbers, among the rows of all files and from 0 on, of the rows that `read` returned."""
        return part.numbers - 1 - portion.first + portion.number

    def _frame(self, portion: Portion) -> pl.DataFrame:
        raw = portion.read(self.names)
        _require_columns(raw, self.example, self.names)
        categories = [name for name, kind in self.kinds.items() if kind == "category"]
        with warnings_passed_over():  # said of the evidence
            decided = raw.columns(self.names, categories, self._known(raw))
        frame = decided.frame
        against = [
            column.name
            for column in frame.iter_columns()
            if kind_of(column) not in (None, self.kinds[column.name]) or not self._is_of_known_type(raw, column.name)
        ]
        if against:
            raise NewEvidence(rows_against(raw, against))
        return frame.with_columns(_typed(name, self.kinds[name]) for name in frame.columns).select(
            cs.by_name(list(self.names), require_all=True)
        )

    def _is_of_known_type(self, raw: RawTable, name: str) -> bool:
        """Return True if a column's type in the file goes with that of the evidence, or does not matter."""
        column, known = (table.frame.to_series(table.number(name)) for table in (raw, self.example))
        return self.is_text or go_together(column.dtype, known.dtype) or not has_values(column)

    def _known(self, raw: RawTable) -> ReadOptions:
        """Return the options that read a piece as the evidence was read.

        Whole numbers of a typed column are looked at in each piece, as some may be beyond a float.
        """
        notations = self.options.notations
        if not raw.is_text:
            return replace(self.options, notations={name: own for name, own in notations.items() if own != WHOLE})
        kinds: dict[str, ColumnKind] = {
            **self.options.columns,
            **{name: "boolean" for name, kind in self.kinds.items() if kind == "boolean"},
        }
        numbers = {name: notations.get(name, PLAIN) for name, kind in self.kinds.items() if kind == "number"}
        return replace(self.options, notations=numbers, columns=kinds)


def _typed(name: str, kind: Kind | None) -> pl.Expr:
    """Return a column in the type of its kind, which one without a value may not have."""
    dtypes = {"number": pl.Float64, "boolean": pl.Boolean, "category": pl.String, None: pl.String}
    return pl.col(name).cast(dtypes[kind])


def _require_columns(raw: RawTable, example: RawTable, names: Collection[str]) -> None:
    """Raise FileError for a piece that lacks a column."""
    have = set(raw.names)
    if not all(name in have for name in names):
        require_alike(example, raw)
        raise FileError(f"{raw.where} lacks the columns {sorted(set(names) - have)}")


def require_target(reader: Reader) -> None:
    """Raise InvalidValue for a target or a column of weights that is not in the table."""
    empty = pl.DataFrame(schema=dict.fromkeys(reader.names, pl.String))
    target_column(empty, reader.target)
    if reader.kinds[reader.target] is None:
        raise InvalidValue(f"target {reader.target!r} is missing in every row; there is nothing to learn")
    if reader.weight_column is not None:
        require_columns([reader.weight_column], reader.names, f"sample_weight: {reader.source}")
