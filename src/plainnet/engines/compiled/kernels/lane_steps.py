"""Many steps of several small networks in one call."""

import math
from collections.abc import Callable
from typing import NamedTuple

from plainnet._base.arrays import Array
from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.activations import activate, chain
from plainnet.engines.compiled.kernels.compiling import callable_from_python, kernel, u, version
from plainnet.engines.compiled.kernels.lane_passes import (
    add_penalties,
    batch_loss,
    input_gradient,
    lane_squares,
    parameter_gradient,
    update,
    weighted_sums,
)


class LaneData(NamedTuple):
    """Flat; an empty weight is 1 for every row."""

    inputs: Array
    targets: Array
    weight: Array


class LaneState(NamedTuple):
    """The place in the runs; all lanes are at the same step."""

    steps_done: Array
    """(1,)"""
    alive: Array
    """(lanes,): False for a network whose loss was not finite; it stays as it is."""
    squares: Array
    """(lanes,): of the gradient of the last step."""
    losses: Array
    """(epochs, lanes): of each epoch, or the first that was not finite."""


class LaneVectors(NamedTuple):
    """Everything laid out like the parameters, lanes numbers for each of theirs, and the workspace."""

    parameters: Array
    gradient: Array
    first: Array
    second: Array
    good_parameters: Array
    work: Array
    values: Array
    """(lanes,): the loss of a step."""


@kernel
def step_gradient(lanes, stages, reals, loss, loss_shape, l1, l2, penalized, data, vectors, begin, rows, counted):
    """Return the loss of each lane and the gradient of every parameter for the rows from `begin` on."""
    work, parameters, gradient = vectors.work, vectors.parameters, vectors.gradient
    for s in range(len(stages)):
        width, units, values = stages[s, code.INPUTS], stages[s, code.OUTPUTS], stages[s, code.VALUES]
        inputs, first, stride = data.inputs, begin * width, 0
        if s > 0:
            inputs, first, stride = work, stages[s - 1, code.VALUES], 1
        weights, bias, sums = stages[s, code.WEIGHTS], stages[s, code.BIAS], stages[s, code.SUMS]
        weighted_sums(lanes, parameters, weights, bias, inputs, first, stride, work, sums, rows, width, units)
        size = rows * units * lanes
        activate(stages[s, code.ACTIVATION], reals[s, code.SHAPE], work, sums * lanes, values * lanes, size, units)
    last = len(stages) - 1
    units, outputs = stages[last, code.OUTPUTS], stages[last, code.VALUES]
    batch_loss(
        lanes,
        loss,
        loss_shape,
        data,
        begin,
        work,
        outputs,
        stages[last, code.GRADIENT],
        rows,
        units,
        counted,
        vectors.values,
    )
    for s in range(last, -1, -1):
        width, units, delta = stages[s, code.INPUTS], stages[s, code.OUTPUTS], stages[s, code.GRADIENT]
        z, a, g = stages[s, code.SUMS] * lanes, stages[s, code.VALUES] * lanes, delta * lanes
        size = rows * units * lanes
        chain(stages[s, code.ACTIVATION], reals[s, code.SHAPE], work, z, a, g, g, size, units)
        weights, bias = stages[s, code.WEIGHTS], stages[s, code.BIAS]
        inputs, first, stride = data.inputs, begin * width, 0
        if s > 0:
            inputs, first, stride = work, stages[s - 1, code.VALUES], 1
            input_gradient(lanes, work, delta, parameters, weights, stages[s - 1, code.GRADIENT], rows, width, units)
        parameter_gradient(lanes, inputs, first, stride, work, delta, gradient, weights, bias, rows, width, units)
    if penalized:
        add_penalties(lanes, stages, l1, l2, parameters, gradient, vectors.values)


def of_version(digest: str) -> Callable[..., None]:
    """Return the function `run_lanes`, for kernels whose text has this digest; see `running.of_version`."""

    def run_lanes(
        epochs: int, stages: Array, reals: Array, loss: int, loss_shape: float, optimizer: int, settings: Array,
        rates: Array, l1: Array, l2: Array, batch: int, data: LaneData, vectors: LaneVectors, state: LaneState,
    ) -> None:  # fmt: skip
        """Run `epochs` epochs; `rates` holds the learning rate of every step (or of all) and lane."""
        digest  # noqa: B018
        lanes = len(state.alive)
        last = len(stages) - 1
        units = stages[last, code.OUTPUTS]
        rows = len(data.inputs) // stages[0, code.INPUTS]
        penalized = has_any(l1) or has_any(l2)
        t = state.steps_done[0]
        step = 0
        for epoch in range(epochs):
            weights = 0.0
            for begin in range(0, rows, batch):
                size = min(batch, rows - begin)
                weight = float(size)
                if len(data.weight) > 0:
                    weight = 0.0
                    for row in range(begin, begin + size):
                        weight += data.weight[u(row)]
                step_gradient(
                    lanes,
                    stages,
                    reals,
                    loss,
                    loss_shape,
                    l1,
                    l2,
                    penalized,
                    data,
                    vectors,
                    begin,
                    size,
                    weight * units,
                )
                for l in range(lanes):
                    if state.alive[u(l)] and not math.isfinite(vectors.values[u(l)]):
                        state.alive[u(l)] = False
                        state.losses[epoch, l] = vectors.values[u(l)]
                    elif state.alive[u(l)]:
                        state.losses[epoch, l] += weight * vectors.values[u(l)]
                if begin == 0:
                    for i in range(0, len(vectors.parameters), lanes):
                        for l in range(lanes):
                            at = u(i + l)
                            good, now = vectors.good_parameters[at], vectors.parameters[at]
                            vectors.good_parameters[at] = now if state.alive[u(l)] else good
                t += 1
                weights += weight
                now = rates[step] if len(rates) > 1 else rates[0]
                update(
                    lanes, optimizer, settings, now, t, state.alive, vectors.parameters, vectors.gradient,
                    vectors.first, vectors.second,
                )  # fmt: skip
                step += 1
            for l in range(lanes):
                if state.alive[u(l)]:
                    state.losses[epoch, l] /= weights
        lane_squares(lanes, vectors.gradient, state.squares)
        state.steps_done[0] = t

    return run_lanes


@kernel
def has_any(penalties):
    for s in range(len(penalties)):
        for l in range(penalties.shape[1]):
            if penalties[s, l] != 0.0:
                return True
    return False


run_lanes = callable_from_python(of_version(version()), "many small networks")
"""Called by `plainnet.engines.compiled.lanes_engine`."""
