"""Weights reach all that judges a run: validation loss, metrics, early stopping, schedules, evaluation."""

import numpy as np
import pytest
from sklearn import metrics as sk

import plainnet as pn
from plainnet import metrics
from plainnet.errors import InvalidValue, PlainnetWarning

rng = np.random.default_rng(3)
X = rng.normal(size=(90, 3))
Y = (X[:, 0] + 0.5 * rng.normal(size=90) > 0).astype(int) + (X[:, 1] > 0.7)
WEIGHT = rng.uniform(0.2, 3.0, 90)
HELD = rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
HELD_WEIGHT = rng.uniform(0.2, 3.0, 30)


def network(seed=1):
    return pn.Network(pn.Dense(6, "tanh"), pn.Dense(3, "softmax"), input_size=3, seed=seed, dtype="float64")


def weighted_loss(net, X, y, weight):
    """The definition, from the probabilities."""
    return np.average(-np.log(net.predict(X)[np.arange(len(y)), y]), weights=weight)


OPTIONS = {"loss": "cross_entropy", "epochs": 4, "metrics": ["accuracy", "f1"]}


def test_a_validation_triple_is_measured_by_its_weights():
    net = network()
    history = net.fit(X, Y, validation=(*HELD, HELD_WEIGHT), **OPTIONS)
    assert history.validation_loss[-1] == pytest.approx(weighted_loss(net, *HELD, HELD_WEIGHT), rel=1e-12)
    predicted = net.predict(HELD[0]).argmax(axis=1)
    expected = sk.accuracy_score(HELD[1], predicted, sample_weight=HELD_WEIGHT)
    assert history.metrics["accuracy"][-1] == pytest.approx(expected, rel=1e-12)


def test_rows_held_out_keep_their_weights():
    net, seen = network(), []

    def recorded(targets, predictions, sample_weight):
        seen.append((predictions[:, 0], sample_weight))
        return 0.0

    history = net.fit(X, Y, validation=0.3, sample_weight=WEIGHT, **{**OPTIONS, "metrics": [recorded]})
    first, weights = seen[-1]
    rows = [int(np.abs(net.predict(X)[:, 0] - value).argmin()) for value in first]  # which rows they were
    np.testing.assert_allclose(weights, WEIGHT[rows])
    assert history.validation_loss[-1] == pytest.approx(weighted_loss(net, X[rows], Y[rows], WEIGHT[rows]), rel=1e-9)


@pytest.mark.parametrize("validation", [0.3, (*HELD,), (*HELD, HELD_WEIGHT)], ids=["fraction", "pair", "triple"])
@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 5.0, 2: 0.5}, "balanced"])
def test_class_weights_go_for_validation_as_for_training(validation, class_weight):
    by_class, by_hand = network(), network()
    history = by_class.fit(X, Y, validation=validation, class_weight=class_weight, **OPTIONS)
    counts = np.bincount(Y)
    table = np.array([1.0, 5.0, 0.5]) if class_weight != "balanced" else 90 / (3 * counts)
    if isinstance(validation, tuple):
        given = validation[2] if len(validation) == 3 else np.ones(30)
        validation = (*HELD, given * table[HELD[1]])
    same = by_hand.fit(X, Y, validation=validation, sample_weight=table[Y], **OPTIONS)
    np.testing.assert_allclose(history.validation_loss, same.validation_loss, rtol=1e-9)
    np.testing.assert_allclose(history.metrics["accuracy"], same.metrics["accuracy"], rtol=1e-9)


def test_rows_of_weight_zero_might_as_well_not_be_there():
    """Wrong copies of every row at weight 0, and a layer whose statistics would notice them."""
    many_X, many_y = np.r_[X, X], np.r_[Y, (Y + 1) % 3]
    weight = np.r_[np.ones(90), np.zeros(90)]
    held = np.r_[HELD[0], HELD[0] + 5], np.r_[HELD[1], HELD[1]], np.r_[np.ones(30), np.zeros(30)]
    for validation, clean in ((0.3, 0.3), (held, HELD), (None, None)):
        nets = [
            pn.Network(pn.Dense(6), pn.BatchNorm(), pn.Activation("relu"), pn.Dense(3, "softmax"), seed=1)
            for _ in range(2)
        ]
        options = {**OPTIONS, "epochs": 30, "early_stopping": 3, "class_weight": "balanced"}
        one = nets[0].fit(many_X, many_y, sample_weight=weight, validation=validation, **options)
        other = nets[1].fit(X, Y, sample_weight=np.ones(90), validation=clean, **options)
        assert (one.loss, one.validation_loss, one.metrics) == (other.loss, other.validation_loss, other.metrics)
        np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
        np.testing.assert_array_equal(nets[0].statistics, nets[1].statistics)


