"""Losses: how far predictions are from targets, as one number to descend.

Each loss is a pair over elements, the loss and its derivative by the prediction; the mean over all elements, with
sample weights where there are any, is taken in one place:

    L = Σ_i w_i ℓ_i / Σ_i w_i        ∂L/∂ŷ_i = w_i ℓ'_i / Σ_i w_i        (w_i = 1 without weights)

Cross-entropies (and Poisson) are computed from the logits z, the weighted sums before the output's sigmoid,
softmax or exponential: together the two simplify to ∂ℓ/∂z = ŷ - y, and nothing can overflow.

Shapes: targets and predictions (examples, outputs), integer labels (examples,), sample weights (examples,).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import OWN, Configurable, build, own_name
from plainnet._base.conversion import LABELS, numbers_of
from plainnet.activations import SIGMOID
from plainnet.errors import InvalidRow, InvalidType, InvalidValue

Elements = tuple[Array, Array]


class Loss(Configurable):
    """What all losses share: the mean over elements and its gradient."""

    suits: tuple[str, ...] = ()
    """Output activations that this loss expects, the usual one first; empty where any will do."""

    fused_with: str | None = None
    """The output activation together with which `elements_from_logits` computes this loss."""

    penalty_rows: float | None = None
    """How many rows the layers' penalties are for: a batch of weight S counts them penalty_rows / S times. None counts
    them once for every batch."""

    def elements(self, targets: Array, predictions: Array) -> Elements:
        """The loss of each element, and its derivative by each prediction."""
        raise NotImplementedError(f"{type(self).__name__} needs a method elements(targets, predictions)")

    def elements_from_logits(self, targets: Array, logits: Array) -> Elements:
        """The same from the weighted sums before `fused_with`, and the derivative by them."""
        raise NotImplementedError(f"{type(self).__name__} is not computed from logits")

    def value(self, targets: Array, predictions: Array, sample_weight: Array | None = None) -> float:
        """L, the weighted mean over all elements."""
        return self.value_and_gradient(targets, predictions, sample_weight)[0]

    def gradient(self, targets: Array, predictions: Array, sample_weight: Array | None = None) -> Array:
        """∂L/∂predictions, shaped like the predictions."""
        return self.value_and_gradient(targets, predictions, sample_weight)[1]

    def value_and_gradient(
        self,
        targets: Array,
        outputs: Array,
        sample_weight: Array | None = None,
        from_logits: bool = False,
    ) -> tuple[float, Array]:
        """L and ∂L/∂outputs, the outputs being predictions or, `from_logits`, the sums before them."""
        compute = self.elements_from_logits if from_logits else self.elements
        losses, derivatives = compute(targets, outputs)
        if sample_weight is None:
            return float(np.add.reduce(losses, axis=None)) / losses.size, derivatives / losses.size
        total = float(sample_weight.sum()) * (losses.size // len(losses))
        if total == 0:  # a batch that nobody counts
            return 0.0, np.zeros_like(derivatives)
        share = sample_weight[:, None] / losses.dtype.type(total)
        return float((losses * share).sum()), derivatives * share

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        """The user's targets, checked, as an array that `elements` takes for a network with `outputs` outputs."""
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
        """Refuse an output activation that this loss makes no sense with."""
        if self.suits and activation not in self.suits and not activation.startswith(OWN):
            raise InvalidValue(
                f"loss {self.name!r} expects {' or '.join(self.suits)} as the output's activation and the last layer "
                f"has {activation!r}; make the last layer Dense(..., {self.suits[0]!r}) or choose another loss"
            )


class MeanSquaredError(Loss):
    """ℓ = (ŷ - y)², ℓ' = 2 (ŷ - y)."""

    name = "mse"

    def elements(self, targets: Array, predictions: Array) -> Elements:
        error = predictions - targets
        return error * error, 2 * error


class MeanAbsoluteError(Loss):
    """ℓ = |ŷ - y|, ℓ' = sign(ŷ - y)."""

    name = "mae"

    def elements(self, targets: Array, predictions: Array) -> Elements:
        error = predictions - targets
        return np.abs(error), np.sign(error)


