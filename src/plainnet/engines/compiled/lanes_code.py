"""This module decides which networks share the lanes of vector instructions, and makes their machine code."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.identity import held
from plainnet.engines.compiled import driver, lane_driver, machine
from plainnet.engines.compiled.ahead import offsets
from plainnet.engines.compiled.keys import is_like, key_of, remembered
from plainnet.engines.compiled.loops import Unsupported
from plainnet.engines.compiled.sizes import batch_sizes
from plainnet.engines.compiled.step import (
    Draw,
    Setting,
    has_scheduled_decay,
    lowered_check,
    lowered_norms,
    lowered_passes,
    lowered_update,
)
from plainnet.engines.job import Job

LARGEST = 4_000
"""The bytes of a network's parameters up to which lanes are faster than one network after the other.

A larger network fills vectors by itself. Measured with 16 lanes: 17 parameters 3 to 5 times, 195 parameters 1.3 to 1.8
times, 700 parameters hardly.
"""

MOST_WORK = 8_000_000
"""The bytes of what the lanes compute between the layers, up to which a fast cache holds them."""

PENALTIES = ("l1", "l2")
"""The settings of layers in which the networks may differ."""


@dataclass
class LanesCode:
    """The machine code of the networks of some jobs, and what it needs."""

    layout: lane_driver.LanesLayout
    draws: list[Draw]
    settings: list[Setting]
    """The settings in which the networks differ."""
    work_bytes: int
    """The bytes of one network."""
    code: machine.Code
    run: Any


def lanes_code(jobs: Sequence[Job], times: int = 1) -> LanesCode:
    """Return the machine code for jobs whose networks have one shape; raise Unsupported where there is none.

    Each stands for `times` such jobs. It is Unsupported, too, where one network after the other is faster.
    """
    first = jobs[0]
    reason = _why_not(first, len(jobs) * times)
    if reason:
        raise Unsupported(reason)
    settings, own_rows = _differing(jobs), not _share_data(jobs)
    key = key_of(first, settings)
    if any(not is_like(job, first, key, settings) for job in jobs[1:]):
        raise Unsupported("their data, optimizers or parts of the user's differ")
    return remembered(key, (own_rows, *settings), lambda: _lanes_code(first, settings, own_rows))


def _lanes_code(first: Job, settings: list[Setting], own_rows: bool) -> LanesCode:
    rows = len(first.inputs)
    batch = min(first.batch_size or rows, rows)
    one_pass = lowered_passes(first, batch_sizes(first), settings)
    if len({draw.dtype for draw in one_pass.draws}) > 1:
        raise Unsupported("they draw random numbers of two dtypes")
    programs = driver.Programs(one_pass, lowered_update(first, 1), lowered_check(first), lowered_norms(first))
    draw_offsets, record_bytes = offsets(one_pass.draws)
    arrays = arrays_with_rows(first)
    net = first.network
    layout = lane_driver.LanesLayout(
        _lanes(first), net.dtype, rows, batch,
        tuple(int(np.prod(array.shape[1:], dtype=int)) for array in arrays), tuple(array.dtype for array in arrays),
        own_rows, first.shuffle and first.batch_size is not None, net.parameters.size,
        net.statistics.size, tuple(first.optimizer_state), record_bytes, draw_offsets, len(first.layer_parts),
        1 + len(first.scheduled), has_scheduled_decay(first),
    )  # fmt: skip
    work = max(program.work_bytes for program in (*one_pass.programs, *programs[1:]))
    rows_of_all = sum(array.nbytes for array in arrays) if own_rows else 0
    if (work + rows_of_all) * layout.networks > MOST_WORK:
        raise Unsupported("what they compute for all of their rows does not fit the caches")
    code = machine.Code(str(lane_driver.write(programs, layout)))
    return LanesCode(layout, one_pass.draws, settings, work, code, code.function("run", None, ctypes.c_void_p))


def _why_not(job: Job, networks: int) -> str | None:
    size = job.network.parameters.nbytes
    if size > LARGEST:
        return f"their parameters take more than {LARGEST:,} bytes"
    if job.draw_order or not all(isinstance(x, np.ndarray) for x in (job.inputs, job.targets)):
        return "their data lie in files"
    if networks < _lanes(job) * min(0.9, 0.2 + size / 1600):  # the gain over one after the other falls with the size
        return "they are too few to fill the lanes"
    return None


def _lanes(job: Job) -> int:
    """Return the number of networks in a vector register."""
    return machine.registers()[0] // job.network.dtype.itemsize


def arrays_with_rows(job: Job) -> list[Array]:
    """Return the inputs, the targets and, where there are some, the weights."""
    return [array for array in (job.inputs, job.targets, job.sample_weight) if isinstance(array, np.ndarray)]


def _share_data(jobs: Sequence[Job]) -> bool:
    first = jobs[0]
    return all(a is b for job in jobs for a, b in zip(arrays_with_rows(job), arrays_with_rows(first), strict=True))


def _differing(jobs: Sequence[Job]) -> list[Setting]:
    """Return the settings in which the networks differ; raise Unsupported if one of them is no penalty."""
    found = []
    for i, layers in enumerate(zip(*(job.network.layers for job in jobs), strict=True)):
        for name in ("rate", *PENALTIES):
            if len({held(getattr(layer, name, None), []) for layer in layers}) > 1:
                if name not in PENALTIES:
                    raise Unsupported(f"their layers differ in {name}")
                found.append(Setting(i, name))
    return found
