"""Tokens say who may open a session: whoever has the token of this start, or a ticket that is used once."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any

from plainnet.play.server import limits


class Tokens:
    """Tokens holds the token, and the tickets that are handed out.

    The address with the token is printed for the user. A browser that we start gets a ticket instead, because other
    users of the machine can read the command lines of processes: a ticket opens one session, within two minutes, and
    the page gets the token in the answer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.token = secrets.token_urlsafe(32)
        self.clock = clock
        self.tickets: dict[str, float] = {}

    def ticket(self) -> str:
        """Return a new ticket."""
        ticket = secrets.token_urlsafe(32)
        self.tickets[ticket] = self.clock() + limits.TICKET_SECONDS
        return ticket

    def admit(self, given: Any) -> bool:
        """Return True for the token, and for a ticket that has not been used and is not too old."""
        if not isinstance(given, str):
            return False
        is_token = _equal(given, self.token)
        used = [ticket for ticket in self.tickets if _equal(given, ticket)]
        return is_token or any(self.tickets.pop(ticket) >= self.clock() for ticket in used)


def _equal(given: str, known: str) -> bool:
    """Compare in a time that does not tell how much of a text is right."""
    return hmac.compare_digest(given.encode(errors="replace"), known.encode())
