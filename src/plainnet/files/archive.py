"""One `.npz` of arrays and a record (plain data as JSON text), read without trusting it.

`numpy.load(path, allow_pickle=False)` opens these files; we read them by hand, because a hostile file may claim more
than it holds. A file is taken only where every member is stored as it is (no compression, so nothing can unpack
to more than the file's own size), has the size that its header implies, and a number type; where the JSON is
plain; and where the SHA-256 in the record fits all the rest. Nothing in a file is ever run.
"""

import json
import math
from collections.abc import Mapping
from io import BytesIO
from os import PathLike, fspath
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import FileError
from plainnet.files.writing import read_whole, replacing

VERSION = 1
RECORD = "plainnet"
LONGEST_HEADER = 4096


class _Damaged(Exception):
    """A fault of a file, for the message."""


def write_archive(path: str | PathLike[str], record: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write a record and arrays; an existing file is replaced only by a whole new one."""
    whole = {"version": VERSION, **record}
    text = json.dumps(_encoded({**whole, "checksum": _checksum(whole, arrays)}), allow_nan=False)
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **{RECORD: np.array(text), **arrays})


def read_archive(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the record and the arrays of a file that `write_archive` wrote.

    Raises FileError, naming the file, where it is missing, something else, damaged, altered or from a newer version.
    """
    content = read_whole(path)
    try:
        record, arrays = _parse(content)
    except _Damaged as damage:
        raise FileError(f"{fspath(path)} {damage}") from None
    except Exception as error:  # whatever parsing hostile bytes raises means the same to the user
        raise FileError(f"{fspath(path)} is not a plainnet file, or is damaged") from error
    return record, arrays


def is_archive(path: str | PathLike[str]) -> bool:
    """Tell whether a file is a model or a checkpoint, without reading it whole."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return f"{RECORD}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _parse(content: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    members = _members(content)
    if RECORD not in members:
        raise _Damaged("is not a plainnet file")
    arrays = {name: _array(name, member) for name, member in members.items()}
    text = arrays.pop(RECORD)
    if text.dtype.kind != "U" or text.shape != ():
        raise _Damaged("is damaged: its record is no text")
    record = json.loads(str(text), parse_constant=_refuse_constant, object_pairs_hook=_decoded)
    version = record.get("version")
    if version != VERSION:
        raise _Damaged(f"has format version {version} and this plainnet reads {VERSION}; update plainnet")
    checksum = record.pop("checksum")
    if checksum != _checksum(record, arrays):
        raise _Damaged("has been altered since it was written: its checksum does not fit; take a good copy")
    return record, arrays


def _members(content: bytes) -> dict[str, bytes]:
    """Return the members of the zip file, none compressed and all within the file's own size."""
    import zipfile

    with zipfile.ZipFile(BytesIO(content)) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > len(content):
            raise _Damaged("is damaged: it claims more than it holds")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise _Damaged("is damaged: it is compressed, and plainnet's files are not")
        names = [entry.filename for entry in entries]
        if len(set(names)) < len(names) or not all(name.endswith(".npy") for name in names):
            raise _Damaged("is damaged: its parts are misnamed")
        return {name.removesuffix(".npy"): archive.read(name) for name in names}


def _array(name: str, member: bytes) -> Array:
    """Return an array from the bytes of an .npy member.

    Its shape must fit the bytes, and its type be numbers or text.
    """
    file = BytesIO(member)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise _Damaged(f"is damaged: {name} has .npy version {version}")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=LONGEST_HEADER)
    data = memoryview(member)[file.tell() :]
    if dtype.kind not in "fiuU" or fortran_order or math.prod(shape) * dtype.itemsize != len(data):
        raise _Damaged(f"is damaged: {name} does not have the size or type that it claims")
    return np.frombuffer(data, dtype).reshape(shape)


def _refuse_constant(name: str) -> None:
    raise _Damaged(f"is damaged: its record holds {name}")


def _encoded(data: Any) -> Any:
    """Plain data as JSON takes it: NumPy's numbers as Python's, NaN as {"number": "nan"}, and so the infinities."""
    if type(data) in (str, int, bool):  # the most, and a wide table has many
        return data
    if isinstance(data, np.floating):
        data = float(data)
    elif isinstance(data, np.generic):
        data = data.item()
    if isinstance(data, Mapping):
        return {name: _encoded(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_encoded(item) for item in data]
    if isinstance(data, float) and not math.isfinite(data):
        return {"number": repr(float(data))}
    return data


def _decoded(pairs: list[tuple[str, Any]]) -> Any:
    if len(dict(pairs)) < len(pairs):
        raise _Damaged("is damaged: its record names something twice")
    if len(pairs) == 1 and pairs[0][0] == "number" and pairs[0][1] in ("nan", "inf", "-inf"):
        return float(pairs[0][1])
    return dict(pairs)


def _checksum(record: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """SHA-256 over the record and over the name, type, shape and bytes of each array."""
    import hashlib

    digest = hashlib.sha256(json.dumps(_encoded(record), sort_keys=True, allow_nan=False).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
