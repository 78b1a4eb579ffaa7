"""Rows in pieces: more of them than memory holds, read a few pieces at a time.

What goes over data takes `Rows`: an ordinary array, or `PieceRows`, which are one column of `Pieces`. The pieces may be
row groups of files, ranges of lines or of a `numpy.memmap`; each is read by itself, its columns together.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from plainnet._base.ahead import ahead
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
    """Rows in pieces, each of which fits into memory several times.

    A subclass gives `lengths` and `read`. Training reads from another thread, one piece at a time.
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

        They may be of any type that `Network.fit` takes; arrays that are of the network's dtype need no conversion.
        """

    def first(self) -> Columns:
        """Return the columns of one row, which tell the shapes and types of all."""
        for piece, length in enumerate(self.lengths):
            if length:
                return rows_of_columns(self.read(piece), slice(0, 1))
        raise InvalidValue("there is no row in any of the pieces")

    def part(self, piece: int, rows: slice) -> Columns:
        """Return some rows of a piece that stand together."""
        return rows_of_columns(self.read(piece), rows)

    def place(self, piece: int, row: int) -> str:
        """Say where a row of a piece stands, for a message: "rows.parquet, row 7"; "" if its number says it."""
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
        length = PIECE_BYTES // sum(row_bytes(each) for each in given)
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


def ranges(rows: int, length: int) -> Array:
    """Return the lengths of ranges of so many rows each; the last may have fewer."""
    return np.diff(np.append(np.arange(0, rows, length), rows))


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


def are_in_pieces(*rows: Rows | None) -> bool:
    """Return True if any of the columns is read piece by piece."""
    return any(isinstance(each, PieceRows) for each in rows)


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


def pieces_of(*rows: Rows | None) -> Pieces:
    """Return the pieces of columns that `together` gave."""
    return next(each.pieces for each in rows if isinstance(each, PieceRows))


def row_bytes(*rows: Rows | None) -> int:
    """Return the bytes of one row of all columns."""
    return sum(math.prod(each.shape[1:]) * each.dtype.itemsize for each in rows if each is not None)


def blocks(*rows: Rows | None) -> Iterator[tuple[slice, Columns]]:
    """Yield columns that have as many rows as each other a block of rows at a time, and which rows it holds.

    Arrays in memory are one block, unless they have no rows. A block of pieces has about BLOCK_BYTES, and the next one
    is read meanwhile.
    """
    columns = together(*rows)
    if not are_in_pieces(*columns):
        whole = next(each for each in columns if each is not None)
        if len(whole):
            yield slice(0, len(whole)), tuple(None if each is None else each[:] for each in columns)
        return
    pieces = pieces_of(*columns)
    groups = grouped(np.arange(len(pieces.lengths)), np.asarray(pieces.lengths), row_bytes(*columns))
    done = 0
    for found in ahead(lambda group=group: read_together(columns, group) for group in groups):  # type: ignore[misc]
        length = next(len(column) for column in found if column is not None)
        yield slice(done, done + length), found
        done += length


def window_rows(*rows: Rows | None) -> int:
    """Return about how many rows of these columns are in memory at a time."""
    return max(1, BLOCK_BYTES // row_bytes(*rows))


def each_piece(*rows: Rows | None) -> Iterator[tuple[int, Columns]]:
    """Yield each piece that has rows, by number, with its columns; `together` gave the columns."""
    pieces = pieces_of(*rows)
    numbers = np.flatnonzero(np.asarray(pieces.lengths)).tolist()
    each = ahead(lambda piece=piece: read_piece(rows, piece) for piece in numbers)  # type: ignore[misc]
    yield from zip(numbers, each, strict=True)


def grouped(order: Array, lengths: Array, row_size: int) -> list[Array]:
    """Return the numbers of pieces in groups of about BLOCK_BYTES, in this order; those without rows are left out."""
    order = order[lengths[order] > 0]
    most = max(1, BLOCK_BYTES // row_size)
    groups: list[Array] = []
    first = 0
    before = np.concatenate([[0], np.cumsum(lengths[order])])
    while first < len(order):
        last = max(first + 1, int(np.searchsorted(before, before[first] + most, side="right")) - 1)
        groups.append(order[first:last])
        first = last
    return groups


def read_together(rows: Sequence[Rows | None], pieces: Array, room: int = 0) -> Columns:
    """Return the rows of some pieces, one after the other in new arrays, with room for `room` rows before them."""
    source = pieces_of(*rows)
    length = room + int(np.asarray(source.lengths)[pieces].sum())
    made = [np.empty((length, *each.shape[1:]), each.dtype) if each is not None else None for each in rows]
    done = room
    for piece in pieces.tolist():
        for column, own in zip(read_piece(rows, piece), made, strict=True):
            if column is not None and own is not None:
                own[done : done + len(column)] = column
        done += int(source.lengths[piece])
    return tuple(made)


def read_piece(rows: Sequence[Rows | None], piece: int) -> Columns:
    """Return a piece of columns of the same pieces."""
    columns = pieces_of(*rows).read(piece)
    return tuple(each.of(columns, piece) if isinstance(each, PieceRows) else None for each in rows)
