"""What the tests of processes run in their workers, which have to import it."""

import os
import uuid
from collections import Counter

import plainnet as pn
from plainnet._base.packing import Pack

X, y = pn.datasets.moons(300, noise=0.2, seed=1)


def network(seed=3):
    layers = pn.Dense(32, "relu"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(2, "softmax")
    return pn.Network(*layers, input_size=2, seed=seed)


def trained(seed=3, epochs=5):
    net = network(seed)
    net.fit(X, y, loss="cross_entropy", epochs=epochs)
    return net


def fit_and_predict(seed):
    return trained(seed).predict(X).tobytes()


class Opened:
    """Data of which each unpickling leaves a file with the number of its process."""

    def __init__(self, folder, data):
        self.folder, self.data = folder, data

    def __setstate__(self, state):
        self.__dict__ = state
        (self.folder / uuid.uuid4().hex).write_text(str(os.getpid()))


def sendings(monkeypatch):
    """Return a counter of the packs by key, which counts how often this process pickles each from now on."""
    counted = Counter()

    def state(pack):
        counted[pack.key] += 1
        return pack.__dict__

    monkeypatch.setattr(Pack, "__getstate__", state, raising=False)
    return counted
