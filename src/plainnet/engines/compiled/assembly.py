"""LLVM's intermediate representation (IR), written as text: instructions, loops and functions.

LLVM IR is a typed assembly language without a limit on registers; each register is written once
(https://llvm.org/docs/LangRef.html). `Module` collects functions, `Function` writes the instructions of one of them.
Text is made here because it is several times faster than llvmlite's own builder, and can be read as it stands.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from plainnet._base.arrays import Array

FAST = "contract nsz"
"""Multiplication and addition may become one instruction with one rounding; -0 may be 0. NaN and infinity count."""

Type = str
"""A type of LLVM's, such as "float", "<8 x float>", "i64" and "ptr"."""

TYPES: dict[str, Type] = {
    "float32": "float", "float64": "double", "bool": "i1", "int64": "i64", "int32": "i32", "int16": "i16",
    "int8": "i8", "uint8": "i8",
}  # fmt: skip
"""The type of one number of each NumPy dtype, as a register holds it."""


class Value(NamedTuple):
    """A register or a constant, with its type."""

    type: Type
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


def vector(scalar: Type, lanes: int) -> Type:
    """Return the type of `lanes` numbers side by side; one lane is the number itself."""
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def scalar(type: Type) -> Type:
    """Return the type of one lane."""
    return type.split(" x ")[1].rstrip(">") if type[0] == "<" else type


def lanes(type: Type) -> int:
    """Return the number of lanes."""
    return int(type[1:].split(" x ")[0]) if type[0] == "<" else 1


def is_float(type: Type) -> bool:
    """Return True for a floating-point number or a vector of them."""
    return scalar(type) in ("float", "double")


def number(type: Type, value: float) -> Value:
    """Return a constant, the same in every lane."""
    one = scalar(type)
    if one == "float":
        text = f"0x{struct.unpack('<Q', struct.pack('<d', float(np.float32(value))))[0]:016X}"
    elif one == "double":
        text = f"0x{struct.unpack('<Q', struct.pack('<d', float(value)))[0]:016X}"
    else:
        text = str(int(value))
    if lanes(type) > 1:
        text = f"splat ({one} {text})"
    return Value(type, text)


def whole(value: int) -> Value:
    """Return a constant index."""
    return Value("i64", str(value))


@dataclass
class Module:
    """Functions, and the declarations of the ones that they call."""

    functions: list[Function] = field(default_factory=list)
    declarations: dict[str, str] = field(default_factory=dict)
    constants: list[str] = field(default_factory=list)

    def function(self, name: str, parameters: Sequence[Value], result: Type = "void", private: bool = True) -> Function:
        """Begin a function; its parameters are values named as they are used in it, such as Value("ptr", "%x")."""
        made = Function(self, name, tuple(parameters), result, private)
        self.functions.append(made)
        return made

    def array(self, name: str, values: Array) -> Value:
        """Write an array of constants, and return its address."""
        kind = "i8" if values.dtype == bool else TYPES[values.dtype.name]
        listed = ", ".join(str(number(kind, value)) for value in values.reshape(-1).tolist())
        self.constants.append(f"@{name} = internal constant [{values.size} x {kind}] [{listed}], align 64")
        return Value("ptr", f"@{name}")

    def __str__(self) -> str:
        return "\n".join([*self.constants, *self.declarations.values(), *map(str, self.functions)])


@dataclass
class Loop:
    """A loop that is being written: its index, and the values that pass from turn to turn."""

    index: Value
    carried: tuple[Value, ...]
    next: tuple[Value, ...] = ()
    """Set in the body: what the next turn gets as `carried`; after the loop, `carried` is what the last turn gave."""


