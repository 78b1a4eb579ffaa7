"""Weight decay and dropout by a schedule, factors of single parameters, smoothed labels: in both engines, in lanes."""

import math

import numpy as np
import pytest
from contract import assert_agree, assert_engines_agree

import plainnet as pn
from plainnet import schedules
from plainnet.errors import InvalidType, InvalidValue
from plainnet.losses import CrossEntropy
from plainnet.schedules import Cosine, CosineLog, FlatCosine, LinearWarmup, ReduceOnPlateau

RANDOM = np.random.default_rng(8)
X = RANDOM.normal(size=(37, 3))
Y = (X[:, 0] > X[:, 1]).astype(int) + (X[:, 2] > 0.8)
FACTORS = {
    "rate_factors": {"bias": 0.1, "layers[2].weights": 3.0},
    "decay_factors": {"bias": 0.0, "layers[0].weights": 36.0},
}
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))]


FALLING = FlatCosine(0.3, flat=0.25)


def network(seed=3, dtype="float64", rate=FALLING):
    layers = pn.Dense(4, "tanh"), pn.Dropout(rate), pn.Dense(3, "softmax")
    return pn.Network(*layers, input_size=3, seed=seed, dtype=dtype)


class Signed(pn.optimizers.Optimizer):
    """A user's own: it knows neither stretches of parameters nor vectors of rates."""

    remembers = ("kept",)

    def __init__(self, learning_rate=0.01, weight_decay=0.0, **factors):
        super().__init__(learning_rate, weight_decay, None, **factors)

    def update(self, parameters, gradient, state, learning_rate, t):
        state["kept"] += np.sign(gradient)
        parameters -= learning_rate * state["kept"] / np.abs(state["kept"]).max()


OPTIMIZERS = {
    "scheduled": pn.AdamW(CosineLog(0.05), weight_decay=FlatCosine(0.2)),
    "all": pn.AdamW(CosineLog(0.05), weight_decay=FlatCosine(0.2), **FACTORS),
    "sgd": pn.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=FlatCosine(0.02), clip_norm=0.5, **FACTORS),
    "rmsprop": pn.RMSprop(0.01, momentum=0.5, weight_decay=0.01, **FACTORS),
    "adagrad": pn.Adagrad(Cosine(0.1), weight_decay=Cosine(0.1), **FACTORS),
    "adam": pn.Adam(0.01, weight_decay=LinearWarmup(FlatCosine(0.1), warmup=2), rate_factors={"weights": 0}),
    "function": pn.AdamW(0.01, weight_decay=lambda epoch, epochs: epoch / epochs),
    "user's own": Signed(0.01, weight_decay=Cosine(0.1), **FACTORS),
}


@pytest.mark.needs("fast")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_engines_agree(optimizer):
    options = {"loss": CrossEntropy(0.1), "epochs": 12, "batch_size": 8, "optimizer": OPTIMIZERS[optimizer]}
    assert_engines_agree(network, X, Y, **options)
    assert_engines_agree(lambda: network(dtype="float32"), X, Y, threads=2, **options)


@pytest.mark.needs("fast")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_many_networks_train_as_each_alone(optimizer):
    options = {"loss": CrossEntropy(0.1), "epochs": 8, "batch_size": 8, "optimizer": OPTIMIZERS[optimizer]}
    together = [network(seed) for seed in range(9)]
    histories = pn.train_many(together, X, Y, engine="compiled", threads=1, **options)
    for seed in (0, 8):
        alone = network(seed)
        history = alone.fit(X, Y, engine="numpy", **options)
        assert histories[seed].settings["engine"] == "compiled"
        assert_agree((alone, history), (together[seed], histories[seed]), 1e-10)


