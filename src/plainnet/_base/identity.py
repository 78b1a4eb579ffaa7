"""Tell if data and settings are the same again: fingerprints of arrays, differences of plain data."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from plainnet._base.mapped import Rows, blocks


def fingerprint(*arrays: Rows | None) -> str:
    """Return the SHA-256 over the types, shapes and bytes of arrays."""
    import hashlib

    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            for block in blocks(array):
                digest.update(np.ascontiguousarray(array[block]).data)
    return digest.hexdigest()


def differences(was: Any, now: Any, where: str = "") -> Iterator[str]:
    """Yield in words where two plain descriptions differ."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*was, *now]):
            yield from differences(was.get(name), now.get(name), f"{where}.{name}" if where else name)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for i, (a, b) in enumerate(zip(was, now, strict=True)):
            yield from differences(a, b, f"{where}[{i}]")
    elif was != now:
        yield f"{where} differs" if where.startswith("data.") else f"{where} was {was!r} and is {now!r}"
