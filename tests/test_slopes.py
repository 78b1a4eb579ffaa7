"""Gradient checks at kinks: a correct gradient does not fail, a wrong one does not pass."""

import numpy as np
import pytest

import plainnet as pn
from plainnet import gradients

rng = np.random.default_rng(11)
X = rng.normal(size=(60, 3))
Y = rng.normal(size=60)


def network(activation, *, units=16, seed=1, l1=0.0, inputs=3):
    layers = pn.Dense(units, activation, l1=l1), pn.Dense(1)
    return pn.Network(*layers, input_size=inputs, seed=seed, dtype="float64")


class Relu:
    """relu with a slope of one's own."""

    def __init__(self, slope):
        self.slope = slope

    def value(self, z):
        return np.maximum(z, 0)

    def derivative(self, z, a):
        return self.slope(z)


def one_sum_beside_zero(activation, distance):
    """A network in which one unit's weighted sum for one row is `distance` from its kink."""
    net = network(activation)
    net.layers[0].bias[2] -= (X @ net.layers[0].weights)[5, 2] - distance
    return net


@pytest.mark.parametrize("distance", [0.0, 1e-9, -1e-9, 1e-7, 2e-6, -4e-6, 1e-5, 1e-4])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu", {"name": "elu", "alpha": 2.0}])
def test_a_correct_gradient_passes_at_and_beside_a_kink(activation, distance):
    report = pn.check_gradients(one_sum_beside_zero(activation, distance), X, Y, loss="mse")
    assert report.passed, str(report)
    assert report.verdict.startswith("passed")


WRONG = {
    "left out": lambda z: np.ones_like(z),
    "always 0": lambda z: np.zeros_like(z),
    "doubled": lambda z: 2.0 * (z > 0),
    "slightly off": lambda z: 1.00001 * (z > 0),
    "mirrored": lambda z: (z < 0) * 1.0,
    "late": lambda z: (z > 0.01) * 1.0,
}


@pytest.mark.parametrize("distance", [0.0, 2e-6])
@pytest.mark.parametrize("slope", WRONG.values(), ids=WRONG)
def test_a_wrong_gradient_fails_at_and_beside_a_kink(slope, distance):
    report = pn.check_gradients(one_sum_beside_zero(Relu(slope), distance), X, Y, loss="mse")
    assert not report.passed
    assert "FAILED at layers[0]" in str(report)


@pytest.mark.parametrize("slope", [lambda z: (z > 0) * 1.0, lambda z: np.ones_like(z), lambda z: np.zeros_like(z)])
def test_where_every_entry_lies_at_a_kink_nothing_is_decided(slope):
    """With weights of 0 every weighted sum is 0, and 1 and 0 are as good a slope there as any between."""
    positive = np.abs(X)
    net = network(Relu(slope))
    net.layers[0].weights[...] = 0
    report = pn.check_gradients(net, positive, np.ones(60), loss="mse")
    assert not report.passed
    assert report.undecided == ["layers[0].weights", "layers[0].bias"]
    assert report.kinks == 3 * 16 + 16
    assert "UNDECIDED: every entry of layers[0].weights, layers[0].bias lies at a kink" in str(report)
    assert "64 entries at a kink" in str(report)


def test_entries_between_the_slopes_of_a_kink_are_left_out_and_counted():
    """|w| where w is 0, with 0.3 for its derivative."""

    def function(w):
        return float(np.abs(w[:3]).sum() + (w[3:] ** 2).sum())

    report = gradients.check(function, lambda w: np.r_[np.full(3, 0.3), 2 * w[3:]], [0.0, 0.0, 0.0, 1.0, -2.0])
    assert (report.passed, report.kinks, report.undecided) == (True, 3, [])
    assert report.arrays[0].kinks.tolist() == [True, True, True, False, False]
    assert "3 entries at a kink, such as relu's at 0, left out" in str(report)
    only = gradients.check(lambda w: float(np.abs(w).sum()), lambda w: [0.3], [0.0])
    assert (only.passed, only.undecided) == (False, ["gradient"])
    assert "UNDECIDED" in str(only)
    assert "FAILED" in str(gradients.check(lambda w: float(np.abs(w).sum()), lambda w: [1.3], [0.0]))


def test_absolute_errors_of_zero():
    """Three targets of sixty are predicted exactly."""
    net = pn.Network(pn.Dense(1), input_size=3, seed=1, dtype="float64")
    few = np.where(np.arange(60)[:, None] < 3, net.predict(X, engine="numpy"), Y[:, None])  # as the check does
    assert pn.check_gradients(net, X, few, loss="mae").passed

    def too_steep(targets, predictions):
        error = predictions - targets
        return np.abs(error), 1.5 * np.sign(error)

    assert "FAILED" in pn.check_gradients(net, X, few, loss=too_steep).verdict


@pytest.mark.parametrize("error", [1.0, -1.0, 1.0 + 1e-7, 1.0 - 3e-6])
def test_hubers_edge_is_smooth(error):
    net = pn.Network(pn.Dense(1), input_size=3, seed=1, dtype="float64")
    report = pn.check_gradients(net, X, net.predict(X) - error, loss="huber")
    assert report.passed, str(report)


@pytest.mark.parametrize("at", [[0.0, 2.0], [1e-8, 2.0], [-3e-6, 2.0]])
def test_a_function_of_ones_own(at):
    def function(w):
        return abs(w[0]) + w[0] + w[1] ** 2

    report = gradients.check(function, lambda w: [np.sign(w[0]) + 1, 2 * w[1]], at)
    assert report.passed
    assert not gradients.check(function, lambda w: [3.5, 2 * w[1]], at).passed
    assert not gradients.check(function, lambda w: [np.sign(w[0]) + 1, w[1]], at).passed
