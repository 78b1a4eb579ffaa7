"""Every layer, loss, optimizer and schedule on 1 to 4 ranks, against one process on the same batches."""

from pathlib import Path

import mpi
import pytest

PROGRAM = Path(__file__).parent / "ranks_of_parts.py"


@pytest.mark.parametrize(
    ("engine", "ranks"), [("numpy", 1), ("numpy", 2), ("numpy", 3), ("numpy", 4), ("compiled", 2), ("compiled", 3)]
)
def test_ranks_give_what_one_process_gives(engine, ranks):
    """The losses of 200 steps and all that is learned to 1e-10; the same bits on all ranks, and in a second run."""
    ended = mpi.run(PROGRAM, ranks, engine, timeout=300)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.strip().endswith("cases, 0 wrong"), ended.stdout
