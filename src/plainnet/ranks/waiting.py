"""Waits that poll, so that a rank can hear of another's failure, and a signal can arrive, while it waits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from plainnet._base.arrays import Array

PIECE_BYTES = 2**20
"""Larger vectors are summed in pieces of so many bytes, one after the other, which stay in the caches."""

SPINS = 64
"""The number of tests before a wait looks at anything else."""

PATIENCE = 0.02
"""The seconds of waiting after which a wait sleeps between tests, so that a waiting rank uses no core."""

SLEEP = 0.0005
"""The seconds of such a sleep."""


def wait_until(is_done: Callable[[], bool], check: Callable[[], None]) -> None:
    """Test until it is done; call `check` from time to time, which may raise."""
    began = None
    while True:
        for _ in range(SPINS if began is None or time.monotonic() < began + PATIENCE else 1):
            if is_done():
                return
            _yield()
        check()
        now = time.monotonic()
        began = began or now
        if now - began > PATIENCE:
            time.sleep(SLEEP)


def _yield() -> None:
    """Let another process have the core: there may be more ranks than cores."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:  # Windows
        time.sleep(0)


def pieces(vector: Array) -> Iterator[Array]:
    """Yield the parts of a vector that are sent one after the other; an empty vector has one, as ranks must agree."""
    size = max(1, PIECE_BYTES // vector.itemsize)
    for start in range(0, max(1, len(vector)), size):
        yield vector[start : start + size]


class Sum:
    """A sum over all ranks that is under way, piece by piece."""

    def __init__(self, parts: Iterator[Array], begin: Callable[[Array], Any], wait: Callable[[Any], None]) -> None:
        self._parts, self._begin, self._wait = parts, begin, wait
        self._requests = [begin(next(parts))]

    def begin_all(self) -> None:
        """Begin the pieces that have not begun."""
        self._requests += map(self._begin, self._parts)

    def poll(self) -> None:
        """Help it on without waiting, in the midst of other work."""
        if self._requests and self._requests[0].Test():
            self._next()

    def wait(self) -> None:
        """Wait until the vector holds the sum."""
        while self._requests:
            self._wait(self._requests[0])
            self._next()

    def _next(self) -> None:
        """Drop the piece that is done; begin the next one if no other is under way."""
        del self._requests[0]
        if not self._requests:
            self._requests += map(self._begin, islice(self._parts, 1))
