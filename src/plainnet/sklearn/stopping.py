"""When a stochastic run has stopped getting better, by scikit-learn's rules, and the curves it judges by.

An epoch counts as no improvement where the training loss is not more than `tol` below the best one so far or, with
`early_stopping`, where the score on the held-out rows is less than `tol` above the best score so far. More than
`n_iter_no_change` of them in a row end the run.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet.arrays import Array
from plainnet.sklearn.objective import Objective


@dataclass
class Rows:
    """Examples to train on or to measure with: inputs, targets as the loss takes them, the truth to score against."""

    inputs: Array
    targets: Array
    truth: Any
    sample_weight: Array | None


CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_", "best_loss_", "best_validation_score_")


def forget_curves(estimator: Any) -> None:
    """Leave nothing of an earlier fit."""
    for name in CURVES:
        estimator.__dict__.pop(name, None)


def start_curves_if_new(estimator: Any, with_validation: bool) -> None:
    """Empty curves for a first fit, and where a warm start judges by something else than the fit before."""
    early = estimator.early_stopping
    if not hasattr(estimator, "loss_curve_") or (estimator.validation_scores_ is not None) != early:
        estimator.loss_curve_ = []
        estimator.validation_scores_ = [] if early else None
        estimator.best_validation_score_ = -np.inf if early else None
        estimator.best_loss_ = None if early else np.inf
        estimator.validation_loss_curve_ = None
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


def note_improvement(estimator: Any) -> bool:
    """Count the epoch as one with or without an improvement; whether it is the best so far."""
    if estimator.early_stopping:
        score, best = estimator.validation_scores_[-1], estimator.best_validation_score_
        improved, is_best = not score < best + estimator.tol, score > best
        estimator.best_validation_score_ = score if is_best else best  # a score can be NaN, and is then no best
    else:
        loss, best = estimator.loss_curve_[-1], estimator.best_loss_
        improved, is_best = not loss > best - estimator.tol, loss < best
        estimator.best_loss_ = min(loss, best)
    estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1
    return bool(is_best)


def reason(estimator: Any) -> str | None:
    """Why the run has come to its end, if it has."""
    if not estimator._no_improvement_count > estimator.n_iter_no_change:
        return None
    what = "Validation score" if estimator.early_stopping else "Training loss"
    return f"{what} did not improve by more than tol={estimator.tol:g} for {estimator.n_iter_no_change} epochs."
