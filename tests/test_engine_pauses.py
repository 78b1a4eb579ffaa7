"""An engine may stop anywhere: what goes on from there ends with the bits of a run that was left alone."""

import itertools
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import plainnet as pn
from plainnet import adapters, engines
from plainnet._base import mapped, pieces
from plainnet._base.derived_pieces import together
from plainnet.engines import Choice, Engine, Job
from plainnet.errors import InvalidValue

random = np.random.default_rng(0)
X = random.normal(size=(70, 5)).astype(np.float32)
Y = np.arange(70) % 3

ENGINES = [Choice("numpy", 1), Choice("numpy", 2), Choice("compiled", 1), Choice("compiled", 2)]


@pytest.fixture(params=ENGINES, ids=lambda choice: f"{choice.engine}-{choice.threads}")
def choice(request) -> Choice:
    return request.param


def job(inputs=X, targets=Y, batch_size=16, shuffle=True, epochs=7, draw_order=None) -> Job:
    layers = pn.Dense(9, "tanh", l2=1e-3), pn.BatchNorm(), pn.Dropout(0.3), pn.Dense(3, "softmax")
    net = pn.Network(*layers, input_size=5, seed=1)
    optimizer = pn.SGD(pn.schedules.Cosine(0.1), momentum=0.9, nesterov=True, clip_norm=0.5)
    weight = np.linspace(0, 2, len(inputs), dtype=np.float32)
    loss = adapters.loss_of("cross_entropy")
    return Job(net, loss, optimizer, inputs, targets, weight, batch_size, shuffle, epochs, draw_order)


def rotated() -> Callable[[int], np.ndarray]:
    """Draw an order that is another one in each epoch."""
    epoch = itertools.count(1)
    return lambda rows: (3 * np.arange(rows) + next(epoch)) % rows


def in_one_go(job: Job, choice: Choice) -> list[float]:
    return engines.make(choice, job).run(job.epochs)


def in_pieces(job: Job, choice: Choice, steps_each: int) -> list[float]:
    """Stop after every step; another engine object goes on after every `steps_each`."""
    found: list[float] = []
    engine: Engine = engines.make(choice, job)
    while job.epochs_done < job.epochs:
        if job.steps_done % steps_each == 0:
            engine = engines.make(choice, job)
        before = job.steps_done
        found += engine.run(job.epochs - job.epochs_done, until=-math.inf)
        assert job.steps_done == before + 1
    return found


def state(job: Job) -> tuple[object, ...]:
    net = job.network
    arrays = [net.parameters, net.statistics, *job.optimizer_state.values()]
    streams = [net.shuffling.bit_generator.state, net.dropout.bit_generator.state]
    return [array.tobytes() for array in arrays], streams, job.steps_done, job.epochs_done, list(job.gradient_norms)


@pytest.mark.parametrize("steps_each", [1, 3, 1000])
@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"batch_size": None}], ids=str)
def test_stopped_after_every_step_to_the_same_bits(choice: Choice, options: dict, steps_each: int) -> None:
    whole, pieces = job(**options), job(**options)
    assert in_pieces(pieces, choice, steps_each) == in_one_go(whole, choice)
    assert state(pieces) == state(whole)


@pytest.mark.parametrize("steps_each", [1, 3, 1000])
def test_an_order_that_the_caller_draws_is_kept_through_pauses(choice: Choice, steps_each: int) -> None:
    whole, pieces = job(draw_order=rotated()), job(draw_order=rotated())
    assert in_pieces(pieces, choice, steps_each) == in_one_go(whole, choice)
    assert state(pieces) == state(whole)


def test_an_order_that_the_caller_draws_is_the_order_of_the_rows(choice: Choice) -> None:
    order = rotated()(70)
    drawn, sorted_by_hand = job(draw_order=rotated(), epochs=1), job(X[order], Y[order], shuffle=False, epochs=1)
    sorted_by_hand.sample_weight = drawn.sample_weight[order]
    assert in_one_go(drawn, choice) == in_one_go(sorted_by_hand, choice)
    assert drawn.network.parameters.tobytes() == sorted_by_hand.network.parameters.tobytes()


