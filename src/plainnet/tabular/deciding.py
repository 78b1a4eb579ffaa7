"""The kind of each column of a text file, and the notation of its numbers, from all of its values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue, warn
from plainnet.tabular.columns import FEW_CATEGORIES
from plainnet.tabular.dates import PATTERNS, SHORT_YEAR, orders_of
from plainnet.tabular.kinds import Place, described, finite, from_typed, is_whole, notation_of_type
from plainnet.tabular.markers import missing_hint, number_words, with_quoted
from plainnet.tabular.notations import DECIMALS, PLAIN, THOUSANDS, Notation, unit_of
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.spelling import argument, is_ascii, spelled_column

if TYPE_CHECKING:
    import polars as pl

_CODE = r"^[+-]?(?:0[0-9]|[0-9]{16})|^\+[0-9]{7}"
"""What some value looks like in a column of whole numbers that may be codes."""
_E_CODE = r"^[0-9]+[eE][0-9]+$"
_TELEPHONE = r"^\+[0-9]{7,15}$"
_INTERNET_ADDRESS = r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$"
_GROUPS = r"^[+-]?(?:0|[1-9][0-9]{0,2}(?:\.[0-9]{3})*)$"
_BEYOND = "whole numbers beyond 2^53, which a float cannot tell apart"
SAMPLE = 1000
"""About so many values of a column are tried first."""


@dataclass
class _Column:
    """A column on the way to its kind."""

    text: pl.Series
    """Without spaces around the values; null where missing."""
    kept: pl.Series
    """The same, with the markers that stand in quotation marks."""
    place: Place
    result: pl.Series | None = None
    readings: list[Notation] = field(default_factory=list)
    """The notations that fit every value and say different numbers."""
    code: str = ""
    """What would be lost if the values were read as numbers."""

    @property
    def name(self) -> str:
        return self.text.name

    @property
    def example(self) -> str:
        """A value that shows what is special about the column."""
        known = self.text.drop_nulls()
        plain = "^-?[0-9]+$" if not self.code else "^[1-9][0-9]{0,15}$"
        return str(known[(~known.str.contains(plain)).arg_max() or 0])

    def first(self, rows: pl.Series) -> tuple[str, str]:
        """Where the first of the rows stands, and what it holds."""
        row = rows.fill_null(False).arg_max() or 0
        return self.place(row), str(self.text[row])


def decide(
    frame: pl.DataFrame,
    place: Place,
    options: ReadOptions,
    as_categories: Collection[str],
    quoted: Mapping[str, Array],
) -> tuple[pl.DataFrame, dict[str, Notation]]:
    """The columns of a text file in their kinds, and the notations of those numbers that are not plain.

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
    import polars as pl

    written = _spelled(frame)
    text = _without_markers(written, options)
    numbers = text.select(pl.all().cast(pl.Float64, strict=False))
    missing, no_number = _row(text.null_count()), _row(numbers.null_count())
    odd = _may_be_odd(text)
    special = _row(numbers.select((pl.all().is_nan() | pl.all().is_infinite()).any()))
    columns = []
    for name in frame.columns:
        known, kept = options.notations.get(name), with_quoted(text[name], written[name], quoted.get(name))
        column = _Column(text[name], kept, place)
        plain = no_number[name] == missing[name] < len(frame) and known in (None, PLAIN) and not special[name]
        if name in as_categories:
            column.result = kept
        elif plain and (not odd[name] or known == PLAIN) and options.decimal != "," and options.thousands != ".":
            column.result = numbers[name]
        elif known is not None:
            column.result = _in_notation(column, known)
        else:
            _decide(column, numbers[name], options)
        columns.append(column)
    _settle(columns, options)
    _tell(columns, options)
    found = {c.name: c.readings[0] for c in columns if c.readings and c.readings[0] != PLAIN}
    return pl.DataFrame([c.result for c in columns]), found


