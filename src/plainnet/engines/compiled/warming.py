"""Compile ahead, so that no training run has to wait for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plainnet import adapters, datasets, optimizers
from plainnet.engines.choosing import require_compiled
from plainnet.engines.job import Job
from plainnet.layers import Dense
from plainnet.network import Network


@dataclass(frozen=True)
class Warmth:
    """The work of `warm_up` for one kernel and number type."""

    kernel: str
    dtype: str
    compiled: bool
    """False where the machine code was there already."""
    seconds: float
    folder: str | None
    """The folder that keeps it; None if no folder can be written to, and every process has to compile anew."""


def warm_up() -> list[Warmth]:
    """Make the machine code of the compiled engine and of `train_many`, or load it where it is there already.

    Raises MissingExtraError without the extra `fast`.
    """
    require_compiled()
    began = time.perf_counter()
    from plainnet.engines.compiled.compiled_engine import CompiledEngine
    from plainnet.engines.compiled.kernels.lane_steps import run_lanes
    from plainnet.engines.compiled.kernels.steps import run
    from plainnet.engines.compiled.lanes_engine import LanesEngine

    kernels: dict[str, tuple[Any, Callable[[Job], Any]]] = {
        "a network": (run, CompiledEngine),
        "many small networks": (run_lanes, lambda job: LanesEngine([job])),
    }
    done: list[Warmth] = []
    for dtype in ("float32", "float64"):
        for name, (kernel, use) in kernels.items():
            done.append(_warm_up(name, dtype, kernel, use, began))
            began = time.perf_counter()
    return done


def _warm_up(name: str, dtype: str, kernel: Any, use: Callable[[Job], Any], began: float) -> Warmth:
    network = Network(Dense(1), input_size=3, seed=0, dtype=dtype)
    X, y = (array.astype(dtype) for array in datasets.xor())
    before = sum(kernel.stats.cache_misses.values())
    use(Job(network, adapters.loss_of("mse"), optimizers.SGD(), X, y, None, None, False, 1))
    compiled = sum(kernel.stats.cache_misses.values()) > before
    return Warmth(name, dtype, compiled, time.perf_counter() - began, kernel.stats.cache_path)
