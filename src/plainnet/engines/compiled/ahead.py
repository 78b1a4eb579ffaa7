"""Random numbers and orders of rows, drawn by NumPy for all steps of the next call of the machine code.

So they are the very numbers of the NumPy engine. A call that ends early, on a loss that is not finite, has used fewer
than were drawn: then the stream goes back to where it was and draws again what was used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.batches import remaining_blocks, stream_of_rank
from plainnet.engines.compiled.step import Draw
from plainnet.engines.job import Job


class StepDraws:
    """The random numbers of a pass: one record per step, with an array for each draw."""

    def __init__(self, job: Job, draws: Sequence[Draw]) -> None:
        self.stream = job.network.dropout
        self.draws = draws
        self.offsets, self.record_bytes = offsets(draws)
        self.dense = len({(draw.method, draw.dtype) for draw in draws}) == 1
        self.records = np.zeros((0, self.record_bytes), np.uint8)

    def ahead(self, sizes: Sequence[Any]) -> Array:
        """Return the records of steps whose batches have these sizes, as places in each draw's shapes."""
        if not self.draws:
            return self.records
        self.sizes, self.before = sizes, self.stream.bit_generator.state
        if len(self.records) < len(sizes):
            self.records = np.zeros((len(sizes), self.record_bytes), np.uint8)
        self._draw(sizes)
        return self.records

    def settle(self, steps: int) -> None:
        """Have the stream stand where it stands after so many of the steps."""
        if self.draws and steps < len(self.sizes):
            self.stream.bit_generator.state = self.before
            self._draw(self.sizes[:steps])

    def _draw(self, sizes: Sequence[Any]) -> None:
        first = self.draws[0]
        step = 0
        while step < len(sizes):
            stop = step
            while self.dense and stop < len(sizes) and sizes[stop] == 0:
                stop += 1
            if stop > step:  # records of whole batches follow each other without a gap
                self._fill(first, self.records[step:stop].reshape(-1).view(first.dtype))
                step = stop
                continue
            for draw, offset in zip(self.draws, self.offsets, strict=True):
                count = math.prod(draw.shapes[sizes[step]])
                own = self.records[step, offset : offset + count * draw.dtype.itemsize]
                self._fill(draw, own.view(draw.dtype))
            step += 1

    def _fill(self, draw: Draw, out: Array) -> None:
        getattr(self.stream, draw.method)(out=out, dtype=draw.dtype)


def offsets(draws: Sequence[Draw]) -> tuple[tuple[int, ...], int]:
    """Return where each draw begins in a record, and the bytes of a record."""
    found, end = [], 0
    for draw in draws:
        end = -(-end // draw.dtype.itemsize) * draw.dtype.itemsize
        found.append(end)
        end += max(map(math.prod, draw.shapes)) * draw.dtype.itemsize
    largest = max((draw.dtype.itemsize for draw in draws), default=1)
    return tuple(found), -(-end // largest) * largest


class Orders:
    """The order of the rows of each epoch of a set in memory."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stream = job.network.shuffling
        self.present: Array | None = None
        """The order of the epoch that has begun."""

    def ahead(self, epochs: int) -> Array:
        """Return the orders of the present epoch or, where one begins, of the next ones."""
        job, rows = self.job, len(self.job.inputs)
        self.before = None
        if job.batches_done:
            if self.present is None:
                order = next(remaining_blocks(job)).order
                assert order is not None
                self.present = order[None]
            return self.present
        self.before = self.stream.bit_generator.state
        self.drawn = np.empty((epochs, rows), np.int64)
        self._draw(epochs)
        return self.drawn

    def settle(self, epochs: int) -> None:
        """Have the stream stand where it stands after the first of the orders that `ahead` gave."""
        if self.before is None:
            return
        if epochs < len(self.drawn):
            self.stream.bit_generator.state = self.before
            self._draw(epochs)
        self.present = self.drawn[epochs - 1 : epochs]

    def _draw(self, epochs: int) -> None:
        for epoch in range(epochs):
            if epoch == epochs - 1:
                self.job.order_state = self.stream.bit_generator.state
            self.drawn[epoch] = stream_of_rank(self.job, self.stream).permutation(self.drawn.shape[1])
