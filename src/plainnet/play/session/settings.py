"""Checked settings: plain data that may hold anything becomes the settings of a setup, or a refusal with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from plainnet._base import checks
from plainnet._base.configurable import OWN, Configurable, build, describe
from plainnet.errors import InvalidValue, PlainnetError
from plainnet.losses import LOSSES
from plainnet.optimizers import OPTIMIZERS
from plainnet.play.session.bounds import bounds_of

Path = Sequence[str | int]

MOST_NUMBERS = 100_000
"""The most entries of a setup, those of its points included."""
MOST_DEPTH = 12
LONGEST_TEXT = 500


class InvalidSetting(InvalidValue):
    """This is raised for a setting that is refused; `at` is its place in the setup, a path of names and numbers."""

    def __init__(self, message: str, at: Path = ()) -> None:
        super().__init__(message)
        self.at = list(at)


@contextmanager
def placed(*at: str | int) -> Iterator[None]:
    """Give the refusals inside this place; a place that they have already is inside of it."""
    try:
        yield
    except PlainnetError as error:
        raise InvalidSetting(str(error), [*at, *getattr(error, "at", ())]) from None


@contextmanager
def placed_by_name(names: Container[str]) -> Iterator[None]:
    """Give each refusal whose message begins with one of the names that place."""
    try:
        yield
    except PlainnetError as error:
        name = re.split(r"[ \[]", str(error), maxsplit=1)[0]
        at = getattr(error, "at", None) or ([name] if name in names else [])
        raise InvalidSetting(str(error), at) from None


# ---- plain data ----


def checked_plain(value: Any, at: Path = ()) -> Any:
    """Return a copy of data that JSON can hold, tuples as lists; raise InvalidSetting for all else and for too much."""
    left = MOST_NUMBERS

    def copied(value: Any, at: tuple[str | int, ...]) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or len(at) > MOST_DEPTH:
            raise InvalidSetting(f"the setup holds more than plainnet takes ({MOST_NUMBERS:,} entries)", at[:3])
        if type(value) is float and math.isfinite(value):  # as most are
            return value
        if isinstance(value, Mapping):
            for name in value:
                if not isinstance(name, str):
                    raise InvalidSetting(f"the setup has the name {name!r}; names are texts", at)
            return {_text(name, at): copied(part, (*at, name)) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [copied(part, (*at, i)) for i, part in enumerate(value)]
        if isinstance(value, str):
            return _text(value, at)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int) and abs(value) <= 2**63:
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        name = at[-1] if at else "setup"
        raise InvalidSetting(f"{name} is {shown(value)}; it takes plain data: numbers, texts, lists and objects", at)

    return copied(value, tuple(at))


def _text(text: str, at: Path) -> str:
    if len(text) > LONGEST_TEXT:
        raise InvalidSetting(f"the setup holds a text of {len(text):,} characters; it takes {LONGEST_TEXT}", at)
    return text


def shown(value: Any) -> str:
    """Return a value as a message shows it, in a few characters."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a number of many digits"
    return text if len(text) <= 60 else f"{text[:56]} ..."


# ---- single settings ----


def whole(name: str, value: Any, least: int, most: int) -> int:
    """Return a whole number from `least` to `most`."""
    found = checks.whole_number(name, value, least=least)
    if found > most:
        raise InvalidValue(f"{name} is {shown(value)}; it takes a whole number of at most {most:,}")
    return found


def share(name: str, value: Any, most: float = 0.9) -> float:
    """Return a share of the examples."""
    return checks.number(name, value, least=0, most=most)


def known_keys(what: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse names that `what` does not take."""
    for name in given:
        if name not in known:
            raise InvalidSetting(f"{what} takes no {shown(name)}; {checks.closest(name, known)}", [name])


def an_object(name: str, value: Any) -> dict[str, Any]:
    """Return a value that has to be an object."""
    if not isinstance(value, dict):
        raise InvalidSetting(f"{name} is {shown(value)}; it takes an object of names and values")
    return value


# ---- parts of plainnet ----


def known_loss(value: Any) -> Any:
    """Return the description of a loss in its one form; one of the user's own stays as it is described."""
    return value if has_own_parts(value) else describe(_checked("loss", value, LOSSES))


def known_optimizer(value: Any) -> Any:
    """Return the description of an optimizer as a dict with all its settings, so that each has a place of its own."""
    return value if has_own_parts(value) else settings_of(_checked("optimizer", value, OPTIMIZERS))


def _checked(kind: str, value: Any, known: Mapping[str, Callable[..., Any]]) -> Configurable:
    made = _built(kind, value, known)
    check_sizes(made)
    return made


def _built(kind: str, value: Any, known: Mapping[str, Callable[..., Any]]) -> Configurable:
    with placed_by_name(value if isinstance(value, dict) else ()):
        made: Configurable = build(kind, value, known)
    return made


def settings_of(made: Configurable) -> dict[str, Any]:
    """Return a part as a dict of its name and all its settings."""
    return {"name": made.name, **{name: describe(value) for name, value in made.settings().items()}}


def check_sizes(made: Configurable) -> None:
    """Refuse whole numbers beyond the limits of the catalogue, in a part and in the parts in it."""
    for name, value in made.settings().items():
        known = bounds_of(made.name, name)
        with placed(name):
            if isinstance(value, Configurable):
                check_sizes(value)
            elif known.get("kind") == "whole" and value is not None and value > known["most"]:
                raise InvalidValue(f"{name} is {shown(value)}; the page takes at most {known['most']:,}")


FROM_DATA = {
    ("Embedding", "categories"): [1],
    ("PeriodicEmbedding", "columns"): 1,
    ("PiecewiseLinearEmbedding", "edges"): [[0.0, 1.0]],
}
"""Settings of layers that the data decide where they are null, each with a value to check the others by."""


def layer_of(value: Any, known: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Return the description of a layer as a dict with all its settings.

    What the data decide is None where it is not given. A layer with parts of the user's own stays as it is described:
    the network that was given has them.
    """
    given = {"name": value} if isinstance(value, str) else an_object("layer", value)
    if has_own_parts(given) and isinstance(given.get("name"), str):
        return given
    name = given.get("name")
    open_settings = [setting for (part, setting) in FROM_DATA if part == name and given.get(setting) is None]
    filled = {**given, **{setting: FROM_DATA[str(name), setting] for setting in open_settings}}
    found = settings_of(_built("layer", filled, known))
    return {**found, **dict.fromkeys(open_settings)}


def has_own_parts(value: Any) -> bool:
    """Return True for a description that names a class or function of the user's own."""
    if isinstance(value, Mapping):
        return any(has_own_parts(part) for part in value.values())
    if isinstance(value, list):
        return any(has_own_parts(part) for part in value)
    return isinstance(value, str) and value.startswith(OWN)
