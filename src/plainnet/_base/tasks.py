"""Many calls of one function, on whatever `joblib.parallel_config` names: processes, threads, Dask, Ray."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import suppress
from itertools import islice
from typing import Any

from plainnet._base import checks
from plainnet._base.clusters import LOOK, Cluster, Dask, Died, Ray, make_calls
from plainnet._base.extras import missing_extra
from plainnet._base.packing import Pack, dumps
from plainnet.errors import WorkerError, warn

RETRIES = 5
"""The number of times that a call is made again whose worker has died, perhaps of another call."""

AHEAD = 3
"""The batches for each core that a cluster knows of, so that the next is there as one ends, and that it may grow."""

BATCH_SECONDS = 0.25
"""About how long a batch of short calls takes on a cluster, whose messages take some milliseconds."""

LEAST_MAPPED = 10_000
"""The bytes from which data are in a file that all processes of this machine map into their memory."""

Arguments = tuple[Any, ...]
Results = Generator[tuple[int, Any], None, None]
Function = Callable[..., Any]


def run(
    function: Function, arguments: Iterable[Arguments], shared: Arguments = (), workers: int | None = None
) -> Results:
    """Yield (i, function(*shared, *arguments[i])) for each i, as the calls end.

    Each worker gets the function and `shared` once, however many calls it makes; in another process the arrays of
    `shared` cannot be written to. Closing the generator cancels what has not begun. An error of the function comes out
    at once and ends the others; a worker that dies costs its own calls a retry.

    Arguments:
        arguments: for each call its arguments; an iterator without a length is asked as workers get free.
        workers: the number of calls at a time; by default that of `joblib.parallel_config`, otherwise one per core.
            One is this process, unless a backend is configured.

    Raises WorkerError if the workers of a call die again and again.
    """
    if workers is not None:
        workers = checks.whole_number("workers", workers, least=1)
    calls = _Calls(function, shared, arguments)
    try:
        import joblib  # noqa: F401
    except ImportError:
        if workers != 1 and calls.number != 1:
            warn(f"{missing_extra('more than one worker', 'cluster', 'joblib')}; all is done in this process")
        return calls.made_here()
    backend, number = _configured()
    number = workers or number or -1
    if backend is None:
        return _on_processes(calls, number)
    cluster = _cluster(backend)
    return _on_cluster(calls, cluster, backend, number) if cluster else _in_parallel(calls, backend, number)


def elsewhere() -> bool:
    """Return True if the user has configured a backend of joblib that is not this process."""
    backend, _ = _configured()
    return backend is not None and not _shares_memory(backend)


def is_configured() -> bool:
    """Return True if the user has configured a backend of joblib or a number of workers."""
    return _configured() != (None, None)


def _shares_memory(backend: Any) -> bool:
    return getattr(backend, "supports_sharedmem", False)


def workers_there() -> int:
    """Return how many calls run at a time on the backend that the user has configured, or on one per core."""
    from joblib import effective_n_jobs

    backend, number = _configured()
    cluster = _cluster(backend)
    if cluster is None:
        return int(effective_n_jobs(number or -1))
    if number is not None and number > 0:
        return number
    cluster.connect(backend)
    return max(1, cluster.cores(backend))


def _cluster(backend: Any) -> type[Cluster] | None:
    """Return what drives a cluster, if the backend stands for one."""
    kinds = {"DaskDistributedBackend": Dask, "RayBackend": Ray}
    return next((kinds[kind.__name__] for kind in type(backend).__mro__ if kind.__name__ in kinds), None)


def _configured() -> tuple[Any, int | None]:
    """Return the backend and the number of workers that the user has configured with joblib, None for each if not."""
    try:
        from joblib import ParallelBackendBase, parallel_config
    except ImportError:
        return None, None
    with parallel_config() as settings:
        backend, number = settings["backend"], settings["n_jobs"]
    return (
        backend if isinstance(backend, ParallelBackendBase) else None,
        number if isinstance(number, int) else None,
    )


class _Calls:
    """The calls to make, those that are being made, and how often each lost its worker."""

    def __init__(self, function: Function, shared: Arguments, arguments: Iterable[Arguments]) -> None:
        self.function, self.shared = function, shared
        self.number = len(arguments) if isinstance(arguments, Sized) else None
        self.left = enumerate(arguments)
        self.taken = 0
        self.again: deque[tuple[int, Arguments]] = deque()
        self.going: dict[int, Arguments] = {}
        self.losses: Counter[int] = Counter()

    def __iter__(self) -> Iterator[tuple[int, Arguments]]:
        return self

    def __next__(self) -> tuple[int, Arguments]:
        if self.again:
            i, arguments = self.again.popleft()
        else:
            i, arguments = next(self.left)
            self.taken += 1
        self.going[i] = arguments
        return i, arguments

    def made_here(self) -> Results:
        for i, arguments in self:
            result = self.function(*self.shared, *arguments)
            self.ended(i)
            yield i, result

    def packed(self) -> Pack | None:
        """Return the function and what is shared, packed for other processes; warn of what cannot be."""
        try:
            return Pack((self.function, self.shared))
        except Exception as error:  # pickle raises whatever the object's own methods raise
            warn(
                f"{_name(self.function)} cannot be sent to other processes with its data ({error}), so all is done here"
            )
            return None

    def batch(self, size: int, workers: int) -> list[tuple[int, Arguments]]:
        """Take so many calls, and fewer near the end, so that all workers end at about the same time."""
        if self.number is None:
            return list(islice(self, 1))
        return list(islice(self, max(1, min(size, (self.number - self.taken) // (4 * max(workers, 1))))))

    def ended(self, i: int) -> None:
        del self.going[i]

    def lost(self, numbers: Iterable[int], error: BaseException, times: int = 1) -> None:
        """Take the calls up again whose workers have died."""
        for i in numbers:
            self.losses[i] += times
            if self.losses[i] > RETRIES:
                raise WorkerError(
                    f"the worker of call {i} of {_name(self.function)} has died {self.losses[i]} times ({error}); "
                    "memory may have run out: take fewer workers or smaller data"
                ) from error
            self.again.append((i, self.going.pop(i)))


def _name(function: Function) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


# ---- processes and threads of joblib ----


def _on_processes(calls: _Calls, number: int) -> Results:
    """Make the calls in processes of this machine with one thread each, or here if there would be one process."""
    from joblib.parallel import BACKENDS

    if "loky" not in BACKENDS:  # as in a browser
        return calls.made_here()
    limits = BACKENDS["loky"].MAX_NUM_THREADS_VARS  # read when NumPy is imported; what the user has set stays
    threads = None if any(name in os.environ for name in limits) else 1
    backend = BACKENDS["loky"](nesting_level=0, inner_max_num_threads=threads)
    number = backend.effective_n_jobs(number)
    if calls.number is not None:
        number = min(number, calls.number)
    return calls.made_here() if number <= 1 else _in_parallel(calls, backend, number)


class _Cancelled(BaseException):
    """This ends joblib's generator without its warning of results that nobody takes."""


