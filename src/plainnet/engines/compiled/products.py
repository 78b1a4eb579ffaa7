"""Matrix products as machine code: blocks of the result are summed in registers.

A kernel computes `height` rows by `vectors` vectors of the result at a time. For each k it loads the vectors of row k
of b once, and multiplies them by `height` numbers of column k of a; so each number that is loaded is used several
times. The sums stay in registers until they are complete. The method is that of BLIS (Van Zee and van de Geijn, "BLIS:
A Framework for Rapidly Instantiating BLAS Functionality", 2015) and of LIBXSMM (Heinecke and others, 2016).

Where the rows or the columns are no multiple of a block, the last block begins earlier and computes some numbers a
second time, with the same result; so no kernel is needed for the rest. All products of one block size share a kernel:
shapes and strides are arguments. A large product is cut into pieces that fit the caches.
"""

from __future__ import annotations

from typing import NamedTuple

from plainnet.engines.compiled.assembly import Function, Module, Type, Value, bytes_of, mangled, number, vector, whole
from plainnet.engines.compiled.machine import registers

LARGE = 1 << 19
"""The bytes of a from which on a product is cut into pieces: more than half of a common second-level cache."""

ROWS, TERMS = 256, 256
"""The rows, and the terms of each sum, of one piece: its part of a fits the second-level cache."""


class Matrix(NamedTuple):
    """A matrix in memory: `address` is that of element [0, 0], the strides count numbers, not bytes."""

    address: Value
    row: Value
    """What is added to the address for the next row; 1 for the transpose of a row-major matrix."""
    column: Value
    """What is added to the address for the next column; 1 for a row-major matrix."""


class Block(NamedTuple):
    """The part of a result that is summed in registers at a time."""

    height: int
    vectors: int
    """Vectors side by side."""
    lanes: int
    """Numbers in a vector."""
    last: int
    """The column of the last vector; it overlaps the one before where the result is narrower than the vectors."""


