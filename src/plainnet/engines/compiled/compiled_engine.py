"""The compiled engine: many epochs in one call of machine code that is made for the very job."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.interrupts import interrupts_held
from plainnet._base.pieces import PieceRows
from plainnet.engines.batches import Block, remaining_blocks
from plainnet.engines.compiled import driver
from plainnet.engines.compiled.across_ranks import AcrossRanks, StepDrawsOfRank
from plainnet.engines.compiled.ahead import Orders, StepDraws
from plainnet.engines.compiled.compiling import compiled
from plainnet.engines.compiled.step import LAYER_NORMS
from plainnet.engines.compiled.threads import barrier, started
from plainnet.engines.job import Job
from plainnet.engines.notes import Notes
from plainnet.schedules import Constant, ReduceOnPlateau

SLICE = 0.1
"""Seconds of one call: so long an interrupt may have to wait."""

NEVER = 2**62
"""The number of epochs between two notes where there are none."""

MOST_STEPS = 1_000_000
"""The largest number of steps of one call."""

MOST_DRAWN = 2**23
"""The bytes of random numbers, or the rows of orders, that are drawn for one call."""


class LoadedRows(NamedTuple):
    """Data in memory: the whole set, or a block of rows in pieces."""

    inputs: Array
    targets: Array
    weight: Array | None
    order: Array | None
    """The order of the rows; None where they stay as they are, or where it is drawn for each epoch."""
    before: int
    """Batches of the epoch that come before it."""
    stop: int
    """The number of the batch of the epoch that comes after it."""
    whole: bool
    """True if it is the whole set, so that one epoch can follow the other."""
    start: int = 0
    """The place of the first row in this process's order of the epoch."""

    @property
    def rows(self) -> int:
        """Return the number of rows; there may be others in the arrays."""
        return len(self.inputs if self.order is None else self.order)


