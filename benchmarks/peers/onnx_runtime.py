"""ONNX Runtime, which predicts: the workload's network, exported by plainnet."""

import os
import tempfile
from pathlib import Path

import onnxruntime

from benchmarks.peers import plain
from benchmarks.workloads import Workload
from plainnet._base.arrays import Array


def threads() -> int:
    """A thread a core."""
    return os.cpu_count() or 1


class Single:
    """A session with its default options."""

    def __init__(self, work: Workload) -> None:
        network = plain.Single(work, engine="numpy").network
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            network.export(path)
            self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def reset(self) -> None:
        """A session never changes."""

    def predict(self, X: Array) -> Array:
        """Probabilities of the rows of X."""
        return self.session.run(None, {self.input: X})[0]
