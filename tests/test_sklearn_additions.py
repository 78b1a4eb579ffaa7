"""What the estimators have beyond scikit-learn's."""

import inspect
import sys
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

import plainnet as pn
from plainnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)


def fit(**settings):
    return MLPClassifier(**{"max_iter": 20, "random_state": 1, "batch_size": 32, **settings}).fit(X, Y)


def layers(model):
    return [type(layer).__name__ for layer in model.network_.layers]


def test_dropout_and_activation_for_each_layer_are_layers_of_the_network():
    model = fit(hidden_layer_sizes=(8, 6), dropout=[0.0, 0.25], activation=["logistic", pn.activations.Gelu()])
    assert layers(model) == ["Dense", "Dense", "Dropout", "Dense"]
    assert [layer.activation.name for layer in model.network_.layers if hasattr(layer, "units")] == [
        "sigmoid",
        "gelu",
        "softmax",
    ]
    assert model.network_.layers[2].rate == 0.25
    assert layers(fit(hidden_layer_sizes=(8, 6), dropout=0.5)) == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    np.testing.assert_array_equal(fit(dropout=0.5).coefs_[0], fit(dropout=0.5).coefs_[0])
    assert not np.array_equal(fit(dropout=0.5).coefs_[0], fit().coefs_[0])


@pytest.mark.parametrize(
    ("normalization", "layer"), [("batch", "BatchNorm"), ("layer", "LayerNorm"), ("rms", "RMSNorm")]
)
def test_normalization_stands_between_weighted_sums_and_activation(normalization, layer):
    model = fit(normalization=normalization, max_iter=60)
    assert layers(model) == ["Dense", layer, "Activation", "Dense"]
    assert [w.shape for w in model.coefs_] == [(4, 100), (100, 3)]
    assert model.score(X, Y) > 0.9


def test_validation_data_gives_a_curve_of_its_loss():
    model = MLPClassifier(max_iter=15, random_state=1).fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert len(model.validation_loss_curve_) == 15
    assert model.validation_loss_curve_[-1] == pytest.approx(log_loss(Y[1::2], model.predict_proba(X[1::2])))
    assert model.validation_scores_ is None
    with_lbfgs = MLPClassifier(solver="lbfgs", random_state=1).fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert len(with_lbfgs.validation_loss_curve_) == with_lbfgs.n_iter_
    assert with_lbfgs.validation_loss_curve_[-1] == pytest.approx(log_loss(Y[1::2], with_lbfgs.predict_proba(X[1::2])))
    assert fit().validation_loss_curve_ is None


def test_early_stopping_takes_the_validation_data_where_there_is_some():
    model = MLPClassifier(early_stopping=True, max_iter=60, n_iter_no_change=5, random_state=1)
    model.fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert model.t_ == 75 * model.n_iter_  # no row was set aside
    assert model.best_validation_score_ == max(model.validation_scores_) == model.score(X[1::2], Y[1::2])
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == model.n_iter_


