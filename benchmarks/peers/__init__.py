"""Who is measured: plainnet's two engines, and what a user would pick instead.

A contestant's module has a class `Single` (and `Many`, for training many networks at once), made with a `Workload`:

    reset()          back to the workload's initial weights and a fresh optimizer; not timed
    train(epochs)    that many epochs, finished when it returns
    predict(X)       probabilities (XOR: outputs) of the rows of X, NumPy in and NumPy out

and a function `threads()`: how many it computes with, which is its own default everywhere.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmarks.workloads import Workload

NUMPY, COMPILED = "plainnet NumPy", "plainnet compiled"
TUTORIAL, SKLEARN, PYTORCH, JAX, ONNX = "NumPy tutorial", "scikit-learn", "PyTorch", "JAX", "ONNX Runtime"
PYTORCH_FUSED = "PyTorch, fused"
"""With fused optimizers, which are faster on a CPU and which a user has to ask for; the goals speak of its default."""
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
        return (module.Many if workload.kind == "many" else module.Single)(workload, **self.options)

    def threads(self) -> int:
        """How many threads it computes with, by default."""
        return importlib.import_module(f"benchmarks.peers.{self.module}").threads(**self.options)

    def why_missing(self) -> str:
        """What keeps it from being measured here; nothing where it can be."""
        absent = [name for name in self.needs if find_spec(IMPORTED_AS.get(name, name)) is None]
        if absent:
            return f"{self.name} is left out: {', '.join(absent)} not installed (extra bench)."
        if self.name == COMPILED:
            from plainnet.engines import ENGINES

            if "compiled" not in ENGINES:
                return f"{self.name} is left out: this plainnet has no compiled engine."
        return ""

    def versions(self) -> dict[str, str]:
        """Of the distributions it needs."""
        return {name: version(name) for name in self.needs}


IMPORTED_AS = {"scikit-learn": "sklearn"}

PEERS = {
    peer.name: peer
    for peer in (
        Peer(COMPILED, "plain", frozenset({"train", "variant", "many"}), ("numba", "scipy"), {"engine": "compiled"}),
        Peer(NUMPY, "plain", frozenset({"train", "variant", "predict"}), (), {"engine": "numpy"}),
        Peer(TUTORIAL, "tutorial", frozenset({"train", "predict"})),
        Peer(SKLEARN, "scikit_learn", frozenset({"train", "predict"}), ("scikit-learn",)),
        Peer(PYTORCH, "pytorch", frozenset({"train", "variant", "predict"}), ("torch",)),
        Peer(PYTORCH_FUSED, "pytorch", frozenset({"train", "variant"}), ("torch",), {"fused": True}),
        Peer(JAX, "jax_loop", frozenset({"train", "many"}), ("jax", "optax")),
        Peer(ONNX, "onnx_runtime", frozenset({"predict"}), ("onnxruntime", "onnx")),
        Peer(GEMM, "gemm", frozenset({"gemm"})),
        Peer(GEMM_ONE, "gemm", frozenset({"gemm"}), ("threadpoolctl",), {"limit": 1}),
    )
}


def installed() -> tuple[list[Peer], list[str]]:
    """The contestants that can be measured here, and a sentence for each that cannot."""
    reasons = {name: peer.why_missing() for name, peer in PEERS.items()}
    return [PEERS[name] for name, reason in reasons.items() if not reason], [why for why in reasons.values() if why]


def doing(kinds: Iterable[str], peers: Iterable[Peer]) -> list[Peer]:
    """Those of `peers` that can do one of these kinds of work."""
    return [peer for peer in peers if peer.does.intersection(kinds)]
