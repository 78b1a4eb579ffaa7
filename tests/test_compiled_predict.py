"""Predictions as machine code: the numbers of NumPy's within rounding, at every call, whatever changes in between."""

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import parts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import any_layer, with_random_numbers

import plainnet as pn
from plainnet.activations import ACTIVATIONS, Elu, LeakyRelu
from plainnet.engines.compiled import predicting
from plainnet.errors import InvalidValue
from plainnet.network.prediction import SMALL

RANDOM = np.random.default_rng(0)
MODES = [("predict", False), ("logits", True)]


def close(found, expected, dtype):
    """Equal but for the rounding of each operation, of which a few hundred make an output of these networks."""
    scale = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max(initial=0)))
    np.testing.assert_allclose(
        found, expected, rtol=1e-4 if dtype == "float32" else 1e-11, atol=scale * tolerance(dtype)
    )
    assert found.dtype == expected.dtype == dtype


def tolerance(dtype):
    return 300 * np.finfo(dtype).eps


def compiled(net, before_activation=False):
    """The machine code of a network, which is there."""
    made = predicting.prediction(net, before_activation)
    assert made is not None
    return made


def small(seed=1, dtype="float32"):
    """A network of each normalization."""
    layers = [pn.Dense(9, "gelu"), pn.BatchNorm(), pn.Dense(5, LeakyRelu(0.1)), pn.LayerNorm(), pn.Dropout(0.5)]
    net = pn.Network(
        *layers, pn.Dense(7, Elu(0.7)), pn.RMSNorm(), pn.Dense(3, "softmax"), input_size=6, seed=seed, dtype=dtype
    )
    return with_random_numbers(net, seed)


def rows_of(net, rows, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (rows, net.input_size)).astype(net.dtype)


