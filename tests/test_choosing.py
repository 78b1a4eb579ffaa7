"""Which engine runs a job, on how many threads, and where its machine code is kept."""

import importlib.util
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from copy import copy
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plainnet as pn
from plainnet import adapters, engines
from plainnet._base.extras import missing_extra
from plainnet.engines import Job, choosing
from plainnet.errors import InvalidType, InvalidValue, MissingExtraError, PlainnetWarning
from plainnet.sklearn.objective import Objective

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1] * X[:, 1:2]


def job(*hidden: pn.Layer, epochs: int = 1, batch_size: int = 10, loss: Any = "mse") -> Job:
    net = pn.Network(*hidden, pn.Dense(1), input_size=3, seed=1)
    return Job(net, adapters.loss_of(loss), pn.Adam(), X, Y, None, batch_size, True, epochs)


def large() -> Job:
    return job(pn.Dense(1000), pn.Dense(1000), epochs=10_000)


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


OWN = {
    "layer": ([Doubled()], {}, r"layers\[0\], Doubled, has no machine code"),
    "activation": ([pn.Dense(3, Cube())], {}, r"the activation cube of layers\[0\] has no machine code"),
    "loss": ([], {"loss": own_loss}, "the loss .*own_loss has no machine code"),
    "optimizer": ([], {"optimizer": Descent(0.1)}, "the optimizer descent has no machine code"),
}


@pytest.mark.parametrize("own", OWN)
def test_what_is_a_users_own_runs_in_the_numpy_engine_and_the_report_says_so(own: str) -> None:
    hidden, options, words = OWN[own]
    options = {"loss": "mse", "epochs": 2, **options}
    runs = []
    for engine in ("numpy", "auto", "compiled"):
        net = pn.Network(*map(copy, hidden), pn.Dense(1), seed=1)
        if engine == "compiled":
            with pytest.warns(PlainnetWarning, match=f"the NumPy engine runs this job, as {words}"):
                reports = net.training(X, Y, engine=engine, **options)
        else:
            reports = net.training(X, Y, engine=engine, **options)
        *_, report = reports
        runs.append(net.parameters.tobytes())
        assert report.engine.startswith("numpy")
        if engine != "numpy":
            assert report.engine == f"numpy ({net.history.settings['engine_note']})"
    assert runs[0] == runs[1] == runs[2]


def test_losses_of_the_estimators_have_no_program() -> None:
    reason = choosing.decline(job(loss=Objective("squared_error", outputs=1, penalty_rows=10)))
    assert reason == "the penalty of the loss scikit-learn's squared_error depends on the batch"


def test_the_report_names_engine_and_threads() -> None:
    net = pn.Network(pn.Dense(1), seed=1)
    *_, report = net.training(X, Y, loss="mse", epochs=2, engine="compiled", threads=2)
    assert (report.engine, report.threads) == ("compiled", 2)
    assert net.history.settings["engine"] == "compiled"
    assert net.history.settings["threads"] == 2


def test_auto_compiles_long_runs_and_leaves_short_ones() -> None:
    assert choosing.choose("auto", job()).engine == "numpy"
    assert choosing.choose("auto", large()).engine == "compiled"
    assert choosing.choose("auto", job(epochs=10_000_000)).engine == "compiled"


@pytest.mark.parametrize(
    ("threads", "error"), [(0, InvalidValue), (-1, InvalidValue), ("two", InvalidType), (1.5, InvalidType)]
)
@pytest.mark.parametrize("engine", ["auto", "numpy", "compiled"])
def test_bad_threads_are_refused(engine: str, threads: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="threads"):
        pn.Network(pn.Dense(1), seed=1).fit(X, Y, loss="mse", engine=engine, threads=threads)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InvalidValue, match="compiled"):
        pn.Network(pn.Dense(1), seed=1).fit(X, Y, loss="mse", engine="compilde")


def test_without_the_extra(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"plainnet\[fast\]"):
        choosing.choose("compiled", job())
    with pytest.raises(MissingExtraError, match=r"plainnet\[fast\]"):
        choosing.choose("numpy", job(), threads=2)
    assert choosing.choose("auto", large()).engine == "numpy"
    assert choosing.choose("numpy", job()).threads is None


