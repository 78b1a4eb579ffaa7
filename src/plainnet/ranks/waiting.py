"""Waits that poll, so that a rank can hear of another's failure, and a signal can arrive, while it waits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from plainnet._base.arrays import Array

if TYPE_CHECKING:
    from plainnet.ranks.control import Control

PIECE_BYTES = 2**20
"""Larger vectors are summed in pieces of so many bytes, one after the other, which stay in the caches."""

SPINS = 64
"""How often a request is tested before a wait looks at anything else."""

PATIENCE = 0.02
"""The seconds of waiting after which a wait sleeps between tests, so that a waiting rank uses no core."""

SLEEP = 0.0005
"""The seconds of such a sleep."""


def pieces(vector: Array) -> Iterator[Array]:
    """Yield the parts of a vector that are sent one after the other; an empty vector has one, as ranks must agree."""
    size = max(1, PIECE_BYTES // vector.itemsize)
    for start in range(0, max(1, len(vector)), size):
        yield vector[start : start + size]


def wait_for(request: Any, control: Control, number: int) -> None:
    """Wait until the request of the common call `number` is done; raise if a rank left without going into it."""
    began = None
    while True:
        for _ in range(SPINS):
            if request.Test():
                return
            _yield()
        control.check(request, number)
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
            del self._requests[0]
            self._next()

    def wait(self) -> None:
        """Wait until the vector holds the sum."""
        while self._requests:
            self._wait(self._requests[0])
            del self._requests[0]
            self._next()

    def _next(self) -> None:
        if not self._requests:
            self._requests += map(self._begin, islice(self._parts, 1))
