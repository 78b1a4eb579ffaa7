"""The bytes of a table file come from a file, compressed or in an archive, or from standard input."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from plainnet.errors import FileError


@dataclass(frozen=True)
class FileContent:
    """A FileContent is a table file in memory, such as one that was uploaded: its name, which says its kind, and bytes.

    Functions that take the name of a table file take it as well.
    """

    name: str
    content: bytes

    def __str__(self) -> str:
        return self.name


TablePath: TypeAlias = str | os.PathLike[str] | FileContent | Sequence[str | os.PathLike[str]]
"""The name of a table file, or those of several with the same columns, or a file in memory."""

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson")
PARQUET_ENDINGS = (".parquet", ".pq")
ARROW_ENDINGS = (".arrow", ".feather", ".ipc")
WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ENDINGS = TEXT_ENDINGS + JSON_ENDINGS + PARQUET_ENDINGS + ARROW_ENDINGS + WORKBOOK_ENDINGS
COMPRESSED: dict[str, tuple[str, Callable[[Any], IO[bytes]]]] = {
    ".gz": ("gzip", gzip.open),  # type: ignore[dict-item]
    ".bz2": ("bzip2", bz2.open),
    ".xz": ("xz", lzma.open),
}
"""The name of each compression, and what opens a file, by its path or as a stream, for reading."""
STANDARD_INPUT = ("-", "/dev/stdin")

MOST_UNPACKED = 2**30
"""The bytes that a compressed file in memory may unpack to: it may come from anywhere, and a few bytes make many."""

UNPACK = "unpack it first"
OTHER_WAYS = {
    **dict.fromkeys((".zst", ".7z", ".tar", ".tgz", ".rar"), UNPACK),
    ".json": "if each line is a row, give it a name that ends in .jsonl",
    ".numbers": "save the sheet as CSV or as .xlsx",
    **dict.fromkeys((".npz", ".npy"), "this may be a model or an array; plainnet.load reads models in Python"),
}
"""Say what to do with a file of another ending."""
AS_TEXT = "if it is text with a line of names at the top, give it a name that ends in .csv"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NoRows(FileError):
    """A table file has names and no rows; among several files it adds nothing, as an empty part of a larger table."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where} has a header and no rows")


@dataclass(frozen=True)
class Source:
    """A Source is a table file that has been read: its bytes, its name in messages, and its ending."""

    where: str
    ending: str
    content: bytes
    lines_before: int = 0
    """The lines that stand before the content, where it is a part of a file."""


def open_source(path: str | os.PathLike[str] | FileContent) -> Source:
    """Read the bytes of a table file; "-" is standard input, whose beginning says what it holds, as with a pipe.

    Raises FileError for a file that is absent, cannot be read or holds something else, with what to do instead.
    """
    if isinstance(path, FileContent):
        return _of_content(Path(path.name), path.content, MOST_UNPACKED)
    if str(path) in STANDARD_INPUT:
        if sys.stdin is None:
            raise FileError("there is no standard input to read the table from")
        return _of_unknown_kind("standard input", sys.stdin.buffer.read())
    path = Path(path)
    require_file(path)
    compressed, ending = endings_of(path)
    try:
        content = path.read_bytes() if path.is_fifo() or compressed == ".zip" or ending else b""
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None
    return _of_unknown_kind(str(path), content) if path.is_fifo() else _of_content(path, content)


def _of_content(path: Path, content: bytes, most: int | None = None) -> Source:
    """Return the content of a file, whose kind its name says; `most` is the number of bytes to unpack at most."""
    compressed, ending = endings_of(path)
    if compressed == ".zip":
        return _of_archive(str(path), content, most)
    require_ending(path.with_suffix("") if compressed else path, ENDINGS)
    return Source(str(path), ending, _decompressed(str(path), content, compressed, most) if compressed else content)


def is_table(path: str | os.PathLike[str]) -> bool:
    """Return True if a name is that of a table, by its ending, or of standard input."""
    compressed, ending = endings_of(Path(path))
    return str(path) in STANDARD_INPUT or compressed == ".zip" or ending in ENDINGS


def files_of(table: Any) -> list[str | os.PathLike[str] | FileContent]:
    """Return the files of a table that is given as one or as a list; none for a frame or rows in memory."""
    each = table if isinstance(table, list | tuple) else [table]
    return list(each) if all(isinstance(one, str | os.PathLike | FileContent) for one in each) else []


def files_in(paths: Any) -> list[Path]:
    """Return the files of one path or a list of paths; a folder stands for the table files in it, by their names.

    Raises FileError for a path that is absent, a folder without tables, and one with folders that hold some.
    """
    each = list(paths) if isinstance(paths, list | tuple) else [paths]
    return [file for path in each for file in _files_of(Path(path))]


