"""The goals as data, and whether they are met."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.peers import COMPILED, GEMM, JAX, NUMPY, ONNX, PYTORCH, SKLEARN, TUTORIAL
from benchmarks.tables import number
from benchmarks.workloads import LARGE, LARGEST, MANY, MIDDLE, PREDICT, SMALL, VARIANTS, XOR

Medians = Mapping[str, Mapping[str, float]]
"""Seconds per unit by workload and contestant."""


@dataclass(frozen=True)
class Verdict:
    """A goal beside what was measured."""

    work: str
    engine: str
    against: str
    goal: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Ratio:
    """On this work the engine is to be at least `least` times as fast as the peer."""

    work: str
    engine: str
    peer: str
    least: float

    def judge(self, medians: Medians) -> Verdict | None:
        """None where the engine or the peer was not measured."""
        seconds = medians.get(self.work, {})
        if self.engine not in seconds or self.peer not in seconds:
            return None
        ratio = seconds[self.peer] / seconds[self.engine]
        goal, measured = f"≥ {self.least:.3g} ×", f"{number(ratio)} ×"
        return Verdict(self.work, self.engine, self.peer, goal, measured, ratio >= self.least)


@dataclass(frozen=True)
class Ceiling:
    """On this work the engine is to need at most `most` microseconds a step."""

    work: str
    engine: str
    most: float

    def judge(self, medians: Medians) -> Verdict | None:
        """None where the engine was not measured."""
        if self.engine not in medians.get(self.work, {}):
            return None
        microseconds = 1e6 * medians[self.work][self.engine]
        goal, measured = f"≤ {self.most:.3g} µs", f"{number(microseconds)} µs"
        return Verdict(self.work, self.engine, "", goal, measured, microseconds <= self.most)


GOALS: tuple[Ratio | Ceiling, ...] = (
    Ceiling(XOR.name, COMPILED, 0.35),
    Ratio(XOR.name, COMPILED, JAX, 3),
    Ratio(XOR.name, COMPILED, SKLEARN, 500),
    Ratio(XOR.name, COMPILED, PYTORCH, 500),
    Ratio(XOR.name, NUMPY, SKLEARN, 6),
    Ratio(XOR.name, NUMPY, PYTORCH, 6),
    Ratio(XOR.name, NUMPY, TUTORIAL, 1 / 1.2),
    Ratio(SMALL.name, COMPILED, JAX, 1.5),
    Ratio(SMALL.name, NUMPY, SKLEARN, 2.5),
    Ratio(SMALL.name, NUMPY, PYTORCH, 5),
    Ratio(MIDDLE.name, COMPILED, JAX, 1.4),
    Ratio(MIDDLE.name, NUMPY, SKLEARN, 2),
    Ratio(MIDDLE.name, NUMPY, PYTORCH, 3),
    Ratio(LARGE.name, COMPILED, JAX, 1.1),
    Ratio(LARGE.name, NUMPY, SKLEARN, 2),
    Ratio(LARGE.name, NUMPY, PYTORCH, 1),
    Ratio(LARGEST.name, COMPILED, JAX, 1),
    Ratio(LARGEST.name, COMPILED, GEMM, 0.85),
    Ratio(LARGEST.name, NUMPY, SKLEARN, 1.3),
    Ratio(LARGEST.name, NUMPY, PYTORCH, 1),
    Ratio(MANY.name, COMPILED, JAX, 1.7),
    Ratio(PREDICT.name, NUMPY, ONNX, 1),
    Ratio(PREDICT.name, NUMPY, SKLEARN, 10),
    *(Ratio(work.name, COMPILED, PYTORCH, 5) for work in VARIANTS),
)


def judge(medians: Medians, goals: Iterable[Ratio | Ceiling] = GOALS) -> list[Verdict]:
    """A verdict for every goal whose engine and peer were measured."""
    verdicts = [goal.judge(medians) for goal in goals]
    return [verdict for verdict in verdicts if verdict is not None]
