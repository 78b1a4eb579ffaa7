"""Matrix products as machine code: blocks of the result are summed in registers.

A kernel computes `height` rows by `vectors` vectors of the result at a time. For each k it loads the vectors of row k
of b once, and multiplies them by `height` numbers of column k of a; so each number that is loaded is used several
times. The sums stay in registers until they are complete. The method is that of BLIS (Van Zee and van de Geijn, "BLIS:
A Framework for Rapidly Instantiating BLAS Functionality", 2015) and of LIBXSMM (Heinecke and others, 2016).

A b that is not row-major is transposed first. A large product is cut into pieces that fit the caches. Each element is
summed in the order of k in every case, so its bits depend neither on the number of rows nor on the pieces.
"""

from __future__ import annotations

from typing import NamedTuple

from plainnet.engines.compiled.assembly import Function, Module, Type, Value, bytes_of, whole
from plainnet.engines.compiled.machine import registers
from plainnet.engines.compiled.product_kernels import (
    Tile,
    call,
    copier,
    kernel,
    known,
    packer,
    parameters,
    power,
    transposer,
)

LARGE = 1 << 19
"""The bytes of a from which on a product is cut into pieces: more than half of a common second-level cache."""

ROWS, TERMS = 256, 256
"""The rows, and the terms of each sum, of one piece: its part of a fits the second-level cache."""


class Matrix(NamedTuple):
    """A matrix in memory: `address` is that of element [0, 0], the strides count numbers, not bytes."""

    address: Value
    row: Value
    """The number that is added to the address for the next row; 1 for the transpose of a row-major matrix."""
    column: Value
    """The number that is added to the address for the next column; 1 for a row-major matrix."""


def product(
    f: Function, type: Type, m: Value, n: Value, k: Value, a: Matrix, b: Matrix, c: Matrix, scratch: Value, most: int
) -> None:
    """Write c[i, j] = Σₖ a[i, k] · b[k, j] for m rows, n columns and sums of k products.

    `n` is a constant, and so is k if b is not row-major; otherwise m or k may be known at run time only. `most` is the
    largest value that is expected of it; a larger one is correct too, but may be slower. c is row-major, and shares no
    memory with a or b. `scratch` is the address of as many numbers as `scratch_numbers` says.
    """
    block, large, transposes, _ = _plan(type, m, n, k, b, most)
    total, columns, first = int(n.name), block.vectors * block.lanes, 0
    address, along, onto = b.address, b.column if transposes else b.row, c.address
    left = (a.address, a.row, a.column)
    if large:
        name = _pieces(f.module, type, block, a.row.name == "1", transposes)
        call(f, name, *left, address, along, onto, c.row, m, whole(total // columns * columns), k, scratch)
        if total % columns == 0:
            return
        first = total - columns
        onto = f.place(onto, type, whole(first))
        address = f.place(address, type, f.multiply(whole(first), along) if transposes else whole(first))
    width = whole(total - first)  # of a large product what the pieces leave, and some columns a second time
    if transposes:
        name = transposer(f.module, type, min(total, int(k.name)))
        call(f, name, scratch, width, address, along, width, k)
        address, along = scratch, width
    name = kernel(f.module, type, block, resumes=False)
    if int(width.name) <= columns:
        call(f, name, *left, a.row, address, along, onto, c.row, m, k)
        return
    with f.loop(whole(0), width, columns) as right:  # the last ones begin earlier, and are computed a second time
        j = f.intrinsic("smin", "i64", right.index, whole(int(width.name) - columns))
        call(f, name, *left, a.row, f.place(address, type, j), along, f.place(onto, type, j), c.row, m, k)


def scratch_numbers(type: Type, m: Value, n: Value, k: Value, b: Matrix, most: int) -> int:
    """Return how many numbers `product` keeps in its scratch memory."""
    return _plan(type, m, n, k, b, most).scratch


class _Plan(NamedTuple):
    """The way in which a product is computed."""

    block: Tile
    large: bool
    """The product is cut into pieces."""
    transposes: bool
    """b is not row-major: it is transposed first."""
    scratch: int
    """The numbers of scratch memory that it needs."""


def _plan(type: Type, m: Value, n: Value, k: Value, b: Matrix, most: int) -> _Plan:
    """Return the way in which `product` computes a product."""
    columns, terms, size = int(n.name), _bound(k, most), bytes_of(type)
    width, available = registers()
    large = columns * size > 256 and _bound(m, most) * terms * size > LARGE
    lanes = min(width // size, power(columns))
    vectors = -(-columns // lanes)
    if vectors > (3 if available == 32 else 2):
        vectors = 4 if width == 16 and available == 32 else 2
    height = 6 if available == 16 else 8 if large and width == 64 else 4
    block = Tile(height, vectors, lanes, min(vectors * lanes, columns) - lanes)
    transposes = b.column.name != "1" and columns > 1
    scratch = columns * terms if transposes else 0
    if large:
        scratch = (ROWS + height) * TERMS + vectors * lanes * max(TERMS, terms if transposes else 0)
    return _Plan(block, large, transposes, scratch)


def _bound(count: Value, most: int) -> int:
    return int(count.name) if count.name.isdecimal() else most


def _pieces(module: Module, type: Type, block: Tile, columns_of_a: bool, columns_of_b: bool) -> str:
    """Return the name of the function that computes a large product piece by piece, for a whole number of blocks.

    The part of b that belongs to a piece is copied first, because rows that lie a multiple of 4096 bytes apart push
    each other out of the cache; and so is that of an a or b which is not row-major.
    """
    inner = kernel(module, type, block, resumes=True)
    name = f"pieces_{inner}{'_a' if columns_of_a else ''}{'_b' if columns_of_b else ''}"
    if known(module, name):
        return name
    copy_b = transposer(module, type, TERMS) if columns_of_b else copier(module, type)
    given = parameters("a a_row a_column b b_row c c_row m n k scratch")
    a, a_row, a_column, b, b_row, c, c_row, m, n, k, scratch = given
    f = module.function(name, given)
    columns = whole(block.vectors * block.lanes)
    scratch_b = f.place(scratch, type, whole((ROWS + block.height) * TERMS))
    with f.loop(whole(0), m, ROWS) as down, f.loop(whole(0), k, TERMS) as deep:
        i, p = down.index, deep.index
        rows = f.intrinsic("smin", "i64", f.subtract(m, i), whole(ROWS))
        terms = f.intrinsic("smin", "i64", f.subtract(k, p), whole(TERMS))
        again = f.convert("zext", f.compare("sgt", p, whole(0)), "i64")
        start = f.place(f.place(a, type, f.multiply(i, a_row)), type, f.multiply(p, a_column))
        left = (start, a_row, a_column, a_row)
        if columns_of_a:
            call(f, packer(module, type, block.height), scratch, start, a_column, rows, terms)
            left = (scratch, whole(1), whole(block.height), terms)
        with f.loop(whole(0), n, int(columns.name)) as right:
            j = right.index
            row, column = (j, p) if columns_of_b else (p, j)
            source = f.place(f.place(b, type, f.multiply(row, b_row)), type, column)
            size = (columns, terms) if columns_of_b else (terms, columns)
            call(f, copy_b, scratch_b, columns, source, b_row, *size)
            onto = f.place(f.place(c, type, f.multiply(i, c_row)), type, j)
            call(f, inner, *left, scratch_b, columns, onto, c_row, rows, terms, again)
    f.give()
    return name
