"""Losses: how far predictions are from targets, as one number to descend.

Each loss is one plain function over elements that returns the loss ℓ of each and its derivative ℓ' by the prediction.
The mean over all elements, with sample weights where there are any, is taken in one place:

    L = Σ_i w_i ℓ_i / Σ_i w_i        ∂L/∂ŷ_i = w_i ℓ'_i / Σ_i w_i        (w_i = 1 without weights)

Cross-entropies (and Poisson) have a second function, of the logits z, the weighted sums before the output's sigmoid,
softmax or exponential: together the two simplify to ∂ℓ/∂z = ŷ - y, and nothing can overflow.

Shapes: `targets` y, `predictions` ŷ and `logits` z (examples, outputs), integer labels (examples,), sample weights
(examples,). Each function returns ℓ, (examples, outputs) or one for each row, and ℓ' (examples, outputs). To add a
loss, write its function and its class here; nothing else in the package changes.

>>> import numpy as np
>>> from plainnet.losses import Huber, squared_error
>>> y, predictions = np.array([[1.0], [0.0]]), np.array([[0.5], [2.0]])
>>> squared_error(y, predictions)[0].tolist()
[[0.25], [4.0]]
>>> loss = Huber(delta=1.0)
>>> loss.value(y, predictions), loss.gradient(y, predictions).tolist()
(0.8125, [[-0.25], [0.5]])
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import OWN, Configurable, needed, parts
from plainnet._base.conversion import LABELS, numbers_of
from plainnet.activations import sigmoid
from plainnet.errors import InvalidRow, InvalidValue

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "absolute_error",
    "binary_cross_entropy",
    "cross_entropy",
    "exponential_poisson",
    "huber",
    "poisson",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
]

Elements = tuple[Array, Array]


def squared_error(targets: Array, predictions: Array) -> Elements:
    """ℓ = (ŷ - y)², ℓ' = 2 (ŷ - y)."""
    error = predictions - targets
    return error * error, 2 * error


def absolute_error(targets: Array, predictions: Array) -> Elements:
    """ℓ = |ŷ - y|, ℓ' = sign(ŷ - y)."""
    error = predictions - targets
    return np.abs(error), np.sign(error)


def huber(targets: Array, predictions: Array, delta: float) -> Elements:
    """ℓ = e²/2 for |e| ≤ delta, else delta (|e| - delta/2), with e = ŷ - y; ℓ' = c, which is e clipped to ±delta.

    Both cases are ℓ = c (e - c/2).
    """
    error = predictions - targets
    clipped = np.clip(error, -delta, delta)
    return clipped * (error - 0.5 * clipped), clipped


def binary_cross_entropy(targets: Array, predictions: Array) -> Elements:
    """ℓ = -(y ln ŷ + (1 - y) ln(1 - ŷ)), with ŷ kept half a unit of rounding away from 0 and 1."""
    margin = np.finfo(predictions.dtype).epsneg
    p = np.clip(predictions, margin, 1 - margin)
    return -(targets * np.log(p) + (1 - targets) * np.log1p(-p)), (p - targets) / (p * (1 - p))


def sigmoid_cross_entropy(targets: Array, logits: Array) -> Elements:
    """ℓ = max(z, 0) - y z + ln(1 + e^-|z|), ∂ℓ/∂z = ŷ - y for ŷ = σ(z)."""
    losses = np.maximum(logits, 0) - targets * logits + np.log1p(np.exp(-np.abs(logits)))
    return losses, sigmoid(logits) - targets


def one_hot(targets: Array, classes: int) -> Array:
    """Integer labels as rows that are true at the label's place; rows as they are."""
    return targets if targets.ndim == 2 else targets[:, None] == np.arange(classes)


def smoothed(targets: Array, outputs: Array, label_smoothing: float) -> Array:
    """Return rows (1 - ε) y + ε / K: a share ε of each row's probability is spread evenly over all K classes."""
    classes = outputs.shape[1]
    return (1 - label_smoothing) * one_hot(targets, classes).astype(outputs.dtype) + label_smoothing / classes


def cross_entropy(targets: Array, predictions: Array) -> Elements:
    """ℓ = -Σ_k y_k ln ŷ_k over a row, with ŷ kept above the smallest normal number; ℓ' = -y / ŷ."""
    y = one_hot(targets, predictions.shape[1])
    p = np.maximum(predictions, np.finfo(predictions.dtype).tiny)
    return -(y * np.log(p)).sum(axis=1, keepdims=True), -(y / p)


def softmax_cross_entropy(targets: Array, logits: Array) -> Elements:
    """ℓ = ln Σ_j e^z_j - Σ_k y_k z_k over a row whose y sum to 1, ∂ℓ/∂z = ŷ - y for ŷ = softmax(z)."""
    y = one_hot(targets, logits.shape[1])
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    return np.log(total) - (y * shifted).sum(axis=1, keepdims=True), e / total - y


