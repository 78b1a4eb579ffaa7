"""The NumPy engine: its loop in batches of any size, and an optimizer that takes its vectors in stretches.

The independent side is the same descent by hand: `loss_and_gradient`, which keeps nothing, and the optimizer's step on
whole vectors.
"""

import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.engines.numpy_engine import train
from plainnet.optimizers import OPTIMIZERS, STRETCH, Optimizer

Make = Callable[[], pn.Network]


def examples(rows: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    X = random.standard_normal((rows, features))
    return X, np.sin(X @ random.standard_normal((features, 2)))


def by_hand(net: pn.Network, X: np.ndarray, y: np.ndarray, optimizer: Optimizer, epochs: int, batch: int) -> np.ndarray:
    state, t = optimizer.start(net.parameters), 0
    for _ in range(epochs):
        for start in range(0, len(X), batch):
            part = slice(start, start + batch)
            _, gradient = net.loss_and_gradient(X[part], y[part], loss="mse")
            t += 1
            optimizer.step(net.parameters, gradient, state, optimizer.learning_rate, t)
    return net.parameters


def assert_same_descent(make: Make, rows: int, batch: int, optimizer: Optimizer, epochs: int = 3) -> None:
    trained, expected = make(), make()
    X, y = examples(rows, trained.input_size)
    trained.fit(X, y, loss="mse", optimizer=optimizer, epochs=epochs, batch_size=batch, shuffle=False, engine="numpy")
    wanted = by_hand(expected, X, y, optimizer, epochs, batch)
    assert not np.allclose(wanted, make().parameters)
    np.testing.assert_allclose(trained.parameters, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_batches_of_many_rows_and_a_smaller_last_one(activation: str) -> None:
    def make() -> pn.Network:
        hidden = pn.Dense(6, activation), pn.Dense(6), pn.Activation(activation), pn.Dropout(0.0)
        net = pn.Network(*hidden, pn.Dense(5, activation), pn.Dense(2), input_size=3, seed=1, dtype="float64")
        net.parameters *= 0.3  # e to the e to the e stays a small number
        return net

    assert_same_descent(make, rows=2500, batch=1000, optimizer=pn.SGD(0.05))


def test_normalized_layers_with_many_rows() -> None:
    def make() -> pn.Network:
        first = pn.Dense(6), pn.BatchNorm(), pn.Activation("relu")
        second = pn.Dense(5, "tanh"), pn.LayerNorm()
        return pn.Network(*first, *second, pn.Dense(2, "sigmoid"), input_size=3, seed=1, dtype="float64")

    assert_same_descent(make, rows=2000, batch=1000, optimizer=pn.SGD(0.05))


class Hot(pn.activations.Sigmoid):
    """σ(2 z): a subclass that knows nothing of how the engine keeps its arrays."""

    def value(self, z):
        return super().value(2 * z)

    def derivative(self, z, a):
        return 2 * a * (1 - a)


@pytest.mark.parametrize("batch", [32, 1000, 2000])
def test_a_subclass_of_an_activation_with_batches_of_any_size(batch: int) -> None:
    def make() -> pn.Network:
        return pn.Network(pn.Dense(4, Hot()), pn.Dense(2), input_size=3, seed=1, dtype="float64")

    X, y = examples(20, 3)
    assert pn.check_gradients(make(), X, y, loss="mse").passed
    assert_same_descent(make, rows=2000, batch=batch, optimizer=pn.SGD(0.05))


class Gated(pn.Layer):
    """outputs = dense(inputs) · dense(-inputs): calls one Dense twice and needs both results in the backward pass."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.dense = pn.Dense(units, "sigmoid")

    def parameter_shapes(self, input_shape):
        return self.dense.parameter_shapes(input_shape)

    def output_shape(self, input_shape):
        return (self.units,)

    def bind(self, views) -> None:
        super().bind(views)
        self.dense.bind(views)

    def initialize(self, random: np.random.Generator) -> None:
        self.dense.initialize(random)

    def forward(self, inputs, training=None):
        a, back_a = self.dense.forward(inputs, training)
        b, back_b = self.dense.forward(-inputs, training)

        def backward(gradient, gradients):
            own = {name: np.zeros_like(array) for name, array in gradients.items()}
            to_inputs = back_a(gradient * b, gradients) - back_b(gradient * a, own)
            for name, array in own.items():
                gradients[name][...] += array
            return to_inputs

        return a * b, backward


def test_a_users_layer_may_call_a_dense_layer_twice() -> None:
    def make() -> pn.Network:
        return pn.Network(pn.Dense(4, "tanh"), Gated(3), pn.Dense(2), input_size=3, seed=1, dtype="float64")

    X, y = examples(20, 3)
    assert pn.check_gradients(make(), X, y, loss="mse").passed
    assert_same_descent(make, rows=2000, batch=1000, optimizer=pn.SGD(0.05))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_takes_a_long_vector_in_stretches(name: str) -> None:
    def make() -> pn.Network:
        return pn.Network(pn.Dense(STRETCH // 8), pn.Dense(2), input_size=8, seed=1, dtype="float64")

    assert make().parameters.size > STRETCH
    optimizer = OPTIMIZERS[name](0.001, weight_decay=0.1, clip_norm=0.01)
    assert_same_descent(make, rows=16, batch=8, optimizer=optimizer, epochs=2)


def test_shuffled_batches_see_every_example_once_an_epoch() -> None:
    net = pn.Network(pn.Dense(1), input_size=1, seed=1, dtype="float64")
    seen: list[np.ndarray] = []

    def noted(targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(targets.copy())
        return np.abs(predictions - targets), np.sign(predictions - targets)

    y = np.arange(10.0)
    net.fit(np.sin(y)[:, None], y, loss=noted, epochs=1, batch_size=3, engine="numpy")
    assert [len(batch) for batch in seen] == [3, 3, 3, 1]
    assert sorted(np.concatenate(seen)[:, 0]) == y.tolist()


def test_the_guide_shows_the_loop_that_runs() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "how" / "engines.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(for inputs.*?)```", guide, re.DOTALL)
    assert shown is not None
    assert textwrap.indent(shown[1], " " * 8) in inspect.getsource(train)
