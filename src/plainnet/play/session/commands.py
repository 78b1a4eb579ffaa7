"""The commands of a page by their names: each takes the session and its arguments, and returns a reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from plainnet.errors import PlainnetError
from plainnet.play.session import choices, course, frames, points, steps, tables, takeaway, units, valley
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.messages import Reply
from plainnet.play.session.settings import InvalidSetting
from plainnet.play.session.setup import Setup

if TYPE_CHECKING:
    from plainnet.play.session.session import Session

Command = Callable[["Session", CommandArguments], Reply]


def _start(session: Session, given: CommandArguments) -> Reply:
    setup = given.plain("setup", None)
    given.finish()
    session.start(session.first if setup is None else setup)
    return session.scene(True), {}


def _setup(session: Session, given: CommandArguments) -> Reply:
    setup, place = given.plain("setup"), given.place("run", session.runs)
    given.finish()
    return session.scene(session.apply(Setup.of(setup), place)), {}


def _change(session: Session, given: CommandArguments) -> Reply:
    path, value = given.list("path", 12), given.plain("value")
    place = given.place("run", session.runs)
    given.finish()
    try:
        return session.scene(session.apply(session.setups[place].changed(path, value), place)), {}
    except PlainnetError as error:
        raise InvalidSetting(str(error), getattr(error, "at", None) or path) from None


def _restart(session: Session, given: CommandArguments) -> Reply:
    seed = given.whole("seed", 0, 2**53, None)
    given.finish()
    session.restart(seed)
    return session.scene(True), {}


def _weight(session: Session, given: CommandArguments) -> Reply:
    run = session.runs[given.place("run", session.runs)]
    place = given.whole("place", 0, run.network.parameters.size - 1)
    value = given.number("value")
    given.finish()
    run.set_parameter(place, value)
    return session.scene(), {}


def _twin(session: Session, given: CommandArguments) -> Reply:
    setup = given.plain("setup", None)
    given.finish()
    session.twin(None if setup is None else Setup.of(setup))
    return session.scene(True), {}


def _play(session: Session, given: CommandArguments) -> Reply:
    speed = given.number("speed", 0.01, 1e6, None)
    by = given.one_of("by", ("epochs", "steps"), "epochs")
    given.finish()
    session.play(speed, by)
    return {"playing": session.is_playing}, {}


def _pause(session: Session, given: CommandArguments) -> Reply:
    given.finish()
    session.pause()
    return {"playing": False}, {}


def _step(session: Session, given: CommandArguments) -> Reply:
    given.finish()
    session.make(1, "steps")
    return {"playing": session.is_playing}, {}


def _epoch(session: Session, given: CommandArguments) -> Reply:
    given.finish()
    session.make(1, "epochs")
    return {"playing": session.is_playing}, {}


def _choices(session: Session, given: CommandArguments) -> Reply:
    given.finish()
    return choices.catalogue(), {}


COMMANDS: dict[str, Command] = {
    "start": _start,
    "setup": _setup,
    "change": _change,
    "restart": _restart,
    "weight": _weight,
    "twin": _twin,
    "play": _play,
    "pause": _pause,
    "step": _step,
    "epoch": _epoch,
    "frame": frames.frame,
    "examples": frames.examples,
    "point": points.point,
    "upload": tables.upload,
    "choices": _choices,
    "explain": steps.explain,
    "unit": units.unit,
    "valley": valley.valley,
    "take": takeaway.take,
    "lesson": course.lesson,
    "answer": course.answer,
}
"""Each command by its name."""
