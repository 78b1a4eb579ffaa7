"""One training on several ranks, which are processes that MPI started: `mpiexec -n 4 python train.py`.

Each rank holds its share of the rows and runs the same training; `Ranks` is how they speak to each other. Nothing here
knows what is trained.
"""

from plainnet.ranks.alone import ALONE, Alone, ranks_of
from plainnet.ranks.communicator import Ranks

__all__ = ["ALONE", "Alone", "Ranks", "ranks_of"]
