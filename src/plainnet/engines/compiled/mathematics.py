"""NumPy's functions of floats as LLVM IR, for any number of lanes of float or double, by NumPy's names.

Exponentials, logarithms, sine and cosine are plain arithmetic, so that vectors of any width compute them: exp, exp2 and
log to one unit in the last place, expm1, log1p, log2, log10, sin and cos to two, tanh to two and a half. The C library
computes the rarer ones, number by number.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable

from plainnet.engines.compiled import library
from plainnet.engines.compiled.assembly import Function, Value, number
from plainnet.engines.compiled.exponentials import exp, exp2, expm1, tanh
from plainnet.engines.compiled.logarithms import log, log1p, log2, log10
from plainnet.engines.compiled.trigonometry import cos, sin

Written = Callable[..., Value]
"""A function that writes instructions: it takes the Function that is being written and values, and returns a value."""


def logaddexp(f: Function, a: Value, b: Value) -> Value:
    """ln(e^a + e^b) = max + ln(1 + e^-|a - b|)."""
    gap = f.op(a.type, f"fneg {f.intrinsic('fabs', a.type, f.subtract(a, b))}")
    sum = f.add(f.intrinsic("maximum", a.type, a, b), log1p(f, exp(f, gap)))
    return f.select(f.compare("oeq", a, b), f.add(a, number(a.type, math.log(2))), sum)


def logaddexp2(f: Function, a: Value, b: Value) -> Value:
    """log2(2^a + 2^b)."""
    gap = f.op(a.type, f"fneg {f.intrinsic('fabs', a.type, f.subtract(a, b))}")
    more = f.multiply(log1p(f, exp2(f, gap)), number(a.type, 1 / math.log(2)))
    return f.select(
        f.compare("oeq", a, b), f.add(a, number(a.type, 1)), f.add(f.intrinsic("maximum", a.type, a, b), more)
    )


MOST_MULTIPLIED = 4
"""The largest whole exponent that is written as multiplications."""


def constant_of(value: Value) -> float | None:
    """Return the number that a constant of floats is, None for a register."""
    hexadecimal = re.fullmatch(r"(?:splat \(\w+ )?0x([0-9A-F]{16})\)?", value.name)
    return struct.unpack(">d", bytes.fromhex(hexadecimal[1]))[0] if hexadecimal else None


def power(f: Function, x: Value, exponent: Value) -> Value:
    """x^exponent: of a constant small whole number, multiplications, of ½, the root, as NumPy's operator ** has it."""
    known = constant_of(exponent)
    if known == 0.5:
        return f.intrinsic("sqrt", x.type, x)
    if known is None or known != int(known) or abs(known) > MOST_MULTIPLIED:
        return library.BINARY["power"](f, x, exponent)
    result, square, left = number(x.type, 1), x, abs(int(known))
    while left:
        if left % 2:
            result = square if result.name == number(x.type, 1).name else f.multiply(result, square)
        left //= 2
        square = f.multiply(square, square) if left else square
    return f.divide(number(x.type, 1), result) if known < 0 else result


def _intrinsic(name: str) -> Written:
    return lambda f, *values: f.intrinsic(name, values[0].type, *values)


def _times(factor: float) -> Written:
    return lambda f, x: f.multiply(x, number(x.type, factor))


FUNCTIONS: dict[str, Written] = {
    **library.FUNCTIONS,
    "exp": exp,
    "exp2": exp2,
    "expm1": expm1,
    "log": log,
    "log2": log2,
    "log10": log10,
    "log1p": log1p,
    "tanh": tanh,
    "sin": sin,
    "cos": cos,
    "sqrt": _intrinsic("sqrt"),
    "floor": _intrinsic("floor"),
    "ceil": _intrinsic("ceil"),
    "trunc": _intrinsic("trunc"),
    "rint": _intrinsic("rint"),
    "degrees": _times(180 / math.pi),
    "rad2deg": _times(180 / math.pi),
    "radians": _times(math.pi / 180),
    "deg2rad": _times(math.pi / 180),
}
"""NumPy's ufuncs of one float argument, by name."""

BINARY: dict[str, Written] = {
    **library.BINARY,
    "power": power,
    "float_power": power,
    "logaddexp": logaddexp,
    "logaddexp2": logaddexp2,
    "copysign": _intrinsic("copysign"),
}
"""NumPy's ufuncs of two float arguments, by name."""
