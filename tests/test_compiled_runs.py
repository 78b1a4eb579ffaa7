"""Runs in machine code: data in files, deadlines, divergence, early stopping, interrupts."""

import copy
import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import TOLERANCE, Run, assert_agree, assert_engines_agree, bits, run

import plainnet as pn
from plainnet import adapters, engines
from plainnet._base import pieces
from plainnet.engines import Choice, Job
from plainnet.errors import DivergenceError
from plainnet.training import prepare
from plainnet.training.options import Options

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 5)).astype(np.float32)
Y = np.arange(90) % 3
WEIGHT = RANDOM.random(90)
OPTIONS = {"loss": "cross_entropy", "optimizer": pn.SGD(0.1, momentum=0.9), "epochs": 8, "batch_size": 16}
THREADS = [1, 2]


def network(dtype: str = "float64", seed: int = 1) -> pn.Network:
    layers = pn.Dense(9, "tanh", l2=1e-3), pn.BatchNorm(), pn.Dropout(0.3), pn.Dense(3, "softmax")
    return pn.Network(*layers, input_size=5, seed=seed, dtype=dtype)


def compiled(net: Callable[[], pn.Network] = network, **options: Any) -> Run:
    return run(net, X, Y, engine="compiled", **{"threads": 1, **OPTIONS, **options})


# ---- files ----


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """X, Y and weights in files, of which a window holds about 30 rows."""
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 35 * (5 * 4 + 8))
    monkeypatch.setattr(pieces, "PIECE_BYTES", 10 * (5 * 4 + 8 + 4))
    made = {}
    for name, array in (("X", X), ("y", Y), ("sample_weight", WEIGHT)):
        array.tofile(tmp_path / name)
        made[name] = np.memmap(tmp_path / name, array.dtype, "r", shape=array.shape)
    return made


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("batch", [16, 15, 1, 7])
def test_files_larger_than_a_block(files: dict[str, np.ndarray], batch: int, threads: int, dtype: str) -> None:
    """Batches end within a window, and some hold rows of two."""
    layers = [pn.Dense(9, "tanh", l2=1e-3), pn.LayerNorm(), pn.Dropout(0.3), pn.Dense(3, "softmax")]

    def make() -> pn.Network:
        return pn.Network(*map(copy.copy, layers), input_size=5, seed=1, dtype=dtype)

    options = {**OPTIONS, "optimizer": pn.SGD(0.02), "batch_size": batch}
    assert_engines_agree(make, **files, **options, threads=threads)


def test_a_file_of_one_block_and_an_array_give_the_same_bits(files, monkeypatch) -> None:
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 2**20)
    options = {**OPTIONS, "engine": "compiled", "threads": 1}
    assert bits(run(network, **files, **options)) == bits(compiled(sample_weight=WEIGHT))


# ---- time ----


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("seconds", [-math.inf, 0.0, 1e-4, 3e-3])
def test_a_run_until_a_time_goes_on_to_the_same_bits(seconds: float, threads: int) -> None:
    def job() -> Job:
        loss = adapters.loss_of("cross_entropy")
        return Job(network(), loss, pn.Adam(0.01), X.astype(float), Y, WEIGHT, 16, True, 40)

    choice, whole, pieces = Choice("compiled", threads), job(), job()
    expected = engines.make(choice, whole).run(40)
    engine, found = engines.make(choice, pieces), []
    while pieces.epochs_done < 40:
        before = pieces.steps_done
        epochs = pieces.epochs_done
        losses = engine.run(40 - pieces.epochs_done, until=time.monotonic() + seconds)
        assert pieces.steps_done > before, "at least one step"
        assert len(losses) == pieces.epochs_done - epochs
        found += losses
    assert found == expected
    assert pieces.network.parameters.tobytes() == whole.network.parameters.tobytes()
    assert pieces.network.statistics.tobytes() == whole.network.statistics.tobytes()
    assert list(pieces.gradient_norms) == list(whole.gradient_norms)


# ---- divergence ----


def exploding(epoch: float, epochs: int) -> float:
    return 0.01 if epoch < 3.5 else 1e200


@pytest.mark.parametrize("report_every", [1, 3, 8])
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("optimizer", [pn.SGD(exploding), pn.Adam(exploding)], ids=["sgd", "adam"])
def test_divergence_leaves_the_last_good_numbers(optimizer: pn.SGD, threads: int, report_every: int) -> None:
    runs = []
    for engine in ({"engine": "numpy"}, {"engine": "compiled", "threads": threads}):
        net = network()
        options = {**OPTIONS, "optimizer": optimizer, "report_every": report_every}
        with pytest.raises(DivergenceError, match="diverged in epoch 4") as error:
            net.fit(X, Y, **options, **engine)
        assert "learning rate 1e+200" in str(error.value)
        assert net.history.stopped == "diverged"
        assert np.isfinite(net.parameters).all()
        assert np.isfinite(net.statistics).all()
        runs.append((net, net.history))
    assert_agree(*runs, tolerance=1e-10)


# ---- early stopping ----


def test_early_stopping_ends_with_the_same_best_epoch() -> None:
    options = {**OPTIONS, "epochs": 200, "validation": 0.3, "early_stopping": 5, "metrics": ["accuracy"]}
    (net, history), (_, other) = assert_engines_agree(network, X, Y, **options)
    assert history.stopped == "early stopping"
    assert history.best_epoch == other.best_epoch < history.epoch[-1]
    assert history.metrics == other.metrics
    assert net.predict(X).shape == (90, 3)


# ---- interrupts ----


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("changes", [1, 30, 500])
def test_ctrl_c_leaves_a_whole_epoch(changes: int, threads: int) -> None:
    """It comes when the parameters were seen to change so many times, while the machine code may be running."""
    net = network()
    whole_run = prepare(net, X, Y, Options.of({**OPTIONS, "epochs": 10**9, "engine": "compiled", "threads": threads,
                                               "report_every": 10**9}))  # fmt: skip

    def interrupt() -> None:
        for _ in range(changes):
            before = net.parameters.tobytes()
            while net.parameters.tobytes() == before:
                pass
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        next(whole_run.reports())
    thread.join()
    assert net.history.stopped == "interrupted"
    epochs = whole_run.job.epochs_done
    other = network()
    if epochs:
        options = {**OPTIONS, "epochs": epochs, "report_every": epochs, "engine": "compiled", "threads": threads}
        other.fit(X, Y, **options)
    assert net.parameters.tobytes() == other.parameters.tobytes()
    assert net.statistics.tobytes() == other.statistics.tobytes()


def test_an_error_of_a_schedule_ends_the_run_and_the_network_trains_again() -> None:
    def failing(epoch: float, epochs: int) -> float:
        if epoch >= 2.5:
            raise ZeroDivisionError
        return 0.1

    net = network()
    with pytest.raises(ZeroDivisionError):
        net.fit(X, Y, **{**OPTIONS, "optimizer": pn.SGD(failing)}, engine="compiled")
    assert net.history.stopped == "interrupted"
    assert np.isfinite(net.parameters).all()
    net.fit(X, Y, **OPTIONS, engine="compiled")
    assert net.history.stopped == "all epochs"
