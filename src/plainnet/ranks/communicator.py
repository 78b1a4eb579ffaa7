"""The ranks of one training, and what they tell each other: sums of vectors, small values, who has failed."""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.extras import missing_extra
from plainnet.errors import InvalidType, InvalidValue, RankError
from plainnet.ranks.control import Control
from plainnet.ranks.waiting import Sum, pieces, wait_for

if TYPE_CHECKING:
    from mpi4py import MPI

RECORD = 512
"""The bytes of a small value that `all` sends at once, its length included; larger ones take a second message."""


class Ranks:
    """All ranks of a communicator of mpi4py, as this rank sees them.

    Every method but `leave` is for all ranks together, in the same order on each. Whoever waits in one looks from time
    to time if another rank has left its training without going into it, and raises RankError then.

    `rank` is this rank's number from 0, `size` the number of ranks, `here` the number of those on this machine,
    `sharing` the number of those that run on the same cores as this one: all of them, unless each was given its own.
    """

    def __init__(self, communicator: MPI.Intracomm) -> None:
        from mpi4py import MPI

        self.control = Control(communicator.Dup())
        self._world = communicator.Dup()  # so our messages never meet the user's
        self._in_place, self._largest = MPI.IN_PLACE, MPI.MAX
        self._pending: list[Sum] = []
        self.rank, self.size = self._world.rank, self._world.size
        machine = self._world.Split_type(MPI.COMM_TYPE_SHARED)
        self.here = machine.size
        own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        self.sharing = machine.allgather(own).count(own)
        machine.Free()
        self.interrupted = False
        """True after a SIGINT that this rank has held back.

        Engines sum it over the ranks with each step's gradient, and stop early after the same step on every rank.
        """

    @classmethod
    def of(cls, communicator: Any) -> Ranks | None:
        """Return the ranks of a user's communicator; None for None and for one rank, which need no messages."""
        if communicator is None:
            return None
        module = sys.modules.get("mpi4py.MPI")  # not imported by us: that would start MPI
        if module is None or not isinstance(communicator, module.Intracomm):
            if module is None and importlib.util.find_spec("mpi4py") is None:
                raise missing_extra("communicator=", "cluster", "mpi4py")
            raise InvalidType(
                f"communicator is of type {type(communicator).__name__}; it takes one of mpi4py's, such as "
                "MPI.COMM_WORLD, or None"
            )
        if communicator == module.COMM_NULL:
            raise InvalidValue("communicator is COMM_NULL, which has no ranks; this rank takes no part in the training")
        if communicator.size == 1:
            return None
        known: Ranks | None = communicator.Get_attr(_keyval(module))
        if known is None:
            known = cls(communicator)
            communicator.Set_attr(_keyval(module), known)
        return known

    def free(self) -> None:
        """Free what was made of the user's communicator, which all ranks are freeing."""
        if not self.control.is_broken:
            self._world.Free()
            self.control.free()

    # ---- sums ----

    def add(self, vector: Array) -> None:
        """Replace a contiguous vector of numbers by its sum over all ranks: the same bits on every rank."""
        self.start_add(vector).wait()

    def start_add(self, vector: Array) -> Sum:
        """Begin an `add`; the vector holds the sum after the `wait` of what is returned, and is left alone until then.

        Sums end in the order in which they began, whatever `wait` is called first.
        """
        number = self.control.enter()

        def begin(piece: Array) -> MPI.Request:
            return self._world.Iallreduce(self._in_place, piece)

        started = Sum(pieces(vector), begin, lambda request: wait_for(request, self.control, number))
        self._begin_all()
        self._pending.append(started)
        return started

    def _begin_all(self) -> None:
        """Begin what is left of earlier sums: ranks have to begin everything in the same order."""
        for earlier in self._pending:
            earlier.begin_all()
        self._pending.clear()

    def any(self, flag: bool) -> bool:
        """Return True if `flag` is true on any rank."""
        number = self.control.enter()
        self._begin_all()
        largest = np.array([flag], np.int32)
        wait_for(self._world.Iallreduce(self._in_place, largest, op=self._largest), self.control, number)
        return bool(largest[0])

    # ---- values ----

    def all(self, value: Any) -> list[Any]:
        """Return what each rank gave, by rank: small things that can be pickled."""
        own = pickle.dumps(value)
        number = self.control.enter()
        self._begin_all()
        record = np.zeros(RECORD, np.uint8)
        record[:8] = np.array([len(own)], np.int64).view(np.uint8)
        fits = len(own) <= RECORD - 8
        if fits:
            record[8 : 8 + len(own)] = np.frombuffer(own, np.uint8)
        records = np.empty((self.size, RECORD), np.uint8)
        wait_for(self._world.Iallgather(record, records), self.control, number)
        lengths = records[:, :8].copy().view(np.int64)[:, 0]
        long = np.where(lengths > RECORD - 8, lengths, 0)
        rest = np.empty(int(long.sum()), np.uint8)
        if len(rest):
            sent = np.frombuffer(b"" if fits else own, np.uint8)
            wait_for(self._world.Iallgatherv(sent, (rest, long)), self.control, number)
        ends = np.cumsum(long)
        return [
            pickle.loads((rest[end - size : end] if size else records[rank, 8 : 8 + length]).tobytes())
            for rank, (length, size, end) in enumerate(zip(lengths, long, ends, strict=True))
        ]

    def first(self, value: Any) -> Any:
        """Return the value of rank 0; those of the others are not looked at."""
        own = np.frombuffer(pickle.dumps(value) if self.rank == 0 else b"", np.uint8)
        number = self.control.enter()
        self._begin_all()
        length = np.array([len(own)], np.int64)
        wait_for(self._world.Ibcast(length), self.control, number)
        sent = own.copy() if self.rank == 0 else np.empty(int(length[0]), np.uint8)
        for piece in pieces(sent):
            wait_for(self._world.Ibcast(piece), self.control, number)
        return value if self.rank == 0 else pickle.loads(sent.tobytes())

    # ---- failures ----

    def leave(self, error: BaseException) -> None:
        """Tell the other ranks that this one goes into nothing more of the present training, and why."""
        if not isinstance(error, RankError):  # which came from a rank that has told all
            self.control.tell(f"{type(error).__name__}: {error}".rstrip(": "))


def _keyval(module: Any) -> int:
    """Return the key under which a communicator keeps its `Ranks`, so that several trainings share them."""
    if not _KEYVALS:
        _KEYVALS.append(module.Comm.Create_keyval(delete_fn=lambda communicator, keyval, ranks: ranks.free()))
    return _KEYVALS[0]


_KEYVALS: list[int] = []
