"""The checker names what is wrong with a gradient: each usual mistake made on purpose, and none named without proof."""

import numpy as np
import pytest

import plainnet as pn
from plainnet import xor_post
from plainnet.errors import InvalidType, InvalidValue

RANDOM = np.random.default_rng(3)
A = RANDOM.normal(size=(10, 4))
B = RANDOM.normal(size=(10, 4))
W = RANDOM.normal(size=(4, 4))


def loss(w):
    """The mean over 10 examples of a squared error, of a bent map so that no derivative is simple."""
    return float(((np.tanh(A @ w) - B) ** 2).sum() / 10)


def true_gradient(w):
    t = np.tanh(A @ w)
    return A.T @ (2 / 10 * (t - B) * (1 - t**2))


def diagnosis(change, **options):
    report = pn.gradients.check(loss, lambda w: change(true_gradient(w), w), W, **options)
    assert not report.passed
    return report.arrays[0].diagnosis


def test_a_correct_gradient_gets_no_diagnosis():
    report = pn.gradients.check(loss, true_gradient, W, examples=10)
    assert report.passed
    assert report.arrays[0].diagnosis is None


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-1, "it is -1 times the true gradient (the sign is wrong)"),
        (2, "it is 2 times the true gradient (the loss has a 1/2 that the gradient leaves out)"),
        (0.5, "it is 0.5 times the true gradient (the 2 of a square's derivative is left out)"),
        (10, "it is 10 times the true gradient (summed over the 10 examples where the loss takes the mean)"),
        (0.1, "it is 0.1 times the true gradient (divided by the 10 examples once too often)"),
        (5, "it is 5 times the true gradient (the 2/10 of a mean of squares over the 10 examples is left out)"),
        (0.37, "it is 0.37 times the true gradient"),
    ],
)
def test_a_constant_factor_is_named_and_read(factor, words):
    assert diagnosis(lambda g, w: factor * g, examples=10) == words


def test_without_the_number_of_examples_a_factor_is_only_stated():
    assert diagnosis(lambda g, w: 10 * g) == "it is 10 times the true gradient"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g, w: -g.T, "it is transposed and -1 times the true gradient (the sign is wrong)"),
        (lambda g, w: g + 0.25, "+0.25 is added to every entry"),
        (lambda g, w: g + 0.1 * w, "it differs by +0.1 · parameter: the derivative of an L2 penalty, a term the loss "),
        (lambda g, w: g - 0.1 * w, "it differs by -0.1 · parameter: the derivative of an L2 penalty, a term the grad"),
        (lambda g, w: g - 0.1 * np.sign(w), "it differs by -0.1 · sign(parameter): the derivative of an L1 penalty"),
    ],
)
def test_what_two_arrays_can_tell(change, words):
    assert diagnosis(change).startswith(words)


def test_a_transpose_is_named_alone():
    assert diagnosis(lambda g, w: g.T) == "it is transposed"


@pytest.mark.parametrize("seed", range(20))
def test_a_random_wrong_gradient_gets_none(seed):
    random = np.random.default_rng(seed)
    assert diagnosis(lambda g, w: random.normal(size=g.shape), examples=10) is None


@pytest.mark.parametrize("change", [lambda g, w: g * (1 + 1e-4 * w), lambda g, w: 2 * g + 1e-4 * w**2])
def test_what_nearly_fits_a_mistake_is_not_named(change):
    assert diagnosis(change) is None


def test_of_a_single_number_only_a_usual_factor_is_named():
    def check(c):
        return pn.gradients.check(lambda w: float(w[0] ** 2), lambda w: c * 2 * w, [0.7]).arrays[0].diagnosis

    assert check(-1) == "it is -1 times the true gradient (the sign is wrong)"
    assert check(1.234) is None


def test_a_gradient_with_nan_is_wrong_and_gets_none():
    assert diagnosis(lambda g, w: g * np.nan) is None


def test_a_candidate_that_agrees_is_named():
    wrong = {"nothing": np.zeros((4, 4)), "slope at the sum": true_gradient(W), "noise": W}
    assert diagnosis(lambda g, w: g**2, candidates=wrong) == "slope at the sum: so mended it agrees"
    half = {"slope at the sum": 0.5 * true_gradient(W)}
    assert diagnosis(lambda g, w: g**2, candidates=half) == (
        "slope at the sum: so mended it is 0.5 times the true gradient (the 2 of a square's derivative is left out)"
    )
    assert diagnosis(lambda g, w: g**2, candidates={"noise": W}) is None


