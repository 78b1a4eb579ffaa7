"""safetensors files: PyTorch's come in, ours go out, and damaged ones are refused; `goldens/make_safetensors.py`."""

import itertools
import json
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from parts import any_layer, with_random_numbers

import plainnet as pn
from plainnet.errors import FileError, InvalidType, InvalidValue, MissingExtraError
from plainnet.export.safetensors import sequential

GOLDENS = Path(__file__).parent / "goldens"
GOLDEN = json.loads((GOLDENS / "pytorch_sequential.json").read_text())
X = np.array(GOLDEN["inputs"])
OWN = "describe the network"


def golden(name):
    return GOLDENS / f"pytorch_{name}.safetensors"


def relu_network(**settings):
    return pn.Network(pn.Dense(4, "relu"), pn.Dense(4, "relu"), pn.Dense(2), **settings)


def normalized_network(**settings):
    """The network of pytorch_normalized.safetensors."""
    layers = [pn.Dense(4, bias=False), pn.BatchNorm(), pn.Activation("tanh"), pn.Dropout(0.25), pn.Dense(4)]
    layers += [pn.LayerNorm(), pn.Activation("gelu"), pn.Dense(3, "softmax")]
    return pn.Network(*layers, **settings)


# ---- from PyTorch ----


@pytest.mark.parametrize("name", ["sequential", "bfloat16"])
def test_a_sequential_of_linear_layers_loads_by_one_call(name):
    net = pn.load_safetensors(golden(name), activation="relu")
    assert [(layer.units, layer.activation.name) for layer in net.layers] == [(4, "relu"), (4, "relu"), (2, "identity")]
    np.testing.assert_allclose(net.predict(X), GOLDEN["outputs"][f"pytorch_{name}"], atol=1e-6)


@pytest.mark.parametrize("make", [relu_network, normalized_network])
@pytest.mark.parametrize("settings", [{}, {"input_size": 3}], ids=["unbuilt", "built"])
def test_pytorchs_arrays_load_into_a_described_network(make, settings):
    name = "sequential" if make is relu_network else "normalized"
    net = make(dtype="float64", **settings)
    assert pn.load_safetensors(golden(name), net) is net
    np.testing.assert_allclose(net.predict(X), GOLDEN["outputs"][f"pytorch_{name}"], rtol=1e-12)


def test_names_may_have_a_prefix_and_numbers_count_as_numbers(tmp_path):
    random = np.random.default_rng(0)
    tensors = {f"model.net.{i}.weight": random.normal(size=(2, 2)) for i in range(0, 22, 2)}
    path = tmp_path / "deep.safetensors"
    safetensors.numpy.save_file(tensors, path)
    outputs = random.normal(size=(5, 2))
    net = pn.load_safetensors(path, activation="tanh")
    inputs = outputs
    for i in range(0, 22, 2):  # 10 comes after 8, not after 0
        outputs = outputs @ tensors[f"model.net.{i}.weight"].T
        outputs = np.tanh(outputs) if i < 20 else outputs
    np.testing.assert_allclose(net.predict(inputs), outputs, rtol=1e-12)
    assert net.dtype == np.float64


# ---- to PyTorch ----


@pytest.mark.parametrize("make", [relu_network, normalized_network])
def test_what_came_from_pytorch_goes_back_as_it_was(make, tmp_path):
    name = "sequential" if make is relu_network else "normalized"
    net = pn.load_safetensors(golden(name), make())
    net.export(tmp_path / "back.safetensors", layout="pytorch")
    back = safetensors.numpy.load_file(tmp_path / "back.safetensors")
    theirs = safetensors.numpy.load_file(golden(name))
    theirs = {name: array for name, array in theirs.items() if "num_batches_tracked" not in name}
    assert back.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


def test_the_sequential_is_spelled_out():
    net = pn.Network(
        pn.Dense(4, {"name": "leaky_relu", "slope": 0.2}),
        pn.BatchNorm(momentum=0.3),
        pn.Activation("identity"),
        pn.Dense(2, bias=False),
        input_size=3,
    )
    assert sequential(net).split(",\n") == [
        "nn.Sequential(\n    nn.Linear(3, 4, bias=True)",
        "    nn.LeakyReLU(0.2)",
        "    nn.BatchNorm1d(4, eps=1e-05, momentum=0.3)",
        "    nn.Identity()",
        "    nn.Linear(4, 2, bias=False)",
        ")",
    ]


class Twice(pn.Layer):
    def forward(self, inputs, training=None):
        return 2 * inputs, lambda gradient, gradients: 2 * gradient


