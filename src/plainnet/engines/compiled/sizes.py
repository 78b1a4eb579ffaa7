"""One graph for batches of any size, made of the graphs of one computation for several numbers of rows.

What differs between these graphs is what depends on the number of rows: lengths of axes, and constants such as the n of
a mean, which become tables with an entry for each size. They are compared before they are simplified: a division by
n = 1 is then still a division.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from plainnet.engines.compiled.loops import Extent, Unsupported
from plainnet.engines.job import Job
from plainnet.tracing.graph import Graph, Node
from plainnet.tracing.simplify import simplify_with_choices


class Size(NamedTuple):
    """The number of rows of a batch, or of the part of a batch that a rank has."""

    rows: int
    whole: int | None = None
    """The number of rows of the batch of which other ranks hold the rest."""


def batch_sizes(job: Job) -> tuple[Size, ...]:
    """Return the sizes of a job's batches to trace, the largest first: mostly one, and that of a smaller last batch.

    Of parts of batches the first two are those of no rank alone, so that the machine code is the same on every rank.
    """
    if job.shares is None:
        count = len(job.inputs)
        batch = min(job.batch_size or count, count)
        return (Size(batch), Size(count % batch)) if count % batch else (Size(batch),)
    shares, found = job.shares, dict[Size, None]()
    wholes = sorted({shares.rows_of(0), shares.rows_of(shares.batches - 1)}, reverse=True)
    share = (shares.batch_size + len(shares.rows)) * max(shares.rows) / shares.total
    most = max(3, min(shares.batch_size, math.ceil(share) + 1))  # of the largest part, as rounding may have it
    for rows in (most, most - 1, *shares.sizes[::-1]):
        found |= {Size(rows, whole): None for whole in wholes if rows}
    return tuple(found)


class AllSizes(NamedTuple):
    """A simplified graph for several sizes of batch; its shapes are those of the first size."""

    graph: Graph
    extents: dict[Node, tuple[Extent, ...]]
    tables: dict[Node, tuple[float, ...]]
    """The constants that depend on the size, with their value for each."""


def for_all_sizes(graphs: Sequence[Graph], rows: Sequence[int]) -> AllSizes:
    """Return one graph for all sizes; raise Unsupported where something else is computed for another size."""
    first, *others = graphs
    for other in others:
        _check_same(first, other)
    extents: dict[Node, tuple[Extent, ...]] = {}
    choices: dict[Node, tuple[Any, ...]] = {}
    for node, *same in zip(first.nodes, *(other.nodes for other in others), strict=True):
        extents[node] = _extents(node, same, rows)
        if node.op == "constant" and not all(_is_equal(node, other) for other in same):
            choices[node] = tuple(_number(one) for one in (node, *same))
    graph, images = simplify_with_choices(first, choices)
    found: dict[Node, tuple[Extent, ...]] = {}
    for node, image in images.items():
        if found.setdefault(image, extents[node]) != extents[node]:
            raise Unsupported("an axis happens to be as long as there are rows")
    tables = {node: tuple(map(float, node.attributes["values"])) for node in graph.nodes if "values" in node.attributes}
    return AllSizes(graph, {node: found[node] for node in graph.nodes}, tables)


def _check_same(first: Graph, other: Graph) -> None:
    """Raise Unsupported if two graphs are not of one computation."""
    if [node.op for node in first.nodes] != [node.op for node in other.nodes]:
        raise Unsupported("it computes something else for another number of rows")
    places, own_places = ({node: i for i, node in enumerate(graph.nodes)} for graph in (other, first))
    for one, two in zip(first.nodes, other.nodes, strict=True):
        same_inputs = [own_places[x] for x in one.inputs] == [places[x] for x in two.inputs]
        if not same_inputs or len(one.shape) != len(two.shape):
            raise Unsupported("it computes something else for another number of rows")
        if one.op in ("getitem", "setitem", "add_at") and one.attributes != two.attributes:
            raise Unsupported("it takes some of the batch's rows by their number")


def _extents(node: Node, same: Sequence[Node], rows: Sequence[int]) -> tuple[Extent, ...]:
    """Return the extents of a node that has these shapes for so many rows."""
    return tuple(_extent(lengths, rows) for lengths in zip(node.shape, *(other.shape for other in same), strict=True))


def _extent(lengths: Sequence[int], rows: Sequence[int]) -> Extent:
    """Return the extent of an axis with a length for each number of rows."""
    if len(set(lengths)) == 1:
        return Extent(lengths[0])
    count, rest = divmod(lengths[0], rows[0])
    if rest or any(length != count * own for length, own in zip(lengths, rows, strict=True)):
        raise Unsupported("an axis is neither as long for any number of rows nor a multiple of it")
    return Extent(count, per_row=True)


def _is_equal(one: Node, two: Node) -> bool:
    a, b = (np.asarray(node.attributes["value"]) for node in (one, two))
    return a.shape == b.shape and bool((a == b).all())


def _number(node: Node) -> Any:
    """Return the value of a constant that depends on the number of rows."""
    value = node.attributes["value"]
    if np.ndim(value):
        raise Unsupported("an array of constants depends on the number of rows")
    return value
