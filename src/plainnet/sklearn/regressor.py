"""The regressor."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin  # type: ignore[import-untyped]
from sklearn.metrics import r2_score  # type: ignore[import-untyped]
from sklearn.utils._param_validation import StrOptions  # type: ignore[import-untyped]
from sklearn.utils.metaestimators import available_if  # type: ignore[import-untyped]

from plainnet._base.arrays import Array
from plainnet.optimizers import Optimizer
from plainnet.schedules import Schedule
from plainnet.sklearn import constraints
from plainnet.sklearn.base import BaseMLP
from plainnet.sklearn.documentation import documented, is_stochastic
from plainnet.sklearn.samples import Samples, is_constant


@documented
class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """MLPRegressor predicts numbers with a network: `sklearn.neural_network.MLPRegressor` with more to choose from.

    It minimizes, over a batch of rows i with weights s_i (1 without weights) and S = Σ_i s_i,

        Σ_i s_i ℓ_i / S + alpha / (2 S) · Σw²

    where ℓ is ½ (ŷ - y)², or y ln(y / ŷ) - y + ŷ for 'poisson', summed over the outputs. w are all weights of the Dense
    layers, not the biases. For a squared error over several outputs the reported loss is the mean over the outputs
    instead of the sum.

    Parameters
    ----------
    loss : 'squared_error' or 'poisson'
        'poisson' is for counts and rates, y ≥ 0; the output is then e^z, with z the last layer's weighted sum.
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(200, 20, random_state=1)
    >>> bool(MLPRegressor(solver="lbfgs", random_state=1).fit(X, y / 100).score(X, y / 100) > 0.99)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **constraints.SHARED,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable[[float, int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        normalization: str | None = None,
        clip_norm: float | None = None,
        n_jobs: int | None = None,
        engine: str = "auto",
    ) -> None:
        self._set_arguments(locals())

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Return the prediction for each row of X, (rows,), or (rows, outputs) if there are several."""
        return _one_axis(self._outputs(X))

    _numeric_targets = True

    def _learn_labels(self, y: Array, fresh: bool, incremental: bool, classes: Any) -> None:
        """Do nothing: numbers are no labels."""

    def _encode(self, y: Array) -> Array:
        return y.reshape(len(y), -1)

    def _network_outputs(self, encoded: Array) -> tuple[int, str]:
        return encoded.shape[1], "exp" if self.loss == "poisson" else "identity"

    @property
    def _loss_name(self) -> str:
        return str(self.loss)

    def _score(self, targets: Array, outputs: Array, sample_weight: Array | None = None) -> float:
        """Return R²; NaN if all targets are the same, as R² is then not defined."""
        if not np.isfinite(outputs).all() or is_constant(targets, sample_weight):
            return float("nan")
        return float(r2_score(targets, _one_axis(outputs), sample_weight=sample_weight))

    def _has_score(self, samples: Samples) -> bool:
        return not is_constant(samples.targets, samples.sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _one_axis(outputs: Array) -> Array:
    """Return a single column as a vector."""
    return outputs.ravel() if outputs.shape[1] == 1 else outputs
