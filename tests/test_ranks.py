"""What ranks tell each other, under the real mpiexec."""

from pathlib import Path

import mpi
import pytest

SUMS = """
import numpy as np
from mpi4py import MPI
from plainnet.ranks import Ranks

world = MPI.COMM_WORLD
ranks = Ranks.of(world)
assert (ranks.rank, ranks.size, ranks.here) == (world.rank, world.size, world.size)
assert Ranks.of(world) is ranks
assert Ranks.of(None) is None and Ranks.of(MPI.COMM_SELF) is None
for dtype in (np.float32, np.float64):
    for size in (0, 1, 1000, 2**18, 2**18 + 1, 3 * 2**18 + 7):
        each = [np.random.default_rng([size, rank]).normal(size=size).astype(dtype) for rank in range(world.size)]
        own = each[world.rank].copy()
        ranks.add(own)
        np.testing.assert_allclose(own, sum(part.astype(np.float64) for part in each), rtol=1e-5, atol=1e-5)
        assert len(set(ranks.all(own.tobytes()))) == 1  # the same bits everywhere
assert ranks.all(world.rank * "x") == ["x" * rank for rank in range(world.size)]
assert ranks.all("x" * (world.rank * 400)) == ["x" * (rank * 400) for rank in range(world.size)]
assert ranks.first(("from", world.rank, "y" * 3_000_000)) == ("from", 0, "y" * 3_000_000)
for size in (2**16, 2**18 + 5):
    each = [np.random.default_rng([size, rank]).normal(size=size) for rank in range(world.size)]
    vectors = [ranks.vector(size, np.dtype(np.float64)) for _ in range(2)]
    vectors[1][:] = 7
    for _ in range(3):
        vectors[0][:] = each[world.rank]
        ranks.add(vectors[0])
        np.testing.assert_allclose(vectors[0], sum(each), atol=1e-12)
        assert len(set(ranks.all(vectors[0].tobytes()))) == 1 and (vectors[1] == 7).all()
    place = vectors[0].ctypes.data
    part = vectors.pop(0)[1:]
    assert ranks.vector(size, np.dtype(np.float64)).ctypes.data != place
    del part
    assert ranks.vector(size, np.dtype(np.float64)).ctypes.data == place  # memory that nobody holds is taken again
from plainnet.ranks import communicator
if world.rank == world.size - 1:
    communicator.has_room = lambda size: False  # as in a container of its own with little shared memory
unshared = ranks.vector(2**18 + 6, np.dtype(np.float64))
unshared[:] = world.rank
ranks.add(unshared)
assert (unshared == sum(range(world.size))).all() and ranks._shared_at(unshared) is None
half = world.Split(world.rank % 2)
pair = Ranks.of(half)
if pair:
    assert pair.all(world.rank) == list(range(world.rank % 2, world.size, 2))
half.Free()
print("done")
"""


def test_sums_and_values():
    for ranks in (2, 3, 4):
        ended = mpi.run(SUMS, ranks)
        assert ended.stdout.count("done") == ranks, ended.stderr
        assert ended.code == 0


DEAD = """
import os, subprocess, sys
from mpi4py import MPI
import plainnet as pn
from plainnet.ranks import Ranks
from plainnet.ranks.control import mark_of

world = MPI.COMM_WORLD
ranks = Ranks.of(world)
assert ranks._control._processes == dict(enumerate(world.allgather((os.getpid(), mark_of(os.getpid())))))
if world.rank == 0:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ranks._control._processes[1] = child.pid, mark_of(child.pid)  # as if it were that of rank 1
    assert mark_of(child.pid) not in (None, "", mark_of(os.getpid()))
    child.kill()
    try:
        ranks.all("here")
    except pn.errors.RankError as error:
        print(error)
    child.wait()
    assert mark_of(child.pid) is None
world.Barrier()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells of other processes")
def test_a_rank_whose_process_has_died_is_named():
    """MPI mostly ends the others itself, so a process that MPI does not know stands for that of a rank."""
    ended = mpi.run(DEAD, 2)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.startswith("rank 1 has died: its process "), ended.stdout


THREADS = """
import os
import numpy as np
from mpi4py import MPI
import plainnet as pn

os.sched_getaffinity = lambda _: {own}
os.environ.pop("OMP_NUM_THREADS")
X = np.random.default_rng(0).normal(size=(64, 8))
net = pn.Network(pn.Dense(1), seed=0)
history = net.fit(X, X[:, :1], loss="mse", epochs=1, batch_size=32, communicator=MPI.COMM_WORLD, engine="numpy")
print(f"threads {history.settings['threads']}\\n", end="")
"""


@pytest.mark.parametrize(("own", "threads"), [("set(range(6))", 3), ("{MPI.COMM_WORLD.rank}", 1)])
def test_ranks_divide_the_cores_that_they_share(own, threads):
    ended = mpi.run(THREADS.replace("{own}", own), 2)
    assert ended.stdout.count(f"threads {threads}\n") == 2, ended.stderr