def decide_typed(
    frame: pl.DataFrame, place: Place, options: ReadOptions, as_categories: Collection[str]
) -> tuple[pl.DataFrame, dict[str, Notation]]:
    """As `decide`, for the columns of a Parquet file, whose types are known.

    Text is categories, except where `options` say that it writes numbers.
    """
    import polars as pl

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
        if known is None and made[-1].dtype == pl.Float64 and notation is not None:
            found[name] = notation
            tell([name], notation.name, str(column.drop_nulls().first()), notation.meaning)
        elif is_free and made[-1].dtype == pl.String and column.dtype.is_numeric():
            tell([name], _BEYOND, str(column.drop_nulls().max()), "categories")
        elif is_free and column.dtype == pl.String and _writes_numbers(column, options):
            tell([name], "numbers or dates as text", str(column.drop_nulls().first()), "categories")
    return pl.DataFrame(made), found


def _writes_numbers(column: pl.Series, options: ReadOptions) -> bool:
    """Whether each value of a column of text is a number or a date: no code, and none of a few whole numbers."""
    import polars as pl

    text = spelled_column(column)
    numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() == text.null_count():
        few = text.n_unique() <= FEW_CATEGORIES and is_whole(numbers).all()
        return not (few or number_words(text, numbers) or _code(text, numbers))
    readings = _readings(text, options)
    return not readings[0].unit[:1].isalpha() if readings else bool(_orders(text))


