"""The training loop, as an iterator of reports: everything that watches a run is a consumer of it."""

from collections.abc import Callable, Generator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import engines, optimizers
from plainnet._base import checks
from plainnet._base.mapped import are_mapped, files_of
from plainnet.engines import Choice, Job, blas
from plainnet.errors import InvalidType, InvalidValue, warn
from plainnet.files.writing import check_apart
from plainnet.history import MOST_REPORTS, History, Report
from plainnet.metrics import has_several_labels, resolve_all, warn_of_unweighted
from plainnet.schedules import ReduceOnPlateau
from plainnet.training.checkpoints import Checkpoint, Every
from plainnet.training.data import Data, examples_of
from plainnet.training.options import AUTO, BatchSize, ReportEvery, refuse_unknown
from plainnet.training.progress import show
from plainnet.training.run import EarlyStopping, TrainingRun

if TYPE_CHECKING:
    from plainnet.network import Network


USUAL_BATCH = 32
"""Examples a step where there are as many and the user does not say."""


def fit(net: "Network", X: Any, y: Any, *, progress: bool = False, **options: Any) -> History:
    """Run `training` to its end and return the history; `progress` shows a bar while it runs."""
    run = prepare(net, X, y, **options)
    reports = run.reports()
    try:
        with blas.limited(run.engine.blas_threads):  # once, not at each report
            for _ in show(reports) if progress else reports:
                pass
    finally:
        reports.close()  # where an interrupt comes while the bar is drawn, the run still has to end
    return run.history


def training(net: "Network", X: Any, y: Any, **options: Any) -> Generator[Report, None, None]:
    """Train `net`, yielding a `Report` every `report_every` epochs and after the last; see `Network.fit`."""
    return prepare(net, X, y, **options).reports()


def prepare(
    net: "Network",
    X: Any,
    y: Any,
    *,
    loss: Any = None,
    optimizer: Any = "adam",
    epochs: int = 100,
    batch_size: BatchSize = AUTO,
    shuffle: bool = True,
    validation: Any = None,
    early_stopping: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    metrics: Sequence[Any] = (),
    report_every: ReportEvery = AUTO,
    engine: str = "auto",
    threads: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: Every = "10s",
    resume: bool = False,
    **unknown: Any,
) -> TrainingRun:
    """The run that `training` begins, its options checked and its history the network's."""
    refuse_unknown(unknown, prepare, "training")
    was_built = net.is_built
    data_files = files_of(X, y, sample_weight, *(validation if isinstance(validation, tuple | list) else ()))
    if checkpoint is not None:
        check_apart(checkpoint, data_files)
    try:
        run = run_of(
            net,
            examples_of(net, X, y, loss, validation, sample_weight, class_weight),
            loss=loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            early_stopping=early_stopping,
            metrics=metrics,
            report_every=report_every,
            choose=lambda job: engines.choose(engine, job, threads),
            checkpoint=None if checkpoint is None else Checkpoint(checkpoint, checkpoint_every),
        )
        _start_or_resume(run, checks.flag("resume", resume), report_every)
    except BaseException:
        if not was_built and net.is_built:
            net.unbuild()  # what is refused leaves the network as it was
        raise
    net.history = run.history
    net.data_files = data_files
    return run


def run_of(
    net: "Network",
    data: Data,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: BatchSize,
    shuffle: bool,
    early_stopping: Any,
    metrics: Sequence[Any],
    report_every: ReportEvery,
    choose: Callable[[Job], Choice],
    checkpoint: Checkpoint | None = None,
) -> TrainingRun:
    """A run on checked examples, its other options checked here."""
    job = job_of(net, data, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=batch_size, shuffle=shuffle)
    early_stopping = _checked_early_stopping(early_stopping)
    run = TrainingRun(
        job,
        choose(job),
        data.validation,
        early_stopping,
        resolve_all(metrics, several_labels=bool(metrics) and has_several_labels(job.targets)),
        _checked_report_every(report_every, job, watched=early_stopping is not None),
        checkpoint,
    )
    _try_metrics(run)
    _warn_of_idle_plateau(run)
    return run


def job_of(
    net: "Network", data: Data, *, loss: Any, optimizer: Any, epochs: int, batch_size: BatchSize, shuffle: bool
) -> Job:
    """The one way to an engine: a job on checked examples, for `fit`, for many networks and for the estimators."""
    inputs, targets, sample_weight = data.training
    return Job(
        network=net,
        loss=net.checked_loss(loss),
        optimizer=optimizers.resolve(optimizer),
        inputs=inputs,
        targets=targets,
        sample_weight=sample_weight,
        batch_size=_checked_batch_size(batch_size, data, net),
        shuffle=checks.flag("shuffle", shuffle),
        epochs=checks.whole_number("epochs", epochs, least=1),
    )


