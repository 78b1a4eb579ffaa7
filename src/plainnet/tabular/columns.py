"""The input columns of a table: what each kind learns from the training rows, and the features it makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.tabular.description import check_ascending, check_flag, check_text
from plainnet.tabular.kinds import Kind, kind_of
from plainnet.tabular.scores import in_digits
from plainnet.tabular.spelling import argument
from plainnet.tabular.texts import as_text, categories

if TYPE_CHECKING:
    import polars as pl

FEW_CATEGORIES = 20
"""Text with more different values than this, in more than half of its rows, is taken for an identifier."""
INDEX_NAMES = re.compile(r"Unnamed: \d+|__index_level_\d+__|level_\d+|rownames|row\.names|_c0|\.\.\.1")
"""What pandas and R call a column of row numbers without a name."""
MOST_CATEGORIES = 1000
"""Text with more different values than this is left out: one-hot, each would cost a feature."""


@dataclass(frozen=True)
class NumberColumn:
    """Numbers, standardized: (x - mean) / deviation over the training rows, 0 where missing.

    `missing` says whether training had missing values; a second feature is then 1 where the value is missing.
    """

    kind: ClassVar[Kind] = "number"
    name: str
    mean: float
    deviation: float
    missing: bool

    def __post_init__(self) -> None:
        check_text("name of a column", self.name)
        checks.number(f"mean of column {self.name!r}", self.mean)
        checks.number(f"deviation of column {self.name!r}", self.deviation, above=0)
        check_flag(f"missing of column {self.name!r}", self.missing)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each feature."""
        return _with_missing((self.name,), self.name, self.missing)

    @property
    def summary(self) -> str:
        """What training saw in the column, in a few words."""
        mean, deviation = (in_digits(value, 4) for value in (self.mean, self.deviation))
        return f"mean {mean}, deviation {deviation}" + _some_missing(self.missing)

    def write_features(self, values: Array, features: Array) -> None:
        """Fill `features`, shape (rows, features), from the column's numbers, NaN where missing."""
        missing = np.isnan(values)
        features[:, 0] = np.where(missing, 0.0, (values - self.mean) / self.deviation)
        if self.missing:
            features[:, 1] = missing


@dataclass(frozen=True)
class BooleanColumn:
    """Booleans: 1 for true, 0 for false; where missing the mean, the share of true among the training rows.

    `missing` says whether training had missing values; a second feature is then 1 where the value is missing.
    """

    kind: ClassVar[Kind] = "boolean"
    name: str
    mean: float
    missing: bool

    def __post_init__(self) -> None:
        check_text("name of a column", self.name)
        checks.number(f"mean of column {self.name!r}", self.mean, least=0, most=1)
        check_flag(f"missing of column {self.name!r}", self.missing)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each feature."""
        return _with_missing((self.name,), self.name, self.missing)

    @property
    def summary(self) -> str:
        """What training saw in the column, in a few words."""
        return f"{self.mean:.1%} true" + _some_missing(self.missing)

    def write_features(self, values: Array, features: Array) -> None:
        """Fill `features`, shape (rows, features), from 1 for true and 0 for false, NaN where missing."""
        missing = np.isnan(values)
        features[:, 0] = np.where(missing, self.mean, values)
        if self.missing:
            features[:, 1] = missing


@dataclass(frozen=True)
class CategoryColumn:
    """Categories, one-hot: a feature for each value of the training rows, 1 where the row has that value.

    Where training had missing values they are a category of their own, the last feature. A value that
    training did not have is 0 in every feature.
    """

    kind: ClassVar[Kind] = "category"
    name: str
    values: tuple[str, ...]
    missing: bool

    def __post_init__(self) -> None:
        check_text("name of a column", self.name)
        check_ascending(f"values of column {self.name!r}", self.values, (str,), least=1)
        check_flag(f"missing of column {self.name!r}", self.missing)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each feature: "island=Biscoe"."""
        return _with_missing([f"{self.name}={value}" for value in self.values], self.name, self.missing)

    @property
    def summary(self) -> str:
        """What training saw in the column, in a few words."""
        listed = ", ".join(self.values[:6]) + (f", ... ({len(self.values)})" if len(self.values) > 6 else "")
        return listed + _some_missing(self.missing)

    def write_features(self, values: Array, features: Array) -> None:
        """Fill `features`, shape (rows, features), from each value's place among the known; a missing one is last."""
        features[:] = 0
        known = np.flatnonzero((values >= 0) & (values < features.shape[1]))
        features[known, values[known]] = 1

    def unseen(self, column: pl.Series) -> pl.Series:
        """The values of a column that training did not have."""
        return column.filter(positions(column, self.values) < 0).drop_nulls()


