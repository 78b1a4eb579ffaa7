"""What is no formula of NumPy's operations trains all the same, in the NumPy engine; a note says why and where."""

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from contract import assert_agree_whoever_trains, run

import plainnet as pn
from plainnet.errors import PlainnetWarning

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.column_stack([X[:, 0] * X[:, 1], np.sin(X[:, 2])])
OPTIONS = {"loss": "mse", "optimizer": pn.SGD(0.05, momentum=0.9), "batch_size": 16}


def with_slope(a: Any) -> tuple[Any, Any]:
    return a, np.ones_like(a)


ACTIVATIONS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "a branch": lambda z: with_slope(z if z.max() > 0 else 0 * z),  # here
    "max of Python": lambda z: with_slope(z + max(z[0, 0], z[0, 1])),  # here
    "and": lambda z: with_slope(z + ((z.min() < 0) and (z.max() > 0))),  # here
    "a number": lambda z: with_slope(z - float(z.mean())),  # here
    "math": lambda z: with_slope(z * math.exp(-abs(z[0, 0]))),  # here
    "scipy": lambda z: with_slope(scipy.special.expit(z)),  # here
    "einsum": lambda z: with_slope(np.einsum("ij,ij->ij", z, z)),  # here
    "cumsum": lambda z: with_slope(np.cumsum(z, axis=1)),  # here
    "sort": lambda z: with_slope(z - np.sort(z, axis=1)[:, :1]),  # here
    "median": lambda z: with_slope(z - np.median(z)),  # here
    "a mask": lambda z: with_slope(z - z[z > 0].sum()),  # here
    "rows": lambda z: with_slope(np.array([[abs(number) for number in row] for row in z])),  # here
    "a list": lambda z: with_slope(z + z.tolist()[0][0]),  # here
    "item": lambda z: with_slope(z + z.ravel()[0].item()),  # here
    "an array": lambda z: with_slope(np.asarray(z) * 2),  # here
    "fft": lambda z: with_slope(np.abs(np.fft.fft(z))),  # here
    "inverse": lambda z: with_slope(z + np.linalg.inv(np.eye(len(z)) + z @ z.T)[0, 0]),  # here
    "vectorize": lambda z: with_slope(np.vectorize(lambda number: number * number)(z)),  # here
}


class Branching(pn.Layer):
    def forward(self, inputs, training=None):
        factor = 2.0 if inputs.max() > 1 else 0.5  # here
        return factor * inputs, lambda gradient, gradients: factor * gradient


class BranchingBack(pn.Layer):
    def forward(self, inputs, training=None):
        def backward(gradient, gradients):
            return gradient if np.abs(gradient).max() < 0.1 else 0.5 * gradient  # here

        return inputs, backward


class Shuffling(pn.Layer):
    """Draws by a method of the generator that no trace has."""

    def forward(self, inputs, training=None):
        if training is None:
            return inputs, lambda gradient, gradients: gradient
        order = training.random.permutation(inputs.shape[1])  # here
        return inputs[:, order], lambda gradient, gradients: gradient[:, np.argsort(order)]


class Capped(pn.losses.MeanSquaredError):
    def value_and_gradient(self, targets, outputs, sample_weight=None, from_logits=False):
        value, gradient = super().value_and_gradient(targets, outputs, sample_weight, from_logits)
        return float(value), gradient  # here


def branching_loss(targets, predictions):
    error = predictions - targets
    if error.max() > 1:  # here
        return np.abs(error), np.sign(error)
    return error * error, 2 * error


class FirstStep(pn.SGD):
    def update(self, parameters, gradient, state, learning_rate, t):
        rate = 10 * learning_rate if t == 1 else learning_rate  # here
        parameters -= rate * gradient


class NormBranch(pn.SGD):
    def update(self, parameters, gradient, state, learning_rate, t):
        if np.linalg.norm(gradient) > 0.5:  # here
            gradient = gradient / 2
        parameters -= learning_rate * gradient


