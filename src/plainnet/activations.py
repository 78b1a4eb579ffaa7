"""Activations: each is two plain functions, the value a = f(z) and the slope f'(z), elementwise unless said otherwise.

`silu(z)` takes the weighted sums; `silu_slope(z, a)` takes them together with the value, because for many activations
the slope is shortest in terms of a: σ'(z) = a (1 - a). Shapes are (examples, units) throughout and every result has
the dtype of z. The classes below the functions are what networks hold: a name, the settings, the initializer that
goes with it; a setting out of its range raises InvalidValue. To add an activation, write its two functions and its
class here; nothing else in the package changes.

>>> import numpy as np
>>> from plainnet.activations import Elu, sigmoid, sigmoid_slope
>>> z = np.array([[-1.0, 0.0, 2.0]])
>>> a = sigmoid(z)
>>> a.round(4), sigmoid_slope(z, a).round(4)
(array([[0.2689, 0.5   , 0.8808]]), array([[0.1966, 0.25  , 0.105 ]]))
>>> Elu(alpha=0.5).value(z).round(4)
array([[-0.3161,  0.    ,  2.    ]])
"""

from collections.abc import Callable

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import Configurable, needed, parts

__all__ = [
    "ActivationFunction",
    "Elu",
    "Exponential",
    "Gelu",
    "Identity",
    "LeakyRelu",
    "Mish",
    "Relu",
    "Selu",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Tanh",
    "elu",
    "elu_slope",
    "exponential",
    "exponential_slope",
    "gelu",
    "gelu_slope",
    "leaky_relu",
    "leaky_relu_slope",
    "mish",
    "mish_slope",
    "relu",
    "relu_slope",
    "selu",
    "selu_slope",
    "sigmoid",
    "sigmoid_slope",
    "silu",
    "silu_slope",
    "softmax",
    "softmax_slope",
    "softplus",
    "softplus_slope",
    "tanh",
    "tanh_slope",
]


@np.errstate(over="ignore")  # where e^-z overflows to infinity the quotient is 0, which is σ(z) to the last bit
def sigmoid(z: Array) -> Array:
    """a = σ(z) = 1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-z))


def sigmoid_slope(z: Array, a: Array) -> Array:
    """σ'(z) = a (1 - a)."""
    return a * (1 - a)


def tanh(z: Array) -> Array:
    """a = tanh(z)."""
    return np.tanh(z)


def tanh_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 - a²."""
    return 1 - a * a


def relu(z: Array) -> Array:
    """a = max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 for z > 0, that is for a > 0, else 0."""
    return (a > 0).astype(a.dtype)


def leaky_relu(z: Array, slope: float) -> Array:
    """a = z for z > 0, else slope · z."""
    return np.where(z > 0, z, slope * z)


def leaky_relu_slope(z: Array, a: Array, slope: float) -> Array:
    """f'(z) = 1 for z > 0, else slope."""
    return np.where(z > 0, np.ones_like(z), slope * np.ones_like(z))


def elu(z: Array, alpha: float) -> Array:
    """a = z for z > 0, else alpha (e^z - 1)."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_slope(z: Array, a: Array, alpha: float) -> Array:
    """f'(z) = 1 for z > 0, else alpha e^z = a + alpha."""
    return np.where(z > 0, np.ones_like(z), a + alpha)


SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def selu(z: Array) -> Array:
    """a = scale · elu(z, alpha)."""
    return SELU_SCALE * elu(z, SELU_ALPHA)


def selu_slope(z: Array, a: Array) -> Array:
    """f'(z) = scale for z > 0, else a + scale · alpha."""
    return np.where(z > 0, SELU_SCALE * np.ones_like(z), a + SELU_SCALE * SELU_ALPHA)


GELU_ROOT = 0.7978845608028654  # √(2/π)
GELU_CUBIC = 0.044715


def gelu_tanh(z: Array) -> Array:
    """t = tanh(√(2/π) (z + 0.044715 z³))."""
    return np.tanh(GELU_ROOT * (z + GELU_CUBIC * z * z * z))


