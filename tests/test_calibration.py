"""Temperature scaling: fitted where it has to be, folded into the weights, and true for every export."""

import numpy as np
import pytest

import plainnet as pn
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.metrics import expected_calibration_error, log_loss


def drawn(rows: int, classes: int, seed: int = 0) -> tuple[Array, Array]:
    """Logits, and classes drawn with the probabilities softmax(logits)."""
    random = np.random.default_rng(seed)
    z = 2 * random.normal(size=(rows, classes))
    return z, (z + random.gumbel(size=z.shape)).argmax(axis=1)  # the Gumbel-max trick


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("too_sure", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_makes_logits_too_sure(classes: int, too_sure: float) -> None:
    z, labels = drawn(20_000, classes)
    assert pn.fit_temperature(labels, too_sure * z) == pytest.approx(too_sure, rel=0.05)
    if classes == 2:
        assert pn.fit_temperature(labels, too_sure * (z[:, 1:] - z[:, :1])) == pytest.approx(too_sure, rel=0.05)
    weights = np.where(np.arange(20_000) < 10_000, 1.0, 1e-9)
    half = pn.fit_temperature(labels[:10_000], too_sure * z[:10_000])
    assert pn.fit_temperature(labels, too_sure * z, weights) == pytest.approx(half, rel=1e-3)


def test_a_few_rows_that_are_all_right_make_nothing_certain() -> None:
    z = np.array([[4.0, 0.0], [0.0, 4.0], [3.0, 0.0]])
    assert 0.8 < pn.fit_temperature(np.array([0, 1, 0]), z) < 1
    assert pn.fit_temperature(np.repeat([0, 1, 0], 1000), np.repeat(z, 1000, axis=0)) < 0.5


def test_of_networks_that_are_averaged_the_average_is_fitted() -> None:
    """The log loss of the mean of softmax(z_k / T) is no smaller at temperatures beside the one found."""
    z, labels = drawn(4000, 3)
    members = np.stack([3 * z + np.random.default_rng(k).normal(size=z.shape) for k in range(3)])

    def loss(temperature: float) -> float:
        e = np.exp(members / temperature)
        return log_loss(labels, (e / e.sum(axis=2, keepdims=True)).mean(axis=0))

    found = pn.fit_temperature(labels, members)
    assert 2 < found < 3.5
    assert loss(found) < min(loss(0.98 * found), loss(1.02 * found))


def network(output: str, classes: int) -> pn.Network:
    layers = {
        "softmax": [pn.Dense(classes, "softmax")],
        "sigmoid": [pn.Dense(1, "sigmoid")],
        "apart": [pn.Dense(classes), pn.Activation("softmax")],
        "without bias": [pn.Dense(classes, "softmax", bias=False)],
    }[output]
    return pn.Network(pn.Dense(8, "tanh"), *layers, input_size=3, seed=1)


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "apart", "without bias"])
def test_a_scaled_network_gives_the_softmax_of_its_logits_by_the_temperature(output: str) -> None:
    net = network(output, 1 if output == "sigmoid" else 4)
    X = np.random.default_rng(0).normal(size=(50, 3))
    before, scaled = net.predict(X).astype(float), pn.scaled_by_temperature(net, 2.5)
    if output == "sigmoid":
        expected = 1 / (1 + np.exp(-np.log(before / (1 - before)) / 2.5))
    else:
        powers = before ** (1 / 2.5)  # softmax(ln p / T)
        expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled.predict(X), expected, rtol=1e-4)
    np.testing.assert_array_equal(net.predict(X).astype(float), before)  # the network given is as it was


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_every_network_of_an_average_is_scaled(output: str) -> None:
    """The average after scaling is the mean of softmax(z_k / T), with the T that is best for it on the rows given."""
    X, y = pn.datasets.moons(500, noise=0.4, seed=1)
    units, loss = (2, "cross_entropy") if output == "softmax" else (1, "binary_cross_entropy")
    branches = [[pn.Dense(16, "tanh"), pn.Dense(units, output)] for _ in range(3)]
    net = pn.Network(pn.Average(*branches), input_size=2, seed=1, dtype="float64")
    net.fit(X[:100], y[:100], loss=loss, optimizer=pn.Adam(0.02), epochs=300)
    scaled, temperature = pn.calibrated(net, X[100:], y[100:])
    hidden = [np.tanh(X @ first.weights + first.bias) for first, _ in branches]
    z = [h @ last.weights + last.bias for h, (_, last) in zip(hidden, branches, strict=True)]
    e = [np.exp(own / temperature) for own in z]
    expected = np.mean([own / (own.sum(axis=1, keepdims=True) if units == 2 else 1 + own) for own in e], axis=0)
    np.testing.assert_allclose(scaled.predict(X), expected, rtol=1e-9)
    at = {t: log_loss(y[100:], pn.scaled_by_temperature(net, t * temperature).predict(X[100:])) for t in (0.8, 1, 1.25)}
    assert at[1] == min(at.values()) < log_loss(y[100:], net.predict(X[100:]))


def test_a_network_that_is_too_sure_is_calibrated_on_other_rows() -> None:
    """Few training rows and many epochs make it too sure; 1,000 other rows bring its calibration error down."""
    random = np.random.default_rng(3)
    X = random.normal(size=(4200, 2))
    y = (X[:, 0] + X[:, 1] ** 2 - 1 + 2 * random.logistic(size=4200) > 0).astype(int)
    net = pn.Network(pn.Dense(64, "relu"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    net.fit(X[:200], y[:200], loss="cross_entropy", optimizer=pn.Adam(0.01), epochs=300)
    scaled, temperature = pn.calibrated(net, X[200:1200], y[200:1200])
    assert temperature > 1.5
    test = X[1200:], y[1200:]
    before, after = (expected_calibration_error(test[1], n.predict(test[0])) for n in (net, scaled))
    assert after < 0.03 < 0.1 < before
    assert log_loss(test[1], scaled.predict(test[0])) < log_loss(test[1], net.predict(test[0]))
    np.testing.assert_array_equal(scaled.predict(test[0]).argmax(axis=1), net.predict(test[0]).argmax(axis=1))


@pytest.mark.parametrize("layers", [[pn.Dense(3)], [pn.Dense(3, "tanh"), pn.Dropout(0.1)]])
def test_what_has_no_probabilities_has_no_temperature(layers: list[pn.Layer]) -> None:
    with pytest.raises(InvalidValue, match="a temperature takes a network whose last layer"):
        pn.scaled_by_temperature(pn.Network(*layers, input_size=2), 2.0)


def test_a_temperature_is_above_0_and_its_rows_fit() -> None:
    with pytest.raises(InvalidValue, match="temperature"):
        pn.scaled_by_temperature(network("softmax", 3), 0)
    with pytest.raises(InvalidValue, match="each row takes one"):
        pn.fit_temperature(np.array([0, 1]), np.zeros((3, 2)))
    with pytest.raises(InvalidValue, match="classes from 0 to 2 for 2"):
        pn.fit_temperature(np.array([0, 2]), np.zeros((2, 2)))