def test_the_shape_of_the_transpose_is_said():
    with pytest.raises(InvalidValue, match=r"shape \(3, 2\) at a point of shape \(2, 3\).*the shape of the transpose"):
        pn.gradients.check(lambda w: float(w.sum()), lambda w: np.ones((3, 2)), np.ones((2, 3)))


# ---- a network written by hand, with mistakes ----

X, Y = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2))


def network(hidden=5, outputs=2, activation="tanh", seed=1):
    layers = (pn.Dense(hidden, activation), pn.Dense(hidden, activation), pn.Dense(outputs, "sigmoid"))
    return pn.Network(*layers, input_size=3, seed=seed, dtype="float64")


def by_hand(net, targets, *, tanh_slope=None, output_slope=None, axis=0, transpose=True, error=True, factor=1.0):
    """Backpropagation of the mean squared error, written anew, with switches for its mistakes."""
    one, two, three = net.layers
    a1 = np.tanh(X @ one.weights + one.bias)
    a2 = np.tanh(a1 @ two.weights + two.bias)
    output = 1 / (1 + np.exp(-(a2 @ three.weights + three.bias)))
    slope = tanh_slope or (lambda a: 1 - a**2)
    d3 = (2 / targets.size * (output - targets) if error else np.ones_like(targets)) * (
        output_slope or (lambda a: a * (1 - a))
    )(output)
    d2 = d3 @ three.weights.T * slope(a2)
    d1 = d2 @ (two.weights.T if transpose else two.weights) * slope(a1)
    arrays = [X.T @ d1, d1.sum(axis=axis), a1.T @ d2, d2.sum(axis=axis), a2.T @ d3, d3.sum(axis=0)]
    return [factor * array for array in arrays]


def diagnoses(**mistakes):
    net = network()
    report = pn.gradients.check_by_hand(net, X, Y, by_hand(net, Y, **mistakes), loss="mse")
    return [array.diagnosis for array in report.arrays]


def test_a_correct_gradient_by_hand_passes():
    assert diagnoses() == [None] * 6


SLOPE = "f' is taken of the activations instead of the weighted sums, f'(a) for f'(z), in the hidden layers"
AXIS = "the bias adds δ over the units (axis 1) instead of the examples (axis 0)"


def test_the_derivative_at_the_activation_is_named():
    found = diagnoses(tanh_slope=lambda a: 1 - np.tanh(a) ** 2)
    assert found[:4] == [SLOPE] * 4
    assert found[4:] == [None, None]


def test_a_slope_left_out_is_named_where_it_is():
    found = diagnoses(output_slope=np.ones_like)
    assert found[4:] == ["f'(z) is left out in the output layer"] * 2
    assert diagnoses(tanh_slope=np.ones_like)[0] == "f'(z) is left out in the hidden layers"


def test_a_sum_over_the_wrong_axis_is_named():
    assert diagnoses(axis=1) == [None, AXIS, None, AXIS, None, None]


def test_weights_that_should_be_transposed_are_named():
    words = "δ goes back through the weights where it takes their transpose"
    assert diagnoses(transpose=False)[:4] == [words, words, None, None]


def test_the_missing_error_is_named():
    words = "the loss's derivative by the prediction, such as (ŷ - y), is left out"
    found = diagnoses(error=False)
    assert all(text.startswith(words) for text in found)


def test_mistakes_made_together_are_named_together():
    found = diagnoses(tanh_slope=lambda a: 1 - np.tanh(a) ** 2, axis=1, factor=5.0)
    assert found[1].startswith(f"{SLOPE}; {AXIS}; beyond that it is 5 times the true gradient (summed over the 5 ex")


@pytest.mark.parametrize("seed", range(10))
def test_random_arrays_by_hand_get_no_diagnosis(seed):
    net, random = network(seed=seed), np.random.default_rng(seed)
    wrong = [random.normal(size=array.shape) for array in by_hand(net, Y)]
    report = pn.gradients.check_by_hand(net, X, Y, wrong, loss="mse")
    assert [array.diagnosis for array in report.arrays] == [None] * 6