def test_balanced_minds_the_sample_weights():
    """Every class counts the same, counted in weights: as if each row stood there as often as its weight says."""
    often = rng.integers(1, 4, 90)
    weighted, repeated = network(), network()
    options = {"loss": "cross_entropy", "epochs": 3, "class_weight": "balanced", "batch_size": None}
    one = weighted.fit(X, Y, sample_weight=often, **options)
    other = repeated.fit(np.repeat(X, often, axis=0), np.repeat(Y, often), **options)
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-9)
    np.testing.assert_allclose(weighted.parameters, repeated.parameters, rtol=1e-6, atol=1e-9)


def test_early_stopping_and_plateaus_judge_by_the_weighted_loss():
    """Held-out rows that get worse count 1e-6, those that get better 1: the run goes on, and the rate stays."""
    wrong = X[:30], (Y[:30] + 1) % 3
    held = np.r_[X[30:60], wrong[0]], np.r_[Y[30:60], wrong[1]]
    weight = np.r_[np.ones(30), np.full(30, 1e-6)]
    options = {
        "loss": "cross_entropy",
        "epochs": 60,
        "early_stopping": 5,
        "optimizer": pn.Adam(pn.schedules.ReduceOnPlateau(0.01, patience=2)),
    }
    history = network().fit(X, Y, validation=(*held, weight), **options)
    assert (history.stopped, history.learning_rate[-1]) == ("all epochs", 0.01)
    unweighted = network().fit(X, Y, validation=held, **options)
    assert unweighted.stopped == "early stopping"


def test_train_many_and_compare_weigh_as_fit_does():
    alone = network().fit(X, Y, validation=(*HELD, HELD_WEIGHT), sample_weight=WEIGHT, **OPTIONS)
    (many,) = pn.train_many([network()], X, Y, validation=(*HELD, HELD_WEIGHT), sample_weight=WEIGHT, **OPTIONS)
    np.testing.assert_allclose(many.validation_loss, alone.validation_loss, rtol=1e-9)
    comparison = pn.compare(
        {"a": network()},
        X,
        Y,
        seeds=[1],
        workers=1,
        validation=(*HELD, HELD_WEIGHT),
        sample_weight=WEIGHT,
        **OPTIONS,
    )
    assert comparison.runs[0].validation_loss == pytest.approx(alone.validation_loss[-1], rel=1e-9)


def test_training_metrics_without_validation_are_weighted():
    net = network()
    history = net.fit(X, Y, sample_weight=WEIGHT, **OPTIONS)
    predicted = net.predict(X).argmax(axis=1)
    expected = sk.accuracy_score(Y, predicted, sample_weight=WEIGHT)
    assert history.metrics["accuracy"][-1] == pytest.approx(expected, rel=1e-9)


CLASSES = rng.dirichlet(np.ones(3), 90)
BINARY = rng.random((90, 1))
LABELS = rng.random((90, 3))
THERE = (rng.random((90, 3)) > 0.4).astype(int)
VALUES = rng.normal(size=(90, 2))
PREDICTED = VALUES + rng.normal(size=(90, 2))

