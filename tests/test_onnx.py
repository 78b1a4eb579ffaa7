"""ONNX files: the checker accepts them, and ONNX Runtime predicts what the network predicts."""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from parts import any_layer
from prepared import network_of, prepared_file
from shared import PENGUINS

import plainnet as pn
from plainnet import activations
from plainnet.errors import FileError, InvalidValue, MissingExtraError
from plainnet.export import onnx as exporting
from plainnet.tabular import Table, read_table


def session_of(net, path):
    """The exported network in ONNX Runtime, after the checker has accepted it."""
    net.export(path)
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def assert_equal_to_1e_5(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


# ---- arrays ----


def with_random_numbers(net, random):
    """The network with every parameter and statistic moved from where it starts, as training does."""
    net.parameters += random.normal(scale=0.3, size=net.parameters.shape)
    for layer in net.layers:
        if isinstance(layer, pn.BatchNorm):
            layer.running_mean = random.normal(size=layer.running_mean.shape)
            layer.running_variance = random.uniform(0.5, 2, size=layer.running_variance.shape)
    return net


@settings(max_examples=150, deadline=None)
@given(
    layers=st.lists(any_layer(), min_size=1, max_size=5),
    input_size=st.integers(1, 10),
    rows=st.sampled_from([1, 2, 7, 64]),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_onnx_runtime_predicts_what_a_random_network_predicts(tmp_path_factory, layers, input_size, rows, dtype, seed):
    random = np.random.default_rng(seed)
    net = with_random_numbers(pn.Network(*layers, input_size=input_size, seed=seed, dtype=dtype), random)
    X = random.normal(size=(rows, input_size)).astype(dtype)
    with np.errstate(all="ignore"):
        expected, exact = net.predict(X), net.copy("float64").predict(X)
    assume(np.isfinite(expected).all())  # an exponential of an exponential may overflow
    assume(np.allclose(expected, exact, rtol=2e-6, atol=2e-6))  # otherwise float32 itself does not say it to 1e-5
    session = session_of(net, tmp_path_factory.mktemp("onnx") / "net.onnx")
    (actual,) = session.run(["Y"], {"X": X})
    assert actual.dtype == net.dtype
    assert_equal_to_1e_5(actual, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_every_activation_far_from_zero_and_near_it(tmp_path, name, dtype):
    net = pn.Network(pn.Activation(name), input_size=1 if name != "softmax" else 6, dtype=dtype)
    z = np.array([-1000, -20, -1, -1e-3, -1e-7, 0, 1e-7, 1e-3, 1, 5, 20, 1000], dtype)
    z = z[z <= 20] if name == "exponential" else z
    X = z.reshape(-1, net.input_size)
    with np.errstate(over="ignore"):
        expected = net.predict(X)
    (actual,) = session_of(net, tmp_path / "net.onnx").run(None, {"X": X})
    assert_equal_to_1e_5(actual, expected)


@pytest.mark.parametrize("normalization", [pn.BatchNorm, pn.LayerNorm])
def test_normalization_of_features_far_from_zero_keeps_their_digits(tmp_path, normalization):
    net = pn.Network(normalization(), input_size=5, seed=1)
    X = np.random.default_rng(1).normal(1000, 1, size=(50, 5)).astype("float32")
    if normalization is pn.BatchNorm:
        net.layers[0].running_mean, net.layers[0].running_variance = X.mean(axis=0), X.var(axis=0)
    (actual,) = session_of(net, tmp_path / "net.onnx").run(None, {"X": X})
    exact = X.astype("float64")
    axis = 0 if normalization is pn.BatchNorm else 1
    exact = (exact - exact.mean(axis, keepdims=True)) / np.sqrt(exact.var(axis, keepdims=True) + 1e-5)
    np.testing.assert_allclose(actual, exact, atol=5e-4)  # an input of 1000 is known to 6e-5


def test_one_file_serves_every_batch_size(tmp_path):
    net = pn.Network(pn.Dense(3, "tanh"), pn.Dense(2, "softmax"), input_size=4, seed=1)
    session = session_of(net, tmp_path / "net.onnx")
    assert [(port.name, port.shape) for port in (*session.get_inputs(), *session.get_outputs())] == [
        ("X", ["batch", 4]),
        ("Y", ["batch", 2]),
    ]
    for rows in (1, 3, 1000):
        X = np.random.default_rng(rows).normal(size=(rows, 4)).astype("float32")
        assert_equal_to_1e_5(session.run(None, {"X": X})[0], net.predict(X))


def test_the_file_says_which_plainnet_wrote_it(tmp_path):
    session = session_of(pn.Network(pn.Dense(1), input_size=1), tmp_path / "net.onnx")
    assert session.get_modelmeta().producer_name == "plainnet"
    assert session.get_modelmeta().custom_metadata_map == {"plainnet": pn.__version__}
    model = onnx.load(tmp_path / "net.onnx")
    assert model.producer_version == pn.__version__
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 13)]


# ---- tables ----


def inputs_of(table, frame):
    """The frame's columns as the documentation says that a file takes them."""
    inputs = {}
    for column in table.columns:
        values = frame[column.name]
        if column.kind == "category":
            array = values.fill_null("").to_numpy().astype(object)
        else:
            array = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
        inputs[column.name] = array.reshape(-1, 1)
    return inputs


def trained(path, target, **options):
    prepared = prepared_file(path, target, seed=1, loss=options.pop("loss", None))
    net = network_of(prepared, (16, 8), seed=1, **options)
    net.fit(prepared.X, prepared.y, loss=prepared.problem.loss, epochs=5)
    return net, prepared.table


def assert_classifies_alike(session, net, table, frame):
    outputs = net.predict(table.features(frame))
    label, probability = session.run(["label", "probabilities"], inputs_of(table, frame))
    assert label.shape == (len(frame),)
    assert label.tolist() == table.decode(outputs).tolist()
    assert probability.dtype == net.dtype
    assert_equal_to_1e_5(probability, table.target.probabilities(outputs))


def assert_estimates_alike(session, net, table, frame):
    (output,) = session.get_outputs()  # another name where a column is called "variable"
    (variable,) = session.run([output.name], inputs_of(table, frame))
    assert variable.shape == (len(frame), 1)
    np.testing.assert_allclose(
        variable[:, 0], table.decode(net.predict(table.features(frame))), atol=1e-5 * table.target.deviation
    )


def odd_penguins():
    """A penguin of which nothing is known, one whose every category is new, and one with missing measurements."""
    frame = read_table(PENGUINS)
    new = frame[:1].with_columns(island=pl.lit("Anvers"), species=pl.lit("Emperor"), sex=pl.lit("unknown"))
    return pl.concat([frame.clear(1), new, frame[3:4]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_the_species_of_penguins(tmp_path, dtype, normalization):
    net, table = trained(PENGUINS, "species", dtype=dtype, normalization=normalization, dropout=0.1)
    session = session_of(net, tmp_path / "net.onnx")
    assert [(port.name, port.type, port.shape) for port in session.get_inputs()] == [
        ("island", "tensor(string)", ["batch", 1]),
        ("bill_length_mm", "tensor(double)", ["batch", 1]),
        ("bill_depth_mm", "tensor(double)", ["batch", 1]),
        ("flipper_length_mm", "tensor(double)", ["batch", 1]),
        ("body_mass_g", "tensor(double)", ["batch", 1]),
        ("sex", "tensor(string)", ["batch", 1]),
        ("year", "tensor(double)", ["batch", 1]),
    ]
    assert_classifies_alike(session, net, table, table.read(PENGUINS))


@pytest.mark.filterwarnings("ignore:column.*(missing values|training did not have)")
@pytest.mark.parametrize("target", ["species", "body_mass_g", "sex"])
def test_missing_values_and_unseen_categories_of_penguins(tmp_path, target):
    loss = {"sex": "binary_cross_entropy"}.get(target)
    net, table = trained(PENGUINS, target, loss=loss)
    session = session_of(net, tmp_path / "net.onnx")
    alike = assert_estimates_alike if target == "body_mass_g" else assert_classifies_alike
    for frame in (table.read(PENGUINS), odd_penguins(), odd_penguins()[:1], odd_penguins()[1:2]):
        alike(session, net, table, frame)


@pytest.mark.filterwarnings("ignore:column.*(missing values|training did not have)")
def test_the_mass_of_penguins_in_grams(tmp_path):
    net, table = trained(PENGUINS, "body_mass_g")
    session = session_of(net, tmp_path / "net.onnx")
    assert [(port.name, port.type, port.shape) for port in session.get_outputs()] == [
        ("variable", "tensor(double)", ["batch", 1])
    ]
    assert_estimates_alike(session, net, table, table.read(PENGUINS))
    (variable,) = session.run(None, inputs_of(table, table.read(PENGUINS)))
    assert 2500 < variable.min() < variable.max() < 6500


def test_one_sigmoid_unit_gives_the_probabilities_of_both_classes(tmp_path):
    net, table = trained(PENGUINS, "sex", loss="binary_cross_entropy")
    assert net.output_size == 1
    session = session_of(net, tmp_path / "net.onnx")
    label, probability = session.run(None, inputs_of(table, table.read(PENGUINS)))
    assert set(label) == {"female", "male"}
    assert probability.shape == (344, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)
    assert ((probability[:, 1] > 0.5) == (label == "male")).all()


def made_frame(rows=200):
    """Columns of every kind, with large numbers, and targets of every kind that depend on them."""
    random = np.random.default_rng(5)
    seconds = 1.7e9 + random.integers(0, 100, rows)  # float32 knows them to 128 seconds
    member, paid = random.random(rows) < 0.3, random.random(rows) < 0.6
    return pl.DataFrame(
        {
            "seconds": seconds.astype(float),
            "member": member,
            "paid": [None if random.random() < 0.2 else bool(p) for p in paid],
            "code": random.choice(["", "é日", "b c", "B"], rows),
            "late": (seconds > 1.7e9 + 50) ^ (random.random(rows) < 0.1),
            "stars": random.integers(1, 4, rows),
            "amount": 1e12 + seconds + 10 * member,
        }
    )


@pytest.mark.filterwarnings("ignore:column.*(missing values|training did not have)")
@pytest.mark.parametrize("target", ["late", "stars", "amount"])
def test_a_table_with_booleans_large_numbers_and_empty_text(tmp_path, target):
    frame = made_frame()
    columns = ["seconds", "member", "paid", "code", target]
    frame.select(columns).write_parquet(tmp_path / "table.parquet")
    options = {"loss": "cross_entropy"} if target == "stars" else {}
    net, table = trained(tmp_path / "table.parquet", target, **options)
    session = session_of(net, tmp_path / "net.onnx")
    alike = assert_estimates_alike if target == "amount" else assert_classifies_alike
    rows = table.read(tmp_path / "table.parquet", target=True)  # an empty text of the file is a missing value
    alike(session, net, table, rows)
    unknown = rows[:2].with_columns(pl.lit(None).alias(c).cast(rows[c].dtype) for c in ("seconds", "member", "paid"))
    alike(session, net, table, unknown)
    if target != "amount":  # true and false are 1 and 0
        assert session.get_outputs()[0].type == "tensor(int64)"


columns_of_tables = {
    "number": st.fixed_dictionaries({"mean": st.floats(-1e9, 1e9), "deviation": st.floats(1e-3, 1e6)}),
    "boolean": st.fixed_dictionaries({"mean": st.floats(0, 1)}),
    "category": st.fixed_dictionaries(
        {"values": st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1)}
    ),
}


@st.composite
def random_tables(draw):
    names = draw(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5, unique=True))
    columns = []
    for name in names:
        kind = draw(st.sampled_from(sorted(columns_of_tables)))
        column = {"kind": kind, "name": name, "missing": draw(st.booleans()), **draw(columns_of_tables[kind])}
        if "values" in column:
            column["values"] = sorted(set(column["values"]))
        columns.append(column)
    target = {"kind": "regression", "name": "", "mean": 0.0, "deviation": 1.0}
    return Table.from_dict({"columns": columns, "target": target})


def random_values(column, random, rows):
    """Values of a column as a table has them, some missing and some never seen."""
    missing = random.random(rows) < 0.3
    if column.kind == "number":
        values = (column.mean + column.deviation * random.normal(size=rows)).tolist()
        dtype = pl.Float64
    elif column.kind == "boolean":
        values, dtype = (random.random(rows) < 0.5).tolist(), pl.Boolean
    else:
        values, dtype = random.choice(np.array([*column.values, "never seen"], object), rows).tolist(), pl.String
    return pl.Series(column.name, [None if m else v for m, v in zip(missing, values, strict=True)], dtype)


@pytest.mark.filterwarnings("ignore:column.*(missing values|training did not have)")
@settings(max_examples=50, deadline=None)
@given(table=random_tables(), rows=st.sampled_from([1, 9]), seed=st.integers(0, 2**32 - 1))
def test_the_preprocessing_of_random_tables(tmp_path_factory, table, rows, seed):
    random = np.random.default_rng(seed)
    frame = pl.DataFrame([random_values(column, random, rows) for column in table.columns])
    net = pn.Network(pn.Dense(1), input_size=len(table.feature_names), seed=seed, dtype="float64")
    net.table = table.to_dict()
    session = session_of(net, tmp_path_factory.mktemp("onnx") / "net.onnx")
    assert_estimates_alike(session, net, table, frame)


def test_a_column_named_like_an_output_keeps_its_name(tmp_path):
    frame = pl.DataFrame({"variable": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]})
    table = Table.learn(frame, "y", "regression")
    net = pn.Network(pn.Dense(1), input_size=1, seed=1)
    net.table = table.to_dict()
    session = session_of(net, tmp_path / "net.onnx")
    (actual,) = session.run(["variable1"], {"variable": np.array([[1.0], [2.0]])})
    np.testing.assert_allclose(actual[:, 0], table.decode(net.predict(table.features(frame[:2]))), rtol=1e-6)


