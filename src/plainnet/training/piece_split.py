"""Validation rows of data in pieces: they are drawn again whenever a piece is read, so that nothing is kept a row."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from typing import TypeAlias

import numpy as np

from plainnet._base import pieces as in_pieces
from plainnet._base.arrays import Array
from plainnet._base.blocks import each_piece, read_together
from plainnet._base.derived_pieces import chosen
from plainnet._base.pieces import Columns, pieces_of, row_bytes
from plainnet._base.weighting import Examples, class_labels
from plainnet.errors import InvalidValue
from plainnet.training.splitting import split

MOST_COUNTS = 2**24
"""The most counts of pieces times classes that are kept; with more classes the rows are drawn whatever their class."""

Quotas: TypeAlias = Array
"""The number of rows of each class that a piece gives for validation, (pieces, classes)."""


def split_pieces(examples: Examples, fraction: float, seed: np.random.SeedSequence) -> tuple[Examples, Examples]:
    """Return the examples to train on and those held out, a fraction of each class.

    Rows that are one block together are split as arrays are. Otherwise each piece gives of each class what brings the
    class to its share of all rows so far, and draws these rows by a seed of its own. What is held out is read into
    memory if it is no larger than a block.
    """
    pieces = pieces_of(*examples)
    lengths = np.asarray(pieces.lengths)
    if int(lengths.sum()) * row_bytes(*examples[:2]) <= in_pieces.BLOCK_BYTES:
        return _split_block(examples, fraction, seed)
    counts, by_class = _counts(examples)
    quotas = _quotas(counts, fraction, seed)
    held = quotas.sum(axis=1)
    if not held.any() or (held == lengths).all():
        raise InvalidValue(f"validation is {fraction} of {lengths.sum()} rows, which leaves none for one of the parts")

    def mask(piece: int, columns: Columns) -> Array:
        targets = columns[1]
        assert targets is not None
        labels = _labels(targets) if by_class else np.zeros(len(targets), np.intp)
        own_seed = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, piece))
        return drawn(np.random.default_rng(own_seed), labels, quotas[piece])

    training = chosen(examples, lengths - held, lambda piece, columns: ~mask(piece, columns))
    return _as_examples(training), _in_memory(_as_examples(chosen(examples, held, mask)))


def drawn(random: np.random.Generator, labels: Array, quotas: Array) -> Array:
    """Return True for as many random rows of each label as its quota says."""
    order = np.lexsort((random.random(len(labels)), labels))
    sizes = np.bincount(labels, minlength=len(quotas))
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held = np.zeros(len(labels), bool)
    held[order] = rank < quotas[labels[order]]
    return held


def _split_block(examples: Examples, fraction: float, seed: np.random.SeedSequence) -> tuple[Examples, Examples]:
    targets = examples[1][:]
    _, numbers = split(len(targets), fraction, np.random.default_rng(seed), class_labels(targets))
    held = np.zeros(len(targets), bool)
    held[numbers] = True
    return divided(examples, held)


def divided(examples: Examples, held: Array) -> tuple[Examples, Examples]:
    """Return examples in pieces without and with those for which `held`, a boolean a row, is true."""
    pieces = pieces_of(*examples)
    lengths = np.asarray(pieces.lengths)
    each = np.split(held, pieces.starts[1:-1])
    counts = np.array([np.count_nonzero(own) for own in each])
    training = chosen(examples, lengths - counts, lambda piece, columns: ~each[piece])
    return _as_examples(training), _in_memory(_as_examples(chosen(examples, counts, lambda piece, _: each[piece])))


def _counts(examples: Examples) -> tuple[Array, bool]:
    """Return how many rows of each class each piece has, (pieces, classes), and True if there are classes."""
    lengths = np.asarray(pieces_of(*examples).lengths)
    most = MOST_COUNTS // max(1, len(lengths))
    counts = np.zeros((len(lengths), 1), np.int64)
    for piece, (_, targets, _) in each_piece(*examples):
        assert targets is not None
        labels = class_labels(targets)
        if labels is None or labels.max() >= most:
            return lengths[:, None], False
        found = np.bincount(labels)
        counts = np.pad(counts, ((0, 0), (0, max(0, len(found) - counts.shape[1]))))
        counts[piece, : len(found)] = found
    return counts, True


def _quotas(counts: Array, fraction: float, seed: np.random.SeedSequence) -> Quotas:
    """Return how many rows each piece gives: a class has given its share, rounded, after every piece.

    Each class is rounded from an offset of its own (systematic sampling), and one of a single row gives none.
    """
    offsets = np.random.default_rng(seed).random(counts.shape[1])
    offsets[counts.sum(axis=0) < 2] = -1.0
    so_far = np.maximum(np.floor(fraction * np.cumsum(counts, axis=0) + offsets), 0).astype(np.int64)
    quotas = np.diff(so_far, axis=0, prepend=np.zeros((1, counts.shape[1]), np.int64))
    return np.minimum(quotas, counts)


def _labels(targets: Array) -> Array:
    labels = class_labels(targets)
    if labels is None:
        raise InvalidValue("y has changed since it was read first; it must stay the same during a training")
    return labels


def _as_examples(rows: tuple[in_pieces.Rows | None, ...]) -> Examples:
    inputs, targets, weights = rows
    assert inputs is not None
    assert targets is not None
    return inputs, targets, weights


def _in_memory(examples: Examples) -> Examples:
    """Return the examples in memory if they are no larger than a block."""
    rows = pieces_of(*examples)
    if len(examples[0]) * row_bytes(*examples) > in_pieces.BLOCK_BYTES:
        return examples
    return _as_examples(read_together(examples, np.flatnonzero(np.asarray(rows.lengths))))
