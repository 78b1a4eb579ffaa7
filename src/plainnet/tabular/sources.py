"""The bytes of a table file come from a file, one compressed by gzip, or standard input, and are checked as text."""

from __future__ import annotations

import gzip
import os
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plainnet.errors import FileError

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
"""Say what to do with a file of another ending."""
AS_TEXT = "if it is text with a line of names at the top, give it a name that ends in .csv"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
END_OF_FILE = b"\x1a"
"""The mark (Ctrl-Z) with which DOS ended a text file."""
OTHER_FILES = {
    b"PAR1": "a Parquet file; give it a name that ends in .parquet",
    b"PK\3\4": f"a ZIP archive, as .xlsx files of Excel are; {SPREADSHEET}, or unpack the archive",
    b"\xd0\xcf\x11\xe0": f"an Excel file; {SPREADSHEET}",
    b"\x1f\x8b": "compressed by gzip; give it a name that ends in .csv.gz",
    b"%PDF": "a PDF file; a table is text",
    b"\xff\xfe": "UTF-16 text; it is not UTF-8 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; it is not UTF-8 text: save it as UTF-8",
}
"""A file that begins with these bytes is no text table."""


@dataclass(frozen=True)
class Source:
    """A Source is a table file that has been read: its bytes, its name in messages, and its ending."""

    where: str
    ending: str
    content: bytes


def open_source(path: str | os.PathLike[str]) -> Source:
    """Read the bytes of a table file; "-" is standard input, which holds text, as a pipe does.

    Raises FileError for a file that is absent, cannot be read or holds something else, with what to do instead.
    """
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


def is_table(path: str | os.PathLike[str]) -> bool:
    """Return True if a name is that of a table, by its ending, or of standard input."""
    name = Path(path)
    ending = (name.with_suffix("") if name.suffix.lower() == ".gz" else name).suffix.lower()
    return str(path) in STANDARD_INPUT or ending in TEXT_ENDINGS + PARQUET_ENDINGS


def table_ending(path: Path) -> str:
    """Return the ending of a table file's name in small letters; raise FileError, with the way out, for another one."""
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


def text_content(source: Source) -> bytes:
    """Return the content as UTF-8 text whose lines end in a newline, with or without a carriage return before it.

    Raises FileError, with the line if there is one, for anything else.
    """
    content, where = source.content, source.where
    for beginning, what in OTHER_FILES.items():
        if content.startswith(beginning):
            raise FileError(f"{where} is {what}")
    if b"\0" in content:
        raise FileError(f"{where} is not UTF-8 text, as its name says; save the table as UTF-8")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{where}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text; save the file as UTF-8 "
            "('CSV UTF-8' in Excel)"
        ) from None
    while content.startswith(BYTE_ORDER_MARK):
        content = content.removeprefix(BYTE_ORDER_MARK)
    content = _lines_end_alike(content.removesuffix(END_OF_FILE), where)
    if not content.strip():
        raise FileError(f"{where} is empty")
    return content


def _lines_end_alike(content: bytes, where: str) -> bytes:
    """Put newlines in place of the carriage returns with which old spreadsheets for the Mac end their lines.

    A newline at the very end and those inside quotation marks may stand beside them.
    """
    if content.count(b"\r") == content.count(b"\r\n"):
        return content
    characters = np.frombuffer(content, np.uint8)
    unquoted = ~np.bitwise_xor.accumulate((characters == ord('"')).view(np.uint8)).view(bool)
    if b"\r\r\n" in content:  # text that was written as text twice
        after, second = np.append(characters[1:], 0), np.append(characters[2:], [0, 0])
        kept = ~(unquoted & (characters == ord("\r")) & (after == ord("\r")) & (second == ord("\n")))
        characters, unquoted = characters[kept], unquoted[kept]
        content = characters.tobytes()
    newline = unquoted & (characters == ord("\n"))
    alone = unquoted & (characters == ord("\r")) & (np.append(characters[1:], 0) != ord("\n"))
    if not alone.any():
        return content
    if newline[:-1].any():
        line = content.count(b"\n", 0, int(alone.argmax())) + 1
        raise FileError(
            f"{where}, line {line}: a carriage return stands inside the line, while lines end in a newline; "
            "end all lines alike, or put the field in quotation marks"
        )
    return np.where(alone, np.uint8(ord("\n")), characters).tobytes()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
