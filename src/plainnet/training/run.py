"""A training run: from report to report, until its last epoch, early stopping, an interrupt or divergence."""

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from plainnet import engines
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import Configurable, describe
from plainnet._base.weighting import Examples
from plainnet.engines import Choice, Engine, Job
from plainnet.errors import DivergenceError, warn
from plainnet.history import History, Report
from plainnet.metrics import Measure
from plainnet.training.checkpoints import Checkpoint, fingerprint


class EarlyStopping(Configurable):
    """Stop when the monitored loss has not improved for `patience` epochs, and go back to the best parameters.

    The monitored loss is the validation loss, or the training loss without validation data; an improvement is a
    fall by more than `minimum_improvement` below the best so far (Prechelt 1998). A loss that is not finite improves
    nothing; where none ever is, the run keeps its last parameters and warns.
    """

    def __init__(self, patience: int = 10, minimum_improvement: float = 0.0) -> None:
        self.patience = checks.whole_number("patience", patience, least=1)
        self.minimum_improvement = checks.number("minimum_improvement", minimum_improvement, least=0)


def settings_of(
    job: Job,
    choice: Choice,
    *,
    early_stopping: dict[str, Any] | None,
    metrics: list[str],
    report_every: int,
    validation_examples: int,
) -> dict[str, Any]:
    """The options of a run as plain data: what every record of one holds, whoever runs it."""
    return {
        "loss": describe(job.loss),
        "optimizer": describe(job.optimizer),
        "epochs": job.epochs,
        "batch_size": job.batch_size,
        "shuffle": job.shuffle,
        "early_stopping": early_stopping,
        "weighted": job.sample_weight is not None,
        "metrics": metrics,
        "report_every": report_every,
        "engine": choice.engine,
        "threads": choice.threads,
        "training_examples": len(job.inputs),
        "validation_examples": validation_examples,
    }


