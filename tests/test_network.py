"""The network as a user meets it: one vector, views, predictions, descriptions, refusals."""

import copy
import pickle

import numpy as np
import pytest

import plainnet as pn
from plainnet.errors import InvalidType, InvalidValue


def small(**options):
    return pn.Network(pn.Dense(4, "tanh"), pn.Dense(2), **{"input_size": 3, "seed": 1, **options})


X = np.random.default_rng(0).normal(size=(7, 3))


def test_a_prediction_is_the_formula():
    net = small(dtype="float64")
    first, second = net.layers
    hidden = np.tanh(X @ first.weights + first.bias)
    np.testing.assert_allclose(net.predict(X), hidden @ second.weights + second.bias, rtol=1e-14)


def test_parameters_are_one_vector_and_layers_are_views():
    net = small()
    assert net.parameters.size == 3 * 4 + 4 + 4 * 2 + 2
    net.parameters[:] = np.arange(26)
    assert net.layers[0].weights[0, 1] == 1
    assert net.layers[0].bias[0] == 12
    assert net.layers[1].weights[0, 0] == 16
    net.layers[1].bias[1] = -5
    assert net.parameters[-1] == -5


def test_assigning_to_a_layer_or_to_parameters_writes_into_the_vector():
    net = small()
    vector = net.parameters
    net.layers[0].weights = np.full((3, 4), 7)
    net.layers[0].bias = 2
    assert (vector[:12] == 7).all()
    assert (vector[12:16] == 2).all()
    net.parameters = np.ones(26)
    assert net.parameters is vector
    assert (net.layers[1].weights == 1).all()
    with pytest.raises(InvalidValue, match=r"shape \(3,\)"):
        net.parameters = np.ones(3)
    before = vector.copy()
    for wrong in (np.zeros((1, 4)), np.zeros(4), np.zeros((4, 3))):  # what NumPy would broadcast, and the transpose
        with pytest.raises(InvalidValue, match=r"weights has shape .*; it takes shape \(3, 4\)"):
            net.layers[0].weights = wrong
    np.testing.assert_array_equal(vector, before)


def test_same_seed_same_weights_in_both_dtypes():
    single, double = small(), small(dtype="float64")
    np.testing.assert_array_equal(single.parameters, double.parameters.astype("float32"))
    assert not np.array_equal(small(seed=2).parameters, single.parameters)


def test_a_network_without_a_seed_can_be_made_again_from_the_seed_it_drew():
    net = small(seed=None)
    np.testing.assert_array_equal(small(seed=net.seed).parameters, net.parameters)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)), pn.Network.copy])
def test_copies_are_independent_and_complete(twin):
    net = pn.Network(pn.Dense(4, "tanh"), pn.BatchNorm(), pn.Dense(2, bias=False), input_size=3, seed=1)
    net.statistics[:] = 0.5
    other = twin(net)
    np.testing.assert_array_equal(other.predict(X), net.predict(X))
    before = net.predict(X)
    other.layers[0].weights[:] = 0
    assert (other.parameters[:12] == 0).all()
    np.testing.assert_array_equal(net.predict(X), before)


def test_a_description_rebuilds_the_network():
    net = pn.Network(
        pn.Dense(4, pn.activations.LeakyRelu(0.2), l2=0.1, initializer=pn.initializers.Normal(0.3)),
        pn.BatchNorm(momentum=0.3),
        pn.Activation("selu"),
        pn.Dropout(0.3),
        pn.LayerNorm(),
        pn.Dense(2, "softmax", bias=False),
        input_size=3,
        seed=5,
        dtype="float64",
    )
    again = pn.Network.from_description(net.describe())
    assert again.describe() == net.describe()
    np.testing.assert_array_equal(again.parameters, net.parameters)
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_predictions_in_blocks_are_the_predictions():
    net = small(dtype="float64")
    many = np.random.default_rng(1).normal(size=(20_001, 3))
    np.testing.assert_allclose(net.predict(many)[[0, 8191, 8192, 20_000]], net.predict(many[[0, 8191, 8192, 20_000]]))


def test_dropout_changes_training_and_not_prediction():
    net = pn.Network(pn.Dropout(0.5), input_size=1000, dtype="float64")
    ones = np.ones((4, 1000))
    np.testing.assert_array_equal(net.predict(ones), ones)
    step = pn.layers.TrainingPass(np.random.default_rng(0))
    outputs, _ = net.layers[0].forward(ones, step)
    assert set(np.unique(outputs)) == {0.0, 2.0}
    assert outputs.mean() == pytest.approx(1, abs=0.1)


