"""The threads that run the machine code together."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled.memory import LINE
from plainnet.errors import InvalidValue


def barrier(threads: int) -> Array:
    """Return the memory of the threads' barrier."""
    memory = np.zeros((threads + 1) * LINE // 8, np.int64)
    memory[threads * LINE // 8] = _yielding()
    return memory


@cache
def _yielding() -> int:
    """Return the address of the C function by which a thread lets others run."""
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@contextmanager
def started(threads: int) -> Iterator[ThreadPoolExecutor | None]:
    """Give so many threads that all run: if one did not start, the others would wait for it forever."""
    if threads == 0:
        yield None
        return
    here = threading.Barrier(threads)
    with ThreadPoolExecutor(threads) as pool:
        try:
            wait([pool.submit(here.wait) for _ in range(threads)])
        except RuntimeError as error:
            raise InvalidValue(
                f"threads is {threads + 1} and the system starts no more ({error}); take fewer"
            ) from None
        finally:
            here.abort()  # no thread waits any longer, also where an interrupt came
        yield pool
