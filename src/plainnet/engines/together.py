"""The ranks of a job sum their parts of the gradient in each step, and agree when to stop."""

import math
import time
import zlib

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.draws import DrawsOfRank
from plainnet.engines.job import Job
from plainnet.engines.notes import Notes
from plainnet.errors import InvalidValue
from plainnet.layers import TrainingPass
from plainnet.ranks.compression import sum_of_gradients


class WholeSteps:
    """The steps of a job whose batches this process holds whole."""

    gradient: Array
    """The gradient of the latest step, laid out like the parameters."""
    weight: float
    """The weight of the present batch's rows together."""
    until = math.inf
    """The `time.monotonic()` at which the steps end."""

    def __init__(self, job: Job) -> None:
        self.gradient = np.zeros_like(job.network.parameters)
        self._training = TrainingPass(job.network.dropout, present=job.present.__getitem__)

    def begin(self, inputs: Array, sample_weight: Array | None) -> TrainingPass:
        """Return what the layers are told of the pass over a batch, or over this rank's part of it."""
        self.weight = _weight(inputs, sample_weight)
        return self._training

    def end(self, loss: float) -> float:
        """Return the loss of the whole batch; `gradient` is that of the whole batch, too."""
        return loss

    @property
    def is_last(self) -> bool:
        """True if the step that has ended is the last one before a pause."""
        return time.monotonic() >= self.until

    def pause(self, notes: Notes | None) -> None:
        """Do what is to be done after the last step, of which the notes tell: raise KeyboardInterrupt, say."""


class SharedSteps(WholeSteps):
    """The steps of a job whose rows several ranks hold.

    In each step every rank adds one vector to those of the others:

        gradient, loss, 1 if this rank's time is over, 1 if this rank was interrupted

    so all have the same numbers afterwards, and all stop after the same step. With the job's `compression` the gradient
    travels in fewer bits.
    """

    def __init__(self, job: Job) -> None:
        assert job.ranks is not None
        assert job.shares is not None
        self._job, self._ranks, self._shares = job, job.ranks, job.shares
        size = job.network.parameters.size
        self._vector = job.ranks.vector(size + 3, job.network.dtype)
        self.gradient, self._agreed = self._vector[:size], self._vector[size:]
        self._sum = sum_of_gradients(job.ranks, job.compression, size)
        self._draws = DrawsOfRank(job.network.dropout)

    def begin(self, inputs: Array, sample_weight: Array | None) -> TrainingPass:
        batch, own = self._job.batches_done, _weight(inputs, sample_weight)
        rows = self._shares.rows_of(batch)
        self.weight = rows if sample_weight is None else float(self._total(np.array([own]))[0])
        return TrainingPass(
            self._draws.of(self._shares.before(batch), len(inputs), rows),
            present=self._job.present.__getitem__,
            total=self._total,
            rows=rows,
            portion=own / self.weight,
        )

    def _total(self, array: Array) -> Array:
        summed = np.array(array, order="C")
        self._ranks.add(summed.reshape(-1))
        return summed

    def end(self, loss: float) -> float:
        self._agreed[:] = loss, time.monotonic() >= self.until, self._ranks.interrupted
        self._sum(self._vector)
        return float(self._agreed[0])

    @property
    def is_last(self) -> bool:
        return bool(self._agreed[1:].any())

    def pause(self, notes: Notes | None) -> None:
        self._take_from_first_what_differs(np.zeros(0) if notes is None else notes.rows[: notes.count])
        if self._agreed[2]:
            raise KeyboardInterrupt

    def _take_from_first_what_differs(self, noted: Array) -> None:
        """Give all ranks the numbers of rank 0 where they differ.

        Each rank makes the same update, but another processor or another number of BLAS's threads may round a sum in
        it, such as the norm by which the gradient is clipped, in another way.
        """
        job = self._job
        bits = 0
        for array in (job.network.parameters, job.network.statistics, np.array(job.gradient_norms), noted):
            bits = zlib.crc32(array.data, bits)
        streams, bits_of_ranks = zip(*self._ranks.all((self._draws.checksum, bits)), strict=True)
        for rank, stream in enumerate(streams):
            if stream != streams[0]:
                raise InvalidValue(
                    f"a layer has drawn other numbers on rank {rank} than on rank 0: an array whose first axis happens "
                    "to be as long as a rank's part of the batch is taken for numbers of its rows; draw one of another "
                    "shape, or give engine='compiled', which can tell them apart"
                )
        if len(set(bits_of_ranks)) > 1:
            state, noted[...] = self._ranks.first((job.state(), noted))
            job.restore(state)


def steps_of(job: Job) -> WholeSteps:
    """Return the steps of a job, on one or on several ranks."""
    return WholeSteps(job) if job.ranks is None else SharedSteps(job)


def _weight(inputs: Array, sample_weight: Array | None) -> float:
    return len(inputs) if sample_weight is None else float(sample_weight.sum())
