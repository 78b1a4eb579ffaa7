"""Pieces made of other pieces: of columns of several sources, of chosen rows, and with weights of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from plainnet._base import pieces as in_pieces
from plainnet._base.arrays import Array
from plainnet._base.pieces import (
    Columns,
    PieceRows,
    Pieces,
    Rows,
    are_in_pieces,
    pieces_of,
    ranges,
    read_piece,
    row_bytes,
    rows_of_columns,
)


class _Together(Pieces):
    """Columns of several sources, checked; the pieces are those of the first that cannot be cut, or fit for all."""

    def __init__(self, rows: Sequence[Rows | None]) -> None:
        self._rows = rows
        sources = [each.pieces for each in rows if isinstance(each, PieceRows)]
        self.files = tuple(name for source in sources for name in source.files)
        self._leading = next((source for source in sources if not source.can_be_cut), None)

    @cached_property
    def lengths(self) -> Sequence[int] | Array:
        if self._leading is not None:
            return self._leading.lengths
        given = [each for each in self._rows if each is not None]
        length = in_pieces.PIECE_BYTES // sum(row_bytes(each) for each in given)
        return ranges(len(given[0]), max(1, length))

    def first(self) -> Columns:
        return example_of(self._rows)

    def read(self, piece: int) -> Columns:
        return self.part(piece, slice(0, int(self.lengths[piece])))

    def part(self, piece: int, rows: slice) -> Columns:
        start = int(self.starts[piece])
        whole = slice(start + rows.start, start + rows.stop)
        read = () if self._leading is None else self._leading.part(piece, rows)

        def of(each: Rows | None) -> Array | None:
            if isinstance(each, PieceRows) and each.pieces is self._leading:
                return each.of(read, piece, rows.start)
            return None if each is None else each[whole]

        return tuple(map(of, self._rows))


def example_of(rows: Sequence[Rows | None]) -> Columns:
    """Return one row of zeros in the shapes and types of some columns."""
    return tuple(None if each is None else np.zeros((1, *each.shape[1:]), each.dtype) for each in rows)


class Derived(Pieces):
    """Columns of the same pieces, of which each piece is made into another: of some of its rows, perhaps."""

    def __init__(
        self, rows: Sequence[Rows | None], lengths: Array, make: Callable[[int, Columns], Columns], first: Columns
    ) -> None:
        self._rows, self._lengths, self._make, self._first = rows, lengths, make, first
        self.files = pieces_of(*rows).files

    @property
    def lengths(self) -> Array:
        return self._lengths

    def first(self) -> Columns:
        return self._first

    def read(self, piece: int) -> Columns:
        if not self._lengths[piece]:
            return rows_of_columns(self._first, slice(0))
        return self._make(piece, read_piece(self._rows, piece))


def together(*rows: Rows | None) -> tuple[Rows | None, ...]:
    """Return columns that have the same rows as columns of the same pieces; arrays, if all of them are, as they are."""
    if not are_in_pieces(*rows):
        return rows
    sources = {id(each.pieces) if isinstance(each, PieceRows) else None for each in rows if each is not None}
    if len(sources) == 1 and all(each is None or (isinstance(each, PieceRows) and each.check is None) for each in rows):
        return rows
    pieces = _Together(rows)
    return tuple(None if each is None else PieceRows(pieces, column) for column, each in enumerate(rows))


def chosen(
    rows: Sequence[Rows | None], lengths: Array, mask: Callable[[int, Columns], Array]
) -> tuple[Rows | None, ...]:
    """Return those rows of columns of the same pieces for which `mask` is true: (piece, columns) to a boolean a row.

    `lengths` are the numbers of rows that it chooses of each piece.
    """

    def make(piece: int, columns: Columns) -> Columns:
        return rows_of_columns(columns, mask(piece, columns))

    derived = Derived(rows, lengths, make, example_of(rows))
    return tuple(None if each is None else PieceRows(derived, column) for column, each in enumerate(rows))


def with_weights(
    rows: tuple[Rows, Rows, Rows | None], weights: Callable[[Array, Array | None], Array], dtype: np.dtype[Any]
) -> tuple[Rows, Rows, Rows]:
    """Return inputs, targets and weights of the same pieces, the weights made of targets and weights when read."""

    def make(piece: int, columns: Columns) -> Columns:
        inputs, targets, given = columns
        assert targets is not None
        return inputs, targets, weights(targets, given)

    first = *example_of(rows[:2]), np.ones(1, dtype)
    derived = Derived(rows, np.asarray(pieces_of(*rows).lengths), make, first)
    return PieceRows(derived, 0), PieceRows(derived, 1), PieceRows(derived, 2)
