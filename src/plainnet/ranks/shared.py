"""Vectors in memory that all ranks of one machine share: to sum them, each rank adds up its own part of all.

MPI sums in memory that each rank has for itself, and so copies every number twice more: for 17 MB that took 3 ms where
this took 1.5.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array

if TYPE_CHECKING:
    from mpi4py import MPI

WORTH_SHARING = 2**18
"""The bytes of a vector from which on it is shared; for fewer MPI's own way is as fast."""

LINE = 128
"""Vectors and parts begin at multiples of so many bytes: no cache line belongs to two ranks."""

AT_ONCE = 2**15
"""The numbers that are added at once: they stay in the caches until the sum is written to all vectors."""

FOLDER = "/dev/shm"
"""The folder of Linux's shared memory; a container may have little, and a process that takes more is killed."""


def has_room(size: int) -> bool:
    """Return True if so many bytes of shared memory leave at least as many free."""
    try:
        found = os.statvfs(FOLDER)
    except (AttributeError, OSError):  # no such folder, no such function: another system than Linux
        return False
    return 2 * size <= found.f_bavail * found.f_frsize


class SharedVector:
    """A vector of each rank, in one window of memory; all ranks make it together."""

    def __init__(self, world: MPI.Intracomm, size: int, dtype: np.dtype[np.generic]) -> None:
        from mpi4py import MPI

        self.size, self.dtype = size, dtype
        whole_lines = -(-size * dtype.itemsize // LINE) * LINE  # MPI puts the vectors one right after the other
        self._window = MPI.Win.Allocate_shared(whole_lines, dtype.itemsize, comm=world)
        self._window.Lock_all()
        each: list[Any] = [self._window.Shared_query(rank)[0] for rank in range(world.size)]
        self._own = each[world.rank]
        self._vectors = [np.frombuffer(memory, dtype, size) for memory in each]
        in_line = LINE // dtype.itemsize
        ends = [size * rank // world.size // in_line * in_line for rank in range(world.size)] + [size]
        self._part = range(ends[world.rank], ends[world.rank + 1])
        self.address: int = self._vectors[world.rank].__array_interface__["data"][0]
        self._given: weakref.ref[Array] | None = None

    @property
    def is_free(self) -> bool:
        """True if nothing on this rank holds the vector any longer."""
        return self._given is None or self._given() is None

    def give(self) -> Array:
        """Return this rank's vector, of zeros."""
        own = np.frombuffer(self._own, self.dtype, self.size)  # not a view, so that views of it keep it alive
        own[:] = 0
        self._given = weakref.ref(own)
        return own

    def sync(self) -> None:
        """Let the other ranks see what this one has written, and see what they have: MPI's memory barrier."""
        self._window.Sync()

    def sum_part(self) -> None:
        """Replace this rank's part of all vectors by its sum, taken in the order of the ranks."""
        for start in range(self._part.start, self._part.stop, AT_ONCE):
            piece = slice(start, min(start + AT_ONCE, self._part.stop))
            first, *others = (vector[piece] for vector in self._vectors)
            for other in others:
                first += other
            for other in others:
                other[:] = first

    def free(self) -> None:
        """Free the memory; all ranks do it together, and nothing looks at the vectors any longer."""
        self._vectors.clear()
        self._window.Unlock_all()
        self._window.Free()
