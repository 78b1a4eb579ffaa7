"""LiveRun: a network in training on examples, from a setup, in slices of time, steps or epochs."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.checks import whole_number
from plainnet.engines import Job, blas
from plainnet.errors import DivergenceError, InvalidValue, warnings_passed_over
from plainnet.network import Network
from plainnet.network.examples import examples_for
from plainnet.network.prediction import can_compile, measure, outputs_of
from plainnet.play.session.carrying import carry, same_set, shapes
from plainnet.play.session.curves import Curve
from plainnet.play.session.examples import Examples
from plainnet.play.session.path import ParameterPath
from plainnet.play.session.preparing import prepared
from plainnet.play.session.setup import Setup
from plainnet.training.run import TrainingRun

REPORTS = 1_000
"""A run that nothing watches reports about every thousandth part of the epochs behind it."""

LOOKS = 10
"""The pictures of a network after which its predictions are machine code."""

CHEAP = 2_000_000
"""The products of test rows and parameters up to which the test loss is measured while the run plays."""

CALL = 0.002
"""The seconds of training between two looks at the parameters, for the path, at least."""

ENDS = {"all epochs": "finished", "early stopping": "stopped", "diverged": "diverged", "interrupted": "paused"}
"""The state of a run by the reason for its end."""


class LiveRun:
    """A LiveRun is a network in training.

    What it computes is, to the bit, what `net.fit` computes with the options and the seed of the setup, however the
    run is cut into slices: the job, its engine and its reports are those of `plainnet.training`.
    """

    network: Network
    training: TrainingRun
    curve: Curve
    path: ParameterPath
    is_engaged: bool
    """True if the engine has been chosen, for the first step."""
    problem: str
    """The message of a run that diverged."""

    def __init__(self, setup: Setup, examples: Examples) -> None:
        self.setup, self.examples = setup, examples
        self.is_playing = False
        self.has_learned = False
        self.seconds_to_engage = 0.0
        """The seconds that it took to make the engine the last time."""
        self.restart()

    # ---- beginning ----

    def restart(self, seed: int | None = None) -> None:
        """Begin again from the same initial weights, or from those of another seed."""
        if seed is not None:
            self.setup = self.setup.changed(["seed"], whole_number("seed", seed, least=0))
        network = self.setup.network(self.examples)
        self._take(network, prepared(self.setup, self.examples, network))
        self.curve, self.path = Curve(), ParameterPath(network)
        self.seconds_before, self.steps_before = 0.0, 0
        self.is_as_set = True
        """True if the setup alone tells what this run computes: no weight was edited and nothing changed on the way."""
        self._note_start()

    def start_like(self, other: LiveRun) -> None:
        """Take the initial weights of another run, layer by layer, where they have the same shapes."""
        source = other.setup.network(other.examples)
        theirs = [own for own in source.parameter_views(source.parameters) if own]
        mine = [own for own in self.network.parameter_views(self.network.parameters) if own]
        before = self.network.parameters.copy()
        for to, of in zip(mine, theirs, strict=False):
            for name in to.keys() & of.keys():
                if to[name].shape == of[name].shape:
                    to[name][...] = of[name]
        if not np.array_equal(before, self.network.parameters):
            self.is_as_set = False
            self.touched()
            self.curve, self.path = Curve(), ParameterPath(self.network)
            self._note_start()

    def change(self, setup: Setup, examples: Examples) -> bool:
        """Take another setup; return True if the run had to begin again.

        The weights stay, and the run goes on, where all arrays of parameters keep their shapes: with another learning
        rate, optimizer, batch size, loss, penalty or dropout, say, and with points added or moved. What the optimizer
        remembers stays if it is of the same kind. Another seed, number type or data set begins again.
        """
        network = setup.network(examples)
        training = prepared(setup, examples, network)
        before, is_same_set = self.setup, same_set(self.setup, setup)
        had = self.training.job, self.network
        same = is_same_set and before.seed == setup.seed and before.dtype == setup.dtype
        if not (same and shapes(network) == shapes(self.network)):
            self.setup, self.examples = setup, examples
            self.restart()
            return True
        same_rows = examples is self.examples
        self.setup, self.examples = setup, examples
        if self.job.steps_done == 0 and self.is_as_set:
            self.restart()
            return False
        self.seconds_before += self.training.seconds
        self._take(network, training)
        self.steps_before += carry(*had, self.job, same_rows)
        self.training.epochs_before = self.job.epochs_done
        self.training.loss = math.nan
        if self.job.epochs_done >= self.job.epochs:
            self.training.history.stopped = "all epochs"
        self.is_as_set = False
        return False

    def engage(self) -> None:
        """Choose the engine before the first step, if that has not been done.

        To make machine code may take half a second. Whoever moves a slider does not wait for it at every change.
        """
        if self.is_engaged or self.is_over:
            return
        began = time.perf_counter()
        self.is_engaged = True
        before = self.training
        if self.setup.engine == "numpy":
            return
        self.training = prepared(self.setup, self.examples, self.network, compiles=True)
        carry(before.job, self.network, self.job, True)
        self.training.epochs_before = self.job.epochs_done
        self.training.engine  # noqa: B018  # made when it is first looked at
        self.seconds_to_engage = time.perf_counter() - began

    def _take(self, network: Network, training: TrainingRun) -> None:
        self.network, self.training = network, training
        self.problem = ""
        self.is_engaged = False
        self.looks = 0
        self.has_learned = False
        self.edits = 0
        self.judged: tuple[Any, float, dict[str, Any]] | None = None
        """The latest story of the run: what it was made for, when, and the story."""
        self.is_touched = False
        self._tested: tuple[Any, float] | None = None
        self._measured: tuple[Any, dict[str, float | None]] | None = None

    def _note_start(self) -> None:
        """Enter the numbers of the initial weights into the curve, as those of epoch 0."""
        found = self.measured()
        metric = next((found[name] for name in self.training.metrics), None)
        row = [0.0, found["loss"], found["validation_loss"], metric]
        self.curve.add(np.array([[math.nan if value is None else value for value in row]]))

    # ---- training ----

    @property
    def job(self) -> Job:
        """The job of the run."""
        return self.training.job

    @property
    def is_over(self) -> bool:
        """True after the last epoch, early stopping or divergence."""
        return self.training.is_over

    @property
    def epochs(self) -> int:
        """The number of epochs done."""
        return self.job.epochs_done

    @property
    def steps(self) -> int:
        """The number of steps done."""
        return self.steps_before + self.job.steps_done

    @property
    def seconds(self) -> float:
        """The seconds of training."""
        return self.seconds_before + self.training.seconds

    @property
    def seconds_per_epoch(self) -> float:
        """The seconds of an epoch, about; 0 before the first one."""
        done = self.epochs - self.training.epochs_before
        return self.training.seconds / done if done > 0 else self.training.seconds

    @property
    def engine(self) -> str | None:
        """The engine in words, with the reason if it is not the one that was asked for; None before the first step."""
        return str(self.training.choice) if self.is_engaged else None

    @property
    def rows_per_second(self) -> float | None:
        """The training examples a second; None before the first step."""
        done = (self.epochs - self.training.epochs_before) * self.job.rows
        return done / self.training.seconds if self.training.seconds > 0 else None

    @property
    def learning_rate(self) -> float:
        """The learning rate of the latest step, or the one of the first step to come."""
        if self.job.steps_done:
            return self.job.learning_rate
        return float(self.job.optimizer.schedule.rate(self.epochs, self.job.epochs, dict(self.job.schedule_memory)))

    @property
    def state(self) -> str:
        """ "ready", "playing", "paused", "learned", "diverged", "stopped" (early) or "finished" (all epochs)."""
        if self.is_over:
            return ENDS[self.training.history.stopped]
        if self.steps == 0 and not self.is_playing:
            return "ready"
        if self.has_learned:
            return "learned"
        return "playing" if self.is_playing else "paused"

    def step(self) -> None:
        """Train on one batch."""
        self._advance(0.0, 1)
        self._take_reports()

    def epoch(self) -> None:
        """Train to the end of the present epoch, or through the next one."""
        self.advance(epochs=1)

    def advance(self, until: float = math.inf, epochs: int | None = None) -> None:
        """Train until `time.monotonic()` reaches `until`, but at least a step; or for so many epochs."""
        goal = math.inf if epochs is None else self.epochs + epochs
        while not self.is_over and self.epochs < goal:
            self._advance(until, goal - self.epochs)
            if time.monotonic() >= until:
                break
        self._take_reports()

    def _advance(self, until: float, most: float) -> None:
        """Train up to a report, a point of the path, `until`, or `most` epochs on."""
        if self.is_over:
            return
        self.is_touched = False
        self.engage()
        training = self.training
        training.report_every = self._report_every()
        fitting = CALL / max(self.seconds_per_epoch, 1e-9)
        most = min(most, max(self.path.next_epoch - self.epochs, int(fitting), 1))
        began = time.perf_counter() - training.seconds
        with warnings_passed_over():
            try:
                with blas.limited(training.engine.blas_threads):
                    training.advance(training.engine, began, until, ahead=True, most=most)
            except DivergenceError as error:
                self.problem = str(error)
            if training.is_over:
                training.end()
                self.touched()
            self.path.add(self.epochs, self.network.parameters)

    def _report_every(self) -> int:
        """Return the epochs from report to report: more of them as the run gets longer, if no report steers it."""
        training = self.training
        if training.stopping.watches or training.job.optimizer.schedule.watches:
            return 1
        return 1 << max(0, (self.epochs // REPORTS).bit_length() - 1)

    def _take_reports(self) -> None:
        """Enter the latest reports into the curve."""
        history = self.training.history
        new = slice(bisect_right(history.epoch, self.curve.last_epoch), None)
        count = len(history.epoch[new])
        if not count:
            return
        missing = [math.nan] * count
        metric = next(iter(history.metrics.values()), None)
        columns = [
            history.epoch[new],
            history.loss[new],
            history.validation_loss[new] or missing,
            missing if metric is None else metric[new],
        ]
        self.curve.add(np.array(columns, float).T)

    # ---- looking at it ----

    def touched(self) -> None:
        """Forget what was measured: the parameters changed outside of training."""
        self.edits += 1
        self.is_touched = True

    def set_parameter(self, place: int, value: float) -> None:
        """Set one number of the parameter vector by hand; a restart takes it back."""
        parameters = self.network.parameters
        with np.errstate(over="ignore"):
            number = parameters.dtype.type(value)
        if not np.isfinite(number):
            raise InvalidValue(f"value is {value!r}, which {parameters.dtype.name} cannot hold; take a smaller one")
        parameters[place] = number
        self.is_as_set = False
        self.has_learned = False
        self.touched()

    def predictions(self, inputs: Array) -> Array:
        """Return the outputs for rows of inputs, for a picture.

        It is machine code after some pictures of the same network, as making that takes as long as they do.
        """
        self.looks += self.is_playing
        with np.errstate(all="ignore"):
            return outputs_of(self.network, inputs, compiled=self.looks > LOOKS and can_compile())

    def measured(self) -> dict[str, float | None]:
        """Return the loss of the present parameters, penalties included, the validation loss and each metric."""
        key = self.steps, self.edits
        if self._measured is None or self._measured[0] != key:
            self._measured = key, self._measure()
        return self._measured[1]

    def _measure(self) -> dict[str, float | None]:
        training, net, loss = self.training, self.network, self.job.loss
        with np.errstate(all="ignore"):
            own = measure(net, self.job.inputs, self.job.targets, self.job.sample_weight, loss, {}, compiled=False)
            on = measure(net, *training.measured_on, loss, training.metrics, compiled=False)
        validation = on.pop("loss") if training.validation is not None else None
        on.pop("loss", None)
        return {"loss": own["loss"] + penalties(net), "validation_loss": validation, **on}

    def test_loss(self) -> float | None:
        """Return the loss of the present parameters on the test examples; None without any, or if it takes long."""
        test, size = self.examples.test, self.network.parameters.size
        if test is None or not len(test[0]) or (self.is_playing and len(test[0]) * size > CHEAP):
            return None
        key = self.steps, self.edits
        if self._tested is None or self._tested[0] != key:
            with np.errstate(all="ignore"):
                checked = examples_for(self.network, test[0], test[1], self.job.loss, test[2])
                found = measure(self.network, *checked, self.job.loss, {}, compiled=False)
            self._tested = key, found["loss"]
        return self._tested[1]

    def latest(self) -> dict[str, Any]:
        """Return the loss, the validation loss and the metrics of the latest epoch, or those of the present weights.

        The loss of an epoch is the mean over its batches, each taken before its step. Within an epoch, after an edit
        and before the first epoch the numbers are measured anew.
        """
        history = self.training.history
        is_of_epoch = history.epoch and history.epoch[-1] == self.epochs and not self.job.batches_done
        if history.epoch and not self.is_touched and (is_of_epoch or self.is_playing):
            return {
                "loss": self.training.loss,
                "validation_loss": history.validation_loss[-1] if history.validation_loss else None,
                "metrics": {name: values[-1] for name, values in history.metrics.items()},
            }
        if self.is_playing and self.job.batches_done and not self.is_touched:  # the first epoch takes some time
            return {"loss": self.job.loss_total / self.job.weight_total, "validation_loss": None, "metrics": {}}
        found = dict(self.measured())
        return {"loss": found.pop("loss"), "validation_loss": found.pop("validation_loss"), "metrics": found}


def penalties(net: Network) -> float:
    """Return Σ l1 · Σ|w| + l2/2 · Σw² over the arrays that have a penalty."""
    found = 0.0
    for layer, own in zip(net.layers, net.parameter_views(net.parameters), strict=True):
        for name, penalty in layer.penalties().items():
            values = own[name].astype(np.float64)
            found += float(penalty.l1) * float(np.abs(values).sum()) + float(penalty.l2) / 2 * float((values**2).sum())
    return found
