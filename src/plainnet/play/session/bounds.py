"""The tables here say what the signatures of parts do not tell: bounds, kinds and help, and the options of a run.

An argument that is not in these tables gets the kind of its default and the help of its docstring.
"""

from __future__ import annotations

from typing import Any

from plainnet import datasets
from plainnet.engines import ENGINES
from plainnet.initializers import INITIALIZERS
from plainnet.metrics import METRICS
from plainnet.training.stopping import LOSS

MOST_UNITS, MOST_UNITS_OF_TABLES = 64, 256
MOST_EPOCHS = 10_000_000
MOST_SEED = 2**53
"""The largest whole number that JavaScript holds exactly."""

Argument = dict[str, Any]

_SHARE = {"kind": "number", "least": 0, "below": 1}
_POSITIVE = {"kind": "number", "above": 0, "log": True}
BOUNDS: dict[str, Argument] = {
    # ---- layers ----
    "units": {"kind": "whole", "least": 1, "most": MOST_UNITS_OF_TABLES, "default": 4},
    "activation": {"kind": "choice", "of": "activations", "default": "tanh"},
    "initializer": {"kind": "choice", "of": ["auto", *INITIALIZERS]},
    "l1": {"kind": "number", "least": 0, "most": 10, "log": True},
    "l2": {"kind": "number", "least": 0, "most": 10, "log": True},
    "rate": {"kind": "rate", "least": 0, "below": 1},
    "columns": {"kind": "whole", "least": 1, "most": 1_000, "optional": True, "default": None},
    "frequencies": {"kind": "whole", "least": 1, "most": 64},
    "width": {"kind": "whole", "least": 1, "most": 64},
    "PeriodicEmbedding.width": {"kind": "whole", "least": 2, "most": 64},
    "deviation": {**_POSITIVE, "most": 100},
    "edges": {"kind": "text", "optional": True, "default": None},
    "categories": {"kind": "text", "optional": True, "default": None},
    "branches": {"kind": "text", "default": [[{"name": "Dense", "units": 4, "activation": "tanh"}]] * 2},
    # ---- activations, losses, initializers ----
    "slope": {"kind": "number", "least": 0, "most": 1},
    "alpha": {**_POSITIVE, "most": 10},
    "delta": {**_POSITIVE, "most": 100},
    "label_smoothing": _SHARE,
    "standard_deviation": {**_POSITIVE, "most": 10},
    "limit": {**_POSITIVE, "most": 10},
    # ---- optimizers and schedules ----
    "learning_rate": {"kind": "rate", "above": 0, "most": 10, "log": True, "default": 0.01},
    "weight_decay": {"kind": "rate", "least": 0, "most": 10, "log": True},
    "momentum": _SHARE,
    "BatchNorm.momentum": {"kind": "number", "least": 0, "most": 1},
    "decay": _SHARE,
    "beta1": _SHARE,
    "beta2": _SHARE,
    "epsilon": {**_POSITIVE, "most": 1},
    "clip_norm": {**_POSITIVE, "most": 100, "optional": True},
    "rate_factors": {"kind": "text", "optional": True},
    "decay_factors": {"kind": "text", "optional": True},
    "every": {"kind": "whole", "least": 1, "most": MOST_EPOCHS},
    "factor": {**_POSITIVE, "most": 1},
    "reduce_on_plateau.factor": {**_POSITIVE, "below": 1},
    "minimum": {"kind": "number", "least": 0, "most": 10, "log": True},
    "cycles": {"kind": "whole", "least": 1, "most": 16},
    "flat": _SHARE,
    "warmup": {**_POSITIVE, "most": MOST_EPOCHS},
    "one_cycle.warmup": {"kind": "number", "above": 0, "below": 1},
    "start": {"kind": "number", "least": 0, "most": 1},
    "start_divisor": {"kind": "number", "least": 1, "most": 1e6, "log": True},
    "end_divisor": {"kind": "number", "least": 1, "most": 1e6, "log": True},
    "threshold": _SHARE,
    "patience": {"kind": "whole", "least": 0, "most": 1_000_000},
    "EarlyStopping.patience": {"kind": "whole", "least": 1, "most": 1_000_000, "optional": True},
    "minimum_improvement": {"kind": "number", "least": 0, "most": 1, "log": True},
    "monitor": {"kind": "choice", "of": [LOSS, *METRICS]},
    # ---- data sets ----
    "rows": {"kind": "whole", "least": 1, "most": 5_000},
    "noise": {"kind": "number", "least": 0, "most": 2},
    "classes": {"kind": "whole", "least": 2, "most": 10},
    "features": {"kind": "whole", "least": 2, "most": 20},
    "turns": {"kind": "number", "above": 0, "most": 5},
    "separation": {"kind": "number", "least": 0, "most": 20},
    "gates.name": {"kind": "choice", "of": list(datasets.GATES)},
}
"""The catalogue says this of an argument, by its name, or by that of its part and its own where the two differ."""

