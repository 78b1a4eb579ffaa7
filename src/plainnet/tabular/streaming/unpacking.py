"""Compressed files and text of wide characters become plain temporary files, of which any part can be read."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from plainnet.errors import FileError
from plainnet.tabular.sources import COMPRESSED, ENDINGS, endings_of, require_ending, table_in

AT_A_TIME = 2**22
OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}  # type: ignore[dict-item]


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
    if compressed == ".zip":
        with _damage_named(path, "ZIP archive without a password"), zipfile.ZipFile(path) as archive:
            inside = table_in(archive, str(path))
            with archive.open(inside) as stream:
                return _copy(
                    f"{path} ({inside})", Path(inside).suffix.lower(), iter(lambda: stream.read(AT_A_TIME), b"")
                )
    require_ending(path.with_suffix(""), ENDINGS)
    with _damage_named(path, f"file compressed by {COMPRESSED[compressed][0]}"), OPENERS[compressed](path) as stream:
        return _copy(str(path), ending, _parts(stream))


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


@contextmanager
def _damage_named(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error, lzma.LZMAError) as e:
        raise FileError(f"{path} is not a whole {what}: {e}") from None
