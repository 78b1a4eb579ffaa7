"""Activations: each is a pair, its value a = f(z) and its derivative f'(z), elementwise unless said otherwise.

`value(z)` takes the weighted sums; `derivative(z, a)` takes them together with the value, because for many
activations the derivative is shortest in terms of a: σ'(z) = a (1 - a). `backward(gradient, z, a)` is the chain
rule, ∂loss/∂z from gradient = ∂loss/∂a: for an elementwise activation the product with the derivative. Shapes
are (examples, units) throughout and every result has the dtype of z.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import Configurable, build, own_name
from plainnet.errors import InvalidType, InvalidValue


class ActivationFunction(Configurable):
    """What all activations share; `elementwise` is False where an output depends on its neighbours."""

    elementwise = True

    in_place = False
    """Whether it is an `InPlace`: `value` and `backward` take an array `out`, which may be z."""

    def value(self, z: Array) -> Array:
        """a = f(z)."""
        raise NotImplementedError(f"{type(self).__name__} needs a method value(z)")

    def derivative(self, z: Array, a: Array) -> Array:
        """f'(z), given a = f(z) as well."""
        raise NotImplementedError(f"{type(self).__name__} needs a method derivative(z, a)")

    def backward(self, gradient: Array, z: Array, a: Array) -> Array:
        """∂loss/∂z = ∂loss/∂a · f'(z)."""
        return gradient * self.derivative(z, a)


class InPlace(ActivationFunction):
    """An activation whose derivative needs only a, so that a may be written over z and ∂loss/∂z over a."""

    in_place = True

    def value(self, z: Array, out: Array | None = None) -> Array:
        raise NotImplementedError(f"{type(self).__name__} needs a method value(z, out)")

    def backward(self, gradient: Array, z: Array, a: Array, out: Array | None = None) -> Array:
        return np.multiply(gradient, self.derivative(z, a), out=out)


class Identity(ActivationFunction):
    """a = z, f'(z) = 1."""

    name = "identity"

    def value(self, z: Array) -> Array:
        return z

    def derivative(self, z: Array, a: Array) -> Array:
        return np.ones_like(z)

    def backward(self, gradient: Array, z: Array, a: Array) -> Array:
        return gradient


class Sigmoid(InPlace):
    """a = σ(z) = 1 / (1 + e^-z), σ'(z) = a (1 - a).

    Where e^-z overflows to infinity the quotient is 0, which is σ(z) to the last bit.
    """

    name = "sigmoid"

    @np.errstate(over="ignore")
    def value(self, z: Array, out: Array | None = None) -> Array:
        a = np.negative(z, out=out)
        np.exp(a, out=a)
        a += 1
        np.reciprocal(a, out=a)
        return a

    def derivative(self, z: Array, a: Array) -> Array:
        return a * (1 - a)


class Tanh(InPlace):
    """a = tanh(z), f'(z) = 1 - a²."""

    name = "tanh"

    def value(self, z: Array, out: Array | None = None) -> Array:
        return np.tanh(z, out=out)

    def derivative(self, z: Array, a: Array) -> Array:
        return 1 - a * a


class Relu(InPlace):
    """a = max(z, 0), f'(z) = 1 for z > 0, that is for a > 0, else 0 (Nair & Hinton 2010)."""

    name = "relu"

    def value(self, z: Array, out: Array | None = None) -> Array:
        return np.maximum(z, 0, out=out)

    def derivative(self, z: Array, a: Array) -> Array:
        return (a > 0).astype(a.dtype)


class LeakyRelu(ActivationFunction):
    """a = z for z > 0, else slope · z; f'(z) = 1 or slope (Maas, Hannun & Ng 2013)."""

    name = "leaky_relu"

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = checks.number("slope", slope, least=0)

    def value(self, z: Array) -> Array:
        return np.where(z > 0, z, self.slope * z)

    def derivative(self, z: Array, a: Array) -> Array:
        return np.where(z > 0, z.dtype.type(1), z.dtype.type(self.slope))


class Elu(ActivationFunction):
    """a = z for z > 0, else alpha (e^z - 1); f'(z) = 1 or a + alpha (Clevert, Unterthiner & Hochreiter 2016)."""

    name = "elu"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = checks.number("alpha", alpha, above=0)

    def value(self, z: Array) -> Array:
        return np.where(z > 0, z, self.alpha * np.expm1(np.minimum(z, 0)))

    def derivative(self, z: Array, a: Array) -> Array:
        return np.where(z > 0, z.dtype.type(1), a + self.alpha)


