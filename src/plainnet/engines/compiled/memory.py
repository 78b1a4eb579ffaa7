"""Places in the workspace for values that only live between two steps of a program."""

from __future__ import annotations

from collections.abc import Sequence

from plainnet.engines.compiled.loops import Buffer, Nest, Product, loads

LINE = 64
"""Bytes of a cache line: what different threads write stands in different ones."""


def place_in_memory(steps: Sequence[Nest | Product], buffers: Sequence[Buffer], rows: int, reuses: bool) -> int:
    """Give each buffer its offset in the workspace, where nothing else stands that is needed at the same time.

    A batch has at most `rows` rows. Threads that run ahead must not write where others still read: then no place
    `reuses` another. Return the bytes of the workspace.
    """
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for at, step in enumerate(steps):
        for buffer in used_by(step):
            first.setdefault(buffer, at)
            last[buffer] = at
    placed: list[Buffer] = []
    end = 0
    for buffer in sorted(buffers, key=lambda b: first.get(b, 0)):
        size = room_of(buffer, rows)
        taken = sorted(
            (other.offset, other.offset + room_of(other, rows))
            for other in placed
            if not reuses or last.get(other, 0) >= first.get(buffer, 0)
        )
        offset = 0
        for start, stop in taken:
            if start - offset >= size:
                break
            offset = max(offset, stop)
        buffer.offset = offset
        placed.append(buffer)
        end = max(end, offset + size)
    return end


def used_by(step: Nest | Product) -> list[Buffer]:
    """Return the buffers that a step reads or writes."""
    if isinstance(step, Product):
        scratch = [step.scratch] if step.scratch else []
        return [step.left.buffer, step.right.buffer, step.target, *scratch]
    return [*read_by(step), *(store.buffer for store in step.stores)]


def read_by(step: Nest | Product) -> list[Buffer]:
    """Return the buffers that a step reads."""
    if isinstance(step, Product):
        return [step.left.buffer, step.right.buffer]
    return [load.buffer for store in step.stores for load in loads(store.expression) if load.buffer is not None]


def room_of(buffer: Buffer, rows: int) -> int:
    """Return the bytes that a buffer takes, in whole cache lines."""
    count = buffer.dtype.itemsize
    for extent in buffer.extents:
        count *= extent.count * (rows if extent.per_row else 1)
    return -(-count // LINE) * LINE
