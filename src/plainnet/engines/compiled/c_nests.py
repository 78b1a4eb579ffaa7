"""One nest of loops printed as C: its stores, its reductions, and variables for what is used more than once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from plainnet.engines.compiled import c_expressions as c
from plainnet.engines.compiled.c_expressions import CText
from plainnet.engines.compiled.loops import Affine, Dtype, Expression, Extent, Nest, Store, loads

if TYPE_CHECKING:
    from plainnet.engines.compiled.c_code import Loops

SUMMARIES = {
    "add": "sum", "multiply": "product", "maximum": "largest", "minimum": "smallest", "argmax": "place",
    "logical_and": "all", "logical_or": "any",
}  # fmt: skip
"""The name of the variable in which a reduction gathers."""

OF_ONE_ITSELF = {"add", "multiply", "maximum", "minimum"}
"""The reductions that give a single number back."""


@dataclass
class Bound:
    """A nest with the names of its loop variables."""

    nest: Nest
    variables: dict[int, str]


@dataclass
class Group:
    """Nests that share the loops over their places."""

    domain: tuple[Extent, ...]
    nests: list[Bound] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


class Scope:
    """The lines between two braces, and the variables that are declared there."""

    def __init__(self, taken: Collection[str]) -> None:
        self.lines: list[str] = []
        self.known: dict[Expression, CText] = {}
        self.taken = set(taken)

    def variable(self, wanted: str) -> str:
        """Return a name that no other variable has here."""
        name = numbered(wanted, self.taken)
        self.taken.add(name)
        return name


class NestText:
    """The lines of one nest, within the loops over its places."""

    def __init__(self, loops: Loops, bound: Bound, group: Group, before: Scope, inside: Scope) -> None:
        self.loops = loops
        self.nest, self.variables = bound.nest, bound.variables
        self.before, self.inside = before, inside
        self.innermost = Scope(())
        self.innermost.taken = inside.taken
        self.own = {loops.key(store.buffer) for one in group.nests for store in one.nest.stores}
        """The buffers that the group writes, and those that cannot be read before its loops."""
        outer = len(self.nest.domain)
        self.reduced = [(self.variables[outer + i], e) for i, e in enumerate(self.nest.reduced) if e != Extent(1)]
        self.mentions: dict[Expression, int] = {}
        for store in self.nest.stores:
            self._count(store.expression, 1)

    def _count(self, e: Expression, times: int) -> None:
        """Count how often each value stands in the text."""
        is_new = e not in self.mentions
        self.mentions[e] = self.mentions.get(e, 0) + times
        if is_new:
            for argument in e.arguments:
                self._count(argument, c.mentions(e))

    def write(self) -> None:
        """Add the lines to the scopes."""
        kinds = {store.reduction for store in self.nest.stores}
        if kinds == {None} or (not self.reduced and kinds <= OF_ONE_ITSELF):
            for store in self.nest.stores:
                self._assign(store, self._text(store.expression, self.inside))
            return
        states = [self._start(store) for store in self.nest.stores]
        for store, state in zip(self.nest.stores, states, strict=True):
            self._gather(store, state)
        self.inside.lines += self.loops.looped(self.reduced, self.innermost.lines)
        for store, state in zip(self.nest.stores, states, strict=True):
            if state != self._target(store):
                self.inside.lines.append(f"{self._target(store)} = {state};")

    # Stores

    def _target(self, store: Store) -> str:
        key = self.loops.key(store.buffer)
        name = self.loops.names[key]
        return name if key in self.loops.variables else f"{name}[{index(store.place, self.variables)}]"

    def _assign(self, store: Store, text: CText) -> None:
        key = self.loops.key(store.buffer)
        declared = ""
        if key in self.loops.variables:
            declared = f"const {c.type_of(store.buffer.dtype)} "
            self.loops.names[key] = self.inside.variable(self.loops.own_name(store.buffer) or "value")
        self.inside.lines.append(f"{declared}{self._target(store)} = {text.text};")

    def _start(self, store: Store) -> str:
        """Declare the variable of a reduction and return its name."""
        key, kind = self.loops.key(store.buffer), store.reduction or ""
        name = self.inside.variable(SUMMARIES[kind])
        if key in self.loops.variables:
            self.loops.names[key] = name
        if kind == "argmax":
            dtype = store.expression.dtype
            self.inside.lines.append(f"{c.type_of(dtype)} best_{name} = {_first('maximum', dtype).text};")
        dtype = store.buffer.dtype
        first = CText("0") if kind == "argmax" else _first(kind, dtype)
        self.inside.lines.append(f"{c.type_of(dtype)} {name} = {first.text};")
        return name

    def _gather(self, store: Store, name: str) -> None:
        """Write what the reduction does with one value."""
        value, kind = self._text(store.expression, self.innermost), store.reduction
        lines = self.innermost.lines
        if kind in ("add", "multiply"):
            lines.append(f"{name} {'+' if kind == 'add' else '*'}= {value.text};")
            return
        if kind in ("logical_and", "logical_or"):
            lines.append(f"{name} = {c.infix(kind, CText(name), value).text};")
            return
        value = self._named(store.expression, value, self.innermost)
        if kind != "argmax":
            better = c.larger(value, CText(name), ">" if kind == "maximum" else "<", store.expression.dtype.kind == "f")
            lines.append(f"{name} = {better.text};")
            return
        at, best, new = "", f"best_{name}", value.text
        for variable, extent in self.reduced:
            at = f"({at}) * {count(extent)} + {variable}" if at else variable
        first_nan = f" || ({new} != {new} && {best} == {best})" if store.expression.dtype.kind == "f" else ""
        lines.append(f"if ({new} > {best}{first_nan}) {{")
        lines += [f"    {best} = {new};", f"    {name} = {at or '0'};", "}"]

    # Expressions

    def _text(self, e: Expression, here: Scope) -> CText:
        """Return the text of an expression, for the lines of a scope."""
        for scope in (self.before, self.inside, here):
            if e in scope.known:
                return scope.known[e]
        if e.op in ("load", "constant", "index", "argument") and not e.arguments:
            return self._leaf(e)
        scope = self._outermost(e, here)
        text = self._operation(e, scope)
        return self._named(e, text, scope) if scope is not here or self.mentions[e] > 1 else text

    def _named(self, e: Expression, text: CText, scope: Scope) -> CText:
        """Declare a variable for a value that is used more than once, or in an inner loop; return its name."""
        if text.text.isidentifier():
            return text
        name = CText(scope.variable("fixed" if scope is self.before is not self.inside else "t"))
        scope.lines.append(f"const {c.type_of(e.dtype)} {name.text} = {text.text};")
        scope.known[e] = name
        return name

    def _outermost(self, e: Expression, here: Scope) -> Scope:
        """Return the first scope in which the value can be computed."""
        looped = {self.variables[axis] for axis in e.axes if axis in self.variables}
        if here is self.innermost and looped & {variable for variable, _ in self.reduced}:
            return here
        is_steady = not looped and not any(self.loops.key(x.buffer) in self.own for x in loads(e))
        return self.before if is_steady else self.inside

    def _leaf(self, e: Expression) -> CText:
        if e.op == "load":
            key = self.loops.key(e.buffer)
            name = self.loops.names[key]
            return CText(name if key in self.loops.variables else f"{name}[{index(e.place, self.variables)}]")
        if e.op == "constant":
            return c.literal(e.value, e.dtype)
        if e.op == "argument":
            return CText(str(e.value))
        text = index(e.place, self.variables)
        return CText(text, c.PRIMARY if text.isalnum() else c.PLUS)

    def _operation(self, e: Expression, here: Scope) -> CText:
        arguments = [self._text(argument, here) for argument in e.arguments]
        if e.op == "wrapped index":
            return c.wrapped(arguments[0], CText(count(e.value), c.TIMES))
        if e.op != "load":
            return c.written(e, arguments)
        place = CText(index(e.place, self.variables), c.PLUS)
        for moved, factor in zip(arguments, e.factors, strict=True):
            scaled = moved if factor == 1 else c.infix("multiply", CText(str(factor)), moved)
            place = scaled if place.text == "0" else c.infix("add", place, scaled)
        return CText(f"{self.loops.names[self.loops.key(e.buffer)]}[{place.text}]")


def numbered(wanted: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the wanted one, or that with a number."""
    names = (wanted, *(f"{wanted}_{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def index(place: Affine, variables: Mapping[int, str]) -> str:
    """Return an index as C."""
    terms = sorted(((factor, variables[axis]) for axis, factor in place.terms if axis in variables), reverse=True)
    texts = [name if factor == 1 else f"{factor} * {name}" for factor, name in terms]
    texts += [str(place.constant)] if place.constant or not texts else []
    return " + ".join(texts).replace("+ -", "- ")


def count(extent: Extent) -> str:
    """Return how often a loop runs."""
    if not extent.per_row:
        return str(extent.count)
    return "rows" if extent.count == 1 else f"{extent.count} * rows"


def _first(kind: str, dtype: Dtype) -> CText:
    """Return the reduction of nothing."""
    if kind in ("add", "logical_or"):
        return c.literal(0, dtype)
    if kind in ("multiply", "logical_and"):
        return c.literal(1, dtype)
    if dtype.kind == "f":
        return c.literal(-np.inf if kind == "maximum" else np.inf, dtype)
    if dtype.kind == "b":
        return CText("0" if kind == "maximum" else "1")
    limits = np.iinfo(dtype)
    return CText(f"{limits.min + 1} - 1") if kind == "maximum" else CText(str(limits.max))
