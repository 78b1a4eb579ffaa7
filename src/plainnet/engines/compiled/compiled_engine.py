"""The compiled engine: many epochs in one call of machine code that Numba makes of the kernels."""

from __future__ import annotations

import ctypes
import math
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import get_cython_function_address

from plainnet._base.arrays import Array
from plainnet.engines import blas
from plainnet.engines.batches import Block, remaining_blocks
from plainnet.engines.compiled import program as code
from plainnet.engines.compiled.kernels.compiling import make_ready
from plainnet.engines.compiled.kernels.products import MOST_BY_LOOP
from plainnet.engines.compiled.kernels.sharing import LINE
from plainnet.engines.compiled.kernels.steps import NORMS, Addresses, FlatData, Shared, State, Vectors, run
from plainnet.engines.interrupts import interrupts_held
from plainnet.engines.job import Job
from plainnet.engines.notes import Notes
from plainnet.errors import InvalidValue
from plainnet.schedules import Constant, ReduceOnPlateau

SLICE = 0.1
"""Seconds of one call: so long an interrupt may have to wait."""


class LoadedRows(NamedTuple):
    """Data in memory: the whole set, or a block of a file."""

    data: FlatData
    before: int
    """Batches of the epoch that come before it."""
    stop: int
    """Which batch of the epoch comes after it."""
    whole: bool
    """True if it is the whole set, so that one epoch can follow the other."""


