"""Metrics against scikit-learn on drawn data, and against hand arithmetic."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics  # type: ignore[import-untyped]

from plainnet import metrics
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue

# The example of Fawcett (2006), figure 3: 20 instances with their class and score.
FAWCETT_TARGETS = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0])
FAWCETT_SCORES = np.array(
    [
        *[0.9, 0.8, 0.7, 0.6, 0.55, 0.54, 0.53, 0.52, 0.51, 0.505],
        *[0.4, 0.39, 0.38, 0.37, 0.36, 0.35, 0.34, 0.33, 0.3, 0.1],
    ]
).reshape(-1, 1)


def table(draw: st.DrawFn, rows: int, columns: int, most: int) -> Array:
    """Whole numbers from 0 to `most`: few values, so that ties are common."""
    row = st.lists(st.integers(0, most), min_size=columns, max_size=columns)
    return np.array(draw(st.lists(row, min_size=rows, max_size=rows)), dtype=float)


@st.composite
def two_classes(draw: st.DrawFn) -> tuple[Array, Array]:
    """Labels (n,) and the output of one sigmoid unit (n, 1), at times exactly 0.5."""
    rows = draw(st.integers(1, 30))
    return table(draw, rows, 1, 1).ravel().astype(int), table(draw, rows, 1, 10) / 10


@st.composite
def more_classes(draw: st.DrawFn) -> tuple[Array, Array]:
    """Labels (n,) and softmax rows (n, C) for 3 to 5 classes, some of which may not occur."""
    rows, classes = draw(st.integers(1, 30)), draw(st.integers(3, 5))
    weights = table(draw, rows, classes, 4) + 0.5
    labels = table(draw, rows, 1, classes - 1).ravel().astype(int)
    return labels, weights / weights.sum(axis=1, keepdims=True)


@st.composite
def several_labels(draw: st.DrawFn) -> tuple[Array, Array]:
    """Rows of 0 and 1 (n, k) and the outputs of k sigmoid units (n, k)."""
    rows, labels = draw(st.integers(1, 20)), draw(st.integers(2, 4))
    targets = table(draw, rows, labels, 1).astype(int)
    assume(not (targets.sum(axis=1) == 1).all())
    return targets, table(draw, rows, labels, 10) / 10


@st.composite
def values(draw: st.DrawFn) -> tuple[Array, Array]:
    """Targets and predictions of a regression (n, k); constant columns occur."""
    rows, columns = draw(st.integers(2, 20)), draw(st.integers(1, 3))
    return table(draw, rows, columns, 6) / 4, table(draw, rows, columns, 6) / 4


def assert_like_sklearn(
    targets: Array, predictions: Array, sklearn_targets: Array, decided: Array, average: str
) -> None:
    """Accuracy, precision, recall and F1 equal scikit-learn's for the classes decided on."""
    assert metrics.accuracy(targets, predictions) == pytest.approx(
        sklearn_metrics.accuracy_score(sklearn_targets, decided)
    )
    for name in ("precision", "recall", "f1"):
        expected = getattr(sklearn_metrics, f"{name}_score")(sklearn_targets, decided, average=average, zero_division=0)
        assert metrics.METRICS[name](targets, predictions) == pytest.approx(expected), name


@settings(deadline=None)
@given(two_classes())
def test_two_classes_agree_with_sklearn_in_every_form(drawn: tuple[Array, Array]) -> None:
    labels, p = drawn
    decided = (p[:, 0] > 0.5).astype(int)
    confusion = sklearn_metrics.confusion_matrix(labels, decided, labels=[0, 1])
    softmax = np.hstack([1 - p, p])
    forms = [
        (labels, p),
        (labels.reshape(-1, 1).astype(float), p.astype(np.float32)),
        (labels.astype(bool), p),
        (labels, softmax),
        (np.eye(2)[labels], softmax),
    ]
    for targets, predictions in forms:
        assert_like_sklearn(targets, predictions, labels, decided, "binary")
        np.testing.assert_array_equal(metrics.confusion_matrix(targets, predictions), confusion)


