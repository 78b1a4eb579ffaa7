"""Exported trainers: their losses are plainnet's own, for everything there is, and they look right."""

import math
import os
import runpy
import subprocess
import sys
from importlib.util import find_spec

import autograd.numpy as anp
import numpy as np
import pytest
from parts import LAYERS, OPTIMIZERS, SCHEDULES, bare, cases, targets

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidValue
from plainnet.export import trainer
from plainnet.initializers import INITIALIZERS
from plainnet.losses import LOSSES

if find_spec("scipy"):
    import scipy.special

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
    options = {"optimizer": pn.SGD(learning_rate=0.05), "epochs": EPOCHS, "batch_size": 8, "engine": "numpy", **options}
    net.fit(X, y, loss=loss, **options)
    path = written / f"trainer_{len(os.listdir(written))}.py"
    trainer.write(net, path)
    own = runpy.run_path(str(path))
    p = own["initial_parameters"]()
    losses = list(own["train"](X, y, p=p))
    assert losses == net.history.loss
    assert len(losses) == options["epochs"]
    assert options["epochs"] < EPOCHS or losses[-1] < losses[0]
    assert np.array_equal(own["predict"](p, X), net.predict(X, engine="numpy"))


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
    net, targets = network(*layers[place]()), data()[1]
    check(net, written, y=np.resize(targets, (ROWS, net.output_size)))  # some layers make more numbers than they take


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
    """By `ruff check` with its defaults; at least a trainer with each layer."""
    layers = [make(5) for several in LAYERS.values() for make in several]
    for layer in layers:
        net = network(pn.Dense(4, "tanh"), layer, pn.Dense(OUTPUTS))
        net.fit(*data("mse"), loss="mse", epochs=1, batch_size=8)
        trainer.write(net, written / f"in_style_{len(os.listdir(written))}.py")
    assert len(list(written.glob("*.py"))) >= len(layers) > 0
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", written], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [path.name for path in written.glob("*.py") if ">>> " in path.read_text()]  # examples import plainnet


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


# ---- parts of the user's own ----

STEEPNESS = 1.5
LIMITS = (-3.0, 3.0)


def clipped(values: np.ndarray) -> np.ndarray:
    """A helper that other functions call."""
    return np.clip(values, *LIMITS)