class CompiledEngine:
    """Runs a job that has a program (see `plainnet.engines.compiled.program.decline`), on one or several threads."""

    def __init__(self, job: Job, threads: int = 1) -> None:
        self.job = job
        self.threads = threads
        self.program, workspace = code.program(job)
        self.batch = job.batch_size or len(job.inputs)
        self.vectors = _vectors(job, workspace)
        widths = self.program.stages[:, [code.INPUTS, code.OUTPUTS]]
        calls_blas = self.batch * int(widths.prod(axis=1).max()) > MOST_BY_LOOP
        self.blas_threads = 1 if calls_blas else None  # the engine's own threads each call it
        self.shared = Shared(np.zeros(threads * LINE, np.int64), np.zeros(threads * LINE))
        self.addresses = _addresses(job)
        self.seconds_per_step = 3 * job.network.parameters.size * self.batch / 1e9
        """A guess at first, then measured."""
        self.whole_set = self.set_in_memory()
        load(self)

    def run(self, epochs: int, until: float = math.inf, notes: Notes | None = None) -> list[float]:
        """Train `epochs` epochs, or until one of the ends that `Engine.run` names; the loss of each finished epoch.

        The machine code takes no notes: it returns at each epoch that has to be noted.
        """
        if notes is None:
            return self._run(epochs, until)
        job = self.job
        last = job.epochs_done + epochs
        losses: list[float] = []
        while job.epochs_done < last:
            due = min((job.epochs_done // notes.every + 1) * notes.every, last)
            losses += self._run(due - job.epochs_done, until)
            if job.epochs_done < due or not job.is_finite:
                break
            if notes.are_due(due):
                notes.add(job, losses[-1], self.vectors.gradient)
        return losses

    def _run(self, epochs: int, until: float) -> list[float]:
        job = self.job
        last = job.epochs_done + epochs
        losses: list[float] = []
        source = self.whole_set
        blocks = remaining_blocks(job)
        with ExitStack() as stack:  # of what this job needs: entering takes longer than a tiny network's step
            stack.enter_context(blas.limited(self.blas_threads))
            others = stack.enter_context(_started(self.threads - 1)) if self.threads > 1 else None
            while job.epochs_done < last:
                source = source or self.block(next(blocks))
                losses += self.slice(source, self.steps(source, last, until), others)
                if losses and not math.isfinite(losses[-1]):
                    break
                if time.monotonic() >= until:
                    break
                if not source.whole and job.batches_done in (0, source.stop):
                    source = None
                    blocks = remaining_blocks(job) if job.batches_done == 0 else blocks
        return losses

    def set_in_memory(self) -> LoadedRows | None:
        """Return the whole set in memory, with room for an order; None for files, and for an order drawn in Python."""
        job = self.job
        if job.draw_order or not (isinstance(job.inputs, np.ndarray) and isinstance(job.targets, np.ndarray)):
            return None
        order = np.empty(len(job.inputs) if job.shuffle and job.batch_size is not None else 0, np.int64)
        if job.batches_done and len(order):
            followed = next(remaining_blocks(job)).order  # by the run that stopped here
            assert followed is not None
            order[:] = followed
        return LoadedRows(_data(job.inputs, job.targets, job.sample_weight, order), 0, job.batches, whole=True)

    def block(self, block: Block) -> LoadedRows:
        """Return a block of the files, as a source."""
        before = self.job.batches_done - block.rows_done // self.batch
        order = np.zeros(0, np.int64) if block.order is None else block.order
        data = _data(block.inputs, block.targets, block.sample_weight, order)
        return LoadedRows(data, before, before - (-len(block.inputs) // self.batch), whole=False)

    def steps(self, source: LoadedRows, last: int, until: float) -> int:
        """Return how many steps the next call makes: whole epochs, or what fits of the present one."""
        job = self.job
        seconds = min(SLICE, max(until - time.monotonic(), 0.0))
        fitting = max(1, int(seconds / max(self.seconds_per_step, 1e-9)))
        if source.whole and job.batches_done == 0 and fitting >= job.batches:
            return min(fitting // job.batches, last - job.epochs_done) * job.batches
        return min(fitting, source.stop - job.batches_done)

    def slice(self, source: LoadedRows, steps: int, others: ThreadPoolExecutor | None) -> list[float]:
        """One call of the machine code; the losses of the epochs that ended in it."""
        with interrupts_held():
            return self._slice(source, steps, others)

    def _slice(self, source: LoadedRows, steps: int, others: ThreadPoolExecutor | None) -> list[float]:
        job = self.job
        draws = source.whole and len(source.data.order) > 0
        drawn_here = draws and job.batches_done == 0
        order_state = job.network.shuffling.bit_generator.state if drawn_here else job.order_state
        counts = np.array([job.epochs_done, job.batches_done, job.steps_done, job.good_epoch, 0])
        sums = np.array([job.loss_total, job.weight_total, job.learning_rate])
        state = State(counts, sums, np.zeros(NORMS), np.zeros(steps // job.batches + 1))
        began = time.perf_counter()
        self.call(source, steps, draws, state, others)
        done = int(counts[2]) - job.steps_done
        self.seconds_per_step = (time.perf_counter() - began) / max(done, 1)
        latest = range(max(int(counts[2]) - NORMS, job.steps_done), int(counts[2]))
        job.gradient_norms.extend(float(state.norms[step % NORMS]) for step in latest)
        job.epochs_done, job.batches_done, job.steps_done, job.good_epoch = map(int, counts[:4])
        job.loss_total, job.weight_total, job.learning_rate = map(float, sums)
        job.order_state = order_state
        return state.losses[: counts[4]].tolist()

    def call(
        self, source: LoadedRows, steps: int, draws: bool, state: State, others: ThreadPoolExecutor | None = None
    ) -> None:
        """Run the machine code on all threads."""
        arguments: Any = (
            steps, *self.program, rates_of(self.job, steps), self.batch, self.job.batches, source.before, draws,
            self.addresses, source.data, self.vectors, state, self.shared,
        )  # fmt: skip
        if others is None:
            run(0, 1, *arguments)
            return
        self.shared.arrived[:] = 0
        helpers = [others.submit(run, thread, self.threads, *arguments) for thread in range(1, self.threads)]
        try:
            run(0, self.threads, *arguments)
        finally:
            wait(helpers)


@contextmanager
def _started(threads: int) -> Iterator[ThreadPoolExecutor]:
    """So many threads that all run: were one not to start, the others would wait for it in the machine code forever."""
    here = threading.Barrier(threads)
    with ThreadPoolExecutor(threads) as pool:
        try:
            wait([pool.submit(here.wait) for _ in range(threads)])
        except RuntimeError as error:
            raise InvalidValue(
                f"threads is {threads + 1} and the system starts no more ({error}); take fewer"
            ) from None
        finally:
            here.abort()  # no thread waits any longer, also where an interrupt came
        yield pool


def rates_of(job: Job, steps: int) -> Array:
    """Return the learning rate of each of the next steps; a single one where it does not move."""
    schedule = job.optimizer.schedule
    if type(schedule) in (Constant, ReduceOnPlateau):
        return np.array([schedule.rate(job.epochs_done, job.epochs, job.schedule_memory)])
    done = job.epochs_done * job.batches + job.batches_done
    places = (divmod(step, job.batches) for step in range(done, done + steps))
    return np.array([schedule.rate(e + b / job.batches, job.epochs, job.schedule_memory) for e, b in places])


def load(engine: CompiledEngine) -> None:
    """Have the machine code ready, by a call that makes no step."""
    nothing = np.zeros(0, engine.job.network.dtype)
    data = FlatData(nothing, nothing, np.zeros(0, np.int64), nothing, np.zeros(0, np.int64))
    state = State(np.zeros(5, np.int64), np.zeros(3), np.zeros(NORMS), np.zeros(1))
    make_ready(run, lambda: engine.call(LoadedRows(data, 0, 0, whole=True), 0, False, state))


def _data(inputs: Array, targets: Array, sample_weight: Array | None, order: Array) -> FlatData:
    nothing = np.zeros(0, inputs.dtype)
    labels = targets if targets.ndim == 1 else np.zeros(0, np.int64)
    targets = targets if targets.ndim == 2 else nothing
    weight = nothing if sample_weight is None else sample_weight
    return FlatData(flat(inputs), flat(targets), flat(labels), flat(weight), order)


def flat(array: Array) -> Array:
    """Return a flat view of an array that the kernels only read; a copy where it does not lie row by row.

    Numba compiles anew for an array marked read-only, so the view is not marked, whatever the array is.
    """
    return np.asarray(_Unmarked(np.require(array, requirements=["C", "A"]))).reshape(-1)


class _Unmarked:
    """An array as NumPy's array interface has it, but never marked read-only; it keeps the array alive."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def _vectors(job: Job, workspace: int) -> Vectors:
    network = job.network
    memory = [*job.optimizer_state.values(), np.zeros(0, network.dtype), np.zeros(0, network.dtype)]
    return Vectors(
        network.parameters, np.zeros_like(network.parameters), memory[0], memory[1], network.statistics,
        job.good_parameters, job.good_statistics, np.zeros(workspace, network.dtype),
    )  # fmt: skip


def _addresses(job: Job) -> Addresses:
    """Return the addresses of the C functions that the kernels call. The streams are the network's own."""
    network = job.network
    routine = "sgemm" if network.dtype == np.float32 else "dgemm"
    streams: list[int] = []
    for generator in (network.shuffling, network.dropout):
        interface = generator.bit_generator.ctypes
        streams += [ctypes.cast(interface.next_uint32, ctypes.c_void_p).value or 0, interface.state_address]
    blas = get_cython_function_address("scipy.linalg.cython_blas", routine)
    return Addresses(blas, _yielding(), *streams)


@cache
def _yielding() -> int:
    """Return the address of the C function by which a thread lets others run."""
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0
