"""Many small networks at once: the compiled engine with a network in each lane of the vector instructions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.compiled_engine import flat, rates_of
from plainnet.engines.compiled.kernels.compiling import make_ready
from plainnet.engines.compiled.kernels.lane_steps import LaneData, LaneState, LaneVectors, run_lanes
from plainnet.engines.job import Job
from plainnet.engines.notes import Notes
from plainnet.optimizers import Optimizer

LARGEST = 2_000
"""Parameters of a network up to which it shares the vector instructions; a larger one fills them by itself."""

STEPS = 1_000_000
"""Steps of all lanes together in one call, about: so long an interrupt may have to wait."""


def decline_lanes(jobs: Sequence[Job]) -> str | None:
    """Why the networks of these jobs, of one shape, cannot share vector instructions; None where they can."""
    first = jobs[0]
    if first.network.parameters.size > LARGEST:
        return f"they have more than {LARGEST:,} parameters"
    if first.shuffle and first.batch_size is not None:
        return "each has an order of its own"
    if not (isinstance(first.inputs, np.ndarray) and all(job.inputs is first.inputs for job in jobs)):
        return "each has data of its own, or they lie in files"
    if any(_settings(job.optimizer) != _settings(first.optimizer) for job in jobs):
        return "their optimizers differ in more than the learning rate"
    if first.optimizer.clip_norm is not None:
        return "their gradients are clipped"
    program = code.program(first)[0]
    if (program.stages[:, code.KIND] != code.DENSE).any():
        return "they have layers other than Dense"
    if (program.stages[:, code.ACTIVATION] == code.SOFTMAX).any() or program.loss == code.CROSS_ENTROPY:
        return "softmax takes a row as a whole"
    return None


def _settings(optimizer: Optimizer) -> tuple[type, bytes]:
    """All of an optimizer but its learning rate."""
    return type(optimizer), code.optimizer_settings(optimizer).tobytes()


class LanesEngine:
    """Trains the networks of jobs that differ in weights, penalties and learning rates alone."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = list(jobs)
        first = jobs[0]
        lanes, parameters = len(jobs), first.network.parameters.size
        self.program, workspace = code.program(first)
        programs = [code.program(job)[0] for job in jobs]
        self.l1 = np.stack([program.reals[:, code.L1] for program in programs], axis=1)
        self.l2 = np.stack([program.reals[:, code.L2] for program in programs], axis=1)
        dtype = first.network.dtype
        vector = np.stack([job.network.parameters for job in jobs], axis=1).ravel()
        memory = [np.zeros(parameters * lanes, dtype) for _ in range(2)]
        self.vectors = LaneVectors(
            vector,
            np.zeros_like(vector),
            memory[0],
            memory[1],
            vector.copy(),
            np.zeros(workspace * lanes, dtype),
            np.zeros(lanes),
        )
        weight = np.zeros(0, dtype) if first.sample_weight is None else first.sample_weight
        assert isinstance(first.inputs, np.ndarray)
        assert isinstance(first.targets, np.ndarray)
        self.data = LaneData(flat(first.inputs), flat(first.targets), flat(weight))
        self.alive = np.ones(lanes, np.bool_)
        self.batch = first.batch_size or len(first.inputs)
        state = LaneState(np.zeros(1, np.int64), self.alive, np.zeros(lanes), np.zeros((0, lanes)))
        make_ready(run_lanes, lambda: self.call(0, np.zeros((1, lanes)), state))

    def call(self, epochs: int, rates: Array, state: LaneState) -> None:
        """Run the machine code."""
        run_lanes(
            epochs, *self.program, rates, self.l1, self.l2, self.batch, self.data, self.vectors, state,
        )  # fmt: skip

    def run(self, epochs: int, going: Mapping[int, Notes]) -> dict[int, float]:
        """Train the networks in the lanes `going` further, `epochs` epochs or fewer, and take the notes of each.

        For each the loss of the last epoch, or the first one that was not finite. The machine code takes no notes, so
        that a call ends at the first epoch that has to be noted.
        """
        lane = min(going)
        first, every = self.jobs[lane], going[lane].every
        lanes = len(self.jobs)
        epochs = max(1, min(epochs, every - first.epochs_done % every, STEPS // (lanes * first.batches)))
        steps = epochs * first.batches
        rates = np.stack([rates_of(job, steps) for job in self.jobs], axis=1)
        state = LaneState(np.array([first.steps_done]), self.alive, np.zeros(lanes), np.zeros((epochs, lanes)))
        self.call(epochs, rates, state)
        finite = np.cumprod(np.isfinite(state.losses), axis=0).sum(axis=0)
        losses = {lane: float(state.losses[min(finite[lane], epochs - 1), lane]) for lane in going}
        self.write_back(state, losses, finite, steps, rates)
        for lane, notes in going.items():
            job = self.jobs[lane]
            if np.isfinite(losses[lane]) and job.is_finite and notes.are_due(job.epochs_done):
                notes.add(job, losses[lane], self.vectors.gradient[lane::lanes])
        return losses

    def write_back(self, state: LaneState, going: Iterable[int], epochs: Array, steps: int, rates: Array) -> None:
        """Return the networks and jobs as they are now, after so many epochs of each."""
        lanes = len(self.jobs)
        parameters = self.vectors.parameters.reshape(-1, lanes).T
        good = self.vectors.good_parameters.reshape(-1, lanes).T
        norms = np.sqrt(state.squares).tolist()
        for lane in going:
            job = self.jobs[lane]
            job.epochs_done += int(epochs[lane])
            job.steps_done += steps
            job.learning_rate = float(rates[-1, lane])
            job.gradient_norms.append(norms[lane])
            job.good_parameters[:] = good[lane]
            job.network.parameters[:] = parameters[lane]