def _spelled(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns with `spelled_column` applied, those of ASCII in one expression: there may be thousands."""
    import polars as pl
    import polars.selectors as cs

    ascii_only = _row(frame.select((pl.all().str.len_bytes() == pl.all().str.len_chars()).all()))
    frame = frame.with_columns(spelled_column(frame[name]) for name, only in ascii_only.items() if not only)
    return frame.with_columns(cs.by_name([name for name, only in ascii_only.items() if only]).str.strip_chars())


def _may_be_odd(text: pl.DataFrame) -> dict[str, bool]:
    """Which columns, if they are plain numbers, may be codes or may have points between thousands.

    What has to be so in every row is looked for in the first rows only, which rule most columns out.
    """
    import polars as pl

    first = text.head(SAMPLE)
    codes, points = text.select(pl.all().str.contains(_CODE).any()), text.select(pl.all().str.contains("\\.").any())
    e_codes, groups = (first.select(pl.all().str.contains(pattern).all()) for pattern in (_E_CODE, _GROUPS))
    rows = zip(text.columns, codes.row(0), points.row(0), e_codes.row(0), groups.row(0), strict=True)
    return {name: code or e_code or (point and group) for name, code, point, e_code, group in rows}


def _row(frame: pl.DataFrame) -> dict[str, int]:
    return frame.row(0, named=True)


def _without_markers(written: pl.DataFrame, options: ReadOptions) -> pl.DataFrame:
    """The columns with null in place of each marker, all in one expression: there may be thousands."""
    import polars as pl
    import polars.selectors as cs

    groups = defaultdict(list)
    for name in written.columns:
        groups[options.missing_in(name)].append(name)
    return written.with_columns(
        pl.when(~cs.by_name(names).is_in(list(markers))).then(cs.by_name(names)).name.keep()
        for markers, names in groups.items()
    )


def _decide(column: _Column, plain: pl.Series, options: ReadOptions) -> None:
    """Find what a column is: its result, or the readings among which `_settle` chooses."""
    text, present = column.text, len(column.text) - column.text.null_count()
    words = text.str.to_lowercase()
    if present == 0:
        column.result = column.kept
    elif words.is_in(["true", "false"]).all():
        column.result = words == "true"
    elif text.str.contains(_INTERNET_ADDRESS).all():  # 192.168.100.120 has points in the places of thousands
        column.result = column.kept
    elif plain.null_count() == text.null_count() and number_words(text, plain) < present:
        column.code = "" if column.name in options.numbers else _code(text, plain)
        column.readings = [] if column.code else _plain_readings(text, options)
        column.result = column.kept if column.code else None
    else:
        column.readings = _readings(text, options) or [Notation(date=order) for order in _orders(text)]
    if column.result is None and not column.readings:
        _refuse_near_numbers(column, plain, options)
        column.result = column.kept


def _code(text: pl.Series, numbers: pl.Series) -> str:
    """What numbers would lose of a column whose values look like numbers; empty where nothing."""
    present = text.drop_nulls()
    if present.str.contains(_E_CODE).all():
        return "digits with an E between them"
    if not present.str.contains("^[+-]?[0-9]+$").all():
        return ""
    if present.str.contains(_TELEPHONE).all():
        return "telephone numbers"
    if present.str.contains("^[+-]?0[0-9]").any():
        return "leading zeros"
    long = present.filter(present.str.contains("[0-9]{16}"))
    lost = any(int(float(value)) != int(value) for value in long.unique())
    return _BEYOND if lost else ""


def _plain_readings(text: pl.Series, options: ReadOptions) -> list[Notation]:
    """The readings of plain numbers: as they are, and with points between thousands where they may be that."""
    grouped = Notation(decimal=",", thousands=".")
    with_point = text.str.contains(".", literal=True)
    may_be_grouped = with_point.any() and text.str.contains(_GROUPS).all()
    if options.decimal == "," or options.thousands == ".":
        return [grouped] if may_be_grouped else [] if with_point.any() else [Notation(decimal=",")]
    if options.decimal == "." or not may_be_grouped:
        return [PLAIN]
    return [PLAIN, grouped]


def _marks(options: ReadOptions) -> list[tuple[str, str]]:
    """The decimal marks and marks between thousands that the options leave, the usual ones first."""
    return [
        (decimal, thousands)
        for thousands in THOUSANDS
        for decimal in DECIMALS
        if decimal != thousands
        and options.decimal in (None, decimal)
        and (options.thousands in (None, thousands) or (thousands == "" and options.thousands != decimal))
    ]


def _sample(text: pl.Series) -> list[str]:
    """Different values from all over the column."""
    known = text.drop_nulls()
    return known.gather_every(max(1, len(known) // SAMPLE)).unique(maintain_order=True).to_list()


def _fits(text: pl.Series, notation: Notation) -> float:
    """The share of the present values that are numbers in a notation."""
    present = text.drop_nulls()
    return 1 - notation.numbers(present).null_count() / len(present)


def _readings(text: pl.Series, options: ReadOptions) -> list[Notation]:
    """The notations in which each value is a number, the usual one first, and those only that say other numbers."""
    sample = _sample(text)
    units = {unit_of(value) for value in sample[:20]}
    if len(units) != 1:
        return []
    unit, found, known = units.pop(), list[Notation](), list["pl.Series"]()
    for decimal, thousands in _marks(options):
        notation = Notation(decimal, thousands, unit)
        if not all(notation.reads(value) for value in sample) or _fits(text, notation) < 1:
            continue
        numbers = notation.numbers(text)
        if not any(numbers.equals(other) for other in known):
            found.append(notation)
            known.append(numbers)
    return found


def _orders(text: pl.Series) -> list[str]:
    sample = _sample(text)
    first = orders_of(sample[:20])
    return orders_of(text.drop_nulls().unique().to_list()) if first else []


def _refuse_near_numbers(column: _Column, plain: pl.Series, options: ReadOptions) -> None:
    """Refuse text of which most is numbers in some notation: as categories it would be misread."""
    text, name = column.text, column.name
    as_categories = f"read the column as categories (categories=[{name!r}], --categories {argument(name)})"
    is_number, present = plain.is_not_null(), len(text) - text.null_count()
    if is_number.sum() > number_words(text, plain):
        few = 2 * int(is_number.sum()) < present
        place, value = column.first(is_number if few else text.is_not_null() & ~is_number)
        hint = "" if few else missing_hint(value)
        kind = "a number among text" if few else "text among numbers"
        raise InvalidValue(f"{place}: column {name!r} holds {value!r}, {kind}; {hint}correct it, or {as_categories}")
    sample = _sample(text)
    units = {"", *(unit_of(value) for value in sample[:20])}
    notations = [Notation(*marks, unit) for marks in _marks(options) for unit in sorted(units)]
    notations += [Notation(date=order) for order in PATTERNS]
    with_digits = [value for value in sample if re.search("[0-9]", value)]  # inf and nan may be names
    shares = [sum(map(notation.reads, with_digits)) / len(sample) for notation in notations]
    best = max(range(len(shares)), key=shares.__getitem__)
    notation, share = notations[best], shares[best]
    if share >= (0.9 if notation.unit[:1].isalpha() else 0.5):
        place, value = column.first(text.is_not_null() & notation.numbers(text).is_null())
        raise InvalidValue(
            f"{place}: column {name!r} holds {value!r}, where most values are {described(notation)}; "
            f"{missing_hint(value)}correct it, or {as_categories}"
        )
    if sum(any(n.reads(value) for n in notations if not n.unit[:1].isalpha()) for value in with_digits) >= 0.5 * len(
        sample
    ):
        raise InvalidValue(
            f"column {name!r} holds numbers or dates that are written in several ways: "
            f"{', '.join(map(repr, sample[:5]))}; write them in one way, or {as_categories}"
        )
    if all(value.startswith("'") and any(n.reads(value.strip("'")) for n in notations) for value in sample):
        place, value = column.first(text.is_not_null())
        raise InvalidValue(
            f"{place}: column {name!r} holds {value}, a number with an apostrophe; remove the apostrophes, "
            f"or {as_categories}"
        )
    if all(re.fullmatch(SHORT_YEAR, value) for value in sample):
        place, value = column.first(text.is_not_null())
        raise InvalidValue(
            f"{place}: column {name!r} holds {value!r}, which may be a date; write years with four digits, "
            f"or {as_categories}"
        )


def _in_notation(column: _Column, notation: Notation) -> pl.Series:
    """The numbers of a column whose notation is known from training, or was chosen."""
    numbers = notation.numbers(column.text)
    wrong = column.text.is_not_null() & numbers.is_null()
    if wrong.any():
        place, value = column.first(wrong)
        raise InvalidValue(
            f"{place}: column {column.name!r} holds {value!r}, where training had {described(notation)}; "
            f"{missing_hint(value)}correct it"
        )
    return finite(numbers.fill_nan(None), column.place)


def _settle(columns: Collection[_Column], options: ReadOptions) -> None:
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
            _refuse_ambiguous(column)
        column.result = _in_notation(column, column.readings[0])


def _refuse_ambiguous(column: _Column) -> None:
    first, second = column.readings[:2]
    one, other = first.numbers(column.text), second.numbers(column.text)
    place, value = column.first(one != other)
    name = column.name
    if first.date:
        may_be = "day and month in either order"
        way = "dates='dmy' or dates='mdy' (--dates dmy or --dates mdy)"
    else:
        may_be = f"{first.number(value):.12g} or {second.number(value):.12g}"
        mark = "," if first.decimal == "," or second.thousands == "," else "."
        way = f"decimal={mark!r} or thousands={mark!r} (--decimal={mark} or --thousands={mark})"
    raise InvalidValue(
        f"{place}: column {name!r} holds {value!r}, which may be {may_be}; say which: {way}, "
        f"or read the column as categories (categories=[{name!r}], --categories {argument(name)})"
    )


def _tell(columns: Collection[_Column], options: ReadOptions) -> None:
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


def tell(names: Sequence[str], what: str, example: str, kind: str) -> None:
    """Say that columns hold something unusual and are read as numbers or categories."""
    listed = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    many = len(names) > 1
    other = "numbers" if kind == "categories" else "categories"
    warn(
        f"{'columns' if many else 'column'} {listed} {'hold' if many else 'holds'} {what} ({example!r}) "
        f"and {'are' if many else 'is'} read as {kind}; "
        f"{other}=[{names[0]!r}] (--{other} {argument(names[0])}) makes {other} of it"
    )
