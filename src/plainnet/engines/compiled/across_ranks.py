"""The machine code of a job gets here what it needs of the other ranks: sums, and this rank's place in each batch."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled.ahead import StepDraws
from plainnet.engines.compiled.compiling import StepCode, address
from plainnet.engines.compiled.sizes import Size
from plainnet.engines.compiled.step import Draw
from plainnet.engines.draws import DrawsOfRank
from plainnet.engines.job import Job
from plainnet.ranks.compression import sum_of_gradients

NUMBERS: dict[int, Any] = {4: ctypes.c_float, 8: ctypes.c_double}
"""The type of the numbers of each size in bytes."""

SUM = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
"""A function that sums so many numbers, of so many bytes each, at an address over all ranks."""


class OwnParts(NamedTuple):
    """This rank's parts of some batches in a row, an entry for each."""

    begin: Array
    """The place of its first row in the rank's order of the epoch."""
    before: Array
    """The rows of the batch that lower ranks hold."""
    rows: Array
    """The rows that it holds."""
    whole: Array
    """The rows of the whole batch."""


class AcrossRanks:
    """A job's other ranks, as its machine code sees them.

    Python cannot raise an error through machine code. So the first one is kept as `failure`, nothing is summed from
    then on, and the loss is made NaN: then the call ends without a step.
    """

    def __init__(self, job: Job, code: StepCode, gradient: Array) -> None:
        assert job.ranks is not None
        assert job.shares is not None
        self.job, self.ranks, self.shares = job, job.ranks, job.shares
        sizes = code.sizes
        self._gradient = gradient
        """The gradient, and behind it the loss."""
        self._address_of_gradient = address(gradient)
        self._sum_of_gradients = sum_of_gradients(self.ranks, job.compression, len(gradient) - 1)
        self.failure: BaseException | None = None
        self.differ = len(set(self.ranks.all(code.code.identity))) > 1
        """True if the ranks have different processors: their machine code may round differently."""
        this = weakref.WeakMethod(self._sum)  # no cycle, which would keep the memory of a run that has ended
        self._function = SUM(lambda *given: this()(*given))  # type: ignore[misc]
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0
        self._vectors: dict[tuple[int, int], Array] = {}
        self._parts: tuple[int, int, OwnParts] | None = None
        wholes = sorted({size.whole or 0 for size in sizes})
        self._wholes = np.array(wholes)
        self._sizes = np.zeros((len(wholes), sizes[0].rows + 1), np.int64)
        """The place in the sizes for each whole and number of rows; no rows are done as if they were the most."""
        for i, size in reversed([*enumerate(sizes)]):
            self._sizes[wholes.index(size.whole or 0), [size.rows, 0]] = i

    def _sum(self, place: int, count: int, size: int) -> None:
        try:
            if self.failure is None:
                self._sum_of(place, count)(self._vector(place, count, size))
        except BaseException as error:
            self.failure = error
        if self.failure is not None:
            self._gradient[-1] = np.nan

    def _sum_of(self, place: int, count: int) -> Callable[[Array], None]:
        is_gradient = (place, count) == (self._address_of_gradient, len(self._gradient))
        return self._sum_of_gradients if is_gradient else self.ranks.add

    def _vector(self, place: int, count: int, size: int) -> Array:
        """Return the numbers at an address as an array, the same one each time."""
        key = (place, count)
        if key not in self._vectors:
            self._vectors[key] = np.ctypeslib.as_array((NUMBERS[size] * count).from_address(place))
        return self._vectors[key]

    def is_over(self, is_late: bool) -> bool:
        """Return True if it is late on any rank; raise KeyboardInterrupt if any rank was interrupted."""
        late, interrupted = zip(*self.ranks.all((is_late, self.ranks.interrupted)), strict=True)
        if any(interrupted):
            raise KeyboardInterrupt
        return any(late)

    def take_from_first(self, *arrays: Array) -> None:
        """Write rank 0's numbers into the arrays of a finished call, where different processors may have others."""
        if self.differ:
            for array, first in zip(arrays, self.ranks.first(arrays), strict=True):
                array[...] = first

    def fewest(self, steps: int) -> int:
        """Return the smallest number of any rank."""
        return int(min(self.ranks.all(steps)))

    def stop_of(self, end: int) -> int:
        """Return the number of the first batch whose rows do not all come before the place `end` of the epoch."""
        ends = self.shares.counts(self.job.batches_done + 1, self.job.batches)[:, self.shares.rank]
        return self.job.batches_done + int(np.searchsorted(ends, end, side="right"))

    def parts(self, steps: int) -> OwnParts:
        """Return this rank's parts of the next batches, in the present epoch or, from its beginning, in several."""
        first = self.job.batches_done
        last = min(first + steps, self.job.batches)
        if self._parts is None or self._parts[:2] != (first, last):
            self._parts = first, last, self._parts_of(first, last)
        found = self._parts[2]
        return found if steps == last - first else OwnParts(*(np.resize(column, steps) for column in found))

    def _parts_of(self, first: int, last: int) -> OwnParts:
        shares = self.shares
        cuts = shares.counts(first, last)
        own, lower = cuts[:, shares.rank], cuts[:, : shares.rank].sum(axis=1)
        rest = shares.total - np.arange(first, last) * shares.batch_size
        return OwnParts(own[:-1], np.diff(lower), np.diff(own), np.minimum(rest, shares.batch_size))

    def given(self, parts: OwnParts, start: int, weight: Array | None, order: Array | None) -> dict[str, Array]:
        """Return what the machine code reads for each step, of rows of which the first has the place `start`.

        `order` is that of the rows, epoch after epoch; None is the order in which they lie.
        """
        begin = parts.begin - start
        size = self._sizes[np.searchsorted(self._wholes, parts.whole), parts.rows]
        places = np.stack([begin, parts.rows, size], axis=1)
        own = parts.rows.astype(np.float64)
        total = parts.whole.astype(np.float64)
        if weight is not None:
            epochs = np.arange(len(begin)) // self.job.batches
            first = begin if order is None else begin + epochs * len(weight)
            own = sums(weight, None if order is None else order.reshape(-1), first, parts.rows)
            total = own.copy()
            self.ranks.add(total)
        portions = np.divide(own, total, out=np.zeros_like(own), where=total != 0)
        return {"places": places, "portions": portions, "weights": total}


