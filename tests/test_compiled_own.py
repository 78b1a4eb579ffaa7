"""A user's own activations, losses, optimizers and schedules in plain NumPy are compiled: the same numbers."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from contract import assert_engines_agree, run

import plainnet as pn
from plainnet.sklearn.objective import Objective

ROWS = 37
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 5))
Y = np.column_stack([np.sin(X.sum(axis=1)), X[:, 0] * X[:, 1]])
WEIGHT = RANDOM.random(ROWS) * (RANDOM.random(ROWS) < 0.8)
OPTIONS = {"loss": "mse", "optimizer": pn.SGD(0.05, momentum=0.9), "epochs": 8, "batch_size": 8}
DTYPES = ["float32", "float64"]


def network(activation: Any = "tanh", output: Any = "identity", dtype: str = "float64") -> Callable[[], pn.Network]:
    layers = [pn.Dense(6, activation, l2=0.01), pn.Dense(2, output)]
    return lambda: pn.Network(*map(copy.copy, layers), input_size=5, seed=3, dtype=dtype)


# ---- activations ----


def bent_identity(z):
    """a = (√(z² + 1) - 1) / 2 + z."""
    root = np.sqrt(z * z + 1)
    return (root - 1) / 2 + z, z / (2 * root) + 1


def with_places(z):
    """z where z > 0, 0.1 z elsewhere, and at most 3: by comparisons, np.where, an assignment by a mask and clip."""
    a = np.where(z > 0, z, 0.1 * z)
    slope = np.full_like(z, 0.1)
    slope[z > 0] = 1.0
    slope[(a > 3) | (a < -2)] = 0.0
    return np.clip(a, -2, 3), slope


def with_a_table(z):
    """Each unit has a steepness of its own, from an array of float64."""
    steepness = np.linspace(0.5, 1.5, z.shape[1])
    a = np.tanh(steepness * z)
    return a, steepness * (1 - a * a)


class Swish(pn.activations.ActivationFunction):
    """a = z σ(steepness z)."""

    def __init__(self, steepness=1.0):
        self.steepness = steepness

    def value(self, z):
        return z / (1 + np.exp(-self.steepness * z))

    def derivative(self, z, a):
        s = 1 / (1 + np.exp(-self.steepness * z))
        return s + self.steepness * a * (1 - s)


class TwoMethods:
    """Neither a function nor a class of plainnet's."""

    def value(self, z):
        return np.arctan(z)

    def derivative(self, z, a):
        return 1 / (1 + z * z)


class Steep(pn.activations.Tanh):
    """Another derivative than its parent's."""

    def derivative(self, z, a):
        return 1.5 * (1 - a * a)


class Shifted(pn.activations.Sigmoid):
    """Another value than its parent's, by way of it; the parent's derivative a (1 - a)."""

    def value(self, z):
        return super().value(z + 0.5)


class Centred(pn.activations.ActivationFunction):
    """a = z - mean(z) over the units: an output depends on its neighbours."""

    elementwise = False

    def value(self, z):
        return z - z.mean(axis=1, keepdims=True)

    def derivative(self, z, a):
        raise NotImplementedError

    def backward(self, gradient, z, a):
        return gradient - gradient.mean(axis=1, keepdims=True)


def steep(factor):
    def own(z):
        return np.tanh(factor * z), factor * (1 - np.tanh(factor * z) ** 2)

    return own


