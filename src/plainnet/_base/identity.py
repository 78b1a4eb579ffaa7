"""Tell if data and settings are the same again: fingerprints of arrays, what parts hold, differences of plain data."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from plainnet._base.configurable import Configurable
from plainnet._base.pieces import Rows, blocks


def fingerprint(*arrays: Rows | None) -> str:
    """Return the SHA-256 over the types, shapes and bytes of arrays."""
    import hashlib

    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            for _, (block,) in blocks(array):
                digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def fingerprints(*arrays: Rows | None) -> list[str]:
    """Return the fingerprint of each of several columns that have the same rows, which are read once for all."""
    import hashlib

    digests = [hashlib.sha256() for _ in arrays]
    for digest, array in zip(digests, arrays, strict=True):
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
    for _, block in blocks(*arrays):
        for digest, column in zip(digests, block, strict=True):
            if column is not None:
                digest.update(np.ascontiguousarray(column).data)
    return [digest.hexdigest() for digest in digests]


def held(thing: Any, own: list[Any], without: Collection[str] = ()) -> Hashable:
    """Return all that an object holds, but the settings `without` and a layer's arrays, as something that compares.

    What is the user's is entered in `own`: of an object of his class that is what it holds, of anything else which
    object it is.
    """
    if thing is None or isinstance(thing, bool | int | float | str | bytes):
        return type(thing).__name__, thing
    if isinstance(thing, tuple | list):
        return tuple(held(part, own) for part in thing)
    if isinstance(thing, dict):
        return "dict", *((name, held(part, own)) for name, part in sorted(thing.items(), key=repr))
    if isinstance(thing, np.ndarray | np.generic):
        return thing.shape, thing.dtype.str, thing.tobytes()
    if isinstance(thing, Configurable):
        if not type(thing).__module__.startswith("plainnet."):
            own.append(thing)
        settings = vars(thing)
        passed_over = {*without, *settings.get("_views", ()), "_views", "_claimed"}
        names = sorted(settings.keys() - passed_over)
        return type(thing).__qualname__, id(type(thing)), *names, *[held(settings[name], own) for name in names]
    own.append(thing)
    return id(thing)


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
