"""The training loop, as an iterator of reports: everything that watches a run is a consumer of it."""

import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import checks, engines, optimizers
from plainnet.arrays import Array
from plainnet.checkpoints import Checkpoint, Every, fingerprint
from plainnet.configurable import Configurable, describe
from plainnet.engines import Choice, Engine, Job
from plainnet.errors import DivergenceError, InvalidType, InvalidValue, PlainnetError
from plainnet.history import History, Report
from plainnet.mapped import Rows, are_mapped, blocks, choose, rows_of
from plainnet.metrics import Metric, resolve_all
from plainnet.splitting import held_out
from plainnet.suspicions import warn_of_suspicious
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
    if not progress:
        for _ in reports:
            pass
    else:
        from plainnet.progress import show

        try:
            for _ in show(reports):
                pass
        finally:
            reports.close()  # where an interrupt comes while the bar is drawn, the run still has to end
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
    threads: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: Every = "10s",
    resume: bool = False,
) -> Generator[Report, None, None]:
    """Train `net`, yielding a `Report` every `report_every` epochs and after the last; see `Network.fit`."""
    was_built = net.is_built
    try:
        examples, validated = _examples(net, X, y, loss, validation, sample_weight, class_weight)
        job = Job(
            network=net,
            loss=net.checked_loss(loss),
            optimizer=optimizers.resolve(optimizer),
            inputs=examples[0],
            targets=examples[1],
            sample_weight=examples[2],
            batch_size=_checked_batch_size(batch_size, examples, net),
            shuffle=_checked_flag("shuffle", shuffle),
            epochs=checks.whole_number("epochs", epochs, least=1),
        )
        run = Run(
            job,
            engines.choose(engine, job, threads),
            validated,
            _checked_early_stopping(early_stopping),
            _tried_metrics(net, resolve_all(metrics), examples),
            checks.whole_number("report_every", report_every, least=1),
            None if checkpoint is None else Checkpoint(checkpoint, checkpoint_every),
        )
        _start_or_resume(run, _checked_flag("resume", resume))
    except BaseException:
        if not was_built and net.is_built:
            net.unbuild()  # what is refused leaves the network as it was
        raise
    net.history = run.history
    return run.reports()


def _start_or_resume(run: "Run", resume: bool) -> None:
    if run.checkpoint is None:
        if resume:
            raise InvalidValue(
                "resume is True and checkpoint is None; resume takes checkpoint= with the file to go on from"
            )
    elif resume:
        run.checkpoint.restore(run)
    else:
        run.checkpoint.refuse_existing()


