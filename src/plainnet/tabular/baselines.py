"""Simple models to hold a network against: a linear model of the same features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.minimizing import lbfgs
from plainnet.errors import InvalidValue
from plainnet.layers import Dense
from plainnet.losses import Elements, one_hot, sigmoid_cross_entropy, softmax_cross_entropy, squared_error
from plainnet.network import Network
from plainnet.tabular.targets import Task

MOST_ROWS, LEAST_ROWS = 50_000, 1_000
"""The rows that a linear model learns from; of more a sample is drawn."""
MOST_PRODUCTS = 2 * 10**7
"""Rows times features times outputs, at most, unless that leaves fewer than `LEAST_ROWS` rows."""
PENALTY = 1.0
"""The linear model minimizes Σ loss + PENALTY · Σ weights² / 2, as scikit-learn's linear models do by default."""


def linear_baseline(
    X: Array,
    y: Array,
    task: Task,
    sample_weight: Array | None = None,
    *,
    classes: int | None = None,
    seed: int = 0,
) -> Network:
    """Return a linear model as a network without hidden layer: logistic regression for classes, ridge for quantities.

    Arguments:
        X: features, (rows, features), numbers standardized and categories one-hot, as `Table.features` gives them.
        y: the class of each row, 0 ... classes - 1, shape (rows,); or quantities, (rows,) or (rows, outputs).
        task: "classification" or "regression".
        sample_weight: the weight of each row, at least 0.
        classes: the number of classes, if the last ones may have no row here.
        seed: seeds the sample that is drawn of many rows.

    Two classes give one sigmoid unit, more a softmax. The weights minimize the sum of the losses (with weights of mean
    1) and half the sum of their squares; the bias is free. Sources: Hoerl and Kennard, "Ridge regression",
    Technometrics 12 (1970); Cox, Journal of the Royal Statistical Society B 20 (1958), for logistic regression.
    """
    checks.one_of("task", task, ("classification", "regression"))
    if len(X) != len(y) or not len(X):
        raise InvalidValue(f"X has {len(X)} rows and y has {len(y)}; each row takes a target")
    count = int(y.max()) + 1 if classes is None else classes
    outputs = (1 if count <= 2 else count) if task == "classification" else y.reshape(len(y), -1).shape[1]
    rows = _sample(X, outputs, sample_weight, seed)
    inputs = X[rows].astype(np.float64)
    weights = np.ones(len(inputs)) if sample_weight is None else sample_weight[rows].astype(np.float64)
    weights = weights / weights.mean()
    output = "identity" if task == "regression" else "sigmoid" if outputs == 1 else "softmax"
    dtype = X.dtype if X.dtype in (np.float32, np.float64) else np.float64
    net = Network(Dense(outputs, output), input_size=X.shape[1], dtype=dtype, seed=seed)
    if task == "regression":
        targets = y[rows].reshape(len(inputs), outputs).astype(np.float64)
        mean = np.average(targets, axis=0, weights=weights)
        spread = np.sqrt(np.average(np.square(targets - mean), axis=0, weights=weights))
        scale = np.where(spread > 0, spread, 1.0)
        found, bias = _fit(inputs, (targets - mean) / scale, weights, _half_squared_error)
        found, bias = found * scale, bias * scale + mean
    elif outputs == 1:
        found, bias = _fit(inputs, y[rows].reshape(-1, 1).astype(np.float64), weights, sigmoid_cross_entropy)
    else:
        found, bias = _fit(inputs, one_hot(y[rows], outputs).astype(np.float64), weights, softmax_cross_entropy)
    layer = net.layers[0]
    assert isinstance(layer, Dense)
    layer.weights, layer.bias = found, bias
    return net


def _sample(X: Array, outputs: int, sample_weight: Array | None, seed: int) -> Array:
    """Return the numbers of the rows to learn from, those of weight 0 left out."""
    rows = np.arange(len(X)) if sample_weight is None else np.flatnonzero(sample_weight)
    most = min(MOST_ROWS, max(LEAST_ROWS, MOST_PRODUCTS // (X.shape[1] * outputs)))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


def _fit(
    inputs: Array, targets: Array, weights: Array, elements: Callable[[Array, Array], Elements]
) -> tuple[Array, Array]:
    """Return the weights and the bias that minimize Σ weight · loss / rows + PENALTY / (2 rows) · Σ weights²."""
    rows, features = inputs.shape
    outputs = targets.shape[1]
    each = (weights / rows)[:, np.newaxis]

    def value_and_gradient(parameters: Array) -> tuple[float, Array]:
        both = parameters.reshape(features + 1, outputs)
        losses, derivatives = elements(targets, inputs @ both[:-1] + both[-1])
        derivatives = derivatives * each
        gradient = np.vstack([inputs.T @ derivatives + PENALTY / rows * both[:-1], derivatives.sum(axis=0)])
        penalty = PENALTY / (2 * rows) * float(np.square(both[:-1]).sum())
        return float((losses * each).sum()) + penalty, gradient.ravel()

    found = lbfgs(value_and_gradient, np.zeros((features + 1) * outputs)).reshape(features + 1, outputs)
    return found[:-1], found[-1]


def _half_squared_error(targets: Array, predictions: Array) -> Elements:
    """ℓ = (ŷ - y)² / 2, ℓ' = ŷ - y."""
    losses, derivatives = squared_error(targets, predictions)
    return losses / 2, derivatives / 2
