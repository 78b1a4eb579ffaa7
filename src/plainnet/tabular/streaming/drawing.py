"""A rule says which rows of a stream are for what. It looks at a row's number alone, so every pass and rank agrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.overlap import mixed
from plainnet.tabular.parts import ENOUGH_FOR_A_TEST, USUAL_TEST, USUAL_VALIDATION, Division, Share

MOST_HELD_OUT = 100_000
"""The test part and the validation part have about so many rows at most: more would say hardly more."""
MOST_SAMPLED = 100_000
"""Quantiles are those of a sample of about so many training rows; a quartile then lies within half a percent of the
rows of its place (more than three standard errors of √(0.25 · 0.75 / n))."""
TRAINING, TEST, VALIDATION, NOWHERE = 0, 1, 2, 3
"""The uses of a row; of the last rows, held out as a whole, those that are not drawn have none."""


@dataclass(frozen=True)
class Drawing:
    """A Drawing gives each of `rows` rows its part by a number that its own number and the seed make."""

    rows: int
    test: Share
    validation: Share
    """The share of all rows, not only of those that the test part leaves."""
    sample: float
    """The share of the training rows in the sample."""
    seed: int

    @classmethod
    def of(cls, division: Division, rows: int, seed: int, *, most: int = MOST_SAMPLED) -> Drawing:
        """Return the drawing of a division of so many rows; `most` is that of the sample, and of each part held out."""
        test = division.test or Share(USUAL_TEST if rows >= ENOUGH_FOR_A_TEST else 0.0)
        validation = division.validation or Share(USUAL_VALIDATION)
        if not isinstance(validation, Share):
            validation = Share(0.0)
        held = Share(validation.fraction * (1 - test.fraction), validation.last)
        kept = [share if share.last else Share(min(share.fraction, most / rows), False) for share in (test, held)]
        left = max(1.0, rows * (1 - sum(share.fraction for share in kept)))
        return cls(rows, kept[0], kept[1], min(1.0, MOST_SAMPLED / left, most / left), seed)

    def parts(self, numbers: Array) -> Array:
        """Return what the rows of these numbers, counted from 0, are for, shape (rows,)."""
        u, v = self._numbers(numbers, 0), self._numbers(numbers, 1)
        found = np.full(len(numbers), TRAINING)
        end = self.rows
        drawn = 0.0
        for part, share in ((TEST, self.test), (VALIDATION, self.validation)):
            if share.last and share.fraction:
                count = max(1, round(share.fraction * self.rows))
                within = (numbers >= end - count) & (numbers < end)
                found[within] = np.where(v[within] < MOST_HELD_OUT / count, part, NOWHERE)
                end -= count
        for part, share in ((TEST, self.test), (VALIDATION, self.validation)):
            if not share.last:
                high = drawn + share.fraction
                found[(found == TRAINING) & (u >= drawn) & (u < high)] = part
                drawn = high
        return found

    def sampled(self, numbers: Array) -> Array:
        """Return True for each of these rows that is in the sample, if it is for training."""
        chosen: Array = self._numbers(numbers, 2) < self.sample
        return chosen

    def _numbers(self, numbers: Array, stream: int) -> Array:
        """Return a number from 0 to 1 for each row, by the mixing of splitmix64."""
        with np.errstate(over="ignore"):
            start = mixed(np.array([self.seed], np.uint64) + np.uint64(stream << 32))
            drawn: Array = (mixed(numbers.astype(np.uint64) + start) >> np.uint64(11)) * 2.0**-53
        return drawn


def require_streamable(division: Division) -> None:
    """Raise InvalidValue for a division that needs all rows in memory."""
    if division.folds:
        raise InvalidValue(
            f"folds is {division.folds} and the table is read in pieces, where each row has one part; take folds=0, "
            "or the rows into memory (stream=False, --no-stream)"
        )
    if division.ensemble > 1:
        raise InvalidValue(
            f"ensemble is {division.ensemble} and the table is read in pieces, on which one network is trained; take "
            "ensemble=1, or the rows into memory (stream=False, --no-stream)"
        )
