"""Waits that poll, so that a rank can hear of another's failure, and a signal can arrive, while it waits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

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
