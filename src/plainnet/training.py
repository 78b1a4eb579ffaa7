"""The training loop, as an iterator of reports: everything that watches a run is a consumer of it."""

from collections.abc import Callable, Generator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import checks, engines, optimizers
from plainnet.checkpoints import Checkpoint, Every
from plainnet.engines import Choice, Job
from plainnet.errors import InvalidType, InvalidValue, PlainnetError
from plainnet.examples import Examples, Validation, examples_of
from plainnet.files import check_apart
from plainnet.history import History, Report
from plainnet.mapped import are_mapped, files_of
from plainnet.metrics import Metric, resolve_all
from plainnet.run import EarlyStopping, Run

if TYPE_CHECKING:
    from plainnet.network import Network


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


def training(net: "Network", X: Any, y: Any, **options: Any) -> Generator[Report, None, None]:
    """Train `net`, yielding a `Report` every `report_every` epochs and after the last; see `Network.fit`."""
    return prepare(net, X, y, **options).reports()


def prepare(
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
) -> Run:
    """The run that `training` begins, its options checked and its history the network's."""
    was_built = net.is_built
    data_files = files_of(X, y, sample_weight, *(validation if isinstance(validation, tuple | list) else ()))
    if checkpoint is not None:
        check_apart(checkpoint, data_files)
    try:
        examples, validated = examples_of(net, X, y, loss, validation, sample_weight, class_weight)
        run = run_of(
            net,
            examples,
            validated,
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
        _start_or_resume(run, _checked_flag("resume", resume))
    except BaseException:
        if not was_built and net.is_built:
            net.unbuild()  # what is refused leaves the network as it was
        raise
    net.history = run.history
    net.data_files = data_files
    return run


def run_of(
    net: "Network",
    examples: Examples,
    validated: Validation | None,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: int | None,
    shuffle: bool,
    early_stopping: Any,
    metrics: Sequence[Any],
    report_every: int,
    choose: Callable[[Job], Choice],
    checkpoint: Checkpoint | None = None,
) -> Run:
    """A run on checked examples, its other options checked here."""
    job = job_of(net, examples, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=batch_size, shuffle=shuffle)
    early_stopping = _checked_early_stopping(early_stopping)
    named = _tried_metrics(net, resolve_all(metrics), examples)
    return Run(
        job,
        choose(job),
        validated,
        early_stopping,
        named,
        checks.whole_number("report_every", report_every, least=1),
        checkpoint,
    )


def job_of(
    net: "Network",
    examples: Examples,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: int | None,
    shuffle: bool,
) -> Job:
    """The one way to an engine: a job on checked examples, for `fit`, for many networks and for the estimators."""
    return Job(
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


def _start_or_resume(run: Run, resume: bool) -> None:
    if run.checkpoint is None:
        if resume:
            raise InvalidValue(
                "resume is True and checkpoint is None; resume takes checkpoint= with the file to go on from"
            )
    elif resume:
        run.checkpoint.restore(run)
    else:
        run.checkpoint.refuse_existing()


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
