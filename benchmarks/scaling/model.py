"""The time of a data-parallel step, and where more ranks stop paying.

    T(N, B) = f + c ⌈B/N⌉ + o + all-reduce of 4 (P + 1) bytes over N ranks

for N ranks, a batch of B rows and a network of P parameters. f does not become less with fewer rows: the update of all
parameters, which every rank makes, the reading of the weights, and what a step costs whatever its size. c is the
seconds per row, forward and back; o, which one rank does not pay, is what a step spends between the engine and MPI.
Nothing overlaps: the all-reduce begins when the gradient is whole.
"""

import math
from dataclasses import dataclass, replace

from benchmarks.scaling.allreduce import Link, in_pieces

FLOAT = 4
"""Bytes of a number in float32."""


@dataclass(frozen=True)
class Step:
    """What a step costs on one rank; `fixed` and `per_row` in seconds."""

    parameters: int
    """P."""
    fixed: float
    """f."""
    per_row: float
    """c."""
    between: float = 0.0
    """o."""
    exchanged: float = FLOAT
    """Bytes of a number that is sent: 2 with compression to float16 or bfloat16."""
    piece: float = 2**20
    """Bytes of the pieces in which a long vector is sent."""

    @property
    def size(self) -> float:
        """Bytes of the vector that is added over all ranks: the gradient and the loss."""
        return self.exchanged * (self.parameters + 1)

    def compute(self, ranks: int, batch: float) -> float:
        """f + c ⌈B/N⌉."""
        return self.fixed + self.per_row * math.ceil(batch / ranks)

    def exchange(self, ranks: int, link: Link) -> float:
        """Return the seconds of the all-reduce, with what it takes to come there; none for one rank."""
        return self.between + in_pieces(ranks, self.size, link, self.piece) if ranks > 1 else 0.0

    def seconds(self, ranks: int, batch: float, link: Link) -> float:
        """T(N, B)."""
        return self.compute(ranks, batch) + self.exchange(ranks, link)

    def speedup(self, ranks: int, batch: float, link: Link) -> float:
        """T(1, B) / T(N, B): how many times as fast the same training is."""
        return self.compute(1, batch) / self.seconds(ranks, batch, link)

    def efficiency(self, ranks: int, batch: float, link: Link) -> float:
        """The speed-up per rank."""
        return self.speedup(ranks, batch, link) / ranks

    def batch_for(self, efficiency: float, ranks: int, link: Link) -> float:
        """Return the smallest batch at which N ranks have this efficiency e.

        (f + c B) / (N f + c B + N A) ≥ e, with A the all-reduce and o, gives
        B ≥ (e N (f + A) - f) / (c (1 - e)); ⌈B/N⌉ is taken as B/N.
        """
        needed = efficiency * ranks * (self.fixed + self.exchange(ranks, link)) - self.fixed
        return max(float(ranks), needed / (self.per_row * (1 - efficiency)))

    def ranks_for(self, efficiency: float, batch: float, link: Link, most: int = 1000) -> int:
        """Return the most ranks, of 1 to `most`, at which a batch is trained with this efficiency."""
        return max(N for N in range(1, most + 1) if N == 1 or self.efficiency(N, batch, link) >= efficiency)

    def fastest_ranks(self, batch: float, link: Link, most: int = 1000) -> int:
        """Return the number of ranks, of 1 to `most`, at which a batch is trained fastest."""
        return min(range(1, most + 1), key=lambda ranks: self.seconds(ranks, batch, link))

    def compressed(self) -> "Step":
        """Return the same step with two bytes for each number that is sent."""
        return replace(self, exchanged=2)


def crowded(step: Step, ranks: int, cores: int) -> Step:
    """Return the step of each of `ranks` that share a machine of `cores`: they take turns where they are more."""
    turns = max(1.0, ranks / cores)
    return replace(step, fixed=step.fixed * turns, per_row=step.per_row * turns, between=step.between * turns)
