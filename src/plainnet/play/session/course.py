"""The commands `lesson` and `answer`: lessons set up the page, and each of their tasks is checked by what was done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.bounds import MOST_EPOCHS
from plainnet.play.session.lessons import LESSONS, SEEDS, TRIED, Lesson, Task, is_close, loss_of, outcome
from plainnet.play.session.run import LiveRun

if TYPE_CHECKING:
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session

TRAINS = ("play", "step", "epoch")
BEGINS = ("start", "setup", "restart", "twin", "lesson", "upload")
"""The commands after which a run stands at its beginning, or may."""

MOST_ROWS = 200
"""The most rows of data on which tasks are checked."""

CHANGES = (*TRAINS, *BEGINS, "change", "point")
"""The commands after which a change of the loss is not that of a weight moved by hand."""


class Moved(NamedTuple):
    """Moved holds a change of parameters by hand: which, by how much the last of them, and by how much the loss."""

    places: Sequence[int]
    run: float
    rise: float


@dataclass
class Watched:
    """Watched holds what was done in a lesson, as far as its tasks ask."""

    trained: bool = False
    """True if the run trained since its beginning."""
    moved_by_hand: bool = False
    """True if weights were moved by hand, and nothing trained since."""
    loss_before_hand: float = math.nan
    """The loss before the first of these moves."""
    edited_at: int | None = None
    """The epoch at which points were last added, moved or deleted."""
    moved: Moved | None = None
    """The latest move by hand."""
    again: bool = False
    """True if a run was begun again with the same setup and came to the same loss at the same epoch."""

    def __post_init__(self) -> None:
        self.ends: dict[tuple[int, int], str] = {}
        """Runs ended in these states, by the units of their first layer and the seed."""
        self.losses: dict[tuple[Any, ...], tuple[int, float]] = {}
        """Each setup was seen at this epoch, with this loss."""
        self.beginnings = 0
        self._parameters: Array | None = None
        self._loss = math.nan

    def outcomes_of(self, units: int) -> list[str]:
        """Return how the runs with so many hidden units ended."""
        return [end for (own, _), end in self.ends.items() if own == units]

    def look(self, run: LiveRun, done: Sequence[str]) -> None:
        """Take note of the commands done since the last time, and of the run as it is now."""
        parameters, loss = run.network.parameters.astype(float), loss_of(run)
        for name in done:
            if name in BEGINS:
                self.trained = self.moved_by_hand = False
                self.beginnings += name == "restart"
            elif name in TRAINS:
                self.trained, self.moved_by_hand = True, False
            elif name == "weight" and not self.moved_by_hand:
                self.moved_by_hand, self.loss_before_hand = True, self._loss
            if name == "point":
                self.edited_at = run.epochs
        changes = [name for name in done if name == "weight" or name in CHANGES]
        if changes:
            self.moved = self._move(parameters, loss) if set(changes) == {"weight"} else None
        self._parameters, self._loss = parameters, loss
        self._note_end(run)
        self._note_again(run, loss)

    def _move(self, parameters: Array, loss: float) -> Moved | None:
        """Return how the parameters and the loss changed since the last look."""
        before = self._parameters
        if before is None or before.shape != parameters.shape or (before == parameters).all():
            return None
        places = np.flatnonzero(before != parameters)
        last = int(places[-1])
        return Moved(places.tolist(), float(parameters[last] - before[last]), loss - self._loss)

    def _note_end(self, run: LiveRun) -> None:
        end = outcome(run) if run.network.output_size == 1 and len(run.examples.labels) <= MOST_ROWS else None
        units = run.network.layers[0].settings().get("units")
        if end is not None and isinstance(units, int):
            self.ends[units, run.setup.seed] = end

    def _note_again(self, run: LiveRun, loss: float) -> None:
        """Compare the loss with that of an earlier run of the same setup at the same epoch."""
        if not run.is_as_set or not run.epochs or run.is_playing:
            return
        key = repr(run.setup.plain()), run.epochs
        seen, before = self.losses.setdefault(key, (self.beginnings, loss))
        self.again |= seen != self.beginnings and before == loss
        if len(self.losses) > TRIED:
            self.losses.pop(next(iter(self.losses)))


class Course:
    """Course holds the lessons that a session goes through: the present one, and what was done in each."""

    def __init__(self, before: dict[str, Any]) -> None:
        self.before = before
        """The setup of the page before the first lesson."""
        self.number: int | None = None
        self.done: dict[int, set[str]] = {number: set() for number in range(1, len(LESSONS) + 1)}
        self.seen = Watched()
        self.size = 0
        """The number of parameters that the lesson began with."""

    @property
    def lesson(self) -> Lesson:
        """Return the present lesson."""
        return LESSONS[(self.number or 1) - 1]

    def begin(self, session: Session, number: int) -> None:
        """Set up a lesson; what was done in it before stays done."""
        self.number, self.seen = number, Watched()
        session.start({"epochs": MOST_EPOCHS, **self.lesson.setup})
        run = session.runs[0]
        for place, value in enumerate(self.lesson.weights):
            run.set_parameter(place, value)
        session.log.clear()
        self.size = run.network.parameters.size
        self.seen.look(run, [])

    def fits(self, run: LiveRun) -> bool:
        """Return True if the tasks can be asked of a run: its data and its network are still of the lesson's kind."""
        examples, net, own = run.examples, run.network, self.lesson
        same = net.parameters.size == self.size or not own.is_fixed
        of_kind = examples.input_size == own.inputs and net.output_size == 1 and len(examples.labels) <= MOST_ROWS
        return same and of_kind and (examples.classes is None) == (own is LESSONS[0])

    def progress(self, session: Session) -> dict[str, Any] | None:
        """Return the tasks of the present lesson and which are done; None if there is no lesson."""
        if self.number is None:
            return None
        done, run = self.done[self.number], session.runs[0]
        self.seen.look(run, session.log)
        session.log.clear()
        for task in self.lesson.tasks if self.fits(run) else ():
            if task.key not in done and task.done is not None and task.done(self.seen, run):
                done.add(task.key)
        tasks = [
            {"key": task.key, "done": task.key in done, "asks": task.number is not None} for task in self.lesson.tasks
        ]
        whole = [number for number, keys in self.done.items() if len(keys) == len(LESSONS[number - 1].tasks)]
        ends = self.seen.outcomes_of(2) if self.lesson is SEEDS else []
        tally = {"tally": {end: ends.count(end) for end in ("learned", "stuck")}} if ends else {}
        return {"number": self.number, "of": len(LESSONS), "tasks": tasks, "whole": whole, **tally}

    def view(self) -> dict[str, Any]:
        """Return what the page shows, opens and looks at, and the changes that its buttons make."""
        own = self.lesson
        offers = {task.key: dict(zip(("path", "value"), task.offer, strict=True)) for task in own.tasks if task.offer}
        return {"show": list(own.show), "open": list(own.open), "look": dict(own.look), "offers": offers}

    def task(self, key: str) -> Task:
        """Return the task of the present lesson that asks for a number."""
        for task in self.lesson.tasks if self.number else ():
            if task.key == key and task.number is not None:
                return task
        raise InvalidValue(f"task is {key[:40]!r}; it takes a task of the present lesson that asks for a number")


