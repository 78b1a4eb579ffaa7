"""The time of an all-reduce as formulas of latency, bandwidth and the number of ranks.

n bytes on N ranks; α is the latency of a message and β the seconds per byte, each rank sending and receiving at once;
γ is the seconds per byte of the addition. From Thakur, Rabenseifner & Gropp 2005, "Optimization of Collective
Communication Operations in MPICH", and for the ring and the lower bound Patarasuk & Yuan 2009, "Bandwidth Optimal
All-reduce Algorithms for Clusters of Workstations". An MPI chooses among them by the size of the message.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

Algorithm = Callable[[int, float, "Link"], float]
"""The seconds of an all-reduce of so many ranks and bytes over a link."""


@dataclass(frozen=True)
class Link:
    """What a message between two ranks costs: `latency` + bytes / `bandwidth` seconds."""

    latency: float
    """α, seconds."""
    bandwidth: float
    """1/β, bytes per second in each direction."""
    additions: float = math.inf
    """1/γ, bytes per second that a rank adds."""

    def message(self, size: float) -> float:
        """α + n β."""
        return self.latency + size / self.bandwidth


def ring(ranks: int, size: float, link: Link) -> float:
    """2 (N-1) α + 2 (N-1)/N n β + (N-1)/N n γ (Patarasuk & Yuan 2009): each rank speaks with its neighbours alone."""
    return 2 * (ranks - 1) * link.latency + _halved(ranks, size, link)


def halving(ranks: int, size: float, link: Link) -> float:
    """2 ⌈log₂ N⌉ α + 2 (N-1)/N n β + (N-1)/N n γ: Rabenseifner's reduce-scatter and all-gather."""
    return 2 * _rounds(ranks) * link.latency + _halved(ranks, size, link)


def doubling(ranks: int, size: float, link: Link) -> float:
    """⌈log₂ N⌉ (α + n β + n γ): recursive doubling; each rank sends all that it has."""
    return _rounds(ranks) * (link.message(size) + size / link.additions)


def tree(ranks: int, size: float, link: Link) -> float:
    """⌈log₂ N⌉ (2 α + 2 n β + n γ): a reduction to one rank along a binomial tree, and a broadcast back."""
    return _rounds(ranks) * (2 * link.message(size) + size / link.additions)


ALGORITHMS: dict[str, Algorithm] = {"ring": ring, "halving": halving, "doubling": doubling, "tree": tree}


def fastest(ranks: int, size: float, link: Link) -> float:
    """Return the seconds of the best of the algorithms."""
    return min(algorithm(ranks, size, link) for algorithm in ALGORITHMS.values())


def in_pieces(ranks: int, size: float, link: Link, piece: float = math.inf, algorithm: Algorithm = fastest) -> float:
    """Return the seconds of a vector that is sent in pieces of at most `piece` bytes, one after the other."""
    whole = int(size // piece) if piece < math.inf else 0
    rest = size - whole * piece if whole else size
    return (whole * algorithm(ranks, piece, link) if whole else 0.0) + (algorithm(ranks, rest, link) if rest else 0.0)


def least_bytes(ranks: int, size: float) -> float:
    """2 (N-1)/N n: no algorithm sends fewer bytes from each rank (Patarasuk & Yuan 2009, theorem 1)."""
    return 2 * (ranks - 1) / ranks * size


def _rounds(ranks: int) -> int:
    """⌈log₂ N⌉."""
    return (ranks - 1).bit_length()


def _halved(ranks: int, size: float, link: Link) -> float:
    """The bytes that must be sent and added, at full bandwidth."""
    return least_bytes(ranks, size) / link.bandwidth + (ranks - 1) / ranks * size / link.additions
