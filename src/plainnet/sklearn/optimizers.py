"""The optimizer that an estimator's `solver`, `learning_rate` and their like mean.

scikit-learn's SGD and Adam differ from PyTorch's (and so from plainnet's) in two places, where its own are kept.
"""

import math
from typing import Any

import numpy as np

from plainnet import optimizers, schedules
from plainnet._base.arrays import Array
from plainnet.optimizers import Optimizer, State
from plainnet.schedules import Memory, Schedule

MODES = ("constant", "invscaling", "adaptive")
"""The values of `learning_rate` that scikit-learn knows."""

SMALLEST_RATE = 1e-6
"""At or below it a learning rate is not lowered any further."""


class Controlled(Schedule):
    """The rate that stands in the run's memory, where `stochastic.py` puts it; `learning_rate` before that."""

    name = "controlled"

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = float(learning_rate)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return memory.get("learning_rate", self.learning_rate)


class VelocitySGD(Optimizer):
    """SGD whose velocity contains the learning rate: v ← μ v - η g,  θ ← θ + v, or with Nesterov θ ← θ + μ v - η g.

    The same as `plainnet.SGD` while η is constant; when η falls, the velocity gathered before keeps its size.
    """

    name = "velocity_sgd"
    remembers = ("velocity",)

    def __init__(
        self, learning_rate: Schedule, momentum: float = 0.9, nesterov: bool = True, clip_norm: float | None = None
    ) -> None:
        super().__init__(learning_rate, 0.0, clip_norm)
        self.momentum = float(momentum)
        self.nesterov = bool(nesterov)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        velocity = state["velocity"]
        gradient *= learning_rate
        velocity *= self.momentum
        velocity -= gradient
        if self.nesterov:
            parameters += self.momentum * velocity
            parameters -= gradient
        else:
            parameters += velocity


class EpsilonOutsideAdam(optimizers.Adam):
    """Adam in the short form of Kingma & Ba's section 2: θ ← θ - η √(1 - β2^t) / (1 - β1^t) · m / (√v + ε).

    `plainnet.Adam` has √v / √(1 - β2^t) + ε below the line: the same but for the size of ε in early steps.
    """

    name = "epsilon_outside_adam"

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        mean, square = state["mean"], state["square"]
        mean *= self.beta1
        mean += (1 - self.beta1) * gradient
        square *= self.beta2
        gradient *= gradient
        gradient *= 1 - self.beta2
        square += gradient
        np.sqrt(square, out=gradient)
        gradient += self.epsilon
        np.divide(mean, gradient, out=gradient)
        gradient *= learning_rate * math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        parameters -= gradient


def optimizer_of(estimator: Any) -> Optimizer:
    """The optimizer for the parameters of `estimator`; an object given as `solver` is taken as it is."""
    if isinstance(estimator.solver, Optimizer):
        return estimator.solver
    common = {"learning_rate": _schedule_of(estimator), "clip_norm": estimator.clip_norm}
    adam = {"beta1": estimator.beta_1, "beta2": estimator.beta_2, "epsilon": estimator.epsilon}
    if estimator.solver == "sgd":
        return VelocitySGD(momentum=estimator.momentum, nesterov=estimator.nesterovs_momentum, **common)
    if estimator.solver == "adam":
        return EpsilonOutsideAdam(**adam, **common)
    settings = {**common, **adam} if estimator.solver == "adamw" else common
    return optimizers.OPTIMIZERS[estimator.solver](**settings)


def lowered(estimator: Any, optimizer: Optimizer, memory: Memory) -> float | None:
    """The next lower learning rate, where the run has one to try before it stops."""
    if estimator.solver == "sgd" and estimator.learning_rate == "adaptive":
        rate = memory.get("learning_rate", float(estimator.learning_rate_init))
        return rate / 5 if rate > SMALLEST_RATE else None
    plateau = optimizer.schedule
    while isinstance(plateau, schedules.LinearWarmup):
        plateau = plateau.learning_rate
    if not isinstance(plateau, schedules.ReduceOnPlateau):
        return None
    rate = plateau.rate(0.0, 1, memory)
    return max(rate * plateau.factor, plateau.minimum) if rate > max(SMALLEST_RATE, plateau.minimum) else None


def _schedule_of(estimator: Any) -> Schedule:
    given = estimator.learning_rate
    if isinstance(given, str) and given in MODES:
        return Controlled(estimator.learning_rate_init)
    if isinstance(given, str):
        return schedules.resolve({"name": given, "learning_rate": float(estimator.learning_rate_init)})
    return schedules.resolve(given)
