"""The fitted attributes that follow a run: the curves over its epochs, and the best loss or score."""

from typing import TYPE_CHECKING

import numpy as np

from plainnet.history import Report
from plainnet.sklearn.stopping import NoImprovement

if TYPE_CHECKING:
    from plainnet.sklearn.base import BaseMLP

NAMES = ("loss_curve_", "validation_scores_", "validation_loss_curve_", "best_loss_", "best_validation_score_")


def forget(estimator: "BaseMLP") -> None:
    """Remove the curves of an earlier fit."""
    for name in NAMES:
        estimator.__dict__.pop(name, None)


def begin(estimator: "BaseMLP", stopping: NoImprovement, with_validation: bool, incremental: bool) -> None:
    """Start the curves, or continue those of a fit that judged by the same kind of number.

    The judgement starts anew in each `fit`; in `partial_fit` it continues, so `stopping` takes what is kept.
    """
    early = estimator.early_stopping
    continues = hasattr(estimator, "loss_curve_") and (estimator.validation_scores_ is not None) == early
    if not continues:
        estimator.loss_curve_ = []
        estimator.validation_scores_ = [] if early else None
        estimator.validation_loss_curve_ = None
    if continues and incremental and estimator.best_loss_ is not None:  # partial_fit has no early stopping
        stopping.best = -estimator.best_loss_
        stopping.epochs_without = estimator._no_improvement_count
    if with_validation and estimator.validation_loss_curve_ is None:
        estimator.validation_loss_curve_ = []
    keep_judgement(estimator, stopping)
    estimator.n_iter_ = 0


def count_epoch(estimator: "BaseMLP", loss: float, rows: int) -> None:
    """Add an epoch over so many rows."""
    estimator.n_iter_ += 1
    estimator.t_ += rows
    estimator.loss_ = loss
    estimator.loss_curve_.append(loss)


def append(estimator: "BaseMLP", report: Report, stopping: NoImprovement) -> None:
    """Add what was measured after an epoch."""
    if report.validation_loss is not None and estimator.validation_loss_curve_ is not None:
        estimator.validation_loss_curve_.append(report.validation_loss)
    if estimator.validation_scores_ is not None:
        estimator.validation_scores_.append(report.metrics["score"])
    keep_judgement(estimator, stopping)


def keep_judgement(estimator: "BaseMLP", stopping: NoImprovement) -> None:
    """Copy the best number so far into the attribute for its kind, and the epochs since for the next `partial_fit`."""
    by_score = stopping.by_score
    estimator.best_loss_ = None if by_score else -stopping.best
    estimator.best_validation_score_ = stopping.best if by_score else np.nan if estimator.early_stopping else None
    estimator._no_improvement_count = stopping.epochs_without
