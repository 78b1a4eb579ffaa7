"""The sessions of all pages are kept here: who may open one, who comes back to it, and when it ends."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plainnet._base.wording import plural
from plainnet.play.server import limits
from plainnet.play.server.tokens import Tokens
from plainnet.play.server.worker import Trainable, Worker


class Refused(Exception):
    """This is raised for a page that gets no session; its message is for the person before the page."""


@dataclass(eq=False)
class Seat:
    """A Seat holds one session and the connection of its page, None while the page is away."""

    name: str
    worker: Worker
    connection: Any = None
    left_at: float = 0.0


class Sessions:
    """Sessions holds all sessions, each in a thread of its own.

    `make` makes one, and at its end the thread keeps what `keep` returns for it.

    `clock` gives the time in seconds.
    """

    def __init__(
        self,
        make: Callable[[], Trainable],
        keep: Callable[[Any], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.make, self.keep, self.clock = make, keep, clock
        self.tokens = Tokens(clock)
        self.seats: dict[str, Seat] = {}
        self.latest: Worker | None = None
        """The session that a page took last, also after its end."""
        self.spare: Worker | None = None
        """A session that is made before its page asks for it."""
        self.has_closed = False

    def prepare(self) -> None:
        """Make the first session before its page asks for it: imports and machine code take their time."""
        self.spare = Worker(self.make, self.keep)

    def admit(self, token: Any, name: Any, connection: Any) -> tuple[Seat, Any]:
        """Give a page the session of this name, or a new one, and the connection that had it until now.

        Raises Refused for a wrong token, and where there are too many sessions.
        """
        if not self.tokens.admit(token):
            raise Refused("The address has no token, or that of an earlier start: open the one that plainnet printed.")
        seat = self.seats.get(name) if isinstance(name, str) else None
        if seat is None or seat.worker.has_ended:
            seat = self._new()
        before, seat.connection = seat.connection, connection
        self.latest = seat.worker
        return seat, before

    def _new(self) -> Seat:
        self.sweep()
        if len(self.seats) >= limits.SESSIONS:
            away = [seat for seat in self.seats.values() if seat.connection is None]
            if not away or self.has_closed:
                raise Refused(f"{plural(len(self.seats), 'page')} are open at once, and no more can be: close one.")
            self._end(min(away, key=lambda seat: seat.left_at))
        worker, self.spare = self.spare or Worker(self.make, self.keep), None
        seat = Seat(secrets.token_urlsafe(16), worker)
        self.seats[seat.name] = seat
        return seat

    def leave(self, seat: Seat, connection: Any) -> None:
        """Note that a connection of a session is gone; its page may come back for some time."""
        if seat.connection is connection:
            seat.connection, seat.left_at = None, self.clock()

    def sweep(self) -> None:
        """End the sessions whose page has been away for too long, or which have failed."""
        latest = self.clock() - limits.AWAY_SECONDS
        for seat in list(self.seats.values()):
            if seat.worker.has_ended or (seat.connection is None and seat.left_at <= latest):
                self._end(seat)

    @property
    def are_left(self) -> bool:
        """Return True after the last page has been away for too long."""
        return self.latest is not None and not self.seats

    def _end(self, seat: Seat) -> None:
        del self.seats[seat.name]
        seat.worker.stop()

    def close(self) -> None:
        """End all sessions, and take no more."""
        self.has_closed = True
        for seat in list(self.seats.values()):
            self._end(seat)
        if self.spare is not None:
            self.spare.stop()
