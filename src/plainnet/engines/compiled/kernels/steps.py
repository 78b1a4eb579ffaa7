"""Many steps in one call: what one thread of a run does."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.compiling import callable_from_python, inlined, kernel, u, version
from plainnet.engines.compiled.kernels.losses import batch_loss, row_in_data
from plainnet.engines.compiled.kernels.machine import next_uint32
from plainnet.engines.compiled.kernels.norms import draw_mask
from plainnet.engines.compiled.kernels.optimizers import update
from plainnet.engines.compiled.kernels.passes import backward, forward, parameter_gradients, penalty
from plainnet.engines.compiled.kernels.sharing import LINE, part, total, wait_for_all

NORMS = 10
"""The number of latest steps whose gradient norm is kept."""

LOSS, SQUARES = 0, 1
"""The columns of what each thread tells the others."""


class Addresses(NamedTuple):
    """The addresses of C functions, and of the states of random streams."""

    blas: int
    yielding: int
    shuffling: int
    shuffling_state: int
    dropout: int
    dropout_state: int


class FlatData(NamedTuple):
    """Flat; integer labels stand in `labels`, other targets in `targets`, and what is not there is empty."""

    inputs: Array
    targets: Array
    labels: Array
    weight: Array
    order: Array
    """The present epoch's order of the rows; empty without shuffling."""


class Vectors(NamedTuple):
    """Everything laid out like the parameters or the statistics, and the workspace."""

    parameters: Array
    gradient: Array
    first: Array
    second: Array
    statistics: Array
    good_parameters: Array
    good_statistics: Array
    work: Array


class State(NamedTuple):
    """The place in the run; thread 0 writes it when the call ends."""

    counts: Array
    """epochs_done, batches_done, steps_done, good_epoch, losses written."""
    sums: Array
    """loss_total, weight_total, learning_rate."""
    norms: Array
    """The norm of the gradient of step t, at t % NORMS."""
    losses: Array
    """The loss of each epoch that ended in this call, or the one that is not finite."""


class Shared(NamedTuple):
    """The numbers by which threads tell each other where they are, one cache line each."""

    arrived: Array
    parts: Array


@kernel
def has_dropout(stages, reals):
    for s in range(len(stages)):
        if stages[s, code.KIND] == code.DROPOUT and reals[s, code.RATE] > 0.0:
            return True
    return False


@kernel
def has_penalty(reals):
    for s in range(len(reals)):
        if reals[s, code.L1] != 0.0 or reals[s, code.L2] != 0.0:
            return True
    return False


@kernel
def draw_order(function, state, order):
    """Return a new order of the rows: the same numbers that NumPy's `Generator.permutation` gives."""
    for i in range(len(order)):
        order[u(i)] = i
    mask = np.int64(1)
    while mask < len(order) - 1:
        mask = mask * 2 + 1
    for i in range(len(order) - 1, 0, -1):
        while mask >> 1 >= i:
            mask >>= 1
        j = next_uint32(function, state) & mask
        while j > i:
            j = next_uint32(function, state) & mask
        order[u(i)], order[u(j)] = order[u(j)], order[u(i)]


@kernel
def draw_masks(addresses, stages, reals, work, rows):
    """Return the mask of every Dropout, in the order of the layers."""
    for s in range(len(stages)):
        rate = reals[s, code.RATE]
        if stages[s, code.KIND] == code.DROPOUT and rate > 0.0:
            size = rows * stages[s, code.OUTPUTS]
            draw_mask(addresses.dropout, addresses.dropout_state, work, stages[s, code.MASK], size, rate)


@kernel
def copy_rows(data, begin, work, rows, width, thread, threads):
    """This thread's rows of the batch, one after the other at the start of the workspace."""
    row, end = part(rows, thread, threads)
    for r in range(row, end):
        at = row_in_data(data.order, begin + r) * width
        for i in range(width):
            work[u(r * width + i)] = data.inputs[u(at + i)]


@kernel
def batch_weight(data, begin, rows):
    """Σ w over the batch."""
    result = 0.0
    for r in range(rows):
        result += data.weight[u(row_in_data(data.order, begin + r))]
    return result


@inlined
def copy(source, target, start, stop):
    for i in range(start, stop):
        target[u(i)] = source[u(i)]


@kernel
def squares(vector, start, stop):
    """Σ v² over a part of a vector."""
    result = vector.dtype.type(0)
    for i in range(start, stop):
        result += vector[u(i)] * vector[u(i)]
    return result