class CompiledEngine:
    """Run a job in machine code."""

    blas_threads: int | None = None

    def __init__(self, job: Job, threads: int = 1) -> None:
        self.job = job
        self.threads = threads
        self.code = compiled(job, threads)
        self.batch = self.code.layout.batch
        net = job.network
        size = net.parameters.size + 1  # the loss of all ranks together comes last
        gradient = np.zeros(size, net.dtype) if job.ranks is None else job.ranks.vector(size, net.dtype)
        self.across = None if job.ranks is None else AcrossRanks(job, self.code, gradient)
        self.draws = (
            StepDraws(job, self.code.draws)
            if job.ranks is None
            else StepDrawsOfRank(job, self.code.draws, self.code.sizes)
        )
        self.orders = Orders(job)
        self.memory = {
            "gradient": gradient,
            "work": np.zeros(self.code.work_bytes // 8 + 8),
            "arrived": barrier(threads) if threads > 1 else None,
            "results": np.zeros(LAYER_NORMS // 8 + len(job.layer_parts)),
            "tables": self.code.tables,
            "reduce": None if self.across is None else self.across.address,
        }
        for name, size in zip(("inputs", "targets", "weight"), self.code.layout.row_bytes, strict=True):
            self.memory[f"batch_{name}"] = np.zeros(size * self.batch // 8 + 1)
        self.seconds_per_step = 3 * net.parameters.size * self.batch / 1e9
        """A guess at first, then measured."""
        self.whole_set = self._set_in_memory()

    def run(self, epochs: int, until: float = math.inf, notes: Notes | None = None) -> list[float]:
        """Train as `Engine.run` says, and return the loss of each finished epoch."""
        job = self.job
        last = job.epochs_done + epochs
        losses: list[float] = []
        source = self.whole_set
        blocks = remaining_blocks(job)
        steps_before = job.steps_done
        with started(self.threads - 1) as others:
            while job.epochs_done < last and not self._is_over(until, job.steps_done > steps_before):
                source = source or self._block(next(blocks))
                with interrupts_held():
                    found, failed = self._call(source, self._steps(source, last, until), notes, others)
                losses += found
                if failed:
                    break
                if not source.whole and job.batches_done in (0, source.stop):
                    source = None
                    blocks = remaining_blocks(job) if job.batches_done == 0 else blocks
        return losses

    def _is_over(self, until: float, has_stepped: bool) -> bool:
        """Return True if the time has come after at least one step; the ranks stop together."""
        is_late = has_stepped and time.monotonic() >= until
        return is_late if self.across is None else self.across.is_over(is_late)

    def _set_in_memory(self) -> LoadedRows | None:
        """Return the whole set in memory; None for rows in pieces, and for an order drawn elsewhere."""
        job = self.job
        if job.draw_order or not (isinstance(job.inputs, np.ndarray) and isinstance(job.targets, np.ndarray)):
            return None
        assert not isinstance(job.sample_weight, PieceRows)
        return loaded(job.inputs, job.targets, job.sample_weight, None, 0, job.batches, True)

    def _block(self, block: Block) -> LoadedRows:
        """Return a block as a source."""
        before = self.job.batches_done - block.rows_done // self.batch
        stop = before - (-block.rows // self.batch)
        if self.across is not None:
            stop = self.across.stop_of(block.start + block.rows)
        source = loaded(block.inputs, block.targets, block.sample_weight, block.order, before, stop, False)
        return source._replace(start=block.start)

    def _steps(self, source: LoadedRows, last: int, until: float) -> int:
        """Return how many steps the next call makes: whole epochs, or what fits of the present one."""
        job = self.job
        seconds = min(SLICE, max(until - time.monotonic(), 0.0))
        fitting = max(1, min(int(seconds / max(self.seconds_per_step, 1e-9)), MOST_STEPS))
        if self.draws.record_bytes:
            fitting = min(fitting, max(1, MOST_DRAWN // self.draws.record_bytes))
        if source.whole and job.batches_done == 0 and fitting >= job.batches:
            epochs = min(fitting // job.batches, last - job.epochs_done)
            if self.code.layout.shuffles:
                epochs = min(epochs, max(1, MOST_DRAWN // 8 // max(1, len(job.inputs))))
            return epochs * job.batches
        return min(fitting, source.stop - job.batches_done)

    def _call(
        self, source: LoadedRows, steps: int, notes: Notes | None, others: ThreadPoolExecutor | None
    ) -> tuple[list[float], bool]:
        """Call the machine code for so many steps.

        Return the losses of the epochs that ended in it, and if it stopped on a number that is not finite.
        """
        job = self.job
        rates, steps = rates_of(job, steps)
        if self.across is not None:
            steps = self.across.fewest(steps)
        own_orders = source.whole and self.code.layout.shuffles
        counts = np.array([job.epochs_done, job.batches_done, job.steps_done, job.good_epoch, 0, 0, 0])
        sums = np.array([job.loss_total, job.weight_total, job.learning_rate])
        norms, epoch_losses = np.zeros(driver.NORMS), np.zeros(steps // job.batches + 2)
        order = self.orders.ahead(-(-steps // job.batches)) if own_orders else source.order
        arrays = {
            **self.memory, "inputs": source.inputs, "targets": source.targets, "weight": source.weight,
            "order": order, "rates": rates, "losses": epoch_losses, **self._of_steps(source, steps, order),
            "notes": None if notes is None else notes.rows[notes.count :],
            "counts": counts, "sums": sums, "norms": norms,
            "parameters": job.network.parameters, "statistics": job.network.statistics,
            "good_parameters": job.good_parameters, "good_statistics": job.good_statistics,
            **{f"memory {name}": vector for name, vector in job.optimizer_state.items()},
        }  # fmt: skip
        noting = (NEVER, -1) if notes is None else (notes.every, notes.last)
        numbers = (steps, job.batches, source.before, source.rows, int(len(rates) > 1), *noting)
        began = time.perf_counter()
        self.code.call(numbers, arrays, others)
        failure = None if self.across is None else self.across.failure
        if self.across is not None and failure is None:
            noted = [] if notes is None else [notes.rows]
            self.across.take_from_first(*self._state(), counts, sums, norms, epoch_losses, *noted)
        done = int(counts[driver.STEPS]) - job.steps_done
        self.seconds_per_step = (time.perf_counter() - began) / max(done, 1)
        losses = epoch_losses[: counts[driver.WRITTEN]].tolist()
        failing = bool(losses) and not math.isfinite(losses[-1])
        if done < steps:
            self.draws.settle(done + failing)
        if own_orders:
            begun = int(counts[driver.EPOCHS]) - job.epochs_done + bool(counts[driver.BATCHES] or failing)
            self.orders.settle(begun)
        if notes is not None:
            notes.count += int(counts[driver.NOTED])
        latest = range(max(int(counts[driver.STEPS]) - driver.NORMS, job.steps_done), int(counts[driver.STEPS]))
        job.gradient_norms.extend(float(norms[step % driver.NORMS]) for step in latest)
        job.epochs_done, job.batches_done, job.steps_done, job.good_epoch = map(int, counts[:4])
        job.loss_total, job.weight_total, job.learning_rate = map(float, sums)
        if failure is not None:
            raise failure
        return losses, done < steps or bool(counts[driver.BROKEN])

    def _state(self) -> list[Array]:
        """Return the vectors of the network and the optimizer that a call changes."""
        job, net = self.job, self.job.network
        own = [net.parameters, net.statistics, job.good_parameters, job.good_statistics]
        return [*own, *job.optimizer_state.values()]

    def _of_steps(self, source: LoadedRows, steps: int, order: Array | None) -> dict[str, Array]:
        """Return what the machine code is given for each of the next steps."""
        if self.across is None:
            return {"draws": self.draws.ahead(self._sizes(source, steps))}
        parts = self.across.parts(steps)
        draws = self.draws.ahead(list(zip(*(column.tolist() for column in parts[1:]), strict=True)))
        return {"draws": draws, **self.across.given(parts, source.start, source.weight, order)}

    def _sizes(self, source: LoadedRows, steps: int) -> list[int]:
        """Return the size of each step's batch: 0 for a whole batch, 1 for the smaller last one."""
        if not self.draws.draws:
            return []
        first = self.job.batches_done - source.before
        batches = -(-source.rows // self.batch)
        smaller = source.rows % self.batch != 0
        return [int(smaller and (first + step) % batches == batches - 1) for step in range(steps)]


def loaded(
    inputs: Array, targets: Array, weight: Array | None, order: Array | None, before: int, stop: int, whole: bool
) -> LoadedRows:
    """Return data whose rows lie one after the other."""

    def rows(array: Array) -> Array:
        return np.require(array, requirements=["C", "A"])

    return LoadedRows(rows(inputs), rows(targets), None if weight is None else rows(weight), order, before, stop, whole)


def rates_of(job: Job, steps: int) -> tuple[Array, int]:
    """Return the numbers of schedules for each of the next steps, one row where none moves, and the number of steps.

    A row begins with the learning rate; the values of `job.scheduled` follow. Where a user's own schedule raises an
    error, there are rows for the steps before it alone: those are made, and the next call meets the error again.
    """
    schedules = [job.optimizer.schedule, *(setting.schedule for setting in job.scheduled)]
    if all(type(schedule) in (Constant, ReduceOnPlateau) for schedule in schedules):
        return np.array([job.scheduled_numbers(job.epochs_done)]), steps
    done = job.epochs_done * job.batches + job.batches_done
    numbers: list[float] = []
    for epoch, batch in (divmod(step, job.batches) for step in range(done, done + steps)):
        try:
            numbers += job.scheduled_numbers(epoch + batch / job.batches)
        except BaseException:
            if not numbers:
                raise
            break
    rows = np.array(numbers).reshape(-1, len(schedules))
    return rows, len(rows)
