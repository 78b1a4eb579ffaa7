"""The estimators among scikit-learn's tools: its checks, clone, pickle, joblib, pipelines, searches, frames."""

import os
import pickle
import subprocess
import sys
import textwrap
from unittest import SkipTest

import joblib
import numpy as np
import pandas
import polars
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import plainnet as pn
from plainnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
XR, YR = load_diabetes(return_X_y=True)

IN_ITS_OWN_PROCESS = "check_array_api_input"
"""It needs SCIPY_ARRAY_API=1 before SciPy is imported."""


def checks():
    for estimator in (MLPClassifier(), MLPRegressor()):
        for made, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if name != IN_ITS_OWN_PROCESS:
                yield pytest.param(made, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_checks_pass(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.fail(f"skipped: {reason}")


def test_scikit_learns_check_passes_where_scipys_array_api_is_on():
    script = f"""
        import warnings
        from sklearn.utils.estimator_checks import estimator_checks_generator
        from plainnet.sklearn import MLPClassifier, MLPRegressor
        warnings.simplefilter("ignore")
        for estimator in MLPClassifier(), MLPRegressor():
            for made, check in estimator_checks_generator(estimator):
                if check.func.__name__ == "{IN_ITS_OWN_PROCESS}":
                    check(made)
                    print("passed")
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "SCIPY_ARRAY_API": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split() == ["passed"] * 2, ran.stderr


def test_decision_function_is_for_several_labels_only():
    model = fitted()
    assert not hasattr(model, "decision_function")
    labels = np.column_stack([Y == 0, Y > 0])
    model = MLPClassifier(max_iter=30, random_state=1).fit(X, labels)
    sums = model.decision_function(X)
    np.testing.assert_allclose(1 / (1 + np.exp(-sums)), model.predict_proba(X), rtol=1e-6)
    np.testing.assert_array_equal(sums > 0, model.predict(X))


def fitted(**settings):
    return MLPClassifier(**{"max_iter": 30, "random_state": 1, "batch_size": 32, **settings}).fit(X, Y)


def test_clone_copies_every_parameter_and_nothing_else():
    original = fitted(solver=pn.AdamW(0.01), dropout=[0.1], activation=["gelu"], clip_norm=None)
    copied = clone(original)
    assert repr(copied) == repr(original)
    assert not hasattr(copied, "network_")
    assert not hasattr(copied, "coefs_")
    np.testing.assert_array_equal(copied.fit(X, Y).predict_proba(X), original.predict_proba(X))


@pytest.mark.parametrize("way", ["pickle", "joblib"])
def test_a_stored_estimator_predicts_and_goes_on_alike(way, tmp_path):
    original = fitted(dropout=0.2, normalization="batch")
    if way == "pickle":
        again = pickle.loads(pickle.dumps(original))
    else:
        joblib.dump(original, tmp_path / "model.joblib")
        again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(again.predict_proba(X), original.predict_proba(X))
    again.coefs_[0][...] = 0  # still views into the network
    assert not np.array_equal(again.predict_proba(X), original.predict_proba(X))
    again.coefs_ = original.coefs_
    np.testing.assert_array_equal(again.partial_fit(X, Y).predict_proba(X), original.partial_fit(X, Y).predict_proba(X))


def test_in_a_pipeline_and_a_search_with_two_jobs():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(solver="lbfgs", random_state=1))
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__activation": ["relu", ["tanh"]]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X, Y)
    assert search.best_score_ > 0.93
    assert search.predict(X).shape == (150,)


def test_cross_validation_and_what_others_make_of_the_estimator():
    scaled = StandardScaler().fit_transform(XR)
    regressor = MLPRegressor(solver="lbfgs", hidden_layer_sizes=4, alpha=10, max_iter=300, random_state=1)
    assert cross_val_score(regressor, scaled, (YR - 150) / 77, cv=3).mean() > 0.3
    calibrated = CalibratedClassifierCV(MLPClassifier(solver="lbfgs", random_state=1), cv=3).fit(X, Y)
    assert calibrated.score(X, Y) > 0.93
    importance = permutation_importance(fitted(max_iter=100), X, Y, n_repeats=3, random_state=1).importances_mean
    assert importance[2:].min() > importance[:2].max()  # petals tell irises apart


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_come_in_and_pass_through_neighbours(library):
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    frame = {"pandas": pandas.DataFrame, "polars": polars.DataFrame}[library](dict(zip(names, X.T, strict=True)))
    classifier = MLPClassifier(max_iter=20, random_state=1).fit(frame, Y)
    assert classifier.feature_names_in_.tolist() == names
    np.testing.assert_array_equal(
        classifier.predict(frame), MLPClassifier(max_iter=20, random_state=1).fit(X, Y).predict(X)
    )
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(frame[names[::-1]])
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(solver="lbfgs", random_state=1)).set_output(
        transform=library
    )
    assert pipeline.fit(frame, Y).score(frame, Y) > 0.95
    assert pipeline[-1].feature_names_in_.tolist() == names


def test_mixed_columns_through_a_column_transformer():
    frame = pandas.DataFrame({"length": X[:, 2], "kind": np.where(X[:, 3] > 1.7, "wide", "narrow")})
    columns = ColumnTransformer([("n", StandardScaler(), ["length"]), ("c", OneHotEncoder(), ["kind"])])
    pipeline = make_pipeline(columns, MLPClassifier(solver="lbfgs", random_state=1))
    assert pipeline.fit(frame, Y).score(frame, Y) > 0.93
