"""The tables: messages, steps, the model's numbers and its errors, the goal, and the networks of many machines."""

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.formatting import Table, duration, number
from benchmarks.scaling.fitting import relative_errors
from benchmarks.scaling.measuring import MULTIPLE, NETWORKS, ONE, THREADS, Group, Measured, Point
from benchmarks.scaling.model import Step
from benchmarks.scaling.networks import LINKS, SOURCES
from benchmarks.scaling.predicting import Fitted, checked
from benchmarks.workloads import LARGEST, WORKS

GOAL = 0.9
"""The speed of two ranks on two cores beside two threads, for the largest network."""
PAYS = 0.5
"""Data-parallel pays as long as at least this share of the machines' time trains."""
MANY = (2, 10, 100, 1000)
"""Ranks to which the model is drawn out, one a machine."""


def every(measured: Measured, model: Fitted, groups: Sequence[Group]) -> list[Table]:
    """Return all tables."""
    several = [group for group in groups if group.ranks > 1]
    tables = [additions(measured, several), *scaling(measured, several), goal(measured)]
    return [*tables, numbers(model), errors(measured, model, groups), *pays(model), *batches(model)]


def additions(measured: Measured, groups: Sequence[Group]) -> Table:
    """Return the seconds of `Ranks.add`, and the bytes a second that each rank sends at least."""
    found = {str(group): measured.addition(group) for group in groups if measured.addition(group)}
    made = Table("An all-reduce on this machine", ["bytes", *found])
    for size in sorted({size for of in found.values() for size in of}):
        cells = [
            f"{duration(of[size])}, {number(size / of[size] / 1e9)} GB/s" if size in of else "" for of in found.values()
        ]
        made.rows.append([f"{size:,}", *cells])
    made.notes.append("`Ranks.add` of float32, and the bytes of the vector by its time.")
    return made


def scaling(measured: Measured, groups: Sequence[Group]) -> list[Table]:
    """Return strong and weak scaling: how many times as fast as one thread."""
    alone, threads = measured.step(ONE), measured.step(THREADS)
    plain = [group for group in groups if group.compression is None]
    strong = Table("The same batch on more ranks: times as fast as one thread", ["network, engine, batch"])
    weak = Table("As many rows a rank: times as many rows a second as one thread", ["network, engine, rows a rank"])
    for made in (strong, weak):
        made.columns += [str(THREADS), *(str(group) for group in plain)]
    for work in NETWORKS:
        for engine in dict.fromkeys(engine for _, engine, _ in alone):
            own = (work.name, engine, work.batch_size)
            if own not in alone:
                continue
            for batch in (work.batch_size, MULTIPLE * work.batch_size):
                point = (work.name, engine, batch)
                cells = [_ratio(alone, seconds, point) for seconds in (threads, *(measured.step(g) for g in plain))]
                strong.rows.append([f"{_name(point)}, {batch:,}", *cells])
            cells = [_ratio(alone, threads, own)]
            for group in plain:
                took = measured.step(group).get((work.name, engine, group.ranks * work.batch_size))
                cells.append(f"{group.ranks * alone[own] / took:.2f}" if took else "")
            weak.rows.append([f"{_name(own)}, {work.batch_size:,}", *cells])
    return [strong, weak]


def _name(point: Point) -> str:
    return f"{'-'.join(map(str, WORKS[point[0]].sizes))}, {point[1]}"


def _ratio(one: dict[Point, float], other: dict[Point, float], point: Point) -> str:
    return f"{one[point] / other[point]:.2f}" if point in one and point in other else ""


def goal(measured: Measured) -> Table:
    """Return the goal: two ranks beside two threads, and what compression makes of it."""
    made = Table("Two ranks beside one process of two threads", ["network, engine, batch", "threads", "ranks", "speed"])
    threads = measured.step(THREADS)
    for group in (Group(2), Group(2, compression="float16"), Group(2, compression="bfloat16")):
        for point, took in measured.step(group).items():
            if point in threads and point[2] == WORKS[point[0]].batch_size:
                share = threads[point] / took
                is_goal = point[0] == LARGEST.name and group.compression is None
                verdict = f" ({'held' if share >= GOAL else 'missed'}: ≥ {GOAL})" if is_goal else ""
                name = f"{_name(point)}, {point[2]}" + (f", {group.compression}" if group.compression else "")
                made.rows.append([name, duration(threads[point]), duration(took), f"{share:.2f}{verdict}"])
    return made


