"""Functions that exported scripts hold as they stand here: from a table file to the numbers of a row.

They use the standard library, NumPy and each other, and their lines are as short as `ruff format` makes them without
settings. What `plainnet predict` refuses they refuse; what it reads they read alike, which a test holds.
"""

import math
import re
from collections.abc import Callable, Container, Iterator, Sequence

import numpy as np

from plainnet.tabular.notations import PLAIN as PLAIN_NOTATION
from plainnet.tabular.notations import amount
from plainnet.tabular.read_options import MISSING
from plainnet.tabular.spelling import spelled
from plainnet.tabular.texts import as_text

PLAIN = PLAIN_NOTATION.pattern
MISSING_IN_MARKS = {""}
"""What is missing in quotation marks, too; in a script all of MISSING where the user listed them."""

# ---- rows of a file ----


class Quoted(str):
    """A field in quotation marks; as a category, "NA" is then no missing value."""


class Bare(str):
    """A field without quotation marks; as a category, NA is then a missing value."""


def read(path: str) -> list[dict[str, str]]:
    """The rows of a text table; refused where plainnet refuses the table."""
    with open(path, newline="", encoding="utf-8") as file:
        text = file.read().lstrip("\ufeff").removesuffix("\x1a")
    text = text.replace("\r\r\n", "\r\n").rstrip("\r\n") + "\n"
    if "\n" not in text[:-1]:
        text = text.replace("\r", "\n")
    stated = re.match('sep=([^"])\r?\n', text)
    text = text[stated.end() :] if stated else text
    tabs_first = path.lower().endswith(".tsv")
    separator = stated[1] if stated else separator_of(text, tabs_first)
    found = list(records(text, separator))
    while found and is_blank(found[0][1]):
        del found[0]
    while found and is_blank(found[-1][1]):
        del found[-1]
    if len(found) < 2 or "\0" in text:
        raise ValueError("the file has no rows, or is no text")
    header = found[0][1]
    names = [spelled(name) for name in header]
    names = [name if names.count(name) == 1 else "" for name in names]
    rows = []
    for line, row in found[1:]:
        if is_blank(row) and len(header) > 1:
            continue
        if len(row) != len(header):
            raise ValueError(f"line {line}: {len(row)} fields, not {len(header)}")
        if row == header and len(row) > 1:
            raise ValueError(f"line {line}: the line of names stands here again")
        rows.append(dict(zip(names, row, strict=True)))
    return rows


def separator_of(text: str, tabs_first: bool) -> str:
    """The separator on which the header and the first rows agree best."""
    lines = [line for line in re.findall(r'(?:[^"\n]|"[^"]*")+', text) if line.strip()]
    lines = [re.sub(r'"[^"]*"', "", line) for line in lines[:21]]
    usual = [*("\t" * tabs_first), ",", ";", "\t", "|"]
    counts = {mark: [line.count(mark) for line in lines] for mark in usual}
    marks = [mark for mark in counts if lines and counts[mark][0]]
    agreeing = {mark: counts[mark].count(counts[mark][0]) - 1 for mark in marks}
    if tabs_first and "\t" in marks and 2 * agreeing["\t"] >= len(lines) - 1:
        return "\t"
    order = {mark: (agreeing[mark], counts[mark][0]) for mark in marks}
    return max(marks, key=order.__getitem__, default=usual[0])


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The line and the fields of each record; a field may hold a line end in marks."""
    mark = re.escape(separator)
    field = re.compile(f'("(?:[^"]|"")*"|[^"\r\n{mark}]*)({mark}|\r?\n)')
    start, place, line = 0, 0, 1
    row: list[str] = []
    while place < len(text):
        found = field.match(text, place)
        if not found:
            raise ValueError(f"line {line}: a quotation mark is out of place")
        value, place = found[1], found.end()
        quoted = value.startswith('"')
        inner = value[1:-1].replace('""', '"')
        row.append(Quoted(inner) if quoted else Bare(value))
        if found[2] != separator:
            yield line, row
            line += text.count("\n", start, place)
            start, row = place, []


def is_blank(row: list[str]) -> bool:
    """Whether a record is a line without anything but spaces."""
    return len(row) == 1 and not isinstance(row[0], Quoted) and not row[0].strip()


# ---- values ----


def is_missing(value: object, markers: Container[str] = MISSING) -> bool:
    """Whether a value is missing: None, NaN, or text that says so."""
    if isinstance(value, str):
        return spelled(value) in markers
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return value is None


def plain(text: str) -> float:
    """The number that a text writes as programs do, with a point if any."""
    return amount(text, PLAIN, "", "", ".")


def known(value: float | str | None, read: Callable[[str], float]) -> float | None:
    """The number that a value is or that its text writes; None where missing."""
    if value is None or is_missing(value):
        return None
    result = float(read(spelled(value)) if isinstance(value, str) else value)
    if math.isinf(result):
        raise ValueError(f"{value!r} is no number to predict from; leave it empty")
    return None if math.isnan(result) else result


def number(
    value: float | str | None,
    mean: float,
    deviation: float,
    read: Callable[[str], float] = plain,
) -> list[float]:
    """A number, standardized; 0, the mean, where it is missing."""
    found = known(value, read)
    return [0.0 if found is None else (found - mean) / deviation]


def number_or_missing(
    value: float | str | None,
    mean: float,
    deviation: float,
    read: Callable[[str], float] = plain,
) -> list[float]:
    """A number, standardized, and 1 where it is missing, else 0."""
    missing = known(value, read) is None
    return [*number(value, mean, deviation, read), float(missing)]


def truth(value: object, mean: float) -> list[float]:
    """1 for true, 0 for false; the mean, the share of true, where it is missing."""
    if is_missing(value):
        return [mean]
    text = as_text(value)
    if text not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return [float(text == "true")]


def truth_or_missing(value: object, mean: float) -> list[float]:
    """1 for true, 0 for false, and 1 where it is missing, else 0."""
    return [*truth(value, mean), float(is_missing(value))]


def place(value: object, values: Sequence[str], markers: Container[str]) -> int | None:
    """The place of a value among the known ones; -1 for another, None if missing."""
    in_marks = isinstance(value, Quoted) and value == spelled(value)
    own = MISSING_IN_MARKS if in_marks else markers
    may_be_missing = isinstance(value, Bare) or value not in values
    if may_be_missing and is_missing(value, own):
        return None
    texts = [str(value), as_text(value)]
    for text in [texts[0], spelled(texts[0])]:
        if text in values:
            return values.index(text)
    alike = [as_text(one) for one in values]
    return alike.index(texts[1]) if texts[1] in alike else -1


def category(
    value: object,
    values: Sequence[str],
    markers: Container[str] = MISSING,
) -> list[float]:
    """1 at the place of the value among the known ones, else 0; all 0 for others."""
    found = place(value, values, markers)
    return [float(found == i) for i in range(len(values))]


def category_or_missing(
    value: object,
    values: Sequence[str],
    markers: Container[str] = MISSING,
) -> list[float]:
    """The places of the known values, and one for a missing value."""
    missing = place(value, values, markers) is None
    return [*category(value, values, markers), float(missing)]
