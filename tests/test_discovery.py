"""Every layer, activation, loss and initializer there is, in combination, against two independent gradients.

The combinations are made from the registries, so a new class is tested as soon as it is there, and fails until
`parts.py` has it in some settings and `reference.py` an independent version of it.
"""

import itertools

import numpy as np
import parts
import pytest
import reference

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.initializers import INITIALIZERS
from plainnet.layers import LAYERS
from plainnet.losses import LOSSES
from plainnet.optimizers import OPTIMIZERS
from plainnet.schedules import SCHEDULES

OUTPUTS = 3


def relative_error(a, b):
    return np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max(), 1e-300)


def middle_layer(name, activation, initializer):
    """The layer in question, with the activation and the initializer where it takes them."""
    if name == "Dense":
        return pn.Dense(5, activation, initializer=initializer, l1=0.01, l2=0.1)
    return LAYERS[name](activation) if "Activation" in name else parts.LAYERS[name][0](5)


def network(layer, activation, loss, initializer, seed):
    """One Dense layer with the activation, the layer in question, and an output that suits the loss.

    Biases, scales and shifts are drawn too, so that no unit sits at a kink or at a symmetric point; halved, so that
    exponentials of exponentials stay within what central differences can follow.
    """
    output = LOSSES[loss].suits[0] if LOSSES[loss].suits else "identity"
    net = pn.Network(
        pn.Dense(4, activation, initializer=initializer),
        middle_layer(layer, activation, initializer),
        pn.Dense(OUTPUTS, output, initializer=initializer),
        input_size=3,
        seed=seed,
        dtype="float64",
    )
    random = np.random.default_rng(seed)
    for own in net.layers:
        for name in set(own.parameter_shapes((1,))) - {"weights"}:
            setattr(own, name, random.normal(0.5, 0.3, getattr(own, name).shape))
        for name in own.statistic_shapes((1,)):
            setattr(own, name, random.uniform(0.5, 1.5, getattr(own, name).shape))
    net.parameters *= 0.5
    return net


def test_the_tests_know_everything_there_is():
    assert set(parts.LAYERS) == set(reference.LAYERS) == set(LAYERS)
    assert set(parts.OPTIMIZERS) == set(OPTIMIZERS)
    assert set(parts.SCHEDULES) == set(SCHEDULES)
    assert set(reference.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(reference.LOSSES) == set(LOSSES)
    assert set(reference.INITIALIZERS) == set(INITIALIZERS)


def assert_gradients_agree(layer, activation, cases):
    """Loss and gradient equal autograd's to 1e-10, and central differences to 1e-6."""
    for number, (loss, initializer, training) in enumerate(cases):
        net = network(layer, activation, loss, initializer, seed=number)
        random = np.random.default_rng(1000 + number)
        X, y = 0.3 * random.normal(size=(6, 3)), parts.targets(loss, random, 6, OUTPUTS)
        weight = random.uniform(0.2, 2, 6) if number % 4 > 1 else None
        case = f"{layer}, {activation}, {loss}, {initializer}, training={training}"

        value, gradient = net.loss_and_gradient(X, y, loss=loss, sample_weight=weight, training=training)
        expected_value, expected = reference.loss_and_gradient(net, X, y, loss, weight, training)
        assert value == pytest.approx(expected_value, rel=1e-10), case
        assert relative_error(gradient, expected) < 1e-10, case

        report = pn.check_gradients(net, X, y, loss=loss, sample_weight=weight, training=training)
        assert report.passed, f"{case}\n{report}"


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_of_every_layer_activation_and_loss(layer, activation):
    """In training and not, from initial weights of each kind in turn."""
    cases = itertools.product(LOSSES, [True, False])
    turn = itertools.cycle(INITIALIZERS)
    assert_gradients_agree(layer, activation, [(loss, next(turn), training) for loss, training in cases])


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_of_every_combination(layer, activation):
    assert_gradients_agree(layer, activation, itertools.product(LOSSES, INITIALIZERS, [True, False]))


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "poisson"])
def test_losses_of_probabilities_agree_with_losses_of_logits(loss):
    """The fused form and the form that takes the network's outputs are the same function."""
    random = np.random.default_rng(5)
    z, y = random.normal(size=(7, OUTPUTS)), parts.targets(loss, random, 7, OUTPUTS)
    made = LOSSES[loss]()
    activation = ACTIVATIONS[made.fused_with]()
    a = activation.value(z)
    value, gradient = made.value_and_gradient(y, z, from_logits=True)
    plain_value, plain_gradient = made.value_and_gradient(y, a)
    assert plain_value == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(activation.backward(plain_gradient, z, a), gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_derivative_and_backward_are_the_same_chain_rule(activation):
    """∂loss/∂z from `backward` equals the product with the derivative (the Jacobian for softmax)."""
    random = np.random.default_rng(3)
    z, gradient = random.normal(size=(4, 3)), random.normal(size=(4, 3))
    made = ACTIVATIONS[activation]()
    a = made.value(z)
    derivative = made.derivative(z, a)
    product = gradient * derivative if made.elementwise else np.einsum("ni,nij->nj", gradient, derivative)
    np.testing.assert_allclose(made.backward(gradient, z, a), product, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_keep_the_dtype_and_stay_finite_far_out(activation, dtype):
    made = ACTIVATIONS[activation]()
    far = 80 if activation == "exponential" else 1e4
    z = np.array([[-far, -1, 0, 1, far]], dtype)
    a = made.value(z)
    back = made.backward(np.ones_like(z), z, a)
    assert a.dtype == back.dtype == np.dtype(dtype)
    assert np.isfinite(a).all()
    assert np.isfinite(back).all()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_have_mean_zero_their_variance_and_their_distribution(name):
    inputs, units = 300, 200
    weights = INITIALIZERS[name]()((inputs, units), np.random.default_rng(0))
    deviation = np.sqrt(reference.INITIALIZERS[name](inputs, units))
    assert weights.shape == (inputs, units)
    assert abs(weights.mean()) <= 0.02 * deviation
    assert weights.std() == pytest.approx(deviation, rel=0.02)
    largest = np.abs(weights).max()
    assert largest == pytest.approx(np.sqrt(3) * deviation, rel=0.01) if "uniform" in name else largest >= 3 * deviation
