"""Many calls on the backends of joblib: each result once, the data once in each worker, dead workers replaced."""

import mmap
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import pytest
from workers import Opened

from plainnet._base import tasks
from plainnet._base.packing import Pack
from plainnet.errors import FileError, InvalidValue, PlainnetWarning, WorkerError

BACKENDS = [None, "loky", "threading", "sequential", "multiprocessing"]

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def under(backend, workers=2):
    return joblib.parallel_config(**({} if backend is None else {"backend": backend}), n_jobs=workers)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_call_gives_its_result_once(backend):
    data = np.arange(30_000.0)
    offset = 3  # the function is no function of a module, so it is sent by value
    with under(backend):
        results = dict(tasks.run(lambda x, i, j: x[i] * j + offset, [(i, i + 1) for i in range(40)], shared=(data,)))
    assert results == {i: data[i] * (i + 1) + 3 for i in range(40)}
    with under(backend):
        assert list(tasks.run(lambda: None, [])) == []


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
@pytest.mark.parametrize("numbers", [10, 1_000_000])
def test_data_are_unpacked_once_in_each_process(backend, numbers, tmp_path):
    with under(backend):
        shared = Opened(tmp_path, np.arange(float(numbers)))
        results = dict(tasks.run(_process_and_sum, [(i,) for i in range(30)], shared=(shared,)))
    processes = {process for process, *_ in results.values()}
    opened = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert sorted(opened) == sorted(processes)  # each process wrote one file
    assert os.getpid() not in processes
    assert {total for _, total, _ in results.values()} == {np.arange(float(numbers)).sum()}
    assert not any(shared.writable for *_, shared in results.values())
    if numbers > 10:  # the processes read one file, which is not sent with each call
        assert all(shared.mapped for *_, shared in results.values())


class Seen(NamedTuple):
    """How a worker sees an array."""

    writable: bool
    mapped: bool


def _process_and_sum(shared, i):
    owner = shared.data
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return os.getpid(), shared.data.sum(), Seen(shared.data.flags.writeable, isinstance(owner, mmap.mmap))


