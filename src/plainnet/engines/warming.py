"""Compile ahead, so that no training run has to wait for it."""

import time
from dataclasses import dataclass

from plainnet import datasets, losses, optimizers
from plainnet.engines.choosing import is_installed
from plainnet.engines.job import Job
from plainnet.errors import missing_extra
from plainnet.layers import Dense
from plainnet.network import Network


@dataclass(frozen=True)
class Warmth:
    """What `warm_up` did for one number type."""

    dtype: str
    compiled: bool
    """False where the machine code was there already."""
    seconds: float
    folder: str | None
    """Where it is kept; None where no folder can be written to, and every process has to compile anew."""


def warm_up() -> list[Warmth]:
    """Make the compiled engine's machine code for float32 and float64, or load it where it is there already.

    Raises MissingExtraError without the extra `fast`.
    """
    if not is_installed():
        raise missing_extra("the compiled engine", "fast")
    return [_warm_up(dtype) for dtype in ("float32", "float64")]


def _warm_up(dtype: str) -> Warmth:
    began = time.perf_counter()
    from plainnet.engines.compiled_engine import CompiledEngine
    from plainnet.engines.kernels.running import run

    network = Network(Dense(1), input_size=3, seed=0, dtype=dtype)
    X, y = (array.astype(dtype) for array in datasets.xor())
    before = sum(run.stats.cache_misses.values())
    CompiledEngine(Job(network, losses.resolve("mse"), optimizers.SGD(), X, y, None, None, False, 1))
    compiled = sum(run.stats.cache_misses.values()) > before
    return Warmth(dtype, compiled, time.perf_counter() - began, run.stats.cache_path)
