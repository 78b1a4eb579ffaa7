"""The speed of training steps and predictions: a row a workload, a column a contestant."""

from collections.abc import Sequence
from typing import Any

from benchmarks.formatting import Table, number
from benchmarks.interleaved import Contestants, Timings
from benchmarks.peers import (
    COMPILED,
    EACH_1000,
    EACH_EPOCH,
    GEMM,
    GEMM_ONE,
    NUMPY,
    OWN_PARTS,
    PLAINNET,
    Peer,
    doing,
    in_order,
)
from benchmarks.workloads import DESCRIPTIONS, LARGEST, Workload

Results = list[Timings]

ENGINES = (PLAINNET, COMPILED, NUMPY)
PAIRS = {"own": (OWN_PARTS, COMPILED), "reports": (EACH_EPOCH, EACH_1000)}
"""By kind of work: what costs more, and beside what; these rows have a table of their own."""


def taking_part(workload: Workload, peers: Sequence[Peer]) -> list[Peer]:
    """Who does this kind of work; beside the largest network also its matrix products alone."""
    return doing({workload.kind, "gemm"} if workload == LARGEST else {workload.kind}, peers)


def run(
    contestants: Contestants, workloads: Sequence[Workload], peers: Sequence[Peer], rounds: int, seconds: float
) -> Results:
    """The timings of each workload."""
    return [contestants.measure(workload, taking_part(workload, peers), rounds, seconds) for workload in workloads]


def medians(results: Results) -> dict[str, dict[str, float]]:
    """Seconds per unit by workload and contestant."""
    return {timings.workload.name: timings.medians() for timings in results}


def tables(results: Results) -> list[Table]:
    """The times, how many times as fast each engine is as each peer, the share of the sgemm rate, what extras cost."""
    among = [timings for timings in results if timings.workload.kind not in PAIRS]
    engines = [name for name in ENGINES if any(name in timings.seconds for timings in among)]
    extras = [timings for timings in results if timings.workload.kind in PAIRS]
    compared = [times(among), *(ratios(among, engine) for engine in engines), *rate(among)] if among else []
    return [*compared, *([costs(extras)] if extras else [])]


def names_in(results: Results) -> list[str]:
    """Every contestant measured, in the registry's order; the matrix products have a table of their own."""
    return in_order({name for timings in results for name in timings.seconds} - {GEMM, GEMM_ONE})


def times(results: Results) -> Table:
    """Medians in microseconds."""
    names = names_in(results)
    table = Table("Microseconds per training step, or per prediction", ["work", *names])
    for timings in results:
        seconds = timings.medians()
        cells = [number(1e6 * seconds[name]) if name in seconds else "" for name in names]
        if seconds:
            table.rows.append([DESCRIPTIONS[timings.workload.name], *cells])
        table.notes += timings.notes
    table.notes.append(
        "XOR: sigmoid, mean squared error (scikit-learn: log loss), SGD, float64; its NumPy tutorial is the post's own "
        "loop. 1,000 XOR networks train for 5,000 steps, the time is per network and step (JAX: vmap). All others: "
        "relu, cross-entropy, Adam, float32, shuffled batches (JAX: one compiled loop over all epochs)."
    )
    return table


def ratios(results: Results, engine: str) -> Table:
    """How many times as fast one engine is as each peer."""
    beside = [timings for timings in results if engine in timings.seconds]
    peers = [name for name in names_in(beside) if name not in ENGINES]
    table = Table(f"How many times as fast as each: {engine}", ["work", *peers])
    for timings in beside:
        seconds = timings.medians()
        cells = [number(seconds[name] / seconds[engine]) if name in seconds else "" for name in peers]
        table.rows.append([DESCRIPTIONS[timings.workload.name], *cells])
    return table


def rate(results: Results) -> list[Table]:
    """What the matrix products of the largest network run at, alone and within a training step."""
    made = []
    for timings in results:
        seconds = timings.medians()
        if GEMM not in seconds:
            continue
        flops = timings.workload.gemm_flops
        table = Table(
            f"Matrix products in float32, {timings.workload.name}: {flops / 1e9:.2f} GFLOP a step",
            ["", "µs per step", "GFLOP/s", "share of the sgemm rate"],
        )
        for name, took in seconds.items():
            share = seconds[GEMM] / took
            table.rows.append([name, number(1e6 * took), number(flops / took / 1e9), f"{share:.0%}"])
        table.notes.append(
            "A row counts the step's matrix products against the whole of its time; sgemm alone multiplies the same "
            "shapes with NumPy's BLAS into arrays allocated beforehand, with its default threads."
        )
        made.append(table)
    return made


def costs(results: Results) -> Table:
    """How much longer a step takes with a user's own parts, and with reports of every epoch."""
    table = Table("What extras cost, µs per step", ["work", "with", "µs", "beside", "µs", "times as long"])
    for timings in results:
        seconds = timings.medians()
        dear, cheap = PAIRS[timings.workload.kind]
        if dear in seconds and cheap in seconds:
            ours, theirs = number(1e6 * seconds[dear]), number(1e6 * seconds[cheap])
            ratio = number(seconds[dear] / seconds[cheap])
            table.rows.append([DESCRIPTIONS[timings.workload.name], dear, ours, cheap, theirs, ratio])
        table.notes += timings.notes
    table.notes.append("Own parts are a layer and an activation in plain NumPy in place of Dense and relu.")
    return table


def plain(results: Results) -> dict[str, Any]:
    """For JSON: every round's seconds per unit."""
    return {timings.workload.name: timings.seconds for timings in results}
