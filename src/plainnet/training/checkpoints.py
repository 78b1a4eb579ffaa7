"""Checkpoints: all that a training run needs to go on exactly where it was, in one file.

A checkpoint is a model file (see `plainnet.files.model`) that also holds the state of the run (the optimizer's vectors,
the random streams, the position in the epoch, the history, the best parameters so far) and its identity (network,
options, fingerprints of the data). A run that continues from it ends with the same bits as one that was never
interrupted.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.checks import whole_number
from plainnet.errors import FileError, InvalidType, InvalidValue, warn
from plainnet.files.archive import read_archive, write_archive
from plainnet.files.model import record_of
from plainnet.files.writing import check_writable, remove_leftovers
from plainnet.network import Network

Every = int | str
"""Epochs as a number, or seconds as a text such as "30s"."""


class Checkpoint:
    """The file of a run's checkpoints, and when to write them: every so many epochs or every so many seconds."""

    def __init__(self, path: str | PathLike[str], every: Every) -> None:
        self.path = path
        self.every_epochs, self.every_seconds = _parse_every(every)
        self.written_at = time.monotonic()
        self.failed = False
        check_writable(path)
        remove_leftovers(path)

    @property
    def next_time(self) -> float:
        """The time at which the next one is due, by `time.monotonic`; infinite if epochs decide."""
        return self.written_at + self.every_seconds

    def next_epoch(self, epochs_done: int) -> float:
        """Return the epoch after which the next one is due; infinite if seconds decide."""
        return math.inf if self.every_epochs == math.inf else (epochs_done // self.every_epochs + 1) * self.every_epochs

    def is_due(self, epochs_done: int) -> bool:
        """Return True if one is due now: at the end of an epoch, or when `next_time` has come."""
        by_epochs = self.every_epochs != math.inf and epochs_done % self.every_epochs == 0
        return by_epochs or time.monotonic() >= self.next_time

    def write(self, net: Network, identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Write the identity and the state of a run of `net`, each plain data; the state may hold arrays.

        If the file cannot be written, warn once and let the run go on; the last good file stays.
        """
        arrays: dict[str, Array] = {}
        run = {"identity": identity, **_without_arrays(state, arrays)}
        try:
            write_archive(self.path, {**record_of(net), "history": run.pop("history"), "run": run}, arrays)
        except FileError as error:
            if not self.failed:
                warn(f"no checkpoint: {error}; training goes on without")
            self.failed = True
        self.written_at = time.monotonic()

    def read(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the identity and the state that were written; None if there is no file yet.

        Raises FileError, naming the file, if it is damaged or a model.
        """
        if not os.path.exists(self.path):
            return None
        record, arrays = read_archive(self.path)
        run = record.get("run")
        if run is None:
            raise FileError(
                f"{fspath(self.path)} is a model, not a checkpoint; it takes a file written by fit(..., checkpoint=...)"
            )
        with self.damage_named():
            identity = run.pop("identity")
            state = _of_version_0_1(run, arrays) if "gradient_norms" in run else _with_arrays(run, arrays)
            return identity, {**state, "history": record["history"]}

    @contextmanager
    def damage_named(self) -> Iterator[None]:
        """Raise FileError, naming the file, if its state turns out not to fit."""
        try:
            yield
        except (InvalidValue, KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileError(f"{fspath(self.path)} is damaged: its state does not fit ({error!r})") from error

    def refuse_existing(self) -> None:
        """Raise InvalidValue if the file exists: a new run does not replace the file of an earlier one."""
        if os.path.exists(self.path):
            raise InvalidValue(
                f"checkpoint {fspath(self.path)} exists already; resume=True (--resume) goes on with that run, a "
                "new run takes another name, or the file's removal"
            )


def _parse_every(every: Every) -> tuple[float, float]:
    """Return the epochs and the seconds between checkpoints, one of them infinite."""
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


def _without_arrays(data: Any, arrays: dict[str, Array], *path: str) -> Any:
    """Return the data with {"array": name} in place of each array, and add the arrays to `arrays` by these names.

    A name is the path to the array without "job": so the file has `parameters` and `statistics`, as a model has.
    """
    if isinstance(data, np.ndarray):
        name = ".".join(part for part in path if part != "job")
        arrays[name] = data
        return {"array": name}
    if isinstance(data, Mapping):
        return {key: _without_arrays(value, arrays, *path, key) for key, value in data.items()}
    if isinstance(data, list):
        return [_without_arrays(value, arrays, *path, str(i)) for i, value in enumerate(data)]
    return data


def _with_arrays(data: Any, arrays: Mapping[str, Array]) -> Any:
    """Return the data that `_without_arrays` was given."""
    if isinstance(data, dict):
        if data.keys() == {"array"}:
            return arrays[data["array"]].copy()
        return {key: _with_arrays(value, arrays) for key, value in data.items()}
    return [_with_arrays(value, arrays) for value in data] if isinstance(data, list) else data


def _of_version_0_1(run: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Return the state that a file of version 0.1 holds, in the form of `TrainingRun.state`."""
    job = dict(run["job"])
    job |= {name: run[name] for name in ("gradient_norms", "shuffling", "dropout")}
    job |= {name: arrays[name] for name in ("parameters", "statistics", "good_parameters", "good_statistics")}
    job["schedule_memory"].setdefault("step", 0.0)  # the schedules of version 0.1 did not look at it
    begin = "optimizer_"
    job["optimizer_state"] = {n.removeprefix(begin): array for n, array in arrays.items() if n.startswith(begin)}
    best = [arrays[name].copy() for name in ("best_parameters", "best_statistics") if name in arrays]
    return {"job": job, "best": best or None, "best_loss": run["best_loss"], "seconds": run["seconds"]}
