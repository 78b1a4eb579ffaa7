"""Learn the columns of a table from its training rows, in one of the encodings."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from plainnet._base.arrays import Array
from plainnet.tabular import encodings
from plainnet.tabular.columns import BooleanColumn, CategoryColumn, Column, NumberColumn
from plainnet.tabular.decisions import Decision, option_otherwise
from plainnet.tabular.encoding import fill, positions
from plainnet.tabular.features import Features
from plainnet.tabular.kinds import kind_of
from plainnet.tabular.notations import PLAIN, Notation
from plainnet.tabular.robust_columns import (
    CYCLES,
    CodedColumn,
    RobustBooleanColumn,
    RobustCategoryColumn,
    RobustNumberColumn,
    TwoCategoriesColumn,
)
from plainnet.tabular.robust_scale import encoded, robust_scale
from plainnet.tabular.texts import categories

if TYPE_CHECKING:
    import polars as pl

Encoding: TypeAlias = Literal["standard", "robust"]
ENCODINGS: tuple[Encoding, ...] = ("standard", "robust")

COLUMN_KINDS: dict[str, type[Column]] = {
    cls.entry: cls
    for cls in (
        *(NumberColumn, BooleanColumn, CategoryColumn),
        *(RobustNumberColumn, RobustBooleanColumn, TwoCategoriesColumn, RobustCategoryColumn, CodedColumn),
    )
}
"""The kinds of columns by what the description of a table calls them."""
FEW_CATEGORIES = 20
"""Text with more different values than this, in more than half of its rows, is taken for an identifier."""
INDEX_NAMES = re.compile(r"Unnamed: \d+|__index_level_\d+__|level_\d+|rownames|row\.names|_c0|\.\.\.1")
"""The names that pandas and R give to a column of row numbers without a name."""
MOST_CATEGORIES = 1000
"""Text with more different values than this is left out: one-hot, each would cost a feature."""

SAME = 1e-9
"""A part of dates that varies by less is the same in all of them."""


def learn_column(
    column: pl.Series,
    weights: Array | None = None,
    *,
    encoding: Encoding = "standard",
    largest_one_hot: int = 8,
    notation: Notation = PLAIN,
) -> Column:
    """Learn a column of the training rows, one that is not `useless`.

    With `weights`, a number above 0 for each row, means, deviations and quartiles are weighted. `notation` says if
    numbers are dates. See `Table.learn` for the other arguments.
    """
    if encoding == "robust":
        return _robust_column(column, weights, largest_one_hot, notation)
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


def _robust_column(column: pl.Series, weights: Array | None, largest_one_hot: int, notation: Notation) -> Column:
    name, missing = column.name, column.null_count() > 0
    kind = kind_of(column)
    if kind == "number":
        return _robust_number(column, weights, notation)
    values = ("false", "true") if kind == "boolean" else tuple(sorted(categories(column.drop_nulls()).unique()))
    if len(values) > max(2, largest_one_hot):
        return CodedColumn(name, missing, values)
    places = column.cast(int).fill_null(-1).to_numpy() if kind == "boolean" else positions(column, values)
    totals, unit = _totals(places + 1, weights, 1 + len(values))
    other, *known = totals
    if len(values) == 2:
        two_valued = encoded((1, -1, 0), (*known, other), unit)
        if kind == "boolean":
            return RobustBooleanColumn(name, missing, two_valued)
        return TwoCategoriesColumn(name, missing, values, two_valued)
    on, off = zip(*(encoded((1, 0), (total, sum(totals) - total), unit) for total in known), strict=True)
    return RobustCategoryColumn(name, missing, values, on, off)


def _robust_number(column: pl.Series, weights: Array | None, notation: Notation) -> RobustNumberColumn:
    """Learn numbers, or the parts of dates that vary."""
    name, missing = column.name, column.null_count() > 0
    mark: tuple[float, ...] = ()
    if missing:  # a call of polars costs more than a column of a small table
        present = column.is_not_null().to_numpy()
        mark = encoded((-1, 1), *_totals(present.astype(np.int64), weights, 2))
        column, weights = column.drop_nulls(), None if weights is None else weights[present]
    values = column.to_numpy()
    center, spread = robust_scale(values, weights)
    parts = ["value"] * (spread > 0)
    scales = {"center": center, "spread": spread or 1.0}
    if notation.date and notation.date != "time":
        center, spread = robust_scale(encodings.year(values), weights)
        if spread > 0:
            parts.append("year")
            scales |= {"year_center": center, "year_spread": spread}
    if notation.date:
        parts += [part for part, (function, _) in CYCLES.items() if np.ptp(function(values)) > SAME]
    count = sum(2 if part in CYCLES else 1 for part in parts)
    learned = RobustNumberColumn(name, missing, tuple(parts), (0.0,) * count, **scales, mark=mark)
    return replace(learned, means=tuple(_mean(f, values, weights) for f in learned.features if f.group == "number"))


def _mean(made: Features, values: Array, weights: Array | None) -> float:
    """Return the mean of a feature of all values."""
    feature = np.empty((len(values), 1))
    fill(feature, made, values)
    return float(np.average(feature[:, 0], weights=weights))


def _totals(places: Array, weights: Array | None, count: int) -> tuple[list[float], float]:
    """Return the weight of the rows at each of `count` places, and the least weight of a row."""
    totals = np.bincount(places, weights, count).astype(float).tolist()
    return totals, 1.0 if weights is None else float(weights.min())


def useless_columns(
    typed: pl.DataFrame, categories: Collection[str], most: int | None = MOST_CATEGORIES
) -> dict[str, Decision]:
    """Return the decisions on those columns of the training rows that cannot help, by their names.

    Text of many different values is kept where the user names it in `categories`, and up to `most` of them, where there
    is a limit.
    """
    import polars as pl

    different = typed.select(pl.all().drop_nulls().n_unique()).row(0, named=True) if typed.width else {}
    decisions = {}
    for column in typed.iter_columns():
        name = column.name
        reason, option = _useless(column, different[name], name in categories, most)
        if reason:
            decisions[name] = Decision(name, "left out", reason, option, is_notable=True)
    return decisions


def _useless(column: pl.Series, different: int, is_named: bool, most: int | None) -> tuple[str, str]:
    """Return the reason why a column cannot help, empty if it can, and the option that keeps it."""
    known = column.drop_nulls() if column.null_count() else column
    if different == 0:
        return "every value is missing", ""
    if different == 1 and len(known) == len(column):
        value = known[0]
        return f"it is {f'{value:.10g}' if isinstance(value, float) else repr(value)} in every row", ""
    if kind_of(column) == "category":
        if not is_named and different > FEW_CATEGORIES and different > len(known) / 2:
            found = f"{different} different values in {len(known)} rows"
            return f"it looks like an identifier or free text ({found})", option_otherwise("left out", column.name)
        if most is not None and different > most:
            return f"it has {different} different values, more than {most}", ""
    elif INDEX_NAMES.fullmatch(column.name) and counts_rows(column):
        return "its name and values are those of the row numbers that pandas and R write; rename it to use it", ""
    return "", ""


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
