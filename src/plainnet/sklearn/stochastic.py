"""The solvers that take a batch at a time: a run with scikit-learn's order of rows, stopping rule and curves."""

import math
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]

from plainnet import engines
from plainnet._base.arrays import Array
from plainnet._base.configurable import describe
from plainnet.engines import Job
from plainnet.errors import DivergenceError, InvalidValue, warn
from plainnet.history import Report
from plainnet.metrics import Measure
from plainnet.optimizers import DECAY, RATE, Optimizer, State
from plainnet.schedules import Memory
from plainnet.sklearn import curves
from plainnet.sklearn.documentation import call_of
from plainnet.sklearn.objective import Objective, set_penalty
from plainnet.sklearn.optimizers import optimizer_of
from plainnet.sklearn.samples import Samples, hold_out
from plainnet.sklearn.stopping import NoImprovement
from plainnet.training import job_of
from plainnet.training.data import Data
from plainnet.training.options import Options
from plainnet.training.progress import show
from plainnet.training.run import TrainingRun

if TYPE_CHECKING:
    from plainnet.sklearn.base import BaseMLP


@dataclass
class SolverMemory:
    """The state that `partial_fit` keeps from one call to the next."""

    optimizer: Optimizer
    state: State | None = None
    steps: int = 0
    epochs: int = 0
    schedule: Memory = field(default_factory=dict)

    def continued_by(self, optimizer: Optimizer) -> "SolverMemory":
        """Return the memory for a call whose parameters give `optimizer`: changed settings take effect in it."""
        if describe(optimizer) == describe(self.optimizer):
            return replace(self, optimizer=optimizer)
        if type(optimizer) is type(self.optimizer) and optimizer.remembers == self.optimizer.remembers:
            return replace(self, optimizer=optimizer, schedule={})
        return SolverMemory(optimizer, epochs=self.epochs)