@settings(deadline=None)
@given(more_classes())
def test_more_classes_agree_with_sklearn_in_every_form(drawn: tuple[Array, Array]) -> None:
    labels, softmax = drawn
    classes = softmax.shape[1]
    decided = softmax.argmax(axis=1)
    confusion = sklearn_metrics.confusion_matrix(labels, decided, labels=range(classes))
    for targets in (labels, labels.reshape(-1, 1), np.eye(classes)[labels]):
        assert_like_sklearn(targets, softmax, labels, decided, "macro")
        np.testing.assert_array_equal(metrics.confusion_matrix(targets, softmax), confusion)


@settings(deadline=None)
@given(several_labels())
def test_several_labels_agree_with_sklearn(drawn: tuple[Array, Array]) -> None:
    targets, predictions = drawn
    assert_like_sklearn(targets, predictions, targets, (predictions > 0.5).astype(int), "macro")


@settings(deadline=None)
@given(two_classes())
def test_roc_auc_of_two_classes_agrees_with_sklearn(drawn: tuple[Array, Array]) -> None:
    labels, p = drawn
    assume(0 < labels.sum() < len(labels))
    expected = sklearn_metrics.roc_auc_score(labels, p[:, 0])
    assert metrics.roc_auc(labels, p) == pytest.approx(expected)
    assert metrics.roc_auc(labels, np.hstack([1 - p, p])) == pytest.approx(expected)
    assert metrics.roc_auc(np.eye(2)[labels], np.hstack([1 - p, p])) == pytest.approx(expected)


@settings(deadline=None)
@given(more_classes())
def test_roc_auc_of_more_classes_agrees_with_sklearn(drawn: tuple[Array, Array]) -> None:
    labels, softmax = drawn
    classes = softmax.shape[1]
    labels = np.concatenate([np.arange(classes), labels])  # each class occurs
    softmax = np.vstack([np.full((classes, classes), 1 / classes), softmax])
    expected = sklearn_metrics.roc_auc_score(labels, softmax, multi_class="ovr", average="macro")
    assert metrics.roc_auc(labels, softmax) == pytest.approx(expected)
    assert metrics.roc_auc(np.eye(classes)[labels], softmax) == pytest.approx(expected)


@settings(deadline=None)
@given(several_labels())
def test_roc_auc_of_several_labels_agrees_with_sklearn(drawn: tuple[Array, Array]) -> None:
    targets, predictions = drawn
    k = targets.shape[1]
    targets = np.vstack([np.zeros(k), np.ones(k), targets])  # each label is there and not there
    predictions = np.vstack([np.full((2, k), 0.5), predictions])
    expected = sklearn_metrics.roc_auc_score(targets, predictions, average="macro")
    assert metrics.roc_auc(targets, predictions) == pytest.approx(expected)


@settings(deadline=None)
@given(values())
def test_regression_agrees_with_sklearn(drawn: tuple[Array, Array]) -> None:
    y, predicted = drawn
    assert metrics.r2(y, predicted) == pytest.approx(sklearn_metrics.r2_score(y, predicted))
    assert metrics.rmse(y, predicted) == pytest.approx(sklearn_metrics.root_mean_squared_error(y, predicted))
    assert metrics.mae(y, predicted) == pytest.approx(sklearn_metrics.mean_absolute_error(y, predicted))


def test_fawcetts_example() -> None:
    # Above 0.5 stand six of ten positives and four of ten negatives; 68 of the 100 pairs are in order.
    for name in ("accuracy", "precision", "recall", "f1"):
        assert metrics.METRICS[name](FAWCETT_TARGETS, FAWCETT_SCORES) == pytest.approx(0.6), name
    assert metrics.roc_auc(FAWCETT_TARGETS, FAWCETT_SCORES) == pytest.approx(0.68)
    assert metrics.confusion_matrix(FAWCETT_TARGETS, FAWCETT_SCORES).tolist() == [[6, 4], [4, 6]]


def test_half_is_not_enough_for_class_1() -> None:
    assert metrics.accuracy(np.array([0, 1]), np.array([[0.5], [np.nextafter(0.5, 1)]])) == 1.0


def test_macro_average_by_hand() -> None:
    # Class 2 occurs and is never found; class 3 does not occur and does not count.
    predictions = np.eye(4)[[0, 0, 1, 1]]
    targets = np.array([0, 1, 1, 2])
    assert metrics.precision(targets, predictions) == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)
    assert metrics.recall(targets, predictions) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert metrics.f1(targets, predictions) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert metrics.confusion_matrix(targets, predictions).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
    ]


