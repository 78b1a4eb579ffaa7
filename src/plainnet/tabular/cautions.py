"""Warn of what looks wrong in a table without being an error, in the names and rows of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import polars.selectors as cs

from plainnet._base.arrays import Array
from plainnet.errors import warn
from plainnet.tabular.columns import NumberColumn
from plainnet.tabular.facts import counts_rows
from plainnet.tabular.kinds import kind_of
from plainnet.tabular.learning import FEW_CATEGORIES
from plainnet.tabular.targets import Task
from plainnet.tabular.texts import argument

if TYPE_CHECKING:
    from plainnet.tabular.parts import TablePart
    from plainnet.tabular.table import Table

FAR_OUT = 0.01
"""The deviations within which all but a hundredth of a column's values lie, if the rest are too far out."""
FEW_VALUES = 10
"""A column with fewer values than this is not looked at for values that are far out."""
NEGLIGIBLE = 1e-3
"""A share of rows that is less than this by chance is not computed any further."""
MORE_THAN_CHANCE = 3
"""So many times as many equal rows as chance gives are not taken for chance."""
ENOUGH_TO_MATTER = 0.01
"""A smaller share of equal rows hardly moves a figure."""
COLUMNS_AT_ONCE = 256
MANY_CLASSES = 100
"""Text with more different values is an unlikely target, and an unlikely input where digits stand in all of it."""
FIRST_DAY, LAST_DAY = 19000101, 20991231
DAYS_IN_DIGITS = r"^(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$"


def warn_of_leaks(frame: pl.DataFrame, target: str) -> None:
    """Warn of columns that say the same as the target: they make results look better than they are."""
    answers = frame[target]
    different = answers.n_unique()
    others = frame.drop(cs.by_name(target))
    counts = others.select(pl.all().n_unique()).row(0, named=True) if others.width else {}
    for name, count in counts.items():
        if count == different and _says_the_same(frame[name], answers, different):
            warn(f"column {name!r} says the same as the target {target!r} in every row")


def warn_of_far_out(table: Table, part: TablePart, X: Array) -> None:
    """Warn of number columns where a few values are so far out that the others are nearly equal once standardized."""
    both = zip(table.columns, table.features_of_columns, strict=True)
    places = {own[0]: column.name for column, own in both if isinstance(column, NumberColumn)}
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


def warn_of_overlap(known: Array, held: Array, held_out: TablePart, by_chance: float, kind: str) -> None:
    """Warn of rows of the part `kind` that are equal to training rows, given the hashes of both.

    `by_chance` is the share of rows of which this is to be expected; see `share_equal_by_chance`.
    """
    known = np.sort(known)
    places = np.minimum(np.searchsorted(known, held), len(known) - 1)
    count = int((known[places] == held).sum())
    if count <= max(MORE_THAN_CHANCE * by_chance, ENOUGH_TO_MATTER) * len(held):
        return
    rows = f"{count:,} of the {len(held):,} {kind} rows" if count < len(held) else f"all {count:,} {kind} rows"
    are = f"the only {kind} row ({held_out.source}) is" if len(held) == 1 else f"{rows} ({held_out.source}) are"
    warn(
        f"{are} equal to training rows in every input, so the figures measure memory too; leave copies out of the "
        "table, or give other rows (--validation FILE)"
    )


def share_equal_by_chance(frame: pl.DataFrame) -> float:
    """Return the share of new rows that would be equal to one of these rows, at most, if columns were independent.

    Two values of a column are equal with the probability Σp², where p is the share of each value.
    """
    share = float(len(frame))
    for column in frame:
        share *= float(((column.alias("values").unique_counts() / len(frame)).to_numpy() ** 2).sum())
        if share < NEGLIGIBLE:  # after two columns of measured numbers
            break
    return min(1.0, share)


def _are_days_in_digits(numbers: pl.Series) -> bool:
    """Return True if all numbers are days as 20240403 writes them."""
    known = numbers.drop_nulls()
    whole = bool((known == known.floor()).all() and (known <= LAST_DAY).all())
    return whole and bool(known.cast(pl.Int64).cast(pl.String).str.contains(DAYS_IN_DIGITS).all())


