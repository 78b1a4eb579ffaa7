"""Exported scripts: what they predict, that NumPy alone runs them, and how they look."""

import csv
import math
import os
import runpy
import subprocess
import sys
import tokenize

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import any_layer, bare, with_random_numbers
from shared import PENGUINS

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidValue
from plainnet.export import script
from plainnet.tabular import Table


def exported(net, folder, name="model.py"):
    """The names that the exported script defines."""
    script.write(net, folder / name)
    return runpy.run_path(str(folder / name))


def assert_in_style(folder):
    """What `ruff check` with its defaults says of every file in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@np.errstate(all="ignore")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_script_predicts_to_the_last_bit_and_is_in_style(tmp_path):
    @settings(max_examples=80, deadline=None)
    @given(
        layers=st.lists(any_layer(), min_size=1, max_size=7),
        inputs=st.integers(1, 6),
        rows=st.integers(1, 40),
        dtype=st.sampled_from(["float32", "float64"]),
        seed=st.integers(0, 2**32),
    )
    def check(layers, inputs, rows, dtype, seed):
        net = with_random_numbers(pn.Network(*layers, input_size=inputs, seed=1, dtype=dtype), seed)
        X = np.random.default_rng(seed).normal(0, 2, (rows, inputs))
        predictions = exported(net, tmp_path, f"model_{len(os.listdir(tmp_path))}.py")["predict"](X)
        assert predictions.dtype == net.dtype
        assert np.array_equal(predictions, net.predict(X, engine="numpy"), equal_nan=True)

    check()
    assert len(list(tmp_path.glob("*.py"))) >= 80
    assert_in_style(tmp_path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(tmp_path, activation, dtype):
    net = pn.Network(pn.Dense(5, activation), pn.Activation(activation), pn.Dense(3), input_size=4, dtype=dtype)
    X = np.random.default_rng(2).normal(0, 1, (50, 4))
    assert np.array_equal(exported(net, tmp_path)["predict"](X), net.predict(X, engine="numpy"))
    lines = (tmp_path / "model.py").read_text().split("\n")
    defined = {line.split("(")[0].removeprefix("def ") for line in lines if line.startswith("def ")}
    others = {"sigmoid", "elu", "softplus"}  # which some call
    assert {name for name in ACTIVATIONS if name in defined} <= {activation, *others}
    assert_in_style(tmp_path)


def test_a_larger_network_keeps_its_numbers_beside_the_script(tmp_path):
    """In a file that is not the model's, found wherever the two are moved; many rows go in the same blocks."""
    net = with_random_numbers(pn.Network(pn.Dense(90, "tanh"), pn.Dense(40, "gelu"), pn.Dense(2), input_size=20))
    net.save(tmp_path / "model.npz")
    script.write(net, tmp_path / "model.py")
    assert pn.load(tmp_path / "model.npz").parameters.size == net.parameters.size
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("model.py", "model_weights.npz"):
        os.rename(tmp_path / name, moved / name)
    X = np.random.default_rng(0).normal(size=(20_000, 20))
    predict = runpy.run_path(str(moved / "model.py"))["predict"]
    assert np.array_equal(predict(X), net.predict(X, engine="numpy"))
    assert np.array_equal(predict(X[:8193]), net.predict(X[:8193], engine="numpy"))
    assert_in_style(moved)


def test_numpy_alone_runs_it(tmp_path):
    net = with_random_numbers(pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, dtype="float64"))
    script.write(net, tmp_path / "xor.py")
    X, _ = pn.datasets.xor()
    assert bare(tmp_path, "-c", "import plainnet").returncode == 1
    done = bare(tmp_path, "-c", f"import xor; print([p.hex() for p in xor.predict({X.tolist()})[:, 0]])")
    assert done.stdout.strip() == str([p.hex() for p in net.predict(X, engine="numpy")[:, 0].tolist()]), done.stderr
    done = bare(tmp_path, "xor.py")
    assert "largest difference from plainnet's predictions is 0." in done.stdout, done.stderr


# ---- tables ----


def network_for(table, last, seed=0, dtype="float32"):
    net = pn.Network(pn.Dense(8, "relu"), last, input_size=len(table.feature_names), seed=seed, dtype=dtype)
    net = with_random_numbers(net, seed)
    net.table = table.to_dict()
    return net


