"""What it costs to have a library: seconds to import it, megabytes on disk."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import plainnet
from benchmarks.tables import Table, number

IMPORTS = {
    "plainnet": "plainnet",
    "Numba (extra fast)": "numba",
    "scikit-learn": "sklearn.neural_network",
    "PyTorch": "torch",
    "JAX with optax": "jax, optax",
    "ONNX Runtime": "onnxruntime",
}

DISTRIBUTIONS = {
    "plainnet with NumPy": ("numpy",),
    "plainnet[fast]": ("numpy", "numba", "scipy", "threadpoolctl"),
    "scikit-learn": ("scikit-learn",),
    "PyTorch": ("torch",),
    "JAX with optax": ("jax", "optax"),
    "ONNX Runtime": ("onnxruntime",),
}


def import_seconds(modules: str) -> float:
    """Seconds that `import modules` takes in a fresh process, once NumPy is there."""
    timed = f"import numpy, time; began = time.perf_counter(); import {modules}; print(time.perf_counter() - began)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)


def import_times(rounds: int) -> dict[str, list[float]]:
    """In turns, after one round that fills the file cache."""
    present = {
        name: modules
        for name, modules in IMPORTS.items()
        if all(find_spec(module.split(".")[0]) for module in modules.split(", "))
    }
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
    made.rows = [[name, number(1e3 * float(np.median(seconds)))] for name, seconds in taken.items()]
    rounds = len(next(iter(taken.values())))
    made.notes.append(f"Median of {rounds} fresh processes each, in turns, files in the system's cache.")
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