def product(
    f: Function, type: Type, m: Value, n: Value, k: Value, a: Matrix, b: Matrix, c: Matrix, scratch: Value, most: int
) -> None:
    """Write c[i, j] = Σₖ a[i, k] · b[k, j] for m rows, n columns and sums of k products.

    `n` is a constant, and m or k may be known at run time only, up to `most`. c is row-major, and shares no memory with
    a or b. `scratch` is the address of as many numbers as `scratch_numbers` says.
    """
    block, large, transposes, _ = _plan(type, m, n, k, b, most)
    total, columns, first = int(n.name), block.vectors * block.lanes, 0
    address, along, onto = b.address, b.column if transposes else b.row, c.address
    left = (a.address, a.row, a.column)
    if large:
        name = _pieces(f.module, type, block, transposes)
        _call(f, name, *left, address, along, onto, c.row, m, whole(total // columns * columns), k, scratch)
        if total % columns == 0:
            return
        first = total - columns
        onto = f.place(onto, type, whole(first))
        address = f.place(address, type, f.multiply(whole(first), along) if transposes else whole(first))
    width = whole(total - first)
    if transposes:
        name = _transposer(f.module, type, min(total, int(k.name)))
        _call(f, name, scratch, width, address, along, width, k)
        address, along = scratch, width
    name = _kernel(f.module, type, block, resumes=False)
    with f.loop(whole(0), width, columns) as right:
        j = f.intrinsic("smin", "i64", right.index, whole(max(int(width.name) - columns, 0)))
        _call(f, name, *left, f.place(address, type, j), along, f.place(onto, type, j), c.row, m, k)


def scratch_numbers(type: Type, m: Value, n: Value, k: Value, b: Matrix, most: int) -> int:
    """Return how many numbers `product` keeps in its scratch memory."""
    return _plan(type, m, n, k, b, most).scratch


class _Plan(NamedTuple):
    """The way in which a product is computed."""

    block: Block
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
    lanes = min(width // size, _power(columns))
    vectors = min(-(-columns // lanes), 4 if width == 16 and available == 32 else 2)
    height = 8 if large and width == 64 else 4
    block = Block(height, vectors, lanes, min(vectors * lanes, columns) - lanes)
    transposes = b.column.name != "1" and columns > 1
    scratch = columns * terms if transposes and not large else 0
    if large:
        scratch = vectors * lanes * max(TERMS, terms if transposes and columns % (vectors * lanes) else 0)
    return _Plan(block, large, transposes, scratch)


def _bound(count: Value, most: int) -> int:
    return int(count.name) if count.name.isdecimal() else most


def _power(count: int) -> int:
    """Return the largest power of 2 up to a number."""
    return 1 << count.bit_length() - 1


def _call(f: Function, name: str, *values: Value) -> None:
    f.do(f"call void @{name}({', '.join(map(str, values))})")


def _known(module: Module, name: str) -> bool:
    return any(f.name == name for f in module.functions)


def _parameters(names: str) -> list[Value]:
    """Return parameters: a, b, c, to, source and scratch are addresses, the others whole numbers."""
    addresses = ("a", "b", "c", "to", "source", "scratch")
    return [Value("ptr" if name in addresses else "i64", f"%{name}") for name in names.split()]


def _opaque(f: Function, value: Value) -> Value:
    """Return the same value, into whose making LLVM does not look; so it needs less time for the loops inside."""
    return f.op(value.type, f"freeze {value}")


def _kernel(module: Module, type: Type, block: Block, resumes: bool) -> str:
    """Return the name of the function that computes all rows of as many columns of a result as a block has.

    If it resumes, it adds to what is there already wherever its argument `again` is 1.
    """
    kind = vector(type, block.lanes)
    name = f"product_{block.height}x{block.vectors}_{mangled(kind)}_{block.last}{'_resumes' if resumes else ''}"
    if _known(module, name):
        return name
    parameters = _parameters("a a_row a_column b b_row c c_row m k" + (" again" if resumes else ""))
    a, a_row, a_column, b, b_row, c, c_row, m, k = parameters[:9]
    f = module.function(name, parameters)
    with f.loop(whole(0), m, block.height) as tile:
        final = f.subtract(f.subtract(m, tile.index), whole(1))
        rows = [f.intrinsic("smin", "i64", whole(r), final) for r in range(block.height)]
        first = f.place(a, type, f.multiply(tile.index, a_row))
        starts = [_opaque(f, f.place(first, type, f.multiply(row, a_row))) for row in rows]
        target = f.place(c, type, f.multiply(tile.index, c_row))
        c_rows = [f.place(target, type, f.multiply(row, c_row)) for row in rows]
        targets = [at for row in c_rows for at in _vectors(f, type, block, row)]
        sums: tuple[Value, ...] = (number(kind, 0),) * len(targets)
        if resumes:
            with f.loop(whole(0), parameters[9], 1, sums) as once:
                once.next = tuple(f.load(kind, at) for at in targets)
            sums = once.carried
        with f.loop(whole(0), k, 1, sums) as turn:
            row = f.place(b, type, f.multiply(turn.index, b_row))
            loaded = [f.load(kind, at) for at in _vectors(f, type, block, row)]
            along = f.multiply(turn.index, a_column)
            factors = [f.splat(f.load(type, f.place(start, type, along)), block.lanes) for start in starts]
            pairs = [(factor, x) for factor in factors for x in loaded]
            turn.next = tuple(f.multiply_add(*pair, sum) for pair, sum in zip(pairs, turn.carried, strict=True))
        for at, sum in zip(targets, turn.carried, strict=True):
            f.store(sum, at)
    f.give()
    return name


def _vectors(f: Function, type: Type, block: Block, row: Value) -> list[Value]:
    """Return the addresses of a block's vectors in a row."""
    columns = [*range(0, (block.vectors - 1) * block.lanes, block.lanes), block.last]
    return [f.place(row, type, whole(column)) for column in columns]


def _pieces(module: Module, type: Type, block: Block, transposes: bool) -> str:
    """Return the name of the function that computes a large product piece by piece.

    The part of b that belongs to a piece is copied first: rows of it that lie a multiple of 4096 bytes apart would push
    each other out of the cache.
    """
    kernel = _kernel(module, type, block, resumes=True)
    name = f"{kernel}_{'transposed' if transposes else 'pieces'}"
    if _known(module, name):
        return name
    columns = whole(block.vectors * block.lanes)
    parameters = _parameters("a a_row a_column b b_row c c_row m n k scratch")
    a, a_row, a_column, b, b_row, c, c_row, m, n, k, scratch = parameters
    f = module.function(name, parameters)
    with (
        f.loop(whole(0), m, ROWS) as down,
        f.loop(whole(0), k, TERMS) as deep,
        f.loop(whole(0), n, int(columns.name)) as right,
    ):
        i, p = down.index, deep.index
        rows = f.intrinsic("smin", "i64", f.subtract(m, i), whole(ROWS))
        terms = f.intrinsic("smin", "i64", f.subtract(k, p), whole(TERMS))
        j = f.intrinsic("smin", "i64", right.index, f.subtract(n, columns))
        first, second = (j, p) if transposes else (p, j)
        source = f.place(f.place(b, type, f.multiply(first, b_row)), type, second)
        if transposes:
            _call(f, _transposer(module, type, TERMS), scratch, columns, source, b_row, columns, terms)
        else:
            source = _opaque(f, source)
            kind = vector(type, block.lanes)
            with f.loop(whole(0), terms) as turn:
                row = f.place(source, type, f.multiply(turn.index, b_row))
                to = f.place(scratch, type, f.multiply(turn.index, columns))
                for x, y in zip(_vectors(f, type, block, row), _vectors(f, type, block, to), strict=True):
                    f.store(f.load(kind, x), y)
        left = f.place(f.place(a, type, f.multiply(i, a_row)), type, f.multiply(p, a_column))
        onto = f.place(f.place(c, type, f.multiply(i, c_row)), type, j)
        again = f.convert("zext", f.compare("sgt", p, whole(0)), "i64")
        _call(f, kernel, left, a_row, a_column, scratch, columns, onto, c_row, rows, terms, again)
    f.give()
    return name


def _transposer(module: Module, type: Type, least: int) -> str:
    """Return the name of the function that writes the transpose of a matrix, square by square.

    `least` is the smaller of the matrix's numbers of rows and of columns.
    """
    side = min(8, registers()[0] // bytes_of(type), _power(least))
    kind = vector(type, side)
    name = f"transpose_{mangled(kind)}"
    if _known(module, name):
        return name
    parameters = _parameters("to to_row source row m n")
    to, to_row, source, row, m, n = parameters
    f = module.function(name, parameters)
    rows = [_opaque(f, f.multiply(row, whole(r))) for r in range(side)]
    with f.loop(whole(0), n, side) as right:
        j = f.intrinsic("smin", "i64", right.index, f.subtract(n, whole(side)))
        start, target = _opaque(f, f.place(source, type, j)), f.place(to, type, f.multiply(j, to_row))
        targets = [_opaque(f, f.place(target, type, f.multiply(to_row, whole(r)))) for r in range(side)]
        with f.loop(whole(0), m, side) as down:
            i = f.intrinsic("smin", "i64", down.index, f.subtract(m, whole(side)))
            first = f.place(start, type, f.multiply(i, row))
            square = [f.load(kind, f.place(first, type, r)) for r in rows]
            for x, at in zip(_transposed(f, square), targets, strict=True):
                f.store(x, f.place(at, type, i))
    f.give()
    return name


def _transposed(f: Function, rows: list[Value]) -> list[Value]:
    """Return the columns of a square of numbers, of which the rows are given.

    Each step exchanges the squares above and below the diagonal in all squares of twice their side.
    """
    side, step = len(rows), 1
    while step < side:
        low = [i - step + side if i & step else i for i in range(side)]
        high = [i + side if i & step else i + step for i in range(side)]
        for r in range(side):
            if not r & step:
                x, y = rows[r], rows[r + step]
                rows[r], rows[r + step] = _merged(f, x, y, low), _merged(f, x, y, high)
        step *= 2
    return rows


def _merged(f: Function, x: Value, y: Value, places: list[int]) -> Value:
    """Return the lanes at `places` of two vectors in a row."""
    mask = ", ".join(f"i32 {place}" for place in places)
    return f.op(x.type, f"shufflevector {x}, {y}, <{len(places)} x i32> <{mask}>")
