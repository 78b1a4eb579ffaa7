"""The target of a table: what is to be learned from it, and how a network learns it and gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.wording import plural
from plainnet.errors import InvalidValue
from plainnet.tabular.description import check_ascending, check_text
from plainnet.tabular.encoding import positions
from plainnet.tabular.facts import Facts
from plainnet.tabular.kinds import Kind, from_typed, is_whole, kind_of, row_of_frame
from plainnet.tabular.texts import categories, option
from plainnet.tabular.thresholds import HALF, decided
from plainnet.training import splitting

if TYPE_CHECKING:
    import polars as pl

Label: TypeAlias = str | int | bool
Task: TypeAlias = Literal["classification", "regression"]

FEW_CLASSES = 10
"""A target of whole numbers with at most so many different values is taken for classes."""
MOST_NUMERIC_CLASSES = 100
"""A target of whole numbers with more different values is refused as classes."""
MOST_TEXT_CLASSES = 1000
"""A target of text with more different values is taken for classes only on request."""
MOST_SPELLINGS = 1000
"""A target of more different values is no target of classes."""

# ---- the task: classification or regression, and on which rows ----


def target_column(frame: pl.DataFrame, target: str) -> pl.Series:
    """Return the target column of a frame in its kind; raise InvalidValue, with the closest name, if there is none."""
    if target not in frame.columns:
        raise InvalidValue(
            f"target is {target!r}, which is no column of the table; {checks.closest(target, frame.columns)}"
        )
    return from_typed(frame[target], row_of_frame)


def known_target(frame: pl.DataFrame, target: str) -> pl.Series:
    """Return the target column of a frame in its kind; raise InvalidValue if it is missing in a row."""
    values = target_column(frame, target)
    if values.null_count():
        raise InvalidValue(
            f"target {target!r} is missing in {values.null_count()} rows; leave them out (drop_missing_targets)"
        )
    return values


def drop_missing_targets(frame: pl.DataFrame, target: str) -> tuple[pl.DataFrame, int]:
    """Return the rows of a `frame` whose `target` is known, and the number of those left out.

    >>> import polars
    >>> rows, left_out = drop_missing_targets(polars.DataFrame({"x": [1, 2, 3], "y": ["a", None, "b"]}), "y")
    >>> rows["x"].to_list(), left_out
    ([1, 3], 1)
    """
    known = target_column(frame, target).is_not_null()
    return frame.filter(known), int((~known).sum())


def decide_task(frame: pl.DataFrame, target: str, task: str | None = None) -> Task:
    """Return what the column `target` of a `frame` holds: classes ("classification") or quantities ("regression").

    Text and booleans are classes; so are numbers where all are whole and at most 10 (`FEW_CLASSES`) of them differ.
    `task` decides otherwise where the target's values permit it. Missing values play no part.

    Raises InvalidValue for an unknown target, one that is constant or entirely missing, and a task that it does not
    permit: regression on text, classification of numbers that are not whole or differ in more than 100 values
    (`MOST_NUMERIC_CLASSES`).

    >>> import polars
    >>> frame = polars.DataFrame({"animal": ["cat", "dog"], "weight": [4.5, 20.1]})
    >>> decide_task(frame, "animal"), decide_task(frame, "weight")
    ('classification', 'regression')
    """
    values = target_column(frame, target).drop_nulls()
    if len(values) == 0:
        raise InvalidValue(f"target {target!r} is missing in every row; there is nothing to learn")
    different = values.n_unique()
    if different == 1:
        raise InvalidValue(f"target {target!r} is {values[0]!r} in every row; there is nothing to learn")
    if task is not None:
        checks.one_of("task", task, ("classification", "regression"))

    if kind_of(values) != "number":
        if task == "regression":
            raise InvalidValue(
                f"target {target!r} holds {values[0]!r}, which is no number; "
                "task='regression' takes numbers, task='classification' takes text and booleans"
            )
        if task is None and different > MOST_TEXT_CLASSES:
            raise InvalidValue(
                f"target {target!r} holds {different:,} different texts in {len(values):,} rows ({values[0]!r}); that "
                "is too many classes to tell apart (task='classification', --task classification, learns them anyway)"
            )
        return "classification"
    whole = bool(is_whole(values).all())
    if task == "classification" and not (whole and different <= MOST_NUMERIC_CLASSES):
        found = f"{different} different numbers" if whole else "numbers that are not whole"
        raise InvalidValue(
            f"target {target!r} holds {found}; task='classification' takes whole numbers, at most "
            f"{MOST_NUMERIC_CLASSES} different ones: use task='regression', or read the column as categories "
            f"({option('categories', target)})"
        )
    few = whole and different <= FEW_CLASSES
    return "classification" if task == "classification" or (task is None and few) else "regression"


def split(
    frame: pl.DataFrame, target: str, task: Task, fraction: float, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return the numbers of the rows to train on and of those to validate on, each in the frame's order.

    `frame` has the rows, `target` is the name of the target's column, `task` is "classification" or "regression",
    `fraction` is the share to validate on and `random` a generator of NumPy. For classification each class gives its
    share; see `plainnet.training.splitting.split`.

    Raises InvalidValue for a fraction outside (0, 1), a missing target and too few rows.

    >>> import numpy as np
    >>> import polars
    >>> frame = polars.DataFrame({"y": ["a", "b"] * 10})
    >>> train, validate = split(frame, "y", "classification", 0.2, np.random.default_rng(1))
    >>> len(train), len(validate), sorted(frame["y"][validate].to_list())
    (16, 4, ['a', 'a', 'b', 'b'])
    """
    checks.number("fraction", fraction, above=0, below=1)
    values = known_target(frame, target)
    labels = positions(values, tuple(sorted(values.unique()))) if task == "classification" else None
    return splitting.split(len(values), fraction, random, labels)