Column: TypeAlias = NumberColumn | BooleanColumn | CategoryColumn
COLUMNS: dict[str, type[Column]] = {cls.kind: cls for cls in (NumberColumn, BooleanColumn, CategoryColumn)}


def learn_column(column: pl.Series, weights: Array | None = None) -> Column:
    """What there is to know of a column of the training rows that `useless` does not speak against.

    With `weights`, a number above 0 for each row, means and deviations are weighted.
    """
    missing = column.null_count() > 0
    known = column.drop_nulls() if missing else column  # a call of polars costs more than a column of a small table
    if weights is not None and missing:
        weights = weights[column.is_not_null().to_numpy()]
    match kind_of(column):
        case "number":
            mean, deviation = mean_and_deviation(known.to_numpy(), weights)
            return NumberColumn(column.name, mean, deviation, missing)
        case "boolean":
            return BooleanColumn(column.name, float(np.average(known.to_numpy(), weights=weights)), missing)
        case _:
            return CategoryColumn(column.name, tuple(sorted(categories(known).unique())), missing)


def useless(column: pl.Series, different: int, *, named: bool = False) -> str:
    """Why a column of the training rows cannot help: a reason for the user, empty where it can.

    `different` is the number of different values, missing ones aside. Text of many different values is kept where
    the user `named` it as categories, up to `MOST_CATEGORIES` of them.
    """
    known = column.drop_nulls() if column.null_count() else column
    if different == 0:
        return "every value is missing"
    if different == 1 and len(known) == len(column):
        return f"it is {_written(known[0])} in every row"
    if kind_of(column) == "category":
        if not named and different > FEW_CATEGORIES and different > len(known) / 2:
            return (
                f"it looks like an identifier or free text ({different} different values in {len(known)} rows); "
                f"categories=[{column.name!r}] (--categories {argument(column.name)}) keeps it"
            )
        if different > MOST_CATEGORIES:
            return f"it has {different} different values, more than {MOST_CATEGORIES}"
    elif INDEX_NAMES.fullmatch(column.name) and counts(column):
        return "its name and values are those of the row numbers that pandas and R write; rename it to use it"
    return ""


def _written(value: object) -> str:
    """A value as a table has it: 1 for the float 1.0."""
    return f"{value:.10g}" if isinstance(value, float) else repr(value)


def counts(column: pl.Series) -> bool:
    """Whether the values are all present, all different whole numbers, and either in order or close together."""
    if column.null_count() or column.n_unique() < len(column) or not (column == column.floor()).all():
        return False
    close = float(column.max()) - float(column.min()) < 3 * len(column)  # type: ignore[arg-type]
    return close or column.is_sorted() or column.is_sorted(descending=True)


def mean_and_deviation(values: Array, weights: Array | None = None) -> tuple[float, float]:
    """μ = Σx / n and σ = √(Σ(x - μ)² / n), with σ = 1 where all values are equal (to rounding).

    With weights μ = Σwx / Σw and σ = √(Σw(x - μ)² / Σw). Computed on x / max|x|, whose squares
    can neither overflow nor vanish.
    """
    largest = float(np.abs(values).max()) or 1.0
    scaled = values / largest
    if weights is None:
        return largest * float(scaled.mean()), largest * float(scaled.std()) or 1.0
    mean = np.average(scaled, weights=weights)
    deviation = np.sqrt(np.average(np.square(scaled - mean), weights=weights))
    return largest * float(mean), largest * float(deviation) or 1.0


def positions(column: pl.Series, known: tuple[str | int | bool, ...]) -> Array:
    """The place of each value among the known ones, shape (rows,); -1 for any other and for a missing one.

    A text that is not known as it stands is known where `as_text` says the same of it and of a known one.
    """
    import polars as pl

    places = dict(zip(known, range(len(known)), strict=True))
    if column.dtype == pl.String:
        others = [value for value in column.drop_nulls().unique() if value not in places]
        alike = {as_text(value): places[value] for value in reversed(known)} if others else {}
        places |= {value: alike[as_text(value)] for value in others if as_text(value) in alike}
    return column.replace_strict(
        pl.Series(list(places), dtype=column.dtype), pl.Series(places.values()), default=-1, return_dtype=pl.Int64
    ).to_numpy()


def _with_missing(names: tuple[str, ...] | list[str], column: str, missing: bool) -> tuple[str, ...]:
    return (*names, f"{column} missing") if missing else tuple(names)


def _some_missing(missing: bool) -> str:
    return "; some missing" if missing else ""
