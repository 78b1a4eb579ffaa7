"""Programs that mpiexec has started several times: which of them this one is, who of them speaks, and how all end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from plainnet._base.extras import missing_extra
from plainnet.cli.streams import say
from plainnet.errors import InvalidValue, MissingExtraError, RankError
from plainnet.ranks import Ranks

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
NUMBERS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
"""The variables in which the launcher of MPICH and Intel MPI, of Open MPI, or of Slurm tells a process how many it has
started and which of them this is."""
HEARD_WITHIN = 2.0
"""The seconds that a rank waits to hear if one before it says the same."""
OF_RANKS = ("train",)
"""The commands that run on several ranks."""
INTERRUPT = "KeyboardInterrupt"


def launched() -> int:
    """Return how many processes the launcher has started; 1 without a launcher."""
    return _first_of(SIZES, 1)


def speaks() -> bool:
    """Return True for the process that prints and writes: the first, or the only one."""
    return launched() == 1 or _first_of(NUMBERS, 0) == 0


def _first_of(names: tuple[str, ...], otherwise: int) -> int:
    found = (os.environ[name] for name in names if os.environ.get(name, "").isdecimal())
    return int(next(found, otherwise))


def require_alone(command: str | None) -> None:
    """Raise InvalidValue for a command that several processes would do several times."""
    if launched() > 1 and command not in (None, *OF_RANKS):
        raise InvalidValue(
            f"plainnet {command} runs in one process and {launched()} were started; start it without mpiexec "
            f"({', '.join(OF_RANKS)} runs on several)"
        )


@cache
def world() -> Any:
    """Return the communicator of all processes that were started together; None for one alone.

    Raises MissingExtraError without mpi4py, and InvalidValue where MPI knows of fewer processes than there are: each of
    them would train by itself and write the same file.
    """
    size = launched()
    if size == 1:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):  # RuntimeError: without a library of MPI
        raise missing_extra(f"a training by {size} processes", "cluster", "mpi4py") from None
    if size != MPI.COMM_WORLD.size:
        raise InvalidValue(
            f"{size} processes were started together and the MPI of mpi4py ({MPI.Get_library_version().split(',')[0]}) "
            f"knows of {MPI.COMM_WORLD.size}; start them by the mpiexec of the same MPI (with Slurm: srun --mpi=pmi2)"
        )
    return MPI.COMM_WORLD


def ranks() -> Ranks | None:
    """Return the ranks of this command; None for one process alone."""
    try:
        return Ranks.of(world())
    except (InvalidValue, MissingExtraError):
        return None


@contextmanager
def together(own: Ranks | None) -> Iterator[None]:
    """Let all ranks end together: those that have nothing to do wait for the others, and fail with them."""
    yield
    if own is not None:
        own.any(False)


def tell(error: BaseException) -> None:
    """Tell the other ranks that this one ends."""
    own = ranks()
    if own is not None:
        own.leave(error)


def refuse(message: str, error: BaseException) -> None:
    """Print an error once, whatever number of processes have it, and tell the others, which end as well."""
    own = ranks()
    if own is None:
        if speaks():
            say(message)
        return
    if isinstance(error, RankError):
        if not own.control.left and own.rank == 0:
            say(message)
        return  # the rank that failed has said it
    own.leave(error)
    if own.rank == 0:
        say(message)
    elif not _is_said(own, f"{type(error).__name__}: {error}"):
        say(f"rank {own.rank}: {message}")


def _is_said(own: Ranks, text: str) -> bool:
    """Return True if a rank before this one has left with the same words."""
    until = time.monotonic() + HEARD_WITHIN
    while time.monotonic() < until:
        own.control.hear()
        if any(rank < own.rank and left.text == text for rank, left in own.control.left.items()):
            return True
        if len([rank for rank in own.control.left if rank < own.rank]) == own.rank:
            return False
        time.sleep(0.01)
    return False


def was_interrupted(error: RankError) -> bool:
    """Return True if another rank left as the user pressed Ctrl-C there."""
    return INTERRUPT in str(error)
