"""`numpy.memmap` arrays, larger than memory perhaps, as rows in pieces.

A memmap no larger than a block is taken for the ordinary array that it is.
"""

from __future__ import annotations

import math
import mmap
from functools import cached_property
from typing import Any

import numpy as np

from plainnet._base import pieces as in_pieces
from plainnet._base.arrays import Array
from plainnet._base.pieces import Check, Columns, PieceRows, Pieces, Rows


class MappedPieces(Pieces):
    """The rows of a memmap, in ranges of as many rows each; the last has fewer."""

    can_be_cut = True

    def __init__(self, file: np.memmap[Any, Any]) -> None:
        self._file = file
        self._rows = max(1, in_pieces.PIECE_BYTES // max(1, file[:1].nbytes))

    @cached_property
    def lengths(self) -> Array:
        """Return the number of rows of each range."""
        return in_pieces.ranges(len(self._file), self._rows)

    def first(self) -> Columns:
        """Return the first row."""
        return (self._file[:1],)

    def read(self, piece: int) -> Columns:
        """Return the rows of a range."""
        return self.part(piece, slice(0, self._rows))

    def part(self, piece: int, rows: slice) -> Columns:
        """Return some rows of a range, without reading the others."""
        start = piece * self._rows
        found = np.array(self._file[start + rows.start : min(start + rows.stop, start + self._rows)])
        release(self._file)
        return (found,)


def rows_of(values: Any, check: Check) -> Rows:
    """Return check(values); for rows in pieces and memmaps larger than a block those that it checks as they are read.

    Pieces that are one block together are read into memory, as such a memmap is.
    """
    if isinstance(values, PieceRows):
        rows = values if values.check else PieceRows(values.pieces, values.column, check)
        return rows[:] if _may_fit(math.prod(rows.shape)) else rows
    if isinstance(values, np.memmap) and not _may_fit(values.size):
        return PieceRows(MappedPieces(values), 0, check)
    return check(values)


def _may_fit(numbers: int) -> bool:
    return numbers * np.dtype(np.float64).itemsize <= in_pieces.BLOCK_BYTES


def files_of(*values: Any) -> tuple[str, ...]:
    """Return the files that any of the arrays, or the arrays they are views of, are mapped or read from."""
    files: list[str] = []
    for value in values:
        array: Any = value
        if isinstance(array, PieceRows):
            files += array.pieces.files
        while isinstance(array, np.ndarray):
            if isinstance(array, np.memmap) and array.filename is not None:
                files.append(str(array.filename))
            array = array.base
    return tuple(dict.fromkeys(files))


def release(file: np.memmap[Any, Any]) -> None:
    """Give back the memory of the file's pages that have been read; the system reads them again when they are used.

    It would do so by itself when memory runs short; until then a process that reads a file seems to hold all of it.
    A map whose changes are private ("c") would lose them, and is left alone.
    """
    mapped: Any = file
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap) and file.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
