"""A training in one process, as the only rank: whoever asks all ranks need not ask if there are others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plainnet._base.arrays import Array
from plainnet.ranks.communicator import Ranks


class Alone:
    """The methods of `Ranks` that do not concern the steps, for a process that trains alone."""

    rank, size, here = 0, 1, 1

    def all(self, value: Any) -> list[Any]:
        """Return the value as that of the only rank."""
        return [value]

    def first(self, value: Any) -> Any:
        """Return the value."""
        return value

    def gather(self, rows: Array) -> Array | None:
        """Return the rows."""
        return rows

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let errors pass."""
        yield

    @contextmanager
    def interrupts_held(self) -> Iterator[None]:
        """Let interrupts pass."""
        yield

    def raise_interrupt(self) -> None:
        """Let interrupts pass."""

    def leave(self, error: BaseException) -> None:
        """Tell nobody."""


ALONE = Alone()


def ranks_of(communicator: Any) -> Ranks | Alone:
    """Return the ranks of a user's communicator, or this process alone; raise as `Ranks.of` does."""
    return Ranks.of(communicator) or ALONE
