"""How much is measured: the whole benchmark, or a quick look."""

import math
from dataclasses import dataclass

from benchmarks import growth, memory


@dataclass(frozen=True)
class Effort:
    """Rounds, sizes and an end."""

    rounds: int
    seconds: float
    """Of a round."""
    fresh_rounds: int
    """Of fresh processes, and of imports."""
    growth_rounds: int
    seeds: int
    widths: tuple[int, ...]
    rows: tuple[int, ...]
    files: tuple[int, ...]
    minutes: float
    """After which the whole benchmark begins nothing new."""
    is_quick: bool = False


FULL = Effort(7, 1.0, 7, 5, 10, growth.WIDTHS, growth.ROWS, memory.SIZES, math.inf)
QUICK = Effort(3, 0.2, 1, 1, 3, growth.WIDTHS[:6:2], growth.ROWS[:3], memory.SIZES[:2], 4.0, is_quick=True)
