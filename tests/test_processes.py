"""Many threads and processes, the same bits everywhere, and memory that stays flat."""

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from workers import X, fit_and_predict, trained, y


def test_eight_threads_predict_while_a_copy_trains():
    net = trained()
    expected = net.predict(X).tobytes()
    alone = net.copy()
    alone.fit(X, y, loss="cross_entropy", epochs=30)
    training = net.copy()
    with ThreadPoolExecutor(9) as pool:
        fitting = pool.submit(training.fit, X, y, loss="cross_entropy", epochs=30)
        predictions = list(pool.map(lambda _: net.predict(X).tobytes(), range(400)))
        fitting.result()
    assert set(predictions) == {expected}
    assert training.parameters.tobytes() == alone.parameters.tobytes()


def test_threads_may_compute_gradients_of_one_network():
    net = trained()
    value, gradient = net.loss_and_gradient(X, y, loss="cross_entropy")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: net.loss_and_gradient(X, y, loss="cross_entropy"), range(100)))
    assert {result[0] for result in results} == {value}
    assert all(np.array_equal(result[1], gradient) for result in results)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_train_after_the_parent_has(method):
    parent = fit_and_predict(1)
    with multiprocessing.get_context(method).Pool(2) as pool:
        children = pool.map_async(fit_and_predict, [1, 2, 1]).get(timeout=60)
    assert children[0] == children[2] == parent != children[1]


DIGEST = """
import hashlib
import plainnet as pn
X, y = pn.datasets.moons(200, noise=0.2, seed=1)
net = pn.Network(pn.Dense(32, "relu"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(2, "softmax"), input_size=2, seed=3)
net.fit(X, y, loss="cross_entropy", epochs=5, validation=0.2, early_stopping=3)
print(hashlib.sha256(net.parameters.tobytes() + net.statistics.tobytes()).hexdigest())
"""


def printed(code, **environment):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_same_seed_gives_the_same_bits_in_every_process():
    assert len({printed(DIGEST, PYTHONHASHSEED=seed) for seed in ("0", "1", "12345", "random")}) == 1


PARAMETERS = """
import sys
import plainnet as pn
X, y = pn.datasets.moons(200, noise=0.2, seed=1)
net = pn.Network(pn.Dense(32, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=3, dtype="float64")
net.fit(X, y, loss="cross_entropy", epochs=5)
print(net.parameters.tobytes().hex())
"""


def test_other_blas_kernels_agree_to_a_millionth():
    """OpenBLAS picks its kernels by processor; told to take those of others, it adds in other orders."""
    runs = [
        np.frombuffer(bytes.fromhex(printed(PARAMETERS, OPENBLAS_CORETYPE=core)))
        for core in ("Haswell", "Sandybridge", "Nehalem")
    ]
    for run in runs[1:]:
        np.testing.assert_allclose(run, runs[0], rtol=1e-6)


MEMORY = """
import resource
import plainnet as pn
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
X, y = pn.datasets.xor()
net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
steps, report_every = {steps}, {report_every}
options = dict(loss="mse", optimizer=pn.SGD(1.0), epochs=steps, batch_size=None, report_every=report_every)
for report in net.training(X, y, **options):
    if report.epoch == {settled}:
        before = peak()
print(peak() - before, len(net.history.epoch), before)
"""


def growth(steps, settled, report_every=1):
    """MB by which memory grew from the step `settled` on, and the reports kept."""
    code = MEMORY.format(steps=steps, settled=settled, report_every=report_every)
    grown, kept, _ = printed(code).split()
    return float(grown), int(kept)


def test_memory_stays_flat_over_a_long_run():
    """A report each step, three times as many as are kept."""
    grown, kept = growth(steps=30_000, settled=12_000)
    assert grown < 2
    assert kept <= 10_001


@pytest.mark.slow
def test_memory_stays_flat_over_ten_million_steps():
    grown, kept = growth(steps=10_000_000, settled=100_000)
    print(f"\ngrown by {grown:.2f} MB, {kept} reports kept")
    assert grown < 2
    assert kept <= 10_001


def test_the_digest_is_of_what_it_says():
    """The determinism test above would see another seed."""
    assert printed(DIGEST) != printed(DIGEST.replace("seed=3", "seed=4"))