ACTIVATIONS = {
    "a pair": bent_identity, "places": with_places, "a table": with_a_table, "a class": Swish(1.5),
    "two methods": TwoMethods(), "a derivative": Steep(), "a value": Shifted(), "neighbours": Centred(),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_an_activation(kind: str, dtype: str) -> None:
    assert_engines_agree(network(ACTIVATIONS[kind], dtype=dtype), X, Y, **OPTIONS)
    assert_engines_agree(network(output=ACTIVATIONS[kind], dtype=dtype), X, Y, **OPTIONS)


def test_two_functions_of_one_name_are_two_functions() -> None:
    """And one object whose settings change is another function after that."""
    for factor in (0.5, 1.0, 2.0):
        assert_engines_agree(network(steep(factor)), X, Y, **OPTIONS)
    own = Swish(0.5)
    for steepness in (1.0, 3.0):
        own.steepness = steepness
        assert_engines_agree(network(own), X, Y, **OPTIONS)


# ---- losses ----


def log_cosh(targets, predictions):
    error = predictions - targets
    return np.log(np.cosh(error)), np.tanh(error)


def by_row(targets, predictions):
    """One loss for each row: its distance."""
    error = predictions - targets
    distance = np.sqrt((error * error).sum(axis=1, keepdims=True) + 1e-3)
    return distance, error / distance


class Quantile(pn.losses.Loss):
    """The pinball loss."""

    def __init__(self, level=0.5):
        self.level = level

    def elements(self, targets, predictions):
        error = predictions - targets
        slope = np.where(error > 0, 1 - self.level, -self.level)
        return slope * error, slope


class Focal(pn.losses.BinaryCrossEntropy):
    """Computed from the logits, with the sigmoid of the output."""

    def elements_from_logits(self, targets, logits):
        p = 1 / (1 + np.exp(-logits))
        wrong = np.abs(p - targets)
        return -np.log1p(-wrong) * 0.5, 0.5 * (p - targets)


class ByColumn(pn.losses.MeanSquaredError):
    """The second output counts four times, by the whole of `value_and_gradient`."""

    def value_and_gradient(self, targets, outputs, sample_weight=None, from_logits=False):
        factors = np.array([1.0, 4.0], dtype=outputs.dtype)
        error = outputs - targets
        share = 1 / len(error) if sample_weight is None else (sample_weight / (sample_weight.sum() + 1e-9))[:, None]
        return (factors * error * error * share).sum(), 2 * factors * error * share


class Whole:
    """An object with the value and the gradient of the mean."""

    def value(self, targets, predictions, sample_weight=None):
        weights = np.ones_like(targets[:, 0]) if sample_weight is None else sample_weight
        return (weights[:, None] * (predictions - targets) ** 4).mean()

    def gradient(self, targets, predictions, sample_weight=None):
        weights = np.ones_like(targets[:, 0]) if sample_weight is None else sample_weight
        return 4 * weights[:, None] * (predictions - targets) ** 3 / predictions.size


LOSSES = {
    "a function": (log_cosh, "identity", Y),
    "by row": (by_row, "identity", Y),
    "a class": (Quantile(0.3), "identity", Y),
    "fused": (Focal(), "sigmoid", Y > 0),
    "by column": (ByColumn(), "identity", Y),
    "an object": (Whole(), "identity", Y),
    "penalty by batch": (Objective("squared_error", outputs=2, penalty_rows=30), "identity", Y),
    "scikit-learn's": (Objective("logistic", outputs=2, penalty_rows=30), "sigmoid", Y > 0),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss(kind: str, weighted: bool, dtype: str) -> None:
    loss, output, y = LOSSES[kind]
    options = {**OPTIONS, "loss": loss, "sample_weight": WEIGHT if weighted else None}
    assert_engines_agree(network(output=output, dtype=dtype), X, y, **options)


# ---- optimizers and schedules ----


class Lion(pn.optimizers.Optimizer):
    remembers = ("mean",)

    def __init__(self, learning_rate=1e-3, beta1=0.9, beta2=0.99, weight_decay=0.0, clip_norm=None):
        super().__init__(learning_rate, weight_decay, clip_norm)
        self.beta1, self.beta2 = beta1, beta2

    def update(self, parameters, gradient, state, learning_rate, t):
        mean = state["mean"]
        parameters -= learning_rate * np.tanh(100 * (self.beta1 * mean + (1 - self.beta1) * gradient))
        mean *= self.beta2
        mean += (1 - self.beta2) * gradient


class Elementwise(Lion):
    elementwise = True


class Normalized(pn.optimizers.Optimizer):
    """Steps by the norm of the whole vector; uses its arguments up, and the number of the step."""

    def __init__(self, learning_rate=0.1, weight_decay=0.0, clip_norm=None):
        super().__init__(learning_rate, weight_decay, clip_norm)

    def update(self, parameters, gradient, state, learning_rate, t):
        gradient /= np.sqrt((gradient * gradient).sum()) + 0.1
        gradient *= learning_rate / t**0.5 + learning_rate * (1 - 0.9**t)
        parameters -= gradient


class Lookahead(pn.optimizers.Optimizer):
    """Its memory does not start at 0, and is not all of the parameters' shape (Zhang et al. 2019)."""

    def __init__(self, learning_rate=0.1):
        super().__init__(learning_rate, 0.0, None)

    def start(self, parameters):
        return {"slow": parameters.copy(), "largest": np.ones(1, parameters.dtype)}

    def update(self, parameters, gradient, state, learning_rate, t):
        state["largest"][...] = np.maximum(0.9 * state["largest"], np.abs(gradient).max())
        parameters -= learning_rate * gradient / state["largest"]
        state["slow"] += 0.2 * (parameters - state["slow"])
        parameters[...] = np.where(t % 5 == 0, state["slow"], parameters)


class Decayed(pn.AdamW):
    """Overrides one step of its parent's."""

    def decayed(self, parameters, gradient, learning_rate):
        parameters *= 1 - learning_rate * self.weight_decay / (1 + np.abs(parameters))
        return gradient


class Clipped(pn.SGD):
    def clipped(self, gradient):
        return np.clip(gradient, -0.05, 0.05)


class Renamed(pn.SGD):
    name = "descent"


OWN_OPTIMIZERS = {
    "memory": Lion(0.003, weight_decay=0.01, clip_norm=0.5), "by elements": Elementwise(0.003, weight_decay=0.01),
    "as a whole": Normalized(0.05, weight_decay=0.01), "memory of its own": Lookahead(0.01), "decay": Decayed(0.003),
    "clipping": Clipped(0.05, momentum=0.9), "renamed": Renamed(0.05),
    "schedule": Lion(lambda epoch, epochs: 0.003 * 0.5**epoch),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", OWN_OPTIMIZERS)
def test_an_optimizer(kind: str, dtype: str) -> None:
    assert_engines_agree(network(dtype=dtype), X, Y, **{**OPTIONS, "optimizer": OWN_OPTIMIZERS[kind]})


@pytest.mark.parametrize("kind", OWN_OPTIMIZERS)
def test_an_optimizers_memory_is_in_the_checkpoint(kind: str, tmp_path) -> None:
    options = {**OPTIONS, "optimizer": OWN_OPTIMIZERS[kind], "engine": "compiled", "threads": 1}
    whole, _ = run(network(), X, Y, **options)
    options |= {"checkpoint": tmp_path / "run.npz", "checkpoint_every": "1e-9s", "resume": True}
    reports = network()().training(X, Y, **options)
    next(reports)
    reports.close()
    resumed, _ = run(network(), X, Y, **options)
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()


def test_many_networks_with_parts_of_ones_own() -> None:
    options = {**OPTIONS, "loss": log_cosh, "optimizer": Lion(0.003)}
    nets, twins = ([pn.Network(pn.Dense(4, bent_identity), pn.Dense(2), input_size=5, seed=seed, dtype="float64")
                    for seed in range(5)] for _ in range(2))  # fmt: skip
    histories = pn.train_many(nets, X, Y, **options, engine="compiled")
    for net, twin, history in zip(nets, twins, histories, strict=True):
        assert history.settings["engine"] == "compiled", history.settings.get("engine_note")
        twin.fit(X, Y, **options, engine="numpy")
        np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-9, atol=1e-12)
