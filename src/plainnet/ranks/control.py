"""The control channel: a rank that leaves a training tells all others, which may be waiting for it.

It is a communicator of its own, on which ranks send each other single messages: these arrive while sums of the other
communicator are under way, and also when one of these can never end.
"""

from __future__ import annotations

import os
import pickle
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet.errors import PlainnetError, RankError, shortened
from plainnet.ranks.waiting import wait_until

if TYPE_CHECKING:
    from mpi4py import MPI

LEFT, READY, GO = 1, 2, 3
"""The tags of its messages: a rank has left; a rank is ready for a training; rank 0 has heard that all are."""

EVERY = -1
"""The sign, in place of the number of a training, for all from now on."""

NOTHING = -1
"""The sign, in place of the number of a common call, that none under way can end."""

LOOKING = 0.5
"""The seconds between two looks at the processes of this machine's other ranks."""

SENDING = 1.0
"""The most seconds that a rank spends on telling the others before it goes on with its own error."""


class Left(NamedTuple):
    """A rank says this when it leaves."""

    training: int
    """The number of the training that it leaves, counted on the communicator, or EVERY."""
    number: int
    """The number of the last common call that it went into: those up to it can end, and none after it."""
    text: str
    """The end of the message, as in "rank 2 failed: ..."."""


class Control:
    """Counts the common calls of a communicator's ranks, tells who left before which, and hears of it."""

    def __init__(self, communicator: MPI.Intracomm) -> None:
        from mpi4py import MPI

        self._mpi = MPI  # not imported later, as a generator may be closed when Python shuts down
        self._channel = communicator
        self.training = 0
        self.number = 0
        """The number of common calls so far."""
        self.left: dict[int, list[Left]] = {}
        """The messages of the ranks that have left."""
        self.broken = ""
        """The reason why the communicator is of no more use, if so: a common call has begun on it and can never end."""
        self._kept: list[Any] = []
        """Requests that are never done, and what they read and write, which must stay as long as MPI does."""
        told = communicator.allgather((os.getpid(), mark_of(os.getpid())))
        self._processes = {rank: own for rank, own in enumerate(told) if own[1] and mark_of(own[0]) == own[1]}
        """The number and the mark of each rank's process, of those that this rank can see."""
        self._looked = time.monotonic()

    def begin_training(self) -> None:
        """Wait until all ranks are here; refuse a communicator that an earlier training has broken."""
        self.training += 1
        if self.broken:
            raise RankError(
                f"the communicator is broken since an earlier training: {self.broken}; give another one that all ranks "
                "have made, such as communicator.Dup(), or start the program again"
            )
        own = self._channel.rank
        others = [rank for rank in range(self._channel.size) if rank != own]
        if own:
            self._send([0], READY)
            self._await([0], GO)
        else:
            self._await(others, READY)
            self._send(others, GO)

    def _await(self, senders: list[int], tag: int) -> None:
        missing = set(senders)

        def have_come() -> bool:
            for rank in sorted(missing):
                if self._channel.Iprobe(rank, tag):
                    self._receive(rank, tag, 0)
                    missing.discard(rank)
            return not missing

        wait_until(have_come, lambda: self._raise_if_left(self.number + 1))

    def enter(self) -> int:
        """Count a common call that this rank goes into; return its number."""
        self.number += 1
        return self.number

    def wait_for(self, request: Any, number: int) -> None:
        """Wait until the request of the common call `number` is done; raise if a rank left without going into it."""
        try:
            wait_until(request.Test, lambda: self._raise_if_left(number))
        except BaseException as error:
            self._kept.append(request)
            self.broken = self.broken or told(error)
            self.tell(f"has a broken communicator: {self.broken}", EVERY, NOTHING)
            raise

    def _raise_if_left(self, number: int) -> None:
        """Raise RankError if a rank has left before the common call `number` of this training."""
        self._hear()
        for rank, messages in self.left.items():
            for left in messages:
                if left.training in (self.training, EVERY) and left.number < number:
                    raise RankError(f"rank {rank} {left.text}")
        self._raise_if_dead()

    def _raise_if_dead(self) -> None:
        """Raise RankError if a rank of this machine is no more, where mpiexec leaves that to the others."""
        if time.monotonic() < self._looked + LOOKING:
            return
        self._looked = time.monotonic()
        for rank, (process, mark) in self._processes.items():
            if mark_of(process) not in (mark, ""):
                raise RankError(f"rank {rank} has died: its process {process} is no more")

    def _hear(self) -> None:
        status = self._mpi.Status()
        while self._channel.Iprobe(self._mpi.ANY_SOURCE, LEFT, status):
            left = Left(*pickle.loads(self._receive(status.source, LEFT, status.Get_count())))
            known = self.left.setdefault(status.source, [])
            known[:] = [old for old in known if old.training in (self.training, EVERY)] + [left]

    def _receive(self, rank: int, tag: int, size: int) -> bytes:
        message = np.empty(size, np.uint8)
        self._channel.Recv(message, rank, tag)
        return message.tobytes()

    def tell(self, text: str, training: int | None = None, number: int | None = None) -> None:
        """Tell all other ranks that this one leaves a training, the present one if none is named."""
        training = self.training if training is None else training
        left = Left(training, self.number if number is None else number, shortened(text))
        others = [rank for rank in range(self._channel.size) if rank != self._channel.rank]
        self._send(others, LEFT, pickle.dumps(tuple(left)))

    def _send(self, ranks: list[int], tag: int, message: bytes = b"") -> None:
        """Send a message; the memory of one that a rank does not take in time is left to MPI."""
        sent = [self._channel.Isend(message, rank, tag) for rank in ranks]
        until = time.monotonic() + SENDING
        while not (done := self._mpi.Request.Testall(sent)) and time.monotonic() < until:
            time.sleep(0.001)
        if not done:
            self._kept += [message, *sent]

    def free(self) -> None:
        """Free the channel."""
        self._channel.Free()


def mark_of(process: int) -> str | None:
    """Return what only one process of all machines and containers has, also if a later one gets its number.

    A process that has ended has None, and so has every one off Linux; one that cannot be looked at now, as too many
    files are open, has "".
    """
    try:
        state, *rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return None if state in ("Z", "X") else f"{_place()} {rest[18]}"  # its start, by the clock of the machine
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return ""


@cache
def _place() -> str:
    """Return the machine, since its start, and the container in which this process has its number."""
    machine, container = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if os.readlink("/proc/self") != str(os.getpid()):
        raise FileNotFoundError("these are the processes of another container")
    return f"{machine.read_text().strip()} {container.stat().st_ino}"


def told(error: BaseException) -> str:
    """Return an error in words: ours is a message as it stands."""
    return str(error) if isinstance(error, PlainnetError) else f"{type(error).__name__}: {error}".rstrip(": ")
