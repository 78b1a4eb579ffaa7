"""NumPy's operations on single numbers as C99, with nothing but `math.h`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from plainnet.engines.compiled.loops import Dtype, Expression, Unsupported

PRIMARY, UNARY, TIMES, PLUS, COMPARED, EQUAL, BIT_AND, BIT_XOR, BIT_OR, AND, OR, CHOICE = range(12, 0, -1)
"""The order in which C's operators bind."""


class CText(NamedTuple):
    """An expression of C, and how tightly its outermost operator binds."""

    text: str
    binding: int = PRIMARY

    def within(self, binding: int) -> str:
        """Return the text, in parentheses where an operator that binds at least so tightly stands around it."""
        return self.text if self.binding >= binding else f"({self.text})"


_TYPES = {
    "float32": "float", "float64": "double", "bool": "int", "int8": "signed char", "int16": "short", "int32": "long",
    "int64": "long long", "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned long",
    "uint64": "unsigned long long",
}  # fmt: skip


def type_of(dtype: Dtype) -> str:
    """Return C's type of a number."""
    if dtype.name not in _TYPES:
        raise Unsupported(f"it computes with {dtype.name}")
    return _TYPES[dtype.name]


def memory_type(dtype: Dtype) -> str:
    """Return C's type of a number in an array, where a truth value takes a byte."""
    return "unsigned char" if dtype.kind == "b" else type_of(dtype)


def literal(value: Any, dtype: Dtype) -> CText:
    """Return a number in the fewest digits that give it back."""
    if dtype.kind != "f":
        return CText(str(int(value)), UNARY if value < 0 else PRIMARY)
    if not math.isfinite(value):
        infinity = "INFINITY" if dtype == np.float32 else "HUGE_VAL"
        name = "NAN" if math.isnan(value) else infinity if value > 0 else f"-{infinity}"
        return CText(name, UNARY if name.startswith("-") else PRIMARY)
    digits = str(dtype.type(value))
    return CText(digits + ("f" if dtype == np.float32 else ""), UNARY if digits.startswith("-") else PRIMARY)


_FUNCTIONS = {
    "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10", "log1p": "log1p",
    "sqrt": "sqrt", "cbrt": "cbrt", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "arctan2": "atan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint",
    "absolute": "fabs", "fabs": "fabs", "hypot": "hypot", "fmod": "fmod", "copysign": "copysign", "fmax": "fmax",
    "fmin": "fmin", "power": "pow",
}  # fmt: skip
"""NumPy's functions of floating-point numbers by their names in `math.h`; those of float end in f."""

_INFIX = {
    "add": ("+", PLUS), "subtract": ("-", PLUS), "multiply": ("*", TIMES), "divide": ("/", TIMES),
    "greater": (">", COMPARED), "greater_equal": (">=", COMPARED), "less": ("<", COMPARED),
    "less_equal": ("<=", COMPARED), "equal": ("==", EQUAL), "not_equal": ("!=", EQUAL),
    "logical_and": ("&&", AND), "logical_or": ("||", OR), "bitwise_and": ("&", BIT_AND),
    "bitwise_or": ("|", BIT_OR), "bitwise_xor": ("^", BIT_XOR),
}  # fmt: skip

_OF_TRUTH = {"add": "logical_or", "multiply": "logical_and", "bitwise_and": "logical_and", "bitwise_or": "logical_or"}
"""The operations of truth values that have another name in C."""

_TWICE = {"maximum", "minimum", "clip", "square", "sign", "remainder", "logaddexp", "wrapped index", "isfinite"}
"""Operations in whose text an argument stands more than once."""


def mentions(e: Expression) -> int:
    """Return how often the arguments stand in the text of an operation: once, or more often."""
    return 2 if e.op in _TWICE or _exponent(e) == 2 or (e.op == "absolute" and e.dtype.kind != "f") else 1


def written(e: Expression, arguments: list[CText]) -> CText:
    """Return the operation of an expression on its arguments."""
    op = e.op
    dtype = e.arguments[0].dtype
    if op == "astype":
        return _converted(arguments[0], dtype, e.dtype)
    if dtype.kind == "b":
        op = _OF_TRUTH.get(op, op)
    if op in _INFIX and not (dtype.kind != "f" and op == "divide"):
        return infix(op, *arguments)
    if op == "invert" and dtype.kind != "b":
        return CText(f"~{arguments[0].within(UNARY)}", UNARY)
    if op in _OF_WHOLE and dtype.kind != "f":
        return _OF_WHOLE[op](*arguments)
    if op in _WRITTEN:
        return _WRITTEN[op](*arguments)
    if dtype.kind == "f":
        exponent = _exponent(e)
        if exponent == 2:
            return infix("multiply", arguments[0], arguments[0])
        name = {0.5: "sqrt"}.get(exponent or 0) or _FUNCTIONS.get(op)
        if name:
            inside = arguments[:1] if name == "sqrt" else arguments
            return call(name, dtype, *inside)
        if op in _REAL:
            return _REAL[op](dtype, *arguments)
    elif op in ("floor", "ceil", "trunc", "rint"):
        return arguments[0]
    elif op == "absolute":
        return _choice(infix("less", arguments[0], CText("0")), negative(arguments[0]), arguments[0])
    raise Unsupported(f"it uses np.{e.op} of {dtype.name}, for which there is no C here")


def call(name: str, dtype: Dtype, *arguments: CText) -> CText:
    """Return the call of a function of `math.h`."""
    return CText(f"{name}{'f' if dtype == np.float32 else ''}({', '.join(a.text for a in arguments)})")


