"""The reference engine: epochs of steps, each a forward pass, a loss, a backward pass and an update, in NumPy."""

import math
import time
from collections.abc import Iterator

import numpy as np

from plainnet._base.arrays import Array
from plainnet.backpropagation import backpropagate, workspace_for
from plainnet.engines import blas
from plainnet.engines.batches import remaining_blocks
from plainnet.engines.job import Job
from plainnet.layers import TrainingPass
from plainnet.optimizers import OPTIMIZERS, State

Batch = tuple[Array, Array, Array | None]

CACHED = 131_072
"""How many parameters the optimizer takes at a time: few enough that their vectors stay in the processor's cache."""


class NumpyEngine:
    """Runs a job step by step; `threads` are BLAS's, which decides itself where it is None."""

    def __init__(self, job: Job, threads: int | None = None) -> None:
        self.job = job
        self.blas_threads = threads
        self.gradient = np.zeros_like(job.network.parameters)
        self.gradients = job.network.parameter_views(self.gradient)
        workspace = workspace_for(job.network.layers, job.batch_size or len(job.inputs))
        self.training_pass = TrainingPass(job.network.dropout, workspace=workspace)
        self.last_epoch = job.epochs
        self.steps_an_epoch = job.batches
        whole = len(self.gradient)
        by_elements = type(job.optimizer) in OPTIMIZERS.values()  # a user's own may look at the vector as a whole
        self.stretches = [self.stretch(start) for start in range(0, whole, CACHED)] if by_elements else []

    def stretch(self, start: int) -> tuple[Array, Array, State]:
        """The stretch from `start` of the parameters, the gradient and the optimizer's memory."""
        part = slice(start, start + CACHED)
        state = {name: vector[part] for name, vector in self.job.optimizer_state.items()}
        return self.job.network.parameters[part], self.gradient[part], state

    def run(self, epochs: int, until: float = math.inf) -> list[float]:
        """Train `epochs` epochs, or until `time.monotonic()` reaches `until`; the loss of each finished epoch."""
        with blas.limited(self.blas_threads):
            return self._run(epochs, until)

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a loss that is not finite is the caller's news
    def _run(self, epochs: int, until: float) -> list[float]:
        losses: list[float] = []
        self.last_epoch = self.job.epochs_done + epochs
        while len(losses) < epochs and (not losses or math.isfinite(losses[-1])):
            loss = self.epoch(until)
            if loss is None:
                break
            losses.append(loss)
            if time.monotonic() >= until:
                break
        return losses

    def epoch(self, until: float) -> float | None:
        """What is left of the present epoch: the mean of all its batches' losses, each weighted as its examples are.

        None where the time came before the end. A loss that is not finite ends the epoch.
        """
        job = self.job
        for inputs, targets, sample_weight in self.batches():
            layers, loss = job.network.layers, job.loss
            value = backpropagate(layers, loss, inputs, targets, sample_weight, self.training_pass, self.gradients)
            if not math.isfinite(value):
                return value
            if job.batches_done == 0:
                job.keep_good()
            self.update()
            weight = len(inputs) if sample_weight is None else float(sample_weight.sum())
            job.loss_total += weight * value
            job.weight_total += weight
            job.batches_done += 1
            if time.monotonic() >= until and job.batches_done < self.steps_an_epoch:
                return None
        mean = job.loss_total / job.weight_total
        job.epochs_done += 1
        job.batches_done, job.loss_total, job.weight_total = 0, 0.0, 0.0
        return mean

    def update(self) -> None:
        """One step of the optimizer, at the schedule's learning rate for this place in the run."""
        job = self.job
        epoch = job.epochs_done + job.batches_done / self.steps_an_epoch
        job.learning_rate = job.optimizer.schedule.rate(epoch, job.epochs, job.schedule_memory)
        job.gradient_norms.append(math.sqrt(np.vdot(self.gradient, self.gradient)))
        if job.batches_done + 1 == self.steps_an_epoch and job.epochs_done + 1 == self.last_epoch:
            job.note_layer_norms(self.gradients)
        job.steps_done += 1
        if not self.stretches:
            parameters, state = job.network.parameters, job.optimizer_state
            job.optimizer.step(parameters, self.gradient, state, job.learning_rate, job.steps_done)
            return
        job.optimizer.clip(self.gradient)
        for parameters, gradient, state in self.stretches:
            job.optimizer.descend(parameters, gradient, state, job.learning_rate, job.steps_done)

    def batches(self) -> Iterator[Batch]:
        """The batches of the present epoch that are still to come."""
        size = self.job.batch_size
        for block in remaining_blocks(self.job):
            rows = len(block.inputs)
            for start in range(block.rows_done, rows, size or rows):
                stop = start + (size or rows)
                chosen = slice(start, stop) if block.order is None else block.order[start:stop]
                weight = None if block.sample_weight is None else rows_of(block.sample_weight, chosen)
                yield rows_of(block.inputs, chosen), rows_of(block.targets, chosen), weight


def rows_of(array: Array, chosen: slice | Array) -> Array:
    """The chosen rows; `take` copies scattered ones faster than indexing does."""
    return array[chosen] if isinstance(chosen, slice) else array.take(chosen, axis=0)