AGAINST_SKLEARN = {
    "accuracy": (
        "accuracy",
        Y,
        CLASSES,
        lambda w: sk.accuracy_score(Y, CLASSES.argmax(1), sample_weight=w),
    ),
    "accuracy of labels": (
        "accuracy",
        THERE,
        LABELS,
        lambda w: sk.accuracy_score(THERE, LABELS > 0.5, sample_weight=w),
    ),
    "precision": (
        "precision",
        Y,
        CLASSES,
        lambda w: sk.precision_score(Y, CLASSES.argmax(1), average="macro", sample_weight=w),
    ),
    "recall of two": (
        "recall",
        Y > 0,
        BINARY,
        lambda w: sk.recall_score(Y > 0, BINARY[:, 0] > 0.5, sample_weight=w),
    ),
    "f1": (
        "f1",
        Y,
        CLASSES,
        lambda w: sk.f1_score(Y, CLASSES.argmax(1), average="macro", sample_weight=w),
    ),
    "f1 of labels": (
        "f1",
        THERE,
        LABELS,
        lambda w: sk.f1_score(THERE, LABELS > 0.5, average="macro", sample_weight=w),
    ),
    "roc_auc": (
        "roc_auc",
        Y > 0,
        BINARY.round(1),
        lambda w: sk.roc_auc_score(Y > 0, BINARY[:, 0].round(1), sample_weight=w),
    ),
    "roc_auc of labels": (
        "roc_auc",
        THERE,
        LABELS,
        lambda w: sk.roc_auc_score(THERE, LABELS, sample_weight=w),
    ),
    "r2": ("r2", VALUES, PREDICTED, lambda w: sk.r2_score(VALUES, PREDICTED, sample_weight=w)),
    "rmse": (
        "rmse",
        VALUES,
        PREDICTED,
        lambda w: sk.root_mean_squared_error(VALUES, PREDICTED, sample_weight=w),
    ),
    "mae": (
        "mae",
        VALUES,
        PREDICTED,
        lambda w: sk.mean_absolute_error(VALUES, PREDICTED, sample_weight=w),
    ),
}


@pytest.mark.parametrize("case", AGAINST_SKLEARN)
def test_weighted_metrics_are_those_of_scikit_learn(case):
    name, targets, predictions, expected = AGAINST_SKLEARN[case]
    metric = metrics.METRICS[name]
    assert metric(targets, predictions, sample_weight=WEIGHT) == pytest.approx(expected(WEIGHT), rel=1e-12)
    often = rng.integers(0, 3, 90)
    repeated = metric(np.repeat(targets, often, axis=0), np.repeat(predictions, often, axis=0))
    assert metric(targets, predictions, sample_weight=often) == pytest.approx(repeated, rel=1e-12)


def test_a_weighted_confusion_matrix_adds_weights():
    expected = sk.confusion_matrix(Y, CLASSES.argmax(1), sample_weight=WEIGHT)
    np.testing.assert_allclose(metrics.confusion_matrix(Y, CLASSES, sample_weight=WEIGHT), expected)


def test_evaluate_weighs_metrics_as_the_loss():
    net = network()
    only = (Y == 0).astype(float)
    weighted = net.evaluate(X, Y, loss="cross_entropy", metrics=["accuracy"], sample_weight=only)
    part = net.evaluate(X[Y == 0], Y[Y == 0], loss="cross_entropy", metrics=["accuracy"])
    assert weighted == pytest.approx(part)


def test_a_metric_that_takes_no_weights_says_so_and_one_that_does_is_given_them():
    def surest(targets, predictions):
        return predictions.max()

    net = network()
    with pytest.warns(PlainnetWarning, match="metric 'surest' has no argument sample_weight") as caught:
        net.fit(X, Y, sample_weight=WEIGHT, **{**OPTIONS, "metrics": [surest]})
    assert (caught[0].filename, len(caught)) == (__file__, 1)
    net.fit(X, Y, sample_weight=np.r_[np.ones(60), np.zeros(30)], **{**OPTIONS, "metrics": [surest]})  # no warning
    predicted = net.predict(X)
    expected = sk.log_loss(Y, predicted, sample_weight=WEIGHT)
    found = net.evaluate(X, Y, loss="cross_entropy", metrics=[sk.log_loss], sample_weight=WEIGHT)
    assert found == pytest.approx({"loss": expected, "log_loss": expected})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": (*HELD, HELD_WEIGHT[:-1])}, "validation sample_weight has 29 rows and validation X has 30"),
        ({"validation": (*HELD, -HELD_WEIGHT)}, "validation sample_weight holds a negative number"),
        ({"validation": (HELD[0][:, :2], HELD[1])}, "validation X has 2 columns and the network takes 3"),
        ({"validation": (HELD[0], HELD[1][:-1])}, "validation y has 29 rows and validation X has 30"),
        ({"validation": (HELD[0], HELD[1] + 1)}, r"validation y holds 3 at row \d+ \(counted from 0\)"),
        ({"validation": (HELD[0] * np.nan, HELD[1])}, "validation X holds nan at row 0, column 0"),
        ({"validation": (*HELD, HELD_WEIGHT, 1)}, r"validation has 4 parts; .*\(X, y, sample_weight\)"),
        ({"validation": "0.2"}, "validation is of type str; it takes the fraction"),
        ({"class_weight": {0: 1.0, 1: 1.0, 2: 1.0, 7: 3.0}}, "class_weight has a weight for 7; .* 0 ... 2"),
        ({"class_weight": {"a": 1.0}}, "class_weight has a weight for 'a'"),
        ({"validation": (*HELD, (HELD[1] == 0) * 1.0), "class_weight": {0: 0, 1: 1, 2: 1}}, "validation .* all 0"),
    ],
)
def test_wrong_weights_are_refused_as_the_caller_knows_them(options, message):
    with pytest.raises((InvalidValue, TypeError), match=message):
        network().fit(X, Y, **{**OPTIONS, **options})


