"""`python -m benchmarks goals`: only what has a goal, work by work, each judged as soon as it is measured."""

from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from benchmarks import footprint, fresh, goals
from benchmarks.effort import Effort
from benchmarks.formatting import duration
from benchmarks.goals import Goal
from benchmarks.interleaved import Contestants, medians
from benchmarks.peers import Peer
from benchmarks.report import Report
from benchmarks.workloads import DESCRIPTIONS, FRESH, IMPORT, WORKS

NAMES = tuple(goals.works())
"""The rows that have goals."""

WIDE = 112
"""Columns from which on the work stands in the lines of its goals, and not above them."""

STYLES = {"held": "green", "missed": "bold red", "not measured": "yellow"}


def contestants_of(works: set[str]) -> set[str]:
    """Return the names of those that the goals of these rows speak of."""
    return {name for goal in goals.GOALS if goal.work in works for name in (goal.engine, goal.peer) if name}


def run(
    wanted: set[str], peers: list[Peer], contestants: Contestants, effort: Effort, report: Report, console: Console
) -> None:
    """Measure the wanted rows and show each with its verdicts, then how many are held."""
    console.print()
    console.print(heading(console.width), style="bold")
    notes: list[str] = []
    verdicts: list[str] = []
    for name in [name for name in NAMES if name in wanted]:
        with console.status(f"measuring {DESCRIPTIONS[name]}"):
            taking_part = [peer for peer in peers if peer.name in contestants_of({name})]
            report.data[name], left_out = measure(name, taking_part, contestants, effort)
        report.medians[name] = medians(report.data[name])
        notes += left_out
        for row in lines(name, report.medians, console.width):
            console.print(row, no_wrap=True, overflow="ignore", crop=False)
        verdicts += [verdict_of(goal, report.medians)[1] for goal in goals.of_work(name)]
    console.print()
    for note in notes:
        console.print(note)
    console.print(summary(verdicts))
    if "busy" in report.head:
        console.print("The machine was busy with other work: these verdicts are not final.", style="yellow")
    report.tables.append(goals.table(report.medians))
    report.tables[-1].notes += notes
    report.data["goals"] = [asdict(verdict) for verdict in goals.judge(report.medians)]


def measure(
    name: str, peers: list[Peer], contestants: Contestants, effort: Effort
) -> tuple[dict[str, list[float]], list[str]]:
    """Return the seconds of every round of one row's contestants, and who is left out and why."""
    if name == IMPORT:
        return footprint.import_times(effort.fresh_rounds, [peer.name for peer in peers]), []
    work = WORKS[name]
    if work in FRESH:
        timings = fresh.measure(contestants, work, peers, effort.fresh_rounds)
    else:
        timings = contestants.measure(work, peers, effort.rounds, effort.seconds)
    return timings.seconds, timings.notes


def heading(width: int) -> Text:
    """Return the line above the columns."""
    return line("work" if width >= WIDE else None, ("plainnet", "", "peer", "", "goal", "measured"), "")


def lines(name: str, seconds: goals.Medians, width: int) -> list[Text]:
    """Return a work's goals, a line each; where the terminal is narrow, under a line with the work."""
    made = [] if width >= WIDE else [Text(DESCRIPTIONS[name], style="bold")]
    for number, goal in enumerate(goals.of_work(name)):
        label = (DESCRIPTIONS[name] if number == 0 else "") if width >= WIDE else None
        cells, verdict = verdict_of(goal, seconds)
        made.append(line(label, cells, verdict))
    return made


def verdict_of(goal: Goal, measured: goals.Medians) -> tuple[tuple[str, ...], str]:
    """Return the engine and its time, the peer and its time, the goal and the ratio; and the verdict in words."""
    seconds = measured.get(goal.work, {})
    times = [duration(seconds[name]) if name in seconds else "" for name in (goal.engine, goal.peer)]
    verdict = goal.judge(measured)
    ratio = "" if verdict is None or not goal.peer else verdict.measured
    engine, peer = (name.removeprefix("plainnet ") for name in (goal.engine, goal.peer))
    cells = (engine, times[0], peer, times[1], str(goal), ratio)
    if verdict is None:
        return cells, "not measured"
    return cells, "held" if verdict.held else "missed"


def line(work: str | None, cells: tuple[str, ...], verdict: str) -> Text:
    """Set the cells into columns: 79 wide, and 107 with the work before them."""
    engine, ours, peer, theirs, goal, measured = cells
    before = "  " if work is None else f"{work:<31}"
    made = Text(f"{before}{engine:<10}{ours:>9}  {peer}{theirs:>{23 - len(peer)}}  {goal:<15}")
    if verdict == "not measured":
        return made.append(f"{verdict:>16}", STYLES[verdict])
    return made.append(f"{measured:>8}  ").append(verdict, STYLES.get(verdict, ""))


def summary(verdicts: list[str]) -> Text:
    """Return how many goals there are of each verdict."""
    counts = [(verdict, verdicts.count(verdict)) for verdict in STYLES]
    return Text(", ").join(Text(f"{count} {verdict}", STYLES[verdict]) for verdict, count in counts if count)
