"""Runs of several ranks in machine code: threads, resumes, divergence, interrupts, failures of one rank."""

import mpi
import pytest

BEGIN = """
import os, signal, sys, threading, time
import numpy as np
from mpi4py import MPI
import plainnet as pn

world = MPI.COMM_WORLD
rank, size = world.rank, world.size
random = np.random.default_rng(0)
X, y, weight = random.normal(size=(150, 20)), np.arange(150) % 3, random.random(150)
mine = slice(0, 100) if rank == 0 else slice(100 + 25 * (rank - 1), 100 + 25 * rank)
if size == 2 and rank == 1:
    mine = slice(100, 150)


def network(dtype="float32"):
    hidden = pn.Dense(70, "tanh", l2=1e-3), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(30, "relu")
    return pn.Network(*hidden, pn.Dense(3, "softmax"), input_size=20, seed=1, dtype=dtype)


def train(net, weighted=False, **options):
    own = {"sample_weight": weight[mine]} if weighted else {}
    given = {"optimizer": pn.Adam(0.01), "epochs": 6, "batch_size": 16, "engine": "compiled", "threads": 1, **options}
    for _ in net.training(X[mine], y[mine], loss="cross_entropy", communicator=world, **own, **given):
        pass
    assert net.history.settings["engine"] == given["engine"], net.history.settings
    return net


def bits(net):
    history = np.array([net.history.loss, net.history.gradient_norm])
    return net.parameters.tobytes() + net.statistics.tobytes() + history.tobytes()


def assert_on_all(value):
    assert len(set(world.allgather(value))) == 1, "the ranks differ"
"""

RUNS = """
for weighted in (False, True):
    for dtype, tolerance in (("float64", 1e-10), ("float32", 2e-4)):
        expected = train(network(dtype), weighted, engine="numpy", threads=None)
        for threads in (1, 2):
            net = train(network(dtype), weighted, threads=threads)
            assert_on_all(bits(net))
            assert bits(net) == bits(train(network(dtype), weighted, threads=threads)), "a second run has other bits"
            assert net.history.settings["threads"] == threads
            np.testing.assert_allclose(net.parameters, expected.parameters, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(net.statistics, expected.statistics, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(net.history.loss, expected.history.loss, rtol=tolerance)
assert bits(train(network(), report_every=4))[-8:] == bits(train(network(), report_every=6))[-8:]
in_few_bits = [train(network(), engine=engine, compression="float16") for engine in ("numpy", "compiled")]
assert_on_all(bits(in_few_bits[1]))
np.testing.assert_allclose(*(net.parameters for net in in_few_bits), atol=0.01)
print("done")
"""

RESUMED = """
class Left(Exception):
    pass

class Rate(pn.schedules.Schedule):
    def rate(self, epoch, epochs, memory):
        if epoch >= end:
            raise Left
        return 0.01

end, engine = np.inf, sys.argv[2]
given = {"weighted": True, "optimizer": pn.Adam(Rate()), "engine": engine, "threads": 1}
whole = train(network(), **given)
given |= {"checkpoint": sys.argv[1], "checkpoint_every": "1e-9s", "resume": True}
for end in (0.35, 2.65, 2.75, 5.5):  # there is a checkpoint after each step, and these are within epochs
    try:
        train(network(), **given)
    except Left:
        continue
    raise AssertionError("it did not end")
end = np.inf
assert bits(train(network(), **given)) == bits(whole)
print("done")
"""

PROCESSORS = """
from plainnet.engines.compiled import machine

if rank == 1:  # as if its processor had other vector registers
    machine.registers = lambda: (16, 16)
net = train(network())
from plainnet.engines.compiled import compiling

(_, code), = compiling._latest
assert len(set(world.allgather(code.code.text))) == 2
assert_on_all(bits(net))
np.testing.assert_allclose(net.parameters, train(network(), engine="numpy").parameters, rtol=2e-4, atol=2e-4)
print("done")
"""