def of_version(digest: str) -> Callable[..., None]:
    """Return the function `run`, for kernels whose text has this digest.

    Numba's cache key covers only this function's source and its closure. `digest`, a hash of all kernel files, is in
    the closure, so that a change in any kernel invalidates the cache.
    """

    def run(
        thread: int, threads: int, steps: int, stages: Array, reals: Array, loss: int, loss_shape: float,
        optimizer: int, settings: Array, rates: Array, batch: int, batches: int, before: int, draws: bool,
        addresses: Addresses, data: FlatData, vectors: Vectors, state: State, shared: Shared,
    ) -> None:  # fmt: skip
        """Run `steps` steps of `batch` rows, `batches` of them an epoch, until a loss that is not finite.

        The data begin at the epoch's batch `before`; where they are the whole epoch `draws` says that its order is
        drawn here, as each begins.
        """
        digest  # noqa: B018
        width, units = stages[0, code.INPUTS], stages[len(stages) - 1, code.OUTPUTS]
        outputs, gradient = stages[len(stages) - 1, code.VALUES], stages[len(stages) - 1, code.GRADIENT]
        work, parameters = vectors.work, vectors.parameters
        arrived, parts, yielding = shared.arrived, shared.parts, addresses.yielding
        shuffles, weighted = len(data.order) > 0, len(data.weight) > 0
        copies = shuffles or stages[0, code.KIND] != code.DENSE
        drops, penalized, clip = has_dropout(stages, reals), has_penalty(reals), settings[code.CLIP]
        epochs_done, batches_done, steps_done, good_epoch, written = state.counts
        loss_total, weight_total, rate = state.sums
        start, stop = part(len(parameters), thread, threads)
        rows = len(data.inputs) // width
        for step in range(steps):
            begin = (batches_done - before) * batch
            size = min(batch, rows - begin)
            if thread == 0:
                if draws and batches_done == 0:
                    draw_order(addresses.shuffling, addresses.shuffling_state, data.order)
                if drops:
                    draw_masks(addresses, stages, reals, work, size)
            if draws or drops:
                wait_for_all(arrived, thread, threads, yielding)
            inputs, first = data.inputs, begin * width
            if copies:
                inputs, first = work, 0
                copy_rows(data, begin, work, size, width, thread, threads)
            forward(stages, reals, addresses.blas, yielding, arrived, thread, threads, inputs, first, vectors, size)
            weight = batch_weight(data, begin, size) if weighted else float(size)
            counted = weight if loss == code.CROSS_ENTROPY else weight * units
            row, end = part(size, thread, threads)
            value = batch_loss(
                loss, loss_shape, data.targets, data.labels, data.weight, data.order, begin, work, outputs, gradient,
                row, end, units, counted,
            )  # fmt: skip
            if penalized:
                value += penalty(stages, reals, thread, threads, parameters)
            parts[u(thread * LINE + LOSS)] = value
            backward(stages, reals, addresses.blas, yielding, arrived, thread, threads, vectors, size)
            wait_for_all(arrived, thread, threads, yielding)
            value = total(parts, LOSS, threads)
            if not math.isfinite(value):
                if thread == 0:
                    state.losses[written] = value
                written += 1
                break
            if batches_done == 0:
                copy(vectors.parameters, vectors.good_parameters, start, stop)
                if thread == 0:
                    copy(vectors.statistics, vectors.good_statistics, 0, len(vectors.statistics))
                good_epoch = epochs_done
            parameter_gradients(stages, reals, addresses.blas, thread, threads, inputs, first, vectors, size)
            factor = 1.0
            if clip >= 0.0:
                wait_for_all(arrived, thread, threads, yielding)
                parts[u(thread * LINE + SQUARES)] = squares(vectors.gradient, start, stop)
            wait_for_all(arrived, thread, threads, yielding)
            if clip >= 0.0:
                factor = min(1.0, clip / (math.sqrt(total(parts, SQUARES, threads)) + 1e-6))
            rate = rates[step] if len(rates) > 1 else rates[0]
            own_squares = update(
                optimizer, settings, factor, rate, steps_done + 1, parameters, vectors.gradient, vectors.first,
                vectors.second, start, stop,
            )  # fmt: skip
            if clip < 0.0:
                parts[u(thread * LINE + SQUARES)] = own_squares
            wait_for_all(arrived, thread, threads, yielding)
            if thread == 0:
                state.norms[steps_done % NORMS] = math.sqrt(total(parts, SQUARES, threads))
            loss_total += weight * value
            weight_total += weight
            steps_done += 1
            batches_done += 1
            if batches_done == batches:
                if thread == 0:
                    state.losses[written] = loss_total / weight_total
                written += 1
                epochs_done += 1
                batches_done, loss_total, weight_total = 0, 0.0, 0.0
        if thread == 0:
            for i, count in enumerate((epochs_done, batches_done, steps_done, good_epoch, written)):
                state.counts[i] = count
            for i, number in enumerate((loss_total, weight_total, rate)):
                state.sums[i] = number

    return run


run = callable_from_python(of_version(version()), "a network")
"""The one kernel that Python calls."""
