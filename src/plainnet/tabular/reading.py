"""Table files to frames and back: CSV, TSV and Parquet."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plainnet.arrays import Array
from plainnet.checks import closest
from plainnet.errors import FileError, InvalidType, InvalidValue, missing_extra
from plainnet.files import replacing
from plainnet.tabular.kinds import Place, from_text, from_typed
from plainnet.tabular.read_options import DEFAULT, ReadOptions

if TYPE_CHECKING:
    import polars as pl

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
PARQUET_ENDINGS = (".parquet", ".pq")
PARQUET_MAGIC = b"PAR1"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SEPARATORS = (",", ";", "\t", "|")


def read_table(
    path: str | os.PathLike[str],
    *,
    categories: Collection[str] = (),
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
) -> pl.DataFrame:
    """A table file as a frame of Float64, Boolean and String columns, with null where a value is missing.

    The name's ending says what the file is: .csv, .tsv and .txt are text with a header, separated by commas
    or by what the header shows (semicolon, tab or |); .parquet and .pq are Parquet. The columns of a text
    file get their kinds from all of their rows (see `plainnet.tabular.kinds`); those of a Parquet file have
    theirs.

    `categories` names columns that are categories whatever they hold, numbers for instance; `ignore` names
    columns to leave out. `options` says what the file leaves open, such as the texts that stand for a missing
    value; see `ReadOptions`.

    Raises FileError, naming the file and, where there is one, the first line that is wrong; InvalidValue for
    a column of mixed kinds, an infinite number, a type that is no number, boolean or text, and an unknown
    name.
    """
    file = _open(path)
    known = file.frame.columns
    for argument, names in (("categories", categories), ("ignore", ignore)):
        if isinstance(names, str):
            raise InvalidType(f"{argument} is {names!r}; it takes a list of column names: [{names!r}]")
    options = options.with_categories(categories)
    for argument, names in (("categories", options.categories), ("ignore", ignore)):
        for name in names:
            if name not in known:
                raise InvalidValue(f"{argument} names {name!r}, which is no column of {path}; {closest(name, known)}")
    return file.columns([name for name in known if name not in ignore], options.categories, options)


def read_columns(
    path: str | os.PathLike[str],
    names: Collection[str],
    *,
    categories: Collection[str] = (),
    options: ReadOptions = DEFAULT,
) -> pl.DataFrame:
    """As `read_table`, the named columns only: whatever else the file holds is not looked at.

    Raises InvalidValue where the file lacks any of them.
    """
    file = _open(path)
    require_columns(names, file.frame.columns, str(path))
    return file.columns(names, [*categories, *options.categories], options)


def require_columns(names: Iterable[str], present: Collection[str], where: str) -> None:
    """Refuse a table without all of the named columns, naming each that it lacks."""
    lacking = [name for name in names if name not in present]
    if not lacking:
        return
    import difflib  # only a refusal pays for this import

    listed = []
    for name in lacking:
        near = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
        listed.append(f"{name!r}" + (f" (is it {near[0]!r}?)" if near else ""))
    plural = "s" if len(lacking) > 1 else ""
    raise InvalidValue(f"{where} lacks the column{plural} {', '.join(listed)}; it has: {', '.join(present)}")


def write_table(path: str | os.PathLike[str], frame: pl.DataFrame) -> None:
    """Write a frame as CSV (.csv, .txt), TSV (.tsv) or Parquet (.parquet, .pq), as the name's ending says.

    The file appears at once or not at all; see `plainnet.files.replacing`.

    Raises FileError for another ending and for a place that cannot be written.
    """
    ending = _ending(Path(path))
    with replacing(path) as file:
        if ending in PARQUET_ENDINGS:
            frame.write_parquet(file)
        else:
            frame.write_csv(file, separator="\t" if ending == ".tsv" else ",")


@dataclass(frozen=True)
class _File:
    """What a file holds before its columns have their kinds."""

    frame: pl.DataFrame
    place: Place
    to_kind: Callable[..., pl.Series]

    def columns(self, names: Iterable[str], categories: Collection[str], options: ReadOptions) -> pl.DataFrame:
        import polars as pl

        def in_its_kind(name: str) -> pl.Series:
            missing = {"missing": options.missing_in(name)} if self.to_kind is from_text else {}
            return self.to_kind(self.frame[name], self.place, category=name in categories, **missing)

        return pl.DataFrame([in_its_kind(name) for name in names])


def _open(path: str | os.PathLike[str]) -> _File:
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("a table file", "tables") from None
    if not isinstance(path, str | os.PathLike):
        raise InvalidType(f"path is {path!r}; it takes the name of a file")
    path = Path(path)
    if not path.exists():
        raise FileError(f"{path} does not exist")
    if not path.is_file():
        raise FileError(f"{path} is a {'directory' if path.is_dir() else 'special file'}, not a table")
    read = _read_parquet if _ending(path) in PARQUET_ENDINGS else _read_text
    try:
        file = read(path)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None
    if file.frame.height == 0:
        raise FileError(f"{path} has a header and no rows")
    return file


def _ending(path: Path) -> str:
    known = TEXT_ENDINGS + PARQUET_ENDINGS
    ending = path.suffix.lower()
    if ending not in known:
        raise FileError(f"{path} has the ending {ending!r}; a table ends in one of: {', '.join(known)}")
    return ending


def _read_parquet(path: Path) -> _File:
    import polars as pl

    content = path.read_bytes()
    if not content:
        raise FileError(f"{path} is empty")
    if not content.startswith(PARQUET_MAGIC):
        raise FileError(f"{path} is not a Parquet file, as its name says; name a text table .csv or .tsv")
    if not content.endswith(PARQUET_MAGIC):
        raise FileError(f"{path} is a Parquet file without its end; it was cut off")
    _try_parquet(path, len(content))
    try:
        frame = pl.read_parquet(content)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise FileError(f"{path} is a damaged Parquet file: {_first_line(error)}") from None
    _check_names(path, frame.columns)
    return _File(frame, lambda row: f"{path}, row {row + 1}", from_typed)


def _try_parquet(path: Path, size: int) -> None:
    """Read the file in a process of its own first: a damaged one can make polars end the process, or never end."""
    import subprocess

    read = "import sys, polars; polars.read_parquet(sys.argv[1])"
    seconds = 20 + size / 1e7
    try:
        tried = subprocess.run([sys.executable, "-c", read, str(path)], capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise FileError(f"{path} is a damaged Parquet file: reading it took more than {seconds:.0f} s") from None
    if tried.returncode:
        reason = tried.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["reading it failed"]
        raise FileError(f"{path} is a damaged Parquet file: {reason[0][:200]}")


def _read_text(path: Path) -> _File:
    import polars as pl

    content = _text_content(path)
    records = _Records(content)
    header, rows = records.filled[0], records.filled[1:]
    separator = _separator(records[header], path)
    line = records.misplaced_quote(separator)
    if line:
        raise FileError(
            f"{path}, line {line}: a quotation mark is out of place; a field with a quotation mark inside must "
            'stand in quotation marks, the inner one doubled: "5"" nail"'
        )
    names = [str(name or "").strip() for name in _parse(path, records[header], separator).row(0)]
    _check_names(path, names)
    if rows.size == 0:
        return _File(pl.DataFrame(schema=names), lambda row: "", from_text)

    # polars fills short rows with null without a word, so the fields are counted here.
    fields = records.count(separator) + 1
    ragged = rows[fields[rows] != len(names)]
    if ragged.size:
        line, found = records.line(ragged[0]), fields[ragged[0]]
        plural = "s" if found > 1 else ""
        raise FileError(f"{path}, line {line}: {found} field{plural} where the header has {len(names)}")
    frame = _parse(path, content[records.starts[rows[0]] :], separator, names)
    frame = frame[rows - rows[0]]  # without the blank lines
    return _File(frame, lambda row: f"{path}, line {records.line(rows[row])}", from_text)


def _text_content(path: Path) -> bytes:
    content = path.read_bytes()
    if content.startswith(PARQUET_MAGIC) and content.endswith(PARQUET_MAGIC):
        raise FileError(f"{path} is a Parquet file; give it a name that ends in .parquet")
    if b"\0" in content:
        raise FileError(f"{path} is not UTF-8 text, as its name says; save the table as UTF-8")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text; save the file as UTF-8"
        ) from None
    content = content.removeprefix(BYTE_ORDER_MARK)
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")  # lines as some spreadsheets for the Mac end them
    if not content.strip():
        raise FileError(f"{path} is empty")
    return content


class _Records:
    """The lines of a text table, where a line break or separator inside quotation marks does not count.

    A quotation mark doubled inside a quoted field leaves it and enters it again, so the marks before a byte
    tell whether it is quoted: it is where their number is odd.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.bytes = np.frombuffer(content, np.uint8)
        mark = self.bytes == ord('"')
        self.marks = np.flatnonzero(mark)
        self.quoted = np.bitwise_xor.accumulate(mark.view(np.uint8)).view(bool)
        self.ends = np.flatnonzero((self.bytes == ord("\n")) & ~self.quoted)
        if not self.ends.size or self.ends[-1] != len(content) - 1:
            self.ends = np.append(self.ends, len(content))
        self.starts = np.concatenate([[0], self.ends[:-1] + 1])
        carriage_return = (self.ends > self.starts) & (self.bytes[self.ends - 1] == ord("\r"))
        self.filled = np.flatnonzero(self.ends - self.starts - carriage_return > 0)
        """The numbers of the records that are not blank lines."""

    def __getitem__(self, record: int) -> bytes:
        return self.content[self.starts[record] : self.ends[record]].removesuffix(b"\r")

    def line(self, record: int) -> int:
        """The number of the line on which a record begins, counted from 1 as an editor does."""
        return self._line_at(self.starts[record])

    def _line_at(self, byte: int) -> int:
        return self.content.count(b"\n", 0, byte) + 1

    def misplaced_quote(self, separator: str) -> int | None:
        """The line of the first quotation mark that neither encloses a field nor stands doubled inside one.

        The marks in turn open and close. Before an opening one stands the end of another field or line, or the
        other half of a doubled mark; after a closing one likewise. (At the ends of the text the mark itself is
        looked at, which passes.)
        """
        opening, closing = self.marks[0::2], self.marks[1::2]
        before = self.bytes[np.maximum(opening - 1, 0)]
        after = self.bytes[np.minimum(closing + 1, len(self.content) - 1)]
        misplaced = ~np.isin(before, list(f'{separator}\n"'.encode()))
        misplaced[: len(closing)] |= ~np.isin(after, list(f'{separator}\r\n"'.encode()))
        misplaced[len(closing) :] = True  # opened and never closed
        return self._line_at(opening[misplaced.argmax()]) if misplaced.any() else None

    def count(self, separator: str) -> Array:
        """How many separators stand in each record outside quotation marks."""
        places = np.flatnonzero((self.bytes == ord(separator)) & ~self.quoted)
        return np.diff(np.searchsorted(places, self.ends), prepend=0)


def _parse(path: Path, text: bytes, separator: str, names: list[str] | None = None) -> pl.DataFrame:
    """Text that begins with no blank line, parsed by polars with every column as text."""
    import polars as pl

    schema = None if names is None else dict.fromkeys(names, pl.String)
    try:
        return pl.read_csv(text, has_header=False, schema=schema, infer_schema=False, separator=separator)
    except pl.exceptions.PolarsError as error:
        raise FileError(f"{path} cannot be read as a table: {_first_line(error)}") from None


def _separator(header: bytes, path: Path) -> str:
    """The separator that the header shows most often; where it shows none, the one of the name's ending."""
    first = "\t" if path.suffix.lower() == ".tsv" else ","
    outside_quotes = re.sub(rb'"[^"]*"', b"", header).decode()
    return max((first, *SEPARATORS), key=outside_quotes.count)


def _check_names(path: Path, names: list[str]) -> None:
    for position, name in enumerate(names):
        if not name:
            raise FileError(f"{path}: column {position + 1} has no name; name it in the header or remove it")
        if name in names[:position]:
            raise FileError(f"{path}: two columns are named {name!r}; give each column a name of its own")


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
