"""One pass over the rows of a stream: what it keeps of them merges with what other ranks keep of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import polars as pl
import polars.selectors as cs

from plainnet._base.arrays import Array
from plainnet.tabular.parts import TablePart
from plainnet.tabular.raw_table import RawTable
from plainnet.tabular.streaming.drawing import NOWHERE, TEST, TRAINING, VALIDATION
from plainnet.tabular.streaming.portions import Portion
from plainnet.tabular.streaming.reading import NewEvidence, Reader
from plainnet.tabular.streaming.sums import NumberSums, ValueCounts


@dataclass(frozen=True, eq=False)
class Passed:
    """Passed holds what is known of the rows that have passed by."""

    training: int = 0
    """The rows to train on."""
    without_target: int = 0
    weightless: int = 0
    nowhere: int = 0
    """The rows that are for nothing."""
    weight: float = 0.0
    """The weight of the training rows."""
    unit: float = np.inf
    """The least weight of a training row."""
    numbers: NumberSums | None = None
    """The training rows' columns of numbers, in the reader's order, the target among them."""
    values: dict[str, ValueCounts] = field(default_factory=dict)
    """The training rows' other columns."""
    classes: ValueCounts | None = None
    """The target of all rows, the test part among them."""
    kept: tuple[tuple[int, TablePart], ...] = ()
    """Rows of each part in their order, with what they are for; TRAINING is the sample."""

    def __add__(self, other: Passed) -> Passed:
        """Return what is known of both sets of rows."""
        return Passed(
            training=self.training + other.training,
            without_target=self.without_target + other.without_target,
            weightless=self.weightless + other.weightless,
            nowhere=self.nowhere + other.nowhere,
            weight=self.weight + other.weight,
            unit=min(self.unit, other.unit),
            numbers=_sum(self.numbers, other.numbers),
            values={
                name: known
                for name in {**self.values, **other.values}
                if (known := _sum(self.values.get(name), other.values.get(name))) is not None
            },
            classes=_sum(self.classes, other.classes),
            kept=self.kept + other.kept,
        )

    def part(self, kind: int, source: str) -> TablePart | None:
        """Return the rows that were kept for something, in the order of their numbers; None where there are none."""
        found = [part for own, part in self.kept if own == kind and len(part)]
        if not found:
            return None
        frame = pl.concat([part.frame for part in found])
        numbers = np.concatenate([part.numbers for part in found])
        weights = [part.weights for part in found if part.weights is not None]
        return TablePart(frame, source, numbers, np.concatenate(weights) if weights else None)


Sums = TypeVar("Sums", NumberSums, ValueCounts)


def _sum(first: Sums | None, second: Sums | None) -> Sums | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def passed(reader: Reader, portions: Sequence[Portion]) -> tuple[Passed, list[int], list[RawTable]]:
    """Return what is known of the rows of these portions, and how many of each are to train on.

    Return also what the evidence on the columns lacks: then the rest is of no use. Raises as `Reader.read` does.
    """
    found, lengths, new = Passed(), list[int](), list[RawTable]()
    for portion in portions:
        try:
            one = _passed(reader, portion)
        except NewEvidence as met:
            new.append(met.evidence)
            continue
        lengths.append(one.training)
        if not new:
            found = found + one
    return found, lengths, new


def _passed(reader: Reader, portion: Portion) -> Passed:
    part = reader.read(portion)
    numbers = reader.numbers_of(portion, part)
    roles = reader.drawing.parts(numbers)
    training = part.take(np.flatnonzero(roles == TRAINING))
    chosen = {kind: roles == kind for kind in (TEST, VALIDATION)}
    chosen[TRAINING] = (roles == TRAINING) & reader.drawing.sampled(numbers)
    kept = [(kind, _numbered(part, rows, numbers)) for kind, rows in chosen.items()]
    return Passed(
        training=len(training),
        without_target=part.without_target,
        weightless=part.weightless,
        nowhere=int((roles == NOWHERE).sum()),
        weight=float(len(training) if training.weights is None else training.weights.sum()),
        unit=np.inf if training.weights is None or not len(training) else float(training.weights.min()),
        numbers=_numbers(reader, training),
        values=_values(reader, training),
        classes=ValueCounts.of(part.frame[reader.target], part.weights),
        kept=tuple((kind, own) for kind, own in kept if len(own)),
    )


def _numbered(part: TablePart, chosen: Array, numbers: Array) -> TablePart:
    """Return the chosen rows by their numbers among those of all files."""
    return replace(part, numbers=numbers + 1, without_target=0, weightless=0).take(np.flatnonzero(chosen))


def number_columns(reader: Reader) -> list[str]:
    """Return the columns of numbers, the target among them."""
    return [name for name in reader.names if reader.kinds[name] == "number" and name != reader.weight_column]


def _numbers(reader: Reader, part: TablePart) -> NumberSums:
    names = number_columns(reader)
    values = part.frame.select(cs.by_name(names, require_all=True)).to_numpy() if names else np.empty((len(part), 0))
    return NumberSums.of(values, part.weights)


def _values(reader: Reader, part: TablePart) -> dict[str, ValueCounts]:
    others = [column for column in part.frame.iter_columns() if reader.kinds[column.name] != "number"]
    return {column.name: ValueCounts.of(column, part.weights) for column in others}
