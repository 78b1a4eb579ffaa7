"""The linear model beside a network is that of scikit-learn, as a network without hidden layer."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge  # type: ignore[import-untyped]

from plainnet._base.minimizing import golden_section, lbfgs
from plainnet.errors import InvalidValue
from plainnet.tabular.baselines import linear_baseline

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(300, 6)) @ (np.eye(6) + 0.5 * RANDOM.normal(size=(6, 6)))
WEIGHTS = RANDOM.random(300) + 0.2
WEIGHTS /= WEIGHTS.mean()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_regression_is_scikit_learns(classes: int, weighted: bool) -> None:
    y = (X[:, :classes] + RANDOM.gumbel(size=(300, classes))).argmax(axis=1)
    weights = WEIGHTS if weighted else None
    expected = LogisticRegression(tol=1e-8, max_iter=1000).fit(X, y, weights).predict_proba(X)
    given = linear_baseline(X, y, "classification", weights).predict(X)
    np.testing.assert_allclose(given, expected[:, 1:] if classes == 2 else expected, atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_regression_is_scikit_learns(weighted: bool) -> None:
    """The penalty is on weights of the standardized target, which changes nothing: ridge scales with its target."""
    y = 1000 + 20 * X[:, 0] - 5 * X[:, 1] + 10 * RANDOM.normal(size=300)
    weights = WEIGHTS if weighted else None
    expected = Ridge().fit(X, y, weights).predict(X)
    np.testing.assert_allclose(linear_baseline(X, y, "regression", weights).predict(X)[:, 0], expected, rtol=1e-5)


def test_a_class_without_rows_has_an_output() -> None:
    net = linear_baseline(X.astype(np.float32), (X[:, 0] > 0).astype(int), "classification", classes=3)
    assert net.predict(X).shape == (300, 3)
    assert net.dtype == np.float32
    assert net.predict(X)[:, 2].max() < 0.01


def test_of_many_rows_a_sample_is_learned_from() -> None:
    many = np.random.default_rng(0).normal(size=(120_000, 3))
    y = many @ [1.0, 2.0, 3.0]
    np.testing.assert_allclose(linear_baseline(many, y, "regression").predict(many)[:, 0], y, atol=1e-2)
    with pytest.raises(InvalidValue, match="X has 3 rows and y has 2"):
        linear_baseline(X[:3], np.zeros(2), "regression")


def test_minimizers_find_known_minima() -> None:
    def rosenbrock(x):
        a, b = x
        gradient = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2, gradient

    np.testing.assert_allclose(lbfgs(rosenbrock, np.array([-1.2, 1.0])), [1, 1], atol=1e-4)
    assert golden_section(lambda x: (x - 0.3) ** 4 + x, -5, 5) == pytest.approx(0.3 - 0.25 ** (1 / 3), abs=1e-4)
