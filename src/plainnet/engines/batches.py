"""The examples of an epoch, in the order in which a job takes them: what every engine goes over.

Arrays in memory are one block. Rows in pieces come in the windows of `plainnet.engines.windows`.

Where several ranks train together, each goes over its own rows. For each epoch all draw the same number from the same
stream, and each makes its own order of it; `Job.part` says which rows in this order belong to which batch.
"""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pieces import PieceRows
from plainnet.engines.job import Job
from plainnet.engines.windows import Epoch


class Block(NamedTuple):
    """Examples in memory, as many as fit, and the order to take them in."""

    inputs: Array
    targets: Array
    sample_weight: Array | None
    order: Array | None
    """Row numbers within the block, cut into batches one after the other; None is 0, 1, 2, ..."""
    rows_done: int
    """The number of rows, in this order, that have had their turn."""
    start: int = 0
    """The place of the block's first row in this process's order of the epoch."""

    @property
    def rows(self) -> int:
        """Return the number of rows; there may be others in the arrays."""
        return len(self.inputs if self.order is None else self.order)


def remaining_blocks(job: Job) -> Iterator[Block]:
    """Yield what is left of the present epoch; its order is drawn at its start, and the same one again later in it."""
    shuffles = job.shuffle and job.batch_size is not None
    if isinstance(job.inputs, np.ndarray) and isinstance(job.targets, np.ndarray):
        order = _order(job) if shuffles else None
        assert not isinstance(job.sample_weight, PieceRows)
        yield Block(job.inputs, job.targets, job.sample_weight, order, job.part(job.batches_done).start)
    else:
        yield from _blocks_in_windows(job, _epoch_random(job) if shuffles else None)


def _order(job: Job) -> Array:
    """Return the present epoch's order of rows in memory."""
    if job.draw_order is None:
        return _epoch_random(job).permutation(len(job.inputs))
    if job.batches_done == 0 or job.drawn_order is None:
        job.drawn_order = job.draw_order(len(job.inputs))
    return job.drawn_order


Batch = tuple[Array, Array, Array | None]
"""Inputs, targets and sample weights of one step."""


def remaining_batches(job: Job) -> Iterator[Batch]:
    """Yield the batches of the present epoch that are still to come, of each what this process has of it."""
    batch = job.batches_done
    for block in remaining_blocks(job):
        end = block.start + block.rows
        while batch < job.batches and (part := job.part(batch)).stop <= end:
            within = slice(part.start - block.start, part.stop - block.start)
            chosen = within if block.order is None else block.order[within]
            weight = None if block.sample_weight is None else rows_of(block.sample_weight, chosen)
            yield rows_of(block.inputs, chosen), rows_of(block.targets, chosen), weight
            batch += 1


def rows_of(array: Array, chosen: slice | Array) -> Array:
    """Return the chosen rows; `take` copies scattered ones faster than indexing does."""
    return array[chosen] if isinstance(chosen, slice) else array.take(chosen, axis=0)


def _blocks_in_windows(job: Job, random: np.random.Generator | None) -> Iterator[Block]:
    done = job.part(job.batches_done).start
    for (inputs, targets, weights), order, start in Epoch(job, random).windows(done):
        assert inputs is not None
        assert targets is not None
        yield Block(inputs, targets, weights, order, 0, start)


def _epoch_random(job: Job) -> np.random.Generator:
    return stream_of_rank(job, _shuffling(job))


def stream_of_rank(job: Job, stream: np.random.Generator) -> np.random.Generator:
    """Return what an order is drawn from; of several ranks each has a stream of its own, by a common number."""
    if job.ranks is None:
        return stream
    return np.random.default_rng([int(stream.integers(2**63)), job.ranks.rank])


def _shuffling(job: Job) -> np.random.Generator:
    """Return the network's shuffling stream at the start of an epoch, later a stream that draws the same again."""
    if job.batches_done == 0:
        job.order_state = job.network.shuffling.bit_generator.state
        return job.network.shuffling
    again = np.random.default_rng()
    again.bit_generator.state = job.order_state
    return again
