"""The passes of a training step: forward, backward, and the gradient of every parameter, stage by stage.

Each thread takes a part of the batch's rows forward and back (of a wide layer's product a part of the columns); for
the parameters' gradients it takes a part of each layer's inputs and all rows, so that every sum over the batch is made
by one thread in one order.
"""

from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.activations import activate, chain
from plainnet.engines.compiled.kernels.compiling import inlined, kernel, u
from plainnet.engines.compiled.kernels.norms import batch_norm, batch_norm_gradient, layer_norm, layer_norm_gradient
from plainnet.engines.compiled.kernels.products import (
    FEW,
    WIDE,
    add_bias,
    columns_of_input_gradient,
    columns_of_sums,
    input_gradient,
    weight_gradient,
    weighted_sums,
)
from plainnet.engines.compiled.kernels.sharing import part, wait_for_all


@inlined
def forward(stages, reals, blas, yielding, arrived, thread, threads, inputs, first, vectors, rows):
    """Return the outputs of every stage for this thread's rows.

    The first stage's inputs begin at `first` in `inputs`.
    """
    work, parameters = vectors.work, vectors.parameters
    begin, end = part(rows, thread, threads)
    source = first
    for s in range(len(stages)):
        kind, width, units = stages[s, code.KIND], stages[s, code.INPUTS], stages[s, code.OUTPUTS]
        values, normalized, inverse = stages[s, code.VALUES], stages[s, code.NORMALIZED], stages[s, code.INVERSE]
        scale, shift = stages[s, code.WEIGHTS], stages[s, code.BIAS]
        size, skipped = (end - begin) * units, begin * units
        if kind == code.DENSE:
            sums = stages[s, code.SUMS] + skipped
            from_here = source + begin * width
            given = inputs if s == 0 else work
            if threads > 1 and width * units >= WIDE:
                wait_for_all(arrived, thread, threads, yielding)
                start, stop = part(units, thread, threads)
                z = stages[s, code.SUMS]
                columns_of_sums(blas, given, source, parameters, scale, work, z, start, stop, rows, width, units)
                wait_for_all(arrived, thread, threads, yielding)
                if shift >= 0:
                    add_bias(parameters, shift, work, sums, end - begin, units)
            else:
                weighted_sums(blas, given, from_here, parameters, scale, shift, work, sums, end - begin, width, units)
            activate(stages[s, code.ACTIVATION], reals[s, code.SHAPE], work, sums, values + skipped, size, units)
        elif kind == code.ACTIVATE:
            z, a = source + skipped, values + skipped
            activate(stages[s, code.ACTIVATION], reals[s, code.SHAPE], work, z, a, size, units)
        elif kind == code.DROPOUT:
            drops, mask = reals[s, code.RATE] > 0.0, stages[s, code.MASK]
            for i in range(skipped, skipped + size):
                x = work[u(source + i)]
                work[u(values + i)] = x * work[u(mask + i)] if drops else x
        elif kind == code.BATCH_NORM:
            wait_for_all(arrived, thread, threads, yielding)
            start, stop = part(units, thread, threads)
            batch_norm(
                source, parameters, scale, shift, vectors.statistics, stages[s, code.STATISTICS], work, values,
                normalized, inverse, start, stop, rows, units, reals[s, code.EPSILON], reals[s, code.MOMENTUM],
            )  # fmt: skip
            wait_for_all(arrived, thread, threads, yielding)
        else:
            layer_norm(
                source, parameters, scale, shift, work, values, normalized, inverse, begin, end, units,
                reals[s, code.EPSILON],
            )  # fmt: skip
        source = values


@inlined
def backward(stages, reals, blas, yielding, arrived, thread, threads, vectors, rows):
    """Take ∂loss/∂outputs of the last stage back to that of the first, for this thread's rows.

    A Dense stage's gradient becomes δ = ∂loss/∂z where it stands. The data's own gradient is never taken.
    """
    work, parameters = vectors.work, vectors.parameters
    begin, end = part(rows, thread, threads)
    for s in range(len(stages) - 1, -1, -1):
        kind, width, units = stages[s, code.KIND], stages[s, code.INPUTS], stages[s, code.OUTPUTS]
        values, gradient = stages[s, code.VALUES], stages[s, code.GRADIENT]
        normalized, inverse, scale = stages[s, code.NORMALIZED], stages[s, code.INVERSE], stages[s, code.WEIGHTS]
        size, skipped = (end - begin) * units, begin * units
        result = stages[s - 1, code.GRADIENT] if s > 0 else -1
        g = gradient + skipped
        if kind == code.DENSE:
            z = stages[s, code.SUMS] + skipped
            a = values + skipped
            chain(stages[s, code.ACTIVATION], reals[s, code.SHAPE], work, z, a, g, g, size, units)
            if s > 0 and threads > 1 and width * units >= WIDE:
                wait_for_all(arrived, thread, threads, yielding)
                start, stop = part(width, thread, threads)
                columns_of_input_gradient(
                    blas, work, gradient, parameters, scale, result, start, stop, rows, width, units
                )
                wait_for_all(arrived, thread, threads, yielding)
            elif s > 0:
                into = result + begin * width
                input_gradient(blas, work, g, parameters, scale, into, end - begin, width, units)
        elif s == 0:
            pass
        elif kind == code.ACTIVATE:
            z, a, into = stages[s - 1, code.VALUES] + skipped, values + skipped, result + skipped
            chain(stages[s, code.ACTIVATION], reals[s, code.SHAPE], work, z, a, g, into, size, units)
        elif kind == code.DROPOUT:
            drops, mask = reals[s, code.RATE] > 0.0, stages[s, code.MASK]
            for i in range(skipped, skipped + size):
                x = work[u(gradient + i)]
                work[u(result + i)] = x * work[u(mask + i)] if drops else x
        elif kind == code.BATCH_NORM:
            wait_for_all(arrived, thread, threads, yielding)
            start, stop = part(units, thread, threads)
            batch_norm_gradient(
                parameters, scale, work, gradient, normalized, inverse, result, start, stop, rows, units
            )
            wait_for_all(arrived, thread, threads, yielding)
        else:
            layer_norm_gradient(parameters, scale, work, gradient, normalized, inverse, result, begin, end, units)