class Huber(Loss):
    """With e = ŷ - y: ℓ = e²/2 where |e| ≤ delta, else delta (|e| - delta/2); ℓ' = e clipped to ±delta (Huber 1964)."""

    name = "huber"

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = checks.number("delta", delta, above=0)

    def elements(self, targets: Array, predictions: Array) -> Elements:
        error = predictions - targets
        clipped = np.clip(error, -self.delta, self.delta)
        return clipped * (error - 0.5 * clipped), clipped


class BinaryCrossEntropy(Loss):
    """ℓ = -(y ln ŷ + (1 - y) ln(1 - ŷ)) for targets in [0, 1]; each output is its own yes or no.

    With ŷ = σ(z): ℓ = max(z, 0) - y z + ln(1 + e^-|z|) and ∂ℓ/∂z = ŷ - y. From predictions alone, ŷ is kept
    half a unit of rounding away from 0 and 1.
    """

    name = "binary_cross_entropy"
    suits = ("sigmoid",)
    fused_with = "sigmoid"

    def elements(self, targets: Array, predictions: Array) -> Elements:
        margin = np.finfo(predictions.dtype).epsneg
        p = np.clip(predictions, margin, 1 - margin)
        return -(targets * np.log(p) + (1 - targets) * np.log1p(-p)), (p - targets) / (p * (1 - p))

    def elements_from_logits(self, targets: Array, logits: Array) -> Elements:
        losses = np.maximum(logits, 0) - targets * logits + np.log1p(np.exp(-np.abs(logits)))
        return losses, SIGMOID.value(logits) - targets

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        array = super().prepare(targets, outputs, dtype)
        _refuse(array, (array < 0) | (array > 1), f"{self.name} takes targets from 0 to 1")
        return array


