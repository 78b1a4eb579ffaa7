"""Decide the kind of each column of a table file, and the notation of its numbers, from all of its values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

import polars as pl
import polars.selectors as cs

from plainnet._base.arrays import Array
from plainnet.tabular.kinds import Place, from_typed, has_thousands, is_whole, notation_of_type, tell
from plainnet.tabular.learning import FEW_CATEGORIES
from plainnet.tabular.notations import PLAIN, WHOLE, Notation
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.readings import (
    ALL_GROUPED,
    BEYOND,
    E_CODE,
    SAMPLE,
    TextColumn,
    code_of,
    number_words,
    readings_of,
)
from plainnet.tabular.texts import is_ascii, spelled_column

_CODE = r"^[+-]?(?:0[0-9]|[0-9]{16})|^\+[0-9]{7}"
"""Some value looks like this in a column of whole numbers that may be codes."""


def decide(
    frame: pl.DataFrame,
    place: Place,
    options: ReadOptions,
    as_categories: Collection[str],
    quoted: Mapping[str, Array],
) -> tuple[pl.DataFrame, dict[str, Notation]]:
    """Return the columns of a text file in their kinds, and the notations of those numbers that are not plain.

    Spaces around a value do not count, and the markers of `options` are missing values. What is left decides: all
    numbers in one notation (dates among them), all true or false (in any case), or no numbers, which makes
    categories. Columns in `as_categories` are categories whatever they hold, those in `options.notations` have their
    notation already. `quoted` has, for a column, the rows whose marker stands in quotation marks; in text it is
    a value.

    Numbers that would lose something as numbers (leading zeros, more digits than a float holds) are categories. A
    PlainnetWarning says of each such column, and of each whose numbers are not plain, how it is read.

    Raises InvalidValue, with the place, where numbers and text are mixed, where a number is infinite, and where a
    value means different numbers in the notations that fit.
    """
    written = _spelled(frame)
    text = _without_markers(written, options)
    numbers = text.select(pl.all().cast(pl.Float64, strict=False))
    missing, no_number = _row(text.null_count()), _row(numbers.null_count())
    points = _row(text.select(pl.all().str.contains(".", literal=True).any()))
    odd = _may_be_odd(text, points)
    special = _row(numbers.select((pl.all().is_nan() | pl.all().is_infinite()).any()))
    columns = []
    for name in frame.columns:
        known, kept = options.notations.get(name), text[name]
        if name in quoted:
            kept = kept.clone().scatter(quoted[name], written[name][quoted[name]])
        column = TextColumn(text[name], kept, numbers[name], place, options)
        plain = no_number[name] == missing[name] < len(frame) and not special[name]
        plain &= known == PLAIN or (known is None and not odd[name]) or (known == WHOLE and not points[name])
        if name in as_categories:
            column.result = kept
        elif plain and options.decimal != "," and options.thousands != ".":
            column.result = numbers[name]
        elif known is not None:
            column.result = column.in_notation(known)
        else:
            column.decide()
        columns.append(column)
    _settle(columns, options)
    _tell_of_columns(columns, options)
    decided = pl.DataFrame([c.result for c in columns])
    found = {c.name: c.readings[0] for c in columns if c.readings}
    if options.decimal is None and options.thousands is None:
        found |= _without_marks(decided, found, points)
    return decided, {name: notation for name, notation in found.items() if notation != PLAIN}


def decide_typed(
    frame: pl.DataFrame, place: Place, options: ReadOptions, as_categories: Collection[str]
) -> tuple[pl.DataFrame, dict[str, Notation]]:
    """Do the same for the columns of a Parquet file, whose types are known.

    Text is categories, except where `options` say that it writes numbers.
    """
    made, found = [], dict[str, Notation]()
    for column in frame.iter_columns():
        name, notation = column.name, notation_of_type(column.dtype)
        known = options.notations.get(name) or (PLAIN if name in options.numbers else None)
        is_free = known is None and name not in as_categories
        is_text = column.dtype in (pl.String, pl.Categorical, pl.Enum)
        if known is not None and is_text and name not in as_categories:
            read, notations = decide(column.cast(pl.String).to_frame(), place, options, (), {})
            made.append(read[name])
            found |= notations
            continue
        made.append(from_typed(column, place, category=name in as_categories, notation=known))
        if is_free and made[-1].dtype == pl.Float64 and has_thousands(column):
            found[name] = WHOLE
        elif known is None and made[-1].dtype == pl.Float64 and notation is not None:
            found[name] = notation
            tell([name], notation.name, str(column.drop_nulls().first()), notation.meaning)
        elif is_free and made[-1].dtype == pl.String and column.dtype.is_numeric():
            tell([name], BEYOND, str(column.drop_nulls().max()), "categories")
        elif is_free and column.dtype == pl.String and _writes_numbers(column, options):
            tell([name], "numbers or dates as text", str(column.drop_nulls().first()), "categories")
    return pl.DataFrame(made), found


def _writes_numbers(column: pl.Series, options: ReadOptions) -> bool:
    """Return True if each value of a column of text is a number or a date: no code, and none of a few whole numbers."""
    text = spelled_column(column)
    numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() == text.null_count():
        few = text.n_unique() <= FEW_CATEGORIES and is_whole(numbers).all()
        return not (few or number_words(text, numbers) or code_of(text, numbers))
    readings = readings_of(text, options)
    return bool(readings) and not readings[0].unit[:1].isalpha()


# There may be thousands of columns, so the next three functions look at all of them in a few expressions.


def _spelled(frame: pl.DataFrame) -> pl.DataFrame:
    """Apply `spelled_column` to the columns."""
    ascii_only = _row(frame.select((pl.all().str.len_bytes() == pl.all().str.len_chars()).all()))
    frame = frame.with_columns(spelled_column(frame[name]) for name, only in ascii_only.items() if not only)
    return frame.with_columns(cs.by_name([name for name, only in ascii_only.items() if only]).str.strip_chars())


def _without_markers(written: pl.DataFrame, options: ReadOptions) -> pl.DataFrame:
    """Put null in place of each marker of a missing value."""
    groups = defaultdict(list)
    for name in written.columns:
        groups[options.missing_in(name)].append(name)
    return written.with_columns(
        pl.when(~cs.by_name(names).is_in(list(markers))).then(cs.by_name(names)).name.keep()
        for markers, names in groups.items()
    )


def _may_be_odd(text: pl.DataFrame, points: Mapping[str, int]) -> dict[str, bool]:
    """Tell which columns, if they are plain numbers, may be codes or may have points between thousands.

    What has to be so in every row is looked for in the first rows only, which rule most columns out.
    """
    first = text.head(SAMPLE)
    codes = _row(text.select(pl.all().str.contains(_CODE).any()))
    e_codes, groups = (_row(first.select(pl.all().str.contains(pattern).all())) for pattern in (E_CODE, ALL_GROUPED))
    return {name: bool(codes[name] or e_codes[name] or (points[name] and groups[name])) for name in text.columns}


def _without_marks(
    decided: pl.DataFrame, found: Mapping[str, Notation], points: Mapping[str, int]
) -> dict[str, Notation]:
    """Return the notations of columns of whole numbers without any mark, some of a thousand or more."""
    numbers = cs.float()
    whole = decided.select((numbers == numbers.floor()).all() & (numbers.abs() >= 1000).any())
    candidates = {name: found.get(name, PLAIN) for name in whole.columns if whole[name][0] and not points[name]}
    unmarked = {name: notation for name, notation in candidates.items() if replace(notation, unit="") == PLAIN}
    return {name: replace(notation, whole=True) for name, notation in unmarked.items()}


def _row(frame: pl.DataFrame) -> dict[str, int]:
    return frame.row(0, named=True)


def _settle(columns: Collection[TextColumn], options: ReadOptions) -> None:
    """Choose among the readings of each column; what is certain in one column of a file helps with the next."""
    certain = [c.readings[0] for c in columns if len(c.readings) == 1]
    commas = any(notation.decimal == "," for notation in certain)
    thousands = any(notation.thousands == "," for notation in certain)
    for column in columns:
        if not column.readings:
            continue
        if column.readings[0] == PLAIN and len(column.readings) > 1:
            has_whole = (~column.text.str.contains(".", literal=True)).any()
            ambiguous = not thousands and (commas or has_whole)
            column.readings = column.readings if ambiguous else [PLAIN]
        elif len(column.readings) > 1 and commas != thousands and not column.readings[0].date:
            column.readings = [n for n in column.readings if (n.decimal == ",") == commas][:1] or column.readings
        elif options.dates and column.readings[0].date:
            column.readings = [n for n in column.readings if n.date == options.dates] or column.readings
        if len(column.readings) > 1:
            column.refuse_ambiguous()
        column.result = column.in_notation(column.readings[0])


def _tell_of_columns(columns: Collection[TextColumn], options: ReadOptions) -> None:
    """Say how columns are read that are not plain, once for those that are alike."""
    alike = defaultdict(list)
    for column in columns:
        if column.code:
            alike[column.code, "categories"].append(column)
        elif column.readings and (column.readings[0] != PLAIN or not is_ascii(column.text)):
            notation = column.readings[0]
            if notation.unit or notation.date or (options.decimal is None and options.thousands is None):
                alike[notation.name, notation.meaning].append(column)
    for (what, kind), some in alike.items():
        tell([column.name for column in some], what, some[0].example, kind)
