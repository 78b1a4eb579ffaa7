"""Ctrl-C, deferred until what it would interrupt is consistent again."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Defer SIGINT: in the middle of an update it would leave the state that is updated inconsistent.

    Only the main thread of the main interpreter receives it, so nothing has to be done elsewhere.
    """
    came: list[tuple[int, FrameType | None]] = []
    handler = _replace_handler(lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        if came and callable(handler):  # a second signal would reach asyncio twice, which heard of the first
            handler(*came[0])
        elif came:
            signal.raise_signal(signal.SIGINT)


SAME_SIGNAL = 1.0
"""The seconds after a SIGINT in which another one is taken for the same: a shell and mpiexec may both send it."""


@contextmanager
def interrupts_noted(note: Callable[[], None]) -> Iterator[None]:
    """Call `note` at a SIGINT instead of raising KeyboardInterrupt; a second one raises it."""
    noted_at: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        note()
        noted_at.append(time.monotonic())
        if noted_at[-1] > noted_at[0] + SAME_SIGNAL and callable(handler):
            handler(number, frame)

    handler = _replace_handler(handle)
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)


def _replace_handler(new: Callable[[int, FrameType | None], None]) -> Any:
    """Have SIGINT handled by `new`; the handler before, or None where it stays: in another thread or interpreter."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is None:  # one of C, which Python could not put back
        return None
    try:
        signal.signal(signal.SIGINT, new)
    except ValueError:
        return None
    return handler
