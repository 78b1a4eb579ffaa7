"""The parameters and attributes that both estimators have, explained once for both docstrings."""

import inspect
from typing import Any, TypeVar

import numpy as np

PARAMETERS = """
    hidden_layer_sizes : a number, or one for each hidden layer
        The units of the hidden layers.
    activation : a name, a function or an object, or a list with one for each hidden layer
        'identity', 'logistic', 'tanh', 'relu', and all of plainnet's: 'leaky_relu', 'elu', 'selu', 'gelu', 'silu', ...
    solver : 'adam', 'sgd', 'lbfgs', 'adamw', 'rmsprop', 'adagrad', or an optimizer such as plainnet.AdamW(0.001)
        'lbfgs' takes all examples at once, through SciPy; the others a batch at a time. An object brings its own
        learning rate and clipping: `learning_rate` and `learning_rate_init` are then not used, `clip_norm` is refused.
    alpha : number ≥ 0
        The penalty alpha / (2 S) · Σw², with S the examples of the batch (their weights' sum, where there are
        weights). In plainnet's terms l2 = alpha / S: the smaller the batches, the more the same alpha weighs.
    batch_size : 'auto' or a number
        Examples a step; 'auto' is min(200, examples). A larger number than there are examples is clipped with a
        warning. Not used by 'lbfgs'.
    learning_rate : 'constant', 'invscaling', 'adaptive', a schedule's name or object, or a function (epoch, epochs)
        The first three as in scikit-learn; the latter two of them need solver 'sgd'. With t the examples seen,
        'invscaling' is learning_rate_init / (t + 1)^power_t from the second epoch on; 'adaptive' divides the rate by 5
        where training would stop, until it is 1e-6. A schedule's name, such as 'cosine', starts from
        `learning_rate_init`; an object such as plainnet.schedules.OneCycle(0.01) brings its own rate.
        'reduce_on_plateau' lowers the rate by its factor where training would stop, too, until it is 1e-6.
    learning_rate_init : number > 0
        The learning rate η, or what it begins with.
    power_t : number ≥ 0
        The exponent of 'invscaling'.
    max_iter : number ≥ 1
        Epochs at most; of 'lbfgs', iterations. Reaching it gives a ConvergenceWarning.
    shuffle : bool
        A new order of the examples each epoch.
    random_state : None, a number or a RandomState
        Initial weights, held-out rows, order and dropout masks. The same number gives scikit-learn's own weights
        and order.
    tol : number ≥ 0
        An improvement is one by more than `tol`. Of 'lbfgs', the size of the gradient to stop at.
    verbose : bool
        The progress on a terminal, a bar where rich is installed (extra `cli`); otherwise a line an epoch.
    warm_start : bool
        `fit` goes on from the weights of the one before; the layers stay as they are. Not used by `partial_fit`.
    momentum : number from 0 to 1
        μ of 'sgd'.
    nesterovs_momentum : bool
        Nesterov's step for 'sgd'.
    early_stopping : bool
        Stop by the score on held-out rows (accuracy, R²) in place of the training loss, and go back to the weights
        of the best score. The rows are those that `fit` is given for validation, where it is. Not used by 'lbfgs'.
    validation_fraction : number from 0 to below 1
        The share of rows held out for `early_stopping`.
    beta_1, beta_2 : numbers from 0 to below 1
        Decay of the two moments of 'adam' and 'adamw'.
    epsilon : number > 0
        ε of 'adam' and 'adamw'.
    n_iter_no_change : number ≥ 1, or infinity
        Training stops after more than this many epochs in a row without an improvement.
    max_fun : number ≥ 1
        Evaluations of the loss at most, for 'lbfgs'.
    dropout : number from 0 to below 1, or a list with one for each hidden layer
        The share of a hidden layer's outputs that each step leaves out.
    normalization : None, 'batch' or 'layer'
        BatchNorm or LayerNorm between the weighted sums of a hidden layer and its activation.
    clip_norm : None or a number > 0
        A gradient whose norm is above it is shortened to it.
    n_jobs : None or a number
        Threads; -1 is all cores, -2 all but one, None leaves the number to the engine.
    engine : 'auto', 'numpy' or 'compiled'
        What runs the epochs. scikit-learn's objective, whose penalty depends on the batch, has no compiled form: it
        is the NumPy engine, whatever is asked for.""".strip()

ATTRIBUTES = """
    network_ : the trained plainnet Network, with `save`, `export`, `summary`, ...
    coefs_, intercepts_ : the weights (inputs, units) and biases (units,) of each layer, views into the network;
        assigning an array of the same shape to one of them writes it there.
    loss_ : the loss of the last epoch.
    loss_curve_ : the loss of each epoch, the mean of its batches', penalties included; not for 'lbfgs'.
    best_loss_ : the lowest of the last fit; None where early stopping goes by the score.
    validation_scores_, best_validation_score_ : the score of each epoch on held-out rows, and the best of the last
        fit; None without early stopping. R² of targets that are all the same is no number (NaN).
    validation_loss_curve_ : the loss of each epoch (iteration of 'lbfgs') on validation or held-out rows,
        without penalties; None without such rows.
    n_iter_ : the epochs, or iterations of 'lbfgs', of the last fit.
    t_ : the examples seen, over all epochs.
    n_layers_ : layers, input and output among them.
    n_outputs_ : outputs of the network.
    out_activation_ : 'identity', 'exp', 'logistic' or 'softmax'.
    n_features_in_ : columns of X.
    feature_names_in_ : their names, where X had names that are all strings.""".strip()

Class = TypeVar("Class", bound=type)


def documented(cls: Class) -> Class:
    """Put the shared explanations into the docstring of `cls`."""
    if cls.__doc__:  # not under python -OO
        cls.__doc__ = cls.__doc__.replace("{parameters}", PARAMETERS).replace("{attributes}", ATTRIBUTES)
    return cls


def call_of(estimator: Any) -> str:
    """The call that makes the estimator, with what is not a default: MLPClassifier(max_iter=20)."""
    defaults = inspect.signature(type(estimator)).parameters
    given = {name: _plain(value) for name, value in estimator.get_params(deep=False).items()}
    said = [f"{name}={value!r}" for name, value in given.items() if repr(value) != repr(defaults[name].default)]
    return f"{type(estimator).__name__}({', '.join(said)})"


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's own, so that the call can be typed."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return list(map(_plain, value)) if isinstance(value, list) else value


def is_stochastic(estimator: Any) -> bool:
    """Whether the solver goes step by step, which `partial_fit` needs."""
    if isinstance(estimator.solver, str) and estimator.solver == "lbfgs":
        raise AttributeError(
            "solver 'lbfgs' takes all examples at once; partial_fit needs another solver, such as 'adam'"
        )
    return True
