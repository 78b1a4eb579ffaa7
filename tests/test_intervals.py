"""Intervals of metrics: published formulas, SciPy's bootstrap, and how often they hold the true value."""

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]
from sklearn import metrics as sklearn_metrics  # type: ignore[import-untyped]

from plainnet import metrics
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.metrics import intervals

RANDOM = np.random.default_rng(7)


def two_classes(rows: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Classes with the log odds 2 z - 1, and the probabilities of a model that sees 1.5 z - 1."""
    z = random.normal(size=rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(1 - 2 * z))).astype(int)
    return labels, (1 / (1 + np.exp(1 - 1.5 * z)))[:, np.newaxis]


def quantities(rows: int, random: np.random.Generator) -> tuple[Array, Array]:
    x = random.normal(size=(rows, 1))
    return x + random.normal(size=(rows, 1)), 0.9 * x


SCIKIT_LEARNS = {
    "balanced_accuracy": lambda y, p: sklearn_metrics.balanced_accuracy_score(y, p[:, 0] > 0.5),
    "f1": lambda y, p: sklearn_metrics.f1_score(y, p[:, 0] > 0.5),
    "log_loss": lambda y, p: sklearn_metrics.log_loss(y, p[:, 0]),
    "brier": lambda y, p: sklearn_metrics.brier_score_loss(y, p[:, 0]),
    "r2": sklearn_metrics.r2_score,
    "rmse": sklearn_metrics.root_mean_squared_error,
    "mae": sklearn_metrics.mean_absolute_error,
}


@pytest.mark.parametrize("name", SCIKIT_LEARNS)
def test_bootstrap_intervals_are_scipys(name: str) -> None:
    """BCa of scikit-learn's measure; 2,000 resamples leave the bounds uncertain by some hundredths of the width."""
    make = quantities if name in ("r2", "rmse", "mae") else two_classes
    y, p = make(150, np.random.default_rng(3))
    found = intervals.interval(name, y, p)
    assert found is not None
    scipys = stats.bootstrap(
        (np.arange(len(y)),),
        lambda rows: SCIKIT_LEARNS[name](y[rows], p[rows]),
        n_resamples=1000,
        vectorized=False,
        method="BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    np.testing.assert_allclose(found, (scipys.low, scipys.high), atol=0.12 * (scipys.high - scipys.low))


def test_delongs_deviation_is_that_of_the_pairs() -> None:
    """Var = S10 / P + S01 / N of the structural components, by all pairs as in the paper."""
    y, p = two_classes(80, np.random.default_rng(5))
    p = p.round(1)  # with ties
    positives, negatives = p[y == 1, 0], p[y == 0, 0]
    wins = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    variance = wins.mean(axis=1).var(ddof=1) / len(positives) + wins.mean(axis=0).var(ddof=1) / len(negatives)
    assert intervals.roc_auc_and_deviation(y, p) == pytest.approx((wins.mean(), np.sqrt(variance)))
    low, high = intervals.interval("roc_auc", y, p) or (0, 0)
    assert low < wins.mean() < high
    logit = np.log([b / (1 - b) for b in (low, wins.mean(), high)])
    assert logit[2] - logit[1] == pytest.approx(logit[1] - logit[0])


def test_shares_have_wilsons_interval() -> None:
    """All bounds solve (share - π)² = z² π (1 - π) / n, over the rows that the measure is about."""
    y, p = two_classes(90, np.random.default_rng(6))
    chosen = p[:, 0] > 0.5
    for name, share, n in (
        ("accuracy", (chosen == y).mean(), 90),
        ("precision", y[chosen].mean(), chosen.sum()),
        ("recall", chosen[y == 1].mean(), y.sum()),
    ):
        for bound in intervals.interval(name, y, p) or ():
            assert (share - bound) ** 2 == pytest.approx(intervals.Z**2 * bound * (1 - bound) / n), name


@pytest.mark.parametrize("name", intervals.WITH_INTERVALS)
def test_weights_that_are_all_equal_change_nothing(name: str) -> None:
    make = quantities if name in ("r2", "rmse", "mae") else two_classes
    y, p = make(60, np.random.default_rng(8))
    plain, weighted = intervals.interval(name, y, p), intervals.interval(name, y, p, np.full(60, 3.0))
    assert weighted == pytest.approx(plain)


@pytest.mark.parametrize("name", intervals.WITH_INTERVALS)
def test_many_rows_are_resampled_in_groups_and_give_narrow_intervals(name: str) -> None:
    """Of 16 times the rows an interval is a quarter as wide."""
    make = quantities if name in ("r2", "rmse", "mae") else two_classes
    width = {}
    for rows in (1500, 24_000):
        y, p = make(rows, np.random.default_rng(9))
        low, high = intervals.interval(name, y, p) or (np.nan, np.nan)
        assert low < metrics.METRICS[name](y, p) < high
        width[rows] = high - low
    assert width[1500] / width[24_000] == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize("name", ["f1", "roc_auc", "r2", "balanced_accuracy"])
def test_intervals_hold_the_true_value_in_19_of_20_samples(name: str) -> None:
    make = quantities if name == "r2" else two_classes
    true = metrics.METRICS[name](*make(400_000, np.random.default_rng(1)))
    held = 0
    for seed in range(200):
        low, high = intervals.interval(name, *make(150, np.random.default_rng(1000 + seed))) or (0, 0)
        held += low <= true <= high
    assert 180 <= held <= 199  # 190 ± 3 standard deviations


def test_macro_averages_have_intervals_too() -> None:
    random = np.random.default_rng(2)
    labels, outputs = random.integers(4, size=200), random.dirichlet(np.ones(4), 200)
    for name in ("precision", "recall", "f1", "balanced_accuracy", "roc_auc", "log_loss", "brier"):
        low, high = intervals.interval(name, labels, outputs) or (np.nan, np.nan)
        assert low < metrics.METRICS[name](labels, outputs) < high, name


def test_what_says_nothing_has_no_interval() -> None:
    right = np.array([0, 1] * 10), np.array([[0.1], [0.9]] * 10)
    assert intervals.interval("f1", *right) is None
    assert intervals.interval("roc_auc", *right) is None
    assert intervals.interval("rmse", np.ones(1), np.ones((1, 1))) is None
    assert intervals.interval("precision", np.array([0, 1]), np.array([[0.1], [0.2]])) is None  # nothing predicted
    with pytest.raises(InvalidValue, match="metric"):
        intervals.interval("average_precision", *right)
