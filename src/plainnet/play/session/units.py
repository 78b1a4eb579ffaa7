"""The command `unit` tells one unit in numbers, with its formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.explain import formulas
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.scenes import mathml

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session

MOST_WEIGHTS = 64
"""The most weights that are listed; of more the largest are."""


def unit(session: Session, given: CommandArguments) -> Reply:
    """Return the weights, bias, sum and activation of a unit; layer -1 has the inputs.

    The values are those of a prediction for the example `row`; without one there are only the weights.
    """
    run = session.runs[given.place("run", session.runs)]
    net = run.network
    sizes = [net.input_size or 0, *(int(size) for _, size, _ in net.layer_sizes())]
    layer = given.whole("layer", -1, len(net.layers) - 1)
    place = given.whole("unit", 0, sizes[layer + 1] - 1)
    row = given.whole("row", 0, len(run.examples.labels) - 1, None)
    given.finish()
    arriving = None if row is None else _arriving(net, run.examples.row(row).inputs[None].astype(net.dtype), layer)
    header: dict[str, Any] = {"layer": layer, "unit": place, "row": row, "in": [], "bias": None, "z": None, "a": None}
    header |= {"formulas": [], "parameters": [], "more_in": 0}
    if layer == -1:
        header["a"] = None if arriving is None else float(arriving[place])
    else:
        header |= _computed(net, layer, place, arriving)
    leaving = _leaving(net, layer, place, sizes)
    header["out"], header["more_out"] = _largest(leaving)
    return header, {}


def _computed(net: Network, layer: int, place: int, arriving: Array | None) -> dict[str, Any]:
    """Return what a unit is computed from, and its value for the outputs that arrive from the layer before."""
    found: dict[str, Any] = {}
    own: Any = net.layers[layer]
    views, starts = net.parameter_views(net.parameters)[layer], parameter_starts(net)[layer]
    is_sum = formulas.stops_at_sums(own) and "weights" in views and views["weights"].ndim == 2
    with np.errstate(all="ignore"):
        if arriving is not None:
            found["a"] = float(own.predict(arriving[None])[0, place])
            if is_sum:
                found["z"] = float(own.pre_activation(arriving[None])[0][0, place])
    if not is_sum:
        found["parameters"] = [
            {"name": name, "place": starts[name] + place, "value": float(view[place])}
            for name, view in views.items()
            if view.ndim == 1 and place < view.size
        ]
        return found
    weights = views["weights"]
    lines = []
    for j, value in enumerate(weights[:, place].tolist()):
        line = {"label": {"unit": [layer - 1, j]}, "value": value}
        line["place"] = starts["weights"] + j * weights.shape[1] + place
        if arriving is not None:
            line |= {"input": float(arriving[j]), "product": float(arriving[j]) * value}
        lines.append(line)
    found["in"], found["more_in"] = _largest(lines)
    if "bias" in views:
        found["bias"] = {"place": starts["bias"] + place, "value": float(views["bias"][place])}
    sums = formulas.of_layer(own, (formulas.EXAMPLES, len(weights))).of("z")
    slope = formulas.slope(own.activation)
    found["formulas"] = [{"formula": mathml(each), "text": str(each)} for each in (sums, slope.value) if each]
    return found


def _arriving(net: Network, inputs: Array, layer: int) -> Array:
    """Return what arrives at a layer of one example in a prediction."""
    with np.errstate(all="ignore"):
        for before in net.layers[: max(layer, 0)]:
            inputs = before.predict(inputs)
    return inputs[0]


def _leaving(net: Network, layer: int, place: int, sizes: list[int]) -> list[dict[str, Any]]:
    """Return the weights by which the units of the next layer take this one, past layers that keep each unit."""
    views, starts = net.parameter_views(net.parameters), parameter_starts(net)
    for later in range(layer + 1, len(net.layers)):
        weights = views[later].get("weights")
        if weights is not None and weights.shape == (sizes[layer + 1], sizes[later + 1]):
            begin = starts[later]["weights"] + place * weights.shape[1]
            return [
                {"label": {"unit": [later, k]}, "value": value, "place": begin + k}
                for k, value in enumerate(weights[place].tolist())
            ]
        if sizes[later + 1] != sizes[layer + 1]:
            break
    return []


def parameter_starts(net: Network) -> list[dict[str, int]]:
    """Return where each array of parameters of each layer begins in the parameter vector."""
    start = 0
    found: list[dict[str, int]] = []
    for own in net.parameter_views(net.parameters):
        found.append({})
        for name, view in own.items():
            found[-1][name] = start
            start += view.size
    return found


def _largest(lines: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Return the lines with the largest values in their order, and the number of the others."""
    if len(lines) <= MOST_WEIGHTS:
        return lines, 0
    order = np.argsort([-abs(line["value"]) for line in lines], kind="stable")[:MOST_WEIGHTS]
    return [lines[k] for k in sorted(order.tolist())], len(lines) - MOST_WEIGHTS
