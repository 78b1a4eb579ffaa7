"""The reference engine: epochs of steps, each a forward pass, a loss, a backward pass and an update, in NumPy."""

import math
from collections.abc import Iterator

import numpy as np

from plainnet.arrays import Array
from plainnet.backpropagation import backpropagate
from plainnet.engines.job import Job
from plainnet.layers import TrainingPass

Batch = tuple[Array, Array, Array | None]


class NumpyEngine:
    """Runs a job step by step."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.gradient = np.zeros_like(job.network.parameters)
        self.gradients = job.network.parameter_views(self.gradient)
        self.training_pass = TrainingPass(job.network.dropout)

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a loss that is not finite is the caller's news
    def run(self, epochs: int) -> list[float]:
        """Train `epochs` epochs further and return the loss of each."""
        losses: list[float] = []
        while len(losses) < epochs and (not losses or math.isfinite(losses[-1])):
            losses.append(self.epoch())
        return losses

    def epoch(self) -> float:
        """One pass over the data: the mean of the batches' losses, each weighted as its examples are."""
        job = self.job
        total = weights = 0.0
        for i, (inputs, targets, sample_weight) in enumerate(self.batches()):
            loss = backpropagate(
                job.network.layers,
                job.loss,
                inputs,
                targets,
                sample_weight,
                self.training_pass,
                self.gradients,
            )
            if not math.isfinite(loss):
                return loss
            if i == 0:
                job.keep_good()
            self.update(i)
            weight = len(inputs) if sample_weight is None else float(sample_weight.sum())
            total += weight * loss
            weights += weight
        job.epochs_done += 1
        return total / weights

    def update(self, batch: int) -> None:
        """One step of the optimizer, at the schedule's learning rate for this place in the run."""
        job = self.job
        steps_per_epoch = 1 if job.batch_size is None else -(-len(job.inputs) // job.batch_size)
        epoch = job.epochs_done + batch / steps_per_epoch
        job.learning_rate = job.optimizer.schedule.rate(epoch, job.epochs, job.schedule_memory)
        job.steps_done += 1
        job.optimizer.step(
            job.network.parameters, self.gradient, job.optimizer_state, job.learning_rate, job.steps_done
        )

    def batches(self) -> Iterator[Batch]:
        """The data in batches, in a new random order each epoch where the job shuffles; the last may be smaller."""
        job = self.job
        if job.batch_size is None:
            yield job.inputs, job.targets, job.sample_weight
            return
        rows = len(job.inputs)
        order = job.network.shuffling.permutation(rows) if job.shuffle else None
        for start in range(0, rows, job.batch_size):
            stop = start + job.batch_size
            chosen = slice(start, stop) if order is None else order[start:stop]
            weight = None if job.sample_weight is None else job.sample_weight[chosen]
            yield job.inputs[chosen], job.targets[chosen], weight
