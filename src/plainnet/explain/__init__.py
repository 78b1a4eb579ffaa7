"""One training step of a network in numbers: every sum, every gradient with its formula, every update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plainnet.explain.explanation import Explanation
    from plainnet.network import Network

__all__ = ["explain"]


def explain(
    net: Network,
    X: Any,
    y: Any,
    *,
    loss: Any = None,
    optimizer: Any = "adam",
    sample_weight: Any = None,
    dropout_seed: int = 0,
    examples: Sequence[str] | None = None,
) -> Explanation:
    """Return one training step of `net` on the examples X and y, with all its numbers and their formulas.

    The step is the first of a run on these examples as one batch, of which `net.loss_and_gradient` with the same
    `sample_weight` and `dropout_seed` gives the gradient. Every gradient stands beside central differences, taken in
    float64. Nothing of the network changes.

    Arguments:
        X, y, loss: as `net.fit` takes them; a few examples are enough.
        optimizer: a name or an object, whose update is shown.
        sample_weight: a weight of at least 0 for each example.
        dropout_seed: decides the dropout masks.
        examples: names for the rows.

    Raises InvalidValue and InvalidType as `net.fit` does, and where the loss is not finite.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.xor()
    >>> net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    >>> step = explain(net, X, y, loss="mse", optimizer=pn.SGD(1.0))
    >>> step.forward[0]["z"].formula
    'z = inputs @ weights + bias'
    >>> step.backward[0]["∂loss/∂weights"].values.shape, step.relative_error < 1e-6
    ((4, 1), True)
    """
    from plainnet.explain.walk import walk  # the rest of this package, when it is first asked for

    return walk(net, X, y, loss, optimizer, sample_weight, dropout_seed, examples)
