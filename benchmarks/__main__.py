"""`python -m benchmarks`: every measurement, as tables on the terminal, Markdown, JSON and one chart."""

import os

# Set on some machines to work around a wrong guess; whoever installs NumPy has OpenBLAS's own choice of kernels.
CORETYPE = os.environ.pop("OPENBLAS_CORETYPE", None)

import argparse  # noqa: E402  (NumPy must not be loaded before the line above)
import json  # noqa: E402
import math  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from rich.console import Console  # noqa: E402

from benchmarks import digits, footprint, growth, machine, memory, speed  # noqa: E402
from benchmarks.interleaved import Contestants  # noqa: E402
from benchmarks.peers import COMPILED, Peer, installed  # noqa: E402
from benchmarks.tables import Table  # noqa: E402
from benchmarks.workloads import ROWS  # noqa: E402

OTHERS = ("digits", "import", "size", "width", "rows", "memory")


BUSY = 0.5
"""A load average above this before the start means that the machine is not idle."""


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    seconds: float
    """Of a round."""
    seeds: int
    growth_rounds: int
    widths: tuple[int, ...]
    rows: tuple[int, ...]
    files: tuple[int, ...]
    minutes: float
    """After which nothing new is begun."""


FULL = Effort(7, 1.0, 10, 5, growth.WIDTHS, growth.ROWS, memory.SIZES, math.inf)
QUICK = Effort(3, 0.06, 3, 1, growth.WIDTHS[:6:2], growth.ROWS[:3], memory.SIZES[:2], 1.75)


@dataclass
class Report:
    """What has been measured so far."""

    head: dict[str, str]
    tables: list[Table] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    speeds: speed.Results = field(default_factory=list)

    def markdown(self) -> str:
        """The whole report."""
        head = "\n".join(f"- {name}: {value}" for name, value in self.head.items())
        return "\n".join([head, "", *(table.markdown() for table in self.tables)]).rstrip() + "\n"


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="plainnet beside its alternatives")
    parser.add_argument("--quick", action="store_true", help="two to three minutes: fewer rounds, seeds and sizes")
    names = [*(work.name for work in ROWS), *OTHERS]
    parser.add_argument(
        "--only",
        action="append",
        choices=names,
        metavar="NAME",
        help=f"measure only this; may be repeated: {', '.join(names)}",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the speed-ups by network size (.svg, .png)")
    return parser.parse_args()


def head(peers: list[Peer], contestants: Contestants, effort: Effort) -> dict[str, str]:
    """What the figures depend on, and how they were taken."""
    busy = machine.load() > BUSY  # before the contestants start
    told = machine.describe(peers)
    threads = ", ".join(f"{peer.name} {contestants.ask(peer, peer.threads)}" for peer in peers)
    told["threads"] = f"{threads}; each library's own default"
    told["timing"] = (
        f"medians of {effort.rounds} rounds of about {effort.seconds:g} s, contestants in turns, a process each; "
        "compilation and warm-up come before and are not timed"
    )
    if busy:
        told["busy"] = (
            "other work was running; libraries whose threads wait for each other then look many times slower than they "
            "are, so these figures show only that the benchmark runs"
        )
    if CORETYPE is not None:
        told["OPENBLAS_CORETYPE"] = f"was {CORETYPE}; unset for this run"
    if effort is QUICK:
        told["quick"] = "fewer rounds, seeds and sizes than the full benchmark; the figures are rough"
    return told


Taken = tuple[list[Table], Any]
"""A measurement's tables, and its figures for JSON."""


def measurements(
    wanted: set[str], peers: list[Peer], contestants: Contestants, effort: Effort, report: Report
) -> dict[str, Callable[[], Taken]]:
    """The wanted ones by name, each ready to be taken."""

    def take_speed() -> Taken:
        workloads = [work for work in ROWS if work.name in wanted]
        report.speeds = speed.run(contestants, workloads, peers, effort.rounds, effort.seconds)
        report.data["goals"] = speed.plain_verdicts(report.speeds)
        return speed.tables(report.speeds), speed.plain(report.speeds)

    def take_digits() -> Taken:
        scores = digits.run(contestants, peers, effort.seeds)
        return [digits.table(scores)], digits.plain(scores)

    def take_import() -> Taken:
        taken = footprint.import_times(effort.growth_rounds)
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
    others = {name: take for name, take in zip(OTHERS, takers, strict=True) if name in wanted}
    return ({"speed": take_speed} if wanted.difference(OTHERS) else {}) | others


def main() -> None:
    """Measure, show as it comes, write the files."""
    chosen = arguments()
    effort = QUICK if chosen.quick else FULL
    wanted = set(chosen.only or [*(work.name for work in ROWS), *OTHERS])
    peers, missing = installed()
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 150
    with Contestants(effort.minutes) as contestants:
        report = Report(head(peers, contestants, effort))
        for name, value in report.head.items():
            console.print(f"{name}: {value}")
        for sentence in missing:
            console.print(sentence)
        for name, take in measurements(wanted, peers, contestants, effort, report).items():
            if contestants.time_is_up:
                missing.append(f"{name} is left out: the time was up.")
                console.print(missing[-1])
                continue
            tables, report.data[name] = take()
            for table in tables:
                table.show(console)
            report.tables += tables
    if missing:
        report.head["left out"] = " ".join(missing)
    if chosen.markdown:
        chosen.markdown.write_text(report.markdown(), encoding="utf-8")
    if chosen.json:
        chosen.json.write_text(json.dumps(report.head | report.data, indent=1) + "\n", encoding="utf-8")
    if chosen.chart:
        from benchmarks import chart

        if not chart.draw(report.speeds, chosen.chart):
            console.print(f"{chosen.chart} is not drawn: no training row was measured.")


if __name__ == "__main__":
    main()
