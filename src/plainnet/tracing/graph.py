"""A graph: what a function of NumPy computes, operation by operation, with every shape and dtype.

A `Node` is one operation and never changes. Its operation is the name of a NumPy function wherever there is one, so
that NumPy itself is the interpreter: `compute` below is all that `Graph.run` needs.
"""

import operator
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from plainnet._base.arrays import Array, Shape
from plainnet.errors import InvalidValue

ARRAY = "array"
"""The entry of an index in whose place the next of the index arrays stands."""


@dataclass(frozen=True)
class ShapeDtype:
    """A ShapeDtype is the `shape` and `dtype` of an array that is not there yet, as an example for `trace`."""

    shape: Shape
    dtype: Any = np.float32


@dataclass(frozen=True)
class Number:
    """A Number is a Python number that differs from run to run, such as the learning rate, as an example for `trace`.

    `kind` is float or int. As a Python number it takes the dtype of the array that it meets.
    """

    kind: type[float] | type[int] = float


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """A node is one operation: its name, the nodes it takes, its settings, and the shape and dtype of its result.

    `op` is the name, of a NumPy function wherever there is one, `inputs` are the nodes, `attributes` the settings;
    `shape` and `dtype` are those of the result. `name` is that of an argument of the function, None for others. A
    `weak` node is a Python number (a float for float64, an int for int64), computed by Python itself.
    """

    op: str
    inputs: "tuple[Node, ...]" = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    shape: Shape = ()
    dtype: np.dtype[Any] = np.dtype(np.float64)  # noqa: RUF009
    name: str | None = None
    weak: bool = False

    def __repr__(self) -> str:
        return f"<{self.name or self.op}: {'number' if self.weak else self.dtype} {self.shape}>"


PYTHON: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "negative": operator.neg,
    "absolute": abs,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "less": operator.lt,
    "less_equal": operator.le,
    "equal": operator.eq,
    "not_equal": operator.ne,
}
"""The operations on Python numbers."""


def _setitem(x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]) -> Array:
    changed = np.array(x)
    changed[_filled(index, arrays)] = value
    return changed


def _add_at(x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]) -> Array:
    changed = np.array(x)
    np.add.at(changed, _filled(index, arrays), value)
    return changed