def sums(weight: Array, order: Array | None, begin: Array, rows: Array) -> Array:
    """Return the sum of the weights of each part."""
    parts = (slice(first, first + count) for first, count in zip(begin.tolist(), rows.tolist(), strict=True))
    return np.array([weight[part if order is None else order[part]].sum(dtype=np.float64) for part in parts])


class StepDrawsOfRank(StepDraws):
    """The random numbers of a pass for this rank's rows; the stream goes on as on one rank that has all of them."""

    def __init__(self, job: Job, draws: Sequence[Draw], sizes: Sequence[Size]) -> None:
        super().__init__(job, draws)
        self.rank = DrawsOfRank(job.network.dropout)
        self.by_row = [
            all(shape[:1] == (size.rows,) for shape, size in zip(draw.shapes, sizes, strict=True)) for draw in draws
        ]

    def _draw(self, sizes: Sequence[Any]) -> None:
        """Draw the numbers for parts of batches: rows before, own rows, rows of the whole batch."""
        for record, part in zip(self.records, sizes, strict=False):
            of_rows = self.rank.of(*part)
            for draw, offset, by_row in zip(self.draws, self.offsets, self.by_row, strict=True):
                shape = (part[1], *draw.shapes[0][1:]) if by_row else draw.shapes[0]
                drawn = getattr(of_rows if by_row else self.stream, draw.method)(shape, dtype=draw.dtype)
                record[offset : offset + drawn.nbytes].view(draw.dtype)[:] = drawn.reshape(-1)