def test_class_weight_is_a_sample_weight_by_class():
    rare = np.r_[0:50, 50:58, 100:120]
    by_hand = np.select([Y[rare] == 0, Y[rare] == 1], [78 / (3 * 50), 78 / (3 * 8)], 78 / (3 * 20))
    expected = MLPClassifier(max_iter=10, random_state=1).fit(X[rare], Y[rare], by_hand)
    for class_weight in ("balanced", {0: 78 / 150, 1: 78 / 24, 2: 78 / 60}):
        model = MLPClassifier(max_iter=10, random_state=1, class_weight=class_weight).fit(X[rare], Y[rare])
        np.testing.assert_allclose(model.coefs_[0], expected.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("solver", ["adamw", "rmsprop", "adagrad", pn.RMSprop(0.01, clip_norm=1.0)])
def test_optimizers_by_name_and_object(solver):
    assert fit(solver=solver, learning_rate_init=0.01, max_iter=40).score(X, Y) > 0.9


def test_an_optimizer_object_takes_the_steps_it_takes_in_plainnet():
    model = MLPRegressor(
        hidden_layer_sizes=5, solver=pn.AdamW(0.01), alpha=0, shuffle=False, batch_size=50, max_iter=1, random_state=1
    )
    net = model.fit(X, Y / 1.0).network_.copy()
    model.set_params(warm_start=True, max_iter=6).fit(X, Y / 1.0)
    half = lambda targets, predictions: ((predictions - targets) ** 2 / 2, predictions - targets)  # noqa: E731
    net.fit(X, Y / 1.0, loss=half, optimizer=pn.AdamW(0.01), epochs=6, batch_size=50, shuffle=False)
    np.testing.assert_allclose(model.network_.parameters, net.parameters, rtol=1e-12)


@pytest.mark.parametrize(
    ("learning_rate", "last"),
    [
        ("cosine", 0.01 * (1 + np.cos(np.pi * (10 - 1 / 5) / 10)) / 2),
        (pn.schedules.Step(0.01, every=4, factor=0.5), 0.0025),
        (lambda epoch, epochs: 0.01 / (1 + epoch), 0.01 / (1 + 9.8)),
    ],
)
def test_schedules_by_name_object_and_function(learning_rate, last):
    model = fit(learning_rate=learning_rate, learning_rate_init=0.01, max_iter=10)  # 5 batches an epoch
    assert model.network_.history.learning_rate[-1] == pytest.approx(last)


def test_clipping_keeps_a_run_that_would_diverge():
    wild = {"solver": "sgd", "learning_rate_init": 0.5, "max_iter": 30, "random_state": 1, "activation": "identity"}
    with pytest.raises(ValueError, match="non-finite"):
        MLPRegressor(**wild).fit(X * 10, Y)
    assert np.isfinite(MLPRegressor(**wild, clip_norm=0.1).fit(X * 10, Y).loss_)


def test_early_stopping_survives_a_run_that_diverges():
    model = MLPRegressor(
        solver="sgd", learning_rate_init=1.0, early_stopping=True, random_state=1, activation="identity"
    )
    with pytest.warns(ConvergenceWarning, match="non-finite"):
        model.fit(X * 10, Y)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(X)).all()


def test_the_trained_network_is_an_ordinary_one(tmp_path):
    model = fit(hidden_layer_sizes=(7, 5), alpha=0.32)
    model.network_.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(pn.load(tmp_path / "model.npz").predict(X), model.predict_proba(X))
    assert model.network_.layers[0].l2 == pytest.approx(0.01)  # alpha / batch_size
    assert model.network_.history.loss == model.loss_curve_


def test_a_warm_start_may_change_its_solver_and_what_it_judges_by():
    model = MLPClassifier(solver="lbfgs", warm_start=True, max_iter=3, random_state=1).fit(X, Y)
    assert not hasattr(model, "loss_curve_")
    before = model.loss_
    model.set_params(solver="adam").fit(X, Y)
    assert model.loss_ < before * 1.1
    model.set_params(early_stopping=True).fit(X, Y)
    assert len(model.validation_scores_) == len(model.loss_curve_) == 3


