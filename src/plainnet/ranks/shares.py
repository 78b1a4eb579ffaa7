"""Shares say which rows of each rank make up each global batch.

Every batch has as many rows as `batch_size` says, whatever the ranks hold. After b batches the E = b · batch_size rows
that have had their turn are apportioned to the ranks by Webster's method, as seats of a parliament are to parties by
their votes: seat j of a rank that holds n rows has the priority (2j - 1) / n, and the E lowest priorities have had
their turn (Balinski & Young, Fair Representation, 1982). So the rows of each rank are spread evenly over the epoch, a
rank's count never falls, and after the last batch it is the rank's number of rows.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from plainnet._base.arrays import Array

TABLE_NUMBERS = 2**16
"""About how many counts are computed and kept at a time."""

NUMBERS_LOOKED_AT = 2**20
"""Epochs of no more counts are gone through for `sizes`, which takes a tenth of a second."""


class Shares:
    """The part that each of several ranks has in each global batch of an epoch, as seen from one `rank`.

    `rows` are the numbers of rows that the ranks hold, some perhaps 0; `batch_size` None is one batch of all rows. The
    rows of a global batch are those of rank 0, then those of rank 1 and so on. Nothing is kept for all batches at once.
    """

    def __init__(self, rows: Sequence[int], batch_size: int | None, rank: int) -> None:
        self.rows = tuple(int(count) for count in rows)
        self.rank = rank
        self.total = sum(self.rows)
        self.batch_size = max(1, self.total) if batch_size is None else batch_size
        self.batches = -(-self.total // self.batch_size)
        """The number of global batches in an epoch; the last may be smaller than the others."""
        self._first, self._table = 0, np.empty((0, len(self.rows)), np.int64)

    def slice(self, batch: int) -> slice:
        """Return the places in this rank's order of an epoch that belong to a batch; there may be none."""
        start, stop = self._cuts(batch)[:, self.rank]
        return slice(int(start), int(stop))

    def rows_of(self, batch: int) -> int:
        """Return the number of rows of a whole batch."""
        return min(self.batch_size, self.total - batch * self.batch_size)

    def before(self, batch: int) -> int:
        """Return the number of rows of a batch that lower ranks hold: they stand before this rank's."""
        start, stop = self._cuts(batch)[:, : self.rank].sum(axis=1)
        return int(stop - start)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Return the numbers of rows, in ascending order, that this rank's part of a batch may have.

        They are those that occur; for a very long epoch all between two bounds, a few more than occur.
        """
        if self.batches * len(self.rows) > NUMBERS_LOOKED_AT:
            return self._possible_sizes()
        ends = self.counts(0, self.batches)[:, self.rank]
        return tuple(np.unique(np.diff(ends)).tolist())

    def counts(self, first: int, last: int) -> Array:
        """Return how many rows of each rank have had their turn before the batches first, ..., last.

        The shape is (last - first + 1, ranks), and `last` may be `batches`: that row holds the ranks' own numbers.
        """
        rows = np.array(self.rows, np.float64)
        seats = np.minimum(np.arange(first, last + 1) * self.batch_size, self.total)
        with np.errstate(divide="ignore", invalid="ignore"):  # a rank without rows has an infinite priority
            return _apportioned(rows, seats, self.total)

    def _cuts(self, batch: int) -> Array:
        """Return the two rows of `counts` between which a batch lies, (2, ranks)."""
        place = batch - self._first
        if not 0 <= place < len(self._table) - 1:
            more = max(1, TABLE_NUMBERS // len(self.rows))
            self._first, place = batch, 0
            self._table = self.counts(batch, min(batch + more, self.batches))
        return self._table[place : place + 2]

    def _possible_sizes(self) -> tuple[int, ...]:
        """Return bounds of the size of a part, and what lies between.

        There is a d for which each count lies within 1/2 of d · n. Summed over R ranks, E lies within R / 2 of d times
        all rows; so between two ends that are B rows apart d grows by B / rows, give or take R / rows.
        """
        sizes: set[int] = set()
        for whole in {self.batch_size, self.rows_of(self.batches - 1)}:
            low, high = ((whole + sign * len(self.rows)) * self.rows[self.rank] / self.total + sign for sign in (-1, 1))
            sizes.update(range(max(0, int(np.ceil(low))), min(whole, int(high)) + 1))
        return tuple(sorted(sizes))


def _apportioned(rows: Array, seats: Array, total: int) -> Array:
    """Return the count of each rank, a row for each number of `seats`."""

    def priorities(counts: Array) -> Array:
        return (2 * counts - 1) / rows

    below = 2.0 * seats[:, None] / max(1, total)  # a first guess: all of a priority below this
    counts = np.ceil((below * rows + 1) / 2) - 1
    counts -= priorities(counts) >= below  # rounding may have moved the guess by one
    counts += priorities(counts + 1) < below
    lacking = seats - counts.sum(axis=1).astype(np.int64)
    while lacking.any():  # at most half as often as there are ranks; of equal priorities the lower rank's comes first
        more, fewer = np.flatnonzero(lacking > 0), np.flatnonzero(lacking < 0)
        counts[more, priorities(counts[more] + 1).argmin(axis=1)] += 1
        last = len(rows) - 1 - priorities(counts[fewer])[:, ::-1].argmax(axis=1)
        counts[fewer, last] -= 1
        lacking -= np.sign(lacking)
    return counts.astype(np.int64)
