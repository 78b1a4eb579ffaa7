"""Optimizers: how the gradient g changes the parameters θ, all of them at once in one vector.

Each update is one plain function that changes θ, and what the algorithm remembers from step to step, in place. An
optimizer is its settings and keeps nothing of a run: its memory is a dict of vectors like θ, made by `start` and passed
to every `step`, so a run can be saved and several runs can share an optimizer. Formulas and defaults are PyTorch's.
For all: weight decay adds `weight_decay` · θ to the gradient (AdamW: see there), and `clip_norm` first shortens a
gradient whose norm ‖g‖ is above it. `rate_factors` and `decay_factors` give single parameters another η and another
weight decay: r times and d times those of the others.

η is the learning rate, t counts the steps from 1, and all operations are elementwise. A setting out of its range raises
InvalidValue, one of another kind InvalidType. To add an optimizer, write its
function and its class here; nothing else in the package changes.

>>> import plainnet as pn
>>> X, y = pn.datasets.xor()
>>> net = pn.Network(pn.Dense(1, "sigmoid"), input_size=3, seed=1)
>>> history = net.fit(X, y, loss="mse", optimizer=pn.Adam(0.1, clip_norm=1.0), epochs=2)
>>> history.learning_rate
[0.1, 0.1]
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from plainnet import schedules
from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.configurable import Adjustable, build, parts
from plainnet.errors import InvalidType, InvalidValue
from plainnet.schedules import Rate, Schedule

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop"]

State = dict[str, Array]

Factors = dict[str, float]

RATE, DECAY = "rate_factors", "decay_factors"
"""The names in the state of what each parameter's η and weight decay are multiplied by, where that is not always 1."""


def sgd(parameters: Array, gradient: Array, learning_rate: float) -> None:
    """θ ← θ - η g."""
    parameters -= learning_rate * gradient


def sgd_with_momentum(
    parameters: Array, gradient: Array, velocity: Array, learning_rate: float, momentum: float
) -> None:
    """v ← μ v + g,  θ ← θ - η v."""
    velocity *= momentum
    velocity += gradient
    parameters -= learning_rate * velocity


def sgd_with_nesterov(
    parameters: Array, gradient: Array, velocity: Array, learning_rate: float, momentum: float
) -> None:
    """v ← μ v + g,  θ ← θ - η (g + μ v)."""
    velocity *= momentum
    velocity += gradient
    parameters -= learning_rate * (gradient + momentum * velocity)


def rmsprop(
    parameters: Array, gradient: Array, square: Array, learning_rate: float, decay: float, epsilon: float
) -> None:
    """s ← decay · s + (1 - decay) g²,  θ ← θ - η g / (√s + ε)."""
    square *= decay
    square += (1 - decay) * gradient * gradient
    parameters -= learning_rate * gradient / (np.sqrt(square) + epsilon)


def rmsprop_with_momentum(
    parameters: Array,
    gradient: Array,
    square: Array,
    velocity: Array,
    learning_rate: float,
    decay: float,
    epsilon: float,
    momentum: float,
) -> None:
    """s ← decay · s + (1 - decay) g²,  v ← μ v + g / (√s + ε),  θ ← θ - η v."""
    square *= decay
    square += (1 - decay) * gradient * gradient
    velocity *= momentum
    velocity += gradient / (np.sqrt(square) + epsilon)
    parameters -= learning_rate * velocity


def adagrad(parameters: Array, gradient: Array, square: Array, learning_rate: float, epsilon: float) -> None:
    """s ← s + g²,  θ ← θ - η g / (√s + ε)."""
    square += gradient * gradient
    parameters -= learning_rate * gradient / (np.sqrt(square) + epsilon)


