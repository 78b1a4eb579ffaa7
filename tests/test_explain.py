"""The explanation of a training step: its numbers are the engine's, and its text and page show them."""

import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from parts import LAYERS, one_of_each

import plainnet as pn
from plainnet import adapters
from plainnet.errors import PlainnetError
from plainnet.explain import explain, formulas

UTF8 = os.environ | {"PYTHONIOENCODING": "utf-8"}


class Scale(pn.Layer):
    """outputs = inputs · factor, a factor a feature."""

    def parameter_shapes(self, input_shape):
        return {"factor": input_shape}

    def initialize(self, random):
        self.factor = random.standard_normal(self.factor.shape)

    def forward(self, inputs, training=None):
        def backward(gradient, gradients):
            gradients["factor"][...] = (gradient * inputs).sum(axis=0)
            return gradient * self.factor

        return inputs * self.factor, backward


def log_cosh(targets, predictions):
    """ln cosh of the error."""
    return np.log(np.cosh(predictions - targets)), np.tanh(predictions - targets)


class HalfSquares:
    def value(self, targets, predictions):
        return 0.5 * float(((predictions - targets) ** 2).mean())

    def gradient(self, targets, predictions):
        return (predictions - targets) / predictions.size


def bent(z):
    root = np.sqrt(z * z + 1)
    return (root - 1) / 2 + z, z / (2 * root) + 1


def network(*layers, inputs=3, dtype="float64"):
    return pn.Network(*layers, input_size=inputs, seed=3, dtype=dtype)


@pytest.fixture
def xor():
    return network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid")), *pn.datasets.xor()


