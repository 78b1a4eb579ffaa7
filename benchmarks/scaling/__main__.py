"""`python -m benchmarks.scaling`: trainings on several ranks, on the terminal, as Markdown, JSON and a picture."""

import argparse
import json
import os
from pathlib import Path

from rich.console import Console

from benchmarks import machine
from benchmarks.report import Report
from benchmarks.scaling import tables
from benchmarks.scaling.measuring import ENGINES, NETWORKS, Measured, groups, run
from benchmarks.scaling.predicting import fitted


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description="Trainings on several ranks")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="each figure is the shortest of so many (5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="about so long does each step's round take (0.5)")
    parser.add_argument("--ranks", type=int, default=4, choices=(2, 3, 4), help="at most (4)")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only this; may be repeated")
    parser.add_argument("--network", action="append", choices=[work.name for work in NETWORKS], help="likewise")
    parser.add_argument(
        "--figures", type=Path, metavar="FILE", help="measure nothing, take them from an earlier --json"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the model out to 1,000 machines (.svg, .png)")
    return parser.parse_args()


def main() -> None:
    """Measure, show, write the files."""
    chosen = arguments()
    console = Console(highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 150
    chosen_groups = groups(chosen.ranks)
    if chosen.figures:
        head = json.loads(chosen.figures.read_text(encoding="utf-8"))
        measured, cores = Measured.of(head.pop("measured")), head.pop("cores")
        report = Report(head)
    else:
        cores = os.cpu_count() or 1
        report = Report(machine.describe([]) | versions())
        report.head["timing"] = f"the shortest of {chosen.rounds} rounds, the groups of processes in turns"
        networks = [work for work in NETWORKS if work.name in (chosen.network or [work.name])]
        measured = run(chosen_groups, networks, chosen.engine or ENGINES, chosen.rounds, chosen.seconds, console.print)
    for name, value in report.head.items():
        console.print(f"{name}: {value}")
    model = fitted(measured, cores)
    report.tables = tables.every(measured, model, chosen_groups)
    for table in report.tables:
        table.show(console)
    report.data = {"cores": cores, "measured": measured.plain()}
    report.write(chosen.markdown, chosen.json)
    if chosen.chart:
        from benchmarks.scaling import drawing

        drawing.draw(model, chosen.chart)


def versions() -> dict[str, str]:
    """What carries the messages."""
    from mpi4py import MPI, __version__

    return {"MPI": f"mpi4py {__version__}, {MPI.Get_library_version().splitlines()[0].strip()}"}


if __name__ == "__main__":
    main()
