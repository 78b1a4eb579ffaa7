"""Optimizers, as in `plainnet.optimizers`, over a part of the parameter vector."""

import math

from plainnet.engines import program as code
from plainnet.engines.kernels.compiling import inlined, kernel, u


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


@kernel
def adam(settings, clip, decay, shrink, rate, t, parameters, gradient, mean, square, start, stop):
    """m ← β1 m + (1 - β1) g, v ← β2 v + (1 - β2) g², θ ← θ - η / (1 - β1^t) · m / (√v / √(1 - β2^t) + ε)."""
    T = parameters.dtype.type
    squares = T(0)
    beta1, beta2, small = T(settings[code.BETA1]), T(settings[code.BETA2]), T(settings[code.SMALL])
    rest1, rest2 = T(1 - settings[code.BETA1]), T(1 - settings[code.BETA2])
    correction = T(1 / math.sqrt(1 - settings[code.BETA2] ** t))
    step = T(rate / (1 - settings[code.BETA1] ** t))
    for i in range(start, stop):
        p = parameters[u(i)] * shrink
        g = gradient[u(i)]
        squares += g * g
        g = g * clip + decay * p
        m = beta1 * mean[u(i)] + rest1 * g
        v = beta2 * square[u(i)] + rest2 * g * g
        mean[u(i)] = m
        square[u(i)] = v
        parameters[u(i)] = p - step * m / (math.sqrt(v) * correction + small)
    return squares


@inlined
def sgd(settings, clip, decay, rate, parameters, gradient, velocity, start, stop):
    """θ ← θ - η g; with momentum v ← μ v + g and θ ← θ - η v, or θ ← θ - η (g + μ v) with Nesterov's."""
    T = parameters.dtype.type
    squares = T(0)
    momentum, step = T(settings[code.INERTIA]), T(rate)
    if settings[code.INERTIA] == 0.0:
        for i in range(start, stop):
            g = gradient[u(i)]
            squares += g * g
            parameters[u(i)] -= step * (g * clip + decay * parameters[u(i)])
        return squares
    nesterov = settings[code.NESTEROV] != 0.0
    for i in range(start, stop):
        g = gradient[u(i)]
        squares += g * g
        g = g * clip + decay * parameters[u(i)]
        v = momentum * velocity[u(i)] + g
        velocity[u(i)] = v
        parameters[u(i)] -= step * (g + momentum * v if nesterov else v)
    return squares


@kernel
def rmsprop(settings, clip, decay, rate, parameters, gradient, square, velocity, start, stop):
    """s ← β2 s + (1 - β2) g², θ ← θ - η g / (√s + ε); with momentum v ← μ v + g / (√s + ε), θ ← θ - η v."""
    T = parameters.dtype.type
    squares = T(0)
    beta, rest = T(settings[code.BETA2]), T(1 - settings[code.BETA2])
    small, momentum, step = T(settings[code.SMALL]), T(settings[code.INERTIA]), T(rate)
    with_momentum = settings[code.INERTIA] != 0.0
    for i in range(start, stop):
        g = gradient[u(i)]
        squares += g * g
        g = g * clip + decay * parameters[u(i)]
        s = beta * square[u(i)] + rest * g * g
        square[u(i)] = s
        direction = g / (math.sqrt(s) + small)
        if with_momentum:
            direction += momentum * velocity[u(i)]
            velocity[u(i)] = direction
        parameters[u(i)] -= step * direction
    return squares


@kernel
def adagrad(settings, clip, decay, rate, parameters, gradient, square, start, stop):
    """s ← s + g², θ ← θ - η g / (√s + ε)."""
    T = parameters.dtype.type
    squares = T(0)
    small, step = T(settings[code.SMALL]), T(rate)
    for i in range(start, stop):
        g = gradient[u(i)]
        squares += g * g
        g = g * clip + decay * parameters[u(i)]
        s = square[u(i)] + g * g
        square[u(i)] = s
        parameters[u(i)] -= step * g / (math.sqrt(s) + small)
    return squares
