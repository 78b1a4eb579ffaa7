"""Rows that are equal to rows of the training: found by a hash of their features, which a model can keep."""

from __future__ import annotations

import base64
import binascii

import numpy as np

from plainnet.arrays import Array
from plainnet.errors import InvalidValue

KEPT = 1024
"""A model keeps so many hashes: those of all training rows where they are as few, else the smallest ones."""
BITS = 48
"""Of each hash so many bits are kept."""
BLOCK = 2**20


def row_hashes(X: Array) -> Array:
    """A hash of each row as float32, the same on every machine: Σ bitsⱼ · factorⱼ modulo 2⁶⁴, mixed, 48 bits of it."""
    factors = _mixed(np.arange(1, X.shape[1] + 1, dtype=np.uint64)) | np.uint64(1)
    sums = np.empty(len(X), np.uint64)
    size = max(1, BLOCK // X.shape[1])
    for start in range(0, len(X), size):
        values = X[start : start + size].astype(np.float32) + np.float32(0)  # -0.0 becomes 0.0
        bits = values.view(np.uint32).astype(np.uint64)
        bits ^= bits >> np.uint64(23)  # so that numbers such as 1.0 do not end in zeros
        sums[start : start + size] = (bits * factors).sum(axis=1)
    return _mixed(sums) >> np.uint64(64 - BITS)


def fingerprint(hashes: Array) -> str:
    """The smallest of the different hashes, as text."""
    smallest = np.unique(hashes)[:KEPT].astype(">u8")
    return base64.b64encode(smallest.view(np.uint8).reshape(-1, 8)[:, 2:].tobytes()).decode()


def known_share(kept: str, hashes: Array) -> float:
    """The share of rows that are equal to rows of the fingerprint; an estimate where it does not hold all hashes.

    Of the rows whose hash is small enough to be kept, it is known whether the training had them.
    """
    known = _unpacked(kept)
    comparable = hashes if len(known) < KEPT else hashes[hashes <= known[-1]]
    return float(np.isin(comparable, known).mean()) if len(comparable) else 0.0


def check_fingerprint(kept: str) -> None:
    """Refuse a text that `fingerprint` did not make."""
    try:
        whole = len(base64.b64decode(kept, validate=True)) % (BITS // 8) == 0
    except (binascii.Error, ValueError):
        whole = False
    if not whole:
        raise InvalidValue("fingerprint of the table is damaged; it takes the hashes of the training rows")


def _unpacked(kept: str) -> Array:
    parts = np.frombuffer(base64.b64decode(kept), np.uint8).reshape(-1, BITS // 8)
    whole = np.zeros((len(parts), 8), np.uint8)
    whole[:, 2:] = parts
    return whole.view(">u8")[:, 0].astype(np.uint64)


def _mixed(values: Array) -> Array:
    """Each number's bits mixed: the finalizer of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = z ^ (z >> np.uint64(31))
    return mixed
