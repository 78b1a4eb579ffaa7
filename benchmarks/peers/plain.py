"""plainnet itself, with either engine."""

import os
import warnings
from typing import Any

import plainnet as pn
from benchmarks.workloads import DROPOUT_RATE, LEARNING_RATE, Workload
from plainnet._base.arrays import Array
from plainnet.engines.choosing import useful_threads
from plainnet.errors import PlainnetWarning

CORES = os.cpu_count() or 1


def threads(engine: str) -> int:
    """The compiled engine may use every core; NumPy's BLAS has its own default."""
    from benchmarks.machine import blas_threads

    return CORES if engine == "compiled" else blas_threads()


def network(work: Workload, seed: int = 0) -> pn.Network:
    """The workload's network, without its initial weights."""
    activation = "sigmoid" if work.is_xor else "relu"
    layers: list[pn.Layer] = []
    for units in work.sizes[1:-1]:
        if work.between in ("batch norm", "layer norm"):
            norm = pn.BatchNorm() if work.between == "batch norm" else pn.LayerNorm()
            layers += [pn.Dense(units), norm, pn.Activation(activation)]
        else:
            layers.append(pn.Dense(units, activation))
        if work.between == "dropout":
            layers.append(pn.Dropout(DROPOUT_RATE))
    layers.append(pn.Dense(work.sizes[-1], "sigmoid" if work.is_xor else "softmax"))
    return pn.Network(*layers, input_size=work.sizes[0], seed=seed, dtype=work.dtype)


def fit_options(work: Workload, engine: str, network: pn.Network) -> dict[str, Any]:
    """What `fit` and `train_many` are given.

    The compiled engine's threads are those it takes by itself in a process that nothing runs beside; a contestant is
    the child of another process, where it would take one.
    """
    options: dict[str, Any] = {
        "loss": "mse" if work.is_xor else "cross_entropy",
        "optimizer": pn.SGD(learning_rate=1.0) if work.is_xor else pn.Adam(learning_rate=LEARNING_RATE),
        "batch_size": None if work.batch_size == work.rows else work.batch_size,
        "engine": engine,
    }
    useful = CORES if work.networks > 1 else min(CORES, useful_threads(network, work.batch_size))
    return options | ({"threads": useful} if engine == "compiled" else {})


class Single:
    """One network."""

    def __init__(self, work: Workload, engine: str) -> None:
        self.network = network(work, work.seed)
        dense = [layer for layer in self.network.layers if isinstance(layer, pn.Dense)]
        for layer, (weights, bias) in zip(dense, work.initial_weights(), strict=True):
            layer.weights[...], layer.bias[...] = weights, bias
        self.initial = self.network.parameters.copy()
        self.X, self.y = work.examples
        self.options = fit_options(work, engine, self.network)

    def reset(self) -> None:
        """Back to the initial weights; `fit` starts its optimizer anew."""
        self.network.parameters = self.initial

    def train(self, epochs: int) -> None:
        """One `fit`."""
        with warnings.catch_warnings(action="ignore", category=PlainnetWarning):  # some pixels are empty in all digits
            self.network.fit(self.X, self.y, epochs=epochs, report_every=epochs, **self.options)

    def predict(self, X: Array) -> Array:
        """Outputs of the rows of X."""
        return self.network.predict(X)


class Many:
    """Many networks of one shape with `plainnet.train_many`."""

    def __init__(self, work: Workload, engine: str) -> None:
        self.networks = [network(work, seed) for seed in range(work.networks)]
        self.initial = [each.parameters.copy() for each in self.networks]
        self.X, self.y = work.examples
        self.options = fit_options(work, engine, self.networks[0])

    def reset(self) -> None:
        """Back to the initial weights."""
        for each, parameters in zip(self.networks, self.initial, strict=True):
            each.parameters = parameters

    def train(self, epochs: int) -> None:
        """One `train_many`."""
        pn.train_many(self.networks, self.X, self.y, epochs=epochs, report_every=epochs, **self.options)
