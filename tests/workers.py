"""What the tests of processes run in their workers, which have to import it."""

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
