"""The rows of all pieces are dealt out to the ranks, as many to each, in the order of the files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from plainnet.tabular.raw_table import RawTable

if TYPE_CHECKING:
    from plainnet.tabular.streaming.file_pieces import FilePiece


@dataclass(frozen=True)
class Portion:
    """A Portion is a piece of a file, or those of its rows that fall to one rank."""

    piece: FilePiece
    start: int
    """Its first row in the piece."""
    stop: int
    number: int
    """The number of that row among the rows of all files, counted from 0."""

    def read(self, columns: Collection[str] | None = None) -> RawTable:
        """Read the rows; see `FilePiece.read`."""
        raw = self.piece.read(columns)
        if len(self) == self.piece.rows:
            return raw
        place, quoted = raw.place, {}
        for column, rows in raw.quoted.items():
            within = rows[(rows >= self.start) & (rows < self.stop)] - self.start
            if len(within):
                quoted[column] = within
        frame = raw.frame[self.start : self.stop]
        return replace(raw, frame=frame, place=lambda row: place(row + self.start), quoted=quoted)

    @property
    def numbers(self) -> np.ndarray:
        """Return the numbers of its rows among those of all files."""
        return np.arange(self.number, self.number + len(self))

    @property
    def first(self) -> int:
        """Return the number of rows of the file before it."""
        return self.piece.first + self.start

    def __len__(self) -> int:
        return self.stop - self.start


def portions_of(pieces: Sequence[FilePiece], size: int = 1, rank: int = 0) -> list[Portion]:
    """Return what falls to one of so many ranks: the rows from rank/size to (rank + 1)/size of all."""
    total = sum(piece.rows for piece in pieces)
    begin, end = total * rank // size, total * (rank + 1) // size
    found, before = [], 0
    for piece in pieces:
        start, stop = max(begin, before), min(end, before + piece.rows)
        if start < stop:
            found.append(Portion(piece, start - before, stop - before, start))
        before += piece.rows
    return found