def test_an_extra_slope_with_cross_entropy_is_named():
    net = pn.Network(pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    targets = np.array([[0.0], [1.0], [1.0], [0.0], [1.0]])
    a = net.predict(X)
    delta = (a - targets) / 5
    assert pn.gradients.check_by_hand(net, X, targets, [X.T @ delta, delta.sum(0)], loss="binary_cross_entropy").passed
    delta = delta * a * (1 - a)
    report = pn.gradients.check_by_hand(net, X, targets, [X.T @ delta, delta.sum(0)], loss="binary_cross_entropy")
    assert report.arrays[0].diagnosis == (
        "f'(z) is multiplied into the output's δ, which with this loss has no such factor"
    )


def post_network():
    p = xor_post.initial_parameters()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, dtype="float64")
    net.layers[0].weights, net.layers[0].bias = p.hidden_weights, p.hidden_bias
    net.layers[1].weights, net.layers[1].bias = p.output_weights, p.output_bias
    return net


def post_report(mended):
    u = xor_post.published_update(xor_post.initial_parameters(), mended)
    arrays = [u.hidden_weights, u.hidden_bias, u.output_weights, u.output_bias]
    return pn.gradients.check_by_hand(post_network(), xor_post.X, xor_post.Y, arrays, loss="mse")


SIGNS = {1: "f' is taken of the activations", 2: "over the units (axis 1)", 3: "times the true gradient"}


@pytest.mark.parametrize("mended", [(), (1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)])
def test_the_posts_defects_are_named_in_the_arrays_that_have_them(mended):
    names = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")
    causes = {check.name: set(check.defects) - set(mended) for check in xor_post.check_published()}
    for name, array in zip(names, post_report(mended).arrays, strict=True):
        found = {defect for defect, words in SIGNS.items() if words in (array.diagnosis or "")}
        assert found == causes[name], array.diagnosis


def test_arrays_that_do_not_fit_the_network_are_refused():
    net = network()
    arrays = by_hand(net, Y)
    with pytest.raises(InvalidValue, match="gradient has 5 arrays; it takes 6: layers"):
        pn.gradients.check_by_hand(net, X, Y, arrays[:5], loss="mse")
    with pytest.raises(
        InvalidValue, match=r"layers\[0\]\.weights has shape \(5, 3\); it takes \(3, 5\); take its transpose"
    ):
        pn.gradients.check_by_hand(net, X, Y, [arrays[0].T, *arrays[1:]], loss="mse")
    with pytest.raises(InvalidType, match="gradient is ndarray; it takes a list or dict"):
        pn.gradients.check_by_hand(net, X, Y, np.zeros(3), loss="mse")
    with pytest.raises(InvalidValue, match="has no parameters yet"):
        pn.gradients.check_by_hand(pn.Network(pn.Dense(1)), X, Y, [], loss="mse")


def test_arrays_by_name_and_a_bias_kept_as_a_row_are_taken():
    net = network()
    named = dict(zip(net.parameter_names(), by_hand(net, Y), strict=True))
    named["layers[0].bias"] = named["layers[0].bias"].reshape(1, 5)
    assert pn.gradients.check_by_hand(net, X, Y, named, loss="mse").passed
    with pytest.raises(InvalidValue, match="gradient has the arrays"):
        pn.gradients.check_by_hand(net, X, Y, {"W": 1}, loss="mse")


def test_a_network_of_other_layers_is_checked_without_the_mistakes():
    net = pn.Network(pn.Dense(4), pn.BatchNorm(), pn.Dense(2), input_size=3, seed=1, dtype="float64")
    _, vector = net.loss_and_gradient(X, Y, loss="mse")
    arrays = [array for layer in net.parameter_views(vector) for array in layer.values()]
    assert pn.gradients.check_by_hand(net, X, Y, arrays, loss="mse").passed
    doubled = pn.gradients.check_by_hand(net, X, Y, [2 * array for array in arrays], loss="mse")
    assert "2 times the true gradient" in doubled.arrays[0].diagnosis


def test_the_networks_own_check_diagnoses_an_activation_of_ones_own():
    class Doubled:
        def value(self, z):
            return np.tanh(z)

        def derivative(self, z, a):
            return 2 * (1 - a * a)

    net = pn.Network(pn.Dense(4, Doubled()), pn.Dense(2), input_size=3, seed=1)
    text = str(pn.check_gradients(net, X, Y, loss="mse"))
    assert "layers[0].weights: it is 2 times the true gradient" in text
    assert "layers[1]" not in text.split("FAILED")[1].split("\n", 1)[1]
