"""The network of a recipe for a table, its loss, its optimizer and the rule by which its best epoch is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import optimizers
from plainnet._base.arrays import Array
from plainnet.layers import (
    Dense,
    Dropout,
    Embedding,
    Layer,
    ParametricActivation,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
    Scale,
    hidden_block,
    quantile_edges,
)
from plainnet.losses import LOSSES, CrossEntropy, Loss
from plainnet.network import Network
from plainnet.network.initialization import initialize_from_data
from plainnet.optimizers import Optimizer
from plainnet.schedules import Schedule
from plainnet.schedules import resolve as schedule_of
from plainnet.tabular.recipe import FROM_DATA, Recipe
from plainnet.tabular.targets import Task
from plainnet.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from plainnet.tabular.table import Table

BIAS_RATE, ALPHA_RATE = 0.1, 0.1
"""The learning rates of biases and of the shares of activations, as multiples of the recipe's rate."""
METRICS: dict[Task, str] = {"classification": "accuracy", "regression": "rmse"}
"""The metric by whose best value an epoch is kept, where the recipe monitors the error."""


def loss_of(recipe: Recipe, loss: str) -> Loss:
    """Return the loss of a network's training, with the recipe's label smoothing where it has labels."""
    if loss == CrossEntropy.name:
        return CrossEntropy(label_smoothing=recipe.label_smoothing)
    return LOSSES[loss]()


def output_of(loss: str) -> str:
    """Return the output activation that a loss expects."""
    return (*LOSSES[loss].suits, "identity")[0]


def network_for(
    table: Table,
    recipe: Recipe,
    loss: str,
    X: Array,
    y: Array,
    sample_weight: Array | None = None,
    *,
    all_rows: Array | None = None,
    seed: int | None = None,
    dtype: str = "float32",
) -> Network:
    """Return the network of a recipe for a table's features X and targets y of the training rows.

    Networks that are trained together have one shape: the bins of a piecewise linear embedding are then those of the
    features of `all_rows`.

    The output suits the loss: softmax over the classes, one sigmoid unit for binary cross-entropy, an exponential for
    Poisson, which starts at the mean count, otherwise a plain sum.
    """
    recipe = recipe.for_task(table.task)
    settings: dict[str, Any] = {
        "initializer": "auto" if recipe.initializer == FROM_DATA else recipe.initializer,
        "l1": recipe.l1,
        "l2": recipe.l2,
    }
    layers = _embeddings(table, recipe, X if all_rows is None else all_rows)
    if recipe.scaling:
        layers.append(Scale())
    for units in recipe.hidden:
        layers += _hidden(units, recipe, settings)
    output = output_of(loss)
    last = Dense(len(table.classes) if output == "softmax" else 1, output, **settings)
    net = Network(*layers, last, input_size=X.shape[1], seed=seed, dtype=dtype)
    if recipe.initializer == FROM_DATA:
        initialize_from_data(net, X, seed=net.seed)
    if output == "exponential":
        mean = float(np.average(y, weights=sample_weight, axis=0)[0])
        last.bias = np.log(max(mean, 1e-3)) * np.ones(1)
    net.table = table.to_dict()
    return net


def _embeddings(table: Table, recipe: Recipe, X: Array) -> list[Layer]:
    """Return the layers before the hidden ones: category codes first, as they stand last among the features."""
    numbers, categories = table.groups.numbers, table.groups.categories
    layers: list[Layer] = [Embedding(categories, recipe.embedding_width)] if categories else []
    if recipe.number_embedding == "none" or not numbers:
        return layers
    if recipe.number_embedding == "piecewise_linear":
        return [*layers, PiecewiseLinearEmbedding(quantile_edges(X[:, :numbers]))]
    sizes = recipe.frequencies, recipe.number_width
    return [*layers, PeriodicEmbedding(numbers, *sizes, deviation=recipe.frequency)]


