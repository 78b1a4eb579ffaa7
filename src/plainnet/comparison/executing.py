"""Runs in lanes or one by one in this process, in one process per core, or on an executor."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from plainnet._base import checks
from plainnet.comparison import lanes
from plainnet.comparison.runs import Run, train
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.variants import Variant
from plainnet.engines.choosing import available_cores
from plainnet.errors import InvalidType, InvalidValue, warn

VariantAndSeed = tuple[Variant, int]

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Variables that limit the linear algebra of a process to one thread; NumPy reads them when it is imported."""

NO_WORKERS = (
    "the worker processes ended before the runs did. A script calls compare under if __name__ == '__main__': ; a "
    "function of a notebook or an interactive session cannot reach other processes, so put it in a module, or take "
    "workers=1, which trains in this process; or memory ran out: take fewer workers"
)


def run_all(
    jobs: Sequence[VariantAndSeed], data: SeedData, executor: Executor | None, workers: int | None
) -> Generator[Run, None, None]:
    """Yield the runs as they end, in any order."""
    if executor is not None:
        if not isinstance(executor, Executor):
            raise InvalidType(f"executor is {executor!r}; it takes a concurrent.futures.Executor")
        yield from _run_on(executor, jobs, data)
        return
    cores = available_cores() if workers is None else checks.whole_number("workers", workers, least=1)
    in_lanes = set()
    for name, variant in {variant.name: variant for variant, _ in jobs}.items():
        seeds = [seed for other, seed in jobs if other.name == name]
        if lanes.suit(variant, seeds, data, cores):
            in_lanes.add(name)
            yield from lanes.train(variant, seeds, data, cores)
    jobs = [job for job in jobs if job[0].name not in in_lanes]
    count = min(cores, len(jobs))
    if count > 1 and _can_travel([variant for variant, _ in jobs], data):
        with _processes(count) as pool:
            yield from _run_on(pool, jobs, data, while_starting=_one_thread_each())
        return
    for variant, seed in jobs:
        yield train(variant, seed, data)


def _can_travel(variants: Sequence[Variant], data: SeedData) -> bool:
    """Return True if the variants, and a function for the data, can be sent to other processes; warn of what cannot."""
    parts: dict[str, Any] = {f"variant {variant.name!r}": variant for variant in variants}
    if data.is_function:
        parts["the function for X"] = data
    for name, part in parts.items():
        try:
            pickle.dumps(part)
        except Exception as error:  # pickle raises whatever the object's own methods raise
            warn(
                f"{name} cannot be sent to other processes ({error}), so all runs are trained in this one; a Network "
                "or arrays in place of the function, or a function of a module, makes use of all cores"
            )
            return False
    return True


def _run_on(
    executor: Executor,
    jobs: Sequence[VariantAndSeed],
    data: SeedData,
    while_starting: AbstractContextManager[None] | None = None,
) -> Iterator[Run]:
    futures = []
    try:
        with while_starting or nullcontext():
            futures += [executor.submit(train, variant, seed, data) for variant, seed in jobs]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        raise InvalidValue(NO_WORKERS) from None
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def _processes(count: int) -> Iterator[Executor]:
    """Give an executor of new processes, which start as work comes in and end at once after an error."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_leave_interrupts_to_the_parent)
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):  # from Python 3.14 on: pool.terminate_workers()
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_ENVIRONMENT = threading.Lock()
"""A lock for changes of the environment of this process, which all of its threads share."""


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Give processes that start meanwhile one thread of linear algebra, unless the user has set another number."""
    with _ENVIRONMENT:
        added = [name for name in ONE_THREAD if name not in os.environ]
        os.environ.update(dict.fromkeys(added, "1"))
        try:
            yield
        finally:
            for name in added:
                os.environ.pop(name, None)
