"""Temperature scaling: probabilities that can be taken at their word, from one number fitted on other rows.

A network that was trained to tell classes apart is often too sure, or with label smoothing not sure enough. Its logits
z divided by a temperature T give `softmax(z / T)`: T above 1 makes all probabilities more alike, T below 1 less, and
the likeliest class stays. T is the number that makes the log loss of the validation rows smallest. Source: Guo, Pleiss,
Sun & Weinberger, "On calibration of modern neural networks", ICML 2017.

T is divided into the weights and the bias of the last Dense layer, so that the network and all that is exported from it
give scaled probabilities without knowing of a temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.minimizing import golden_section
from plainnet.errors import InvalidValue
from plainnet.layers import Activation, Average, Dense, Layer
from plainnet.layers.dense import weighted_sums
from plainnet.network import Network

COLDEST, HOTTEST = 0.05, 20.0
"""The bounds of a temperature."""
MOST_ROWS = 20_000
"""The rows that a temperature is fitted on; of more a sample is drawn."""
OUTPUTS = ("softmax", "sigmoid")


def calibrated(net: Network, X: Any, y: Any, sample_weight: Any = None) -> tuple[Network, float]:
    """Return a copy of `net` with its temperature fitted on rows it was not trained on, and the temperature.

    X (rows, features) and y are those rows and their classes, 0 ... classes - 1, `sample_weight` (rows,) their weights.
    Of networks that are averaged (`Average`) every one has its logits divided by the temperature that is best for their
    average. Raises as `scaled_by_temperature` does.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.moons(400, noise=0.3, seed=1)
    >>> net = pn.Network(pn.Dense(16, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    >>> history = net.fit(X[:200], y[:200], loss="cross_entropy", epochs=300)
    >>> scaled, temperature = pn.calibrated(net, X[200:], y[200:])
    >>> before, after = (n.evaluate(X[200:], y[200:], loss="cross_entropy")["loss"] for n in (net, scaled))
    >>> after <= before
    True
    """
    inputs = checks.examples("X", X, net.dtype)
    labels = np.asarray(y).reshape(-1)
    checks.same_rows("y", labels, len(inputs))
    weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
    if len(inputs) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(len(inputs), MOST_ROWS, replace=False))
        inputs, labels, weights = inputs[rows], labels[rows], None if weights is None else weights[rows]
    temperature = fit_temperature(labels, logits(net, inputs), weights)
    return scaled_by_temperature(net, temperature), temperature


def fit_temperature(targets: Array, logits: Array, sample_weight: Array | None = None) -> float:
    """Return the temperature between 0.05 and 20 that makes the log loss of some rows smallest.

    `targets` are their classes, 0 ... classes - 1, `logits` the weighted sums before softmax, (rows, classes), or
    before one sigmoid, (rows, 1); or those of several networks whose probabilities are averaged, (networks, rows,
    classes). `sample_weight` (rows,) counts the rows. Added to the sum of the losses is (ln T)² / 2, as if ln T were
    drawn from a standard normal distribution: of many rows it is nothing, and a few rows that are all right do not make
    the network certain.

    Raises InvalidValue where the targets do not fit the logits (Guo et al. 2017).

    >>> import numpy as np
    >>> import plainnet as pn
    >>> logits = np.tile([[4.0, 0.0]], (1000, 1))  # 98 % for class 0, which 70 % of the rows have
    >>> targets = np.repeat([0, 1], [700, 300])
    >>> temperature = pn.fit_temperature(targets, logits)
    >>> round(temperature, 1), round(1 / (1 + float(np.exp(-4 / temperature))), 2)
    (4.7, 0.7)
    """
    z = np.asarray(logits, np.float64)
    z = z[np.newaxis] if z.ndim == 2 else z
    if z.shape[2] == 1:
        z = np.concatenate([np.zeros_like(z), z], axis=2)  # σ(z) is the softmax of 0 and z
    labels = np.asarray(targets).reshape(-1).astype(np.intp)
    if z.shape[1] != len(labels) or not len(labels):
        raise InvalidValue(f"logits has shape {np.shape(logits)} and targets {len(labels)} classes; each row takes one")
    if labels.min() < 0 or labels.max() >= z.shape[2]:
        raise InvalidValue(f"targets holds classes from {labels.min()} to {labels.max()} for {z.shape[2]} classes")
    rows = np.arange(len(labels))
    each = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    each = each * each.sum() / np.square(each).sum()  # they add up to as many rows as they are worth (Kish 1965)

    def log_loss(log_temperature: float) -> float:
        z_scaled = z / np.exp(log_temperature)
        largest = z_scaled.max(axis=2, keepdims=True)
        log_totals = largest[..., 0] + np.log(np.exp(z_scaled - largest).sum(axis=2))
        own = z_scaled[:, rows, labels] - log_totals  # ln p of the true class by each network
        highest = own.max(axis=0)
        losses = -highest - np.log(np.exp(own - highest).mean(axis=0))
        return float(each @ losses) + log_temperature**2 / 2

    return float(np.exp(golden_section(log_loss, np.log(COLDEST), np.log(HOTTEST))))


def scaled_by_temperature(net: Network, temperature: float) -> Network:
    """Return a copy of `net` whose logits are divided by `temperature`, in its last weights and biases.

    `temperature` is above 0. Raises InvalidValue unless the network ends in a Dense layer with softmax or sigmoid, in a
    plain one and such an Activation, or in an Average of such networks.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(1, "sigmoid"), input_size=1)
    >>> net.layers[0].weights = 4
    >>> pn.scaled_by_temperature(net, 2.0).layers[0].weights.tolist()
    [[2.0]]
    """
    temperature = checks.number("temperature", temperature, above=0)
    scaled = net.copy()
    for layer in _last_dense(scaled.layers):
        layer.weights /= scaled.dtype.type(temperature)
        if layer.bias is not None:
            layer.bias /= scaled.dtype.type(temperature)
    return scaled


def logits(net: Network, X: Array) -> Array:
    """Return the weighted sums before the probabilities, (rows, outputs); of an Average (networks, rows, outputs)."""
    _last_dense(net.layers)  # raises where there are none
    return _logits(net.layers, X)


def _logits(layers: Sequence[Layer], inputs: Array) -> Array:
    """Return the logits of a network that `_last_dense` takes."""
    last = layers[-1]
    before = layers[:-1] if isinstance(last, Average | Dense) else layers[:-2]
    for layer in before:
        inputs = layer.predict(inputs)
    if isinstance(last, Average):
        return np.stack([_logits(branch, inputs) for branch in last.branches])
    dense = last if isinstance(last, Dense) else layers[-2]
    return weighted_sums(inputs, dense.weights, dense.bias)


def _last_dense(layers: Sequence[Layer]) -> list[Dense]:
    """Return the Dense layer that makes the logits, or one of each network that is averaged."""
    last = layers[-1]
    if isinstance(last, Average):
        return [dense for branch in last.branches for dense in _last_dense(branch)]
    dense = layers[-2] if isinstance(last, Activation) and len(layers) > 1 else last
    own = getattr(last, "activation", None)
    has_logits = isinstance(dense, Dense) and own is not None and own.name in OUTPUTS
    if isinstance(dense, Dense) and has_logits and (dense is last or dense.activation.name == "identity"):
        return [dense]
    raise InvalidValue(
        f"the network ends in {last.name}; a temperature takes a network whose last layer is Dense with softmax or "
        "sigmoid, or a plain Dense and an Activation, or an Average of such"
    )
