"""The inner loops of matrix products: kernels that sum blocks of a result in registers, and what copies for them.

Each function here writes a function of LLVM IR into a module, once, and returns its name. Shapes and strides are
arguments of what it writes, so that all products of a module share it.
"""

from __future__ import annotations

from typing import NamedTuple

from plainnet.engines.compiled.assembly import Function, Module, Type, Value, bytes_of, mangled, number, vector, whole
from plainnet.engines.compiled.machine import registers


class Tile(NamedTuple):
    """The part of a result that is summed in registers at a time."""

    height: int
    vectors: int
    """Vectors side by side."""
    lanes: int
    """Numbers in a vector."""
    last: int
    """The column of the last vector; it overlaps the one before where the result is narrower than the vectors."""


def kernel(module: Module, type: Type, block: Tile, resumes: bool) -> str:
    """Return the name of the function that computes all rows of as many columns of a result as a block has.

    `a_block` lies between the rows of a with which one block and the next begin, divided by the height. A function that
    resumes adds to what is there already, if its argument `again` is 1.
    """
    kind = vector(type, block.lanes)
    name = f"product_{block.height}x{block.vectors}_{mangled(kind)}_{block.last}{'_resumes' if resumes else ''}"
    if known(module, name):
        return name
    given = parameters("a a_row a_column a_block b b_row c c_row m k" + (" again" if resumes else ""))
    a, a_row, a_column, a_block, b, b_row, c, c_row, m, k = given[:10]
    f = module.function(name, given)
    with f.loop(whole(0), m, block.height) as tile:
        final = f.subtract(f.subtract(m, tile.index), whole(1))
        rows = [f.intrinsic("smin", "i64", whole(r), final) for r in range(block.height)]
        first = f.place(a, type, f.multiply(tile.index, a_block))
        starts = [opaque(f, f.place(first, type, f.multiply(row, a_row))) for row in rows]
        target = f.place(c, type, f.multiply(tile.index, c_row))
        c_rows = [f.place(target, type, f.multiply(row, c_row)) for row in rows]
        targets = [at for row in c_rows for at in _vectors(f, type, block, row)]
        sums: tuple[Value, ...] = (number(kind, 0),) * len(targets)
        if resumes:
            with f.loop(whole(0), given[10], 1, sums) as once:
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


def _vectors(f: Function, type: Type, block: Tile, row: Value) -> list[Value]:
    """Return the addresses of a block's vectors in a row."""
    columns = [*range(0, (block.vectors - 1) * block.lanes, block.lanes), block.last]
    return [f.place(row, type, whole(column)) for column in columns]


def packer(module: Module, type: Type, height: int) -> str:
    """Return the name of the function that copies m rows and k columns of the transpose of a row-major matrix.

    It writes block after block of `height` rows, each column by column: the order in which a kernel reads them.
    """
    name = f"pack_{height}_{mangled(type)}"
    if known(module, name):
        return name
    given = parameters("to source row m k")
    to, source, row, m, k = given
    f = module.function(name, given)
    full = f.subtract(m, f.binary("srem", m, whole(height)))
    with f.loop(whole(0), full, height) as tile:
        start, target = f.place(source, type, tile.index), f.place(to, type, f.multiply(tile.index, k))
        _copy_columns(f, type, height, start, row, target, height, k)
    rest = f.place(to, type, f.multiply(full, k))
    with f.loop(full, m) as down:
        start, target = f.place(source, type, down.index), f.place(rest, type, f.subtract(down.index, full))
        _copy_columns(f, type, 1, start, row, target, height, k)
    f.give()
    return name


def _copy_columns(
    f: Function, type: Type, count: int, source: Value, row: Value, target: Value, height: int, k: Value
) -> None:
    """Write a loop that copies `count` neighbours at each of k places, which lie `row` apart, and then `height`."""
    source, target = opaque(f, source), opaque(f, target)
    with f.loop(whole(0), k) as turn:
        x = f.place(source, type, f.multiply(turn.index, row))
        y = f.place(target, type, f.multiply(turn.index, whole(height)))
        place = 0
        while place < count:
            lanes = power(count - place)
            f.store(f.load(vector(type, lanes), f.place(x, type, whole(place))), f.place(y, type, whole(place)))
            place += lanes


def copier(module: Module, type: Type) -> str:
    """Return the name of the function that copies m rows of n numbers, a multiple of the lanes of a vector."""
    name = f"copy_{mangled(type)}"
    if known(module, name):
        return name
    given = parameters("to to_row source row m n")
    to, to_row, source, row, m, n = given
    f = module.function(name, given)
    lanes = registers()[0] // bytes_of(type)
    with f.loop(whole(0), m) as down:
        start = opaque(f, f.place(source, type, f.multiply(down.index, row)))
        target = opaque(f, f.place(to, type, f.multiply(down.index, to_row)))
        with f.loop(whole(0), n, lanes) as right:
            x = f.load(vector(type, lanes), f.place(start, type, right.index))
            f.store(x, f.place(target, type, right.index))
    f.give()
    return name


def transposer(module: Module, type: Type, least: int) -> str:
    """Return the name of the function that writes the transpose of a matrix, square by square.

    `least` is the smaller of the matrix's numbers of rows and of columns.
    """
    side = min(8, registers()[0] // bytes_of(type), power(least))
    kind = vector(type, side)
    name = f"transpose_{mangled(kind)}"
    if known(module, name):
        return name
    given = parameters("to to_row source row m n")
    to, to_row, source, row, m, n = given
    f = module.function(name, given)
    rows = [opaque(f, f.multiply(row, whole(r))) for r in range(side)]
    with f.loop(whole(0), n, side) as right:
        j = f.intrinsic("smin", "i64", right.index, f.subtract(n, whole(side)))
        start, target = opaque(f, f.place(source, type, j)), f.place(to, type, f.multiply(j, to_row))
        targets = [opaque(f, f.place(target, type, f.multiply(to_row, whole(r)))) for r in range(side)]
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


def power(count: int) -> int:
    """Return the largest power of 2 up to a number."""
    return 1 << count.bit_length() - 1


def call(f: Function, name: str, *values: Value) -> None:
    """Write a call of another function of the module."""
    f.do(f"call void @{name}({', '.join(map(str, values))})")


def known(module: Module, name: str) -> bool:
    """Return True if the module has a function of that name."""
    return any(f.name == name for f in module.functions)


def parameters(names: str) -> list[Value]:
    """Return parameters: a, b, c, to, source and scratch are addresses, the others whole numbers."""
    addresses = ("a", "b", "c", "to", "source", "scratch")
    return [Value("ptr" if name in addresses else "i64", f"%{name}") for name in names.split()]


def opaque(f: Function, value: Value) -> Value:
    """Return the same value, into whose making LLVM does not look; so it needs less time for the loops inside."""
    return f.op(value.type, f"freeze {value}")
