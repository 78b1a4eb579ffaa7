"""Ctrl-C, deferred until the job is consistent again."""

import signal
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