@pytest.fixture
def penguins():
    frame = pn.tabular.read_table(PENGUINS)
    return Table.learn(frame, "species", "classification")


@pytest.mark.filterwarnings("ignore::plainnet.errors.PlainnetWarning")
def test_penguins_with_missing_values_and_unseen_categories(tmp_path, penguins):
    net = network_for(penguins, pn.Dense(3, "softmax"))
    with open(PENGUINS, newline="") as file:
        rows = list(csv.DictReader(file))
    for i, column in enumerate(penguins.column_names):
        rows[i][column] = ""
        rows[10 + i][column] = " NA "
    rows[30]["island"], rows[31]["sex"] = "Elsewhere", "unknown"
    with open(tmp_path / "new.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    outputs = net.predict(penguins.features(penguins.read(tmp_path / "new.csv")), engine="numpy")

    own = exported(net, tmp_path)
    assert np.array_equal(own["probabilities"](rows), outputs.astype(float))
    assert np.array_equal(own["predict"](rows), penguins.decode(outputs))
    done = bare(tmp_path, "model.py", "new.csv")
    assert done.stdout.split() == penguins.decode(outputs).tolist(), done.stderr
    os.rename(tmp_path / "only_numpy", tmp_path / "new.csv.d")
    assert_in_style(tmp_path / "model.py")


def test_rows_of_numbers_and_nothing(tmp_path, penguins):
    """None and NaN are missing as empty text is, and numbers are taken as text is."""
    own = exported(network_for(penguins, pn.Dense(3, "softmax")), tmp_path)
    text = dict(zip(penguins.column_names, ("Dream", "39.5", "", "181", "3800", "", "2007"), strict=True))
    typed = dict(zip(penguins.column_names, ("Dream", 39.5, None, 181, 3800.0, float("nan"), 2007), strict=True))
    assert np.array_equal(own["probabilities"]([text]), own["probabilities"]([typed]))
    with pytest.raises(KeyError, match="island"):
        own["predict"]([{"sex": "male"}])
    with pytest.raises(ValueError, match="no number to predict from"):
        own["predict"]([{**typed, "year": "inf"}])


def test_errors_of_the_program_are_one_line(tmp_path, penguins):
    script.write(network_for(penguins, pn.Dense(3, "softmax")), tmp_path / "model.py")
    (tmp_path / "new.csv").write_text("island,sex\nDream,male\n")
    done = bare(tmp_path, "model.py", "new.csv")
    assert (done.returncode, done.stderr) == (1, "new.csv has no column 'bill_length_mm'\n")
    assert bare(tmp_path, "model.py").stderr == "usage: python model.py rows.csv\n"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("standardized", [True, False])
def test_regression_in_the_targets_units(tmp_path, standardized, dtype):
    frame = pl.DataFrame(
        {
            "size": [1.5, 3.0, None, 4.0],
            "new": [True, False, None, True],
            "rooms": [1, 2, 3, 3],
            "price": [10.5, 30, 20, 31.0],
        }
    )
    table = Table.learn(frame, "price", "regression", standardize_target=standardized)
    net = network_for(table, pn.Dense(1), dtype=dtype)
    own = exported(net, tmp_path)
    expected = table.decode(net.predict(table.features(frame), engine="numpy"))
    assert np.array_equal(own["predict"](frame.to_dicts()), expected)
    text = [
        {name: "" if value is None else f" {value} ".upper() for name, value in row.items()} for row in frame.to_dicts()
    ]
    assert np.array_equal(own["predict"](text), expected)
    assert "probabilities" not in own
    assert_in_style(tmp_path)


@pytest.mark.parametrize("classes", [["no", "yes"], [3, 7], [False, True]])
def test_two_classes_by_one_sigmoid(tmp_path, classes):
    frame = pl.DataFrame(
        {"a": [1.0, 2.0, 5.0, 3.0], "b": ["u", "v", "u", "w"], "y": [classes[i] for i in (0, 1, 1, 0)]}
    )
    table = Table.learn(frame, "y", "classification")
    net = network_for(table, pn.Dense(1, "sigmoid"))
    outputs = net.predict(table.features(frame), engine="numpy")
    own = exported(net, tmp_path)
    assert np.array_equal(own["probabilities"](frame.to_dicts()), table.target.probabilities(outputs))
    assert own["predict"](frame.to_dicts()).tolist() == table.decode(outputs).tolist()
    assert_in_style(tmp_path)


def test_numbers_as_categories_and_text_that_looks_missing(tmp_path):
    frame = pl.DataFrame(
        {"code": ["1", "2", "2", "NA"], "flag": ["true", "false", "x", "x"], "y": ["u", "v", "u", "v"]}
    )
    table = Table.learn(frame, "y", "classification")
    net = network_for(table, pn.Dense(2, "softmax"))
    own = exported(net, tmp_path)
    outputs = net.predict(table.features(frame), engine="numpy").astype(float)
    assert np.array_equal(own["probabilities"](frame.to_dicts()), outputs)
    typed = [{"code": 1.0, "flag": True}, {"code": 2, "flag": False}]
    assert np.array_equal(
        own["probabilities"](typed), net.predict(table.features(frame[:2]), engine="numpy").astype(float)
    )


HOSTILE = ['"""\nimport os\n', 'it\'s "both" \\', "{braces}", "Größe\t'", "\\' + x + \\\"", "a\\'b\""]


def test_names_cannot_become_code(tmp_path):
    """Whatever columns, categories, classes and data are called, the script says what they are and no more."""
    frame = pl.DataFrame(
        {
            **{name: [1.0, 2.0, 4.0, 3.0, 1.0, 0.0] for name in HOSTILE[:3]},
            HOSTILE[3]: HOSTILE,
            HOSTILE[4]: [name * 12 for name in HOSTILE],
            "y\"'\\\n": HOSTILE,
        }
    )
    table = Table.learn(frame, "y\"'\\\n", "classification")
    net = network_for(table, pn.Dense(6, "softmax"))
    net.history = pn.History(epoch=[3], settings={"data": '"""; 1/0 \\'})
    own = exported(net, tmp_path)
    outputs = net.predict(table.features(frame), engine="numpy")
    assert own["predict"](frame.to_dicts()).tolist() == table.decode(outputs).tolist()
    assert own["CLASSES"].tolist() == sorted(HOSTILE)
    assert_in_style(tmp_path)


# ---- parts of the user's own ----


LIMIT = 3.0


class Doubling(pn.Layer):
    """outputs = 2 · inputs."""

    def forward(self, inputs, training=None):
        doubled = 2 * inputs
        return doubled, lambda gradient, gradients: 2 * gradient


class Shifted(pn.Dense):
    """A subclass whose forward is its own, so that the prediction of a Dense layer is not its prediction."""

    def forward(self, inputs, training=None):
        outputs, backward = super().forward(inputs, training)
        return outputs + 1, backward


class Centred(pn.Layer):
    """A layer that says in one line what it predicts."""

    def parameter_shapes(self, input_shape):
        return {"centre": input_shape}

    def forward(self, inputs, training=None):
        def backward(gradient, gradients):
            gradients["centre"][...] = -gradient.sum(axis=0)
            return gradient

        return inputs - self.centre, backward

    def predict(self, inputs):
        return inputs - self.centre


def limited(z: np.ndarray) -> np.ndarray:
    return np.clip(z, -LIMIT, math.sqrt(LIMIT))


def bent(z):
    return limited(z) * z, 2 * z


def number(z):
    """Has the name of a function that reads tables."""
    return pn.activations.gelu(z), z


class Soft:
    def __init__(self, scale):
        self.scale = scale

    def value(self, z):
        return self.scale * np.log1p(np.exp(z))

    def derivative(self, z, a):
        return self.scale / (1 + np.exp(-z))


class Hot(pn.activations.Sigmoid):
    """σ(2 z)."""

    def value(self, z):
        return super().value(2 * z)


class Versatile:
    """An object with a property, a class method, a static method, an array, a function and another object."""

    POWER = 2

    def __init__(self, scale):
        self.inner, self.shifts, self.function, self._scale = Soft(scale), np.array([0.5, 1.0]), np.tanh, scale

    @property
    def scale(self):
        return self._scale

    @classmethod
    def power(cls):
        return cls.POWER

    @staticmethod
    def halved(z):
        return 0.5 * z

    def value(self, z):
        return self.scale * self.function(self.halved(z)) ** self.power() + self.inner.value(z) + self.shifts[1]

    def derivative(self, z, a):
        return np.ones_like(z)


def closed_over(steepness):
    def own(z):
        return np.tanh(steepness * z), z

    return own


OWN = {
    "subclass that asks its base": lambda: [pn.Dense(3, Hot())],
    "layer": lambda: [Doubling()],
    "layer of one line": lambda: [Centred()],
    "subclass of a layer": lambda: [Shifted(3, "tanh")],
    "activation": lambda: [pn.Dense(3, bent), pn.Activation(bent)],
    "activation that calls one of plainnet's": lambda: [pn.Activation(number)],
    "object of many parts": lambda: [pn.Activation(Versatile(1.5)), pn.Dense(3, Versatile(0.5))],
    "closures": lambda: [pn.Activation(closed_over(1.5)), pn.Activation(closed_over(0.5))],
    "object": lambda: [pn.Dense(3, Soft(2.0)), pn.Activation(Soft(0.5))],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OWN)
def test_own_parts_come_along(tmp_path, name, dtype):
    net = with_random_numbers(pn.Network(pn.Dense(3), *OWN[name](), pn.Dense(2), input_size=4, dtype=dtype))
    X = np.random.default_rng(2).normal(0, 1, (50, 4))
    predictions = exported(net, tmp_path)["predict"](X)
    assert predictions.dtype == net.dtype
    assert np.array_equal(predictions, net.predict(X, engine="numpy"))
    done = bare(tmp_path, "model.py")
    assert "largest difference from plainnet's predictions is 0." in done.stdout, done.stderr
    os.rename(tmp_path / "only_numpy", tmp_path / "elsewhere")
    assert_in_style(tmp_path / "model.py")


def test_own_parts_beside_a_table(tmp_path, penguins):
    net = network_for(penguins, pn.Dense(3, "softmax"))
    net.layers[0].activation = number
    own = exported(net, tmp_path)
    frame = pn.tabular.read_table(PENGUINS)
    outputs = net.predict(penguins.features(frame), engine="numpy")
    assert np.array_equal(own["probabilities"](frame.to_dicts()), outputs.astype(float))


# ---- refusals ----


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="no parameters yet"):
        script.write(pn.Network(pn.Dense(2)), tmp_path / "model.py")
    net = pn.Network(pn.Dense(2), input_size=2)
    with pytest.raises(InvalidValue, match=r"ends in \.py"):
        script.write(net, tmp_path / "model.txt")
    net.parameters[0] = np.nan
    with pytest.raises(InvalidValue, match=r"net\.parameters holds nan"):
        script.write(net, tmp_path / "model.py")


