"""What users write to a fitted estimator: it takes effect whole, or is refused and changes nothing."""

import copy
import pickle

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.datasets import load_iris

import plainnet
from plainnet.errors import PlainnetWarning
from plainnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)


@pytest.fixture
def model():
    return MLPClassifier((5,), max_iter=5, random_state=0).fit(X, Y)


def test_an_item_that_is_assigned_changes_predictions_as_it_does_in_scikit_learn(model):
    theirs = neural_network.MLPClassifier((5,), max_iter=5, random_state=0).fit(X, Y)
    random = np.random.default_rng(0)
    weights, bias = random.normal(size=(4, 5)), random.normal(size=3)
    for one in (theirs, model):
        one.coefs_[0] = weights
        one.coefs_[1] *= 2
        one.intercepts_[-1] = bias
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), rtol=1e-7)
    np.testing.assert_array_equal(model.network_.layers[0].weights, weights)


def test_whole_lists_and_slices_are_written_too(model):
    other = MLPClassifier((5,), max_iter=9, random_state=3).fit(X, Y)
    model.coefs_, model.intercepts_ = other.coefs_, other.intercepts_
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    model.coefs_[:] = [np.zeros((4, 5)), np.ones((5, 3))]
    assert [float(w.mean()) for w in model.coefs_] == [0, 1]


