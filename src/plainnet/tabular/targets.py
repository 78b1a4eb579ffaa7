"""The target column of a table, classes or a quantity: to what a network learns, from what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from plainnet import checks
from plainnet.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.columns import mean_and_deviation, positions
from plainnet.tabular.description import check_ascending, check_text
from plainnet.tabular.kinds import Kind
from plainnet.tabular.tasks import Task

if TYPE_CHECKING:
    import polars as pl

Label: TypeAlias = str | int | bool


@dataclass(frozen=True)
class ClassTarget:
    """Classes in sorted order; a network learns the number of each and gives a probability for each."""

    kind: ClassVar[Task] = "classification"
    name: str
    classes: tuple[Label, ...]

    def __post_init__(self) -> None:
        check_text("name of the target", self.name)
        check_ascending(f"classes of target {self.name!r}", self.classes, (str, int, bool), least=2)

    @classmethod
    def learn(cls, column: pl.Series) -> ClassTarget:
        """The classes of a target of the training rows."""
        values = sorted(column.unique())
        return cls(column.name, tuple(int(v) if isinstance(v, float) else v for v in values))

    @property
    def column_kind(self) -> Kind:
        """The kind of column that holds the classes."""
        kinds: dict[type, Kind] = {str: "category", bool: "boolean", int: "number"}
        return kinds[type(self.classes[0])]

    def encode(self, column: pl.Series) -> Array:
        """The number of each row's class, shape (rows,); InvalidValue for a class not in training."""
        position = positions(column, self.classes)
        unknown = column.filter(position < 0)
        if len(unknown):
            raise InvalidValue(
                f"target {self.name!r} holds {unknown[0]!r} in {(unknown == unknown[0]).sum()} rows, "
                f"which training did not have; its classes are: {', '.join(map(label_text, self.classes))}"
            )
        return position

    def probabilities(self, outputs: Array) -> Array:
        """The probability of each class, shape (rows, classes), from outputs of that shape.

        For two classes the outputs may also be p, the probability of the second, shape (rows, 1).
        """
        outputs = checks.examples("outputs", outputs, np.dtype(np.float64))
        if outputs.shape[1] == 1 and len(self.classes) == 2:
            return np.hstack([1 - outputs, outputs])
        if outputs.shape[1] != len(self.classes):
            raise InvalidValue(
                f"outputs has shape {outputs.shape}; "
                f"the classes of target {self.name!r} take shape (rows, {len(self.classes)})"
            )
        return outputs

    def decode(self, outputs: Array) -> Array:
        """The most probable class of each row, shape (rows,)."""
        return np.array(self.classes)[self.probabilities(outputs).argmax(axis=1)]


@dataclass(frozen=True)
class NumberTarget:
    """A quantity y; a network learns (y - mean) / deviation."""

    kind: ClassVar[Task] = "regression"
    column_kind: ClassVar[Kind] = "number"
    name: str
    mean: float
    deviation: float

    def __post_init__(self) -> None:
        check_text("name of the target", self.name)
        checks.number(f"mean of target {self.name!r}", self.mean)
        checks.number(f"deviation of target {self.name!r}", self.deviation, above=0)

    @classmethod
    def learn(cls, column: pl.Series, standardize: bool, weights: Array | None = None) -> NumberTarget:
        """Mean and deviation of a target of the training rows; 0 and 1, which change nothing, on request."""
        mean, deviation = mean_and_deviation(column.to_numpy(), weights) if standardize else (0.0, 1.0)
        return cls(column.name, mean, deviation)

    def encode(self, column: pl.Series) -> Array:
        """The standardized target, shape (rows, 1)."""
        return ((column.to_numpy() - self.mean) / self.deviation).reshape(-1, 1)

    def decode(self, outputs: Array) -> Array:
        """The outputs, shape (rows, 1), in the target's own units, shape (rows,)."""
        outputs = checks.examples("outputs", outputs, np.dtype(np.float64))
        if outputs.shape[1] != 1:
            raise InvalidValue(f"outputs has shape {outputs.shape}; target {self.name!r} takes shape (rows, 1)")
        return outputs[:, 0] * self.deviation + self.mean


Target: TypeAlias = ClassTarget | NumberTarget
TARGETS: dict[str, type[Target]] = {cls.kind: cls for cls in (ClassTarget, NumberTarget)}


def learn_target(column: pl.Series, task: Task, standardize: bool, weights: Array | None = None) -> Target:
    """What there is to know of the target of the training rows."""
    return ClassTarget.learn(column) if task == "classification" else NumberTarget.learn(column, standardize, weights)


def label_text(label: Label) -> str:
    """A class as it stands in a table file."""
    return str(label).lower() if isinstance(label, bool) else str(label)
