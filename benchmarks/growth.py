"""How cost grows with the width of a network and with the number of rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.formatting import Table, number
from benchmarks.interleaved import Contestants, Timings
from benchmarks.peers import PEERS, Peer, doing
from benchmarks.workloads import Workload

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
ROWS = (10**3, 10**4, 10**5, 10**6, 10**7)


def of_width(width: int) -> Workload:
    """Two hidden layers of that width."""
    return Workload(f"width {width}", (64, width, width, 10), rows=256, batch_size=64)


def of_rows(rows: int) -> Workload:
    """A small network that sees each row once a round."""
    return Workload(f"{rows} rows", (10, 32, 2), rows=rows, batch_size=250)


def run_widths(
    contestants: Contestants, widths: Sequence[int], peers: list[Peer], rounds: int, seconds: float
) -> dict[int, Timings]:
    """Every contestant that trains."""
    those = doing({"train"}, peers)
    return {width: contestants.measure(of_width(width), those, rounds, seconds) for width in widths}


def run_rows(
    contestants: Contestants, rows: Sequence[int], peers: list[Peer], rounds: int, seconds: float
) -> dict[int, Timings]:
    """plainnet's engines: the others' data at the largest size would not fit beside theirs."""
    those = [peer for peer in doing({"train"}, peers) if peer.module == "plain"]
    return {count: contestants.measure(of_rows(count), those, rounds, seconds) for count in rows}


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """p of the least squares fit log seconds = p · log size + c."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def width_table(measured: dict[int, Timings]) -> Table:
    """Microseconds per step; the exponent is 0 for overhead alone and 2 for the arithmetic alone."""
    first = next(iter(measured))
    title = f"Width: 64-w-w-10, batch {of_width(first).batch_size}, Adam; µs per step"
    return _table(title, "w", measured, lambda size, seconds: number(1e6 * seconds))


def rows_table(measured: dict[int, Timings]) -> Table:
    """Seconds per epoch, and per row in nanoseconds."""
    work = of_rows(1000)
    title = f"Rows: {'-'.join(map(str, work.sizes))}, batch {work.batch_size}, Adam; seconds per epoch (ns per row)"
    per_epoch = {
        size: Timings(t.workload, {name: _times(s, t) for name, s in t.seconds.items()}, t.notes)
        for size, t in measured.items()
    }
    return _table(title, "rows", per_epoch, lambda size, seconds: f"{number(seconds)} ({number(1e9 * seconds / size)})")


def _times(seconds: list[float], timings: Timings) -> list[float]:
    return [step * timings.workload.steps_in_epoch for step in seconds]


def _table(title: str, quantity: str, measured: dict[int, Timings], cell: Any) -> Table:
    medians = {size: timings.medians() for size, timings in measured.items() if timings.seconds}
    everywhere = [name for name in PEERS if all(name in own for own in medians.values())]
    made = Table(title, [quantity, *everywhere], notes=[note for t in measured.values() for note in t.notes])
    if len(medians) < 2:
        return made
    for size, own in medians.items():
        made.rows.append([f"{size:,}", *(cell(size, own[name]) for name in everywhere)])
    sizes = list(medians)
    upper = sizes[(len(sizes) - 1) // 2 :]
    for label, chosen in (("exponent", sizes), (f"exponent from {upper[0]:,}", upper)):
        fits = [exponent(chosen, [medians[size][name] for size in chosen]) for name in everywhere]
        made.rows.append([label, *(f"{fit:.2f}" for fit in fits)])
    made.notes.append(f"The exponent p of time ∝ {quantity}^p by least squares of the logarithms.")
    return made


def plain(measured: dict[int, Timings]) -> dict[str, Any]:
    """For JSON: every round's seconds per step."""
    return {str(size): timings.seconds for size, timings in measured.items()}
