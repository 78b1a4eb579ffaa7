"""Optimizers: how the gradient g changes the parameters θ, all of them at once in one vector.

An optimizer is its settings and keeps nothing of a run: what an algorithm remembers from step to step is a dict
of vectors like θ, made by `start` and passed to every `step`, so a run can be saved and several runs can share an
optimizer. Formulas and defaults are PyTorch's. For all: weight decay adds `weight_decay` · θ to the gradient
(AdamW: see there), and `clip_norm` first shortens a gradient whose norm ‖g‖ is above it.

η is the learning rate, t counts the steps from 1, and all operations are elementwise.
"""

import math
from typing import Any

import numpy as np

from plainnet import schedules
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import Adjustable, build
from plainnet.errors import InvalidType, InvalidValue
from plainnet.schedules import Rate, Schedule

State = dict[str, Array]


class Optimizer(Adjustable):
    """What all optimizers share: the learning rate, weight decay and clipping.

    An engine may take `step` apart, for the optimizers of this file: `clip` on the whole gradient, then `descend` on
    one stretch of the vectors after the other.
    """

    remembers: tuple[str, ...] = ()
    """The names of the vectors kept from step to step; each starts at zero."""

    def __init__(self, learning_rate: Rate, weight_decay: float, clip_norm: float | None) -> None:
        self.schedule: Schedule = schedules.resolve(learning_rate)
        self.weight_decay = checks.number("weight_decay", weight_decay, least=0)
        self.clip_norm = None if clip_norm is None else checks.number("clip_norm", clip_norm, above=0)

    @property
    def learning_rate(self) -> float | Schedule:
        """The number, or the schedule."""
        constant = isinstance(self.schedule, schedules.Constant)
        return self.schedule.learning_rate if constant else self.schedule  # type: ignore[attr-defined]

    def start(self, parameters: Array) -> State:
        """The memory of a run that begins at `parameters`."""
        return {name: np.zeros_like(parameters) for name in self.remembers}

    def step(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        """Step t: clip, decay, and the algorithm's own update, in place; the gradient is used up."""
        self.clip(gradient)
        self.descend(parameters, gradient, state, learning_rate, t)

    def clip(self, gradient: Array) -> None:
        """g ← g · min(1, clip_norm / ‖g‖), where there is a clip_norm."""
        if self.clip_norm is not None:
            gradient *= min(1.0, self.clip_norm / (math.sqrt(float(gradient @ gradient)) + 1e-6))

    def descend(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        """Step t after clipping; elementwise, so any stretch of the vectors can be taken alone."""
        self.apply_weight_decay(parameters, gradient, learning_rate)
        self.update(parameters, gradient, state, learning_rate, t)

    def apply_weight_decay(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """g ← g + weight_decay · θ."""
        if self.weight_decay:
            gradient += self.weight_decay * parameters

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        """The algorithm: change `parameters` and `state` in place."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update")


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum μ where it is given (Robbins & Monro 1951; Polyak 1964).

    θ ← θ - η g                                         without momentum
    v ← μ v + g (v ← g at t = 1),  θ ← θ - η v           with momentum
    θ ← θ - η (g + μ v)                                 with Nesterov's (Sutskever et al. 2013)
    """

    name = "sgd"

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm)
        self.momentum = checks.number("momentum", momentum, least=0, below=1)
        self.nesterov = checks.flag("nesterov", nesterov)
        if self.nesterov and self.momentum == 0:
            raise InvalidValue("nesterov is True and momentum is 0; Nesterov's step needs momentum, such as 0.9")
        self.remembers = ("velocity",) if self.momentum else ()

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += gradient
            if self.nesterov:
                gradient += self.momentum * velocity
            else:
                gradient[...] = velocity
        gradient *= learning_rate
        parameters -= gradient


class RMSprop(Optimizer):
    """s ← decay · s + (1 - decay) g²,  θ ← θ - η g / (√s + ε); with momentum, v ← μ v + g / (√s + ε), θ ← θ - η v.

    Tieleman & Hinton 2012, lecture 6.5.
    """

    name = "rmsprop"

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm)
        self.decay = checks.number("decay", decay, least=0, below=1)
        self.epsilon = checks.number("epsilon", epsilon, least=0)
        self.momentum = checks.number("momentum", momentum, least=0, below=1)
        self.remembers = ("square", "velocity") if self.momentum else ("square",)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        square = state["square"]
        square *= self.decay
        square += (1 - self.decay) * gradient * gradient
        gradient /= np.sqrt(square) + self.epsilon
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += gradient
            gradient[...] = velocity
        gradient *= learning_rate
        parameters -= gradient


class Adagrad(Optimizer):
    """s ← s + g²,  θ ← θ - η g / (√s + ε) (Duchi, Hazan & Singer 2011)."""

    name = "adagrad"
    remembers = ("square",)

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm)
        self.epsilon = checks.number("epsilon", epsilon, least=0)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        square = state["square"]
        square += gradient * gradient
        gradient /= np.sqrt(square) + self.epsilon
        gradient *= learning_rate
        parameters -= gradient


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015).

    m ← β1 m + (1 - β1) g        v ← β2 v + (1 - β2) g²
    θ ← θ - η / (1 - β1^t) · m / (√v / √(1 - β2^t) + ε)
    """

    name = "adam"
    remembers = ("mean", "square")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm)
        self.beta1 = checks.number("beta1", beta1, least=0, below=1)
        self.beta2 = checks.number("beta2", beta2, least=0, below=1)
        self.epsilon = checks.number("epsilon", epsilon, least=0)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        mean, square = state["mean"], state["square"]
        mean *= self.beta1
        mean += (1 - self.beta1) * gradient
        square *= self.beta2
        gradient *= gradient
        gradient *= 1 - self.beta2
        square += gradient
        np.sqrt(square, out=gradient)
        gradient /= math.sqrt(1 - self.beta2**t)
        gradient += self.epsilon
        np.divide(mean, gradient, out=gradient)
        gradient *= learning_rate / (1 - self.beta1**t)
        parameters -= gradient


class AdamW(Adam):
    """Adam with decoupled weight decay: first θ ← θ - η · weight_decay · θ, then Adam's step on g alone.

    Loshchilov & Hutter 2019.
    """

    name = "adamw"

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, weight_decay, clip_norm)

    def apply_weight_decay(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """θ ← θ - η · weight_decay · θ."""
        parameters *= 1 - learning_rate * self.weight_decay


OPTIMIZERS: dict[str, type[Optimizer]] = {cls.name: cls for cls in (SGD, RMSprop, Adagrad, Adam, AdamW)}


def resolve(optimizer: Any) -> Optimizer:
    """The optimizer meant by a name, a description or an object."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str | dict):
        return build("optimizer", optimizer, OPTIMIZERS)
    raise InvalidType(
        f"optimizer is {optimizer!r}; it takes a name ({', '.join(OPTIMIZERS)}) or an object such as "
        "plainnet.Adam(learning_rate=0.001)"
    )
