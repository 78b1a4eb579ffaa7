"""The control channel: a rank that leaves a training tells all others, which may be waiting for it."""

from __future__ import annotations

import pickle
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet.errors import RankError, shortened

if TYPE_CHECKING:
    from mpi4py import MPI

LEFT = 1
"""The tag of its messages."""

SENDING = 1.0
"""The most seconds that a rank spends on telling the others before it goes on with its own error."""


class Left(NamedTuple):
    """What a rank says when it leaves a training."""

    training: int
    """The number of the training, counted on the communicator; what one left does not matter to the next."""
    number: int
    """The number of the last common call that it went into: those up to it can end, and none after it."""
    text: str


class Control:
    """Counts the common calls of a communicator's ranks, tells who left before which, and hears of it."""

    def __init__(self, communicator: MPI.Intracomm) -> None:
        self._channel = communicator
        self.training = 0
        self.number = 0
        """The number of common calls so far."""
        self.left: dict[int, Left] = {}
        """What each rank that has left said last."""
        self.is_broken = ""
        """Why the communicator is of no more use, if so: a call on it has begun and can never end."""
        self._kept: list[Any] = []
        """Requests that are never done: MPI goes on writing into their arrays, so they must stay."""

    def begin_training(self) -> None:
        """Count a training; the ranks begin it together."""
        if self.is_broken:
            self.training += 1
            self.tell(f"its communicator is broken ({self.is_broken})")
            raise RankError(
                f"the communicator is broken since an earlier training ({self.is_broken}); give another one, such as "
                "communicator.Dup() made on all ranks, or start the program again"
            )
        self.training += 1

    def enter(self) -> int:
        """Count a common call that this rank goes into; return its number."""
        self.number += 1
        return self.number

    def check(self, request: Any, number: int) -> None:
        """Raise RankError if a rank has left this training before the call `number`, whose request is under way."""
        self._hear()
        for rank, left in self.left.items():
            if left.training == self.training and left.number < number:
                self.is_broken = f"rank {rank}: {left.text}"
                self._kept.append(request)
                raise RankError(f"rank {rank} failed: {left.text}")

    def _hear(self) -> None:
        from mpi4py import MPI

        status = MPI.Status()
        while self._channel.Iprobe(MPI.ANY_SOURCE, LEFT, status):
            message = np.empty(status.Get_count(), np.uint8)
            self._channel.Recv(message, status.source, LEFT)
            self.left[status.source] = Left(*pickle.loads(message.tobytes()))

    def tell(self, text: str) -> None:
        """Tell all other ranks that this one leaves the present training."""
        from mpi4py import MPI

        left = Left(self.training, self.number, shortened(text))
        message = np.frombuffer(pickle.dumps(tuple(left)), np.uint8)
        others = (rank for rank in range(self._channel.size) if rank != self._channel.rank)
        sent = [self._channel.Isend(message, rank, LEFT) for rank in others]
        self._kept += [message, *sent]
        until = time.monotonic() + SENDING
        while not MPI.Request.Testall(sent) and time.monotonic() < until:
            time.sleep(0.001)

    def free(self) -> None:
        """Free the channel."""
        self._channel.Free()
