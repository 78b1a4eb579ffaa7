"""NumPy's functions of floats that the C library computes, number by number, in double.

LLVM learns the address of each from ctypes, under a name of our own, as names and their ways differ among systems.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import llvmlite.binding as llvm  # type: ignore[import-untyped]

from plainnet.engines.compiled.assembly import Function, Value, lanes, mangled, number, scalar

NAMES = {
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh",
    "cosh": "cosh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "cbrt": "cbrt",
}  # fmt: skip
"""NumPy's name and the C library's, one argument."""

NAMES_OF_TWO = {
    "power": "pow", "float_power": "pow", "hypot": "hypot", "arctan2": "atan2", "fmod": "fmod",
}  # fmt: skip


def _libraries() -> Iterator[ctypes.CDLL]:
    """Give the places of the C library's functions: the process itself, else a file of their own."""
    if os.name == "nt":
        yield ctypes.CDLL("ucrtbase")
        return
    yield ctypes.CDLL(None)
    if name := ctypes.util.find_library("m"):
        yield ctypes.CDLL(name)


@cache
def known(name: str) -> str:
    """Tell LLVM the address of a function of the C library; return the name under which it knows it."""
    for library in _libraries():
        if hasattr(library, name):
            own = f"plainnet_{name}"
            llvm.add_symbol(own, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
            return own
    raise OSError(f"the C library has no function {name}()")


def called(f: Function, name: str, *values: Value) -> Value:
    """Call a function of the C library for each lane, by a function of the module that is written once."""
    type = values[0].type
    own = f"{name}.{mangled(type)}"
    if all(written.name != own for written in f.module.functions):
        arguments = [Value(type, f"%x{i}") for i in range(len(values))]
        function = f.module.function(own, arguments, type)
        function.give(_lane_by_lane(function, known(name), arguments))
    return f.call(own, type, *values)


def _lane_by_lane(f: Function, name: str, values: Sequence[Value]) -> Value:
    type = values[0].type
    results = []
    for lane in range(lanes(type)):
        numbers = [value if lanes(type) == 1 else f.shuffle(value, [lane]) for value in values]
        doubles = [f.convert("fpext", one, "double") for one in numbers]
        results.append(f.convert("fptrunc", f.call(name, "double", *doubles), scalar(type)))
    return f.gathered(results)


def _divided(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    """Return fmod(a, b), and where it has to move by b: the remainder of Python has the sign of the divisor."""
    rest = called(f, "fmod", a, b)
    other = f.binary("xor", f.compare("olt", rest, number(a.type, 0)), f.compare("olt", b, number(a.type, 0)))
    return rest, f.binary("and", f.compare("one", rest, number(a.type, 0)), other)


def remainder(f: Function, a: Value, b: Value) -> Value:
    """a - b floor(a / b), with the sign of b."""
    rest, other = _divided(f, a, b)
    moved = f.select(other, f.add(rest, b), rest)
    none = f.compare("oeq", rest, number(a.type, 0))
    return f.select(none, f.intrinsic("copysign", a.type, number(a.type, 0), b), moved)


def floor_divide(f: Function, a: Value, b: Value) -> Value:
    """floor(a / b), from the exact remainder, as NumPy has it."""
    rest, other = _divided(f, a, b)
    ratio = f.divide(f.subtract(a, rest), b)
    ratio = f.select(other, f.subtract(ratio, number(a.type, 1)), ratio)
    whole = f.intrinsic("floor", a.type, ratio)
    above = f.compare("ogt", f.subtract(ratio, whole), number(a.type, 0.5))
    whole = f.select(above, f.add(whole, number(a.type, 1)), whole)
    plain = f.divide(a, b)
    zero = f.intrinsic("copysign", a.type, number(a.type, 0), plain)
    whole = f.select(f.compare("oeq", ratio, number(a.type, 0)), zero, whole)
    return f.select(f.compare("oeq", b, number(a.type, 0)), plain, whole)


def heaviside(f: Function, a: Value, at_zero: Value) -> Value:
    """0 below 0, 1 above, `at_zero` there."""
    zero, one = number(a.type, 0), number(a.type, 1)
    result = f.select(f.compare("olt", a, zero), zero, f.select(f.compare("ogt", a, zero), one, at_zero))
    return f.select(f.compare("uno", a, a), a, result)


def _function(name: str) -> Callable[..., Value]:
    return lambda f, *values: called(f, name, *values)


FUNCTIONS: dict[str, Callable[..., Value]] = {name: _function(own) for name, own in NAMES.items()}
BINARY: dict[str, Callable[..., Value]] = {
    **{name: _function(own) for name, own in NAMES_OF_TWO.items()},
    "remainder": remainder,
    "floor_divide": floor_divide,
    "heaviside": heaviside,
}
