"""A message between the page and a session is bytes: a header of plain data, then arrays of numbers.

    uint32, little endian    the length of the header in bytes
    header                   a JSON object in UTF-8
    zeros                    up to a multiple of 8 bytes
    arrays                   each begins at a multiple of 8 bytes, in little endian

The header's field `arrays` lists them in order, each as [name, dtype, shape]; a message without arrays lacks the field.
JSON has no numbers that are not finite: they are null in the header. In arrays they are themselves.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue

Reply = tuple[dict[str, Any], dict[str, Array]]
"""The header and the arrays of a message."""

DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ("float32", "float64", "int32", "uint8")}
"""The number types of arrays."""

MOST_ARRAYS = 64
"""The most arrays of one message."""

MOST_AXES = 4
"""The most axes of an array."""

MOST_ENTRIES = 2**40
"""The most entries of an array, those along its other axes where one has none."""

BEGIN = 4
"""The bytes of the header's length."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> bytes:
    """Return a message with this header and these arrays, which have a number type of DTYPES."""
    given = {name: np.asarray(array) for name, array in (arrays or {}).items()}
    listed = [[name, array.dtype.name, list(array.shape)] for name, array in given.items()]
    whole = plain({**header, "arrays": listed}) if listed else plain(header)
    text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
    parts = [len(text).to_bytes(BEGIN, "little"), text, bytes(-(BEGIN + len(text)) % 8)]
    for array in given.values():
        data = array.astype(DTYPES[array.dtype.name], copy=False).tobytes()
        parts += [data, bytes(-len(data) % 8)]
    return b"".join(parts)


def unpack(message: bytes | bytearray | memoryview) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays of a message; raise InvalidValue for bytes that are none."""
    data = memoryview(message).cast("B")
    length = int.from_bytes(data[:BEGIN], "little")
    if len(data) < BEGIN or length > len(data) - BEGIN:
        raise InvalidValue(f"the message is cut off: it has {len(data)} bytes and a header of {length}")
    header = _header(bytes(data[BEGIN : BEGIN + length]))
    arrays: dict[str, Array] = {}
    place = BEGIN + length
    for listed in _listed(header.pop("arrays", [])):
        name, dtype, shape = _entry(listed)
        place += -place % 8
        count = math.prod(shape)
        stop = place + count * dtype.itemsize
        if name in arrays or stop > len(data):
            why = "comes twice" if name in arrays else f"of shape {list(shape)} goes beyond the end of the message"
            raise InvalidValue(f"array {name!r} {why}")
        own = np.frombuffer(data[place:stop], dtype).reshape(shape)
        arrays[name] = own.astype(dtype.newbyteorder("="))  # a copy, which may be written to
        place = stop
    return header, arrays


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InvalidValue("the header of the message is no JSON object in UTF-8") from None
    if not isinstance(header, dict):
        raise InvalidValue(f"the header of the message is of type {type(header).__name__}; it takes an object")
    return header


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _listed(given: Any) -> list[Any]:
    if not isinstance(given, list) or len(given) > MOST_ARRAYS:
        raise InvalidValue(f"arrays takes a list of at most {MOST_ARRAYS} entries, each [name, dtype, shape]")
    return given


def _entry(given: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    """Return the name, number type and shape of a listed array."""
    if not (isinstance(given, list) and len(given) == 3 and isinstance(given[0], str) and isinstance(given[1], str)):
        raise InvalidValue("an entry of arrays takes [name, dtype, shape]")
    name, dtype, shape = given
    if dtype not in DTYPES:
        raise InvalidValue(f"array {name!r} has dtype {dtype!r}; it takes one of: {', '.join(DTYPES)}")
    is_shape = isinstance(shape, list) and len(shape) <= MOST_AXES
    if not is_shape or not all(type(size) is int and size >= 0 for size in shape):
        raise InvalidValue(f"array {name!r} takes a shape of at most {MOST_AXES} whole numbers of at least 0")
    if math.prod(size or 1 for size in shape) > MOST_ENTRIES:  # NumPy refuses the shape even of an empty array
        raise InvalidValue(f"array {name!r} has a shape of more than {MOST_ENTRIES:,} entries")
    return name, DTYPES[dtype], tuple(shape)


def plain(data: Any) -> Any:
    """Return data as JSON can hold it: NumPy's numbers as Python's, and None for each number that is not finite."""
    if isinstance(data, Mapping):
        return {str(name): plain(part) for name, part in data.items()}
    if isinstance(data, list | tuple):
        return [plain(part) for part in data]
    if isinstance(data, np.generic | np.ndarray):
        return plain(data.tolist())
    return None if isinstance(data, float) and not math.isfinite(data) else data
