"""Exported trainers hold these functions as they stand here: the loop of a run, around plainnet's own formulas.

What is above the first function stands in for what each trainer defines for its run.
"""

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from plainnet._base.arrays import Array, Shape, total, views
from plainnet.activations import ActivationFunction
from plainnet.backpropagation import backpropagate
from plainnet.engines.batches import rows_of
from plainnet.layers import Layer, TrainingPass
from plainnet.losses import Elements, Loss, MeanSquaredError
from plainnet.optimizers import SGD, Optimizer
from plainnet.schedules import Memory, Schedule

SEED, EPOCHS = 0, 1
BATCH_SIZE: int | None = None
SHUFFLE = False
DTYPE: Any = np.float64
INPUTS, OUTPUTS = 1, 1
SHAPES: dict[str, dict[str, Shape]] = {}
LOSS: Loss = MeanSquaredError()
OPTIMIZER: Optimizer = SGD()


def make_layers() -> list[Layer]:
    """Return the layers of the network, in order."""
    return []


GIVEN = ("SEED", "EPOCHS", "BATCH_SIZE", "SHUFFLE", "DTYPE", "INPUTS", "OUTPUTS", "SHAPES", "LOSS", "OPTIMIZER")
"""The names that each trainer defines for its run, beside the functions of this file."""


def random_streams() -> list[np.random.Generator]:
    """Return the random numbers for the weights, the order of the rows and dropout."""
    seeds = np.random.SeedSequence(SEED).spawn(3)
    return [np.random.default_rng(seed) for seed in seeds]


def initial_parameters(dtype: Any = DTYPE) -> SimpleNamespace:
    """Return the network before training: p.layers, and p.parameters as one vector.

    Each weight and bias of a layer is a part of the vector, so a step changes both.
    """
    random, _, _ = random_streams()
    layers, parameters = make_layers(), np.zeros(total(SHAPES.values()), dtype)
    for layer, arrays in zip(layers, views(parameters, SHAPES.values()), strict=True):
        layer.take(arrays)
        layer.initialize(random)
        for name, array in arrays.items():
            array[...] = getattr(layer, name)  # a layer may have put another array there
            vars(layer)[name] = array
    return SimpleNamespace(layers=layers, parameters=parameters)


def numbers_as_targets(y: Any) -> Array:
    """Return y as an array of shape (rows, outputs)."""
    return np.asarray(y, DTYPE).reshape(-1, OUTPUTS)


def classes_as_targets(y: Any) -> Array:
    """Return classes as whole numbers; rows of probabilities as they are."""
    y = np.asarray(y)
    is_rows = y.shape[1:] == (OUTPUTS,)
    return y.astype(DTYPE) if is_rows else y.ravel().astype(int)


def prepared_targets(y: Any) -> Array:
    """Return y as the loss takes it."""
    return LOSS.prepare(y, OUTPUTS, np.dtype(DTYPE))


as_targets = numbers_as_targets


def train(X: Any, y: Any, epochs: int = EPOCHS, p: Any = None) -> Iterator[float]:
    """Train the parameters p, in place, and yield the loss of each epoch.

    An epoch's loss is the mean over its steps, each taken before its update. Without p
    the initial parameters are trained.
    """
    X, y = np.asarray(X, DTYPE), as_targets(y)
    p = initial_parameters() if p is None else p
    _, shuffling, dropout = random_streams()
    training = TrainingPass(dropout, present=lambda schedule: schedule.rate(epoch + step / steps, epochs, memory))
    gradient = np.zeros_like(p.parameters)
    gradients = views(gradient, SHAPES.values())
    state = OPTIMIZER.start(p.parameters) | OPTIMIZER.factors(p.parameters, gradients)
    size = BATCH_SIZE or len(X)
    steps = math.ceil(len(X) / size)  # the last batch may be smaller
    memory = {"step": 1 / steps}
    for epoch in range(epochs):
        order = shuffling.permutation(len(X)) if SHUFFLE else None
        summed = 0.0
        for step in range(steps):
            rows: Any = slice(step * size, (step + 1) * size)
            rows = rows if order is None else order[rows]
            inputs, targets = rows_of(X, rows), rows_of(y, rows)
            loss = float(backpropagate(p.layers, LOSS, inputs, targets, None, training, gradients))
            rate, decay = training.present(OPTIMIZER.schedule), OPTIMIZER.weight_decay
            scheduled = training.present(decay) if hasattr(decay, "rate") else None
            OPTIMIZER.step(p.parameters, gradient, state, rate, epoch * steps + step + 1, scheduled)
            summed += len(inputs) * loss
        yield summed / len(X)