def test_several_labels_are_right_only_together() -> None:
    targets = np.array([[1, 1, 0], [0, 0, 0]])
    predictions = np.array([[0.9, 0.8, 0.1], [0.1, 0.1, 0.7]])
    assert metrics.accuracy(targets, predictions) == 0.5


def test_roc_auc_of_equal_scores_is_one_half() -> None:
    assert metrics.roc_auc(np.array([0, 1, 1, 0, 1]), np.full((5, 1), 0.3)) == 0.5


@pytest.mark.parametrize(
    ("targets", "predictions"),
    [
        (np.ones(4), np.full((4, 1), 0.3)),
        (np.zeros(4), np.full((4, 2), 0.5)),
        (np.array([0, 1, 0, 1]), np.full((4, 3), 1 / 3)),  # class 2 does not occur
        (np.array([[1, 1], [1, 0]]), np.full((2, 2), 0.5)),  # label 0 is always there
    ],
)
def test_roc_auc_is_nan_where_only_one_class_is_there(targets: Array, predictions: Array) -> None:
    assert math.isnan(metrics.roc_auc(targets, predictions))


def test_regression_by_hand() -> None:
    y = np.array([[0.0, 10.0], [4.0, 30.0]])
    predicted = np.array([[3.0, 10.0], [0.0, 30.0]])
    assert metrics.mae(y, predicted) == (3 + 4 + 0 + 0) / 4
    assert metrics.rmse(y, predicted) == pytest.approx((math.sqrt(25 / 2) + 0) / 2)
    assert metrics.r2(y, predicted) == pytest.approx(((1 - 25 / 8) + 1) / 2)


def test_regression_takes_targets_of_either_shape() -> None:
    y, predicted = np.array([1.0, 2.0, 4.0]), np.array([[1.5], [2.5], [3.0]])
    for metric in (metrics.r2, metrics.rmse, metrics.mae):
        assert metric(y, predicted) == metric(y.reshape(-1, 1), predicted)


@pytest.mark.parametrize("rows", [3, 10, 1000])
def test_r2_of_a_constant_target_does_not_depend_on_rounding(rows: int) -> None:
    y = np.full(rows, 0.1)  # 0.1 added up and divided again is not always 0.1
    assert metrics.r2(y, y.reshape(-1, 1)) == 1.0
    assert metrics.r2(y, np.full((rows, 1), 0.2)) == 0.0


def test_r2_of_one_example_is_nan() -> None:
    assert math.isnan(metrics.r2(np.array([1.0]), np.array([[1.0]])))


CLASSIFICATION = [*metrics.OF_CLASSES, metrics.confusion_matrix, metrics.reliability]


