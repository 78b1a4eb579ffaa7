"""Several ranks train on rows in pieces to the numbers that they give on the same rows in memory."""

import mpi
import pytest

PROGRAM = """
import sys
import numpy as np
from mpi4py import MPI
import plainnet as pn
from plainnet._base import pieces

world, engine = MPI.COMM_WORLD, sys.argv[1]
pieces.BLOCK_BYTES = 40 * (6 * 8 + 8)
rows = (300, 0, 130)[world.rank]
random = np.random.default_rng(world.rank)
X = random.normal(size=(rows, 6))
X[:, 0] = np.arange(rows) + 1000 * world.rank
y = random.integers(3, size=rows)
weight = np.where(np.arange(rows) % 5 == 0, 0, 1.0 + np.arange(rows) % 3)

class Parts(pn.Pieces):
    lengths = np.diff(np.append(np.arange(0, rows, 7), rows))
    def first(self):
        return np.zeros((1, 6)), np.zeros(1, int), np.ones(1)
    def read(self, piece):
        part = slice(7 * piece, min(7 * piece + 7, rows))
        return X[part], y[part], weight[part]

data = Parts()
seen = []

class Noting(pn.Layer):
    def forward(self, inputs, training=None):
        if training is not None:
            seen.extend(np.rint(inputs[:, 0] * 1000).astype(int).tolist())
        return inputs, lambda gradient, gradients: gradient

def trained(X, y, weight, *first, **options):
    layers = pn.Dense(8, "tanh"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(3, "softmax")
    net = pn.Network(*first, *layers, input_size=6, seed=3, dtype="float64")
    options = {"epochs": 3, "batch_size": 32, "engine": engine, **options}
    history = net.fit(X, y, loss="cross_entropy", sample_weight=weight, communicator=world, **options)
    return net.parameters.tobytes(), history.loss

X[:, 0] /= 1000
for options in ({"shuffle": False}, {"shuffle": False, "class_weight": "balanced", "batch_size": 7}):
    assert trained(X, y, weight, **options) == trained(data.inputs, data.targets, data.weights, **options)
if engine == "numpy":
    trained(data.inputs, data.targets, data.weights, Noting(), epochs=1)
    expected = np.flatnonzero(weight) + 1000 * world.rank
    assert sorted(seen) == expected.tolist(), seen
    assert seen == [] or seen != expected.tolist()
trained(data.inputs, data.targets, data.weights, validation=0.2)
print("rank", world.rank, "done")
"""


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))])
def test_pieces_on_ranks_are_trained_on_as_arrays_are(engine):
    ended = mpi.run(PROGRAM, 3, engine, timeout=120)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.count("done") == 3
