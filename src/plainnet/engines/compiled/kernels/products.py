"""The three matrix products of a Dense layer; small ones as loops, large ones by BLAS.

All matrices lie row by row. BLAS counts by columns and so sees each of them transposed: C = A B is asked of it as
Cᵀ = Bᵀ Aᵀ.
"""

from plainnet.engines.compiled.kernels.compiling import inlined_late, kernel, u
from plainnet.engines.compiled.kernels.machine import gemm

MOST_BY_LOOP = 1500
"""Up to this many multiplications a loop is faster than the call of a BLAS routine."""

FEW = 8
"""Below this many units four sums at a time stay in registers; from it on, all sums of a row run side by side."""


WIDE = 500_000
"""Layers with at least this many weights are split by columns rather than by rows, so that each thread packs only its
share of the weight matrix for BLAS."""


@kernel
def add_bias(parameters, bias, work, sums, rows, units):
    """z + bias, row by row."""
    for row in range(rows):
        for unit in range(units):
            work[u(sums + row * units + unit)] += parameters[u(bias + unit)]


@kernel
def columns_of_sums(blas, inputs, first, parameters, weights, work, sums, start, stop, rows, width, units):
    """inputs @ weights for the units `start` ... `stop` of all rows."""
    T = work.dtype.type
    size = work.itemsize
    w, x = parameters.ctypes.data + (weights + start) * size, inputs.ctypes.data + first * size
    gemm(blas, 0, stop - start, rows, width, w, units, x, width, work.ctypes.data + (sums + start) * size, units, T(1))


@kernel
def columns_of_input_gradient(blas, work, delta, parameters, weights, result, start, stop, rows, width, units):
    """δ @ weightsᵀ for the inputs `start` ... `stop` of all rows."""
    T = work.dtype.type
    size = work.itemsize
    w, d = parameters.ctypes.data + (weights + start * units) * size, work.ctypes.data + delta * size
    into = work.ctypes.data + (result + start) * size
    gemm(blas, 1, stop - start, rows, units, w, units, d, units, into, width, T(1))


@inlined_late
def weighted_sums(blas, inputs, first, parameters, weights, bias, work, sums, rows, width, units):
    """z = inputs @ weights + bias, into `work` from `sums` on; `first` is where the inputs' rows begin."""
    T = work.dtype.type
    if rows * width * units > MOST_BY_LOOP:
        size = work.itemsize
        w, x = parameters.ctypes.data + weights * size, inputs.ctypes.data + first * size
        gemm(blas, 0, units, rows, width, w, units, x, width, work.ctypes.data + sums * size, units, T(1))
        if bias >= 0:
            add_bias(parameters, bias, work, sums, rows, units)
        return
    for row in range(rows):
        z, x = sums + row * units, first + row * width
        for unit in range(units):
            work[u(z + unit)] = parameters[u(bias + unit)] if bias >= 0 else T(0)
        if units < FEW:
            for unit in range(0, units - 3, 4):
                a, b, c, d = T(0), T(0), T(0), T(0)
                for i in range(width):
                    x_i, w = inputs[u(x + i)], weights + i * units + unit
                    a += x_i * parameters[u(w)]
                    b += x_i * parameters[u(w + 1)]
                    c += x_i * parameters[u(w + 2)]
                    d += x_i * parameters[u(w + 3)]
                at = z + unit
                work[u(at)] += a
                work[u(at + 1)] += b
                work[u(at + 2)] += c
                work[u(at + 3)] += d
            for unit in range(units - units % 4, units):
                total = work[u(z + unit)]
                for i in range(width):
                    total += inputs[u(x + i)] * parameters[u(weights + i * units + unit)]
                work[u(z + unit)] = total
        else:
            for i in range(width):
                x_i = inputs[u(x + i)]
                for unit in range(units):
                    work[u(z + unit)] += x_i * parameters[u(weights + i * units + unit)]


@inlined_late
def input_gradient(blas, work, delta, parameters, weights, result, rows, width, units):
    """∂loss/∂inputs = δ @ weightsᵀ, into `work` from `result` on."""
    T = work.dtype.type
    if rows * width * units > MOST_BY_LOOP:
        size = work.itemsize
        w, d = parameters.ctypes.data + weights * size, work.ctypes.data + delta * size
        gemm(blas, 1, width, rows, units, w, units, d, units, work.ctypes.data + result * size, width, T(1))
        return
    for row in range(rows):
        d = delta + row * units
        for i in range(width):
            total = T(0)
            w = weights + i * units
            for unit in range(units):
                total += work[u(d + unit)] * parameters[u(w + unit)]
            work[u(result + row * width + i)] = total


@inlined_late
def weight_gradient(blas, inputs, first, work, delta, gradient, weights, start, stop, rows, width, units):
    """∂loss/∂weights = inputsᵀ @ δ for the inputs `start` ... `stop`, into `gradient` from `weights` on."""
    T = work.dtype.type
    if rows * (stop - start) * units > MOST_BY_LOOP:
        size = work.itemsize
        d, x = work.ctypes.data + delta * size, inputs.ctypes.data + (first + start) * size
        result = gradient.ctypes.data + (weights + start * units) * size
        gemm(blas, 2, units, stop - start, rows, d, units, x, width, result, units, T(1))
        return
    if units < FEW:
        for i in range(start, stop):
            for unit in range(0, units - 3, 4):
                a, b, c, d = T(0), T(0), T(0), T(0)
                for row in range(rows):
                    x_i, at = inputs[u(first + row * width + i)], delta + row * units + unit
                    a += x_i * work[u(at)]
                    b += x_i * work[u(at + 1)]
                    c += x_i * work[u(at + 2)]
                    d += x_i * work[u(at + 3)]
                w = weights + i * units + unit
                gradient[u(w)] = a
                gradient[u(w + 1)] = b
                gradient[u(w + 2)] = c
                gradient[u(w + 3)] = d
            for unit in range(units - units % 4, units):
                total = T(0)
                for row in range(rows):
                    total += inputs[u(first + row * width + i)] * work[u(delta + row * units + unit)]
                gradient[u(weights + i * units + unit)] = total
        return
    for place in range(weights + start * units, weights + stop * units):
        gradient[u(place)] = T(0)
    for row in range(rows):
        for i in range(start, stop):
            x_i = inputs[u(first + row * width + i)]
            for unit in range(units):
                gradient[u(weights + i * units + unit)] += x_i * work[u(delta + row * units + unit)]
