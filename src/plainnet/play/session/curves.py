"""A Curve keeps loss, validation loss and a metric of a run over the epochs, in bounded memory."""

import numpy as np

from plainnet._base.arrays import Array

MOST = 2_000
"""The most rows that are kept; then they become half as many."""

COLUMNS = 4
"""Epoch, loss, validation loss, first metric; NaN where there is none."""


class Curve:
    """Rows of numbers over the epochs; of each stretch of `every` epochs those stay that have an extreme number.

    So a peak of one epoch is still there after a million. All stretches are equally long, and twice as long whenever
    there are more than MOST rows. Rows that have been sent stay as they are until then, but for the latest.
    """

    def __init__(self) -> None:
        self.rows = np.empty((0, COLUMNS))
        """The rows of all whole stretches."""
        self.begun = np.empty((0, COLUMNS))
        """The rows of the stretch that is not over yet."""
        self.every = 1.0
        self._sent = 0
        """The number of `rows` that were sent the last time, and that will stay."""

    def add(self, rows: Array) -> None:
        """Add rows of later epochs, (rows, COLUMNS)."""
        self.begun = np.concatenate([self.begun, rows])
        if not len(self.begun):
            return
        stretch = self._stretches(self.begun)
        is_over = stretch < stretch[-1]
        if is_over.any():
            self.rows = np.concatenate([self.rows, self._extremes(self.begun[is_over])])
            self.begun = self.begun[~is_over]
        while len(self.rows) > MOST:
            self.every *= 2
            self.rows = self._extremes(self.rows)
            self._sent = 0
        if len(self.begun) > MOST:
            self.begun = np.concatenate([self._extremes(self.begun[:-1]), self.begun[-1:]])

    @property
    def last_epoch(self) -> float:
        """Return the epoch of the latest row, -1 without one."""
        latest = self.begun if len(self.begun) else self.rows
        return float(latest[-1, 0]) if len(latest) else -1.0

    def since(self, have: int) -> tuple[int, Array]:
        """Return what is new for a page that has the first `have` rows: the place where it begins, and the rows.

        The page drops what it has from that place on. The latest row is always the last.
        """
        begin = min(have, self._sent)
        self._sent = len(self.rows)
        return begin, np.concatenate([self.rows[begin:], self.begun[-1:]])

    def all(self) -> Array:
        """Return all rows, (rows, COLUMNS)."""
        return np.concatenate([self.rows, self.begun])

    def _stretches(self, rows: Array) -> Array:
        return np.floor(rows[:, 0] / self.every)

    def _extremes(self, rows: Array) -> Array:
        """Return the rows with the lowest or highest number of a column in their stretch."""
        stretch = self._stretches(rows)
        starts = np.flatnonzero(np.diff(stretch, prepend=-np.inf))
        group = np.cumsum(np.diff(stretch, prepend=stretch[:1]) != 0)
        kept = np.zeros(len(rows), bool)
        for column in rows[:, 1:].T:
            if np.isnan(column).all():
                continue
            for extreme, missing in ((np.fmin, np.inf), (np.fmax, -np.inf)):
                values = np.where(np.isnan(column), missing, column)
                found = np.flatnonzero(values == extreme.reduceat(values, starts)[group])
                kept[found[np.diff(group[found], prepend=-1) != 0]] = True  # the first one of each stretch
        kept[[0]] = True
        return rows[kept]