Case = tuple[list[pn.Layer], dict[str, Any]]
CASES: dict[str, Case] = {
    **{f"activation: {name}": ([pn.Dense(4, own)], {}) for name, own in ACTIVATIONS.items()},
    "layer: forward": ([Branching()], {}),
    "layer: backward": ([pn.Dense(4), BranchingBack()], {}),
    "layer: another draw": ([pn.Dense(4), Shuffling()], {}),
    "loss: a number": ([], {"loss": Capped()}),
    "loss: a branch": ([], {"loss": branching_loss}),
    "optimizer: the first step": ([], {"optimizer": FirstStep(0.05)}),
    "optimizer: a norm": ([], {"optimizer": NormBranch(0.05)}),
}


def make(layers: list[pn.Layer]) -> pn.Network:
    return pn.Network(*map(copy.copy, layers), pn.Dense(2), input_size=3, seed=1, dtype="float64")


def first_report(net: pn.Network, engine: str, **options: Any) -> pn.Report:
    """Train one epoch of a run so long that it is worth compiling."""
    reports = net.training(X, Y, **{**OPTIONS, **options}, engine=engine, epochs=10**7, report_every=1)
    report = next(reports)
    reports.close()
    return report


@pytest.mark.parametrize("case", CASES)
def test_it_runs_in_the_numpy_engine_and_the_note_names_the_line(case: str) -> None:
    layers, options = CASES[case]
    expected, net = make(layers), make(layers)
    first_report(expected, "numpy", **options)
    report = first_report(net, "auto", **options)  # a warning would be an error
    note = net.history.settings["engine_note"]
    assert net.history.settings["engine"] == "numpy"
    assert report.engine == f"numpy ({note})"
    assert re.search(r"\(test_compiled_untraceable\.py:\d+: .*# here\)", note), note
    assert net.parameters.tobytes() == expected.parameters.tobytes()
    assert net.dropout.bit_generator.state == expected.dropout.bit_generator.state, "nothing was drawn to look at it"


@pytest.mark.parametrize("case", ["activation: einsum", "layer: forward", "loss: a branch", "optimizer: a norm"])
def test_who_asks_for_machine_code_is_warned(case: str) -> None:
    layers, options = CASES[case]
    expected, net = make(layers), make(layers)
    first_report(expected, "numpy", **options)
    with pytest.warns(PlainnetWarning, match="the NumPy engine runs this job, as .*# here"):
        first_report(net, "compiled", **options)
    assert net.parameters.tobytes() == expected.parameters.tobytes()


# ---- no line to name ----


class Particular:
    """Takes arrays alone, by a check of its own."""

    def value(self, z):
        if not isinstance(z, np.ndarray):
            raise TypeError("z has to be an array")
        return np.tanh(z)

    def derivative(self, z, a):
        return 1 - a * a


class Replacing(pn.optimizers.Optimizer):
    """Puts new arrays in the place of its memory."""

    remembers = ("mean",)

    def __init__(self, learning_rate=0.05):
        super().__init__(learning_rate, 0.0, None)

    def update(self, parameters, gradient, state, learning_rate, t):
        state["mean"] = 0.9 * state["mean"] + gradient
        parameters -= learning_rate * state["mean"]


class Counting(pn.Layer):
    """Counts its passes, and does something else from the fifth on."""

    def __init__(self):
        self.passes = 0

    def forward(self, inputs, training=None):
        if training is not None:
            self.passes += 1
        factor = 1.0 if self.passes < 5 else 0.5
        return factor * inputs, lambda gradient, gradients: factor * gradient


class Slowing(pn.SGD):
    """Counts its steps by itself."""

    steps = 0

    def update(self, parameters, gradient, state, learning_rate, t):
        self.steps += 1
        parameters -= learning_rate / (1 if self.steps < 5 else 2) * gradient


class Noisy(pn.SGD):
    """Draws from a generator of its own."""

    def __init__(self, learning_rate=0.05):
        super().__init__(learning_rate)
        self.own = np.random.default_rng(0)

    def update(self, parameters, gradient, state, learning_rate, t):
        parameters -= learning_rate * (gradient + 0.01 * self.own.standard_normal(gradient.shape))


