"""The types of the constructor arguments that both estimators have."""

from collections.abc import Callable
from typing import Any

from plainnet.optimizers import Optimizer
from plainnet.schedules import Schedule


class Parameters:
    """The constructor arguments, which scikit-learn keeps under their own names and checks at `fit`."""

    hidden_layer_sizes: Any
    activation: Any
    solver: str | Optimizer
    alpha: float
    batch_size: int | str
    learning_rate: str | Schedule | Callable[[float, int], float]
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    dropout: Any
    normalization: str | None
    clip_norm: float | None
    n_jobs: int | None
    engine: str
