"""Learn the columns of a table from its training rows, in one of the encodings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from plainnet._base.arrays import Array
from plainnet.tabular import encodings
from plainnet.tabular.columns import BooleanColumn, CategoryColumn, Column, NumberColumn
from plainnet.tabular.decisions import Decision, option_otherwise
from plainnet.tabular.encoding import fill
from plainnet.tabular.facts import ColumnFacts, Facts
from plainnet.tabular.features import Features
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
    facts: Facts,
    *,
    encoding: Encoding = "standard",
    largest_one_hot: int = 8,
    notation: Notation = PLAIN,
) -> Column:
    """Learn a column from the facts on its training rows; it is not one of the `useless_columns`.

    `notation` says if numbers are dates. See `Table.learn` for the other arguments.
    """
    if encoding == "robust":
        return _robust_column(facts, largest_one_hot, notation)
    missing = facts.missing > 0
    match facts.kind:
        case "number":
            return NumberColumn(facts.name, missing, *facts.moments)
        case "boolean":
            _, false, true = facts.totals
            return BooleanColumn(facts.name, missing, true / (false + true))
        case _:
            return CategoryColumn(facts.name, missing, facts.texts)


def _robust_column(facts: Facts, largest_one_hot: int, notation: Notation) -> Column:
    name, missing = facts.name, facts.missing > 0
    if facts.kind == "number":
        return _robust_number(facts, notation)
    values = ("false", "true") if facts.kind == "boolean" else facts.texts
    if len(values) > max(2, largest_one_hot):
        return CodedColumn(name, missing, values)
    totals = facts.totals
    other, *known = totals
    if len(values) == 2:
        two_valued = encoded((1, -1, 0), (*known, other), facts.unit)
        if facts.kind == "boolean":
            return RobustBooleanColumn(name, missing, two_valued)
        return TwoCategoriesColumn(name, missing, values, two_valued)
    on, off = zip(*(encoded((1, 0), (total, sum(totals) - total), facts.unit) for total in known), strict=True)
    return RobustCategoryColumn(name, missing, values, on, off)


def _robust_number(facts: Facts, notation: Notation) -> RobustNumberColumn:
    """Learn numbers, or the parts of dates that vary."""
    mark = encoded((-1, 1), facts.totals, facts.unit) if facts.missing else ()
    values, weights = facts.values, facts.weights
    center, spread = robust_scale(values, weights, facts.ends)
    parts = ["value"] * (spread > 0)
    scales = {"center": center, "spread": spread or 1.0}
    if notation.date and notation.date != "time":
        least, most = encodings.year(np.array(facts.ends)).tolist()
        center, spread = robust_scale(encodings.year(values), weights, (least, most))
        if spread > 0:
            parts.append("year")
            scales |= {"year_center": center, "year_spread": spread}
    if notation.date:
        parts += [part for part, (function, _) in CYCLES.items() if np.ptp(function(values)) > SAME]
    count = sum(2 if part in CYCLES else 1 for part in parts)
    learned = RobustNumberColumn(facts.name, facts.missing > 0, tuple(parts), (0.0,) * count, **scales, mark=mark)
    return replace(learned, means=tuple(_mean(f, values, weights) for f in learned.features if f.group == "number"))


def _mean(made: Features, values: Array, weights: Array | None) -> float:
    """Return the mean of a feature of all values."""
    feature = np.empty((len(values), 1))
    fill(feature, made, values)
    return float(np.average(feature[:, 0], weights=weights))


def facts_of(typed: pl.DataFrame, weights: Array | None = None) -> list[ColumnFacts]:
    """Return the facts on the columns of a frame whose columns have their kinds; `weights` are those of the rows."""
    import polars as pl

    different = typed.select(pl.all().drop_nulls().n_unique()).row(0) if typed.width else ()
    return [ColumnFacts(column, weights, count) for column, count in zip(typed.iter_columns(), different, strict=True)]


def useless_columns(
    facts: Iterable[Facts], categories: Collection[str], most: int | None = MOST_CATEGORIES
) -> dict[str, Decision]:
    """Return the decisions on those columns of the training rows that cannot help, by their names.

    Text of many different values is kept where the user names it in `categories`, and up to `most` of them, where there
    is a limit.
    """
    decisions = {}
    for column in facts:
        reason, option = _useless(column, column.name in categories, most)
        if reason:
            decisions[column.name] = Decision(column.name, "left out", reason, option, is_notable=True)
    return decisions


def _useless(column: Facts, is_named: bool, most: int | None) -> tuple[str, str]:
    """Return the reason why a column cannot help, empty if it can, and the option that keeps it."""
    different, known = column.different, column.rows - column.missing
    if different == 0:
        return "every value is missing", ""
    if different == 1 and not column.missing:
        value = column.first
        return f"it is {f'{value:.10g}' if isinstance(value, float) else repr(value)} in every row", ""
    if column.kind == "category":
        if not is_named and different > FEW_CATEGORIES and different > known / 2:
            found = f"{different} different values in {known} rows"
            return f"it looks like an identifier or free text ({found})", option_otherwise("left out", column.name)
        if most is not None and different > most:
            return f"it has {different} different values, more than {most}", ""
    elif INDEX_NAMES.fullmatch(column.name) and column.counts_rows():
        return "its name and values are those of the row numbers that pandas and R write; rename it to use it", ""
    return "", ""
