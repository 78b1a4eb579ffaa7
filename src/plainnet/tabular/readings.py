"""Read one column of text: as numbers in some notation, as dates, as codes, or not as numbers at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import polars as pl

from plainnet.errors import InvalidValue
from plainnet.tabular.booleans import FALSE, TRUE, have_several_spellings, is_true
from plainnet.tabular.decisions import Counts
from plainnet.tabular.kinds import Place, finite
from plainnet.tabular.markers import missing_hint
from plainnet.tabular.notations import (
    DECIMALS,
    EXAMPLES,
    FOUND,
    PLAIN,
    SHORT_YEAR,
    THOUSANDS,
    Notation,
    nearest_order,
    orders_of,
    unit_of,
)
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.texts import as_text, each_different, option

E_CODE = r"^[0-9]+[eE][0-9]+$"
ALL_GROUPED = r"^[+-]?(?:0|[1-9][0-9]{0,2}(?:\.[0-9]{3})*)$"
"""Numbers that may have points between thousands."""
_TELEPHONE = r"^\+[0-9]{7,15}$"
_INTERNET_ADDRESS = r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$"
BEYOND = "whole numbers beyond 2^53, which a float cannot tell apart"
SAMPLE = 1000
"""About so many values of a column are tried first."""


@dataclass
class TextColumn:
    """A TextColumn is a column of text on the way to its kind: `decide` finds its result, or several readings."""

    text: pl.Series
    """The values without spaces around them; null where missing."""
    kept: pl.Series
    """The same, with the markers that stand in quotation marks."""
    numbers: pl.Series
    """The numbers of those values that are written as programs do; null elsewhere."""
    place: Place
    options: ReadOptions
    result: pl.Series | None = None
    readings: list[Notation] = field(default_factory=list)
    """The notations that fit every value and say different numbers."""
    code: str = ""
    """This would be lost if the values were read as numbers; empty if nothing would."""
    missing: Counts = ()
    """The texts that are missing values here as all else is numbers, each with its number of rows."""
    has_spellings: bool = False
    """True if true and false stand here in several spellings."""

    @property
    def name(self) -> str:
        return self.text.name

    @property
    def example(self) -> str:
        """Return a value that shows what is special about the column."""
        known = self.text.drop_nulls()
        plain = "^-?[0-9]+$" if not self.code else "^[1-9][0-9]{0,15}$"
        return str(known[(~known.str.contains(plain)).arg_max() or 0])

    def first(self, rows: pl.Series) -> tuple[str, str]:
        """Return the beginning of a message on the first of the rows, and the value that stands there."""
        row = rows.fill_null(False).arg_max() or 0
        return f"{self.place(row)}: column {self.name!r} holds", str(self.text[row])

    def decide(self) -> None:
        """Find the result, or the readings among which the other columns of the file help to choose."""
        if not (self._find() or self._find_without_markers()):
            self._refuse_near_numbers()
            self.result = self.kept

    def _find(self) -> bool:
        """Return True if a result or readings have been found."""
        present = len(self.text) - self.text.null_count()
        words = self.text.str.to_lowercase()
        if present == 0:
            self.result = self.kept
        elif words.is_in(["true", "false"]).all():
            self.result = words == "true"
        elif self.text.str.contains(_INTERNET_ADDRESS).all():  # 192.168.100.120 has points in the places of thousands
            self.result = self.kept
        elif self.numbers.null_count() == self.text.null_count() and number_words(self.text, self.numbers) < present:
            self.code = "" if self.name in self.options.numbers else code_of(self.text, self.numbers)
            self.readings = [] if self.code else self._plain_readings()
            self.result = self.kept if self.code else None
        else:
            self.readings = readings_of(self.text, self.options)
            self.has_spellings = not self.readings and _has_spellings(words)
            if self.has_spellings:
                self.result = each_different(self.text, is_true, pl.Boolean)
        return self.result is not None or bool(self.readings)

    def _find_without_markers(self) -> bool:
        """Find numbers, dates or codes among texts such as "-" that then are missing values."""
        if not any(re.search("[0-9]", value) for value in sample_of(self.text)):
            return False
        marked = self._marked()
        text, kept = (texts.set(marked, None) for texts in (self.text, self.kept))
        if not marked.any() or text.null_count() == len(text):
            return False
        others = replace(self, text=text, kept=kept, numbers=self.numbers.set(marked, None))
        if not others._find() or not (others.readings or others.code):
            return False
        self.missing = _counts(self.text.filter(marked))
        self.text, self.kept, self.numbers = others.text, others.kept, others.numbers
        self.readings, self.code, self.result = others.readings, others.code, others.result
        return True

    def _marked(self) -> pl.Series:
        """Mark the texts that stand for a missing value where all else is numbers, dates or booleans."""
        return self.text.str.to_lowercase().is_in(self.options.among_numbers).fill_null(False)

    def be_date(self) -> None:
        """Find the orders in which the values are dates, as the user says."""
        marked = self._marked()
        self.missing, self.text = _counts(self.text.filter(marked)), self.text.set(marked, None)
        values = self.text.drop_nulls().unique().to_list()
        orders = orders_of(values, asked=True)
        if not orders:
            nearest = Notation(date=nearest_order(values))
            holds, value = self.first(self.text.is_not_null() & nearest.numbers(self.text).is_null())
            raise InvalidValue(
                f"{holds} {value!r}, which is no {nearest.kind[:-1]} such as {EXAMPLES[nearest.date]}; correct it"
            )
        self.readings = [Notation(date=order) for order in orders]

    def be_boolean(self) -> None:
        """Find what the values say, each true or false, as the user or training says."""
        marked = self._marked()
        self.missing, self.text = _counts(self.text.filter(marked)), self.text.set(marked, None)
        words = each_different(self.text, lambda text: as_text(text).lower(), pl.String)
        wrong = self.text.is_not_null() & ~words.is_in([*TRUE, *FALSE])
        if wrong.any():
            holds, value = self.first(wrong)
            pairs = ", ".join(f"{yes}/{no}" for yes, no in zip(TRUE, FALSE, strict=True))
            raise InvalidValue(f"{holds} {value!r}, which is neither true nor false ({pairs}); correct it")
        self.result = words.is_in(TRUE)

    def in_notation(self, notation: Notation) -> pl.Series:
        """Return the numbers in a notation that is known from training, or was chosen."""
        numbers = notation.numbers(self.text)
        wrong = self.text.is_not_null() & numbers.is_null()
        if wrong.any():
            marked = wrong & self._marked()
            self.missing += _counts(self.text.filter(marked))
            wrong &= ~marked
        if wrong.any():
            holds, value = self.first(wrong)
            if notation.whole and (plain := replace(notation, whole=False)).reads(value):
                grouped = replace(plain, decimal=",", thousands=".").number(value)
                raise InvalidValue(
                    f"{holds} {value!r}, which may be {plain.number(value):g} or {grouped:.12g}, as training had whole "
                    "numbers alone; write it without the point, or with more or less than three digits behind it"
                )
            raise InvalidValue(
                f"{holds} {value!r}, where training had {notation.described}; {missing_hint(value)}correct it"
            )
        return finite(numbers, self.place)

    def refuse_ambiguous(self) -> None:
        """Raise InvalidValue for a column whose first two readings say different numbers."""
        first, second = self.readings[:2]
        holds, value = self.first(first.numbers(self.text) != second.numbers(self.text))
        if first.date:
            may_be = "day and month in either order"
            way = "dates='dmy' or dates='mdy' (--dates dmy or --dates mdy)"
        else:
            may_be = f"{first.number(value):.12g} or {second.number(value):.12g}"
            mark = "," if first.decimal == "," or second.thousands == "," else "."
            way = f"decimal={mark!r} or thousands={mark!r} (--decimal={mark} or --thousands={mark})"
        raise InvalidValue(f"{holds} {value!r}, which may be {may_be}; say which: {way}, or {self._as_categories}")

    @property
    def _as_categories(self) -> str:
        return f"read the column as categories ({option('categories', self.name)})"

    def _plain_readings(self) -> list[Notation]:
        """Return the readings of plain numbers: as they are, and with points between thousands if they may be that."""
        grouped = Notation(decimal=",", thousands=".")
        with_point = self.text.str.contains(".", literal=True).any()
        may_be_grouped = with_point and self.text.str.contains(ALL_GROUPED).all()
        if self.options.decimal == "," or self.options.thousands == ".":
            return [grouped] if may_be_grouped else [] if with_point else [Notation(decimal=",")]
        if self.options.decimal == "." or not may_be_grouped:
            return [PLAIN]
        return [PLAIN, grouped]

    def _refuse_near_numbers(self) -> None:
        """Raise InvalidValue for text of which most is numbers in some notation: as categories it would be misread."""
        present, is_number = self.text.is_not_null(), self.numbers.is_not_null()
        if is_number.sum() > number_words(self.text, self.numbers):
            if 2 * is_number.sum() < present.sum():
                holds, value = self.first(is_number)
                raise InvalidValue(f"{holds} {value!r}, a number among text; correct it, or {self._as_categories}")
            holds, value = self.first(present & ~is_number)
            way = f"{missing_hint(value)}correct it, or {self._as_categories}"
            raise InvalidValue(f"{holds} {value!r}, text among numbers; {way}")

        sample = sample_of(self.text)
        units = {"", *(unit_of(value) for value in sample[:20])}
        notations = [Notation(*marks, unit) for marks in _marks(self.options) for unit in sorted(units)]
        notations += [Notation(date=order) for order in FOUND]
        with_digits = [value for value in sample if re.search("[0-9]", value)]  # inf and nan may be names
        counts = {notation: sum(map(notation.reads, with_digits)) for notation in notations}
        best = max(notations, key=counts.__getitem__)
        if counts[best] >= (0.9 if best.unit[:1].isalpha() else 0.5) * len(sample):
            holds, value = self.first(present & best.numbers(self.text).is_null())
            way = f"{missing_hint(value)}correct it, or {self._as_categories}"
            raise InvalidValue(f"{holds} {value!r}, where most values are {best.described}; {way}")

        certain = [notation for notation in notations if not notation.unit[:1].isalpha()]
        if sum(any(one.reads(value) for one in certain) for value in with_digits) >= 0.5 * len(sample):
            raise InvalidValue(
                f"column {self.name!r} holds numbers or dates that are written in several ways: "
                f"{', '.join(map(repr, sample[:5]))}; write them in one way, or {self._as_categories}"
            )
        holds, value = self.first(present)
        if all(text.startswith("'") and any(one.reads(text.strip("'")) for one in notations) for text in sample):
            way = f"remove the apostrophes, or {self._as_categories}"
            raise InvalidValue(f"{holds} {value}, a number with an apostrophe; {way}")
        if all(re.fullmatch(SHORT_YEAR, text) for text in sample):
            way = f"write years with four digits, or {self._as_categories}"
            raise InvalidValue(f"{holds} {value!r}, which may be a date; {way}")


def readings_of(text: pl.Series, options: ReadOptions) -> list[Notation]:
    """Return the notations in which each value is a number, the usual one first, if they say different numbers.

    Without any, return the orders in which each value is a date.
    """
    sample = sample_of(text)
    units = {unit_of(value) for value in sample[:20]}
    unit, found, known = next(iter(units), ""), list[Notation](), list[pl.Series]()
    for marks in _marks(options) if len(units) == 1 else ():
        notation = Notation(*marks, unit)
        if not all(map(notation.reads, sample)):
            continue
        numbers = notation.numbers(text)
        if numbers.null_count() == text.null_count() and not any(numbers.equals(other) for other in known):
            found.append(notation)
            known.append(numbers)
    if found or not orders_of(sample[:20]):
        return found
    return [Notation(date=order) for order in orders_of(text.drop_nulls().unique().to_list())]


def _has_spellings(words: pl.Series) -> bool:
    """Return True if words in small letters are true and false in several spellings."""
    first = words.drop_nulls()[:SAMPLE]
    may_be = first.is_in([*TRUE, *FALSE]).all()  # rules most columns out
    return bool(may_be) and have_several_spellings(words.drop_nulls().unique().to_list())


def _counts(texts: pl.Series) -> Counts:
    """Return the different texts with the number of each."""
    return tuple(texts.value_counts(sort=True).iter_rows()) if len(texts) else ()


def code_of(text: pl.Series, numbers: pl.Series) -> str:
    """Say what numbers would lose of a column whose values look like numbers; empty if nothing."""
    present = text.drop_nulls()
    if present.str.contains(E_CODE).all():
        return "digits with an E between them"
    if not present.str.contains("^[+-]?[0-9]+$").all():
        return ""
    if present.str.contains(_TELEPHONE).all():
        return "telephone numbers"
    if present.str.contains("^[+-]?0[0-9]").any():
        return "leading zeros"
    long = present.filter(present.str.contains("[0-9]{16}"))
    lost = any(int(float(value)) != int(value) for value in long.unique())
    return BEYOND if lost else ""


def number_words(text: pl.Series, numbers: pl.Series) -> int:
    """Count the numbers that are words which a parser of numbers knows: nan, inf and infinity, in any case."""
    is_word = numbers.is_nan() | numbers.is_infinite()
    return int((is_word & ~text.str.contains(r"\d")).sum()) if is_word.any() else 0


def sample_of(text: pl.Series) -> list[str]:
    """Return different values from all over the column."""
    known = text.drop_nulls()
    return known.gather_every(max(1, len(known) // SAMPLE)).unique(maintain_order=True).to_list()


def _marks(options: ReadOptions) -> list[tuple[str, str]]:
    """Return the decimal marks and marks between thousands that the options leave, the usual ones first."""
    return [
        (decimal, thousands)
        for thousands in THOUSANDS
        for decimal in DECIMALS
        if decimal != thousands
        and options.decimal in (None, decimal)
        and (options.thousands in (None, thousands) or (thousands == "" and options.thousands != decimal))
    ]
