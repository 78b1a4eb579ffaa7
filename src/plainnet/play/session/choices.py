"""The catalogue of choices: every part of plainnet with its arguments, read from the parts themselves.

A new activation, layer, loss, optimizer, schedule or data set of plainnet appears here by itself: its name is in the
registry of its kind, its arguments and their defaults are in its signature, and its help is the first sentence of its
docstring. What a signature cannot tell stands in the tables below: the bounds of an argument, by its name, and what
stands in for a default that is not there.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from plainnet import datasets
from plainnet._base.configurable import describe
from plainnet.activations import ACTIVATIONS
from plainnet.engines import ENGINES
from plainnet.errors import PlainnetError
from plainnet.initializers import INITIALIZERS
from plainnet.layers import LAYERS
from plainnet.losses import LOSSES
from plainnet.metrics import METRICS
from plainnet.optimizers import OPTIMIZERS
from plainnet.schedules import SCHEDULES
from plainnet.training.stopping import LOSS, EarlyStopping

MOST_UNITS, MOST_UNITS_OF_TABLES = 64, 256
MOST_EPOCHS = 10_000_000
MOST_SEED = 2**53
"""The largest whole number that JavaScript holds exactly."""

DATASETS: dict[str, Callable[..., Any]] = {
    name: made
    for name, made in vars(datasets).items()
    if inspect.isfunction(made) and made.__module__ == datasets.__name__ and not name.startswith("_")
}
"""Every data set by its name."""

LISTS: dict[str, Mapping[str, Callable[..., Any]]] = {
    "layers": LAYERS,
    "activations": ACTIVATIONS,
    "losses": LOSSES,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "initializers": INITIALIZERS,
    "metrics": METRICS,
    "datasets": DATASETS,
}

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
"""What the catalogue says of an argument, by its name, or by that of its part and its own where the two differ."""

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
_OPTION_HELP = {
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

MOST_PREVIEW = 60


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Any]:
    """Return all that can be set, as plain data: lists of entries by the names in LISTS, and options beside them."""
    found: dict[str, Any] = {name: [entry(part, made) for part, made in known.items()] for name, known in LISTS.items()}
    for one in found["datasets"]:
        one["preview"] = _preview(one["name"])
        one["arguments"] = [argument for argument in one["arguments"] if argument["name"] != "seed"]
    found["options"] = [_with_help(argument) for argument in OPTIONS]
    found["data"] = [_with_help(argument) for argument in OF_DATA]
    found["early_stopping"] = arguments("EarlyStopping", EarlyStopping)
    return found


def entry(name: str, made: Callable[..., Any]) -> dict[str, Any]:
    """Return the entry of a class, or of a function such as a data set: its name, help and arguments."""
    own = arguments(name, made) if name not in METRICS else []
    return {"name": name, "help": first_sentence(made.__doc__), "arguments": own}


def arguments(part: str, made: Callable[..., Any]) -> list[Argument]:
    """Return the arguments of a class or of a data set, as the catalogue has them."""
    if isinstance(made, type) and made.__init__ is object.__init__:  # type: ignore[misc]
        return []
    signature = inspect.signature(made)
    taken = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    documented = _documented(made.__doc__)
    return [
        _argument(part, one, documented.get(one.name)) for one in signature.parameters.values() if one.kind in taken
    ]


def argument_of(part: str, name: str) -> Argument:
    """Return what the tables above say of an argument of a part; nothing where they say nothing."""
    return BOUNDS.get(f"{part}.{name}") or BOUNDS.get(name) or {}


def _argument(part: str, parameter: inspect.Parameter, help: str | None) -> Argument:
    """Return one argument; one that the tables do not know gets the kind of its default."""
    known = argument_of(part, parameter.name)
    has_default = parameter.default is not inspect.Parameter.empty
    found: Argument = {"name": parameter.name, "kind": _kind(parameter.default), **known}
    if has_default and (parameter.default is not None or "default" not in known):
        found["default"] = describe(parameter.default)
    found.setdefault("default", None)
    if found["default"] is None:
        found["optional"] = True
    if help:
        found["help"] = help
    return found


def _kind(default: Any) -> str:
    kinds = {bool: "flag", int: "whole", float: "number"}
    return kinds.get(type(default), "text")


def _with_help(argument: Argument) -> Argument:
    return {**argument, "help": _OPTION_HELP[argument["name"]]}


def first_sentence(docstring: str | None) -> str:
    """Return the first sentence of a docstring in one line."""
    paragraph = inspect.cleandoc(docstring or "").split("\n\n")[0]
    line = " ".join(paragraph.split())
    ended = re.match(r".*?[.:](?=\s+[A-Z]|$)", line)
    return (ended.group() if ended else line).rstrip(":")


def _documented(docstring: str | None) -> dict[str, str]:
    """Return what a docstring says of single arguments, in its lines of the form "    name    text"."""
    found: dict[str, str] = {}
    latest: list[str] = []
    for line in inspect.cleandoc(docstring or "").splitlines():
        begun = re.match(r"    (\w+(?:, \w+)*)  +(\S.*)", line)
        more = re.match(r"     +(\S.*)", line)
        if begun:
            latest = begun[1].split(", ")
            found |= dict.fromkeys(latest, begun[2])
        elif more and latest:
            found |= {name: f"{found[name]} {more[1]}" for name in latest}
        else:
            latest = []
    return {name: text[0].upper() + text[1:] for name, text in found.items()}


def _preview(name: str) -> list[list[float]]:
    """Return a few examples of a data set for a thumbnail: [x, y, label] each, or [x, label] for one column."""
    X, y = DATASETS[name](seed=0)
    rows = np.linspace(0, len(X) - 1, min(len(X), MOST_PREVIEW)).astype(int)
    shown = np.column_stack([X[rows, :2], np.asarray(y).reshape(len(X), -1)[rows, 0]])
    found: list[list[float]] = np.round(shown, 2).tolist()
    return found


def builds(name: str, list_name: str) -> bool:
    """Return True if a part can be made with the defaults of the catalogue."""
    made = next(one for one in catalogue()[list_name] if one["name"] == name)
    try:
        LISTS[list_name][name](**{one["name"]: one["default"] for one in made["arguments"]})
    except PlainnetError:
        return False
    return True