@dataclass
class Run:
    """A training run: an engine's job with its validation, early stopping, record and checkpoints."""

    job: Job
    choice: Choice
    validation: tuple[Array, Array] | None
    early_stopping: EarlyStopping | None
    metrics: Mapping[str, Metric]
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
            "weighted": job.sample_weight is not None,
            "metrics": list(self.metrics),
            "report_every": self.report_every,
            "engine": self.choice.engine,
            "threads": self.choice.threads,
            "training_examples": len(job.inputs),
            "validation_examples": 0 if self.validation is None else len(self.validation[0]),
        }

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
        engine = engines.make(self.choice, self.job)
        began = time.perf_counter() - self.seconds
        try:
            while self.history.stopped == "not finished":
                report = self.advance(engine, began)
                if self.checkpoint and (self.checkpoint.is_due(self.job.epochs_done) or self.is_over):
                    self.checkpoint.write(self)
                if report:
                    yield report
        except KeyboardInterrupt:
            self.job.return_to_whole_epoch()
            self.history.stopped = "interrupted"
            raise
        except GeneratorExit:
            if not self.is_over:
                self.history.stopped = "interrupted"
            raise
        finally:
            if self.best is not None:
                self.job.network.parameters, self.job.network.statistics = self.best

    @property
    def is_over(self) -> bool:
        """Whether the run has come to its end."""
        return self.history.stopped != "not finished"

    def advance(self, engine: Engine, began: float) -> Report | None:
        """Train up to the next report or checkpoint, whichever comes first; the report where it is one."""
        job, done = self.job, self.job.epochs_done
        next_report = min((done // self.report_every + 1) * self.report_every, job.epochs)
        goal, until = float(next_report), math.inf
        if self.checkpoint:
            goal, until = min(goal, self.checkpoint.next_epoch(done)), self.checkpoint.next_time
        losses = engine.run(int(goal) - done, until)
        self.seconds = time.perf_counter() - began
        self.refuse_divergence(losses)
        if job.epochs_done < next_report:
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


Examples = tuple[Rows, Rows, Array | None]


def _examples(
    net: "Network", X: Any, y: Any, loss: Any, validation: Any, sample_weight: Any, class_weight: Any
) -> tuple[Examples, tuple[Rows, Rows] | None]:
    """Checked training examples (inputs, targets, weights) and validation examples; builds the network if need be."""
    inputs = rows_of(X, lambda values: checks.examples("X", values, net.dtype))
    if not net.is_built:
        net.build(inputs.shape[1])
    inputs = net.checked_inputs(inputs)
    loss = net.checked_loss(loss)
    targets = net.checked_targets(y, loss, len(inputs))
    _read_through(inputs, targets)
    warn_of_suspicious(inputs, targets)
    weights = net.checked_weights(sample_weight, len(inputs))
    weights = _not_all_zero(example_weights(weights, class_weight, targets, net.dtype))
    if validation is None:
        return (inputs, targets, weights), None
    if isinstance(validation, tuple | list) and len(validation) == 2:
        held_inputs = net.checked_inputs(validation[0])
        held_targets = net.checked_targets(validation[1], loss, len(held_inputs), "validation y")
        _read_through(held_inputs, held_targets)
        return (inputs, targets, weights), (held_inputs, held_targets)
    if isinstance(validation, tuple | list):
        raise InvalidValue(f"validation has {len(validation)} parts; it takes a fraction or a pair (X, y)")
    fraction = checks.number("validation", validation, above=0, below=1)
    held = held_out(inputs, targets, fraction, net.split_random())
    kept = ~held
    kept_weights = None if weights is None else _not_all_zero(weights[kept])
    return (choose(inputs, kept), choose(targets, kept), kept_weights), (choose(inputs, held), choose(targets, held))


def _read_through(inputs: Rows, targets: Rows) -> None:
    """Read files once, so that a row that is refused is refused before the training."""
    if are_mapped(inputs, targets):
        for block in blocks(inputs, targets):
            inputs[block], targets[block]


def _not_all_zero(weights: Array | None) -> Array | None:
    if weights is not None and not weights.any():
        raise InvalidValue(
            "the weights of the training examples are all 0 (sample_weight, class_weight); some must count"
        )
    return weights


def _tried_metrics(net: "Network", named: dict[str, Metric], examples: Examples) -> dict[str, Metric]:
    """The metrics, each tried on the first examples, so that one that does not suit is refused before the training."""
    inputs, targets = examples[0][:10], examples[1][:10]
    for name, metric in named.items():
        try:
            metric(targets, net.predict(inputs))
        except PlainnetError as error:
            raise InvalidValue(f"metric {name!r} does not suit this y and network: {error}") from None
    return named


def _checked_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool):
        raise InvalidType(f"{name} is {value!r}; it takes True or False")
    return bool(value)


def _checked_batch_size(batch_size: int | None, examples: Examples, net: "Network") -> int | None:
    rows = len(examples[0])
    if batch_size is None and are_mapped(*examples[:2]):
        raise InvalidValue(
            "batch_size is None, which takes all rows at once, and X or y is a memory-mapped file, which is read in "
            "blocks; give a batch_size such as 256, or read the file into memory: X = np.array(X)"
        )
    size = rows if batch_size is None else checks.whole_number("batch_size", batch_size, least=1)
    for layer in net.layers:
        if size < layer.smallest_batch:
            raise InvalidValue(
                f"batches of {size} example are too small for {layer.name}, which takes the mean and variance of a "
                f"batch; take a batch_size of at least {layer.smallest_batch}"
            )
    if batch_size is None:
        return None
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
