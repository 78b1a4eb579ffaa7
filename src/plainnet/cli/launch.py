"""Programs that mpiexec has started several times: which of them this one is, who of them speaks, and how all end."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from plainnet._base.extras import missing_extra
from plainnet.cli.streams import say
from plainnet.errors import InvalidValue
from plainnet.ranks import Alone, Ranks, ranks_of

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
NUMBERS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
"""The variables in which the launcher of MPICH and Intel MPI, of Open MPI, or of Slurm tells a process how many it has
started and which of them this is."""
OF_RANKS = ("train",)
"""The commands that run on several ranks."""


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
        raise missing_extra(f"a training by {size} processes", "cluster") from None
    if size != MPI.COMM_WORLD.size:
        raise InvalidValue(
            f"{size} processes were started together and the MPI of mpi4py ({MPI.Get_library_version().split(',')[0]}) "
            f"knows of {MPI.COMM_WORLD.size}; start them by the mpiexec of the same MPI (with Slurm: srun --mpi=pmi2)"
        )
    return MPI.COMM_WORLD


def all_ranks() -> Ranks | Alone:
    """Return the ranks of this command, or this process alone; raise as `world` does."""
    return ranks_of(world())


def refuse(message: str) -> None:
    """Print an error: once, as all ranks of a command have it, or that another one failed."""
    if speaks():
        say(message.removeprefix("rank 0: "))
