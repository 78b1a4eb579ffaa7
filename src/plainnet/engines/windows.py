"""An epoch over rows in pieces: windows of several pieces from all over the data are in memory one after the other.

The pieces come in a random order, and so many as make about `pieces.BLOCK_BYTES` are a window, whose rows are shuffled.
The orders of the windows, one after the other, are the order of the epoch. Batches are cut from it as from any other:
the rows behind a window's last whole batch wait for those of the next one.
"""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from bisect import bisect_right
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from plainnet._base.ahead import ahead
from plainnet._base.arrays import Array
from plainnet._base.blocks import grouped, read_together
from plainnet._base.pieces import Columns, pieces_of, row_bytes, rows_of_columns
from plainnet.engines.job import Job


class Window(NamedTuple):
    """Rows in memory, and the order in which they are trained on."""

    columns: Columns
    order: Array | None
    """Row numbers of the columns: first rows that the window before left, then those of the pieces; None for all."""
    start: int
    """The place of the first of them in this process's order of the epoch."""


class Epoch:
    """The windows of one epoch of a job."""

    def __init__(self, job: Job, random: np.random.Generator | None) -> None:
        self.job = job
        self.rows = job.inputs, job.targets, job.sample_weight
        lengths = np.asarray(pieces_of(*self.rows).lengths)
        size = row_bytes(job.inputs, job.targets)
        self.random = random
        self.groups = grouped(np.arange(len(lengths)), lengths, size)
        self.number = 0
        if random is not None and len(self.groups) > 1:
            self.groups = grouped(random.permutation(len(lengths)), lengths, size)
            self.number = int(random.integers(2**63))
        self.groups = [np.sort(group) for group in self.groups]
        self.starts = np.concatenate([[0], np.cumsum([int(lengths[group].sum()) for group in self.groups], dtype=int)])

    def order(self, window: int) -> Array:
        """Return the order of a window's rows; a single one is shuffled as an array in memory is."""
        rows = int(self.starts[window + 1] - self.starts[window])
        if self.random is None:
            return np.arange(rows)
        random = self.random if len(self.groups) == 1 else np.random.default_rng([self.number, window])
        return random.permutation(rows)

    def whole_batches(self, place: int) -> int:
        """Return where in the epoch the last batch ends that has all of its rows before a place."""
        job, rows = self.job, int(self.starts[-1])
        batch = int(place * job.batches / rows)  # about: the parts of all batches are alike
        while batch < job.batches and job.part(batch).stop <= place:
            batch += 1
        while batch and job.part(batch - 1).stop > place:
            batch -= 1
        return job.part(batch - 1).stop if batch else 0

    def windows(self, done: int) -> Iterator[Window]:
        """Yield the windows with what is left of the epoch after the first `done` rows; others are not read."""
        if not self.groups:  # a rank without rows takes part with none
            yield Window(rows_of_columns(pieces_of(*self.rows).first(), slice(0)), np.arange(0), 0)
            return
        first = max(0, bisect_right(self.starts[:-1].tolist(), done) - 1)
        heads = [max(done, self.whole_batches(int(start))) for start in self.starts[first:]]
        rooms = [int(start) - head for start, head in zip(self.starts[first:], heads, strict=True)]
        calls = (
            partial(read_together, self.rows, group, max(0, room))
            for group, room in zip(self.groups[first:], rooms, strict=False)
        )
        left: Columns = ()
        for number, columns in enumerate(ahead(calls)):
            room, order = rooms[number], self.order(first + number)
            if room > 0:
                for column, before in zip(columns, left, strict=True):
                    if column is not None and before is not None:
                        column[:room] = before
                order = np.concatenate([np.arange(room), room + order])
            else:
                order = order[-room:]
            rows = heads[number + 1] - heads[number]
            if number + 1 < len(heads) - 1:
                left = rows_of_columns(columns, order[rows:])
            if rows or number + 2 == len(heads):  # there may be no whole batch yet
                yield self._window(columns, order[:rows], heads[number])

    def _window(self, columns: Columns, order: Array, start: int) -> Window:
        if self.random is not None:
            return Window(columns, order, start)
        first = int(order[0]) if len(order) else 0  # the rows stay as they lie
        return Window(rows_of_columns(columns, slice(first, first + len(order))), None, start)