def _filled(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    remaining = iter(arrays)
    return tuple(next(remaining) if isinstance(entry, str) else entry for entry in index)


_COMPUTED: dict[str, Callable[..., Any]] = {
    "constant": lambda value: value,
    "copy": lambda x: np.array(x, order="C"),
    "astype": lambda x, dtype: x.astype(dtype) if isinstance(x, np.ndarray | np.generic) else dtype.type(x),
    "reshape": lambda x, shape: x.reshape(shape),
    "full": lambda value, shape: np.full(shape, value),
    "concatenate": lambda *parts, axis: np.concatenate(parts, axis),
    "getitem": lambda x, *arrays, index: x[_filled(index, arrays)],
    "setitem": _setitem,
    "add_at": _add_at,
    "matmul": lambda a, b: a @ b,
    "sum_over_ranks": lambda x: x,  # of this process alone
}
"""The operations that are no function of NumPy's by that name, or take their arguments otherwise."""


def compute(op: str, attributes: Mapping[str, Any], *values: Any) -> Any:
    """Return the result of one operation on arrays."""
    if op in _COMPUTED:
        return _COMPUTED[op](*values, **attributes)
    if "function" in attributes:  # a subgraph that `fold` has recognized
        return attributes["function"](*values)
    if op == "power" and np.ndim(values[0]) == 0:
        return values[0] ** values[1]  # NumPy computes the powers of single numbers otherwise than those of arrays
    return getattr(np, op)(*values, **attributes)


def evaluate(node: Node, *values: Any) -> Any:
    """Return the result of a node for the values of its inputs."""
    if node.weak and node.op in PYTHON:
        return PYTHON[node.op](*values)
    return compute(node.op, node.attributes, *values)


def make(op: str, *inputs: Node, **attributes: Any) -> Node:
    """Return the node of an operation; NumPy itself says which shape and dtype it has."""
    if op in PYTHON and all(node.weak for node in inputs):
        example = PYTHON[op](*(node.dtype.type(1).item() for node in inputs))
        return Node(op, inputs, attributes, (), np.dtype(type(example)), weak=True)
    shape, dtype = _shape_and_dtype(op, inputs, attributes)
    return Node(op, inputs, attributes, shape, dtype)


def _shape_and_dtype(op: str, inputs: tuple[Node, ...], attributes: Mapping[str, Any]) -> tuple[Shape, np.dtype[Any]]:
    """Return what NumPy gives; it is asked on arrays of zeros that take no memory, and no large array is computed."""
    first, ufunc = inputs[0], getattr(np, op, None)
    if op in ("where", "clip"):
        return _broadcast(inputs), inputs[1].dtype
    if isinstance(ufunc, np.ufunc) and ufunc.signature is None:
        return _broadcast(inputs), ufunc.resolve_dtypes((*(node.dtype for node in inputs), None))[-1]
    if op in ("copy", "astype", "full"):
        return attributes.get("shape", first.shape), attributes.get("dtype", first.dtype)
    if "keepdims" in attributes:
        kept = [(n, i in attributes["axis"]) for i, n in enumerate(first.shape)]
        shape = tuple(1 if reduced else n for n, reduced in kept if attributes["keepdims"] or not reduced)
        return shape, compute(op, attributes, np.zeros((1,) * len(kept), first.dtype)).dtype
    stand_ins = [np.broadcast_to(np.zeros((), x.dtype), x.shape) for x in inputs]
    if op in ("setitem", "add_at"):
        part = stand_ins[0][_filled(attributes["index"], tuple(stand_ins[2:]))]
        np.broadcast_to(stand_ins[1], part.shape)  # which NumPy refuses for values of another shape
        return first.shape, first.dtype
    if op == "matmul" and min(len(x.shape) for x in inputs) > 1 and first.shape[-1] == inputs[1].shape[-2]:
        rest = np.broadcast_shapes(first.shape[:-2], inputs[1].shape[:-2])
        return (*rest, first.shape[-2], inputs[1].shape[-1]), first.dtype
    result = compute(op, attributes, *stand_ins)
    return result.shape, result.dtype


def constant(value: Any) -> Node:
    """Return the node of a value: an array, a NumPy scalar, or a Python number, which stays one."""
    if type(value) in (int, float):
        return Node("constant", (), {"value": value}, (), np.dtype(type(value)), weak=True)
    value = np.array(value)[()]
    return Node("constant", (), {"value": value}, value.shape, value.dtype)


def _broadcast(inputs: tuple[Node, ...]) -> Shape:
    return np.broadcast_shapes(*(node.shape for node in inputs))


def ordered(roots: Iterable[Node], first: Iterable[Node] = (), known: Container[Node] = ()) -> tuple[Node, ...]:
    """Return the nodes that lead to the roots, each after those that it takes; what is known is not looked into."""
    order = dict.fromkeys(first)
    roots = tuple(roots)
    waiting = [*roots[::-1]]
    while waiting:
        node = waiting[-1]
        is_end = node in known and node not in roots
        missing = [] if is_end else [given for given in node.inputs if given not in order]
        if missing:
            waiting += reversed(missing)
        else:
            order[waiting.pop()] = None
    return tuple(order)


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph is what a traced function computes: nodes in place of the arrays of its arguments and of its result."""

    arguments: tuple[Any, ...]
    """The function's arguments, an input node in place of each array, generator and `Number`."""

    result: Any
    """The value that the function returns, with a node in place of each array."""

    updates: Mapping[Node, Node]
    """The inputs that the function changes in place, each with its new value."""

    draws: tuple[Node, ...] = ()
    """The random numbers in the order in which they are drawn, those that nothing uses included."""

    @cached_property
    def inputs(self) -> tuple[Node, ...]:
        """One node for each array, generator and `Number` among the arguments."""
        return tuple(leaf for leaf in leaves(self.arguments) if isinstance(leaf, Node))

    @cached_property
    def outputs(self) -> tuple[Node, ...]:
        """The nodes of the result."""
        return tuple(leaf for leaf in leaves(self.result) if isinstance(leaf, Node))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, each after those that it takes."""
        return ordered((*self.outputs, *self.updates.values()), (*self.inputs, *self.draws))

    def values(self, *arguments: Any) -> dict[Node, Any]:
        """Return the value of every node, for arguments like the traced ones."""
        values = dict(self._given(arguments))
        with np.errstate(all="ignore"):
            for draw in self.draws:
                values[draw] = _drawn(values[draw.attributes["generator"]], draw)
            for node in self.nodes:
                if node not in values:
                    values[node] = evaluate(node, *(values[given] for given in node.inputs))
        return values

    def run(self, *arguments: Any) -> Any:
        """Return what the traced function returns for these `arguments`, which change in place as they do there."""
        values = self.values(*arguments)
        new_values = {node: np.array(values[new]) for node, new in self.updates.items()}
        kept = {node: copy(values[node]) for node in self.outputs} if new_values else values
        result = mapped(lambda leaf: kept[leaf] if isinstance(leaf, Node) else leaf, self.result)
        for node, new in new_values.items():
            values[node][...] = new
        return result

    def _given(self, arguments: tuple[Any, ...]) -> Iterator[tuple[Node, Any]]:
        """Yield each input with its value."""
        if len(arguments) != len(self.arguments):
            raise InvalidValue(
                f"the graph has {len(self.arguments)} arguments, as the traced function; {len(arguments)} came"
            )
        for expected, given in zip(leaves(self.arguments), leaves(arguments), strict=True):
            if not isinstance(expected, Node):
                if isinstance(expected, bool | int | float | str | None) and expected != given:
                    raise InvalidValue(f"an argument is {given!r}; the graph was traced with {expected!r}")
                continue
            if expected.op == "input" and not expected.weak:
                array = np.asarray(given)
                if array.shape != expected.shape or array.dtype != expected.dtype:
                    raise InvalidValue(
                        f"{expected.name} is {array.dtype} of shape {array.shape}; "
                        f"the graph was traced with {expected.dtype} of shape {expected.shape}"
                    )
            yield expected, given


def _drawn(generator: Any, draw: Node) -> Any:
    method = getattr(generator, draw.attributes["method"])
    return method() if draw.weak else method(draw.shape, dtype=draw.dtype)


def leaves(structure: Any) -> Iterator[Any]:
    """Yield what tuples, lists and dicts hold, however deep."""
    if isinstance(structure, tuple | list):
        for part in structure:
            yield from leaves(part)
    elif isinstance(structure, dict):
        yield from leaves(tuple(structure.values()))
    else:
        yield structure


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return the structure with `function` of each leaf in its place."""
    if isinstance(structure, tuple | list):
        parts = [mapped(function, part) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    if isinstance(structure, dict):
        return {key: mapped(function, part) for key, part in structure.items()}
    return function(structure)
