"""A thread owns one session: it answers messages in their order, and trains in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from plainnet.play.server import limits

T = TypeVar("T")


class Trainable(Protocol):
    """A Trainable has what the server needs of a session."""

    @property
    def is_playing(self) -> bool:
        """Return True while something trains."""

    @property
    def wait(self) -> float | None:
        """Return the seconds until `advance` has something to do; None while nothing plays."""

    def receive(self, message: bytes) -> bytes:
        """Answer a message."""

    def advance(self, seconds: float) -> None:
        """Train for about so long."""


class SessionEnded(Exception):
    """This is raised when the session that was asked has ended."""


class Worker:
    """A Worker is a thread with a session that `make` makes in it: nothing else ever touches the session.

    At its end it keeps what `keep` returns for the session, which is then forgotten.
    """

    def __init__(self, make: Callable[[], Trainable], keep: Callable[[Any], Any] | None = None) -> None:
        self.make, self.keep = make, keep
        self.kept: Any = None
        self.failure: Exception | None = None
        self.asked: SimpleQueue[tuple[Callable[[Any], Any], Future[Any]] | None] = SimpleQueue()
        self.open: set[Future[Any]] = set()
        self.lock = threading.Lock()
        self.has_ended = False
        self.thread = threading.Thread(target=self._run, name="plainnet play session", daemon=True)
        self.thread.start()

    def call(self, function: Callable[[Any], T]) -> Future[T]:
        """Call a function of the session in its thread, after what was asked before."""
        future: Future[T] = Future()
        with self.lock:
            if self.has_ended:
                future.set_exception(SessionEnded())
                return future
            self.open.add(future)
            self.asked.put((function, future))
        return future

    def answer(self, message: bytes) -> Future[bytes]:
        """Have the session answer a message of its page."""
        return self.call(lambda session: session.receive(message))

    def stop(self) -> None:
        """End the session; who still waits for an answer gets SessionEnded, though the thread may be at work for it."""
        with self.lock:
            self.has_ended = True
            waiting, self.open = self.open, set()
        self.asked.put(None)
        for future in waiting:
            with suppress(InvalidStateError):
                future.set_exception(SessionEnded())

    def _run(self) -> None:
        try:
            session = self.make()
            while not self.has_ended:
                try:
                    asked = self._next(session.wait if session.is_playing else None)
                except Empty:
                    session.advance(limits.SLICE_SECONDS)
                    continue
                if asked is not None:
                    self._answer(session, *asked)
            self.kept = None if self.keep is None else self.keep(session)
        except Exception as error:
            self.failure = error
            logging.getLogger(__name__).exception("plainnet play: a session failed")
        finally:
            self.stop()

    def _next(self, wait: float | None) -> tuple[Callable[[Any], Any], Future[Any]] | None:
        """Return what is asked next, or None at the end; raise Empty if nothing is asked in this time."""
        return (
            self.asked.get() if wait is None else self.asked.get(timeout=wait) if wait > 0 else self.asked.get_nowait()
        )

    def _answer(self, session: Trainable, function: Callable[[Any], Any], future: Future[Any]) -> None:
        result: Any = None
        failure: Exception | None = None
        try:
            result = function(session)
        except Exception as error:
            failure = error
        with self.lock:
            self.open.discard(future)
        with suppress(InvalidStateError):  # stopped meanwhile
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)
