"""The pace says how fast runs train, and how two of them keep step."""

from __future__ import annotations

import time
from collections.abc import Sequence

from plainnet.play.session.run import LiveRun

MOST_DUE = 0.25
"""The most seconds of slow motion that are made up for, so that a pause of the program is not followed by a rush."""


class Pace:
    """Pace holds the speed: None for full speed, so many epochs or steps a second, or 0 for what is owed alone."""

    def __init__(self, speed: float | None = None, by: str = "epochs", owed: int = 0) -> None:
        self.speed, self.by = speed, by
        self.owed = owed
        """The epochs or steps that are due and not done; an epoch may take several slices."""
        self.next = time.monotonic()
        """When the next one is due."""

    @property
    def is_over(self) -> bool:
        """True if nothing is owed and nothing will be."""
        return self.speed == 0 and not self.owed

    @property
    def wait(self) -> float:
        """Return the seconds until there is something to do."""
        return 0.0 if not self.speed or self.owed else max(0.0, self.next - time.monotonic())

    def count(self) -> None:
        """Count what has become due."""
        now = time.monotonic()
        if self.speed and now >= self.next:
            self.next = max(self.next, now - MOST_DUE)
            due = int((now - self.next) * self.speed) + 1
            self.next += due / self.speed
            self.owed = min(self.owed + due, int(MOST_DUE * self.speed) + 1)


def train(runs: Sequence[LiveRun], pace: Pace, until: float) -> None:
    """Train until `time.monotonic()` reaches `until`, or as much as is due at this pace."""
    going = [run for run in runs if not run.is_over]
    if pace.speed is None:
        _train_fully(going, until)
        return
    pace.count()
    while going and pace.owed and time.monotonic() < until:
        if pace.by == "steps":
            for run in going:
                run.step()
        elif not _end_epoch(going, until):
            return
        pace.owed -= 1
        going = [run for run in going if not run.is_over]


def _end_epoch(going: Sequence[LiveRun], until: float) -> bool:
    """Train all runs to the end of the next epoch of the one that is behind; return False if there was no time."""
    goal = min(run.epochs for run in going) + 1
    for run in going:
        if run.epochs < goal:
            run.advance(until, goal - run.epochs)
    return all(run.epochs >= goal or run.is_over for run in going)


def _train_fully(going: Sequence[LiveRun], until: float) -> None:
    """Train one run, or several so that all have as many epochs behind them at the end, if there is time for it."""
    if len(going) == 1:
        going[0].advance(until)
        return
    while going and time.monotonic() < until:
        behind = min(run.epochs for run in going)
        goal = max(run.epochs for run in going)
        if goal == behind:
            seconds = sum(run.seconds_per_epoch for run in going)
            goal += max(1, int(0.9 * (until - time.monotonic()) / max(seconds, 1e-9)))
        for run in going:
            if run.epochs < goal:
                run.advance(until, goal - run.epochs)
        going = [run for run in going if not run.is_over]