@pytest.mark.parametrize("engine", ENGINES)
def test_decay_alone_is_the_product_of_pytabkits_decays(engine):
    """θ ← θ (1 - 36 η λ) where nothing else moves it: both from their schedules, the rate's factor in neither."""
    start, net = network().parameters, network()
    rate, decay = CosineLog(0.04), FlatCosine(0.02)
    optimizer = pn.AdamW(
        rate, weight_decay=decay, rate_factors={"weights": 0, "bias": 0}, decay_factors={"weights": 36}
    )
    net.fit(X, Y, loss="cross_entropy", optimizer=optimizer, epochs=6, batch_size=10, engine=engine)
    places = np.arange(24) / 24
    coslog4 = 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * places)))
    flat_cos = np.where(places <= 0.5, 1, 0.5 * (1 + np.cos(np.pi * (2 * places - 1))))
    shrunk = np.prod(1 - 0.04 * coslog4 * 0.02 * flat_cos * 36)
    assert shrunk < 0.9
    np.testing.assert_allclose(net.parameters, start * shrunk, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rate_of_dropout_follows_its_schedule(engine):
    """Against a loop by hand over the same random numbers, with a linear network and plain gradient descent."""
    rate = Cosine(0.8, minimum=0.1)
    net = pn.Network(pn.Dropout(rate), pn.Dense(1, bias=False), input_size=3, seed=4, dtype="float64")
    random, w = np.random.default_rng(), net.layers[1].weights.copy()
    random.bit_generator.state = net.dropout.bit_generator.state
    y = X @ [[1.0], [-2.0], [0.5]]
    net.fit(X, y, loss="mse", optimizer=pn.SGD(0.05), epochs=5, batch_size=10, shuffle=False, engine=engine)
    for step in range(20):
        rows = slice(step % 4 * 10, step % 4 * 10 + 10)
        p = 0.1 + 0.7 * (1 + math.cos(math.pi * step / 20)) / 2
        inputs = X[rows] * (random.random(X[rows].shape, dtype=np.float32) >= p) / (1 - p)
        w -= 0.05 * 2 * inputs.T @ (inputs @ w - y[rows]) / len(inputs)
    np.testing.assert_allclose(net.layers[1].weights, w, rtol=1e-10)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_goes_on_from_its_checkpoint_to_the_same_bits(engine, tmp_path):
    options = {"loss": CrossEntropy(0.1), "optimizer": OPTIMIZERS["all"], "epochs": 9, "batch_size": 8}
    options |= {"engine": engine} | ({"threads": 1} if engine == "compiled" else {})  # NumPy's take another library
    whole = network()
    whole.fit(X, Y, **options)
    options |= {"checkpoint": tmp_path / "run.npz", "checkpoint_every": 1}
    reports = network().training(X, Y, **options)
    for _ in range(4):
        next(reports)
    reports.close()
    resumed = network()
    resumed.fit(X, Y, **options, resume=True)
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()


def test_the_waves_of_the_cosine_of_the_logarithm():
    """The zeros, and where it is one, of RealMLP's coslog4."""
    schedule = CosineLog(0.04)
    zeros, ones = [0, 1 / 15, 3 / 15, 7 / 15, 1, 1.5], [0.0276, 0.1219, 0.3105, 0.6876]
    np.testing.assert_allclose([schedule.rate(12 * t, 12, {}) for t in zeros], 0, atol=1e-15)
    np.testing.assert_allclose([schedule.rate(12 * t, 12, {}) for t in ones], 0.04, rtol=1e-4)
    assert CosineLog(1.0, cycles=1).rate(0.4142135623730951, 1, {}) == pytest.approx(1)


def test_they_are_kept_in_files(tmp_path):
    net = network()
    net.fit(X, Y, loss=CrossEntropy(0.1), optimizer=OPTIMIZERS["all"], epochs=2)
    net.save(tmp_path / "model.npz")
    loaded = pn.load(tmp_path / "model.npz")
    assert repr(loaded.layers[1]) == repr(net.layers[1]) == "Dropout(rate=FlatCosine(learning_rate=0.3, flat=0.25))"
    record = loaded.history.settings
    again = network()
    again.fit(X, Y, loss=CrossEntropy(0.1), optimizer=pn.optimizers.resolve(record["optimizer"]), epochs=2)
    assert again.parameters.tobytes() == net.parameters.tobytes()


REFUSED = {
    "rate_factors names 'biases', a parameter that the network lacks; did you mean 'bias'": {
        "rate_factors": {"biases": 0.1}
    },
    r"decay_factors names 'layers\[1\].weights', .* did you mean 'layers\[": {
        "decay_factors": {"layers[1].weights": 2}
    },
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_factor_of_no_parameter_is_refused_before_training(message):
    net = network()
    before = net.parameters.copy()
    with pytest.raises(InvalidValue, match=message):
        net.fit(X, Y, loss="cross_entropy", optimizer=pn.Adam(**REFUSED[message]))
    assert (net.parameters == before).all()


def test_settings_are_checked():
    with pytest.raises(InvalidValue, match=r"rate_factors\['bias'\] is -1; it takes a number of at least 0"):
        pn.SGD(rate_factors={"bias": -1})
    with pytest.raises(InvalidType, match="decay_factors is 0; it takes a dict from names of parameters to numbers"):
        pn.AdamW(decay_factors=0)
    with pytest.raises(InvalidValue, match=r"weight_decay is .*ReduceOnPlateau.*follows the reports"):
        pn.Adam(weight_decay=LinearWarmup(ReduceOnPlateau(0.1)))
    with pytest.raises(InvalidType, match="rate is 'cosine'; it takes a number or a schedule such as"):
        pn.Dropout("cosine")
    with pytest.raises(InvalidType, match=r"weight_decay is the function .*takes \(epoch, epochs\)"):
        pn.Adam(weight_decay=lambda epoch: 0.1)
    with pytest.raises(InvalidValue, match="label_smoothing is 1; it takes a number of at least 0 and below 1"):
        CrossEntropy(1)
    with pytest.raises(InvalidType, match=r"label_smoothing= is no option.*CrossEntropy"):
        network().fit(X, Y, loss="cross_entropy", label_smoothing=0.1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_that_leaves_the_limits_of_its_setting_is_refused_there(engine):
    with pytest.raises(InvalidValue, match=r"rate of Dropout at epoch 4 of 8 is 1\.0; it takes a number of at least 0"):
        network(rate=schedules.Exponential(0.0625, factor=2)).fit(
            X, Y, loss="cross_entropy", epochs=8, batch_size=None, engine=engine, report_every=8
        )


def test_a_users_own_decay_takes_the_present_one():
    class Own(pn.AdamW):
        def decayed(self, parameters, gradient, learning_rate):
            return gradient

    network().fit(X, Y, loss="cross_entropy", optimizer=Own(), epochs=1)
    with pytest.raises(InvalidValue, match=r"Own has a method decayed.*takes a fourth argument then"):
        network().fit(X, Y, loss="cross_entropy", optimizer=Own(weight_decay=Cosine(0.1)), epochs=1)


class Halves(pn.Layer):
    """A user's own layer that holds others: the mean of two, of which one has a dropout with a schedule."""

    def __init__(self, layers):
        self.layers = layers

    def forward(self, inputs, training=None):
        (one, back_one), (two, back_two) = (layer.forward(inputs, training) for layer in self.layers)
        return (one + two) / 2, lambda g, gradients: (back_one(g, gradients) + back_two(g, gradients)) / 2


@pytest.mark.needs("fast")
def test_schedules_of_layers_within_layers():
    def make(rate=FALLING):
        within = Halves([pn.Activation("tanh"), pn.Dropout(rate)])
        return pn.Network(pn.Dense(4), within, pn.Dense(3, "softmax"), input_size=3, seed=3, dtype="float64")

    numpy, _ = assert_engines_agree(make, X, Y, loss="cross_entropy", epochs=6, batch_size=8)
    constant = make(0.3)
    constant.fit(X, Y, loss="cross_entropy", epochs=6, batch_size=8)
    assert abs(numpy[0].parameters - constant.parameters).max() > 1e-3


def test_what_the_report_shows_repeats_the_run():
    from plainnet.report.rerun import python

    net = network()
    stopping = pn.EarlyStopping(None, monitor="accuracy", last=True)
    options = {"loss": CrossEntropy(0.1), "optimizer": OPTIMIZERS["all"], "epochs": 4, "engine": "numpy"}
    net.fit(X, Y, metrics=["accuracy"], early_stopping=stopping, **options)
    again = {"X": X, "y": Y}
    exec(python(net), again)
    assert again["net"].parameters.tobytes() == net.parameters.tobytes()


@pytest.mark.needs("sklearn")
def test_partial_fit_takes_changed_factors():
    from plainnet.sklearn import MLPClassifier

    model = MLPClassifier((4,), solver=pn.Adam(0.01, rate_factors={"bias": 0}), random_state=0)
    model.partial_fit(X, Y, classes=[0, 1, 2])
    before = model.network_.parameters.copy()
    model.solver = pn.Adam(0.01, rate_factors={"weights": 0})
    model.partial_fit(X, Y)
    names = np.repeat(["weights", "bias"] * 2, [12, 4, 12, 3])
    moved = model.network_.parameters != before
    assert not moved[names == "weights"].any()
    assert moved[names == "bias"].all()


def test_steps_of_a_users_own_are_scaled():
    """One step each: r times as long, where r = 0 stays."""
    factors = {"bias": 0.5, "layers[0].weights": 0}
    moved = []
    for given in (None, factors):
        net = network()
        net.fit(X, Y, loss="cross_entropy", optimizer=Signed(rate_factors=given), epochs=1, batch_size=None)
        moved.append(net.parameters - network().parameters)
    r = np.concatenate([np.zeros(12), np.full(4, 0.5), np.ones(12), np.full(3, 0.5)])
    np.testing.assert_allclose(moved[1], r * moved[0], rtol=1e-12)


# ---- smoothed labels ----


@pytest.mark.parametrize("soft", [False, True])
def test_both_forms_of_the_loss_smooth_alike(soft):
    z = RANDOM.normal(size=(6, 4))
    y = RANDOM.dirichlet(np.ones(4), 6) if soft else np.array([0, 3, 1, 1, 2, 0])
    e = np.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    rows = y if soft else np.eye(4)[y]
    loss, hard = CrossEntropy(0.2), CrossEntropy()
    value, gradient = loss.value_and_gradient(y, z, from_logits=True)
    expected, expected_gradient = hard.value_and_gradient(0.8 * rows + 0.05, z, from_logits=True)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-15)
    assert loss.value(y, p) == pytest.approx(value, rel=1e-12)
    softmax = pn.activations.Softmax()
    np.testing.assert_allclose(softmax.backward(loss.gradient(y, p), z, p), gradient, atol=1e-15)


def test_the_gradient_of_the_smoothed_loss_is_checked():
    report = pn.check_gradients(network(), X, Y, loss=CrossEntropy(0.1))
    assert report.passed, report
