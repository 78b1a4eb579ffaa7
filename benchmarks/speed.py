"""The speed of training steps and predictions: a row a workload, a column a contestant."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks import goals
from benchmarks.interleaved import Contestants, Timings
from benchmarks.peers import COMPILED, GEMM, GEMM_ONE, NUMPY, PEERS, Peer, doing
from benchmarks.tables import Table, number
from benchmarks.workloads import DESCRIPTIONS, LARGEST, Workload

Results = list[Timings]


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
    """The times, how many times as fast each engine is as each peer, the share of the sgemm rate, and the goals."""
    engines = [name for name in (COMPILED, NUMPY) if any(name in timings.seconds for timings in results)]
    return [times(results), *(ratios(results, engine) for engine in engines), *rate(results), verdicts(results)]


def names_in(results: Results) -> list[str]:
    """Every contestant measured, in the registry's order; the matrix products have a table of their own."""
    measured = {name for timings in results for name in timings.seconds} - {GEMM, GEMM_ONE}
    return [name for name in PEERS if name in measured]


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
    peers = [name for name in names_in(results) if name not in (COMPILED, NUMPY)]
    table = Table(f"How many times as fast as each: {engine}", ["work", *peers])
    for timings in results:
        seconds = timings.medians()
        if engine in seconds:
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


def verdicts(results: Results) -> Table:
    """The goals, met or missed."""
    table = Table("Goals", ["work", "engine", "against", "goal", "measured", "verdict"])
    for verdict in goals.judge(medians(results)):
        table.rows.append(
            [
                DESCRIPTIONS[verdict.work],
                verdict.engine,
                verdict.against,
                verdict.goal,
                verdict.measured,
                "met" if verdict.met else "missed",
            ]
        )
    return table


def plain(results: Results) -> dict[str, Any]:
    """For JSON: every round's seconds per unit."""
    return {timings.workload.name: timings.seconds for timings in results}


def plain_verdicts(results: Results) -> list[dict[str, Any]]:
    """For JSON: the goals whose engine and peer were measured."""
    return [asdict(verdict) for verdict in goals.judge(medians(results))]