NETWORKS = {
    "sigmoid": ([pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid")], "mse"),
    "no bias": ([pn.Dense(4, "tanh", bias=False), pn.Dense(1)], "huber"),
    "binary": ([pn.Dense(4, "gelu"), pn.Dense(1, "sigmoid")], "binary_cross_entropy"),
    "classes": ([pn.Dense(5, "silu"), pn.Dense(3, "softmax")], "cross_entropy"),
    "softmax within": ([pn.Dense(5, "softmax"), pn.Dense(1, "softplus")], "poisson"),
    "counts": ([pn.Dense(5, "elu"), pn.Dense(1), pn.Activation("exponential")], "poisson"),
    "dropout": ([pn.Dropout(0.2), pn.Dense(6, "tanh"), pn.Dropout(0.5), pn.Dense(1)], "mse"),
    "batch norm": ([pn.Dense(5), pn.BatchNorm(), pn.Activation("tanh"), pn.Dense(1)], "mse"),
    "layer norm": ([pn.Dense(5, "tanh"), pn.LayerNorm(), pn.Dense(1)], "mse"),
    "rms norm": ([pn.Dense(5, "mish"), pn.RMSNorm(), pn.Dense(1)], "mse"),
    "penalties": ([pn.Dense(4, "tanh", l1=0.01), pn.Dense(1, l1=0.1, l2=0.2)], "mse"),
    "own parts": ([pn.Dense(4, bent), Scale(), pn.Dense(1)], log_cosh),
    "own loss": ([Scale(), pn.Dense(1)], HalfSquares()),
}


@pytest.fixture(params=NETWORKS)
def case(request):
    layers, loss = NETWORKS[request.param]
    random = np.random.default_rng(5)
    X = random.standard_normal((6, 3))
    # The layers belong to the network that they are given to: copies for each test.
    net = network(*(type(layer)(**layer.settings()) for layer in layers))
    y = random.integers(0, 3, 6) if loss == "cross_entropy" else random.integers(0, 2, (6, 1)).astype(float)
    return net, X, y, loss


def gradient_of(net, step):
    """The gradient of all parameters from the backward stages of an explanation."""
    gradient = np.zeros_like(net.parameters)
    views = net.parameter_views(gradient)
    for i, stage in zip(reversed(range(len(net.layers))), step.backward, strict=True):
        for name, view in views[i].items():
            view[...] = stage[f"∂loss/∂{name}"].values
    return gradient


def parameters_after(net, step):
    vector = np.zeros_like(net.parameters)
    stages = {stage.code: stage for stage in step.update}
    for i, views in enumerate(net.parameter_views(vector)):
        for name, view in views.items():
            view[...] = stages[f"net.layers[{i}].{name}"]["after"].values
    return vector


def test_loss_and_gradients_are_those_of_loss_and_gradient(case):
    net, X, y, loss = case
    step = explain(net, X, y, loss=loss, dropout_seed=4)
    value, gradient = net.loss_and_gradient(X, y, loss=loss, dropout_seed=4)
    assert step.value == value
    assert np.array_equal(gradient_of(net, step), gradient)


def test_sample_weights_are_those_of_loss_and_gradient():
    X, y = pn.datasets.moons(6, noise=0.1, seed=1)
    weight = [0.5, 1, 2, 0, 3, 1]
    for last, loss, targets in ((pn.Dense(2, "softmax"), "cross_entropy", y), (pn.Dense(2), "mae", np.eye(2)[y])):
        net = network(pn.Dense(3, "tanh"), last, inputs=2)
        step = explain(net, X, targets, loss=loss, sample_weight=weight)
        value, gradient = net.loss_and_gradient(X, targets, loss=loss, sample_weight=weight)
        assert step.value == value
        assert np.array_equal(gradient_of(net, step), gradient)
        assert step.relative_error < 1e-6
        stage = step.loss[0]
        total = float(re.match(r"W = ([\d.]+)", stage.notes[0])[1])
        assert value == pytest.approx((stage["w"].values * stage["ℓ"].values).sum() / total)
        assert "= (Σ w ∘ ℓ) / W" in stage["loss"].formula


def test_every_gradient_agrees_with_central_differences(case):
    net, X, y, loss = case
    step = explain(net, X, y, loss=loss)
    checked = [q for section in step.sections for stage in section for q in stage.quantities if q.check]
    assert len(checked) >= 1 + len(net.parameter_names())
    assert 0 < step.relative_error < 1e-6
    for quantity in checked:
        assert np.allclose(quantity.check.numerical, quantity.values, rtol=1e-4, atol=1e-8), quantity.name


def test_nothing_of_the_network_changes(case):
    net, X, y, loss = case
    net.fit(X, y, loss=loss, epochs=2, batch_size=None)
    before = net.copy()
    explain(net, X, y, loss=loss)
    assert net.history is not None
    assert np.array_equal(net.parameters, before.parameters)
    assert np.array_equal(net.statistics, before.statistics)
    assert net.dropout.bit_generator.state == before.dropout.bit_generator.state
    assert np.array_equal(net.predict(X), before.predict(X))
    assert not any("forward" in vars(layer) for layer in net.layers)


def test_xor_by_hand(xor):
    net, X, y = xor
    step = explain(net, X, y, loss="mse", optimizer=pn.SGD(0.5))
    W, b, V, c = (array.copy() for views in net.parameter_views(net.parameters) for array in views.values())

    def sigma(z):
        return 1 / (1 + np.exp(-z))

    z1 = X @ W + b
    h = sigma(z1)
    z2 = h @ V + c
    prediction = sigma(z2)
    delta2 = 2 * (prediction - y) / 4 * prediction * (1 - prediction)
    to_hidden = delta2 @ V.T
    delta1 = to_hidden * h * (1 - h)
    expected = {
        ("forward", 0, "inputs"): X,
        ("forward", 0, "weights"): W,
        ("forward", 0, "z"): z1,
        ("forward", 0, "a"): h,
        ("forward", 1, "inputs"): h,
        ("forward", 1, "z"): z2,
        ("forward", 1, "a"): prediction,
        ("loss", 0, "ŷ"): prediction,
        ("loss", 0, "y"): y,
        ("loss", 0, "ℓ"): (prediction - y) ** 2,
        ("loss", 0, "loss"): [[((prediction - y) ** 2).mean()]],
        ("loss", 0, "∂loss/∂ŷ"): (prediction - y) / 2,
        ("backward", 0, "f'(z)"): prediction * (1 - prediction),
        ("backward", 0, "δ"): delta2,
        ("backward", 0, "∂loss/∂weights"): h.T @ delta2,
        ("backward", 0, "∂loss/∂bias"): delta2.sum(axis=0),
        ("backward", 0, "∂loss/∂inputs"): to_hidden,
        ("backward", 1, "∂loss/∂a"): to_hidden,
        ("backward", 1, "f'(z)"): h * (1 - h),
        ("backward", 1, "δ"): delta1,
        ("backward", 1, "∂loss/∂weights"): X.T @ delta1,
        ("backward", 1, "∂loss/∂bias"): delta1.sum(axis=0),
        ("update", 1, "before"): W,
        ("update", 1, "after"): W - 0.5 * X.T @ delta1,
        ("update", 4, "after"): c - 0.5 * delta2.sum(axis=0),
    }
    for (section, place, name), values in expected.items():
        assert np.allclose(getattr(step, section)[place][name].values, values, rtol=1e-12, atol=1e-15), (section, name)


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        pn.SGD(0.1),
        pn.SGD(0.1, momentum=0.9),
        pn.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        pn.RMSprop(momentum=0.5),
        pn.Adagrad(clip_norm=0.01),
        pn.AdamW(weight_decay=0.1),
        pn.Adam(pn.schedules.Exponential(0.01)),
    ],
    ids=str,
)
def test_parameters_after_are_those_of_the_optimizer(optimizer):
    X, y = pn.datasets.moons(20, noise=0.1, seed=1)
    net = network(pn.Dense(5, "tanh"), pn.BatchNorm(), pn.Dense(2, "softmax"), inputs=2)
    step = explain(net, X, y, loss="cross_entropy", optimizer=optimizer)
    after = net.copy()
    after.fit(X, y, loss="cross_entropy", optimizer=optimizer, epochs=1, batch_size=None)
    assert np.array_equal(parameters_after(net, step), after.parameters)
    assert not np.array_equal(after.parameters, net.parameters)
    running = next(stage for stage in step.update if "running" in stage.title)
    assert np.array_equal(running["running_mean after"].values[0], after.layers[1].running_mean)
    assert np.array_equal(running["running_variance after"].values[0], after.layers[1].running_variance)