def _in_parallel(calls: _Calls, backend: Any, number: int) -> Results:
    """Make the calls in `joblib.Parallel`, in a new one after a worker has died."""
    from joblib import Parallel
    from joblib.externals.loky.process_executor import TerminatedWorkerError
    from joblib.parallel import MultiprocessingBackend

    in_threads = _shares_memory(backend)
    pack = None if in_threads else calls.packed()
    if pack is None and not in_threads:
        yield from calls.made_here()
        return
    if type(backend) is MultiprocessingBackend:
        backend.supports_return_generator = True  # it does, and says that it does not
    return_as = "generator_unordered" if backend.supports_return_generator else "list"
    lazily: dict[str, Any] = {} if calls.number is not None else {"pre_dispatch": "n_jobs", "batch_size": 1}
    while calls.number is None or calls.number:
        parallel = Parallel(number, backend=backend, return_as=return_as, max_nbytes=LEAST_MAPPED, **lazily)
        results: Any = None
        try:
            results = parallel(_delayed(calls, pack))
            for i, result in results:
                calls.ended(i)
                yield i, result
            return
        except TerminatedWorkerError as error:
            calls.lost(list(calls.going), error)
        finally:
            if hasattr(results, "throw"):
                with suppress(_Cancelled):
                    results.throw(_Cancelled)


def _delayed(calls: _Calls, pack: Pack | None) -> Iterator[Any]:
    from joblib import delayed

    for i, arguments in calls:
        if pack is None:
            yield delayed(_call_in_thread)(calls.function, calls.shared, i, arguments)
        else:
            yield delayed(_call_in_process)(pack, i, dumps(arguments), os.getpid())


def _call_in_thread(function: Function, shared: Arguments, i: int, arguments: Arguments) -> tuple[int, Any]:
    from joblib import parallel_config

    with parallel_config(backend="sequential"):
        return i, function(*shared, *arguments)


def _call_in_process(pack: Pack, i: int, arguments: bytes, parent: int) -> tuple[int, Any]:
    """Make a call, in a process that leaves an interrupt to its parent: a terminal sends it to both.

    joblib makes calls for one worker in the parent itself.
    """
    if os.getpid() != parent and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return make_calls(pack, [(i, arguments)])[0][0]


# ---- clusters ----


def _on_cluster(calls: _Calls, kind: type[Cluster], backend: Any, number: int) -> Results:
    """Make the calls on Dask or Ray, short ones several at a time."""
    pack = calls.packed()
    if pack is None:
        yield from calls.made_here()
        return
    kind.connect(backend)
    cluster = kind(backend, pack)
    size, cores, looked = 1, kind.cores(backend), time.monotonic()
    try:
        while True:
            limit = number if number > 0 else cores if calls.number is None else AHEAD * max(cores, 1)
            while len(cluster.going) < limit and (batch := calls.batch(size, cores)):
                cluster.start([(i, dumps(arguments)) for i, arguments in batch])
            if not cluster.going:
                return
            try:
                results, seconds = cluster.ended()
            except Died as died:
                calls.lost(died.numbers, died.error, died.times)
                continue
            for i, result in results:
                calls.ended(i)
                yield i, result
            size = max(1, min(2 * size, int(BATCH_SECONDS * len(results) / max(seconds, 1e-6))))
            if time.monotonic() - looked > LOOK:  # workers come and go
                cores, looked = kind.cores(backend), time.monotonic()
    finally:
        cluster.cancel()
