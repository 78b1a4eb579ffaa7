"""Programs made into LLVM IR: products by their own routines, small nests in registers, other nests as loops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from plainnet.engines.compiled import products, sharing
from plainnet.engines.compiled.assembly import TYPES, Function, Value, whole
from plainnet.engines.compiled.loop_nests import LoopNest
from plainnet.engines.compiled.loops import Buffer, Extent, Nest, Operand, Product, Program
from plainnet.engines.compiled.memory import LINE
from plainnet.engines.compiled.products import Matrix, product
from plainnet.engines.compiled.register_nests import RegisterNests, is_small
from plainnet.engines.compiled.sharing import Barriers, Thread
from plainnet.engines.compiled.writing import Writing


def write(
    f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value], rows: Value, width: int,
    thread: Thread | None = None,
) -> None:  # fmt: skip
    """Write a program: `bases` has the addresses, `arguments` the numbers; `width` bytes are in a vector register.

    With a `thread`, the code does that thread's part of the program, and all threads wait for each other at its end.
    """
    writing = Writing(f, program, bases, arguments, rows, width, thread)
    small = RegisterNests(writing)
    barriers = Barriers()
    for step in program.steps:
        alone = isinstance(step, Nest) and (is_small(step) or sharing.split_axis(step) is None)
        if thread and barriers.is_needed(step, alone):
            sharing.wait(f, thread)
        if thread and alone:
            with f.when(sharing.only_first(f, thread)):
                _write_step(writing, small, step)
            small.registers.clear()
        else:
            _write_step(writing, small, step)
    if thread:
        sharing.wait(f, thread)


def _write_step(writing: Writing, small: RegisterNests, step: Nest | Product) -> None:
    if isinstance(step, Product):
        _write_product(writing, step)
    elif is_small(step):
        small.write(step)
    else:
        LoopNest(writing, step).write()
        if step.over_ranks:
            _sum_over_ranks(writing, step.stores[0].buffer)
    small.forget(step)


def _sum_over_ranks(writing: Writing, buffer: Buffer) -> None:
    """Call the function that sums so many numbers of a size at an address over all ranks."""
    count = math.prod(extent.count for extent in buffer.extents)
    given = writing.address(buffer), whole(count), whole(buffer.dtype.itemsize)
    writing.f.call_address(writing.bases["reduce"], *given)


def _write_product(writing: Writing, step: Product) -> None:
    left, right = (_matrix(x, writing.address(x.buffer, x.offset)) for x in (step.left, step.right))
    columns = whole(step.n.count)
    target = Matrix(writing.address(step.target), columns, whole(1))
    kind = TYPES[step.target.dtype.name]
    scratch = writing.address(step.scratch) if step.scratch else Value("ptr", "null")
    m, k = writing.count(step.m), writing.count(step.k)
    if writing.thread is None:
        product(writing.f, kind, m, columns, k, left, right, target, scratch, writing.program.rows)
        return
    f = writing.f
    start, stop = sharing.part(f, m, writing.thread)
    some = f.subtract(stop, start)
    left = left._replace(address=f.place(left.address, kind, f.multiply(start, left.row)))
    target = target._replace(address=f.place(target.address, kind, f.multiply(start, columns)))
    if step.scratch:
        own = step.scratch.extents[0].count // writing.thread.threads
        scratch = f.place(scratch, kind, f.multiply(writing.thread.number, whole(own)))
    with f.when(f.compare("sgt", some, whole(0))):
        product(f, kind, some, columns, k, left, right, target, scratch, _most(step, writing.program.rows))


def _most(step: Product, rows: int) -> int:
    return max(rows if e.per_row else e.count for e in (step.m, step.k))


def scratch_numbers(step: Product, rows: int, threads: int) -> int:
    """Return the numbers of scratch memory that a product takes for batches of at most so many rows."""
    if threads > 1:
        shared = replace(step, m=Extent(1, per_row=True))
        numbers = scratch_numbers(shared, _most(step, rows), 1)
        return -(-numbers // LINE) * LINE * threads
    m, n, k = (Value("i64", "%rows") if e.per_row else whole(e.count) for e in (step.m, step.n, step.k))
    right = _matrix(step.right, Value("ptr", "null"))
    return products.scratch_numbers(TYPES[step.target.dtype.name], m, n, k, right, rows)


def _matrix(operand: Operand, address: Value) -> Matrix:
    return Matrix(address, whole(operand.row), whole(operand.column))
