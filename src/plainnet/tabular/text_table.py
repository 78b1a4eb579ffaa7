"""From the bytes of a text table to its names and its columns of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import FileError, warn
from plainnet.tabular import separators
from plainnet.tabular.raw_table import RawTable
from plainnet.tabular.read_options import MISSING, ReadOptions
from plainnet.tabular.records import Records
from plainnet.tabular.separators import FIRST_ROWS, Separator
from plainnet.tabular.sources import Source
from plainnet.tabular.text_content import text_content

if TYPE_CHECKING:
    import polars as pl


def read_text(source: Source, options: ReadOptions) -> RawTable:
    """The columns of a text table as text, null where a field is empty.

    Raises FileError, with the line where there is one, for what is no table.
    """
    content, where = text_content(source), source.where
    records = Records(content)
    layout = _layout(records, source, options)
    separator = layout.separator.character
    line = records.misplaced_quote(separator)
    if line:
        text = content.split(b"\n")[line - 1]
        raise FileError(f"{where}, line {line}: {_of_misplaced_quote(text, separator)}")
    names = [name or "" for name in _parse(where, records[layout.header], separator).row(0)]
    places = records.separators(separator)
    rows = _rows(records, layout, len(names), records.per_record(places) + 1, where)
    if rows.size == 0:
        raise FileError(f"{where} has a header and no rows")
    _refuse_repeated_header(records, layout, len(names), where)

    # Numbers name the columns, as the names of the header may be empty or doubled.
    frame = _parse(where, content[records.starts[rows[0]] :], separator, [str(i) for i in range(len(names))])
    if rows.size < len(frame):
        frame = frame[rows - rows[0]]  # without the blank lines
    quoted: dict[int, Array] = {}
    if options.missing is None and records.marks.size:
        fields = records.quoted_fields([text for text in MISSING if text], places)
        quoted = {column: np.flatnonzero(np.isin(rows, found)) for column, found in fields.items()}
    return RawTable(
        where=where,
        written=names,
        frame=frame,
        place=lambda row: f"{where}, line {records.line(rows[row])}",
        is_text=True,
        quoted={column: found for column, found in quoted.items() if found.size},
    )


@dataclass(frozen=True)
class _Layout:
    """Which record is the header, and what separates the fields."""

    header: int
    separator: Separator


def _layout(records: Records, source: Source, options: ReadOptions) -> _Layout:
    filled = [record for record in records.filled[: FIRST_ROWS + 5].tolist() if not records.is_blank(record)]
    stated = re.fullmatch(rb'sep=([^"])', records[filled[0]]) if filled else None
    if stated:
        filled = filled[1:]
    if not filled:
        raise FileError(f"{source.where} has no line of names; the first line of a table names its columns")
    if options.separator is not None:
        return _Layout(filled[0], Separator(options.separator, "as you say"))
    if stated and stated[1].isascii():
        return _Layout(filled[0], Separator(stated[1].decode(), "as the line sep= says"))
    rows = [records[record] for record in filled[1 : 1 + FIRST_ROWS]]
    chosen = separators.choose(records[filled[0]], rows, source.where, tabs_first=source.ending == ".tsv")
    return _Layout(filled[0], chosen)


def _rows(records: Records, layout: _Layout, width: int, fields: Array, where: str) -> Array:
    """The numbers of the records below the header that are rows: all but blank lines.

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
    ragged = filled[fields[filled] != width]
    blank_lines = []
    for record in ragged.tolist():
        if not records.is_blank(record):
            raise FileError(_of_ragged_rows(records, layout, width, fields, record, where))
        blank_lines.append(record)
    return np.setdiff1d(filled, blank_lines, assume_unique=True) if blank_lines else filled


def _of_misplaced_quote(line: bytes, separator: str) -> str:
    """What is wrong with a line that has a quotation mark out of place."""
    if re.search(rb"(?:^|%b) +\"" % re.escape(separator.encode()), line):
        return "a space stands before a quotation mark that begins a field; remove the spaces behind the separators"
    return (
        "a quotation mark is out of place; a field with a quotation mark inside must stand in quotation marks, the "
        'inner one doubled: "5"" nail"'
    )


def _of_ragged_rows(records: Records, layout: _Layout, width: int, fields: Array, record: int, where: str) -> str:
    """The refusal of a row with more or fewer fields than the header, with what the cause may be."""
    found = int(fields[record])
    message = (
        f"{where}, line {records.line(record)}: {found} field{'s' if found > 1 else ''} where the header has {width}; "
        f"{layout.separator}"
    )
    text, header = records[record], records[layout.header]
    if text.lstrip().startswith(b"#"):
        return f"{message}. The line may be a comment: remove it"
    if found == width + 1 and text.endswith(layout.separator.character.encode()):
        return f"{message}. The line ends in a separator, the header does not: make them alike"
    first_rows = records.filled[records.filled > layout.header][:FIRST_ROWS]
    if width > 1 and (fields[first_rows] == width + 1).all():
        commas = "a number may hold a decimal comma, or " if layout.separator.character == "," else ""
        return (
            f"{message}. So has each row: {commas}the first field may be the name of the row, as R writes it; name it "
            "in the header too (write.table with col.names=NA)"
        )
    if found == 1 and record == records.filled[-1]:
        return f"{message}. The last line may be a note below the table: remove it"
    below = first_rows[-3:].tolist()
    if header.lstrip().startswith(b"#") or (width == 1 and _agree(records, below)):
        line = records.line(layout.header)
        return f"{message}. Line {line} may be a title or a comment: the names of the columns must come first"
    return f"{message} (separator=..., --separator)"


def _agree(records: Records, rows: list[int]) -> bool:
    """Whether some separator divides all of the rows into equally many fields, two or more."""
    counts = [{records[row].count(separator.encode()) for row in rows} for separator in separators.SEPARATORS]
    return any(len(found) == 1 and found != {0} for found in counts)


def _refuse_repeated_header(records: Records, layout: _Layout, width: int, where: str) -> None:
    again = records.repeats(layout.header) if width > 1 else None
    if again is not None:
        raise FileError(
            f"{where}, line {records.line(again)}: the line of names stands here again, as where two files were put "
            "together; remove it"
        )


def _parse(where: str, text: bytes, separator: str, names: list[str] | None = None) -> pl.DataFrame:
    """Text parsed by polars with every column as text."""
    import polars as pl

    schema = None if names is None else dict.fromkeys(names, pl.String)
    try:
        return pl.read_csv(text, has_header=False, schema=schema, infer_schema=False, separator=separator)
    except pl.exceptions.PolarsError as error:
        raise FileError(f"{where} cannot be read as a table: {first_line(error)}") from None


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
