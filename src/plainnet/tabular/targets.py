"""The target column of a table, classes or a quantity: to what a network learns, from what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.columns import mean_and_deviation, positions
from plainnet.tabular.description import check_ascending, check_text
from plainnet.tabular.kinds import Kind
from plainnet.tabular.tasks import Task
from plainnet.tabular.texts import categories

if TYPE_CHECKING:
    import polars as pl

Label: TypeAlias = str | int | bool

MOST_SPELLINGS = 1000
"""A target of more different values is no target of classes."""


@dataclass(frozen=True)
class ClassTarget:
    """Classes in sorted order; a network learns the number of each and gives a probability for each."""

    kind: ClassVar[Task] = "classification"
    name: str
    classes: tuple[Label, ...]
    written: tuple[str, ...] = ()
    """The classes as the training file wrote them, where it wrote any otherwise than `label_text`."""

    def __post_init__(self) -> None:
        check_text("name of the target", self.name)
        check_ascending(f"classes of target {self.name!r}", self.classes, (str, int, bool), least=2)
        if not isinstance(self.written, tuple) or len(self.written) not in (0, len(self.classes)):
            raise InvalidValue(f"written of target {self.name!r} is {self.written!r}; it takes a text for each class")
        for text in self.written:
            check_text(f"written of target {self.name!r}", text)

    @classmethod
    def learn(cls, column: pl.Series, spellings: Mapping[str, str]) -> ClassTarget:
        """The classes of a target of the training rows; `spellings` are those of numbers and booleans in their file."""
        import polars as pl

        if column.dtype == pl.String:
            column, spellings = categories(column), spellings_of(categories(column), column)
        classes = tuple(int(v) if isinstance(v, float) else v for v in sorted(column.unique()))
        plain = tuple(map(label_text, classes))
        written = tuple(spellings.get(text, text) for text in plain)
        return cls(column.name, classes, () if written == plain or len(set(written)) < len(written) else written)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes as they stand in a table file."""
        return self.written or tuple(map(label_text, self.classes))

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes as predictions state them: text as it was written, numbers and booleans as such."""
        return self.names if self.column_kind == "category" else self.classes

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
                f"which training did not have; its classes are: {', '.join(self.names)}"
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
        """The most probable class of each row, shape (rows,); text as the training file wrote it."""
        return np.array(self.labels)[self.probabilities(outputs).argmax(axis=1)]


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


def learn_target(
    column: pl.Series, task: Task, standardize: bool, weights: Array | None, spellings: Mapping[str, str]
) -> Target:
    """What there is to know of the target of the training rows."""
    if task == "classification":
        return ClassTarget.learn(column, spellings)
    return NumberTarget.learn(column, standardize, weights)


def spellings_of(column: pl.Series, written: pl.Series) -> dict[str, str]:
    """How a file writes the classes of a target, its commonest way for each, where that is not `label_text`."""
    import polars as pl

    labels = column.drop_nulls()
    if labels.n_unique() > MOST_SPELLINGS or (labels.dtype == pl.Float64 and not (labels == labels.floor()).all()):
        return {}
    pairs = pl.DataFrame({"label": column, "text": written}).drop_nulls().group_by("label", "text").len()
    found: dict[str, str] = {}
    for label, text, _ in pairs.sort("len", "text").iter_rows():  # the commonest comes last
        found[label_text(int(label) if isinstance(label, float) else label)] = text
    return {label: text for label, text in found.items() if text != label}


def label_text(label: Label) -> str:
    """A class as it stands in a table file."""
    return str(label).lower() if isinstance(label, bool) else str(label)
