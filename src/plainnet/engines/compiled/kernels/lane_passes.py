"""Several small networks of the same shape at once, one in each lane of the vector instructions.

Every number of a network becomes `lanes` numbers side by side, one of each network: the number at the offset `i` of a
network's vector stands, for the network in lane `l`, at `i · lanes + l`. The innermost loop of every product runs
over the lanes, so it is a vector instruction however small the networks are. Dense layers with activations that act
on each number alone, full batches or batches in the data's own order: what tiny networks in their thousands are.
"""

import math

from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.compiling import kernel, u
from plainnet.engines.compiled.kernels.losses import element
from plainnet.engines.compiled.kernels.optimizers import adagrad_step, adam_step, rmsprop_step, sgd_step


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
    inertia, nesterov = T(settings[code.INERTIA]), settings[code.NESTEROV] != 0.0
    small = T(settings[code.OPTIMIZER_EPSILON])
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
