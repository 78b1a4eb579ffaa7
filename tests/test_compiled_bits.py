"""Runs in machine code end with the same bits however they are cut and whoever runs beside them."""

import copy
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import TOLERANCE, Run, assert_agree, bits, run

import plainnet as pn

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


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("batch", [16, None])
def test_how_often_it_reports_changes_no_bit(batch: int | None, threads: int) -> None:
    def ends(**options: Any) -> tuple[bytes, ...]:
        net, history = compiled(batch_size=batch, threads=threads, **options)
        return net.parameters.tobytes(), net.statistics.tobytes(), np.array(history.loss[-1]).tobytes()

    expected = ends(report_every=8)
    for report_every in (1, 3, 5, 1000):
        assert ends(report_every=report_every) == expected
    assert ends(metrics=["accuracy"], progress=False) == expected


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("every", [1, 3, "1e-9s"])
def test_a_run_left_anywhere_and_resumed_ends_with_the_same_bits(
    every: int | str, threads: int, tmp_path: Path
) -> None:
    whole = compiled(threads=threads)
    options = {**OPTIONS, "engine": "compiled", "threads": threads, "checkpoint": tmp_path / "run.npz"}
    for _ in range(3):
        reports = network().training(X, Y, **options, checkpoint_every=every, resume=True)
        for _ in zip(range(2), reports, strict=False):
            pass
        reports.close()
    resumed = run(network, X, Y, **options, checkpoint_every=every, resume=True)
    assert bits(resumed) == bits(whole)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_same_number_of_threads_gives_the_same_bits(dtype: str, threads: int) -> None:
    """With steps large enough to be shared."""
    big_X, big_y = np.tile(X, (20, 40)), np.tile(Y, 20)

    def wide() -> pn.Network:
        hidden = pn.Dense(150, "relu"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(70, "tanh")
        return pn.Network(*hidden, pn.Dense(3, "softmax"), input_size=200, seed=1, dtype=dtype)

    options = {**OPTIONS, "epochs": 2, "batch_size": 250, "engine": "compiled"}
    one, other = (run(wide, big_X, big_y, **options, threads=threads) for _ in range(2))
    assert bits(one) == bits(other)
    assert_agree(run(wide, big_X, big_y, **options, threads=1), one, TOLERANCE[dtype])


def test_several_runs_in_several_threads_at_once() -> None:
    """Some of one shape, whose machine code may be the same, and some of another."""

    def other() -> pn.Network:
        return pn.Network(pn.Dense(7, "gelu"), pn.Dense(3, "softmax"), input_size=5, seed=2)

    makes = [network, other, lambda: network(seed=5), lambda: network("float32"), network, other]
    options = {"epochs": 60, "report_every": 7}
    expected = [bits(compiled(make, **options)) for make in makes]
    found: dict[int, bytes] = {}
    barrier = threading.Barrier(len(makes))

    def work(i: int) -> None:
        barrier.wait()
        found[i] = bits(compiled(makes[i], **options))

    workers = [threading.Thread(target=work, args=[i]) for i in range(len(makes))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [found[i] for i in range(len(makes))] == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on POSIX systems alone")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("threads", THREADS)
def test_a_forked_process_trains_on(threads: int) -> None:
    expected = bits(compiled(threads=threads))
    process = os.fork()
    if process == 0:
        signal.alarm(60)
        os._exit(0 if bits(compiled(threads=threads)) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


# ---- the network meanwhile ----


def reports_of(net: pn.Network, **options: Any) -> Iterator[pn.Report]:
    return net.training(X, Y, **{**OPTIONS, "engine": "compiled", "threads": 1, "report_every": 1, **options})


def test_between_reports_the_network_is_as_trained_so_far() -> None:
    net = network()
    weights = net.layers[0].weights
    for report in reports_of(net):
        assert np.shares_memory(net.layers[0].weights, net.parameters)
        other, _ = compiled(epochs=report.epoch, report_every=report.epoch)
        assert weights.tobytes() == other.layers[0].weights.tobytes()


def test_what_the_user_changes_between_reports_is_where_training_goes_on() -> None:
    def trained(engine: str) -> Run:
        net = network()
        for report in reports_of(net, engine=engine):
            if report.epoch == 3:
                net.layers[0].weights[:, 0] = 0.0
                net.statistics *= 0.5
            if report.epoch == 5:
                net.parameters = 0.9 * net.parameters
        return net, net.history

    assert_agree(trained("numpy"), trained("compiled"), 1e-10)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, pn.Network.copy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_is_a_network_of_its_own(twin_of: Callable[[pn.Network], pn.Network]) -> None:
    net = network()
    reports = reports_of(net)
    next(reports)
    twin = twin_of(net)
    before = twin.parameters.tobytes()
    next(reports)
    assert twin.parameters.tobytes() == before
    reports.close()
    twin = twin_of(net)
    assert bits(compiled(lambda: twin)) == bits(compiled(lambda: net))


def test_a_network_is_trained_again_with_other_settings_and_data() -> None:
    """Machine code of the run before would be that of other constants."""
    changes: list[Callable[[pn.Network], Any]] = [
        lambda net: None,
        lambda net: setattr(net.layers[2], "rate", 0.6),
        lambda net: setattr(net.layers[0], "l2", 0.2),
        lambda net: setattr(net.layers[0], "activation", "relu"),
        lambda net: setattr(net.layers[0], "activation", pn.activations.LeakyRelu(0.5)),
        lambda net: setattr(net.layers[0], "activation", pn.activations.LeakyRelu(0.1)),
        lambda net: setattr(net.layers[1], "momentum", 0.9),
        lambda net: setattr(net.layers[1], "epsilon", 0.5),
    ]
    nets = [network(), network()]
    for i, change in enumerate(changes):
        runs = []
        for net, engine in zip(nets, ("numpy", "compiled"), strict=True):
            change(net)
            optimizer = pn.SGD(0.1 / (i + 1), momentum=0.1 * i)
            rows = 90 - 7 * i
            history = net.fit(X[:rows], Y[:rows], **{**OPTIONS, "optimizer": optimizer, "epochs": 3}, engine=engine)
            runs.append((net, history))
        assert_agree(*runs, tolerance=1e-9)