def numbers(model: Fitted) -> Table:
    """Return the model's few numbers."""
    made = Table("The model's numbers on this machine", ["", "f, a step", "f / P, a parameter", "c, a row"])
    for (group, network, engine), step in model.steps.items():
        cells = [_short(step.fixed), _short(step.fixed / step.parameters), _short(step.per_row)]
        made.rows.append([f"{_sizes(network)}, {engine}, {group}", *cells])
    if model.link:
        speed = f"{number(model.link.bandwidth / 1e9)} GB/s"
        made.notes.append(f"A message between two ranks of this machine: {duration(model.link.latency)} and {speed}.")
    for engine, seconds in model.between.items():
        made.notes.append(f"Between the engine and MPI, a step of several ranks: {_short(seconds)}, {engine}.")
    made.notes.append("Least squares of the relative errors: steps of one process, all-reduces and steps of two ranks.")
    return made


def _short(seconds: float) -> str:
    return f"{number(seconds * 1e9)} ns" if seconds < 1e-6 else duration(seconds)


def _sizes(name: str) -> str:
    return "-".join(map(str, WORKS[name].sizes))


def errors(measured: Measured, model: Fitted, groups: Iterable[Group]) -> Table:
    """Return how far the model is from what was measured."""
    made = Table("Predicted and measured steps", ["", "steps", "median error", "largest error"])
    for group in groups:
        points = list(checked(model, measured, group).values())
        if points:
            off = relative_errors(*zip(*points, strict=True))
            worst = max(off, key=abs)
            made.rows.append([str(group), f"{len(off)}", f"{np.median(np.abs(off)):.0%}", f"{worst:+.0%}"])
    made.notes.append(
        "Of the steps of two ranks one number for each engine was fitted, of more ranks none. Ranks that share "
        "a core wait for each other's turns, which the model does not know."
    )
    return made


def pays(model: Fitted) -> list[Table]:
    """Return, for batches of several sizes, up to how many machines pay, and how many times as fast they are."""
    title = (
        f"Up to how many machines pay: at least {PAYS:.0%} of their time trains (and how many times as fast they are)"
    )
    made = Table(title, ["network, batch", *LINKS])
    for step, name, sizes in machines(model):
        for batch in sizes:
            cells = []
            for link in LINKS.values():
                ranks = step.ranks_for(PAYS, batch, link)
                cells.append(f"{ranks:,} ({step.speedup(ranks, batch, link):.1f} ×)")
            made.rows.append([f"{name}, {batch:,}", *cells])
    made.notes.append(SOURCES)
    return [made] if made.rows else []


def batches(model: Fitted) -> list[Table]:
    """Return the batch with which machines, by their number, spend half and nine tenths of their time on training."""
    columns = [f"{link}, {share:.0%}" for link in LINKS for share in (PAYS, 0.9)]
    made = Table("The rows of a batch that machines need for an efficiency", ["network, machines", *columns])
    for step, name, _ in machines(model):
        for ranks in MANY:
            cells = [number(step.batch_for(share, ranks, link)) for link in LINKS.values() for share in (PAYS, 0.9)]
            made.rows.append([f"{name}, {ranks:,}", *cells])
    return [made] if made.rows else []


def machines(model: Fitted) -> list[tuple[Step, str, tuple[int, ...]]]:
    """Return each network's step on a whole machine, the compiled engine with all its threads; name and batches."""
    found = []
    for work in NETWORKS:
        if (str(THREADS), work.name, "compiled") in model.steps:
            step = model.step(THREADS, work.name, "compiled")
            found.append((step, _sizes(work.name), tuple(times * work.batch_size for times in (1, 16, 256))))
    return found