ROUNDED = """
if rank == 1:  # as if its processor or BLAS rounded the norm in another way
    own = pn.optimizers.Optimizer.clipped
    pn.optimizers.Optimizer.clipped = lambda self, gradient: np.nextafter(own(self, gradient), np.float32(9))
net = train(network(), engine="numpy", threads=None, optimizer=pn.SGD(0.05, momentum=0.9, clip_norm=0.1))
assert_on_all(bits(net))
print("done")
"""

DIVERGED = """
net = network()
try:
    train(net, optimizer=pn.SGD(1e30), epochs=100)
except pn.errors.DivergenceError as error:
    assert "epoch" in str(error)
    assert_on_all((str(error), net.parameters.tobytes(), net.history.stopped))
    assert np.isfinite(net.parameters).all()
    print("done")
"""

INTERRUPTED = """
net = network()
first = net.parameters.copy()
def interrupt():
    while (net.parameters == first).all():
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
if rank == 1:
    threading.Thread(target=interrupt, daemon=True).start()
try:
    train(net, epochs=10**9)
except KeyboardInterrupt:
    assert_on_all((net.parameters.tobytes(), net.statistics.tobytes(), tuple(net.history.epoch)))
    assert net.history.stopped == "interrupted"
    assert np.isfinite(net.parameters).all()
    print("done", flush=True)
"""

FAILED = """
class Rate(pn.schedules.Schedule):
    def rate(self, epoch, epochs, memory):
        if rank == 1 and epoch >= 3.5:
            raise ValueError("no rate any more")
        return 0.01

net = network()
try:
    train(net, optimizer=pn.Adam(Rate()), epochs=10**6)
except ValueError as error:
    assert rank == 1 and "no rate any more" in str(error), error
    print("done", flush=True)
except pn.errors.RankError as error:
    assert rank != 1 and "rank 1" in str(error) and "no rate any more" in str(error), error
    assert np.isfinite(net.parameters).all() and np.isfinite(net.statistics).all()
    print("done", flush=True)
"""

DECLINED = """
class Branching(pn.layers.Layer):
    def forward(self, inputs, training=None):
        if rank == 1 and inputs.sum() > 0:
            pass
        return inputs, lambda gradient, gradients: gradient

net = pn.Network(pn.Dense(5, "tanh"), Branching(), pn.Dense(3, "softmax"), input_size=20, seed=1)
import warnings
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    net.fit(X[mine], y[mine], loss="cross_entropy", epochs=2, communicator=world, engine="compiled")
assert net.history.settings["engine"] == "numpy"
assert_on_all(net.parameters.tobytes())
assert sum("NumPy engine runs this job" in str(warning.message) for warning in found) == (rank == 0), found
print("done")
"""


def check(program, ranks, *arguments):
    ended = mpi.run(BEGIN + program, ranks, *arguments, timeout=120)
    assert ended.stdout.count("done") == ranks, ended.stdout + ended.stderr


def test_threads_weights_and_dtypes_beside_the_numpy_engine():
    check(RUNS, 3)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_run_left_within_an_epoch_and_resumed_ends_with_the_same_bits(tmp_path, engine):
    check(RESUMED, 2, tmp_path / "run.npz", engine)


def test_ranks_with_different_processors_end_with_the_same_bits():
    check(PROCESSORS, 2)


def test_ranks_that_round_differently_in_numpy_end_with_the_same_bits():
    check(ROUNDED, 2)


def test_a_diverging_run_ends_alike_on_all_ranks():
    check(DIVERGED, 3)


def test_an_interrupt_of_one_rank_ends_all_after_the_same_step():
    check(INTERRUPTED, 3)


def test_an_error_of_one_rank_ends_the_others_in_mid_step():
    check(FAILED, 3)


def test_what_one_rank_cannot_compile_runs_in_the_numpy_engine_on_all():
    check(DECLINED, 2)
