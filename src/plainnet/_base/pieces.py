"""Rows in pieces: more of them than memory holds, read a few pieces at a time.

What goes over data takes `Rows`: an ordinary array, or `PieceRows`, which are one column of `Pieces`. The pieces may be
row groups of files, ranges of lines or of a `numpy.memmap`; each is read by itself, its columns together.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidRow, InvalidValue

BLOCK_BYTES = 64 * 2**20
"""About the number of bytes of rows that are worked on at a time; as many are read meanwhile."""

PIECE_BYTES = 4 * 2**20
"""The bytes of a piece of what can be cut anywhere: several from all over a file are shuffled with each other."""

Columns: TypeAlias = tuple[Array | None, ...]
"""The inputs, targets and weights of some rows; None for what there is not."""

Check: TypeAlias = Callable[[Any], Array]


class Pieces(ABC):
    """Pieces are rows of which memory does not hold all: each piece is read by itself, and fits several times.

    A subclass gives `lengths` and `read`. Training reads from another thread, one piece at a time.

    >>> import numpy as np
    >>> import plainnet as pn
    >>> class Doubles(pn.Pieces):
    ...     lengths = [3, 2]
    ...
    ...     def read(self, piece):
    ...         x = np.arange(self.lengths[piece]).reshape(-1, 1) + 3.0 * piece
    ...         return x, 2 * x
    >>> pieces = Doubles()
    >>> net = pn.Network(pn.Dense(1), seed=1)
    >>> history = net.fit(pieces.inputs, pieces.targets, loss="mse", epochs=2)
    >>> pieces.inputs.shape, history.epoch, net.predict(pieces.inputs).shape
    ((5, 1), [1, 2], (5, 1))
    """

    files: tuple[str, ...] = ()
    """The files that the rows are read from; nothing is saved over them."""

    can_be_cut = False
    """True if `part` reads those rows alone, so that pieces of any other lengths are as good."""

    @property
    @abstractmethod
    def lengths(self) -> Sequence[int] | Array:
        """Return the number of rows of each piece; some may have none."""

    @abstractmethod
    def read(self, piece: int) -> Columns:
        """Return the inputs (rows, features), the targets and the weights, or None, of a piece: the same at each call.

        `piece` is its number, from 0. The columns may be of any type that `Network.fit` takes; arrays that are of the
        network's dtype need no conversion.
        """

    def first(self) -> Columns:
        """Return the columns of one row, which tell the shapes and types of all."""
        for piece, length in enumerate(self.lengths):
            if length:
                return rows_of_columns(self.read(piece), slice(0, 1))
        raise InvalidValue("there is no row in any of the pieces")

    def part(self, piece: int, rows: slice) -> Columns:
        """Return some `rows` of a `piece` that stand together."""
        return rows_of_columns(self.read(piece), rows)

    def place(self, piece: int, row: int) -> str:
        """Return where a `row` of a `piece` stands, for a message: "rows.parquet, row 7"; "" if its number says it."""
        return ""

    @cached_property
    def starts(self) -> Array:
        """The number of rows before each piece, and behind these that of all rows."""
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])

    @property
    def inputs(self) -> PieceRows:
        """Return the inputs as what `Network.fit`, `evaluate` and `predict` take for X."""
        return PieceRows(self, 0)

    @property
    def targets(self) -> PieceRows:
        """Return the targets as what `Network.fit` and `evaluate` take for y."""
        return PieceRows(self, 1)

    @property
    def weights(self) -> PieceRows | None:
        """Return the weights as what `Network.fit` and `evaluate` take for sample_weight; None if there are none."""
        first = self.first()
        return PieceRows(self, 2) if len(first) > 2 and first[2] is not None else None


def rows_of_columns(columns: Columns, rows: slice | Array) -> Columns:
    """Return some rows of all columns."""
    return tuple(None if column is None else column[rows] for column in columns)


class PieceRows:
    """One column of pieces; its slices are ordinary arrays, passed through `check` as they are read."""

    def __init__(self, pieces: Pieces, column: int, check: Check | None = None) -> None:
        self.pieces, self.column, self.check = pieces, column, check
        (example,) = pieces.first()[column : column + 1]
        if example is None:
            raise InvalidValue("the pieces do not have this column")
        shape = (int(pieces.starts[-1]), *np.shape(example)[1:])
        try:
            example = self._checked(example)
        except InvalidRow:
            raise
        except InvalidValue as error:  # of a shape that does not fit: that of all rows is the one to name
            raise InvalidValue(str(error).replace(str(np.shape(example)), str(shape))) from None
        self.shape = (shape[0], *example.shape[1:])
        self.dtype = example.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Array:
        """Return the rows start:stop as an array of their own."""
        start, stop, _ = rows.indices(len(self))
        result = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        done, starts = 0, self.pieces.starts
        piece = int(np.searchsorted(starts, start, side="right")) - 1
        while done < len(result):
            first = start + done - int(starts[piece])
            part = slice(first, min(int(starts[piece + 1]), stop) - int(starts[piece]))
            found = self.of(self.pieces.part(piece, part), piece, first)
            result[done : done + len(found)] = found
            done, piece = done + len(found), piece + 1
        return result

    def of(self, columns: Columns, piece: int, first: int = 0) -> Array:
        """Return this column, checked, of rows that were read of a piece, from its row `first` on."""
        column = columns[self.column]
        assert column is not None
        if not len(column):
            return np.empty((0, *self.shape[1:]), self.dtype)
        try:
            return self._checked(column)
        except InvalidRow as error:
            place = self.pieces.place(piece, first + error.row)
            where = f" ({place.replace('{', '{{')})" if place else ""
            raise InvalidRow(error.message + where, error.row).moved(int(self.pieces.starts[piece]) + first) from None

    def take(self, numbers: Array) -> Array:
        """Return the rows of these numbers, which ascend."""
        cuts = np.searchsorted(numbers, self.pieces.starts)
        found = [
            self.of(self.pieces.read(piece), piece)[numbers[cuts[piece] : cuts[piece + 1]] - self.pieces.starts[piece]]
            for piece in np.flatnonzero(np.diff(cuts)).tolist()
        ]
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *found])

    def _checked(self, column: Any) -> Array:
        return np.asarray(column) if self.check is None else self.check(column)


Rows: TypeAlias = Array | PieceRows
"""Examples, targets or the like: (examples, ...)."""


def ranges(rows: int, length: int) -> Array:
    """Return the lengths of ranges of so many rows each; the last may have fewer."""
    return np.diff(np.append(np.arange(0, rows, length), rows))


def are_in_pieces(*rows: Rows | None) -> bool:
    """Return True if any of the columns is read piece by piece."""
    return any(isinstance(each, PieceRows) for each in rows)


def pieces_of(*rows: Rows | None) -> Pieces:
    """Return the pieces of columns that `together` gave."""
    return next(each.pieces for each in rows if isinstance(each, PieceRows))


def row_bytes(*rows: Rows | None) -> int:
    """Return the bytes of one row of all columns."""
    return sum(math.prod(each.shape[1:]) * each.dtype.itemsize for each in rows if each is not None)


def read_piece(rows: Sequence[Rows | None], piece: int) -> Columns:
    """Return a piece of columns of the same pieces."""
    columns = pieces_of(*rows).read(piece)
    return tuple(each.of(columns, piece) if isinstance(each, PieceRows) else None for each in rows)
