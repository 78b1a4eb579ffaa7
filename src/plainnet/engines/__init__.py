"""Engines: what runs the epochs of a training job.

The contract is one class, `Engine`: it is made with a `Job` and a number of threads, and its `run` trains.

Two engines keep it: "numpy", the readable reference, and "compiled" (extra `fast`), which runs many epochs without
returning to Python. `choose` decides between them.

>>> import plainnet as pn
>>> from plainnet import engines
>>> X, y = (array.astype("float32") for array in pn.datasets.xor())
>>> net = pn.Network(pn.Dense(1, "sigmoid"), input_size=3, seed=1)
>>> job = engines.Job(net, pn.losses.MeanSquaredError(), pn.SGD(0.5), X, y, None, None, shuffle=False, epochs=3)
>>> engine = engines.make(engines.choose("numpy", job), job)
>>> losses = engine.run(epochs=3)
>>> len(losses), bool(losses[2] < losses[0])
(3, True)
"""

import math
from typing import Protocol

from plainnet.engines.choosing import ENGINES, Choice, choose, cores, decline, free_cores, numpy_seconds
from plainnet.engines.job import Job
from plainnet.engines.notes import Notes
from plainnet.engines.numpy_engine import NumpyEngine

__all__ = [
    "ENGINES",
    "Choice",
    "Engine",
    "Job",
    "Notes",
    "choose",
    "cores",
    "decline",
    "free_cores",
    "make",
    "numpy_seconds",
]


class Engine(Protocol):
    """An engine trains a `Job`; every engine has what follows."""

    @property
    def blas_threads(self) -> int | None:
        """Return the number of threads that BLAS may use while it runs; None leaves that to BLAS.

        `run` sees to it. Whoever calls it many times enters `blas.limited` around all of them, which costs less.
        """
        ...

    def run(self, epochs: int, until: float = math.inf, notes: Notes | None = None) -> list[float]:
        """Train `epochs` epochs, or fewer; return the loss of each finished epoch, and note what is to be reported.

        It stops early on a loss that is not finite, which is then the last of the list; the step changes nothing. It
        stops after an epoch that leaves a parameter that is not finite: the epoch counts, its loss is the last of the
        list, and the job's good parameters are those from before it. And it stops when `time.monotonic()` reaches
        `until`: then the list is shorter, and the job may be in mid-epoch.

        Without `notes` an engine does no work for them; with them, the rows that are written count also if an interrupt
        leaves `run`. How the epochs are cut into calls makes no difference to any bit of the job and of the notes.
        """
        ...


def make(choice: Choice, job: Job) -> Engine:
    """Return the engine of a `choice` that `choose` made, ready to run the `job`."""
    if choice.engine == "numpy":
        return NumpyEngine(job, choice.threads)
    from plainnet.engines.compiled.compiled_engine import CompiledEngine

    return CompiledEngine(job, choice.threads or 1)