@pytest.mark.parametrize("steps_each", [1, 3, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
def test_stopped_within_a_block_of_a_file(choice: Choice, shuffle, steps_each, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 35 * (5 * 4 + 8))  # 3 pieces of 10 rows, of 70
    monkeypatch.setattr(pieces, "PIECE_BYTES", 10 * (5 * 4 + 8 + 4))
    X.tofile(tmp_path / "X")
    file = mapped.rows_of(np.memmap(tmp_path / "X", np.float32, "r", shape=X.shape), np.array)
    whole, in_parts = (job(file, Y, batch_size=8, shuffle=shuffle) for _ in range(2))
    for one in (whole, in_parts):
        one.inputs, one.targets, one.sample_weight = together(file, Y, one.sample_weight)
        assert len(pieces.pieces_of(one.inputs).lengths) == 7
    assert in_pieces(in_parts, choice, steps_each) == in_one_go(whole, choice)
    assert state(in_parts) == state(whole)


def test_one_engine_goes_on_where_the_other_stopped() -> None:
    """The order of the epoch, its masks and the optimizer's memory are where the other one left them."""
    alone, shared = job(), job()
    expected = in_one_go(alone, Choice("numpy", 1))
    found: list[float] = []
    while shared.epochs_done < shared.epochs:
        choice = ENGINES[shared.steps_done // 2 % 4]
        found += engines.make(choice, shared).run(shared.epochs - shared.epochs_done, until=-math.inf)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert state(shared)[1] == state(alone)[1]


def test_a_report_every_epoch_or_none_until_the_end(choice: Choice) -> None:
    def run(report_every: int) -> pn.Network:
        net = job().network
        net.fit(X, Y, loss="cross_entropy", epochs=20, batch_size=16, report_every=report_every,
                engine=choice.engine, threads=choice.threads)  # fmt: skip
        return net

    every, none = run(1), run(20)
    assert every.parameters.tobytes() == none.parameters.tobytes()
    assert every.statistics.tobytes() == none.statistics.tobytes()
    assert every.history.loss[-1] == none.history.loss[-1]


@pytest.mark.parametrize("epoch", [0.0, 1.5, 2.0])
def test_an_interrupt_between_steps_leaves_a_whole_epoch(choice: Choice, epoch: float) -> None:
    def interrupting(now: float, epochs: int) -> float:
        if now >= epoch and epochs == 5:
            raise KeyboardInterrupt
        return 0.1

    def options(epochs: int) -> dict:
        return {"loss": "cross_entropy", "optimizer": pn.SGD(interrupting), "epochs": epochs, "batch_size": 16,
                "engine": choice.engine, "threads": choice.threads}  # fmt: skip

    net, undisturbed = job().network, job().network
    ends = [undisturbed.parameters.tobytes()]
    ends += [undisturbed.parameters.tobytes() for _ in undisturbed.training(X, Y, **options(epochs=4))]
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, **options(epochs=5))
    assert net.history.stopped == "interrupted"
    assert net.parameters.tobytes() == ends[int(epoch)]


INTERRUPTED = """
import signal, sys, threading
import numpy as np
import plainnet as pn
from plainnet._base import mapped, pieces
from plainnet._base.derived_pieces import together
from plainnet.training import prepare
from plainnet.training.options import Options

threads, path = int(sys.argv[1]), sys.argv[2]
pieces.BLOCK_BYTES, pieces.PIECE_BYTES = 100 * 32 * 84, 10 * 32 * 84  # a window has 100 batches
X = np.memmap(path, np.float32, "w+", shape=(20_000, 20))
X[:] = np.random.default_rng(0).normal(size=X.shape)
y = X[:, 0] * X[:, 1]
options = {"loss": "mse", "epochs": 10**6, "engine": "compiled", "threads": threads}

def network():
    return pn.Network(pn.Dense(32, "tanh"), pn.BatchNorm(), pn.Dense(1), input_size=20, seed=1)

def bits(net):
    return net.parameters.tobytes()

def interrupt(net, changes):
    # SIGINT when the parameters were seen to change so many times
    for _ in range(changes):
        before = bits(net)
        while bits(net) == before:
            pass
    signal.raise_signal(signal.SIGINT)

stopped, places = [], []
for changes in (1, 10, 100, 1000):
    net = network()
    run = prepare(net, X, y, Options.of({"report_every": 10**6, **options}))
    helper = threading.Thread(target=interrupt, args=[net, changes])
    helper.start()
    try:
        next(run.reports())
    except KeyboardInterrupt:
        assert net.history.stopped == "interrupted"
        stopped.append(bits(net))
        places.append(run.job.batches_done)
    helper.join()

net = network()
ends = [bits(net)]
for report in net.training(X, y, report_every=1, **options):
    ends.append(bits(net))
    if report.epoch == 1000 or set(stopped) <= set(ends):
        break
print([ends.index(one) if one in ends else "within an epoch" for one in stopped])
assert any(places), "no interrupt came within an epoch"
"""


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_thread_that_does_not_start_is_an_error_and_nobody_waits_for_it(failing, monkeypatch):
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def limited(thread):
        started.append(thread)
        if len(started) == failing:
            raise RuntimeError("can't start new thread")
        start(thread)

    a_job = job()
    engine = engines.make(Choice("compiled", 4), a_job)
    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(InvalidValue, match="threads is 4 and the system starts no more"):
        engine.run(a_job.epochs)
    assert a_job.steps_done == 0
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_leaves_a_whole_epoch(threads: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(threads), str(tmp_path / "X")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    assert "within an epoch" not in result.stdout
    assert result.stdout.count(",") == 3
