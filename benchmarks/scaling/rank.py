"""One rank of a measurement: `mpiexec -n N python -m benchmarks.scaling.rank TASK`, or without mpiexec one process.

TASK is JSON: {"sizes": numbers in the vectors to add, "points": [network, engine, batch] to train, "seconds": of each}.
Rank 0 prints a line of JSON: the seconds of an addition by size, the seconds of a step by point.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.plain import confirm, fit_options, network
from benchmarks.workloads import WORKS, Workload
from plainnet.errors import PlainnetWarning

LONG = 10**8
"""Rows times parameters beyond which an epoch has two batches and not eight."""


def main() -> None:
    """Do the task."""
    task = json.loads(sys.argv[1])
    communicator = world() if task["ranks"] > 1 else None
    done = {
        "additions": [[4 * size, addition(communicator, size)] for size in task["sizes"]],
        "steps": [
            [name, engine, batch, step(communicator, WORKS[name], engine, batch, task["seconds"], task["compression"])]
            for name, engine, batch in task["points"]
        ],
    }
    if communicator is None or communicator.rank == 0:
        print(json.dumps(done), flush=True)


def world() -> Any:
    """Return the communicator of all ranks."""
    from mpi4py import MPI

    return MPI.COMM_WORLD


def addition(communicator: Any, size: int) -> float:
    """Return the seconds of an all-reduce of so many float32."""
    from plainnet.ranks import Ranks

    ranks = Ranks.of(communicator)
    assert ranks is not None
    vector = np.zeros(size, np.float32)

    def repeat(times: int) -> None:
        for _ in range(times):
            ranks.add(vector)

    return per_unit(communicator, repeat, 0.1)


def step(communicator: Any, work: Workload, engine: str, batch: int, seconds: float, compression: str | None) -> float:
    """Return the seconds of a step of all ranks together, each with its share of the rows."""
    ranks, rank = (1, 0) if communicator is None else (communicator.size, communicator.rank)
    steps = 2 if batch * work.parameters > LONG else 8
    rows = steps * batch
    mine = rows * (rank + 1) // ranks - rows * rank // ranks
    random = np.random.default_rng(rank)
    X = random.standard_normal((mine, work.sizes[0]), dtype=np.float32)
    y = random.integers(work.sizes[-1], size=mine)
    net = network(work)
    options = fit_options(work, engine) | {"batch_size": batch}
    if communicator is not None:
        options |= {"communicator": communicator, "compression": compression}

    def train(epochs: int) -> None:
        with warnings.catch_warnings(action="ignore", category=PlainnetWarning):
            confirm(engine, net.fit(X, y, epochs=epochs, report_every=epochs, **options))

    return per_unit(communicator, train, seconds) / steps


def per_unit(communicator: Any, run: Callable[[int], None], seconds: float) -> float:
    """Return the seconds of a unit of `run`, without what a call costs by itself: from one length and its triple."""
    timed(communicator, run, 1)
    units = 1
    while (took := timed(communicator, run, units)) < seconds / 4:
        units *= 2
    longer = timed(communicator, run, 3 * units)
    took = min(took, timed(communicator, run, units))
    return max(longer - took, longer / 3) / (2 * units)  # a short call that was held up says nothing


def timed(communicator: Any, run: Callable[[int], None], units: int) -> float:
    """Return the seconds from the first rank's start to the last rank's end, the same on every rank."""
    if communicator is not None:
        communicator.Barrier()
    began = time.perf_counter()
    run(units)
    took = time.perf_counter() - began
    return took if communicator is None else max(communicator.allgather(took))


if __name__ == "__main__":
    main()
