"""BatchNorm, LayerNorm and Dropout, as in `plainnet.layers`."""

import math

import numpy as np

from plainnet.engines.compiled.kernels.compiling import kernel, u
from plainnet.engines.compiled.kernels.machine import next_uint32


@kernel
def draw_mask(function, state, work, mask, size, rate):
    """1 / (1 - rate) with probability 1 - rate, else 0: NumPy's float32 `random`, 24 bits a number."""
    T = work.dtype.type
    kept = T(1) / T(1 - rate)
    limit = np.float32(rate)
    for i in range(size):
        drawn = np.float32(next_uint32(function, state) >> 8) * np.float32(1 / 2**24)
        work[u(mask + i)] = kept if drawn >= limit else T(0)


@kernel
def batch_norm(
    source, parameters, scale, shift, statistics, running, work, values, normalized, inverse,
    start, stop, rows, units, epsilon, momentum,
):  # fmt: skip
    """Outputs of BatchNorm for the features `start` ... `stop`, and the running statistics' step."""
    T = work.dtype.type
    n = T(rows)
    for i in range(start, stop):
        mean, variance = T(0), T(0)
        for row in range(rows):
            mean += work[u(source + row * units + i)]
        mean /= n
        for row in range(rows):
            centred = work[u(source + row * units + i)] - mean
            variance += centred * centred
        variance /= n
        if rows > 1:
            unbiased = variance * (n / (n - T(1)))
            statistics[u(running + i)] += T(momentum) * (mean - statistics[u(running + i)])
            at = running + units + i
            statistics[u(at)] += T(momentum) * (unbiased - statistics[u(at)])
        factor = T(1) / math.sqrt(variance + T(epsilon))
        work[u(inverse + i)] = factor
        for row in range(rows):
            x = (work[u(source + row * units + i)] - mean) * factor
            work[u(normalized + row * units + i)] = x
            work[u(values + row * units + i)] = parameters[u(scale + i)] * x + parameters[u(shift + i)]


@kernel
def batch_norm_gradient(parameters, scale, work, gradient, normalized, inverse, result, start, stop, rows, units):
    """∂loss/∂inputs = s (g - mean(g) - x̂ mean(g x̂)) for the features `start` ... `stop`."""
    T = work.dtype.type
    n = T(rows)
    for i in range(start, stop):
        total, product = T(0), T(0)
        for row in range(rows):
            at = row * units + i
            g = work[u(gradient + at)]
            total += g
            product += g * work[u(normalized + at)]
        factor = parameters[u(scale + i)] * work[u(inverse + i)]
        total /= n
        product /= n
        for row in range(rows):
            at = row * units + i
            work[u(result + at)] = (work[u(gradient + at)] - total - work[u(normalized + at)] * product) * factor


@kernel
def layer_norm(source, parameters, scale, shift, work, values, normalized, inverse, row, stop, units, epsilon):
    """Outputs of LayerNorm for the examples `row` ... `stop`."""
    T = work.dtype.type
    n = T(units)
    for r in range(row, stop):
        at = r * units
        mean, variance = T(0), T(0)
        for i in range(units):
            mean += work[u(source + at + i)]
        mean /= n
        for i in range(units):
            centred = work[u(source + at + i)] - mean
            variance += centred * centred
        factor = T(1) / math.sqrt(variance / n + T(epsilon))
        work[u(inverse + r)] = factor
        for i in range(units):
            x = (work[u(source + at + i)] - mean) * factor
            work[u(normalized + at + i)] = x
            work[u(values + at + i)] = parameters[u(scale + i)] * x + parameters[u(shift + i)]


@kernel
def layer_norm_gradient(parameters, scale, work, gradient, normalized, inverse, result, row, stop, units):
    """∂loss/∂inputs = (g - mean(g) - x̂ mean(g x̂)) / √(variance + ε), g = ∂loss/∂outputs · scale."""
    T = work.dtype.type
    n = T(units)
    for r in range(row, stop):
        at = r * units
        total, product = T(0), T(0)
        for i in range(units):
            g = work[u(gradient + at + i)] * parameters[u(scale + i)]
            total += g
            product += g * work[u(normalized + at + i)]
        total /= n
        product /= n
        factor = work[u(inverse + r)]
        for i in range(units):
            g = work[u(gradient + at + i)] * parameters[u(scale + i)]
            work[u(result + at + i)] = (g - total - work[u(normalized + at + i)] * product) * factor