def infix(op: str, a: CText, b: CText) -> CText:
    """Return an operation that C writes between its arguments."""
    sign, binding = _INFIX[op]
    left, right = binding, binding + 1
    if op == "logical_or":  # compilers warn of && within || without parentheses
        left, right = AND + 1, AND + 1
        left = OR if a.binding == OR else left
    if op == "add" and b.text.startswith("-") and b.binding == UNARY:
        return CText(f"{a.within(left)} - {b.text[1:]}", binding)
    return CText(f"{a.within(left)} {sign} {b.within(right)}", binding)


def negative(a: CText) -> CText:
    """Return -a."""
    return CText(f"-{a.within(PRIMARY)}", UNARY)


def _exponent(e: Expression) -> float | None:
    """Return the exponent of a power, where it is one of those that NumPy, too, computes otherwise."""
    if e.op != "power" or e.dtype.kind != "f" or e.arguments[1].op != "constant":
        return None
    value = float(e.arguments[1].value)
    return value if value in (2, 0.5) else None


def _converted(a: CText, source: Dtype, goal: Dtype) -> CText:
    if source == goal:
        return a
    if goal.kind == "b":
        return infix("not_equal", a, CText("0"))
    return CText(f"({type_of(goal)}){a.within(UNARY)}", UNARY)


def _choice(condition: CText, a: CText, b: CText) -> CText:
    return CText(f"{condition.within(OR)} ? {a.within(OR)} : {b.within(CHOICE)}", CHOICE)


def larger(a: CText, b: CText, than: str = ">", real: bool = True) -> CText:
    """Return max(a, b), or min(a, b) with `than` "<"; of real numbers it is NaN where one of them is."""
    if _is_number(a):
        a, b = b, a
    if _is_number(b):  # only a can be NaN
        return _choice(CText(f"{a.within(PLUS)} {'<' if than == '>' else '>'} {b.text}", COMPARED), b, a)
    text = f"{a.within(PLUS)} {than} {b.within(PLUS)}"
    if real:
        text += f" || {a.within(PLUS)} != {a.within(PLUS)}"
    return _choice(CText(text, OR), a, b)


def _is_number(a: CText) -> bool:
    return a.text.lstrip("-")[0].isdigit() or a.text.lstrip("-") in ("INFINITY", "HUGE_VAL")


def _smaller(a: CText, b: CText) -> CText:
    return larger(a, b, "<")


def _sign(a: CText) -> CText:
    """1, -1, or the number itself, which is 0 or NaN."""
    one, zero = CText("1"), CText("0")
    return _choice(infix("greater", a, zero), one, _choice(infix("less", a, zero), negative(one), a))


_WRITTEN: dict[str, Callable[..., CText]] = {
    "negative": negative,
    "positive": lambda a: a,
    "copy": lambda a: a,
    "square": lambda a: infix("multiply", a, a),
    "maximum": larger,
    "minimum": _smaller,
    "clip": lambda a, low, high: _smaller(larger(a, low), high),
    "where": _choice,
    "sign": _sign,
    "logical_not": lambda a: CText(f"!{a.within(UNARY)}", UNARY),
    "logical_xor": lambda a, b: infix("not_equal", *(CText(f"!{x.within(UNARY)}", UNARY) for x in (a, b))),
    "invert": lambda a: CText(f"!{a.within(UNARY)}", UNARY),
}


_OF_WHOLE: dict[str, Callable[..., CText]] = {
    "maximum": lambda a, b: larger(a, b, real=False),
    "minimum": lambda a, b: larger(a, b, "<", real=False),
    "clip": lambda a, low, high: larger(larger(a, low, real=False), high, "<", real=False),
}
"""The same for whole numbers, none of which is NaN."""


def _remainder(dtype: Dtype, a: CText, b: CText) -> CText:
    """Return what is left of a / b, with the sign of b."""
    left = call("fmod", dtype, a, b)
    return _choice(infix("less", infix("multiply", left, b), literal(0, dtype)), infix("add", left, b), left)


def _logaddexp(dtype: Dtype, a: CText, b: CText) -> CText:
    """max(a, b) + ln(1 + e^-|a - b|)."""
    distance = negative(call("fabs", dtype, infix("subtract", a, b)))
    return infix("add", CText(f"({larger(a, b).text})"), call("log1p", dtype, call("exp", dtype, distance)))


_REAL: dict[str, Callable[..., CText]] = {
    "reciprocal": lambda dtype, a: infix("divide", literal(1, dtype), a),
    "remainder": _remainder,
    "floor_divide": lambda dtype, a, b: call("floor", dtype, infix("divide", a, b)),
    "logaddexp": _logaddexp,
    "isnan": lambda dtype, a: CText(f"isnan({a.text})"),
    "isfinite": lambda dtype, a: CText(f"isfinite({a.text})"),
    "isinf": lambda dtype, a: CText(f"isinf({a.text})"),
}


def wrapped(index: CText, count: CText) -> CText:
    """Return an index as NumPy counts, from the end where it is negative; never one outside the array."""
    i, n = index.within(PLUS), count.within(TIMES)
    text = f"{i} < -{n} ? 0 : {i} < 0 ? {i} + {n} : {i} < {n} ? {i} : {n} - 1"
    return CText(text, CHOICE)


def formula(e: Expression) -> CText:
    """Return an expression of numbers that have a name, without arrays, as one formula."""
    if e.op == "constant":
        return literal(e.value, e.dtype)
    if e.op == "argument":
        return CText(str(e.value))
    return written(e, [formula(argument) for argument in e.arguments])
