"""The training loop, as an iterator of reports: everything that watches a run is a consumer of it."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import checks, engines, optimizers
from plainnet.arrays import Array
from plainnet.configurable import Configurable, describe
from plainnet.engines import Engine, Job
from plainnet.errors import DivergenceError, InvalidType, InvalidValue
from plainnet.history import History, Report
from plainnet.metrics import Metric
from plainnet.network import resolve_metrics
from plainnet.splitting import split
from plainnet.weighting import example_weights

if TYPE_CHECKING:
    from plainnet.network import Network


class EarlyStopping(Configurable):
    """Stop when the monitored loss has not improved for `patience` epochs, and go back to the best parameters.

    The monitored loss is the validation loss, or the training loss without validation data; an improvement is a
    fall by more than `minimum_improvement` below the best so far (Prechelt 1998).
    """

    def __init__(self, patience: int = 10, minimum_improvement: float = 0.0) -> None:
        self.patience = checks.whole_number("patience", patience, least=1)
        self.minimum_improvement = checks.number("minimum_improvement", minimum_improvement, least=0)


def fit(net: "Network", X: Any, y: Any, *, progress: bool = False, **options: Any) -> History:
    """Run `training` to its end and return the history; `progress` shows a bar while it runs."""
    reports = training(net, X, y, **options)
    if progress:
        from plainnet.progress import show

        reports = show(reports)
    for _ in reports:
        pass
    assert net.history is not None
    return net.history


def training(
    net: "Network",
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any = "adam",
    epochs: int = 100,
    batch_size: int | None = 32,
    shuffle: bool = True,
    validation: Any = None,
    early_stopping: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    metrics: Sequence[Any] = (),
    report_every: int = 1,
    engine: str = "auto",
) -> Iterator[Report]:
    """Train `net`, yielding a `Report` every `report_every` epochs and after the last; the first `next` starts the run.

    Arguments, checked at the call:
        X, y: examples (examples, features) and targets; never changed.
        loss: a name, an object or a function; see `plainnet.losses`.
        optimizer: a name or an object such as `plainnet.SGD(learning_rate=0.1)`.
        epochs: passes over the data.
        batch_size: examples a step; None takes all of them at once.
        shuffle: a new order of the examples each epoch.
        validation: the fraction of the examples to hold out (drawn at random, class by class where y are labels;
            the same ones each time for one network), or a pair (X, y).
        early_stopping: True, a patience in epochs, or an `EarlyStopping`; the best parameters are restored.
        sample_weight: a weight for each example, (examples,).
        class_weight: "balanced" (inverse to each class's frequency) or a dict {label: weight}.
        metrics: names or functions (targets, predictions) -> float, measured at each report.
        report_every: epochs from report to report; validation and early stopping happen at reports.
        engine: "auto" or "numpy".

    Closing the iterator early, or an interrupt, leaves the network with the best parameters where early stopping
    keeps them, otherwise with those of the last whole epoch. `net.history` holds the record in each case.

    Raises InvalidValue or InvalidType for arguments that do not fit; DivergenceError where the loss stops being
    finite, with the network back at its last parameters that gave a finite loss.
    """
    examples, validation_examples = _examples(net, X, y, loss, validation, sample_weight, class_weight)
    inputs, targets, weights = examples
    checked_optimizer = optimizers.resolve(optimizer)
    run = _Run(
        Job(
            network=net,
            loss=net.checked_loss(loss),
            optimizer=checked_optimizer,
            inputs=inputs,
            targets=targets,
            sample_weight=weights,
            batch_size=_checked_batch_size(batch_size, len(inputs)),
            shuffle=bool(shuffle),
            epochs=checks.whole_number("epochs", epochs, least=1),
        ),
        engines.resolve(engine),
        validation_examples,
        _checked_early_stopping(early_stopping),
        resolve_metrics(metrics),
        checks.whole_number("report_every", report_every, least=1),
    )
    net.history = run.history
    return run.reports()


@dataclass
class _Run:
    """A training run: an engine's job with its validation, early stopping and record."""

    job: Job
    engine_type: type[Engine]
    validation: tuple[Array, Array] | None
    early_stopping: EarlyStopping | None
    metrics: Mapping[str, Metric]
    report_every: int

    def __post_init__(self) -> None:
        self.history = History(settings=self.settings())
        self.best_loss = math.inf
        self.best: tuple[Array, Array] | None = None

    def settings(self) -> dict[str, Any]:
        """The options of the run as plain data."""
        job = self.job
        return {
            "loss": describe(job.loss),
            "optimizer": describe(job.optimizer),
            "epochs": job.epochs,
            "batch_size": job.batch_size,
            "shuffle": job.shuffle,
            "early_stopping": self.early_stopping and self.early_stopping.settings(),
            "training_examples": len(job.inputs),
            "validation_examples": 0 if self.validation is None else len(self.validation[0]),
        }

    def reports(self) -> Iterator[Report]:
        """Train and report until the last epoch, early stopping, an interrupt or divergence."""
        engine = self.engine_type(self.job)
        began = time.perf_counter()
        try:
            while self.history.stopped == "not finished":
                epochs = min(self.report_every, self.job.epochs - self.job.epochs_done)
                report = self.report(self.run_epochs(engine, epochs), time.perf_counter() - began)
                self.history.append(report)
                self.history.stopped = self.reason_to_stop(report)
                yield report
        except KeyboardInterrupt:
            self.job.return_to_good()  # the interrupt may have come in the middle of a step
            self.history.stopped = "interrupted"
            raise
        finally:
            if self.best is not None:
                self.job.network.parameters, self.job.network.statistics = self.best

    def run_epochs(self, engine: Engine, epochs: int) -> float:
        """The loss of the last of `epochs` epochs; where one is not finite, go back and say so."""
        loss = engine.run(epochs)[-1]
        if math.isfinite(loss) and np.isfinite(self.job.network.parameters).all():
            return loss
        self.job.return_to_good()
        self.history.stopped = "diverged"
        last = self.history.loss[-1] if self.history.loss else None
        raise DivergenceError(
            f"the run diverged in epoch {self.job.epochs_done + (not math.isfinite(loss))}: its loss is {loss} "
            f"({'no report before' if last is None else f'{last:.6g} at the last report'}; learning rate "
            f"{self.job.learning_rate:g}). The network keeps its last finite parameters. Try a smaller learning "
            "rate, clip_norm=1 on the optimizer, or inputs scaled to about -1 ... 1"
        )

    def report(self, loss: float, seconds: float) -> Report:
        """The report of the present moment; keeps the best parameters where early stopping wants them."""
        job, net = self.job, self.job.network
        measured: dict[str, float] = {}
        if self.validation is not None or self.metrics:
            inputs, targets = self.validation or (job.inputs, job.targets)
            measured = net.measure(inputs, targets, job.loss, self.metrics)
        validation_loss = measured.pop("loss", None) if self.validation is not None else None
        measured.pop("loss", None)
        monitored = loss if validation_loss is None else validation_loss
        margin = self.early_stopping.minimum_improvement if self.early_stopping else 0.0
        is_best = monitored < self.best_loss - margin
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
            seconds=seconds,
            rows_per_second=job.epochs_done * len(job.inputs) / max(seconds, 1e-9),
            is_best=is_best,
        )

    def reason_to_stop(self, report: Report) -> str:
        """Why the run ends with this report, if it does."""
        if report.epoch == report.epochs:
            return "all epochs"
        waited = report.epoch - (self.history.best_epoch or 0)
        if self.early_stopping and waited >= self.early_stopping.patience:
            return "early stopping"
        return "not finished"


