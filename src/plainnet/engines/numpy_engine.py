"""The NumPy engine: the training loop, in the formulas of the layers, losses and optimizers themselves."""

import math
import time
from collections.abc import Iterator

import numpy as np

from plainnet._base.arrays import Array, keep_freed_memory
from plainnet.backpropagation import backpropagate
from plainnet.engines import blas
from plainnet.engines.batches import remaining_batches
from plainnet.engines.job import Job
from plainnet.layers import TrainingPass


def train(job: Job, gradient: Array) -> Iterator[float]:
    """Train from where the job stands, one step per batch, for as long as the caller asks; yield each batch's loss.

    A step takes the batch forward and back through the layers, which writes ∂loss/∂parameters into the vector
    `gradient`; then the optimizer moves the parameters against it. A loss that is not finite moves nothing.
    """
    net, optimizer = job.network, job.optimizer
    parameters, gradients = net.parameters, net.parameter_views(gradient)
    training = TrainingPass(net.dropout)
    while True:
        for inputs, targets, weights in remaining_batches(job):
            loss = float(backpropagate(net.layers, job.loss, inputs, targets, weights, training, gradients))
            if math.isfinite(loss):
                job.begin_step(gradient)
                optimizer.step(parameters, gradient, job.optimizer_state, job.learning_rate, job.steps_done)
                job.end_step(loss, len(inputs) if weights is None else float(weights.sum()))
            yield loss


class NumpyEngine:
    """Run a job step by step; `threads` are BLAS's, which decides itself where it is None."""

    def __init__(self, job: Job, threads: int | None = None) -> None:
        self.job = job
        self.blas_threads = threads
        gradient = np.zeros_like(job.network.parameters)
        self.gradients = job.network.parameter_views(gradient)
        self.losses = train(job, gradient)  # it waits between two calls of run, which may be an epoch each
        keep_freed_memory()

    def run(self, epochs: int, until: float = math.inf) -> list[float]:
        """Train `epochs` epochs; return the loss of each finished epoch.

        It stops early on a loss that is not finite, which is then the last of the list, or when `time.monotonic()`
        reaches `until`: then the list is shorter.
        """
        with blas.limited(self.blas_threads), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._run(epochs, until)

    def _run(self, epochs: int, until: float) -> list[float]:
        losses: list[float] = []
        for loss in self.losses:
            if not math.isfinite(loss):
                losses.append(loss)
            elif self.job.batches_done == self.job.batches:
                losses.append(self.job.end_epoch())
            if len(losses) == epochs or not math.isfinite(loss) or time.monotonic() >= until:
                break
        self.job.note_layer_norms(self.gradients)
        return losses
