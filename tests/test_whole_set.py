"""The loss over all rows and its gradient, as L-BFGS asks for them: machine code against the network's functions."""

import numpy as np
import parts
import pytest
from parts import with_random_numbers
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

import plainnet as pn
from plainnet import sklearn as ours
from plainnet.engines import Job
from plainnet.engines.compiled.whole_set import CompiledWholeSet
from plainnet.engines.whole_set import NumpyWholeSet, whole_set
from plainnet.errors import PlainnetWarning
from plainnet.losses import LOSSES
from plainnet.sklearn.objective import LOSS_NAMES, Objective

X = np.random.default_rng(0).normal(size=(61, 5))
WEIGHTS = np.random.default_rng(1).random(61) * (np.arange(61) % 7 > 0)


def job_of(net, loss, targets, weight=None):
    inputs, targets = X.astype(net.dtype), targets if targets.dtype.kind == "i" else targets.astype(net.dtype)
    weight = None if weight is None else weight.astype(net.dtype)
    return Job(net, loss, pn.SGD(), inputs, targets, weight, None, False, 10)


def assert_agree(job):
    """Both give the same loss and gradient, at each of two places, and leave the network as it is."""
    numpy, compiled = NumpyWholeSet(job), CompiledWholeSet(job)
    net = job.network
    size = {"rtol": 1e-4, "atol": 1e-5} if net.dtype == "float32" else {"rtol": 1e-10, "atol": 1e-12}
    for _ in range(2):
        parameters, statistics = net.parameters.copy(), net.statistics.copy()
        expected = numpy()
        np.testing.assert_allclose(compiled(), expected, **size)
        assert compiled() == compiled()
        np.testing.assert_allclose(compiled.gradient, numpy.gradient, **size)
        assert np.array_equal(net.parameters, parameters)
        assert np.array_equal(net.statistics, statistics)
        net.parameters *= 0.7


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_the_objectives_of_the_estimators(loss, weight, dtype):
    outputs, activation = {"squared_error": (2, "identity"), "poisson": (2, "exponential"), "logistic": (3, "sigmoid"),
                           "softmax": (3, "softmax")}[loss]  # fmt: skip
    net = pn.Network(
        pn.Dense(7, "tanh", l2=0.1), pn.Dense(outputs, activation, l2=0.1), input_size=5, seed=1, dtype=dtype
    )
    random = np.random.default_rng(2)
    targets = {"logistic": random.integers(0, 2, (61, outputs)).astype(dtype), "softmax": random.integers(0, 3, 61)}
    y = targets.get(loss, random.poisson(2, (61, outputs)).astype(dtype))
    for options in ({"consistent": True}, {"penalty_rows": 30}):
        assert_agree(job_of(net, Objective(loss, outputs, **options), y, weight))


@pytest.mark.parametrize("make", parts.cases(parts.LAYERS))
def test_every_layer_with_fixed_masks_and_statistics(make):
    net = pn.Network(pn.Dense(4, "gelu"), make(4), pn.Dense(1), input_size=5, seed=1, dtype="float64")
    assert_agree(job_of(with_random_numbers(net), LOSSES["mse"](), X[:, :1]))


def test_what_cannot_be_traced_takes_numpy_and_says_so_if_asked():
    class Branching(pn.Layer):
        def forward(self, inputs, training=None):
            factor = 2.0 if inputs.max() > 0 else 3.0
            return factor * inputs, lambda gradient, gradients: factor * gradient

    job = job_of(pn.Network(pn.Dense(4), Branching(), pn.Dense(1), input_size=5), LOSSES["mse"](), X[:, :1])
    with pytest.warns(PlainnetWarning, match="the NumPy engine runs this job"):
        assert isinstance(whole_set("compiled", job), NumpyWholeSet)


FITS = {
    "classes": ("MLPClassifier", make_classification(200, 8, n_informative=6, n_classes=3, random_state=0), {}),
    "two classes": ("MLPClassifier", make_classification(200, 8, random_state=0), {"activation": "tanh"}),
    "regression": ("MLPRegressor", make_regression(200, 8, random_state=0), {}),
    "strong penalty": ("MLPRegressor", make_regression(200, 8, random_state=0), {"alpha": 100.0}),
    "layer norm": ("MLPClassifier", make_classification(200, 8, random_state=0), {"normalization": "layer"}),
    "dropout": ("MLPClassifier", make_classification(200, 8, random_state=0), {"dropout": 0.2}),
    "batch norm": ("MLPClassifier", make_classification(200, 8, random_state=0), {"normalization": "batch"}),
}
NOT_BY_LBFGS = ("dropout", "batch norm")
CASES = [
    (fit, solver) for fit in FITS for solver in ("lbfgs", "adam", "sgd") if solver != "lbfgs" or fit not in NOT_BY_LBFGS
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("fit", "solver"), CASES)
def test_an_estimator_learns_the_same_with_both_engines(fit, solver):
    name, (data, y), settings = FITS[fit]
    y = y / 100 if name == "MLPRegressor" else y
    settings = {"hidden_layer_sizes": (9, 5), "max_iter": 12, "random_state": 0, "solver": solver, **settings}
    numpy, compiled = (getattr(ours, name)(**settings, engine=engine).fit(data, y) for engine in ("numpy", "compiled"))
    np.testing.assert_allclose(compiled.loss_, numpy.loss_, rtol=1e-6)
    np.testing.assert_allclose(compiled.network_.parameters, numpy.network_.parameters, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(compiled.network_.statistics, numpy.network_.statistics, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(compiled._outputs(data), numpy._outputs(data), rtol=1e-4, atol=1e-6)


def test_calls_of_partial_fit_go_on_from_each_other_with_both_engines():
    _, (data, y), _ = FITS["classes"]
    fitted = []
    for engine in ("numpy", "compiled"):
        estimator = ours.MLPClassifier((9,), random_state=0, batch_size=30, alpha=0.1, engine=engine)
        for _ in range(3):
            estimator.partial_fit(data, y, classes=[0, 1, 2])
        fitted.append(estimator)
    np.testing.assert_allclose(fitted[1].network_.parameters, fitted[0].network_.parameters, rtol=1e-6, atol=1e-9)
    assert fitted[1].loss_curve_ == pytest.approx(fitted[0].loss_curve_)


def test_a_validation_curve_is_the_same_with_both_engines():
    _, (data, y), _ = FITS["classes"]
    curves = []
    for engine in ("numpy", "compiled"):
        estimator = ours.MLPClassifier((9,), solver="lbfgs", max_iter=15, random_state=0, engine=engine)
        with pytest.warns(ConvergenceWarning):
            estimator.fit(data[:150], y[:150], validation_data=(data[150:], y[150:]))
        curves.append(estimator.validation_loss_curve_)
    assert curves[1] == pytest.approx(curves[0], rel=1e-5)
