"""Sums over ranks that travel as numbers of 16 bits: half the bytes of float32, and some rounding.

Each rank rounds its vector and sends every rank the part that it owns; the owner adds what it is sent in the vector's
own precision, rounds the sum and sends it to all. So each number is rounded twice, whatever the number of ranks:

    |error| ≤ u · (Σ |x_r| + |Σ x_r|)        u = 2^-11 for float16, 2^-8 for bfloat16

and all ranks have the same bits. Before it is rounded each block of numbers is multiplied by a power of two, which is
sent along, so that the largest of them uses the upper end of float16's range: nothing overflows, and what vanishes is
2^-39 of the largest number of its block.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.ranks.communicator import Ranks

BLOCK = 1024
"""The numbers that share a power of two."""

TOP = 15
"""The largest number of a block is brought between 2^(TOP - 1) and 2^TOP; float16 ends at nearly 2^16."""


def sum_of_gradients(ranks: Ranks, number_type: str | None, count: int) -> Callable[[Array], None]:
    """Return what replaces a vector by its sum over all ranks, its first `count` numbers sent in this type.

    None is the vector's own type. What follows the first numbers, such as the loss, is never rounded.
    """
    return ranks.add if number_type is None else CompressedSum(ranks, number_type, count).add


class CompressedSum:
    """Sums the first `count` numbers of a vector over all ranks in a type of 16 bits, and the rest in its own."""

    def __init__(self, ranks: Ranks, number_type: str, count: int) -> None:
        self._ranks, self._count = ranks, count
        self._round, self._back = _FORMATS[number_type]
        self._blocks = -(-count // (BLOCK * ranks.size))  # of each rank's part

    def add(self, vector: Array) -> None:
        """Replace the vector by its sum over all ranks."""
        self._ranks.add(vector[self._count :])
        padded = np.zeros((self._ranks.size, self._blocks, BLOCK), vector.dtype)
        padded.reshape(-1)[: self._count] = vector[: self._count]
        of_all_ranks = self._unpacked(self._ranks.all_to_all(self._packed(padded)), vector.dtype)
        part = of_all_ranks.sum(axis=0, keepdims=True)
        summed = self._unpacked(self._ranks.all_gather(self._packed(part)[0]), vector.dtype)
        vector[: self._count] = summed.reshape(-1)[: self._count]

    def _packed(self, parts: Array) -> Array:
        """Return parts (n, blocks, BLOCK) as numbers of 16 bits (n, blocks · (BLOCK + 1)), exponents first."""
        largest = np.abs(parts).max(axis=2)
        exponents = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
        most = np.finfo(parts.dtype).maxexp - 8  # both the power and its inverse are normal numbers
        powers = np.minimum(TOP - exponents, most).astype(np.int16)
        packed = np.empty((len(parts), self._blocks * (BLOCK + 1)), np.uint16)
        packed[:, : self._blocks] = powers.view(np.uint16)
        scaled = parts * np.ldexp(parts.dtype.type(1), powers)[:, :, None]
        packed[:, self._blocks :] = self._round(scaled).reshape(len(parts), -1)
        return packed

    def _unpacked(self, packed: Array, dtype: np.dtype[Any]) -> Array:
        powers = packed[:, : self._blocks].view(np.int16)
        numbers = self._back(packed[:, self._blocks :]).reshape(len(packed), self._blocks, BLOCK)
        return numbers * np.ldexp(dtype.type(1), -powers.astype(np.int32))[:, :, None]


def _to_float16(numbers: Array) -> Array:
    return numbers.astype(np.float16).view(np.uint16)


def _from_float16(bits: Array) -> Array:
    return bits.view(np.float16).astype(np.float32)


def _to_bfloat16(numbers: Array) -> Array:
    """Return the upper half of each float32, rounded to the nearest, and to an even last bit between two."""
    bits = numbers.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(numbers), 0x7FC0, rounded).astype(np.uint16)


def _from_bfloat16(bits: Array) -> Array:
    return (bits.astype(np.uint32) << 16).view(np.float32)


_FORMATS = {"float16": (_to_float16, _from_float16), "bfloat16": (_to_bfloat16, _from_bfloat16)}
"""The functions that round numbers to bits of such a type, and that make numbers of the bits."""

COMPRESSIONS = tuple(_FORMATS)
"""The names of the types."""
