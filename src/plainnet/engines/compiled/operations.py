"""NumPy's operations on registers: arithmetic, comparisons, conversions and reductions.

What takes a polynomial or the C library is in mathematics.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from plainnet.engines.compiled import mathematics
from plainnet.engines.compiled.assembly import (
    TYPES,
    Function,
    Type,
    Value,
    is_float,
    lanes,
    number,
    scalar,
    vector,
)  # fmt: skip
from plainnet.engines.compiled.loops import Expression, Unsupported


def memory_type(dtype: np.dtype[Any]) -> Type:
    """Return the type of one number as it lies in memory; a truth value takes a byte."""
    return "i8" if dtype.kind == "b" else _type(dtype)


def _type(dtype: np.dtype[Any]) -> Type:
    if dtype.name not in TYPES:
        raise Unsupported(f"it computes with {dtype.name}")
    return TYPES[dtype.name]


def from_memory(f: Function, value: Value, dtype: np.dtype[Any]) -> Value:
    """Return a value that was loaded as a register of the dtype holds it."""
    return f.convert("trunc", value, vector("i1", lanes(value.type))) if dtype.kind == "b" else value


def to_memory(f: Function, value: Value) -> Value:
    """Return a value as it is stored."""
    return f.convert("zext", value, vector("i8", lanes(value.type))) if scalar(value.type) == "i1" else value


def write(f: Function, e: Expression, values: list[Value]) -> Value:
    """Write the operation of an expression on the values of its arguments, and return the result."""
    if e.dtype.kind == "u" or (e.op != "astype" and any(x.dtype.kind == "u" for x in e.arguments)):
        raise Unsupported("it computes with unsigned integers")
    if e.op == "astype":
        return converted(f, values[0], e)
    first = values[0]
    if e.op in _COMPARISONS:
        return _compared(f, e.op, *values)
    if e.op in _ARITHMETIC:
        return _ARITHMETIC[e.op](f, *values)
    if is_float(first.type) and e.op in mathematics.FUNCTIONS:
        return mathematics.FUNCTIONS[e.op](f, *values)
    if is_float(first.type) and e.op in mathematics.BINARY:
        return mathematics.BINARY[e.op](f, *values)
    if e.op in _WHOLE and scalar(first.type) != "i1" and not is_float(first.type):
        return _WHOLE[e.op](f, *values)
    raise Unsupported(f"it uses np.{e.op} of {e.arguments[0].dtype.name}, which has no machine code here")


def converted(f: Function, value: Value, e: Expression) -> Value:
    """Return a value converted to the dtype of an expression, as NumPy's astype does."""
    source, goal = scalar(value.type), _type(e.dtype)
    type = vector(goal, lanes(value.type))
    signed = e.arguments[0].dtype.kind != "u"
    if source == goal:
        return value
    if goal == "i1":
        zero = number(value.type, 0)
        return f.compare("une" if is_float(value.type) else "ne", value, zero)
    if is_float(value.type):
        if is_float(type):
            return f.convert("fpext" if goal == "double" else "fptrunc", value, type)
        return f.convert("fptosi", value, type)
    if is_float(type):
        return f.convert("sitofp" if signed and source != "i1" else "uitofp", value, type)
    if int(goal[1:]) < int(source[1:]):
        return f.convert("trunc", value, type)
    return f.convert("sext" if signed and source != "i1" else "zext", value, type)


_COMPARISONS = {
    "greater": ("ogt", "sgt"), "greater_equal": ("oge", "sge"), "less": ("olt", "slt"), "less_equal": ("ole", "sle"),
    "equal": ("oeq", "eq"), "not_equal": ("une", "ne"),
}  # fmt: skip


def _compared(f: Function, op: str, a: Value, b: Value) -> Value:
    of_floats, of_integers = _COMPARISONS[op]
    if scalar(a.type) == "i1":  # a true bit would count as -1
        of_integers = of_integers.replace("s", "u")
    return f.compare(of_floats if is_float(a.type) else of_integers, a, b)


def _larger(f: Function, a: Value, b: Value, op: str = "maximum") -> Value:
    """max(a, b) or min(a, b), which is NaN where one of them is."""
    if is_float(a.type):
        return f.intrinsic(op, a.type, a, b)
    if scalar(a.type) == "i1":
        return f.binary("or" if op == "maximum" else "and", a, b)
    return f.select(f.compare("sgt" if op == "maximum" else "slt", a, b), a, b)


