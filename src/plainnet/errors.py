"""The errors of plainnet: each is a ValueError or TypeError whose message says what came and what would do.

`except plainnet.errors.PlainnetError` catches them all; `except ValueError` goes on catching those that are one.

>>> import plainnet as pn
>>> try:
...     pn.Dense(0)
... except pn.errors.InvalidValue as error:
...     print(error)
units is 0; it takes a whole number of at least 1
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Self

__all__ = [
    "DivergenceError",
    "FileError",
    "InvalidRow",
    "InvalidType",
    "InvalidValue",
    "MissingExtraError",
    "PlainnetError",
    "PlainnetWarning",
    "RankError",
    "WorkerError",
]

LONGEST_MESSAGE = 600


def shortened(message: str, longest: int = LONGEST_MESSAGE) -> str:
    """Cut a message that is too long in the middle, as its beginning says what is wrong and its end what would do."""
    if len(message) <= longest:
        return message
    begin, end = longest * 2 // 3, longest // 4
    return f"{message[:begin]} … ({len(message) - begin - end:,} characters left out) … {message[-end:]}"


class PlainnetError(Exception):
    """All errors of plainnet derive from this one.

    The message is meant for the user as it stands, and is never a page long.
    """

    def __str__(self) -> str:
        return shortened(super().__str__())

    def renamed(self, was: str, now: str) -> Self:
        """Return the same error for an argument `was` that the caller knows by another name, `now`.

        A message about another argument stays as it is.
        """
        message = str(self.args[0]) if self.args else ""
        if not message.startswith((f"{was} ", f"{was}[")):
            return self
        return type(self)(now + message.removeprefix(was), *self.args[1:])


class InvalidValue(PlainnetError, ValueError):
    """A value is outside what an argument takes: a shape, a range, a name, NaN in data."""


class InvalidRow(InvalidValue):
    """A row of data is invalid: its number, counted from 0, is `row`.

    `{row}` in the message is replaced by it.
    """

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message, row)
        self.message, self.row = message, row

    def __str__(self) -> str:
        return shortened(self.message.replace("{row}", str(self.row)))

    def moved(self, rows: int) -> "InvalidRow":
        """Return the same error with `rows` added to its row number, for a block that begins at that row."""
        return InvalidRow(self.message, self.row + rows)


class InvalidType(PlainnetError, TypeError):
    """A value is of a kind that an argument does not take."""


class FileError(InvalidValue):
    """A file is missing, damaged, of another format or from a newer version; the message names it."""


class DivergenceError(InvalidValue):
    """The loss of a training run stopped being finite; the network keeps its last finite parameters."""


class WorkerError(PlainnetError, RuntimeError):
    """A worker of joblib, Dask or Ray died again and again of the same call."""


class RankError(PlainnetError, RuntimeError):
    """Another rank of a training on several ranks failed, or its arguments differ; the message has its number."""


class MissingExtraError(PlainnetError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class PlainnetWarning(UserWarning):
    """Something did not stop the work and the user should know it: the message is meant for them."""

    def __str__(self) -> str:
        return shortened(super().__str__())


_PASSED_OVER = ("plainnet", "sklearn", "contextlib")
"""Packages whose lines a warning does not point at: none of them is the user's."""


_PASSED_OVER_HERE: ContextVar[bool] = ContextVar("passed over here", default=False)


@contextmanager
def warnings_passed_over() -> Iterator[None]:
    """Drop the warnings of plainnet meanwhile, as they have been given before; those of other threads are given."""
    token = _PASSED_OVER_HERE.set(True)
    try:
        yield
    finally:
        _PASSED_OVER_HERE.reset(token)


_GATHERED: ContextVar[list[str] | None] = ContextVar("gathered", default=None)


@contextmanager
def warnings_gathered() -> Iterator[list[str]]:
    """Gather the messages of plainnet's warnings meanwhile in a list, in place of giving them."""
    messages: list[str] = []
    token = _GATHERED.set(messages)
    try:
        yield messages
    finally:
        _GATHERED.reset(token)


def warn(message: str, category: type[Warning] = PlainnetWarning) -> None:
    """Warn, pointing at the line of the user's that led here, however deep in plainnet the warning arises."""
    if _PASSED_OVER_HERE.get():
        return
    gathered = _GATHERED.get()
    if gathered is not None:
        gathered.append(shortened(message))
        return
    level, frame = 2, sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in _PASSED_OVER:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