class Fading(pn.losses.MeanSquaredError):
    """Counts for less from batch to batch."""

    batches = 0

    def elements(self, targets, predictions):
        self.batches += 1
        error = predictions - targets
        return error * error / self.batches, 2 * error / self.batches


STATEFUL: dict[str, Callable[[], Case]] = {
    "a check of arrays": lambda: ([pn.Dense(4, Particular())], {}),
    "memory replaced": lambda: ([], {"optimizer": Replacing()}),
    "a layer that counts": lambda: ([pn.Dense(4), Counting()], {}),
    "an optimizer that counts": lambda: ([], {"optimizer": Slowing(0.05)}),
    "an optimizer that draws": lambda: ([], {"optimizer": Noisy()}),
    "a loss that counts": lambda: ([], {"loss": Fading()}),
}
"""Functions, as each run needs parts that have counted nothing yet."""


@pytest.mark.parametrize("case", STATEFUL)
@pytest.mark.parametrize("engine", ["auto", "compiled"])
@pytest.mark.filterwarnings("ignore::plainnet.errors.PlainnetWarning")
def test_parts_with_a_state_of_their_own_train_as_in_the_numpy_engine(case: str, engine: str) -> None:
    """Three epochs are nine steps. That the engine looks at the parts beforehand must not count."""

    def trained(engine: str) -> tuple[pn.Network, pn.History]:
        layers, options = STATEFUL[case]()
        net = pn.Network(*layers, pn.Dense(2), input_size=3, seed=1, dtype="float64")
        reports = net.training(X, Y, **{**OPTIONS, **options}, engine=engine, epochs=10**7, report_every=1)
        for _ in zip(range(3), reports, strict=False):
            pass
        reports.close()
        return net, net.history

    (expected, _), (net, history) = trained("numpy"), trained(engine)
    assert history.settings["engine"] == "numpy"
    assert history.settings["engine_note"]
    assert net.parameters.tobytes() == expected.parameters.tobytes()


@pytest.mark.filterwarnings("ignore::plainnet.errors.PlainnetWarning")
def test_an_error_of_the_users_own_is_the_users() -> None:
    def broken(z):
        raise ZeroDivisionError("mine")

    for engine in ("numpy", "auto", "compiled"):
        with pytest.raises(ZeroDivisionError, match="mine"):
            make([pn.Dense(4, broken)]).fit(X, Y, **OPTIONS, epochs=10**6, engine=engine)


def test_all_functions_of_numpy_on_elements() -> None:
    """Those without machine code are named; the numbers are the same in any case."""
    given = {np.arccosh: lambda z: np.arccosh(1 + z * z), np.arctanh: lambda z: np.arctanh(0.5 * np.tanh(z))}
    one = [np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sqrt, np.cbrt, np.square, np.reciprocal]
    one += [np.sin, np.cos, np.tan, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh]
    one += [np.abs, np.sign, np.floor, np.ceil, np.rint, np.trunc, np.negative, np.positive]
    two = [np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.minimum, np.fmax, np.fmin, np.hypot]
    two += [np.arctan2, np.copysign, np.logaddexp, np.logaddexp2, np.fmod, np.remainder, np.floor_divide, np.heaviside]
    functions: list[Callable[[Any], Any]] = [given.get(f, lambda z, f=f: f(0.1 + np.abs(z))) for f in one]
    functions += [lambda z, f=f: f(0.1 + np.abs(z), 1.5 + np.tanh(z)) for f in two]
    for function in functions:

        def own(z, function=function):
            return function(z) * 0.1, 0.1 * np.ones_like(z)

        assert_agree_whoever_trains(lambda own=own: make([pn.Dense(4, own)]), X, Y, **OPTIONS, epochs=2)


def test_the_numpy_engine_is_never_asked_to_trace() -> None:
    net, history = run(lambda: make([pn.Dense(4, Particular())]), X, Y, **OPTIONS, epochs=2, engine="numpy")
    assert "engine_note" not in history.settings
    assert net.history is history
