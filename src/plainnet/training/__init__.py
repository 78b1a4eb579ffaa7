"""Training: `Network.fit` as an iterator of reports, which a progress bar, the commands and comparisons consume.

`prepare` checks the options and the data, chooses an engine and gives a `TrainingRun`; its `reports` train.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from os import fspath
from typing import Any

import numpy as np

from plainnet import engines, optimizers
from plainnet._base.configurable import describe
from plainnet._base.identity import differences
from plainnet._base.mapped import files_of
from plainnet._base.pieces import Rows, are_in_pieces
from plainnet.engines import Choice, Job, blas
from plainnet.errors import InvalidValue, warn
from plainnet.files.writing import check_apart
from plainnet.history import MOST_REPORTS, History, Report
from plainnet.metrics import resolve_all, several_labels, warn_of_unweighted
from plainnet.network import Network
from plainnet.network.examples import loss_for
from plainnet.network.prediction import outputs_of
from plainnet.ranks import ALONE, Alone, Ranks, ranks_of
from plainnet.ranks.shares import Shares
from plainnet.schedules import ReduceOnPlateau
from plainnet.training.checkpoints import Checkpoint
from plainnet.training.data import Data, examples_of
from plainnet.training.options import AUTO, BatchSize, Options
from plainnet.training.progress import show
from plainnet.training.ranked import agree, take_state_of_first, warnings_of_first
from plainnet.training.run import TrainingRun
from plainnet.training.run_identity import comparable
from plainnet.training.stopping import EarlyStopping, Stopping

USUAL_BATCH = 32
"""The batch size if the user gives none and there are as many examples."""


def fit(net: Network, X: Any, y: Any, *, progress: bool = False, **options: Any) -> History:
    """Train to the end and return the history; `progress` shows a bar meanwhile."""
    run = _prepared(net, X, y, options, "fit")
    reports = run.reports(ahead=True)
    try:
        with blas.limited(run.engine.blas_threads):  # once, not at each report
            for _ in show(reports) if progress and run.ranks.rank == 0 else reports:
                pass
    finally:
        reports.close()  # if an interrupt comes while the bar is drawn, the run still has to end
    return run.history


def training(net: Network, X: Any, y: Any, **options: Any) -> Generator[Report, None, None]:
    """Check the options now, and train as the returned iterator is consumed; see `Network.training`."""
    return _prepared(net, X, y, options, "training").reports()


def _prepared(net: Network, X: Any, y: Any, options: Mapping[str, Any], caller: str) -> TrainingRun:
    with ranks_of(options.get("communicator")).together():  # an unknown option on one rank is an error on all
        return prepare(net, X, y, Options.of(options, caller))


def prepare(net: Network, X: Any, y: Any, options: Options) -> TrainingRun:
    """Return the run that the options describe, ready to start; its history becomes that of the network.

    Several ranks prepare it together: what one of them refuses is refused by all.
    """
    ranks = ranks_of(options.communicator)
    with ranks.together(), warnings_of_first(ranks):
        return _prepare(net, X, y, options, ranks)


def _prepare(net: Network, X: Any, y: Any, options: Options, ranks: Ranks | Alone) -> TrainingRun:
    agree(net, options, ranks)
    parts = options.validation if isinstance(options.validation, tuple) else ()
    data_files = files_of(X, y, options.sample_weight, *parts)
    if options.checkpoint is not None:
        check_apart(options.checkpoint, data_files)
    with unbuilt_on_error(net):
        data = examples_of(net, X, y, options, ranks)
        take_state_of_first(net, ranks)
        job = job_of(net, data, options)
        run = run_of(job, engines.choose(options.engine, job, options.threads), data, options)
        if options.checkpoint is not None:
            _start_or_resume(run, options)
    net.history = run.history
    net.trained_by = run.job.loss, run.job.optimizer
    net.data_files = data_files
    return run


@contextmanager
def unbuilt_on_error(*networks: Network) -> Iterator[None]:
    """Unbuild the networks that were not built before if an error occurs, such as that of a bad option."""
    unbuilt = [net for net in networks if not net.is_built]
    try:
        yield
    except BaseException:
        for net in unbuilt:
            net.unbuild()
        raise


def job_of(net: Network, data: Data, options: Options) -> Job:
    """Return the job of training a network on checked examples."""
    inputs, targets, sample_weight = data.training
    ranks = Ranks.of(options.communicator)
    each = (ranks or ALONE).all((len(inputs), data.weightless))
    counts, weightless = zip(*each, strict=True)
    batch_size = _batch_size(options.batch_size, sum(counts), sum(weightless), data, net)
    return Job(
        network=net,
        loss=loss_for(net, options.loss),
        optimizer=options.optimizer,
        inputs=inputs,
        targets=targets,
        sample_weight=sample_weight,
        batch_size=batch_size,
        shuffle=options.shuffle,
        epochs=options.epochs,
        ranks=ranks,
        shares=Shares(counts, batch_size, ranks.rank) if ranks else None,
        compression=options.compression,
    )


def run_of(
    job: Job, choice: Choice, data: Data, options: Options, recorded: Mapping[str, Any] | None = None
) -> TrainingRun:
    """Return the run of a job: validation, early stopping, metrics, reports and checkpoints around it.

    Of several ranks, rank 0 writes the checkpoints.
    """
    ranks = job.ranks or ALONE
    file = options.checkpoint if ranks.rank == 0 else None
    run = TrainingRun(
        job,
        choice,
        options,
        data.validation,
        Stopping(job.epochs, options.early_stopping),
        resolve_all(options.metrics, several_labels=bool(options.metrics) and _have_several_labels(job.targets, ranks)),
        _report_every(options, job),
        None if file is None else Checkpoint(file, options.checkpoint_every),
        recorded,
    )
    if options.early_stopping:
        options.early_stopping.check_metrics(run.metrics)
    _try_metrics(run)
    _warn_of_idle_plateau(run)
    return run


def _have_several_labels(targets: Rows, ranks: Ranks | Alone) -> bool:
    each = ranks.all(several_labels(targets))
    return None not in each and any(each)


def _start_or_resume(run: TrainingRun, options: Options) -> None:
    """Restore the run from its checkpoint if that is asked for and there is one; rank 0 reads it for all."""
    own = run.identity
    saved = _saved(run, run.checkpoint, own, options) if run.checkpoint else None
    state, run.report_every = run.ranks.first((saved, run.report_every))
    if state is not None:
        with run.checkpoint.damage_named() if run.checkpoint else nullcontext():
            run.restore(state)


def _saved(run: TrainingRun, checkpoint: Checkpoint, own: dict[str, Any], options: Options) -> dict[str, Any] | None:
    """Return the state to go on from, None to start from the beginning; refuse that of another run."""
    if not options.resume:
        checkpoint.refuse_existing()
        return None
    saved = checkpoint.read()
    if saved is None:
        return None
    identity, state = saved
    with checkpoint.damage_named():
        recorded = identity["options"]
        if isinstance(recorded["optimizer"], dict):  # an earlier version's has no settings that are new since
            with suppress(InvalidValue):  # a user's own, of which only the name is known
                recorded["optimizer"] = describe(optimizers.resolve(recorded["optimizer"]))
        if recorded["early_stopping"]:
            recorded["early_stopping"] = EarlyStopping(**recorded["early_stopping"]).settings()
        if options.report_every == AUTO:  # version 0.1 had another rule: report as often as this run has
            run.report_every = identity["options"]["report_every"]
            own = {**own, "options": own["options"] | {"report_every": run.report_every}}
        different = next(differences(*comparable(identity, own)), None)
    if "pieces" in own and "pieces" not in identity and "ranks" not in identity["options"]:
        raise InvalidValue(
            f"{fspath(checkpoint.path)} is of a run that took the rows of large files in another order, as version 0.1 "
            "did; finish it with that version, or start a new one"
        )
    if different is not None:
        raise InvalidValue(
            f"{fspath(checkpoint.path)} is of another run: {different}; resume takes the same data, network, options"
        )
    return state


def _try_metrics(run: TrainingRun) -> None:
    """Call each metric once on the examples that it will measure: one that does not suit raises before the training.

    An exception of a custom metric passes unchanged.
    """
    if not run.metrics:
        return
    inputs, targets, given = run.measured_on
    ranks = run.ranks
    weights = None if given is None else ranks.gather(given[:])
    if given is not None:
        warn_of_unweighted(run.metrics, weights)
    outputs = ranks.gather(outputs_of(run.job.network, inputs, compiled=run.measures_compiled))
    y = ranks.gather(targets[:])
    if y is None or outputs is None:  # rank 0 measures
        return
    for name, metric in run.metrics.items():
        try:
            with np.errstate(all="ignore"):  # the network has learned nothing yet
                metric(y, outputs, weights)
        except InvalidValue as error:
            raise InvalidValue(f"metric {name!r} does not suit this y and network: {error}") from None


def _warn_of_idle_plateau(run: TrainingRun) -> None:
    """Warn if early stopping ends every run before its plateau schedule can lower the rate."""
    schedule, early_stopping = run.job.optimizer.schedule, run.stopping.early_stopping
    if not isinstance(schedule, ReduceOnPlateau) or early_stopping is None:
        return
    lowers_after = (schedule.patience + 1) * run.report_every
    if early_stopping.patience is not None and lowers_after >= early_stopping.patience:
        warn(
            f"early stopping ends the run after {early_stopping.patience} epochs without improvement, and "
            f"ReduceOnPlateau would lower the learning rate after {lowers_after} (patience + 1 reports); give one of "
            "them another patience, or the schedule has no effect"
        )


def _batch_size(given: BatchSize, rows: int, weightless: int, data: Data, net: Network) -> int | None:
    """Return the batch size for `rows` on all ranks and so many of weight 0; None for all rows at once."""
    inputs, targets, _ = data.training
    if given is None and are_in_pieces(inputs, targets):
        raise InvalidValue(
            "batch_size is None, which takes all rows at once, and X or y is a memory-mapped file or in pieces, which "
            "are read a part at a time; give a batch_size such as 256, or read all into memory: X = np.array(X[:])"
        )
    usual = min(USUAL_BATCH, rows) if given == AUTO else given
    size = rows if usual is None else int(usual)
    for layer in net.layers:
        if size < layer.smallest_batch:
            raise InvalidValue(
                f"batches of {size} example are too small for {layer.name}, which takes the mean and variance of a "
                f"batch; take a batch_size of at least {layer.smallest_batch}"
            )
    if size > rows + weightless:
        raise InvalidValue(
            f"batch_size is {size} and there are {rows} training examples; take at most {rows}, "
            "or batch_size=None for all of them at once"
        )
    return None if given is None else min(size, rows)


ENOUGH_REPORTS = 1_000
"""The number of reports in a run of more epochs than a History keeps, if a report takes longer than an epoch."""

REPORT_AT_LEAST = 0.1
"""The seconds of training (by the NumPy engine) after which a report comes in any case."""


def _report_every(options: Options, job: Job) -> int:
    """Return the epochs from report to report; "auto" is 1 unless there are many short epochs that nothing watches."""
    if options.report_every != AUTO:
        return int(options.report_every)
    if job.epochs <= MOST_REPORTS or options.early_stopping or job.optimizer.schedule.watches:
        return 1
    epoch = sum(engines.numpy_seconds(job)) / job.epochs
    return max(1, min(job.epochs // ENOUGH_REPORTS, int(REPORT_AT_LEAST / epoch)))