def maximum(f: Function, a: Value, b: Value) -> Value:
    if b.name == str(number(b.type, 0).name) and is_float(a.type):  # max(z, 0): one comparison less
        return f.select(f.compare("ule", a, b), f.select(f.compare("uno", a, a), a, b), a)
    return _larger(f, a, b)


def minimum(f: Function, a: Value, b: Value) -> Value:
    return _larger(f, a, b, "minimum")


def _absolute(f: Function, a: Value) -> Value:
    if is_float(a.type):
        return f.intrinsic("fabs", a.type, a)
    return f.select(f.compare("slt", a, number(a.type, 0)), f.subtract(number(a.type, 0), a), a)


def _negative(f: Function, a: Value) -> Value:
    return f.op(a.type, f"fneg {a}") if is_float(a.type) else f.subtract(number(a.type, 0), a)


def _sign(f: Function, a: Value) -> Value:
    """1, -1, or the number itself, which is 0 or NaN."""
    zero = number(a.type, 0)
    above, below = (f.compare(p, a, zero) for p in (("ogt", "olt") if is_float(a.type) else ("sgt", "slt")))
    return f.select(above, number(a.type, 1), f.select(below, number(a.type, -1), a))


def _add(f: Function, a: Value, b: Value) -> Value:
    return f.binary("or", a, b) if scalar(a.type) == "i1" else f.add(a, b)


def _multiply(f: Function, a: Value, b: Value) -> Value:
    return f.binary("and", a, b) if scalar(a.type) == "i1" else f.multiply(a, b)


def _true(f: Function, a: Value) -> Value:
    if scalar(a.type) == "i1":
        return a
    return f.compare("une" if is_float(a.type) else "ne", a, number(a.type, 0))


def _logical(name: str) -> Callable[..., Value]:
    return lambda f, a, b: f.binary(name, _true(f, a), _true(f, b))


def _not(f: Function, a: Value) -> Value:
    one = _true(f, a)
    return f.binary("xor", one, number(one.type, 1))


def _bits(name: str) -> Callable[..., Value]:
    def write(f: Function, a: Value, b: Value) -> Value:
        return f.binary(name, a, b)

    return write


def _is_infinite(f: Function, a: Value) -> Value:
    return f.compare("oeq", _absolute(f, a), number(a.type, math.inf))


def _is_finite(f: Function, a: Value) -> Value:
    return f.compare("olt", _absolute(f, a), number(a.type, math.inf))


_ARITHMETIC: dict[str, Callable[..., Value]] = {
    "add": _add,
    "subtract": lambda f, a, b: f.subtract(a, b),
    "multiply": _multiply,
    "divide": lambda f, a, b: f.divide(a, b),
    "negative": _negative,
    "positive": lambda f, a: a,
    "copy": lambda f, a: a,
    "absolute": _absolute,
    "fabs": _absolute,
    "sign": _sign,
    "square": lambda f, a: f.multiply(a, a),
    "reciprocal": lambda f, a: f.divide(number(a.type, 1), a),
    "maximum": maximum,
    "minimum": minimum,
    "clip": lambda f, a, low, high: minimum(f, maximum(f, a, low), high),
    "where": lambda f, condition, a, b: f.select(_true(f, condition), a, b),
    "logical_and": _logical("and"),
    "logical_or": _logical("or"),
    "logical_xor": _logical("xor"),
    "logical_not": _not,
    "bitwise_and": _bits("and"),
    "bitwise_or": _bits("or"),
    "bitwise_xor": _bits("xor"),
    "invert": lambda f, a: f.binary("xor", a, number(a.type, 1 if scalar(a.type) == "i1" else -1)),
    "isnan": lambda f, a: f.compare("uno", a, a),
    "isinf": _is_infinite,
    "isfinite": _is_finite,
}


