"""The values that each parameter takes; scikit-learn checks them at `fit` and raises its InvalidParameterError."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions  # type: ignore[import-untyped]

from plainnet import activations, engines, optimizers, schedules
from plainnet._base import checks
from plainnet.activations import ActivationFunction
from plainnet.errors import InvalidValue
from plainnet.layers import NORMALIZATIONS
from plainnet.sklearn import architecture
from plainnet.sklearn.architecture import PLAINNET_NAMES
from plainnet.sklearn.optimizers import MODES
from plainnet.sklearn.parameters import Parameters

_WHOLE = Interval(Integral, 1, None, closed="left")
_ABOVE_ZERO = Interval(Real, 0, None, closed="neither")
_AT_LEAST_ZERO = Interval(Real, 0, None, closed="left")
_BELOW_ONE = Interval(Real, 0, 1, closed="left")
_ACTIVATION_NAMES = set(activations.ACTIVATIONS) | set(PLAINNET_NAMES) - {"exp"}

SHARED: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _WHOLE],
    "activation": [StrOptions(_ACTIVATION_NAMES), "array-like", callable, ActivationFunction],
    "solver": [StrOptions({"lbfgs", *optimizers.OPTIMIZERS}), optimizers.Optimizer],
    "alpha": [_AT_LEAST_ZERO],
    "batch_size": [StrOptions({"auto"}), _WHOLE],
    "learning_rate": [StrOptions({*MODES, *schedules.SCHEDULES}), schedules.Schedule, callable],
    "learning_rate_init": [_ABOVE_ZERO],
    "power_t": [_AT_LEAST_ZERO],
    "max_iter": [_WHOLE],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_AT_LEAST_ZERO],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_BELOW_ONE],
    "beta_1": [_BELOW_ONE],
    "beta_2": [_BELOW_ONE],
    "epsilon": [_ABOVE_ZERO],
    "n_iter_no_change": [_WHOLE, Options(Real, {np.inf})],
    "max_fun": [_WHOLE],
    "dropout": [_BELOW_ONE, "array-like"],
    "normalization": [StrOptions(set(NORMALIZATIONS)), None],
    "clip_norm": [_ABOVE_ZERO, None],
    "n_jobs": [Integral, None],
    "engine": [str],
}


def check_combination(parameters: Parameters) -> None:
    """Raise InvalidValue for values that are valid alone and not together."""
    sizes = architecture.hidden_sizes(parameters.hidden_layer_sizes)
    checks.one_of("engine", parameters.engine, ["auto", *engines.ENGINES])
    if isinstance(parameters.solver, optimizers.Optimizer) and parameters.clip_norm is not None:
        raise InvalidValue(
            f"clip_norm is {parameters.clip_norm} and solver an optimizer object, which brings its own; "
            f"give it there: plainnet.{type(parameters.solver).__name__}(clip_norm={parameters.clip_norm})"
        )
    if isinstance(parameters.solver, str) and parameters.solver == "lbfgs":
        if any(architecture.dropout_rates(parameters.dropout, len(sizes))) or parameters.normalization == "batch":
            raise InvalidValue(
                "solver 'lbfgs' needs the same objective at every evaluation, and dropout and batch normalization "
                "change it from step to step; take another solver, dropout=0 or normalization='layer'"
            )
        if parameters.clip_norm is not None:
            raise InvalidValue("solver 'lbfgs' does not clip gradients; take another solver or clip_norm=None")
