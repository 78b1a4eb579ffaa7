"""The settings that a search varies, and within which bounds."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from plainnet.tabular.recipe import Recipe

if TYPE_CHECKING:
    import optuna

LARGE = (8, 16, 32, 64)
"""The sizes of the embeddings of numbers in the half of the trials that takes its time."""


def suggest(trial: optuna.trial.BaseTrial, recipe: Recipe, *, classes: bool, numbers: bool, categories: bool) -> Recipe:
    """Return the recipe with the settings that a trial takes.

    The space is that of RealMLP in TabArena (Erickson et al. 2025), without what a table has no use for: smoothing of
    labels where there are no `classes`, embeddings of `numbers` and of `categories` where there are none.
    """
    layers = trial.suggest_int("layers", 2, 4)
    width = trial.suggest_categorical("width", [256, 384, 512])
    found: dict[str, Any] = {
        "hidden": (width,) * layers,
        "activation": trial.suggest_categorical("activation", ["mish", "selu"]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "scale_rate": trial.suggest_float("scale_rate", 2, 10, log=True),
        "first_rate": trial.suggest_float("first_rate", 0.3, 1.5, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 0.001, 0.05, log=True),
    }
    if recipe.optimizer in ("adam", "adamw"):
        found["beta2"] = 1 - trial.suggest_float("one_minus_beta2", 0.005, 0.05, log=True)
    large = trial.suggest_categorical("large", [False, True])
    if large:
        found |= {"epochs": trial.suggest_categorical("epochs", [256, 512])}
    if classes:
        smooth = trial.suggest_categorical("smooth", [False, True])
        found["label_smoothing"] = trial.suggest_float("label_smoothing", 0.005, 0.1, log=True) if smooth else 0.0
    if numbers:
        found["frequency"] = trial.suggest_float("frequency", 0.01, 50, log=True)
        found["embedding_rate"] = trial.suggest_float("embedding_rate", 0.05, 0.3, log=True)
        if large:
            found["frequencies"] = trial.suggest_categorical("frequencies", LARGE)
            found["number_width"] = trial.suggest_categorical("number_width", LARGE)
    if categories:
        found["largest_one_hot"] = trial.suggest_int("largest_one_hot", 3, 32, log=True)
        found["embedding_width"] = trial.suggest_categorical("embedding_width", [4, 8, 16])
    return recipe.varied(**found)


def of_recipe(recipe: Recipe, **has: bool) -> dict[str, Any]:
    """Return the settings of a recipe as a trial's parameters; none if one of them lies outside the space.

    `has` are the arguments of `suggest`.
    """
    import optuna

    found = {
        "layers": len(recipe.hidden),
        "width": recipe.hidden[0] if recipe.hidden else 0,
        "activation": recipe.activation,
        "dropout": recipe.dropout,
        "one_minus_beta2": round(1 - (recipe.beta2 or 0.999), 12),  # 0.05, the bound, and not a little more
        "scale_rate": recipe.scale_rate,
        "first_rate": recipe.first_rate,
        "learning_rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "large": False,
        "smooth": recipe.label_smoothing > 0,
        "label_smoothing": recipe.label_smoothing,
        "frequency": recipe.frequency,
        "embedding_rate": recipe.embedding_rate,
        "largest_one_hot": recipe.largest_one_hot,
        "embedding_width": recipe.embedding_width,
    }
    given = {name: value for name, value in found.items() if value is not None}
    try:
        with warnings.catch_warnings(action="error"):  # Optuna refuses some values and warns of others
            suggest(optuna.trial.FixedTrial(given), recipe, **has)
    except (ValueError, UserWarning):
        return {}
    return given
