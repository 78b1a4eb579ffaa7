"""Which engine runs a job, and on how many threads."""

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

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1] * X[:, 1:2]


def job(*hidden: pn.Layer, epochs: int = 1, batch_size: int = 10, loss: Any = "mse") -> Job:
    net = pn.Network(*hidden, pn.Dense(1), input_size=3, seed=1)
    return Job(net, adapters.loss_of(loss), pn.Adam(), X, Y, None, batch_size, True, epochs)


def large() -> Job:
    return job(pn.Dense(1000), pn.Dense(1000), epochs=10_000)


def branching(z):
    return (z, np.ones_like(z)) if z.max() > 0 else (0 * z, np.zeros_like(z))


class Branching(pn.Layer):
    def forward(self, inputs, training=None):
        factor = 2.0 if inputs.max() > 0 else 3.0
        return factor * inputs, lambda gradient, gradients: factor * gradient


def branching_loss(targets, predictions):
    error = predictions - targets
    return (np.abs(error), np.sign(error)) if error.max() > 0 else (error * error, 2 * error)


class BranchingDescent(pn.SGD):
    def update(self, parameters, gradient, state, learning_rate, t):
        parameters -= (learning_rate if gradient.max() > 0 else 2 * learning_rate) * gradient


UNTRACEABLE = {
    "layer": ([Branching()], {}),
    "activation": ([pn.Dense(3, branching)], {}),
    "loss": ([], {"loss": branching_loss}),
    "optimizer": ([], {"optimizer": BranchingDescent(0.1)}),
}


@pytest.mark.parametrize("own", UNTRACEABLE)
def test_what_cannot_be_traced_runs_in_the_numpy_engine_and_the_report_says_so(own: str) -> None:
    hidden, options = UNTRACEABLE[own]
    options = {"loss": "mse", "epochs": 2, **options}
    runs = []
    for engine in ("numpy", "auto", "compiled"):
        net = pn.Network(*map(copy, hidden), pn.Dense(1), seed=1)
        if engine == "compiled":
            with pytest.warns(PlainnetWarning, match="the NumPy engine runs this job, as ") as warned:
                reports = net.training(X, Y, engine=engine, **options)
            assert str(warned[0].message).endswith(net.history.settings["engine_note"])
        else:
            reports = net.training(X, Y, engine=engine, **options)
        *_, report = reports
        runs.append(net.parameters.tobytes())
        note = net.history.settings.get("engine_note")
        assert report.engine == (f"numpy ({note})" if note else "numpy")
        assert note or engine != "compiled"
    assert runs[0] == runs[1] == runs[2]


def test_the_report_names_engine_and_threads() -> None:
    net = pn.Network(pn.Dense(1), seed=1)
    *_, report = net.training(X, Y, loss="mse", epochs=2, engine="compiled", threads=2)
    assert (report.engine, report.threads) == ("compiled", 2)
    assert net.history.settings["engine"] == "compiled"
    assert net.history.settings["threads"] == 2


ANYWHERE = """
import numpy as np
import plainnet as pn
X, y = pn.datasets.xor()
net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
net.fit(X, y, loss="mse", optimizer=pn.SGD(1.0), epochs=3000, batch_size=None, engine="compiled", report_every=3000)
assert net.history.settings["engine"] == "compiled"
print(net.history.loss[-1])
"""


def test_the_compiled_engine_where_no_folder_can_be_written(tmp_path: Path) -> None:
    """The package's folder, the user's and the one named in the environment: none can be made."""
    source = shutil.copytree(Path(pn.__file__).parent, tmp_path / "plainnet", ignore=shutil.ignore_patterns("__py*__"))
    for folder in [source, *(path for path in source.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()  # a file stands where the folder would
    nowhere = {"XDG_CACHE_HOME": "/dev/null/cache", "HOME": "/dev/null"}
    environment = {**os.environ, **nowhere, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run([sys.executable, "-W", "error", "-c", ANYWHERE], env=environment, cwd=tmp_path,
                            capture_output=True, text=True)  # fmt: skip
    assert result.returncode == 0, result.stderr
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    history = net.fit(*pn.datasets.xor(), loss="mse", optimizer=pn.SGD(1.0), epochs=3000, batch_size=None,
                      engine="numpy", report_every=3000)  # fmt: skip
    assert float(result.stdout) == pytest.approx(history.loss[-1], rel=1e-8)


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
    monkeypatch.setattr(choosing, "cores", lambda sharing=1: 4)
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


def test_a_missing_extra_names_the_libraries_that_lack(monkeypatch) -> None:
    installed = {"typer": "0.1"}

    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    required = [
        *('typer>=0.16; extra == "cli"', 'rich>=14; extra == "cli"', 'matplotlib>=3.10; extra == "plots"'),
        'dask[distributed]>=2025; extra == "cluster"',
        "mpich>=4.3; (sys_platform != 'win32') and extra == 'cluster'",
        "impi-rt>=2021.14; (sys_platform == 'win32') and extra == 'cluster'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: required)
    monkeypatch.setattr(metadata, "version", version)
    assert str(missing_extra("This", "cli")) == (
        'This needs typer>=0.16, rich: pip install "typer>=0.16" rich (of plainnet[cli])'
    )
    assert str(missing_extra("This", "cli", "rich")) == "This needs rich: pip install rich (of plainnet[cli])"
    assert "pip install matplotlib" in str(missing_extra("a picture", "plots"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert 'pip install "dask[distributed]" mpich (' in str(missing_extra("a cluster", "cluster"))
    monkeypatch.setattr(sys, "platform", "win32")
    assert 'pip install "dask[distributed]" impi-rt (' in str(missing_extra("a cluster", "cluster"))
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
