"""Every part of plainnet and every combination of options in machine code: the numbers of the NumPy engine.

The parts come from their registries, so that a new one is tested as soon as it is there.
"""

import itertools
from collections.abc import Callable

import numpy as np
import parts
import pytest
from contract import assert_engines_agree

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.layers import LAYERS
from plainnet.losses import LOSSES
from plainnet.optimizers import OPTIMIZERS

DTYPES = ["float32", "float64"]
ROWS, INPUTS, OUTPUTS = 37, 5, 2
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, INPUTS))
Y = np.column_stack([np.sin(X.sum(axis=1)), X[:, 0] * X[:, 1]])
WEIGHT = RANDOM.random(ROWS) * (RANDOM.random(ROWS) < 0.8)
OPTIONS = {"loss": "mse", "optimizer": pn.SGD(0.05, momentum=0.9), "epochs": 12, "batch_size": 8}


def network(*make: Callable[[], pn.Layer], dtype: str = "float64", inputs: int = INPUTS) -> Callable[[], pn.Network]:
    """Return a function that makes a network of these layers, the same one each time."""

    def made() -> pn.Network:
        net = pn.Network(*(layer() for layer in make), input_size=inputs, seed=3, dtype=dtype)
        net.parameters *= 0.5  # e to the e to the e stays a small number
        return net

    return made


