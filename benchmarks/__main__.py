"""`python -m benchmarks`: plainnet beside its alternatives, on the terminal, as Markdown, JSON and one chart."""

import os

# Set on some machines to work around a wrong guess; whoever installs NumPy has OpenBLAS's own choice of kernels.
CORETYPE = os.environ.pop("OPENBLAS_CORETYPE", None)

import argparse  # noqa: E402  (NumPy must not be loaded before the line above)
import math  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402

from rich.console import Console  # noqa: E402

from benchmarks import scoreboard, whole  # noqa: E402
from benchmarks.effort import FULL, QUICK, Effort  # noqa: E402
from benchmarks.interleaved import Contestants  # noqa: E402
from benchmarks.peers import PEERS, installed  # noqa: E402
from benchmarks.report import Report, head  # noqa: E402


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="plainnet beside its alternatives")
    parser.add_argument(
        "what",
        nargs="?",
        choices=("all", "goals"),
        default="all",
        help="everything, or only what the goals speak of, each with its verdict (all)",
    )
    parser.add_argument("--quick", action="store_true", help="about four minutes: fewer rounds, seeds and sizes")
    parser.add_argument("--rounds", type=int, metavar="N", help="how many rounds each figure is the median of")
    parser.add_argument(
        "--only",
        action="append",
        choices=whole.NAMES,
        metavar="NAME",
        help=f"measure only this; may be repeated: {', '.join(whole.NAMES)}",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the speed-ups by network size (.svg, .png)")
    chosen = parser.parse_args()
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error(f"--rounds is a number from 1 on, not {chosen.rounds}")
    without = [name for name in chosen.only or () if chosen.what == "goals" and name not in scoreboard.NAMES]
    if without:
        parser.error(f"{without[0]} has no goal; these have: {', '.join(scoreboard.NAMES)}")
    return chosen


def effort_of(chosen: argparse.Namespace) -> Effort:
    """How much is measured."""
    effort = QUICK if chosen.quick else FULL
    if chosen.what == "goals":
        effort = replace(effort, minutes=math.inf)
    if chosen.rounds:
        effort = replace(effort, rounds=chosen.rounds, fresh_rounds=chosen.rounds, growth_rounds=chosen.rounds)
    return effort


def main() -> None:
    """Measure, show as it comes, write the files."""
    chosen = arguments()
    effort = effort_of(chosen)
    of_goals = chosen.what == "goals"
    wanted = set(chosen.only or (scoreboard.NAMES if of_goals else whole.NAMES))
    peers, missing = installed(scoreboard.contestants_of(wanted) if of_goals else PEERS)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 150
    with Contestants(effort.minutes) as contestants:
        report = Report(head(peers, contestants, effort, CORETYPE))
        for name, value in report.head.items():
            console.print(f"{name}: {value}")
        for sentence in missing:
            console.print(sentence)
        if of_goals:
            scoreboard.run(wanted, peers, contestants, effort, report, console)
        else:
            for taken in whole.run(wanted, peers, contestants, effort, report):
                if isinstance(taken, str):
                    missing.append(taken)
                    console.print(taken)
                    continue
                for table in taken:
                    table.show(console)
    if missing:
        report.head["left out"] = " ".join(missing)
    report.write(chosen.markdown, chosen.json)
    if chosen.chart:
        from benchmarks import chart

        if not chart.draw(report.speeds, chosen.chart):
            console.print(f"{chosen.chart} is not drawn: no training row was measured.")


if __name__ == "__main__":
    main()