def test_without_its_table_the_network_takes_features(tmp_path):
    net, table = trained(PENGUINS, "species")
    net.table = None
    X = table.features(table.read(PENGUINS)).astype("float32")
    (actual,) = session_of(net, tmp_path / "net.onnx").run(["Y"], {"X": X})
    assert_equal_to_1e_5(actual, net.predict(X))


# ---- refusals ----


def sigmoid(z):
    """A user's own, under a name that plainnet has too."""
    return z / (1 + np.abs(z)), 1 / (1 + np.abs(z)) ** 2


def mish(z):
    t = np.tanh(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0))
    return z * t, t


def pieces(z):
    bent = np.where((z > -1) & (z <= 1) | (z > 3), np.sin(z), np.clip(z, -2.5, np.sqrt(np.square(z) + 1)))
    return bent - np.expm1(-np.abs(z)) / 2 + np.sign(z) * (z != 0), z


class Hot(pn.activations.Sigmoid):
    def value(self, z):
        return super().value(2 * z)


class RMSNorm(pn.Layer):
    """outputs = scale · inputs / √(mean(inputs²) + epsilon)."""

    def __init__(self, epsilon=1e-6):
        self.epsilon = epsilon

    def parameter_shapes(self, input_shape):
        return {"scale": input_shape}

    def initialize(self, random):
        self.scale = random.uniform(0.5, 2, self.scale.shape)

    def forward(self, inputs, training=None):
        root = np.sqrt((inputs**2).mean(axis=1, keepdims=True) + self.epsilon)
        return self.scale * inputs / root, lambda gradient, gradients: gradient