class Selu(ActivationFunction):
    """a = scale · elu(z; alpha) with the two constants of Klambauer et al. 2017 that keep mean 0 and variance 1."""

    name = "selu"

    ALPHA = 1.6732632423543772
    SCALE = 1.0507009873554805

    def value(self, z: Array) -> Array:
        return self.SCALE * np.where(z > 0, z, self.ALPHA * np.expm1(np.minimum(z, 0)))

    def derivative(self, z: Array, a: Array) -> Array:
        return np.where(z > 0, z.dtype.type(self.SCALE), a + self.SCALE * self.ALPHA)


class Gelu(ActivationFunction):
    """a = z/2 (1 + t), t = tanh(√(2/π) (z + 0.044715 z³)): the tanh form of Hendrycks & Gimpel 2016.

    f'(z) = (1 + t)/2 + z/2 (1 - t²) √(2/π) (1 + 3 · 0.044715 z²). It differs from z Φ(z) by less than 0.0005.
    """

    name = "gelu"

    ROOT = math.sqrt(2 / math.pi)
    CUBIC = 0.044715

    def _tanh(self, z: Array) -> Array:
        return np.tanh(self.ROOT * (z + self.CUBIC * z * z * z))

    def value(self, z: Array) -> Array:
        return 0.5 * z * (1 + self._tanh(z))

    def derivative(self, z: Array, a: Array) -> Array:
        t = self._tanh(z)
        return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * self.ROOT * (1 + 3 * self.CUBIC * z * z)


class Silu(ActivationFunction):
    """a = z σ(z), f'(z) = σ(z) + a (1 - σ(z)) (Elfwing, Uchibe & Doya 2018; also called swish)."""

    name = "silu"

    def value(self, z: Array) -> Array:
        return z * SIGMOID.value(z)

    def derivative(self, z: Array, a: Array) -> Array:
        sigmoid = SIGMOID.value(z)
        return sigmoid + a * (1 - sigmoid)


class Softplus(ActivationFunction):
    """a = ln(1 + e^z) = max(z, 0) + ln(1 + e^-|z|), f'(z) = σ(z) (Dugas et al. 2001)."""

    name = "softplus"

    def value(self, z: Array) -> Array:
        return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))

    def derivative(self, z: Array, a: Array) -> Array:
        return SIGMOID.value(z)


class Exponential(ActivationFunction):
    """a = e^z, f'(z) = a: for a positive output such as a rate, with the Poisson loss."""

    name = "exponential"

    def value(self, z: Array) -> Array:
        return np.exp(z)

    def derivative(self, z: Array, a: Array) -> Array:
        return a


class Softmax(ActivationFunction):
    """a_i = e^z_i / Σ_j e^z_j over a row: probabilities of classes (Bridle 1990).

    ∂a_i/∂z_j = a_i ((i = j) - a_j), so `derivative` has shape (examples, units, units) and the chain rule is
    ∂loss/∂z_j = a_j (g_j - Σ_i g_i a_i) with g = ∂loss/∂a. Shifting a row by its maximum changes nothing in exact
    arithmetic and keeps e^z from overflowing.
    """

    name = "softmax"
    elementwise = False

    def value(self, z: Array) -> Array:
        a = z - np.maximum.reduce(z, axis=1, keepdims=True)
        np.exp(a, out=a)
        a /= np.add.reduce(a, axis=1, keepdims=True)
        return a

    def derivative(self, z: Array, a: Array) -> Array:
        return a[:, :, None] * (np.eye(a.shape[1], dtype=a.dtype) - a[:, None, :])

    def backward(self, gradient: Array, z: Array, a: Array) -> Array:
        return a * (gradient - (gradient * a).sum(axis=1, keepdims=True))


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
        array = np.asarray(result, dtype=z.dtype)
        if array.shape != z.shape:
            raise InvalidValue(f"the {what} of activation {self.name} has shape {array.shape} for z of shape {z.shape}")
        return array


ACTIVATIONS: dict[str, type[ActivationFunction]] = {
    cls.name: cls
    for cls in (
        Identity,
        Sigmoid,
        Tanh,
        Relu,
        LeakyRelu,
        Elu,
        Selu,
        Gelu,
        Silu,
        Softplus,
        Exponential,
        Softmax,
    )
}

SIGMOID = Sigmoid()

Activatable = str | dict[str, Any] | ActivationFunction | Callable[[Array], tuple[Array, Array]] | Any


def resolve(activation: Activatable) -> ActivationFunction:
    """The activation meant by a name, a description, an object or a user's own function.

    A function takes z and returns the pair (value, derivative), both of the shape of z:

    >>> def bent_identity(z):
    ...     root = np.sqrt(z * z + 1)
    ...     return (root - 1) / 2 + z, z / (2 * root) + 1
    >>> resolve(bent_identity).value(np.array([[0.0]]))
    array([[0.]])
    """
    if isinstance(activation, ActivationFunction):
        return activation
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