def bent(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    root = np.sqrt(z * z + 1)
    return (root - 1) / 2 + z, z / (2 * root) + 1


class Steep:
    """An activation as an object; tanh(steepness z)."""

    def __init__(self, steepness: float = STEEPNESS) -> None:
        self.steepness = steepness

    def value(self, z):
        return np.tanh(self.steepness * z)

    def derivative(self, z, a):
        slope: np.ndarray = 1 - a * a
        return self.steepness * slope


class Hot(pn.activations.Sigmoid):
    """A subclass that calls what it inherits."""

    def value(self, z):
        return super().value(2 * z)

    def derivative(self, z, a):
        return 2 * a * (1 - a)


class ClippedIdentity(pn.activations.ActivationFunction):
    value = staticmethod(clipped)

    def derivative(self, z, a):
        return (a == z).astype(z.dtype)


class Scale(pn.Layer):
    """outputs = inputs · factor; counts its steps."""

    def __init__(self, initial: float = 1.0) -> None:
        self.initial = initial

    def parameter_shapes(self, input_shape):
        return {"factor": input_shape}

    def statistic_shapes(self, input_shape):
        return {"steps": (1,)}

    def initialize(self, random):
        self.factor = self.initial

    def forward(self, inputs, training=None):
        if training is not None and training.updates_statistics:
            self.steps += 1

        def backward(gradient, gradients):
            gradients["factor"][...] = (gradient * inputs).sum(axis=0)
            return gradient * self.factor

        return inputs * self.factor, backward


class Twice(pn.Layer):
    def forward(self, inputs, training=None):
        return 2 * inputs, lambda gradient, gradients: 2 * gradient


class Noisy(pn.Dropout):
    """A subclass of a layer of plainnet that draws its own numbers."""

    def forward(self, inputs, training=None):
        if training is None:
            return inputs, lambda gradient, gradients: gradient
        noise = self.rate * training.random.standard_normal(inputs.shape)
        return inputs + noise.astype(inputs.dtype), lambda gradient, gradients: gradient


class Signs(pn.optimizers.Optimizer):
    """θ ← θ - η sign(m), with m ← decay m + g."""

    remembers = ("mean",)

    def __init__(self, learning_rate=0.01, decay=0.5):
        super().__init__(learning_rate, 0.0, None)
        self.decay = decay

    def update(self, parameters, gradient, state, learning_rate, t):
        state["mean"] *= self.decay
        state["mean"] += gradient
        parameters -= learning_rate / math.sqrt(t) * np.sign(state["mean"])


class Patient(pn.Adam):
    """A subclass of an optimizer of plainnet."""

    def update(self, parameters, gradient, state, learning_rate, t):
        super().update(parameters, clipped(gradient), state, learning_rate, t + 10)


def fourth_power(targets, predictions):
    return (predictions - targets) ** 4, 4 * (predictions - targets) ** 3


class Quartic:
    """A loss as an object."""

    def value(self, targets, predictions, sample_weight=None):
        return ((predictions - targets) ** 4).mean()

    def gradient(self, targets, predictions, sample_weight=None):
        return 4 * (predictions - targets) ** 3 / targets.size


class Pinball(pn.losses.Loss):
    """A loss as a subclass: the quantile's."""

    def __init__(self, quantile: float = 0.8) -> None:
        self.quantile = quantile

    def elements(self, targets, predictions):
        error = predictions - targets
        slope = np.where(error > 0, 1 - self.quantile, -self.quantile).astype(error.dtype)
        return slope * error, slope


class Smoothed(pn.losses.CrossEntropy):
    """Cross-entropy that takes a twentieth of each label for the others."""

    def elements_from_logits(self, targets, logits):
        rows = 0.95 * np.eye(logits.shape[1], dtype=logits.dtype)[targets] + logits.dtype.type(0.05 / logits.shape[1])
        return super().elements_from_logits(rows, logits)


def halving(epoch, epochs):
    return 0.01 / (1 + epoch)


class Zigzag(pn.schedules.Schedule):
    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    def rate(self, epoch, epochs, memory):
        return self.learning_rate * (1 + math.floor(epoch) % 2)


def small(shape, random):
    return 0.1 * random.standard_normal(shape)


OWN_LAYERS = {
    "activation function": lambda: [pn.Dense(5, bent), pn.Activation(bent)],
    "activation object": lambda: [pn.Dense(5, Steep(0.7))],
    "activation subclass": lambda: [pn.Dense(5, Hot())],
    "activation by staticmethod": lambda: [pn.Dense(5, ClippedIdentity())],
    "layer with parameters": lambda: [Scale(0.5), pn.Dense(5, "tanh"), Scale()],
    "layer": lambda: [pn.Dense(5), Twice()],
    "layer subclass": lambda: [pn.Dense(5, "relu"), Noisy(0.1)],
    "initializer": lambda: [pn.Dense(5, "tanh", initializer=small)],
}
OWN_OPTIONS = {
    "loss function": {"loss": fourth_power},
    "loss object": {"loss": Quartic()},
    "loss subclass": {"loss": Pinball(0.7)},
    "optimizer": {"optimizer": Signs(decay=0.7)},
    "optimizer subclass": {"optimizer": Patient(0.01)},
    "schedule function": {"optimizer": pn.SGD(halving)},
    "schedule subclass": {"optimizer": pn.Adam(Zigzag(0.01))},
    "schedule function after a warm-up": {"optimizer": pn.SGD(pn.schedules.LinearWarmup(halving, warmup=3))},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OWN_LAYERS)
def test_own_layers_come_along(written, name, dtype):
    check(network(*OWN_LAYERS[name](), pn.Dense(OUTPUTS), dtype=dtype), written, epochs=10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OWN_OPTIONS)
def test_own_options_come_along(written, name, dtype):
    check(network(pn.Dense(5, "tanh"), pn.Dense(OUTPUTS), dtype=dtype), written, **{"epochs": 10, **OWN_OPTIONS[name]})


def test_an_own_loss_of_classes_comes_along(written):
    labels = data("cross_entropy")[1]
    net = network(pn.Dense(5, "tanh"), pn.Dense(OUTPUTS, "softmax"))
    check(net, written, Smoothed(), y=labels, epochs=10)


def sigmoid(z):
    """Has the name of one of plainnet's, and is another function."""
    return z / (1 + np.abs(z)), 1 / (1 + np.abs(z)) ** 2


def train(targets, predictions):
    """Has the name of a function of the trainer's own."""
    return np.abs(predictions - targets), np.sign(predictions - targets)


def test_two_functions_of_one_name(written):
    check(network(pn.Dense(5, sigmoid), pn.Dense(5, "sigmoid"), pn.Dense(OUTPUTS, "silu")), written, train, epochs=10)


def test_a_network_from_a_file_takes_its_parts_again(tmp_path):
    net = network(pn.Dense(4, bent), pn.Dense(OUTPUTS))
    net.fit(*data(), loss=fourth_power, optimizer=Signs(halving), epochs=2, batch_size=5)
    net.save(tmp_path / "net.npz")
    trainer.write(net, tmp_path / "a.py")
    loaded = pn.load(tmp_path / "net.npz", custom=[bent])
    with pytest.raises(InvalidValue, match=r"own:fourth_power.*custom=\[\.\.\.\]"):
        trainer.write(loaded, tmp_path / "b.py")
    trainer.write(loaded, tmp_path / "b.py", custom=[fourth_power, Signs, halving])
    texts = [(tmp_path / name).read_text() for name in ("a.py", "b.py")]
    assert texts[0].replace("from a import", "from b import").replace("python a.py", "python b.py") == texts[1]


def test_numpy_alone_runs_it_to_the_last_bit(tmp_path):
    """In an interpreter without plainnet, with a part of the user's own of each kind."""
    X, y = data()
    np.savez(tmp_path / "data.npz", X=X, y=y)
    net = network(Scale(0.5), pn.Dense(5, bent, initializer=small), Noisy(0.1), pn.Dense(OUTPUTS, Hot()))
    net.fit(X, y, loss=Pinball(), optimizer=Signs(halving), epochs=5, batch_size=8, engine="numpy")
    trainer.write(net, tmp_path / "own.py")
    program = (
        "import numpy as np, own; data = np.load('data.npz'); p = own.initial_parameters(); "
        "print([loss.hex() for loss in own.train(data['X'], data['y'], p=p)]); "
        "print([x.hex() for x in own.predict(p, data['X']).ravel().tolist()])"
    )
    done = bare(tmp_path, "-c", program)
    expected = [net.history.loss, net.predict(X).ravel().tolist()]
    assert done.stdout.splitlines() == [str([x.hex() for x in numbers]) for numbers in expected], done.stderr
    done = bare(tmp_path, "own.py")
    assert "slopes agree to" in done.stdout, done.stderr


# ---- refusals ----


def outside(z):
    return scipy.special.expit(z), z


def of_a_library(z):
    return anp.tanh(z), z


def closes_over_an_open_file():
    file = open(os.devnull)  # noqa: SIM115

    def own(z):
        return z, file

    return own


compiled = eval("lambda z: (z, z)")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (lambda z: (z * z, 2 * z), r"layers\[1\], Activation with <lambda>, cannot.*lambda.*with def"),
        (compiled, r"layers\[1\].*source of <lambda> is not to be had"),
        pytest.param(
            outside,
            r"layers\[1\], Activation with outside, cannot.*it uses expit; .*NumPy and the standard library",
            marks=pytest.mark.needs("scipy"),
        ),
        (of_a_library, r"layers\[1\].*it uses tanh"),
        (closes_over_an_open_file(), r"layers\[1\].*it holds <_io.TextIOWrapper"),
    ],
)
def test_what_is_not_self_contained_is_refused_by_name(tmp_path, own, message):
    net = network(pn.Dense(OUTPUTS), pn.Activation(own))
    net.trained_by, net.history = None, pn.History(settings=dict(SETTINGS))
    with pytest.raises(InvalidValue, match=message):
        trainer.write(net, tmp_path / "trainer.py")
    with pytest.raises(InvalidValue, match=message):
        net.export(tmp_path / "script.py")
    assert os.listdir(tmp_path) == []


