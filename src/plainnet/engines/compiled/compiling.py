"""The road from a job to machine code: traced, lowered to loops, written as LLVM IR, compiled."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled import driver, machine
from plainnet.engines.compiled.ahead import offsets
from plainnet.engines.compiled.keys import key_of, remembered
from plainnet.engines.compiled.sizes import Size, batch_sizes
from plainnet.engines.compiled.step import (
    Draw,
    has_scheduled_decay,
    lowered_check,
    lowered_norms,
    lowered_pass,
    lowered_update,
)
from plainnet.engines.job import Job


@dataclass
class StepCode:
    """The machine code of a job, and what it needs."""

    layout: driver.JobLayout
    sizes: tuple[Size, ...]
    draws: list[Draw]
    tables: Array
    """The constants that depend on the size of a batch, (sizes, constants)."""
    work_bytes: int
    code: machine.Code
    run: Any

    def call(
        self,
        numbers: tuple[int, ...],
        arrays: Mapping[str, Array | int | None],
        others: ThreadPoolExecutor | None = None,
    ) -> None:
        """Run so many steps, on this thread and the others; `arrays` may have an address in place of an array."""
        context = np.zeros(len(driver.FIELDS) + len(self.layout.memory), np.int64)
        context[: len(numbers)] = numbers
        names = [*driver.FIELDS, *(f"memory {name}" for name in self.layout.memory)]
        for i, name in enumerate(names[len(numbers) :], len(numbers)):
            array = arrays.get(name)
            context[i] = address(array) if isinstance(array, np.ndarray) else array or 0
        at = address(context)
        if others is None:
            self.run(at, 0)
            return
        helpers = [others.submit(self.run, at, thread) for thread in range(1, self.layout.threads)]
        try:
            self.run(at, 0)
        finally:
            wait(helpers)


def address(array: Array) -> int:
    """Return where an array's numbers begin."""
    found: int = array.__array_interface__["data"][0]
    return found


_latest: list[tuple[weakref.ref[Job], StepCode]] = []
"""The machine code that was made last, and its job: who chooses an engine makes it, who trains takes it."""


def compiled(job: Job, threads: int = 1) -> StepCode:
    """Return the machine code of a job's steps; raise Unsupported or Untraceable where there is none."""
    for known, code in _latest:
        if known() is job and code.layout.threads == threads:
            return code
    made = remembered(key_of(job), threads, lambda: _compiled(job, threads))
    _latest[:] = [(weakref.ref(job), made)]
    return made


def _compiled(job: Job, threads: int) -> StepCode:
    one_pass = lowered_pass(job, batch_sizes(job), threads)
    programs = driver.Programs(one_pass, lowered_update(job, threads), lowered_check(job), lowered_norms(job))
    net, weight = job.network, job.sample_weight
    draw_offsets, record_bytes = offsets(one_pass.draws)
    layout = driver.JobLayout(
        net.dtype, one_pass.sizes[0].rows, (_row_bytes(job.inputs), _row_bytes(job.targets), _row_bytes(weight)),
        job.shuffle and job.batch_size is not None, weight is not None, net.parameters.nbytes, net.statistics.nbytes,
        tuple(job.optimizer_state), record_bytes, draw_offsets, len(job.layer_parts),
        1 + len(job.scheduled), has_scheduled_decay(job), threads, job.ranks is not None,
    )  # fmt: skip
    code = machine.Code(str(driver.write(programs, layout, machine.registers()[0])))
    tables = np.array(one_pass.tables, np.float64).reshape(-1, len(one_pass.sizes)).T.copy()
    work = max(program.work_bytes for program in (*one_pass.programs, *programs[1:]))
    run = code.function("run", None, ctypes.c_void_p, ctypes.c_int64)
    return StepCode(layout, one_pass.sizes, one_pass.draws, tables, work, code, run)


def _row_bytes(array: Any) -> int:
    return 0 if array is None else int(np.prod(array.shape[1:], dtype=int)) * array.dtype.itemsize
