"""The objective of scikit-learn's networks, in terms of plainnet's losses.

Over a batch of rows i with weights s_i (1 without weights), S = Σ_i s_i:

    objective = Σ_i s_i ℓ_i / S + alpha / (2 S) · Σw²        (all weights w of the Dense layers, no biases)

| loss | ℓ_i, over the outputs k |
| --- | --- |
| log_loss | -Σ_k y_k ln p_k; with sigmoid outputs -Σ_k (y_k ln p_k + (1 - y_k) ln(1 - p_k)) |
| poisson | Σ_k (y_k ln(y_k / ŷ_k) - y_k + ŷ_k) |
| squared_error | ½ Σ_k (ŷ_k - y_k)² for the gradient; the value that is reported is its mean over the outputs |

So the penalty's l2 is alpha / S: it depends on the batch, and a smaller last batch is penalized more. The layers have
the l2 of a whole batch, and the loss says of how many rows that is (`penalty_rows`).
"""

from typing import Any

import numpy as np

from plainnet import losses
from plainnet._base.arrays import Array
from plainnet.layers import Dense
from plainnet.losses import Elements, Loss
from plainnet.network import Network


class PoissonDeviance(losses.Poisson):
    """plainnet's Poisson loss with the terms in y alone, so that it is 0 if ŷ = y."""

    def elements(self, targets: Array, predictions: Array) -> Elements:
        values, slopes = losses.poisson(targets, predictions)
        return values + _terms_in_y(targets), slopes

    def elements_from_logits(self, targets: Array, logits: Array) -> Elements:
        values, slopes = losses.exponential_poisson(targets, logits)
        return values + _terms_in_y(targets), slopes


def _terms_in_y(targets: Array) -> Array:
    """Return y ln y - y, which is 0 for y = 0."""
    return targets * np.log(np.where(targets > 0, targets, 1)) - targets


LOSS_NAMES: dict[str, tuple[str, type[Loss]]] = {
    "squared_error": ("squared_error", losses.MeanSquaredError),
    "poisson": ("poisson", PoissonDeviance),
    "logistic": ("log_loss", losses.BinaryCrossEntropy),
    "softmax": ("log_loss", losses.CrossEntropy),
}
"""scikit-learn's name and plainnet's loss by a regressor's `loss`, or by a classifier's output activation."""


class Objective(Loss):
    """A plainnet loss scaled as in scikit-learn.

    `consistent=True` makes the value the one whose gradient is given, which L-BFGS needs. It differs only for a
    squared error over several outputs.
    """

    def __init__(self, loss: str, outputs: int, penalty_rows: float | None = None, *, consistent: bool = False) -> None:
        name, cls = LOSS_NAMES[loss]
        self.loss = cls()
        self.name = f"scikit-learn's {name}"  # type: ignore[misc]
        self.suits, self.fused_with = self.loss.suits, self.loss.fused_with
        self.penalty_rows = penalty_rows
        self.gradient_factor = {"squared_error": outputs / 2, "softmax": 1.0}.get(loss, float(outputs))
        self.value_factor = 0.5 if loss == "squared_error" and not consistent else self.gradient_factor

    def settings(self) -> dict[str, Any]:
        return {}

    def value_and_gradient(
        self, targets: Array, outputs: Array, sample_weight: Array | None = None, from_logits: bool = False
    ) -> tuple[float, Array]:
        value, gradient = self.loss.value_and_gradient(targets, outputs, sample_weight, from_logits)
        return value * self.value_factor, gradient * self.gradient_factor

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        return self.loss.prepare(targets, outputs, dtype)


def set_penalty(network: Network, alpha: float, total: float) -> None:
    """Give the Dense layers the l2 of a batch whose weights sum to `total`."""
    for layer in dense_layers(network):
        layer.l2 = alpha / total


def dense_layers(network: Network) -> list[Dense]:
    """Return the layers that hold `coefs_` and `intercepts_`."""
    return [layer for layer in network.layers if isinstance(layer, Dense)]
