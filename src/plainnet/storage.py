"""Networks as files: one `.npz` that `numpy.load(path, allow_pickle=False)` opens.

    plainnet      JSON text: format version, the network's description, the table schema, the training record,
                  and the SHA-256 of all the rest
    parameters    the one vector
    statistics    the other one

Reading builds layers by their known names and copies numbers; nothing in a file is ever run.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike, fspath
from typing import Any, BinaryIO

import numpy as np

from plainnet.arrays import Array
from plainnet.errors import FileError, InvalidValue, PlainnetError
from plainnet.history import History
from plainnet.network import Network

VERSION = 1


def save(net: Network, path: str | PathLike[str]) -> None:
    """Write `net` with its table schema and training record; an existing file is replaced only by a whole new one.

    Raises InvalidValue where the network is not built, FileError where the file cannot be written.
    """
    record = {
        "version": VERSION,
        "network": net.describe(),
        "table": net.table,
        "history": net.history and net.history.to_dict(),
    }
    parameters, statistics = net.parameters, net.statistics
    record["checksum"] = _checksum(record, parameters, statistics)
    text = json.dumps(record, allow_nan=False)
    with replacing(path) as file:
        np.savez(file, plainnet=np.array(text), parameters=parameters, statistics=statistics)


def load(path: str | PathLike[str], *, custom: Iterable[Any] = ()) -> Network:
    """The network that `save` wrote to `path`; `custom` are the user's own layer classes and functions in it.

    Raises FileError, naming the file, where it is missing, damaged, something else or from a newer version.
    """
    name = fspath(path)
    record, parameters, statistics = _read(name)
    try:
        net = Network.from_description(record["network"], custom)
        net.parameters, net.statistics = parameters, statistics
        net.table = record["table"]
        net.history = record["history"] and History(**record["history"])
    except PlainnetError as error:
        raise FileError(f"{name} cannot be rebuilt: {error}{_custom_hint(error)}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{name} is damaged: its description does not fit ({error!r})") from None
    return net


def _custom_hint(error: PlainnetError) -> str:
    unknown = isinstance(error, InvalidValue) and "is unknown" in str(error)
    return "; where it is your own, pass it: plainnet.load(path, custom=[...])" if unknown else ""


def _read(name: str) -> tuple[dict[str, Any], Array, Array]:
    """The checked contents of a model file."""
    import zipfile

    content = _bytes(name)
    try:
        with np.load(BytesIO(content), allow_pickle=False) as archive:
            text = str(archive["plainnet"][()])
            parameters, statistics = archive["parameters"], archive["statistics"]
        record = json.loads(text)
        checksum = record.pop("checksum")
        version = record["version"]
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
        IndexError,
        zipfile.BadZipFile,
    ):
        raise FileError(f"{name} is not a plainnet model, or is damaged; it takes a file written by save") from None
    if version != VERSION:
        raise FileError(f"{name} has format version {version} and this plainnet reads {VERSION}; update plainnet")
    if checksum != _checksum(record, parameters, statistics):
        raise FileError(f"{name} has been altered since it was saved: its checksum does not fit; take a good copy")
    return record, parameters, statistics


def _bytes(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise FileError(f"{name} does not exist; it takes a file written by save or plainnet train --save") from None
    except OSError as error:
        raise FileError(f"{name} cannot be read: {error.strerror or error}") from None


def _checksum(record: dict[str, Any], *arrays: Array) -> str:
    """SHA-256 over the description and the bytes of the arrays."""
    import hashlib

    digest = hashlib.sha256(json.dumps(record, sort_keys=True, allow_nan=False).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def check_writable(path: str | PathLike[str]) -> None:
    """Refuse a path that cannot be written because it is a folder, or its folder does not exist."""
    if os.path.isdir(path):
        raise FileError(f"{fspath(path)} is a folder; it takes the name of a file to write")
    folder = os.path.dirname(fspath(path))
    if folder and not os.path.isdir(folder):
        raise FileError(f"{fspath(path)} cannot be written: there is no folder {folder}")


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` once it is written whole; on an error `path` stays as it was.

    Written beside it under another name, flushed to the disk, then renamed over it. Raises FileError, naming
    `path`, where that cannot be done.
    """
    import tempfile

    check_writable(path)
    folder, name = os.path.split(fspath(path))
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder or ".")
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's files are private
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise FileError(f"{fspath(path)} cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