def _says_the_same(column: pl.Series, target: pl.Series, different: int) -> bool:
    """Return True if each value of one goes with one value of the other, or, if all differ, is a line of the other."""
    if different < len(target):
        return column.to_frame("a").with_columns(target.alias("b")).n_unique() == different
    if column.dtype != target.dtype:
        return False
    if column.eq_missing(target).all():
        return True
    return column.dtype.is_float() and len(target) > 2 and _is_a_line(column.to_numpy(), target.to_numpy())


def _is_a_line(x: Array, y: Array) -> bool:
    """Return True if y = a·x + b to rounding."""
    if not np.isfinite(x).all():
        return False
    (x, y) = ((values - values.mean()) / (np.abs(values - values.mean()).max() or 1.0) for values in (x, y))
    return bool(np.allclose(x, y, rtol=0, atol=1e-9) or np.allclose(x, -y, rtol=0, atol=1e-9))


def warn_of_target(column: pl.Series, task: Task) -> None:
    """Warn of a target that is taken for classes without the user saying so, if it is unlikely to hold some."""
    known = column.drop_nulls()
    different, rows = known.n_unique(), len(known)
    if kind_of(known) == "number" and task == "classification" and different > 2:
        values = known.to_numpy()
        warn(
            f"target {column.name!r} holds {different} whole numbers from {values.min():.0f} to {values.max():.0f} and "
            "is taken for classes; task='regression' (--task regression) predicts a quantity"
        )
    if kind_of(known) == "category":
        single = int((known.value_counts()["count"] == 1).sum())
        if different > MANY_CLASSES or different > rows / 2 or single > different / 2:
            alone = f", {single:,} of them in one row alone" if single else ""
            warn(
                f"target {column.name!r} holds {different:,} different texts in {rows:,} rows{alone}; each is taken "
                f"for a class (such as {known[0]!r})"
            )


def warn_of_columns(frame: pl.DataFrame, table: Table) -> None:
    """Warn of columns that are used and may be no inputs, and of texts that are nearly the same."""
    used = table.column_names
    dates = cs.by_name(table.date_columns)
    numbers = frame.select(cs.by_name(used)).select((cs.numeric() - dates).cast(pl.Float64))
    different = numbers.select(pl.all().n_unique()).row(0) if numbers.width else ()
    may_be_days = numbers.select((pl.all() >= FIRST_DAY).all()).row(0) if numbers.width else ()
    for name, count, days in zip(numbers.columns, different, may_be_days, strict=True):
        if count == len(frame) > FEW_CATEGORIES and len(used) > 1 and counts_rows(numbers[name]):
            warn(
                f"column {name!r} has another whole number in each row, as row numbers and identifiers have; "
                f"ignore=[{name!r}] (--ignore {argument(name)}) leaves it out"
            )
        elif days and count > 2 and _are_days_in_digits(numbers[name]):
            warn(
                f"column {name!r} looks like dates written in digits ({numbers[name].drop_nulls()[0]:.0f}) and is read "
                "as numbers, in which months and years are unequal steps; dates have marks: 2024-04-03"
            )
    for column in frame.select(pl.col(pl.String)).iter_columns():
        texts = column.drop_nulls().unique().sort()
        if column.name in used and len(texts) > MANY_CLASSES and texts.str.contains("[0-9]").all():
            warn(
                f"column {column.name!r} holds {len(texts):,} different texts with digits ({texts[0]!r}), and each "
                "is a category of its own; where they are numbers or dates, write them as such"
            )
        folded = texts.str.to_lowercase().str.replace_all(r"\s+", " ")
        if folded.n_unique() < len(folded):
            alike = texts.filter(folded == folded.filter(folded.is_duplicated())[0])
            warn(
                f"column {column.name!r} holds {', '.join(map(repr, alike[:4]))}, which differ in case or spaces "
                "alone; each counts as its own value"
            )