@inlined
def parameter_gradients(stages, reals, blas, thread, threads, inputs, first, vectors, rows):
    """This thread's part of the gradient of every parameter, penalties included."""
    work, gradient = vectors.work, vectors.gradient
    source = first
    for s in range(len(stages)):
        kind, width, units = stages[s, code.KIND], stages[s, code.INPUTS], stages[s, code.OUTPUTS]
        weights, bias, delta = stages[s, code.WEIGHTS], stages[s, code.BIAS], stages[s, code.GRADIENT]
        if kind == code.DENSE:
            start, stop = part(width, thread, threads)
            given = inputs if s == 0 else work
            weight_gradient(blas, given, source, work, delta, gradient, weights, start, stop, rows, width, units)
            l1, l2 = reals[s, code.L1], reals[s, code.L2]
            if l1 != 0.0 or l2 != 0.0:
                add_penalty_gradient(l1, l2, vectors, weights + start * units, weights + stop * units)
        start, stop = part(units, thread, threads)
        if kind == code.BATCH_NORM or kind == code.LAYER_NORM:
            sum_products(work, delta, stages[s, code.NORMALIZED], gradient, weights, start, stop, rows, units)
        if bias >= 0:
            sum_rows(work, delta, gradient, bias, start, stop, rows, units)
        source = stages[s, code.VALUES]


@inlined
def sum_rows(work, delta, gradient, bias, start, stop, rows, units):
    """∂loss/∂bias = Σ_examples δ for the units `start` ... `stop`."""
    T = work.dtype.type
    if units < FEW:
        for unit in range(start, stop):
            total = T(0)
            for row in range(rows):
                total += work[u(delta + row * units + unit)]
            gradient[u(bias + unit)] = total
        return
    for unit in range(start, stop):
        gradient[u(bias + unit)] = T(0)
    for row in range(rows):
        for unit in range(start, stop):
            gradient[u(bias + unit)] += work[u(delta + row * units + unit)]


@kernel
def sum_products(work, delta, normalized, gradient, scale, start, stop, rows, units):
    """∂loss/∂scale = Σ_examples g x̂ for the features `start` ... `stop`."""
    T = work.dtype.type
    for unit in range(start, stop):
        gradient[u(scale + unit)] = T(0)
    for row in range(rows):
        for unit in range(start, stop):
            at = row * units + unit
            gradient[u(scale + unit)] += work[u(delta + at)] * work[u(normalized + at)]


@kernel
def add_penalty_gradient(l1, l2, vectors, start, stop):
    """l1 · sign(w) + l2 · w, added to the gradient of the weights `start` ... `stop` of the vector."""
    T = vectors.parameters.dtype.type
    for i in range(start, stop):
        w = vectors.parameters[u(i)]
        sign = T(1) if w > T(0) else (T(-1) if w < T(0) else T(0))
        vectors.gradient[u(i)] += T(l1) * sign + T(l2) * w


@kernel
def penalty(stages, reals, thread, threads, parameters):
    """This thread's part of l1 · Σ|w| + l2/2 · Σw²."""
    result = 0.0
    for s in range(len(stages)):
        l1, l2 = reals[s, code.L1], reals[s, code.L2]
        if stages[s, code.KIND] == code.DENSE and (l1 != 0.0 or l2 != 0.0):
            start, stop = part(stages[s, code.INPUTS] * stages[s, code.OUTPUTS], thread, threads)
            absolute, square = 0.0, 0.0
            for i in range(stages[s, code.WEIGHTS] + start, stages[s, code.WEIGHTS] + stop):
                w = parameters[u(i)]
                absolute += abs(w)
                square += w * w
            result += l1 * absolute + l2 / 2 * square
    return result
