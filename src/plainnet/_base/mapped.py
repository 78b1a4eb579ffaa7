"""Rows of files larger than memory: `numpy.memmap` arrays, read a block at a time.

What goes over data takes `Rows`: an ordinary array, which is one block, or `MappedRows`, whose slices are ordinary
arrays. A memmap no larger than a block is taken for the ordinary array that it is.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidRow, InvalidValue

BLOCK_BYTES = 64 * 2**20
"""About the number of bytes of the files that are in memory at a time."""

PIECE_BYTES = 4 * 2**20
"""The part of it that is checked and converted at a time."""


class MappedRows:
    """The rows of a file, passed through `check` as they are read; of `chosen`, a boolean a row, only those."""

    def __init__(self, file: np.memmap[Any, Any], check: Callable[[Any], Array], chosen: Array | None = None) -> None:
        self._file, self._check, self._chosen = file, check, chosen
        try:
            example = check(file[:1])
        except InvalidRow:
            raise
        except InvalidValue as error:  # of a shape that does not fit: the whole file's is the one to name
            raise InvalidValue(str(error).replace(str((1, *file.shape[1:])), str(file.shape))) from None
        rows = len(file) if chosen is None else int(np.count_nonzero(chosen))
        self.shape = (rows, *example.shape[1:])
        self.dtype = example.dtype
        self.row_bytes = example.nbytes
        self._piece_rows = max(1, PIECE_BYTES // max(file[:1].nbytes, example.nbytes))
        self._before = np.arange(0, len(file), self._piece_rows)  # for each piece the number of rows before it
        if chosen is not None:
            counts = np.add.reduceat(chosen, self._before, dtype=int)
            self._before = np.cumsum(counts) - counts

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Array:
        """Return the rows start:stop as an array of their own."""
        start, stop, _ = rows.indices(len(self))
        block = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        piece = int(np.searchsorted(self._before, start, side="right")) - 1
        while start < stop:
            found = self._piece(piece)[start - self._before[piece] :][: stop - start]
            block[len(block) - (stop - start) :][: len(found)] = found
            start, piece = start + len(found), piece + 1
            release(self._file)
        return block

    def _piece(self, piece: int) -> Array:
        first = piece * self._piece_rows
        within = slice(first, first + self._piece_rows)
        try:
            rows = self._check(self._file[within])
        except InvalidRow as error:
            raise error.moved(first) from None
        return rows if self._chosen is None else rows[self._chosen[within]]

    def choose(self, chosen: Array) -> MappedRows:
        """Only the rows for which `chosen` is true."""
        return MappedRows(self._file, self._check, chosen)


Rows: TypeAlias = Array | MappedRows
"""Examples, targets or the like: (examples, ...)."""


def rows_of(values: Any, check: Callable[[Any], Array]) -> Rows:
    """Return check(values), or for a memmap larger than one block MappedRows that check each block when it is read."""
    if isinstance(values, MappedRows):
        return values
    may_fit = not isinstance(values, np.memmap) or values.size * np.dtype(np.float64).itemsize <= BLOCK_BYTES
    return check(values) if may_fit else MappedRows(values, check)


def are_mapped(*arrays: Rows) -> bool:
    """Return True if any of the arrays is read from a file block by block."""
    return any(isinstance(array, MappedRows) for array in arrays)


def block_rows(*arrays: Rows, multiple_of: int = 1) -> int:
    """Return the number of rows of a block, a multiple of `multiple_of`; arrays in memory are one block.

    All blocks have as many but the last, and that about as many.
    """
    rows = len(arrays[0])
    if not are_mapped(*arrays):
        return rows
    row_bytes = sum(array.row_bytes if isinstance(array, MappedRows) else array[:1].nbytes for array in arrays)
    multiples, most = -(-rows // multiple_of), max(1, BLOCK_BYTES // (row_bytes * multiple_of))
    count = -(-multiples // most)
    return -(-multiples // count) * multiple_of


def blocks(*arrays: Rows) -> list[slice]:
    """Slices that go over the rows of the arrays, which have as many as each other, a block at a time."""
    size = max(1, block_rows(*arrays))
    return [slice(start, start + size) for start in range(0, len(arrays[0]), size)]


def choose(rows: Rows, chosen: Array) -> Rows:
    """Only the rows for which `chosen`, a boolean a row, is true."""
    return rows.choose(chosen) if isinstance(rows, MappedRows) else rows[chosen]


def files_of(*values: Any) -> tuple[str, ...]:
    """Return the files that any of the arrays, or the arrays they are views of, are mapped from."""
    files = []
    for value in values:
        array: Any = value
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