@pytest.mark.parametrize("metric", CLASSIFICATION)
@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([0, 1, 3], np.full((3, 3), 1 / 3), r"targets holds 3 in row 2 .*from 0 to 2"),
        ([0, -1], np.full((2, 3), 1 / 3), r"targets holds -1 in row 1"),
        ([0.5, 1], np.full((2, 2), 0.5), r"targets holds 0\.5 in row 0 .*2 columns .*whole numbers"),
        ([[1], [2]], np.full((2, 1), 0.5), r"targets holds 2 in row 1 .*1 column of .*from 0 to 1"),
        ([0, math.nan], np.full((2, 1), 0.5), r"targets holds nan in row 1"),
        ([[0, 1], [0.2, 1.8]], np.full((2, 2), 0.5), r"targets holds 1\.8 in row 1 .*only 0 and 1"),
        ([[0, 1], [0.5, 0.5]], np.full((2, 2), 0.5), r"targets holds 0\.5 in row 1 .*more than one entry"),
        ([0, 0.5], np.full((2, 1), 0.5), r"targets holds 0\.5 in row 1 .*neither class"),
        ([0, 1], np.full((3, 1), 0.5), r"targets has shape \(2,\).*\(3, 1\).*takes: \(3,\), \(3, 1\)$"),
        (np.eye(3), np.full((3, 2), 0.5), r"targets has shape \(3, 3\).*takes: .*\(3, 2\)$"),
        (np.eye(2), np.full((2, 1), 0.5), r"targets has shape \(2, 2\)"),
        (0, np.full((1, 1), 0.5), r"targets has shape \(\)"),
        ([0, 1], [0.1, 0.9], r"predictions has shape \(2,\)"),
        ([0, 1], [[0.1], [math.nan]], r"predictions holds nan at row 1"),
        ([], np.empty((0, 1)), r"predictions has shape \(0, 1\)"),
    ],
)
def test_classification_refuses_what_does_not_fit(
    metric: metrics.Metric, targets: Any, predictions: Any, message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        metric(np.array(targets), np.array(predictions))


@pytest.mark.parametrize("metric", [metrics.r2, metrics.rmse, metrics.mae])
@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([1.0, 2.0], np.ones((2, 2)), r"targets has shape \(2,\).*takes: \(2, 2\)$"),
        ([1.0, 2.0], np.ones((3, 1)), r"targets has shape \(2,\).*takes: \(3, 1\), \(3,\)$"),
        ([1.0, math.inf], np.ones((2, 1)), r"targets holds inf at row 1"),
        ([1.0, 2.0], np.ones(2), r"predictions has shape \(2,\)"),
    ],
)
def test_regression_refuses_what_does_not_fit(
    metric: metrics.Metric, targets: Any, predictions: Any, message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        metric(np.array(targets), predictions)


def test_text_labels_are_refused() -> None:
    with pytest.raises(InvalidType, match="targets has dtype"):
        metrics.accuracy(np.array(["cat", "dog"]), np.array([[0.1], [0.9]]))


def test_confusion_matrix_refuses_several_labels() -> None:
    with pytest.raises(InvalidValue, match="one class per example"):
        metrics.confusion_matrix(np.array([[1, 1], [0, 1]]), np.full((2, 2), 0.5))


@pytest.mark.parametrize("name", metrics.METRICS)
def test_names_resolve_to_functions_that_return_a_float(name: str) -> None:
    found, metric = metrics.resolve(name)
    assert found == name
    assert type(metric(np.array([0, 1, 1]), np.array([[0.2], [0.7], [0.4]], dtype=np.float32))) is float


def test_a_users_own_metric_needs_no_registration() -> None:
    def largest_error(targets: Array, predictions: Array) -> float:
        return float(np.abs(targets - predictions).max())

    assert metrics.resolve(largest_error) == ("largest_error", largest_error)


def test_a_metric_object_goes_by_the_name_of_its_class() -> None:
    class Within:
        def __call__(self, targets: Array, predictions: Array) -> float:
            return float((np.abs(targets - predictions) < 1).mean())

    within = Within()
    assert metrics.resolve(within) == ("Within", within)


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    with pytest.raises(InvalidValue, match="did you mean 'accuracy'"):
        metrics.resolve("acuracy")
    with pytest.raises(InvalidType, match="metric is 3"):
        metrics.resolve(3)  # type: ignore[arg-type]


# ---- probabilities, order and balance ----


@settings(deadline=None)
@given(more_classes(), st.booleans())
def test_probabilities_of_more_classes_agree_with_sklearn(drawn: tuple[Array, Array], weighted: bool) -> None:
    labels, softmax = drawn
    classes = softmax.shape[1]
    labels = np.concatenate([np.arange(classes), labels])  # each class occurs
    softmax = np.vstack([np.full((classes, classes), 1 / classes), softmax])
    weights = np.arange(1.0, len(labels) + 1) if weighted else None
    one_hot = np.eye(classes)[labels]
    expected = {
        "log_loss": sklearn_metrics.log_loss(labels, softmax, sample_weight=weights, labels=range(classes)),
        "brier": sklearn_metrics.brier_score_loss(labels, softmax, sample_weight=weights, labels=range(classes)),
        "average_precision": sklearn_metrics.average_precision_score(one_hot, softmax, sample_weight=weights),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(
            labels, softmax.argmax(axis=1), sample_weight=weights
        ),
    }
    for name, value in expected.items():
        assert metrics.METRICS[name](labels, softmax, weights) == pytest.approx(value), name
        assert metrics.METRICS[name](one_hot, softmax, weights) == pytest.approx(value), name


@settings(deadline=None)
@given(two_classes())
def test_probabilities_of_two_classes_agree_with_sklearn(drawn: tuple[Array, Array]) -> None:
    labels, p = drawn
    assume(0 < labels.sum() < len(labels))
    weights = np.linspace(1, 3, len(labels))
    expected = {
        "log_loss": sklearn_metrics.log_loss(labels, p[:, 0], sample_weight=weights),
        "brier": sklearn_metrics.brier_score_loss(labels, p[:, 0], sample_weight=weights),
        "average_precision": sklearn_metrics.average_precision_score(labels, p[:, 0], sample_weight=weights),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(labels, p[:, 0] > 0.5, sample_weight=weights),
    }
    for name, value in expected.items():
        assert metrics.METRICS[name](labels, p, weights) == pytest.approx(value), name
        assert metrics.METRICS[name](labels, np.hstack([1 - p, p]), weights) == pytest.approx(value), name


@settings(deadline=None)
@given(several_labels())
def test_probabilities_of_several_labels_are_means_over_the_labels(drawn: tuple[Array, Array]) -> None:
    targets, p = drawn
    k = targets.shape[1]
    targets, p = np.vstack([np.zeros(k), np.ones(k), targets]), np.vstack([np.full((2, k), 0.5), p])
    columns = [(t, column[:, None]) for t, column in zip(targets.T, p.T, strict=True)]
    for name in ("log_loss", "brier", "average_precision", "balanced_accuracy", "expected_calibration_error"):
        metric = metrics.METRICS[name]
        assert metric(targets, p) == pytest.approx(np.mean([metric(*column) for column in columns])), name


@settings(deadline=None)
@given(more_classes())
def test_the_calibration_error_is_that_of_guo_et_al(drawn: tuple[Array, Array]) -> None:
    """By their words: group by ((m - 1) / 15, m / 15], then Σ |B_m| / n |acc(B_m) - conf(B_m)|."""
    labels, softmax = drawn
    confidence, right = softmax.max(axis=1), softmax.argmax(axis=1) == labels
    expected = 0.0
    for m in range(1, 16):
        inside = ((m - 1) / 15 < confidence) & (confidence <= m / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert metrics.expected_calibration_error(labels, softmax) == pytest.approx(expected)
    found = metrics.reliability(labels, softmax)
    assert found.error == pytest.approx(expected)
    assert found.share.sum() == pytest.approx(1)


def test_calibration_by_hand() -> None:
    """Two of three at 0.9 are right and one of one at 0.8: (3 |2/3 - 0.9| + |1 - 0.8|) / 4."""
    targets, p = np.array([1, 1, 0, 0]), np.array([[0.9], [0.9], [0.9], [0.2]])
    assert metrics.expected_calibration_error(targets, p) == pytest.approx((3 * (0.9 - 2 / 3) + 0.2) / 4)
    assert metrics.log_loss(targets, p) == pytest.approx(-(2 * math.log(0.9) + math.log(0.1) + math.log(0.8)) / 4)
    assert metrics.brier(targets, p) == pytest.approx((2 * 0.01 + 0.81 + 0.04) / 4)


@settings(deadline=None)
@given(two_classes())
def test_curves_agree_with_sklearn(drawn: tuple[Array, Array]) -> None:
    labels, p = drawn
    assume(0 < labels.sum() < len(labels))
    weights = np.linspace(1, 3, len(labels))
    expected = sklearn_metrics.roc_curve(labels, p[:, 0], sample_weight=weights, drop_intermediate=False)
    for ours, theirs in zip(metrics.roc_curve(labels == 1, p[:, 0], weights), expected, strict=False):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    expected = sklearn_metrics.precision_recall_curve(labels, p[:, 0], sample_weight=weights)
    for ours, theirs in zip(metrics.precision_recall_curve(labels == 1, p[:, 0], weights), expected, strict=False):
        np.testing.assert_allclose(ours, theirs[-2::-1], atol=1e-12)  # theirs ends in (1, 0)


@pytest.mark.parametrize("name", ["log_loss", "brier", "expected_calibration_error"])
def test_outputs_that_are_no_probabilities_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"predictions holds 1\.5 at row 1, column 1"):
        metrics.METRICS[name](np.array([0, 1]), np.array([[0.5, 0.5], [0.1, 1.5]]))


def test_a_certain_mistake_in_float32_costs_what_sklearn_says() -> None:
    p = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)
    assert metrics.log_loss(np.array([1, 0]), p) == pytest.approx(sklearn_metrics.log_loss([1, 0], p))
