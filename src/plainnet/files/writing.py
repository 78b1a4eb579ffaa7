"""Files written whole or not at all."""

import itertools
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from os import PathLike
from typing import BinaryIO

from plainnet.errors import FileError, InvalidType

LONGEST_NAME = 200
"""The longest file name, in bytes: most file systems take 255.

A longer one is shortened within the name of its temporary file.
"""

MOST_LINKS = 40

_numbers = itertools.count()
"""Tell the temporary files of one process apart: two threads may write the same file."""


def path_name(path: str | PathLike[str]) -> str:
    """Return the path as text; InvalidType for anything that is no path."""
    try:
        name = os.fsdecode(path)
    except TypeError:
        raise InvalidType(f"path is {path!r}; it takes the name of a file") from None
    if not name or "\0" in name:
        raise FileError(f"path is {name!r}; it takes the name of a file")
    return name


def check_writable(path: str | PathLike[str]) -> None:
    """Refuse, before any work, a path that `replacing` cannot write: a folder, a closed place, a read-only file."""
    name = path_name(path)
    place = _followed(name)
    folder, file = os.path.split(place)
    if os.path.isdir(place) or not file:
        raise FileError(f"{name} is a folder; it takes the name of a file to write")
    if folder and not os.path.isdir(folder):
        raise FileError(f"{name} cannot be written: there is no folder {folder}")
    with _naming(name):
        existing = _status(place)
        if existing is not None:
            _check_replaceable(name, place, existing)
        if existing is None or not _is_special(place, existing):
            try:
                temporary, stream = _create_beside(place, existing)
            except PermissionError as error:
                where = folder or "the current folder"
                raise FileError(f"{name} cannot be written: {where} takes no new files ({error.strerror})") from None
            stream.close()
            os.unlink(temporary)


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` once it is written whole; on an error `path` stays as it was.

    Written beside it under another name, flushed to the disk, renamed over it, and the folder flushed: at every
    moment, a power cut included, `path` is the old file or the new one. The new file has the old one's mode and,
    where the system allows it, its owner. A link stays a link and the file that it names is replaced. A device or a
    pipe is not replaced: the content is written into it once it is complete. Raises FileError, naming `path`, where
    that cannot be done.
    """
    name = path_name(path)
    check_writable(name)
    place = _followed(name)
    with _naming(name):
        existing = _status(place)
        if existing is not None and _is_special(place, existing):
            content = BytesIO()
            yield content
            with open(place, "wb") as special:
                special.write(content.getbuffer())
            return
        temporary, stream = _create_beside(place, existing)
        try:
            with stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, place)
            _flush_folder(os.path.dirname(place) or ".")
        finally:
            with suppress(OSError):  # gone after the rename; on a full or read-only disk it may have to stay
                os.unlink(temporary)


def check_apart(path: str | PathLike[str], data_files: Iterable[str]) -> None:
    """Refuse a path that is one of the files from which a network's training data are mapped."""
    name = path_name(path)
    for file in data_files:
        if os.path.exists(name) and os.path.exists(file) and os.path.samefile(name, file):
            raise FileError(f"{name} holds training data, mapped as a numpy.memmap; take another name")


def is_same_place(first: str | PathLike[str], second: str | PathLike[str]) -> bool:
    """Tell whether two paths name one file, which need not exist yet.

    The file system decides, so links, relative paths, and names that differ only in case where case does not count
    are all seen. Of a file that does not exist, the folder must (see `check_writable`).
    """
    first, second = _followed(path_name(first)), _followed(path_name(second))
    if os.path.exists(first) or os.path.exists(second):
        return os.path.exists(first) and os.path.exists(second) and os.path.samefile(first, second)
    probe, stream = _create_beside(first, None)
    stream.close()
    try:
        number = os.path.basename(probe).removeprefix(_hidden(first, ""))
        return os.path.exists(os.path.join(os.path.dirname(second), _hidden(second, number)))
    finally:
        os.unlink(probe)


def is_regular(path: str | PathLike[str]) -> bool:
    """Tell whether a path names an ordinary file or nothing yet; not a device, a pipe or a socket."""
    existing = _status(path_name(path))
    return existing is None or stat.S_ISREG(existing.st_mode)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Turn an OSError into a FileError that names the path as the user gave it."""
    try:
        yield
    except OSError as error:
        raise FileError(f"{name} cannot be written: {error.strerror or error}") from None


def _followed(name: str) -> str:
    """Return the path at the end of a chain of symbolic links.

    An open file's own link (/dev/stdout) is not followed.
    """
    place = name
    for _ in range(MOST_LINKS):
        if not os.path.islink(place) or _is_open_file(place):
            return place
        place = os.path.join(os.path.dirname(place), os.readlink(place))
    raise FileError(f"{name} cannot be written: its symbolic links go round in a circle")


def _is_open_file(place: str) -> bool:
    """Tell whether the path is a link of the system to an open file, as /dev/stdout and /dev/fd/3 are on Linux."""
    return re.fullmatch(r"/proc/.*/fd", os.path.realpath(os.path.dirname(place))) is not None


def _status(place: str) -> os.stat_result | None:
    try:
        return os.stat(place)
    except FileNotFoundError:
        return None


def _is_special(place: str, existing: os.stat_result) -> bool:
    """Tell whether the file can only be written into, as nothing can be renamed over it (or nothing should)."""
    return not stat.S_ISREG(existing.st_mode) or os.path.ismount(place)


def _check_replaceable(name: str, place: str, existing: os.stat_result) -> None:
    if stat.S_ISBLK(existing.st_mode) or stat.S_ISSOCK(existing.st_mode):
        kind = "disk" if stat.S_ISBLK(existing.st_mode) else "socket"
        raise FileError(f"{name} is a {kind}; it takes the name of a file to write")
    if stat.S_ISREG(existing.st_mode) and _is_open_file(place):
        raise FileError(f"{name} is a file that is open already; it takes that file's own name or another one")
    if not (existing.st_mode & 0o222 and os.access(place, os.W_OK)):  # the administrator may write a read-only file
        raise FileError(f"{name} cannot be written: it is read-only; make it writable or take another name")


def _create_beside(place: str, existing: os.stat_result | None) -> tuple[str, BinaryIO]:
    """Return a new file of this process beside `place`, with the mode and owner of the existing one, and its name."""
    folder = os.path.dirname(place)
    mode = 0o666 if existing is None else 0o600  # closed until it has its owner
    for number in _numbers:
        temporary = os.path.join(folder, _hidden(place, f"{os.getpid()}-{number}.part"))
        try:
            stream = open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, mode))  # noqa: SIM115
        except FileExistsError:  # left by a killed process that had our number, or in use in another container
            continue
        if existing is not None:
            with suppress(OSError, AttributeError):  # only the administrator gives files away; Windows has no owners
                os.chown(temporary, existing.st_uid, existing.st_gid)
            with suppress(OSError):  # some file systems have no modes
                os.chmod(temporary, stat.S_IMODE(existing.st_mode))
        return temporary, stream
    raise AssertionError("the numbers have no end")


def _hidden(place: str, ending: str) -> str:
    """Return a hidden name after the file at `place`."""
    return f".{_short(os.path.basename(place))}.{ending}"


def _short(file: str) -> str:
    """Return a file name, or the beginning of a long one with a checksum of the whole."""
    name = os.fsencode(file)
    if len(name) <= LONGEST_NAME:
        return file
    return f"{name[: LONGEST_NAME - 40].decode(errors='ignore')}~{zlib.crc32(name):08x}"


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
    folder, file = os.path.split(_followed(path_name(path)))
    pattern = re.compile(re.escape(f".{_short(file)}.") + r"(\d+)(-\d+)?\.part")
    for entry in os.listdir(folder or "."):
        match = pattern.fullmatch(entry)
        if match and not _is_running(int(match[1])):
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
    """Return the bytes of a file; FileError, naming it, where it is missing or cannot be read."""
    name = path_name(path)
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise FileError(f"{name} does not exist") from None
    except OSError as error:
        raise FileError(f"{name} cannot be read: {error.strerror or error}") from None
