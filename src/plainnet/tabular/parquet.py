"""From a Parquet file to its names and its columns."""

from __future__ import annotations

import subprocess
import sys

from plainnet.errors import FileError
from plainnet.tabular.raw_table import RawTable
from plainnet.tabular.sources import Source
from plainnet.tabular.text_table import first_line

MAGIC = b"PAR1"


def read_parquet(source: Source) -> RawTable:
    """The columns of a Parquet file as they are stored; FileError for a damaged one."""
    import polars as pl

    content, where = source.content, source.where
    if not content:
        raise FileError(f"{where} is empty")
    if not content.startswith(MAGIC):
        raise FileError(f"{where} is not a Parquet file, as its name says; name a text table .csv or .tsv")
    if not content.endswith(MAGIC):
        raise FileError(f"{where} is a Parquet file without its end; it was cut off")
    _try(content, where)
    try:
        frame = pl.read_parquet(content)
        text = pl.col(pl.String)
        frame = frame.with_columns(pl.when(text.str.strip_chars() != "").then(text).name.keep())  # as in a text file
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise FileError(f"{where} is a damaged Parquet file: {first_line(error)}") from None
    if frame.height == 0:
        raise FileError(f"{where} has a header and no rows")
    return RawTable(
        where=where,
        written=frame.columns,
        frame=frame,
        place=lambda row: f"{where}, row {row + 1}",
        is_text=False,
    )


def _try(content: bytes, where: str) -> None:
    """Read it in a process of its own first: a damaged file can make polars end the process, or never end."""
    read = "import sys, polars; polars.read_parquet(sys.stdin.buffer.read())"
    seconds = 20 + len(content) / 1e7
    try:
        tried = subprocess.run([sys.executable, "-c", read], input=content, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise FileError(f"{where} is a damaged Parquet file: reading it took more than {seconds:.0f} s") from None
    if tried.returncode:
        reason = tried.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["reading it failed"]
        raise FileError(f"{where} is a damaged Parquet file: {reason[0][:200]}")
