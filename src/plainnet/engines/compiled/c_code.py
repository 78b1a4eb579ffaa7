"""Loops printed as C99: `for` loops over arrays with the formulas in them.

Neighbouring steps that run over the same places are printed as one loop, and a value that no other loop reads is a
variable in it: a Dense layer is one loop with the sum, the bias and the activation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from plainnet.engines.compiled import c_expressions as c
from plainnet.engines.compiled.c_nests import Bound, Group, NestText, Scope, count, index, numbered
from plainnet.engines.compiled.loops import (
    Affine,
    Buffer,
    Expression,
    Extent,
    Nest,
    Operand,
    Product,
    Program,
    Store,
    Unsupported,
    loads,
)

VARIABLES = "ijklmnpqrsuv"
"""The names of the loop variables, from the outermost loop to the innermost."""


def loops_as_c(
    program: Program,
    names: Mapping[tuple[str, int], str] | None = None,
    *,
    temporaries: Collection[str] = ("work",),
    comments: Mapping[int, str] | None = None,
) -> str:
    """Return the loops of a program as C.

    `names` has the array for each base and offset of a buffer, by default the base itself. Buffers of the bases in
    `temporaries` are nobody's outside the program: their arrays are declared here, as are those of constants.
    `comments` say what the step of each number begins. Where a loop runs over the rows of a batch, their number is
    `rows`.
    """
    written = Loops(program, names or {}, temporaries, comments or {})
    declared = [_constants(f"array_{i}", array) for i, array in enumerate(program.arrays)]
    declared += [f"{kind} {name}[{length}];" for name, kind, length in written.arrays]
    return "\n".join([*declared, *([""] if declared else []), *written.lines])


class Loops:
    """The text of a program; `arrays` has the name, type and length of each temporary array, `lines` the loops."""

    def __init__(
        self,
        program: Program,
        names: Mapping[tuple[str, int], str],
        temporaries: Collection[str],
        comments: Mapping[int, str],
    ) -> None:
        self.given = names
        self.temporaries = temporaries
        self.groups = list(self._grouped(program, comments))
        self.buffers: dict[Any, Buffer] = {}
        self.places: dict[Any, list[tuple[int, str, bool]]] = {}
        """The accesses to each temporary buffer: group, place and kind (True for writing)."""
        for number, group in enumerate(self.groups):
            for bound in group.nests:
                self._note(number, bound)
        self.variables = {key for key in self.places if self._is_variable(key)}
        """Temporary buffers that are no arrays: each is a variable in its one loop, or before all loops that use it."""
        self.names: dict[Any, str] = {}
        """The name of each array, and of each variable that is declared so far."""
        for key, buffer in self.buffers.items():
            if key not in self.variables:
                self.names[key] = self.own_name(buffer) or numbered("values", self.names.values())
        arrays = [key for key in self.places if key not in self.variables]
        self.arrays = [(self.names[key], c.memory_type(self.buffers[key].dtype), self._length(key)) for key in arrays]
        most = max((_numbers(b) for b in self.buffers.values()), default=0)
        self.index_type = "int" if most < 2**15 else "long"
        self.outermost = Scope({*self.names.values(), *VARIABLES})
        for group in self.groups:
            self._write(group)
        self.lines = self.outermost.lines

    def lives(self) -> dict[str, tuple[int, int]]:
        """Return the first and the last group of loops that use each temporary array."""
        used = {self.names[key]: [number for number, _, _ in uses] for key, uses in self.places.items()}
        return {name: (min(numbers), max(numbers)) for name, numbers in used.items()}

    # Which loops are one

    def _grouped(self, program: Program, comments: Mapping[int, str]) -> Iterator[Group]:
        group: Group | None = None
        for at, step in enumerate(program.steps):
            nest = as_nest(step) if isinstance(step, Product) else step
            domain = tuple(e for e in nest.domain if e != Extent(1))
            bound = Bound(nest, _variables(nest))
            comment = [comments[at]] if at in comments else []
            if group is not None and domain and domain == group.domain and self._may_join(group, bound):
                group.nests.append(bound)
                group.comments += comment
                continue
            if group is not None:
                yield group
            group = Group(domain, [bound], comment)
        if group is not None:
            yield group

    def _may_join(self, group: Group, bound: Bound) -> bool:
        """Return True if the nest computes the same place by place as after the group's loops."""
        earlier = [access for one in group.nests for access in self._accesses(one)]
        return all(
            one != other or (place == other_place and bool(place))
            for one, place, writes in earlier
            for other, other_place, other_writes in self._accesses(bound)
            if writes or other_writes
        )

    def _accesses(self, bound: Bound) -> list[tuple[Any, str, bool]]:
        """Return the buffer, the place ("" for one that is computed) and the kind of each access, True for writing."""
        found = [load for store in bound.nest.stores for load in loads(store.expression)]
        read = [(self.key(x.buffer), "" if x.arguments else index(x.place, bound.variables), False) for x in found]
        return read + [(self.key(s.buffer), index(s.place, bound.variables), True) for s in bound.nest.stores]

    def key(self, buffer: Buffer | None) -> Any:
        """Return what two buffers have in common exactly if they are one array."""
        assert buffer is not None
        return buffer.memory if buffer.base == "work" else (buffer.base, buffer.offset)

    # Names

    def _note(self, number: int, bound: Bound) -> None:
        """Note the buffers of a nest, and where temporary ones are used."""
        used = [load.buffer for store in bound.nest.stores for load in loads(store.expression)]
        for buffer in [*used, *(store.buffer for store in bound.nest.stores)]:
            assert buffer is not None
            self.buffers.setdefault(self.key(buffer), buffer)
        for key, place, writes in self._accesses(bound):
            if self.buffers[key].base in self.temporaries:
                self.places.setdefault(key, []).append((number, place, writes))

    def own_name(self, buffer: Buffer) -> str:
        """Return the name that the caller gives a buffer; a part of the workspace has none."""
        if buffer.base == "work":
            return ""
        plain = "".join(letter if letter.isalnum() else "_" for letter in buffer.base)
        place = buffer.offset // buffer.dtype.itemsize
        return self.given.get((buffer.base, buffer.offset)) or (f"({plain} + {place})" if place else plain)

    def _is_variable(self, key: Any) -> bool:
        """Return True if a temporary buffer holds one number at a time: it is written and read at one place."""
        uses = self.places[key]
        writers = [number for number, _, writes in uses if writes]
        groups = {number for number, _, _ in uses}
        if len(writers) != 1 or len({place for _, place, _ in uses}) > 1 or not uses[0][1]:
            return False
        return not self.groups[writers[0]].domain or len(groups) == 1

    def _length(self, key: Any) -> str:
        extents = self.buffers[key].extents
        rows = " * rows" if any(extent.per_row for extent in extents) else ""
        return f"{_numbers(self.buffers[key])}{rows}"

    # CText

    def _write(self, group: Group) -> None:
        """Write nests that share their loops."""
        before = self.outermost
        before.lines += [f"/* {comment} */" for comment in group.comments]
        before.known = {}
        inside = Scope(before.taken) if group.domain else before
        for bound in group.nests:
            NestText(self, bound, group, before, inside).write()
        if group.domain:
            variables = VARIABLES[: len(group.domain)]
            before.lines += self.looped(list(zip(variables, group.domain, strict=True)), inside.lines)

    def looped(self, loops: list[tuple[str, Extent]], body: list[str]) -> list[str]:
        """Return lines within loops."""
        for variable, extent in reversed(loops):
            head = f"for ({self.index_type} {variable} = 0; {variable} < {count(extent)}; {variable}++) {{"
            body = [head, *(f"    {line}" for line in body), "}"]
        return body


