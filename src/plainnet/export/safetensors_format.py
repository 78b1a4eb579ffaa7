"""The safetensors format, read without trusting the file and with NumPy alone.

Eight bytes of header length (little-endian), a header in JSON (name -> dtype, shape, data_offsets), and the data
(<https://huggingface.co/docs/safetensors>). Nothing of a file is believed before it is checked, and no more is read
or allocated than the file is long.
"""

import json
import math
import os
from collections.abc import Mapping
from os import PathLike, fspath
from reprlib import Repr
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import FileError

_short = Repr()
_short.maxstring = 80
quoted = _short.repr
"""Return a text of a file for a message, shortened, because it may be of any length."""

LONGEST_HEADER = 100_000_000
MOST_AXES = 64
"""The limits of the format's own reader, and of NumPy."""

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8"}


def read(path: str | PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays by name and the metadata of a safetensors file; BF16 comes as float32.

    Raises FileError, naming the file, where it does not hold exactly what its header says.
    """
    file = fspath(path)
    try:
        with open(file, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(size - 8, LONGEST_HEADER):
                raise FileError(
                    f"{file} is not a safetensors file, or is cut short: it has {size} bytes and a header of {length}"
                )
            header = _header(file, stream.read(length), size - 8 - length)
            data = stream.read(size - 8 - length)
    except FileNotFoundError:
        raise FileError(f"{file} does not exist; it takes a safetensors file") from None
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror or error}") from None
    if len(data) != size - 8 - length:
        raise FileError(f"{file} became shorter while it was read")
    metadata = header.pop("__metadata__")
    return {name: _array(data, entry) for name, entry in header.items()}, metadata


def _header(file: str, text: bytes, size: int) -> dict[str, Any]:
    """Return the header of a file with `size` bytes of data, checked; `__metadata__` is always there."""
    try:
        if not text.startswith(b"{"):
            raise ValueError("it does not begin with {")
        header = parse(text.decode("utf-8"))
        metadata = header.setdefault("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata is not text by name")
        offsets = [_checked_entry(name, entry, size) for name, entry in header.items() if name != "__metadata__"]
        end = 0
        for start, stop in sorted(offsets):
            if start != end:
                raise ValueError(f"its arrays overlap or leave a gap at byte {min(start, end)} of the data")
            end = stop
        if end != size:
            raise ValueError(f"its arrays take {end} bytes and the file has {size} bytes of data")
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise FileError(f"{file} is not a safetensors file, or is damaged; its header: {reason}") from None
    return header


def _checked_entry(name: str, entry: Any, size: int) -> tuple[int, int]:
    """Return where an array of the header begins and ends in `size` bytes of data."""
    what = f"the entry {quoted(name)}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{what} is {quoted(entry)}; it takes dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"{what} has dtype {quoted(dtype)}; a network takes F64, F32, F16 or BF16")
    if not _whole_numbers(shape, 1, size) or len(shape) > MOST_AXES:
        raise ValueError(f"{what} has shape {quoted(shape)}; it takes sizes of at least 1, of what the file holds")
    if not _whole_numbers(offsets, 0, size) or len(offsets) != 2:
        raise ValueError(f"{what} has data_offsets {quoted(offsets)}; it takes two places in {size} bytes of data")
    start, stop = offsets
    if stop - start != math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize:
        raise ValueError(f"{what} has shape {quoted(shape)} of {dtype} in {stop - start} bytes")
    return start, stop


def _whole_numbers(values: Any, least: int, most: int) -> bool:
    return isinstance(values, list) and all(type(value) is int and least <= value <= most for value in values)


def _array(data: bytes, entry: Mapping[str, Any]) -> Array:
    start, stop = entry["data_offsets"]
    array = np.frombuffer(memoryview(data)[start:stop], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def parse(text: str) -> Any:
    """JSON without NaN, infinity and names that stand twice; raises ValueError."""
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)


def _no_constant(constant: str) -> None:
    raise ValueError(f"it holds {constant}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a name stands twice in it")
    return unique
