"""Engines: what runs the epochs of a training job.

The contract is one class: made with a `Job`, its `run(epochs, until)` trains that many epochs further and returns the
loss of each. An epoch's loss that is not finite is the last one returned; fewer losses than epochs without one mean
that the time `until` came, and the job stands in the middle of an epoch.
"""

import math
from typing import Protocol

from plainnet import checks
from plainnet.engines.job import Job
from plainnet.engines.numpy_engine import NumpyEngine

__all__ = ["ENGINES", "Engine", "Job", "resolve"]


class Engine(Protocol):
    """The contract of an engine."""

    def __init__(self, job: Job) -> None: ...

    def run(self, epochs: int, until: float = math.inf) -> list[float]:
        """Train `epochs` epochs, or until `time.monotonic()` reaches `until`; the loss of each finished epoch."""
        ...


ENGINES: dict[str, type[Engine]] = {"numpy": NumpyEngine}


def resolve(engine: str) -> str:
    """The name of an engine; "auto" is the fastest that can run the job."""
    return "numpy" if checks.one_of("engine", engine, ["auto", *ENGINES]) == "auto" else engine
