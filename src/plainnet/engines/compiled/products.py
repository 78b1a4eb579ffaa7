"""Matrix products as machine code: blocks of the result are summed in registers.

A micro-kernel computes `height` rows by `count` vectors of the result. For each k it loads the vectors of row k of b
once, and multiplies them by `height` numbers of column k of a; so each number that is loaded is used several times. The
result is stored once. The method is that of BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly
Instantiating BLAS Functionality", 2015) and of LIBXSMM (Heinecke and others, 2016) for small matrices.

Where the rows or the columns are no multiple of a block, the last block begins earlier and computes some numbers a
second time, with the same result; so there are no kernels for the rest.
"""

from __future__ import annotations

from typing import NamedTuple

from plainnet.engines.compiled.assembly import Function, Module, Type, Value, bytes_of, mangled, number, vector, whole
from plainnet.engines.compiled.machine import registers


class Matrix(NamedTuple):
    """A matrix in memory: `address` is that of element [0, 0], the strides count numbers, not bytes."""

    address: Value
    row: Value
    """What is added to the address for the next row; 1 for the transpose of a row-major matrix."""
    column: Value
    """What is added to the address for the next column; 1 for a row-major matrix."""


def product(
    f: Function, type: Type, m: Value, n: Value, k: Value, a: Matrix, b: Matrix, c: Matrix, scratch: Value
) -> None:
    """Write c[i, j] = Σₖ a[i, k] · b[k, j] for m rows, n columns and sums of k products.

    `n` is a constant, and so is `k` if b is transposed; c is row-major, and is none of a and b. `scratch` is the
    address of as many numbers as `scratch_numbers` says.
    """
    if scratch_numbers(n, k, b):
        straight = Matrix(scratch, n, whole(1))
        f.do(f"call void @{_transposer(f.module, type, n, k)}({scratch}, {n}, {b.address}, {b.column}, {n}, {k})")
        b = straight
    block = _block(type, m, n)
    kernel = _kernel(f.module, type, block, a.row.name == "1" and m.name.isdecimal())
    columns = int(n.name)
    for start in _starts(columns, block.vectors * block.lanes):
        last = min(block.vectors * block.lanes, columns) - block.lanes
        at, to = f.place(b.address, type, whole(start)), f.place(c.address, type, whole(start))
        f.do(
            f"call void @{kernel}({a.address}, {a.row}, {a.column}, {at}, {b.row}, {to}, {c.row}, {m}, {k}, i64 {last})"
        )


def scratch_numbers(n: Value, k: Value, b: Matrix) -> int:
    """Return how many numbers `product` keeps in its scratch memory."""
    if b.column.name == "1" or n.name == "1":
        return 0
    return int(n.name) * int(k.name)


class Block(NamedTuple):
    """The part of a result that one call of a micro-kernel's inner loop computes."""

    height: int
    vectors: int
    """Vectors side by side."""
    lanes: int
    """Numbers in a vector."""


