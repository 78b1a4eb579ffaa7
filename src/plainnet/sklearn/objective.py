"""The objective of scikit-learn's networks, in terms of plainnet's losses.

Over a batch of examples with weights s_i (1 without weights), S = Σ_i s_i:

    objective = Σ_i s_i ℓ_i / S + alpha / (2 S) · Σw²        (all weights w of the Dense layers, no biases)

| loss | ℓ_i, over the outputs k |
| --- | --- |
| log_loss | -Σ_k y_k ln p_k; with sigmoid outputs -Σ_k (y_k ln p_k + (1 - y_k) ln(1 - p_k)) |
| poisson | Σ_k (y_k ln(y_k / ŷ_k) - y_k + ŷ_k) |
| squared_error | ½ Σ_k (ŷ_k - y_k)² for the gradient; the value that is reported is its mean over the outputs |

So the penalty's l2 is alpha / S: it depends on the batch, and a smaller last batch is penalized more.
"""

from typing import Any

import numpy as np
from scipy.special import xlogy  # type: ignore[import-untyped]

from plainnet import losses
from plainnet._base.arrays import Array
from plainnet.layers import Dense
from plainnet.losses import Loss
from plainnet.network import Network

LOSS_NAMES = {
    "squared_error": "mse",
    "poisson": "poisson",
    "logistic": "binary_cross_entropy",
    "softmax": "cross_entropy",
}
"""plainnet's loss for a regressor's `loss`, and for a classifier's output activation."""


class Objective(Loss):
    """A plainnet loss scaled as in scikit-learn; at each batch it sets the layers' l2 to alpha / S.

    `consistent=True` makes the value the one whose gradient is given, which L-BFGS needs. It differs only for a
    squared error over several outputs.
    """

    def __init__(self, loss: str, network: Network, alpha: float, consistent: bool = False) -> None:
        self.loss = losses.resolve(LOSS_NAMES[loss])
        self.alpha = float(alpha)
        self.name = self.loss.name  # type: ignore[misc]
        self.suits, self.fused_with = self.loss.suits, self.loss.fused_with
        self.penalized = dense_layers(network)
        outputs = network.output_size or 1
        self.gradient_factor = {"mse": outputs / 2, "cross_entropy": 1.0}.get(self.name, float(outputs))
        self.value_factor = 0.5 if self.name == "mse" and not consistent else self.gradient_factor

    def settings(self) -> dict[str, Any]:
        return {"alpha": self.alpha}

    def value_and_gradient(
        self, targets: Array, outputs: Array, sample_weight: Array | None = None, from_logits: bool = False
    ) -> tuple[float, Array]:
        self.set_penalty(len(outputs) if sample_weight is None else float(sample_weight.sum()))
        value, gradient = self.loss.value_and_gradient(targets, outputs, sample_weight, from_logits)
        if self.gradient_factor != 1:
            gradient = gradient * self.gradient_factor
        return value * self.value_factor + self.constant(targets, sample_weight), gradient

    def set_penalty(self, total: float) -> None:
        """Give the layers the l2 of a batch whose weights sum to `total`."""
        for layer in self.penalized:
            layer.l2 = self.alpha / total if total else 0.0

    def data_loss(self, targets: Array, outputs: Array, sample_weight: Array | None) -> float:
        """The objective without the penalty, from predictions."""
        value = self.loss.value(targets, outputs, sample_weight)
        return value * self.value_factor + self.constant(targets, sample_weight)

    def constant(self, targets: Array, sample_weight: Array | None) -> float:
        """The part of the Poisson deviance that does not depend on the predictions."""
        if self.name != "poisson":
            return 0.0
        examples = (xlogy(targets, targets) - targets).sum(axis=1)
        if sample_weight is not None and not sample_weight.any():
            return 0.0
        return float(np.average(examples, weights=sample_weight))

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        return self.loss.prepare(targets, outputs, dtype)


def dense_layers(network: Network) -> list[Dense]:
    """The layers that hold `coefs_` and `intercepts_`."""
    return [layer for layer in network.layers if isinstance(layer, Dense)]
