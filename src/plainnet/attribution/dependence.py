"""Partial dependence: the average prediction over the examples as one input changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.wording import plural
from plainnet.errors import InvalidValue
from plainnet.network import Network
from plainnet.network.examples import inputs_for


def partial_dependence(net: Network, X: Any, features: int | Sequence[int], values: Any) -> Array:
    """Return the average prediction over the examples with one input set to a value in all of them.

    `PD(v) = 1/n · Σ_i f(x_i with the input set to v)`; every other input stays as it is in each example.

    `net` is the network, X are the examples, (examples, features). `features` is the column of X, or the columns that
    together are one input, such as those of a one-hot category. `values` are the values to set: (values,) for one
    column, (values, columns) for several. The result is (values, outputs). Source: Friedman, "Greedy function
    approximation: a gradient boosting machine", Annals of Statistics 29 (2001), section 8.2.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.moons(100, noise=0.1, seed=1)
    >>> net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    >>> partial_dependence(net, X, 0, [-1.0, 0.0, 1.0]).shape
    (3, 2)
    """
    return np.array([outputs.mean(axis=0) for outputs in _predictions(net, X, features, values)])


def individual_dependence(net: Network, X: Any, features: int | Sequence[int], values: Any) -> Array:
    """Return the prediction of each example with one input set to a value, (values, examples, outputs).

    `net`, X, `features` and `values` are as for `partial_dependence`, which is the average over the examples. Source:
    Goldstein, Kapelner, Bleich and Pitkin, "Peeking inside the black box: visualizing statistical learning with plots
    of individual conditional expectation", Journal of Computational and Graphical Statistics 24 (2015).
    """
    return np.array(list(_predictions(net, X, features, values)))


def _predictions(net: Network, X: Any, features: int | Sequence[int], values: Any) -> Iterator[Array]:
    """Yield the predictions of all examples for each value."""
    rows = inputs_for(net, X)[:].copy()
    columns = checked_columns(features, rows.shape[1])
    given = checks.numeric_array("values", values, rows.dtype)
    given = given[:, None] if given.ndim == 1 else given
    if given.ndim != 2 or given.shape[1] != len(columns):
        each = f"a number for each of {plural(len(columns), 'column')} in each line"
        raise InvalidValue(f"values has shape {np.shape(values)}; it takes {each}")
    for value in given:
        rows[:, columns] = value
        yield net.predict(rows)


def checked_columns(features: int | Sequence[int], inputs: int) -> list[int]:
    given = [features] if isinstance(features, int | np.integer) else list(features)
    columns = [checks.whole_number("features", feature, least=0) for feature in given]
    if not columns or len(set(columns)) < len(columns) or max(columns) >= inputs:
        raise InvalidValue(f"features is {features!r}; it takes different columns of X from 0 to {inputs - 1}")
    return columns
