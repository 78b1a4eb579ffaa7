"""Loops made into LLVM IR for many networks of one shape at once: one network in each lane of the vectors.

Every number of a network becomes a vector, with one lane for each network, and lies in memory so: the number at a place
of a network's array stands, for the network in a lane, at place · networks + lane. What all networks share, such as the
inputs, stays a single number, and is spread over the lanes where it meets a vector. The loops run over the places; they
are unrolled as far as registers and the length of the code allow.
"""

from __future__ import annotations

from collections.abc import Mapping

from plainnet.engines.compiled import operations
from plainnet.engines.compiled.assembly import Function, Value, bytes_of
from plainnet.engines.compiled.lane_nests import LaneNest
from plainnet.engines.compiled.loops import Affine, Buffer, Expression, Nest, Operand, Product, Program, Store
from plainnet.engines.compiled.memory import used_by


def write(
    f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value], shared: set[str],
    networks: int,
) -> None:  # fmt: skip
    """Write a program for so many networks: `bases` has the addresses, `arguments` numbers, or a vector of them.

    All networks have the arrays at the bases in `shared` in common.
    """
    Emission(f, program, bases, arguments, shared, networks).write()


class Emission:
    def __init__(
        self, f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value],
        shared: set[str], networks: int,
    ) -> None:  # fmt: skip
        self.f = f
        self.program = program
        self.bases = bases
        self.arguments = arguments
        self.shared = shared
        self.networks = networks
        self.known: dict[tuple[Buffer, int], Value] = {}
        """Numbers that were stored and are still in a register, by their place in memory."""
        self.addresses: dict[tuple[str, int], Value] = {}
        self.arrays: dict[int, Value] = {}

    def write(self) -> None:
        steps = [_as_nest(step) if isinstance(step, Product) else step for step in self.program.steps]
        nests = [LaneNest(self, step) for step in steps]
        self.in_memory = {buffer.memory for nest in nests if nest.has_loops for buffer in used_by(nest.nest)}
        for nest in nests:
            nest.write()

    def numbers(self, buffer: Buffer) -> int:
        """Return how many numbers stand at one place of a buffer."""
        return 1 if buffer.base in self.shared or buffer.base.startswith("array ") else self.networks

    def address(self, buffer: Buffer, place: int = 0) -> Value:
        """Return the address of a place of a buffer."""
        size = bytes_of(operations.memory_type(buffer.dtype))
        offset = (buffer.offset + place * size) * self.numbers(buffer)
        key = (buffer.base, offset)
        if key not in self.addresses:
            base = self._base(buffer.base)
            at = self.f.early_op("ptr", f"getelementptr inbounds i8, {base}, i64 {offset}") if offset else base
            self.addresses[key] = at
        return self.addresses[key]

    def _base(self, name: str) -> Value:
        if not name.startswith("array "):
            return self.bases[name]
        i = int(name.split()[1])
        if i not in self.arrays:
            self.arrays[i] = self.f.module.array(f"{self.f.name}.{i}", self.program.arrays[i])
        return self.arrays[i]


def _as_nest(step: Product) -> Nest:
    """Return a matrix product as a nest with a sum."""

    def load(operand: Operand, row: int, column: int) -> Expression:
        terms = tuple((axis, factor) for axis, factor in ((row, operand.row), (column, operand.column)) if factor)
        place = Affine(operand.offset, terms)
        return Expression("load", step.target.dtype, (), frozenset((row, column)), operand.buffer, place)

    factors = load(step.left, 0, 2), load(step.right, 2, 1)
    product = Expression("multiply", step.target.dtype, factors, frozenset((0, 1, 2)))
    place = Affine(0, ((0, step.n.count), (1, 1)))
    return Nest((step.m, step.n), (step.k,), [Store(step.target, place, product, "add")])
