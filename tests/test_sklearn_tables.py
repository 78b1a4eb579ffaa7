"""TableClassifier and TableRegressor: any columns in, labels and quantities out, among scikit-learn's tools."""

import datetime as dt
import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator

import plainnet as pn
from plainnet.errors import InvalidValue, PlainnetWarning
from plainnet.sklearn import TableClassifier, TableRegressor
from plainnet.tabular.recipe import RECIPES

X, Y = load_iris(return_X_y=True)

COUNT = 200
rng = np.random.default_rng(0)
SIZE = np.where(rng.random(COUNT) < 0.1, np.nan, rng.normal(size=COUNT).round(3))
COLOR = rng.choice(["red", "blue", "green"], COUNT)
ROWS = {
    "size": SIZE.tolist(),
    "color": [None if i % 17 == 5 else color for i, color in enumerate(COLOR)],
    "sold": (rng.random(COUNT) < 0.5).tolist(),
    "day": [dt.datetime(2024, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 300, COUNT)],
    "count": [None if i % 23 == 3 else int(n) for i, n in enumerate(rng.integers(0, 9, COUNT))],
}
QUANTITY = np.nan_to_num(SIZE) * 3 + (COLOR == "red") * 4 + 100
KIND = np.where(np.median(QUANTITY) < QUANTITY, "large", "small")

FRAMES = {
    "pandas": pd.DataFrame(ROWS),
    "nullable": pd.DataFrame(ROWS).convert_dtypes(),
    "categorical": pd.DataFrame(ROWS).astype({"color": "category", "count": "Int64"}),
    "polars": pl.DataFrame(ROWS, nan_to_null=True),
    "dicts": pl.DataFrame(ROWS, nan_to_null=True).to_dicts(),
}
pytestmark = pytest.mark.filterwarnings("ignore:column 'day' holds:plainnet.errors.PlainnetWarning")

QUICK = {"hidden": 32, "epochs": 128}
"""The default recipe with smaller layers."""
NOT_HERE = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight 2 is once in a batch, two equal rows are twice",
}
IN_ITS_OWN_PROCESS = "check_array_api_input"
"""It needs SCIPY_ARRAY_API=1 before SciPy is imported."""


