"""Files written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from typing import BinaryIO

from plainnet.errors import FileError, InvalidType


def check_writable(path: str | PathLike[str]) -> None:
    """Refuse, before any work, a path that cannot be written: a folder, or a place in none or in a closed one."""
    name = path_name(path)
    if os.path.isdir(name):
        raise FileError(f"{name} is a folder; it takes the name of a file to write")
    folder = os.path.dirname(name)
    if folder and not os.path.isdir(folder):
        raise FileError(f"{name} cannot be written: there is no folder {folder}")
    temporary = _temporary(name)
    try:
        with open(temporary, "wb"):
            pass
        os.unlink(temporary)
    except OSError as error:
        raise FileError(f"{name} cannot be written: {error.strerror or error}") from None


def path_name(path: str | PathLike[str]) -> str:
    """The path as text; InvalidType for anything that is no path."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise InvalidType(f"path is {path!r}; it takes the name of a file") from None


def _temporary(name: str) -> str:
    """The name beside `name` under which this process writes."""
    folder, file = os.path.split(name)
    return os.path.join(folder, f".{file}.{os.getpid()}.part")


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` once it is written whole; on an error `path` stays as it was.

    Written beside it under another name, flushed to the disk, renamed over it, and the folder flushed: at every
    moment, a power cut included, `path` is the old file or the new one. Raises FileError, naming `path`, where that
    cannot be done.
    """
    name = path_name(path)
    check_writable(name)
    temporary = _temporary(name)
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name)
        _flush_folder(os.path.dirname(name) or ".")
    except OSError as error:
        raise FileError(f"{name} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # gone after the rename; on a full or read-only disk it may have to stay
            os.unlink(temporary)


def _flush_folder(folder: str) -> None:
    """Make a rename in `folder` durable, where the system lets a folder be opened (Windows does not)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(path: str | PathLike[str]) -> None:
    """Remove what killed processes left half written beside `path`; files of living ones stay."""
    folder, name = os.path.split(path_name(path))
    for entry in os.listdir(folder or "."):
        middle = entry.removeprefix(f".{name}.").removesuffix(".part")
        if entry == f".{name}.{middle}.part" and middle.isdecimal() and not _is_running(int(middle)):
            with suppress(OSError):
                os.unlink(os.path.join(folder, entry))


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return True  # elsewhere asking would end the process
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def read_whole(path: str | PathLike[str]) -> bytes:
    """The bytes of a file; FileError, naming it, where it is missing or cannot be read."""
    name = path_name(path)
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise FileError(f"{name} does not exist") from None
    except OSError as error:
        raise FileError(f"{name} cannot be read: {error.strerror or error}") from None
