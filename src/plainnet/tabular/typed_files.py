"""Read files whose columns have types: Parquet, Arrow, JSON Lines and the sheets of workbooks."""

from __future__ import annotations

import io
import json
import logging
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from plainnet._base.arrays import Array
from plainnet._base.checks import closest, listed
from plainnet._base.extras import missing_extra
from plainnet.errors import FileError, InvalidValue, warn
from plainnet.tabular.decoding import text_content
from plainnet.tabular.raw_table import RawTable
from plainnet.tabular.read_options import MISSING, ReadOptions
from plainnet.tabular.sources import NoRows, Source, first_line


def read_parquet(source: Source) -> RawTable:
    """Return the columns of a Parquet file as they are stored; raise FileError for a damaged one."""
    content, where = source.content, source.where
    if not content:
        raise FileError(f"{where} is empty")
    if not content.startswith(b"PAR1"):
        raise FileError(f"{where} is not a Parquet file, as its name says; name a text table .csv or .tsv")
    if not content.endswith(b"PAR1"):
        raise FileError(f"{where} is a Parquet file without its end; it was cut off")
    return of_frame(where, _read(content, f"{where} is a damaged Parquet file", "read_parquet"))


def read_arrow(source: Source) -> RawTable:
    """Return the columns of an Arrow file or stream, Feather of version 2 included; raise FileError for another."""
    content, where = source.content, source.where
    if not content:
        raise FileError(f"{where} is empty")
    if content.startswith(b"FEA1"):
        raise FileError(f"{where} is a Feather file of version 1; write it in version 2")
    reader = "read_ipc" if content.startswith(b"ARROW1") else "read_ipc_stream"
    return of_frame(where, _read(content, f"{where} is no Arrow file, as its name says, or a damaged one", reader))


def read_json_lines(source: Source, options: ReadOptions) -> RawTable:
    """Return the columns of a file each of whose lines is a JSON object; its texts are as in quotation marks."""
    content = text_content(source, options.encoding)
    try:
        frame = pl.read_ndjson(content, infer_schema_length=None)
    except pl.exceptions.PolarsError:
        frame = _columns_of_text(content, source.where, source.lines_before)
    texts = {number: column for number, column in enumerate(frame.iter_columns()) if column.dtype == pl.String}
    marked = {number: np.flatnonzero(column.is_in(MISSING[1:]).fill_null(False)) for number, column in texts.items()}
    quoted = {number: rows for number, rows in marked.items() if rows.size and options.missing is None}
    return of_frame(source.where, frame, is_text=True, quoted=quoted)


