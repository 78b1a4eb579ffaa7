"""A progress bar over the reports of a run: training and validation loss, metrics, rows a second, time left."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from plainnet.errors import missing_extra
from plainnet.history import Report

if TYPE_CHECKING:
    from rich.console import Console


def show(reports: Iterable[Report], console: "Console | None" = None, unit: str = "epoch") -> Iterator[Report]:
    """Pass `reports` on while a progress bar follows them; needs the extra `cli` (rich)."""
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        raise missing_extra("the progress bar", "cli") from None
    return _follow(
        reports,
        Progress(
            TextColumn(unit, markup=False),
            MofNCompleteColumn(),
            BarColumn(bar_width=8),
            TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=console is not None and not console.is_terminal,  # a log file is no place for a bar
        ),
    )


def _follow(reports: Iterable[Report], progress: "Progress") -> Iterator[Report]:  # type: ignore[name-defined] # noqa: F821
    with progress:
        task = progress.add_task("", total=None)
        for report in reports:
            progress.update(task, total=report.epochs, completed=report.epoch, description=describe(report))
            yield report


def describe(report: Report) -> str:
    """The numbers of a report: 'loss 0.0421 val 0.0533 accuracy 0.985 12k rows/s'; fits 80 columns."""
    parts = [f"loss {report.loss:.3g}"]
    if report.validation_loss is not None:
        parts.append(f"val {report.validation_loss:.3g}")
    parts += [f"{name} {value:.3f}" for name, value in report.metrics.items()]
    parts.append(f"{_short(report.rows_per_second)} rows/s")
    return " ".join(parts)


def _short(number: float) -> str:
    for limit, divisor, suffix in ((1e3, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if number < limit:
            return f"{number / divisor:.0f}{suffix}"
    return f"{number:.1e}"
