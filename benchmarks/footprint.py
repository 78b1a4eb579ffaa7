"""What it costs to have a library: seconds to import it, megabytes on disk."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import plainnet
from benchmarks.formatting import Table, number
from benchmarks.interleaved import medians
from benchmarks.peers import COMPILED, FAST, PEERS, PLAINNET
from benchmarks.processes import Failed, Process

IMPORTS = {
    "NumPy": "numpy",
    PLAINNET: "plainnet",
    "scikit-learn": "sklearn.neural_network",
    "PyTorch": "torch",
    "JAX with optax": "jax, optax",
    "ONNX Runtime": "onnxruntime",
}

DISTRIBUTIONS = {
    "plainnet with NumPy": ("numpy",),
    "plainnet[fast]": ("numpy", *FAST),
    "scikit-learn": ("scikit-learn",),
    "PyTorch": ("torch",),
    "JAX with optax": ("jax", "optax"),
    "ONNX Runtime": ("onnxruntime",),
}


def import_seconds(modules: str) -> float:
    """Return the seconds that `import modules` takes in a fresh process, once NumPy is there (or NumPy's own)."""
    before = "time" if modules == "numpy" else "numpy, time"
    timed = f"import {before}; began = time.perf_counter(); import {modules}; print(time.perf_counter() - began)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)


def modules_of_a_compiled_run() -> str:
    """Return the modules of plainnet and its compiler that have been imported once the compiled engine has run."""
    from plainnet import Dense, Network, datasets

    X, y = datasets.xor()
    history = Network(Dense(1, "sigmoid")).fit(X, y, loss="mse", epochs=1, engine="compiled")
    if history.settings["engine"] != "compiled":
        raise RuntimeError("the compiled engine does not run")
    return ", ".join(name for name in sys.modules if name.partition(".")[0] in ("plainnet", "llvmlite"))


def imports(names: Iterable[str] | None = None) -> dict[str, str]:
    """Return what is installed of `names` (None: of all), and the modules to import for each."""
    found = {
        name: modules
        for name, modules in IMPORTS.items()
        if all(find_spec(module.split(".")[0]) for module in modules.split(", "))
    }
    if not PEERS[COMPILED].why_missing():
        with Process() as process, contextlib.suppress(Failed):  # where it does not run it has no row
            found[COMPILED] = process.ask(modules_of_a_compiled_run)
    return {name: modules for name, modules in found.items() if names is None or name in names}


def import_times(rounds: int, names: Iterable[str] | None = None) -> dict[str, list[float]]:
    """Take the time of each in turns, after one round that fills the file cache."""
    present = imports(names)
    taken: dict[str, list[float]] = {name: [] for name in present}
    for turn in range(rounds + 1):
        for name, modules in present.items():
            seconds = import_seconds(modules)
            if turn > 0:
                taken[name].append(seconds)
    return taken


def import_table(taken: dict[str, list[float]]) -> Table:
    """A row a library."""
    made = Table("Import, beyond NumPy's own", ["", "milliseconds"])
    made.rows = [[name, number(1e3 * seconds)] for name, seconds in medians(taken).items()]
    rounds = len(next(iter(taken.values())))
    made.notes.append(
        f"Median of {rounds} fresh processes each, in turns, files in the system's cache. {COMPILED} is plainnet with "
        "all that a run of that engine imports."
    )
    return made


def with_requirements(names: tuple[str, ...]) -> set[str]:
    """These distributions and all they require, as far as installed; requirements of extras do not count."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # required for another system or Python
        if name not in found:
            found.add(name)
            plain = [line for line in requirements if not re.search(r"extra\s*==", line)]
            waiting += [re.match(r"[\w.-]+", line).group() for line in plain]  # type: ignore[union-attr]
    return found


def megabytes(name: str) -> float:
    """The files of an installed distribution, without compiled bytecode."""
    files = [path for path in distribution(name).files or [] if "__pycache__" not in path.parts]
    paths = [Path(path.locate()) for path in files]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def sizes() -> dict[str, float]:
    """Megabytes of each choice with all it requires; plainnet's own files are counted where they are imported from."""
    own = sum(path.stat().st_size for path in Path(plainnet.__file__).parent.rglob("*.py")) / 1e6
    taken = {}
    for choice, names in DISTRIBUTIONS.items():
        needed = with_requirements(names)
        if set(names) <= needed:
            taken[choice] = sum(map(megabytes, needed)) + (own if choice.startswith("plainnet") else 0)
    return taken


def size_table(taken: dict[str, float]) -> Table:
    """A row a choice."""
    made = Table("Installed, with all it requires", ["", "MB"])
    made.rows = [[choice, number(size)] for choice, size in taken.items()]
    made.notes.append("Files of the distributions as installed here, without compiled bytecode; NumPy is in each.")
    return made
