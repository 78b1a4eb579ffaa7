"""Tell if data and settings are the same again: fingerprints of arrays, what parts hold, differences of plain data."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.blocks import blocks
from plainnet._base.configurable import Configurable
from plainnet._base.pieces import Columns, Rows


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


HASHED_BYTES = 2**17
"""About the bytes of the rows that are hashed together: they and what is made of them fit into a processor's cache."""


def row_hashes(*arrays: Rows | None, key: int = 0) -> Array:
    """Return 64 bits for each row of arrays of as many rows, made of its bytes in all of them, (rows,).

    Another `key` gives other bits. Each 64-bit word of a row is mixed by the steps of SplitMix64 (Steele, Lea & Flood
    2014) with a key of its place.
    """
    present = [array for array in arrays if array is not None]
    hashes = np.empty(len(present[0]), np.uint64)
    for rows, columns in blocks(*present):
        for part, mixed in _hashes_of(columns, key):
            hashes[rows][part] = mixed[-1]
    return hashes


def row_sums(*arrays: Rows | None) -> list[int]:
    """Return sums of the `row_hashes` of the first array, of the first two, and so on, modulo 2^64.

    They do not depend on the order of the rows, which are read once for all.
    """
    present = [array for array in arrays if array is not None]
    sums = np.zeros(len(present), np.uint64)
    for _, columns in blocks(*present):
        for _, mixed in _hashes_of(columns, 0):
            sums += np.array([own.sum(dtype=np.uint64) for own in mixed])
    return [int(own) for own in sums]


def _hashes_of(columns: Columns, key: int) -> Iterator[tuple[slice, list[Array]]]:
    """Yield some rows, and their hashes by the first column, by the first two, and so on."""
    read = [column for column in columns if column is not None]
    step = max(1, HASHED_BYTES // max(1, sum(column[:1].nbytes for column in read)))
    for start in range(0, len(read[0]), step):
        part = slice(start, start + step)
        mixed: list[Array] = [np.full(len(read[0][part]), key, np.uint64)]
        for column in read:
            mixed.append(_mixed(mixed[-1] + _sum_of_words(column[part])))
        yield part, mixed[1:]


def _sum_of_words(rows: Array) -> Array:
    size = rows[:1].nbytes // max(1, len(rows[:1]))
    words = np.zeros((len(rows), -(-size // 8) * 8), np.uint8)
    words[:, :size] = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    values = words.view(np.uint64)
    keys = _mixed(np.arange(1, values.shape[1] + 1, dtype=np.uint64) * _GOLDEN)
    total: Array = _mixed(values + keys).sum(axis=1, dtype=np.uint64)
    return total


_GOLDEN, _FIRST, _SECOND = map(np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def _mixed(values: Array) -> Array:
    """Return 64-bit numbers of which each bit depends on all bits of the given ones."""
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    mixed: Array = values ^ (values >> np.uint64(31))
    return mixed


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
    for place, before, after in unequal(was, now, where):
        fingerprints = place.startswith(("data.", "rows."))
        yield f"{place} differs" if fingerprints else f"{place} was {before!r} and is {after!r}"


def unequal(one: Any, other: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where two plain descriptions differ, and what each has there."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in dict.fromkeys([*one, *other]):
            yield from unequal(one.get(name), other.get(name), f"{where}.{name}" if where else name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from unequal(a, b, f"{where}[{i}]")
    elif one != other:
        yield where, one, other
