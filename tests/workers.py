"""What the tests of processes run in their workers, which have to import it."""

import os
import uuid

import plainnet as pn

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
