"""This rule says when a stochastic run has stopped getting better, as scikit-learn has it."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]

from plainnet._base.configurable import describe
from plainnet.engines import Job
from plainnet.errors import warn
from plainnet.history import History
from plainnet.sklearn.optimizers import lowered
from plainnet.training.stopping import Stopping

if TYPE_CHECKING:
    from plainnet.sklearn.base import BaseMLP


class NoImprovement(Stopping):
    """Stop after more than `n_iter_no_change` epochs in a row without an improvement by `tol`.

    `by_score` judges by the score on the held-out rows: an epoch improves if its score is at least the best so far
    plus `tol`. Otherwise it judges by the training loss: an epoch improves if its loss is at most the best minus `tol`.
    """

    advice = "Try inputs scaled to about -1 ... 1 (StandardScaler), a smaller learning_rate_init, or clip_norm=1"

    def __init__(self, estimator: "BaseMLP", job: Job, by_score: bool, last_epoch: int) -> None:
        super().__init__(last_epoch)
        self.estimator, self.job, self.by_score = estimator, job, by_score
        self.best = -math.inf
        """The best score so far, or the lowest loss with a minus sign."""
        self.epochs_without = 0
        """The epochs in a row without an improvement."""
        self.message = ""
        """Return the line to print about the latest epoch."""

    @property
    def keeps_best(self) -> bool:
        return self.by_score

    @property
    def watches(self) -> bool:
        return True

    def settings(self) -> dict[str, Any] | None:
        estimator = self.estimator
        if not estimator.early_stopping:
            return None
        return {"patience": describe(estimator.n_iter_no_change), "minimum_improvement": describe(estimator.tol)}

    def is_best(self, loss: float, validation_loss: float | None, metrics: Mapping[str, float]) -> bool:
        value = metrics["score"] if self.by_score else -loss
        improves = not value < self.best + float(self.estimator.tol)  # a score can be NaN, which counts as one
        self.epochs_without = 0 if improves else self.epochs_without + 1
        is_best = value > self.best
        if is_best:
            self.best = value
        return is_best

    def reason(self, history: History) -> str:
        """Return why the run ends; a learning rate that falls on a plateau falls first, until it is tiny."""
        self.message = ""
        if self.epochs_without > self.estimator.n_iter_no_change:
            rate = lowered(self.estimator, self.job.optimizer, self.job.schedule_memory)
            self.message = (
                f"{self._judgement()} {'Stopping.' if rate is None else f'Setting learning rate to {rate:g}.'}"
            )
            if rate is None:
                return "early stopping"
            self.job.schedule_memory |= {"learning_rate": rate, "waited": 0}
            self.epochs_without = 0
        return super().reason(history)

    def _judgement(self) -> str:
        what = "Validation score" if self.by_score else "Training loss"
        epochs = self.estimator.n_iter_no_change
        return f"{what} did not improve by more than tol={self.estimator.tol:g} for {epochs} epochs."

    def warn_of_no_best(self) -> None:
        warn(
            "early_stopping had no score to go by: that of the validation rows was a number in no epoch. "
            "The estimator keeps the weights of its last epoch",
            ConvergenceWarning,
        )
