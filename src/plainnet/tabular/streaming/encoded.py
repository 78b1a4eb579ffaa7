"""The training rows of a stream as a network takes them: encoded piece by piece, or all at once if they are few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.pieces import Pieces, Rows
from plainnet.errors import warnings_passed_over
from plainnet.tabular.memory import free_memory
from plainnet.tabular.streaming.drawing import TRAINING
from plainnet.tabular.streaming.portions import Portion
from plainnet.tabular.streaming.reading import Reader
from plainnet.tabular.table import Table

SMALL_BYTES = 2**27
"""Encoded rows of so many bytes are kept in memory in any case."""
SHARE_OF_MEMORY = 4
"""The share of the free memory that may hold encoded rows, for all ranks of a machine together."""


Examples: TypeAlias = tuple[Array, Array, Array | None]
"""Features, targets and weights."""


class EncodedPieces(Pieces):
    """The rows of each portion that are to train on, encoded by a table when they are read."""

    def __init__(
        self, reader: Reader, table: Table, portions: Sequence[Portion], lengths: Sequence[int], dtype: str
    ) -> None:
        filled = [(portion, rows) for portion, rows in zip(portions, lengths, strict=True) if rows]
        self.portions = [portion for portion, _ in filled]
        self.files = tuple(dict.fromkeys(portion.piece.where for portion in portions))
        self._lengths = tuple(rows for _, rows in filled)
        self._reader, self._table, self._dtype = reader, table, np.dtype(dtype)

    @property
    def lengths(self) -> Sequence[int]:
        """Return the number of training rows of each portion."""
        return self._lengths

    @property
    def nbytes(self) -> int:
        """Return the bytes of all encoded inputs."""
        return sum(self.lengths) * len(self._table.feature_names) * self._dtype.itemsize

    def read(self, piece: int) -> Examples:
        """Return the features and targets of a piece's training rows, and their weights if there are any."""
        portion = self.portions[piece]
        part = self._reader.read(portion)
        roles = self._reader.drawing.parts(self._reader.numbers_of(portion, part))
        part = part.take(np.flatnonzero(roles == TRAINING))
        with warnings_passed_over():
            features = self._table.features(part.frame, dtype=self._dtype, place=part.place)
        return features, self._table.targets(part.frame), part.weights

    def all(self) -> Examples:
        """Return the features, targets and weights of all pieces as arrays."""
        examples = [self.read(piece) for piece in range(len(self.lengths))]
        if not examples:
            return self.none()
        X, y, weights = zip(*examples, strict=True)
        return np.concatenate(X), np.concatenate(y), None if weights[0] is None else np.concatenate(weights)

    def columns(self) -> tuple[Rows, Rows, Rows | None]:
        """Return the features, targets and weights as rows that are read piece by piece."""
        return self.inputs, self.targets, self.weights

    def none(self) -> Examples:
        """Return the features, targets and weights of no rows."""
        y = np.empty(0, np.int64) if self._table.classes else np.empty((0, 1))
        weights = None if self._reader.weight_column is None else np.empty(0)
        return np.empty((0, len(self._table.feature_names)), self._dtype), y, weights

    def first(self) -> Examples:
        """Return the columns of a row of zeros, which tell the shapes and types of all."""
        X, y, weights = self.none()
        one, answer = np.zeros((1, *X.shape[1:]), X.dtype), np.zeros((1, *y.shape[1:]), y.dtype)
        return one, answer, None if weights is None else np.ones(1)


def fits(pieces: EncodedPieces, here: int, asked: bool | None) -> bool:
    """Return True if the encoded rows of a rank may stay in memory, with those of others `here` on this machine.

    Where the user asked for a stream, only a small part may.
    """
    if pieces.nbytes <= SMALL_BYTES:
        return True
    free = free_memory()
    return not asked and free is not None and pieces.nbytes <= free / (SHARE_OF_MEMORY * here)
