"""The network of a recipe for a table, its loss, its optimizer and the rule by which its best epoch is kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet import optimizers
from plainnet._base.arrays import Array
from plainnet.layers import Dense, Layer, hidden_block
from plainnet.losses import LOSSES, CrossEntropy, Loss
from plainnet.network import Network
from plainnet.optimizers import Optimizer
from plainnet.tabular.recipe import FROM_DATA, Recipe
from plainnet.tabular.targets import Task
from plainnet.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from plainnet.tabular.table import Table

METRICS: dict[Task, str] = {"classification": "accuracy", "regression": "rmse"}
"""The metric by whose best value an epoch is kept, where the recipe monitors the error."""


def loss_of(recipe: Recipe, loss: str) -> Loss:
    """Return the loss of a network's training, with the recipe's label smoothing where it has labels."""
    if loss == CrossEntropy.name:
        return CrossEntropy()
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
    seed: int | None = None,
    dtype: str = "float32",
) -> Network:
    """Return the network of a recipe for a table's features X and targets y of the training rows.

    The output suits the loss: softmax over the classes, one sigmoid unit for binary cross-entropy, an exponential for
    Poisson, which starts at the mean count, otherwise a plain sum.
    """
    recipe = recipe.for_task(table.task)
    settings: dict[str, Any] = {
        "initializer": "auto" if recipe.initializer == FROM_DATA else recipe.initializer,
        "l1": recipe.l1,
        "l2": recipe.l2,
    }
    layers: list[Layer] = []
    for units in recipe.hidden:
        layers += _hidden(units, recipe, settings)
    output = output_of(loss)
    last = Dense(len(table.classes) if output == "softmax" else 1, output, **settings)
    net = Network(*layers, last, input_size=X.shape[1], seed=seed, dtype=dtype)
    if output == "exponential":
        mean = float(np.average(y, weights=sample_weight, axis=0)[0])
        last.bias = np.log(max(mean, 1e-3)) * np.ones(1)
    net.table = table.to_dict()
    return net


def _hidden(units: int, recipe: Recipe, settings: dict[str, Any]) -> list[Layer]:
    normalization = None if recipe.normalization == "none" else recipe.normalization
    activation = recipe.activation or "relu"
    return hidden_block(units, activation, normalization=normalization, dropout=recipe.dropout, **settings)


def optimizer_for(net: Network, recipe: Recipe, task: Task) -> Optimizer:
    """Return the recipe's optimizer for a network, with the rate and the decay of each group of its parameters."""
    recipe = recipe.for_task(task)
    names = ("beta2", "momentum", "clip_norm")
    given = {name: value for name in names if (value := getattr(recipe, name)) is not None}
    if recipe.nesterov:
        given["nesterov"] = True
    if recipe.weight_decay is not None:
        given["weight_decay"] = recipe.weight_decay
    if recipe.learning_rate is not None:
        given["learning_rate"] = recipe.learning_rate
    made = optimizers.resolve({"name": recipe.optimizer, **given})
    if recipe.schedule == "constant":
        return made
    given["learning_rate"] = {"name": recipe.schedule, "learning_rate": made.learning_rate}
    return optimizers.resolve({"name": recipe.optimizer, **given})


def early_stopping_for(recipe: Recipe, task: Task) -> EarlyStopping | None:
    """Return the rule by which the recipe keeps the best epoch, and perhaps stops before the last."""
    return EarlyStopping(recipe.early_stopping, recipe.minimum_improvement) if recipe.early_stopping else None


def batch_size_for(recipe: Recipe, rows: int) -> int | None:
    """Return the rows per step; None for all at once.

    Even batches avoid a short last one, which would move the parameters as far as the others do, on the word of a few
    rows.
    """
    size = min(recipe.batch_size, rows)
    if not size:
        return None
    return math.ceil(rows / round(rows / size)) if recipe.even_batches else size
