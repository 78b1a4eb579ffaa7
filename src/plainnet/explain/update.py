"""The update in numbers: what the optimizer makes of the gradient."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.explain import formulas
from plainnet.explain.explanation import Quantity, Stage
from plainnet.explain.recording import watch
from plainnet.explain.step import ExplainedStep
from plainnet.layers import Layer
from plainnet.optimizers import DECAY, RATE, State


def updates(step: ExplainedStep) -> Iterator[Stage]:
    """Yield the gradient as the optimizer takes it, then each array of parameters before and after."""
    net, taken = step.recorded.network, {}
    before = net.parameters.copy()
    assert step.recorded.gradient is not None
    standing = step.standing
    remembered = [name for name in standing.state if name not in (RATE, DECAY)]
    state = {name: vector.copy() for name, vector in standing.state.items()}
    watched = copy.copy(step.optimizer)

    def update(original: Any, parameters: Array, gradient: Array, *rest: Any) -> None:
        taken["g"] = gradient.copy()
        original(parameters, gradient, *rest)

    watch(watched, "update", update)
    rate, present = standing.learning_rate, standing.weight_decay
    watched.whole_step(net.parameters, step.recorded.gradient.copy(), state, rate, standing.step, present)
    which = "the first step" if standing.is_first else f"step {standing.step}"
    shown = Quantity("η", "", np.array([[rate]]), f"the learning rate of {which}")
    norm = np.array([[math.sqrt(float(step.recorded.gradient @ step.recorded.gradient))]])
    length = Quantity("‖g‖", "", norm, "the length of the gradient of all parameters together")
    title = f"Optimizer: {step.optimizer!r}"
    notes = ["θ stands for every parameter and g for its gradient."]
    if remembered:
        begins = " begins at 0" if standing.is_first else ": before this step, and after it"
        notes.append(f"What it remembers from step to step ({', '.join(remembered)}){begins}; t = {standing.step}.")
    if present is not None:
        notes.append(f"λ is the weight decay, which follows a schedule; in {which} it is {present:g}.")
    lines, note = formulas.update(step.optimizer)
    notes += [note] if note else []
    yield Stage(title, "", (shown, length), tuple(lines), tuple(notes))
    for i, layer, _ in step.by_layer():
        for name in net.parameter_views(before)[i]:
            quantities = _parameter_update(step, i, name, before, taken["g"], state, lines[-1] if lines else "")
            yield Stage(f"Layer {i}: {name}", f"net.layers[{i}].{name}", tuple(quantities))
        if statistics := tuple(_statistics_update(step, i, layer)):
            yield Stage(f"Layer {i}: running statistics", f"net.layers[{i}]", statistics)


def _parameter_update(
    step: ExplainedStep, i: int, name: str, before: Array, taken: Array, state: State, formula: str
) -> Iterator[Quantity]:
    names, net = step.names.of_layers[i], step.recorded.network
    assert step.recorded.gradient is not None

    def part(vector: Array) -> Array:
        return net.parameter_views(vector)[i][name]

    yield names.parameter("before", "", part(before), like=name)
    prepared = not np.array_equal(taken, step.recorded.gradient)
    note = "as the optimizer takes it" if prepared else f"∂loss/∂{name}"
    yield names.parameter("g", "", part(taken), like=name, note=note)
    for remembered, vector in state.items():
        is_factor = remembered in (RATE, DECAY)
        if not (is_factor or step.standing.is_first):
            earlier = part(step.standing.state[remembered])
            yield names.parameter(f"{remembered} before", "", earlier, like=name, note="remembered from earlier steps")
        note = "for this parameter" if is_factor else "remembered for the next step"
        yield names.parameter(remembered, "", part(vector), like=name, note=note)
    yield names.parameter("after", formula, part(net.parameters.copy()), like=name)


def _statistics_update(step: ExplainedStep, i: int, layer: Layer) -> Iterator[Quantity]:
    after: Any = step.recorded.network.layers[i]
    names = step.names.of_layers[i]
    for name in layer.statistic_shapes((len(names.inputs),)):
        before, values = (np.atleast_2d(getattr(one, name).copy()) for one in (layer, after))
        columns = names.outputs if values.shape[1] == len(names.outputs) else ()
        yield Quantity(f"{name} before", "", before, columns=columns)
        yield Quantity(f"{name} after", step.formulas[i].of(name), values, columns=columns)
