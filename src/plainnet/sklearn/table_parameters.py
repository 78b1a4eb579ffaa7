"""The parameters of TableClassifier and TableRegressor: the values that each takes, and what it does."""

from numbers import Integral, Real
from typing import Any, TypeVar

from sklearn.utils._param_validation import Interval, Options, StrOptions  # type: ignore[import-untyped]

from plainnet.activations import ACTIVATIONS
from plainnet.sklearn.documentation import documented
from plainnet.tabular.recipe import RECIPES, Recipe

_WHOLE = Interval(Integral, 1, None, closed="left")
_FROM_ZERO = Interval(Integral, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")

OF_THE_RECIPE = (
    *("hidden", "activation", "dropout", "learning_rate", "weight_decay"),
    *("epochs", "batch_size", "early_stopping"),
)
"""The settings of a recipe that are parameters of their own."""

SHARED: dict[str, list[Any]] = {
    "recipe": [StrOptions(set(RECIPES)), Recipe],
    "hidden": [_WHOLE, "array-like", None],
    "activation": [StrOptions(set(ACTIVATIONS)), None],
    "dropout": [_SHARE, None],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
    "weight_decay": [Interval(Real, 0, None, closed="left"), None],
    "epochs": [_WHOLE, None],
    "batch_size": [_FROM_ZERO, None],
    "early_stopping": [_FROM_ZERO, None],
    "ensemble": [_WHOLE],
    "folds": [Options(Integral, {0}), Interval(Integral, 2, None, closed="left")],
    "validation_fraction": [_SHARE],
    "time_limit": [Interval(Real, 0, None, closed="neither"), None],
    "columns": [dict, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "n_jobs": [Integral, None],
    "engine": [str],
}
"""scikit-learn checks them at `fit` and raises its InvalidParameterError."""

PARAMETERS = f"""
    recipe : {", ".join(map(repr, RECIPES))}, or a plainnet.tabular.Recipe
        How columns are encoded, and how the network is built and trained. Any of its settings can be varied:
        recipe=RECIPES["realmlp"].varied(number_embedding="none"). The next eight are the commonest ones, with None
        for what the recipe says.
    hidden : None, a number, or one for each hidden layer
        The units of the hidden layers.
    activation : None, or the name of an activation of plainnet
        The activation of the hidden layers.
    dropout : None, or a number from 0 to below 1
        The share of a hidden layer's outputs that each training step sets to 0.
    learning_rate : None, or a number > 0
        The learning rate, or the largest one of a schedule.
    weight_decay : None, or a number ≥ 0
        The share of each weight, times the learning rate, that a step takes off.
    epochs : None, or a number ≥ 1
        The most passes over the training rows.
    batch_size : None, or a number ≥ 0
        Rows per step; 0 takes all at once.
    early_stopping : None, or a number ≥ 0
        Epochs without improvement to stop after; 0 trains all epochs. The best epoch is kept in any case.
    ensemble : number ≥ 1
        So many networks, each of which holds out other rows, become one network, whose output is the mean of theirs.
    folds : 0, or a number ≥ 2
        The same with a network for each fold: every row is held out once. It takes the place of `ensemble`.
    validation_fraction : number from 0 to below 1
        The share of the rows that is held out of the training and chooses the best epoch; 0 for none. With classes,
        each gives its share.
    time_limit : None, or a number of seconds
        The time for `fit`: there are fewer epochs where all of them would take longer.
    columns : None, or a dict of columns and their kinds
        What a column is, whatever its values show: 'number', 'category', 'date', 'boolean', or 'ignore' for one to
        leave out: columns={{"zip": "category"}}. Those of an array go by their numbers: columns={{0: "category"}}.
    random_state : None, a number or a RandomState
        Decides the initial weights, the rows that are held out, the order of the rows and the dropout masks.
    verbose : bool
        Show a progress bar on a terminal.
    n_jobs : None or a number
        The number of threads; -1 means all cores, -2 all but one, None leaves it to the engine.
    engine : 'auto', 'numpy' or 'compiled'
        What runs the epochs; see plainnet.engines.""".strip()

ATTRIBUTES = """
    network_ : the trained plainnet Network, with `save`, `export`, `summary`, ...; it knows its table, so that
        network_.predict_labels(frame) and plainnet.load(file).predict_labels(frame) take rows as `predict` does.
    table_ : the plainnet.tabular.Table: what was learned of each column and of the target.
    history_ : the record of the training, of several networks that of the first.
    n_features_in_ : the number of columns of X.
    feature_names_in_ : the names of the columns, if X had names and all are strings.""".strip()

Class = TypeVar("Class", bound=type)


def documented_table(cls: Class) -> Class:
    """Put the explanations into the docstring of `cls`."""
    return documented(cls, PARAMETERS, ATTRIBUTES)
