"""The writers of all steps of a program share what is here: where things lie, and how often loops run."""

from __future__ import annotations

from collections.abc import Mapping

from plainnet.engines.compiled.assembly import Function, Value, whole
from plainnet.engines.compiled.loops import Buffer, Extent, Program
from plainnet.engines.compiled.sharing import Thread


class Writing:
    """A program that is being written into a function."""

    def __init__(
        self, f: Function, program: Program, bases: Mapping[str, Value], arguments: Mapping[str, Value], rows: Value,
        width: int, thread: Thread | None,
    ) -> None:  # fmt: skip
        self.f = f
        self.program = program
        self.bases = bases
        self.arguments = arguments
        self.rows = rows
        self.width = width
        self.thread = thread
        self.counts: dict[Extent, Value] = {}
        self.addresses: dict[tuple[str, int], Value] = {}
        self.arrays: dict[int, Value] = {}

    def count(self, extent: Extent) -> Value:
        """Return how often a loop runs."""
        if not extent.per_row:
            return whole(extent.count)
        if extent.count == 1:
            return self.rows
        if extent not in self.counts:
            self.counts[extent] = self.f.early_op("i64", f"mul {self.rows}, {extent.count}")
        return self.counts[extent]

    def address(self, buffer: Buffer, numbers: int = 0) -> Value:
        """Return the address of a buffer, or of the number at a fixed place in it."""
        offset = buffer.offset + numbers * buffer.dtype.itemsize
        key = (buffer.base, offset)
        if key not in self.addresses:
            base = self._base(buffer)
            at = self.f.early_op("ptr", f"getelementptr inbounds i8, {base}, i64 {offset}") if offset else base
            self.addresses[key] = at
        return self.addresses[key]

    def _base(self, buffer: Buffer) -> Value:
        if buffer.base.startswith("array "):
            return self._array(int(buffer.base.split()[1]))
        return self.bases[buffer.base]

    def _array(self, i: int) -> Value:
        if i not in self.arrays:
            self.arrays[i] = self.f.module.array(f"{self.f.name}.{i}", self.program.arrays[i])
        return self.arrays[i]
