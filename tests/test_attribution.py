"""Shapley values against the `shap` library and against functions whose values are known; importance with weights."""

import json
from pathlib import Path

import numpy as np
import pytest

import plainnet as pn
from plainnet.attribution import permutation_importance
from plainnet.errors import InvalidType, InvalidValue

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "shapley.json").read_text())


def network(case):
    outputs = len(case["output_weights"][0])
    net = pn.Network(pn.Dense(8, "tanh"), pn.Dense(outputs), input_size=len(case["row"]), dtype="float64")
    net.layers[0].weights, net.layers[0].bias = case["hidden_weights"], case["hidden_bias"]
    net.layers[1].weights, net.layers[1].bias = case["output_weights"], np.zeros(outputs)
    return net


@pytest.mark.parametrize(
    ("case", "groups", "golden"), [("few", False, "each"), ("few", True, "grouped"), ("many", False, "each")]
)
def test_exact_values_are_those_of_shap(case, groups, golden):
    case = GOLDENS[case]
    found = pn.shapley_values(network(case), case["row"], case["background"], case["groups"] if groups else None)
    assert found.exact
    assert np.allclose(found.values, case[golden]["values"], rtol=0, atol=1e-9)
    assert np.allclose(found.average, case[golden]["average"], rtol=0, atol=1e-9)
    assert (found.errors == 0).all()
    assert np.allclose(found.values.sum(axis=0), found.prediction - found.average, rtol=0, atol=1e-9)


def test_sampled_values_are_those_of_shap_within_their_errors():
    case = GOLDENS["many"]
    net, exact = network(case), np.array(case["each"]["values"])
    off = []
    for seed in range(10):
        found = pn.shapley_values(net, case["row"], case["background"], predictions=8 * 2 * 13 * 9, seed=seed)
        assert not found.exact
        assert found.background == 9
        assert np.allclose(found.values.sum(axis=0), found.prediction - found.average, rtol=0, atol=1e-9)
        off.append((found.values - exact) / found.errors)
    # Student's t of 8 rounds has the deviation √(7/5) and is below 7 in all but 0.02 % of cases
    assert np.sqrt(np.mean(np.square(off))) == pytest.approx(np.sqrt(7 / 5), rel=0.25)
    assert np.abs(off).max() < 7
    again = pn.shapley_values(net, case["row"], case["background"], predictions=8 * 2 * 13 * 9, seed=9)
    assert (again.values == found.values).all()


def test_interactions_of_two_are_shared_by_halves_and_exact_when_sampled():
    random = np.random.default_rng(1)
    slopes, products = random.normal(size=20), np.triu(random.normal(size=(20, 20)), 1)
    row, background = random.normal(size=20), random.normal(size=(5, 20))

    def predict(X):
        return X @ slopes + np.einsum("ni,ij,nj->n", X, products, X)

    # of a b x y, against one background row (p, q): a gets a half of ab - pb and of aq - pq
    both = products + products.T
    halves = [(row - b) * (slopes + both @ (row + b) / 2) for b in background]
    found = pn.shapley_values(predict, row, background, predictions=8 * 2 * 19 * 5)
    assert not found.exact
    assert np.allclose(found.values, np.mean(halves, axis=0), rtol=0, atol=1e-9)
    assert found.errors.max() < 1e-9


def test_what_is_as_in_the_background_adds_nothing_and_costs_nothing():
    background = np.zeros((4, 40))
    background[:, 3] = [1, 2, 3, 4]
    row = np.zeros(40)
    row[[3, 7]] = 5, 2
    found = pn.shapley_values(lambda X: X.sum(axis=1), row, background)
    assert found.exact  # two columns play, not forty
    assert found.values[[3, 7]].tolist() == [2.5, 2]
    assert np.delete(found.values, [3, 7]).tolist() == [0] * 38
    assert pn.shapley_values(lambda X: X.sum(axis=1), row, [row]).values.tolist() == [0] * 40


def test_a_large_background_is_drawn_from_where_predictions_are_few():
    random = np.random.default_rng(1)
    background, row = random.normal(size=(500, 30)), random.normal(size=30)
    found = pn.shapley_values(lambda X: np.tanh(X).prod(axis=1), row, background, predictions=10_000)
    assert found.background == 10_000 // (2 * 29 * 8)
    assert found.values.sum() == pytest.approx(found.prediction - found.average)


def test_shapley_values_refuse_what_does_not_fit():
    def predict(X):
        return X.sum(axis=1)

    with pytest.raises(InvalidValue, match="row has shape"):
        pn.shapley_values(predict, [1.0], [[1.0, 2.0]])
    with pytest.raises(InvalidValue, match="groups names the features"):
        pn.shapley_values(predict, [1.0, 2.0], [[1.0, 2.0]], [[0]])
    with pytest.raises(InvalidType, match="predict is 'net'"):
        pn.shapley_values("net", [1.0, 2.0], [[1.0, 2.0]])
    with pytest.raises(InvalidValue, match="predict returns shape"):
        pn.shapley_values(lambda X: X.sum(), [1.0, 2.0], [[1.0, 2.0]])
    with pytest.raises(InvalidValue, match="the predictions holds nan"):
        pn.shapley_values(lambda X: X[:, 0] * np.nan, [1.0, 2.0], [[1.0, 2.0]])


def test_importance_takes_the_weighted_mean_over_the_rows():
    random = np.random.default_rng(2)
    X = random.normal(size=(150, 2))
    y = X @ [1, 0.5] + random.normal(size=150)
    weights = random.integers(0, 3, size=150)
    net = pn.Network(pn.Dense(1), input_size=2, seed=1, dtype="float64")
    net.layers[0].weights = [[1], [0.5]]
    weighted = permutation_importance(net, X, y, repeats=200, sample_weight=weights).mean(axis=1)
    # the mean over shuffles of the loss, Σ w (f(x') - y)² / Σ w where x' has any row's value, by hand
    kept = weights > 0
    X, y, weights = X[kept], y[kept], weights[kept]
    base = np.average((X @ [1, 0.5] - y) ** 2, weights=weights)
    for i, slope in enumerate((1, 0.5)):
        other = X[:, 1 - i] * (0.5, 1)[i]
        shuffled = (slope * X[:, i][None] + (other - y)[:, None]) ** 2
        expected = np.average(shuffled.mean(axis=1), weights=weights) - base
        assert weighted[i] == pytest.approx(expected, rel=0.1)
