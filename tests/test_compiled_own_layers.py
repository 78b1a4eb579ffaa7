"""A user's own layers in plain NumPy are compiled: the numbers of the NumPy engine."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
from contract import assert_agree_whoever_trains, assert_engines_agree

import plainnet as pn
from plainnet.layers import Penalty

ROWS = 37
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 6))
Y = np.column_stack([np.sin(X.sum(axis=1)), X[:, 0] * X[:, 1]])
WEIGHT = RANDOM.random(ROWS)
OPTIONS = {"loss": "mse", "optimizer": pn.SGD(0.02, momentum=0.9), "epochs": 8, "batch_size": 8}


class Scale(pn.Layer):
    """outputs = inputs · e^(log_factor)."""

    def __init__(self, initial=1.0):
        self.initial = initial

    def parameter_shapes(self, input_shape):
        return {"log_factor": input_shape}

    def initialize(self, random):
        self.log_factor = np.log(self.initial)

    def penalties(self):
        return {"log_factor": Penalty(1e-3, 1e-2)}

    def forward(self, inputs, training=None):
        factor = np.exp(self.log_factor)
        outputs = inputs * factor
        if training is not None:
            training.keep(factor=factor)

        def backward(gradient, gradients):
            gradients["log_factor"][...] = (gradient * outputs).sum(axis=0)
            return gradient * factor

        return outputs, backward


class Centre(pn.Layer):
    """outputs = inputs - a running mean, which follows the largest input of each batch, too."""

    def statistic_shapes(self, input_shape):
        return {"mean": input_shape, "largest": (1,)}

    def forward(self, inputs, training=None):
        outputs = inputs - self.mean
        if training is not None and training.updates_statistics:
            self.mean += 0.1 * (inputs.mean(axis=0) - self.mean)
            self.largest = np.maximum(self.largest, np.abs(inputs).max())
        return outputs, lambda gradient, gradients: gradient


class Noise(pn.Layer):
    """outputs = inputs + size · noise in training, of the dtype of the inputs."""

    def __init__(self, size=0.1):
        self.size = size

    def forward(self, inputs, training=None):
        if training is None:
            return inputs, lambda gradient, gradients: gradient
        noise = training.random.standard_normal(inputs.shape, dtype=inputs.dtype)
        return inputs + self.size * noise, lambda gradient, gradients: gradient


class UnitDropout(pn.Layer):
    """Drops units of all rows together, and draws twice: float64 numbers, then one normal number for each row."""

    def forward(self, inputs, training=None):
        if training is None:
            return inputs, lambda gradient, gradients: gradient
        mask = (training.random.random(inputs.shape[1]) < 0.8).astype(inputs.dtype)
        strength = 1 + 0.1 * training.random.standard_normal((len(inputs), 1)).astype(inputs.dtype)
        return inputs * mask * strength, lambda gradient, gradients: gradient * mask * strength


class Gated(pn.Layer):
    """outputs = dense(inputs) · σ(dense(-inputs)): holds a Dense layer and calls it twice."""

    def __init__(self, units=4):
        self.units = units
        self.dense = pn.Dense(units)

    def parameter_shapes(self, input_shape):
        return self.dense.parameter_shapes(input_shape)

    def output_shape(self, input_shape):
        return (self.units,)

    def bind(self, views):
        super().bind(views)
        self.dense.bind(views)

    def initialize(self, random):
        self.dense.initialize(random)

    def forward(self, inputs, training=None):
        a, back_a = self.dense.forward(inputs, training)
        z, back_z = self.dense.forward(-inputs, training)
        b = 1 / (1 + np.exp(-z))

        def backward(gradient, gradients):
            own = {name: np.zeros_like(array) for name, array in gradients.items()}
            to_inputs = back_a(gradient * b, gradients) - back_z(gradient * a * b * (1 - b), own)
            for name, array in own.items():
                gradients[name][...] += array
            return to_inputs

        return a * b, backward


class Residual(pn.Layer):
    """outputs = inputs + dropout(norm(inputs)): holds layers of two kinds, one with parameters, one that draws."""

    def __init__(self):
        self.norm, self.drop = pn.LayerNorm(), pn.Dropout(0.4)

    def parameter_shapes(self, input_shape):
        return self.norm.parameter_shapes(input_shape)

    def bind(self, views):
        super().bind(views)
        self.norm.bind(views)

    def initialize(self, random):
        self.norm.initialize(random)

    def forward(self, inputs, training=None):
        normed, back_norm = self.norm.forward(inputs, training)
        dropped, back_drop = self.drop.forward(normed, training)

        def backward(gradient, gradients):
            return gradient + back_norm(back_drop(gradient, gradients), gradients)

        return inputs + dropped, backward


class Folded(pn.Layer):
    """Slices, joins, transposes and reshapes: [first half, second half squared, their products by pairs]."""

    def output_shape(self, input_shape):
        return (3 * (input_shape[0] // 2),)

    def forward(self, inputs, training=None):
        half = inputs.shape[1] // 2
        a, b = inputs[:, :half], inputs[:, half : 2 * half]
        outputs = np.concatenate([a, b * b, (a.T * b.T).T.reshape(len(inputs), half)], axis=1)

        def backward(gradient, gradients):
            to_inputs = np.zeros_like(inputs)
            to_a, to_b, to_both = gradient[:, :half], gradient[:, half : 2 * half], gradient[:, 2 * half :]
            to_inputs[:, :half] = to_a + b * to_both
            to_inputs[:, half : 2 * half] = 2 * b * to_b + a * to_both
            return to_inputs

        return outputs, backward


class Products(pn.Layer):
    """Two products in a row of matrices of its own, one of them a constant, and a maximum over the units."""

    def __init__(self, units=3):
        self.units = units

    def parameter_shapes(self, input_shape):
        return {"left": (self.units, input_shape[0]), "right": (self.units, self.units)}

    def output_shape(self, input_shape):
        return (self.units,)

    def initialize(self, random):
        self.left = random.normal(0, 0.5, self.left.shape)
        self.right = random.normal(0, 0.5, self.right.shape)

    def forward(self, inputs, training=None):
        constant = (np.eye(self.units) + 0.1).astype(inputs.dtype)
        hidden = inputs @ self.left.T
        mixed = hidden @ self.right @ constant
        largest = mixed.max(axis=1, keepdims=True)

        def backward(gradient, gradients):
            of_largest = (mixed == largest) * gradient.sum(axis=1, keepdims=True)
            to_mixed = (gradient - of_largest) @ constant.T
            gradients["right"][...] = hidden.T @ to_mixed
            to_hidden = to_mixed @ self.right.T
            gradients["left"][...] = to_hidden.T @ inputs
            return to_hidden @ self.left

        return mixed - largest, backward


class Doubled(pn.Dense):
    """Overrides a part of Dense."""

    def pre_activation(self, inputs, training=None):
        z, backward = super().pre_activation(2 * inputs, training)
        return z, lambda gradient, gradients: 2 * backward(gradient, gradients)


class Scheduled(pn.Dropout):
    """Overrides forward, and takes its parent's."""

    def forward(self, inputs, training=None):
        outputs, backward = super().forward(inputs, training)
        return 0.5 * (inputs + outputs), lambda gradient, gradients: 0.5 * (gradient + backward(gradient, gradients))


