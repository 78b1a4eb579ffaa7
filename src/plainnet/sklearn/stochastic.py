"""The solvers that take a batch at a time: an engine's job, an epoch at a time, with scikit-learn's rules around it."""

import math
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]

from plainnet import engines
from plainnet._base.arrays import Array
from plainnet._base.configurable import describe
from plainnet.engines import Job
from plainnet.errors import DivergenceError, InvalidValue, warn
from plainnet.history import History, Report
from plainnet.optimizers import Optimizer, State
from plainnet.schedules import Memory
from plainnet.sklearn import stopping
from plainnet.sklearn.documentation import call_of
from plainnet.sklearn.objective import Objective
from plainnet.sklearn.optimizers import lowered, optimizer_of
from plainnet.sklearn.rows import Rows, hold_out
from plainnet.training import job_of
from plainnet.training.data import Data
from plainnet.training.options import Options
from plainnet.training.progress import show
from plainnet.training.run import settings_of


@dataclass
class SolverMemory:
    """What `partial_fit` takes from one call to the next."""

    optimizer: Optimizer
    state: State | None = None
    steps: int = 0
    epochs: int = 0
    schedule: Memory = field(default_factory=dict)

    def going_on_with(self, optimizer: Optimizer) -> "SolverMemory":
        """The memory for the next call, whose parameters give `optimizer`: other settings take effect in it."""
        if describe(optimizer) == describe(self.optimizer):
            return replace(self, optimizer=optimizer)
        if type(optimizer) is type(self.optimizer) and optimizer.remembers == self.optimizer.remembers:
            return replace(self, optimizer=optimizer, schedule={})
        return SolverMemory(optimizer, epochs=self.epochs)