def dense(units: int, activation: str = "identity", **options: float) -> Callable[[], pn.Layer]:
    return lambda: pn.Dense(units, activation, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation(activation: str, dtype: str) -> None:
    """In a Dense layer, apart from one, and of the output."""
    apart = [dense(4), lambda: pn.Activation(activation)]
    layers = network(dense(6, activation), dense(5, "tanh"), *apart, dense(OUTPUTS, activation), dtype=dtype)
    assert_engines_agree(layers, X, Y, **OPTIONS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", parts.cases(parts.LAYERS))
def test_each_layer(make: Callable[[int], pn.Layer], dtype: str) -> None:
    """As the first, in the middle and, unless it makes more numbers or rounding decides about two, as the last one."""
    layers = [lambda: make(INPUTS), dense(4, "tanh"), lambda: make(4), dense(OUTPUTS)]
    last = [lambda: make(OUTPUTS)] if dtype == "float64" or not make(OUTPUTS).normalization else []
    if make(OUTPUTS).output_shape((OUTPUTS,)) != (OUTPUTS,):
        last = []
    assert_engines_agree(network(*layers, *last, dtype=dtype), X, Y, **OPTIONS)


def test_each_layer_after_each_other_one() -> None:
    """Two layers of every kind in a row, in one network for each first kind."""
    kinds = {name: several[0] for name, several in parts.LAYERS.items()}
    for first in kinds.values():
        pairs = [lambda make=make: make(4) for second in kinds.values() for make in (first, second)]
        layers = network(dense(4, "tanh"), *pairs, dense(OUTPUTS))
        assert_engines_agree(layers, X, Y, **{**OPTIONS, "epochs": 4}, parameters=False)


FORMS = [
    (name, activation, form)
    for name, loss in LOSSES.items()
    for activation in loss.suits or ["identity", "tanh"]
    for form in ("in Dense", "in Activation", "apart")
]


@pytest.mark.parametrize(("weighted", "dtype"), [(False, "float32"), (True, "float64")])
@pytest.mark.parametrize(("name", "activation", "form"), FORMS)
def test_each_loss(name: str, activation: str, form: str, weighted: bool, dtype: str) -> None:
    """In the last form something stands between the activation and the loss, so that they cannot be joined."""
    last = {
        "in Dense": [dense(3, activation)],
        "in Activation": [dense(3), lambda: pn.Activation(activation)],
        "apart": [dense(3, activation), lambda: pn.Dropout(0.0)],
    }[form]
    y = parts.targets(name, np.random.default_rng(1), ROWS, 3)
    options = {**OPTIONS, "loss": name, "sample_weight": WEIGHT if weighted else None}
    if name == "mae" and dtype == "float32":
        options["epochs"] = 2  # its gradient jumps at 0, where in float32 rounding decides on which side one is
    assert_engines_agree(network(dense(6, "tanh"), *last, dtype=dtype), X, y, **options)


SOFT = np.random.default_rng(2).dirichlet(np.ones(3), ROWS)
TARGETS = {
    "one column": ("binary_cross_entropy", dense(1, "sigmoid"), X[:, 0] > 0),
    "yes or no": ("binary_cross_entropy", dense(3, "sigmoid"), SOFT > 0.3),
    "labels in a column": ("cross_entropy", dense(3, "softmax"), SOFT.argmax(axis=1)[:, None]),
    "labels as float": ("cross_entropy", dense(3, "softmax"), SOFT.argmax(axis=1).astype(float)),
    "shares": ("cross_entropy", dense(3, "softmax"), SOFT),
    "two classes": ("cross_entropy", dense(2, "softmax"), (X[:, 0] > 0).astype(np.int8)),
    "whole numbers": ("mse", dense(3), np.arange(ROWS * 3).reshape(ROWS, 3) % 5),
    "huber": (pn.losses.Huber(0.1), dense(1), Y[:, 0]),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_of_each_kind(kind: str) -> None:
    loss, output, y = TARGETS[kind]
    assert_engines_agree(network(dense(6, "tanh"), output), X, y, **{**OPTIONS, "loss": loss})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", parts.cases(parts.OPTIMIZERS))
def test_each_optimizer(make: Callable[[float], pn.optimizers.Optimizer], dtype: str) -> None:
    layers = dense(7, "tanh"), lambda: pn.Dense(4, "silu", l2=0.01), dense(OUTPUTS)
    assert_engines_agree(network(*layers, dtype=dtype), X, Y, **{**OPTIONS, "optimizer": make(0.003)})


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("decay", "clip"), [(0.0, None), (0.1, None), (0.0, 0.05), (0.1, 0.05)])
def test_decay_and_clipping_of_each_optimizer(name: str, decay: float, clip: float | None) -> None:
    optimizer = OPTIMIZERS[name](0.003, weight_decay=decay, clip_norm=clip)
    layers = network(dense(7, "tanh"), dense(OUTPUTS))
    (_, history), _ = assert_engines_agree(layers, X, Y, **{**OPTIONS, "optimizer": optimizer})
    assert min(history.gradient_norm) > 0.05, "clipping changes something"


def falling(epoch: float, epochs: int) -> float:
    return 0.05 / (1 + epoch / epochs)


class Waiting(pn.schedules.Constant):
    """Half the rate from the third report on."""

    watches = True

    def rate(self, epoch: float, epochs: int, memory: dict[str, float]) -> float:
        return self.learning_rate / (1 if memory.get("reports", 0) < 3 else 2)

    def observe(self, loss: float, memory: dict[str, float]) -> None:
        memory["reports"] = memory.get("reports", 0) + 1


@pytest.mark.parametrize("report_every", [1, 5])
@pytest.mark.parametrize(
    "make", [*parts.cases(parts.SCHEDULES), pytest.param(lambda rate: falling, id="function"), Waiting]
)
def test_each_schedule(make: Callable[[float], object], report_every: int) -> None:
    options = {**OPTIONS, "optimizer": pn.SGD(make(0.05), momentum=0.9), "report_every": report_every}
    assert_engines_agree(network(dense(7, "tanh"), dense(OUTPUTS)), X, Y, validation=0.2, **options)


CHOICES = ("weights", "penalties", "clipping", "dropout", "statistics", "smaller last batch", "shuffle", "float64")


def every_three() -> list[tuple[bool, ...]]:
    """Return 16 of the 256 combinations, in which each three options occur in all eight ways (a 2^(8-4) design)."""
    return [(a, b, c, d, b ^ c ^ d, a ^ c ^ d, a ^ b ^ c, a ^ b ^ d) for a, b, c, d in itertools.product(*[[0, 1]] * 4)]


def test_the_combinations_have_each_three_options_in_all_ways() -> None:
    for three in itertools.combinations(range(len(CHOICES)), 3):
        assert len({tuple(chosen[i] for i in three) for chosen in every_three()}) == 8


def check_combination(chosen: tuple[bool, ...]) -> None:
    has = dict(zip(CHOICES, chosen, strict=True))
    l1, l2 = (1e-3, 1e-2) if has["penalties"] else (0.0, 0.0)
    hidden = [dense(6, "tanh", l1=l1, l2=l2)]
    hidden += [lambda: pn.Dropout(0.3)] if has["dropout"] else []
    hidden += [dense(5), lambda: pn.BatchNorm()] if has["statistics"] else []
    options = {
        **OPTIONS,
        "optimizer": pn.SGD(0.05, momentum=0.9, weight_decay=1e-3, clip_norm=0.1 if has["clipping"] else None),
        "sample_weight": WEIGHT[:36] if has["weights"] else None,
        "batch_size": 8 if has["smaller last batch"] else 9,
        "shuffle": has["shuffle"],
    }
    dtype = "float64" if has["float64"] else "float32"
    assert_engines_agree(network(*hidden, dense(OUTPUTS, l2=l2), dtype=dtype), X[:36], Y[:36], **options)


@pytest.mark.parametrize("chosen", every_three(), ids=lambda chosen: "".join(map(str, map(int, chosen))))
def test_options_in_combination(chosen: tuple[bool, ...]) -> None:
    check_combination(chosen)


@pytest.mark.slow
@pytest.mark.parametrize("chosen", list(itertools.product([0, 1], repeat=8)), ids=str)
def test_options_in_every_combination(chosen: tuple[bool, ...]) -> None:
    check_combination(chosen)


SIZES = [
    (2, [1], 1, None), (2, [1], 1, 1), (3, [2, 3], 2, 2), (5, [7], 3, 5), (17, [8, 16], 4, 16), (33, [31], 5, 32),
    (65, [33, 9, 1], 15, 64), (40, [15, 17, 63], 31, 7), (70, [130], 257, 33), (300, [64, 64], 20, 256),
    (9, [9, 9, 9, 9, 9, 9, 9], 9, 4),
]  # fmt: skip
"""Rows, units of the hidden layers, inputs, batch size: below, at and above what vectors and blocks of loops hold."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rows", "hidden", "inputs", "batch"), SIZES)
def test_networks_of_any_size(rows: int, hidden: list[int], inputs: int, batch: int | None, dtype: str) -> None:
    random = np.random.default_rng(rows)
    X, y = random.normal(size=(rows, inputs)), random.normal(size=(rows, 3))
    layers = [dense(units, "tanh") for units in hidden]
    options = {**OPTIONS, "batch_size": batch, "epochs": 5}
    assert_engines_agree(network(*layers, dense(3), inputs=inputs, dtype=dtype), X, y, **options)


def test_batches_without_any_weight_move_nothing_but_by_penalty() -> None:
    weight = np.r_[np.ones(8), np.zeros(8), 2 * np.ones(ROWS - 16)]
    layers = network(dense(6, "tanh", l2=0.1), dense(OUTPUTS))
    assert_engines_agree(layers, X, Y, **{**OPTIONS, "sample_weight": weight, "shuffle": False})


def test_weights_that_are_zero_from_the_start_stay_zero_under_l1() -> None:
    def make() -> pn.Network:
        net = pn.Network(pn.Dense(4, "tanh", l1=0.1), pn.Dense(OUTPUTS), input_size=INPUTS, seed=3, dtype="float64")
        net.layers[0].weights[:, :2] = 0.0
        net.layers[1].weights[:2] = 0.0
        return net

    (numpy, _), (compiled, _) = assert_engines_agree(make, X, Y, **OPTIONS)
    assert (numpy.layers[0].weights[:, :2] == 0).all()
    assert (compiled.layers[0].weights[:, :2] == 0).all()


def test_a_network_without_parameters_has_a_loss() -> None:
    assert set(LAYERS) >= {"Activation", "Dropout"}
    make = network(lambda: pn.Activation("tanh"), lambda: pn.Dropout(0.3), dtype="float64", inputs=2)
    assert_engines_agree(make, X[:, :2], Y, **OPTIONS)