@np.errstate(all="ignore")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=60, deadline=None)
@given(
    layers=st.lists(any_layer(), min_size=1, max_size=5),
    inputs=st.integers(1, 40),
    rows=st.integers(1, 40),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 2**32),
)
def test_any_network(layers, inputs, rows, dtype, seed):
    net = with_random_numbers(pn.Network(*layers, input_size=inputs, seed=1, dtype=dtype), seed)
    X = rows_of(net, rows, seed)
    expected = net.predict(X, engine="numpy")
    if np.isfinite(expected).all() and np.abs(expected).max() < 1e6:  # a larger one has a larger error, too
        close(compiled(net)(X), expected, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_its_sums(activation, dtype):
    layers = pn.Dense(33, activation), pn.Dense(9, "tanh"), pn.Activation(activation), pn.Dense(5, activation)
    net = pn.Network(*layers, input_size=20, dtype=dtype, seed=3)
    for rows in (1, 2, 7, 300):
        X = rows_of(net, rows) / 4
        for method, _ in MODES:
            close(getattr(net, method)(X, engine="compiled"), getattr(net, method)(X, engine="numpy"), dtype)


@pytest.mark.parametrize(("sizes", "rows"), [((784, 256, 10), 3), ((3, 4, 1), 9000), ((50, 2000, 10), 40), ((1, 1), 5)])
def test_other_sizes(sizes, rows):
    layers = [pn.Dense(units, "tanh") for units in sizes[1:]]
    net = pn.Network(*layers, input_size=sizes[0], seed=1)
    X = rows_of(net, rows)
    close(net.predict(X, engine="compiled"), net.predict(X, engine="numpy"), "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_row_alone_gives_the_same_bits_as_among_others(activation, dtype):
    net = small(dtype=dtype)
    net.layers[0].activation = activation
    X = rows_of(net, 700)
    for method, _ in MODES:
        together = getattr(net, method)(X)
        for rows in (1, 2, 3, 5, 16, 257):
            assert getattr(net, method)(X[:rows]).tobytes() == together[:rows].tobytes()
        assert getattr(net, method)(X[600:601]).tobytes() == together[600:601].tobytes()


def test_the_first_call_and_later_ones_give_the_same_bits():
    net, X = small(), rows_of(small(), 20)
    first = net.predict(X)
    assert all(np.array_equal(net.predict(X), first) for _ in range(3))
    assert np.array_equal(small().predict(X), first)
    assert not np.shares_memory(first, net.predict(X))


def moved_by_a_byte(X):
    """The same array at an address that is no multiple of a number's size."""
    moved = np.frombuffer(b"x" + X.tobytes(), np.uint8)[1:].view(X.dtype).reshape(X.shape)
    assert not moved.flags.aligned
    return moved


def test_inputs_of_any_kind_are_the_same_rows():
    net = small()
    X = rows_of(net, 12)
    expected = net.predict(X)
    kinds = [
        X.tolist(), X.astype("float64"), np.asfortranarray(X), X[::-1][::-1], X.astype(">f4"), X.view(np.recarray),
        np.repeat(X, 2, axis=1)[:, ::2], moved_by_a_byte(X),
    ]  # fmt: skip
    for kind in kinds:
        assert np.array_equal(net.predict(kind), expected)
    X.flags.writeable = False
    assert np.array_equal(net.predict(X), expected)


WRONG = {
    "nan": lambda X: np.where(X[1, 2] == X, np.nan, X),
    "infinite": lambda X: np.where(X[1, 2] == X, -np.inf, X),
    "infinite in the last of many rows": lambda X: np.concatenate([np.ones((999, 6)), np.full((1, 6), np.inf)]),
    "columns": lambda X: X[:, :-1],
    "one axis": lambda X: X[0],
    "three axes": lambda X: X[None],
    "no axis": lambda X: np.float32(1),
    "no rows": lambda X: X[:0],
    "text": lambda X: [["a"] * 6],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_the_input_is_said_as_ever(wrong, dtype):
    net = small(dtype=dtype)
    X = WRONG[wrong](rows_of(net, 4))
    X = X.astype(dtype) if isinstance(X, np.ndarray) else X
    said = []
    for engine in ("numpy", "auto", "compiled"):
        with pytest.raises((ValueError, TypeError)) as raised:
            net.predict(X, engine=engine)
        said.append((type(raised.value), str(raised.value)))
    assert said[0] == said[1] == said[2]


def test_a_network_without_parameters_and_one_not_built():
    with pytest.raises(InvalidValue, match="no parameters yet"):
        pn.Network(pn.Dense(1)).predict([[1.0]])
    net = pn.Network(pn.Dropout(0.5), input_size=2)
    X = np.ones((3, 2), np.float32)
    outputs = net.predict(X)
    outputs[:] = 2
    assert (X == 1).all()


# ---- what changes between two predictions ----


def test_training_further_and_assigned_parameters_count():
    net = small()
    X, y = rows_of(net, 30), RANDOM.integers(0, 3, 30)
    before = net.predict(X)
    net.fit(X, y, loss="cross_entropy", epochs=2)
    trained = net.predict(X)
    assert not np.array_equal(trained, before)
    close(trained, net.predict(X, engine="numpy"), "float32")
    net.parameters = np.zeros_like(net.parameters)
    assert np.ptp(net.predict(X)) < 1e-6
    net.layers[-1].bias = [0, 1, 2]
    close(net.predict(X), net.predict(X, engine="numpy"), "float32")
    net.statistics += 1
    close(net.logits(X), net.logits(X, engine="numpy"), "float32")


def settings_of(net):
    """Each setting of each layer and activation that can be set, with another value for it."""
    for layer in net.layers:
        for part in [layer, layer.activation] if hasattr(layer, "activation") else [layer]:
            for name, value in part.settings().items():
                if isinstance(value, float):
                    yield part, name, 0.4 * value + 0.05


def test_changed_settings_count():
    net = small()
    X = rows_of(net, 10)
    changed = []
    for part, name, value in settings_of(net):
        before = net.predict(X)
        setattr(part, name, value)
        close(net.predict(X), net.predict(X, engine="numpy"), "float32")
        if not np.array_equal(net.predict(X), before):
            changed.append(name)
    assert changed == ["epsilon", "slope", "epsilon", "alpha", "epsilon"]
    net.layers[0].activation = "sigmoid"
    close(net.predict(X), net.predict(X, engine="numpy"), "float32")


@pytest.mark.parametrize("make", parts.cases(parts.LAYERS))
def test_no_prediction_depends_on_the_settings_of_training(make):
    for name in predicting.TRAINING_SETTINGS:
        layer = make(4)
        if name in layer.settings():
            net = with_random_numbers(pn.Network(pn.Dense(4), layer, input_size=3, seed=1), 1)
            X = rows_of(net, 5)
            before = net.predict(X, engine="numpy")
            setattr(layer, name, pn.initializers.Zeros() if name == "initializer" else 0.25)
            assert np.array_equal(net.predict(X, engine="numpy"), before)


def test_copies_and_pickles_predict_by_their_own_parameters(tmp_path):
    net = small()
    X = rows_of(net, 10)
    expected = net.predict(X)
    net.save(tmp_path / "net.npz")
    twins = [net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net)), pn.load(tmp_path / "net.npz")]
    wide = net.copy("float64")
    net.parameters[:] = 0
    for twin in twins:
        assert np.array_equal(twin.predict(X), expected)
        assert not np.array_equal(net.predict(X), expected)
    assert wide.predict(X.astype("float64")).dtype == "float64"
    np.testing.assert_allclose(wide.predict(X), expected, rtol=1e-3, atol=1e-5)


def test_a_network_that_is_built_anew():
    net = pn.Network(pn.Dense(2), seed=1)
    net.build(3)
    assert net.predict(np.ones((1, 3), np.float32)).shape == (1, 2)
    net.unbuild()
    with pytest.raises(InvalidValue, match="no parameters yet"):
        net.predict(np.ones((1, 3), np.float32))
    net.build(4)
    X = np.ones((1, 4), np.float32)
    close(net.predict(X), net.predict(X, engine="numpy"), "float32")


FACTOR = 1.0


def scaled(z):
    return FACTOR * z, np.full_like(z, FACTOR)


class Scaled(pn.Layer):
    def forward(self, inputs, training=None):
        return FACTOR * inputs, lambda gradient, gradients: FACTOR * gradient


class Branching(pn.Layer):
    def forward(self, inputs, training=None):
        factor = 2.0 if inputs.max() > 0 else 3.0
        return factor * inputs, lambda gradient, gradients: factor * gradient


@pytest.mark.parametrize("own", [lambda: pn.Activation(scaled), Scaled])
def test_a_users_own_function_may_change_without_notice(own, monkeypatch):
    net = pn.Network(pn.Dense(2), own(), input_size=3, seed=1)
    X = rows_of(net, 4)
    before = net.predict(X), net.predict(X)
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 3.0)
    assert np.array_equal(before[0], before[1])
    np.testing.assert_allclose(net.predict(X), 3 * before[0], rtol=1e-6)


