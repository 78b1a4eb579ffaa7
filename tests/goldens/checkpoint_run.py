"""The run of `checkpoint_2d857a7.npz`, in words that every version understands."""

import plainnet as pn

MOMENT = (10, 2)
"""The checkpoint was written after 10 whole epochs and 2 steps of the next one."""


def network():
    """Return the network as it was before the run."""
    layers = pn.Dense(5), pn.BatchNorm(), pn.Activation("relu"), pn.Dropout(0.1), pn.Dense(2, "softmax")
    return pn.Network(*layers, input_size=2, seed=4, dtype="float64")


def options():
    """Return the arguments of its `fit`."""
    X, y = pn.datasets.moons(60, noise=0.2, seed=1)
    return {
        "X": X,
        "y": y,
        "loss": "cross_entropy",
        "optimizer": pn.Adam(pn.schedules.ReduceOnPlateau(0.05, factor=0.5, patience=1), clip_norm=1.0),
        "epochs": 40,
        "batch_size": 10,
        "validation": 0.25,
        "early_stopping": pn.EarlyStopping(patience=6),
        "sample_weight": 1.0 + (y == 1),
        "metrics": ["accuracy"],
        "engine": "numpy",
    }
