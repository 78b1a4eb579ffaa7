"""The solvers that take a batch at a time: an engine's job, an epoch at a time, with scikit-learn's rules around it."""

import math
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]

from plainnet import engines
from plainnet.arrays import Array
from plainnet.configurable import describe
from plainnet.engines import Job
from plainnet.errors import DivergenceError, InvalidValue, MissingExtraError
from plainnet.history import History, Report
from plainnet.optimizers import Optimizer, State
from plainnet.schedules import Memory
from plainnet.sklearn import stopping
from plainnet.sklearn.objective import Objective
from plainnet.sklearn.optimizers import optimizer_of
from plainnet.sklearn.stopping import Rows

SMALLEST_RATE = 1e-6
"""At or below it the adaptive learning rate is not divided any further."""


@dataclass
class SolverMemory:
    """What `partial_fit` takes from one call to the next."""

    optimizer: Optimizer
    state: State | None = None
    steps: int = 0
    epochs: int = 0
    schedule: Memory = field(default_factory=dict)


def fit_stochastic(estimator: Any, rows: Rows, given_validation: Rows | None, incremental: bool) -> None:
    """Train `estimator.network_` for up to `max_iter` epochs, for one where `incremental`."""
    if estimator.early_stopping and incremental:
        raise InvalidValue("partial_fit does not support early_stopping=True; it takes early_stopping=False")
    held = given_validation
    if estimator.early_stopping and held is None:
        rows, held = hold_out(estimator, rows)
    stopping.start_curves_if_new(estimator, with_validation=held is not None)
    run = StochasticRun(estimator, rows, held, incremental)
    try:
        for _ in _shown(estimator, run.reports()):
            pass
    except KeyboardInterrupt:
        run.job.return_to_whole_epoch()
        warnings.warn("Training interrupted; the estimator keeps its last whole epoch.", stacklevel=4)
    run.finish()


def hold_out(estimator: Any, rows: Rows) -> tuple[Rows, Rows]:
    """`validation_fraction` of the rows set aside, drawn as scikit-learn draws them."""
    numbers = np.arange(len(rows.inputs))
    kept, held = train_test_split(
        numbers,
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=rows.truth if estimator._stratifies else None,
    )
    if len(held) < 2:
        raise InvalidValue(
            f"The validation set is too small: validation_fraction={estimator.validation_fraction} sets {len(held)} of "
            f"{len(numbers)} rows aside, and it takes at least 2"
        )

    def part(chosen: Array) -> Rows:
        weight = None if rows.sample_weight is None else rows.sample_weight[chosen]
        return Rows(rows.inputs[chosen], rows.targets[chosen], rows.truth[chosen], weight)

    return part(kept), part(held)