def _floor_divided(f: Function, a: Value, b: Value) -> Value:
    """Return the whole quotient, rounded down, and 0 for a divisor of 0, as NumPy gives it."""
    zero, one = number(a.type, 0), number(a.type, 1)
    by_zero, by_minus_one = f.compare("eq", b, zero), f.compare("eq", b, number(a.type, -1))
    safe = f.select(f.binary("or", by_zero, by_minus_one), one, b)  # the processor stops on x / 0 and on -2⁶³ / -1
    quotient, rest = f.binary("sdiv", a, safe), f.binary("srem", a, safe)
    signs_differ = f.compare("slt", f.binary("xor", rest, safe), zero)
    inexact = f.binary("and", f.compare("ne", rest, zero), signs_differ)
    quotient = f.select(inexact, f.subtract(quotient, one), quotient)
    return f.select(by_zero, zero, f.select(by_minus_one, f.subtract(zero, a), quotient))


def _remainder(f: Function, a: Value, b: Value) -> Value:
    rest = f.subtract(a, f.multiply(_floor_divided(f, a, b), b))
    return f.select(f.compare("eq", b, number(b.type, 0)), number(a.type, 0), rest)


_WHOLE: dict[str, Callable[..., Value]] = {"floor_divide": _floor_divided, "remainder": _remainder}
"""The operations that whole numbers do otherwise than floats."""


def wrapped(f: Function, index: Value, count: Value) -> Value:
    """Return an index as NumPy counts, from the end where it is negative; never one outside the array."""
    index = index if scalar(index.type) == "i64" else f.convert("sext", index, vector("i64", lanes(index.type)))
    length = f.spread(count, lanes(index.type))
    zero, one = number(index.type, 0), number(index.type, 1)
    index = f.select(f.compare("slt", index, zero), f.add(index, length), index)
    index = f.select(f.compare("slt", index, zero), zero, index)
    return f.select(f.compare("sge", index, length), f.subtract(length, one), index)


# Reductions

STATE = {"argmax": 2}
"""The values that a reduction carries, where it is not one: the largest so far, and where it stood."""


def start(kind: str, type: Type) -> tuple[Value, ...]:
    """Return the state of a reduction of nothing."""
    if kind == "add":
        return (number(type, 0),)
    if kind in ("multiply", "logical_and"):
        return (number(type, 1),)
    if kind == "logical_or":
        return (number(type, 0),)
    if kind == "argmax":
        return (_lowest(type), number(vector("i64", lanes(type)), 0))
    return (_lowest(type) if kind == "maximum" else _highest(type),)


def _lowest(type: Type) -> Value:
    if is_float(type):
        return number(type, -math.inf)
    return number(type, 0 if scalar(type) == "i1" else -(2 ** (int(scalar(type)[1:]) - 1)))


def _highest(type: Type) -> Value:
    if is_float(type):
        return number(type, math.inf)
    return number(type, 1 if scalar(type) == "i1" else 2 ** (int(scalar(type)[1:]) - 1) - 1)


def reduced(f: Function, kind: str, state: tuple[Value, ...] | None, value: Value, at: Value) -> tuple[Value, ...]:
    """Return the state with one value more, which stands at the place `at`."""
    if kind in ("logical_and", "logical_or"):
        value = _true(f, value)
    if kind == "argmax":
        best, place = state or start(kind, value.type)
        better = _compared(f, "greater", value, best)
        if is_float(value.type):  # the first NaN counts as the largest
            better = f.binary(
                "or", better, f.binary("and", f.compare("uno", value, value), f.compare("ord", best, best))
            )
        return f.select(better, value, best), f.select(better, at, place)
    return (value,) if state is None else (_STEP[kind](f, state[0], value),)


_STEP: dict[str, Callable[..., Value]] = {
    "add": lambda f, a, b: f.add(a, b),
    "multiply": lambda f, a, b: f.multiply(a, b),
    "maximum": lambda f, a, b: _larger(f, a, b),
    "minimum": lambda f, a, b: _larger(f, a, b, "minimum"),
    "logical_and": lambda f, a, b: f.binary("and", a, b),
    "logical_or": lambda f, a, b: f.binary("or", a, b),
}


def result_of(kind: str, state: tuple[Value, ...]) -> Value:
    """Return the result of a reduction."""
    return state[-1]


def across(f: Function, kind: str, value: Value) -> Value:
    """Return the reduction of the lanes of a vector."""
    if lanes(value.type) == 1:
        return value
    if kind == "add" and is_float(value.type):
        return f.total(value)
    while lanes(value.type) > 1:  # halve the vector: the lanes are a power of two
        half = lanes(value.type) // 2
        low, high = f.shuffle(value, range(half)), f.shuffle(value, range(half, 2 * half))
        value = _STEP[kind](f, low, high)
    return value
