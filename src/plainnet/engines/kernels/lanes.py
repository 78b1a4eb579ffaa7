"""Several small networks of the same shape at once, one in each lane of the vector instructions.

Every number of a network becomes `lanes` numbers side by side, one of each network: the number at the offset `i` of a
network's vector stands, for the network in lane `l`, at `i · lanes + l`. The innermost loop of every product runs
over the lanes, so it is a vector instruction however small the networks are. Dense layers with activations that act
on each number alone, full batches or batches in the data's own order: what tiny networks in their thousands are.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from plainnet.arrays import Array
from plainnet.engines import program as code
from plainnet.engines.kernels.activating import activate, chain
from plainnet.engines.kernels.compiling import callable_from_python, inlined, kernel, u, version
from plainnet.engines.kernels.losing import element
from plainnet.engines.kernels.optimizing import adagrad_step, adam_step, rmsprop_step, sgd_step


@kernel
def weighted_sums(lanes, parameters, weights, bias, inputs, first, stride, work, sums, rows, width, units):
    """z = inputs @ weights + bias. `stride` is 0 where all lanes have the same inputs, else 1."""
    T = work.dtype.type
    for row in range(rows):
        for unit in range(units):
            z = (sums + row * units + unit) * lanes
            for l in range(lanes):
                work[u(z + l)] = parameters[u((bias + unit) * lanes + l)] if bias >= 0 else T(0)
            for i in range(width):
                w, x = (weights + i * units + unit) * lanes, first + row * width + i
                if stride == 0:
                    x_i = inputs[u(x)]
                    for l in range(lanes):
                        work[u(z + l)] += x_i * parameters[u(w + l)]
                else:
                    for l in range(lanes):
                        work[u(z + l)] += inputs[u(x * lanes + l)] * parameters[u(w + l)]


@kernel
def input_gradient(lanes, work, delta, parameters, weights, result, rows, width, units):
    """∂loss/∂inputs = δ @ weightsᵀ."""
    for row in range(rows):
        for i in range(width):
            into = (result + row * width + i) * lanes
            for unit in range(units):
                d, w = (delta + row * units + unit) * lanes, (weights + i * units + unit) * lanes
                if unit == 0:
                    for l in range(lanes):
                        work[u(into + l)] = work[u(d + l)] * parameters[u(w + l)]
                else:
                    for l in range(lanes):
                        work[u(into + l)] += work[u(d + l)] * parameters[u(w + l)]


@kernel
def parameter_gradient(lanes, inputs, first, stride, work, delta, gradient, weights, bias, rows, width, units):
    """∂loss/∂weights = inputsᵀ @ δ and ∂loss/∂bias = Σ_examples δ."""
    for i in range(lanes * weights, lanes * (weights + width * units)):
        gradient[u(i)] = gradient.dtype.type(0)
    for row in range(rows):
        for i in range(width):
            x = first + row * width + i
            for unit in range(units):
                into, d = (weights + i * units + unit) * lanes, (delta + row * units + unit) * lanes
                if stride == 0:
                    x_i = inputs[u(x)]
                    for l in range(lanes):
                        gradient[u(into + l)] += x_i * work[u(d + l)]
                else:
                    for l in range(lanes):
                        gradient[u(into + l)] += inputs[u(x * lanes + l)] * work[u(d + l)]
        if bias >= 0:
            for unit in range(units):
                into, d = (bias + unit) * lanes, (delta + row * units + unit) * lanes
                if row == 0:
                    for l in range(lanes):
                        gradient[u(into + l)] = work[u(d + l)]
                else:
                    for l in range(lanes):
                        gradient[u(into + l)] += work[u(d + l)]


@kernel
def batch_loss(lanes, loss, shape, data, begin, work, outputs, gradient, rows, units, total, values):
    """Σ w ℓ / `total` of each lane into `values`, and the derivative of each output into the workspace."""
    T = work.dtype.type
    for l in range(lanes):
        values[u(l)] = 0.0
    for row in range(rows):
        share = T(1) / T(total)
        if len(data.weight) > 0:
            share = data.weight[u(begin + row)] / T(total) if total != 0.0 else T(0)
        for unit in range(units):
            y = data.targets[u((begin + row) * units + unit)]
            p = (outputs + row * units + unit) * lanes
            g = (gradient + row * units + unit) * lanes
            for l in range(lanes):
                own, derivative = element(loss, shape, y, work[u(p + l)])
                values[u(l)] += own * share
                work[u(g + l)] = derivative * share


@kernel
def add_penalties(lanes, stages, l1, l2, parameters, gradient, values):
    """l1 · Σ|w| + l2/2 · Σw² of each lane, added to `values`, and its gradient."""
    T = parameters.dtype.type
    for s in range(len(stages)):
        first = stages[s, code.WEIGHTS]
        for i in range(first, first + stages[s, code.INPUTS] * stages[s, code.OUTPUTS]):
            for l in range(lanes):
                w = parameters[u(i * lanes + l)]
                sign = T(1) if w > T(0) else (T(-1) if w < T(0) else T(0))
                gradient[u(i * lanes + l)] += T(l1[s, l]) * sign + T(l2[s, l]) * w
                values[u(l)] += l1[s, l] * abs(w) + l2[s, l] / 2 * w * w


@kernel
def update(lanes, optimizer, settings, rates, t, alive, parameters, gradient, first, second):
    """Step t of every network that is alive, each with its own learning rate."""
    T = parameters.dtype.type
    inertia, nesterov, small = T(settings[code.INERTIA]), settings[code.NESTEROV] != 0.0, T(settings[code.SMALL])
    beta1, rest1 = T(settings[code.BETA1]), T(1 - settings[code.BETA1])
    beta2, rest2 = T(settings[code.BETA2]), T(1 - settings[code.BETA2])
    decay, shrink = T(settings[code.DECAY]), 0.0
    if settings[code.DECOUPLED] != 0.0:
        decay, shrink = T(0), settings[code.DECAY]
    correction, growth = T(1), 1.0
    if optimizer == code.ADAM:
        correction = T(1 / math.sqrt(1 - settings[code.BETA2] ** t))
        growth = 1 - settings[code.BETA1] ** t
    for i in range(0, len(parameters), lanes):
        if optimizer == code.ADAM:
            for l in range(lanes):
                at = u(i + l)
                old, step = parameters[at], T(rates[u(l)] / growth)
                p = old * T(1 - rates[u(l)] * shrink)
                p, first[at], second[at] = adam_step(
                    p, gradient[at] + decay * p, first[at], second[at], beta1, rest1, beta2, rest2, small, correction,
                    step,
                )  # fmt: skip
                parameters[at] = p if alive[u(l)] else old
        elif optimizer == code.SGD:
            for l in range(lanes):
                at = u(i + l)
                p = parameters[at]
                now, first[at] = sgd_step(p, gradient[at] + decay * p, first[at], inertia, nesterov, T(rates[u(l)]))
                parameters[at] = now if alive[u(l)] else p
        elif optimizer == code.RMSPROP:
            for l in range(lanes):
                at = u(i + l)
                p, step = parameters[at], T(rates[u(l)])
                now, first[at], second[at] = rmsprop_step(
                    p, gradient[at] + decay * p, first[at], second[at], beta2, rest2, small, inertia, step
                )
                parameters[at] = now if alive[u(l)] else p
        else:
            for l in range(lanes):
                at = u(i + l)
                p = parameters[at]
                now, first[at] = adagrad_step(p, gradient[at] + decay * p, first[at], small, T(rates[u(l)]))
                parameters[at] = now if alive[u(l)] else p


@kernel
def lane_squares(lanes, gradient, squares):
    """Σ g² of each lane."""
    for l in range(lanes):
        squares[u(l)] = 0.0
    for i in range(0, len(gradient), lanes):
        for l in range(lanes):
            squares[u(l)] += gradient[u(i + l)] * gradient[u(i + l)]


class LaneData(NamedTuple):
    """Flat; an empty weight is 1 for every row."""

    inputs: Array
    targets: Array
    weight: Array


class LaneState(NamedTuple):
    """Where the runs stand; all lanes are at the same step."""

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
    """The loss of each lane and the gradient of every parameter for the rows from `begin` on."""
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
        lanes, loss, loss_shape, data, begin, work, outputs, stages[last, code.GRADIENT], rows, units, counted, vectors.values
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
    """The function `run_lanes`, for kernels whose text has this digest; see `running.of_version`."""

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
                    lanes, stages, reals, loss, loss_shape, l1, l2, penalized, data, vectors, begin, size, weight * units
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
                    lanes, optimizer, settings, now, t, state.alive, vectors.parameters, vectors.gradient, vectors.first,
                    vectors.second,
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


run_lanes = callable_from_python(of_version(version()))
"""Called by `plainnet.engines.lanes_engine`."""
