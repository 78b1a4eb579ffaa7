"""Exported scripts hold these functions as they stand here: they make the numbers of a row from a table file.

They use the standard library, NumPy and each other, and their lines are as short as `ruff format` makes them without
settings. They read alike what `plainnet predict` reads, and raise an error where it does; a test checks this.
"""

import math
import re
from collections.abc import Callable, Container, Iterator, Sequence

import numpy as np

from plainnet.tabular.booleans import is_true
from plainnet.tabular.decoding import encoding_of
from plainnet.tabular.layout import separator_of
from plainnet.tabular.names import known_names
from plainnet.tabular.notations import PLAIN, amount
from plainnet.tabular.read_options import AMONG_NUMBERS, MISSING
from plainnet.tabular.texts import as_text, spelled

PLAIN_NUMBER = PLAIN.pattern
MISSING_IN_MARKS = {""}
"""These texts are missing in quotation marks, too; in a script all of MISSING if the user listed them."""

# ---- rows of a file ----


class Quoted(str):
    """A field in quotation marks; as a category, "NA" is then no missing value."""


class Bare(str):
    """A field without quotation marks; as a category, NA is then a missing value."""


def read(path: str) -> list[dict[str, str]]:
    """Return the rows of a text table; raise ValueError where plainnet does."""
    with open(path, "rb") as file:
        content = file.read()
    text = content.decode(encoding_of(content))
    text = text.lstrip("\ufeff").removesuffix("\x1a")
    text = text.rstrip("\r\n") + "\n"
    if "\n" not in text[:-1]:
        text = text.replace("\r", "\n")
    stated = re.match('sep=([^"])\r{0,2}\n', text)
    text = text[stated.end() :] if stated else text
    lines = re.findall(r'(?:[^"\n]|"[^"]*")+', text)
    lines = [re.sub(r'"[^"]*"', "x", line) for line in lines if line.strip()]
    tabs_first = path.lower().endswith(".tsv")
    separator = stated[1] if stated else separator_of(lines[:21], tabs_first)
    found = list(records(text, separator))
    while found and is_blank(found[0][1]):
        del found[0]
    while found and is_blank(found[-1][1]):
        del found[-1]
    if len(found) < 2 or "\0" in text:
        raise ValueError("the file has no rows, or is no text")
    header = found[0][1]
    names = known_names(header)
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


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the fields of each record; a field may hold a line end."""
    mark = re.escape(separator)
    field = re.compile(f'("(?:[^"]|"")*"|[^"\r\n{mark}]*)({mark}|\r{{0,2}}\n)')
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
    """Return True if a record is a line without anything but spaces."""
    return len(row) == 1 and not isinstance(row[0], Quoted) and not row[0].strip()


# ---- values ----


def is_missing(value: object, markers: Container[str] = MISSING) -> bool:
    """Return True if a value is None, NaN, or text that says it is missing."""
    if isinstance(value, str):
        return spelled(value) in markers
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return value is None


def is_absent(value: object) -> bool:
    """Return True if a number, or true or false, is missing."""
    marked = isinstance(value, str) and spelled(value).lower() in AMONG_NUMBERS
    return marked or is_missing(value)


def plain(text: str) -> float:
    """Return the number that a text writes as programs do."""
    return amount(text, PLAIN_NUMBER)


def whole(text: str) -> float:
    """Return the number that a text writes, unless a point may be between thousands."""
    return amount(text, PLAIN_NUMBER, whole=True)


def number(
    value: float | str | None,
    read: Callable[[str], float] = plain,
) -> float:
    """Return a number, NaN if it is missing."""
    if value is None or is_absent(value):
        return math.nan
    found = float(read(spelled(value)) if isinstance(value, str) else value)
    if math.isinf(found):
        raise ValueError(f"{value!r} is no number to predict from; leave it empty")
    return found


def boolean(value: object) -> float:
    """Return 1 for true, 0 for false, NaN if the value is missing."""
    return math.nan if is_absent(value) else float(is_true(value))


def category(
    value: object,
    values: Sequence[str],
    markers: Container[str] = MISSING,
) -> int:
    """Return the place of a value, -1 if it is unknown, their number if it is missing."""
    in_marks = isinstance(value, Quoted) and value == spelled(value)
    own = MISSING_IN_MARKS if in_marks else markers
    may_be_missing = isinstance(value, Bare) or value not in values
    if may_be_missing and is_missing(value, own):
        return len(values)
    texts = [str(value), as_text(value)]
    for text in [texts[0], spelled(texts[0])]:
        if text in values:
            return values.index(text)
    alike = [as_text(one) for one in values]
    return alike.index(texts[1]) if texts[1] in alike else -1