def poisson(targets: Array, predictions: Array) -> Elements:
    """ℓ = ŷ - y ln ŷ, ℓ' = 1 - y / ŷ, with ŷ + 1e-8 in both as in PyTorch."""
    return predictions - targets * np.log(predictions + 1e-8), 1 - targets / (predictions + 1e-8)


def exponential_poisson(targets: Array, logits: Array) -> Elements:
    """ℓ = e^z - y z, ∂ℓ/∂z = ŷ - y for ŷ = e^z."""
    rates = np.exp(logits)
    return rates - targets * logits, rates - targets


class Loss(Configurable):
    """A loss is the mean of its function over all elements, with its gradient, and what suits it.

    A subclass has `elements(targets, predictions)`, as a method or as `staticmethod(f)` of a plain function, and where
    it is `fused_with` an activation `elements_from_logits(targets, logits)`. A setting out of its range raises
    InvalidValue.
    """

    suits: tuple[str, ...] = ()
    """Output activations that this loss expects, the usual one first; empty where any will do."""

    fused_with: str | None = None
    """The output activation together with which `elements_from_logits` computes this loss."""

    penalty_rows: float | None = None
    """The number of rows that the layers' penalties are for; None counts the penalties once per batch.

    A batch of weight S counts them penalty_rows / S times.
    """

    elements: Callable[..., Elements] = needed(
        "elements(targets, predictions)",
        "Return the loss of each element of targets and predictions, and its derivative by each prediction.",
    )

    elements_from_logits: Callable[..., Elements] = needed(
        "elements_from_logits(targets, logits)",
        "Return the same of targets and logits, the sums before `fused_with`, and the derivative by the logits.",
    )

    def value(self, targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
        """Return L, the weighted mean over all elements.

        `targets` are as `prepare` returns them, `predictions` (examples, outputs), `sample_weight` (examples,) or None.
        """
        return float(self.value_and_gradient(targets, predictions, sample_weight)[0])

    def gradient(self, targets: Array, predictions: Array, sample_weight: Array | None = None) -> Array:
        """Return ∂L/∂predictions, shaped like the predictions.

        `targets`, `predictions` and `sample_weight` are as for `value`.
        """
        return self.value_and_gradient(targets, predictions, sample_weight)[1]

    def value_and_gradient(
        self,
        targets: Array,
        outputs: Array,
        sample_weight: Array | None = None,
        from_logits: bool = False,
    ) -> tuple[float, Array]:
        """Return L and ∂L/∂outputs.

        The `outputs` are predictions or, with `from_logits`, the sums before them; `targets` and `sample_weight` are as
        for `value`.
        """
        compute = self.elements_from_logits if from_logits else self.elements
        losses, derivatives = compute(targets, outputs)
        if sample_weight is None:
            return losses.sum() / losses.size, derivatives / losses.size
        total = sample_weight.sum() * (losses.size // len(losses))
        share = sample_weight[:, None] / np.maximum(total, np.finfo(total.dtype).tiny)  # total 0: nobody counts
        return (losses * share).sum(), derivatives * share

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        """Return the user's targets, checked, as the array that `elements` takes for so many outputs.

        `targets` are (examples, outputs), or (examples,) for one output, or labels where the loss takes them; `outputs`
        is their number and `dtype` that of the network. Raises InvalidValue where they do not fit.
        """
        array = checks.numeric_array("y", targets, dtype, LABELS)
        if array.ndim == 1 and outputs == 1:
            array = array[:, None]
        if array.ndim != 2 or array.shape[1] != outputs:
            raise InvalidValue(
                f"y has shape {array.shape} and the network {outputs} output{'s' if outputs > 1 else ''}; "
                f"{self.name} takes y of shape (examples, {outputs})"
            )
        checks.finite("y", array)
        return array

    def check_output(self, activation: str) -> None:
        """Refuse an output `activation` that this loss makes no sense with: raises InvalidValue."""
        if self.suits and activation not in self.suits and not activation.startswith(OWN):
            raise InvalidValue(
                f"loss {self.name!r} expects {' or '.join(self.suits)} as the output's activation and the last layer "
                f"has {activation!r}; make the last layer Dense(..., {self.suits[0]!r}) or choose another loss"
            )


class MeanSquaredError(Loss):
    """ℓ = (ŷ - y)², for numbers whose errors count by their square."""

    name = "mse"
    elements = staticmethod(squared_error)


class MeanAbsoluteError(Loss):
    """ℓ = |ŷ - y|, which outliers move less than the squared error."""

    name = "mae"
    elements = staticmethod(absolute_error)


class Huber(Loss):
    """ℓ = e²/2 for |e| ≤ delta, else delta (|e| - delta/2), with e = ŷ - y: outliers count like an absolute error.

    `delta` is above 0, in units of y (Huber 1964).
    """

    name = "huber"

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = checks.number("delta", delta, above=0)

    def elements(self, targets: Array, predictions: Array) -> Elements:
        return huber(targets, predictions, self.delta)


class BinaryCrossEntropy(Loss):
    """ℓ = -(y ln ŷ + (1 - y) ln(1 - ŷ)), for targets in [0, 1] and outputs that each are a yes or no of their own."""

    name = "binary_cross_entropy"
    suits = ("sigmoid",)
    fused_with = "sigmoid"
    elements, elements_from_logits = staticmethod(binary_cross_entropy), staticmethod(sigmoid_cross_entropy)

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        array = super().prepare(targets, outputs, dtype)
        _refuse(array, (array < 0) | (array > 1), f"{self.name} takes targets from 0 to 1")
        return array


class CrossEntropy(Loss):
    """ℓ = -Σ_k y_k ln ŷ_k, for classes that exclude each other; of a label c it is -ln ŷ_c, and the mean is over rows.

    With `label_smoothing` ε, from 0 to below 1, the targets are (1 - ε) y + ε / K for K classes, so that no output is
    driven to 0 or 1 (Szegedy et al. 2016). A validation loss has them, too.
    """

    name = "cross_entropy"
    suits = ("softmax",)
    fused_with = "softmax"

    label_smoothing = 0.0

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, least=0, below=1)

    def elements(self, targets: Array, predictions: Array) -> Elements:
        return cross_entropy(self._smoothed(targets, predictions), predictions)

    def elements_from_logits(self, targets: Array, logits: Array) -> Elements:
        return softmax_cross_entropy(self._smoothed(targets, logits), logits)

    def _smoothed(self, targets: Array, outputs: Array) -> Array:
        return smoothed(targets, outputs, self.label_smoothing) if self.label_smoothing else targets

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        if outputs < 2:
            raise InvalidValue(
                f"{self.name} takes a softmax over at least 2 outputs and the network has {outputs}; "
                "for one yes-or-no output use Dense(1, 'sigmoid') with loss 'binary_cross_entropy'"
            )
        array = numbers_of("y", targets, LABELS)
        if array.ndim == 2 and array.shape[1] == outputs:
            array = super().prepare(targets, outputs, dtype)
            sums = array.sum(axis=1)
            wrong = (array < 0).any(axis=1) | (np.abs(sums - 1) > 1e-3)
            _refuse(sums, wrong, f"{self.name} takes rows of probabilities that sum to 1")
            return array
        return self._labels(array, outputs)

    def _labels(self, array: Array, outputs: int) -> Array:
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise InvalidValue(
                f"y has shape {array.shape} and the network {outputs} outputs; {self.name} takes integer labels "
                f"of shape (examples,) or one-hot rows of shape (examples, {outputs})"
            )
        checks.finite("y", array)
        wrong = (array != np.floor(array)) | (array < 0) | (array >= outputs)
        _refuse(array, wrong, f"{self.name} takes labels 0 ... {outputs - 1} for {outputs} outputs")
        return array.astype(np.intp)


class Poisson(Loss):
    """ℓ = ŷ - y ln ŷ, the Poisson likelihood without the terms in y alone, for counts y ≥ 0 and a rate ŷ > 0."""

    name = "poisson"
    suits = ("exponential", "softplus")
    fused_with = "exponential"
    elements, elements_from_logits = staticmethod(poisson), staticmethod(exponential_poisson)

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        array = super().prepare(targets, outputs, dtype)
        _refuse(array, array < 0, f"{self.name} takes counts of at least 0")
        return array


LOSSES: dict[str, type[Loss]] = parts(Loss, globals())
"""Every loss above by its name."""


def _refuse(array: Array, wrong: Array, wanted: str) -> None:
    """Refuse targets where any is `wrong`, naming the first."""
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InvalidRow(f"y holds {array[place]:g} at row {{row}} (counted from 0); {wanted}", place[0])


def as_measure(loss: Loss) -> Loss:
    """Return a loss as a measure of predictions, which smooths no labels."""
    return CrossEntropy() if isinstance(loss, CrossEntropy) and loss.label_smoothing else loss


def usual_after(activation: str) -> str:
    """Return the name of the loss that suits an output of this activation."""
    return next((name for name, loss in LOSSES.items() if activation in loss.suits), MeanSquaredError.name)


def suitable_after(activation: str) -> list[str]:
    """Return the names of the losses that take an output of this activation."""
    return [name for name, loss in LOSSES.items() if not loss.suits or activation in loss.suits]
