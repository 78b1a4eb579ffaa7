"""Rows that tell their numbers, a network that notes which it is trained on, and the comparison of two runs."""

import numpy as np

import plainnet as pn

ROWS, COLUMNS, CLASSES = 530, 6, 3
random = np.random.default_rng(0)
X = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
X[:, 0] = np.arange(ROWS) / ROWS  # tells which row it is
LABELS = random.integers(CLASSES, size=ROWS)


class Recording(pn.Layer):
    """Passes its inputs on and keeps which rows each training batch had."""

    def __init__(self):
        self.batches = []

    def forward(self, inputs, training=None):
        if training is not None:
            self.batches.append(np.rint(inputs[:, 0].astype(float) * ROWS).astype(int).tolist())
        return inputs, lambda gradient, gradients: gradient


def network(*first, **options):
    layers = *first, pn.Dense(8, "tanh"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(CLASSES, "softmax")
    return pn.Network(*layers, **{"seed": 3, **options})


def trained(X, y, net=None, **options):
    net = net or network()
    options = {"loss": "cross_entropy", "epochs": 3, "batch_size": 16, **options}
    return net, net.fit(X, y, **options)


def assert_same_run(one, other):
    assert one[0].parameters.tobytes() == other[0].parameters.tobytes()
    assert one[0].statistics.tobytes() == other[0].statistics.tobytes()
    assert one[1].loss == other[1].loss
