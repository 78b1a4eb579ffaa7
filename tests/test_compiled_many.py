"""`train_many` in machine code: each network as if it were trained alone, whatever the networks are made of."""

from collections.abc import Callable
from typing import Any

import numpy as np
import parts
import pytest
from contract import TOLERANCE, assert_agree

import plainnet as pn

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(26, 3))
Y = np.column_stack([np.sin(X.sum(axis=1)), X[:, 0] * X[:, 1]])
LABELS = (X[:, 0] > X[:, 1]).astype(int)
WEIGHT = RANDOM.random(26) * (RANDOM.random(26) < 0.8)
OPTIONS = {"loss": "mse", "optimizer": pn.SGD(0.05, momentum=0.9), "epochs": 12, "batch_size": None, "report_every": 4}

Make = Callable[[int], pn.Network]


def assert_as_alone(make: Make, y: np.ndarray = Y, count: int = 5, threads: int = 2, **changes: Any) -> None:
    options = OPTIONS | changes
    together = [make(seed) for seed in range(count)]
    optimizers = options.pop("optimizer")
    histories = pn.train_many(together, X, y, optimizer=optimizers, **options, engine="compiled", threads=threads)
    for seed, (net, history) in enumerate(zip(together, histories, strict=True)):
        assert history.settings["engine"] == "compiled", history.settings.get("engine_note")
        assert net.history is history
        optimizer = optimizers[seed] if isinstance(optimizers, list) else optimizers
        twin = make(seed)
        alone = twin.fit(X, y, optimizer=optimizer, **options, engine="numpy")
        assert_agree((twin, alone), (net, history), TOLERANCE[str(net.dtype)])


def network(*between: Callable[[], pn.Layer], output: str = "identity", dtype: str = "float64") -> Make:
    """Return a function that makes a network of these layers; networks differ in seeds and penalties."""

    def make(seed: int) -> pn.Network:
        first = pn.Dense(5, "tanh", l2=0.01 * (seed % 3), l1=0.002 * (seed % 2))
        layers = *(layer() for layer in between), pn.Dense(2, output)
        return pn.Network(first, *layers, input_size=3, seed=seed, dtype=dtype)

    return make


SHUFFLED = {"in order": {"batch_size": 7, "shuffle": False}, "shuffled": {"batch_size": 7}, "full": {}}


@pytest.mark.parametrize("order", SHUFFLED)
@pytest.mark.parametrize("make_layer", parts.cases(parts.LAYERS))
def test_layers_of_every_kind(make_layer: Callable[[int], pn.Layer], order: str) -> None:
    assert_as_alone(network(lambda: make_layer(5)), count=3, **SHUFFLED[order])


@pytest.mark.parametrize("make_optimizer", parts.cases(parts.OPTIMIZERS))
def test_optimizers_of_every_kind(make_optimizer: Callable[[float], Any]) -> None:
    assert_as_alone(network(), count=3, optimizer=make_optimizer(0.003))
    assert_as_alone(network(), count=3, optimizer=[make_optimizer(rate) for rate in (0.001, 0.003, 0.01)])


def test_optimizers_that_differ_in_all_settings() -> None:
    optimizers = [pn.SGD(0.01, momentum=0.9), pn.Adam(0.01), pn.SGD(0.05, clip_norm=0.1), pn.AdamW(0.001)]
    assert_as_alone(network(), count=4, optimizer=optimizers)


@pytest.mark.parametrize("make_schedule", parts.cases(parts.SCHEDULES))
def test_schedules_of_every_kind(make_schedule: Callable[[float], Any]) -> None:
    assert_as_alone(network(), count=3, optimizer=pn.SGD(make_schedule(0.05)), validation=(X[:9], Y[:9]))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("loss", "output", "y"),
    [
        ("cross_entropy", "softmax", LABELS),
        ("binary_cross_entropy", "sigmoid", Y > 0),
        ("poisson", "exponential", np.floor(np.abs(3 * Y))),
        ("poisson", "softplus", np.floor(np.abs(3 * Y))),
        ("huber", "identity", Y),
    ],
)
def test_losses(loss: str, output: str, y: np.ndarray, dtype: str) -> None:
    make = network(output=output, dtype=dtype)
    assert_as_alone(make, y, count=5, loss=loss)
    assert_as_alone(make, y, count=5, loss=loss, sample_weight=WEIGHT, batch_size=8)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 65])
@pytest.mark.parametrize("threads", [1, 2])
def test_any_number_of_networks(count: int, threads: int) -> None:
    assert_as_alone(network(), count=count, threads=threads, epochs=4)


def test_dropout_rates_that_differ() -> None:
    def make(seed: int) -> pn.Network:
        layers = pn.Dense(5, "tanh"), pn.Dropout(0.1 + 0.2 * seed), pn.Dense(2)
        return pn.Network(*layers, input_size=3, seed=seed, dtype="float64")

    assert_as_alone(make, count=4)


def test_networks_with_other_rows_held_out_and_early_stopping() -> None:
    assert_as_alone(network(), validation=0.3, early_stopping=8, epochs=60, report_every=2)


def test_networks_too_wide_for_the_lanes_of_vectors() -> None:
    def make(seed: int) -> pn.Network:
        return pn.Network(pn.Dense(200, "relu"), pn.Dense(60), pn.Dense(2), input_size=3, seed=seed, dtype="float64")

    assert_as_alone(make, count=3, optimizer=pn.SGD(0.001))


def test_the_same_bits_whichever_networks_train_beside_it() -> None:
    def trained(seeds: list[int]) -> bytes:
        nets = [network()(seed) for seed in seeds]
        pn.train_many(nets, X, Y, **OPTIONS, engine="compiled", threads=1)
        return nets[seeds.index(3)].parameters.tobytes()

    assert trained([1, 2, 3, 4]) == trained([3, 7, 8, 9])
    assert trained([1, 2, 3, 4]) == trained([1, 2, 3, 4])
