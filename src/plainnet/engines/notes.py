"""An engine notes these numbers while it runs; the reports of a run are made of them."""

import math

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.job import Job

MEASURES = ("loss", "learning_rate", "gradient_norm")
"""The first columns; the layers' norms follow."""


class Notes:
    """Notes are a table of the epochs of a `job` that a call of `Engine.run` has to report, with a row for each.

    An epoch is reported if its number, counted from 1, is a multiple of `every` or is `last`. `rows` has room for
    those up to the epoch `goal`, and `count` says how many are written. The columns, in double precision:

        0        the epoch's loss, which `run` returns as well
        1        the learning rate of the epoch's last step
        2        the norm of that step's gradient, before clipping
        3, ...   the norm of each layer's part of the same gradient, for the layers that have parameters

    An epoch that leaves a loss or a parameter that is not finite gets no row. One that `until` has cut in two gets it
    from the call that ends it.
    """

    def __init__(self, job: Job, every: int, last: int, goal: int) -> None:
        self.every, self.last = every, last
        self.begin = job.epochs_done
        self.layers = job.layer_parts
        reported = goal // every - self.begin // every + (goal == last and last % every != 0)
        self.rows = np.empty((reported, len(MEASURES) + len(self.layers)))
        self.count = 0

    def are_due(self, epoch: int) -> bool:
        """Return True if the epoch is reported."""
        return epoch % self.every == 0 or epoch == self.last

    def add(self, job: Job, loss: float, gradient: Array) -> None:
        """Write the row of the epoch of `job` that has just ended, with its `loss` and its last step's `gradient`."""
        parts = [gradient[part] for part in self.layers.values()]
        norms = [math.sqrt(np.vdot(part, part)) for part in parts]
        self.rows[self.count] = loss, job.learning_rate, job.gradient_norms[-1], *norms
        self.count += 1

    def epoch(self, row: int) -> int:
        """Return the number of a row's epoch."""
        return min((self.begin // self.every + 1 + row) * self.every, self.last)

    @property
    def epochs(self) -> Array:
        """Return the number of each epoch that has a row."""
        first = (self.begin // self.every + 1) * self.every
        return np.minimum(first + self.every * np.arange(self.count), self.last)
