"""What an estimator has learned, in files and in other programs' hands; settings of all kinds on the way there."""

import json
from typing import NamedTuple

import numpy as np
import onnxruntime
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.model_selection import GridSearchCV
from sklearn.utils import compute_class_weight

import plainnet as pn
from plainnet import plots
from plainnet.errors import InvalidValue
from plainnet.explain import explain
from plainnet.report import of_arrays, report_html
from plainnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)

LABELS = {
    "whole numbers": Y,
    "text": np.array(["setosa", "versicolor", "virginica"])[Y],
    "objects": np.array(["setosa", "versicolor", "virginica"], object)[Y],
    "two": np.array(["other", "setosa"])[(Y == 0).astype(int)],
    "two booleans": Y == 0,
    "one": np.full(150, "only"),
}


@pytest.mark.parametrize("labels", LABELS)
def test_onnx_gives_the_labels_and_a_probability_for_each(labels, tmp_path):
    model = MLPClassifier((8,), max_iter=10, random_state=0).fit(X, LABELS[labels])
    model.network_.save(tmp_path / "model.npz")
    pn.load(tmp_path / "model.npz").export(tmp_path / "model.safetensors")
    pn.load_safetensors(tmp_path / "model.safetensors").export(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    Y_, label, probabilities = session.run(["Y", "label", "probabilities"], {"X": X})
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(Y_, model.network_.predict(X), rtol=1e-5, atol=1e-6)


def test_onnx_of_several_labels_and_of_numbers_has_the_outputs_alone(tmp_path):
    XM, YM = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    for model in (
        MLPClassifier(max_iter=3, random_state=0).fit(XM, YM),
        MLPRegressor(max_iter=3, random_state=0).fit(XM, YM),
    ):
        model.network_.export(tmp_path / "model.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
        assert [output.name for output in session.get_outputs()] == ["Y"]
        np.testing.assert_allclose(session.run(None, {"X": XM})[0], model.network_.predict(XM), rtol=1e-10)


@pytest.mark.parametrize("classes", [["a", "b"], "abc", [1, 2, None], {"a": 1}])
def test_a_file_whose_labels_do_not_fit_is_refused(classes, tmp_path):
    net = MLPClassifier(max_iter=2, random_state=0).fit(X, Y).network_
    net.classes = classes
    net.save(tmp_path / "model.npz")
    net.export(tmp_path / "model.safetensors")
    for load, name in ((pn.load, "model.npz"), (pn.load_safetensors, "model.safetensors")):
        with pytest.raises(ValueError, match="cannot be rebuilt: its classes"):
            load(tmp_path / name)


RUNS = {
    "classes": lambda: MLPClassifier((5,), max_iter=4, random_state=0).fit(X, Y),
    "two classes": lambda: MLPClassifier((5,), max_iter=4, random_state=0, early_stopping=True).fit(X, Y > 0),
    "counts": lambda: MLPRegressor("poisson", 5, max_iter=4, random_state=0).fit(X, Y),
    "numbers, weighted": lambda: MLPRegressor(hidden_layer_sizes=5, max_iter=4).fit(X, Y, np.ones(150)),
    "lbfgs": lambda: MLPClassifier((5,), solver="lbfgs", max_iter=4, random_state=0).fit(X, Y),
    "norm, dropout, an object": lambda: MLPClassifier(
        (5,), solver=pn.AdamW(0.01), normalization="layer", dropout=0.1, max_iter=4, random_state=0
    ).fit(X, Y),
    "partial_fit": lambda: MLPClassifier((5,), random_state=0).partial_fit(X, Y, classes=[0, 1, 2]),
}


@pytest.mark.parametrize("run", RUNS)
def test_every_reader_of_a_network_takes_an_estimators(run, tmp_path):
    net = RUNS[run]().network_
    for name in ("model.npz", "model.safetensors", "model.onnx", "model.py"):
        net.save(tmp_path / name) if name == "model.npz" else net.export(tmp_path / name)
    with pytest.raises(InvalidValue, match=r"estimator of plainnet.sklearn|no training record"):
        net.export(tmp_path / "trainer.py", to="trainer")
    again = pn.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    y = Y > 0 if run == "two classes" else Y
    for one in (net, again):
        assert "<svg" in report_html(of_arrays(one, X, y, title=run))
        assert one.history is None or plots.loss_curve(one.history)
        explain(one, X[:2], y[:2], loss=one.history.settings["loss"] if one.history else "cross_entropy")
        assert one._repr_html_()
        assert one.summary()


def test_the_report_says_how_the_estimator_is_made():
    model = MLPClassifier((5,), alpha=np.float32(0.5), max_iter=4, random_state=np.int64(3)).fit(X, Y, np.ones(150))
    text = report_html(of_arrays(model.network_, X, Y, title="Irises"))
    assert "model = MLPClassifier(" in text
    assert "model.fit(X, y, sample_weight)" in text
    call = model.network_.history.settings["estimator"]
    again = eval(call, {"MLPClassifier": MLPClassifier})
    assert repr(again.get_params()) == repr({**model.get_params(), "alpha": 0.5, "random_state": 3})


# ---- settings ----

NUMPY_NUMBERS = {
    "hidden_layer_sizes": np.array([5, 4]),
    "alpha": np.float32(0.1),
    "batch_size": np.int64(32),
    "learning_rate_init": np.float32(0.01),
    "power_t": np.float16(0.5),
    "max_iter": np.int32(3),
    "shuffle": np.bool(True),
    "random_state": np.int64(1),
    "tol": np.float32(1e-4),
    "momentum": np.float32(0.8),
    "nesterovs_momentum": np.bool(True),
    "early_stopping": np.bool(True),
    "validation_fraction": np.float32(0.25),
    "beta_1": np.float32(0.8),
    "beta_2": np.float64(0.99),
    "epsilon": np.float32(1e-7),
    "n_iter_no_change": np.int64(5),
    "dropout": np.array([0.25, 0.0], np.float32),
    "clip_norm": np.float32(1.0),
    "n_jobs": np.int64(1),
}


@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw", "rmsprop"])
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive", "cosine", "reduce_on_plateau"])
def test_numpy_numbers_are_taken_for_numbers(solver, learning_rate, tmp_path):
    settings = {**NUMPY_NUMBERS, "solver": solver, "learning_rate": learning_rate}
    model = clone(MLPRegressor(**settings)).fit(X, Y)
    plain = {name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
             for name, value in settings.items()}  # fmt: skip
    expected = MLPRegressor(**plain).fit(X, Y)
    np.testing.assert_array_equal(model.network_.parameters, expected.network_.parameters)
    model.network_.save(tmp_path / "model.npz")
    model.network_.export(tmp_path / "model.safetensors")
    kept = json.loads(json.dumps(model.network_.history.to_dict()))
    assert kept["settings"] == json.loads(json.dumps(expected.network_.history.settings))


def test_a_search_over_numpy_numbers_can_be_saved(tmp_path):
    grid = {"alpha": np.array([1, 10]), "learning_rate_init": np.array([0.01], np.float32)}
    search = GridSearchCV(MLPClassifier(max_iter=3), grid, cv=2).fit(X, Y)
    search.best_estimator_.network_.save(tmp_path / "model.npz")
    assert pn.load(tmp_path / "model.npz").history.settings["alpha"] in (1.0, 10.0)


def test_settings_of_an_optimizer_can_be_searched():
    model = MLPClassifier(solver=pn.AdamW(pn.schedules.Cosine(0.5)), max_iter=10, random_state=0)
    grid = {"solver__learning_rate__learning_rate": [1e-6, 0.02], "solver__weight_decay": [np.float32(0.25)]}
    best = GridSearchCV(model, grid, cv=2).fit(X, Y).best_estimator_
    assert best.solver.learning_rate.learning_rate == 0.02
    assert best.solver.weight_decay == 0.25
    assert (model.solver.learning_rate.learning_rate, model.solver.weight_decay) == (0.5, 0.01)


@pytest.mark.parametrize(
    ("solver", "settings", "naming"),
    [
        ("adam", {"solver__learning_rate": 0.1}, "solver is 'adam', which has no settings"),
        (pn.AdamW(), {"solver__momentum": 0.1}, "AdamW takes no momentum"),
        (pn.AdamW(), {"solver__learning_rate": -1.0}, "learning_rate is -1.0"),
        (pn.AdamW(), {"solver__learning_rate__factor": 0.5}, "learning_rate is 0.001, which has no settings"),
    ],
)
def test_settings_that_there_are_not_are_refused_by_name(solver, settings, naming):
    with pytest.raises(ValueError, match=naming):
        MLPClassifier(solver=solver).set_params(**settings)


def test_clones_of_optimizers_and_schedules_are_their_own():
    class Halving(pn.SGD):
        def __init__(self, rate):
            super().__init__(rate / 2)

    original = MLPClassifier(solver=Halving(0.5), learning_rate=lambda epoch, epochs: 0.1)
    copied = clone(original)
    assert copied.solver is not original.solver
    assert copied.solver.schedule.learning_rate == 0.25
    schedule = clone(pn.schedules.ReduceOnPlateau(0.5, patience=3))
    assert schedule.set_params(factor=0.25).get_params() == {
        "learning_rate": 0.5, "factor": 0.25, "patience": 3, "threshold": 1e-4, "minimum": 0.0,
    }  # fmt: skip


def test_the_call_in_the_record_holds_no_numbers_of_numpy():
    class Sizes(NamedTuple):
        first: int
        second: int

    weights = dict(zip(np.unique(Y), compute_class_weight("balanced", classes=np.unique(Y), y=Y), strict=True))
    model = MLPClassifier(Sizes(4, 3), dropout=[np.float64(0.5), 0], class_weight=weights, max_iter=2).fit(X, Y)
    call = (
        "MLPClassifier(class_weight={0: 1.0, 1: 1.0, 2: 1.0}, dropout=[0.5, 0], hidden_layer_sizes=(4, 3), max_iter=2)"
    )
    assert model.network_.history.settings["estimator"] == call
