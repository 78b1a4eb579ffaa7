"""How fast runs train, and how two of them keep step."""

from __future__ import annotations

import time
from collections.abc import Sequence

from plainnet.play.session.run import LiveRun

MOST_DUE = 0.25
"""The most seconds of slow motion that are made up for, so that a pause of the program is not followed by a rush."""


class Pace:
    """The speed of playing: None for full speed, or so many epochs or steps a second."""

    def __init__(self, speed: float | None = None, by: str = "epochs") -> None:
        self.speed, self.by = speed, by
        self.next = time.monotonic()
        """When the next epoch or step is due."""

    @property
    def wait(self) -> float:
        """The seconds until the next epoch or step is due."""
        return 0.0 if self.speed is None else max(0.0, self.next - time.monotonic())

    def take(self) -> bool:
        """Return True if an epoch or step is due, and count it as done."""
        assert self.speed is not None
        now = time.monotonic()
        if now < self.next:
            return False
        self.next = max(self.next, now - MOST_DUE) + 1 / self.speed
        return True


def train(runs: Sequence[LiveRun], pace: Pace, until: float) -> None:
    """Train until `time.monotonic()` reaches `until`, or as much as is due at this pace."""
    going = [run for run in runs if not run.is_over]
    if pace.speed is None:
        _train_fully(going, until)
        return
    while going and time.monotonic() < until and pace.take():
        for run in going:
            run.step() if pace.by == "steps" else run.epoch()
        going = [run for run in going if not run.is_over]


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
