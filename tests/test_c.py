"""Networks as C: real compilers take the files without a warning, and they compute what the network predicts."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from c_compilers import (
    CC,
    COMPILERS,
    WARNINGS,
    assert_few_last_places,
    exported,
    library,
    needs_compiler,
    pointer,
    predicted,
    program,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from parts import LAYERS, any_layer, cases, with_random_numbers

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.errors import FileError, InvalidValue

pytestmark = needs_compiler


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_far_from_zero_and_near_it(tmp_path, dtype):
    z = np.array([-1000, -88, -20, -5, -1, -1e-3, -1e-7, 0, 1e-7, 1e-3, 1, 5, 20, 88, 1000, np.nan], dtype)
    for name in ACTIVATIONS:
        net = pn.Network(pn.Activation(name), input_size=4 if name == "softmax" else 1, dtype=dtype)
        X = z.reshape(-1, net.input_size)
        folder = tmp_path / name
        folder.mkdir()
        with np.errstate(all="ignore"):
            expected = net.layers[0].predict(X)  # NaN included, which the network itself refuses
        actual = predicted(library(exported(net, folder)), net, X)
        assert_few_last_places(actual, expected, 4, np.minimum(np.abs(np.nan_to_num(X)), 20) + 1e-30)


@pytest.mark.parametrize("make", cases(LAYERS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer(make, dtype, tmp_path):
    net = with_random_numbers(pn.Network(pn.Dense(5, "tanh"), make(4), pn.Dense(2), input_size=3, seed=1, dtype=dtype))
    X = np.random.default_rng(2).normal(size=(40, 3)).astype(dtype)
    assert_few_last_places(predicted(library(exported(net, tmp_path)), net, X), net.predict(X), 40)


@settings(max_examples=40)
@given(
    layers=st.lists(any_layer(), min_size=1, max_size=5),
    input_size=st.integers(1, 10),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_networks(tmp_path_factory, layers, input_size, dtype, seed):
    net = with_random_numbers(pn.Network(*layers, input_size=input_size, seed=seed, dtype=dtype), seed)
    X = np.random.default_rng(seed).normal(size=(7, input_size)).astype(dtype)
    with np.errstate(all="ignore"):
        expected, exact = net.predict(X), net.copy("float64").predict(X)
    assume(np.isfinite(expected).all())  # an exponential of an exponential may overflow
    tolerance = 1e-5 if dtype == "float32" else 1e-11
    assume(np.allclose(expected, exact, rtol=tolerance / 5, atol=tolerance / 5))  # or the dtype itself does not say it
    functions = library(exported(net, tmp_path_factory.mktemp("c")))
    np.testing.assert_allclose(predicted(functions, net, X), expected, rtol=tolerance, atol=tolerance)


def digits_like(**settings):
    net = pn.Network(pn.Dense(32, "relu"), pn.Dense(10, "softmax"), input_size=64, seed=3, **settings)
    return net, np.random.default_rng(4).uniform(size=(200, 64)).astype(net.dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_middling_network_agrees_to_a_few_last_places(tmp_path, dtype):
    net, X = digits_like(dtype=dtype)
    assert_few_last_places(predicted(library(exported(net, tmp_path)), net, X), net.predict(X), 4)


@pytest.mark.parametrize("name", COMPILERS)
def test_every_compiler_takes_it_without_a_warning(tmp_path, name):
    net, X = digits_like()
    functions = library(exported(net, tmp_path), compiler=COMPILERS[name])
    assert_few_last_places(predicted(functions, net, X), net.predict(X), 4)


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler (g++) is installed")
def test_it_is_cpp_too_and_can_be_included(tmp_path):
    net, _ = digits_like()
    exported(net, tmp_path)
    (tmp_path / "use.cpp").write_text(
        '#include "net.c"\nint main() { static float x[NET_INPUTS], p[NET_CLASSES]; return net_class(x, p) < 0; }\n'
    )
    command = ["g++", *WARNINGS, "use.cpp", "-o", "use"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    subprocess.run([tmp_path / "use"], check=True)


def test_a_large_network_takes_its_memory_from_the_caller(tmp_path):
    net = pn.Network(pn.Dense(900, "tanh"), pn.Activation("relu"), pn.LayerNorm(), pn.Dense(3), input_size=4, seed=1)
    text = exported(net, tmp_path).read_text()
    length = int(re.search(r"#define NET_SCRATCH (\d+)", text)[1])
    assert length == 1800
    X = np.random.default_rng(4).normal(size=(20, 4)).astype("float32")
    scratch = np.full(length + 1, 7, "float32")  # the number behind the end stays as it is
    actual = predicted(library(tmp_path / "net.c"), net, X, pointer(scratch))
    np.testing.assert_allclose(actual, net.predict(X), rtol=1e-5, atol=1e-5)  # sums of 900 numbers, one by one
    assert scratch[-1] == 7


def test_memory_that_is_free_again_is_used_again(tmp_path):
    net = pn.Network(*(pn.Dense(20, "tanh") for _ in range(6)), pn.Dense(1), input_size=2, seed=1)
    assert "float scratch[40];" in exported(net, tmp_path).read_text()
    X = np.random.default_rng(4).normal(size=(20, 2)).astype("float32")
    assert_few_last_places(predicted(library(tmp_path / "net.c"), net, X), net.predict(X), 16)


def test_the_file_is_as_it_says(tmp_path):
    net, _ = digits_like()
    text = exported(net, tmp_path).read_text()
    before_main = text[: text.index("#ifdef NET_MAIN")]
    assert re.findall(r"^#include .*", before_main, re.MULTILINE) == ["#include <math.h>"]
    assert not re.search(r"alloc\(|static (?!const )", before_main)
    assert f"{4 * net.parameters.size:,} bytes of numbers" in text
    assert max(map(len, text.splitlines())) <= 100
    assert text.isascii()


def test_its_main_reads_rows_and_prints_predictions(tmp_path):
    net = pn.Network(pn.Dense(3, "tanh"), pn.Dense(2), input_size=2, seed=1)
    X = np.random.default_rng(4).normal(size=(5, 2)).astype("float32")
    run = program(exported(net, tmp_path))
    for separator in (" ", ", ", "\n"):
        lines = run("\n".join(separator.join(f"{x:.9g}" for x in row) for row in X))
        assert_few_last_places(np.array([line.split() for line in lines], "float32"), net.predict(X), 4)


@pytest.mark.parametrize(
    ("file", "prefix"), [("2 net-s.c", "model_2_net_s"), ("Größe.c", "Gr_e"), ("_x_.c", "x"), ("日.c", "model")]
)
def test_names_are_made_of_the_name_of_the_file(tmp_path, file, prefix):
    net = pn.Network(pn.Dense(1), input_size=2)
    net.export(tmp_path / file)
    assert getattr(library(tmp_path / file), f"{prefix}_predict")


@pytest.mark.parametrize("labels", [["no", "yes"], [3, 7], [False, True], ['a "b"', "é??=\\"]])
def test_two_classes_by_one_output(tmp_path, labels):
    net = pn.Network(pn.Dense(3, "tanh"), pn.Dense(1, "sigmoid"), input_size=2, seed=1)
    net.classes = labels
    X = np.random.default_rng(4).normal(size=(9, 2)).astype("float32")
    lines = program(exported(net, tmp_path))("\n".join(f"{a:.9g} {b:.9g}" for a, b in X))
    p = net.predict(X)
    shown = [str(label).lower() if isinstance(label, bool) else str(label) for label in labels]
    assert [line.split("\t")[0] for line in lines] == [shown[int(one > 0.5)] for one in p[:, 0]]
    probabilities = np.array([line.split("\t")[1].split() for line in lines], "float32")
    assert_few_last_places(probabilities, np.hstack([1 - p, p]), 4)


def test_a_classifier_says_where_an_input_is_not_a_number(tmp_path):
    net, _ = digits_like()
    probabilities, X = np.empty(10, "float32"), np.full(64, np.nan, "float32")
    assert library(exported(net, tmp_path)).net_class(pointer(X), pointer(probabilities)) == -1


@pytest.mark.needs("sklearn")
def test_a_classifier_of_scikit_learn(tmp_path):
    from plainnet.sklearn import MLPClassifier

    X = np.random.default_rng(0).normal(size=(90, 4)).astype("float32")
    y = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = MLPClassifier((8,), max_iter=20, random_state=0, early_stopping=True).fit(X, y)
    lines = program(exported(model.network_, tmp_path))("\n".join(" ".join(f"{x:.9g}" for x in row) for row in X))
    assert [line.split("\t")[0] for line in lines] == model.predict(X).tolist()
    actual = np.array([line.split("\t")[1].split() for line in lines], "float32")
    assert_few_last_places(actual, model.predict_proba(X).astype("float32"), 4)


# ---- a user's own parts ----


def soft_sign(z):
    return z / (1 + np.abs(z)), 1 / (1 + np.abs(z)) ** 2


def pieces(z):
    bent = np.where((z > -1) & (z <= 1) | (z > 3), np.sin(z), np.clip(z, -2.5, np.sqrt(np.square(z) + 1)))
    return bent - np.expm1(-np.abs(z)) / 2 + np.sign(z) * (z != 0), z


class Norm(pn.Layer):
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


class Shelf(pn.Layer):
    """A row of a table for the largest of the inputs."""

    def parameter_shapes(self, input_shape):
        return {"table": (input_shape[0], 3)}

    def initialize(self, random):
        self.table = random.normal(size=self.table.shape)

    def output_shape(self, input_shape):
        return (3,)

    def forward(self, inputs, training=None):
        return self.table[inputs.argmax(axis=1)], lambda gradient, gradients: gradient


OWN = {
    "activation": lambda: pn.Dense(4, soft_sign),
    "pieces": lambda: pn.Activation(pieces),
    "layer": Norm,
    "layer that cuts and joins": Halves,
    "layer that looks up": Shelf,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("own", OWN)
def test_what_is_a_users_own_is_written_as_its_own_loops(tmp_path, own, dtype):
    net = pn.Network(pn.Dense(4), OWN[own](), pn.Dense(2, "softmax"), input_size=3, seed=1, dtype=dtype)
    X = np.random.default_rng(1).normal(size=(50, 3)).astype(dtype) * 3
    assert_few_last_places(predicted(library(exported(net, tmp_path)), net, X), net.predict(X), 16)


def branching(z):
    return (z if z.max() > 0 else -z), np.ones_like(z)


def sorted_rows(z):
    return np.sort(z, axis=1), np.ones_like(z)


def centred(z):
    return z - z.mean(axis=0), np.ones_like(z)


def by_rows(z):
    return z / len(z), np.ones_like(z)


def turned(z):
    return z[::-1], np.ones_like(z)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (branching, r"layers\[1\], Dense, cannot be written as C: .*branch.*if z.max\(\) > 0.*Python script"),
        (sorted_rows, r"layers\[1\], Dense, .*sort"),
        (centred, r"layers\[1\], Dense, computes with all rows of a batch"),
        (by_rows, r"layers\[1\], Dense, computes with all rows of a batch \(the number of rows\)"),
        (turned, r"layers\[1\], Dense, computes with all rows of a batch"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_reason(tmp_path, function, message):
    path = tmp_path / "net.c"
    path.write_text("old")
    with pytest.raises(InvalidValue, match=message):
        pn.Network(pn.Dense(2), pn.Dense(2, function), input_size=2).export(path)
    assert path.read_text() == "old"


def test_bad_networks_and_places_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match="no parameters yet"):
        pn.Network(pn.Dense(1)).export(tmp_path / "net.c")
    with pytest.raises(FileError, match=r"no folder"):
        pn.Network(pn.Dense(1), input_size=2).export(tmp_path / "none" / "net.c")
    net = pn.Network(pn.Dense(1), input_size=2)
    net.classes = ["a", "b", "c"]
    with pytest.raises(InvalidValue, match=r"net\.classes has 3 labels, and the network has 1 outputs"):
        net.export(tmp_path / "net.c")
    net.classes = None
    net.parameters[0] = np.nan
    with pytest.raises(InvalidValue, match=r"net.parameters"):
        net.export(tmp_path / "net.c")


def test_it_needs_no_llvmlite(tmp_path):
    code = (
        "import sys; sys.modules['llvmlite'] = None; import plainnet as pn; "
        "pn.Network(pn.Dense(1), input_size=2).export('net.c')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_the_guide_shows_the_file_and_what_its_program_prints(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "use" / "c.md").read_text(encoding="utf-8")
    pattern = r"^```c\n(#include.*?)^```\n\n^```text\n\$ [^\n]*\n(.*?)^```"
    code, printed = re.search(pattern, text, re.MULTILINE | re.DOTALL).groups()
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    net.fit(X, y, loss="mse", optimizer=pn.SGD(1.0), epochs=10_000, batch_size=None, engine="numpy")
    net.export(tmp_path / "xor.c")
    (tmp_path / "use_xor.c").write_text(code)
    subprocess.run([*CC, "-std=c99", *WARNINGS, "use_xor.c", "-o", "use_xor", "-lm"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "use_xor"], capture_output=True, text=True, check=True).stdout == printed
    function = re.search(r"^```c\n(void xor_predict.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
    assert function in (tmp_path / "xor.c").read_text()