class StochasticRun:
    """One call of `fit` or `partial_fit`.

    The rows lie in the job in the order of the present epoch, written there before it begins, so that the order is
    the one that scikit-learn draws from the same `random_state`.
    """

    def __init__(self, estimator: Any, rows: Rows, held: Rows | None, incremental: bool) -> None:
        self.estimator, self.rows, self.held, self.incremental = estimator, rows, held, incremental
        self.network = estimator.network_
        self.objective = Objective(estimator._loss_name, self.network, estimator.alpha)
        if not incremental or getattr(estimator, "_solver_memory", None) is None:
            estimator._solver_memory = SolverMemory(optimizer_of(estimator))
        self.memory: SolverMemory = estimator._solver_memory
        self.job = self._job()
        self.history = History(settings={"optimizer": describe(self.memory.optimizer), "alpha": estimator.alpha})
        self.network.history = self.history
        self.best = (self.network.parameters.copy(), self.network.statistics.copy())

    def _job(self) -> Job:
        estimator, rows = self.estimator, self.rows
        shuffled = rows
        if estimator.shuffle:
            weight = None if rows.sample_weight is None else rows.sample_weight.copy()
            shuffled = Rows(np.array(rows.inputs, order="C"), rows.targets.copy(), None, weight)
        job = Job(
            network=self.network,
            loss=self.objective,
            optimizer=self.memory.optimizer,
            inputs=shuffled.inputs,
            targets=shuffled.targets,
            sample_weight=shuffled.sample_weight,
            batch_size=_batch_size(estimator.batch_size, len(rows.inputs)),
            shuffle=False,
            epochs=estimator.max_iter,
            epochs_done=self.memory.epochs,
            steps_done=self.memory.steps,
            schedule_memory=self.memory.schedule,
        )
        if self.memory.state is not None:
            job.optimizer_state = self.memory.state
        return job

    def reports(self) -> Iterator[Report]:
        """Train an epoch at a time until `max_iter`, or until it stops getting better."""
        estimator = self.estimator
        engine = engines.make(engines.choose(estimator.engine, self.job, estimator._threads), self.job)
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
                return
        self.history.stopped = "all epochs"
        warnings.warn(
            f"Maximum iterations ({estimator.max_iter}) reached and the optimization hasn't converged yet; "
            "try a larger max_iter",
            ConvergenceWarning,
            stacklevel=5,
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
        """Early stopping goes back to its best weights, with a warning; without it there is nothing to go back to."""
        estimator = self.estimator
        self.job.return_to_good()
        self.history.stopped = "diverged"
        message = (
            f"Solver produced non-finite parameter weights or loss: epoch {estimator.n_iter_ + 1} has loss {loss}. "
            "Try inputs scaled to about -1 ... 1 (StandardScaler), a smaller learning_rate_init, or clip_norm=1"
        )
        if not estimator.early_stopping:
            raise DivergenceError(message)
        estimator.validation_scores_.append(math.nan)
        warnings.warn(message, ConvergenceWarning, stacklevel=6)

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
        is_best = stopping.note_improvement(estimator)
        if is_best and estimator.early_stopping:
            self.best = (self.network.parameters.copy(), self.network.statistics.copy())
        monitored = estimator.loss_ if validation_loss is None else validation_loss
        job.optimizer.schedule.observe(monitored, job.schedule_memory)
        if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
            job.schedule_memory["learning_rate"] = (
                estimator.learning_rate_init / (estimator.t_ + 1) ** estimator.power_t
            )
        return Report(
            epoch=estimator.n_iter_,
            epochs=estimator.max_iter,
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
        """Whether the run ends here; the adaptive learning rate falls to a fifth instead, until it is tiny."""
        estimator, memory = self.estimator, self.job.schedule_memory
        reason = stopping.reason(estimator)
        if reason is None:
            return False
        if estimator.solver == "sgd" and estimator.learning_rate == "adaptive":
            rate = memory.get("learning_rate", estimator.learning_rate_init)
            if rate > SMALLEST_RATE:
                memory["learning_rate"] = rate / 5
                estimator._no_improvement_count = 0
                _say(estimator, f"{reason} Setting learning rate to {rate / 5:g}.")
                return False
        _say(estimator, f"{reason} Stopping.")
        self.history.stopped = "early stopping"
        return True

    def finish(self) -> None:
        """Keep what the next `partial_fit` needs, and go back to the best weights of early stopping."""
        job, memory = self.job, self.memory
        memory.state, memory.steps, memory.epochs = job.optimizer_state, job.steps_done, job.epochs_done
        if self.estimator.early_stopping:
            self.network.parameters, self.network.statistics = self.best
        self.objective.set_penalty(job.batch_size or len(job.inputs))


def _batch_size(batch_size: int | str, rows: int) -> int:
    if batch_size == "auto":
        return min(200, rows)
    if int(batch_size) > rows:
        warnings.warn(f"batch_size is {batch_size} and there are {rows} rows; it is clipped to that", stacklevel=7)
    return min(int(batch_size), rows)


def _shown(estimator: Any, reports: Iterator[Report]) -> Iterable[Report]:
    """A progress bar on a terminal, where rich is installed; otherwise a line an epoch."""
    if not estimator.verbose:
        return reports
    if sys.stdout.isatty():
        from plainnet.progress import show

        try:
            return show(reports)
        except MissingExtraError:
            pass
    return _printed(reports)


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
