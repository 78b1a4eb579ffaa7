"""The pieces of table files: parts that fit into memory, each read by itself and in any order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from plainnet.errors import FileError
from plainnet.tabular.read_options import DEFAULT, ReadOptions
from plainnet.tabular.sources import (
    ARROW_ENDINGS,
    PARQUET_ENDINGS,
    STANDARD_INPUT,
    WORKBOOK_ENDINGS,
    NoRows,
    files_in,
    first_line,
    open_source,
    require_file,
)
from plainnet.tabular.streaming.footers import ARROW_MARK, RowGroup, arrow_batches, parquet_groups
from plainnet.tabular.streaming.text_pieces import has_newlines, text_pieces
from plainnet.tabular.streaming.unpacking import Unpacked, unpacked
from plainnet.tabular.text_table import read_text
from plainnet.tabular.texts import spelled
from plainnet.tabular.typed_files import of_frame, read_arrow, read_workbook

if TYPE_CHECKING:
    from plainnet.tabular.raw_table import RawTable

GROUP_BYTES = 2**26
"""The bytes of a row group, not compressed, from which on it is read in several pieces."""


@dataclass(frozen=True)
class FilePiece:
    """Rows of a table file that stand one after the other, few enough for memory."""

    where: str
    """The name of the file, for messages."""
    first: int
    """The number of rows of the file before it."""
    rows: int
    load: Callable[[Collection[str] | None], RawTable]

    def read(self, columns: Collection[str] | None = None) -> RawTable:
        """Read the piece: its names, its raw frame, and where in the file its rows stand.

        `columns` are the names that will be looked at, if not all; of a file of typed columns no others are read.

        Raises FileError, naming the file, for what cannot be read or has changed since.
        """
        which = f"{self.where}, from row {self.first + 1} on,"
        try:
            raw = self.load(columns)
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise FileError(f"{which} cannot be read: {first_line(error)}") from None
        if len(raw.frame) != self.rows:
            raise FileError(
                f"{which} has {len(raw.frame):,} rows where it had {self.rows:,}; the file must not change while it is "
                "read"
            )
        return raw


def pieces_of(paths: Any, options: ReadOptions = DEFAULT) -> list[FilePiece]:
    """Return the pieces of table files, file by file and in the order of the rows; none is empty.

    Parquet comes by row groups (large ones in parts), Arrow by record batches, text and JSON Lines by ranges of whole
    lines, which one pass over the file finds. Compressed text is unpacked to a temporary file first. A workbook and
    an Arrow stream are one piece.

    Raises FileError, naming the file, for one that is absent, damaged or cannot be read more than once.
    """
    found: list[FilePiece] = []
    for path in files_in(paths):
        with suppress(NoRows):
            found += _pieces_of_file(path, options)
    return found


def _pieces_of_file(path: Path, options: ReadOptions) -> list[FilePiece]:
    if str(path) in STANDARD_INPUT or path.is_fifo():
        raise FileError(f"{path} can be read only once, and rows beyond memory are read again and again; give a file")
    require_file(path)
    source = unpacked(path)
    if source.ending in PARQUET_ENDINGS:
        return _typed(source, _parts(parquet_groups(source.path)), pl.scan_parquet)
    if source.ending in ARROW_ENDINGS and _begins_with(source.path, ARROW_MARK):
        return _typed(source, arrow_batches(source.path), pl.scan_ipc)
    if source.ending in ARROW_ENDINGS:
        return [_whole(str(path), lambda: read_arrow(open_source(path)))]
    if source.ending in WORKBOOK_ENDINGS:
        return [_whole(str(path), lambda: read_workbook(open_source(path), options))]
    if not has_newlines(source.path):  # as old spreadsheets for the Mac wrote text
        return [_whole(str(path), lambda: read_text(open_source(path), options))]
    found = text_pieces(source, options)
    firsts = accumulate((rows for rows, _ in found), initial=0)
    return [FilePiece(source.where, first, rows, load) for first, (rows, load) in zip(firsts, found, strict=False)]


def _begins_with(path: Path, mark: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(mark)) == mark


def _parts(groups: Sequence[RowGroup]) -> list[int]:
    """Return the rows of each piece: those of a row group, or of one of the parts of a large one."""
    parts: list[int] = []
    for rows, nbytes in groups:
        count = min(max(1, -(-nbytes // GROUP_BYTES)), max(1, rows))
        ends = [rows * part // count for part in range(count + 1)]
        parts += np.diff(ends).tolist()
    return parts


def _typed(source: Unpacked, lengths: Sequence[int], scan: Callable[[Path], pl.LazyFrame]) -> list[FilePiece]:
    """Return the pieces of a file whose columns have types; polars reads only those parts that a slice needs."""

    def load(first: int, rows: int, columns: Collection[str] | None) -> RawTable:
        frame = scan(source.path)
        if columns is not None:
            wanted = {spelled(name) for name in columns}
            frame = frame.select([name for name in frame.collect_schema().names() if spelled(name) in wanted])
        return of_frame(source.where, frame.slice(first, rows).collect(), first_row=first)

    starts = accumulate(lengths, initial=0)
    return [
        FilePiece(source.where, first, rows, lambda columns, first=first, rows=rows: load(first, rows, columns))  # type: ignore[misc]
        for first, rows in zip(starts, lengths, strict=False)
        if rows
    ]


def _whole(where: str, load: Callable[[], RawTable]) -> FilePiece:
    return FilePiece(where, 0, len(load().frame), lambda columns: load())
