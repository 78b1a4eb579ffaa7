"""Go over rows in pieces as many at a time as make a block, while the next ones are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from plainnet._base import pieces as in_pieces
from plainnet._base.ahead import ahead
from plainnet._base.arrays import Array
from plainnet._base.derived_pieces import together
from plainnet._base.pieces import Columns, Rows, are_in_pieces, pieces_of, read_piece, row_bytes


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
    return max(1, in_pieces.BLOCK_BYTES // row_bytes(*rows))


def each_piece(*rows: Rows | None) -> Iterator[tuple[int, Columns]]:
    """Yield each piece that has rows, by number, with its columns; `together` gave the columns."""
    pieces = pieces_of(*rows)
    numbers = np.flatnonzero(np.asarray(pieces.lengths)).tolist()
    each = ahead(lambda piece=piece: read_piece(rows, piece) for piece in numbers)  # type: ignore[misc]
    yield from zip(numbers, each, strict=True)


def grouped(order: Array, lengths: Array, row_size: int) -> list[Array]:
    """Return the numbers of pieces in groups of about BLOCK_BYTES, in this order; those without rows are left out."""
    order = order[lengths[order] > 0]
    most = max(1, in_pieces.BLOCK_BYTES // row_size)
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
