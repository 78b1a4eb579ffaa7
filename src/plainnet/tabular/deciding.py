"""Decide the kind of each column of a table file, and the notation of its numbers, from all of its values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl
import polars.selectors as cs

from plainnet._base.arrays import Array
from plainnet.tabular.decisions import AS_SAID, Decision, ReadAs, option_otherwise
from plainnet.tabular.kinds import Place, from_typed, has_thousands, is_whole, notation_of_type
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
from plainnet.tabular.texts import as_text, each_different, is_ascii, spelled_column

CODE = r"^[+-]?(?:0[0-9]|[0-9]{16})|^\+[0-9]{7}"
"""Some value looks like this in a column of whole numbers that may be codes."""
ORDINARY: dict[ReadAs, str] = {
    "number": "numbers",
    "date": "dates",
    "time": "times of day",
    "boolean": "true and false",
    "category": "text",
}
"""The reasons for decisions that nobody wonders at."""


@dataclass(frozen=True)
class Decided:
    """This holds a file's columns in their kinds, the notations of numbers that are not plain, and the decisions."""

    frame: pl.DataFrame
    notations: Mapping[str, Notation]
    decisions: Sequence[Decision]


def joined(names: Sequence[str], parts: Sequence[Decided]) -> Decided:
    """Return columns that were decided on apart, in the order of `names`."""
    frame = pl.concat([part.frame for part in parts], how="horizontal").select(
        cs.by_name(list(names), require_all=True)
    )
    notations = {name: notation for part in parts for name, notation in part.notations.items()}
    decisions = {decision.column: decision for part in parts for decision in part.decisions}
    return Decided(frame, notations, [decisions[name] for name in names])


def decide(
    frame: pl.DataFrame,
    place: Place,
    options: ReadOptions,
    as_categories: Collection[str],
    quoted: Mapping[str, Array],
    is_bare: bool = False,
) -> Decided:
    """Return the columns of a text file in their kinds.

    Spaces around a value do not count, and the markers of `options` are missing values. What is left decides: all
    numbers in one notation (dates among them), all true or false (in any case), or no numbers, which makes
    categories. Columns in `as_categories` are categories whatever they hold, those in `options.columns` are what these
    say, those in `options.notations` have their notation already. `quoted` has, for a column, the rows whose marker
    stands in quotation marks; in text it is a value. With `is_bare` no value has spaces around it or letters beyond
    ASCII.

    Numbers that would lose something as numbers (leading zeros, more digits than a float holds) are categories. Where
    all but markers such as "-" is numbers, these are missing values.

    Raises InvalidValue, with the place, where numbers and text are mixed, where a number is infinite, and where a
    value means different numbers in the notations that fit.
    """
    written = frame if is_bare else _spelled(frame)
    text = _without_markers(written, options)
    numbers = text.select(pl.all().cast(pl.Float64, strict=False))
    missing, no_number = _row(text.null_count()), _row(numbers.null_count())
    points = _have_points(text)
    odd = _may_be_odd(text, points, [name for name in text.columns if no_number[name] == missing[name]])
    special = _row(numbers.select((pl.all().is_nan() | pl.all().is_infinite()).any()))
    columns = []
    for name in frame.columns:
        known, kept, said = options.notations.get(name), text[name], options.columns.get(name)
        if name in quoted:
            kept = kept.clone().scatter(quoted[name], written[name][quoted[name]])
        column = TextColumn(text[name], kept, numbers[name], place, options)
        plain = no_number[name] == missing[name] < len(frame) and not special[name]
        plain &= known == PLAIN or (known is None and not odd[name]) or (known == WHOLE and not points[name])
        if name in as_categories:
            column.result = kept
        elif said == "boolean":
            column.be_boolean()
        elif said == "date" and known is None:
            column.be_date()
        elif plain and options.decimal != "," and options.thousands != ".":
            column.result = numbers[name]
        elif known is not None:
            column.result = column.in_notation(known)
        else:
            column.decide()
        columns.append(column)
    _settle(columns, options)
    decided = pl.DataFrame([c.result for c in columns])
    found = {c.name: c.readings[0] for c in columns if c.readings}
    firsts: dict[str, str | None] = text.select(pl.all().drop_nulls().first()).row(0, named=True)
    said_by = {**dict.fromkeys(as_categories, "category"), **options.columns}
    decisions = [_decision(column, firsts[column.name], said_by, options) for column in columns]
    if options.decimal is None and options.thousands is None:
        found |= _without_marks(decided, found, points)
    return Decided(decided, {name: notation for name, notation in found.items() if notation != PLAIN}, decisions)


