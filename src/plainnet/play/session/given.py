"""What a program gives to `play`."""

from __future__ import annotations

from typing import Any

from plainnet.errors import InvalidValue
from plainnet.network import Network
from plainnet.play.session.examples import Examples, Held


class GivenModel:
    """A network with its data."""


def described_layers(network: Network) -> list[dict[str, Any]]:
    """Return the layers of a network as a setup describes them."""
    return []


def of_given(data: dict[str, Any], held: Held) -> Examples:
    """Return the examples that were given."""
    raise InvalidValue("nothing was given to this session")
