"""The contract of the engines: the readable NumPy engine is the reference that the compiled one is held against."""

import random
from copy import copy
from typing import Any

import numpy as np
import parts
import pytest
from contract import Run, assert_agree, bits

import plainnet as pn
from plainnet._base import pieces
from plainnet.activations import ACTIVATIONS
from plainnet.errors import DivergenceError

STEPS = 200

RATE = 1e-3
OPTIMIZERS = [make for several in parts.OPTIMIZERS.values() for make in several]
SCHEDULES = [*parts.one_of_each(parts.SCHEDULES).values(), lambda rate: lambda epoch, epochs: rate / (1 + epoch)]
HIDDEN = ["dense", "dense", "activation", "dropout", "batch", "layer", "rms"]
LOSSES = ["mse", "huber", "binary_cross_entropy", "cross_entropy", "labels", "poisson", "poisson of rates", "mae"]


def hidden_layer(kind: str, activation: str, penalized: bool, draw: random.Random) -> pn.Layer:
    if kind == "dense":
        l1 = draw.choice([0, 0, 1e-3]) if penalized else 0.0
        penalties = {"l1": l1, "l2": draw.choice([0, 0, 1e-2])}
        return pn.Dense(draw.choice([1, 2, 3, 5, 8, 17, 64]), activation, bias=draw.random() < 0.8, **penalties)
    if kind == "activation":
        return pn.Activation(activation)
    if kind == "dropout":
        return pn.Dropout(draw.choice([0, 0.2, 0.5]))
    return {"batch": pn.BatchNorm, "layer": pn.LayerNorm, "rms": pn.RMSNorm}[kind]()


def output_layers(loss: str, dtype: str, draw: random.Random) -> tuple[list[pn.Layer], int]:
    """The last layers, and how many outputs they give; the activation in or after the last Dense layer."""
    units = draw.choice([2, 5]) if loss in ("cross_entropy", "labels") else draw.choice([1, 3])
    fixed = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax", "labels": "softmax"}
    fixed |= {"poisson": "exponential", "poisson of rates": "softplus"}
    activation = fixed.get(loss) or draw.choice([name for name in ACTIVATIONS if name != "exponential"])
    if dtype == "float32":  # a sum that training drives to 0 is at a kink, where rounding decides on which side it is
        activation = {"relu": "softplus", "leaky_relu": "elu", "selu": "elu"}.get(activation, activation)
    if draw.random() < 0.3:
        return [pn.Dense(units), pn.Activation(activation)], units
    return [pn.Dense(units, activation)], units


def targets(loss: str, shape: tuple[int, int], numbers: np.random.Generator) -> np.ndarray:
    if loss == "binary_cross_entropy":
        return numbers.integers(0, 2, shape)
    if loss == "cross_entropy":
        return numbers.dirichlet(np.ones(shape[1]), shape[0])
    if loss == "labels":
        return np.arange(shape[0]) % shape[1]
    return numbers.poisson(1.0, shape) if loss.startswith("poisson") else numbers.normal(size=shape)


