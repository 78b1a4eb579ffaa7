"""Problems: what of a setup cannot be combined, found by trying it, each with its place and a way out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from plainnet._base.wording import plural
from plainnet.adapters import loss_of
from plainnet.attribution.outputs import activation_name
from plainnet.errors import PlainnetError, warnings_passed_over
from plainnet.layers import Dense, Layer
from plainnet.losses import CrossEntropy
from plainnet.metrics import METRICS
from plainnet.network import Network
from plainnet.network.examples import loss_for
from plainnet.play.session import usual
from plainnet.play.session.bounds import MOST_UNITS, MOST_UNITS_OF_TABLES, bounds_of
from plainnet.play.session.building import is_as_given, layers_of, network_of
from plainnet.play.session.preparing import prepared
from plainnet.play.session.settings import placed, shown

if TYPE_CHECKING:
    from plainnet.play.session.examples import Examples
    from plainnet.play.session.setup import Setup

Problem = dict[str, Any]

MOST_PARAMETERS = 1_000_000
MOST_DENSE, MOST_LAYERS = 12, 40


def problems(setup: Setup, examples: Examples) -> list[Problem]:
    """Return the problems of a setup that is complete: {"at": path, "message": sentence}, none if it can run."""
    found = list(_of_layers(setup, examples))
    if found:
        return found
    found = [*_of_output(setup, examples), *_of_metrics(setup, examples)]
    return found or list(_of_run(setup, examples))


def _problem(message: str, *at: str | int) -> Problem:
    return {"at": list(at), "message": message}


def _of_layers(setup: Setup, examples: Examples) -> Iterator[Problem]:
    """Yield what is wrong with the layers themselves: sizes, and what one takes from the one before it."""
    if examples.network is not None and is_as_given(setup, examples.network):
        return
    given = [] if examples.network is None else [layer.settings().get("units", 0) for layer in examples.network.layers]
    most = max([MOST_UNITS if examples.table is None else MOST_UNITS_OF_TABLES, *given])
    try:
        layers = layers_of(setup, examples)
    except PlainnetError as error:
        yield _problem(str(error), *getattr(error, "at", ["layers"]))
        return
    found = list(_of_sizes(layers, max(most, *usual.outputs_for(examples))))
    yield from found
    if found:
        return
    shape: tuple[int, ...] = (examples.input_size,)
    for i, layer in enumerate(layers):
        try:
            layer.parameter_shapes(shape)
            layer.statistic_shapes(shape)
            shape = layer.output_shape(shape)
        except PlainnetError as error:
            yield _problem(str(error), "layers", i)
            return
    count = sum(Network(*layers).vector_sizes(examples.input_size))
    if count > MOST_PARAMETERS:
        yield _problem(
            f"the network has {count:,} parameters and the page takes at most {MOST_PARAMETERS:,}; make layers smaller",
            "layers",
        )


def _of_sizes(layers: Sequence[Layer], most_units: int) -> Iterator[Problem]:
    """Yield what is larger than the page takes."""
    if sum(isinstance(layer, Dense) for layer in layers) > MOST_DENSE + 1 or len(layers) > MOST_LAYERS:
        yield _problem(
            f"there are {len(layers)} layers; the page takes at most {MOST_DENSE} hidden Dense layers, and "
            f"{MOST_LAYERS} layers in all",
            "layers",
        )
    for i, layer in enumerate(layers):
        for name, value in layer.settings().items():
            known = bounds_of(layer.name, name)
            most = most_units if name == "units" else known.get("most", math.inf)
            if known.get("kind") == "whole" and value > most:
                yield _problem(f"{name} is {shown(value)}; the page takes at most {most:,}", "layers", i, name)


def _of_output(setup: Setup, examples: Examples) -> Iterator[Problem]:
    """Yield what is wrong between the last layer, the loss and the data."""
    network = network_of(setup, examples)
    place = len(network.layers) - 1
    last, count = network.layers[-1], network.output_size or 0
    name = activation_name(network, -1)
    at = ("layers", place, "activation")
    takes = usual.outputs_for(examples)
    if count not in takes:
        units = ["units"] if "units" in last.settings() else []
        yield _problem(_wrong_count(examples, count, bool(units)), "layers", place, *units)
        return
    if name == "softmax" and count == 1:
        yield _problem(
            "softmax of one unit is always 1: it shares one probability out among the units; take sigmoid, or 2 units",
            *at,
        )
        return
    if name == "softmax" and examples.task == "regression":
        yield _problem(f"softmax gives probabilities and {examples.target!r} is a quantity; take identity", *at)
        return
    try:
        loss = loss_for(network, loss_of(examples.part(setup.loss)))
    except PlainnetError as error:
        yield _problem(str(error), "loss")
        return
    if len(examples.classes or ()) > 1 and count > 1 and not isinstance(loss, CrossEntropy) and not _is_own(loss.name):
        yield _problem(
            f"loss {loss.name!r} compares each output with a number of its own, and the data say which of "
            f"{len(examples.classes or ())} classes is right; take cross_entropy with softmax",
            "loss",
        )
        return
    for part in (examples.training, examples.validation, examples.test):
        try:
            if part is not None:
                loss.prepare(part[1], count, network.dtype)
        except PlainnetError as error:
            yield _problem(f"loss {loss.name!r} does not go with these data: {error}", "loss")
            return


def _is_own(name: str) -> bool:
    return name.startswith("own:")


def _wrong_count(examples: Examples, count: int, has_units: bool) -> str:
    give = "give the last layer" if has_units else "end with a Dense layer of"
    has = f"the network has {plural(count, 'output')}"
    if examples.classes is None:
        return f"{has} and {examples.target!r} is one quantity; {give} 1 unit"
    classes = len(examples.classes)
    wanted = "1 unit with sigmoid, or 2 with softmax" if classes == 2 else f"{classes} units with softmax"
    return f"{has} and the data {classes} classes; {give} {wanted}"


def _of_metrics(setup: Setup, examples: Examples) -> Iterator[Problem]:
    """Yield the metrics of another task, and a monitor that the run does not measure."""
    for metric in setup.metrics or ():
        if not usual.suits_task(metric, examples):
            kinds = ("a quantity", "classes") if examples.task == "classification" else ("classes", "a quantity")
            others = [name for name in METRICS if usual.suits_task(name, examples)]
            yield _problem(
                f"metric {metric!r} is of {kinds[0]} and the data hold {kinds[1]}; take one of {', '.join(others)}",
                "metrics",
            )
    monitor = (setup.early_stopping or {}).get("monitor", "loss")
    if monitor != "loss" and monitor not in (setup.metrics or ()):
        yield _problem(
            f"early stopping watches {monitor!r} and the run does not measure it; add it to the metrics, or watch the "
            "loss",
            "early_stopping",
            "monitor",
        )
    if setup.class_weight and examples.task == "regression":
        yield _problem("class_weight weighs classes and the data hold a quantity; take none", "class_weight")


def _of_run(setup: Setup, examples: Examples) -> Iterator[Problem]:
    """Yield what the preparation of the run itself refuses."""
    try:
        with warnings_passed_over():
            with placed("optimizer"):
                build_optimizer(setup, examples)
            prepared(setup, examples, network_of(setup, examples))
    except PlainnetError as error:
        message = str(error)
        at = getattr(error, "at", None) or next((at for begin, at in _PLACES.items() if message.startswith(begin)), [])
        yield _problem(message, *at)


_PLACES: dict[str, list[str | int]] = {
    "batches of": ["batch_size"],
    "batch_size": ["batch_size"],
    "metric": ["metrics"],
    "early_stopping": ["early_stopping"],
    "the engine": ["engine"],
    "engine": ["engine"],
    "class_weight": ["class_weight"],
    "loss": ["loss"],
    "epochs": ["epochs"],
}
"""The place of an error of `prepare`, by how its message begins."""


def build_optimizer(setup: Setup, examples: Examples) -> None:
    """Make the optimizer and check the names in its factors."""
    from plainnet import optimizers

    made = optimizers.resolve(examples.part(setup.optimizer))
    made.check_factors(network_of(setup, examples).parameter_names())
