"""The layout of a text table: which record is the header, and which character separates the fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from plainnet.errors import FileError, warn
from plainnet.tabular.names import is_number
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.records import Records
from plainnet.tabular.sources import Source

SEPARATORS = (",", ";", "\t", "|")
RARE_SEPARATORS = (":", "^", "~", "&", "\x01")
"""A reader is not asked to find these separators: an error names them."""
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (|)", " ": "spaces", ":": "colons"} | {
    "\x01": "control characters (Ctrl-A)"
}
FIRST_ROWS = 20
"""So many rows decide with the header."""
ONE_COLUMN = "If the table has one column, say separator=',', --separator ','"


@dataclass(frozen=True)
class Layout:
    """A Layout says which record is the header, what separates the fields, and why that separator was taken."""

    header: int
    separator: str
    reason: str

    def __str__(self) -> str:
        return f"the fields are separated by {named(self.separator)}, {self.reason}"


def named(separator: str) -> str:
    """Return a separator in words."""
    return NAMES.get(separator, repr(separator))


def _option(separator: str) -> str:
    """Say how a caller asks for a separator, in Python and on the command line."""
    typed = {"\t": "tab", "\x01": "$'\\x01'"}.get(separator, repr(separator))
    return f"separator={separator!r}, --separator {typed}"


def layout_of(records: Records, source: Source, options: ReadOptions) -> Layout:
    """Return the layout that the options, a first line sep= or the first rows say.

    Raises FileError for a file without a header, and where other marks than the usual separators divide the lines;
    warns where two separators would do.
    """
    filled = [record for record in records.filled[: FIRST_ROWS + 5].tolist() if not records.is_blank(record)]
    stated = re.fullmatch(rb'sep=([^"])', records[filled[0]]) if filled else None
    if stated:
        filled = filled[1:]
    if not filled:
        raise FileError(f"{source.where} has no line of names; the first line of a table names its columns")
    if options.separator is not None:
        return Layout(filled[0], options.separator, "as you say")
    if stated and stated[1].isascii():
        return Layout(filled[0], stated[1].decode(), "as the line sep= says")
    # An x stands for each field in quotation marks, which may hold separators.
    lines = [re.sub(rb'"[^"]*"', b"x", records[record]).decode() for record in filled[: 1 + FIRST_ROWS]]
    tabs_first = source.ending == ".tsv"
    best = separator_of(lines, tabs_first)
    if best not in lines[0]:
        _refuse_other_separators(lines, source.where)
        _refuse_a_title(lines, best, source.where)
        return Layout(filled[0], best, "as the header holds no other separator")
    if tabs_first and best == "\t":
        return Layout(filled[0], best, "as the ending .tsv says")
    others = [mark for mark in SEPARATORS if mark != best and mark in lines[0] and divides_alike(lines, mark)]
    if others and len(lines) > 1:
        warn(
            f"{source.where}: the fields are taken as separated by {named(best)}; {named(others[0])} would do as well "
            f"({_option(others[0])})"
        )
    return Layout(filled[0], best, "on which the header and the first rows agree best")


# The exported script holds the text of the next function: its lines are as short as `ruff format` makes them without
# settings.


def separator_of(lines: Sequence[str], tabs_first: bool) -> str:
    """Return the separator of a header and the first rows, without quoted fields.

    With it most rows have as many fields as the header; among several it stands
    most often in the header. A tab comes first where half of the rows agree on it.
    """
    usual = [*("\t" * tabs_first), ",", ";", "\t", "|"]
    counts = {mark: [line.count(mark) for line in lines] for mark in usual}
    marks = [mark for mark in counts if lines and counts[mark][0]]
    agreeing = {mark: counts[mark].count(counts[mark][0]) - 1 for mark in marks}
    if tabs_first and "\t" in marks and 2 * agreeing["\t"] >= len(lines) - 1:
        return "\t"
    order = {mark: (agreeing[mark], counts[mark][0]) for mark in marks}
    return max(marks, key=order.__getitem__, default=usual[0])


def divides_alike(lines: Sequence[str], separator: str) -> bool:
    """Return True if a separator divides all lines into equally many fields, two or more."""
    counts = {line.count(separator) for line in lines}
    return len(counts) == 1 and counts != {0}


def _refuse_other_separators(lines: Sequence[str], where: str) -> None:
    """Raise FileError if a rare separator or spaces divide the lines into equally many fields, numbers among them."""
    for separator in (*RARE_SEPARATORS, " "):
        mark = None if separator == " " else separator  # None divides at any number of spaces
        names, *rows = [line.split(mark) for line in lines]
        sizes = {len(row) for row in rows}
        named_rows = set(names) == {"x"} and sizes == {len(names) + 1}  # as R's write.table has them
        alike = len(names) > 1 and (sizes == {len(names)} or named_rows)
        if not alike or not any(is_number(field) for row in rows for field in row):
            continue
        single = separator != " " or all(line == " ".join(line.split()) for line in lines)
        way = (
            f"say so ({_option(separator)})"
            if single
            else "put one separator between them, such as a comma: sed 's/^ *//; s/  */,/g' old.txt > new.csv"
        )
        raise FileError(f"{where}: {named(separator)} seem to separate the fields; {way}. {ONE_COLUMN}")


def _refuse_a_title(lines: Sequence[str], taken: str, where: str) -> None:
    """Raise FileError if another separator divides the lines alike below the first line, which may be a title."""
    last = lines[1:][-3:]
    for separator in SEPARATORS:
        if separator != taken and len(last) > 1 and divides_alike(last, separator):
            raise FileError(
                f"{where}: {named(separator)} divide the rows and not the first line, which may be a title: the names "
                f"of the columns must come first. {ONE_COLUMN}"
            )