def read_workbook(source: Source, options: ReadOptions) -> RawTable:
    """Return the columns of one sheet of a workbook, whose first row with a value holds the names.

    A column all of whose cells are numbers, dates or booleans has that type; any other is read as in a text file.
    """
    try:
        import fastexcel
    except ImportError:
        raise missing_extra("a workbook", "tables") from None
    where = source.where
    logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it tells of columns that are empty
    try:
        book = fastexcel.read_excel(source.content)
        sheet = _sheet_of(book.sheet_names, options.sheet, where)
        cells = book.load_sheet(sheet, header_row=None, dtypes="string", whitespace_as_null=True).to_polars()
        typed = book.load_sheet(sheet, schema_sample_rows=None, whitespace_as_null=True).to_polars()
    except FileError:
        raise
    except BaseException as error:
        if not isinstance(error, fastexcel.FastExcelError) and type(error).__name__ != "PanicException":
            raise
        raise FileError(f"{where} cannot be read as a workbook: {first_line(error)}") from None
    where = f"{where}, sheet {sheet!r}"
    if not cells.height:
        raise FileError(f"{where} is empty")
    names = [(cell or "").strip() for cell in cells.row(0)]
    texts = cells[1:]
    if len(names) > 2 and sum(map(bool, names)) == 1:
        raise FileError(
            f"{where}: the first row, {max(names)!r}, may be a title; the names of the columns must come first"
        )
    if typed.shape == texts.shape:
        texts = pl.DataFrame(map(_typed_or_text, typed.iter_columns(), texts.iter_columns()))
    filled = texts.select(~pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
    rows = np.flatnonzero(filled)
    return of_frame(where, texts[rows], names, rows=rows, is_text=True)


def _sheet_of(names: Sequence[str], asked: str | None, where: str) -> str:
    """Return the sheet that is asked for, by its name or its number from 1 on, or the first with a note."""
    if asked in names:
        return str(asked)
    if asked is not None and asked.isdecimal() and 1 <= int(asked) <= len(names):
        return names[int(asked) - 1]
    if asked is not None:
        raise InvalidValue(f"sheet is {asked!r}, which {where} does not have; {closest(asked, names)}")
    if not names:
        raise FileError(f"{where} has no sheet with cells")
    if len(names) > 1:
        warn(
            f"{where} has the sheets {listed(names)}; the first is read (sheet={names[1]!r}, --sheet "
            f"{shlex.quote(names[1])} takes another)"
        )
    return names[0]


def _typed_or_text(typed: pl.Series, text: pl.Series) -> pl.Series:
    """Return the typed column if no cell was lost for its type."""
    is_whole = typed.dtype != pl.String and typed.null_count() == text.null_count()
    return (typed if is_whole else text).alias(text.name)


def _columns_of_text(content: bytes, where: str, lines_before: int) -> pl.DataFrame:
    """Return the columns of JSON Lines as text, where a column holds values of several kinds.

    Raises FileError, with the line, for what is no JSON object of single values.
    """
    rows = []
    for line, text in enumerate(content.split(b"\n"), start=lines_before + 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise FileError(f"{where}, line {line}: this is no JSON object: {error}") from None
        if not isinstance(row, dict):
            raise FileError(f"{where}, line {line}: this is no JSON object with a value for each name of a column")
        rows.append({name: _as_written(value, f"{where}, line {line}: {name!r}") for name, value in row.items()})
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def _as_written(value: Any, which: str) -> str | None:
    """Return a JSON value as a text file would write it; raise FileError for a list or an object."""
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        raise FileError(f"{which} is {kind}; a table takes numbers, true and false, texts and null")
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def of_frame(
    where: str,
    frame: pl.DataFrame,
    written: Sequence[str] | None = None,
    *,
    rows: Array | None = None,
    first_row: int = 0,
    is_text: bool = False,
    quoted: Mapping[int, Array] | None = None,
) -> RawTable:
    """Return the columns of a frame as those of a file.

    `rows` are the numbers of its rows there, counted from 0; without them they stand one after the other from
    `first_row` on.
    """
    text = pl.col(pl.String)
    frame = frame.with_columns(pl.when(text.str.strip_chars() != "").then(text).name.keep())  # as in a text file
    if frame.height == 0:
        raise NoRows(where) if frame.width else FileError(f"{where} is empty")
    return RawTable(
        where=where,
        written=frame.columns if written is None else written,
        frame=frame,
        place=lambda row: f"{where}, row {(first_row + row if rows is None else int(rows[row])) + 1}",
        is_text=is_text,
        quoted=quoted or {},
    )


def _read(content: bytes, wrong: str, reader: str) -> pl.DataFrame:
    """Read a file by a function of polars; raise FileError, whose message begins with `wrong`, if that fails.

    It is read in a process of its own first: a damaged one can make polars end the process, or never end.
    """
    read = f"import io, sys, polars; polars.{reader}(io.BytesIO(sys.stdin.buffer.read()))"
    seconds = 20 + len(content) / 1e7
    try:
        tried = subprocess.run([sys.executable, "-c", read], input=content, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise FileError(f"{wrong}: reading it took more than {seconds:.0f} s") from None
    if tried.returncode:
        reason = tried.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["reading it failed"]
        raise FileError(f"{wrong}: {reason[0][:200]}")
    try:
        frame: pl.DataFrame = getattr(pl, reader)(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise FileError(f"{wrong}: {first_line(error)}") from None
    return frame