def test_loss_and_gradient_leaves_the_network_as_it_is():
    net = pn.Network(pn.Dense(4), pn.BatchNorm(), pn.Dropout(), pn.Dense(1), input_size=3, seed=1)
    before, statistics = net.parameters.copy(), net.statistics.copy()
    first = net.loss_and_gradient(X, np.ones(7), loss="mse")
    second = net.loss_and_gradient(X, np.ones(7), loss="mse")
    assert first[0] == second[0]
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(net.parameters, before)
    np.testing.assert_array_equal(net.statistics, statistics)
    other_mask, _ = net.loss_and_gradient(X, np.ones(7), loss="mse", dropout_seed=1)
    assert other_mask != first[0]


def test_sample_weight_two_is_an_example_given_twice():
    net = small(dtype="float64")
    y = np.random.default_rng(1).normal(size=(7, 2))
    weight = np.array([2, 1, 1, 0, 1, 1, 1.0])
    twice = np.array([0, 0, 1, 2, 4, 5, 6])
    value, gradient = net.loss_and_gradient(X, y, loss="mse", sample_weight=weight)
    expected, expected_gradient = net.loss_and_gradient(X[twice], y[twice], loss="mse")
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-12)


def test_penalties_are_part_of_the_loss_and_not_of_evaluate():
    net = pn.Network(pn.Dense(2, l1=0.5, l2=3.0), input_size=3, seed=1, dtype="float64")
    y = np.zeros((7, 2))
    w = net.layers[0].weights
    net.layers[0].bias = 10
    value, _ = net.loss_and_gradient(X, y, loss="mse")
    data = net.evaluate(X, y, loss="mse")["loss"]
    assert value - data == pytest.approx(0.5 * np.abs(w).sum() + 1.5 * (w**2).sum())


def test_evaluate_gives_loss_and_metrics_by_name():
    net = pn.Network(pn.Dense(2, "softmax"), input_size=3, seed=1)
    y = np.array([0, 1, 0, 1, 1, 0, 0])
    p = net.predict(X)

    def mean_probability(targets, predictions):
        return predictions[np.arange(len(targets)), targets].mean()

    result = net.evaluate(X, y, loss="cross_entropy", metrics=["accuracy", mean_probability])
    assert list(result) == ["loss", "accuracy", "mean_probability"]
    assert result["loss"] == pytest.approx(-np.log(p[np.arange(7), y]).mean(), rel=1e-5)
    assert result["accuracy"] == (p.argmax(axis=1) == y).mean()


def test_a_users_own_layer_activation_and_loss_train_without_registration():
    class Scale(pn.Layer):
        """outputs = inputs · factor, one factor a feature."""

        def parameter_shapes(self, input_shape):
            return {"factor": input_shape}

        def initialize(self, random):
            self.factor = 1

        def forward(self, inputs, training=None):
            def backward(gradient, gradients):
                gradients["factor"][...] = (gradient * inputs).sum(axis=0)
                return gradient * self.factor

            return inputs * self.factor, backward

    def bent_identity(z):
        root = np.sqrt(z * z + 1)
        return (root - 1) / 2 + z, z / (2 * root) + 1

    class Cube:
        def value(self, z):
            return z**3

        def derivative(self, z, a):
            return 3 * z**2

    def log_cosh(targets, predictions):
        error = predictions - targets
        return np.log(np.cosh(error)), np.tanh(error)

    class HalfSquare:
        def value(self, targets, predictions):
            return 0.5 * ((predictions - targets) ** 2).mean()

        def gradient(self, targets, predictions):
            return (predictions - targets) / targets.size

    net = pn.Network(Scale(), pn.Dense(4, bent_identity), pn.Dense(3, Cube()), pn.Dense(1), input_size=3, seed=1)
    y = X.sum(axis=1) ** 2
    for loss in (log_cosh, HalfSquare()):
        assert pn.check_gradients(net, X, y, loss=loss).passed
        history = net.fit(X, y, loss=loss, optimizer=pn.Adam(0.01), epochs=50, batch_size=None)
        assert history.loss[-1] < history.loss[0]
    assert "log_cosh" in str(net.fit(X, y, loss=log_cosh, epochs=1, batch_size=None).settings)


