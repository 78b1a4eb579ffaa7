"""Threads that share the steps of a program: which part of each is a thread's own, and where all have to wait.

Every thread runs the whole program and does its own part of each step: neighbouring places along the first axis. A step
that reads what another thread writes, or writes what another thread reads, comes after a barrier.
"""

from __future__ import annotations

from typing import NamedTuple

from plainnet.engines.compiled.assembly import Function, Module, Value, number, whole
from plainnet.engines.compiled.loops import GRAIN, Affine, Buffer, Extent, Nest, Product, adds, loads
from plainnet.engines.compiled.memory import LINE

PATIENCE = 2000
"""Looks at a barrier before a thread lets others of the machine run."""


class Thread(NamedTuple):
    """The thread that runs the code that is being written."""

    number: Value
    threads: int
    arrived: Value
    """The address of the barrier's memory."""


class Access(NamedTuple):
    """Places of a buffer that one step reads or writes."""

    memory: Buffer
    extent: Extent | None
    """The extent of the axis that is cut into parts; None where one thread does it all."""
    stride: int
    """The distance in numbers between neighbours along it; 0: each thread goes everywhere."""


def split_axis(nest: Nest) -> int | None:
    """Return the axis of a nest's domain that is cut into parts; None where one thread does it all."""
    if adds(nest) or nest.over_ranks:
        return None
    return next((axis for axis, extent in enumerate(nest.domain) if extent != Extent(1)), None)


def accesses(step: Nest | Product, alone: bool) -> tuple[list[Access], list[Access]]:
    """Return what a step reads, and what it writes; the first thread does it `alone`, or all their part of it."""
    if isinstance(step, Product):
        own = Access(step.left.buffer.memory, step.m, step.left.row)
        wrote = Access(step.target.memory, step.m, step.n.count)
        return [own, Access(step.right.buffer.memory, step.m, 0)], [wrote]
    axis = None if alone else split_axis(step)
    extent = None if axis is None else step.domain[axis]

    def access(buffer: Buffer, place: Affine, moved: bool) -> Access:
        stride = 0 if axis is None or moved else dict(place.terms).get(axis, 0)
        return Access(buffer.memory, extent, stride if 0 <= place.constant < max(stride, 1) else 0)

    found = [load for store in step.stores for load in loads(store.expression)]
    read = [access(load.buffer, load.place, bool(load.arguments)) for load in found if load.buffer is not None]
    return read, [access(store.buffer, store.place, False) for store in step.stores]


class Barriers:
    """The memory that threads have read and written since they last waited for each other."""

    def __init__(self) -> None:
        self.read: list[Access] = []
        self.written: list[Access] = []

    def is_needed(self, step: Nest | Product, alone: bool) -> bool:
        """Return True if a thread must wait before the step; note what it reads and writes."""
        read, written = accesses(step, alone)
        needed = any(_meet(one, other) for one in read + written for other in self.written)
        needed = needed or any(_meet(one, other) for one in written for other in self.read)
        if needed:
            self.read, self.written = [], []
        self.read += read
        self.written += written
        return needed


def _meet(one: Access, other: Access) -> bool:
    """Return True if a thread may touch in one access what another thread touches in the other."""
    if one.memory is not other.memory:
        return False
    if one.extent is None and other.extent is None:
        return False  # the first thread does both
    return one.extent != other.extent or one.stride != other.stride or one.stride == 0


def part(f: Function, count: Value, thread: Thread) -> tuple[Value, Value]:
    """Return where a thread's part of an axis begins, and where it ends."""
    total = thread.threads * GRAIN
    if count.name.isdecimal():
        chunk = whole(-(-int(count.name) // total) * GRAIN)
    else:
        up = f.binary("udiv", f.add(count, whole(total - 1)), whole(total))
        chunk = f.multiply(up, whole(GRAIN))
    start = f.intrinsic("smin", "i64", f.multiply(thread.number, chunk), count)
    return start, f.intrinsic("smin", "i64", f.add(start, chunk), count)


def wait(f: Function, thread: Thread) -> None:
    """Write a wait until all threads have come here."""
    if all(known.name != "wait" for known in f.module.functions):
        _waiting(f.module, thread.threads)
    f.call("wait", "void", thread.arrived, thread.number)


def _waiting(module: Module, threads: int) -> None:
    """Write the function that counts a thread's arrival and looks at the others' until they have caught up.

    After the counters, a cache line each, stands the address of the C function that lets other threads run.
    """
    arrived, thread = Value("ptr", "%arrived"), Value("i64", "%thread")
    f = module.function("wait", [arrived, thread])
    mine = f.place(arrived, "i8", f.multiply(thread, whole(LINE)))
    count = f.add(f.load("i64", mine), whole(1))
    f.do(f"store atomic {count}, {mine} release, align 8")
    give_way = f.load("ptr", f.place(arrived, "i8", whole(threads * LINE)))
    with f.loop(whole(0), whole(threads)) as other:
        theirs = f.place(arrived, "i8", f.multiply(other.index, whole(LINE)))
        look, again, yielding, done = (f.new_label(name) for name in ("look", "again", "yield", "done"))
        before = f.block
        f.do(f"br label %{look}")
        f.label(look)
        place = len(f.lines)
        looks = f.op("i64", "phi")
        seen = f.op("i64", f"load atomic i64, {theirs} acquire, align 8")
        f.do(f"br {f.compare('sge', seen, count)}, label %{done}, label %{again}")
        f.label(again)
        more = f.add(looks, whole(1))
        f.do(f"br {f.compare('sgt', more, whole(PATIENCE))}, label %{yielding}, label %{look}")
        f.label(yielding)
        f.do(f"call i32 {give_way.name}()")
        f.do(f"br label %{look}")
        f.lines[place] = (
            f"  {looks.name} = phi i64 [ 0, %{before} ], [ {more.name}, %{again} ], [ {more.name}, %{yielding} ]"
        )
        f.label(done)
    f.give()


def only_first(f: Function, thread: Thread) -> Value:
    """Return the condition that the thread is the first."""
    return f.compare("eq", thread.number, number("i64", 0))
