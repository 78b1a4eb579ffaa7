"""When a stochastic run has stopped getting better, by scikit-learn's rules, and the curves it judges by.

An epoch counts as no improvement where the training loss is not more than `tol` below the best one so far or, with
`early_stopping`, where the score on the held-out rows is less than `tol` above the best score so far. More than
`n_iter_no_change` of them in a row end the run. Each `fit` judges by its own epochs, a warm start as well. A score that
says nothing of the predictions (`by_score` is False) leaves the judgement to the training loss.
"""

from typing import Any

import numpy as np

from plainnet.sklearn.objective import Objective
from plainnet.sklearn.rows import Rows

CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_", "best_loss_", "best_validation_score_")


def forget_curves(estimator: Any) -> None:
    """Leave nothing of an earlier fit."""
    for name in CURVES:
        estimator.__dict__.pop(name, None)


def begin(estimator: Any, by_score: bool, with_validation: bool, incremental: bool) -> None:
    """Start the curves, or go on with those of a fit that judged by the same; judge anew but in `partial_fit`."""
    early = estimator.early_stopping
    goes_on = hasattr(estimator, "loss_curve_") and (estimator.validation_scores_ is not None) == early
    if not goes_on:
        estimator.loss_curve_ = []
        estimator.validation_scores_ = [] if early else None
        estimator.validation_loss_curve_ = None
    if not (goes_on and incremental):
        estimator.best_validation_score_ = None if not early else -np.inf if by_score else np.nan
        estimator.best_loss_ = None if by_score else np.inf
        estimator._no_improvement_count = 0
    if with_validation and estimator.validation_loss_curve_ is None:
        estimator.validation_loss_curve_ = []


def measure(estimator: Any, objective: Objective, held: Rows | None) -> float | None:
    """The loss on the held-out rows, without penalties, kept in the curve; with early stopping the score as well."""
    if held is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # a diverging run ends at its next loss
        outputs = estimator.network_.predict(held.inputs)
        loss = objective.data_loss(held.targets, outputs, held.sample_weight)
    estimator.validation_loss_curve_.append(loss)
    if estimator.early_stopping:
        estimator.validation_scores_.append(estimator._score(held.truth, outputs, held.sample_weight))
    return loss


def note_improvement(estimator: Any, by_score: bool) -> bool:
    """Count the epoch as one with or without an improvement; whether it is the best so far."""
    tol = float(estimator.tol)
    if by_score:
        score, best = estimator.validation_scores_[-1], estimator.best_validation_score_
        improved, is_best = not score < best + tol, score > best
        estimator.best_validation_score_ = score if is_best else best  # a score can be NaN, and is then no best
    else:
        loss, best = estimator.loss_curve_[-1], estimator.best_loss_
        improved, is_best = not loss > best - tol, loss < best
        estimator.best_loss_ = min(loss, best)
    estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1
    return bool(is_best)


def reason(estimator: Any, by_score: bool) -> str | None:
    """Why the run has come to its end, if it has."""
    if not estimator._no_improvement_count > estimator.n_iter_no_change:
        return None
    what = "Validation score" if by_score else "Training loss"
    return f"{what} did not improve by more than tol={estimator.tol:g} for {estimator.n_iter_no_change} epochs."
