"""The solver "lbfgs": all examples at once, through SciPy, on the network's one vector of parameters."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import OptimizeResult, minimize  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]

from plainnet._base.arrays import Array
from plainnet.engines import Job
from plainnet.engines.whole_set import NumpyWholeSet, whole_set
from plainnet.errors import DivergenceError, warn
from plainnet.network.prediction import measure, pays
from plainnet.optimizers import SGD
from plainnet.sklearn import curves
from plainnet.sklearn.objective import Objective, set_penalty
from plainnet.sklearn.samples import Samples

if TYPE_CHECKING:
    from plainnet.sklearn.base import BaseMLP


def fit_lbfgs(estimator: "BaseMLP", samples: Samples, held_out: Samples | None) -> None:
    """Minimize the objective over all rows with L-BFGS (Liu & Nocedal 1989), starting at the present parameters."""
    network = estimator.network_
    reported = Objective(estimator._loss_name, estimator.n_outputs_)
    minimized = Objective(estimator._loss_name, estimator.n_outputs_, consistent=True)
    weight = samples.sample_weight
    set_penalty(network, float(estimator.alpha), len(samples.inputs) if weight is None else float(weight.sum()))
    curves.forget(estimator)
    network.history = None  # an earlier one is the record of another solver
    estimator.validation_loss_curve_ = None if held_out is None else []
    job = Job(network, minimized, SGD(), samples.inputs, samples.targets, weight, None, False, estimator.max_iter)
    one_pass = whole_set(estimator.engine, job)

    def value_and_gradient(parameters: Array) -> tuple[float, Array]:
        network.parameters = parameters
        return one_pass(), one_pass.gradient.astype(np.float64)

    rows = 0 if held_out is None else len(held_out.inputs)
    measures_compiled = not isinstance(one_pass, NumpyWholeSet) and pays(network, rows, estimator.max_iter)
    iterations = 0

    def after_iteration(intermediate_result: OptimizeResult) -> None:
        nonlocal iterations
        iterations += 1
        if estimator.verbose:
            print(f"Iteration {iterations}, loss = {intermediate_result.fun:.8f}")
        if held_out is not None and estimator.validation_loss_curve_ is not None:
            network.parameters = intermediate_result.x
            measured = measure(network, *held_out, reported, {}, compiled=measures_compiled)
            estimator.validation_loss_curve_.append(measured["loss"])

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # checked below
        result = minimize(
            value_and_gradient,
            network.parameters.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": float(estimator.tol)},
        )
        network.parameters = result.x
        estimator.loss_ = NumpyWholeSet(replace(job, loss=reported))()
    if not (np.isfinite(result.x).all() and np.isfinite(estimator.loss_)):
        raise DivergenceError(
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed: lbfgs ended at a loss of {estimator.loss_}. Try inputs scaled to about -1 ... 1 "
            "(StandardScaler)"
        )
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    if result.status != 0:
        warn(
            f"lbfgs failed to converge after {estimator.n_iter_} iterations (status={result.status}): "
            f"{result.message}. Try a larger max_iter or max_fun, or inputs scaled to about -1 ... 1",
            ConvergenceWarning,
        )