def gelu(z: Array) -> Array:
    """a = z/2 (1 + t)."""
    return 0.5 * z * (1 + gelu_tanh(z))


def gelu_slope(z: Array, a: Array) -> Array:
    """f'(z) = (1 + t)/2 + z/2 (1 - t²) √(2/π) (1 + 3 · 0.044715 z²)."""
    t = gelu_tanh(z)
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * GELU_ROOT * (1 + 3 * GELU_CUBIC * z * z)


def silu(z: Array) -> Array:
    """a = z σ(z)."""
    return z * sigmoid(z)


def silu_slope(z: Array, a: Array) -> Array:
    """f'(z) = σ(z) + a (1 - σ(z))."""
    s = sigmoid(z)
    return s + a * (1 - s)


def softplus(z: Array) -> Array:
    """a = ln(1 + e^z) = max(z, 0) + ln(1 + e^-|z|), which cannot overflow."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softplus_slope(z: Array, a: Array) -> Array:
    """f'(z) = σ(z)."""
    return sigmoid(z)


def mish(z: Array) -> Array:
    """a = z tanh(ln(1 + e^z))."""
    return z * np.tanh(softplus(z))


def mish_slope(z: Array, a: Array) -> Array:
    """f'(z) = t + z (1 - t²) σ(z) with t = tanh(ln(1 + e^z))."""
    t = np.tanh(softplus(z))
    return t + z * (1 - t * t) * sigmoid(z)


def exponential(z: Array) -> Array:
    """a = e^z."""
    return np.exp(z)


def exponential_slope(z: Array, a: Array) -> Array:
    """f'(z) = a."""
    return a


def softmax(z: Array) -> Array:
    """a_i = e^z_i / Σ_j e^z_j over a row; a row shifted by its maximum has the same values and cannot overflow."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_slope(z: Array, a: Array) -> Array:
    """∂a_i/∂z_j = a_i ((i = j) - a_j), with shape (examples, units, units)."""
    return a[:, :, None] * (np.eye(a.shape[1], dtype=a.dtype) - a[:, None, :])


class ActivationFunction(Configurable):
    """An activation is its two functions as the layers use them, and what is nobody's formula.

    A subclass has `value(z)` and `derivative(z, a)`, as methods or as `staticmethod(f)` of two plain functions.
    """

    elementwise = True
    """False where an output depends on its neighbours; `backward` then has to be given, too."""

    initializer = "glorot_uniform"
    """The initializer that "auto" means for weights before this activation."""

    torch: str | None = None
    """The same function as a module of `torch.nn`, the settings in braces."""

    bounds: tuple[float, float] | None = None
    """The two bounds of the value, near which a unit hardly learns."""

    value: Callable[..., Array] = needed("value(z)", "Return a = f(z) for the sums z (examples, units).")

    derivative: Callable[..., Array] = needed("derivative(z, a)", "Return the slope f'(z), given z and a = f(z).")

    def backward(self, gradient: Array, z: Array, a: Array) -> Array:
        """∂loss/∂z = ∂loss/∂a · f'(z), where `gradient` is ∂loss/∂a; all shapes are (examples, units)."""
        return gradient * self.derivative(z, a)


class Identity(ActivationFunction):
    """a = z, f'(z) = 1."""

    name, torch = "identity", "Identity()"

    def value(self, z: Array) -> Array:
        return z

    def derivative(self, z: Array, a: Array) -> Array:
        return np.ones_like(z)

    def backward(self, gradient: Array, z: Array, a: Array) -> Array:
        return gradient


class Sigmoid(ActivationFunction):
    """a = σ(z) = 1 / (1 + e^-z), the logistic function: an output between 0 and 1."""

    name, torch, bounds = "sigmoid", "Sigmoid()", (0.0, 1.0)
    value, derivative = staticmethod(sigmoid), staticmethod(sigmoid_slope)