def test_the_text_is_utf8_and_ends_with_a_line(tmp_path):
    script.write(pn.Network(pn.Dense(2, "sigmoid"), input_size=2), tmp_path / "model.py")
    with tokenize.open(tmp_path / "model.py") as file:
        text = file.read()
    assert "σ(z)" in text
    assert text.endswith("main()\n")


class Form(pn.Layer):
    """outputs_k = factor Σ_ij inputs_i inputs_j q_ijk."""

    def parameter_shapes(self, input_shape):
        return {"q": (*input_shape, *input_shape, 2), "factor": ()}

    def output_shape(self, input_shape):
        return (2,)

    def initialize(self, random):
        self.q = random.normal(size=self.q.shape)
        self.factor = 1.5

    def forward(self, inputs, training=None):
        return self.factor * np.einsum("ni,nj,ijk->nk", inputs, inputs, self.q), None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_of_no_and_of_three_axes(tmp_path, dtype):
    net = pn.Network(Form(), input_size=3, seed=1, dtype=dtype)
    X = np.random.default_rng(0).normal(size=(9, 3))
    net.export(tmp_path / "form.py")
    predicted = runpy.run_path(str(tmp_path / "form.py"))["predict"](X)
    assert predicted.dtype == net.dtype
    assert np.array_equal(predicted, net.predict(X, engine="numpy"))