Examples = tuple[Array, Array, Array | None]


def _examples(
    net: "Network", X: Any, y: Any, loss: Any, validation: Any, sample_weight: Any, class_weight: Any
) -> tuple[Examples, tuple[Array, Array] | None]:
    """Checked training examples (inputs, targets, weights) and validation examples; builds the network if need be."""
    inputs = checks.examples("X", X, net.dtype)
    if not net.is_built:
        net.build(inputs.shape[1])
    inputs = net.checked_inputs(inputs)
    loss = net.checked_loss(loss)
    targets = loss.prepare(y, net.output_size, net.dtype)
    checks.same_rows("y", targets, len(inputs))
    weights = net.checked_weights(sample_weight, len(inputs))
    weights = example_weights(weights, class_weight, targets, net.dtype)
    if validation is None:
        return (inputs, targets, weights), None
    if isinstance(validation, tuple | list) and len(validation) == 2:
        held_inputs = net.checked_inputs(validation[0])
        held_targets = loss.prepare(validation[1], net.output_size, net.dtype)
        checks.same_rows("validation y", held_targets, len(held_inputs))
        return (inputs, targets, weights), (held_inputs, held_targets)
    if isinstance(validation, tuple | list):
        raise InvalidValue(f"validation has {len(validation)} parts; it takes a fraction or a pair (X, y)")
    fraction = checks.number("validation", validation, above=0, below=1)
    labels = targets if targets.ndim == 1 else None
    train, held = split(len(inputs), fraction, net.split_random(), labels)
    kept_weights = None if weights is None else weights[train]
    return (inputs[train], targets[train], kept_weights), (inputs[held], targets[held])


def _checked_batch_size(batch_size: int | None, rows: int) -> int | None:
    if batch_size is None:
        return None
    size = checks.whole_number("batch_size", batch_size, least=1)
    if size > rows:
        raise InvalidValue(
            f"batch_size is {size} and there are {rows} training examples; take at most {rows}, "
            "or batch_size=None for all of them at once"
        )
    return size


def _checked_early_stopping(early_stopping: Any) -> EarlyStopping | None:
    if early_stopping is None or early_stopping is False:
        return None
    if early_stopping is True:
        return EarlyStopping()
    if isinstance(early_stopping, EarlyStopping):
        return early_stopping
    if isinstance(early_stopping, int | np.integer):
        return EarlyStopping(patience=int(early_stopping))
    raise InvalidType(
        f"early_stopping is {early_stopping!r}; it takes True, a patience in epochs, or plainnet.EarlyStopping(...)"
    )
