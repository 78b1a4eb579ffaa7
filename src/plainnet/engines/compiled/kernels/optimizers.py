"""Optimizers, as in `plainnet.optimizers`: the step of one parameter, and loops of it over a part of the vector."""

import math

from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.compiling import inlined, kernel, u


@inlined
def update(optimizer, settings, factor, rate, t, parameters, gradient, first, second, start, stop):
    """Step t on the parameters `start` ... `stop`; the sum of their gradients' squares before it.

    `factor` is what clipping multiplies the gradient by; `first` and `second` are the optimizer's memory.
    """
    T = parameters.dtype.type
    decay, shrink, clip = T(settings[code.DECAY]), T(1), T(factor)
    if settings[code.DECOUPLED] != 0.0:
        decay, shrink = T(0), T(1 - rate * settings[code.DECAY])
    if optimizer == code.ADAM:
        return adam(settings, clip, decay, shrink, rate, t, parameters, gradient, first, second, start, stop)
    if optimizer == code.SGD:
        return sgd(settings, clip, decay, rate, parameters, gradient, first, start, stop)
    if optimizer == code.RMSPROP:
        return rmsprop(settings, clip, decay, rate, parameters, gradient, first, second, start, stop)
    return adagrad(settings, clip, decay, rate, parameters, gradient, first, start, stop)


@inlined
def adam_step(p, g, m, v, beta1, rest1, beta2, rest2, small, correction, step):
    """m ← β1 m + (1 - β1) g, v ← β2 v + (1 - β2) g², θ ← θ - η / (1 - β1^t) · m / (√v / √(1 - β2^t) + ε)."""
    m = beta1 * m + rest1 * g
    v = beta2 * v + rest2 * g * g
    return p - step * m / (math.sqrt(v) * correction + small), m, v


@inlined
def sgd_step(p, g, v, momentum, nesterov, step):
    """θ ← θ - η g; with momentum v ← μ v + g and θ ← θ - η v, or θ ← θ - η (g + μ v) with Nesterov's."""
    v = momentum * v + g
    return p - step * (g + momentum * v if nesterov else v), v


@inlined
def rmsprop_step(p, g, s, v, beta, rest, small, momentum, step):
    """s ← β2 s + (1 - β2) g², θ ← θ - η g / (√s + ε); with momentum v ← μ v + g / (√s + ε), θ ← θ - η v."""
    s = beta * s + rest * g * g
    v = momentum * v + g / (math.sqrt(s) + small)
    return p - step * v, s, v


@inlined
def adagrad_step(p, g, s, small, step):
    """s ← s + g², θ ← θ - η g / (√s + ε)."""
    s = s + g * g
    return p - step * g / (math.sqrt(s) + small), s


@kernel
def adam(settings, clip, decay, shrink, rate, t, parameters, gradient, mean, square, start, stop):
    T = parameters.dtype.type
    squares = T(0)
    beta1, beta2, small = T(settings[code.BETA1]), T(settings[code.BETA2]), T(settings[code.OPTIMIZER_EPSILON])
    rest1, rest2 = T(1 - settings[code.BETA1]), T(1 - settings[code.BETA2])
    correction = T(1 / math.sqrt(1 - settings[code.BETA2] ** t))
    step = T(rate / (1 - settings[code.BETA1] ** t))
    for i in range(start, stop):
        p, g = parameters[u(i)] * shrink, gradient[u(i)]
        squares += g * g
        parameters[u(i)], mean[u(i)], square[u(i)] = adam_step(
            p, g * clip + decay * p, mean[u(i)], square[u(i)], beta1, rest1, beta2, rest2, small, correction, step
        )
    return squares


@inlined
def sgd(settings, clip, decay, rate, parameters, gradient, velocity, start, stop):
    T = parameters.dtype.type
    squares = T(0)
    momentum, nesterov, step = T(settings[code.INERTIA]), settings[code.NESTEROV] != 0.0, T(rate)
    if len(velocity) == 0:
        for i in range(start, stop):
            p, g = parameters[u(i)], gradient[u(i)]
            squares += g * g
            parameters[u(i)] = p - step * (g * clip + decay * p)
        return squares
    for i in range(start, stop):
        p, g = parameters[u(i)], gradient[u(i)]
        squares += g * g
        parameters[u(i)], velocity[u(i)] = sgd_step(p, g * clip + decay * p, velocity[u(i)], momentum, nesterov, step)
    return squares


@kernel
def rmsprop(settings, clip, decay, rate, parameters, gradient, square, velocity, start, stop):
    T = parameters.dtype.type
    squares = T(0)
    beta, rest = T(settings[code.BETA2]), T(1 - settings[code.BETA2])
    small, momentum, step = T(settings[code.OPTIMIZER_EPSILON]), T(settings[code.INERTIA]), T(rate)
    remembers = len(velocity) > 0
    for i in range(start, stop):
        p, g = parameters[u(i)], gradient[u(i)]
        squares += g * g
        before = velocity[u(i)] if remembers else T(0)
        p, square[u(i)], v = rmsprop_step(
            p, g * clip + decay * p, square[u(i)], before, beta, rest, small, momentum, step
        )
        parameters[u(i)] = p
        if remembers:
            velocity[u(i)] = v
    return squares


@kernel
def adagrad(settings, clip, decay, rate, parameters, gradient, square, start, stop):
    T = parameters.dtype.type
    squares = T(0)
    small, step = T(settings[code.OPTIMIZER_EPSILON]), T(rate)
    for i in range(start, stop):
        p, g = parameters[u(i)], gradient[u(i)]
        squares += g * g
        parameters[u(i)], square[u(i)] = adagrad_step(p, g * clip + decay * p, square[u(i)], small, step)
    return squares