class StochasticFit:
    """One call of `fit` or `partial_fit`: everything is checked when it is made, and `train` trains."""

    def __init__(self, estimator: "BaseMLP", samples: Samples, held_out: Samples | None, incremental: bool) -> None:
        if estimator.early_stopping and incremental:
            raise InvalidValue("partial_fit does not support early_stopping=True; it takes early_stopping=False")
        if estimator.early_stopping and held_out is None:
            samples, held_out = hold_out(estimator, samples)
        if estimator.normalization == "batch" and samples.sample_weight is not None:
            samples = samples.part(samples.sample_weight > 0)  # the others must not count in the mean of a batch
        self.estimator, self.samples, self.incremental = estimator, samples, incremental
        by_score = held_out is not None and estimator.early_stopping and estimator._has_score(held_out)
        kept: SolverMemory | None = getattr(estimator, "_solver_memory", None) if incremental else None
        optimizer = optimizer_of(estimator)
        self.memory = SolverMemory(optimizer) if kept is None else kept.continued_by(optimizer)
        batch_size = _batch_size(estimator.batch_size, len(samples.inputs))
        self.objective = Objective(estimator._loss_name, estimator.n_outputs_, penalty_rows=batch_size)
        asked = {"loss": self.objective, "optimizer": self.memory.optimizer, "batch_size": batch_size}
        options = Options.of({**asked, "epochs": estimator.max_iter, "shuffle": bool(estimator.shuffle)})
        set_penalty(estimator.network_, float(estimator.alpha), batch_size)  # before the job may be compiled
        self.job = self._job(options)
        share = 1 / self.job.epochs if incremental else 1.0
        last_epoch = self.job.epochs_done + 1 if incremental else self.job.epochs
        self.stopping = NoImprovement(estimator, self.job, by_score, last_epoch)
        self.run = TrainingRun(
            self.job,
            engines.choose(estimator.engine, self.job, threads_of(estimator.n_jobs), times=share),
            options,
            validation=held_out,
            stopping=self.stopping,
            metrics={"score": Measure("score", estimator._score)} if estimator.early_stopping else {},
            report_every=1,
        )

    def _job(self, options: Options) -> Job:
        estimator, samples, memory = self.estimator, self.samples, self.memory
        job = job_of(estimator.network_, Data(samples, validation=None, weightless=0), options)
        job.draw_order = _reshuffled(estimator._random_state, len(samples.inputs))
        job.epochs_done, job.steps_done = memory.epochs, memory.steps
        job.schedule_memory = {**memory.schedule, **job.schedule_memory}
        if memory.state is not None:  # factors are of the present parameters
            kept = {name: vector for name, vector in memory.state.items() if name not in (RATE, DECAY)}
            factors = {name: vector for name, vector in job.optimizer_state.items() if name in (RATE, DECAY)}
            job.optimizer_state = kept | factors
        return job

    def train(self) -> None:
        """Train for up to `max_iter` epochs, for one if the run is incremental."""
        estimator, run = self.estimator, self.run
        if estimator.early_stopping and not self.stopping.by_score and estimator._has_score(self.samples):
            warn(
                "early_stopping has nothing to go by: the targets of the validation rows are all the same, and R² says "
                "nothing of them. The training loss decides when to stop, and the last weights stay",
                ConvergenceWarning,
            )
        estimator._solver_memory = self.memory
        estimator.network_.history = run.history
        settings = {"loss": self.objective.loss.name, "alpha": float(estimator.alpha)}
        run.history.settings = {"estimator": call_of(estimator), **run.history.settings, **settings}
        curves.begin(estimator, self.stopping, run.validation is not None, self.incremental)
        try:
            self._follow()
        except KeyboardInterrupt:
            self._end_interrupted()
        except DivergenceError as error:
            self._end_diverged(error)
        self._keep_memory()
        self._warn_of_end()

    def _follow(self) -> None:
        """Take in each report of the run; show its progress."""
        verbose = bool(self.estimator.verbose)
        on_terminal = verbose and sys.stdout.isatty() and sys.stderr.isatty()
        with closing(self.run.reports()) as reports:
            for report in show(reports) if on_terminal else reports:
                self._take_in(report)
                if verbose and not on_terminal:
                    _print(report, self.estimator.n_iter_)
                if verbose and self.stopping.message:
                    print(self.stopping.message)

    def _take_in(self, report: Report) -> None:
        estimator = self.estimator
        curves.count_epoch(estimator, report.loss, len(self.job.inputs))
        curves.append(estimator, report, self.stopping)
        if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
            rate = float(estimator.learning_rate_init) / (estimator.t_ + 1) ** float(estimator.power_t)
            self.job.schedule_memory["learning_rate"] = rate

    def _end_interrupted(self) -> None:
        """Count the last whole epoch if the interrupt came before its report."""
        if self.job.epochs_done - self.run.epochs_before > self.estimator.n_iter_:
            curves.count_epoch(self.estimator, self.run.loss, len(self.job.inputs))
        warn("Training interrupted; the estimator keeps its last whole epoch.", UserWarning)

    def _end_diverged(self, error: DivergenceError) -> None:
        """Warn if early stopping has gone back to its best weights; otherwise raise."""
        message = (
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed: {error}"
        )
        if self.run.best is None:
            raise DivergenceError(message) from None
        if self.estimator.validation_scores_ is not None:
            self.estimator.validation_scores_.append(math.nan)
        warn(message, ConvergenceWarning)

    def _keep_memory(self) -> None:
        """Keep what the next `partial_fit` needs."""
        job, memory = self.job, self.memory
        memory.state, memory.steps, memory.epochs = job.optimizer_state, job.steps_done, job.epochs_done
        memory.schedule = job.schedule_memory

    def _warn_of_end(self) -> None:
        """Warn if `fit` ended before it converged, or if `partial_fit` is past the end of a schedule, where it is 0."""
        job, max_iter = self.job, self.estimator.max_iter
        if not self.incremental and self.run.history.stopped == "all epochs":
            warn(
                f"Maximum iterations ({max_iter}) reached and the optimization hasn't converged yet; "
                "try a larger max_iter",
                ConvergenceWarning,
            )
        if job.learning_rate == 0 and job.epochs_done > job.epochs:
            warn(
                f"the learning rate is 0 and partial_fit learns nothing: this is epoch {job.epochs_done}, and the "
                f"schedule ends after max_iter={max_iter}. Take a larger max_iter, or a schedule that does not "
                "end at 0",
                ConvergenceWarning,
            )


def _reshuffled(random: np.random.RandomState, rows: int) -> Callable[[int], Array]:
    """Return a function that shuffles the order of the epoch before, as scikit-learn does with its `random_state`."""
    order = np.arange(rows)

    def draw_order(count: int) -> Array:
        nonlocal order
        permutation = np.arange(count)
        random.shuffle(permutation)
        order = order[permutation]
        return order

    return draw_order


def threads_of(n_jobs: int | None) -> int | None:
    """Return the number of threads for `n_jobs`; -1 means all cores, -2 all but one."""
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


def _print(report: Report, iteration: int) -> None:
    print(f"Iteration {iteration}, loss = {report.loss:.8f}")
    if report.validation_loss is not None:
        print(f"Validation loss: {report.validation_loss:.6f}")
    if "score" in report.metrics:
        print(f"Validation score: {report.metrics['score']:.6f}")
