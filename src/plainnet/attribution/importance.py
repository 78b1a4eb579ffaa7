"""The importance of inputs: how much worse the predictions become when the values of one are shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.attribution.outputs import class_labels, class_scores, examples, own_loss
from plainnet.network import Network
from plainnet.network.examples import weights_for
from plainnet.network.prediction import measure

MOST_ROWS, LEAST_ROWS, MOST_PREDICTED = 2000, 200, 100_000
"""Importance is measured on as many examples as make `MOST_PREDICTED` predictions, within these bounds."""
MOST_TRIED, ROWS_FOR_SLOPES = 100, 200
"""The most inputs of a table whose importance is measured, those with the steepest slopes over some rows."""
REPEATS = 5
"""The default of how often each input is shuffled."""


@dataclass(frozen=True, eq=False)
class Importance:
    """Importance holds how much worse predictions become when an input's values are shuffled.

    `importance_of_inputs` makes it.
    """

    inputs: tuple[int, ...]
    """The places of the inputs tried, among those given."""
    values: Array
    """The rise of the mean of `mistakes`, (inputs tried, repeats)."""
    of_classes: bool
    """True if it is the probability of the true class that falls, False if it is the error that rises."""
    rows: int
    """The number of rows it is measured on."""
    available: int
    """The number of rows that they were drawn from."""
    constant: int
    """So many inputs have one value in all rows and are not tried."""
    flat: int
    """So many more are not tried, because there are more than `MOST_TRIED` along which the prediction is steeper."""

    @property
    def label(self) -> str:
        """Return the name of the values."""
        return "fall of p(true class)" if self.of_classes else "rise of the error"

    @property
    def meaning(self) -> str:
        """Return what the values are, in a sentence."""
        measured = (
            "how much the probability of the true class falls"
            if self.of_classes
            else "how much the error rises, as a share of the range of the target (5th to 95th percentile),"
        )
        some = f" ({self.rows:,} of {self.available:,}, drawn at random)" if self.rows < self.available else ""
        return f"{measured} when the values of one input are shuffled among the rows{some}"


def importance_of_inputs(
    net: Network,
    X: Any,
    y: Any,
    inputs: Sequence[Sequence[int]],
    *,
    sample_weight: Any = None,
    repeats: int = REPEATS,
    seed: int = 0,
    available: int | None = None,
) -> Importance:
    """Return the bounded `permutation_importance` of those of many inputs that vary, as reports and commands show it.

    Arguments:
        net, X, y, sample_weight, repeats, seed: as for `permutation_importance`.
        inputs: for each input the columns of X that belong to it.
        available: the number of rows that those of X were drawn from, if they were.
    """
    rows, targets = examples(net, X, y)
    labels = class_labels(net, targets)
    varying = [i for i, group in enumerate(inputs) if np.ptp(rows[:, list(group)], axis=0).any()]
    tried = varying
    if len(varying) > MOST_TRIED:
        some = slice(0, ROWS_FOR_SLOPES)
        slope = np.abs(slopes(net, rows[some], None if labels is None else labels[some])).mean(axis=0)
        reach = slope * rows.std(axis=0)
        reach[slope == 0] = np.inf  # as of the code of an embedded category, which says nothing of its importance
        order = np.argsort([-reach[list(inputs[i])].sum() for i in varying], kind="stable")
        tried = [varying[i] for i in np.sort(order[:MOST_TRIED])]
    settings: dict[str, Any] = {"repeats": repeats, "seed": seed, "bounded": True, "sample_weight": sample_weight}
    groups = [inputs[i] for i in tried]
    values = permutation_importance(net, rows, y, inputs=groups, **settings) if tried else np.empty((0, repeats))
    return Importance(
        inputs=tuple(tried),
        values=values,
        of_classes=labels is not None,
        rows=importance_rows(len(rows), len(tried)),
        available=len(rows) if available is None else available,
        constant=len(inputs) - len(varying),
        flat=len(varying) - len(tried),
    )


def importance_rows(rows: int, inputs: int) -> int:
    """Return the number of rows on which importance is measured, which is smaller for many inputs."""
    return min(rows, MOST_ROWS, max(LEAST_ROWS, MOST_PREDICTED // max(1, inputs)))


def mistakes(outputs: Array, targets: Array, labels: Array | None) -> Array:
    """Return the mistake of each example, from 0 for right to 1, (examples,).

    For classes it is 1 - the probability of the true class. For quantities it is |output - target| as a share of the
    range of the targets from their 5th to their 95th percentile, at most 1, on average over the outputs.
    """
    if labels is not None:
        return 1 - class_scores(outputs)[np.arange(len(labels)), labels]
    low, high = np.percentile(targets, (5, 95), axis=0)
    spread = np.where(high > low, high - low, np.maximum(np.ptp(targets, axis=0), np.finfo(float).tiny))
    return np.minimum(np.abs(outputs - targets) / spread, 1).mean(axis=1)


def slopes(net: Network, X: Array, labels: Array | None) -> Array:
    """Return the slope of the prediction along each input by the chain rule, (examples, inputs).

    The prediction is the probability of an example's class, or the sum of the outputs.
    """
    outputs, backwards = X, []
    for layer in net.layers:
        outputs, backward = layer.forward(outputs)
        backwards.append(backward)
    slope = np.ones_like(outputs)
    if labels is not None and outputs.shape[1] == 1:
        slope[labels == 0] = -1
    elif labels is not None:
        slope[:] = np.arange(outputs.shape[1]) == labels[:, None]
    not_needed = net.parameter_views(np.zeros_like(net.parameters))
    for backward, own in zip(reversed(backwards), reversed(not_needed), strict=True):
        slope = backward(slope, own)
    return slope


def permutation_importance(
    net: Network,
    X: Any,
    y: Any,
    *,
    inputs: Sequence[Sequence[int]] | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
    bounded: bool = False,
    sample_weight: Any = None,
) -> Array:
    """Return the rise of the loss when an input's values are shuffled among the examples, (inputs, repeats).

    `importance_i = loss(X with input i shuffled) - loss(X)`: 0 for an input that the network does not use. If there are
    many rows, a sample is used (see `importance_rows`). Source: Breiman, "Random forests", Machine Learning 45 (2001);
    for any model Fisher, Rudin & Dominici (2019).

    Arguments:
        net: the network, trained.
        X, y: examples (examples, features) and targets, best those it was not trained on.
        inputs: groups of columns of X that belong together, such as those of one category; by default each column is
            one
            input.
        repeats: the number of times that each input is shuffled.
        seed: decides the shuffling.
        bounded: True to take the mean of `mistakes`, from 0 to 1 for each example, in place of the loss, which has no
            upper
            bound, so that one odd value can decide.
        sample_weight: a weight for each example.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Dense(1), input_size=2, dtype="float64")
    >>> net.layers[0].weights = [[1], [0]]  # the second input has no weight
    >>> X = [[0, 1], [1, 3], [2, 2], [3, 0]]
    >>> rise = permutation_importance(net, X, [[0], [1], [2], [3]], repeats=3)
    >>> rise.shape, bool(rise[0].mean() > 0), rise[1].tolist()
    ((2, 3), True, [0.0, 0.0, 0.0])
    """
    rows, targets = examples(net, X, y)
    weights = weights_for(net, sample_weight, len(rows))
    repeats = checks.whole_number("repeats", repeats, least=1)
    random = np.random.default_rng(checks.whole_number("seed", seed, least=0))
    groups = [[i] for i in range(rows.shape[1])] if inputs is None else [list(group) for group in inputs]
    drawn = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
    count = importance_rows(len(drawn), len(groups))
    if len(drawn) > count:
        drawn = random.choice(drawn, count, replace=False)
    labels = class_labels(net, targets)
    labels = None if labels is None else labels[drawn]
    weights = None if weights is None else weights[drawn]
    rows, targets = rows[drawn], targets[drawn]
    loss = own_loss(net)

    def badness(X: Array) -> float:
        if bounded:
            return float(np.average(mistakes(net.predict(X), targets, labels), weights=weights))
        return measure(net, X, targets, weights, loss, {})["loss"]

    base = badness(rows)
    result = np.empty((len(groups), repeats))
    shuffled = rows.copy()
    for i, group in enumerate(groups):
        for j in range(repeats):
            shuffled[:, group] = rows[random.permutation(len(rows))][:, group]
            result[i, j] = badness(shuffled) - base
        shuffled[:, group] = rows[:, group]
    return result
