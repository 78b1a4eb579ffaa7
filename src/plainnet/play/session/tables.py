"""Tables in memory."""

from __future__ import annotations

from typing import Any

from plainnet.errors import InvalidValue
from plainnet.play.session.examples import Examples, Held


class HeldTable:
    """A table that was uploaded."""


def of_table(data: dict[str, Any], held: Held) -> Examples:
    """Return the examples of a table."""
    raise InvalidValue(f"table {data['name']!r} is not in memory; upload it again")
