"""The NumPy engine: the training loop, in the formulas of the layers, losses and optimizers themselves."""

import math
from collections.abc import Iterator

import numpy as np

from plainnet._base.arrays import keep_freed_memory
from plainnet.backpropagation import backpropagate
from plainnet.engines import blas
from plainnet.engines.batches import remaining_batches
from plainnet.engines.job import Job
from plainnet.engines.notes import Notes
from plainnet.engines.together import WholeSteps, steps_of


def train(job: Job, step: WholeSteps) -> Iterator[float]:
    """Train from where the job stands, one step per batch, for as long as the caller asks; yield each batch's loss.

    A step takes the batch forward and back through the layers, which writes ∂loss/∂parameters into the vector
    `gradient`; then the optimizer moves the parameters against it. A loss that is not finite moves nothing. Several
    ranks sum their losses and gradients in between.
    """
    net, optimizer, gradient = job.network, job.optimizer, step.gradient
    parameters, gradients = net.parameters, net.parameter_views(gradient)
    while True:
        for inputs, targets, weights in remaining_batches(job):
            job.begin_batch()
            training = step.begin(inputs, weights)
            loss = backpropagate(net.layers, job.loss, inputs, targets, weights, training, gradients)
            loss = step.end(float(loss))
            if math.isfinite(loss):
                job.begin_step(gradient)
                state, rate, decay = job.optimizer_state, job.learning_rate, job.weight_decay
                optimizer.step(parameters, gradient, state, rate, job.steps_done, decay)
                job.end_step(loss, step.weight)
            yield loss


class NumpyEngine:
    """Run a job step by step; `threads` are BLAS's, which decides itself where it is None."""

    def __init__(self, job: Job, threads: int | None = None) -> None:
        self.job = job
        self.blas_threads = threads
        self.step = steps_of(job)
        self.losses = train(job, self.step)  # it waits between two calls of run, which may be an epoch each
        keep_freed_memory()

    def run(self, epochs: int, until: float = math.inf, notes: Notes | None = None) -> list[float]:
        """Train `epochs` epochs, or until one of the ends that `Engine.run` names; the loss of each finished epoch."""
        with blas.limited(self.blas_threads), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._run(epochs, until, notes)

    def _run(self, epochs: int, until: float, notes: Notes | None) -> list[float]:
        job = self.job
        self.step.until = until
        losses: list[float] = []
        for loss in self.losses:
            if not math.isfinite(loss):
                losses.append(loss)
                break
            if job.batches_done == job.batches:
                losses.append(job.end_epoch())
                if not job.is_finite:
                    break
                if notes and notes.are_due(job.epochs_done):
                    notes.add(job, losses[-1], self.step.gradient)
            if len(losses) == epochs or self.step.is_last:
                break
        self.step.pause(notes)
        return losses
