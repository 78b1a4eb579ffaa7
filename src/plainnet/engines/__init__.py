"""Engines: what runs the epochs of a training job.

The contract is one class: made with a `Job`, its `run(epochs)` trains that many epochs further and returns the loss
of each. An epoch's loss that is not finite is the last one returned.
"""

from typing import Protocol

from plainnet import checks
from plainnet.engines.job import Job
from plainnet.engines.numpy_engine import NumpyEngine

__all__ = ["ENGINES", "Engine", "Job", "resolve"]


class Engine(Protocol):
    """The contract of an engine."""

    def __init__(self, job: Job) -> None: ...

    def run(self, epochs: int) -> list[float]:
        """Train `epochs` epochs further and return the loss of each."""
        ...


ENGINES: dict[str, type[Engine]] = {"numpy": NumpyEngine}


def resolve(engine: str) -> type[Engine]:
    """The engine by name; "auto" is the fastest that can run the job."""
    return ENGINES["numpy" if checks.one_of("engine", engine, ["auto", *ENGINES]) == "auto" else engine]
