"""The estimators against scikit-learn's own: same weights drawn, same steps, same losses, same refusals."""

import warnings

import numpy as np
import pytest
from sklearn import neural_network as theirs
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from plainnet import sklearn as ours
from plainnet.backpropagation import backpropagate
from plainnet.layers import TrainingPass
from plainnet.sklearn.objective import Objective
from plainnet.tracing import trace

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X3, Y3 = make_classification(230, 8, n_informative=6, n_classes=3, random_state=0)
XR, YR = make_regression(230, 8, random_state=0)
YR = YR / 100
XM, YM = make_multilabel_classification(230, 8, n_classes=4, random_state=0)
XM = (XM - XM.mean(0)) / XM.std(0)
WEIGHTS = np.random.default_rng(0).random(230)

TASKS = {
    "three classes": ("MLPClassifier", X3, np.array(["a", "b", "c"])[Y3], {}),
    "two classes": ("MLPClassifier", X3, Y3 > 0, {}),
    "labels": ("MLPClassifier", XM, YM, {}),
    "regression": ("MLPRegressor", XR, YR, {}),
    "two outputs": ("MLPRegressor", XR, np.c_[YR, XR[:, 0] - YR], {}),
    "counts": ("MLPRegressor", XR, np.round(np.exp(YR)), {"loss": "poisson"}),
}
SOLVERS = {
    "adam": {},
    "adam, large epsilon": {"epsilon": 1e-2, "beta_1": 0.8, "beta_2": 0.99},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.02},
    "sgd without Nesterov": {"solver": "sgd", "learning_rate_init": 0.02, "nesterovs_momentum": False},
    "sgd without momentum": {"solver": "sgd", "learning_rate_init": 0.02, "momentum": 0.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05, "power_t": 0.3},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.02,
        "tol": 0.02,
        "n_iter_no_change": 2,
        "max_iter": 60,
    },
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.01, "max_iter": 60},
    "logistic, without shuffling": {"activation": "logistic", "shuffle": False},
    "two tanh layers, strong penalty": {"activation": "tanh", "hidden_layer_sizes": (9, 5), "alpha": 3.0},
    "batch of all": {"batch_size": 230},
}


def both(name, X, y, settings, sample_weight=None, fit="fit"):
    """scikit-learn's estimator and ours, fitted alike."""
    return [getattr(getattr(module, name)(**settings), fit)(X, y, sample_weight) for module in (theirs, ours)]


def assert_same_weights(expected, got, rtol=1e-7):
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(expected, name), getattr(got, name), strict=True):
            np.testing.assert_allclose(b, a, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_a_run_takes_the_same_steps(task, solver):
    name, X, y, more = TASKS[task]
    settings = {
        "batch_size": 64,
        "max_iter": 12,
        "random_state": 3,
        "hidden_layer_sizes": 20,
        **SOLVERS[solver],
        **more,
    }
    expected, got = both(name, X, y, settings)
    assert_same_weights(expected, got)
    np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=1e-9)
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(got, attribute) == getattr(expected, attribute), attribute
    assert got.validation_scores_ == pytest.approx(expected.validation_scores_)
    assert got.best_loss_ == pytest.approx(expected.best_loss_)
    assert got.best_validation_score_ == pytest.approx(expected.best_validation_score_)
    if name == "MLPClassifier":
        np.testing.assert_array_equal(got.predict(X), expected.predict(X))
        np.testing.assert_allclose(got.predict_proba(X), expected.predict_proba(X), rtol=1e-7)
        np.testing.assert_allclose(got.predict_log_proba(X), expected.predict_log_proba(X), rtol=1e-7)
        np.testing.assert_array_equal(got.classes_, expected.classes_)
    else:
        np.testing.assert_allclose(got.predict(X), expected.predict(X), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_sample_weights_make_the_same_steps(task):
    name, X, y, more = TASKS[task]
    expected, got = both(name, X, y, {"batch_size": 64, "max_iter": 12, "random_state": 3, **more}, WEIGHTS)
    assert_same_weights(expected, got)
    expected, got = both(name, X, y, {"batch_size": 230, "max_iter": 5, "random_state": 3, **more}, WEIGHTS)
    np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=1e-9)


