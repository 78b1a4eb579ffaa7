"""The catalogue of choices has every part of plainnet with its arguments, read from the parts themselves.

A new activation, layer, loss, optimizer, schedule or data set of plainnet appears here by itself: its name is in the
registry of its kind, its arguments and their defaults are in its signature, and its help is the first sentence of its
docstring. What a signature cannot tell stands in `plainnet.play.session.bounds`.
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
from plainnet.initializers import INITIALIZERS
from plainnet.layers import LAYERS
from plainnet.losses import LOSSES
from plainnet.metrics import METRICS
from plainnet.optimizers import OPTIMIZERS
from plainnet.play.session.bounds import OF_DATA, OPTION_HELP, OPTIONS, Argument, bounds_of, help_of
from plainnet.schedules import SCHEDULES
from plainnet.training.stopping import EarlyStopping

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


def _argument(part: str, parameter: inspect.Parameter, help: str | None) -> Argument:
    """Return one argument; one that the tables do not know gets the kind of its default."""
    known = bounds_of(part, parameter.name)
    help = help_of(part, parameter.name) or help
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
    return {**argument, "help": OPTION_HELP[argument["name"]]}


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