def test_a_class_that_only_the_validation_has():
    few = Y < 2
    options = {**OPTIONS, "validation": HELD}
    with pytest.raises(InvalidValue, match=r"class_weight lacks class 2; .* label in validation y"):
        network().fit(X[few], Y[few], class_weight={0: 1.0, 1: 2.0}, **options)
    net = network()
    history = net.fit(X[few], Y[few], class_weight="balanced", **options)
    table = np.append(few.sum() / (2 * np.bincount(Y[few])), 1.0)  # out of the balance, it counts as without one
    assert history.validation_loss[-1] == pytest.approx(weighted_loss(net, *HELD, table[HELD[1]]), rel=1e-9)


@pytest.mark.parametrize("size", [1e-60, 1e-30, 1e30, 1e300])
def test_only_the_ratios_of_weights_count(size):
    """float32 holds none of these sizes, or none of their sums."""
    nets = [pn.Network(pn.Dense(3, "softmax"), input_size=3, seed=1) for _ in range(2)]
    one, other = (
        net.fit(X, Y, sample_weight=weight, **OPTIONS).loss
        for net, weight in zip(nets, (WEIGHT, WEIGHT * size), strict=True)
    )
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_balanced_classes_take_a_class_whose_rows_all_have_weight_0():
    weight = np.where(Y == 2, 0.0, WEIGHT)
    net, without = network(), network()
    history = net.fit(X, Y, sample_weight=weight, class_weight="balanced", **OPTIONS)
    expected = without.fit(X[Y < 2], Y[Y < 2], sample_weight=WEIGHT[Y < 2], class_weight="balanced", **OPTIONS)
    assert history.loss == expected.loss


@pytest.mark.parametrize(("scale", "sample_scale"), [(1e300, 1.0), (1e30, 1e14), (1e300, 1e300), (1e-300, 1e-300)])
def test_only_the_ratios_of_class_weights_count(scale, sample_scale):
    def run(scale, sample_scale):
        net = pn.Network(pn.Dense(6, "tanh"), pn.Dense(3, "softmax"), input_size=3, seed=1)
        classes = {0: scale, 1: 2 * scale, 2: 3 * scale}
        return net.fit(X, Y, class_weight=classes, sample_weight=WEIGHT * sample_scale, **OPTIONS).loss

    np.testing.assert_allclose(run(scale, sample_scale), run(1.0, 1.0), rtol=1e-5)


def test_a_metric_of_the_users_own_may_write_to_what_it_is_given():
    def clearing(y, predictions):
        y[:] = 0
        predictions[:] = 0
        return 0.0

    targets = np.eye(3)[Y]
    assert (
        network().fit(X, targets, **{**OPTIONS, "metrics": [clearing, "f1"]}).metrics["f1"]
        == (network().fit(X, targets, **OPTIONS).metrics["f1"])
    )
    np.testing.assert_array_equal(targets, np.eye(3)[Y])


def test_a_validation_loss_too_large_for_a_number_gives_no_warning_of_numpy(recwarn):
    net = pn.Network(pn.Dense(1), input_size=3, seed=1)
    history = net.fit(X, X.sum(axis=1), loss="mse", epochs=2, validation=(X, np.full(90, 1e30)))
    assert history.validation_loss == [np.inf, np.inf]
    assert not recwarn.list
