"""Progress of a run, on standard error: a bar on a terminal, a line of text in a notebook, nothing in a log file."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plainnet.history import Report

if TYPE_CHECKING:
    from rich.console import Console

Tell = Callable[[int, int, str], None]
"""Takes the number done, the number to do, and a text."""

SECONDS = 0.2
"""The seconds between two updates of the line of text."""


def show(reports: Iterable[Report], console: "Console | None" = None, unit: str = "epoch") -> Iterator[Report]:
    """Yield `reports` while their progress is shown."""
    with counting(unit, console) as tell:
        for report in reports:
            tell(report.epoch, report.epochs, describe(report))
            yield report


@contextmanager
def counting(unit: str, console: "Console | None" = None, *, shown: bool = True) -> Iterator[Tell]:
    """Give a function that shows what is done so far, if someone looks; nothing of it stays at the end.

    The caller says how the run ended, which need not be what the last report said.
    """
    if not shown:
        yield lambda done, total, text: None
    elif in_notebook():  # rich's bar needs ipywidgets there
        with _line(unit) as tell:
            yield tell
    elif not (_is_terminal(sys.stderr) if console is None else console.is_terminal):
        yield lambda done, total, text: None
    else:
        with (_bar if _has_rich() else _line)(unit, console) as tell:
            yield tell


@contextmanager
def _bar(unit: str, console: "Console | None") -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn(unit, markup=False),
        MofNCompleteColumn(),
        BarColumn(bar_width=8),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(compact=True),
        console=console or Console(stderr=True),
        transient=True,
        redirect_stdout=_is_terminal(sys.stdout),  # what the caller prints into a file stays there
    ) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total, text: progress.update(task, total=total, completed=done, description=text)


@contextmanager
def _line(unit: str, console: Any = None) -> Iterator[Tell]:
    width, written_at = 0, -SECONDS

    def write(text: str) -> None:
        nonlocal width
        print(f"\r{text.ljust(width)}", end="", file=sys.stderr, flush=True)
        width = len(text)

    def tell(done: int, total: int, text: str) -> None:
        nonlocal written_at
        if time.monotonic() >= written_at + SECONDS:
            write(f"{unit} {done}/{total} {text}")
            written_at = time.monotonic()

    try:
        yield tell
    finally:
        write("")
        print("\r", end="", file=sys.stderr, flush=True)


def _has_rich() -> bool:
    try:
        import rich  # noqa: F401
    except ImportError:
        return False
    return True


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()  # Python without a console has no streams


def in_notebook() -> bool:
    """Return True in a Jupyter kernel, whose output is a page and not a terminal."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(get_ipython(), "kernel")


def describe(report: Report) -> str:
    """Return the numbers of a report: 'loss 0.0421 val 0.0533 accuracy 0.985 12k rows/s'; fits 80 columns."""
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
