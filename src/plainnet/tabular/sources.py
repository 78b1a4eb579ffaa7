"""The bytes of a table file: from a file, from one compressed by gzip, or from standard input."""

from __future__ import annotations

import gzip
import os
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

from plainnet.errors import FileError, InvalidType

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
PARQUET_ENDINGS = (".parquet", ".pq")
STANDARD_INPUT = ("-", "/dev/stdin")

SPREADSHEET = "save the sheet as CSV, in Excel as 'CSV UTF-8'"
UNPACK = "unpack it first"
OTHER_WAYS = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), SPREADSHEET),
    **dict.fromkeys((".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz"), UNPACK),
    **dict.fromkeys(
        (".jsonl", ".ndjson", ".json"), "convert it: polars.read_ndjson({path!r}).write_csv('table.csv') in Python"
    ),
    **dict.fromkeys(
        (".feather", ".arrow", ".ipc"), "convert it: polars.read_ipc({path!r}).write_parquet('table.parquet') in Python"
    ),
    **dict.fromkeys((".npz", ".npy"), "this may be a model or an array; plainnet.load reads models in Python"),
}
"""What to do with a file of another ending."""
AS_TEXT = "if it is text with a line of names at the top, give it a name that ends in .csv"


@dataclass(frozen=True)
class Source:
    """A table file that has been read: its bytes, its name in messages, and the ending that says what it holds."""

    where: str
    ending: str
    content: bytes

    @property
    def is_parquet(self) -> bool:
        """Whether its ending says Parquet; otherwise it is text."""
        return self.ending in PARQUET_ENDINGS


def open_source(path: str | os.PathLike[str]) -> Source:
    """The bytes of a table file; "-" is standard input, which holds text, as a pipe does.

    Raises InvalidType for what is no path, and FileError for a file that is absent, cannot be read or holds
    something else, with what to do instead.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidType(f"path is {path!r}; it takes the name of a file")
    if str(path) in STANDARD_INPUT:
        if sys.stdin is None:
            raise FileError("there is no standard input to read the table from")
        return Source("standard input", ".csv", sys.stdin.buffer.read())
    path = Path(path)
    _require_file(path)
    compressed = path.suffix.lower() == ".gz"
    ending = ".csv" if path.is_fifo() else table_ending(path.with_suffix("") if compressed else path)
    try:
        content = path.read_bytes()
        return Source(str(path), ending, gzip.decompress(content) if compressed else content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileError(f"{path} is not a whole file compressed by gzip: {error}") from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None


def table_ending(path: Path) -> str:
    """The ending of a table file's name, in small letters; FileError for another one, with the way out."""
    ending = path.suffix.lower()
    if ending in TEXT_ENDINGS + PARQUET_ENDINGS:
        return ending
    way = OTHER_WAYS.get(ending, AS_TEXT).format(path=str(path))
    known = ", ".join(TEXT_ENDINGS + PARQUET_ENDINGS)
    raise FileError(f"{path} has the ending {ending!r}; a table ends in one of: {known}; {way}")


def _require_file(path: Path) -> None:
    url = re.match(r"(\w{2,}):/+(.*)", str(path))  # a Path makes one slash of two
    if url:
        address = f"{url[1]}://{url[2]}"
        raise FileError(f"{address} is an address on the network; download the file first, then give its name")
    if not path.exists():
        raise FileError(f"{path} does not exist")
    if path.is_dir():
        raise FileError(f"{path} is a directory, not a table; give the name of a table file in it")
    if not (path.is_file() or path.is_fifo()):
        raise FileError(f"{path} is a special file, not a table")