SETTINGS = {"loss": "mse", "optimizer": "adam", "epochs": 1, "batch_size": None, "shuffle": True}


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ([], {"optimizer": pn.SGD(pn.schedules.ReduceOnPlateau(0.1))}, "'reduce_on_plateau', which follows"),
        ([], {"sample_weight": np.arange(ROWS)}, "trained with sample or class weights"),
        (
            [],
            {"optimizer": pn.SGD(pn.schedules.LinearWarmup(pn.schedules.ReduceOnPlateau(0.1)))},
            "'reduce_on_plateau', which follows",
        ),
    ],
)
def test_what_the_record_does_not_hold_is_refused(tmp_path, layers, options, message):
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


class Halved(pn.Dense):
    def forward(self, inputs, training=None):
        outputs, backward = super().forward(inputs, training)
        return outputs / 2, lambda gradient, gradients: backward(gradient / 2, gradients)


class ClippedNorm(pn.BatchNorm):
    def forward(self, inputs, training=None):
        outputs, backward = super().forward(inputs, training)
        inside = np.abs(outputs) < 1
        return np.clip(outputs, -1, 1), lambda gradient, gradients: backward(gradient * inside, gradients)


@pytest.mark.parametrize("make", [lambda: Halved(4, "tanh"), ClippedNorm])
def test_a_subclass_predicts_by_its_own_forward(tmp_path, make):
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.random.default_rng(1).normal(size=(30, 2))
    net = pn.Network(make(), pn.Dense(2), input_size=3, seed=1)
    history = net.fit(X, y, loss="mse", epochs=3, engine="numpy")
    net.export(tmp_path / "own.py", to="trainer")
    own = runpy.run_path(str(tmp_path / "own.py"))
    p = own["initial_parameters"]()
    assert list(own["train"](X, y, p=p)) == history.loss
    assert np.array_equal(own["predict"](p, X), net.predict(X, engine="numpy"))
