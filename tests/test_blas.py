"""The number of BLAS's threads, which holds for the whole process: after any run it is the one before."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import threadpoolctl
from joblib import parallel_config
from sklearn.model_selection import cross_val_score

import plainnet as pn
from plainnet._base.interrupts import interrupts_held
from plainnet.engines import blas
from plainnet.sklearn import MLPClassifier

X, Y = pn.datasets.moons(120, noise=0.1, seed=1)
OPTIONS = {"loss": "cross_entropy", "epochs": 4, "engine": "numpy"}


def numbers() -> set[int]:
    return {found["num_threads"] for found in threadpoolctl.threadpool_info() if found["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def three_before() -> Iterator[None]:
    """A number that no run sets; every test has to leave it."""
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        yield
        assert numbers() == {3}


def network(seed: int = 0) -> pn.Network:
    return pn.Network(pn.Dense(8, "relu"), pn.Dense(2, "softmax"), seed=seed)


def seen_by_metric(found: list[set[int]]) -> Callable[..., float]:
    """A metric that notes the number that holds when it is taken."""

    def metric(targets: np.ndarray, predictions: np.ndarray) -> float:
        found.append(numbers())
        return 0.0

    return metric


def test_a_run_limits_blas_and_puts_it_back() -> None:
    found: list[set[int]] = []
    network().fit(X, Y, threads=1, metrics=[seen_by_metric(found)], **OPTIONS)
    assert found[-1] == {1}
    assert numbers() == {3}


def test_between_reports_the_users_own_code_has_its_number() -> None:
    reports = network().training(X, Y, threads=1, **OPTIONS)
    for _ in reports:
        assert numbers() == {3}


@pytest.mark.parametrize("end", ["closed", "forgotten", "kept"])
def test_a_run_that_is_left_half_way(end: str) -> None:
    reports = network().training(X, Y, threads=1, **OPTIONS)
    next(reports)
    if end == "closed":
        reports.close()
    elif end == "forgotten":
        del reports
    assert numbers() == {3}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_after_an_exception(error: type[BaseException]) -> None:
    calls = []

    def failing(targets: np.ndarray, predictions: np.ndarray) -> float:
        calls.append(1)
        if len(calls) > 2:  # it is tried once before the run
            raise error
        return 0.0

    with pytest.raises(error):
        network().fit(X, Y, threads=1, metrics=[failing], **OPTIONS)


def test_two_that_overlap_leave_in_any_order() -> None:
    first, second = blas.limited(2), blas.limited(1)
    first.__enter__()
    assert numbers() == {2}
    second.__enter__()
    assert numbers() == {1}
    first.__exit__(None, None, None)
    assert numbers() == {1}, "the lowest number that is still asked for"
    second.__exit__(None, None, None)
    assert numbers() == {3}


def test_many_threads_of_the_users() -> None:
    barrier = threading.Barrier(6)

    def work(seed: int) -> None:
        barrier.wait()
        for _ in range(20):
            network(seed).fit(X, Y, threads=1, **OPTIONS)

    workers = [threading.Thread(target=work, args=[seed]) for seed in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_train_many(engine: str) -> None:
    found: list[set[int]] = []
    options = {**OPTIONS, "engine": engine, "batch_size": 60, "metrics": [seen_by_metric(found)]}
    wide = [pn.Network(pn.Dense(300, "relu"), pn.Dense(2, "softmax"), seed=seed) for seed in range(5)]
    pn.train_many(wide, X, Y, threads=3, **options)
    assert found[-1] == {1}


def test_estimators_under_joblibs_threads() -> None:
    model = MLPClassifier(n_jobs=1, max_iter=5, early_stopping=True)
    with parallel_config("threading", n_jobs=4), pytest.warns(UserWarning, match="Maximum iterations"):
        cross_val_score(model, X, Y, cv=8)


def test_a_limit_is_set_once_a_run(monkeypatch) -> None:
    """Setting it at each report costs more than the steps of a small network."""
    times = []
    monkeypatch.setattr(blas._Limits, "_set", lambda self, set=blas._Limits._set: (times.append(1), set(self)))
    network().fit(X, Y, threads=1, **{**OPTIONS, "epochs": 50})
    pn.train_many([network(seed) for seed in range(4)], X, Y, **{**OPTIONS, "epochs": 50})
    assert len(times) == 4  # set and put back, twice


def test_ctrl_c_while_the_number_is_set(monkeypatch) -> None:
    """It comes in the middle of setting it and is obeyed after."""
    find = blas._LIMITS._find_libraries

    class Library:
        filepath = "a library"
        threads = 3

        def get_num_threads(self) -> int:
            signal.raise_signal(signal.SIGINT)
            return self.threads

        def set_num_threads(self, number: int) -> None:
            self.threads = number

    find()
    library = Library()
    monkeypatch.setattr(blas._LIMITS, "libraries", [library])
    with pytest.raises(KeyboardInterrupt), blas.limited(1):
        pass
    assert library.threads == 3
    assert not blas._LIMITS.asked
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_threads_as_a_numpy_number() -> None:
    history = network().fit(X, Y, threads=np.int64(2), **OPTIONS)
    assert history.settings["threads"] == 2
    assert type(history.settings["threads"]) is int


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on POSIX systems alone")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_meanwhile_has_the_number_before() -> None:
    entered, leave = threading.Event(), threading.Event()

    def limit() -> None:
        with blas.limited(1):
            entered.set()
            leave.wait()

    thread = threading.Thread(target=limit)
    thread.start()
    entered.wait()
    process = os.fork()
    if process == 0:  # the thread with the limit is not in this process
        found = [numbers()]
        with blas.limited(2):
            found.append(numbers())
        found.append(numbers())
        os._exit(0 if found == [{3}, {2}, {3}] else 1)
    status = os.waitpid(process, 0)[1]
    leave.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0


def test_an_error_in_another_thread_comes_alone() -> None:
    errors: list[BaseException] = []

    def fail() -> None:
        try:
            with interrupts_held():
                raise MemoryError
        except MemoryError as error:
            errors.append(error)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert errors[0].__context__ is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="asyncio handles signals on POSIX systems alone")
def test_asyncio_hears_once_of_a_signal_held_back() -> None:
    async def interrupted() -> int:
        calls: list[None] = []
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, calls.append, None)
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
        for _ in range(5):
            await asyncio.sleep(0)
        return len(calls)

    assert asyncio.run(interrupted()) == 1
