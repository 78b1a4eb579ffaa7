"""The number of threads of BLAS, NumPy's library for matrix products: this file alone sets it.

The number holds for the whole process, so runs in several threads share it: as long as any of them asks for a limit,
the lowest one asked for holds, and when the last one leaves, every library has the number it had before.
"""

import importlib.util
import math
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plainnet._base.interrupts import interrupts_held


def can_be_limited() -> bool:
    """Return True if threadpoolctl, which sets the number, is installed."""
    return importlib.util.find_spec("threadpoolctl") is not None


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Let BLAS use at most so many threads meanwhile; None, or a missing threadpoolctl, leaves it alone."""
    if threads is None:
        yield
        return
    user = object()
    try:
        _LIMITS.enter(user, threads)
        yield
    finally:
        _LIMITS.leave(user)


class _Limits:
    """The limits that are asked for at present, and the numbers to put back after the last of them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a finalizer may end another run in the midst of this one's turn
        self.asked: dict[object, int] = {}
        self.limit: int | None = None
        """The one that holds."""
        self.before: dict[str, int] = {}
        """The number of each library, by its file, before the first limit."""
        self.libraries: list[Any] | None = None
        self.found_with_scipy = False

    def enter(self, user: object, threads: int) -> None:
        with self.lock:
            self.asked[user] = threads
            found_more = self._find_libraries()
            if found_more or threads < (self.limit or math.inf):
                self._set()

    def leave(self, user: object) -> None:
        with self.lock:
            self.asked.pop(user, None)
            if min(self.asked.values(), default=None) != self.limit:
                self._set()

    def start_anew(self) -> None:
        """Forget the limits in a process that was forked while the lock was held.

        The threads that asked are not in it.
        """
        self.asked.clear()
        if self.limit is not None:
            self._set()
        self.lock.release()

    def _set(self) -> None:
        """Have the lowest number hold, or the numbers before where nobody asks for one."""
        with interrupts_held():
            self.limit = min(self.asked.values(), default=None)
            for library in self.libraries or ():
                before = self.before.setdefault(library.filepath, library.get_num_threads())
                library.set_num_threads(before if self.limit is None else self.limit)
            if self.limit is None:
                self.before.clear()

    def _find_libraries(self) -> bool:
        """Look for the loaded libraries once, which takes milliseconds, and again when SciPy has brought its own."""
        with_scipy = "scipy.linalg" in sys.modules
        if self.libraries is not None and with_scipy == self.found_with_scipy:
            return False
        self.found_with_scipy = with_scipy
        try:
            import threadpoolctl  # type: ignore[import-untyped]
        except ImportError:
            self.libraries = []
        else:
            self.libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
        return True


_LIMITS = _Limits()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=_LIMITS.lock.acquire, after_in_parent=_LIMITS.lock.release, after_in_child=_LIMITS.start_anew
    )
