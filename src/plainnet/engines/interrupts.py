"""Ctrl-C, held back where it would do harm."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Defer SIGINT: in the middle of an update it would leave the state that is updated inconsistent.

    Only the main thread of the main interpreter receives it, so nothing has to be done elsewhere.
    """
    handler = signal.getsignal(signal.SIGINT)
    came: list[int] = []
    try:
        if handler is None:  # one of C, which Python cannot put back
            raise ValueError
        signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    except ValueError:  # another thread or interpreter
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)