def _start_or_resume(run: TrainingRun, resume: bool, report_every: ReportEvery) -> None:
    if run.checkpoint is None:
        if resume:
            raise InvalidValue(
                "resume is True and checkpoint is None; resume takes checkpoint= with the file to go on from"
            )
    elif resume:
        run.checkpoint.restore(run, any_reports=report_every == AUTO)
    else:
        run.checkpoint.refuse_existing()


def _try_metrics(run: TrainingRun) -> None:
    """Take each metric once of the examples it will be taken of, so that one that does not suit is refused now.

    An exception of a metric of the user's own comes through as it is.
    """
    if not run.metrics:
        return
    inputs, targets, weights = run.measured_on
    warn_of_unweighted(run.metrics, weights)
    y, predictions = targets[:], run.job.network.predict(inputs)
    for name, metric in run.metrics.items():
        try:
            with np.errstate(all="ignore"):  # the network has learned nothing yet
                metric(y, predictions, weights)
        except InvalidValue as error:
            raise InvalidValue(f"metric {name!r} does not suit this y and network: {error}") from None


def _warn_of_idle_plateau(run: TrainingRun) -> None:
    """Say so where early stopping ends every run before its plateau schedule can lower the rate."""
    schedule = run.job.optimizer.schedule
    if not isinstance(schedule, ReduceOnPlateau) or run.early_stopping is None:
        return
    lowers_after = (schedule.patience + 1) * run.report_every
    if lowers_after >= run.early_stopping.patience:
        warn(
            f"early stopping ends the run after {run.early_stopping.patience} epochs without improvement, and "
            f"ReduceOnPlateau would lower the learning rate after {lowers_after} (patience + 1 reports); give one of "
            "them another patience, or the schedule has no effect"
        )


def _checked_batch_size(batch_size: BatchSize, data: Data, net: "Network") -> int | None:
    rows = len(data.training[0])
    if batch_size is None and are_mapped(*data.training[:2]):
        raise InvalidValue(
            "batch_size is None, which takes all rows at once, and X or y is a memory-mapped file, which is read in "
            "blocks; give a batch_size such as 256, or read the file into memory: X = np.array(X)"
        )
    if isinstance(batch_size, str):
        checks.one_of("batch_size", batch_size, [AUTO])
        batch_size = min(USUAL_BATCH, rows)
    size = rows if batch_size is None else checks.whole_number("batch_size", batch_size, least=1)
    for layer in net.layers:
        if size < layer.smallest_batch:
            raise InvalidValue(
                f"batches of {size} example are too small for {layer.name}, which takes the mean and variance of a "
                f"batch; take a batch_size of at least {layer.smallest_batch}"
            )
    if batch_size is None:
        return None
    if size > rows + data.weightless:
        raise InvalidValue(
            f"batch_size is {size} and there are {rows} training examples; take at most {rows}, "
            "or batch_size=None for all of them at once"
        )
    return min(size, rows)


ENOUGH_REPORTS = 1_000
"""In a run of more epochs than a History keeps, where a report takes longer than an epoch."""

REPORT_AT_LEAST = 0.1
"""Seconds of the NumPy engine after which a report comes even so."""


def _checked_report_every(report_every: ReportEvery, job: Job, watched: bool) -> int:
    """The epochs from report to report; "auto" is more than 1 for many short epochs that nothing watches."""
    if report_every != AUTO:
        if isinstance(report_every, str):
            raise InvalidValue(f"report_every is {report_every!r}; it takes a number of epochs, or {AUTO!r}")
        return checks.whole_number("report_every", report_every, least=1)
    if job.epochs <= MOST_REPORTS or watched or job.optimizer.schedule.watches:
        return 1
    epoch = sum(engines.numpy_seconds(job)) / job.epochs
    return max(1, min(job.epochs // ENOUGH_REPORTS, int(REPORT_AT_LEAST / epoch)))


def _checked_early_stopping(early_stopping: Any) -> EarlyStopping | None:
    if isinstance(early_stopping, EarlyStopping):
        return early_stopping
    if early_stopping is None or isinstance(early_stopping, bool | np.bool):
        return EarlyStopping() if early_stopping else None
    try:
        return EarlyStopping(patience=early_stopping)
    except InvalidType:
        raise InvalidType(
            f"early_stopping is {early_stopping!r}; it takes True, a patience in epochs, or plainnet.EarlyStopping(...)"
        ) from None
    except InvalidValue as error:
        raise InvalidValue(f"early_stopping={early_stopping}: {error}") from None
