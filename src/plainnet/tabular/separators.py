"""The character between the fields of a text table: the one on which the header and the first rows agree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plainnet.errors import FileError, warn
from plainnet.tabular.names import is_number

SEPARATORS = (",", ";", "\t", "|")
RARE_SEPARATORS = (":", "^", "~", "&", "\x01")
"""Separators that a reader is not asked to find: the refusal names them."""
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars (|)", " ": "spaces", ":": "colons"} | {
    "\x01": "control characters (Ctrl-A)"
}
FIRST_ROWS = 20
"""So many rows decide with the header."""


@dataclass(frozen=True)
class Separator:
    """The separator of a file, and why it was taken."""

    character: str
    reason: str

    def __str__(self) -> str:
        return f"the fields are separated by {name(self.character)}, {self.reason}"


def name(separator: str) -> str:
    """A separator in words."""
    return NAMES.get(separator, repr(separator))


def option(separator: str) -> str:
    """How a caller asks for a separator, in Python and on the command line."""
    typed = {"\t": "tab", "\x01": "$'\\x01'"}.get(separator, repr(separator))
    return f"separator={separator!r}, --separator {typed}"


def choose(header: bytes, rows: Sequence[bytes], where: str, *, tabs_first: bool) -> Separator:
    """The separator of a header and the first rows below it.

    It is the one with which most of the rows have as many fields as the header; among several the one that stands
    most often in the header. `tabs_first` takes the tab where half of the rows agree on it.

    Raises FileError where another separator, or spaces, divide the lines; warns where another would do as well.
    """
    usual = ("\t", *SEPARATORS) if tabs_first else SEPARATORS
    texts = [_with_plain_fields(text) for text in (header, *rows)]
    counts = {separator: [text.count(separator) for text in texts] for separator in usual}
    candidates = [separator for separator in usual if counts[separator][0]]
    if not candidates:
        _refuse_other_separators(texts, where)
        _refuse_a_title(counts, usual[1:], where)
        return Separator(usual[0], "as the header holds no other separator")

    def agreeing(separator: str) -> int:
        return sum(count == counts[separator][0] for count in counts[separator][1:])

    if tabs_first and candidates[0] == "\t" and 2 * agreeing("\t") >= len(rows):
        return Separator("\t", "as the ending .tsv says")
    best = max(candidates, key=lambda separator: (agreeing(separator), counts[separator][0]))
    others = [separator for separator in candidates if separator != best and agreeing(separator) == len(rows) > 0]
    if others:
        warn(
            f"{where}: the fields are taken as separated by {name(best)}; {name(others[0])} would do as well "
            f"({option(others[0])})"
        )
    return Separator(best, "on which the header and the first rows agree best")


def _with_plain_fields(record: bytes) -> str:
    """A record with an x in place of each field in quotation marks, which may hold separators."""
    return re.sub(rb'"[^"]*"', b"x", record).decode()


def _refuse_other_separators(texts: Sequence[str], where: str) -> None:
    """Refuse lines that a rare separator or spaces divide into equally many fields, numbers among them."""
    for separator in (*RARE_SEPARATORS, " "):
        mark = None if separator == " " else separator  # None divides at any number of spaces
        names, *fields = [text.split(mark) for text in texts]
        sizes = {len(row) for row in fields}
        named_rows = set(names) == {"x"} and sizes == {len(names) + 1}  # as R's write.table has them
        alike = len(names) > 1 and (sizes == {len(names)} or named_rows)
        if not alike or not any(is_number(field) for row in fields for field in row):
            continue
        single = separator != " " or all(text == " ".join(text.split()) for text in texts)
        way = (
            f"say so ({option(separator)})"
            if single
            else "put one separator between them, such as a comma: sed 's/^ *//; s/  */,/g' old.txt > new.csv"
        )
        raise FileError(
            f"{where}: {name(separator)} seem to separate the fields; {way}. If the table has one column, say "
            "separator=',', --separator ','"
        )


def _refuse_a_title(counts: Mapping[str, Sequence[int]], usual: Sequence[str], where: str) -> None:
    """Refuse a first line without a separator above lines that one divides alike: it may be a title."""
    for separator in usual:
        last = counts[separator][1:][-3:]
        if len(last) > 1 and last[0] > 0 and len(set(last)) == 1:
            raise FileError(
                f"{where}: {name(separator)} divide the rows and not the first line, which may be a title: the names "
                "of the columns must come first. If the table has one column, say separator=',', --separator ','"
            )
