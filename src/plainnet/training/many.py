"""Many networks of the same shape on the same data, all cores busy."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from plainnet import engines
from plainnet._base import tasks
from plainnet._base.arrays import Array
from plainnet._base.identity import differences, held
from plainnet._base.wording import plural
from plainnet.engines import Choice, Job, blas
from plainnet.errors import DivergenceError, InvalidType, InvalidValue
from plainnet.history import History
from plainnet.network import Network
from plainnet.training import job_of, run_of, unbuilt_on_error
from plainnet.training.data import Data, examples_of
from plainnet.training.options import OF_ONE_RUN, Options
from plainnet.training.progress import counting
from plainnet.training.run import TrainingRun

if TYPE_CHECKING:
    from rich.console import Console

    from plainnet.engines.compiled.lanes_code import LanesCode

PATIENCE = 0.2
"""The seconds after which a thread looks if it has to stop."""


Rows: TypeAlias = tuple[Array, Array]
"""The numbers of the rows to train on, and of those to validate on."""


def train_many(
    networks: Sequence[Network],
    X: Any,
    y: Any,
    *,
    folds: Sequence[Rows] | None = None,
    progress: bool | Console = False,
    deadline: float = math.inf,
    **options: Any,
) -> list[History]:
    """Train networks of the same shape (other seeds, penalties or dropout rates) on the same examples, all cores busy.

    The results are those of training one network after the other, to rounding. With the compiled engine, whole groups
    of small networks share the processor's vector instructions. With metrics, validation or early stopping, a large
    `report_every` is faster then, as such a report costs more than a step.

    Under `joblib.parallel_config(backend="dask")` (or "ray", "loky") groups of networks are trained there.

    Arguments:
        networks: the networks, all of one shape.
        X, y: the examples and targets, as `Network.fit` takes them.
        folds: for each network a pair of row numbers: the rows of X and y to train it on, and those to validate it on.
        progress: True to show a bar.
        deadline: a time of `time.monotonic` at which each network ends, at a whole epoch, with its best parameters.
        options: those of `Network.fit` but those of a single run: `checkpoint`, `checkpoint_every`, `resume`,
            `communicator`, `compression`. `optimizer` may be a list with one for each network, such as one for each
            learning rate.

    Returns a history for each network. One that diverges does not stop the others: its history's `stopped` says
    "diverged", and the network keeps its last good parameters. Raises InvalidValue if a network has another shape
    than the first, or stands twice in the list.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> nets = [pn.Network(pn.Dense(4, "tanh"), pn.Dense(1, "sigmoid"), input_size=3, seed=seed) for seed in range(3)]
    >>> histories = pn.train_many(nets, X, y, loss="mse", optimizer=pn.SGD(1.0), epochs=2000, batch_size=None)
    >>> [history.loss[-1] < 0.01 for history in histories]
    [True, True, True]
    """
    networks = _checked_networks(networks)
    each = _options_of_each(options, len(networks))
    given = X, y
    parts = None if folds is None else _rows_of_each(folds, X, y, each)
    jobs: list[tuple[Job, Data]] = []
    with unbuilt_on_error(*networks):
        wanted, data = None, None
        for i, (net, own) in enumerate(zip(networks, each, strict=True)):
            if i and not net.is_built:
                net.build(networks[0].input_size or 0)
            if parts is not None:
                X, y, own = parts[i]
            if data is None or parts is not None or isinstance(own.validation, float):  # each holds other rows out
                data = examples_of(net, X, y, own)
            wanted = wanted or _held(networks[0])
            if _held(net) != wanted:
                _refuse(net, networks[0])
            jobs.append((job_of(net, data, own), data))
        choice, code = choose(each[0].engine, [job for job, _ in jobs])
        runs: list[TrainingRun] = []
        for (job, data), own in zip(jobs, each, strict=True):
            recorded = runs[0].history.settings if runs and own is each[0] and parts is None else None
            runs.append(run_of(job, choice, data, own, recorded))
    for run in runs:
        run.job.network.history = run.history
        run.job.network.trained_by = run.job.loss, run.job.optimizer
    if len(runs) > 1 and tasks.elsewhere():
        from plainnet.training.elsewhere import train_elsewhere

        groups, _ = _groups(runs, code, tasks.workers_there())
        as_chosen = {"folds": folds and list(folds), "engine": choice.engine, "threads": None}
        train_elsewhere(groups, given, {**options, **as_chosen}, progress, deadline)
    else:
        _train(runs, code, each[0].threads or _default_threads(runs[0].job, choice), progress, deadline)
    return [run.history for run in runs]


def _rows_of_each(folds: Sequence[Rows], X: Any, y: Any, each: Sequence[Options]) -> list[tuple[Any, Any, Options]]:
    """Return the examples of each network, and its options with its own weights and validation examples."""
    if len(folds) != len(each):
        raise InvalidValue(f"folds has {len(folds)} entries for {len(each)} networks; it takes one for each")
    if each[0].validation is not None:
        raise InvalidValue("folds and validation are both given; folds say which rows each network is validated on")
    X, y = np.asarray(X), np.asarray(y)
    weights = None if each[0].sample_weight is None else np.asarray(each[0].sample_weight)
    made = []
    for (train, other), own in zip(folds, each, strict=True):
        validation = X[other], y[other], None if weights is None else weights[other]
        part = replace(own, validation=validation, sample_weight=None if weights is None else weights[train])
        made.append((X[train], y[train], part))
    return made


def choose(engine: str, jobs: Sequence[Job], times: int = 1) -> tuple[Choice, LanesCode | None]:
    """Return the engine for jobs of one shape, `times` of each, and the machine code that trains them in lanes.

    None is in the place of the code where each network is trained by itself.
    """
    shared: list[LanesCode] = []

    def declined(job: Job, threads: int) -> str | None:
        from plainnet.engines.compiled.lanes_code import lanes_code
        from plainnet.engines.compiled.loops import Unsupported
        from plainnet.tracing.untraceable import Untraceable

        try:
            shared.append(lanes_code(jobs, times))
        except (Unsupported, Untraceable):
            return engines.decline(job, 1)
        return None

    choice = engines.choose(engine, jobs[0], times=len(jobs) * times, declined=declined)
    return choice.on_one_thread(), shared[0] if shared else None


def _train(
    runs: list[TrainingRun], code: LanesCode | None, threads: int, progress: bool | Console, deadline: float
) -> None:
    """Train all runs to their end, in groups, on so many threads; an interrupt ends each at a whole epoch."""
    stopped = threading.Event()
    console = None if isinstance(progress, bool) else progress
    shown = counting("epoch", console, shown=progress is not False)
    total = sum(run.job.epochs for run in runs)
    try:
        groups, train = _groups(runs, code, threads)
        with blas.limited(runs[0].choice.threads), ThreadPoolExecutor(threads) as pool, shown as tell:
            try:
                going = {pool.submit(train, group, stopped) for group in groups}
                while going:
                    ended, going = wait(going, PATIENCE, FIRST_COMPLETED)
                    for future in ended:
                        future.result()
                    if time.monotonic() >= deadline:
                        stopped.set()
                    over = sum(run.is_over for run in runs)
                    done = sum(run.job.epochs if run.is_over else run.job.epochs_done for run in runs)
                    tell(done, total, f"{over} of {plural(len(runs), 'network')} trained")
            finally:
                stopped.set()
    finally:
        for run in runs:
            if not run.is_over:
                run.end()


def _default_threads(job: Job, choice: Choice) -> int:
    """Return all free cores, or 1 if the NumPy engine spends its time in Python, which runs one thread at a time."""
    in_python, in_blas = engines.numpy_seconds(job)
    return 1 if choice.engine == "numpy" and in_blas < in_python else engines.free_cores()


def _groups(
    runs: list[TrainingRun], code: LanesCode | None, threads: int
) -> tuple[list[list[TrainingRun]], Callable[[list[TrainingRun], threading.Event], None]]:
    """Return the runs in groups, each of which one thread trains at a time, and the function that does."""
    if code:
        size = min(code.layout.networks, -(-len(runs) // threads))
        return [runs[i : i + size] for i in range(0, len(runs), size)], partial(_train_lanes, code)
    return [[run] for run in runs], _train_alone


def _train_alone(group: list[TrainingRun], stopped: threading.Event) -> None:
    (run,) = group
    if stopped.is_set():
        return
    engine = engines.make(run.choice, run.job)
    began = time.perf_counter()
    with suppress(DivergenceError):  # its history says so
        while not run.is_over and not stopped.is_set():
            run.advance(engine, began, until=time.monotonic() + PATIENCE, ahead=True)
    if not run.is_over:
        run.job.return_to_whole_epoch()
    run.end()


def _train_lanes(code: LanesCode, group: list[TrainingRun], stopped: threading.Event) -> None:
    from plainnet.engines.compiled.lanes_engine import LanesEngine

    engine = LanesEngine(code, [run.job for run in group])
    began = time.perf_counter()
    going = dict(enumerate(group))
    while going and not stopped.is_set():
        first = next(iter(going.values()))
        goal = first.report_after(first.reports_ahead)
        notes = {lane: run.notes(goal) for lane, run in going.items()}
        losses = engine.run(goal - first.job.epochs_done, notes)
        for lane, run in list(going.items()):
            run.take_in(notes[lane], time.perf_counter() - began)
            with suppress(DivergenceError):  # its history says so
                run.check_divergence([losses[lane]])
            if run.is_over:
                del going[lane]
    for run in group:
        run.end()


def _checked_networks(networks: Sequence[Network]) -> list[Network]:
    if not isinstance(networks, Iterable):
        raise InvalidType(f"networks is {networks!r}; train_many takes a list of networks")
    checked = list(networks)
    for i, net in enumerate(checked):
        if not isinstance(net, Network):
            raise InvalidType(f"networks[{i}] is {net!r}; train_many takes a list of networks")
    if not checked:
        raise InvalidValue("networks is empty; train_many takes at least one network")
    if len(set(map(id, checked))) < len(checked):
        raise InvalidValue("a network stands twice in networks; net.copy() makes another of it")
    return checked


def _options_of_each(options: Mapping[str, Any], count: int) -> list[Options]:
    """Return the options of each network; they differ in the optimizer if that is a list."""
    optimizer = options.get("optimizer")
    if not isinstance(optimizer, list | tuple):
        return [Options.of(options, "train_many", without=OF_ONE_RUN)] * count
    if len(optimizer) != count:
        raise InvalidValue(f"optimizer has {len(optimizer)} entries for {count} networks; it takes one for each")
    return [Options.of({**options, "optimizer": own}, "train_many", without=OF_ONE_RUN) for own in optimizer]


FREE = {"l1", "l2", "rate", "initializer"}
"""The settings of layers in which networks of the same shape may differ."""


def _refuse(net: Network, first: Network) -> None:
    """Raise InvalidValue if the network has another shape than the first one."""
    for difference in differences(_shape(first), _shape(net)):
        raise InvalidValue(f"the networks differ in shape: {difference}; train_many takes networks of one shape")


def _held(net: Network) -> Any:
    """Return what decides the shape, in less time than `_shape` takes; not all that differs in it has another shape."""
    return net.input_size, net.dtype, [held(layer, [], FREE) for layer in net.layers]


def _shape(net: Network) -> dict[str, Any]:
    layers = [{name: value for name, value in layer.items() if name not in FREE} for layer in net.describe()["layers"]]
    return {"input_size": net.input_size, "dtype": net.dtype.name, "layers": layers}