# ---- what a network learns, and what it gives ----


@dataclass(frozen=True)
class ClassTarget:
    """The classes stand in sorted order; a network learns the number of each and gives a probability for each."""

    kind: ClassVar[Task] = "classification"
    name: str
    classes: tuple[Label, ...]
    written: tuple[str, ...] = ()
    """The classes as the training file wrote them, if it wrote any otherwise than `label_text`."""
    threshold: float = HALF
    """The probability above which the second of two classes is predicted; more classes have none."""

    def __post_init__(self) -> None:
        check_text("name of the target", self.name)
        check_ascending(f"classes of target {self.name!r}", self.classes, (str, int, bool), least=2)
        if not isinstance(self.written, tuple) or len(self.written) not in (0, len(self.classes)):
            raise InvalidValue(f"written of target {self.name!r} is {self.written!r}; it takes a text for each class")
        for text in self.written:
            check_text(f"written of target {self.name!r}", text)
        checks.number(f"threshold of target {self.name!r}", self.threshold, above=0, below=1)
        if self.threshold != HALF and len(self.classes) != 2:
            raise InvalidValue(
                f"threshold of target {self.name!r} is {self.threshold} for {len(self.classes)} classes; it takes two"
            )

    @classmethod
    def learn(cls, column: pl.Series, spellings: Mapping[str, str], counts: pl.Series | None = None) -> ClassTarget:
        """Learn the classes from the training rows; `spellings` are those of numbers and booleans in their file.

        With `counts` each value of `column` stands for so many rows.
        """
        import polars as pl

        if column.dtype == pl.String:
            column, spellings = categories(column), spellings_of(categories(column), column, counts)
        classes = tuple(int(v) if isinstance(v, float) else v for v in sorted(column.unique()))
        plain = tuple(map(label_text, classes))
        written = tuple(spellings.get(text, text) for text in plain)
        return cls(column.name, classes, () if written == plain or len(set(written)) < len(written) else written)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the classes as they stand in a table file."""
        return self.written or tuple(map(label_text, self.classes))

    @property
    def labels(self) -> tuple[Label, ...]:
        """Return the classes as predictions state them: text as it was written, numbers and booleans as such."""
        return self.names if self.column_kind == "category" else self.classes

    @property
    def column_kind(self) -> Kind:
        """Return the kind of column that holds the classes."""
        kinds: dict[type, Kind] = {str: "category", bool: "boolean", int: "number"}
        return kinds[type(self.classes[0])]

    def encode(self, column: pl.Series) -> Array:
        """Return the number of each row's class, shape (rows,); raise InvalidValue for a class not in training."""
        position = positions(column, self.classes)
        unknown = column.filter(position < 0)
        if len(unknown):
            raise InvalidValue(
                f"target {self.name!r} holds {unknown[0]!r} in {plural(int((unknown == unknown[0]).sum()), 'row')}, "
                f"which training did not have; its classes are: {', '.join(self.names)}"
            )
        return position

    def stated(self, targets: Array) -> Array:
        """Return the class of each number that `encode` made, shape (rows,); text as the training file wrote it."""
        return np.array(self.labels)[targets]

    def probabilities(self, outputs: Array) -> Array:
        """Return the probability of each class, shape (rows, classes), from outputs of that shape.

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

    def decided(self, outputs: Array) -> Array:
        """Return the number of the class that each row is predicted to be, shape (rows,).

        It is the most probable class; of two classes the second where its probability is above `threshold`.
        """
        return decided(self.probabilities(outputs), self.threshold)

    def decode(self, outputs: Array) -> Array:
        """Return the class that each row is predicted to be, shape (rows,); text as the training file wrote it."""
        return np.array(self.labels)[self.decided(outputs)]


@dataclass(frozen=True)
class NumberTarget:
    """The target is a quantity y; a network learns (y - mean) / deviation.

    Predictions are clipped to `limits`, the least and the largest target of the training rows, if there is one.
    """

    kind: ClassVar[Task] = "regression"
    column_kind: ClassVar[Kind] = "number"
    name: str
    mean: float
    deviation: float
    limits: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_text("name of the target", self.name)
        checks.number(f"mean of target {self.name!r}", self.mean)
        checks.number(f"deviation of target {self.name!r}", self.deviation, above=0)
        if self.limits:
            check_ascending(f"limits of target {self.name!r}", self.limits, (float,), least=2)
            for limit in self.limits:
                checks.number(f"limits of target {self.name!r}", limit)

    @classmethod
    def learn(cls, facts: Facts, standardize: bool, *, clip: bool = False) -> NumberTarget:
        """Learn mean and deviation from the training rows; without `standardize` they are 0 and 1, without effect.

        With `clip` learn the least and the largest target, too.
        """
        mean, deviation = facts.moments if standardize else (0.0, 1.0)
        return cls(facts.name, mean, deviation, facts.ends if clip else ())

    def encode(self, column: pl.Series) -> Array:
        """Return the standardized target, shape (rows, 1)."""
        return ((column.to_numpy() - self.mean) / self.deviation).reshape(-1, 1)

    def stated(self, targets: Array) -> Array:
        """Return what `encode` made, shape (rows, 1), in the target's own units, shape (rows,)."""
        return targets[:, 0].astype(np.float64) * self.deviation + self.mean

    def decode(self, outputs: Array) -> Array:
        """Return the outputs, shape (rows, 1), in the target's own units, shape (rows,), within the `limits`."""
        outputs = checks.examples("outputs", outputs, np.dtype(np.float64))
        if outputs.shape[1] != 1:
            raise InvalidValue(f"outputs has shape {outputs.shape}; target {self.name!r} takes shape (rows, 1)")
        quantity = self.stated(outputs)
        return np.clip(quantity, self.limits[0], self.limits[-1]) if self.limits else quantity


Target: TypeAlias = ClassTarget | NumberTarget
TARGETS: dict[str, type[Target]] = {cls.kind: cls for cls in (ClassTarget, NumberTarget)}


def spellings_of(column: pl.Series, written: pl.Series, counts: pl.Series | None = None) -> dict[str, str]:
    """Return how a file writes the classes of a target, its commonest way for each, if that is not `label_text`.

    With `counts` each value stands for so many rows.
    """
    import polars as pl

    labels = column.drop_nulls()
    if labels.n_unique() > MOST_SPELLINGS or (labels.dtype == pl.Float64 and not (labels == labels.floor()).all()):
        return {}
    rows = pl.repeat(1, len(column), eager=True) if counts is None else counts
    pairs = pl.DataFrame({"label": column, "text": written, "len": rows}).drop_nulls().group_by("label", "text").sum()
    found: dict[str, str] = {}
    for label, text, _ in pairs.sort("len", "text").iter_rows():  # the commonest comes last
        found[label_text(int(label) if isinstance(label, float) else label)] = text
    return {label: text for label, text in found.items() if text != label}


def label_text(label: Label) -> str:
    """Return a class as it stands in a table file."""
    return str(label).lower() if isinstance(label, bool) else str(label)
