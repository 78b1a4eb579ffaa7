"""The settings of a training run, and a command or Python that repeats it, from its record."""

from __future__ import annotations

import re
from typing import Any

from plainnet import optimizers
from plainnet._base.configurable import describe
from plainnet._base.wording import in_words
from plainnet.history import SOURCE
from plainnet.network import Network
from plainnet.schedules import SCHEDULES
from plainnet.training.options import Options
from plainnet.training.stopping import EarlyStopping

USUAL: dict[str, Any] = {
    "shuffle": True,
    "early_stopping": None,
    "metrics": [],
    "report_every": 1,
    "threads": None,
    "compression": None,
}
"""The usual values of options of `fit`, which need no mention."""
NAMES = (*SOURCE, "estimator")
"""The settings that are names, code or a seed, shown as they are."""
NOT_WEIGHTED = ("weighted", False)
"""A setting that is not worth a line."""


def hyperparameters(net: Network) -> dict[str, str]:
    """Return each setting of the network and of its latest run in words."""
    settings = {**net.history.settings, **net.history.source} if net.history else {}
    settings.pop("command", None)
    if settings.get("optimizer") in list(optimizers.OPTIMIZERS):  # a name alone, which stands for its defaults
        made = optimizers.resolve(settings["optimizer"])
        defaults = {name: describe(value) for name, value in made.settings().items()}
        settings["optimizer"] = {"name": made.name, **defaults}
    own = {"parameters": f"{net.parameters.size:,}", "dtype": net.dtype.name, "seed of the network": str(net.seed)}
    said = {name: value for name, value in settings.items() if value is not None and (name, value) != NOT_WEIGHTED}
    words = {name: str(value) if name in NAMES else in_words(value).replace("_", " ") for name, value in said.items()}
    return own | {name.replace("_", " "): value for name, value in words.items()}


def command(net: Network) -> str | None:
    """Return the command line that trained the network, or None if none is recorded."""
    recorded = net.history.source.get("command") if net.history else None
    return str(recorded) if recorded else None


def python(net: Network) -> str:
    """Return Python that makes the network anew and trains it the same way on X and y."""
    description = net.describe()
    layers = "".join(f"    pn.{layer!r},\n" for layer in net.layers)
    rest = f"input_size={description['input_size']}, seed={description['seed']}, dtype={description['dtype']!r}"
    named = [cls.__name__ for cls in SCHEDULES.values() if re.search(rf"\b{cls.__name__}\(", layers)]
    more = f"from plainnet.schedules import {', '.join(sorted(named))}\n" if named else ""
    made = f"import plainnet as pn\n{more}\nnet = pn.Network(\n{layers}    {rest},\n)\n"
    if net.history is None:
        return made
    if "estimator" in net.history.settings:
        return _python_of_estimator(net.history.settings)
    options = {name: value for name, value in net.history.settings.items() if name in Options.names()}
    given = {name: value for name, value in options.items() if name not in USUAL or value != USUAL[name]}
    if given.get("early_stopping"):
        given["early_stopping"] = _Verbatim(f"pn.{EarlyStopping(**given['early_stopping'])!r}")
    if net.history.settings.get("validation_examples"):
        given["validation"] = _Verbatim("(X_validation, y_validation)")
    if net.history.settings.get("weighted"):
        given["sample_weight"] = _Verbatim("sample_weight")
    if net.history.settings.get("ranks"):
        made = f"from mpi4py import MPI\n\n{made}"
        given["communicator"] = _Verbatim("MPI.COMM_WORLD")
    lines = "".join(f"    {name}={value!r},\n" for name, value in given.items())
    return f"{made}net.fit(\n    X,\n    y,\n{lines})"


def _python_of_estimator(settings: dict[str, Any]) -> str:
    """Return the same for a network that an estimator of plainnet.sklearn trained."""
    call = str(settings["estimator"])
    weights = ", sample_weight" if settings["weighted"] else ""
    return (
        f"from plainnet.sklearn import {call.partition('(')[0]}\n\n"
        f"model = {call}\nmodel.fit(X, y{weights})\nnet = model.network_"
    )


class _Verbatim(str):
    """Text that appears in the Python as it is."""

    def __repr__(self) -> str:
        return str(self)