def predict(p: Any, X: Any) -> Array:
    """Return the outputs for each row of X."""
    outputs = np.asarray(X, DTYPE)
    for layer in p.layers:
        outputs = layer.predict(outputs)
    return outputs


def check_gradients() -> None:
    """Compare each slope with rise over run, at up to 20 places of each parameter."""
    random = np.random.default_rng(0)
    X = random.normal(size=(5, INPUTS))
    y = as_targets(np.eye(OUTPUTS)[random.integers(0, OUTPUTS, 5)])
    p = initial_parameters(np.float64)
    gradient = np.zeros_like(p.parameters)

    def loss() -> float:
        training = TrainingPass(np.random.default_rng(1), updates_statistics=False)
        gradients = views(gradient, SHAPES.values())
        return backpropagate(p.layers, LOSS, X, y, None, training, gradients)

    loss()
    slopes = gradient.copy()
    start, h = 0, 1e-5
    names = [f"{layer}_{name}" for layer, shapes in SHAPES.items() for name in shapes]
    sizes = [math.prod(shape) for shapes in SHAPES.values() for shape in shapes.values()]
    for name, size in zip(names, sizes, strict=True):
        largest = 0.0
        for i in start + random.permutation(size)[:20]:
            kept = p.parameters[i]
            p.parameters[i] = kept + h
            above = loss()
            p.parameters[i] = kept - h
            below = loss()
            p.parameters[i] = kept
            largest = max(largest, abs((above - below) / (2 * h) - slopes[i]))
        print(f"{name:{max(map(len, names))}}  slopes agree to {largest:.0e}")
        start += size


# ---- functions and objects of the user's own, as parts ----


class ActivationOfFunction(ActivationFunction):
    """An activation by a function z -> (value, derivative)."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def value(self, z: Array) -> Array:
        return np.asarray(self.function(z)[0], dtype=z.dtype)

    def derivative(self, z: Array, a: Array) -> Array:
        return np.asarray(self.function(z)[1], dtype=z.dtype)


class ActivationOfObject(ActivationFunction):
    """An activation by an object with the methods value(z) and derivative(z, a)."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def value(self, z: Array) -> Array:
        return np.asarray(self.own.value(z), dtype=z.dtype)

    def derivative(self, z: Array, a: Array) -> Array:
        return np.asarray(self.own.derivative(z, a), dtype=z.dtype)


class LossOfFunction(Loss):
    """A loss by a function (targets, predictions) -> (losses, derivatives)."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def elements(self, targets: Array, predictions: Array) -> Elements:
        losses, derivatives = (
            np.asarray(part, dtype=predictions.dtype) for part in self.function(targets, predictions)
        )
        return losses.reshape(len(losses), -1), derivatives


class LossOfObject(Loss):
    """A loss by an object with the methods value and gradient, both of the mean."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def value_and_gradient(
        self, targets: Array, outputs: Array, sample_weight: Array | None = None, from_logits: bool = False
    ) -> tuple[float, Array]:
        gradient = np.asarray(self.own.gradient(targets, outputs), dtype=outputs.dtype)
        return float(self.own.value(targets, outputs)), gradient


class ScheduleOfFunction(Schedule):
    """A learning rate by a function of the epoch and the number of epochs."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def rate(self, epoch: float, epochs: int, memory: Memory) -> float:
        return float(self.function(epoch, epochs))
