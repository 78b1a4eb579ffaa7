"""Loops: what stands between a graph and machine code.

A `Nest` computes one value at each place of its `domain`, or several: each `Store` has an expression of loads,
constants and operations of NumPy's, in which every index is a sum of loop variables times constants. A reduction is
an expression over further loop variables that are summed (or of which the largest is taken, ...). A `Product` is a
product of two matrices. A program is a list of both, in the order in which they run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

Dtype = np.dtype[Any]

GRAIN = 16
"""The parts of an axis that threads share begin at multiples of so many places."""


class Unsupported(Exception):
    """An operation that machine code has no loop for; the message says which, with "it" for the traced code."""


@dataclass(frozen=True)
class Extent:
    """An Extent says how often a loop runs: `count` times, or `count` times for each row of the batch."""

    count: int
    per_row: bool = False


@dataclass(eq=False)
class Buffer:
    """An array in memory, from `offset` bytes after the address that `base` has when the program runs."""

    base: str
    offset: int
    extents: tuple[Extent, ...]
    dtype: Dtype
    replaces: Buffer | None = None
    """The buffer whose memory it takes over: an array changed in place has one buffer before and one after."""

    @property
    def memory(self) -> Buffer:
        """Return the first of the buffers that share its memory."""
        return self.replaces.memory if self.replaces else self

    @property
    def strides(self) -> tuple[int, ...]:
        """Return the distance in numbers between two neighbours along each axis."""
        return strides(self.extents)


def strides(extents: tuple[Extent, ...]) -> tuple[int, ...]:
    """Return the strides of an array in memory: the batch's rows lie one after the other, the other axes in order."""
    if sum(extent.per_row for extent in extents) > 1:
        raise Unsupported("an array has the batch's rows along two axes")
    found, step = [0] * len(extents), 1
    for axis in sorted(range(len(extents)), key=lambda axis: not extents[axis].per_row)[::-1]:
        found[axis] = step
        step *= extents[axis].count
    return tuple(found)


class Affine(NamedTuple):
    """An index: a constant and loop variables times constants."""

    constant: int = 0
    terms: tuple[tuple[int, int], ...] = ()
    """(loop axis, factor), each axis once, no factor 0."""

    def scaled(self, factor: int, plus: int = 0) -> Affine:
        """Return the index times `factor`, plus a constant."""
        terms = tuple((axis, f * factor) for axis, f in self.terms) if factor else ()
        return Affine(self.constant * factor + plus, terms)


def combined(indices: tuple[Affine, ...], factors: tuple[int, ...]) -> Affine:
    """Return Σ index · factor."""
    terms: dict[int, int] = {}
    for index, factor in zip(indices, factors, strict=True):
        for axis, own in index.terms:
            terms[axis] = terms.get(axis, 0) + own * factor
    constant = sum(index.constant * factor for index, factor in zip(indices, factors, strict=True))
    return Affine(constant, tuple(sorted((axis, f) for axis, f in terms.items() if f)))


@dataclass(eq=False)
class Expression:
    """One value at each place of a nest.

    op is "load" (of `buffer` at `place`, plus the values of `arguments` times `factors`), "constant" (`value`),
    "index" (the loop variables of `place`), "argument" (`value` names a number that the program is called with), or
    the name of an operation of NumPy's on `arguments`; "astype" converts to `dtype`. A store of "add at" adds its first
    argument to what stands at the store's place plus the other arguments times `factors`, one place after the other.
    """

    op: str
    dtype: Dtype
    arguments: tuple[Expression, ...] = ()
    axes: frozenset[int] = frozenset()
    """The loop axes on which the value depends."""
    buffer: Buffer | None = None
    place: Affine = field(default_factory=Affine)
    factors: tuple[int, ...] = ()
    value: Any = None


class Store(NamedTuple):
    """A nest writes the value of an expression, or its reduction, at each place of its domain."""

    buffer: Buffer
    place: Affine
    expression: Expression
    reduction: str | None = None
    """None, or "add", "multiply", "maximum", "minimum", "argmax", "logical_and", "logical_or"."""


@dataclass(eq=False)
class Nest:
    """Loops around stores: axes 0, 1, ... are the domain's, those after them are reduced."""

    domain: tuple[Extent, ...]
    reduced: tuple[Extent, ...] = ()
    stores: list[Store] = field(default_factory=list)
    local: set[Buffer] = field(default_factory=set)
    """Buffers that no other step reads: their values stay in registers."""
    over_ranks: bool = False
    """True if the buffer that it stores is then summed over all ranks."""

    @property
    def extents(self) -> tuple[Extent, ...]:
        """Return the extents of all axes."""
        return self.domain + self.reduced


@dataclass(eq=False)
class Operand:
    """A matrix in memory: a load along two loop axes."""

    buffer: Buffer
    offset: int
    row: int
    column: int
    """The distances in numbers between two rows and between two columns."""


@dataclass(eq=False)
class Product:
    """target = left @ right, for m rows, n columns and k products in each sum."""

    m: Extent
    n: Extent
    k: Extent
    left: Operand
    right: Operand
    target: Buffer
    scratch: Buffer | None = None
    """Room for copies of parts of the matrices, where the routine for the product wants it."""


@dataclass
class Program:
    """The loops of a graph, and the memory that they need."""

    steps: list[Nest | Product]
    work_bytes: int
    """The size of the workspace, the base "work"."""
    rows: int
    """The largest number of rows of a batch."""
    arrays: list[Any]
    """Constant arrays; the buffer of the i-th has the base "array i"."""


def adds(nest: Nest) -> bool:
    """Return True if the nest adds at places that it computes, so that its order counts and no two may be at once."""
    return any(store.expression.op == "add at" for store in nest.stores)


def loads(expression: Expression, seen: set[int] | None = None) -> list[Expression]:
    """Return all loads in an expression."""
    seen = set() if seen is None else seen
    if id(expression) in seen:
        return []
    seen.add(id(expression))
    own = [expression] if expression.op == "load" else []
    return own + [found for argument in expression.arguments for found in loads(argument, seen)]
