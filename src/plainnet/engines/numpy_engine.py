"""The reference engine: epochs of steps, each a forward pass, a loss, a backward pass and an update, in NumPy."""

import math
import time
from collections.abc import Iterator

import numpy as np

from plainnet.arrays import Array
from plainnet.backpropagation import backpropagate, workspace_for
from plainnet.engines.job import Job
from plainnet.layers import TrainingPass
from plainnet.optimizers import State

Batch = tuple[Array, Array, Array | None]

CACHED = 131_072
"""How many parameters the optimizer takes at a time: few enough that their vectors stay in the processor's cache."""


class NumpyEngine:
    """Runs a job step by step."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.gradient = np.zeros_like(job.network.parameters)
        self.gradients = job.network.parameter_views(self.gradient)
        workspace = workspace_for(job.network.layers, job.batch_size or len(job.inputs))
        self.training_pass = TrainingPass(job.network.dropout, workspace=workspace)
        self.last_epoch = job.epochs
        self.steps_an_epoch = job.batches
        self.stretches = [self.stretch(start) for start in range(0, len(self.gradient), CACHED)]

    def stretch(self, start: int) -> tuple[Array, Array, State]:
        """The stretch from `start` of the parameters, the gradient and the optimizer's memory."""
        part = slice(start, start + CACHED)
        state = {name: vector[part] for name, vector in self.job.optimizer_state.items()}
        return self.job.network.parameters[part], self.gradient[part], state

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a loss that is not finite is the caller's news
    def run(self, epochs: int, until: float = math.inf) -> list[float]:
        """Train `epochs` epochs, or until `time.monotonic()` reaches `until`; the loss of each finished epoch."""
        losses: list[float] = []
        self.last_epoch = self.job.epochs_done + epochs
        while len(losses) < epochs and (not losses or math.isfinite(losses[-1])):
            loss = self.epoch(until)
            if loss is None:
                break
            losses.append(loss)
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
            job.layer_gradient_norms = self.layer_norms()
        job.steps_done += 1
        job.optimizer.clip(self.gradient)
        for parameters, gradient, state in self.stretches:
            job.optimizer.descend(parameters, gradient, state, job.learning_rate, job.steps_done)

    def layer_norms(self) -> dict[str, float]:
        """The norm of the gradient of each layer that has parameters."""
        squares = [sum(float((g * g).sum()) for g in own.values()) for own in self.gradients]
        return {f"layers[{i}]": math.sqrt(squares[i]) for i, own in enumerate(self.gradients) if own}

    def batches(self) -> Iterator[Batch]:
        """The batches of the present epoch that are still to come."""
        job = self.job
        if job.batch_size is None:
            yield job.inputs, job.targets, job.sample_weight
            return
        rows = len(job.inputs)
        order = self.order() if job.shuffle else None
        for start in range(job.batches_done * job.batch_size, rows, job.batch_size):
            stop = start + job.batch_size
            chosen = slice(start, stop) if order is None else order[start:stop]
            weight = None if job.sample_weight is None else rows_of(job.sample_weight, chosen)
            yield rows_of(job.inputs, chosen), rows_of(job.targets, chosen), weight

    def order(self) -> Array:
        """The order of the examples in the present epoch: a new one at its start, the same one later in it."""
        job = self.job
        if job.batches_done == 0:
            job.order_state = job.network.shuffling.bit_generator.state
            return job.network.shuffling.permutation(len(job.inputs))
        again = np.random.default_rng()
        again.bit_generator.state = job.order_state
        return again.permutation(len(job.inputs))


def rows_of(array: Array, chosen: slice | Array) -> Array:
    """The chosen rows; `take` copies scattered ones faster than indexing does."""
    return array[chosen] if isinstance(chosen, slice) else array.take(chosen, axis=0)
