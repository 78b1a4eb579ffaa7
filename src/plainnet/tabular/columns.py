"""The input columns of a table: what each kind learns from the training rows, and the features it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.description import check_ascending, check_text
from plainnet.tabular.kinds import Kind, Place, from_typed, kind_of, row_of_frame
from plainnet.tabular.scores import in_plain_figures
from plainnet.tabular.texts import argument, as_text, categories

if TYPE_CHECKING:
    import polars as pl

FEW_CATEGORIES = 20
"""Text with more different values than this, in more than half of its rows, is taken for an identifier."""
INDEX_NAMES = re.compile(r"Unnamed: \d+|__index_level_\d+__|level_\d+|rownames|row\.names|_c0|\.\.\.1")
"""The names that pandas and R give to a column of row numbers without a name."""
MOST_CATEGORIES = 1000
"""Text with more different values than this is left out: one-hot, each would cost a feature."""
AT_ONCE = 2**22
"""So many numbers are taken out of a frame at a time."""
PLURAL: dict[Kind, str] = {"number": "numbers", "boolean": "true and false", "category": "text"}

# ---- what a column learns ----


@dataclass(frozen=True)
class _Column:
    """Each column has a name; `missing` is True if training had missing values, which then have the last feature."""

    kind: ClassVar[Kind]
    name: str
    missing: bool

    def __post_init__(self) -> None:
        check_text("name of a column", self.name)
        if not isinstance(self.missing, bool):
            raise InvalidType(f"missing of column {self.name!r} is {self.missing!r}; it takes true or false")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Return the name of each feature, such as "mass" or "island=Biscoe"."""
        return (*self._value_names(), f"{self.name} missing") if self.missing else self._value_names()

    @property
    def summary(self) -> str:
        """Say in a few words what training saw in the column."""
        return self._seen() + ("; some missing" if self.missing else "")

    def write_features(self, values: Array, features: Array) -> None:
        """Fill `features`, shape (rows, features), from the column's numbers, NaN where missing."""
        features[:, 0] = self.first_feature(values)
        if self.missing:
            features[:, 1] = np.isnan(values)

    def first_feature(self, values: Array) -> Array:
        """Return the feature of a column's numbers, NaN where missing; ONNX files are traced from it."""
        raise NotImplementedError

    def _value_names(self) -> tuple[str, ...]:
        return (self.name,)

    def _seen(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class NumberColumn(_Column):
    """Numbers are standardized: (x - mean) / deviation over the training rows, 0 where missing."""

    kind = "number"
    mean: float
    deviation: float

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(f"mean of column {self.name!r}", self.mean)
        checks.number(f"deviation of column {self.name!r}", self.deviation, above=0)

    def _seen(self) -> str:
        return f"mean {in_plain_figures(self.mean, 4)}, deviation {in_plain_figures(self.deviation, 4)}"

    def first_feature(self, values: Array) -> Array:
        """Return (x - mean) / deviation, 0 where missing."""
        return np.where(np.isnan(values), 0.0, (values - self.mean) / self.deviation)


@dataclass(frozen=True)
class BooleanColumn(_Column):
    """Booleans are 1 for true, 0 for false; where missing the mean, the share of true among the training rows."""

    kind = "boolean"
    mean: float

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(f"mean of column {self.name!r}", self.mean, least=0, most=1)

    def _seen(self) -> str:
        return f"{self.mean:.1%} true"

    def first_feature(self, values: Array) -> Array:
        """Return 1 for true, 0 for false, the mean where missing."""
        return np.where(np.isnan(values), self.mean, values)


@dataclass(frozen=True)
class CategoryColumn(_Column):
    """Categories are one-hot: a feature for each value of the training rows, 1 where the row has that value.

    If training had missing values they are a category of their own, the last feature. A value that training did not
    have is 0 in every feature.
    """

    kind = "category"
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ascending(f"values of column {self.name!r}", self.values, (str,), least=1)

    def write_features(self, values: Array, features: Array) -> None:
        """Fill `features`, shape (rows, features), from each value's place among the known; a missing one is last."""
        features[:] = 0
        known = np.flatnonzero((values >= 0) & (values < features.shape[1]))
        features[known, values[known]] = 1

    def _value_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={value}" for value in self.values)

    def _seen(self) -> str:
        return ", ".join(self.values[:6]) + (f", ... ({len(self.values)})" if len(self.values) > 6 else "")


Column: TypeAlias = NumberColumn | BooleanColumn | CategoryColumn
COLUMN_KINDS: dict[str, type[Column]] = {cls.kind: cls for cls in (NumberColumn, BooleanColumn, CategoryColumn)}


def learn_column(column: pl.Series, weights: Array | None = None) -> Column:
    """Learn a column of the training rows, one that is not `useless`.

    With `weights`, a number above 0 for each row, means and deviations are weighted.
    """
    missing = column.null_count() > 0
    known = column.drop_nulls() if missing else column  # a call of polars costs more than a column of a small table
    if weights is not None and missing:
        weights = weights[column.is_not_null().to_numpy()]
    match kind_of(column):
        case "number":
            return NumberColumn(column.name, missing, *mean_and_deviation(known.to_numpy(), weights))
        case "boolean":
            return BooleanColumn(column.name, missing, float(np.average(known.to_numpy(), weights=weights)))
        case _:
            return CategoryColumn(column.name, missing, tuple(sorted(categories(known).unique())))


def useless(column: pl.Series, different: int, *, named: bool = False) -> str:
    """Return the reason, for the user, why a column of the training rows cannot help; empty if it can.

    `different` is the number of different values, missing ones aside. Text of many different values is kept where
    the user `named` it as categories, up to `MOST_CATEGORIES` of them.
    """
    known = column.drop_nulls() if column.null_count() else column
    if different == 0:
        return "every value is missing"
    if different == 1 and len(known) == len(column):
        value = known[0]
        return f"it is {f'{value:.10g}' if isinstance(value, float) else repr(value)} in every row"
    if kind_of(column) == "category":
        if not named and different > FEW_CATEGORIES and different > len(known) / 2:
            return (
                f"it looks like an identifier or free text ({different} different values in {len(known)} rows); "
                f"categories=[{column.name!r}] (--categories {argument(column.name)}) keeps it"
            )
        if different > MOST_CATEGORIES:
            return f"it has {different} different values, more than {MOST_CATEGORIES}"
    elif INDEX_NAMES.fullmatch(column.name) and counts_rows(column):
        return "its name and values are those of the row numbers that pandas and R write; rename it to use it"
    return ""


def counts_rows(column: pl.Series) -> bool:
    """Return True if the values are different whole numbers, all present, and either in order or close together."""
    if column.null_count() or column.n_unique() < len(column) or not (column == column.floor()).all():
        return False
    close = float(column.max()) - float(column.min()) < 3 * len(column)  # type: ignore[arg-type]
    return close or column.is_sorted() or column.is_sorted(descending=True)


def mean_and_deviation(values: Array, weights: Array | None = None) -> tuple[float, float]:
    """Return μ = Σx / n and σ = √(Σ(x - μ)² / n), with σ = 1 if all values are equal (to rounding).

    With weights μ = Σwx / Σw and σ = √(Σw(x - μ)² / Σw). Computed on x / max|x|, whose squares
    can neither overflow nor vanish.
    """
    largest = float(np.abs(values).max()) or 1.0
    scaled = values / largest
    mean = np.average(scaled, weights=weights)
    deviation = np.sqrt(np.average(np.square(scaled - mean), weights=weights))
    return largest * float(mean), largest * float(deviation) or 1.0


def positions(column: pl.Series, known: tuple[str | int | bool, ...]) -> Array:
    """Return the place of each value among the known ones, shape (rows,); -1 for any other and for a missing one.

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


# ---- the features that columns make ----


def of_kinds(columns: Sequence[Column], frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame's columns of these names in their kinds; raise InvalidValue for another kind.

    A call of polars costs more than a column of a small table, so columns that are as they should be are looked at
    all at once.
    """
    import polars as pl
    import polars.selectors as cs

    dtypes = {"number": pl.Float64, "boolean": pl.Boolean, "category": pl.String}
    taken = frame.select(cs.by_name([column.name for column in columns]))
    schema = taken.schema
    found = taken.select(pl.col(pl.Float64).is_infinite().any())
    infinite = found.row(0, named=True) if found.width else {}
    changed = [
        column_of_kind(taken, column.name, column.kind)
        for column in columns
        if schema[column.name] != dtypes[column.kind] or column.kind == "category" or infinite.get(column.name)
    ]
    return taken.with_columns(pl.col(pl.Float64).fill_nan(None)).with_columns(changed)


def column_of_kind(frame: pl.DataFrame, name: str, learned: Kind) -> pl.Series:
    """Return a column in its kind, which is the one learned or, if every value is missing, any."""
    column = from_typed(frame[name], row_of_frame)
    kind = kind_of(column)
    if kind in (learned, None):
        return column
    remedy = f"; read it as categories (categories=[{name!r}]), as Table.read does" if learned == "category" else ""
    raise InvalidValue(f"column {name!r} holds {PLURAL[kind or learned]} where training had {PLURAL[learned]}{remedy}")


def codes(columns: Sequence[Column], frame: pl.DataFrame) -> Iterator[tuple[int, Array]]:
    """Yield the place of each column with a number for each of its values, from a frame of the right kinds.

    Numbers and booleans (1 for true, 0 for false) are float64, NaN where missing. Categories are places among the
    learned ones: -1 for a value that training did not have, the number of categories where missing.
    """
    import polars as pl
    import polars.selectors as cs

    numeric = [place for place, column in enumerate(columns) if not isinstance(column, CategoryColumn)]
    size = max(1, AT_ONCE // max(1, len(frame)))
    for first in range(0, len(numeric), size):
        chosen = numeric[first : first + size]
        values = frame.select(cs.by_name([columns[place].name for place in chosen]).cast(pl.Float64)).to_numpy()
        for i, place in enumerate(chosen):
            yield place, values[:, i]
    for place, column in enumerate(columns):
        if isinstance(column, CategoryColumn):
            text = frame[column.name].cast(pl.String)
            yield place, np.where(text.is_null().to_numpy(), len(column.values), positions(text, column.values))


def encode(
    columns: Sequence[Column], frame: pl.DataFrame, dtype: np.dtype[Any], place: Place, first_row: int = 0
) -> Array:
    """Return the features of the columns, shape (rows, features), from a frame of the right kinds."""
    starts = np.cumsum([0, *(len(column.feature_names) for column in columns)])
    features = np.empty((len(frame), int(starts[-1])), dtype)
    for i, values in codes(columns, frame):
        of_column = features[:, starts[i] : starts[i + 1]]
        with np.errstate(over="ignore"):
            columns[i].write_features(values, of_column)
        if columns[i].kind == "number" and not np.isfinite(of_column[:, 0]).all():
            row = int((~np.isfinite(of_column[:, 0])).argmax())
            raise InvalidValue(
                f"{place(first_row + row)}: column {columns[i].name!r} holds {values[row]:g}, too far from what "
                f"training had ({columns[i].summary}) for {dtype}; correct it, or leave the field empty"
            )
    return features
