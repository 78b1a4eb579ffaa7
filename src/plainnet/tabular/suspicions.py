"""What looks wrong in a table without being an error: each gets a warning, in the names and rows of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plainnet.arrays import Array
from plainnet.errors import warn
from plainnet.tabular.columns import NumberColumn
from plainnet.tabular.part import Part
from plainnet.tabular.table import Table

if TYPE_CHECKING:
    import polars as pl

FAR_OUT = 0.01
"""Where all but a hundredth of a column's values lie within so many deviations, the rest are too far out."""
FEW_VALUES = 10
"""A column with fewer values than this is not looked at for values that are far out."""
MORE_THAN_CHANCE = 3
"""So many times as many equal rows as chance gives are not taken for chance."""
COLUMNS_AT_ONCE = 256


def warn_of_leaks(frame: pl.DataFrame, target: str) -> None:
    """Warn of columns that say the same as the target: they make results look better than they are."""
    import polars as pl

    answers = frame[target]
    different = answers.n_unique()
    counts = frame.select(pl.exclude(target).n_unique()).row(0, named=True)
    for name, count in counts.items():
        if count == different and _says_the_same(frame[name], answers, different):
            warn(f"column {name!r} says the same as the target {target!r} in every row")


def warn_of_far_out(table: Table, part: Part, X: Array) -> None:
    """Warn of number columns where a few values are so far out that the others are nearly equal once standardized."""
    places, start = {}, 0
    for column in table.columns:
        if isinstance(column, NumberColumn):
            places[start] = column.name
        start += len(column.feature_names)
    numbers, left_over = list(places), max(1, len(X) // 100)
    if len(X) < FEW_VALUES:
        return
    for first in range(0, len(numbers), COLUMNS_AT_ONCE):
        chosen = numbers[first : first + COLUMNS_AT_ONCE]
        distances = np.abs(X[:, chosen] - np.median(X[:, chosen], axis=0))
        spread = np.partition(distances, len(X) - 1 - left_over, axis=0)[len(X) - 1 - left_over]
        for i in np.flatnonzero((spread > 0) & (spread < FAR_OUT)):
            name, row = places[chosen[i]], int(distances[:, i].argmax())
            warn(
                f"column {name!r} holds {part.frame[name][row]:.6g} ({part.place(row)}), so far out that the other "
                "values hardly differ once standardized; correct it, or leave the field empty"
            )


def warn_of_overlap(known: Array, held: Array, held_out: Part, by_chance: float) -> None:
    """Warn of validation rows that are equal to training rows, given the hashes of both.

    `by_chance` is the share of rows of which this is to be expected; see `share_equal_by_chance`.
    """
    count = int(np.isin(held, known).sum())
    if count <= MORE_THAN_CHANCE * by_chance * len(held):
        return
    rows = f"all {count:,}" if count == len(held) else f"{count:,} of the {len(held):,}"
    warn(
        f"{rows} validation rows ({held_out.source}) are equal to training rows in every input, so the figures "
        "measure memory too; leave copies out of the table, or give other rows (--validation FILE)"
    )


def share_equal_by_chance(frame: pl.DataFrame) -> float:
    """The share of new rows that would be equal to one of these rows, at most, if the columns were independent.

    Two values of a column are equal with the probability Σp², where p is the share of each value.
    """
    import polars as pl

    equal = frame.select((pl.all().unique_counts() / len(frame)).pow(2).sum()).row(0)
    return min(1.0, len(frame) * float(np.prod(equal)))


def _says_the_same(column: pl.Series, target: pl.Series, different: int) -> bool:
    """Whether each value of the one goes with one value of the other, or, all different, is a line of the other."""
    if different < len(target):
        return column.to_frame("a").with_columns(target.alias("b")).n_unique() == different
    if column.dtype != target.dtype:
        return False
    if column.eq_missing(target).all():
        return True
    return column.dtype.is_float() and len(target) > 2 and _is_a_line(column.to_numpy(), target.to_numpy())


def _is_a_line(x: Array, y: Array) -> bool:
    """Whether y = a·x + b to rounding."""
    if not np.isfinite(x).all():
        return False
    (x, y) = ((values - values.mean()) / (np.abs(values - values.mean()).max() or 1.0) for values in (x, y))
    return bool(np.allclose(x, y, rtol=0, atol=1e-9) or np.allclose(x, -y, rtol=0, atol=1e-9))