class CrossEntropy(Loss):
    """ℓ = -Σ_k y_k ln ŷ_k over the classes k of one example; for a label c, ℓ = -ln ŷ_c. The mean is over examples.

    With ŷ = softmax(z): ℓ = ln Σ_j e^z_j - Σ_k y_k z_k (rows of y sum to 1) and ∂ℓ/∂z = ŷ - y. From predictions
    alone, ŷ is kept above the smallest normal number.
    """

    name = "cross_entropy"
    suits = ("softmax",)
    fused_with = "softmax"

    def elements(self, targets: Array, predictions: Array) -> Elements:
        p = np.maximum(predictions, np.finfo(predictions.dtype).tiny)
        y = self._rows(targets, predictions)
        return -(y * np.log(p)).sum(axis=1, keepdims=True), -y / p

    def elements_from_logits(self, targets: Array, logits: Array) -> Elements:
        shifted = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = np.add.reduce(exponentials, axis=1, keepdims=True)
        exponentials /= sums
        if targets.ndim == 1:
            rows = np.arange(len(targets))
            losses = np.log(sums) - shifted[rows, targets][:, None]
            exponentials[rows, targets] -= 1
        else:
            losses = np.log(sums) - (targets * shifted).sum(axis=1, keepdims=True)
            exponentials -= targets
        return losses, exponentials

    def _rows(self, targets: Array, predictions: Array) -> Array:
        """Labels as one-hot rows; rows as they are."""
        if targets.ndim == 2:
            return targets
        one_hot = np.zeros_like(predictions)
        one_hot[np.arange(len(targets)), targets] = 1
        return one_hot

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
    """ℓ = ŷ - y ln ŷ for counts y ≥ 0 and a rate ŷ > 0: the Poisson likelihood without the terms in y alone.

    With ŷ = e^z: ℓ = e^z - y z and ∂ℓ/∂z = ŷ - y. From predictions alone ln(ŷ + 1e-8) is taken, as in PyTorch.
    """

    name = "poisson"
    suits = ("exponential", "softplus")
    fused_with = "exponential"

    def elements(self, targets: Array, predictions: Array) -> Elements:
        return predictions - targets * np.log(predictions + 1e-8), 1 - targets / (predictions + 1e-8)

    def elements_from_logits(self, targets: Array, logits: Array) -> Elements:
        rates = np.exp(logits)
        return rates - targets * logits, rates - targets

    def prepare(self, targets: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        array = super().prepare(targets, outputs, dtype)
        _refuse(array, array < 0, f"{self.name} takes counts of at least 0")
        return array


class FunctionLoss(Loss):
    """A user's own function (targets, predictions) -> (loss of each element, its derivative by the prediction)."""

    def __init__(self, function: Callable[[Array, Array], Elements]) -> None:
        self.function = function
        self.name = own_name(function)  # type: ignore[misc]

    def settings(self) -> dict[str, Any]:
        return {}

    def elements(self, targets: Array, predictions: Array) -> Elements:
        pair = self.function(targets, predictions)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InvalidType(f"loss {self.name} returned {type(pair).__name__}; it takes (losses, derivatives)")
        losses, derivatives = (np.asarray(part, dtype=predictions.dtype) for part in pair)
        if losses.shape[:1] != predictions.shape[:1] or derivatives.shape != predictions.shape:
            raise InvalidValue(
                f"loss {self.name} returned shapes {losses.shape} and {derivatives.shape} for predictions of shape "
                f"{predictions.shape}; it takes a loss and a derivative for every prediction"
            )
        return losses.reshape(len(losses), -1), derivatives


class ObjectLoss(Loss):
    """A user's own object with `value(targets, predictions)` and `gradient(targets, predictions)`, both of the mean."""

    def __init__(self, own: Any) -> None:
        self.own = own
        self.name = own_name(own)  # type: ignore[misc]

    def settings(self) -> dict[str, Any]:
        return {}

    def value_and_gradient(
        self,
        targets: Array,
        outputs: Array,
        sample_weight: Array | None = None,
        from_logits: bool = False,
    ) -> tuple[float, Array]:
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        value = float(self.own.value(targets, outputs, **weights))
        gradient = np.asarray(self.own.gradient(targets, outputs, **weights), dtype=outputs.dtype)
        if gradient.shape != outputs.shape:
            raise InvalidValue(f"the gradient of {self.name} has shape {gradient.shape}; it takes {outputs.shape}")
        return value, gradient


def _refuse(array: Array, wrong: Array, wanted: str) -> None:
    """Refuse targets where any is `wrong`, naming the first."""
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InvalidRow(f"y holds {array[place]:g} at row {{row}} (counted from 0); {wanted}", place[0])


LOSSES: dict[str, type[Loss]] = {
    cls.name: cls for cls in (MeanSquaredError, MeanAbsoluteError, Huber, BinaryCrossEntropy, CrossEntropy, Poisson)
}


def usual_after(activation: str) -> str:
    """The name of the loss that suits an output of this activation."""
    return next((name for name, loss in LOSSES.items() if activation in loss.suits), MeanSquaredError.name)


def resolve(loss: Any) -> Loss:
    """The loss meant by a name, a description, an object or a user's own function.

    A function takes targets and predictions and returns the pair (loss of each element, its derivative):

    >>> def log_cosh(targets, predictions):
    ...     error = predictions - targets
    ...     return np.log(np.cosh(error)), np.tanh(error)
    >>> resolve(log_cosh).value(np.zeros((2, 1)), np.zeros((2, 1)))
    0.0
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str | dict):
        return build("loss", loss, LOSSES)
    if isinstance(loss, type):
        return resolve(loss())
    if hasattr(loss, "value") and hasattr(loss, "gradient"):
        return ObjectLoss(loss)
    if callable(loss):
        return FunctionLoss(loss)
    raise InvalidType(
        f"loss is {loss!r}; it takes a name ({', '.join(LOSSES)}), an object with value(targets, predictions) and "
        "gradient(targets, predictions), or a function (targets, predictions) -> (losses, derivatives)"
    )
