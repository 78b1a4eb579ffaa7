"""The model fitted to a measurement: on one process for the steps, on two ranks for the messages; then checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from benchmarks.scaling.allreduce import Link
from benchmarks.scaling.fitting import fit_link, fit_rest, fit_step
from benchmarks.scaling.measuring import ONE, THREADS, Group, Measured, Point
from benchmarks.scaling.model import Step, crowded
from benchmarks.workloads import WORKS


@dataclass(frozen=True)
class Fitted:
    """The model's numbers on a machine of so many cores."""

    cores: int
    steps: Mapping[tuple[str, str, str], Step]
    """By the name of one of the groups of one process, network and engine."""
    link: Link | None = None
    """Between two ranks of this machine; None where fewer were measured."""
    between: Mapping[str, float] = field(default_factory=dict)
    """o by engine."""

    def step(self, group: Group, network: str, engine: str) -> Step:
        """Return what a step costs a process of the group alone."""
        return replace(self.steps[str(group), network, engine], between=self.between.get(engine, 0.0))

    def seconds(self, group: Group, point: Point) -> float:
        """Return the predicted seconds of a step of a group on this machine: each rank has a thread."""
        network, engine, batch = point
        if group.ranks == 1:
            return self.step(group, network, engine).compute(1, batch)
        assert self.link is not None
        step = crowded(self.step(ONE, network, engine), group.ranks, self.cores)
        link = replace(self.link, bandwidth=self.link.bandwidth / max(1.0, group.ranks / self.cores))
        return (step if group.compression is None else step.compressed()).seconds(group.ranks, batch, link)


def fitted(measured: Measured, cores: int) -> Fitted:
    """Fit the model's numbers."""
    steps = {}
    for group in (ONE, THREADS):
        by_batch: dict[tuple[str, str], dict[int, float]] = {}
        for (network, engine, batch), seconds in measured.step(group).items():
            by_batch.setdefault((network, engine), {})[batch] = seconds
        for (network, engine), found in by_batch.items():
            steps[str(group), network, engine] = fit_step(WORKS[network].parameters, found)
    additions = measured.addition(Group(2))
    if not additions:
        return Fitted(cores, steps)
    model = Fitted(cores, steps, fit_link(additions))
    between = {}
    for engine in dict.fromkeys(engine for _, _, engine in steps):
        pairs = [pair for point, pair in checked(model, measured, Group(2)).items() if point[1] == engine]
        if pairs:
            between[engine] = fit_rest(*zip(*pairs, strict=True))
    return replace(model, between=between)


def checked(model: Fitted, measured: Measured, group: Group) -> dict[Point, tuple[float, float]]:
    """Return the predicted and measured seconds of a step at each point of a group."""
    return {point: (model.seconds(group, point), seconds) for point, seconds in measured.step(group).items()}
