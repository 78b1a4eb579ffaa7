"""Gradients that travel between ranks in 16 bits: how far they are off, and what a training makes of it."""

import mpi
import pytest

SUMS = """
import numpy as np
from mpi4py import MPI
from plainnet.ranks import Ranks
from plainnet.ranks.compression import CompressedSum

world = MPI.COMM_WORLD
ranks = Ranks.of(world)
UNITS = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
for number_type, unit in UNITS.items():
    for dtype in (np.float32, np.float64):
        for size, scale in ((1, 1.0), (7, 1e-30), (5000, 1e30), (100_003, 1e-3)):
            random = [np.random.default_rng([size, rank]) for rank in range(world.size)]
            # Numbers from large to tiny in one vector, as layers' gradients may be.
            each = [r.normal(size=size) * np.exp2(np.linspace(0, -12, size)) * scale for r in random]
            vectors = [np.concatenate([numbers, [0.1, 1 / 3]]).astype(dtype) for numbers in each]
            own = vectors[world.rank].copy()
            CompressedSum(ranks, number_type, size).add(own)
            exact = np.sum(vectors, axis=0, dtype=np.float64)
            absolute = np.sum(np.abs(vectors), axis=0, dtype=np.float64)
            largest = max(np.abs(vector[:size]).max() for vector in vectors)
            bound = unit * (1 + 2 * unit) * (absolute + np.abs(exact)) + 2.0**-38 * world.size * largest
            assert (np.abs(own - exact)[:size] <= bound[:size]).all(), (number_type, dtype, size)
            np.testing.assert_allclose(own[size:], exact[size:], rtol=1e-6)  # what follows is not rounded to 16 bits
            assert len(set(ranks.all(own.tobytes()))) == 1
            again = vectors[world.rank].copy()
            CompressedSum(ranks, number_type, size).add(again)
            assert own.tobytes() == again.tobytes()
    for wrong in (np.inf, -np.inf, np.nan):
        vector = np.ones(3000, np.float32)
        vector[1234] = wrong if world.rank == world.size - 1 else 1
        CompressedSum(ranks, number_type, 3000).add(vector)
        assert not np.isfinite(vector[1234])
        assert np.isfinite(vector[:1000]).all()
    zeros = np.zeros(5, np.float32)
    CompressedSum(ranks, number_type, 5).add(zeros)
    assert (zeros == 0).all()
print("done")
"""

TRAINING = """
import numpy as np
from mpi4py import MPI
import plainnet as pn

world = MPI.COMM_WORLD
random = np.random.default_rng(0)
X = random.normal(size=(600, 10))
y = (np.sin(X[:, 0]) + X[:, 1] * X[:, 2])[:, None]
own = slice(world.rank, None, world.size)
curves = {}
for compression in (None, "float16", "bfloat16"):
    net = pn.Network(pn.Dense(32, "tanh"), pn.BatchNorm(), pn.Dense(32, "tanh"), pn.Dense(1), input_size=10, seed=0)
    options = {"loss": "mse", "optimizer": pn.Adam(0.01), "epochs": 30, "batch_size": 50, "engine": "numpy"}
    history = net.fit(X[own], y[own], communicator=world, compression=compression, **options)
    curves[compression] = np.array(history.loss)
    assert len(set(world.allgather(net.parameters.tobytes()))) == 1
exact = curves[None]
assert exact[-1] < 0.2 * exact[0]
for compression, most in (("float16", 0.02), ("bfloat16", 0.05)):
    assert (curves[compression] != exact).any()
    apart = np.abs(np.log(curves[compression] / exact))
    assert apart.max() < most, (compression, apart)
print("done")
"""


@pytest.mark.parametrize("ranks", [2, 3])
def test_sums_are_within_the_bound_of_two_roundings(ranks):
    """Each number is rounded once where it comes from and once as a sum, to 11 bits or to 8."""
    ended = mpi.run(SUMS, ranks)
    assert ended.stdout.count("done") == ranks, ended.stderr


def test_a_training_takes_nearly_the_same_course():
    """The loss of every epoch is within 2 % of the exact run's for float16, within 5 % for bfloat16."""
    ended = mpi.run(TRAINING, 2)
    assert ended.stdout.count("done") == 2, ended.stderr