def test_a_users_own_function_is_not_taken_for_the_built_in_of_its_name(tmp_path):
    def sigmoid(z):
        a = 1 / (1 + np.exp(-5 * z))
        return a, 5 * a * (1 - a)

    net = pn.Network(pn.Dense(1, sigmoid), input_size=3, seed=1, dtype="float64")
    y, p = np.array([0, 1, 0, 1, 1, 0, 1.0]), net.predict(X)[:, 0]
    expected = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    assert net.evaluate(X, y, loss="binary_cross_entropy")["loss"] == pytest.approx(expected)
    net.save(tmp_path / "own.npz")
    with pytest.raises(pn.errors.FileError, match="'own:sigmoid' is unknown"):
        pn.load(tmp_path / "own.npz")
    again = pn.load(tmp_path / "own.npz", custom=[sigmoid])
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_own_parts_with_settings_come_back(tmp_path):
    class Swish(pn.activations.ActivationFunction):
        def __init__(self, beta=1.0):
            self.beta = beta

        def value(self, z):
            return z / (1 + np.exp(-self.beta * z))

    net = pn.Network(pn.Dense(2, Swish(np.float32(2.0))), input_size=3, seed=1)
    net.save(tmp_path / "own.npz")
    again = pn.load(tmp_path / "own.npz", custom=[Swish])
    assert again.layers[0].activation.beta == 2.0
    np.testing.assert_allclose(again.predict(X), net.predict(X), rtol=1e-6)


def test_own_functions_are_held_to_shape_and_dtype():
    def double(z):
        return z.astype("float64"), np.ones_like(z)

    def narrow(z):
        return z[:, :1], z

    def single(z):
        return z

    assert pn.Network(pn.Dense(2, double), input_size=3, seed=1).predict(X).dtype == np.float32
    with pytest.raises(InvalidValue, match=r"own:narrow has shape \(7, 1\) for z of shape \(7, 2\)"):
        pn.Network(pn.Dense(2, narrow), input_size=3).predict(X)
    with pytest.raises(InvalidType, match="own:single returned ndarray"):
        pn.Network(pn.Dense(2, single), input_size=3).predict(X)
    with pytest.raises(InvalidType, match=r"returned float.*\(losses, derivatives\)"):
        small().evaluate(X, np.ones((7, 2)), loss=lambda targets, predictions: 1.0)
    with pytest.raises(InvalidValue, match=r"initializer returned shape \(2,\)"):
        pn.Network(pn.Dense(2, initializer=lambda shape, random: np.ones(2)), input_size=3)
    with pytest.raises(InvalidType, match=r"takes \(epoch, epochs\)"):
        pn.SGD(learning_rate=lambda epoch: 0.1)


def test_evaluation_in_blocks_of_a_fused_loss():
    net = pn.Network(pn.Dense(3, "softmax"), input_size=3, seed=1, dtype="float64")
    many = np.random.default_rng(1).normal(size=(10_000, 3))
    labels = np.arange(10_000) % 3
    p = net.predict(many)[np.arange(10_000), labels]
    result = net.evaluate(many, labels, loss="cross_entropy", metrics=["accuracy"])
    assert result["loss"] == pytest.approx(-np.log(p).mean())
    assert result["accuracy"] == (net.predict(many).argmax(axis=1) == labels).mean()


def test_predict_never_hands_out_the_callers_array():
    ones = np.ones((4, 3), "float32")
    predictions = pn.Network(pn.Dropout(), input_size=3).predict(ones)
    predictions[:] = 7
    assert (ones == 1).all()


def test_a_wrong_gradient_is_found():
    class Wrong:
        def value(self, z):
            return np.tanh(z)

        def derivative(self, z, a):
            return 1 - a  # should be 1 - a²

    net = pn.Network(pn.Dense(4, Wrong()), pn.Dense(1), input_size=3, seed=1)
    report = pn.check_gradients(net, X, np.ones(7), loss="mse")
    assert not report.passed
    assert "FAILED at layers[0]" in str(report)
    assert report.arrays[-1].relative_error < 1e-6  # the output bias does not depend on it


def test_a_correct_gradient_passes_near_a_minimum():
    """Where gradients are of the order of what differences can resolve."""
    data = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    net.fit(*data, loss="mse", optimizer=pn.SGD(1.0), epochs=10_000, batch_size=None, report_every=10_000)
    assert pn.check_gradients(net, *data, loss="mse").passed


