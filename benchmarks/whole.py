"""`python -m benchmarks`: every measurement, a table or more each."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from benchmarks import digits, footprint, fresh, goals, growth, memory, speed
from benchmarks.effort import Effort
from benchmarks.formatting import Table
from benchmarks.interleaved import Contestants, Timings, medians
from benchmarks.peers import COMPILED, Peer, doing
from benchmarks.report import Report
from benchmarks.workloads import FRESH, IMPORT, ROWS

OTHERS = ("digits", IMPORT, "size", "width", "rows", "memory")
NAMES = (*(work.name for work in (*ROWS, *FRESH)), *OTHERS)
"""What can be measured by itself."""

Taken = tuple[list[Table], Any]
"""A measurement's tables, and its figures for JSON."""


def run(
    wanted: set[str], peers: list[Peer], contestants: Contestants, effort: Effort, report: Report
) -> Iterator[list[Table] | str]:
    """Take the wanted ones into the report; yield each one's tables, or a sentence where the time is up."""
    for name, take in measurements(wanted, peers, contestants, effort, report).items():
        if contestants.time_is_up:
            yield f"{name} is left out: the time was up."
            continue
        tables, report.data[name] = take()
        report.tables += tables
        yield tables
    verdicts = goals.judge(report.medians)
    if verdicts:
        report.data["goals"] = [asdict(verdict) for verdict in verdicts]
        report.tables.append(goals.table(report.medians))
        yield report.tables[-1:]


def measurements(
    wanted: set[str], peers: list[Peer], contestants: Contestants, effort: Effort, report: Report
) -> dict[str, Callable[[], Taken]]:
    """Return the wanted ones by name, each ready to be taken."""

    def keep(results: list[Timings]) -> dict[str, Any]:
        report.medians |= speed.medians(results)
        return speed.plain(results)

    def take_speed() -> Taken:
        workloads = [work for work in ROWS if work.name in wanted]
        report.speeds = speed.run(contestants, workloads, peers, effort.rounds, effort.seconds)
        return speed.tables(report.speeds), keep(report.speeds)

    def take_fresh() -> Taken:
        works = [work for work in FRESH if work.name in wanted]
        taken = [fresh.measure(contestants, work, doing({work.kind}, peers), effort.fresh_rounds) for work in works]
        return [fresh.table(taken)], keep(taken)

    def take_digits() -> Taken:
        scores = digits.run(contestants, peers, effort.seeds)
        return [digits.table(scores)], digits.plain(scores)

    def take_import() -> Taken:
        taken = footprint.import_times(effort.fresh_rounds)
        report.medians[IMPORT] = medians(taken)
        return [footprint.import_table(taken)], taken

    def take_size() -> Taken:
        sizes = footprint.sizes()
        return [footprint.size_table(sizes)], sizes

    def take_width() -> Taken:
        widths = growth.run_widths(contestants, effort.widths, peers, effort.growth_rounds, effort.seconds)
        return [growth.width_table(widths)], growth.plain(widths)

    def take_rows() -> Taken:
        rows = growth.run_rows(contestants, effort.rows, peers, effort.growth_rounds, effort.seconds)
        return [growth.rows_table(rows)], growth.plain(rows)

    def take_memory() -> Taken:
        engine = "compiled" if any(peer.name == COMPILED for peer in peers) else "numpy"
        peaks = memory.run(effort.files, engine)
        return [memory.table(peaks, engine)], memory.plain(peaks)

    takers = (take_digits, take_import, take_size, take_width, take_rows, take_memory)
    chosen = {
        "speed": take_speed if wanted & {work.name for work in ROWS} else None,
        "fresh": take_fresh if wanted & {work.name for work in FRESH} else None,
        **{name: take if name in wanted else None for name, take in zip(OTHERS, takers, strict=True)},
    }
    return {name: take for name, take in chosen.items() if take is not None}