class StochasticRun:
    """One call of `fit` or `partial_fit`: everything is checked when it is made, and `train` trains.

    The rows lie in the job in the order of the present epoch, written there before it begins, so that the order is
    the one that scikit-learn draws from the same `random_state`.
    """

    def __init__(self, estimator: Any, rows: Rows, held: Rows | None, incremental: bool) -> None:
        if estimator.early_stopping and incremental:
            raise InvalidValue("partial_fit does not support early_stopping=True; it takes early_stopping=False")
        if estimator.early_stopping and held is None:
            rows, held = hold_out(estimator, rows)
        if estimator.normalization == "batch":  # rows that do not count have no part in the mean of a batch either
            rows = rows.counting()
        self.estimator, self.rows, self.held, self.incremental = estimator, rows, held, incremental
        self.by_score = bool(estimator.early_stopping and estimator._is_telling(held))
        self.network = estimator.network_
        self.objective = Objective(estimator._loss_name, self.network, estimator.alpha)
        kept: SolverMemory | None = getattr(estimator, "_solver_memory", None) if incremental else None
        optimizer = optimizer_of(estimator)
        self.memory = SolverMemory(optimizer) if kept is None else kept.going_on_with(optimizer)
        self.job = self._job()
        self.choice = engines.choose(estimator.engine, self.job, threads_of(estimator.n_jobs))
        self.best: tuple[Array, Array] | None = None

    def _job(self) -> Job:
        estimator, rows, memory = self.estimator, self.rows, self.memory
        inputs, targets, weight = rows.inputs, rows.targets, rows.sample_weight
        if estimator.shuffle:
            inputs, targets = np.array(inputs, order="C"), targets.copy()
            weight = None if weight is None else weight.copy()
        job = job_of(
            self.network,
            Data((inputs, targets, weight), validation=None, weightless=0),
            Options.of(
                {
                    "loss": self.objective,
                    "optimizer": memory.optimizer,
                    "epochs": estimator.max_iter,
                    "batch_size": _batch_size(estimator.batch_size, len(inputs)),
                    "shuffle": False,
                }
            ),
        )
        job.epochs_done, job.steps_done = memory.epochs, memory.steps
        job.schedule_memory = {**memory.schedule, **job.schedule_memory}
        if memory.state is not None:
            job.optimizer_state = memory.state
        return job

    def _record(self) -> dict[str, Any]:
        """The settings of the run as plain data, in the words of `Network.fit` and of the estimator."""
        estimator = self.estimator
        patience, tol = describe(estimator.n_iter_no_change), describe(estimator.tol)
        settings = settings_of(
            self.job,
            self.choice,
            early_stopping={"patience": patience, "minimum_improvement": tol} if estimator.early_stopping else None,
            metrics=["score"] if estimator.early_stopping else [],
            report_every=1,
            validation_examples=0 if self.held is None else len(self.held.inputs),
        )
        objective = {"loss": self.objective.name, "alpha": self.objective.alpha, "shuffle": bool(estimator.shuffle)}
        return {"estimator": call_of(estimator), **settings, **objective}

    def train(self) -> None:
        """Train for up to `max_iter` epochs, for one where the run is incremental."""
        estimator = self.estimator
        estimator._solver_memory = self.memory
        self.history = History(settings=self._record())
        self.network.history = self.history
        stopping.begin(estimator, self.by_score, self.held is not None, self.incremental)
        if estimator.early_stopping and not self.by_score and estimator._is_telling(self.rows):
            warn(
                "early_stopping has nothing to go by: the targets of the validation rows are all the same, and R² says "
                "nothing of them. The training loss decides when to stop, and the last weights stay",
                ConvergenceWarning,
            )
        try:
            for _ in _shown(estimator, self.reports()):
                pass
        except KeyboardInterrupt:
            self.job.return_to_whole_epoch()
            self.history.stopped = "interrupted"
            warn("Training interrupted; the estimator keeps its last whole epoch.", UserWarning)
        self.finish()

    def reports(self) -> Iterator[Report]:
        """Train an epoch at a time until `max_iter`, or until it stops getting better."""
        estimator = self.estimator
        engine = engines.make(self.choice, self.job)
        order = np.arange(len(self.rows.inputs))
        began = time.perf_counter()
        estimator.n_iter_ = 0
        while estimator.n_iter_ < estimator.max_iter:
            if estimator.shuffle:
                order = self._reorder(order)
            loss = engine.run(1)[-1]
            if not math.isfinite(loss) or not np.isfinite(self.network.parameters).all():
                self._end_diverged(loss)
                return
            self._take_in(loss)
            report = self._report(time.perf_counter() - began)
            self.history.append(report)
            yield report
            if self._is_over() or self.incremental:
                self._warn_of_rate_0()
                return
        self.history.stopped = "all epochs"
        warn(
            f"Maximum iterations ({estimator.max_iter}) reached and the optimization hasn't converged yet; "
            "try a larger max_iter",
            ConvergenceWarning,
        )

    def _warn_of_rate_0(self) -> None:
        """Say so where a schedule has come to its end, past which a step changes nothing."""
        if self.job.learning_rate == 0 and self.job.epochs_done > self.job.epochs:
            warn(
                f"the learning rate is 0 and partial_fit learns nothing: this is epoch {self.job.epochs_done}, and the "
                f"schedule ends after max_iter={self.job.epochs}. Take a larger max_iter, or a schedule that does not "
                "end at 0",
                ConvergenceWarning,
            )

    def _reorder(self, order: Array) -> Array:
        """Write the rows into the job in a new order: a permutation of the one before."""
        permutation = np.arange(len(order))
        self.estimator._random_state.shuffle(permutation)
        order = order[permutation]
        np.take(self.rows.inputs, order, axis=0, out=self.job.inputs[:], mode="clip")  # "clip" writes without a buffer
        np.take(self.rows.targets, order, axis=0, out=self.job.targets[:], mode="clip")
        if self.rows.sample_weight is not None and self.job.sample_weight is not None:
            np.take(self.rows.sample_weight, order, out=self.job.sample_weight, mode="clip")
        return order

    def _end_diverged(self, loss: float) -> None:
        """Early stopping goes back to its best weights, with a warning; otherwise there is nothing to go back to."""
        estimator = self.estimator
        self.job.return_to_good()
        self.history.stopped = "diverged"
        message = (
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed: epoch {estimator.n_iter_ + 1} has loss {loss}. Try inputs scaled to about -1 ... 1 "
            "(StandardScaler), a smaller learning_rate_init, or clip_norm=1"
        )
        if self.best is None:
            raise DivergenceError(message)
        estimator.validation_scores_.append(math.nan)
        warn(message, ConvergenceWarning)

    def _take_in(self, loss: float) -> None:
        """An epoch's loss into the attributes."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += len(self.rows.inputs)
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)

    def _report(self, seconds: float) -> Report:
        estimator, job = self.estimator, self.job
        validation_loss = stopping.measure(estimator, self.objective, self.held)
        is_best = stopping.note_improvement(estimator, self.by_score)
        if is_best and self.by_score:
            self.best = (self.network.parameters.copy(), self.network.statistics.copy())
        monitored = estimator.loss_ if validation_loss is None else validation_loss
        job.optimizer.schedule.observe(monitored, job.schedule_memory)
        if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
            rate = float(estimator.learning_rate_init) / (estimator.t_ + 1) ** float(estimator.power_t)
            job.schedule_memory["learning_rate"] = rate
        return Report(
            epoch=estimator.n_iter_,
            epochs=job.epochs,
            loss=estimator.loss_,
            validation_loss=validation_loss,
            metrics={"score": estimator.validation_scores_[-1]} if estimator.early_stopping else {},
            learning_rate=job.learning_rate,
            gradient_norm=job.gradient_norms[-1],
            seconds=seconds,
            rows_per_second=estimator.n_iter_ * len(job.inputs) / max(seconds, 1e-9),
            is_best=is_best,
        )

    def _is_over(self) -> bool:
        """Whether the run ends here; a learning rate that falls on a plateau falls first, until it is tiny."""
        estimator, memory = self.estimator, self.job.schedule_memory
        reason = stopping.reason(estimator, self.by_score)
        if reason is None:
            return False
        rate = lowered(estimator, self.job.optimizer, memory)
        if rate is not None:
            memory |= {"learning_rate": rate, "waited": 0}
            estimator._no_improvement_count = 0
            _say(estimator, f"{reason} Setting learning rate to {rate:g}.")
            return False
        _say(estimator, f"{reason} Stopping.")
        self.history.stopped = "early stopping"
        return True

    def finish(self) -> None:
        """Keep what the next `partial_fit` needs, and go back to the best weights of early stopping."""
        job, memory = self.job, self.memory
        memory.state, memory.steps, memory.epochs = job.optimizer_state, job.steps_done, job.epochs_done
        memory.schedule = job.schedule_memory
        self.objective.set_penalty(job.batch_size or len(job.inputs))
        if self.best is not None:
            self.network.parameters, self.network.statistics = self.best
        elif self.by_score and self.estimator.n_iter_:
            warn(
                "early_stopping had no score to go by: that of the validation rows was a number in no epoch. "
                "The estimator keeps the weights of its last epoch",
                ConvergenceWarning,
            )


def threads_of(n_jobs: int | None) -> int | None:
    """The threads that `n_jobs` means; -1 is all cores, -2 all but one."""
    if n_jobs is None or n_jobs > 0:
        return None if n_jobs is None else int(n_jobs)
    if n_jobs == 0:
        raise InvalidValue("n_jobs is 0; it takes a number of threads, -1 for all cores, or None")
    return max(1, engines.cores() + 1 + int(n_jobs))


def _batch_size(batch_size: int | str, rows: int) -> int:
    if batch_size == "auto":
        return min(200, rows)
    if int(batch_size) > rows:
        warn(f"batch_size is {batch_size} and there are {rows} rows; it is clipped to that", UserWarning)
    return min(int(batch_size), rows)


def _shown(estimator: Any, reports: Iterator[Report]) -> Iterable[Report]:
    """A progress bar on a terminal; otherwise a line an epoch."""
    if not estimator.verbose:
        return reports
    on_terminal = sys.stdout.isatty() and sys.stderr.isatty()
    return show(reports) if on_terminal else _printed(reports)


def _printed(reports: Iterator[Report]) -> Iterator[Report]:
    for report in reports:
        print(f"Iteration {report.epoch}, loss = {report.loss:.8f}")
        if report.validation_loss is not None:
            print(f"Validation loss: {report.validation_loss:.6f}")
        if "score" in report.metrics:
            print(f"Validation score: {report.metrics['score']:.6f}")
        yield report


def _say(estimator: Any, message: str) -> None:
    if estimator.verbose:
        print(message)
