"""The columns of the encoding "robust": scaled by quartiles, clipped smoothly, dates in parts, categories as codes.

It is the preprocessing of RealMLP: Holzmüller, Grinsztajn and Steinwart, "Better by Default: Strong Pre-Tuned MLPs and
Boosted Trees on Tabular Data", NeurIPS 2024, whose authors do not say what to do with missing numbers and with dates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet._base.wording import in_date
from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular import encodings
from plainnet.tabular.columns import Categories, Column
from plainnet.tabular.features import Features
from plainnet.tabular.scores import in_plain_figures

CYCLES: dict[str, tuple[Callable[[Array], Array], float]] = {
    "month": (encodings.month, 12),
    "day of month": (encodings.day_of_month, 31),
    "weekday": (encodings.weekday, 7),
    "hour": (encodings.hour, 24),
}
"""The parts of a date that come again, each with its period; as features they are a sine and a cosine."""
PARTS = ("value", "year", *CYCLES)
"""The features that a number may become; one that is no date has only its value."""


@dataclass(frozen=True)
class RobustNumberColumn(Column):
    """Numbers are z / √(1 + (z/3)²), z = (x - center) / spread, with the median and the distance of the quartiles.

    Of a date, days since 1970-01-01, this is one part, and the year another; month, day of the month, weekday and hour
    are a sine and a cosine of their place in the cycle. A part that is constant in training is left out. A missing
    number is the mean of each feature over the training rows, and if training had some, the last feature marks them.
    """

    kind = "number"
    entry = "robust number"
    parts: tuple[str, ...]
    means: tuple[float, ...]
    """The mean of each feature over the training rows."""
    center: float = 0.0
    spread: float = 1.0
    year_center: float = 0.0
    year_spread: float = 1.0
    mark: tuple[float, ...] = ()
    """The last feature where the number is missing, and where it is present."""

    def __post_init__(self) -> None:
        super().__post_init__()
        known = isinstance(self.parts, tuple) and all(isinstance(part, str) and part in PARTS for part in self.parts)
        if not known or len(set(self.parts)) < len(self.parts) or not (self.parts or self.missing):
            raise InvalidValue(f"parts of column {self.name!r} is {self.parts!r}; it takes different ones of {PARTS}")
        check_numbers(self, "means", sum(2 if part in CYCLES else 1 for part in self.parts))
        check_numbers(self, "mark", 2 if self.missing else 0)
        for name in ("center", "year_center"):
            checks.number(f"{name} of column {self.name!r}", getattr(self, name))
        for name in ("spread", "year_spread"):
            checks.number(f"{name} of column {self.name!r}", getattr(self, name), above=0)

    def _seen(self) -> str:
        if "value" not in self.parts:
            return f"{in_plain_figures(self.center, 4)} in each row"
        return f"median {in_plain_figures(self.center, 4)}, quartiles {in_plain_figures(self.spread, 4)} apart"

    def _dates_seen(self) -> str:
        if "value" not in self.parts:
            return f"{in_date(self.center)} in each row"
        return f"median {in_date(self.center)}, quartiles {self.spread:.4g} days apart"

    def _features(self) -> Iterator[Features]:
        means = iter(self.means)
        for part in self.parts:
            if part == "value":
                settings = {"center": self.center, "spread": self.spread, "missing": next(means)}
                yield Features("number", (self.name,), encodings.robust, settings)
            elif part == "year":
                settings = {"center": self.year_center, "spread": self.year_spread, "missing": next(means)}
                yield Features("number", (f"{self.name}: year",), encodings.robust_year, settings)
            else:
                function, period = CYCLES[part]
                for wave in (encodings.sine, encodings.cosine):
                    cycle = {"part": function, "period": period, "missing": next(means)}
                    yield Features("number", (f"{self.name}: {part} {wave.__name__}",), wave, cycle)
        if self.missing:
            settings = {"missing": self.mark[0], "present": self.mark[1]}
            yield Features("plain", (f"{self.name} missing",), encodings.mark, settings)


@dataclass(frozen=True)
class RobustBooleanColumn(Column):
    """Booleans are two-valued: 1 for false, -1 for true, 0 where missing, scaled and clipped as numbers are."""

    kind = "boolean"
    unknown = "unknown"
    entry = "robust boolean"
    encoded: tuple[float, ...]
    """The feature of false, of true, and of a missing value."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "encoded", 3)

    def _seen(self) -> str:
        return "true or false"

    def _features(self) -> Iterator[Features]:
        yield two_valued(f"{self.name}=false", self.encoded)


@dataclass(frozen=True)
class TwoCategoriesColumn(Categories):
    """Two categories are one feature: 1 for the first, -1 for the second, 0 for others, scaled and clipped."""

    entry = "two categories"
    encoded: tuple[float, ...]
    """The feature of the first category, of the second, and of a missing value or another one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.values) != 2:
            raise InvalidValue(f"values of column {self.name!r} is {self.values!r}; it takes two")
        check_numbers(self, "encoded", 3)

    def _features(self) -> Iterator[Features]:
        yield two_valued(f"{self.name}={self.values[0]}", self.encoded)


@dataclass(frozen=True)
class RobustCategoryColumn(Categories):
    """Categories are one-hot, and each feature is scaled and clipped as numbers are; all are 0 for other values."""

    entry = "robust category"
    on: tuple[float, ...]
    """Each category's feature in the rows that have it."""
    off: tuple[float, ...]
    """Each category's feature in the other rows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "on", len(self.values))
        check_numbers(self, "off", len(self.values))

    def _features(self) -> Iterator[Features]:
        names = tuple(f"{self.name}={value}" for value in self.values)
        yield Features("plain", names, encodings.one_hot, {"on": self.on, "off": self.off})


@dataclass(frozen=True)
class CodedColumn(Categories):
    """Many categories are a code for an embedding: 1 for the first, 0 for a missing value and one not in training."""

    entry = "coded category"

    def _features(self) -> Iterator[Features]:
        yield Features("code", (self.name,), encodings.code, {"count": len(self.values)})


def two_valued(name: str, encoded: tuple[float, ...]) -> Features:
    """Describe a feature of two values."""
    settings = dict(zip(("first", "second", "unknown"), encoded, strict=True))
    return Features("plain", (name,), encodings.two_valued, settings)


def check_numbers(column: Column, field: str, count: int) -> None:
    """Raise an error unless a field of a column is a tuple of so many finite numbers."""
    values, where = getattr(column, field), f"{field} of column {column.name!r}"
    if not isinstance(values, tuple):
        raise InvalidType(f"{where} is {values!r}; it takes a list of numbers")
    for value in values:
        checks.number(where, value)
    if len(values) != count:
        raise InvalidValue(f"{where} has {len(values)} numbers; it takes {count}")
