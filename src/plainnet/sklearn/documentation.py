"""The parameters and attributes of MLPClassifier and MLPRegressor, explained once for the two docstrings."""

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from plainnet.layers import NORMALIZATIONS
from plainnet.optimizers import OPTIMIZERS
from plainnet.sklearn.estimator import Estimator

if TYPE_CHECKING:
    from plainnet.sklearn.base import BaseMLP

SOLVERS = ", ".join(repr(name) for name in ("lbfgs", *OPTIMIZERS))
NAMES = ", ".join(map(repr, NORMALIZATIONS))
LAYERS = " or ".join(cls.name for cls in NORMALIZATIONS.values())

PARAMETERS = f"""
    hidden_layer_sizes : a number, or one for each hidden layer
        The units of the hidden layers.
    activation : a name, a function or an object, or a list with one for each hidden layer
        'identity', 'logistic', 'tanh', 'relu', and all of plainnet's: 'leaky_relu', 'elu', 'selu', 'gelu', 'silu', ...
    solver : {SOLVERS}, or an optimizer such as plainnet.AdamW(0.001)
        'lbfgs' uses all rows at once, through SciPy; the others a batch at a time. An object has its own learning rate
        and clipping: `learning_rate` and `learning_rate_init` are then not used, and `clip_norm` must be None.
    alpha : number ≥ 0
        The penalty alpha / (2 S) · Σw², with S the number of rows in the batch, or the sum of their weights. A
        plainnet layer's l2 is alpha / S: the smaller the batches, the stronger the same alpha.
    batch_size : 'auto' or a number
        Rows per step; 'auto' is min(200, rows). A number above that of the rows is lowered to it, with a warning.
        Not used by 'lbfgs'.
    learning_rate : 'constant', 'invscaling', 'adaptive', a schedule's name or object, or a function (epoch, epochs)
        The first three are scikit-learn's; 'invscaling' and 'adaptive' need solver 'sgd'. With t the rows seen,
        'invscaling' is learning_rate_init / (t + 1)^power_t from the second epoch on; 'adaptive' divides the rate by 5
        when training would stop, until it is 1e-6. A schedule's name, such as 'cosine', starts at
        `learning_rate_init`; an object such as plainnet.schedules.OneCycle(0.01) has its own rate.
        'reduce_on_plateau' lowers the rate by its factor when training would stop, until it is 1e-6.
    learning_rate_init : number > 0
        The learning rate η, or its first value.
    power_t : number ≥ 0
        The exponent of 'invscaling'.
    max_iter : number ≥ 1
        The most epochs, or iterations of 'lbfgs'. Reaching it gives a ConvergenceWarning.
    shuffle : bool
        Take the rows in a new order in each epoch.
    random_state : None, a number or a RandomState
        Decides the initial weights, the held-out rows, the order of the rows and the dropout masks. The same number
        gives scikit-learn's weights, held-out rows and order.
    tol : number ≥ 0
        The loss or score improves if it does so by more than `tol`. 'lbfgs' stops at a gradient of this size.
    verbose : bool
        Show the progress: on a terminal a bar (with rich, extra `cli`), otherwise one line per epoch.
    warm_start : bool
        `fit` starts at the weights of the last `fit`, with the same layers. Not used by `partial_fit`.
    momentum : number from 0 to 1
        The momentum μ of 'sgd'.
    nesterovs_momentum : bool
        Use Nesterov's momentum in 'sgd'.
    early_stopping : bool
        Stop by the score (accuracy, R²) on held-out rows instead of the training loss, and end with the weights of the
        best score. If `fit` is given validation rows, they are the ones held out. Not used by 'lbfgs'.
    validation_fraction : number from 0 to below 1
        The share of rows held out for `early_stopping`.
    beta_1, beta_2 : numbers from 0 to below 1
        The decay of the two running means of 'adam' and 'adamw'.
    epsilon : number > 0
        The ε of 'adam' and 'adamw'.
    n_iter_no_change : number ≥ 1, or infinity
        Training stops after more than this many epochs in a row without an improvement.
    max_fun : number ≥ 1
        The most evaluations of the loss by 'lbfgs'.
    dropout : number from 0 to below 1, or a list with one for each hidden layer
        The share of a hidden layer's outputs that each training step sets to 0.
    normalization : None, {NAMES}
        {LAYERS} between the weighted sums of each hidden layer
        and its activation.
    clip_norm : None or a number > 0
        A gradient with a larger norm is scaled down to this norm.
    n_jobs : None or a number
        The number of threads; -1 means all cores, -2 all but one, None leaves it to the engine.
    engine : 'auto', 'numpy' or 'compiled'
        What runs the epochs, or computes the loss and gradient of L-BFGS. 'auto' compiles a run that is long enough to
        gain, where llvmlite is installed; `network_.history.settings["engine"]` says which it was.""".strip()

ATTRIBUTES = """
    network_ : the trained plainnet Network, with `save`, `export`, `summary`, ...
    coefs_, intercepts_ : the weights (inputs, units) and biases (units,) of each layer, views into the network;
        assigning an array of the same shape to one of them writes it there.
    loss_ : the loss of the last epoch.
    loss_curve_ : the loss of each epoch, the mean over its batches, with penalties; not for 'lbfgs'.
    best_loss_ : the lowest loss of the last fit; None if early stopping goes by the score.
    validation_scores_, best_validation_score_ : the score of each epoch on held-out rows, and the best of the last
        fit; None without early stopping. R² is NaN if all targets are the same.
    validation_loss_curve_ : the loss of each epoch (iteration of 'lbfgs') on validation or held-out rows,
        without penalties; None without such rows.
    n_iter_ : the epochs, or iterations of 'lbfgs', of the last fit.
    t_ : the number of rows seen, over all epochs.
    n_layers_ : the number of layers, with the input and the output.
    n_outputs_ : the number of outputs of the network.
    out_activation_ : 'identity', 'exp', 'logistic' or 'softmax'.
    n_features_in_ : the number of columns of X.
    feature_names_in_ : the names of the columns, if X had names and all are strings.""".strip()

Class = TypeVar("Class", bound=type)


def documented(cls: Class, parameters: str = PARAMETERS, attributes: str = ATTRIBUTES) -> Class:
    """Put explanations that classes share into the docstring of `cls`."""
    if cls.__doc__:  # not under python -OO
        cls.__doc__ = cls.__doc__.replace("{parameters}", parameters).replace("{attributes}", attributes)
    return cls


def call_of(estimator: Estimator) -> str:
    """Return the call that makes the estimator, without defaults, such as "MLPClassifier(max_iter=20)"."""
    defaults = inspect.signature(type(estimator)).parameters
    given = {name: _plain(value) for name, value in estimator.get_params(deep=False).items()}
    said = [f"{name}={value!r}" for name, value in given.items() if repr(value) != repr(defaults[name].default)]
    return f"{type(estimator).__name__}({', '.join(said)})"


def _plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's own, so that one can type the call."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return list(map(_plain, value)) if isinstance(value, list) else value


def is_stochastic(estimator: "BaseMLP") -> bool:
    """Return True if the solver goes step by step; raise AttributeError otherwise, so that `partial_fit` is absent."""
    if isinstance(estimator.solver, str) and estimator.solver == "lbfgs":
        raise AttributeError("solver 'lbfgs' uses all rows at once; partial_fit needs another solver, such as 'adam'")
    return True
