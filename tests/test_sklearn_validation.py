"""Validation rows, early stopping, warm starts and schedules of the estimators."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import plainnet as pn
from plainnet.schedules import Cosine
from plainnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
XD, YD = load_diabetes(return_X_y=True)
XD, YD = XD * 20, (YD - YD.mean()) / YD.std()
WEIGHTS = np.random.default_rng(0).random(75)


# ---- the rows and their weights ----


@pytest.mark.parametrize("way", ["pair", "X_val, y_val"])
def test_validation_rows_count_by_their_own_weights_and_by_class_weights(way):
    model = MLPClassifier(max_iter=4, random_state=0, early_stopping=True, class_weight={0: 1.0, 1: 3.0, 2: 0.5})
    validation = (
        {"validation_data": (X[1::2], Y[1::2], WEIGHTS)}
        if way == "pair"
        else {"X_val": X[1::2], "y_val": Y[1::2], "sample_weight_val": WEIGHTS}
    )
    model.fit(X[::2], Y[::2], **validation)
    last = MLPClassifier(max_iter=4, random_state=0, class_weight={0: 1.0, 1: 3.0, 2: 0.5}).fit(X[::2], Y[::2])
    weight = WEIGHTS * np.array([1.0, 3.0, 0.5])[Y[1::2]]
    probabilities = last.predict_proba(X[1::2])
    assert model.validation_loss_curve_[-1] == pytest.approx(log_loss(Y[1::2], probabilities, sample_weight=weight))
    score = accuracy_score(Y[1::2], last.predict(X[1::2]), sample_weight=weight)
    assert model.validation_scores_[-1] == pytest.approx(score)


def test_balanced_weights_of_the_training_rows_weigh_validation_rows_too():
    rare = np.r_[0:50, 50:60]
    model = MLPClassifier(max_iter=3, random_state=0, class_weight="balanced")
    model.fit(X[rare], Y[rare], X_val=X[:100], y_val=Y[:100])
    weight = np.array([60 / (2 * 50), 60 / (2 * 10)])[Y[:100]]
    expected = log_loss(Y[:100], model.predict_proba(X[:100]), sample_weight=weight)
    assert model.validation_loss_curve_[-1] == pytest.approx(expected)


def test_a_pipeline_scales_x_val_as_it_scales_x():
    raw = load_iris().data * 100
    settings = {"max_iter": 5, "random_state": 0}
    scaled = StandardScaler().fit(raw[::2])
    expected = MLPClassifier(**settings).fit(
        scaled.transform(raw[::2]), Y[::2], X_val=scaled.transform(raw[1::2]), y_val=Y[1::2]
    )
    with sklearn.config_context(enable_metadata_routing=True):
        net = MLPClassifier(**settings).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("net", net)], transform_input=["X_val"])
        pipeline.fit(raw[::2], Y[::2], X_val=raw[1::2], y_val=Y[1::2])
    assert pipeline[-1].validation_loss_curve_ == pytest.approx(expected.validation_loss_curve_)


@pytest.mark.parametrize(
    ("given", "naming"),
    [
        ({"validation_data": (X, Y), "X_val": X, "y_val": Y}, "both given"),
        ({"X_val": X}, "y_val is missing"),
        ({"y_val": Y}, "X_val is missing"),
        ({"sample_weight_val": WEIGHTS}, "X_val is missing"),
        ({"validation_data": (X, Y, WEIGHTS, WEIGHTS)}, "takes a pair"),
        ({"validation_data": (X, Y, WEIGHTS)}, "validation_data: .*sample_weight"),
        ({"validation_data": (X, Y, np.zeros(150))}, "validation_data: Sample weights"),
        ({"X_val": X[:, :2], "y_val": Y}, "X_val, y_val: X has 2 features"),
        ({"X_val": np.ma.masked_greater(X, 1), "y_val": Y}, "X_val, y_val: X holds a masked value"),
    ],
)
def test_validation_rows_that_do_not_fit_are_refused_by_their_name(given, naming):
    with pytest.raises((ValueError, TypeError), match=naming):
        MLPClassifier(max_iter=2).fit(X, Y, **given)


@pytest.mark.parametrize("what", ["X", "y", "sample_weight"])
def test_masked_values_are_refused_with_their_place(what):
    data = {"X": X.copy(), "y": Y.copy(), "sample_weight": np.ones(150)}
    masked = np.ma.masked_array(data[what], mask=False)
    masked[3] = np.ma.masked
    model = MLPClassifier(max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match=f"{what} holds a masked value at row 3"):
        model.fit(**(data | {what: masked}))
    if what == "X":
        with pytest.raises(ValueError, match="X holds a masked value at row 3"):
            model.predict(masked)


def test_classes_with_too_few_members_are_named():
    with pytest.raises(ValueError, match=r"least populated class.*members are: \['rare'\].*validation_fraction"):
        MLPClassifier(early_stopping=True).fit(np.eye(4), ["often", "often", "often", "rare"])


def test_a_share_in_which_no_row_counts_is_refused():
    random = np.random.RandomState(0)
    model = MLPRegressor(early_stopping=True, hidden_layer_sizes=2, random_state=0)
    random.uniform(size=1 * 2 + 2 + 2 * 1 + 1)  # the initial weights are drawn first
    _, held = train_test_split(np.arange(20), test_size=0.1, random_state=random)
    weight = np.ones(20)
    weight[held] = 0
    with pytest.raises(ValueError, match=r"the 2 validation rows .* all have weight 0"):
        model.fit(np.arange(20.0)[:, None], np.arange(20.0), weight)
    with pytest.raises(ValueError, match=r"the 18 training rows .* all have weight 0"):
        model.fit(np.arange(20.0)[:, None], np.arange(20.0), 1 - weight)


# ---- the checks of Network.fit ----


@pytest.mark.parametrize(
    "act",
    [
        lambda model: model.set_params(batch_size=1).fit(X, Y),
        lambda model: model.fit(X[:1], Y[:1]),
        lambda model: model.partial_fit(X[:1], Y[:1], classes=[0, 1, 2]),
    ],
)
def test_batches_too_small_for_a_layer_are_refused(act):
    with pytest.raises(ValueError, match="batches of 1 example are too small for BatchNorm"):
        act(MLPClassifier(normalization="batch"))


def test_weights_below_zero_are_refused():
    with pytest.raises(ValueError, match="sample_weight holds a negative number"):
        MLPRegressor().fit(XD, YD, np.r_[-1.0, np.ones(len(YD) - 1)])


@pytest.mark.parametrize(
    ("settings", "naming"),
    [
        ({"hidden_layer_sizes": (3, 2.5)}, r"hidden_layer_sizes\[1\] is 2.5"),
        ({"hidden_layer_sizes": (3, 2), "dropout": [0.1, 1.5]}, r"dropout\[1\] is 1.5"),
        ({"hidden_layer_sizes": "3"}, r"hidden_layer_sizes"),
        ({"hidden_layer_sizes": ("3",)}, r"hidden_layer_sizes\[0\] is '3'"),
        ({"n_jobs": 0}, "n_jobs is 0"),
        ({"early_stopping": True, "validation_fraction": 0.0}, "validation_fraction is 0"),
    ],
)
def test_refusals_name_the_parameter(settings, naming):
    with pytest.raises((ValueError, TypeError), match=naming):
        MLPRegressor(**settings).fit(XD, YD)


def test_a_run_that_diverges_says_so_as_scikit_learn_does():
    for settings in ({"solver": "sgd", "learning_rate_init": 1e9}, {"solver": "sgd", "early_stopping": True}):
        with pytest.raises(ValueError, match=r"^Solver produced non-finite parameter weights"):
            MLPRegressor(**settings, random_state=0).fit(XD * 1e150, YD)


# ---- the best so far ----


def test_a_single_validation_row_cannot_decide():
    for estimator, y in ((MLPRegressor, YD), (MLPClassifier, YD > 0)):
        with pytest.raises(ValueError, match="validation set is too small; early_stopping takes at least 2 rows"):
            estimator(early_stopping=True).fit(XD, y, validation_data=(XD[:1], y[:1]))
    model = MLPRegressor(max_iter=2).fit(XD, YD, validation_data=(XD[:1], YD[:1]))
    assert model.validation_loss_curve_[-1] == pytest.approx((model.predict(XD[:1])[0] - YD[0]) ** 2 / 2)


def test_where_no_score_is_a_number_the_last_weights_stay(monkeypatch):
    settings = {"max_iter": 30, "random_state": 0}
    monkeypatch.setattr(MLPRegressor, "_score", lambda *_: float("nan"))
    with pytest.warns(ConvergenceWarning, match="a number in no epoch"):
        model = MLPRegressor(early_stopping=True, **settings).fit(XD, YD, validation_data=(XD[:9], YD[:9]))
    expected = MLPRegressor(**settings).fit(XD, YD)
    np.testing.assert_array_equal(model.network_.parameters, expected.network_.parameters)


def test_the_training_loss_decides_where_all_validation_targets_are_the_same():
    A = np.random.default_rng(0).normal(size=(400, 3))
    sales = np.maximum(3 * A[:, 0], 0)  # on half of the days there are none
    closed = np.flatnonzero(sales == 0)[:60]
    settings = {"max_iter": 300, "learning_rate_init": 0.01, "random_state": 0}
    with pytest.warns(ConvergenceWarning, match="early_stopping has nothing to go by"):
        model = MLPRegressor(early_stopping=True, **settings).fit(A, sales, validation_data=(A[closed], sales[closed]))
    expected = MLPRegressor(**settings).fit(A, sales)
    np.testing.assert_array_equal(model.network_.parameters, expected.network_.parameters)
    assert (model.n_iter_, model.best_loss_) == (expected.n_iter_, expected.best_loss_)
    assert np.isnan(model.validation_scores_).all()


def test_targets_that_are_all_the_same_need_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = MLPRegressor(early_stopping=True, learning_rate_init=0.01, random_state=0).fit(
            XD, np.full(len(XD), 2.0)
        )
    np.testing.assert_allclose(model.predict(XD), 2, atol=0.5)


# ---- warm starts ----


def test_a_warm_start_on_other_data_judges_by_its_own_epochs():
    random = np.random.default_rng(0)
    A = random.normal(size=(300, 4))
    easy, hard = 0.1 * A[:, 0], 3 * np.sin(3 * A[:, 1])
    model = MLPRegressor(warm_start=True, max_iter=500, random_state=0).fit(A, easy)
    first = model.n_iter_
    model.fit(A, hard)
    fresh = MLPRegressor(max_iter=500, random_state=0).fit(A, hard)
    assert model.score(A, hard) > fresh.score(A, hard) - 0.1
    assert model.best_loss_ == min(model.loss_curve_[first:])


def test_early_stopping_of_a_warm_start_goes_back_to_weights_of_its_own():
    settings = {"early_stopping": True, "max_iter": 300, "learning_rate_init": 0.01, "random_state": 0}
    model = MLPClassifier(warm_start=True, **settings).fit(X, Y)
    epochs = model.n_iter_
    before = model.network_.parameters.copy()
    other = (Y + 1) % 3
    model.fit(X, other)
    assert not np.array_equal(model.network_.parameters, before)
    assert model.best_validation_score_ == max(model.validation_scores_[epochs:])
    assert model.score(X, other) > 0.7


# ---- schedules ----


@pytest.mark.parametrize("how", ["name", "object", "of the solver", "after a warm-up"])
def test_reduce_on_plateau_lowers_the_rate_before_the_run_stops(how):
    random = np.random.default_rng(0)
    A = random.normal(size=(300, 5))
    b = A[:, 0] + 0.5 * random.normal(size=300)
    patient = pn.schedules.ReduceOnPlateau(0.01, patience=20)
    settings = {
        "name": {"learning_rate": "reduce_on_plateau", "learning_rate_init": 0.01},
        "object": {"learning_rate": patient},
        "of the solver": {"solver": pn.Adam(patient)},
        "after a warm-up": {"learning_rate": pn.schedules.LinearWarmup(patient, warmup=3)},
    }[how]
    model = MLPRegressor(hidden_layer_sizes=8, max_iter=2000, random_state=0, **settings).fit(A, b)
    rates = np.array(model.network_.history.learning_rate)[3:]
    assert np.isclose(rates[0], 0.01)
    assert set(np.round(np.log10(rates)).astype(int)) >= {-2, -3, -4}
    assert model.n_iter_ < 2000  # it stops where a lower rate no longer helps


def test_settings_changed_between_calls_of_partial_fit_take_effect():
    model = MLPRegressor(solver="sgd", learning_rate_init=0.01, random_state=0).partial_fit(XD, YD)
    velocity = model._solver_memory.state["velocity"].copy()
    before = model.network_.parameters.copy()
    model.set_params(learning_rate_init=1e-9, batch_size=len(XD)).partial_fit(XD, YD)
    assert model.network_.history.learning_rate == [1e-9]
    # v <- 0.9 v + rate g, and with Nesterov's step the weights move by -(rate g + 0.9 v): the velocity stays
    np.testing.assert_allclose(model.network_.parameters - before, -0.81 * velocity, atol=1e-7)
    model.set_params(solver="adam").partial_fit(XD, YD)
    assert model.network_.history.settings["optimizer"]["name"] == "epsilon_outside_adam"


def test_partial_fit_past_the_end_of_a_schedule_keeps_its_last_rate():
    schedule = Cosine(0.01, minimum=0.002)
    model = MLPRegressor(learning_rate=schedule, max_iter=4, batch_size=len(XD), random_state=0)
    for _ in range(8):
        model.partial_fit(XD, YD)
    assert model.network_.history.learning_rate[-1] == pytest.approx(0.002)


def test_a_pipeline_without_routing_takes_the_pair_for_its_last_step():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=3, random_state=0))
    scaled = StandardScaler().fit(X[::2]).transform(X[1::2])
    pipeline.fit(X[::2], Y[::2], mlpclassifier__validation_data=(scaled, Y[1::2]))
    expected = log_loss(Y[1::2], pipeline.predict_proba(X[1::2]))
    assert pipeline[-1].validation_loss_curve_[-1] == pytest.approx(expected)
