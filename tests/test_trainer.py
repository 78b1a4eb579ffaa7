"""Exported trainers: their losses are plainnet's own, for everything there is, and they look right."""

import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
from parts import LAYERS, OPTIMIZERS, SCHEDULES, cases, targets

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidValue
from plainnet.export import trainer
from plainnet.initializers import INITIALIZERS
from plainnet.losses import LOSSES

ROWS, INPUTS, OUTPUTS, EPOCHS = 22, 3, 3, 100


def data(loss="mse"):
    random = np.random.default_rng(5)
    X = random.normal(size=(ROWS, INPUTS))
    return X, targets(loss, random, ROWS, OUTPUTS)


def network(*layers, dtype="float64"):
    return pn.Network(*layers, input_size=INPUTS, seed=3, dtype=dtype)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of every trainer that `check` makes, for the test of their style."""
    return tmp_path_factory.mktemp("written")


def check(net, written, loss="mse", y=None, **options):
    """Train `net`, export the trainer, train with that, and compare losses and what both predict in the end."""
    X, targets = data(loss)
    y = targets if y is None else y
    options = {"optimizer": pn.SGD(learning_rate=0.05), "epochs": EPOCHS, "batch_size": 8, **options}
    net.fit(X, y, loss=loss, **options)
    path = written / f"trainer_{len(os.listdir(written))}.py"
    trainer.write(net, path)
    own = runpy.run_path(str(path))
    p = own["initial_parameters"]()
    losses = list(own["train"](X, y, p=p))
    tolerance = 1e-12 if net.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(losses, net.history.loss, rtol=tolerance, atol=tolerance)
    assert len(losses) == options["epochs"]
    assert options["epochs"] < EPOCHS or losses[-1] < losses[0]
    np.testing.assert_allclose(
        own["predict"](p, X.astype(net.dtype)), net.predict(X), rtol=100 * tolerance, atol=tolerance
    )


@pytest.mark.parametrize("make", cases(OPTIMIZERS))
def test_every_optimizer(written, make):
    check(network(pn.Dense(6, "tanh"), pn.Dense(OUTPUTS)), written, optimizer=make(0.01))


@pytest.mark.parametrize("batch_size", [None, 8])
@pytest.mark.parametrize("make", cases(SCHEDULES, without=["reduce_on_plateau"]))
def test_every_schedule(written, make, batch_size):
    made = pn.SGD(make(0.05), momentum=0.5)
    check(network(pn.Dense(6, "tanh"), pn.Dense(OUTPUTS)), written, optimizer=made, batch_size=batch_size)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss(written, loss, fused):
    """With the output it suits, and, where it is not computed from weighted sums, with another."""
    suits = LOSSES[loss].suits or ("identity",)
    last = [pn.Dense(OUTPUTS, suits[0])] if fused else [pn.Dense(OUTPUTS, suits[-1]), pn.Dropout(0.0)]
    check(network(pn.Dense(6, "tanh"), *last), written, loss)


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy", "poisson"])
def test_a_loss_of_weighted_sums_behind_an_activation_layer(written, loss):
    layers = pn.Dense(6, "relu"), pn.Dense(OUTPUTS), pn.BatchNorm(), pn.Activation(LOSSES[loss].fused_with)
    check(network(*layers), written, loss)


def test_rows_of_probabilities_and_huber_of_another_width(written):
    rows = np.random.default_rng(0).dirichlet(np.ones(OUTPUTS), ROWS)
    check(network(pn.Dense(6, "tanh"), pn.Dense(OUTPUTS, "softmax")), written, "cross_entropy", y=rows)
    check(network(pn.Dense(OUTPUTS)), written, pn.losses.Huber(0.3), y=data()[1])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(written, activation):
    def dense(units, own="identity"):
        return pn.Dense(units, own, initializer={"name": "uniform", "limit": 0.3})

    layers = dense(4, activation), dense(5), pn.Activation(activation), dense(OUTPUTS, activation)
    check(network(*layers), written, optimizer=pn.SGD(learning_rate=0.01), y=np.abs(data()[1]))


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("make", cases(LAYERS))
def test_every_layer_in_every_place(written, make, place):
    layers = {
        "first": lambda: (make(5), pn.Dense(6, "tanh"), pn.Dense(OUTPUTS)),
        "middle": lambda: (pn.Dense(4, "tanh"), make(5), make(5), pn.Dense(OUTPUTS)),
        "last": lambda: (pn.Dense(6, "tanh"), pn.Dense(OUTPUTS), make(OUTPUTS)),
    }
    check(network(*layers[place]()), written)


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_every_initializer(written, initializer):
    layers = pn.Dense(6, "tanh", initializer=initializer), pn.Dense(OUTPUTS, initializer=initializer)
    check(network(*layers), written)


@pytest.mark.parametrize("options", [{"batch_size": None}, {"shuffle": False}, {"batch_size": 1}, {"batch_size": 22}])
def test_every_order_of_rows(written, options):
    layers = pn.Dense(6, "tanh"), pn.Dropout(0.2), pn.Dense(OUTPUTS)
    check(network(*layers), written, optimizer=pn.Adam(0.01), **options)


def test_long_names_are_laid_out_too(written):
    """Twelve blocks with everything in them, in float32."""
    blocks = [
        part
        for i in range(12)
        for part in (
            pn.Dense(4, l1=1e-4),
            pn.BatchNorm(epsilon=1e-5 if i else 1e-4),
            pn.Activation({"name": "leaky_relu", "slope": 0.01 + i / 10}),
            pn.Activation({"name": "elu", "alpha": 1.0 + i}),
            pn.LayerNorm(),
            pn.Dropout(0.05),
        )
    ]
    net = network(*blocks, pn.Dense(OUTPUTS), dtype="float32")
    check(net, written, epochs=2, optimizer=pn.AdamW(0.001, clip_norm=1.0))


@pytest.mark.needs("ruff")
def test_all_that_was_written_is_in_style(written):
    """By `ruff format --check` and `ruff check` with their defaults; at least a trainer with each layer."""
    layers = [make(5) for several in LAYERS.values() for make in several]
    for layer in layers:
        net = network(pn.Dense(4, "tanh"), layer, pn.Dense(OUTPUTS))
        net.fit(*data("mse"), loss="mse", epochs=1, batch_size=8)
        trainer.write(net, written / f"in_style_{len(os.listdir(written))}.py")
    assert len(list(written.glob("*.py"))) >= len(layers) > 0
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", written],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_xor_as_in_the_documentation(tmp_path):
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    net.fit(X, y, loss="mse", optimizer=pn.SGD(learning_rate=1.0), epochs=1000, batch_size=None)
    trainer.write(net, tmp_path / "xor_trainer.py")
    own = runpy.run_path(str(tmp_path / "xor_trainer.py"))
    np.testing.assert_allclose(list(own["train"](X.tolist(), y.ravel())), net.history.loss, rtol=1e-12)


def test_a_saved_network_gives_the_same_trainer(tmp_path):
    net = network(pn.Dense(4, "relu"), pn.Dropout(0.2), pn.Dense(OUTPUTS, "softmax"))
    net.fit(*data("cross_entropy"), loss="cross_entropy", epochs=2, batch_size=5)
    net.save(tmp_path / "net.npz")
    trainer.write(net, tmp_path / "a.py")
    written = (tmp_path / "a.py").read_text()
    trainer.write(pn.load(tmp_path / "net.npz"), tmp_path / "a.py")
    assert (tmp_path / "a.py").read_text() == written


def test_as_a_program_it_checks_its_derivatives(tmp_path):
    net = network(pn.Dense(4, "gelu"), pn.LayerNorm(), pn.Dropout(0.2), pn.Dense(OUTPUTS, "softmax"), dtype="float32")
    net.fit(*data("cross_entropy"), loss="cross_entropy", epochs=1, batch_size=5)
    trainer.write(net, tmp_path / "trainer.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", tmp_path / "trainer.py"], capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == [
        "hidden_weights",
        "hidden_bias",
        "hidden_norm_scale",
        "hidden_norm_shift",
        "output_weights",
        "output_bias",
    ]
    assert max(float(line[-1]) for line in lines) < 1e-8


# ---- refusals ----


class Twice(pn.Layer):
    def forward(self, inputs, training=None):
        return 2 * inputs, lambda gradient, gradients: 2 * gradient


class Signs(pn.optimizers.Optimizer):
    def __init__(self, learning_rate=0.01):
        super().__init__(learning_rate, 0.0, None)

    def update(self, parameters, gradient, state, learning_rate, t):
        parameters -= learning_rate * np.sign(gradient)


def bent(z):
    return z * z, 2 * z


def fourth_power(targets, predictions):
    return (predictions - targets) ** 4, 4 * (predictions - targets) ** 3


def halving(epoch, epochs):
    return 0.01 / (1 + epoch)


def small(shape, random):
    return 0.01 * random.standard_normal(shape)


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ([Twice()], {}, r"layers\[1\] is Twice, a layer of your own"),
        ([pn.Activation(bent)], {}, r"layers\[1\].*bent, an activation of your own"),
        ([pn.Dense(OUTPUTS, initializer=small)], {}, r"layers\[1\], Dense, has small, an initializer of your own"),
        ([], {"loss": fourth_power}, "fourth_power', a loss of your own"),
        ([], {"optimizer": Signs()}, "Signs', an optimizer of your own"),
        ([], {"optimizer": pn.SGD(halving)}, "halving', a schedule of your own"),
        ([], {"optimizer": pn.SGD(pn.schedules.LinearWarmup(halving))}, "halving', a schedule of your own"),
        ([], {"optimizer": pn.SGD(pn.schedules.ReduceOnPlateau(0.1))}, "'reduce_on_plateau', which follows"),
        ([], {"sample_weight": np.arange(ROWS)}, "trained with sample or class weights"),
        (
            [],
            {"optimizer": pn.SGD(pn.schedules.LinearWarmup(pn.schedules.ReduceOnPlateau(0.1)))},
            "'reduce_on_plateau', which follows",
        ),
    ],
)
def test_what_has_no_source_is_refused_by_name(tmp_path, layers, options, message):
    net = network(pn.Dense(OUTPUTS), *layers)
    net.fit(*data(), **{"loss": "mse", "epochs": 1, "batch_size": None, **options})
    with pytest.raises(InvalidValue, match=message):
        trainer.write(net, tmp_path / "trainer.py")
    assert os.listdir(tmp_path) == []


def test_a_poisson_table_starts_where_no_record_says(tmp_path):
    net = network(pn.Dense(OUTPUTS, "exponential"))
    net.table = {"columns": "not looked at"}
    net.fit(*data("poisson"), loss="poisson", epochs=1, batch_size=None)
    with pytest.raises(InvalidValue, match="starts at a bias taken from the table"):
        trainer.write(net, tmp_path / "trainer.py")


def test_without_training_there_is_no_trainer(tmp_path):
    with pytest.raises(InvalidValue, match=r"no training record.*fit it first"):
        trainer.write(network(pn.Dense(OUTPUTS)), tmp_path / "trainer.py")
    net = network(pn.Activation("tanh"))
    net.fit(*data(), loss="mse", epochs=1, batch_size=None)
    with pytest.raises(InvalidValue, match="no parameters"):
        trainer.write(net, tmp_path / "trainer.py")
    with pytest.raises(InvalidValue, match=r"ends in \.py"):
        trainer.write(net, tmp_path / "trainer")