def _hidden(units: int, recipe: Recipe, settings: dict[str, Any]) -> list[Layer]:
    rate = scheduled(recipe.dropout, recipe.dropout_schedule)
    normalization = None if recipe.normalization == "none" else recipe.normalization
    if not recipe.parametric:
        return hidden_block(units, recipe.activation, normalization=normalization, dropout=rate, **settings)
    block = hidden_block(units, "identity", normalization=normalization, **settings)[:2]  # without the identity
    return [*block, ParametricActivation(recipe.activation), *([Dropout(rate)] if recipe.dropout else [])]


def scheduled(number: float, schedule: str) -> float | Schedule:
    """Return a number as it is, or with the schedule of that name for the run."""
    return number if schedule == "constant" or not number else schedule_of({"name": schedule, "learning_rate": number})


def optimizer_for(net: Network, recipe: Recipe, task: Task) -> Optimizer:
    """Return the recipe's optimizer for a network, with the rate and the decay of each group of its parameters."""
    recipe = recipe.for_task(task)
    names = ("beta2", "momentum", "clip_norm")
    given = {name: value for name in names if (value := getattr(recipe, name)) is not None}
    if recipe.nesterov:
        given["nesterov"] = True
    if recipe.weight_decay is not None:
        given["weight_decay"] = scheduled(recipe.weight_decay, recipe.decay_schedule)
    if recipe.learning_rate is not None:
        given["learning_rate"] = recipe.learning_rate
    if recipe.unit_rates:
        given["rate_factors"], given["decay_factors"] = _factors(net, recipe)
    made = optimizers.resolve({"name": recipe.optimizer, **given})
    if recipe.schedule == "constant":
        return made
    given["learning_rate"] = {"name": recipe.schedule, "learning_rate": made.learning_rate}
    return optimizers.resolve({"name": recipe.optimizer, **given})


def _factors(net: Network, recipe: Recipe) -> tuple[dict[str, float], dict[str, float]]:
    """Return the factors of the learning rate and of the weight decay by the names of parameters.

    As in the authors' program, the decay of a group is multiplied by the square of its rate; weights of hidden layers,
    whose rate is that of another way to write them, keep theirs, and biases are not decayed.
    """
    rates: dict[str, float] = {}
    decays: dict[str, float] = {}
    first = True
    for i, layer in enumerate(net.layers):
        if isinstance(layer, Dense):
            rates[f"layers[{i}].weights"] = (recipe.first_rate if first else 1.0) / math.sqrt(len(layer.weights))
            rates[f"layers[{i}].bias"], decays[f"layers[{i}].bias"] = BIAS_RATE, 0.0
            first = False
        elif isinstance(layer, PeriodicEmbedding | PiecewiseLinearEmbedding | Scale | ParametricActivation):
            rate = _RATES[type(layer)](recipe)
            for name in layer.parameter_shapes((net.input_size or 0,)):
                rates[f"layers[{i}].{name}"], decays[f"layers[{i}].{name}"] = rate, rate**2
    return rates, decays


_RATES: dict[type[Layer], Callable[[Recipe], float]] = {
    Scale: lambda recipe: recipe.scale_rate,
    ParametricActivation: lambda recipe: ALPHA_RATE,
    PeriodicEmbedding: lambda recipe: recipe.embedding_rate,
    PiecewiseLinearEmbedding: lambda recipe: recipe.embedding_rate,
}
"""The learning rate of every parameter of a layer, as a multiple of the recipe's rate."""


def early_stopping_for(recipe: Recipe, task: Task) -> EarlyStopping:
    """Return the rule by which the recipe keeps the best epoch, and perhaps stops before the last."""
    monitor = METRICS[task] if recipe.monitor == "error" else "loss"
    patience = recipe.early_stopping or None
    return EarlyStopping(patience, recipe.minimum_improvement, monitor=monitor, last=recipe.monitor == "error")


def batch_size_for(recipe: Recipe, rows: int) -> int | None:
    """Return the rows per step; None for all at once.

    Even batches avoid a short last one, which would move the parameters as far as the others do, on the word of a few
    rows.
    """
    size = min(recipe.batch_size, rows)
    if not size:
        return None
    return math.ceil(rows / round(rows / size)) if recipe.even_batches else size