def adam(
    parameters: Array,
    gradient: Array,
    mean: Array,
    square: Array,
    learning_rate: float,
    t: int,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """m ← β1 m + (1 - β1) g,  v ← β2 v + (1 - β2) g²,  θ ← θ - η / (1 - β1^t) · m / (√(v / (1 - β2^t)) + ε)."""
    mean *= beta1
    mean += (1 - beta1) * gradient
    square *= beta2
    square += (1 - beta2) * gradient * gradient
    size = np.sqrt(square / (1 - beta2**t)) + epsilon
    parameters -= learning_rate / (1 - beta1**t) * mean / size


STRETCH = 131_072
"""The number of parameters in one update: few enough that their vectors stay in the processor's cache."""


class Optimizer(Adjustable):
    """An optimizer changes the parameters by their gradient; this is the base of all.

    A subclass has `update(parameters, gradient, state, learning_rate, t)`, which changes the parameters and the vectors
    in `state` in place. Every optimizer takes

        learning_rate  η: a number above 0, a schedule, or a function (epoch, epochs) -> rate
        weight_decay   the share of θ that is added to the gradient: a number of at least 0, or a schedule
        clip_norm      the largest norm of the gradient, above 0; None for any
        rate_factors   a dict from the name of a parameter to r, at least 0: its step is r times what it would be; a
                       name in all layers ("bias"), or in one ("layers[2].weights"), which goes before
        decay_factors  the same for d: its weight decay is d · weight_decay

    An update that is not `elementwise` knows nothing of r: what it changes in θ is multiplied by r afterwards.
    """

    elementwise = False
    """True if `update` treats each parameter by itself, so that it may be given the vectors stretch by stretch.

    With `rate_factors` its learning rate is a vector, too. A class says so itself: one that inherits from such an
    optimizer may look at the vector as a whole.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.elementwise = cls.__dict__.get("elementwise", False)

    remembers: tuple[str, ...] = ()
    """The names of the vectors kept from step to step; each starts at zero."""

    limits: ClassVar = {"weight_decay": {"least": 0}}

    rate_factors: Factors | None = None
    decay_factors: Factors | None = None

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: Rate,
        clip_norm: float | None,
        rate_factors: Factors | None = None,
        decay_factors: Factors | None = None,
    ) -> None:
        self.schedule: Schedule = schedules.resolve(learning_rate)
        self.weight_decay = schedules.number_or_schedule("weight_decay", weight_decay, self.limits["weight_decay"])
        self.clip_norm = None if clip_norm is None else checks.number("clip_norm", clip_norm, above=0)
        self.rate_factors = _factors(RATE, rate_factors)
        self.decay_factors = _factors(DECAY, decay_factors)

    @property
    def learning_rate(self) -> float | Schedule:
        """The number, or the schedule."""
        constant = isinstance(self.schedule, schedules.Constant)
        return self.schedule.learning_rate if constant else self.schedule  # type: ignore[attr-defined]

    def start(self, parameters: Array) -> State:
        """Return the memory of a run that begins at `parameters`."""
        return {name: np.zeros_like(parameters) for name in self.remembers}

    def factors(self, parameters: Array, views: Sequence[Mapping[str, Array]]) -> State:
        """Return what each parameter's η and weight decay are multiplied by, as vectors that belong to the state.

        The vectors are like `parameters`; where all factors are 1 there is none. `views` are those of the network's
        layers into a vector, as `Network.parameter_views` returns them, and tell the parameters' names.
        """
        given = {RATE: self.rate_factors, DECAY: self.decay_factors if self.weight_decay else None}
        found = {}
        for setting, factors in given.items():
            if factors and set(factors.values()) != {1.0}:
                each = [
                    np.full(view.size, _factor_of(f"layers[{i}].{name}", factors), parameters.dtype)
                    for i, layer in enumerate(views)
                    for name, view in layer.items()
                ]
                found[setting] = np.concatenate(each)
        return found

    def check_factors(self, parameters: Sequence[str]) -> None:
        """Refuse factors of names that none of a network's `parameters` has, see `Network.parameter_names`.

        Refuse, too, a method `decayed` of the user's own if it does not take what factors or a schedule give it.
        """
        _check_names(RATE, self.rate_factors or {}, parameters)
        _check_names(DECAY, self.decay_factors or {}, parameters)
        if not (self.decay_factors or isinstance(self.weight_decay, Schedule)):
            return
        try:
            inspect.signature(self.decayed).bind(0, 0, 0, 0)
        except TypeError:
            raise InvalidValue(
                f"{type(self).__name__} has a method decayed(parameters, gradient, learning_rate) of its own, and its "
                "weight_decay is a schedule or has decay_factors; the method takes a fourth argument then, weight_decay"
            ) from None

    def step(
        self,
        parameters: Array,
        gradient: Array,
        state: State,
        learning_rate: float,
        t: int,
        weight_decay: float | None = None,
    ) -> None:
        """Take step t: clip, decay, and change `parameters` and `state` in place by the algorithm's update.

        `weight_decay` is the present value where a schedule gives it.
        """
        size = len(parameters)
        if not self.elementwise or size <= STRETCH:
            self.whole_step(parameters, gradient, state, learning_rate, t, weight_decay)
            return
        gradient = self.clipped(gradient)
        for part in [slice(start, start + STRETCH) for start in range(0, size, STRETCH)]:
            own = {name: vector[part] for name, vector in state.items()}
            self._clipped_step(parameters[part], gradient[part], own, learning_rate, t, weight_decay)

    def whole_step(
        self,
        parameters: Array,
        gradient: Array,
        state: State,
        learning_rate: float,
        t: int,
        weight_decay: float | None = None,
    ) -> None:
        """Take step t for all parameters at once."""
        gradient = self.clipped(gradient if self.elementwise else gradient.copy())  # a user's own may change it
        self._clipped_step(parameters, gradient, state, learning_rate, t, weight_decay)

    def _clipped_step(
        self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int, weight_decay: float | None
    ) -> None:
        decayed = self.decayed_by_factors(parameters, gradient, state, learning_rate, weight_decay)
        self.update_by_factors(parameters, decayed, state, learning_rate, t)

    def decayed_by_factors(
        self, parameters: Array, gradient: Array, state: State, learning_rate: float, weight_decay: float | None = None
    ) -> Array:
        """Return what `decayed` gives for the present weight decay times each parameter's factor d."""
        present: Any = self.weight_decay if weight_decay is None else weight_decay
        if DECAY in state:
            return self.decayed(parameters, gradient, learning_rate, present * state[DECAY])
        if weight_decay is None:
            return self.decayed(parameters, gradient, learning_rate)  # a user's own may take no more
        return self.decayed(parameters, gradient, learning_rate, present)

    def update_by_factors(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        """Do what `update` does, with each parameter's step times its factor r."""
        if RATE not in state:
            self.update(parameters, gradient, state, learning_rate, t)
        elif self.elementwise:
            rates: Any = learning_rate * state[RATE]
            self.update(parameters, gradient, state, rates, t)
        else:
            before = parameters.copy()
            self.update(parameters, gradient, state, learning_rate, t)
            parameters[...] = before + state[RATE] * (parameters - before)

    def clipped(self, gradient: Array) -> Array:
        """g · min(1, clip_norm / ‖g‖), where there is a clip_norm."""
        if self.clip_norm is None:
            return gradient
        return gradient * np.minimum(1, self.clip_norm / (np.sqrt(gradient @ gradient) + 1e-6))

    def decayed(
        self, parameters: Array, gradient: Array, learning_rate: float, weight_decay: float | Array | None = None
    ) -> Array:
        """g + weight_decay · θ, with the argument in place of the setting where it is given."""
        if weight_decay is None:
            return gradient + self.weight_decay * parameters if self.weight_decay else gradient
        return gradient + weight_decay * parameters

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        """Change `parameters` and `state` in place by the algorithm."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update")


def _factors(name: str, given: Any) -> Factors | None:
    """Return the factors as a dict of numbers of at least 0."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise InvalidType(f"{name} is {given!r}; it takes a dict from names of parameters to numbers: {{'bias': 0.1}}")
    for parameter in given:
        if not isinstance(parameter, str):
            raise InvalidType(f"{name} has the key {parameter!r}; it takes names such as 'bias' or 'layers[2].weights'")
    return {parameter: checks.number(f"{name}[{parameter!r}]", factor, least=0) for parameter, factor in given.items()}


def _factor_of(parameter: str, factors: Factors) -> float:
    """Return the factor of a parameter, such as "layers[2].weights": that of it alone, or that of its last name."""
    return factors.get(parameter, factors.get(parameter.rpartition(".")[2], 1.0))


def _check_names(setting: str, given: Factors, parameters: Sequence[str]) -> None:
    known = {*parameters, *(name.rpartition(".")[2] for name in parameters)}
    for name in given:
        if name not in known:
            raise InvalidValue(
                f"{setting} names {name!r}, a parameter that the network lacks; {checks.closest(name, known)}"
            )


class SGD(Optimizer):
    """θ ← θ - η g, stochastic gradient descent, with momentum μ where it is given (Robbins & Monro 1951; Polyak 1964).

    With momentum, v ← μ v + g and θ ← θ - η v. With `nesterov` the step looks ahead along the velocity v,
    θ ← θ - η (g + μ v) (Sutskever et al. 2013).

        momentum  the share μ of the velocity that a step keeps, from 0 to below 1
        nesterov  True for Nesterov's step, which needs momentum

    The other arguments are those of `plainnet.optimizers.Optimizer`.

    >>> import numpy as np
    >>> import plainnet as pn
    >>> sgd, parameters = pn.SGD(0.1, momentum=0.9), np.array([1.0, 2.0])
    >>> state = sgd.start(parameters)
    >>> for t in (1, 2):
    ...     sgd.step(parameters, np.array([1.0, -1.0]), state, 0.1, t)
    >>> parameters.round(4).tolist()
    [0.71, 2.29]
    """

    name = "sgd"
    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: Rate = 0.0,
        clip_norm: float | None = None,
        rate_factors: Factors | None = None,
        decay_factors: Factors | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm, rate_factors, decay_factors)
        self.momentum = checks.number("momentum", momentum, least=0, below=1)
        self.nesterov = checks.flag("nesterov", nesterov)
        if self.nesterov and self.momentum == 0:
            raise InvalidValue("nesterov is True and momentum is 0; Nesterov's step needs momentum, such as 0.9")
        self.remembers = ("velocity",) if self.momentum else ()

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        if not self.momentum:
            sgd(parameters, gradient, learning_rate)
        else:
            follow = sgd_with_nesterov if self.nesterov else sgd_with_momentum
            follow(parameters, gradient, state["velocity"], learning_rate, self.momentum)


class RMSprop(Optimizer):
    """s ← decay · s + (1 - decay) g², θ ← θ - η g / (√s + ε): steps divided by the gradient's root mean square.

    With momentum μ, v ← μ v + g / (√s + ε) and θ ← θ - η v (Tieleman & Hinton 2012, lecture 6.5).

        decay     the share of the mean square s that a step keeps, from 0 to below 1
        epsilon   ε, at least 0, which keeps the divisor from 0
        momentum  the share μ of the velocity that a step keeps, from 0 to below 1

    The other arguments are those of `plainnet.optimizers.Optimizer`.

    >>> import plainnet as pn
    >>> pn.RMSprop(0.001, decay=0.9)
    RMSprop(learning_rate=0.001, decay=0.9)
    """

    name = "rmsprop"
    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: Rate = 0.0,
        clip_norm: float | None = None,
        rate_factors: Factors | None = None,
        decay_factors: Factors | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm, rate_factors, decay_factors)
        self.decay = checks.number("decay", decay, least=0, below=1)
        self.epsilon = checks.number("epsilon", epsilon, least=0)
        self.momentum = checks.number("momentum", momentum, least=0, below=1)
        self.remembers = ("square", "velocity") if self.momentum else ("square",)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        settings = self.decay, self.epsilon
        if self.momentum:
            memory = state["square"], state["velocity"]
            rmsprop_with_momentum(parameters, gradient, *memory, learning_rate, *settings, self.momentum)
        else:
            rmsprop(parameters, gradient, state["square"], learning_rate, *settings)