HELP = {
    "units": "The number of outputs.",
    "activation": "The function that bends the weighted sums.",
    "bias": "A number that is added to each weighted sum, and learned.",
    "initializer": "Where the weights start; auto suits the activation.",
    "l1": "The penalty l1 · Σ|w|, which is part of the loss and makes weights zero.",
    "l2": "The penalty l2/2 · Σw², which is part of the loss and keeps weights small.",
    "rate": "The share of the inputs that are set to zero in each training step.",
    "columns": "The number of inputs, from the first on, that are embedded; all numbers where it is empty.",
    "categories": "The number of categories of each of the last inputs, as a list; empty takes those of the data.",
    "edges": "Two or more growing numbers for each input, as a list of lists; empty takes quantiles of the data.",
    "branches": "A list of lists of layers.",
    "momentum": "The share of the velocity that a step keeps.",
    "BatchNorm.momentum": "The share of each new batch in the running mean and variance.",
    "nesterov": "The step looks ahead along the velocity.",
    "decay": "The share of the mean square that a step keeps.",
    "beta1": "The share of the mean gradient that a step keeps.",
    "beta2": "The share of the mean squared gradient that a step keeps.",
    "epsilon": "A small number that keeps a divisor from 0.",
    "learning_rate": "The size of a step along the gradient, or a schedule of it.",
    "weight_decay": "The share of each parameter that a step takes away, or a schedule of it.",
    "clip_norm": "The largest norm of the gradient; a longer one is shortened to it.",
    "rate_factors": 'What the learning rate of parameters is multiplied by: {"bias": 0.1}.',
    "decay_factors": 'What the weight decay of parameters is multiplied by: {"bias": 0}.',
    "every": "The epochs from one drop to the next.",
    "factor": "What the rate is multiplied by.",
    "minimum": "The lowest rate.",
    "cycles": "The number of waves, each twice as long as the one before.",
    "flat": "The share of the run over which the rate stays as it is.",
    "warmup": "The epochs over which the rate rises.",
    "one_cycle.warmup": "The share of the run over which the rate rises.",
    "start": "The share of the rate that the first epoch has.",
    "start_divisor": "The rate begins at its peak divided by this.",
    "end_divisor": "The rate ends at its beginning divided by this.",
    "patience": "The reports without improvement to wait for.",
    "EarlyStopping.patience": "The epochs without improvement to wait for; empty lets all epochs run.",
    "threshold": "The share by which the loss has to fall to count as an improvement.",
    "minimum_improvement": "What counts as an improvement has to be larger than this.",
    "monitor": "The number that is watched: the loss (of the validation examples, if any) or a metric.",
    "last": "Of epochs that are equally good the last one is kept.",
    "slope": "The slope for z below 0.",
    "alpha": "What the function comes to, with a minus sign, far below 0.",
    "delta": "The error up to which the loss is squared, in the unit of the target.",
    "label_smoothing": "The share of each target that is spread evenly over all classes.",
    "standard_deviation": "The deviation of the normal distribution.",
    "limit": "The largest size of a weight.",
    "rows": "The number of examples.",
    "noise": "The deviation of the normal noise.",
    "classes": "The number of classes.",
    "features": "The number of columns; those after the second tell nothing about the class.",
    "turns": "How often an arm goes round.",
    "separation": "The distance between neighbouring centres.",
    "constant": "A third column that is always 1, as a bias added by hand.",
    "gates.name": "The gate.",
}
"""The help for an argument, by its name, or by that of its part and its own; without one the docstring helps."""

OPTIONS: list[Argument] = [
    {"name": "epochs", "kind": "whole", "least": 1, "most": MOST_EPOCHS, "log": True, "default": 1_000_000},
    {"name": "batch_size", "kind": "whole", "least": 1, "most": 1_000_000, "optional": True, "default": 32},
    {"name": "shuffle", "kind": "flag", "default": True},
    {"name": "class_weight", "kind": "choice", "of": ["balanced"], "optional": True, "default": None},
    {"name": "engine", "kind": "choice", "of": ["auto", *ENGINES], "default": "auto"},
    {"name": "dtype", "kind": "choice", "of": ["float32", "float64"], "default": "float32"},
    {"name": "seed", "kind": "whole", "least": 0, "most": MOST_SEED, "default": 0},
]
OF_DATA: list[Argument] = [
    {"name": "validation", "kind": "number", "least": 0, "most": 0.9, "default": 0.0},
    {"name": "test", "kind": "number", "least": 0, "most": 0.9, "default": 0.0},
    {"name": "seed", "kind": "whole", "least": 0, "most": MOST_SEED, "default": 0},
]
OPTION_HELP = {
    "epochs": "The most passes over the training data; a schedule reaches its end with the last one.",
    "batch_size": "The examples of one step, at most all; nothing stands for all of them.",
    "shuffle": "A new order of the examples in each epoch.",
    "class_weight": "Balanced makes every class count the same, however many examples it has.",
    "engine": "What computes: NumPy, machine code, or whichever is faster.",
    "dtype": "The number type of parameters, inputs and outputs.",
    "seed": "The number that all random numbers come from.",
    "validation": "The share of the examples that the network is measured on and does not learn from.",
    "test": "The share of the examples that nothing is chosen by.",
}


def bounds_of(part: str, name: str) -> Argument:
    """Return what the tables say of an argument of a part; nothing where they say nothing."""
    return BOUNDS.get(f"{part}.{name}") or BOUNDS.get(name) or {}


def help_of(part: str, name: str) -> str | None:
    """Return the help for an argument of a part; None where the tables have none."""
    return HELP.get(f"{part}.{name}") or HELP.get(name)