class Scale(pn.Layer):
    def parameter_shapes(self, input_shape):
        return {"weight": (input_shape[0], input_shape[0])}

    def forward(self, inputs, training=None):
        return inputs @ self.weight, None


def square(z):
    return z**2, 2 * z


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([pn.Dense(2), Twice()], r"layers\[1\], Twice, is your own.*plainnet"),
        ([pn.Dense(2, square)], r"square' of layers\[0\], Dense, is your own"),
        ([pn.Dense(2), pn.Activation("exponential")], r"'exponential' of layers\[1\].*no module in PyTorch"),
    ],
)
def test_what_pytorch_has_no_module_for_is_refused(layers, words, tmp_path):
    with pytest.raises(InvalidValue, match=words):
        pn.Network(*layers, input_size=2).export(tmp_path / "own.safetensors", layout="pytorch")
    assert list(tmp_path.iterdir()) == []


# ---- our own ----


def test_names_are_those_of_the_network(tmp_path):
    net = normalized_network(input_size=3, seed=1)
    net.fit(X, [0, 1, 2, 0, 1], loss="cross_entropy", epochs=3, batch_size=None)
    net.export(tmp_path / "net.safetensors")
    tensors = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    assert {name.rpartition(".")[0] for name in tensors} == {"layers.0", "layers.1", "layers.4", "layers.5", "layers.7"}
    np.testing.assert_array_equal(tensors["layers.7.weights"], net.layers[7].weights)
    np.testing.assert_array_equal(tensors["layers.1.running_variance"], net.layers[1].running_variance)
    assert "layers.0.bias" not in tensors


@given(data=st.data(), layout=st.sampled_from(["plainnet", "pytorch"]), dtype=st.sampled_from(["float32", "float64"]))
def test_any_network_comes_back_to_the_last_bit(data, layout, dtype, tmp_path_factory):
    layer = any_layer(without=["exponential"])
    if layout == "pytorch":
        layer = layer.filter(lambda one: one.torch or one.ends_in_activation)  # what PyTorch has a module for
    layers = data.draw(st.lists(layer, max_size=5))
    net = pn.Network(*layers, pn.Dense(2), input_size=data.draw(st.integers(1, 5)), dtype=dtype, seed=1)
    with_random_numbers(net)
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    net.export(path, layout=layout)
    described = pn.Network.from_description({**net.describe(), "input_size": None, "seed": 2})
    for again in (pn.load_safetensors(path), pn.load_safetensors(path, described)):
        np.testing.assert_array_equal(again.parameters, net.parameters)
        np.testing.assert_array_equal(again.statistics, net.statistics)
    assert pn.load_safetensors(path).describe() == net.describe()


def test_the_schema_of_a_table_comes_along(tmp_path):
    net = relu_network(input_size=3)
    net.table = {"columns": ["a", "b", "c"]}
    net.export(tmp_path / "net.safetensors")
    assert pn.load_safetensors(tmp_path / "net.safetensors").table == net.table


def test_layers_of_the_users_own_come_back_into_a_described_network(tmp_path):
    net = pn.Network(Scale(), pn.Dense(1, square), Twice(), input_size=2, seed=1)
    net.parameters = np.arange(net.parameters.size)
    net.export(tmp_path / "own.safetensors")
    tensors = safetensors.numpy.load_file(tmp_path / "own.safetensors")
    np.testing.assert_array_equal(tensors["layers.0.weight"], [[0, 1], [2, 3]])
    with pytest.raises(FileError, match=r"Scale' is unknown.*describe the network"):
        pn.load_safetensors(tmp_path / "own.safetensors")
    again = pn.Network(Scale(), pn.Dense(1, square), Twice(), input_size=2)
    pn.load_safetensors(tmp_path / "own.safetensors", again)
    np.testing.assert_array_equal(again.parameters, net.parameters)
    np.testing.assert_array_equal(again.layers[0].weight, [[0, 1], [2, 3]])


def test_a_network_without_parameters_is_not_written(tmp_path):
    with pytest.raises(InvalidValue, match="no parameters yet"):
        relu_network().export(tmp_path / "net.safetensors")
    with pytest.raises(InvalidValue, match="layout is 'torch'"):
        relu_network(input_size=3).export(tmp_path / "net.safetensors", layout="torch")


def test_without_the_library_files_are_read_and_not_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    net = pn.load_safetensors(golden("sequential"), activation="relu")
    with pytest.raises(MissingExtraError, match=r"plainnet\[exchange\]"):
        net.export(tmp_path / "net.safetensors")