class Adagrad(Optimizer):
    """s ← s + g², θ ← θ - η g / (√s + ε): steps divided by the root of the sum of all squared gradients so far.

    `epsilon` is ε, at least 0, and keeps the divisor from 0 (Duchi, Hazan & Singer 2011). The other arguments are those
    of `plainnet.optimizers.Optimizer`.

    >>> import plainnet as pn
    >>> pn.Adagrad(0.05)
    Adagrad(learning_rate=0.05)
    """

    name = "adagrad"
    elementwise = True
    remembers = ("square",)

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        epsilon: float = 1e-10,
        weight_decay: Rate = 0.0,
        clip_norm: float | None = None,
        rate_factors: Factors | None = None,
        decay_factors: Factors | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm, rate_factors, decay_factors)
        self.epsilon = checks.number("epsilon", epsilon, least=0)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        adagrad(parameters, gradient, state["square"], learning_rate, self.epsilon)


class Adam(Optimizer):
    """θ ← θ - η m̂ / (√v̂ + ε), a mean of gradients divided by their root mean square (Kingma & Ba 2015).

    m ← β1 m + (1 - β1) g and v ← β2 v + (1 - β2) g² start at 0, for which m̂ = m / (1 - β1^t) and v̂ = v / (1 - β2^t)
    make up.

        beta1    the share β1 of the mean that a step keeps, from 0 to below 1
        beta2    the share β2 of the mean square that a step keeps, from 0 to below 1
        epsilon  ε, at least 0, which keeps the divisor from 0

    The other arguments are those of `plainnet.optimizers.Optimizer`.

    >>> import plainnet as pn
    >>> pn.Adam(pn.schedules.Cosine(0.01), clip_norm=1.0, rate_factors={"bias": 0.1})
    Adam(learning_rate=Cosine(learning_rate=0.01), clip_norm=1.0, rate_factors={'bias': 0.1})
    """

    name = "adam"
    elementwise = True
    remembers = ("mean", "square")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: Rate = 0.0,
        clip_norm: float | None = None,
        rate_factors: Factors | None = None,
        decay_factors: Factors | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm, rate_factors, decay_factors)
        self.beta1 = checks.number("beta1", beta1, least=0, below=1)
        self.beta2 = checks.number("beta2", beta2, least=0, below=1)
        self.epsilon = checks.number("epsilon", epsilon, least=0)

    def update(self, parameters: Array, gradient: Array, state: State, learning_rate: float, t: int) -> None:
        memory = state["mean"], state["square"]
        adam(parameters, gradient, *memory, learning_rate, t, self.beta1, self.beta2, self.epsilon)