def test_summary_shows_a_line_a_layer():
    lines = small().summary().splitlines()
    assert len(lines) == 4
    assert lines[1].split()[-2:] == ["4", "16"]
    assert lines[-1] == "3 inputs, 26 parameters, float32"
    assert "not built yet" in small(input_size=None).summary()


REFUSED = [
    (lambda: pn.Network(), InvalidValue, "at least one layer"),
    (lambda: pn.Network([pn.Dense(1)]), InvalidType, "one by one"),
    (lambda: pn.Network(pn.Dense(1), seed=-1), InvalidValue, "seed is -1"),
    (lambda: pn.Network(pn.Dense(1), dtype="float16"), InvalidValue, "float16"),
    (lambda: pn.Network(pn.Dense(1), input_size=0), InvalidValue, "input_size is 0"),
    (lambda: pn.Dense(0), InvalidValue, "units is 0"),
    (lambda: pn.Dense(2.5), InvalidType, "units is 2.5"),
    (lambda: pn.Dense(2, "sigmoyd"), InvalidValue, "did you mean 'sigmoid'"),
    (lambda: pn.Dense(2, 3), InvalidType, "activation is 3"),
    (lambda: pn.Dense(2, initializer="glorot"), InvalidValue, "glorot_uniform"),
    (lambda: pn.Dense(2, l2=-1), InvalidValue, "l2 is -1"),
    (lambda: pn.Dropout(1.0), InvalidValue, "rate is 1.0"),
    (lambda: pn.SGD(learning_rate=0), InvalidValue, "learning_rate is 0"),
    (lambda: pn.SGD(learning_rate=float("nan")), InvalidValue, "learning_rate is nan"),
    (lambda: pn.SGD(nesterov=True), InvalidValue, "needs momentum"),
    (lambda: pn.Adam(beta1=1), InvalidValue, "beta1 is 1"),
    (lambda: small().predict(X[:, :2]), InvalidValue, "X has 2 columns and the network takes 3"),
    (lambda: small().predict(X[0]), InvalidValue, r"shape \(3,\)"),
    (lambda: small().predict([["a", "b", "c"]]), InvalidType, "X has dtype"),
    (lambda: small().predict(np.empty((0, 3))), InvalidValue, "at least one row"),
    (lambda: small().predict([[1, 2, np.nan]]), InvalidValue, "nan at row 0, column 2"),
    (lambda: small().predict([[1, 2, 1e300]]), InvalidValue, "inf at row 0, column 2"),
    (lambda: small().evaluate(X, np.ones(7), loss="mse"), InvalidValue, r"y has shape \(7,\)"),
    (lambda: small().evaluate(X, np.ones((6, 2)), loss="mse"), InvalidValue, "y has 6 rows and X has 7"),
    (lambda: small().evaluate(X, np.ones((7, 2)), loss="mean"), InvalidValue, "loss 'mean' is unknown"),
    (
        lambda: small().evaluate(X, np.ones(7), loss="cross_entropy"),
        InvalidValue,
        "expects softmax as the output's activation",
    ),
    (lambda: pn.Network(pn.Dense(10**9), input_size=10**9), InvalidValue, "more than memory holds"),
    (lambda: pn.load(None), InvalidType, "path is None"),
    (lambda: small().save(5.5), InvalidType, "path is 5.5"),
    (lambda: pn.gradients.check(np.sum, np.ones_like, []), InvalidValue, "at is empty"),
    (lambda: pn.check_gradients(pn.Network(pn.Dropout()), X, X, loss="mse"), InvalidValue, "no parameters"),
    (lambda: small(input_size=None).predict(X), InvalidValue, "give it an input_size, or fit it"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED)
def test_bad_input_is_refused_by_name(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_labels_out_of_range_are_refused():
    net = pn.Network(pn.Dense(3, "softmax"), input_size=3)
    for labels, words in [
        ([0, 1, 3], "holds 3 at row 2"),
        ([0, -1, 1], "-1 at row 1"),
        ([0, 0.5, 1], "0.5 at row 1"),
    ]:
        with pytest.raises(InvalidValue, match=words):
            net.evaluate(X[:3], labels, loss="cross_entropy")
    with pytest.raises(InvalidValue, match="sum to 1"):
        net.evaluate(X[:1], [[0.5, 0.5, 0.5]], loss="cross_entropy")


def test_a_layer_belongs_to_one_network():
    layer = pn.Dense(2)
    pn.Network(layer)
    with pytest.raises(InvalidValue, match="already belongs"):
        pn.Network(layer)
    with pytest.raises(InvalidValue, match="already belongs"):
        pn.Network(*[pn.Dense(1)] * 2)


def test_an_unbuilt_layer_says_why_it_has_no_weights():
    with pytest.raises(AttributeError, match="once the network is built"):
        _ = pn.Dense(2).weights


def test_an_activation_assigned_by_name_takes_effect():
    net = pn.Network(pn.Dense(3), pn.BatchNorm(), pn.Activation("tanh"), pn.Dense(1), input_size=2, seed=1)
    net.layers[2].activation = "identity"
    net.layers[3].activation = "exponential"
    linear = net.copy()
    linear.layers[3].activation = "identity"
    np.testing.assert_allclose(net.predict([[0.5, -1.0]]), np.exp(linear.predict([[0.5, -1.0]])), rtol=1e-6)
    with pytest.raises(InvalidValue, match="activation 'tahn' is unknown; did you mean 'tanh'"):
        net.layers[3].activation = "tahn"


@pytest.mark.parametrize("name", ["units", "has_bias"])
def test_the_shape_of_a_layer_with_weights_cannot_be_set(name):
    net = pn.Network(pn.Dense(3), input_size=2, seed=1)
    with pytest.raises(InvalidValue, match=f"{name} cannot be set"):
        setattr(net.layers[0], name, 5)


@pytest.mark.parametrize(("name", "value"), [("seed", 2), ("dtype", "float64"), ("layers", [pn.Dense(2)])])
def test_what_a_network_was_made_from_cannot_be_set(name, value):
    net = pn.Network(pn.Dense(3), input_size=2, seed=1)
    with pytest.raises(AttributeError, match=f"{name} of a network cannot be set"):
        setattr(net, name, value)
    assert net.copy("float64").predict([[1.0, 2.0]]).dtype == np.float64


def test_copy_copy_gives_an_independent_network():
    net = pn.Network(pn.Dense(3, "tanh"), input_size=2, seed=1)
    twin = copy.copy(net)
    np.testing.assert_array_equal(twin.parameters, net.parameters)
    twin.parameters[:] = 0
    assert net.parameters.any()


class Halved(pn.Dense):
    """A Dense layer that halves its outputs."""

    def forward(self, inputs, training=None):
        outputs, backward = super().forward(inputs, training)
        return outputs / 2, lambda gradient, gradients: backward(gradient / 2, gradients)


def test_a_subclass_of_dense_with_a_forward_of_its_own_is_not_fused_with_a_loss():
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = (X[:, :1] > 0).astype(float)
    net = pn.Network(Halved(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    p = net.predict(X)
    by_hand = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    assert net.evaluate(X, y, loss="binary_cross_entropy")["loss"] == pytest.approx(by_hand)
    assert pn.check_gradients(net, X, y, loss="binary_cross_entropy").passed
    with pytest.raises(InvalidValue, match="no sums"):
        net.logits(X)


class Pair(pn.Layer):
    """Two Dense layers, held by one."""

    def parameter_shapes(self, input_shape):
        self.inner = [pn.Dense(4, "tanh"), pn.Dense(2)]
        shapes = {}
        for i, layer in enumerate(self.inner):
            shapes |= {f"{name}{i}": shape for name, shape in layer.parameter_shapes(input_shape).items()}
            input_shape = layer.output_shape(input_shape)
        return shapes

    def output_shape(self, input_shape):
        return (2,)

    def bound(self):
        for i, layer in enumerate(self.inner):
            layer.bind({"weights": getattr(self, f"weights{i}"), "bias": getattr(self, f"bias{i}")})
        return self.inner

    def initialize(self, random):
        for layer in self.bound():
            layer.initialize(random)

    def forward(self, inputs, training=None):
        first, second = self.bound()
        hidden, back_first = first.forward(inputs, training)
        outputs, back_second = second.forward(hidden, training)

        def backward(gradient, gradients):
            own = [{name: gradients[f"{name}{i}"] for name in ("weights", "bias")} for i in (0, 1)]
            return back_first(back_second(gradient, own[1]), own[0])

        return outputs, backward


@pytest.mark.parametrize("before", [[], [pn.LayerNorm]])
def test_a_layer_that_holds_layers(before):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(20, 3)), random.normal(size=(20, 2))
    net = pn.Network(*(make() for make in before), Pair(), input_size=3, seed=1)
    assert pn.check_gradients(net, X, y, loss="mse").passed
