"""What holds for Numba alone: its machine code on disk, what keeps it from running, lanes. It goes when Numba goes."""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import plainnet as pn
from plainnet import adapters
from plainnet.engines import Choice, Job, choosing
from plainnet.engines.compiled.kernels import exponential
from plainnet.engines.compiled.kernels.compiling import OPTIONS, make_ready
from plainnet.sklearn.objective import Objective
from plainnet.training.many import share_lanes

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1] * X[:, 1:2]


class Doubled(pn.Layer):
    def forward(self, inputs, training=None):
        return 2 * inputs, lambda gradient, gradients: 2 * gradient


class Cube(pn.activations.Tanh):
    name = "cube"

    def value(self, z):
        return z**3

    def derivative(self, z, a):
        return 3 * z * z


class Descent(pn.SGD):
    name = "descent"


def own_loss(targets, predictions):
    return np.abs(predictions - targets), np.sign(predictions - targets)


DECLINED = {
    r"layers\[0\], Doubled, has no machine code": ([Doubled()], "mse", pn.Adam()),
    r"the activation cube of layers\[0\] has no machine code": ([pn.Dense(3, Cube())], "mse", pn.Adam()),
    "the loss .*own_loss has no machine code": ([], own_loss, pn.Adam()),
    "the optimizer descent has no machine code": ([], "mse", Descent(0.1)),
    "the penalty of the loss scikit-learn's squared_error depends on the batch": (
        [], Objective("squared_error", outputs=1, penalty_rows=10), pn.Adam(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", DECLINED)
def test_what_has_no_machine_code(words: str) -> None:
    hidden, loss, optimizer = DECLINED[words]
    net = pn.Network(*hidden, pn.Dense(1), input_size=3, seed=1)
    with pytest.warns(pn.errors.PlainnetWarning, match=f"the NumPy engine runs this job, as {words}"):
        choosing.choose("compiled", Job(net, adapters.loss_of(loss), optimizer, X, Y, None, 10, True, 2))


def test_small_networks_on_full_batches_share_lanes():
    def job(net, optimizer, batch_size=None, shuffle=True):
        return Job(net, adapters.loss_of("mse"), optimizer, X, Y, None, batch_size, shuffle, 5)

    compiled = Choice("compiled", 1)
    nets = [pn.Network(pn.Dense(5, "tanh"), pn.Dense(1), input_size=3, seed=seed) for seed in range(2)]
    assert share_lanes(compiled, [job(net, pn.SGD(rate)) for net, rate in zip(nets, (0.1, 0.2), strict=True)])
    assert share_lanes(compiled, [job(net, pn.SGD(), 7, shuffle=False) for net in nets])
    assert not share_lanes(compiled, [job(net, pn.SGD(), 7) for net in nets])
    assert not share_lanes(compiled, [job(net, pn.SGD(clip_norm=1)) for net in nets])
    assert not share_lanes(Choice("numpy", 1), [job(net, pn.SGD()) for net in nets])


def test_warmup_says_what_it_did() -> None:
    command = [sys.executable, "-m", "plainnet", "warmup"]
    wide = {**os.environ, "COLUMNS": "500"}
    runs = [subprocess.run(command, capture_output=True, text=True, check=True, env=wide) for _ in range(2)]
    assert runs[1].stderr == "", "nothing was left to compile"
    for done in (("compiled", "loaded"), ("loaded",)):
        output = runs.pop(0).stdout
        for dtype in ("float32", "float64"):
            for kernel in ("a network", "many small networks"):
                (line,) = [line for line in output.splitlines() if line.strip().startswith(kernel) and dtype in line]
                assert line.split()[-2] in done
        assert "Kept in " in output


UNABLE = {
    "switched off": ("import os; os.environ['NUMBA_DISABLE_JIT'] = '1'", "NUMBA_DISABLE_JIT is set"),
    "broken": (
        """
import sys
from importlib import abc
class Refusing(abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "numba.core":
            raise ImportError("Numba needs NumPy 2.3 or less")
sys.meta_path.insert(0, Refusing())
""",
        "Numba needs NumPy 2.3 or less",
    ),
    "too old": (
        """
from importlib import metadata
version = metadata.version
metadata.version = lambda name: "0.4.1" if name == "numba" else version(name)
""",
        "it takes numba>=",
    ),
}
TRY = """
import plainnet as pn
from plainnet.cli import run
X, y = pn.datasets.xor()
net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(1), input_size=3, seed=1)
reports = net.training(X, y, loss="mse", epochs=10**9, batch_size=None, report_every=1)
print(next(reports).engine)
for engine in ("auto", "numpy"):
    net.fit(X, y, loss="mse", epochs=2, engine=engine)
try:
    net.fit(X, y, loss="mse", epochs=2, engine="compiled")
except ValueError as error:
    print(error)
print(run(["warmup"]))
"""


@pytest.mark.parametrize("how", UNABLE)
def test_where_numba_cannot_run_auto_takes_numpy_and_the_others_say_why(how: str) -> None:
    prelude, reason = UNABLE[how]
    result = subprocess.run([sys.executable, "-c", prelude + TRY], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    engine, refusal, status = result.stdout.splitlines()
    assert engine.startswith("numpy (")
    assert reason in engine
    assert refusal.startswith('engine "compiled" cannot run here: ')
    assert reason in refusal
    assert status == "2"
    assert result.stderr == f"plainnet: {refusal}\n"


def test_machine_code_cut_short_on_disk_is_made_anew(tmp_path: Path) -> None:
    source = tmp_path / "kept.py"
    source.write_text("import numba\n\n\n@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\n")

    def kernel() -> Any:
        spec = importlib.util.spec_from_file_location("kept", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.double

    assert kernel()(2) == 4
    for ending in ("nbi", "nbc"):
        (kept,) = (tmp_path / "__pycache__").glob(f"*.{ending}")
        kept.write_bytes(kept.read_bytes()[:20])
        double = kernel()
        make_ready(double, lambda double=double: double(2))
        assert sum(double.stats.cache_misses.values()) == 1, "it is compiled anew"
        again = kernel()
        assert again(2) == 4
        assert sum(again.stats.cache_hits.values()) == 1, "and kept"


def test_machine_code_of_a_class_that_is_gone_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("Earlier", "Later"):
        (tmp_path / "kept.py").write_text(
            f"from typing import NamedTuple\nimport numba\n\n\nclass {name}(NamedTuple):\n    x: float\n\n\n"
            "@numba.njit(cache=True)\ndef double(data):\n    return 2 * data.x\n"
        )
        monkeypatch.delitem(sys.modules, "kept", raising=False)
        importlib.invalidate_caches()
        module = importlib.import_module("kept")
        data = getattr(module, name)(2.0)
        make_ready(module.double, lambda module=module, data=data: module.double(data))
        assert module.double(data) == 4.0
    assert [path.suffix for path in (tmp_path / "__pycache__").iterdir()].count(".nbi") == 1, "in the place of the old"


# ---- its exponential function ----

kernel = numba.njit(fastmath=OPTIONS["fastmath"])  # a caller may reorder, and these must not


@kernel
def exps(x, result):
    for i in range(len(x)):
        result[i] = exponential.exp(x[i])


@kernel
def expm1s(x, result):
    for i in range(len(x)):
        result[i] = exponential.expm1(x[i])


@kernel
def tanhs(x, result):
    for i in range(len(x)):
        result[i] = exponential.tanh(x[i])


def of(function, values, dtype):
    x = np.array(values, dtype)
    result = np.empty_like(x)
    function(x, result)
    return x, result


def spread(lowest, highest):
    """Numbers all over the range, near 0, and near the multiples of ln 2 / 2, where the reduced argument is largest."""
    random = np.random.default_rng(0)
    small = 10.0 ** random.uniform(-300, 0, 5000)
    halves = np.arange(-2100, 2100) * math.log(2) / 2
    numbers = np.concatenate(
        [random.uniform(lowest, highest, 50_000), random.uniform(-2, 2, 50_000), small, -small, halves]
    )
    return numbers[(numbers >= lowest) & (numbers <= highest)]


CASES = [(exps, np.exp, -708, 709, 1.5), (expm1s, np.expm1, -1000, 0, 1.5), (tanhs, np.tanh, -400, 400, 3)]


@pytest.mark.parametrize(("function", "true", "lowest", "highest", "units"), CASES, ids=["exp", "expm1", "tanh"])
def test_to_a_few_units_in_the_last_place(function, true, lowest, highest, units):
    x, result = of(function, spread(lowest, highest), np.float64)
    expected = true(x.astype(np.longdouble))
    assert np.max(np.abs(result - expected) / np.spacing(np.abs(expected).astype(np.float64))) <= units


@pytest.mark.parametrize(("function", "true", "lowest", "highest", "units"), CASES, ids=["exp", "expm1", "tanh"])
def test_float32_to_one_unit_in_the_last_place(function, true, lowest, highest, units):
    x, result = of(function, spread(max(lowest, -87), min(highest, 88)), np.float32)
    expected = true(x.astype(np.float64))
    assert np.max(np.abs(result - expected) / np.spacing(np.abs(expected).astype(np.float32))) <= 1


SPECIAL = [
    (exps, [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 709.9, -745.0, -800.0],
     [1, 1, math.inf, 0, math.nan, math.inf, 0, math.inf, 0, 0]),
    (expm1s, [0.0, -0.0, -math.inf, math.nan, -1e308, -5e-324, -1e-300], [0, 0, -1, math.nan, -1, -5e-324, -1e-300]),
    (tanhs, [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 1e-300, -1e-300],
     [0, -0.0, 1, -1, math.nan, 1, -1, 1e-300, -1e-300]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "values", "expected"), SPECIAL, ids=["exp", "expm1", "tanh"])
def test_special_values(function, values, expected):
    _, result = of(function, values, np.float64)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("function", [exps, expm1s, tanhs], ids=["exp", "expm1", "tanh"])
def test_special_values_in_float32(function):
    _, result = of(function, [0.0, -math.inf, math.nan, -1e38], np.float32)
    names = {exps: [1, 0, math.nan, 0], expm1s: [0, -1, math.nan, -1], tanhs: [0, -1, math.nan, -1]}
    np.testing.assert_array_equal(result, np.array(names[function], np.float32))
