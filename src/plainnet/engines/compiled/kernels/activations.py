"""Activations, value and chain rule, as in `plainnet.activations`, over `size` numbers of the workspace."""

import math

from plainnet.activations import GELU_CUBIC, GELU_ROOT, SELU_ALPHA, SELU_SCALE
from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.compiling import inlined, kernel, u
from plainnet.engines.compiled.kernels.exponential import exp, expm1, tanh

ROOT, CUBIC = GELU_ROOT, GELU_CUBIC
ALPHA, SCALE = SELU_ALPHA, SELU_SCALE


@inlined
def sigmoid(z):
    """1 / (1 + e^-z)."""
    one = type(z)(1)
    return one / (one + exp(-z))


@inlined
def log1p_exp_of_minus(size):
    """ln(1 + e^-size)."""
    return math.log1p(exp(-size))


@inlined
def needs_sums(code_):
    """Return True if the derivative is taken from z, so that a cannot take its place."""
    return code.LEAKY_RELU <= code_ <= code.SOFTPLUS


@inlined
def copy(work, source, target, size):
    """Copy `size` numbers within the workspace."""
    for i in range(size):
        work[u(target + i)] = work[u(source + i)]


@kernel
def activate(code_, shape, work, z, a, size, units):
    """a = f(z) for `size` numbers, rows of `units`.

    What is `FROM_VALUES` (see `plainnet.engines.compiled.program`) works in place, for a loop that reads and writes
    one place can be vectorized, and one over two places that may be the same cannot; for the others z stands elsewhere.
    """
    T = work.dtype.type
    if z != a and not needs_sums(code_):
        copy(work, z, a, size)
    one, zero, half = T(1), T(0), T(0.5)
    s = T(shape)
    if code_ == code.RELU:
        for i in range(size):
            x = work[u(a + i)]
            work[u(a + i)] = x if x > zero or x != x else zero
    elif code_ == code.SIGMOID:
        for i in range(size):
            work[u(a + i)] = sigmoid(work[u(a + i)])
    elif code_ == code.TANH:
        for i in range(size):
            work[u(a + i)] = tanh(work[u(a + i)])
    elif code_ == code.LEAKY_RELU:
        for i in range(size):
            x = work[u(z + i)]
            work[u(a + i)] = x if x > zero else s * x
    elif code_ == code.ELU:
        for i in range(size):
            x = work[u(z + i)]
            work[u(a + i)] = x if x > zero else s * expm1(x)
    elif code_ == code.SELU:
        for i in range(size):
            x = work[u(z + i)]
            work[u(a + i)] = T(SCALE) * (x if x > zero else T(ALPHA) * expm1(x))
    elif code_ == code.GELU:
        for i in range(size):
            x = work[u(z + i)]
            work[u(a + i)] = half * x * (one + tanh(T(ROOT) * (x + T(CUBIC) * x * x * x)))
    elif code_ == code.SILU:
        for i in range(size):
            x = work[u(z + i)]
            work[u(a + i)] = x * sigmoid(x)
    elif code_ == code.SOFTPLUS:
        for i in range(size):
            x = work[u(z + i)]
            work[u(a + i)] = max(x, zero) + log1p_exp_of_minus(abs(x))
    elif code_ == code.EXPONENTIAL:
        for i in range(size):
            work[u(a + i)] = exp(work[u(a + i)])
    elif code_ == code.SOFTMAX:
        softmax(work, a, size, units)


@kernel
def softmax(work, a, size, units):
    """a_i = e^z_i / Σ_j e^z_j, a row at a time, in place."""
    T = work.dtype.type
    for row in range(0, size, units):
        largest = work[u(a + row)]
        for i in range(row + 1, row + units):
            largest = max(largest, work[u(a + i)])
        total = T(0)
        for i in range(row, row + units):
            value = exp(work[u(a + i)] - largest)
            work[u(a + i)] = value
            total += value
        for i in range(row, row + units):
            work[u(a + i)] /= total


@kernel
def chain(code_, shape, work, z, a, gradient, result, size, units):
    """∂loss/∂z = ∂loss/∂a · f'(z), from `gradient` into `result`, which may be the same place."""
    T = work.dtype.type
    if result != gradient:
        copy(work, gradient, result, size)
    one, zero, half = T(1), T(0), T(0.5)
    s = T(shape)
    if code_ == code.RELU:
        for i in range(size):
            g = work[u(result + i)]
            work[u(result + i)] = g if work[u(a + i)] > zero else g * zero
    elif code_ == code.SIGMOID:
        for i in range(size):
            y = work[u(a + i)]
            work[u(result + i)] *= y * (one - y)
    elif code_ == code.TANH:
        for i in range(size):
            y = work[u(a + i)]
            work[u(result + i)] *= one - y * y
    elif code_ == code.LEAKY_RELU:
        for i in range(size):
            work[u(result + i)] *= one if work[u(z + i)] > zero else s
    elif code_ == code.ELU:
        for i in range(size):
            derivative = one if work[u(z + i)] > zero else work[u(a + i)] + s
            work[u(result + i)] *= derivative
    elif code_ == code.SELU:
        for i in range(size):
            derivative = T(SCALE) if work[u(z + i)] > zero else work[u(a + i)] + T(SCALE * ALPHA)
            work[u(result + i)] *= derivative
    elif code_ == code.GELU:
        for i in range(size):
            x = work[u(z + i)]
            t = tanh(T(ROOT) * (x + T(CUBIC) * x * x * x))
            slope = T(ROOT) * (one + T(3 * CUBIC) * x * x)
            derivative = half * (one + t) + half * x * (one - t * t) * slope
            work[u(result + i)] *= derivative
    elif code_ == code.SILU:
        for i in range(size):
            y = sigmoid(work[u(z + i)])
            work[u(result + i)] *= y + work[u(a + i)] * (one - y)
    elif code_ == code.SOFTPLUS:
        for i in range(size):
            work[u(result + i)] *= sigmoid(work[u(z + i)])
    elif code_ == code.EXPONENTIAL:
        for i in range(size):
            work[u(result + i)] *= work[u(a + i)]
    elif code_ == code.SOFTMAX:
        softmax_chain(work, a, result, size, units)


@kernel
def softmax_chain(work, a, result, size, units):
    """∂loss/∂z_j = a_j (g_j - Σ_i g_i a_i), a row at a time."""
    T = work.dtype.type
    for row in range(0, size, units):
        across = T(0)
        for i in range(row, row + units):
            across += work[u(result + i)] * work[u(a + i)]
        for i in range(row, row + units):
            work[u(result + i)] = work[u(a + i)] * (work[u(result + i)] - across)