class ByRows(pn.Layer):
    """What it does depends on the number of rows, which is smaller in the last batch."""

    def forward(self, inputs, training=None):
        share = 1 / len(inputs) ** 0.5
        shifts = np.linspace(-1, 1, len(inputs), dtype=inputs.dtype)[:, None]
        return share * inputs + shifts, lambda gradient, gradients: share * gradient


class BatchCentred(pn.Layer):
    """Each row less the mean of the batch, and of the rows in reverse order."""

    def forward(self, inputs, training=None):
        centred = inputs - inputs.mean(axis=0)

        def backward(gradient, gradients):
            turned = gradient + 0.1 * gradient[::-1]
            return turned - turned.mean(axis=0)

        return centred + 0.1 * centred[::-1], backward


LAYERS: dict[str, Callable[[], pn.Layer]] = {
    "parameters": lambda: Scale(2.0), "statistics": Centre, "normal numbers": Noise, "two draws": UnitDropout,
    "a layer called twice": Gated, "layers inside": Residual, "slices": Folded, "products": Products,
    "a part of Dense": lambda: Doubled(4, "tanh"), "a part of Dropout": lambda: Scheduled(0.3),
}  # fmt: skip


@pytest.mark.parametrize(
    ("place", "dtype"),
    [("first", "float64"), ("in the middle", "float32"), ("in the middle", "float64"), ("last", "float64")],
)
@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer(kind: str, place: str, dtype: str) -> None:
    def make() -> pn.Network:
        own = LAYERS[kind]()
        layers = {
            "first": [own, pn.Dense(2)],
            "in the middle": [pn.Dense(6, "tanh"), own, pn.Dense(2)],
            "last": [pn.Dense(6, "tanh"), own, pn.Dense(2), pn.Activation("tanh")],
        }[place]
        return pn.Network(*layers, input_size=6, seed=3, dtype=dtype)

    assert_engines_agree(make, X, Y, **OPTIONS, sample_weight=WEIGHT if place == "last" else None)


@pytest.mark.parametrize("make_layer", [ByRows, BatchCentred])
def test_a_layer_to_which_the_number_of_a_row_matters(make_layer: Callable[[], pn.Layer]) -> None:
    def make() -> pn.Network:
        return pn.Network(pn.Dense(6, "tanh"), make_layer(), pn.Dense(2), input_size=6, seed=3, dtype="float64")

    assert_agree_whoever_trains(make, X, Y, **OPTIONS)


@pytest.mark.parametrize("shuffle", [False, True])
def test_all_of_them_in_one_network(shuffle: bool) -> None:
    def make() -> pn.Network:
        own = [LAYERS[kind]() for kind in LAYERS if kind not in ("slices", "products")]
        return pn.Network(*own, pn.Dense(2), input_size=6, seed=3, dtype="float64")

    assert_engines_agree(make, X, Y, **{**OPTIONS, "epochs": 3, "shuffle": shuffle, "optimizer": pn.SGD(0.005)})


def test_a_layer_whose_setting_changes_is_another_layer() -> None:
    for size in (0.1, 1.0, 0.0):
        layers = Noise(size), pn.Dense(2)
        assert_engines_agree(
            lambda layers=layers: pn.Network(*map(copy.copy, layers), input_size=6, seed=3, dtype="float64"),
            X, Y, **OPTIONS,
        )  # fmt: skip