def _block(type: Type, m: Value, n: Value) -> Block:
    """Return a block of as many sums as the registers hold, whose size divides the result with little left over."""
    width, available = registers()
    columns = int(n.name)
    lanes = min(width // bytes_of(type), 1 << columns.bit_length() - 1)
    vectors = -(-columns // lanes)
    count = _even(vectors, 4 if available == 32 else 2)
    height = 6 if count > 2 or available == 16 else 8
    if m.name.isdecimal():
        height = _even(int(m.name), height)
    return Block(height, count, lanes)


def _even(total: int, most: int) -> int:
    """Return the size of the parts if a total is cut into few even parts, each of them at most so large."""
    return -(-total // -(-total // most))


def _starts(total: int, size: int) -> list[int]:
    """Return where parts of a size begin; the last one ends with the whole."""
    return [max(min(start, total - size), 0) for start in range(0, total, size)]


def _kernel(module: Module, type: Type, block: Block, by_columns: bool) -> str:
    """Return the name of the function that computes the rows of one column of blocks.

    `by_columns` says that neighbours in a column of a are neighbours in memory.
    """
    height, count, lanes = block
    kind = vector(type, lanes)
    name = f"product_{'columns' if by_columns else 'rows'}_{height}x{count}_{mangled(kind)}"
    if any(f.name == name for f in module.functions):
        return name
    a, b, c = (Value("ptr", f"%{x}") for x in "abc")
    a_row, a_column, b_row, c_row, m, k, last = (
        Value("i64", f"%{x}") for x in ("a_row", "a_column", "b_row", "c_row", "m", "k", "last")
    )
    f = module.function(name, (a, a_row, a_column, b, b_row, c, c_row, m, k, last))
    final = f.binary("sub", m, whole(1))
    rows = [f.intrinsic("smin", "i64", whole(r), final) for r in range(height)]  # fewer rows: the last one again
    a_rows = [f.multiply(row, a_row) for row in rows]
    c_rows = [f.multiply(row, c_row) for row in rows]
    places = [*(whole(v * lanes) for v in range(count - 1)), last]
    with f.loop(whole(0), m, height) as tile:
        start = f.intrinsic("smin", "i64", tile.index, f.binary("sub", m, whole(height)))
        start = f.intrinsic("smax", "i64", start, whole(0))
        first = f.place(a, type, f.multiply(start, a_row))
        starts = [first] if by_columns else [f.place(first, type, row) for row in a_rows]
        with f.loop(whole(0), k, 1, [number(kind, 0)] * (height * count)) as turn:
            row = f.place(b, type, f.multiply(turn.index, b_row))
            vectors = [f.load(kind, f.place(row, type, place)) for place in places]
            along = f.multiply(turn.index, a_column)
            addresses = [f.place(start, type, along) for start in starts]
            if by_columns:
                addresses = [f.place(addresses[0], type, whole(r)) for r in range(height)]
            sums = []
            for r, address in enumerate(addresses):
                factor = f.splat(f.load(type, address), lanes)
                sums += [f.multiply_add(factor, x, turn.carried[r * count + v]) for v, x in enumerate(vectors)]
            turn.next = tuple(sums)
        target = f.place(c, type, f.multiply(start, c_row))
        for r, row in enumerate(c_rows):
            address = f.place(target, type, row)
            for v, place in enumerate(places):
                f.store(turn.carried[r * count + v], f.place(address, type, place))
    f.give()
    return name


def _transposer(module: Module, type: Type, rows: Value, columns: Value) -> str:
    """Return the name of the function that writes the transpose of a matrix, block by block."""
    least = min(int(rows.name), int(columns.name))
    size = min(registers()[0] // bytes_of(type), 1 << least.bit_length() - 1)
    kind = vector(type, size)
    name = f"transpose_{mangled(kind)}"
    if any(f.name == name for f in module.functions):
        return name
    to, source = Value("ptr", "%to"), Value("ptr", "%source")
    to_row, row, m, n = (Value("i64", f"%{x}") for x in ("to_row", "row", "m", "n"))
    f = module.function(name, (to, to_row, source, row, m, n))
    with f.loop(whole(0), m, size) as down:
        i = f.intrinsic("smin", "i64", down.index, f.binary("sub", m, whole(size)))
        with f.loop(whole(0), n, size) as right:
            j = f.intrinsic("smin", "i64", right.index, f.binary("sub", n, whole(size)))
            first = f.place(f.place(source, type, f.multiply(i, row)), type, j)
            vectors = [f.load(kind, f.place(first, type, f.multiply(row, whole(r)))) for r in range(size)]
            target = f.place(f.place(to, type, f.multiply(j, to_row)), type, i)
            for r, x in enumerate(_transposed(f, vectors)):
                f.store(x, f.place(target, type, f.multiply(to_row, whole(r))))
    f.give()
    return name


def _transposed(f: Function, vectors: list[Value]) -> list[Value]:
    """Return the columns of a square of numbers, of which the rows are given.

    Each step exchanges the squares above and below the diagonal of all squares of twice their size.
    """
    size = len(vectors)
    step = 1
    while step < size:
        low = [i if not i & step else i - step + size for i in range(size)]
        high = [i + step if not i & step else i + size for i in range(size)]
        for r in range(size):
            if not r & step:
                x, y = vectors[r], vectors[r + step]
                vectors[r], vectors[r + step] = _merged(f, x, y, low), _merged(f, x, y, high)
        step *= 2
    return vectors


def _merged(f: Function, x: Value, y: Value, places: list[int]) -> Value:
    mask = ", ".join(f"i32 {place}" for place in places)
    return f.op(x.type, f"shufflevector {x}, {y}, <{len(places)} x i32> <{mask}>")
