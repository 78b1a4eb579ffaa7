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
from plainnet._base.state import restore, state_of
from plainnet._base.weighting import Examples
from plainnet.engines import Choice, Engine, Job, Notes
from plainnet.engines.notes import MEASURES
from plainnet.errors import DivergenceError, RankError
from plainnet.history import History, Report
from plainnet.metrics import Measure
from plainnet.network.prediction import measure, pays
from plainnet.ranks import ALONE, Alone, Ranks
from plainnet.training.checkpoints import Checkpoint
from plainnet.training.options import Options
from plainnet.training.ranked import warnings_of_first
from plainnet.training.run_identity import OF_RANKS, identity_of_data
from plainnet.training.stopping import Stopping

SECONDS_AHEAD = 0.1
"""The seconds that the engine runs ahead of the reports, about, where nothing looks at them."""

EPOCHS_AHEAD = 10_000
"""The most epochs that it runs ahead; a call of the engine then takes much longer than it costs."""


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
    recorded: Mapping[str, Any] | None = None
    """The settings for the record, where another run of the same options has described them already."""

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
        self.history = History(settings=dict(self.recorded or self.settings() | note))
        self.epochs_before = self.job.epochs_done

    def state(self) -> dict[str, Any]:
        """Return all that changes while the run goes on, as plain data and arrays."""
        own = {**state_of(self), "history": self.history.to_dict()}
        stopping = {"best_loss": self.stopping.best, "improved_epoch": self.stopping.improved_epoch}
        return {"job": self.job.state(), **stopping, **own}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` returned, of a run with the same `identity`."""
        own = dict(state)
        self.job.restore(own.pop("job"))
        self.stopping.best = own.pop("best_loss")
        history = History(**own.pop("history"))
        for name in OF_RANKS:  # these are those of this process, or of these ranks
            history.settings.pop(name, None)
        history.settings |= {name: value for name, value in self.history.settings.items() if name in OF_RANKS}
        # Earlier versions did not keep it, and with them each best epoch was an improvement.
        self.stopping.improved_epoch = own.pop("improved_epoch", history.best_epoch or 0)
        restore(self, {**own, "history": history})

    @property
    def ranks(self) -> Ranks | Alone:
        """The ranks that train together, or this process alone."""
        return self.job.ranks or ALONE

    @cached_property
    def engine(self) -> Engine:
        """The engine of `choice`; it is made, and perhaps compiled, when it is first used."""
        try:
            return engines.make(self.choice, self.job)
        except BaseException as error:
            self.ranks.leave(error)
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
            "training_examples": job.rows,
            "validation_examples": self.validation_rows,
        }
        if job.ranks:
            found |= {"ranks": job.ranks.size, "compression": job.compression}
        return self.options.recorded() | found

    @cached_property
    def validation_rows(self) -> int:
        """The number of validation examples, of all ranks together."""
        return 0 if self.validation is None else sum(self.ranks.all(len(self.validation[0])))

    @property
    def identity(self) -> dict[str, Any]:
        """Plain data that says which run this is (network, options, data): a checkpoint continues only the same run."""
        return {"network": self.job.network.describe(), "options": self.settings(), **self.identity_of_data}

    @cached_property
    def identity_of_data(self) -> dict[str, Any]:
        """What `identity` says of the data, which takes a pass over all rows."""
        return identity_of_data(self.job, self.validation)

    def reports(self, *, ahead: bool = False) -> Generator[Report, None, None]:
        """Train and report until the last epoch, early stopping, an interrupt or divergence.

        `ahead` is for a caller that does not stop at a report and need not see each: where nothing else looks at it
        before the run goes on, the engine runs to a later one, and only that is yielded. The history has them all.
        """
        engine, ranks = self.engine, self.ranks
        began = time.perf_counter() - self.seconds
        try:
            while not self.is_over:
                with ranks.interrupts_held(), warnings_of_first(ranks):
                    report = self.advance(engine, began, ahead=ahead)
                    if self.checkpoint and (self.checkpoint.is_due(self.job.epochs_done) or self.is_over):
                        self.checkpoint.write(self.job.network, self.identity, self.state())
                if report:
                    yield report
            ranks.raise_interrupt()
        except KeyboardInterrupt as error:
            ranks.leave(error)
            self.job.return_to_whole_epoch()
            raise
        except BaseException as error:
            if not self.is_over:  # a divergence, say, ends it on all ranks
                ranks.leave(error)
            if isinstance(error, RankError):
                ranks.raise_interrupt()  # the other rank left because it was interrupted, as this one was
            raise
        finally:
            with warnings_of_first(ranks):
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
    def is_watched(self) -> bool:
        """True if a report has work to do before the run goes on: validation, metrics, early stopping, the schedule."""
        watches = self.stopping.watches or self.job.optimizer.schedule.watches
        return watches or self.validation is not None or bool(self.metrics)

    def report_after(self, more: int) -> int:
        """Return the epoch of the next report, or of the one that is `more` reports later."""
        return min((self.job.epochs_done // self.report_every + 1 + more) * self.report_every, self.stopping.last_epoch)

    @property
    def reports_ahead(self) -> int:
        """The number of reports after the next one that the engine may run ahead to."""
        done = self.job.epochs_done - self.epochs_before
        fitting = done * SECONDS_AHEAD / max(self.seconds, 1e-9)  # by the pace so far
        return 0 if self.is_watched else int(min(fitting, EPOCHS_AHEAD)) // self.report_every

    @cached_property
    def measures_compiled(self) -> bool:
        """True if the predictions that reports measure are machine code as well."""
        reports = self.job.epochs // self.report_every  # not those still to come: a resumed run decides alike
        rows = len(self.measured_on[0])
        return self.choice.engine == "compiled" and pays(self.job.network, rows, reports)

    def notes(self, goal: int) -> Notes:
        """Return room for what the engine notes up to the end of the epoch `goal`."""
        return Notes(self.job, self.report_every, self.stopping.last_epoch, goal)

    def advance(
        self, engine: Engine, began: float, until: float = math.inf, *, ahead: bool = False, most: float = math.inf
    ) -> Report | None:
        """Train up to a report, checkpoint, `until` or `most` epochs, whichever is first; return the last report due.

        That is the next one, or with `ahead` perhaps a later one; None if none was due.
        """
        done = self.job.epochs_done
        goal = int(min(self.report_after(self.reports_ahead if ahead else 0), done + most))
        if self.checkpoint:
            goal = int(min(goal, self.checkpoint.next_epoch(done)))
            until = min(until, self.checkpoint.next_time)
        goal = self.ranks.first(goal)
        until = until if self.ranks.rank == 0 else math.inf  # ranks have clocks of their own
        notes = self.notes(goal)
        try:
            losses = engine.run(goal - done, until, notes)
        except BaseException:
            if not self.is_watched:  # otherwise the report would measure the network, which may be within an epoch
                self.take_in(notes, time.perf_counter() - began)
            raise
        report = self.take_in(notes, time.perf_counter() - began)
        self.check_divergence(losses)
        self.loss = losses[-1] if losses else self.loss
        return report

    def take_in(self, notes: Notes, seconds: float) -> Report | None:
        """Take in what the engine noted until `seconds` after the run began; return the last report, if any."""
        before, self.seconds = self.seconds, seconds
        if not notes.count:
            return None
        if notes.count > 1:
            self._pass(notes, before)
        report = self.report(notes)
        self.history.append(report)
        self.history.stopped = self.stopping.reason(self.history)
        return report

    def _pass(self, notes: Notes, before: float) -> None:
        """Enter all noted epochs but the last into the history; the call that took them began `before`.

        Nothing looks at these reports. Their times lie evenly between those of the two ends of the call.
        """
        epochs, columns = notes.epochs[:-1], notes.rows[: notes.count - 1].T
        seconds = np.interp(epochs, [notes.begin, self.job.epochs_done], [before, self.seconds])
        measures = dict(zip(MEASURES, columns, strict=False))
        layers = dict(zip(notes.layers, columns[len(MEASURES) :], strict=True))
        self.history.extend({"epoch": epochs, **measures, "seconds": seconds}, layers)
        lowest = int(measures["loss"].argmin())
        if self.stopping.is_best(float(measures["loss"][lowest]), None, {}):
            self.history.best_epoch = int(epochs[lowest])

    def check_divergence(self, losses: list[float]) -> None:
        """Go back to the last good parameters and raise DivergenceError if a loss or a parameter is not finite."""
        job = self.job
        is_finite = all(map(math.isfinite, losses[-1:]))
        if is_finite and job.is_finite:
            return
        epoch = job.epochs_done + (not is_finite or job.batches_done > 0)  # the present one, or the one just ended
        job.return_to_good()
        self.history.stopped = "diverged"
        found = "finite, but a parameter is not" if is_finite else losses[-1]
        last = (
            f"{self.history.loss[-1]:.6g} in epoch {self.history.epoch[-1]}" if self.history.loss else "none reported"
        )
        norms = ", ".join(f"{norm:.3g}" for norm in job.gradient_norms) or "none"
        raise DivergenceError(
            f"the run diverged in epoch {epoch}: its loss is {found}; last finite loss: {last}; gradient "
            f"norms of the latest steps: {norms}; learning rate {job.learning_rate:g}. The network keeps its last "
            f"finite parameters. {self.stopping.advice}"
        )

    def report(self, notes: Notes) -> Report:
        """Return the report of the last noted epoch; keep the best parameters if the run ends with them."""
        job, net = self.job, self.job.network
        loss, learning_rate, gradient_norm, *layer_norms = notes.rows[notes.count - 1].tolist()
        measured: dict[str, float] = {}
        if self.validation is not None or self.metrics:
            inputs, targets, weights = self.measured_on
            with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite shows in the report
                measured = measure(
                    net,
                    inputs,
                    targets,
                    weights,
                    job.loss,
                    self.metrics,
                    compiled=self.measures_compiled,
                    ranks=self.ranks,
                )
        validation_loss = measured.pop("loss", None) if self.validation is not None else None
        measured.pop("loss", None)
        is_best = self.stopping.is_best(loss, validation_loss, measured)
        if is_best and self.stopping.keeps_best:
            self.best = [net.parameters.copy(), net.statistics.copy()]
        job.optimizer.schedule.observe(loss if validation_loss is None else validation_loss, job.schedule_memory)
        return Report(
            epoch=notes.epoch(notes.count - 1),
            epochs=job.epochs,
            loss=loss,
            validation_loss=validation_loss,
            metrics=measured,
            learning_rate=learning_rate,
            gradient_norm=gradient_norm,
            seconds=self.seconds,
            rows_per_second=(job.epochs_done - self.epochs_before) * job.rows / max(self.seconds, 1e-9),
            is_best=is_best,
            layer_gradient_norms=dict(zip(notes.layers, layer_norms, strict=True)),
            engine=str(self.choice),
            threads=self.choice.threads,
        )