def as_nest(product: Product) -> Nest:
    """Return a product of two matrices as loops."""
    dtype = product.target.dtype

    def load(matrix: Operand, row: int, column: int) -> Expression:
        terms = tuple((axis, step) for axis, step in sorted(((row, matrix.row), (column, matrix.column))) if step)
        place = Affine(matrix.offset, terms)
        return Expression("load", dtype, (), frozenset(axis for axis, _ in terms), matrix.buffer, place)

    both = load(product.left, 0, 2), load(product.right, 2, 1)
    term = Expression("multiply", dtype, both, both[0].axes | both[1].axes)
    place = Affine(0, ((0, product.n.count), (1, 1)))
    return Nest((product.m, product.n), (product.k,), [Store(product.target, place, term, "add")])


def _constants(name: str, array: Any) -> str:
    """Return the definition of an array of constants."""
    numbers = ", ".join(c.literal(value, array.dtype).text for value in array.ravel())
    return f"static const {c.memory_type(array.dtype)} {name}[{array.size}] = {{{numbers}}};"


def _variables(nest: Nest) -> dict[int, str]:
    """Return the name of each loop variable; a loop that runs once has none."""
    axes = [axis for axis, extent in enumerate(nest.extents) if extent != Extent(1)]
    if len(axes) > len(VARIABLES):
        raise Unsupported(f"it has {len(axes)} loops in each other")
    return dict(zip(axes, VARIABLES, strict=False))


def _numbers(buffer: Buffer) -> int:
    """Return how many numbers a buffer holds, for each row where it is per row."""
    length = 1
    for extent in buffer.extents:
        length *= extent.count
    return length
