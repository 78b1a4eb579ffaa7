"""A real Dask cluster of several processes: the same results, the data once in each, killed workers replaced."""

import logging
import os
import signal
import time

import joblib
import numpy as np
import pytest
from workers import Opened, network, sendings

import plainnet as pn
from plainnet._base import clusters, tasks
from plainnet.comparison import compare
from plainnet.errors import InvalidValue, WorkerError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="workers are killed by POSIX signals")

X, y = pn.datasets.moons(120, noise=0.2, seed=1)
OPTIONS = {"loss": "cross_entropy", "epochs": 5, "batch_size": 16, "metrics": ["accuracy"]}


def local_cluster(workers):
    """Return a cluster and its client; nothing listens on another address than that of this machine itself."""
    import dask
    from distributed import Client, LocalCluster

    # a worker that is killed is started anew, however often
    dask.config.set({"distributed.deploy.lost-worker-timeout": "1h", "distributed.comm.timeouts.connect": "60s"})
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )
    return cluster, Client(cluster)


@pytest.fixture(scope="module")
def client():
    cluster, client = local_cluster(3)
    with cluster, client:
        yield client


@pytest.fixture
def on_dask(client):
    with joblib.parallel_config(backend="dask"):
        yield


def timeless(comparison):
    return [{key: value for key, value in run.to_dict().items() if key != "seconds"} for run in comparison.runs]


def test_a_comparison_gives_the_same_on_dask_and_here(on_dask, tmp_path):
    variants = {"net": network(), "function": lambda seed: network(seed)}
    here = compare(variants, X, y, seeds=6, workers=1, **OPTIONS)
    with joblib.parallel_config(backend="dask"):
        there = compare(variants, X, y, seeds=2, results=tmp_path / "runs.jsonl", **OPTIONS)
        assert timeless(there) == [run for run in timeless(here) if run["seed"] < 2]
        there = compare(variants, X, y, seeds=6, results=tmp_path / "runs.jsonl", resume=True, **OPTIONS)
    assert timeless(there) == timeless(here)


def test_networks_trained_on_dask_come_back(on_dask, tmp_path):
    """Those that are lost with a worker are trained again, from where they began."""
    here, folder = os.getpid(), tmp_path

    def dies_once(targets, predictions):
        if os.getpid() != here and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 0.0

    there, alone = ([network(seed) for seed in range(5)] for _ in range(2))
    options = {
        "loss": "cross_entropy",
        "epochs": 5,
        "validation": 0.2,
        "early_stopping": 2,
        "engine": "numpy",
        "threads": 1,
    }
    histories = pn.train_many(there, X, y, metrics=[dies_once], **options)
    for net, twin, history in zip(there, alone, histories, strict=True):
        assert history.loss == twin.fit(X, y, **options).loss
        np.testing.assert_array_equal(net.parameters, twin.parameters)
        np.testing.assert_array_equal(net.statistics, twin.statistics)


@pytest.mark.parametrize("numbers", [10, 1_000_000])
def test_data_are_sent_once_and_unpacked_once_in_each_worker(on_dask, numbers, tmp_path, monkeypatch):
    """They go to the scheduler, which is in this process, and from it to one worker, which the others get them from."""

    def process_and_sum(shared, i):
        time.sleep(0.01)
        return os.getpid(), shared.data.sum()

    shared = Opened(tmp_path, np.arange(float(numbers)))
    sent = sendings(monkeypatch)
    results = dict(tasks.run(process_and_sum, [(i,) for i in range(60)], shared=(shared,)))
    assert {total for _, total in results.values()} == {np.arange(float(numbers)).sum()}
    opened = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert sorted(opened) == sorted({process for process, _ in results.values()})
    assert os.getpid() not in opened
    (times,) = sent.values()
    assert times <= 2


def test_errors_of_a_call_come_out_and_closing_cancels_the_rest(on_dask, tmp_path):
    def fails(i):
        (tmp_path / str(i)).touch()
        time.sleep(0.05)
        if i == 3:
            raise InvalidValue("the fourth is refused")

    with pytest.raises(InvalidValue, match="the fourth is refused"):
        list(tasks.run(fails, [(i,) for i in range(500)]))
    assert len(list(tmp_path.iterdir())) < 100


def test_arguments_of_an_iterator_are_taken_as_workers_get_free(on_dask):
    given = 0

    def arguments():
        nonlocal given
        for i in range(20):
            given += 1
            yield (i,)

    for ended, _ in enumerate(tasks.run(lambda i: i, arguments()), start=1):
        assert given - ended <= 3
    assert given == 20


def test_a_worker_killed_in_mid_run_loses_no_result(on_dask, tmp_path):
    def dies_once(data, i):
        if i in (2, 9) and not (tmp_path / str(i)).exists():
            (tmp_path / str(i)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return data[i]

    data = np.arange(200_000.0)
    results = list(tasks.run(dies_once, [(i,) for i in range(12)], shared=(data,)))
    assert sorted(results) == [(i, float(i)) for i in range(12)]


def test_workers_killed_again_and_again_lose_no_result(on_dask):
    """The process that sends every seventh result is killed, at work on another call."""

    def works(data, i):
        time.sleep(0.1)
        return os.getpid(), data[i]

    killed, results = set(), {}
    for i, (process, number) in tasks.run(works, [(i,) for i in range(60)], shared=(np.arange(200_000.0),)):
        assert i not in results
        results[i] = number
        if len(results) % 7 == 0 and process not in killed:
            killed.add(process)
            os.kill(process, signal.SIGKILL)
    assert len(killed) > 3  # more than there were workers at the beginning
    assert results == {i: float(i) for i in range(60)}


def test_a_call_that_kills_every_worker_is_an_error(on_dask):
    def dies(i):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerError, match=r"the worker of call 0 of .*dies has died 8 times"):
        list(tasks.run(dies, [(0,)]))


def test_a_cluster_that_loses_all_its_workers_is_an_error(monkeypatch):
    monkeypatch.setattr(clusters, "WITHOUT_WORKERS", 1)
    cluster, client = local_cluster(1)
    with cluster, client, joblib.parallel_config(backend="dask", wait_for_workers_timeout=1):
        calls = tasks.run(time.sleep, [(0.01,)] * 50 + [(600,)] * 3)
        next(calls)
        cluster.scale(0)
        with pytest.raises(WorkerError, match="the Dask cluster has had no worker for 1 seconds"):
            list(calls)