class AdamW(Adam):
    """θ ← θ - η · weight_decay · d · θ, then Adam's step on g alone: Adam with decoupled weight decay.

    d is the parameter's decay factor; its rate factor does not enter the decay (Loshchilov & Hutter 2019).

    >>> import plainnet as pn
    >>> pn.AdamW(0.01, weight_decay=0.1, decay_factors={"bias": 0})
    AdamW(learning_rate=0.01, weight_decay=0.1, decay_factors={'bias': 0.0})
    """

    name = "adamw"
    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: Rate = 0.01,
        clip_norm: float | None = None,
        rate_factors: Factors | None = None,
        decay_factors: Factors | None = None,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, weight_decay, clip_norm, rate_factors, decay_factors)

    def decayed(
        self, parameters: Array, gradient: Array, learning_rate: float, weight_decay: float | Array | None = None
    ) -> Array:
        """Shrink θ itself: θ ← θ - η · weight_decay · θ; the gradient stays as it is."""
        decay: Any = self.weight_decay if weight_decay is None else weight_decay
        parameters *= 1 - learning_rate * decay
        return gradient


OPTIMIZERS: dict[str, type[Optimizer]] = parts(Optimizer, globals())
"""Every optimizer above by its name."""


def resolve(optimizer: Any) -> Optimizer:
    """Return the optimizer meant by a name, a description or an object."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str | dict):
        return build("optimizer", optimizer, OPTIMIZERS)
    raise InvalidType(
        f"optimizer is {optimizer!r}; it takes a name ({', '.join(OPTIMIZERS)}) or an object such as "
        "plainnet.Adam(learning_rate=0.001)"
    )
