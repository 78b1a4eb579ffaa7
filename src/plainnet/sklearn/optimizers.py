"""The optimizer that an estimator's `solver`, `learning_rate` and related parameters describe.

scikit-learn's SGD and Adam differ in one place each from plainnet's, which are PyTorch's.
"""

from typing import Any

from plainnet import optimizers, schedules
from plainnet._base.arrays import Array
from plainnet.optimizers import Optimizer, State
from plainnet.schedules import Memory, Schedule
from plainnet.sklearn.arguments import Arguments

MODES = ("constant", "invscaling", "adaptive")
"""scikit-learn's own values of `learning_rate`."""

SMALLEST_RATE = 1e-6
"""A learning rate at or below it is not lowered any further."""


class Controlled(Schedule):
    """The rate in the run's memory, which the estimator writes there; before that, `learning_rate`."""

    name = "controlled"

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = float(learning_rate)

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return memory.get("learning_rate", self.learning_rate)


class VelocitySGD(Optimizer):
    """SGD whose velocity contains the learning rate: v ← μ v + η g,  θ ← θ - v, or with Nesterov θ ← θ - (η g + μ v).

    It equals `plainnet.SGD` while η is constant; when η falls, the velocity gathered before keeps its size.
    """

    name = "velocity_sgd"
    elementwise = True
    remembers = ("velocity",)

    def __init__(
        self, learning_rate: Schedule, momentum: float = 0.9, nesterov: bool = True, clip_norm: float | None = None
    ) -> None:
        super().__init__(learning_rate, 0.0, clip_norm)
        self.momentum = float(momentum)
        self.nesterov = bool(nesterov)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        follow = optimizers.sgd_with_nesterov if self.nesterov else optimizers.sgd_with_momentum
        follow(parameters, learning_rate * gradient, state["velocity"], 1.0, self.momentum)


class EpsilonOutsideAdam(optimizers.Adam):
    """Adam in the short form of Kingma & Ba's section 2: θ ← θ - η √(1 - β2^t) / (1 - β1^t) · m / (√v + ε).

    `plainnet.Adam` divides by √v / √(1 - β2^t) + ε: the same with another ε, which differs in early steps.
    """

    name = "epsilon_outside_adam"
    elementwise = True

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        memory = state["mean"], state["square"]
        epsilon = self.epsilon / (1 - self.beta2**t) ** 0.5
        optimizers.adam(parameters, gradient, *memory, learning_rate, t, self.beta1, self.beta2, epsilon)


def optimizer_of(parameters: Arguments) -> Optimizer:
    """Return the optimizer that the parameters describe; an object given as `solver` is returned as it is."""
    if isinstance(parameters.solver, Optimizer):
        return parameters.solver
    common: dict[str, Any] = {"learning_rate": _schedule_of(parameters), "clip_norm": parameters.clip_norm}
    adam: dict[str, Any] = {"beta1": parameters.beta_1, "beta2": parameters.beta_2, "epsilon": parameters.epsilon}
    if parameters.solver == "sgd":
        return VelocitySGD(momentum=parameters.momentum, nesterov=parameters.nesterovs_momentum, **common)
    if parameters.solver == "adam":
        return EpsilonOutsideAdam(**adam, **common)
    made: Any = optimizers.OPTIMIZERS[parameters.solver]
    return made(**common, **adam) if issubclass(made, optimizers.Adam) else made(**common)


def lowered(parameters: Arguments, optimizer: Optimizer, memory: Memory) -> float | None:
    """Return the next lower learning rate to try before the run stops; None if there is none."""
    if parameters.solver == "sgd" and parameters.learning_rate == "adaptive":
        rate = memory.get("learning_rate", float(parameters.learning_rate_init))
        return rate / 5 if rate > SMALLEST_RATE else None
    plateau = optimizer.schedule
    while isinstance(plateau, schedules.LinearWarmup):
        plateau = plateau.learning_rate
    if not isinstance(plateau, schedules.ReduceOnPlateau):
        return None
    rate = plateau.rate(0.0, 1, memory)
    return max(rate * plateau.factor, plateau.minimum) if rate > max(SMALLEST_RATE, plateau.minimum) else None


def _schedule_of(parameters: Arguments) -> Schedule:
    given = parameters.learning_rate
    if isinstance(given, str) and given in MODES:
        return Controlled(parameters.learning_rate_init)
    if isinstance(given, str):
        return schedules.resolve({"name": given, "learning_rate": float(parameters.learning_rate_init)})
    return schedules.resolve(given)