class Combination:
    """The one of this number, drawn such that a few dozen have every loss, layer, optimizer, schedule, activation."""

    def __init__(self, number: int) -> None:
        draw = random.Random(number)
        self.seed = number
        self.dtype = "float32" if number % 3 == 2 else "float64"
        self.optimizer = OPTIMIZERS[number % len(OPTIMIZERS)](SCHEDULES[number % len(SCHEDULES)](RATE))
        kind = LOSSES[number % len(LOSSES)]
        if kind == "mae" and self.dtype == "float32":
            kind = "huber"  # the gradient of mae jumps at 0, where in float32 rounding decides on which side one is
        activations, kinds = list(ACTIVATIONS), [HIDDEN[number % len(HIDDEN)], *draw.sample(HIDDEN, 2)]
        last, outputs = output_layers(kind, self.dtype, draw)
        kinds = kinds[: draw.randint(1, 3)]
        penalized = isinstance(self.optimizer, pn.SGD)  # others hold a weight that only l1 moves near 0, where l1 jumps
        hidden = [
            hidden_layer(kind, activations[(number + i) % len(activations)], penalized, draw)
            for i, kind in enumerate(kinds)
        ]
        self.layers = [*hidden, *last]
        numbers = np.random.default_rng(number)
        rows = draw.choice([9, 40, 64])
        self.X = numbers.normal(size=(rows, draw.choice([1, 3, 10])))
        self.y = targets(kind, (rows, outputs), numbers)
        batch_size = draw.choice([None, 5, 8, 9])
        weight = numbers.random(rows) * (numbers.random(rows) < 0.8) if draw.random() < 0.4 else None
        self.options = {
            "loss": {"labels": "cross_entropy", "huber": pn.losses.Huber(0.3)}.get(kind, kind.split()[0]),
            "optimizer": self.optimizer,
            "batch_size": batch_size,
            "epochs": STEPS if batch_size is None else -(-STEPS // -(-rows // batch_size)),
            "shuffle": draw.random() < 0.7,
            "sample_weight": weight,
            "report_every": draw.choice([1, 2, 7]),
        }

    def run(self, engine: str, threads: int | None = None) -> Run:
        net = pn.Network(*map(copy, self.layers), input_size=self.X.shape[1], seed=self.seed, dtype=self.dtype)
        net.parameters *= 0.5  # e to the e to the e stays a small number
        return net, net.fit(self.X, self.y, **self.options, engine=engine, threads=threads)

    @property
    def has_noise_for_a_gradient(self) -> bool:
        """A shift before a normalization has rounding errors for a gradient, which some optimizers scale up."""
        normalizes = any(isinstance(layer, pn.BatchNorm | pn.LayerNorm | pn.RMSNorm) for layer in self.layers)
        return normalizes and not isinstance(self.optimizer, pn.SGD)


@pytest.mark.parametrize("number", range(96))
def test_the_engines_agree_to_rounding_over_200_steps(number: int) -> None:
    combination = Combination(number)
    tolerance = 1e-10 if combination.dtype == "float64" else 1e-4
    numpy, compiled = combination.run("numpy"), combination.run("compiled", threads=1 + number % 2)
    assert_agree(numpy, compiled, tolerance, parameters=not combination.has_noise_for_a_gradient)


@pytest.mark.parametrize("number", range(0, 96, 9))
def test_threads_agree_to_rounding_and_the_same_number_to_the_bit(number: int) -> None:
    combination = Combination(number)
    tolerance = 1e-10 if combination.dtype == "float64" else 1e-4
    one, two = combination.run("compiled", threads=1), combination.run("compiled", threads=2)
    assert_agree(one, two, tolerance, parameters=not combination.has_noise_for_a_gradient)
    assert bits(one) == bits(combination.run("compiled", threads=1))
    assert bits(two) == bits(combination.run("compiled", threads=2))
    assert_agree(one, combination.run("compiled", threads=3), tolerance, not combination.has_noise_for_a_gradient)


def wide() -> pn.Network:
    """Wide enough that its products are not those of a tiny network."""
    return pn.Network(pn.Dense(96, "tanh"), pn.Dense(64, "gelu"), pn.Dense(10, "softmax"), input_size=60, seed=1)


BIG_X = np.random.default_rng(0).normal(size=(4000, 60)).astype(np.float32)
BIG_Y = np.arange(4000) % 10


@pytest.mark.parametrize("threads", [1, 2])
def test_a_long_call_of_the_machine_code_keeps_its_stack(threads: int) -> None:
    """Some 60,000 products in one call: what each takes of the stack has to be given back."""
    net = pn.Network(pn.Dense(40, "relu"), pn.Dense(1), input_size=20, seed=1)
    X = BIG_X[:64, :20]
    options = {"epochs": 20_000, "report_every": 20_000, "batch_size": None, "threads": threads}
    history = net.fit(X, X[:, 0] * X[:, 1], loss="mse", engine="compiled", **options)
    assert history.loss[-1] < 0.1


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "read-only": read_only,
    "every second row": lambda array: np.repeat(array, 2, axis=0)[::2],
    "backwards": lambda array: array[::-1].copy()[::-1],
    "Fortran": np.asfortranarray,
    "unaligned": lambda array: np.frombuffer(b"x" + array.tobytes(), array.dtype, offset=1).reshape(array.shape),
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "float64": lambda array: array.astype(np.float64) if array.dtype == np.float32 else array,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_the_layout_of_the_data_makes_no_difference_and_the_data_stay_as_they_are(layout: str, engine: str) -> None:
    def run(X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Run:
        options = {"loss": "cross_entropy", "epochs": 2, "engine": engine, "sample_weight": weight}
        return net, net.fit(X, y, **options)

    given = (BIG_X, BIG_Y, np.linspace(0, 2, len(BIG_X), dtype=np.float32))
    net = wide()
    expected = run(*given)
    arrays = [LAYOUTS[layout](array) for array in given]
    before = [array.tobytes() for array in arrays]
    net = wide()
    assert bits(run(*arrays)) == bits(expected)
    assert [array.tobytes() for array in arrays] == before


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("weighted", [True, False])
def test_the_engines_agree_on_files_of_several_blocks(tmp_path, monkeypatch, shuffle, threads, weighted) -> None:
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 1000 * (60 * 4 + 8))
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100 * (60 * 4 + 8))
    files = []
    for name, array in (("X", BIG_X[:3300]), ("y", BIG_Y[:3300])):
        array.tofile(tmp_path / name)
        files.append(np.memmap(tmp_path / name, array.dtype, "r", shape=array.shape))
    weight = np.linspace(0, 2, 3300) if weighted else None
    runs = []
    for engine in ({"engine": "numpy"}, {"engine": "compiled", "threads": threads}):
        net = pn.Network(pn.Dense(20, "tanh"), pn.Dropout(0.2), pn.Dense(10, "softmax"), seed=1, dtype="float64")
        options = {"loss": "cross_entropy", "epochs": 3, "shuffle": shuffle, "sample_weight": weight}
        runs.append((net, net.fit(*files, **options, **engine)))
    assert_agree(*runs, tolerance=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("report_every", [1, 1000])
def test_divergence_is_seen_in_the_same_epoch_and_leaves_the_same_parameters(dtype: str, report_every: int) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(40, 3))
    found = []
    for options in ({"engine": "numpy"}, {"engine": "compiled"}, {"engine": "compiled", "threads": 2}):
        net = pn.Network(pn.Dense(2), pn.Dense(1), input_size=3, seed=1, dtype=dtype)
        with pytest.raises(DivergenceError) as error:
            net.fit(X, X @ [1, 2, 3], loss="mse", optimizer=pn.SGD(3.0), epochs=1000, batch_size=16,
                    report_every=report_every, **options)  # fmt: skip
        assert np.isfinite(net.parameters).all()
        assert net.history.stopped == "diverged"
        found.append((str(error.value).split(":")[0], len(net.history.loss), net.parameters))
    for other in found[1:]:
        assert other[:2] == found[0][:2]
        np.testing.assert_allclose(other[2], found[0][2], rtol=1e-8 if dtype == "float64" else 1e-2)


