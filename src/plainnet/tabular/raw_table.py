"""A table file has been read, and its columns do not have their kinds yet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from plainnet._base.arrays import Array
from plainnet.errors import FileError
from plainnet.tabular.deciding import Decided, decide, decide_typed
from plainnet.tabular.kinds import Place
from plainnet.tabular.names import is_number
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.sources import Source, first_line
from plainnet.tabular.texts import spelled


@dataclass(frozen=True)
class RawTable:
    """A RawTable has the names and columns of a table, in its order; `names` may hold empty and doubled ones."""

    where: str
    written: Sequence[str]
    """The names as the file has them."""
    frame: pl.DataFrame
    place: Place
    is_text: bool
    quoted: Mapping[int, Array] = field(default_factory=dict)
    """A column's number leads to the rows whose field, in quotation marks, is a marker of missing values."""
    in_memory: bool = False
    """True for a table that is not from a file: its names are no first line."""

    @cached_property
    def names(self) -> list[str]:
        """Return the names in the one spelling by which columns are known."""
        return [spelled(name) for name in self.written]

    @cached_property
    def _numbers(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            found.setdefault(name, []).append(number)
        return found

    def number(self, name: str) -> int:
        """Return the number of the one column of this name; raise FileError if there are several."""
        clean = spelled(name)
        first, *others = self._numbers[clean]
        if others:
            hint = "; if line 1 is a row and no header, write a line of names above it" if is_number(clean) else ""
            raise FileError(
                f"{self.where}: two columns are named {clean!r}; give each column a name of its own, or leave them out "
                f"(ignore=[{clean!r}]){hint}"
            )
        return first

    def as_they_stand(self, names: Iterable[str]) -> pl.DataFrame:
        """Return the named columns as the file has them: texts of a text file, or the types of a Parquet file."""
        return pl.DataFrame([self.frame.to_series(self.number(name)).alias(name) for name in names])

    def columns(self, names: Collection[str], categories: Collection[str], options: ReadOptions) -> Decided:
        """Return the named columns in their kinds; `categories` names categories."""
        numbers = {name: self.number(name) for name in names}
        frame = pl.DataFrame([self.frame.to_series(number).alias(name) for name, number in numbers.items()])
        if not self.is_text:
            return decide_typed(frame, self.place, options, categories)
        # In a column that the user calls categories the usual markers are values, in quotation marks or not.
        free = {name: number for name, number in numbers.items() if name not in options.categories}
        quoted = {name: self.quoted[number] for name, number in free.items() if number in self.quoted}
        return decide(frame, self.place, options, categories, quoted)


def read_parquet(source: Source) -> RawTable:
    """Return the columns of a Parquet file as they are stored; raise FileError for a damaged one."""
    content, where = source.content, source.where
    if not content:
        raise FileError(f"{where} is empty")
    if not content.startswith(b"PAR1"):
        raise FileError(f"{where} is not a Parquet file, as its name says; name a text table .csv or .tsv")
    if not content.endswith(b"PAR1"):
        raise FileError(f"{where} is a Parquet file without its end; it was cut off")
    _require_readable(content, where)
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


def _require_readable(content: bytes, where: str) -> None:
    """Read a file in a process of its own first: a damaged one can make polars end the process, or never end."""
    read = "import sys, polars; polars.read_parquet(sys.stdin.buffer.read())"
    seconds = 20 + len(content) / 1e7
    try:
        tried = subprocess.run([sys.executable, "-c", read], input=content, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise FileError(f"{where} is a damaged Parquet file: reading it took more than {seconds:.0f} s") from None
    if tried.returncode:
        reason = tried.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["reading it failed"]
        raise FileError(f"{where} is a damaged Parquet file: {reason[0][:200]}")
