"""The threads of a run share its steps: equal parts, and barriers that all must reach."""

from plainnet.engines.compiled.kernels.compiling import inlined, kernel, u
from plainnet.engines.compiled.kernels.machine import give_way, shared_load, shared_store

LINE = 8
"""Numbers in a cache line: what different threads write stands in different ones."""

PATIENCE = 2000
"""Looks at a barrier before the thread lets others of the machine run."""


@inlined
def part(size, thread, threads):
    """Return where this thread's part of `size` things begins, and where it ends."""
    if threads == 1:  # a division takes as long as a tiny layer's product
        return 0, size
    return size * thread // threads, size * (thread + 1) // threads


@inlined
def wait_for_all(arrived, thread, threads, yielding):
    """Go on when every thread has come here."""
    if threads > 1:
        wait(arrived, thread, threads, yielding)


@kernel
def wait(arrived, thread, threads, yielding):
    """Count this thread's arrival in `arrived`, and look at the others' until they have caught up."""
    base = arrived.ctypes.data
    mine = base + thread * LINE * 8
    count = shared_load(mine) + 1
    shared_store(mine, count)
    for other in range(threads):
        looks = 0
        while shared_load(base + other * LINE * 8) < count:
            looks += 1
            if looks > PATIENCE:
                give_way(yielding)


@inlined
def total(parts, column, threads):
    """Return the sum of what the threads have left in a column, always in the same order."""
    result = 0.0
    for thread in range(threads):
        result += parts[u(thread * LINE + column)]
    return result