def test_verbose_prints_a_line_an_epoch(capsys):
    model = fit(verbose=True, max_iter=3, early_stopping=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Iteration 1, loss = {model.loss_curve_[0]:.8f}"
    assert sum(line.startswith("Validation score: ") for line in lines) == 3
    fit(verbose=True, max_iter=3, solver="lbfgs")
    assert capsys.readouterr().out.count("Iteration") == 3


def test_verbose_shows_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fit(verbose=True, max_iter=3)
    printed, shown = capsys.readouterr()
    assert "3/3" in shown
    assert "Iteration" not in printed


def test_predictions_of_several_threads_are_those_of_one():
    from concurrent.futures import ThreadPoolExecutor

    model = fit()
    with ThreadPoolExecutor(4) as pool:
        for one in pool.map(lambda _: model.predict_proba(X), range(20)):
            np.testing.assert_array_equal(one, model.predict_proba(X))


@pytest.mark.parametrize(
    ("settings", "naming"),
    [
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": [0.1, 0.2]}, "dropout has 2 elements and there are 1 hidden layers"),
        ({"activation": ["relu", "relu"]}, "activation has 2 elements"),
        ({"activation": ["rely"]}, "did you mean 'relu'"),
        ({"normalization": "group"}, "normalization"),
        ({"clip_norm": 0}, "clip_norm"),
        ({"clip_norm": 1.0, "solver": pn.SGD(0.1)}, "clip_norm"),
        ({"engine": "steam"}, "engine"),
        ({"solver": "lbfgs", "dropout": 0.1}, "lbfgs"),
        ({"solver": "lbfgs", "normalization": "batch"}, "lbfgs"),
        ({"solver": "lbfgs", "clip_norm": 1.0}, "lbfgs"),
        ({"class_weight": "even"}, "class_weight"),
        ({"n_jobs": "all"}, "n_jobs"),
    ],
)
def test_what_the_additions_do_not_take_is_named(settings, naming):
    with pytest.raises(ValueError, match=naming):
        fit(**settings)


@pytest.mark.parametrize(
    ("validation_data", "error"),
    [((X, Y[:-1]), ValueError), ((X[:, 1:], Y), ValueError), ((X, Y + 1), ValueError), (0.2, TypeError)],
)
def test_validation_data_that_does_not_fit_is_refused(validation_data, error):
    with pytest.raises(error):
        MLPClassifier(max_iter=2).fit(X, Y, validation_data=validation_data)


def test_poisson_refuses_negative_targets():
    with pytest.raises(ValueError, match="at least 0"):
        MLPRegressor(loss="poisson").fit(X, Y - 1.0)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_the_docstring_explains_every_parameter_and_attribute(estimator):
    explained = inspect.getdoc(estimator)
    for name in estimator().get_params():
        assert f"\n{name} :" in explained or f"{name} :" in explained or f"{name}," in explained, name
    model = estimator(max_iter=2).fit(X, Y)
    for name in [*vars(model), "coefs_", "intercepts_"]:
        if name.endswith("_"):
            assert name in explained, name
    assert "alpha / (2 S) · Σw²" in explained


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"hidden_layer_sizes": (9,)}, "Dense 8 relu, the parameters say Dense 9 relu"),
        ({"hidden_layer_sizes": (8, 8)}, "the parameters say Dense 8 relu, Dense 8 relu"),
        ({"hidden_layer_sizes": ()}, "the parameters say none"),
        ({"activation": "tanh"}, "Dense 8 relu, the parameters say Dense 8 tanh"),
        ({"dropout": 0.5}, "the parameters say Dense 8 relu, Dropout 0.5"),
        ({"normalization": "layer"}, "the parameters say Dense 8 identity, LayerNorm, Activation relu"),
    ],
)
def test_going_on_with_other_layers_than_the_network_has_is_refused(changed, said):
    model = fit(hidden_layer_sizes=(8,), warm_start=True).set_params(**changed)
    before = model.coefs_[0].copy()
    for go_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=said):
            go_on(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], before)
    assert layers(model.set_params(warm_start=False).fit(X, Y)) == layers(
        fit(**{"hidden_layer_sizes": (8,), **changed})
    )


def test_going_on_takes_the_same_layers_in_other_words():
    model = fit(hidden_layer_sizes=(8, 6), warm_start=True)
    model.set_params(hidden_layer_sizes=np.array([8, 6]), activation=["relu", pn.activations.Relu()], alpha=0.5)
    model.fit(X, Y).partial_fit(X, Y)


def test_rows_of_weight_0_have_no_part_in_the_means_of_batch_normalization():
    weight = np.arange(150) % 3 > 0
    outliers = np.where(weight[:, None], X, 1e3)
    options = {"hidden_layer_sizes": 5, "normalization": "batch", "max_iter": 3, "random_state": 1}
    weighted = MLPClassifier(**options).fit(outliers, Y, sample_weight=weight)
    without = MLPClassifier(**options).fit(X[weight], Y[weight])
    np.testing.assert_allclose(weighted.network_.statistics, without.network_.statistics)
    np.testing.assert_allclose(weighted.predict_proba(X), without.predict_proba(X))


def test_partial_fit_past_the_end_of_a_schedule_says_that_it_learns_nothing():
    options = {"momentum": 0, "max_iter": 2, "random_state": 0}
    model = MLPClassifier(2, solver="sgd", learning_rate=pn.schedules.Cosine(0.5), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
    before = model.coefs_[0].copy()
    with pytest.warns(ConvergenceWarning, match="partial_fit learns nothing: this is epoch 3, .* after max_iter=2"):
        model.partial_fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], before)
    model.set_params(max_iter=20).partial_fit(X, Y)
    assert not np.array_equal(model.coefs_[0], before)
