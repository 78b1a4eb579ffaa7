"""Losses, value and derivative, as in `plainnet.losses`."""

import math

from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.activations import log1p_exp_of_minus, sigmoid
from plainnet.engines.compiled.kernels.compiling import inlined, kernel, u
from plainnet.engines.compiled.kernels.exponential import exp


@inlined
def element(loss, shape, y, p):
    """ℓ and ℓ' of one output; p is the prediction, or the logit z for the losses that take one."""
    T = type(p)
    zero, one = T(0), T(1)
    if loss == code.MSE:
        error = p - y
        return error * error, T(2) * error
    if loss == code.BINARY_CROSS_ENTROPY:
        return max(p, zero) - y * p + log1p_exp_of_minus(abs(p)), sigmoid(p) - y
    if loss == code.MAE:
        error = p - y
        return abs(error), one if error > zero else (-one if error < zero else error)
    if loss == code.HUBER:
        error, delta = p - y, T(shape)
        clipped = error if -delta <= error <= delta or error != error else (delta if error > zero else -delta)
        return clipped * (error - T(0.5) * clipped), clipped
    if loss == code.POISSON:
        rate = exp(p)
        return rate - y * p, rate - y
    above_zero = p + T(1e-8)  # POISSON_OF_RATES
    return p - y * math.log(above_zero), one - y / above_zero


@inlined
def row_in_data(order, place):
    """Return which row of the data comes at this place of the epoch; an empty order is the data's own."""
    return order[u(place)] if len(order) > 0 else place


@inlined
def batch_loss(loss, shape, targets, labels, weight, order, begin, work, outputs, gradient, row, stop, units, total):
    """Σ w ℓ / `total` over the rows `row` ... `stop` of a batch; the derivative goes into `gradient`.

    The batch begins at `begin` in the epoch's order; `total` is its Σ w over all that ℓ counts: elements, or rows
    for cross-entropy.
    """
    T = work.dtype.type
    value = 0.0
    for r in range(row, stop):
        at = row_in_data(order, begin + r)
        share = T(1) / T(total)
        if len(weight) > 0:
            share = weight[u(at)] / T(total) if total != 0.0 else T(0)
        p, g = outputs + r * units, gradient + r * units
        if loss == code.CROSS_ENTROPY:
            value += row_cross_entropy(targets, labels, at, work, p, g, units, share) * share
            continue
        row_value = 0.0
        for i in range(units):
            own, derivative = element(loss, shape, targets[u(at * units + i)], work[u(p + i)])
            row_value += own
            work[u(g + i)] = derivative * share
        value += row_value * share
    return value


@kernel
def row_cross_entropy(targets, labels, at, work, z, gradient, units, share):
    """ℓ = ln Σ_j e^z_j - Σ_k y_k z_k of one row, and ∂ℓ/∂z = ŷ - y times `share`."""
    T = work.dtype.type
    largest = work[u(z)]
    for i in range(1, units):
        largest = max(largest, work[u(z + i)])
    total = T(0)
    for i in range(units):
        value = exp(work[u(z + i)] - largest)
        work[u(gradient + i)] = value
        total += value
    scale = share / total
    if len(labels) > 0:
        label = labels[u(at)]
        loss = math.log(total) - (work[u(z + label)] - largest)
        for i in range(units):
            work[u(gradient + i)] *= scale
        work[u(gradient + label)] -= share
        return loss
    loss = math.log(total)
    for i in range(units):
        y = targets[u(at * units + i)]
        loss -= y * (work[u(z + i)] - largest)
        work[u(gradient + i)] = work[u(gradient + i)] * scale - y * share
    return loss