class Tanh(ActivationFunction):
    """a = tanh(z), the hyperbolic tangent: an output between -1 and 1."""

    name, torch, bounds = "tanh", "Tanh()", (-1.0, 1.0)
    value, derivative = staticmethod(tanh), staticmethod(tanh_slope)


class Relu(ActivationFunction):
    """a = max(z, 0) (Nair & Hinton 2010)."""

    name, torch, initializer = "relu", "ReLU()", "he_uniform"
    value, derivative = staticmethod(relu), staticmethod(relu_slope)


class LeakyRelu(ActivationFunction):
    """a = z for z > 0, else slope · z (Maas, Hannun & Ng 2013); `slope` is a number of at least 0."""

    name, torch, initializer = "leaky_relu", "LeakyReLU({slope})", "he_uniform"

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = checks.number("slope", slope, least=0)

    def value(self, z: Array) -> Array:
        return leaky_relu(z, self.slope)

    def derivative(self, z: Array, a: Array) -> Array:
        return leaky_relu_slope(z, a, self.slope)


class Elu(ActivationFunction):
    """a = z for z > 0, else alpha (e^z - 1) (Clevert, Unterthiner & Hochreiter 2016); `alpha` is above 0."""

    name, torch, initializer = "elu", "ELU({alpha})", "he_uniform"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = checks.number("alpha", alpha, above=0)

    def value(self, z: Array) -> Array:
        return elu(z, self.alpha)

    def derivative(self, z: Array, a: Array) -> Array:
        return elu_slope(z, a, self.alpha)


class Selu(ActivationFunction):
    """a = scale · elu(z, alpha), which keeps mean 0 and variance 1 from layer to layer (Klambauer et al. 2017)."""

    name, torch, initializer = "selu", "SELU()", "lecun_normal"
    value, derivative = staticmethod(selu), staticmethod(selu_slope)


class Gelu(ActivationFunction):
    """a = z Φ(z) in its tanh form, which differs from it by less than 0.0005 (Hendrycks & Gimpel 2016)."""

    name, torch, initializer = "gelu", "GELU(approximate='tanh')", "he_uniform"
    value, derivative = staticmethod(gelu), staticmethod(gelu_slope)


class Silu(ActivationFunction):
    """a = z σ(z) (Elfwing, Uchibe & Doya 2018; also called swish)."""

    name, torch, initializer = "silu", "SiLU()", "he_uniform"
    value, derivative = staticmethod(silu), staticmethod(silu_slope)


class Softplus(ActivationFunction):
    """a = ln(1 + e^z), a smooth max(z, 0) (Dugas et al. 2001)."""

    name, torch = "softplus", "Softplus()"
    value, derivative = staticmethod(softplus), staticmethod(softplus_slope)


class Mish(ActivationFunction):
    """a = z tanh(softplus(z)), smooth like silu (Misra 2020)."""

    name, torch, initializer = "mish", "Mish()", "he_uniform"
    value, derivative = staticmethod(mish), staticmethod(mish_slope)


class Exponential(ActivationFunction):
    """a = e^z: for a positive output such as a rate, with the Poisson loss."""

    name = "exponential"
    value, derivative = staticmethod(exponential), staticmethod(exponential_slope)


class Softmax(ActivationFunction):
    """a_i = e^z_i / Σ_j e^z_j, probabilities of classes that exclude each other: each row sums to 1 (Bridle 1990).

    With g = ∂loss/∂a the chain rule is ∂loss/∂z_j = Σ_i g_i ∂a_i/∂z_j = a_j (g_j - Σ_i g_i a_i).
    """

    name, torch = "softmax", "Softmax(dim=1)"
    elementwise = False
    value, derivative = staticmethod(softmax), staticmethod(softmax_slope)

    def backward(self, gradient: Array, z: Array, a: Array) -> Array:
        return a * (gradient - (gradient * a).sum(axis=1, keepdims=True))


ACTIVATIONS: dict[str, type[ActivationFunction]] = parts(ActivationFunction, globals())
"""Every activation above by its name."""
