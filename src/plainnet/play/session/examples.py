"""Examples: the data of a session, as the network takes them and as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from plainnet import datasets
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.play.session.setup import Setup
from plainnet.training.splitting import split


class ShownColumn(NamedTuple):
    """A column of the data."""

    name: str
    kind: str
    levels: list[str]
    inputs: list[int]
    range: tuple[float, float]


@dataclass
class Held:
    """What a session keeps in memory beside its setup: uploaded tables, arrays that were given."""

    tables: dict[str, bytes] = field(default_factory=dict)


class Examples:
    """The data of a session."""

    def __init__(self, name: str, X: Array, y: Array, classes: list[str] | None) -> None:
        self.name, self.X = name, X
        self.task = "regression" if classes is None else "classification"
        self.classes, self.target, self.editable = classes, "y", X.shape[1] <= 2
        self.training: Any = (X, y, None)
        self.validation: Any = None
        self.test: Any = None
        self.parts = np.zeros(len(X), np.uint8)
        self.labels = y.reshape(len(X), -1)[:, 0].astype(np.float32)
        ends = zip(X.min(axis=0).tolist(), X.max(axis=0).tolist(), strict=True)
        self.columns = [
            ShownColumn(f"x{i + 1}", "number", [], [i], (low - 0.1 * (high - low or 1), high + 0.1 * (high - low or 1)))
            for i, (low, high) in enumerate(ends)
        ]

    def shown(self, axes: Sequence[int]) -> Array:
        """Return all examples in the own units of some columns."""
        return self.X[:, list(axes)].astype(np.float32)

    def ranges(self, axes: Sequence[int]) -> list[tuple[float, float]]:
        """Return the range of some columns."""
        return [self.columns[i].range for i in axes]

    def plane(self, axes: Sequence[int], points: int, at: int | None = None) -> Array:
        """Return the inputs over a grid of one or two columns, the others at a row or at their medians."""
        base = np.median(self.X, axis=0) if at is None else self.X[at]
        rows = np.tile(base, (points ** len(axes), 1))
        grids = np.meshgrid(*(np.linspace(*ends, points) for ends in self.ranges(axes)))
        for i, grid in zip(axes, grids, strict=True):
            rows[:, i] = grid.ravel()
        return rows

    def hold_out(self, fraction: float, seed: int) -> None:
        """Hold out a fraction of the training examples for validation."""
        X, y, _ = self.training
        labels = y if y.ndim == 1 else None
        kept, held = split(len(X), fraction, np.random.default_rng(seed), labels)
        self.training, self.validation = (X[kept], y[kept], None), (X[held], y[held], None)
        self.parts[held] = 1


def examples_of(setup: Setup, held: Held) -> Examples:
    """Return the examples that a setup describes."""
    data = setup.data
    if data.get("kind", "dataset") != "dataset" or data.get("name") not in datasets.__dict__:
        raise InvalidValue(f"data is {data!r}; it takes a data set of plainnet's")
    options = {"seed": data.get("seed", 0), **data.get("options", {})}
    X, y = getattr(datasets, data["name"])(**options)
    is_regression = data["name"] == "sine"
    count = 0 if is_regression else int(y.max()) + 1
    found = Examples(data["name"], X, y, None if is_regression else [str(i) for i in range(count)])
    if data.get("validation"):
        found.hold_out(data["validation"], data.get("seed", 0))
    return found
