"""Compressed files and text of wide characters become plain temporary files, of which any part can be read."""

from __future__ import annotations

import codecs
import os
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from plainnet.errors import FileError
from plainnet.tabular.sources import ENDINGS, decompressing, endings_of, require_ending, table_of_archive

AT_A_TIME = 2**22
"""So many bytes are copied at a time."""


@dataclass(frozen=True)
class Unpacked:
    """An uncompressed file: the user's own, or a temporary one that goes with this object."""

    where: str
    """The name by which messages call it."""
    ending: str
    path: Path
    temporary: Any = None


def unpacked(path: Path) -> Unpacked:
    """Return the file itself or, of a compressed one, an unpacked copy."""
    compressed, ending = endings_of(path)
    if not compressed:
        return Unpacked(str(path), require_ending(path, ENDINGS), path)
    where = str(path)
    if compressed == ".zip":
        with table_of_archive(where, path) as (table, stream):
            return _copy(f"{where} ({table})", Path(table).suffix.lower(), _parts(stream))
    require_ending(path.with_suffix(""), ENDINGS)
    with decompressing(where, path, compressed) as stream:
        return _copy(where, ending, _parts(stream))


def in_utf8(source: Unpacked, encoding: str) -> Unpacked:
    """Return a copy in UTF-8 of a text in another encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()

    def parts() -> Iterator[bytes]:
        with open(source.path, "rb") as stream:
            for part in _parts(stream):
                yield decoder.decode(part).encode()
            yield decoder.decode(b"", final=True).encode()

    try:
        return _copy(source.where, source.ending, parts())
    except UnicodeError as error:
        raise FileError(f"{source.where} is not text in the encoding {encoding!r}: {error}") from None


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    while part := stream.read(AT_A_TIME):
        yield part


class _Temporary:
    """A file that is removed with this object, and at the end of the process at the latest."""

    def __init__(self, ending: str) -> None:
        handle, self.path = tempfile.mkstemp(suffix=ending)
        os.close(handle)
        self.remove = weakref.finalize(self, os.unlink, self.path)


def _copy(where: str, ending: str, parts: Iterator[bytes]) -> Unpacked:
    temporary = _Temporary(ending)
    with open(temporary.path, "wb") as file:
        for part in parts:
            try:
                file.write(part)
            except OSError as error:
                raise FileError(
                    f"{where} cannot be unpacked to {tempfile.gettempdir()} ({error.strerror}); unpack it yourself, or "
                    "let the variable TMPDIR name a folder with more room"
                ) from None
    return Unpacked(where, ending, Path(temporary.path), temporary)
