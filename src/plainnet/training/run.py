"""A training run: from report to report, until its last epoch, early stopping, an interrupt or divergence."""

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from plainnet import engines
from plainnet._base.arrays import Array
from plainnet._base.configurable import describe
from plainnet._base.identity import fingerprint
from plainnet._base.state import restore, state_of
from plainnet._base.weighting import Examples
from plainnet.engines import Choice, Engine, Job
from plainnet.errors import DivergenceError
from plainnet.history import History, Report
from plainnet.metrics import Measure
from plainnet.network.prediction import measure
from plainnet.training.checkpoints import Checkpoint
from plainnet.training.options import Options
from plainnet.training.stopping import Stopping


@dataclass
class TrainingRun:
    """An engine's job with its options, validation examples, metrics, stopping rule, record and checkpoints."""

    job: Job
    choice: Choice
    options: Options
    validation: Examples | None
    stopping: Stopping
    metrics: Mapping[str, Measure]
    report_every: int
    checkpoint: Checkpoint | None = None

    # What follows is the state of the run: all fields that the constructor does not take.
    history: History = field(init=False)
    best: list[Array] | None = field(init=False, default=None)
    """The parameters and statistics of the best epoch, if the run ends with them."""
    loss: float = field(init=False, default=math.nan)
    """The loss of the latest epoch."""
    epochs_before: int = field(init=False, default=0)
    """The epochs that the job had behind it when the run was made."""
    seconds: float = field(init=False, default=0.0)
    """The time spent in earlier processes and up to the last report or checkpoint."""

    def __post_init__(self) -> None:
        note = {"engine_note": self.choice.note} if self.choice.note else {}
        self.history = History(settings=self.settings() | note)
        self.epochs_before = self.job.epochs_done

    def state(self) -> dict[str, Any]:
        """Return all that changes while the run goes on, as plain data and arrays."""
        own = {**state_of(self), "history": self.history.to_dict()}
        return {"job": self.job.state(), "best_loss": self.stopping.best, **own}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` returned, of a run with the same `identity`."""
        own = dict(state)
        self.job.restore(own.pop("job"))
        self.stopping.best = own.pop("best_loss")
        restore(self, {**own, "history": History(**own["history"])})

    @cached_property
    def engine(self) -> Engine:
        """The engine of `choice`; it is made, and perhaps compiled, when it is first used."""
        try:
            return engines.make(self.choice, self.job)
        except BaseException:
            self.end()
            raise

    @property
    def measured_on(self) -> Examples:
        """The examples on which reports measure: the validation examples, or without any the training examples."""
        return self.validation or (self.job.inputs, self.job.targets, self.job.sample_weight)

    def settings(self) -> dict[str, Any]:
        """Return every option of the run, as it was found for these data, as plain data."""
        job = self.job
        found = {
            "loss": describe(job.loss),
            "optimizer": describe(job.optimizer),
            "batch_size": job.batch_size,
            "early_stopping": self.stopping.settings(),
            "metrics": list(self.metrics),
            "report_every": self.report_every,
            "engine": self.choice.engine,
            "threads": self.choice.threads,
            "weighted": job.sample_weight is not None,
            "training_examples": len(job.inputs),
            "validation_examples": 0 if self.validation is None else len(self.validation[0]),
        }
        return self.options.recorded() | found

    @property
    def identity(self) -> dict[str, Any]:
        """Plain data that says which run this is (network, options, data): a checkpoint continues only the same run."""
        described = {"network": self.job.network.describe(), "options": self.settings()}
        return {**described, "data": self.fingerprints, "block_rows": self.job.block_rows}

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprints of the data."""
        job = self.job
        return {
            "X": fingerprint(job.inputs),
            "y": fingerprint(job.targets),
            "weights": fingerprint(job.sample_weight),
            "validation": fingerprint(*(self.validation or ())),
        }

    def reports(self) -> Generator[Report, None, None]:
        """Train and report until the last epoch, early stopping, an interrupt or divergence."""
        engine = self.engine
        began = time.perf_counter() - self.seconds
        try:
            while not self.is_over:
                report = self.advance(engine, began)
                if self.checkpoint and (self.checkpoint.is_due(self.job.epochs_done) or self.is_over):
                    self.checkpoint.write(self.job.network, self.identity, self.state())
                if report:
                    yield report
        except KeyboardInterrupt:
            self.job.return_to_whole_epoch()
            raise
        finally:
            self.end()

    def end(self) -> None:
        """Record an early end, and go back to the best parameters if the stopping rule keeps them."""
        if not self.is_over:
            self.history.stopped = "interrupted"
        if self.best is not None:
            self.job.network.parameters, self.job.network.statistics = self.best
        elif self.stopping.keeps_best and self.history.epoch and self.history.stopped != "diverged":
            self.stopping.warn_of_no_best()

    @property
    def is_over(self) -> bool:
        """True after the last epoch, after early stopping and after divergence."""
        return self.history.stopped != "not finished"

    @property
    def next_report(self) -> int:
        """The epoch after which the next report is due."""
        return min((self.job.epochs_done // self.report_every + 1) * self.report_every, self.stopping.last_epoch)

    def advance(self, engine: Engine, began: float, until: float = math.inf) -> Report | None:
        """Train up to the next report, checkpoint or `until`, whichever is first; return the report if one is due."""
        done = self.job.epochs_done
        next_report = self.next_report
        goal = float(next_report)
        if self.checkpoint:
            goal, until = min(goal, self.checkpoint.next_epoch(done)), min(until, self.checkpoint.next_time)
        losses = engine.run(int(goal) - done, until)
        self.seconds = time.perf_counter() - began
        return self.take_in(losses, next_report)

    def take_in(self, losses: list[float], next_report: int) -> Report | None:
        """Take the losses of the epochs just trained; return the report if one is due."""
        self.check_divergence(losses)
        self.loss = losses[-1] if losses else self.loss
        if self.job.epochs_done < next_report:
            return None
        report = self.report()
        self.history.append(report)
        self.history.stopped = self.stopping.reason(report, self.history)
        return report

    def check_divergence(self, losses: list[float]) -> None:
        """If a loss or a parameter is not finite, go back to the last good parameters and raise DivergenceError."""
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
            f"finite parameters. {self.stopping.advice}"
        )

    def report(self) -> Report:
        """Return a report of the run as it is now; keep the best parameters if the run ends with them."""
        job, net, loss = self.job, self.job.network, self.loss
        measured: dict[str, float] = {}
        if self.validation is not None or self.metrics:
            inputs, targets, weights = self.measured_on
            with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite shows in the report
                measured = measure(net, inputs, targets, weights, job.loss, self.metrics)
        validation_loss = measured.pop("loss", None) if self.validation is not None else None
        measured.pop("loss", None)
        is_best = self.stopping.is_best(loss, validation_loss, measured)
        if is_best and self.stopping.keeps_best:
            self.best = [net.parameters.copy(), net.statistics.copy()]
        job.optimizer.schedule.observe(loss if validation_loss is None else validation_loss, job.schedule_memory)
        return Report(
            epoch=job.epochs_done,
            epochs=job.epochs,
            loss=loss,
            validation_loss=validation_loss,
            metrics=measured,
            learning_rate=job.learning_rate,
            gradient_norm=job.gradient_norms[-1],
            seconds=self.seconds,
            rows_per_second=(job.epochs_done - self.epochs_before) * len(job.inputs) / max(self.seconds, 1e-9),
            is_best=is_best,
            layer_gradient_norms=job.layer_gradient_norms,
            engine=str(self.choice),
            threads=self.choice.threads,
        )
