"""The ranks of one training, and what they tell each other: sums of vectors, values, who has failed."""

from __future__ import annotations

import atexit
import importlib.util
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.extras import missing_extra
from plainnet._base.interrupts import interrupts_noted
from plainnet.errors import InvalidRow, InvalidType, InvalidValue, PlainnetError, RankError
from plainnet.ranks.control import EVERY, Control, told
from plainnet.ranks.shared import WORTH_SHARING, SharedVector, has_room
from plainnet.ranks.waiting import pieces

if TYPE_CHECKING:
    from mpi4py import MPI

RECORD = 512
"""The bytes of a small value that `all` sends at once, its length included; larger ones take a second message."""


class Failure(NamedTuple):
    """A rank gives this in `all` in place of a value after an error."""

    text: str
    is_interrupt: bool


class Ranks:
    """All ranks of a communicator of mpi4py, as this rank sees them.

    Every method but `leave` is for all ranks together, in the same order on each. Whoever waits in one looks from time
    to time if another rank has left its training without going into it, and raises RankError then.

    `rank` is this rank's number from 0, `size` the number of ranks, `here` the number of those on this machine,
    `sharing` the number of those that run on the same cores as this one: all of them, unless each was given its own.
    """

    def __init__(self, communicator: MPI.Intracomm) -> None:
        from mpi4py import MPI

        self._world = communicator.Dup()  # so our messages never meet the user's
        self._control = Control(communicator.Dup())
        self._in_place = MPI.IN_PLACE
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
        self._shared: list[SharedVector] = []
        self._is_preparing = False
        self._all_know = False
        """True if all ranks raise the error that is under way."""
        atexit.register(self._say_goodbye)

    @classmethod
    def of(cls, communicator: Any) -> Ranks | None:
        """Return the ranks of a user's communicator; None for None and for one rank, which need no messages."""
        if communicator is None:
            return None
        module = sys.modules.get("mpi4py.MPI")  # not imported by us: that would start MPI
        if module is None or not isinstance(communicator, module.Intracomm):
            if module is None and importlib.util.find_spec("mpi4py") is None:
                raise missing_extra("communicator=", "cluster")
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
        atexit.unregister(self._say_goodbye)
        if not self._control.broken:
            for vector in self._shared:
                vector.free()
            self._world.Free()
            self._control.free()

    def _say_goodbye(self) -> None:
        from mpi4py import MPI

        if not MPI.Is_finalized():
            self._control.tell("has ended its program", EVERY)

    # ---- sums ----

    def add(self, vector: Array) -> None:
        """Replace a contiguous vector of numbers by its sum over all ranks: the same bits on every rank."""
        shared = self._shared_at(vector) if self._shared else None
        if shared is None:
            number = self._enter()
            for piece in pieces(vector):
                self._control.wait_for(self._world.Iallreduce(self._in_place, piece), number)
        else:
            self._meet(shared)  # all vectors are written
            shared.sum_part()
            self._meet(shared)  # all parts are summed

    def _meet(self, shared: SharedVector) -> None:
        """Wait for all ranks, and see what they have written to the shared memory until they came here."""
        shared.sync()
        number = self._enter()
        self._control.wait_for(self._world.Ibarrier(), number)
        shared.sync()

    def vector(self, size: int, dtype: np.dtype[Any]) -> Array:
        """Return a vector of zeros, such that `add` is fast: on one machine in memory that its ranks share."""
        nbytes = size * dtype.itemsize
        may_share = self.here == self.size and nbytes >= WORTH_SHARING
        free = [i for i, own in enumerate(self._shared) if own.is_free and (own.size, own.dtype) == (size, dtype)]
        each = self.all((may_share and has_room(nbytes * self.size), free))
        common = set[int].intersection(*(set(places) for _, places in each))
        if common:
            return self._shared[min(common)].give()
        if not all(has_room_there for has_room_there, _ in each):
            return np.zeros(size, dtype)
        self._shared.append(SharedVector(self._world, size, dtype))
        return self._shared[-1].give()

    def _shared_at(self, vector: Array) -> SharedVector | None:
        place = vector.__array_interface__["data"][0]
        return next((own for own in self._shared if own.address == place and own.size == len(vector)), None)

    def all_to_all(self, parts: Array) -> Array:
        """Return what each rank sent to this one, (ranks, ...): rank r is sent parts[r]. For shapes alike on all."""
        number = self._enter()
        received = np.empty_like(parts)
        self._control.wait_for(self._world.Ialltoall(parts, received), number)
        return received

    def all_gather(self, part: Array) -> Array:
        """Return the parts of all ranks, (ranks, ...), one of the same shape from each."""
        number = self._enter()
        received = np.empty((self.size, *part.shape), part.dtype)
        self._control.wait_for(self._world.Iallgather(part, received), number)
        return received

    def _enter(self) -> int:
        """Return the number of a common call, which this rank goes into now."""
        if self._is_preparing:
            self.all(None)  # no rank has failed, so all go into it
        return self._control.enter()

    # ---- values ----

    def all(self, value: Any) -> list[Any]:
        """Return what each rank gave, by rank: small things that can be pickled."""
        if not self._is_preparing:
            return self._values(value)
        with interrupts_noted(self._note_interrupt):
            values = self._values(value)
        self._raise_failure(values)
        self.raise_interrupt()
        return values

    def _values(self, value: Any) -> list[Any]:
        own = pickle.dumps(value)
        number = self._control.enter()
        record = np.zeros(RECORD, np.uint8)
        record[:8] = np.array([len(own)], np.int64).view(np.uint8)
        fits = len(own) <= RECORD - 8
        if fits:
            record[8 : 8 + len(own)] = np.frombuffer(own, np.uint8)
        records = np.empty((self.size, RECORD), np.uint8)
        self._control.wait_for(self._world.Iallgather(record, records), number)
        lengths = records[:, :8].copy().view(np.int64)[:, 0]
        long = np.where(lengths > RECORD - 8, lengths, 0)
        rest = np.empty(int(long.sum()), np.uint8)
        if len(rest):
            sent = np.frombuffer(b"" if fits else own, np.uint8)
            self._control.wait_for(self._world.Iallgatherv(sent, (rest, long)), number)
        ends = np.cumsum(long)
        return [
            pickle.loads((rest[end - size : end] if size else records[rank, 8 : 8 + length]).tobytes())
            for rank, (length, size, end) in enumerate(zip(lengths, long, ends, strict=True))
        ]

    def first(self, value: Any) -> Any:
        """Return the value of rank 0; those of the others are not looked at."""
        own = np.frombuffer(pickle.dumps(value) if self.rank == 0 else b"", np.uint8)
        number = self._enter()
        length = np.array([len(own)], np.int64)
        self._control.wait_for(self._world.Ibcast(length), number)
        sent = own.copy() if self.rank == 0 else np.empty(int(length[0]), np.uint8)
        for piece in pieces(sent):
            self._control.wait_for(self._world.Ibcast(piece), number)
        return value if self.rank == 0 else pickle.loads(sent.tobytes())

    def gather(self, rows: Array) -> Array | None:
        """Return on rank 0 the rows of all ranks, one after the other by rank; None on the others.

        The arrays differ in their number of rows alone.
        """
        number = self._enter()
        counts = np.zeros(self.size, np.int64)
        self._control.wait_for(self._world.Iallgather(np.array([rows.nbytes]), counts), number)
        own = np.ascontiguousarray(rows).reshape(-1).view(np.uint8)
        joined = np.empty(int(counts.sum()) if self.rank == 0 else 0, np.uint8)
        into = (joined, counts) if self.rank == 0 else None
        self._control.wait_for(self._world.Igatherv(own, into), number)
        return joined.view(rows.dtype).reshape(-1, *rows.shape[1:]) if self.rank == 0 else None

    # ---- failures ----

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise on every rank what one of them raises meanwhile, with its number: for all that precedes the steps."""
        if self._is_preparing:
            yield
            return
        self._control.begin_training()
        self._is_preparing, self._all_know, self.interrupted = True, False, False
        try:
            yield
            self.all(None)
        except RankError:  # of another rank, or found by all
            raise
        except BaseException as error:
            if self._all_know or self._control.broken:
                raise
            own = Failure(told(error), isinstance(error, KeyboardInterrupt))
            alike = all(isinstance(given, Failure) and given == own for given in self._values(own))
            if isinstance(error, PlainnetError) and not alike:
                raise _numbered(error, self.rank) from None
            raise
        finally:
            self._is_preparing = False

    def _raise_failure(self, values: list[Any]) -> None:
        for rank, value in enumerate(values):
            if isinstance(value, Failure):
                self._all_know = True
                if value.is_interrupt:
                    raise KeyboardInterrupt
                raise RankError(f"rank {rank}: {value.text}")

    def leave(self, error: BaseException) -> None:
        """Tell the other ranks that this one goes into nothing more of the present training, and why."""
        if not self._control.broken:
            early = isinstance(error, GeneratorExit)
            self._control.tell("has ended its training before the others" if early else f"failed: {told(error)}")

    @contextmanager
    def interrupts_held(self) -> Iterator[None]:
        """Hold a SIGINT back: the ranks agree on the step after which they stop, and then raise KeyboardInterrupt."""
        with interrupts_noted(self._note_interrupt):
            yield

    def raise_interrupt(self) -> None:
        """Raise KeyboardInterrupt if a SIGINT is held back."""
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def _note_interrupt(self) -> None:
        self.interrupted = True


def _numbered(error: PlainnetError, rank: int) -> PlainnetError:
    """Return an error of one rank with its number."""
    if isinstance(error, InvalidRow):
        return InvalidRow(f"rank {rank}: {error.message}", error.row)
    return type(error)(f"rank {rank}: {error}")


def _keyval(module: Any) -> int:
    """Return the key under which a communicator keeps its `Ranks`, so that several trainings share them."""
    if not _KEYVALS:
        _KEYVALS.append(module.Comm.Create_keyval(delete_fn=lambda communicator, keyval, ranks: ranks.free()))
    return _KEYVALS[0]


_KEYVALS: list[int] = []
