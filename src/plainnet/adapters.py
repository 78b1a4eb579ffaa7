"""Parts from what users pass in their place: a name, a description, or a function or object of their own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.configurable import Configurable, build, own_name
from plainnet.activations import ACTIVATIONS, ActivationFunction
from plainnet.errors import InvalidType, InvalidValue
from plainnet.losses import LOSSES, Elements, Loss

Activatable = str | dict[str, Any] | ActivationFunction | Callable[[Array], tuple[Array, Array]] | Any


class UserActivation(ActivationFunction):
    """A user's own activation: a function z -> (value, derivative), or an object with the two as methods."""

    def __init__(self, own: Any) -> None:
        self.own = own
        self.name = own_name(own)  # type: ignore[misc]

    def settings(self) -> dict[str, Any]:
        return self.own.settings() if isinstance(self.own, Configurable) else {}

    def value(self, z: Array) -> Array:
        return self._checked("value", self.own.value(z) if hasattr(self.own, "value") else self._pair(z)[0], z)

    def derivative(self, z: Array, a: Array) -> Array:
        own = self.own.derivative(z, a) if hasattr(self.own, "derivative") else self._pair(z)[1]
        return self._checked("derivative", own, z)

    def _pair(self, z: Array) -> tuple[Any, Any]:
        pair = self.own(z)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InvalidType(f"activation {self.name} returned {type(pair).__name__}; it takes (value, derivative)")
        return pair

    def _checked(self, what: str, result: Any, z: Array) -> Array:
        array: Array = (
            result.astype(z.dtype, copy=False) if isinstance(result, type(z)) else np.asarray(result, dtype=z.dtype)
        )
        if array.shape != z.shape:
            raise InvalidValue(f"the {what} of activation {self.name} has shape {array.shape} for z of shape {z.shape}")
        return array


def activation_of(activation: Activatable) -> ActivationFunction:
    """Return the activation meant by a name, a description, an object or a user's own function.

    A function takes z and returns the pair (value, derivative), both of the shape of z:

    >>> def bent_identity(z):
    ...     root = np.sqrt(z * z + 1)
    ...     return (root - 1) / 2 + z, z / (2 * root) + 1
    >>> activation_of(bent_identity).value(np.array([[0.0]]))
    array([[0.]])
    """
    if isinstance(activation, str | dict):
        return build("activation", activation, ACTIVATIONS)
    if isinstance(activation, type):
        activation = activation()
    if isinstance(activation, ActivationFunction):
        return activation
    if callable(activation) or (hasattr(activation, "value") and hasattr(activation, "derivative")):
        return UserActivation(activation)
    raise InvalidType(
        f"activation is {activation!r}; it takes a name ({', '.join(ACTIVATIONS)}), a function z -> (value, "
        "derivative) or an object with the methods value(z) and derivative(z, a)"
    )


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
        losses, derivatives = (_like(predictions, part) for part in pair)
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
        value = self.own.value(targets, outputs, **weights)
        if isinstance(outputs, np.ndarray):  # not traced
            value = float(value)
        gradient = _like(outputs, self.own.gradient(targets, outputs, **weights))
        if gradient.shape != outputs.shape:
            raise InvalidValue(f"the gradient of {self.name} has shape {gradient.shape}; it takes {outputs.shape}")
        return value, gradient


def _like(array: Array, values: Any) -> Array:
    """Return what a user's function gave as an array of the dtype of `array`."""
    if isinstance(values, type(array)):
        return values.astype(array.dtype, copy=False)
    return np.asarray(values, dtype=array.dtype)


def loss_of(loss: Any) -> Loss:
    """Return the loss meant by a name, a description, an object or a user's own function.

    A function takes targets and predictions and returns the pair (loss of each element, its derivative):

    >>> def log_cosh(targets, predictions):
    ...     error = predictions - targets
    ...     return np.log(np.cosh(error)), np.tanh(error)
    >>> loss_of(log_cosh).value(np.zeros((2, 1)), np.zeros((2, 1)))
    0.0
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str | dict):
        return build("loss", loss, LOSSES)
    if isinstance(loss, type):
        return loss_of(loss())
    if hasattr(loss, "value") and hasattr(loss, "gradient"):
        return ObjectLoss(loss)
    if callable(loss):
        return FunctionLoss(loss)
    raise InvalidType(
        f"loss is {loss!r}; it takes a name ({', '.join(LOSSES)}), an object with value(targets, predictions) and "
        "gradient(targets, predictions), or a function (targets, predictions) -> (losses, derivatives)"
    )
