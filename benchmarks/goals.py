"""The goals as data, and whether they are held."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.formatting import Table, duration, number
from benchmarks.peers import (
    COMPILED,
    EACH_1000,
    EACH_EPOCH,
    GEMM,
    JAX,
    NUMPY,
    ONNX,
    OWN_PARTS,
    PLAINNET,
    PYTORCH,
    PYTORCH_SERIAL,
    SKLEARN,
    TUTORIAL,
)
from benchmarks.workloads import (
    DESCRIPTIONS,
    ESTIMATOR,
    FIRST_STEPS,
    FIT,
    IMPORT,
    LARGE,
    LARGEST,
    MANY,
    MIDDLE,
    OWN,
    PREDICT,
    REPORTS,
    SMALL,
    VARIANTS,
    XOR,
)

Medians = Mapping[str, Mapping[str, float]]
"""Seconds per unit by work and contestant."""


@dataclass(frozen=True)
class Verdict:
    """A goal beside what was measured."""

    work: str
    engine: str
    seconds: float
    against: str
    peer_seconds: float | None
    goal: str
    measured: str
    held: bool


@dataclass(frozen=True)
class Goal:
    """What the engine is to reach on this work; a subclass says in which measure, and has a `peer` ("" for none)."""

    work: str
    engine: str

    def judge(self, medians: Medians) -> Verdict | None:
        """Return None where the engine or the peer was not measured."""
        seconds = medians.get(self.work, {})
        if self.engine not in seconds or (self.peer and self.peer not in seconds):
            return None
        ours, theirs = seconds[self.engine], seconds.get(self.peer)
        measured, held = self.measure(ours, theirs)
        return Verdict(self.work, self.engine, ours, self.peer, theirs, str(self), measured, held)

    def measure(self, ours: float, theirs: float | None) -> tuple[str, bool]:
        """Return the figure that is held against the goal, as text, and whether it holds."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ceiling(Goal):
    """At most so many seconds a unit."""

    most: float

    peer = ""

    def __str__(self) -> str:
        return f"≤ {duration(self.most, 'g')}"

    def measure(self, ours: float, theirs: float | None) -> tuple[str, bool]:
        """Compare the time itself."""
        return duration(ours), ours <= self.most


@dataclass(frozen=True)
class Faster(Goal):
    """At least `least` times as fast as the peer."""

    peer: str
    least: float

    def __str__(self) -> str:
        return f"≥ {self.least:g} × as fast"

    def measure(self, ours: float, theirs: float | None) -> tuple[str, bool]:
        """Compare the peer's time with ours."""
        assert theirs is not None
        return f"{number(theirs / ours)} ×", theirs / ours >= self.least


@dataclass(frozen=True)
class Within(Goal):
    """At most `most` times the peer's time."""

    peer: str
    most: float

    def __str__(self) -> str:
        return f"≤ {self.most:g} × as long"

    def measure(self, ours: float, theirs: float | None) -> tuple[str, bool]:
        """Compare our time with the peer's."""
        assert theirs is not None
        return f"{number(ours / theirs)} ×", ours / theirs <= self.most


GOALS: tuple[Goal, ...] = (
    Ceiling(FIT.name, PLAINNET, 0.35),
    Faster(FIT.name, PLAINNET, PYTORCH, 10),
    Faster(FIT.name, PLAINNET, PYTORCH_SERIAL, 10),
    Faster(ESTIMATOR.name, PLAINNET, SKLEARN, 4),
    *(Ceiling(work.name, COMPILED, most) for work, most in zip(FIRST_STEPS, (0.1, 0.2, 0.3, 0.5), strict=True)),
    Ceiling(IMPORT, COMPILED, 0.15),
    *(Within(work.name, OWN_PARTS, COMPILED, 1.2) for work in OWN),
    Within(REPORTS.name, EACH_EPOCH, EACH_1000, 2),
    Within(PREDICT.name, PLAINNET, ONNX, 1),
    Faster(PREDICT.name, PLAINNET, SKLEARN, 10),
    Ceiling(XOR.name, COMPILED, 0.12e-6),
    Faster(XOR.name, COMPILED, JAX, 5),
    Faster(XOR.name, COMPILED, SKLEARN, 500),
    Faster(XOR.name, COMPILED, PYTORCH, 500),
    Faster(XOR.name, NUMPY, SKLEARN, 6),
    Faster(XOR.name, NUMPY, PYTORCH, 6),
    Within(XOR.name, NUMPY, TUTORIAL, 1.2),
    Faster(SMALL.name, COMPILED, JAX, 2),
    Faster(SMALL.name, NUMPY, SKLEARN, 2.5),
    Faster(SMALL.name, NUMPY, PYTORCH, 5),
    Faster(MIDDLE.name, COMPILED, JAX, 1.5),
    Faster(MIDDLE.name, NUMPY, SKLEARN, 2),
    Faster(MIDDLE.name, NUMPY, PYTORCH, 3),
    Faster(LARGE.name, COMPILED, JAX, 1.1),
    Faster(LARGE.name, NUMPY, SKLEARN, 2),
    Faster(LARGE.name, NUMPY, PYTORCH, 1),
    Faster(LARGEST.name, COMPILED, JAX, 1),
    Faster(LARGEST.name, COMPILED, GEMM, 0.9),
    Faster(LARGEST.name, NUMPY, SKLEARN, 1.3),
    Faster(LARGEST.name, NUMPY, PYTORCH, 1),
    Faster(MANY.name, COMPILED, JAX, 3),
    *(Faster(work.name, COMPILED, PYTORCH, 5) for work in VARIANTS),
)


def judge(medians: Medians, goals: Iterable[Goal] = GOALS) -> list[Verdict]:
    """Return a verdict for every goal whose engine and peer were measured."""
    verdicts = [goal.judge(medians) for goal in goals]
    return [verdict for verdict in verdicts if verdict is not None]


def of_work(name: str) -> list[Goal]:
    """Return the goals of one row."""
    return [goal for goal in GOALS if goal.work == name]


def works() -> list[str]:
    """Return the rows that have goals, in their order."""
    return list(dict.fromkeys(goal.work for goal in GOALS))


def table(medians: Medians) -> Table:
    """Return the verdicts, one a row."""
    made = Table("Goals", ["work", "engine", "against", "goal", "measured", "verdict"])
    for verdict in judge(medians):
        cells = [verdict.engine, verdict.against, verdict.goal, verdict.measured]
        made.rows.append([DESCRIPTIONS[verdict.work], *cells, "held" if verdict.held else "missed"])
    return made