def checks():
    for estimator in (TableClassifier(**QUICK), TableRegressor(**QUICK)):
        for made, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if name not in NOT_HERE and name != IN_ITS_OWN_PROCESS:
                yield pytest.param(made, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.filterwarnings("ignore::plainnet.errors.PlainnetWarning")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


def test_scikit_learns_check_passes_where_scipys_array_api_is_on():
    script = f"""
        import warnings
        from sklearn.utils.estimator_checks import estimator_checks_generator
        from plainnet.sklearn import TableClassifier, TableRegressor
        warnings.simplefilter("ignore")
        for estimator in TableClassifier("small", epochs=2), TableRegressor("small", epochs=2):
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


def classifier(**settings):
    return TableClassifier(**{"recipe": "small", "epochs": 30, "random_state": 0, **settings})


def regressor(**settings):
    return TableRegressor(**{"recipe": "small", "epochs": 60, "random_state": 0, **settings})


# ---- what comes in ----


@pytest.mark.parametrize("form", FRAMES)
def test_frames_of_mixed_columns_need_no_preparation(form):
    frame = FRAMES[form]
    model = classifier().fit(frame, KIND)
    assert model.score(frame, KIND) > 0.85
    np.testing.assert_array_equal(model.predict(frame), classifier().fit(FRAMES["polars"], KIND).predict(frame))
    assert model.feature_names_in_.tolist() == list(ROWS)
    assert {column.name: column.kind for column in model.table_.columns} == {
        **dict.fromkeys(["size", "day", "count"], "number"),
        "color": "category",
        "sold": "boolean",
    }
    quantities = regressor().fit(frame, QUANTITY).predict(frame)
    assert np.corrcoef(quantities, QUANTITY)[0, 1] > 0.9
    assert abs(quantities.mean() - QUANTITY.mean()) < 1


def test_arrays_of_objects_and_columns_by_number():
    array = np.array([ROWS["size"], ROWS["color"], ROWS["count"]], dtype=object).T
    model = classifier(columns={2: "category"}).fit(array, KIND)
    assert [column.name for column in model.table_.columns] == ["x0", "x1", "x2"]
    assert [column.kind for column in model.table_.columns] == ["number", "category", "category"]
    assert model.score(array, KIND) > 0.85
    assert model.score(array.tolist(), KIND) == model.score(array, KIND)
    left_out = classifier(columns={0: "ignore"}).fit(array, KIND)
    assert left_out.table_.column_names == ("x1", "x2")


def test_what_does_not_fit_is_said():
    frame = FRAMES["pandas"]
    model = classifier(epochs=2).fit(frame, KIND)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.drop(columns="size"))
    with pytest.raises(InvalidValue, match=r"'size'.*'big'"):
        model.predict(frame.assign(size="big"))
    with pytest.warns(PlainnetWarning, match="column 'color': 200 values that training did not have"):
        model.predict(frame.assign(color="violet"))
    before = model.predict_proba(frame)
    with pytest.raises(InvalidValue, match=r"'color' holds a number \(3\) in row 1 and text \('green'\)"):
        model.fit(frame.assign(color=frame.color.astype(object).where(frame.index > 9, 3)), KIND)
    with pytest.raises(InvalidValue, match="y is missing in 1 rows, such as row 0"):
        model.fit(frame, [None, *KIND[1:]])
    with pytest.raises(InvalidValue, match="names 'zip', which is no column of the table"):
        classifier(columns={"zip": "category"}).fit(frame, KIND)
    np.testing.assert_array_equal(model.predict_proba(frame), before)  # a fit that fails changes nothing
    with pytest.raises(NotFittedError):
        classifier().predict(frame)


def test_a_target_may_be_named_as_a_column_is():
    frame = FRAMES["pandas"].assign(sample_weight=SIZE * 2)
    model = regressor(epochs=2).fit(frame, pd.Series(QUANTITY, name="size"), sample_weight=np.ones(COUNT))
    assert (model.table_.target.name, model.history_.settings["loss"]) == ("size_", "mse")


# ---- labels ----

LABELS = {
    "text": (np.array(["a", "b c", "ä"]), ["a", "b c", "ä"]),
    "whole numbers": (np.array([-1, 5, 30]), [-1, 5, 30]),
    "whole floats": (np.array([0.0, 1.0, 2.0]), [0, 1, 2]),
    "truth": (np.array([False, True]), [False, True]),
    "text of numbers": (np.array(["1", "1.0", "2"]), ["0", "1", "2"]),
    "categories": (pd.Categorical(["x", "y"]), ["x", "y"]),
    "nullable": (pd.array([3, 4], dtype="Int64"), [3, 4]),
    "many": (np.arange(120), [str(i) for i in range(120)]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_come_back_as_they_were_given(name):
    labels, of_network = LABELS[name]
    codes = np.arange(240) % len(labels)
    noise = np.random.default_rng(0).normal(size=240) / 100  # or the column would be said to be the target
    frame = pl.DataFrame({"place": codes + noise, "text": [f"t{i % 7}" for i in range(240)]})
    y = labels[codes] if name != "categories" else pd.Series(labels[codes])
    model = classifier(epochs=40, validation_fraction=0, learning_rate=0.02).fit(frame, y)
    assert model.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))
    predicted = model.predict(frame)
    assert predicted.dtype == model.classes_.dtype
    assert accuracy_score(np.asarray(y).astype(model.classes_.dtype), predicted) > 0.3
    assert model.predict_proba(frame).shape == (240, len(labels))
    np.testing.assert_array_equal(model.predict_proba(frame).argmax(axis=1), np.searchsorted(model.classes_, predicted))
    own = model.network_.predict_labels(frame)
    assert set(own.tolist()) <= set(of_network)
    if len(labels) < 100 and name != "text of numbers":
        np.testing.assert_array_equal(own, predicted)


def test_probabilities_and_their_logarithms_agree():
    for settings in ({}, {"recipe": RECIPES["small"].varied(loss="binary_cross_entropy")}):
        model = classifier(epochs=5, **settings).fit(FRAMES["polars"], KIND)
        probabilities = model.predict_proba(FRAMES["polars"])
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(FRAMES["polars"])), probabilities, rtol=1e-5)


def test_a_class_without_weight_has_no_probability():
    weights = (Y != 1).astype(float)
    with pytest.warns(PlainnetWarning, match="every row of 1 in target 'y' has the weight 0"):
        model = classifier(epochs=5).fit(X, Y, sample_weight=weights)
    assert model.classes_.tolist() == [0, 1, 2]
    assert (model.predict_proba(X)[:, 1] == 0).all()
    assert (model.predict_log_proba(X)[:, 1] == -np.inf).all()
    assert not (model.predict(X) == 1).any()
    with pytest.raises(InvalidValue, match="y is 2 in every row that counts; a classifier takes at least two classes"):
        classifier().fit(X, Y, sample_weight=(Y == 2).astype(float))


# ---- weights, parameters and records ----


def test_weights_of_rows_and_of_classes_move_predictions():
    heavy = np.where(KIND == "small", 20.0, 1.0)
    frame = FRAMES["pandas"][["day", "sold"]]  # tells little
    plain = (classifier().fit(frame, KIND).predict(frame) == "small").mean()
    by_row = (classifier().fit(frame, KIND, sample_weight=heavy).predict(frame) == "small").mean()
    by_class = (classifier(class_weight={"small": 20.0}).fit(frame, KIND).predict(frame) == "small").mean()
    assert by_row == by_class == 1 > plain
    rare = np.where(np.arange(COUNT) % 10 == 3, "rare", "usual")
    shares = [
        classifier(class_weight=weight).fit(frame, rare).predict_proba(frame)[:, 0].mean()
        for weight in (None, "balanced", {"rare": 9.0, "usual": 1.0})
    ]
    assert shares[0] < 0.2 < 0.4 < shares[1]
    assert shares[1] == pytest.approx(shares[2], abs=0.05)
    with pytest.raises(ValueError, match="not in class_weight"):
        classifier(class_weight={"smal": 2.0}).fit(frame, KIND)


def test_parameters_vary_the_recipe():
    recipe = RECIPES["small"].varied(epochs=7, normalization="layer")
    model = classifier(recipe=recipe, epochs=None, hidden=[5], learning_rate=0.01, dropout=0.25).fit(X, Y)
    settings = model.history_.settings
    assert model.network_.summary().count("Dense") == 2
    assert "LayerNorm" in model.network_.summary()
    assert "rate=0.25" in model.network_.summary()
    assert (model.history_.epoch[-1], settings["optimizer"]["learning_rate"]) == (7, 0.01)
    assert settings["estimator"].startswith("TableClassifier(")
    assert regressor(loss="poisson", epochs=2).fit(X, Y).network_.layers[-1].activation.name == "exponential"
    with pytest.raises(ValueError, match="'recipe' parameter of TableClassifier must be"):
        classifier(recipe="large").fit(X, Y)
    with pytest.raises(ValueError, match="cannot be set: recipe is 'small', which has no settings of its own"):
        TableClassifier("small").set_params(recipe__hidden=3)


def test_no_rows_are_held_out_where_none_are_to_be():
    assert classifier(epochs=2).fit(X, Y).history_.validation_loss
    assert not classifier(epochs=2, validation_fraction=0).fit(X, Y).history_.validation_loss


def test_equal_seeds_give_equal_models():
    frame = FRAMES["polars"]
    first = regressor(epochs=3).fit(frame, QUANTITY)
    np.testing.assert_array_equal(clone(first).fit(frame, QUANTITY).predict(frame), first.predict(frame))
    other = regressor(epochs=3, random_state=1).fit(frame, QUANTITY)
    assert not np.array_equal(other.predict(frame), first.predict(frame))
    state = np.random.RandomState(0)
    assert np.isfinite(regressor(epochs=1, random_state=state).fit(frame, QUANTITY).predict(frame)).all()


@pytest.mark.parametrize("several", [{"ensemble": 2}, {"folds": 2}, {"time_limit": 20}])
def test_the_default_recipe_alone_and_several_times(several):
    frame, settings = FRAMES["pandas"], {**QUICK, "random_state": 0, **several}
    model = TableClassifier(**settings).fit(frame, KIND)
    assert model.score(frame, KIND) > 0.85
    np.testing.assert_array_equal(model.network_.predict_labels(frame), model.predict(frame))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(frame)), model.predict_proba(frame), rtol=1e-5)
    assert TableRegressor(**settings).fit(frame, QUANTITY).score(frame, QUANTITY) > 0.7


# ---- among scikit-learn's tools ----


@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_searches_pipelines_calibration_and_cross_validation(form):
    frame = FRAMES[form]
    grid = {"hidden": [(8,), (16, 8)], "learning_rate": [0.003, None]}
    search = GridSearchCV(classifier(epochs=10), grid, cv=2).fit(frame, KIND)
    assert search.best_score_ > 0.7
    assert search.best_estimator_.hidden in grid["hidden"]
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(frame, KIND)
    assert calibrated.score(frame, KIND) > 0.8
    predicted = cross_val_predict(classifier(), frame, KIND, cv=3, method="predict_proba")
    assert (KIND[predicted[:, 0] > 0.5] == "large").mean() > 0.75
    with_square = FunctionTransformer(lambda f: f, feature_names_out="one-to-one")
    assert make_pipeline(with_square, regressor()).fit(frame, QUANTITY).score(frame, QUANTITY) > 0.7


def test_transformed_targets_and_importance():
    frame = FRAMES["pandas"]
    model = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp).fit(frame, QUANTITY)
    assert model.score(frame, QUANTITY) > 0.7
    found = permutation_importance(classifier().fit(frame, KIND), frame, KIND, n_repeats=3, random_state=0)
    assert frame.columns[found.importances_mean.argmax()] in ("size", "color")


def test_a_pickle_and_a_file_of_the_network_predict_alike(tmp_path):
    model = classifier(epochs=5).fit(FRAMES["pandas"], KIND)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(FRAMES["pandas"]), model.predict_proba(FRAMES["pandas"]))
    model.network_.save(tmp_path / "model.npz")
    loaded = pn.load(tmp_path / "model.npz")
    for form in ("pandas", "polars", "dicts"):
        np.testing.assert_array_equal(loaded.predict_labels(FRAMES[form]), model.predict(FRAMES["pandas"]))