def test_a_schedule_of_a_users_own_kind_is_asked_at_every_step() -> None:
    class Halved(pn.schedules.Constant):
        def rate(self, epoch: float, epochs: int, memory: Any) -> float:
            return super().rate(epoch, epochs, memory) / (1 if epoch < 1.5 else 2)

    for engine in ("numpy", "compiled"):
        optimizer = pn.SGD(Halved(0.5))
        history = wide().fit(BIG_X, BIG_Y, loss="cross_entropy", optimizer=optimizer, epochs=3, engine=engine)
        assert history.learning_rate == [0.5, 0.25, 0.25]


@pytest.mark.parametrize("bias", [True, False])
def test_the_engines_agree_on_wide_layers(bias: bool) -> None:
    """500,000 weights in one layer and few rows: threads may share the columns instead."""
    random = np.random.default_rng(3)
    X, y = random.normal(size=(20, 30)), random.normal(size=(20, 4))
    fitted = []
    for engine, threads in (("numpy", None), ("compiled", 1), ("compiled", 2), ("compiled", 3)):
        layers = (pn.Dense(units, "tanh", bias=bias) for units in (800, 650))
        net = pn.Network(*layers, pn.Dense(4), input_size=30, seed=1, dtype="float64")
        options = {"loss": "mse", "optimizer": pn.SGD(0.05), "epochs": 5, "batch_size": 8}
        fitted.append((net.fit(X, y, **options, engine=engine, threads=threads), net))
    (history, net), *others = fitted
    for other, twin in others:
        np.testing.assert_allclose(other.loss, history.loss, rtol=1e-10)
        np.testing.assert_allclose(twin.parameters, net.parameters, rtol=1e-8, atol=1e-11)
