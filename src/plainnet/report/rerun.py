"""The settings of a training run, and how to do it again: from its record, as a command or as Python."""

from __future__ import annotations

from typing import Any

from plainnet import optimizers
from plainnet._base.configurable import describe
from plainnet.history import SOURCE
from plainnet.network import Network
from plainnet.training.options import Options

USUAL: dict[str, Any] = {"shuffle": True, "early_stopping": None, "metrics": [], "report_every": 1, "threads": None}
"""Options of `fit` that need not be said."""
NAMES = (*SOURCE, "estimator")
"""Settings that are names, code or a seed, which are shown as they are."""
NOT_WEIGHTED = ("weighted", False)
"""A setting that nobody chose."""


def hyperparameters(net: Network) -> dict[str, str]:
    """Each setting of the network and of its latest run, in words."""
    settings = {**net.history.settings, **net.history.source} if net.history else {}
    settings.pop("command", None)
    if settings.get("optimizer") in list(optimizers.OPTIMIZERS):  # by its name alone: with its defaults, to be shown
        made = optimizers.resolve(settings["optimizer"])
        settings["optimizer"] = {
            "name": made.name,
            **{name: describe(value) for name, value in made.settings().items()},
        }
    own = {"parameters": f"{net.parameters.size:,}", "dtype": net.dtype.name, "seed of the network": str(net.seed)}
    said = {name: value for name, value in settings.items() if value is not None and (name, value) != NOT_WEIGHTED}
    return own | {
        name.replace("_", " "): str(value) if name in NAMES else in_words(value) for name, value in said.items()
    }


def in_words(value: Any) -> str:
    """A setting for people: adam, learning rate 0.001."""
    if isinstance(value, dict):
        parts = [f"{name.replace('_', ' ')} {in_words(part)}" for name, part in value.items() if name != "name"]
        return ", ".join([str(value["name"]), *parts] if "name" in value else parts)
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value).replace("_", " ")


def command(net: Network) -> str | None:
    """The command line that trained the network, where it was one and was recorded."""
    recorded = net.history.source.get("command") if net.history else None
    return str(recorded) if recorded else None


def python(net: Network) -> str:
    """Python that makes the network anew and trains it the same way on X and y."""
    description = net.describe()
    layers = "".join(f"    pn.{layer!r},\n" for layer in net.layers)
    rest = f"input_size={description['input_size']}, seed={description['seed']}, dtype={description['dtype']!r}"
    made = f"import plainnet as pn\n\nnet = pn.Network(\n{layers}    {rest},\n)\n"
    if net.history is None:
        return made
    if "estimator" in net.history.settings:
        return _python_of_estimator(net.history.settings)
    options = {name: value for name, value in net.history.settings.items() if name in Options.names()}
    given = {name: value for name, value in options.items() if name not in USUAL or value != USUAL[name]}
    if given.get("early_stopping"):
        stopping = given["early_stopping"]
        given["early_stopping"] = _Verbatim(
            f"pn.EarlyStopping({stopping['patience']}, {stopping['minimum_improvement']})"
        )
    if net.history.settings.get("validation_examples"):
        given["validation"] = _Verbatim("(X_validation, y_validation)")
    if net.history.settings.get("weighted"):
        given["sample_weight"] = _Verbatim("sample_weight")
    lines = "".join(f"    {name}={value!r},\n" for name, value in given.items())
    return f"{made}net.fit(\n    X,\n    y,\n{lines})"


def _python_of_estimator(settings: dict[str, Any]) -> str:
    """The same where an estimator of plainnet.sklearn trained the network."""
    call = str(settings["estimator"])
    weights = ", sample_weight" if settings["weighted"] else ""
    return (
        f"from plainnet.sklearn import {call.partition('(')[0]}\n\n"
        f"model = {call}\nmodel.fit(X, y{weights})\nnet = model.network_"
    )


class _Verbatim(str):
    """Text that stands in the Python as it is."""

    def __repr__(self) -> str:
        return str(self)