def test_an_array_is_sent_as_bytes_and_is_none_of_a_file():
    pack = Pack((np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3)), "word", np.empty((0, 2))))
    moved = pickle.loads(pickle.dumps(pack))
    numbers, columns, word, nothing = moved.open()
    assert moved.open()[0] is numbers
    assert type(numbers) is np.ndarray
    assert numbers.ctypes.data % 16 == 0
    np.testing.assert_array_equal(numbers, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(columns, np.eye(3))
    assert (word, nothing.shape) == ("word", (0, 2))


def test_a_memory_mapped_array_is_sent_by_name(tmp_path):
    numbers = np.arange(60_000.0).reshape(20_000, 3)
    np.save(tmp_path / "x.npy", numbers)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    parts = (mapped, mapped[9_000:19_000], mapped[5:8].T, mapped[::2])
    pack = Pack(parts[:3])
    assert pack.content.nbytes < 2_000
    for part, opened in zip(parts, (*pack.open(), Pack(parts[3]).open()), strict=True):
        np.testing.assert_array_equal(opened, part)
    assert all(isinstance(opened, np.memmap) and opened._mmap is not None for opened in pack.open())
    assert type(Pack(parts[3]).open()) is np.ndarray  # its rows are not in one piece
    pack = Pack(mapped)
    (tmp_path / "x.npy").rename(tmp_path / "elsewhere.npy")
    with pytest.raises(FileError, match=r"x.npy cannot be read where the work is done: No such file .* np.array\(X\)"):
        pack.open()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_of_the_function_comes_out_at_once(backend):
    def fails(i):
        if i == 3:
            raise InvalidValue("the fourth is refused")
        return i

    with under(backend), pytest.raises(InvalidValue, match="the fourth is refused"):
        list(tasks.run(fails, ((i,) for i in count())))  # which never end


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_arguments_of_an_iterator_are_taken_as_workers_get_free(backend, tmp_path):
    ended_before = []

    def arguments():
        for i in range(12):
            ended_before.append(len(list(tmp_path.iterdir())))
            yield (i,)

    with under(backend):
        results = dict(tasks.run(lambda i: (tmp_path / str(i)).touch(), arguments()))
    assert len(results) == len(ended_before) == 12
    # two are at work, and joblib takes as many as there are workers
    assert all(ended > i - 4 for i, ended in enumerate(ended_before))


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_closing_cancels_what_has_not_begun(backend, tmp_path):
    def mark(i):
        (tmp_path / str(i)).touch()
        time.sleep(0.05)

    with under(backend):
        results = tasks.run(mark, [(i,) for i in range(500)])
        next(results)
        results.close()
    assert len(list(tmp_path.iterdir())) < 100


@pytest.mark.skipif(os.name != "posix", reason="a worker is killed by a POSIX signal")
def test_a_worker_that_dies_costs_its_calls_a_retry(tmp_path):
    def dies_once(i):
        if i in (2, 7) and not (tmp_path / str(i)).exists():
            (tmp_path / str(i)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return i * i

    with under("loky"):
        assert dict(tasks.run(dies_once, [(i,) for i in range(12)])) == {i: i * i for i in range(12)}


@pytest.mark.skipif(os.name != "posix", reason="a worker is killed by a POSIX signal")
def test_a_call_that_kills_every_worker_is_an_error():
    def dies(i):
        os.kill(os.getpid(), signal.SIGKILL)

    with under("loky"), pytest.raises(WorkerError, match=r"the worker of call \d of .*dies has died 6 times"):
        list(tasks.run(dies, [(i,) for i in range(2)]))


def test_what_cannot_be_sent_is_done_in_this_process():
    lock = threading.Lock()
    with under("loky"), pytest.warns(PlainnetWarning, match="cannot be sent to other processes"):
        results = dict(tasks.run(lambda i: (i, lock.locked(), os.getpid()), [(0,), (1,)]))
    assert results == {i: (i, False, os.getpid()) for i in range(2)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_worker_is_this_process_which_still_takes_ctrl_c(backend):
    before = signal.getsignal(signal.SIGINT)
    with under(backend, workers=1):
        assert {result for _, result in tasks.run(os.getpid, [()] * 4)} == {os.getpid()}
    assert signal.getsignal(signal.SIGINT) is before


def test_one_worker_is_this_process_and_workers_limit_the_rest():
    assert {result for _, result in tasks.run(os.getpid, [()] * 4, workers=1)} == {os.getpid()}
    with pytest.raises(InvalidValue, match="workers is 0"):
        tasks.run(os.getpid, [()], workers=0)


def test_without_joblib_all_is_done_here_with_a_warning(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.warns(PlainnetWarning, match=r"more than one worker needs .*joblib"):
        results = list(tasks.run(os.getpid, [()] * 2))
    assert results == [(0, os.getpid()), (1, os.getpid())]
    assert list(tasks.run(os.getpid, [()] * 2, workers=1)) == results  # and none where one is asked for
    assert not tasks.elsewhere()


def test_what_a_call_runs_in_parallel_stays_in_its_worker():
    def nested(i):
        return {os.getpid(), *(process for _, process in tasks.run(os.getpid, [()] * 3))}

    with under("loky"):
        assert all(len(processes) == 1 for _, processes in tasks.run(nested, [(i,) for i in range(4)]))


@pytest.mark.parametrize(("backend", "there"), [(None, False), ("threading", False), ("loky", True)])
def test_elsewhere_is_a_configured_backend_of_other_processes(backend, there):
    with under(backend):
        assert tasks.elsewhere() == there
        assert tasks.workers_there() == 2


SCRIPT = """
import os
from plainnet._base import tasks

def square(i):
    return i * i, os.getpid()

results = dict(tasks.run(square, [(i,) for i in range(20)], workers=2))
assert {i: square for i, (square, _) in results.items()} == {i: i * i for i in range(20)}
assert os.getpid() not in {process for _, process in results.values()}
"""


def test_a_script_needs_no_guard(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(tasks.__file__).parents[2])}
    subprocess.run([sys.executable, "-W", "error", "script.py"], cwd=tmp_path, check=True, timeout=120, env=environment)