def test_what_cannot_be_traced_is_no_error():
    net = pn.Network(pn.Dense(2), Branching(), input_size=3, seed=1)
    X = rows_of(net, 4)
    assert np.array_equal(net.predict(X, engine="compiled"), net.predict(X, engine="numpy"))


def test_threads_predict_with_one_network_at_once():
    net = small()
    X = rows_of(net, 40)
    expected = [net.predict(X[: 1 + i]).tobytes() for i in range(40)]
    fresh = net.copy()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: fresh.predict(X[: 1 + i % 40]).tobytes(), range(2000)))
    assert found == expected * 50


def test_the_size_alone_decides(monkeypatch):
    net = pn.Network(pn.Dense(100), input_size=100, seed=1)
    most = SMALL // net.parameters.size
    X = rows_of(net, most + 1)
    calls = []
    made = predicting.Prediction.__call__
    monkeypatch.setattr(
        predicting.Prediction, "__call__", lambda self, rows: calls.append(len(rows)) or made(self, rows)
    )
    assert np.array_equal(net.predict(X[:most]), net.predict(X[:most]))
    assert np.array_equal(net.predict(X), net.predict(X, engine="numpy"))
    assert calls == [most, most]


def test_an_unknown_engine_is_refused():
    with pytest.raises(InvalidValue, match="engine is 'fast'"):
        small().predict(np.ones((1, 6)), engine="fast")


WITHOUT = """
import sys
sys.modules["llvmlite"] = None
import numpy as np
import plainnet as pn
from plainnet.engines import choosing
choosing.is_installed = lambda: False
net = pn.Network(pn.Dense(2), input_size=3, seed=1)
X = np.ones((1, 3), np.float32)
assert np.array_equal(net.predict(X), net.predict(X, engine="numpy"))
assert np.array_equal(net.predict(X), net.logits(X))
try:
    net.predict(X, engine="compiled")
except pn.errors.MissingExtraError:
    print("refused")
"""

BROKEN = """
import sys
sys.modules["llvmlite"] = None
import numpy as np
import plainnet as pn
from plainnet.engines import choosing
choosing.is_installed = lambda: True
net = pn.Network(pn.Dense(2), input_size=3, seed=1)
X = np.ones((1, 3), np.float32)
assert np.array_equal(net.predict(X), net.predict(X, engine="numpy"))
try:
    net.predict(X, engine="compiled")
except pn.errors.InvalidValue:
    print("refused")
"""


@pytest.mark.parametrize("program", [WITHOUT, BROKEN])
def test_without_llvmlite_or_with_a_broken_one(program):
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "refused", done.stderr


def test_a_run_that_measures_with_machine_code_measures_what_numpy_measures():
    X, y = pn.datasets.moons(60, noise=0.2, seed=1)
    held_out = pn.datasets.moons(41, noise=0.2, seed=2)
    histories = []
    for engine in ("numpy", "compiled"):
        net = pn.Network(pn.Dense(5, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1, dtype="float64")
        options = {"loss": "cross_entropy", "epochs": 6000, "batch_size": None, "validation": held_out}
        histories.append(net.fit(X, y, metrics=["accuracy"], report_every=1, engine=engine, **options))
    numpy, compiled = histories
    np.testing.assert_allclose(compiled.validation_loss, numpy.validation_loss, rtol=1e-6)
    assert compiled.metrics == numpy.metrics