class Halves(pn.Layer):
    """Each example's halves, changed over, once more with their order turned round, and their sum."""

    def output_shape(self, input_shape):
        return (2 * input_shape[0] + 1,)

    def forward(self, inputs, training=None):
        half = inputs.shape[1] // 2
        changed = np.concatenate([inputs[:, half:], inputs[:, :half]], axis=1)
        outputs = np.concatenate([changed, inputs[:, ::-1], changed.sum(axis=1)[:, None]], axis=1)
        return outputs, lambda gradient, gradients: gradient


class Wider(pn.Dense):
    """A Dense layer that keeps its inputs beside its outputs."""

    def output_shape(self, input_shape):
        return (self.units + input_shape[0],)

    def forward(self, inputs, training=None):
        outputs, backward = super().forward(inputs, training)
        return np.hstack([inputs, outputs]), backward


OWN = {
    "activation": lambda: pn.Dense(4, sigmoid),
    "mish": lambda: pn.Activation(mish),
    "pieces": lambda: pn.Activation(pieces),
    "subclass of an activation": lambda: pn.Dense(4, Hot()),
    "layer": RMSNorm,
    "layer that cuts and joins": Halves,
    "subclass of a layer": lambda: Wider(3, "relu"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("own", OWN)
def test_what_is_a_users_own_is_written_as_its_own_operators(tmp_path, own, dtype):
    net = pn.Network(pn.Dense(4), OWN[own](), pn.Dense(2, "softmax"), input_size=3, seed=1, dtype=dtype)
    X = np.random.default_rng(1).normal(size=(50, 3)).astype(dtype) * 3
    session = session_of(net, tmp_path / "net.onnx")
    for rows in (1, 50):
        (actual,) = session.run(None, {"X": X[:rows]})
        assert_equal_to_1e_5(actual, net.predict(X[:rows]))


def test_well_known_functions_are_operators_of_their_own(tmp_path):
    net = pn.Network(pn.Dense(3, "sigmoid"), pn.Dense(3, "softmax"), input_size=2)
    net.export(tmp_path / "net.onnx")
    operators = [node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node]
    assert operators == ["MatMul", "Add", "Sigmoid", "MatMul", "Add", "Softmax", "Identity"]


def branching(z):
    return (z if z.max() > 0 else -z), np.ones_like(z)


def sorted_rows(z):
    return np.sort(z, axis=1), np.ones_like(z)


def centred(z):
    return z - z.mean(axis=0), np.ones_like(z)


def by_rows(z):
    return z / len(z), np.ones_like(z)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (branching, r"layers\[1\], Dense, cannot be written as ONNX: .*branch.*if z.max\(\) > 0.*Python script"),
        (sorted_rows, r"layers\[1\], Dense, .*sort"),
        (centred, r"layers\[1\], Dense, takes the mean over the examples"),
        (by_rows, r"layers\[1\], Dense, computes with the number of rows"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_reason(tmp_path, function, message):
    net = pn.Network(pn.Dense(2), pn.Dense(2, function), input_size=2)
    with pytest.raises(InvalidValue, match=message):
        net.export(tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_is_not_built_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="no parameters yet"):
        pn.Network(pn.Dense(1)).export(tmp_path / "net.onnx")


def test_a_network_too_large_for_one_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "LARGEST", 800)
    net = pn.Network(pn.Dense(10), pn.BatchNorm(), input_size=10, dtype="float64")
    with pytest.raises(InvalidValue, match=r"1,200 bytes of parameters.*less than 2 GiB.*net.copy\('float32'\)"):
        net.export(tmp_path / "net.onnx")
    net.copy("float32").export(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [(2, 3, "takes 2 inputs and its table makes 15 features"), (15, 2, r"shape \(1, 2\).*take shape \(rows, 3\)")],
)
def test_a_network_that_does_not_fit_its_table_is_refused(tmp_path, inputs, outputs, message):
    net = pn.Network(pn.Dense(outputs, "softmax"), input_size=inputs)
    net.table = Table.learn(read_table(PENGUINS), "species", "classification").to_dict()
    with pytest.raises(InvalidValue, match=message):
        net.export(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"kind": "boolean", "name": "", "mean": 0.5, "missing": False}, "empty name"),
        ({"kind": "category", "name": "c", "values": ["", "a"], "missing": True}, "'c' has the empty text"),
    ],
)
def test_what_onnx_cannot_say_of_a_column_is_refused(tmp_path, column, message):
    target = {"kind": "regression", "name": "y", "mean": 0.0, "deviation": 1.0}
    table = Table.from_dict({"columns": [column], "target": target})
    net = pn.Network(pn.Dense(1), input_size=len(table.feature_names))
    net.table = table.to_dict()
    with pytest.raises(InvalidValue, match=message):
        net.export(tmp_path / "net.onnx")


