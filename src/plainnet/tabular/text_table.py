"""Read the bytes of a text table: its names and its columns of text."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from plainnet._base.arrays import Array
from plainnet.errors import FileError, warn
from plainnet.tabular.decoding import text_content
from plainnet.tabular.layout import FIRST_ROWS, SEPARATORS, Layout, divides_alike, layout_of
from plainnet.tabular.raw_table import RawTable
from plainnet.tabular.read_options import MISSING, ReadOptions
from plainnet.tabular.records import Records
from plainnet.tabular.sources import NoRows, Source, first_line


def read_text(source: Source, options: ReadOptions, layout: Layout | None = None) -> RawTable:
    """Return the columns of a text table as text, null where a field is empty.

    A part of a file has the `layout` of the whole.

    Raises FileError, with the line if there is one, for a file that is no table.
    """
    content, where = text_content(source, options.encoding), source.where
    records = Records(content, source.lines_before)
    layout = layout or layout_of(records, source, options)
    line = records.misplaced_quote(layout.separator)
    if line:
        text = content.split(b"\n")[line - 1 - source.lines_before]
        raise FileError(f"{where}, line {line}: {_misplaced_quote(text, layout.separator)}")
    names = [name or "" for name in _parse(where, records[layout.header], layout.separator).row(0)]
    rows = _rows(records, layout, len(names), records.fields(layout.separator), where)
    if rows.size == 0:
        raise NoRows(where)
    again = records.repeats(layout.header) if len(names) > 1 else None
    if again is not None:
        raise FileError(
            f"{where}, line {records.line(again)}: the line of names stands here again, as where two files were put "
            "together; remove it"
        )
    # Numbers name the columns, as the names of the header may be empty or doubled.
    numbers = [str(number) for number in range(len(names))]
    frame = _parse(where, content, layout.separator, numbers, records.line(rows[0]) - 1 - source.lines_before)
    if rows.size < len(frame):
        frame = frame[rows - rows[0]]  # without the blank lines
    quoted: dict[int, Array] = {}
    if options.missing is None and records.marks.size:
        marked = records.quoted_fields([text for text in MISSING if text], records.separators(layout.separator))
        quoted = {column: np.flatnonzero(np.isin(rows, found)) for column, found in marked.items()}
    return RawTable(
        where=where,
        written=names,
        frame=frame,
        place=lambda row: f"{where}, line {records.line(rows[row])}",
        is_text=True,
        is_bare=_is_bare(records, layout.separator),
        quoted={column: found for column, found in quoted.items() if found.size},
    )


def _rows(records: Records, layout: Layout, width: int, fields: Array, where: str) -> Array:
    """Return the numbers of the records below the header that are rows: all but blank lines.

    In a table of one column a blank line is a missing value, unless no other row follows.

    Raises FileError for a row with more or fewer fields than the header.
    """
    filled = records.filled[records.filled > layout.header]
    if width == 1:
        while filled.size and records.is_blank(filled[-1]):
            filled = filled[:-1]
        last = int(filled[-1]) if filled.size else layout.header
        blank = len(records.ends) - 1 - last
        if blank > 0:
            warn(
                f"{where}: the table has one column and ends in {blank} blank line{'s' if blank > 1 else ''}, which "
                'are no rows; write "" for a missing value there'
            )
        filled = np.arange(layout.header + 1, last + 1)
    ragged = filled[fields[filled] != width].tolist()
    for record in ragged:
        if not records.is_blank(record):
            found = f"{fields[record]} field{'s' if fields[record] > 1 else ''} where the header has {width}"
            cause = _cause_of_ragged_rows(records, layout, width, fields, record)
            raise FileError(f"{where}, line {records.line(record)}: {found}; {layout}{cause}")
    return np.setdiff1d(filled, ragged, assume_unique=True) if ragged else filled


def _is_bare(records: Records, separator: str) -> bool:
    """Return True for text all in ASCII, without quotation marks and spaces but for the separators."""
    spaces = [mark for mark in b" \t\x0b\x0c\x1c\x1d\x1e\x1f" if mark != ord(separator)]
    return (
        not records.marks.size and records.content.isascii() and not any(bytes([m]) in records.content for m in spaces)
    )


def _misplaced_quote(line: bytes, separator: str) -> str:
    """Say what is wrong with a line that has a quotation mark out of place."""
    if re.search(rb"(?:^|%b) +\"" % re.escape(separator.encode()), line):
        return "a space stands before a quotation mark that begins a field; remove the spaces behind the separators"
    return (
        "a quotation mark is out of place; a field with a quotation mark inside must stand in quotation marks, the "
        'inner one doubled: "5"" nail"'
    )


def _cause_of_ragged_rows(records: Records, layout: Layout, width: int, fields: Array, record: int) -> str:
    """Say why a row may have more or fewer fields than the header."""
    found, text, header = int(fields[record]), records[record], records[layout.header]
    if text.lstrip().startswith(b"#"):
        return ". The line may be a comment: remove it"
    if found == width + 1 and text.endswith(layout.separator.encode()):
        return ". The line ends in a separator, the header does not: make them alike"
    first_rows = records.filled[records.filled > layout.header][:FIRST_ROWS]
    if width > 1 and (fields[first_rows] == width + 1).all():
        commas = "a number may hold a decimal comma, or " if layout.separator == "," else ""
        return (
            f". So has each row: {commas}the first field may be the name of the row, as R writes it; name it in the "
            "header too (write.table with col.names=NA)"
        )
    if found == 1 and record == records.filled[-1]:
        return ". The last line may be a note below the table: remove it"
    below = [records[row].decode() for row in first_rows[-3:].tolist()]
    if header.lstrip().startswith(b"#") or (width == 1 and any(divides_alike(below, mark) for mark in SEPARATORS)):
        line = records.line(layout.header)
        return f". Line {line} may be a title or a comment: the names of the columns must come first"
    return " (separator=..., --separator)"


def _parse(where: str, text: bytes, separator: str, names: list[str] | None = None, skipped: int = 0) -> pl.DataFrame:
    """Parse text below some lines that are skipped by polars, with every column as text."""
    schema = None if names is None else dict.fromkeys(names, pl.String)
    try:
        return pl.read_csv(
            text, has_header=False, schema=schema, infer_schema=False, separator=separator, skip_lines=skipped
        )
    except pl.exceptions.PolarsError as error:
        raise FileError(f"{where} cannot be read as a table: {first_line(error)}") from None
