"""Engines: what runs the epochs of a training job.

The contract is one class: it is made with a `Job` and a number of threads, and its `run(epochs, until)` trains that
many more epochs and returns the loss of each. run stops early in two cases: on a loss that is not finite, which is then
the last element; or at the deadline `until`, and then the list is shorter and the job is in mid-epoch.

Two engines keep it: "numpy", the readable reference, and "compiled" (extra `fast`), which runs many epochs without
returning to Python. `choose` decides between them.
"""

import math
from typing import Protocol

from plainnet.engines.choosing import ENGINES, Choice, choose, cores, free_cores, numpy_seconds
from plainnet.engines.job import Job
from plainnet.engines.numpy_engine import NumpyEngine

__all__ = ["ENGINES", "Choice", "Engine", "Job", "choose", "cores", "free_cores", "make", "numpy_seconds"]


class Engine(Protocol):
    """The contract of an engine."""

    @property
    def blas_threads(self) -> int | None:
        """The number of threads that BLAS may use while it runs; None leaves that to BLAS.

        `run` sees to it. Whoever calls it many times enters `blas.limited` around all of them, which costs less.
        """
        ...

    def run(self, epochs: int, until: float = math.inf) -> list[float]:
        """Train `epochs` epochs, or until `time.monotonic()` reaches `until`; the loss of each finished epoch."""
        ...


def make(choice: Choice, job: Job) -> Engine:
    """Return the engine that was chosen, ready to run the job."""
    if choice.engine == "numpy":
        return NumpyEngine(job, choice.threads)
    from plainnet.engines.compiled.compiled_engine import CompiledEngine

    return CompiledEngine(job, choice.threads or 1)