def test_clipped_gradient_as_the_optimizer_takes_it(xor):
    net, X, y = xor
    step = explain(net, X, y, loss="mse", optimizer=pn.SGD(1.0, clip_norm=0.001))
    taken = np.concatenate([stage["g"].values.ravel() for stage in list(step.update)[1:]])
    assert np.linalg.norm(taken) == pytest.approx(0.001, rel=0.05)
    assert "g ← min(1, 0.001 / (‖g‖ + 1e-06)) g" in step.update[0].formulas


def test_an_optimizer_of_your_own(xor):
    class Sign(pn.optimizers.Optimizer):
        def update(self, parameters, gradient, state, learning_rate, t):
            parameters -= learning_rate * np.sign(gradient)

    net, X, y = xor
    step = explain(net, X, y, loss="mse", optimizer=Sign(0.1, 0.0, None))
    assert np.allclose(parameters_after(net, step), net.parameters - 0.1 * np.sign(gradient_of(net, step)))
    assert step.update[1]["after"].formula == "θ ← θ - η sign(g)"


def test_an_update_that_overflows_is_shown():
    net = network(pn.Dense(1), inputs=1, dtype="float32")
    data = explain(net, [[1e12]], [[0.0]], loss="mse", optimizer="rmsprop").to_dict()
    assert data["update"]["stages"][1]["quantities"][-2]["values"] == [[None]]  # square: infinite


def test_fused_loss_is_explained_as_it_is_computed():
    X, y = pn.datasets.moons(5, seed=1)
    net = network(pn.Dense(2, "softmax"), inputs=2)
    loss = explain(net, X, y, loss="cross_entropy").loss[0]
    assert loss["∂loss/∂z"].formula == "∂loss/∂z = (softmax(z) - y) / n"
    one_hot = np.eye(2)[y]
    assert np.allclose(loss["∂loss/∂z"].values, (net.predict(X) - one_hot) / 5, atol=1e-15)
    assert np.allclose(loss["ℓ"].values[:, 0], -np.log(net.predict(X)[np.arange(5), y]))


