"""Checkpoints: all that a training run needs to go on exactly where it was, in one file.

A checkpoint is a model file (see `plainnet.files.model`) that also holds the state of the run: the optimizer's vectors,
the random streams, the place within the epoch, the schedule's memory, the history, the best parameters so far, and
what the run was asked to do, with a fingerprint of its data. A run that goes on from it ends with the same bits as
one that was never interrupted.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.checks import whole_number
from plainnet._base.mapped import Rows, blocks
from plainnet.errors import FileError, InvalidType, InvalidValue, warn
from plainnet.files.archive import read_archive, write_archive
from plainnet.files.model import arrays_of, record_of
from plainnet.files.writing import check_writable, remove_leftovers
from plainnet.history import History

if TYPE_CHECKING:
    from plainnet.training.run import TrainingRun

Every = int | str
"""Epochs as a number, or seconds as a text such as "30s"."""


class Checkpoint:
    """When and where a run writes its checkpoints."""

    def __init__(self, path: str | PathLike[str], every: Every) -> None:
        self.path = path
        self.every_epochs, self.every_seconds = _parse_every(every)
        self.written_at = time.monotonic()
        self.failed = False
        check_writable(path)
        remove_leftovers(path)

    @property
    def next_time(self) -> float:
        """When, on the clock of `time.monotonic`, the next one is due; infinite where epochs decide."""
        return self.written_at + self.every_seconds

    def next_epoch(self, epochs_done: int) -> float:
        """After which epoch the next one is due; infinite where seconds decide."""
        return math.inf if self.every_epochs == math.inf else (epochs_done // self.every_epochs + 1) * self.every_epochs

    def is_due(self, epochs_done: int) -> bool:
        """Whether to write one now, the run standing at an end of an epoch or having been paused by `next_time`."""
        by_epochs = self.every_epochs != math.inf and epochs_done % self.every_epochs == 0
        return by_epochs or time.monotonic() >= self.next_time

    def write(self, run: TrainingRun) -> None:
        """Write the state of the run. Where that fails, warn once and let the run go on; the last good file stays."""
        net = run.job.network
        state = {**_numbers(run), "identity": run.identity}
        record = {**record_of(net), "history": run.history.to_dict(), "run": state}
        try:
            write_archive(self.path, record, {**arrays_of(net), **_arrays(run)})
        except FileError as error:
            if not self.failed:
                warn(f"no checkpoint: {error}; training goes on without")
            self.failed = True
        self.written_at = time.monotonic()

    def restore(self, run: TrainingRun, any_reports: bool = False) -> None:
        """Put the run where the file left it; where there is no file yet, leave it at its beginning.

        With `any_reports` the run reports as often as the file's did; otherwise that has to agree as well.
        Raises FileError for a damaged file, InvalidValue, naming the difference, where the file is of a run with
        other data, another network or other options.
        """
        name = fspath(self.path)
        if not os.path.exists(self.path):
            return
        record, arrays = read_archive(self.path)
        state = record.get("run")
        if state is None:
            raise FileError(f"{name} is a model, not a checkpoint; it takes a file written by fit(..., checkpoint=...)")
        if any_reports:
            run.report_every = run.identity["options"]["report_every"] = state["identity"]["options"]["report_every"]
        for difference in differences(state["identity"], run.identity):
            raise InvalidValue(f"{name} is of another run: {difference}; resume takes the same data, network, options")
        _set_numbers(run, state)
        _set_arrays(run, arrays)
        run.history.__dict__.update(History(**record["history"]).__dict__)

    def refuse_existing(self) -> None:
        """A new run does not write over an earlier one's file."""
        if os.path.exists(self.path):
            raise InvalidValue(
                f"checkpoint {fspath(self.path)} exists already; resume=True (--resume) goes on with that run, a "
                "new run takes another name, or the file's removal"
            )


def fingerprint(*arrays: Rows | None) -> str:
    """SHA-256 over the types, shapes and bytes of arrays."""
    import hashlib

    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            for block in blocks(array):
                digest.update(np.ascontiguousarray(array[block]).data)
    return digest.hexdigest()


def _parse_every(every: Every) -> tuple[float, float]:
    """Epochs and seconds between checkpoints, one of them infinite."""
    if isinstance(every, str):
        try:
            seconds = float(every.removesuffix("s"))
        except ValueError:
            seconds = math.nan
        if not (every.endswith("s") and 0 < seconds < math.inf):
            raise InvalidValue(f"checkpoint_every is {every!r}; it takes epochs (10) or seconds ('30s')")
        return math.inf, seconds
    if isinstance(every, float):
        raise InvalidType(f"checkpoint_every is {every!r}; it takes whole epochs (10) or seconds ('30s')")
    return whole_number("checkpoint_every", every, least=1), math.inf


_JOB_NUMBERS = (
    "epochs_done",
    "good_epoch",
    "batches_done",
    "steps_done",
    "loss_total",
    "weight_total",
    "order_state",
    "learning_rate",
    "schedule_memory",
)


def _numbers(run: TrainingRun) -> dict[str, Any]:
    """The state of a run that is plain data."""
    job = run.job
    return {
        "job": {name: getattr(job, name) for name in _JOB_NUMBERS},
        "gradient_norms": list(job.gradient_norms),
        "shuffling": job.network.shuffling.bit_generator.state,
        "dropout": job.network.dropout.bit_generator.state,
        "best_loss": run.stopping.best,
        "seconds": run.seconds,
    }


def _set_numbers(run: TrainingRun, state: Mapping[str, Any]) -> None:
    job = run.job
    for name in _JOB_NUMBERS:
        setattr(job, name, state["job"][name])
    job.schedule_memory.setdefault("step", 0.0)  # written by version 0.1, whose schedules did not look at it
    job.gradient_norms = deque(state["gradient_norms"], maxlen=job.gradient_norms.maxlen)
    job.network.shuffling.bit_generator.state = state["shuffling"]
    job.network.dropout.bit_generator.state = state["dropout"]
    run.stopping.best = state["best_loss"]
    run.seconds = state["seconds"]


def _arrays(run: TrainingRun) -> dict[str, Array]:
    """The state of a run that is arrays, beside the network's own."""
    job = run.job
    arrays = {"good_parameters": job.good_parameters, "good_statistics": job.good_statistics}
    arrays |= {f"optimizer_{name}": vector for name, vector in job.optimizer_state.items()}
    if run.best is not None:
        arrays |= {"best_parameters": run.best[0], "best_statistics": run.best[1]}
    return arrays


def _set_arrays(run: TrainingRun, arrays: Mapping[str, Array]) -> None:
    job, net = run.job, run.job.network
    net.parameters, net.statistics = arrays["parameters"], arrays["statistics"]
    job.good_parameters[...], job.good_statistics[...] = arrays["good_parameters"], arrays["good_statistics"]
    for name, vector in job.optimizer_state.items():
        vector[...] = arrays[f"optimizer_{name}"]
    if "best_parameters" in arrays:
        run.best = (arrays["best_parameters"].copy(), arrays["best_statistics"].copy())


def differences(was: Any, now: Any, where: str = "") -> Iterator[str]:
    """Where two plain descriptions differ, in words."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*was, *now]):
            yield from differences(was.get(name), now.get(name), f"{where}.{name}" if where else name)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for i, (a, b) in enumerate(zip(was, now, strict=True)):
            yield from differences(a, b, f"{where}[{i}]")
    elif was != now:
        yield f"{where} differs" if where.startswith("data.") else f"{where} was {was!r} and is {now!r}"