def _files_of(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    inside = sorted(one for one in path.iterdir() if not _is_hidden(one))
    tables = [one for one in inside if not one.is_dir() and _seems_a_table(one)]
    folders = [one for one in inside if one.is_dir() and _holds_tables(one)]
    if folders:
        raise FileError(
            f"{path} holds the folder {folders[0].name} with tables in it; name the files, such as "
            f"{path}/*/*.parquet (columns that are written in the names of folders are not read)"
        )
    if not tables:
        raise FileError(f"{path} is a folder without a table; name one with Parquet, Arrow or CSV files")
    yield from tables


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "_"))


def _seems_a_table(path: Path) -> bool:
    """Return True for a name that makes a user expect a table: of one that cannot be read, an error will say so."""
    packed = OTHER_WAYS.get(path.suffix.lower()) == UNPACK
    return is_table(path.with_suffix("") if packed else path)


def _holds_tables(folder: Path) -> bool:
    inside = [one for one in folder.iterdir() if not _is_hidden(one)]
    return any(_holds_tables(one) if one.is_dir() else _seems_a_table(one) for one in inside)


def named(table: Any) -> str:
    """Return how a message names a table file or several, or a table in memory."""
    files = files_of(table)
    if not files:
        return "the table"
    first, *others = map(str, files)
    if len(others) == 1:
        return f"{first} and {Path(others[0]).name}"
    return f"{first} and {len(others)} more" if others else first


def require_ending(path: Path, endings: Sequence[str]) -> str:
    """Return the ending of a file's name in small letters; raise FileError, with the way out, for another one."""
    ending = path.suffix.lower()
    if ending in endings:
        return ending
    way = OTHER_WAYS.get(ending, AS_TEXT)
    if ending in ENDINGS:
        way = "a table of this kind is read and not written"
    raise FileError(f"{path} has the ending {ending!r}; a table ends in one of: {', '.join(endings)}; {way}")


def endings_of(path: Path) -> tuple[str, str]:
    """Return the ending of a compressed file or archive, "" for any other, and that of the table in it."""
    ending = path.suffix.lower()
    if ending == ".zip" or ending in COMPRESSED:
        return ending, path.with_suffix("").suffix.lower()
    return "", ending


def require_file(path: Path) -> None:
    """Raise FileError for a path that is no file, with what to do instead."""
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


def _decompressed(where: str, content: bytes, ending: str, most: int | None = None) -> bytes:
    with decompressing(where, io.BytesIO(content), ending) as stream:
        return _all_of(stream, where, most)


def _all_of(stream: IO[bytes], where: str, most: int | None) -> bytes:
    """Return what a stream unpacks; raise FileError if it is more than `most` bytes."""
    content = stream.read() if most is None else stream.read(most + 1)
    if most is not None and len(content) > most:
        raise FileError(f"{where} holds more than {most // 2**20} MiB once it is unpacked; take fewer rows")
    return content


@contextmanager
def decompressing(where: str, file: Any, ending: str) -> Iterator[IO[bytes]]:
    """Open a compressed file, by its path or as a stream; reading it raises FileError where it is damaged."""
    name, opened = COMPRESSED[ending]
    try:
        with opened(file) as stream:
            yield stream
    except FileError:
        raise
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise FileError(f"{where} is not a whole file compressed by {name}: {error}") from None


@contextmanager
def table_of_archive(where: str, file: Any) -> Iterator[tuple[str, IO[bytes]]]:
    """Open the one table of a ZIP archive, and say its name; reading it raises FileError where it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            table = _table_in(archive, where)
            with archive.open(table) as stream:
                yield table, stream
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error) as error:
        raise FileError(f"{where} is not a whole ZIP archive without a password: {error}") from None


def _of_archive(where: str, content: bytes, most: int | None = None) -> Source:
    """Return the one table of a ZIP archive."""
    with table_of_archive(where, io.BytesIO(content)) as (table, stream):
        return Source(f"{where} ({table})", Path(table).suffix.lower(), _all_of(stream, where, most))


def _table_in(archive: zipfile.ZipFile, where: str) -> str:
    """Return the name of the one table of a ZIP archive; raise FileError for none or several."""
    names = [name for name in archive.namelist() if not re.search(r"/$|(^|/)(__MACOSX/|\.)", name)]
    tables = [name for name in names if Path(name).suffix.lower() in ENDINGS]
    if len(tables) != 1:
        found = f"{len(tables)} tables" if tables else "no table"
        listed = ", ".join((tables or names)[:5]) + (", ..." if len(tables or names) > 5 else "")
        raise FileError(f"{where} holds {found} ({listed}); it takes an archive of one: {UNPACK}")
    return tables[0]


def _of_unknown_kind(where: str, content: bytes) -> Source:
    """Return the content of a stream, whose kind its first bytes say."""
    if content.startswith(b"\x1f\x8b"):
        content = _decompressed(where, content, ".gz")
    if content.startswith(b"PK\3\4") and b"xl/workbook" not in content:
        return _of_archive(where, content)
    beginnings = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"PK\3\4": ".xlsx", b"\xd0\xcf\x11\xe0": ".xls"}
    for beginning, ending in beginnings.items():
        if content.startswith(beginning):
            return Source(where, ending, content)
    is_json = content[:1000].removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b'{"')
    return Source(where, ".jsonl" if is_json else ".csv", content)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