def their_loss_and_gradient(estimator, X, targets, sample_weight):
    """scikit-learn's own value and gradients at the estimator's weights."""
    layers = len(estimator.coefs_)
    activations, deltas = [X] + [None] * layers, [None] * layers
    return estimator._backprop(X, targets, sample_weight, activations, deltas, [None] * layers, [None] * layers)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_the_loss_and_its_gradient_are_the_same_for_the_same_weights(task, weighted):
    name, X, y, more = TASKS[task]
    expected, got = both(name, X, y, {"alpha": 0.7, "max_iter": 2, "random_state": 3, **more})
    got.coefs_, got.intercepts_ = expected.coefs_, expected.intercepts_
    encoded = expected._label_binarizer.transform(y) if name == "MLPClassifier" else y.reshape(len(y), -1)
    sample_weight = WEIGHTS if weighted else None
    value, coefs, intercepts = their_loss_and_gradient(expected, X, encoded, sample_weight)
    objective = Objective(got._loss_name, got.n_outputs_, penalty_rows=200)  # the layers have the l2 of such a batch
    our_value, gradient = got.network_.loss_and_gradient(X, encoded, loss=objective, sample_weight=sample_weight)
    assert our_value == pytest.approx(value, rel=1e-10)
    views = got.network_.parameter_views(gradient)
    for i in range(len(coefs)):
        np.testing.assert_allclose(views[i]["weights"], coefs[i], rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(views[i]["bias"], intercepts[i], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_a_step_of_the_estimators_can_be_traced_to_the_same_bits(task, weighted):
    name, X, y, more = TASKS[task]
    model = getattr(ours, name)(max_iter=1, random_state=3, **more).fit(X, y)
    objective = Objective(model._loss_name, model.n_outputs_, penalty_rows=200)
    targets = objective.prepare(model._encode(y), model.n_outputs_, np.dtype(float))

    def step(X, targets, weights, gradient):
        network = model.network_
        views = network.parameter_views(gradient)
        return backpropagate(network.layers, objective, X, targets, weights, TrainingPass(network.dropout), views)

    gradient = np.zeros_like(model.network_.parameters)
    data = X, targets, WEIGHTS if weighted else None
    graph = trace(step, *data, gradient.copy())
    traced = gradient.copy()
    assert graph.run(*data, traced) == step(*data, gradient)
    assert traced.tobytes() == gradient.tobytes()


@pytest.mark.parametrize("task", ["three classes", "two classes", "labels", "regression", "counts"])
def test_lbfgs_ends_at_the_same_loss(task):
    name, X, y, more = TASKS[task]
    settings = {
        "solver": "lbfgs",
        "alpha": 1.0,
        "hidden_layer_sizes": 3,
        "activation": "tanh",
        "random_state": 3,
        **more,
    }
    settings |= {"max_iter": 1000, "tol": 1e-6}
    expected, got = both(name, X, y, settings)
    assert got.loss_ == pytest.approx(expected.loss_, rel=1e-4)
    assert got.score(X, y) == pytest.approx(expected.score(X, y), abs=0.01)


def test_lbfgs_over_several_outputs_ends_where_the_gradient_is_nothing():
    X, y = TASKS["two outputs"][1:3]
    got = ours.MLPRegressor(
        hidden_layer_sizes=3, activation="tanh", solver="lbfgs", alpha=1.0, max_iter=3000, tol=1e-7, random_state=3
    ).fit(X, y)
    expected = theirs.MLPRegressor(hidden_layer_sizes=3, activation="tanh", alpha=1.0, max_iter=1, random_state=3).fit(
        X, y
    )
    expected.coefs_, expected.intercepts_ = got.coefs_, got.intercepts_
    value, coefs, intercepts = their_loss_and_gradient(expected, X, y, None)
    assert value == pytest.approx(got.loss_)
    assert max(np.abs(g).max() for g in coefs + intercepts) < 1e-3


@pytest.mark.parametrize("task", TASKS)
def test_partial_fit_goes_on_as_theirs_does(task):
    name, X, y, more = TASKS[task]
    settings = {"random_state": 3, "batch_size": 50, **more}
    pair = [getattr(module, name)(**settings) for module in (theirs, ours)]
    for estimator in pair:
        first = {"classes": np.arange(4) if task == "labels" else np.unique(y)} if name == "MLPClassifier" else {}
        estimator.partial_fit(X[:120], y[:120], **first)
        for _ in range(4):
            estimator.partial_fit(X[120:], y[120:])
    assert_same_weights(*pair)
    assert pair[1].t_ == pair[0].t_ == 120 + 4 * 110
    assert len(pair[1].loss_curve_) == 5


def test_warm_start_goes_on_as_theirs_does():
    pair = [
        module.MLPClassifier(warm_start=True, max_iter=4, random_state=3, solver="sgd", learning_rate="invscaling")
        for module in (theirs, ours)
    ]
    for _ in range(3):
        for estimator in pair:
            estimator.fit(X3, Y3)
    assert_same_weights(*pair)
    assert len(pair[1].loss_curve_) == 12


def test_float32_stays_float32():
    expected, got = both("MLPClassifier", X3.astype(np.float32), Y3, {"max_iter": 5, "random_state": 3})
    assert got.coefs_[0].dtype == got.predict_proba(X3.astype(np.float32)).dtype == np.float32
    assert_same_weights(expected, got, rtol=1e-2)


@pytest.mark.parametrize("convert", ["csr_array", "csc_matrix"])
def test_sparse_input_gives_what_dense_input_gives(convert):
    import scipy.sparse

    X = np.where(np.abs(X3) < 0.7, 0, X3)
    sparse = getattr(scipy.sparse, convert)(X)
    dense_fit, sparse_fit = (ours.MLPClassifier(max_iter=5, random_state=3).fit(given, Y3) for given in (X, sparse))
    assert_same_weights(dense_fit, sparse_fit)
    np.testing.assert_array_equal(sparse_fit.predict_proba(sparse), dense_fit.predict_proba(X))


BAD = {
    "unknown activation": ({"activation": "relish"}, X3, Y3),
    "unknown solver": ({"solver": "sdg"}, X3, Y3),
    "unknown learning rate": ({"learning_rate": "slow"}, X3, Y3),
    "negative alpha": ({"alpha": -1}, X3, Y3),
    "text for alpha": ({"alpha": "much"}, X3, Y3),
    "no units": ({"hidden_layer_sizes": (3, 0)}, X3, Y3),
    "no unit": ({"hidden_layer_sizes": -1}, X3, Y3),
    "batch of none": ({"batch_size": 0}, X3, Y3),
    "no epoch": ({"max_iter": 0}, X3, Y3),
    "momentum": ({"momentum": 1.5}, X3, Y3),
    "beta": ({"beta_1": 1.0}, X3, Y3),
    "shuffle": ({"shuffle": "yes"}, X3, Y3),
    "random state": ({"random_state": "seed"}, X3, Y3),
    "fraction": ({"early_stopping": True, "validation_fraction": 1.0}, X3, Y3),
    "too few held out": ({"early_stopping": True, "validation_fraction": 0.001}, X3, Y3),
    "NaN": ({}, np.where(X3 > 2, np.nan, X3), Y3),
    "infinity": ({}, np.where(X3 > 2, np.inf, X3), Y3),
    "NaN in y": ({}, X3, np.where(Y3 > 1, np.nan, 1.0)),
    "fewer targets": ({}, X3, Y3[:-1]),
    "one axis": ({}, X3[0], Y3),
    "no rows": ({}, X3[:0], Y3[:0]),
    "text in X": ({}, np.full((230, 2), "x"), Y3),
    "complex": ({}, X3 * 1j, Y3),
    "huge numbers": ({"solver": "sgd", "learning_rate_init": 1e9}, X3 * 1e150, Y3),
}


def exception_of(action):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            action()
        except Exception as error:
            return error
    return None


def assert_refused_alike(act):
    """`act(module)` raises in both; whoever catches scikit-learn's exception catches ours."""
    expected, got = exception_of(lambda: act(theirs)), exception_of(lambda: act(ours))
    assert expected is not None
    standard = [base for base in type(expected).__mro__ if base in (ValueError, TypeError, AttributeError)]
    assert standard
    assert isinstance(got, tuple(standard)), (expected, got)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_raises_what_theirs_raises(case, name):
    settings, X, y = BAD[case]
    assert_refused_alike(lambda module: getattr(module, name)(**settings).fit(X, y))


@pytest.mark.parametrize(
    "act",
    [
        lambda module: module.MLPClassifier().fit(X3, YR),
        lambda module: module.MLPClassifier().partial_fit(X3, Y3),
        lambda module: module.MLPClassifier().partial_fit(X3, Y3, classes=[0, 1]),
        lambda module: module.MLPClassifier(early_stopping=True).partial_fit(X3, Y3, classes=[0, 1, 2]),
        lambda module: module.MLPClassifier(solver="lbfgs").partial_fit,
        lambda module: module.MLPClassifier().predict(X3),
        lambda module: module.MLPClassifier(max_iter=1).fit(X3, Y3).predict(X3[:, 1:]),
        lambda module: module.MLPClassifier(max_iter=1).fit(X3, Y3, WEIGHTS[1:]),
        lambda module: module.MLPClassifier(max_iter=1, warm_start=True).fit(X3, Y3).fit(X3, Y3 > 0),
        lambda module: module.MLPRegressor("mse").fit(XR, YR),
        lambda module: module.MLPRegressor("squared_error", (3,), "relu", "adam"),
        lambda module: module.MLPRegressor(max_iter=1).fit(XR, YR).partial_fit(XR, np.c_[YR, YR, YR]),
        lambda module: module.MLPRegressor().coefs_,
    ],
)
def test_misuse_raises_what_theirs_raises(act):
    assert_refused_alike(act)


def test_an_invalid_parameter_has_scikit_learns_own_type():
    expected, got = (exception_of(lambda m=m: m.MLPClassifier(tol=-1).fit(X3, Y3)) for m in (theirs, ours))
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("settings", "category"),
    [({"max_iter": 2}, ConvergenceWarning), ({"solver": "lbfgs", "max_iter": 2}, ConvergenceWarning)],
)
@pytest.mark.parametrize("module", [theirs, ours])
def test_a_run_cut_short_warns(module, settings, category):
    with pytest.warns(category) as caught:
        module.MLPClassifier(**settings).fit(X3, Y3)
    assert len(caught) == 1


@pytest.mark.parametrize("module", [theirs, ours])
def test_too_large_a_batch_warns(module):
    with pytest.warns(UserWarning, match="batch_size"):
        module.MLPClassifier(batch_size=500, max_iter=2).fit(X3, Y3)


@pytest.mark.parametrize("module", [theirs, ours])
def test_an_interrupted_run_keeps_the_estimator(module, monkeypatch):
    score = module.MLPClassifier._score
    calls = []

    def interrupt(*arguments, **keywords):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return score(*arguments, **keywords)

    monkeypatch.setattr(module.MLPClassifier, "_score", interrupt)
    with pytest.warns(UserWarning, match="nterrupted"):
        fitted = module.MLPClassifier(early_stopping=True, random_state=1).fit(X3, Y3)
    assert fitted.predict(X3).shape == (230,)
    assert fitted.n_iter_ == 3
