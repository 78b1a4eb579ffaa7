"""Who is measured: plainnet, with either engine or with its defaults, and what a user would pick instead.

A contestant's module has a class `Single` (and `Many`, for training many networks at once, and `Estimator`, for
scikit-learn's interface), made with a `Workload`:

    reset()          back to the workload's initial weights and a fresh optimizer; not timed
    train(epochs)    that many epochs, finished when it returns
    predict(X)       probabilities (XOR: outputs) of the rows of X, NumPy in and NumPy out

and a function `threads()`: how many it computes with, which is its own default everywhere.
"""

import importlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmarks.processes import ROOT
from benchmarks.workloads import Workload

NUMPY, COMPILED = "plainnet NumPy", "plainnet compiled"
PLAINNET = "plainnet"
"""With no engine named: what whoever gives no options gets."""
OWN_PARTS = "own parts"
"""The compiled engine with a user's own layer and activation."""
EACH_EPOCH, EACH_1000 = "each epoch", "each 1,000th"
"""The compiled engine with `report_every`."""
TUTORIAL, SKLEARN, PYTORCH, JAX, ONNX = "NumPy tutorial", "scikit-learn", "PyTorch", "JAX", "ONNX Runtime"
PYTORCH_FUSED = "PyTorch, fused"
"""With fused optimizers, which are faster on a CPU and which a user has to ask for; the goals speak of its default."""
PYTORCH_SERIAL = "PyTorch, serial"
"""On one thread: as fast for a small network, and held up far less where other work keeps the machine busy."""
GEMM, GEMM_ONE = "sgemm alone", "sgemm, one thread"


@dataclass(frozen=True)
class Peer:
    """A contestant: what it is called, where it stands, what it needs and what it can do."""

    name: str
    module: str
    does: frozenset[str]
    """Kinds of workload."""
    needs: tuple[str, ...] = ()
    """Distributions beside NumPy."""
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, workload: Workload) -> Any:
        """A contestant, ready for a workload."""
        module = importlib.import_module(f"benchmarks.peers.{self.module}")
        return getattr(module, CLASSES.get(workload.kind, "Single"))(workload, **self.options)

    def threads(self) -> int:
        """How many threads it computes with, by default."""
        return importlib.import_module(f"benchmarks.peers.{self.module}").threads(**self.options)

    def why_missing(self) -> str:
        """What keeps it from being measured here; nothing where it can be."""
        absent = [name for name in self.needs if find_spec(IMPORTED_AS.get(name, name)) is None]
        if absent:
            return f"{self.name} is left out: {', '.join(absent)} not installed (extra bench)."
        return ""

    def versions(self) -> dict[str, str]:
        """Of the distributions it needs."""
        return {name: version(name) for name in self.needs}


CLASSES = {"many": "Many", "estimator": "Estimator"}
"""Of a contestant's module, by kind of work; `Single` otherwise."""

IMPORTED_AS = {"scikit-learn": "sklearn"}


def required_by(extra: str) -> tuple[str, ...]:
    """Return the distributions that an extra of plainnet asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(re.split(r"[^\w-]", line, maxsplit=1)[0] for line in project["optional-dependencies"][extra])


FAST = required_by("fast")

PEERS = {
    peer.name: peer
    for peer in (
        Peer(PLAINNET, "plain", frozenset({"predict", "fit", "estimator"}), (), {"engine": "auto"}),
        Peer(
            COMPILED,
            "plain",
            frozenset({"train", "variant", "many", "own", "fit", "first step", "first step, all parts"}),
            FAST,
            {"engine": "compiled"},
        ),
        Peer(NUMPY, "plain", frozenset({"train", "variant", "fit"}), (), {"engine": "numpy"}),
        Peer(OWN_PARTS, "own_parts", frozenset({"own"}), FAST, {"engine": "compiled"}),
        Peer(EACH_EPOCH, "plain", frozenset({"reports"}), FAST, {"engine": "compiled", "report_every": 1}),
        Peer(EACH_1000, "plain", frozenset({"reports"}), FAST, {"engine": "compiled", "report_every": 1000}),
        Peer(TUTORIAL, "tutorial", frozenset({"train", "predict"})),
        Peer(SKLEARN, "scikit_learn", frozenset({"train", "predict", "estimator"}), ("scikit-learn",)),
        Peer(PYTORCH, "pytorch", frozenset({"train", "variant", "predict", "fit", "first step"}), ("torch",)),
        Peer(PYTORCH_FUSED, "pytorch", frozenset({"train", "variant"}), ("torch",), {"fused": True}),
        Peer(PYTORCH_SERIAL, "pytorch", frozenset({"fit"}), ("torch",), {"limit": 1}),
        Peer(JAX, "jax_loop", frozenset({"train", "many", "fit", "first step"}), ("jax", "optax")),
        Peer(ONNX, "onnx_runtime", frozenset({"predict"}), ("onnxruntime", "onnx")),
        Peer(GEMM, "gemm", frozenset({"gemm"})),
        Peer(GEMM_ONE, "gemm", frozenset({"gemm"}), ("threadpoolctl",), {"limit": 1}),
    )
}


def installed(names: Iterable[str] = PEERS) -> tuple[list[Peer], list[str]]:
    """Return those of these contestants that can be measured here, and a sentence for each that cannot."""
    reasons = {name: PEERS[name].why_missing() for name in in_order(names)}
    return [PEERS[name] for name, reason in reasons.items() if not reason], [why for why in reasons.values() if why]


def in_order(names: Iterable[str]) -> list[str]:
    """Return the contestants' names, each once, in the registry's order."""
    among = set(names)
    return [name for name in PEERS if name in among]


def doing(kinds: Iterable[str], peers: Iterable[Peer]) -> list[Peer]:
    """Those of `peers` that can do one of these kinds of work."""
    return [peer for peer in peers if peer.does.intersection(kinds)]
