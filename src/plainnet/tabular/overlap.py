"""Find rows that are equal to rows of the training, by a hash of their values, which a model can keep."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.tabular.encoding import codes, of_kinds

if TYPE_CHECKING:
    import polars as pl

    from plainnet.tabular.table import Table

KEPT = 1024
"""A model keeps so many hashes: those of all training rows if they are as few, else the smallest ones."""
BITS = 48
"""So many bits of each hash are kept."""
SALT = 0xD6E8FEB86659FD93
"""This number sets equal values of different columns apart."""


def row_hashes(table: Table, frame: pl.DataFrame) -> Array:
    """Hash each row's input columns, alike on every machine: 48 bits of the sum of its values' hashes."""
    sums = np.zeros(len(frame), np.uint64)
    for place, values in codes(table.columns, of_kinds(table.columns, frame)):
        if values.dtype == np.float64:
            values = np.where(np.isnan(values), np.nan, values + 0.0)  # -0.0 becomes 0.0, and there is one NaN
        sums += mixed(np.ascontiguousarray(values).view(np.uint64) + np.uint64(place * SALT % 2**64))
    return mixed(sums) >> np.uint64(64 - BITS)


def fingerprint(hashes: Array) -> str:
    """Return the smallest of the different hashes, as text."""
    ordered = np.sort(hashes)  # many times as fast as np.unique
    smallest = ordered[np.append(True, ordered[1:] != ordered[:-1])][:KEPT].astype(">u8")
    return base64.b64encode(smallest.view(np.uint8).reshape(-1, 8)[:, 2:].tobytes()).decode()


def known_share(kept: str, hashes: Array) -> float:
    """Return the share of rows that are equal to rows of the fingerprint; an estimate if it does not hold all hashes.

    Only rows whose hash is small enough to be kept are counted: the training is known to have them, or not.
    """
    known = _unpacked(kept)
    comparable = hashes if len(known) < KEPT else hashes[hashes <= known[-1]]
    return float(np.isin(comparable, known).mean()) if len(comparable) else 0.0


def check_fingerprint(kept: str) -> None:
    """Raise InvalidValue for a text that `fingerprint` did not make."""
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


def mixed(values: Array) -> Array:
    """Mix each number's bits by the finalizer of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = z ^ (z >> np.uint64(31))
    return mixed
