"""Initializers: the weights a layer starts from.

Each is called with the shape (inputs, units) and a random generator, and returns an array of that shape. The scaled
ones keep the variance of the signal about the same from layer to layer; they differ in what they divide by. Your own is
a function (shape, random) -> array. A setting out of its range raises InvalidValue.

>>> import numpy as np
>>> import plainnet as pn
>>> from plainnet.initializers import GlorotUniform
>>> weights = GlorotUniform()((3, 4), np.random.default_rng(1))
>>> weights.shape, bool(np.abs(weights).max() < np.sqrt(6 / (3 + 4)))
((3, 4), True)
>>> layer = pn.Dense(4, "tanh", initializer=GlorotUniform())
"""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Callable

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import Configurable, build, parts
from plainnet.errors import InvalidType

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Scaled",
    "Uniform",
    "Zeros",
]

Initializer = Callable[[tuple[int, ...], "np.random.Generator"], Array]


class Zeros(Configurable):
    """Fill the weights with 0: every unit of a layer then stays alike, which is why it is not the default."""

    name = "zeros"

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> Array:
        return np.zeros(shape)


class Normal(Configurable):
    """Draw weights from the normal distribution of mean 0 and `standard_deviation`, which is above 0.

    The default, 1, is the standard normal of the XOR post.
    """

    name = "normal"

    def __init__(self, standard_deviation: float = 1.0) -> None:
        self.standard_deviation = checks.number("standard_deviation", standard_deviation, above=0)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> Array:
        return self.standard_deviation * random.standard_normal(shape)


class Uniform(Configurable):
    """Draw weights uniformly from [-limit, limit], with `limit` above 0."""

    name = "uniform"

    def __init__(self, limit: float = 0.05) -> None:
        self.limit = checks.number("limit", limit, above=0)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> Array:
        return random.uniform(-self.limit, self.limit, shape)


class Scaled(Configurable):
    """Draw weights with mean 0 and the variance of the subclass; this is the base of the scaled initializers.

    The distribution is normal, or uniform with the limit √(3 · variance).
    """

    name, uniform = "", False

    def variance(self, inputs: int, units: int) -> float:
        """Return the variance of a weight between `inputs` inputs and `units` units."""
        raise NotImplementedError(f"{type(self).__name__} needs a method variance(inputs, units)")

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> Array:
        variance = self.variance(shape[0], shape[1])
        if self.uniform:
            limit = np.sqrt(3 * variance)
            return random.uniform(-limit, limit, shape)
        return np.sqrt(variance) * random.standard_normal(shape)


class GlorotNormal(Scaled):
    """variance = 2 / (inputs + units), for tanh and sigmoid (Glorot & Bengio 2010)."""

    name = "glorot_normal"

    def variance(self, inputs: int, units: int) -> float:
        return 2 / (inputs + units)


class GlorotUniform(GlorotNormal):
    """variance = 2 / (inputs + units), uniform: limit √(6 / (inputs + units)) (Glorot & Bengio 2010)."""

    name = "glorot_uniform"
    uniform = True


class HeNormal(Scaled):
    """variance = 2 / inputs, for rectified units (He et al. 2015)."""

    name = "he_normal"

    def variance(self, inputs: int, units: int) -> float:
        return 2 / inputs


class HeUniform(HeNormal):
    """variance = 2 / inputs, uniform: limit √(6 / inputs) (He et al. 2015)."""

    name = "he_uniform"
    uniform = True


class LecunNormal(Scaled):
    """variance = 1 / inputs, for selu (LeCun et al. 1998; Klambauer et al. 2017)."""

    name = "lecun_normal"

    def variance(self, inputs: int, units: int) -> float:
        return 1 / inputs


class LecunUniform(LecunNormal):
    """variance = 1 / inputs, uniform: limit √(3 / inputs) (LeCun et al. 1998)."""

    name = "lecun_uniform"
    uniform = True


INITIALIZERS: dict[str, type[Configurable]] = parts(Configurable, globals())
"""Every initializer above by its name."""


def resolve(initializer: object) -> Initializer:
    """Return the initializer meant by a name, a description or a user's own function (shape, random) -> array."""
    if isinstance(initializer, str | dict):
        return build("initializer", initializer, INITIALIZERS)
    if callable(initializer):
        return initializer
    raise InvalidType(
        f"initializer is {initializer!r}; it takes a name (auto, {', '.join(INITIALIZERS)}) "
        "or a function (shape, random) -> array"
    )
