"""Every layer, loss, optimizer and schedule on 1 to 4 ranks, against one process on the same batches."""

from pathlib import Path

import mpi
import pytest

PROGRAM = Path(__file__).parent / "ranks_of_parts.py"


def check(engine, ranks, every):
    ended = mpi.run(PROGRAM, ranks, engine, every, timeout=300)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.strip().endswith("cases, 0 wrong"), ended.stdout


@pytest.mark.parametrize(
    ("engine", "ranks", "every"),
    [("numpy", 4, 1), ("compiled", 2, 1), ("numpy", 1, 9), ("numpy", 2, 5), ("numpy", 3, 5), ("compiled", 3, 5)],
)
def test_ranks_give_what_one_process_gives(engine, ranks, every):
    """The losses of 200 steps and all that is learned to 1e-10; the same bits on all ranks, and in a second run."""
    check(engine, ranks, every)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_ranks_give_what_one_process_gives_in_every_case(engine, ranks):
    check(engine, ranks, 1)