def test_layers_of_one_shape_can_be_exchanged():
    model = MLPClassifier((4, 4), max_iter=2, random_state=0).fit(X, Y)
    first, second, last = [w.copy() for w in model.coefs_]
    model.coefs_ = [model.coefs_[1], model.coefs_[0], model.coefs_[2]]
    for got, expected in zip(model.coefs_, [second, first, last], strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("write", "naming"),
    [
        (lambda m: m.coefs_.__setitem__(0, 0.0), r"coefs_\[0\] has shape \(\); it takes shape \(4, 5\)"),
        (lambda m: m.coefs_.__setitem__(-1, np.zeros((1, 3))), r"coefs_\[1\] has shape \(1, 3\)"),
        (lambda m: m.intercepts_.__setitem__(0, np.zeros(1)), r"intercepts_\[0\] has shape \(1,\)"),
        (lambda m: m.coefs_.__setitem__(0, "weights"), r"coefs_\[0\] .*it takes"),
        (lambda m: m.coefs_.__setitem__(slice(None), [np.zeros((4, 5))]), "assigned 1 arrays; it takes 2"),
        (lambda m: setattr(m, "coefs_", [np.zeros((4, 5))]), "assigned 1 arrays; it takes 2"),
        (lambda m: setattr(m, "coefs_", [np.zeros((4, 5)), np.zeros((4, 5))]), r"coefs_\[1\] has shape \(4, 5\)"),
        (lambda m: setattr(m, "intercepts_", [np.zeros(5), 0.0]), r"intercepts_\[1\] has shape \(\)"),
        (lambda m: setattr(m, "intercepts_", None), "intercepts_ is None; it takes a list"),
        (lambda m: m.coefs_.append(np.zeros((3, 3))), "coefs_ does not take append"),
        (lambda m: m.coefs_.pop(), "coefs_ does not take pop"),
        (lambda m: m.coefs_.__delitem__(0), "coefs_ does not take del"),
        (lambda m: m.intercepts_.__iadd__([np.zeros(3)]), r"intercepts_ does not take \+="),
        (lambda m: setattr(m, "classes_", ["a", "b"]), "classes_ is .*; it takes 3 labels"),
        (lambda m: setattr(m, "classes_", ["a", "b", "b"]), "all different"),
        (lambda m: setattr(m, "out_activation_", "tanh"), "expects softmax"),
        (lambda m: setattr(m.network_.layers[0], "weights", np.zeros((1, 5))), r"weights has shape \(1, 5\)"),
        (lambda m: setattr(m.network_.layers[0], "bias", [1.0, 2.0]), r"bias has shape \(2,\)"),
        (lambda m: setattr(m.network_, "parameters", 0.0), r"parameters has shape \(\)"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(model, write, naming):
    before = model.predict_proba(X)
    with pytest.raises((ValueError, TypeError), match=naming):
        write(model)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["n_outputs_", "n_layers_"])
def test_sizes_of_the_network_are_not_for_writing(model, name):
    with pytest.raises(AttributeError):
        setattr(model, name, 1)


def test_labels_can_be_renamed(model):
    codes = model.predict(X)
    model.classes_ = ["setosa", "versicolor", "virginica"]
    np.testing.assert_array_equal(model.predict(X), np.array(["setosa", "versicolor", "virginica"])[codes])
    names = np.array(["setosa", "versicolor", "virginica"])[Y]
    assert model.score(X, names) == np.mean(codes == Y)
    model.partial_fit(X, names)
    with pytest.raises(ValueError, match="classes not in"):
        model.partial_fit(X, Y)


def test_the_output_activation_can_be_changed_where_the_loss_allows_it():
    regressor = MLPRegressor(hidden_layer_sizes=5, max_iter=5, random_state=0).fit(X, Y)
    sums = regressor.predict(X)
    regressor.out_activation_ = "logistic"
    np.testing.assert_allclose(regressor.predict(X), 1 / (1 + np.exp(-sums)), rtol=1e-12)
    assert regressor.out_activation_ == "logistic"


def test_copies_of_the_lists_are_lists_of_their_own(model):
    before = model.predict_proba(X)
    copies = [copy.deepcopy(model.coefs_), pickle.loads(pickle.dumps(model.coefs_))]
    for copied in copies:
        assert type(copied) is list
        copied[0][...] = 0
        copied.append(None)
    assert len(model.coefs_ + model.intercepts_) == 4
    np.testing.assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize(
    ("refused", "naming"),
    [
        (lambda m: m.fit(X, Y[:-1]), "inconsistent"),
        (lambda m: m.fit(X, Y, -np.ones(150)), "sample_weight"),
        (lambda m: m.set_params(early_stopping=True, validation_fraction=0.001).fit(X[:, :2], Y > 0), "fraction"),
        (lambda m: m.set_params(normalization="batch", batch_size=1).fit(X[:, :2], Y > 0), "batches of 1"),
        (lambda m: m.fit(X[:, :2], Y > 0, validation_data=(X, Y)), "validation_data"),
        (lambda m: m.set_params(n_jobs=0).fit(X[:, :2], Y), "n_jobs"),
    ],
)
def test_a_refused_fit_leaves_the_fitted_estimator_as_it_was(model, refused, naming):
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=naming):
        refused(model)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.n_features_in_ == 4
    assert model.classes_.tolist() == [0, 1, 2]


def test_a_refused_first_partial_fit_leaves_no_labels_behind():
    model = MLPClassifier(max_iter=5)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((2, 3), np.nan), [0, 1], classes=[0, 1])
    assert not hasattr(model, "classes_")
    model.partial_fit(X, Y, classes=[0, 1, 2])
    assert model.classes_.tolist() == [0, 1, 2]


def test_a_pickle_of_another_version_is_read_with_a_warning(model, monkeypatch):
    stored = pickle.dumps(model)
    monkeypatch.setattr("plainnet.sklearn.estimator.__version__", "99.0")
    with pytest.warns(PlainnetWarning, match=f"pickled by plainnet {plainnet.__version__} and is read by 99.0"):
        again = pickle.loads(stored)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_classes_are_assigned_as_a_whole_so_that_the_network_knows_them():
    model = MLPClassifier(hidden_layer_sizes=2, max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match="read-only"):
        model.classes_[0] = model.classes_[1]
    model.classes_ = ["a", "b", "c"]
    assert model.network_.classes == ["a", "b", "c"]
