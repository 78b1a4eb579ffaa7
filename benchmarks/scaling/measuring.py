"""What is measured: all-reduces by size, and steps on one process and on several ranks, in turns."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, Failed
from benchmarks.workloads import LARGE, LARGEST, SMALL, Workload

NETWORKS: tuple[Workload, ...] = (SMALL, LARGE, LARGEST)
ENGINES = ("compiled", "numpy")
COMPRESSIONS = (None, "float16", "bfloat16")
SIZES = (1, 64, 1024, 2**14, 2**16, 2**18, 2**20, 2**22)
"""Of the vectors that are added: numbers in float32."""
MULTIPLE = 4
"""A large batch is that many of the workload's own."""
LIMIT = 600
"""Seconds that a group of ranks has before it is ended."""

Point = tuple[str, str, int]
"""Network, engine and rows of a batch over all ranks."""


@dataclass(frozen=True)
class Group:
    """Processes that train together; one without mpiexec has `threads` (None: the libraries' default)."""

    ranks: int
    threads: int | None = None
    compression: str | None = None

    def __str__(self) -> str:
        if self.ranks == 1:
            return "1 process, 1 thread" if self.threads == 1 else "1 process, a thread per core"
        return f"{self.ranks} ranks" + (f", {self.compression}" if self.compression else "")

    def command(self, task: str) -> list[str]:
        """Return the command that does a task."""
        python = [sys.executable, "-m", "benchmarks.scaling.rank", task]
        return python if self.ranks == 1 else [mpiexec(), "-n", str(self.ranks), *python]


ONE, THREADS = Group(1, 1), Group(1)


@dataclass
class Measured:
    """The seconds of every round: of an addition by group and bytes, of a step by group and point."""

    additions: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    steps: dict[str, dict[Point, list[float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def addition(self, group: Group) -> dict[int, float]:
        """Return the shortest of the rounds by bytes: what else runs on the machine only adds time."""
        return {size: min(rounds) for size, rounds in self.additions.get(str(group), {}).items()}

    def step(self, group: Group) -> dict[Point, float]:
        """Return the shortest of the rounds by point."""
        return {point: min(rounds) for point, rounds in self.steps.get(str(group), {}).items()}

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        steps = {group: [[*point, rounds] for point, rounds in found.items()] for group, found in self.steps.items()}
        return {"additions": self.additions, "steps": steps, "notes": self.notes}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Measured":
        """Return what `plain` gave."""
        additions = {g: {int(size): rounds for size, rounds in of.items()} for g, of in plain["additions"].items()}
        steps = {g: {(name, engine, batch): t for name, engine, batch, t in of} for g, of in plain["steps"].items()}
        return cls(additions, steps, plain["notes"])


def mpiexec() -> str:
    """Return the mpiexec beside this Python, which came with its MPI, or else the one on the path."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise Failed("there is no mpiexec: pip install mpich")
    return found


def groups(most: int, compressions: Iterable[str | None] = COMPRESSIONS) -> list[Group]:
    """Return one process with a thread, one with its default of threads, 2 to `most` ranks, and two that compress."""
    compressed = [Group(2, compression=name) for name in compressions if name and most > 1]
    return [ONE, THREADS, *(Group(ranks) for ranks in range(2, most + 1)), *compressed]


def points(group: Group, networks: Sequence[Workload], engines: Sequence[str], most: int) -> list[Point]:
    """Return what a group trains: the workload's batch and a large one, and as many rows a rank as one process has.

    One process trains small batches too, as few rows as a rank of many has: the model is fitted to these.
    """
    found: list[Point] = []
    for work in networks:
        own = work.batch_size
        if group.ranks == 1:
            batches = {own // 8, own // 2, own, MULTIPLE * own}
        elif group.compression:
            batches = {own}
        else:
            batches = {own, MULTIPLE * own, group.ranks * own}
        found += [(work.name, engine, batch) for engine in engines for batch in sorted(batches)]
    return found


def run(
    chosen: Sequence[Group],
    networks: Sequence[Workload],
    engines: Sequence[str],
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Measured:
    """Measure all groups, in turns, another one first each round; a group that fails is left out with a note."""
    measured, left = Measured(), list(chosen)
    most = max(group.ranks for group in chosen)
    for turn in range(rounds):
        for group in left[turn % max(len(left), 1) :] + left[: turn % max(len(left), 1)]:
            tell(f"round {turn + 1} of {rounds}: {group}")
            try:
                _add(measured, group, ask(group, points(group, networks, engines, most), seconds))
            except Failed as failure:
                left.remove(group)
                measured.notes.append(f"{group} is left out: {failure}")
                tell(measured.notes[-1])
    return measured


def _add(measured: Measured, group: Group, done: dict[str, Any]) -> None:
    additions = measured.additions.setdefault(str(group), {})
    for size, took in done["additions"]:
        additions.setdefault(size, []).append(took)
    steps = measured.steps.setdefault(str(group), {})
    for network, engine, batch, took in done["steps"]:
        steps.setdefault((network, engine, batch), []).append(took)


def ask(group: Group, wanted: Sequence[Point], seconds: float, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Return what the group has measured."""
    task = {
        "ranks": group.ranks,
        "compression": group.compression,
        "sizes": sizes if group.ranks > 1 else [],
        "points": wanted,
        "seconds": seconds,
    }
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    own = {name: value for name, value in os.environ.items() if name not in names}
    threads = {} if group.threads is None else dict.fromkeys(names, str(group.threads))
    process = subprocess.Popen(
        group.command(json.dumps(task)),
        cwd=ROOT,
        env=own | threads,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.terminate()  # mpiexec ends its ranks
        process.communicate()
        raise Failed(f"no end after {LIMIT} s") from None
    if process.returncode:
        told = [line for line in errors.splitlines() if line.strip()]
        raise Failed(told[-1] if told else f"exit code {process.returncode}")
    return json.loads(output.splitlines()[-1])