# ---- what does not fit ----


@pytest.fixture
def file(tmp_path):
    """A function that writes arrays to a file and gives its path."""

    def write(tensors):
        safetensors.numpy.save_file(tensors, tmp_path / "given.safetensors")
        return tmp_path / "given.safetensors"

    return write


def linear(*sizes, step=2, dtype="float32"):
    """Arrays named as those of Linear layers of these sizes in an nn.Sequential."""
    shapes = {str(step * i): (units, inputs) for i, (inputs, units) in enumerate(itertools.pairwise(sizes))}
    weights = {f"{module}.weight": np.ones(shape, dtype) for module, shape in shapes.items()}
    return weights | {f"{module}.bias": np.ones(shape[0], dtype) for module, shape in shapes.items()}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (linear(3, 4, 4, 3), r"'4.weight' has transposed shape \(4, 3\) and the network's weights \(4, 2\)"),
        (linear(2, 4, 4, 2), r"'0.weight' has transposed shape \(2, 4\) and the network's weights \(3, 4\)"),
        (linear(3, 4, 2), "parameters of 2 modules and the network has 3 such layers"),
        (linear(3, 4, 4, 2) | {"4.extra": np.ones(2)}, "holds '4.extra', which the network does not have"),
        ({k: v for k, v in linear(3, 4, 4, 2).items() if k != "2.bias"}, "lacks '2.bias'"),
        (linear(3, 4, 4, 2) | {"head.weight": np.ones(2)}, "holds 'head.weight'; it takes names as"),
        (linear(3, 4, 4) | {"a.4.weight": np.ones((2, 4))}, "several groups of layers"),
        (linear(3, 4, 4, 2) | {"0.bias": np.ones(4, "int64")}, "'0.bias' has integers"),
        (linear(3, 4, 4, 2) | {"0.bias": np.ones(4, "int32")}, "'0.bias' has dtype 'I32'"),
        (linear(3, 4, 4, 2) | {"0.bias": np.full(4, np.nan)}, "'0.bias' holds NaN or infinity"),
        (linear(3, 4, 4, 2) | {"0.bias": np.full(4, 1e39)}, "'0.bias' holds numbers too large .* float32"),
        ({"layers.0.weights": np.ones((3, 4))}, "lacks 'layers.0.bias'"),
        ({}, "lacks"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_the_network_stays(file, tensors, words):
    net = relu_network(input_size=3, seed=1)
    before = net.parameters.copy()
    with pytest.raises(FileError, match=f"given.safetensors.*{words}"):
        pn.load_safetensors(file(tensors), net)
    np.testing.assert_array_equal(net.parameters, before)


def test_a_network_that_is_not_built_stays_so_where_the_file_does_not_fit(file):
    net = relu_network()
    with pytest.raises(FileError, match=r"'4.weight' has"):
        pn.load_safetensors(file(linear(3, 4, 4, 3)), net)
    assert not net.is_built


def test_a_file_that_does_not_tell_the_number_of_inputs_is_refused(file):
    with pytest.raises(FileError, match=r"number of inputs; give the network an input_size"):
        pn.load_safetensors(file({"layers.0.bias": np.ones(1)}), pn.Network(pn.Dense(1)))


def test_square_weights_go_by_their_names(file):
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    of_pytorch = pn.load_safetensors(file({"0.weight": square}))
    np.testing.assert_array_equal(of_pytorch.layers[0].weights, square.T)
    ours = pn.load_safetensors(file({"layers.0.weights": square}), pn.Network(pn.Dense(2, bias=False)))
    np.testing.assert_array_equal(ours.layers[0].weights, square)


def test_numbers_are_rounded_to_the_networks_dtype(file):
    path = file({"0.weight": np.array([[0.1]]), "0.bias": np.array([0.5], "float16")})
    net = pn.load_safetensors(path, pn.Network(pn.Dense(1)))
    assert net.layers[0].weights[0, 0] == np.float32(0.1)
    assert net.layers[0].bias[0] == 0.5
    assert pn.load_safetensors(path).layers[0].weights[0, 0] == 0.1


@pytest.mark.parametrize(
    ("tensors", "error", "words"),
    [
        (linear(3, 4, 2), InvalidValue, "2 Linear layers and does not say which activation.*activation='relu'"),
        (linear(3, 4, 2, step=1), FileError, f"no activation stands between '0' and the next; {OWN}"),
        (linear(3, 4, 2) | {"1.weight": np.ones(4)}, FileError, f"'1' is not a Linear layer; {OWN}"),
        ({"0.bias": np.ones(4)}, FileError, "'0' is not a Linear layer"),
        ({}, FileError, "holds no arrays"),
    ],
)
def test_a_stack_that_cannot_be_told_from_the_file_is_refused(file, tensors, error, words):
    activation = None if error is InvalidValue else "relu"
    with pytest.raises(error, match=f"given.safetensors.*{words}"):
        pn.load_safetensors(file(tensors), activation=activation)


def test_layers_that_do_not_follow_each_other_are_refused(file):
    tensors = linear(3, 4) | {"2.weight": np.ones((2, 5))}
    with pytest.raises(FileError, match=r"'2.weight' has transposed shape \(5, 2\) and the network's weights \(4, 2\)"):
        pn.load_safetensors(file(tensors), activation="relu")


def test_activations_are_given_where_the_file_lacks_them_alone(tmp_path):
    relu_network(input_size=3).export(tmp_path / "ours.safetensors")
    with pytest.raises(InvalidValue, match="activation is given and the file has its own"):
        pn.load_safetensors(tmp_path / "ours.safetensors", activation="relu")
    with pytest.raises(InvalidValue, match="output_activation is given and net has its own"):
        pn.load_safetensors(golden("sequential"), relu_network(), output_activation="softmax")
    with pytest.raises(InvalidValue, match="did you mean 'relu'"):
        pn.load_safetensors(golden("sequential"), activation="relo")
    with pytest.raises(InvalidType, match=r"net is .*takes a plainnet.Network"):
        pn.load_safetensors(golden("sequential"), "relu")


# ---- hostile files ----


@pytest.fixture(params=["plainnet", "pytorch"])
def whole(request, tmp_path):
    """The bytes of a good file."""
    normalized_network(input_size=3, seed=1).export(tmp_path / "net.safetensors", layout=request.param)
    return (tmp_path / "net.safetensors").read_bytes()


def test_a_file_cut_short_anywhere_is_refused(whole, tmp_path):
    path = tmp_path / "cut.safetensors"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"cut\.safetensors"):
            pn.load_safetensors(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(FileError, match=r"cut\.safetensors"):
        pn.load_safetensors(path)


def test_what_loads_after_a_random_change_loads_in_the_formats_own_reader_too(whole, tmp_path):
    random = np.random.default_rng(0)
    path = tmp_path / "changed.safetensors"
    loaded = 0
    for _ in range(1000):
        changed = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            changed[random.integers(len(changed))] = random.integers(256)
        path.write_bytes(changed)
        try:
            net = pn.load_safetensors(path)
        except FileError:
            continue
        loaded += 1
        numbers = np.concatenate([array.ravel() for array in safetensors.numpy.load(bytes(changed)).values()])
        np.testing.assert_array_equal(np.sort(numbers), np.sort([*net.parameters, *net.statistics]))
    assert 0 < loaded < 1000  # a change of a weight's digits is not to be noticed; one of the header is


def with_header(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2, 2), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def described(**changes):
    """A header whose description claims something else than the one array in the file."""
    description = {"layers": [{"name": "Dense", "units": 2, "bias": False}], "input_size": 2, "dtype": "float32"}
    record = {"network": {**description, "seed": 1, **changes}, "table": changes.get("table")}
    return {"__metadata__": {"plainnet": json.dumps(record)}, "layers.0.weights": entry()}


HUGE = 10**12
HOSTILE = {
    "header beyond the file": with_header({}, length=HUGE),
    "header of all memory": with_header({}, length=2**64 - 1),
    "empty header": with_header(b""),
    "no object": with_header(b"[]"),
    "space before": with_header(b" {}"),
    "not UTF-8": with_header(b'{"\xff": 1}'),
    "NaN": with_header(b'{"0.weight": NaN}'),
    "nested": with_header(b'{"0.weight": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "nested metadata": with_header({"__metadata__": {"plainnet": "[" * 200_000}}),
    "long number": with_header(b'{"0.weight": ' + b"1" * 10_000 + b"}"),
    "duplicate name": with_header(
        b'{"0.weight": %s, "0.weight": %s}' % ((json.dumps(entry()).encode(),) * 2), bytes(16)
    ),
    "metadata no text": with_header({"__metadata__": {"a": 1}, "0.weight": entry()}, bytes(16)),
    "metadata no object": with_header({"__metadata__": [], "0.weight": entry()}, bytes(16)),
    "entry no object": with_header({"0.weight": [1]}),
    "entry with more": with_header({"0.weight": {**entry(), "more": 1}}, bytes(16)),
    "unknown dtype": with_header({"0.weight": entry("F31")}, bytes(16)),
    "dtype no text": with_header({"0.weight": entry([])}, bytes(16)),
    "huge shape": with_header({"0.weight": entry(shape=(HUGE, HUGE))}, bytes(16)),
    "huge empty shape": with_header({"0.weight": entry(shape=(HUGE, 0), offsets=(0, 0))}),
    "no inputs": with_header(
        {"0.weight": entry(shape=(2, 0), offsets=(0, 0)), "0.bias": entry(shape=[2], offsets=(0, 8))}, bytes(8)
    ),
    "negative shape": with_header({"0.weight": entry(shape=(-2, -2))}, bytes(16)),
    "fractional shape": with_header({"0.weight": entry(shape=(2.0, 2))}, bytes(16)),
    "boolean shape": with_header({"0.weight": entry(shape=(True, 4))}, bytes(16)),
    "many axes": with_header({"0.weight": entry(shape=[1] * 65, offsets=(0, 4))}, bytes(4)),
    "shape of more": with_header({"0.weight": entry(shape=(2, 3))}, bytes(16)),
    "shape of less": with_header({"0.weight": entry(shape=(2, 1))}, bytes(16)),
    "offsets beyond the data": with_header({"0.weight": entry(offsets=(16, 32))}, bytes(16)),
    "offsets backwards": with_header({"0.weight": entry(offsets=(16, 0))}, bytes(16)),
    "three offsets": with_header({"0.weight": entry(offsets=(0, 16, 16))}, bytes(16)),
    "overlap": with_header({"0.weight": entry(), "2.weight": entry(offsets=(8, 24))}, bytes(24)),
    "twice the same": with_header({"0.weight": entry(), "2.weight": entry()}, bytes(16)),
    "gap": with_header({"0.weight": entry(), "2.weight": entry(offsets=(20, 36))}, bytes(36)),
    "data left over": with_header({"0.weight": entry()}, bytes(20)),
    "long name": with_header({"x" * 100_000: entry()}, bytes(16)),
    "control characters": with_header({"\x1b[2J\ud800.weight": entry()}, bytes(16)),
    "huge layer": with_header(described(layers=[{"name": "Dense", "units": HUGE, "bias": False}]), bytes(16)),
    "many layers": with_header(described(layers=[{"name": "Dense", "units": 10**6}] * 9), bytes(16)),
    "NaN in the description": with_header(described(table=float("nan")), bytes(16)),
    "layers no list": with_header(described(layers=3), bytes(16)),
    "unknown layer": with_header(described(layers=["os.system"]), bytes(16)),
    "layer of a long name": with_header(described(layers=["x" * 100_000]), bytes(16)),
    "settings no numbers": with_header(described(layers=[{"name": "Dense", "units": "two"}]), bytes(16)),
    "setting too large": with_header(described(layers=[{"name": "Dense", "units": 2, "l1": 10**400}]), bytes(16)),
    "dtype of its own": with_header(described(dtype="object"), bytes(16)),
    "description no JSON": with_header({"__metadata__": {"plainnet": "{"}, "0.weight": entry()}, bytes(16)),
    "description no object": with_header({"__metadata__": {"plainnet": "3"}, "0.weight": entry()}, bytes(16)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_without_allocating_what_they_claim(case, tmp_path):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(HOSTILE[case])
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match=r"hostile\.safetensors") as refusal:
            pn.load_safetensors(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000 + 100 * len(HOSTILE[case])
    finally:
        tracemalloc.stop()
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 1000


def test_what_the_hostile_files_are_made_of_is_good_by_itself(tmp_path):
    path = tmp_path / "good.safetensors"
    path.write_bytes(with_header(described(), np.ones(4, "<f4").tobytes()))
    assert pn.load_safetensors(path).predict([[1, 2]]).tolist() == [[3, 3]]


def test_a_claimed_input_size_is_not_believed(tmp_path):
    path = tmp_path / "good.safetensors"
    path.write_bytes(with_header(described(input_size=HUGE), bytes(16)))
    assert pn.load_safetensors(path).input_size == 2


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(FileError, match=r"none.safetensors does not exist"):
        pn.load_safetensors(tmp_path / "none.safetensors")
    with pytest.raises(FileError, match="cannot be read"):
        pn.load_safetensors(tmp_path)