def test_threads_by_the_work_and_one_where_the_caller_runs_in_parallel(monkeypatch) -> None:
    monkeypatch.setattr(choosing, "cores", lambda: 4)
    assert choosing.choose("compiled", job()).threads == 1
    assert choosing.choose("compiled", large()).threads == 4
    found = []
    thread = threading.Thread(target=lambda: found.append(choosing.choose("compiled", large()).threads))
    thread.start()
    thread.join()
    assert found == [1]
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: object())
    assert choosing.choose("compiled", large()).threads == 1
    assert choosing.choose("compiled", large(), threads=3).threads == 3


@pytest.mark.parametrize(("limit", "most"), [("1", 1), ("1,2", 1), ("0", None), ("many", None), ("²", None)])
def test_cores_as_many_as_the_environment_allows(monkeypatch, limit: str, most: int | None) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    available = engines.cores()
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert engines.cores() == (most or available)


NOWHERE = """
import numpy as np
import plainnet as pn
from plainnet.engines.compiled.kernels.steps import run
assert run.stats.cache_path is None, run.stats
X, y = pn.datasets.xor()
net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
net.fit(X, y, loss="mse", optimizer=pn.SGD(1.0), epochs=3000, batch_size=None, engine="compiled", report_every=3000)
print(net.history.loss[-1])
"""


def test_without_a_folder_for_the_machine_code_training_goes_on(tmp_path) -> None:
    """The package's folder, the user's and the one named in the environment: none can be made."""
    source = shutil.copytree(Path(pn.__file__).parent, tmp_path / "plainnet", ignore=shutil.ignore_patterns("__py*__"))
    for folder in [source, *(path for path in source.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()  # a file stands where the folder would
    nowhere = {"NUMBA_CACHE_DIR": "/dev/null/cache", "XDG_CACHE_HOME": "/dev/null/cache", "HOME": "/dev/null"}
    environment = {**os.environ, **nowhere, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run([sys.executable, "-W", "error", "-c", NOWHERE], env=environment, cwd=tmp_path,
                            capture_output=True, text=True)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "compiling the training of a network in float64, as no folder can be written to keep it" in result.stderr
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    history = net.fit(*pn.datasets.xor(), loss="mse", optimizer=pn.SGD(1.0), epochs=3000, batch_size=None,
                      engine="numpy", report_every=3000)  # fmt: skip
    assert float(result.stdout) == pytest.approx(history.loss[-1], rel=1e-8)


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


def test_a_missing_extra_names_the_libraries_that_lack(monkeypatch) -> None:
    installed = {"numba": "0.61.2", "threadpoolctl": "3.4.9"}

    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(metadata, "version", version)
    assert str(missing_extra("This", "fast")) == (
        'This needs scipy, threadpoolctl>=3.5: pip install scipy "threadpoolctl>=3.5" (of plainnet[fast])'
    )
    assert str(missing_extra("This", "fast", "scipy")) == "This needs scipy: pip install scipy (of plainnet[fast])"
    assert "pip install matplotlib" in str(missing_extra("a picture", "plots"))
    monkeypatch.setattr(metadata, "requires", lambda name: version("plainnet"))
    assert "pip install" not in str(missing_extra("This", "fast")), "where nothing tells what to install"


@pytest.mark.parametrize(("ending", "library"), [("onnx", "onnx"), ("safetensors", "safetensors")])
def test_a_format_needs_its_own_library_alone(ending: str, library: str, monkeypatch, tmp_path) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    for module in ("onnx", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, module, None)
    net = pn.Network(pn.Dense(1), input_size=2, seed=0)
    with pytest.raises(MissingExtraError, match=rf"needs {library}: pip install {library} \(of"):
        net.export(tmp_path / f"net.{ending}")


def test_an_interrupt_while_the_engine_is_made_is_in_the_history(monkeypatch) -> None:
    def interrupted(choice: Any, job: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("plainnet.engines.make", interrupted)
    net = pn.Network(pn.Dense(1), seed=0)
    with pytest.raises(KeyboardInterrupt):
        net.fit(*pn.datasets.xor(), loss="mse", batch_size=None)
    assert net.history is not None
    assert net.history.stopped == "interrupted"


def test_machine_code_cut_short_on_disk_is_made_anew(tmp_path: Path) -> None:
    from plainnet.engines.compiled.kernels.compiling import make_ready

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
    from plainnet.engines.compiled.kernels.compiling import make_ready

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