def test_a_failed_export_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    with pytest.raises(InvalidValue):
        pn.Network(pn.Dense(2, branching), input_size=2).export(path)
    assert path.read_bytes() == b"old"
    with pytest.raises(FileError, match=r"no folder"):
        pn.Network(pn.Dense(1), input_size=2).export(tmp_path / "none" / "net.onnx")


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"plainnet\[exchange\]"):
        pn.Network(pn.Dense(1), input_size=1).export(tmp_path / "net.onnx")


def test_a_file_runs_where_plainnet_is_not_imported(tmp_path):
    net = pn.Network(pn.Dense(1), input_size=2, seed=1)
    net.export(tmp_path / "net.onnx")
    program = (
        "import sys, numpy, onnxruntime; s = onnxruntime.InferenceSession('net.onnx'); "
        "print(s.run(None, {'X': numpy.ones((1, 2), 'float32')})[0][0, 0]); assert 'plainnet' not in sys.modules"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert float(output) == pytest.approx(float(net.predict(np.ones((1, 2)))[0, 0]), abs=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("f", [np.cosh, np.sinh, np.tan, np.logical_not, lambda u: np.logical_and(u, u > 0.5)])
def test_functions_of_which_onnx_runtime_has_other_types(tmp_path, f, dtype):
    net = pn.Network(pn.Dense(4, lambda z: (f(z) * np.ones_like(z), z)), input_size=3, seed=1, dtype=dtype)
    X = np.random.default_rng(0).normal(0, 0.3, (50, 3)).astype(dtype)
    (outputs,) = session_of(net, tmp_path / "net.onnx").run(None, {"X": X})
    assert np.allclose(outputs, net.predict(X), rtol=0, atol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("f", [np.arctan, np.arcsin, np.arccos])
def test_functions_that_onnx_runtime_has_in_float32_alone(tmp_path, f):
    net = pn.Network(pn.Dense(4, lambda z: (f(np.tanh(z)), z)), input_size=3, seed=1, dtype="float64")
    with pytest.raises(InvalidValue, match=r"layers\[0\].*float32"):
        net.export(tmp_path / "net.onnx")
    session_of(net.copy("float32"), tmp_path / "net.onnx")
