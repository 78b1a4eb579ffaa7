"""`python -m benchmarks.many`: a comparison in joblib's processes, on a Dask cluster, on one that loses workers."""

import argparse
import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from rich.console import Console

import plainnet as pn
from benchmarks import machine
from benchmarks.formatting import Table
from benchmarks.report import Report

X, Y = pn.datasets.moons(500, noise=0.2, seed=1)
VARIANTS = {f"{units} units": pn.Network(pn.Dense(units, "tanh"), pn.Dense(2, "softmax")) for units in (8, 32)}
OPTIONS = {"loss": "cross_entropy", "epochs": 20, "metrics": ["accuracy"], "validation": 0.2, "engine": "numpy"}
"""Runs of some hundredths of a second, each a call of its own: the shorter a run, the more its sending costs."""

LOKY, DASK, KILLED = "joblib's own processes", "Dask", "Dask, killed"


def seconds(seeds: int) -> tuple[float, list[dict[str, Any]]]:
    """Return how long the comparison takes on the backend that is configured, and its runs without their times."""
    began = time.perf_counter()
    comparison = pn.compare(VARIANTS, X, Y, seeds=seeds, **OPTIONS)
    took = time.perf_counter() - began
    return took, [
        {name: value for name, value in run.to_dict().items() if name != "seconds"} for run in comparison.runs
    ]


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """Start a Dask cluster on this machine that no other machine can reach."""
    import dask
    from distributed import Client, LocalCluster

    dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"})  # a worker that is killed is started again
    quiet = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", silence_logs=logging.CRITICAL, **quiet
        ) as made,
        Client(made),
    ):
        yield made


@contextmanager
def killing(made: Any, every: float) -> Iterator[list[int]]:
    """Kill one of the cluster's workers every so many seconds, and give the list of those killed."""
    over, killed = threading.Event(), []

    def kill() -> None:
        while not over.wait(every):
            running = [nanny.pid for nanny in made.workers.values() if nanny.pid]
            if running:
                killed.append(random.choice(running))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def measure(rounds: int, seeds: int, workers: int, every: float) -> tuple[dict[str, list[float]], int, int]:
    """Return each contestant's times, how many workers were killed, and how many runs were lost or differed."""
    taken: dict[str, list[float]] = {LOKY: [], DASK: [], KILLED: []}
    kills = wrong = 0
    with cluster(workers) as made:
        ways: dict[str, Callable[[], Any]] = {
            LOKY: lambda: joblib.parallel_config(backend="loky", n_jobs=os.cpu_count()),
            DASK: lambda: joblib.parallel_config(backend="dask"),
            KILLED: lambda: joblib.parallel_config(backend="dask"),
        }
        for turn in range(rounds + 1):
            expected = None
            for name, configured in ways.items():
                with ExitStack() as stack:
                    killed = stack.enter_context(killing(made, every)) if name == KILLED and turn else []
                    stack.enter_context(configured())
                    took, runs = seconds(seeds if turn else 20)  # the first turn starts processes and imports plainnet
                expected = expected or runs
                wrong += sum(run != other for run, other in zip(runs, expected, strict=True))
                kills += len(killed)
                if turn:
                    taken[name].append(took)
    return taken, kills, wrong


def main() -> None:
    """Measure, show, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description="A comparison on a Dask cluster")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="each figure is the median of so many (5)")
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="of two variants (200)")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="processes of the Dask cluster (4)")
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="seconds from kill to kill (2)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures")
    chosen = parser.parse_args()
    console = Console(highlight=False, markup=False)
    report = Report(machine.describe([]))
    taken, kills, wrong = measure(chosen.rounds, chosen.seeds, chosen.workers, chosen.every)
    report.tables = [table(taken, kills, wrong, chosen.workers, chosen.every)]
    report.data = {"seconds": taken, "kills": kills, "wrong": wrong}
    for shown in report.tables:
        shown.show(console)
    report.write(chosen.markdown, chosen.json)


def table(taken: dict[str, list[float]], kills: int, wrong: int, workers: int, every: float) -> Table:
    """Return the table: medians, and medians of the ratios round by round."""
    rows = []
    for name, seconds in taken.items():
        ratio = float(np.median(np.divide(seconds, taken[LOKY])))
        rows.append([name, f"{np.median(seconds):.1f}", f"{ratio:.2f}"])
    return Table(
        f"A comparison in processes and on a Dask cluster of {workers} processes",
        ["", "seconds", f"times {LOKY}"],
        rows,
        [f"{kills} workers were killed, one every {every:g} seconds; {wrong} runs were lost or differ."],
    )


if __name__ == "__main__":
    main()
