"""The tables of a folder: targets, typed columns, and splits that depend on a seed alone."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Task = Literal["classification", "regression"]
MISSING = ["", "NA", "?"]
"""How the files write a missing value, for all contestants alike."""
TEST = 0.25
"""The share of the rows to test on."""


class FolderError(Exception):
    """The folder or its index is not what the benchmark can use."""


@dataclass(frozen=True)
class DataTable:
    """A file of rows with the column to predict; a target of text, or of few whole numbers, means classes."""

    path: Path
    target: str | None = None
    told_task: Task | None = None

    @property
    def name(self) -> str:
        """Return the file's name without its endings."""
        return self.path.name.partition(".csv")[0]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Return all columns: numbers as they are, true and false as 1 and 0, everything else as text."""
        read = pl.read_csv(self.path, null_values=MISSING, infer_schema_length=None)
        numbers, truths = pl.selectors.numeric(), pl.selectors.boolean()
        frame = read.with_columns(truths.cast(pl.Int64), (~(numbers | truths)).cast(pl.String))
        if self.target is not None and self.target not in frame.columns:
            raise FolderError(f"{self.path}: no column {self.target!r}, which index.json names as the target")
        return frame.drop_nulls(self.target_name(frame))

    def target_name(self, frame: pl.DataFrame) -> str:
        """Return the column to predict: the one that the index names, or else the last."""
        return self.target or frame.columns[-1]

    @cached_property
    def task(self) -> Task:
        """Return what the index says; without it, classes where the target is text or has at most 20 whole numbers."""
        if self.told_task:
            return self.told_task
        target = self.frame[self.target_name(self.frame)]
        if target.dtype == pl.String or (target.n_unique() <= 20 and (target == target.round()).all()):
            return "classification"
        return "regression"

    @cached_property
    def features(self) -> pl.DataFrame:
        """Return the columns to predict from."""
        return self.frame.drop(self.target_name(self.frame))

    @cached_property
    def targets(self) -> NDArray[np.generic]:
        """Return labels as text, whole numbers without a point, or numbers as float64."""
        column = self.frame[self.target_name(self.frame)]
        if self.task == "regression":
            return column.cast(pl.Float64).to_numpy()
        if column.dtype != pl.String and (column == column.round()).all():
            column = column.cast(pl.Int64)
        return np.array(column.cast(pl.String).to_list())

    @cached_property
    def digest(self) -> str:
        """Return a few letters that change with the file or its task, so that old results are not taken for new."""
        content = self.path.read_bytes() + f"{self.target} {self.told_task}".encode()
        return hashlib.sha256(content).hexdigest()[:12]

    def split(self, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows to learn from and the rows to test on; of each class a quarter is tested."""
        random = np.random.default_rng(seed)
        classes = self.targets if self.task == "classification" else np.zeros(len(self.targets))
        test = []
        for one in np.unique(classes):
            rows = random.permutation(np.flatnonzero(classes == one))
            test.append(rows[: round(TEST * len(rows))])
        tested = np.sort(np.concatenate(test))
        return np.setdiff1d(np.arange(len(classes)), tested), tested


def tables_of(folder: Path) -> list[DataTable]:
    """Return the folder's tables, the smallest files first."""
    files = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")], key=lambda path: path.stat().st_size)
    if not files:
        raise FolderError(f"{folder} has no .csv or .csv.gz file")
    index = folder / "index.json"
    entries = (
        {entry["file"]: entry for entry in json.loads(index.read_text(encoding="utf-8"))} if index.exists() else {}
    )
    told = [entries.get(path.name, {}) for path in files]
    return [DataTable(path, entry.get("target"), entry.get("task")) for path, entry in zip(files, told, strict=True)]
