"""The pass over all rows of a job as machine code: the loss and its gradient, without an update."""

from __future__ import annotations

import ctypes

import numpy as np

from plainnet.engines.compiled import driver, machine
from plainnet.engines.compiled.assembly import Module
from plainnet.engines.compiled.compiling import address
from plainnet.engines.compiled.sizes import Size
from plainnet.engines.compiled.step import lowered_pass
from plainnet.engines.job import Job
from plainnet.engines.whole_set import SEED


class CompiledWholeSet:
    """One call of machine code; the random numbers of a dropout are drawn once."""

    def __init__(self, job: Job) -> None:
        self.job = job
        rows = len(job.inputs)
        one_pass = lowered_pass(job, (Size(rows),), 1, whole_set=True)
        (program,) = one_pass.programs
        random = np.random.default_rng(SEED)
        draws = [getattr(random, draw.method)(draw.shapes[0], dtype=draw.dtype) for draw in one_pass.draws]
        self.gradient = np.zeros_like(job.network.parameters)
        self.results = np.zeros(2)
        self.arrays = {
            "inputs": np.require(job.inputs, requirements=["C", "A"]),
            "targets": np.require(job.targets, requirements=["C", "A"]),
            "weight": job.sample_weight,
            "parameters": job.network.parameters,
            "statistics": job.network.statistics,
            "gradient": self.gradient,
            "results": self.results,
            "work": np.zeros(program.work_bytes // 8 + 8),
            **{f"draw {i}": draw for i, draw in enumerate(draws)},
        }
        module = Module()
        f = driver.program_function(module, "one_pass", program, list(self.arrays), {}, machine.registers()[0], 1)
        f.private = False
        self.code = machine.Code(str(module))
        self.run = self.code.function("one_pass", None, *[ctypes.c_void_p] * len(self.arrays), ctypes.c_int64)
        self.given = [None if array is None else address(array) for array in self.arrays.values()], rows

    def __call__(self) -> float:
        addresses, rows = self.given
        self.run(*addresses, rows)
        return float(self.results.view(self.job.network.dtype)[0])