def _decision(column: TextColumn, first: str | None, said: Mapping[str, str], options: ReadOptions) -> Decision:
    """Return the decision on a column of text."""
    notation = column.readings[0] if column.readings else options.notations.get(column.name, PLAIN)
    assert column.result is not None
    kind = read_as(column.result.dtype, notation)
    made = Decision(
        column.name, kind, ORDINARY[kind], option_otherwise(kind, column.name), first or "", missing=column.missing
    )
    if column.code:
        return replace(made, reason=column.code, example=column.example, is_notable=True)
    if column.has_spellings:
        return replace(made, reason="true and false in several spellings", is_notable=True)
    if column.readings and (notation != PLAIN or not is_ascii(column.text)):
        chosen = options.decimal is not None or options.thousands is not None
        notable = bool(notation.unit or notation.date or not chosen) and said.get(column.name) != kind
        return replace(made, reason=notation.name, example=column.example, is_notable=notable)
    if not notation.is_plain and kind != "category":
        return replace(made, reason=notation.name)
    if first is None:
        return replace(made, reason="no values", option="")
    return replace(made, reason=AS_SAID) if said.get(column.name) == kind else made


def decide_typed(frame: pl.DataFrame, place: Place, options: ReadOptions, as_categories: Collection[str]) -> Decided:
    """Do the same for the columns of a file whose types are known, such as Parquet.

    Text is categories, except where `options` say that it writes numbers, dates, or true and false.
    """
    made, found, decisions = [], dict[str, Notation](), list[Decision]()
    for column in frame.iter_columns():
        name, said = column.name, options.columns.get(column.name)
        known = options.notations.get(name) or (PLAIN if said == "number" else None)
        is_text = column.dtype in (pl.String, pl.Categorical, pl.Enum)
        digits = (said == "date" or (known and known.date == "digits")) and column.dtype.is_integer()
        words = said == "boolean" and (is_text or column.dtype.is_numeric())
        if name not in as_categories and (words or digits or (is_text and (known or said == "date"))):
            text = each_different(column, as_text, pl.String) if words and not is_text else column.cast(pl.String)
            one = decide(text.to_frame(), place, options, (), {})
            made.append(one.frame[name])
            found |= one.notations
            decisions += one.decisions
            continue
        made.append(from_typed(column, place, category=name in as_categories, notation=known))
        decision, notation = _typed_decision(column, made[-1], known, name in as_categories, options)
        decisions.append(decision)
        if notation is not None:
            found[name] = notation
    return Decided(pl.DataFrame(made), found, decisions)


def _typed_decision(
    column: pl.Series, made: pl.Series, known: Notation | None, as_category: bool, options: ReadOptions
) -> tuple[Decision, Notation | None]:
    """Return the decision on a typed column, and the notation of its numbers if that is not plain."""
    name, notation = column.name, notation_of_type(column.dtype)
    kind = read_as(made.dtype, known or notation or PLAIN)
    example = str(column.drop_nulls().first() if column.null_count() < len(column) else "")
    decision = Decision(name, kind, ORDINARY[kind], option_otherwise(kind, name), example)
    if not example:
        return replace(decision, reason="no values", option=""), None
    if kind == options.columns.get(name) or as_category:
        return replace(decision, reason=AS_SAID), None
    if known is not None:
        return decision, None
    if kind == "number":
        return decision, WHOLE if has_thousands(column) else None
    if kind in ("date", "time"):
        return replace(decision, reason=(notation or PLAIN).name, is_notable=True), notation
    if kind == "category" and column.dtype.is_numeric():
        return replace(decision, reason=BEYOND, example=str(column.max()), is_notable=True), None
    if column.dtype == pl.String and _writes_numbers(column, options):
        return replace(decision, reason="numbers or dates as text", is_notable=True), None
    return decision, None


def read_as(dtype: pl.DataType, notation: Notation) -> ReadAs:
    """Return what a column of this type, one of the three, and notation is."""
    if dtype == pl.Float64:
        return "time" if notation.date == "time" else "date" if notation.date else "number"
    return "boolean" if dtype == pl.Boolean else "category"


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
    marked = {
        name: list(markers)
        for markers, names in groups.items()
        for name, has in _row(written.select(cs.by_name(names).is_in(list(markers)).any())).items()
        if has
    }
    return written.with_columns(
        pl.when(~cs.by_name(name).is_in(markers)).then(cs.by_name(name)).name.keep() for name, markers in marked.items()
    )


def _have_points(text: pl.DataFrame) -> dict[str, int]:
    """Tell which columns have a point in some value; the first rows show most of them."""
    point = pl.all().str.contains(".", literal=True).any()
    found = _row(text.head(SAMPLE).select(point))
    others = [name for name, has in found.items() if not has]
    return found | (_row(text.select(cs.by_name(others)).select(point)) if others else {})


def _may_be_odd(text: pl.DataFrame, points: Mapping[str, int], numeric: Collection[str]) -> dict[str, bool]:
    """Tell which of the `numeric` columns may be codes or may have points between thousands.

    What has to be so in every row is looked for in the first rows only, which rule most columns out. Numbers with a
    point are no codes.
    """
    first = text.head(SAMPLE)
    whole = [name for name in numeric if not points[name]]
    codes = _row(text.select(cs.by_name(whole)).select(pl.all().str.contains(CODE).any())) if whole else {}
    e_codes, groups = (_row(first.select(pl.all().str.contains(pattern).all())) for pattern in (E_CODE, ALL_GROUPED))
    return {name: bool(codes.get(name) or e_codes[name] or (points[name] and groups[name])) for name in text.columns}


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
