"""scikit-learn's MLPClassifier: one `fit` for all epochs, which is faster than calling `partial_fit` for each.

It trains no network with a mean squared error behind a sigmoid: on XOR it minimizes the log loss, at the same cost.
For two classes it has one output, the difference of the two logits.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.machine import blas_threads
from benchmarks.workloads import LEARNING_RATE, Workload, estimator_settings
from plainnet._base.arrays import Array


def threads() -> int:
    """NumPy's BLAS has its own default."""
    return blas_threads()


class Single:
    """A warm start from the workload's weights, so that drawing weights is not timed."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.X, y = work.examples
        self.y = y.ravel().astype(int)
        sgd = {"solver": "sgd", "learning_rate_init": 1.0, "momentum": 0.0, "activation": "logistic", "shuffle": False}
        adam = {"solver": "adam", "learning_rate_init": LEARNING_RATE, "activation": "relu"}
        self.model = MLPClassifier(
            work.sizes[1:-1],
            batch_size=work.batch_size,
            alpha=0.0,
            warm_start=True,
            random_state=work.seed,
            max_iter=1,
            n_iter_no_change=np.inf,  # never stops early; a finite count would run on through warm starts
            **(sgd if work.is_xor else adam),
        )
        # Weights can be set once a first fit has made them.
        every_class = np.concatenate([self.X[: work.batch_size], self.X[: work.sizes[-1]]])
        labels = np.concatenate([self.y[: work.batch_size], np.arange(work.sizes[-1])])
        self.fit(*((self.X, self.y) if work.is_xor else (every_class, labels)))
        self.reset()

    def reset(self) -> None:
        """Back to the initial weights; `fit` starts its optimizer anew."""
        initial = self.work.initial_weights()
        if self.work.sizes[-1] == 2:
            weights, bias = initial[-1]
            initial[-1] = (weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1])
        self.model.coefs_ = [weights for weights, _ in initial]
        self.model.intercepts_ = [bias for _, bias in initial]

    def train(self, epochs: int) -> None:
        """One `fit`."""
        self.model.set_params(max_iter=epochs)
        self.fit(self.X, self.y)

    def fit(self, X: Array, y: Array) -> None:
        """The model's `fit`, silent about ending after `max_iter` epochs, which is what is wanted."""
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            self.model.fit(X, y)

    def predict(self, X: Array) -> Array:
        """Probabilities of the rows of X."""
        return self.model.predict_proba(X)


class Estimator:
    """The class as a user of scikit-learn writes it, with the settings that plainnet's is given."""

    def __init__(self, work: Workload) -> None:
        self.estimator = MLPClassifier(**estimator_settings(work))
        X, self.y = work.examples
        self.X = X.astype("float64")  # as load_digits gives them

    def train(self, epochs: int) -> None:
        """One `fit`."""
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            self.estimator.set_params(max_iter=epochs).fit(self.X, self.y)

    def predict(self, X: Array) -> Array:
        """Probabilities of the rows of X."""
        return self.estimator.predict_proba(X)