@dataclass
class TrainingRun:
    """A training run: an engine's job with its validation, early stopping, record and checkpoints."""

    job: Job
    choice: Choice
    validation: Examples | None
    early_stopping: EarlyStopping | None
    metrics: Mapping[str, Measure]
    report_every: int
    checkpoint: Checkpoint | None

    def __post_init__(self) -> None:
        note = {"engine_note": self.choice.note} if self.choice.note else {}
        self.history = History(settings=self.settings() | note)
        self.best_loss = math.inf
        self.best: tuple[Array, Array] | None = None
        self.seconds = 0.0
        """Spent in earlier processes and up to the last report or checkpoint."""
        self.identity = self.identify() if self.checkpoint else {}

    @cached_property
    def engine(self) -> Engine:
        """The engine that was chosen, made when it is first asked for, which may compile."""
        try:
            return engines.make(self.choice, self.job)
        except BaseException:
            self.end()
            raise

    @property
    def measured_on(self) -> Examples:
        """The examples on which reports measure: the validation examples, or those of the training without any."""
        return self.validation or (self.job.inputs, self.job.targets, self.job.sample_weight)

    def settings(self) -> dict[str, Any]:
        """The options of the run as plain data."""
        return settings_of(
            self.job,
            self.choice,
            early_stopping=self.early_stopping.settings() if self.early_stopping else None,
            metrics=list(self.metrics),
            report_every=self.report_every,
            validation_examples=0 if self.validation is None else len(self.validation[0]),
        )

    def identify(self) -> dict[str, Any]:
        """What must be the same for a run to go on from a checkpoint: network, options and data."""
        job = self.job
        fingerprints = {
            "X": fingerprint(job.inputs),
            "y": fingerprint(job.targets),
            "weights": fingerprint(job.sample_weight),
            "validation": fingerprint(*(self.validation or ())),
        }
        return {
            "network": job.network.describe(),
            "options": self.settings(),
            "data": fingerprints,
            "block_rows": job.block_rows,
        }

    def reports(self) -> Generator[Report, None, None]:
        """Train and report until the last epoch, early stopping, an interrupt or divergence."""
        engine = self.engine
        began = time.perf_counter() - self.seconds
        try:
            while not self.is_over:
                report = self.advance(engine, began)
                if self.checkpoint and (self.checkpoint.is_due(self.job.epochs_done) or self.is_over):
                    self.checkpoint.write(self)
                if report:
                    yield report
        except KeyboardInterrupt:
            self.job.return_to_whole_epoch()
            raise
        finally:
            self.end()

    def end(self) -> None:
        """Note an end before time, and go back to the best parameters where early stopping keeps them."""
        if not self.is_over:
            self.history.stopped = "interrupted"
        if self.best is not None:
            self.job.network.parameters, self.job.network.statistics = self.best
        elif self.early_stopping and self.history.epoch and self.history.stopped != "diverged":
            warn(
                "early stopping had nothing to go by: the validation loss was never a finite number. The network keeps "
                "its last parameters; look at the loss and the validation data"
            )

    @property
    def is_over(self) -> bool:
        """Whether the run has come to its end."""
        return self.history.stopped != "not finished"

    @property
    def next_report(self) -> int:
        """After which epoch the next report is due."""
        return min((self.job.epochs_done // self.report_every + 1) * self.report_every, self.job.epochs)

    def advance(self, engine: Engine, began: float, until: float = math.inf) -> Report | None:
        """Train up to the next report, checkpoint or `until`, whichever comes first; the report where it is one."""
        done = self.job.epochs_done
        next_report = self.next_report
        goal = float(next_report)
        if self.checkpoint:
            goal, until = min(goal, self.checkpoint.next_epoch(done)), min(until, self.checkpoint.next_time)
        losses = engine.run(int(goal) - done, until)
        self.seconds = time.perf_counter() - began
        return self.take_in(losses, next_report)

    def take_in(self, losses: list[float], next_report: int) -> Report | None:
        """Note the losses of the epochs that have been trained; the report where one is due."""
        self.refuse_divergence(losses)
        if self.job.epochs_done < next_report:
            return None
        report = self.report(losses[-1])
        self.history.append(report)
        self.history.stopped = self.reason_to_stop(report)
        return report

    def refuse_divergence(self, losses: list[float]) -> None:
        """Where a loss or a parameter is not finite, go back to the last good parameters and say so."""
        job = self.job
        if all(map(math.isfinite, losses[-1:])) and np.isfinite(job.network.parameters).all():
            return
        job.return_to_good()
        self.history.stopped = "diverged"
        found = losses[-1] if losses and not math.isfinite(losses[-1]) else "finite, but a parameter is not"
        last = (
            f"{self.history.loss[-1]:.6g} in epoch {self.history.epoch[-1]}" if self.history.loss else "none reported"
        )
        norms = ", ".join(f"{norm:.3g}" for norm in job.gradient_norms) or "none"
        raise DivergenceError(
            f"the run diverged in epoch {job.epochs_done + 1}: its loss is {found}; last finite loss: {last}; gradient "
            f"norms of the latest steps: {norms}; learning rate {job.learning_rate:g}. The network keeps its last "
            "finite parameters. Try a smaller learning rate, clip_norm=1 on the optimizer, or inputs and targets "
            "scaled to about -1 ... 1"
        )

    def report(self, loss: float) -> Report:
        """The report of the present moment; keeps the best parameters where early stopping wants them."""
        job, net = self.job, self.job.network
        measured: dict[str, float] = {}
        if self.validation is not None or self.metrics:
            inputs, targets, weights = self.measured_on
            with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite shows in the report
                measured = net.measure(inputs, targets, job.loss, self.metrics, weights)
        validation_loss = measured.pop("loss", None) if self.validation is not None else None
        measured.pop("loss", None)
        monitored = loss if validation_loss is None else validation_loss
        margin = self.early_stopping.minimum_improvement if self.early_stopping else 0.0
        is_best = math.isfinite(monitored) and monitored < self.best_loss - margin
        if is_best:
            self.best_loss = monitored
            if self.early_stopping:
                self.best = (net.parameters.copy(), net.statistics.copy())
        job.optimizer.schedule.observe(monitored, job.schedule_memory)
        return Report(
            epoch=job.epochs_done,
            epochs=job.epochs,
            loss=loss,
            validation_loss=validation_loss,
            metrics=measured,
            learning_rate=job.learning_rate,
            gradient_norm=job.gradient_norms[-1],
            seconds=self.seconds,
            rows_per_second=job.epochs_done * len(job.inputs) / max(self.seconds, 1e-9),
            is_best=is_best,
            layer_gradient_norms=job.layer_gradient_norms,
            engine=str(self.choice),
            threads=self.choice.threads,
        )

    def reason_to_stop(self, report: Report) -> str:
        """Why the run ends with this report, if it does."""
        if report.epoch == report.epochs:
            return "all epochs"
        waited = report.epoch - (self.history.best_epoch or 0)
        if self.early_stopping and waited >= self.early_stopping.patience:
            return "early stopping"
        return "not finished"