def test_masks_and_normalized_inputs_are_those_of_the_pass():
    X, y = pn.datasets.moons(50, noise=0.1, seed=1)
    net = network(pn.Dense(6), pn.BatchNorm(), pn.Dropout(0.5), pn.LayerNorm(), pn.Dense(1), inputs=2)
    _, norm, dropout, layer_norm, _ = explain(net, X, y.astype(float), loss="mse").forward
    assert np.allclose(norm["x̂"].values.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(norm["x̂"].values.std(axis=0), 1, atol=1e-3)
    assert set(np.unique(dropout["mask"].values)) == {0.0, 2.0}
    assert np.array_equal(dropout["outputs"].values, dropout["inputs"].values * dropout["mask"].values)
    assert np.allclose(layer_norm["x̂"].values.mean(axis=1), 0, atol=1e-12)


def test_penalty_stands_apart():
    net = network(pn.Dense(1, l2=0.5), inputs=2)
    X, y = np.array([[1.0, 2.0]]), np.array([[3.0]])
    step = explain(net, X, y, loss="mse")
    w = net.layers[0].weights
    assert step.penalty == pytest.approx(0.25 * (w**2).sum())
    assert step.value == pytest.approx(step.loss[0]["loss"].values[0, 0] + step.penalty)
    stage = step.backward[0]
    difference = stage["∂loss/∂weights"].values - stage["∂loss/∂weights without penalty"].values
    assert np.allclose(difference, 0.5 * w)
    assert stage["∂loss/∂weights"].formula == "∂loss/∂weights = ∂loss/∂weights without penalty + 0.5 weights"


def test_float32_numbers_are_shown_and_checked_in_float64():
    X, y = pn.datasets.moons(10, seed=1)
    net = network(pn.Dense(4, "tanh"), pn.Dropout(0.3), pn.Dense(2, "softmax"), inputs=2, dtype="float32")
    step = explain(net, X, y, loss="cross_entropy")
    _, gradient = net.loss_and_gradient(X, y, loss="cross_entropy")
    assert np.array_equal(gradient_of(net, step), gradient)
    assert step.backward[0]["∂loss/∂weights"].values.dtype == np.float32
    assert step.relative_error < 1e-6


def test_large_arrays_are_checked_at_some_places():
    random = np.random.default_rng(1)
    net = network(pn.Dense(40, "tanh"), pn.Dense(1), inputs=30)
    check = explain(net, random.random((3, 30)), random.random((3, 1)), loss="mse").backward[1]["∂loss/∂weights"].check
    assert 100 < check.entries < 1200
    assert check.relative_error < 1e-6


def test_of_a_large_step_fewer_entries_are_checked():
    random = np.random.default_rng(1)
    net = network(pn.Dense(100, "tanh"), pn.Dense(1), inputs=50)
    X, y = random.random((500, 50)), random.random((500, 1))
    step = explain(net, X, y, loss="mse")
    assert step.backward[1]["∂loss/∂weights"].check.entries < 100
    assert step.relative_error < 1e-6


def test_a_kink_is_said_not_to_agree():
    net = network(pn.Dense(1, bias=False), inputs=1)
    net.parameters = [2.0]
    step = explain(net, [[1.0]], [[2.0]], loss="mae")  # the error is 0, where |e| has no derivative from one side
    assert step.value == 0
    net = network(pn.Dense(1, "relu", bias=False), inputs=1)
    net.parameters = [0.0]
    step = explain(net, [[1.0]], [[2.0]], loss="mse")
    assert step.relative_error > 0.1
    assert "they do not agree, as near a kink" in step.text()
    assert 'class="note differs"' in step.to_html()


# ---- as data, text and page ----


def test_plain_data(case):
    net, X, y, loss = case
    step = explain(net, X, y, loss=loss)
    data = json.loads(json.dumps(step.to_dict(), allow_nan=False))
    assert data["forward"]["stages"][0]["quantities"][0]["values"] == X.tolist()
    assert len(data["backward"]["stages"]) == len(net.layers)
    assert data["value"] == step.value


def test_text_holds_formulas_and_numbers(xor):
    net, X, y = xor
    step = explain(net, X, y, loss="mse", optimizer=pn.SGD(1.0))
    text = str(step)
    for formula in (
        "z = inputs @ weights + bias",
        "a = 1 / (1 + e^-z)",
        "ℓ = (ŷ - y)²",
        "δ = ∂loss/∂a ∘ f'(z)",
        "∂loss/∂weights = inputsᵀ @ δ",
        "∂loss/∂bias = Σ_i δ",
        "∂loss/∂inputs = δ @ weightsᵀ",
        "θ ← θ - η g",
    ):
        assert formula in text
    assert f"{net.layers[0].weights[2, 3]:.5f}" in text
    assert "central differences" in text
    assert "…" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_text_stays_within_the_width(case, width):
    net, X, y, loss = case
    lines = explain(net, X, y, loss=loss).text(width=width).splitlines()
    columns = [sum(not unicodedata.combining(letter) for letter in line) for line in lines]  # x̂ takes one
    assert max(columns) <= width


def test_large_arrays_are_abbreviated_unless_full():
    random = np.random.default_rng(1)
    net = network(pn.Dense(23, "tanh"), pn.Dense(1), inputs=24)
    step = explain(net, random.random((3, 24)), random.random((3, 1)), loss="mse")
    weights = net.layers[0].weights
    corner, middle = f"{weights[23, 22]:.5f}", f"{weights[12, 11]:.5f}"
    for short, long in ((step.text(), step.text(full=True, width=400)), (step.to_html(), step.to_html(full=True))):
        assert corner in short
        assert middle not in short
        assert "…" in short
        assert "(24, 23)" in short
        assert middle in long
        assert "…" not in long


@pytest.mark.needs("cli")
@pytest.mark.parametrize("width", [30, 40, 60])
def test_narrow_text_breaks_formulas_and_notes_between_words(width):
    """Long formulas (gelu's), wide characters and single numbers with their formula all keep to the width."""
    from rich.cells import cell_len

    random = np.random.default_rng(1)
    net = network(pn.Dense(3, "gelu", l2=0.1), pn.BatchNorm(), pn.Dense(1), inputs=2)
    step = explain(
        net, random.random((2, 2)), random.random((2, 1)), loss="huber", optimizer="adamw", examples=["例子一", "é"]
    )
    lines = step.text(width=width).splitlines()
    assert max(map(cell_len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    assert "a = 0.5 z ∘ (1 + tanh(0.797885 (z + 0.044715 z³)))" in words


def test_text_needs_numpy_only(tmp_path):
    program = """
import sys
sys.modules["rich"] = None  # as where it is not installed
import plainnet as pn
X, y = pn.datasets.xor()
net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
print(pn.explain(net, X, y, loss="mse", optimizer="sgd"))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", env=UTF8)
    assert ran.returncode == 0, ran.stderr
    assert "δ = ∂loss/∂a ∘ f'(z)" in ran.stdout


@pytest.mark.needs("cli")
def test_colours_say_the_same_as_the_text():
    from rich.console import Console
    from rich.text import Text

    X, y = pn.datasets.xor()
    net = network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), inputs=3)
    step = explain(net, X, y, loss="mse")
    console = Console(file=io.StringIO(), width=90, force_terminal=True, color_system="truecolor")
    console.print(step)
    printed = console.file.getvalue()
    assert "\x1b[36m" in printed  # cyan formulas
    assert [line.rstrip() for line in Text.from_ansi(printed).plain.splitlines()] == step.text(width=90).splitlines()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_wide_arrays_stand_in_bands_with_every_number_whole(width):
    random = np.random.default_rng(1)
    net = network(pn.Dense(30, "tanh"), pn.Dense(1), inputs=20)
    names = ["short", "a name of more than forty characters in all"]
    text = explain(net, random.random((2, 20)), random.random((2, 1)), loss="mse", examples=names).text(
        full=True, width=width
    )
    assert max(map(len, text.splitlines())) <= width
    numbers = set(re.findall(r"-?\d+\.\d+", text))
    assert {f"{weight:.5f}" for weight in net.layers[0].weights.ravel()} <= numbers


def test_own_parts_are_named(case):
    net, X, y, loss = case
    if callable(loss):
        text = explain(net, X, y, loss=loss).text()
        assert "outputs = inputs ∘ factor" in text
        assert "ℓ = ln(cosh(ŷ - y))" in text
        assert "∂loss/∂factor = Σ_i ∂loss/∂outputs ∘ inputs" in text


class Page(HTMLParser):
    """Whether every element is closed where it should be, and which there are."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_needs_nothing_else(case):
    net, X, y, loss = case
    html = explain(net, X, y, loss=loss).to_html()
    page = Page()
    page.feed(html)
    assert page.open == []
    tags = [tag for tag, _ in page.seen]
    assert tags.count("section") == 4
    assert tags.count("math") > 5
    assert not {"script", "img", "iframe"} & set(tags)
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert "prefers-color-scheme: dark" in html
    for formula in re.findall(r"<math.*?</math>", html):
        ElementTree.fromstring(formula)


def test_shows_itself_in_a_notebook(xor):
    net, X, y = xor
    html = explain(net, X, y, loss="mse")._repr_html_()
    assert "<html" not in html
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)[1]
    nested = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"  # a block with the blocks inside it
    selectors = [part for rule in re.sub(nested, ";", style).split(";") for part in rule.split(",") if part.strip()]
    assert selectors
    assert all(part.strip().endswith(".plainnet") for part in selectors)


def test_follows_the_theme_of_a_notebook_and_the_system_elsewhere(xor):
    net, X, y = xor
    step = explain(net, X, y, loss="mse")
    assert "prefers-color-scheme" not in step._repr_html_()
    assert "[data-jp-theme-light='false'] .plainnet" in step._repr_html_()
    assert "prefers-color-scheme: dark" in step.to_html()


def test_softmax_divides_by_the_whole_sum():
    softmax = formulas.slope(adapters.activation_of("softmax")).value
    denominator = ElementTree.fromstring(softmax.mathml).find(".//mfrac")[1]
    assert "".join(denominator.itertext()) == "∑jt"


def test_no_formula_divides_by_a_bare_sum_sign():
    slopes = [formulas.slope(adapters.activation_of(name)) for name in pn.activations.ACTIVATIONS]
    errors = [formulas.error(adapters.loss_of(name), False, True, "W") for name in pn.losses.LOSSES]
    updates = [formulas.update(pn.optimizers.resolve(name))[0] for name in pn.optimizers.OPTIMIZERS]
    for formula in filter(None, (text for texts in (*slopes, *errors, *updates) for text in texts)):
        for fraction in ElementTree.fromstring(formula.mathml).iter("mfrac"):
            numerator, denominator = ("".join(part.itertext()) for part in fraction)
            assert not re.fullmatch("∑[a-z]?", denominator), formula
            assert numerator, formula


ACTIVATION_FORMULAS = {
    "identity": ("a = z", "f'(z) = 1"),
    "sigmoid": ("a = 1 / (1 + e^-z)", "f'(z) = a ∘ (1 - a)"),
    "tanh": ("a = tanh(z)", "f'(z) = 1 - a²"),
    "relu": ("a = max(z, 0)", "f'(z) = 1 for a > 0, else 0"),
    "leaky_relu": ("a = z for z > 0, else 0.01 z", "f'(z) = 1 for z > 0, else 0.01"),
    "elu": ("a = z for z > 0, else e^min(z, 0) - 1", "f'(z) = 1 for z > 0, else a + 1"),
    "silu": ("a = z ∘ σ(z)", "f'(z) = σ(z) + a ∘ (1 - σ(z))"),
    "mish": (
        "a = z ∘ tanh(max(z, 0) + ln(1 + e^-|z|))",
        "f'(z) = t + z ∘ (1 - t²) ∘ σ(z), t = tanh(max(z, 0) + ln(1 + e^-|z|))",
    ),
    "softplus": ("a = max(z, 0) + ln(1 + e^-|z|)", "f'(z) = σ(z)"),
    "exponential": ("a = e^z", "f'(z) = a"),
    "softmax": ("a = t / (Σ_j t), t = e^(z - max_j(z))", ""),
}
"""As a textbook writes them."""


@pytest.mark.parametrize("name", ACTIVATION_FORMULAS)
def test_the_formulas_of_activations(name):
    slope = formulas.slope(adapters.activation_of(name))
    assert (slope.value, slope.derivative) == ACTIVATION_FORMULAS[name]


def test_every_part_of_plainnet_has_its_formula():
    for name in pn.activations.ACTIVATIONS:
        assert formulas.slope(adapters.activation_of(name)).value.startswith("a = ")
    for name in pn.losses.LOSSES:
        loss = adapters.loss_of(name)
        for fused in {False, loss.fused_with is not None}:
            assert formulas.error(loss, fused, False, "N").element.startswith("ℓ = ")
    for name in pn.optimizers.OPTIMIZERS:
        assert formulas.update(pn.optimizers.resolve(name))[0][-1].startswith("θ ← ")
    for name, make in one_of_each(LAYERS).items():
        net = network(make(1), pn.Dense(2), inputs=3 if name != "Embedding" else 1)
        X = np.zeros((3, net.input_size))
        assert "your own" not in explain(net, X, np.ones((3, 2)), loss="mse").text(), name


def test_parts_of_your_own_have_their_formulas(xor):
    class Swish(pn.activations.ActivationFunction):
        def value(self, z):
            return z * pn.activations.sigmoid(1.5 * z)

        def derivative(self, z, a):
            s = pn.activations.sigmoid(1.5 * z)
            return s + 1.5 * a * (1 - s)

    class RMSNorm(pn.Layer):
        def parameter_shapes(self, input_shape):
            return {"scale": input_shape}

        def initialize(self, random):
            self.scale = 1

        def forward(self, inputs, training=None):
            root = np.sqrt((inputs * inputs).mean(axis=1, keepdims=True) + 1e-6)
            normalized = inputs / root
            if training is not None:
                training.keep(root=root, normalized=normalized)

            def backward(gradient, gradients):
                gradients["scale"][...] = (gradient * normalized).sum(axis=0)
                g = self.scale * gradient
                return (g - normalized * (g * normalized).mean(axis=1, keepdims=True)) / root

            return self.scale * normalized, backward

    def log_cosh(targets, predictions):
        error = predictions - targets
        return np.log(np.cosh(error)), np.tanh(error)

    _, X, y = xor
    net = network(pn.Dense(4, Swish()), RMSNorm(), pn.Dense(1))
    step = explain(net, X, y, loss=log_cosh)
    assert step.forward[0]["a"].formula == "a = z ∘ σ(1.5 z)"
    assert step.forward[1]["root"].formula == "root = √(mean_j(inputs²) + 1e-06)"
    assert step.forward[1]["x̂"].formula == "x̂ = inputs / root"
    assert step.forward[1]["outputs"].formula == "outputs = scale ∘ x̂"
    assert step.loss[0]["ℓ"].formula == "ℓ = ln(cosh(ŷ - y))"
    assert step.loss[0]["∂loss/∂ŷ"].formula == "∂loss/∂ŷ = tanh(ŷ - y) / N"
    backward = {stage.title.partition(":")[0]: stage for stage in step.backward}
    assert backward["Layer 1"]["∂loss/∂scale"].formula == "∂loss/∂scale = Σ_i ∂loss/∂outputs ∘ x̂"
    assert backward["Layer 1"]["∂loss/∂inputs"].formula == (
        "∂loss/∂inputs = (t - x̂ ∘ mean_j(t ∘ x̂)) / root, t = scale ∘ ∂loss/∂outputs"
    )
    assert all(
        quantity.check is None or quantity.check.passed for stage in step.backward for quantity in stage.quantities
    )


def test_a_part_that_cannot_be_traced_says_why(xor):
    def stepped(z):
        """one above a threshold, else z"""
        if z.max() > 1e9:
            return np.ones_like(z), np.zeros_like(z)
        return z, np.ones_like(z)

    _, X, y = xor
    step = explain(network(pn.Dense(4, stepped), pn.Dense(1)), X, y, loss="mse")
    a = step.forward[0]["a"]
    assert not a.formula
    assert a.note.startswith("one above a threshold, else z; no formula, as ")
    assert "if z.max() > 1e9" in a.note


# ---- refusals ----


def test_refusals(xor):
    net, X, y = xor
    with pytest.raises(PlainnetError, match="columns"):
        explain(net, X[:, :2], y, loss="mse")
    with pytest.raises(PlainnetError, match="3 names and X has 4 rows"):
        explain(net, X, y, loss="mse", examples=["a", "b", "c"])
    with pytest.raises(PlainnetError, match="at least 2 rows"):
        explain(network(pn.BatchNorm(), pn.Dense(1)), X[:1], y[:1], loss="mse")
    net.parameters = np.full(21, 1e200)
    with pytest.raises(PlainnetError, match="no step to explain"):
        explain(network(pn.Dense(1)), np.full((2, 3), 1e200), np.ones((2, 1)), loss="mse")


def test_the_guide_shows_what_is_printed():
    guide = (Path(__file__).parent.parent / "docs" / "use" / "explain.md").read_text(encoding="utf-8")
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    printed = explain(net, X, y, loss="mse", optimizer=pn.SGD(learning_rate=1.0)).text(width=110).splitlines()
    shown = max(re.findall(r"```text\n(.*?)```", guide, re.DOTALL), key=len).splitlines()
    assert len(shown) > 50
    # The errors of the differences are rounding, which differs from machine to machine.
    assert [line for line in shown if "relative error" not in line and line not in printed] == []


def test_formulas_have_the_numbers_of_this_very_network():
    per_unit = np.array([1.0, 2.0, 3.0, 4.0])

    def scaled(z):
        return per_unit * z, per_unit * np.ones_like(z)

    def smoothed(targets, predictions):
        error = predictions - 0.8 * targets - 0.2 / predictions.shape[1]
        return error * error, 2 * error

    net = pn.Network(pn.Dense(4, scaled), pn.Dense(10), input_size=3, seed=1)
    random = np.random.default_rng(0)
    step = explain(net, random.normal(size=(6, 3)), random.normal(size=(6, 10)), loss=smoothed)
    assert step.forward[0]["a"].formula == "a = C ∘ z"
    assert step.loss[0]["ℓ"].formula == "ℓ = (ŷ - 0.8 y - 0.02)²"


def test_a_subclass_of_dense_with_a_forward_of_its_own():
    class Halved(pn.Dense):
        def forward(self, inputs, training=None):
            outputs, backward = super().forward(inputs, training)
            return 0.5 * outputs, lambda gradient, gradients: backward(0.5 * gradient, gradients)

    net = pn.Network(Halved(2, "tanh"), input_size=3, seed=1)
    step = explain(net, np.ones((4, 3)), np.ones((4, 2)), loss="mse")
    assert step.forward[0]["outputs"].formula == "outputs = 0.5 tanh(inputs @ weights + bias)"


def test_an_optimizer_that_numpy_cannot_run_on_stand_ins():
    class Noisy(pn.optimizers.Optimizer):
        """A step with noise."""

        def __init__(self, learning_rate=0.1):
            super().__init__(learning_rate, 0.0, None)

        def update(self, parameters, gradient, state, learning_rate, t):
            parameters -= learning_rate * (gradient + np.random.default_rng([0, t]).normal(size=gradient.shape))

    net = pn.Network(pn.Dense(2), input_size=3, seed=1)
    step = explain(net, np.ones((4, 3)), np.ones((4, 2)), loss="mse", optimizer=Noisy())
    assert "A step with noise; no formula, as arrays without numbers raise TypeError" in str(step).replace("\n", " ")


def test_two_numbers_beside_each_other_have_a_sign_between_them():
    class Slowing(pn.optimizers.Optimizer):
        def __init__(self, learning_rate=0.1):
            super().__init__(learning_rate, 0.0, None)

        def update(self, parameters, gradient, state, learning_rate, t):
            parameters -= learning_rate * (0.5 * 0.9**t) * gradient

    assert formulas.update(Slowing())[0] == ["θ ← θ - 0.5 η · 0.9^t g"]