@dataclass
class Function:
    """One function, written instruction by instruction."""

    module: Module
    name: str
    parameters: tuple[Value, ...]
    result: Type = "void"
    private: bool = True
    lines: list[str] = field(default_factory=lambda: ["entry:"])
    block: str = "entry"
    """The label of the block that is being written."""
    registers: int = 0
    early: list[str] = field(default_factory=list)
    """Instructions at the very beginning, whose results can be used everywhere."""

    def early_op(self, type: Type, text: str) -> Value:
        """Write an instruction at the beginning of the function; it takes parameters and other early results."""
        self.registers += 1
        name = f"%v{self.registers}"
        self.early.append(f"  {name} = {text}")
        return Value(type, name)

    def op(self, type: Type, text: str) -> Value:
        """Write an instruction and return its result."""
        self.registers += 1
        name = f"%v{self.registers}"
        self.lines.append(f"  {name} = {text}")
        return Value(type, name)

    def do(self, text: str) -> None:
        """Write an instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def new_label(self, name: str) -> str:
        """Return a label that nothing else in the function has."""
        self.registers += 1
        return f"{name}.{self.registers}"

    def __str__(self) -> str:
        given = ", ".join(f"{p.type} {p.name}" for p in self.parameters)
        kind = "internal " if self.private else ""
        body = "\n".join([self.lines[0], *self.early, *self.lines[1:]])
        return f"define {kind}{self.result} @{self.name}({given}) #0 {{\n{body}\n}}\n"

    # Arithmetic

    def binary(self, name: str, a: Value, b: Value) -> Value:
        """Write fadd, fsub, fmul, fdiv, frem, add, sub, mul, and, or, xor, shl, ... of two values of one type."""
        flags = f" {FAST}" if name[0] == "f" else ""
        return self.op(a.type, f"{name}{flags} {a.type} {a.name}, {b.name}")

    def add(self, a: Value, b: Value) -> Value:
        """a + b, of floats or whole numbers."""
        return self.binary("fadd" if is_float(a.type) else "add", a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        """a - b."""
        return self.binary("fsub" if is_float(a.type) else "sub", a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        """a · b."""
        return self.binary("fmul" if is_float(a.type) else "mul", a, b)

    def divide(self, a: Value, b: Value) -> Value:
        """a / b of floats."""
        return self.binary("fdiv", a, b)

    def multiply_add(self, a: Value, b: Value, c: Value) -> Value:
        """a · b + c of floats with one rounding where the processor can, else two."""
        return self.intrinsic("fmuladd", a.type, a, b, c)

    def compare(self, predicate: str, a: Value, b: Value) -> Value:
        """Write fcmp or icmp, with a predicate such as "olt" or "slt"."""
        kind = "fcmp" if is_float(a.type) else "icmp"
        return self.op(vector("i1", lanes(a.type)), f"{kind} {predicate} {a.type} {a.name}, {b.name}")

    def select(self, condition: Value, yes: Value, no: Value) -> Value:
        """`yes` in each lane where the condition holds, else `no`."""
        return self.op(yes.type, f"select {condition}, {yes}, {no}")

    def convert(self, name: str, value: Value, type: Type) -> Value:
        """Write a conversion such as sitofp, fpext, trunc, zext or bitcast."""
        return value if value.type == type else self.op(type, f"{name} {value} to {type}")

    def intrinsic(self, name: str, type: Type, *values: Value) -> Value:
        """Call one of LLVM's intrinsics, named without "llvm." and its types, which are those of the result."""
        flags = f" {FAST}" if is_float(type) else ""
        return self.call(f"llvm.{name}.{mangled(type)}", type, *values, flags=flags)

    def call(self, function: str, type: Type, *values: Value, flags: str = "") -> Value:
        """Call a function by name; an external one is declared."""
        if all(function != known.name for known in self.module.functions):
            self.module.declarations.setdefault(
                function, f"declare {type} @{function}({', '.join(value.type for value in values)})"
            )
        text = f"call{flags} {type} @{function}({', '.join(map(str, values))})"
        if type == "void":
            self.do(text)
            return Value("void", "")
        return self.op(type, text)

    def call_address(self, address: Value, *values: Value) -> None:
        """Call the function at an address, which returns nothing."""
        self.do(f"call void {address.name}({', '.join(map(str, values))})")

    # Vectors

    def splat(self, value: Value, count: int) -> Value:
        """Return the value in `count` lanes."""
        if count == 1:
            return value
        type = vector(value.type, count)
        one = self.op(type, f"insertelement {type} poison, {value}, i64 0")
        return self.op(type, f"shufflevector {one}, {type} poison, <{count} x i32> zeroinitializer")

    def shuffle(self, value: Value, places: Sequence[int]) -> Value:
        """Return a vector of the lanes at `places` (-1: whatever)."""
        count = lanes(value.type)
        if list(places) == list(range(count)):
            return value
        if count == 1:
            return self.splat(value, len(places))
        mask = ", ".join(f"i32 {place}" if place >= 0 else "i32 poison" for place in places)
        if len(places) == 1:
            return self.op(scalar(value.type), f"extractelement {value}, i64 {places[0]}")
        type = vector(scalar(value.type), len(places))
        return self.op(type, f"shufflevector {value}, {value.type} poison, <{len(places)} x i32> <{mask}>")

    def spread(self, value: Value, count: int) -> Value:
        """Return a value with so many lanes; a single number is the same in all of them."""
        if lanes(value.type) == count:
            return value
        if value.name[0] not in "%@":  # a constant
            return Value(vector(value.type, count), f"splat ({value.type} {value.name})")
        return self.splat(value, count)

    def gathered(self, values: Sequence[Value]) -> Value:
        """Return single numbers as the lanes of a vector."""
        if len(values) == 1:
            return values[0]
        made = Value(vector(values[0].type, len(values)), "poison")
        for lane, value in enumerate(values):
            made = self.op(made.type, f"insertelement {made}, {value}, i64 {lane}")
        return made

    def places(self, count: int) -> Value:
        """Return the vector 0, 1, 2, ..."""
        if count == 1:
            return whole(0)
        return Value(vector("i64", count), f"<{', '.join(f'i64 {lane}' for lane in range(count))}>")

    def total(self, value: Value) -> Value:
        """Return the sum of the lanes."""
        if lanes(value.type) == 1:
            return value
        one = scalar(value.type)
        name = f"llvm.vector.reduce.fadd.{mangled(value.type)}"
        self.module.declarations.setdefault(name, f"declare {one} @{name}({one}, {value.type})")
        return self.op(one, f"call reassoc nsz {one} @{name}({number(one, -0.0)}, {value})")

    # Memory

    def place(self, base: Value, type: Type, index: Value) -> Value:
        """Return the address of the number at `index` of an array of scalars of that type."""
        if index.name == "0":
            return base
        return self.op("ptr", f"getelementptr inbounds {type}, {base}, {index}")

    def load(self, type: Type, address: Value, mask: Value | None = None) -> Value:
        """Return the number or the vector at an address; lanes outside the mask are not read, and are 0."""
        size = bytes_of(scalar(type))
        if mask is None:
            return self.op(type, f"load {type}, {address}, align {size}")
        name = f"llvm.masked.load.{mangled(type)}.p0"
        self.module.declarations.setdefault(name, f"declare {type} @{name}(ptr, i32, {mask.type}, {type})")
        return self.op(type, f"call {type} @{name}({address}, i32 {size}, {mask}, {type} zeroinitializer)")

    def store(self, value: Value, address: Value, mask: Value | None = None) -> None:
        """Write a number or a vector; lanes outside the mask are left as they are."""
        size = bytes_of(scalar(value.type))
        if mask is None:
            self.do(f"store {value}, {address}, align {size}")
            return
        name = f"llvm.masked.store.{mangled(value.type)}.p0"
        self.module.declarations.setdefault(name, f"declare void @{name}({value.type}, ptr, i32, {mask.type})")
        self.do(f"call void @{name}({value}, {address}, i32 {size}, {mask})")

    def gather(self, type: Type, address: Value, index: Value, mask: Value | None = None) -> Value:
        """Return the numbers at the places `index` after an address, one for each lane of `index`."""
        count = lanes(index.type)
        if count == 1:
            return self.load(type, self.place(address, type, index))
        where = self.op(vector("ptr", count), f"getelementptr {type}, {address}, {index}")
        read = vector(type, count)
        mask = mask or number(vector("i1", count), 1)
        name = f"llvm.masked.gather.{mangled(read)}.v{count}p0"
        self.module.declarations.setdefault(name, f"declare {read} @{name}({where.type}, i32, {mask.type}, {read})")
        return self.op(read, f"call {read} @{name}({where}, i32 {bytes_of(type)}, {mask}, {read} zeroinitializer)")

    def scatter(self, value: Value, address: Value, step: int, mask: Value | None = None) -> None:
        """Store the lanes `step` numbers apart from each other."""
        count, type = lanes(value.type), scalar(value.type)
        index = self.binary("mul", self.places(count), number(vector("i64", count), step))
        where = self.op(vector("ptr", count), f"getelementptr {type}, {address}, {index}")
        mask = mask or number(vector("i1", count), 1)
        name = f"llvm.masked.scatter.{mangled(value.type)}.v{count}p0"
        self.module.declarations.setdefault(name, f"declare void @{name}({value.type}, {where.type}, i32, {mask.type})")
        self.do(f"call void @{name}({value}, {where}, i32 {bytes_of(type)}, {mask})")

    # Control

    @contextmanager
    def loop(self, start: Value, stop: Value, step: int = 1, carried: Sequence[Value] = ()) -> Iterator[Loop]:
        """Write a loop over start, start + step, ... below stop.

        `carried` are the values with which it begins; the body sets `next`, and afterwards `carried` are the last ones.
        """
        head, body, done = self.new_label("loop"), self.new_label("body"), self.new_label("done")
        before = self.block
        self.do(f"br label %{head}")
        self.label(head)
        place = len(self.lines)
        index = self.op("i64", "phi")  # completed below, when the values of the next turn are known
        values = tuple(self.op(value.type, "phi") for value in carried)
        more = self.compare("slt", index, stop)
        self.do(f"br {more}, label %{body}, label %{done}")
        self.label(body)
        loop = Loop(index, values)
        yield loop
        following = self.add(index, whole(step))
        end = self.block
        self.do(f"br label %{head}")
        starts = (start, *carried)
        for line, (phi, first, last) in enumerate(
            zip((index, *values), starts, (following, *loop.next), strict=True), place
        ):
            self.lines[line] = f"  {phi.name} = phi {phi.type} [ {first.name}, %{before} ], [ {last.name}, %{end} ]"
        self.label(done)
        loop.carried = values

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Write a block that is done only if the condition holds."""
        yes, done = self.new_label("yes"), self.new_label("done")
        self.do(f"br {condition}, label %{yes}, label %{done}")
        self.label(yes)
        yield
        self.do(f"br label %{done}")
        self.label(done)

    def give(self, value: Value | None = None) -> None:
        """Return from the function."""
        self.do(f"ret {value}" if value else "ret void")


def mangled(type: Type) -> str:
    """Return a type as it stands in the name of an intrinsic: f32, v8f32, i64."""
    one = {"float": "f32", "double": "f64"}.get(scalar(type), scalar(type))
    return one if lanes(type) == 1 else f"v{lanes(type)}{one}"


def bytes_of(type: Type) -> int:
    """Return the size of a scalar."""
    return {"float": 4, "double": 8, "ptr": 8, "i1": 1}.get(type) or int(type[1:]) // 8
