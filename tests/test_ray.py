"""A real Ray of two processes: the same results, the data once in each, killed workers replaced."""

import os
import signal
from pathlib import Path

import joblib
import numpy as np
import pytest
from workers import Opened, network, sendings

import plainnet as pn
from plainnet._base import tasks
from plainnet.comparison import compare
from plainnet.errors import InvalidValue

X, y = pn.datasets.moons(120, noise=0.2, seed=1)
OPTIONS = {"loss": "cross_entropy", "epochs": 5, "batch_size": 16, "metrics": ["accuracy"]}


@pytest.fixture(scope="module")
def on_ray():
    with pytest.MonkeyPatch.context() as patch:
        folders = [str(Path(pn.__file__).parents[1]), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, folders)))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # otherwise Ray warns
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        from ray.util.joblib import register_ray

        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
        register_ray()
        with joblib.parallel_config(backend="ray"):
            yield
        ray.shutdown()


def timeless(comparison):
    return [{key: value for key, value in run.to_dict().items() if key != "seconds"} for run in comparison.runs]


def test_a_comparison_gives_the_same_on_ray_and_here(on_ray):
    variants = {"net": network(), "function": lambda seed: network(seed)}
    there = compare(variants, X, y, seeds=4, **OPTIONS)
    with joblib.parallel_config(backend="sequential"):
        here = compare(variants, X, y, seeds=4, **OPTIONS)
    assert timeless(there) == timeless(here)


def test_data_are_sent_once_and_unpacked_once_in_each_worker(on_ray, tmp_path, monkeypatch):
    def process_and_sum(shared, i):
        return os.getpid(), shared.data.sum()

    shared = Opened(tmp_path, np.arange(500_000.0))
    sent = sendings(monkeypatch)
    results = dict(tasks.run(process_and_sum, [(i,) for i in range(60)], shared=(shared,)))
    assert {total for _, total in results.values()} == {np.arange(500_000.0).sum()}
    opened = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert sorted(opened) == sorted({process for process, _ in results.values()})
    assert os.getpid() not in opened
    assert list(sent.values()) == [1]


def test_errors_of_a_call_come_out(on_ray):
    def fails(i):
        raise InvalidValue(f"{i} is refused")

    with pytest.raises(InvalidValue, match=r"^\d is refused$"):
        list(tasks.run(fails, [(i,) for i in range(6)]))


def test_a_killed_worker_loses_no_result(on_ray, tmp_path):
    def dies_once(data, i):
        if i in (2, 9) and not (tmp_path / str(i)).exists():
            (tmp_path / str(i)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return data[i]

    results = list(tasks.run(dies_once, [(i,) for i in range(12)], shared=(np.arange(200_000.0),)))
    assert sorted(results) == [(i, float(i)) for i in range(12)]