def lesson(session: Session, given: CommandArguments) -> Reply:
    """Begin a lesson; None ends the lessons and brings back what the page showed before them."""
    number = given.whole("number", 1, len(LESSONS), None)
    given.finish()
    course: Course = session.lesson or Course(session.setup.plain())
    if number is None:
        if course.number is not None:
            session.start(course.before)
        course.number = None
        session.lesson = course if session.lesson else None
        return {**session.scene(True), "lesson": None}, {}
    if course.number is None:
        course.before = session.setup.plain()
    session.lesson = course
    course.begin(session, number)
    progress = course.progress(session) or {}
    return {**session.scene(True), "lesson": {**progress, "view": course.view()}}, {}


def answer(session: Session, given: CommandArguments) -> Reply:
    """Check a number that was typed: `right` is None where the task cannot be asked of the network as it is now."""
    key, value = given.text("task", 40), given.number("value")
    given.finish()
    course: Course | None = session.lesson
    if course is None or course.number is None:
        raise InvalidValue("no lesson has begun")
    task = course.task(key)
    course.progress(session)
    assert task.number is not None
    run = session.runs[0]
    right = task.number(course.seen, run) if course.fits(run) else None
    is_right = None if right is None or not math.isfinite(right) else is_close(value, right, task.within)
    if is_right:
        course.done[course.number].add(key)
    return {"right": is_right, "lesson": course.progress(session)}, {}
