"""The scene says what is set, how the network is drawn, and what the data are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plainnet.layers import Layer
from plainnet.network import Network
from plainnet.play.session.examples import Examples

if TYPE_CHECKING:
    from plainnet.play.session.session import Session

FEW_ROWS = 16
"""The most rows of data whose predictions are shown as a table."""


def scene(session: Session, restarted: bool) -> dict[str, Any]:
    """Return the scene of a session."""
    networks = [network(run.network, run.examples) for run in session.runs]
    return {
        "setup": session.setup.plain(),
        "setups": [setup.plain() for setup in session.setups],
        "problems": session.problems,
        "restarted": restarted,
        "network": networks[0],
        "networks": networks,
        "data": data(session.examples),
        "runs": len(session.runs),
        "playing": session.is_playing,
    }


def network(net: Network, examples: Examples) -> dict[str, Any]:
    """Return a network as it is drawn: its inputs, layers and outputs, and where the parameters of each lie."""
    views = net.parameter_views(net.parameters)
    start = 0
    layers = []
    for place, ((layer, units, _), own) in enumerate(zip(net.layer_sizes(), views, strict=True)):
        parameters = {}
        for name, array in own.items():
            parameters[name] = {"start": start, "shape": list(array.shape)}
            start += array.size
        activation = getattr(layer, "activation", None)
        layers.append(
            {
                "place": place,
                "name": layer.name,
                "label": label(layer, int(units)),
                "units": int(units),
                "activation": None if activation is None else activation.name,
                "parameters": parameters,
            }
        )
    return {
        "inputs": [{"name": name} for name in input_names(examples, net.input_size or 0)],
        "layers": layers,
        "outputs": output_names(examples, net.output_size or 0),
        "parameters": net.parameters.size,
    }


def label(layer: Layer, units: int) -> str:
    """Return a few words about a layer, such as "4 tanh" or "Dropout 0.2"."""
    activation = getattr(layer, "activation", None)
    if "units" in layer.settings():
        return f"{units} {'linear' if activation is None or activation.name == 'identity' else activation.name}"
    if activation is not None:
        return str(activation.name)
    rate = layer.settings().get("rate")
    return layer.name if rate is None else f"{layer.name} {rate:g}" if isinstance(rate, float) else f"{layer.name}"


def input_names(examples: Examples, count: int) -> list[str]:
    """Return the name of each input of the network, by the columns that it is made of."""
    if len(examples.input_names) == count:
        return list(examples.input_names)
    names = [f"input {i}" for i in range(count)]
    for column in examples.columns:
        places = [place for place in column.inputs if place < count]
        for i, place in enumerate(places):
            names[place] = column.name if len(places) == 1 else f"{column.name} ({i + 1})"
    return names


def output_names(examples: Examples, count: int) -> list[str]:
    """Return the name of each output: classes by their labels, or the target."""
    classes = examples.classes
    if classes and len(classes) == count:
        return list(map(str, classes))
    if classes and count == 1 and len(classes) == 2:
        return [str(classes[1])]
    return [str(examples.target)] if count == 1 else [f"{examples.target} ({i + 1})" for i in range(count)]


def data(examples: Examples) -> dict[str, Any]:
    """Return the data in words and numbers."""
    parts = (examples.training, examples.validation, examples.test)
    names = ("training", "validation", "test")
    counts = [0 if part is None else len(part[0]) for part in parts]
    return {
        "name": examples.name,
        "task": examples.task,
        "rows": len(examples.labels),
        "parts": dict(zip(names, counts, strict=True)),
        "columns": [
            {"name": column.name, "kind": column.kind, "levels": column.levels, "range": list(column.range)}
            for column in examples.columns
        ],
        "target": examples.target,
        "classes": examples.classes,
        "editable": examples.editable,
        "notes": list(examples.notes),
        "truth": is_truth_table(examples),
    }


def is_truth_table(examples: Examples) -> bool:
    """Return True for few rows that are all there is, such as those of XOR."""
    return len(examples.labels) == len(examples.training[0]) <= FEW_ROWS
