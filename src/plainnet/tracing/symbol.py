"""Symbols: they stand in for arrays in a function that NumPy runs, and record what it computes.

NumPy hands each ufunc and each function that is called on a symbol to the symbol (`__array_ufunc__`, NEP 13, and
`__array_function__`, NEP 18). The values are nodes and never change. A symbol is a name of a value, and a change in
place gives the name another value: after `z += bias` the symbol z means the node of the sum.

A view, such as `parameters[2:6]`, has no value of its own. It reads its parent's each time and, changed in place,
writes it, so that all who share memory in NumPy see each other's changes.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from plainnet._base.arrays import Shape
from plainnet.tracing.graph import Node, constant, make
from plainnet.tracing.indexing import index_of, is_whole
from plainnet.tracing.untraceable import untraceable

Read = Callable[[Node], Node]
"""The parent's value -> the view's."""

Write = Callable[[Node, Node], Node]
"""(the parent's value, the view's new value) -> the parent's new value."""


class View(NamedTuple):
    """The part that a view takes of its parent; `key` is the index, if an index made the view."""

    parent: "Symbol"
    read: Read
    write: Write
    key: Any = None


def _reduction(op: str) -> Any:
    """Return the method of an array that reduces it along axes."""

    def reduce(
        x: Any, axis: Any = None, dtype: Any = None, *, out: Any = None, keepdims: bool = False, **options: Any
    ) -> Any:
        _refuse_options(op, options)
        node = node_of(x)
        if out is not None and dtype is None and op in ("sum", "prod", "mean"):
            dtype = out.dtype  # NumPy sums in the dtype of the array that takes the sum
        attributes = {} if dtype is None or np.dtype(dtype) == node.dtype else {"dtype": np.dtype(dtype)}
        axes = _axes(axis, len(node.shape))
        return recorded(make(op, node, axis=axes, keepdims=bool(keepdims), **attributes), (x,), out)

    return reduce


def _needs_numbers(reason: str) -> Callable[..., NoReturn]:
    """Return a method that only an array with numbers has."""

    def fail(*arguments: Any, **options: Any) -> NoReturn:
        raise untraceable(reason)

    return fail


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A symbol stands in for an array in a function that is traced, and records what is computed with it.

    `node` is its value, `view` the part of another symbol that it shows, if it does, and `contiguous` is True if the
    array would lie in memory row by row. Methods of NumPy's arrays do what they do there.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, node: Node, contiguous: bool = False, view: View | None = None) -> None:
        self._value = node
        self._view = view
        self._seen = view.parent.node if view else None  # the parent's value that `_value` was read from
        self._shared = ""  # why a change in place might change other arrays, too
        self.contiguous = contiguous or len(node.shape) < 2

    @property
    def node(self) -> Node:
        """The present value."""
        if self._view and self._seen is not self._view.parent.node:
            self._seen = self._view.parent.node
            self._value = self._view.read(self._seen)
        return self._value

    def become(self, value: Any) -> "Symbol":
        """Change all of the array in place, as `x[...] = value` does."""
        node = node_of(value, self.dtype)
        if not np.can_cast(node.dtype, self.dtype, "same_kind"):
            raise TypeError(f"{node.dtype} values cannot be written into an array of {self.dtype}")
        node = cast(node, self.dtype)
        if node.shape != self.shape:
            if np.broadcast_shapes(node.shape, self.shape) != self.shape:
                raise ValueError(f"values of shape {node.shape} cannot be written into an array of shape {self.shape}")
            node = make("broadcast_to", node, shape=self.shape)
        if self.ndim > 1:  # the array goes on to lie in memory as it does, which decides the order of a sum
            whole = (slice(None),) * self.ndim
            node = make("copy", node) if self.contiguous else make("setitem", self.node, node, index=whole)
        self._replace(node)
        return self

    def _replace(self, node: Node) -> None:
        if self._shared:
            raise untraceable(f"an array is changed in place {self._shared}; change it before, or change a copy")
        if self._view:
            self._view.parent._replace(self._view.write(self._view.parent.node, node))
            self._seen = self._view.parent.node
        self._value = node

    def share(self, reason: str) -> None:
        """Let nobody change the array in place from now on; `reason` says why, for the error."""
        self._shared = reason
        if self._view:
            self._view.parent.share(reason)

    # What NumPy asks for

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        return apply_ufunc(ufunc, method, inputs, out[0] if out else None, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        from plainnet.tracing.functions import FUNCTIONS

        name = f"{str(function.__module__).replace('numpy', 'np')}.{function.__name__}"
        if function not in FUNCTIONS:
            raise untraceable(f"{name} is not among the functions that can be traced")
        unknown = options.keys() - inspect.signature(FUNCTIONS[function]).parameters
        if unknown:
            raise untraceable(f"the argument {min(unknown)} of {name} cannot be traced")
        return FUNCTIONS[function](*arguments, **options)

    __array__ = _needs_numbers(
        "a traced array, which has no numbers yet, is made a plain one: by np.asarray or np.array, by writing it "
        "into a plain array, or by a function of another library"
    )

    # What Python asks for

    __bool__ = _needs_numbers(
        "a branch (if, while, and, or, min, max) depends on values; np.where, np.minimum and np.maximum do not"
    )
    __float__ = _needs_numbers(
        "a number is taken out of an array, by float() or by a function of math; NumPy's own, as np.exp, are traced"
    )
    __int__ = _needs_numbers("a number is taken out of an array, by int()")
    __index__ = _needs_numbers("a value is used as a count or as an index of a plain array or list")
    __iter__ = _needs_numbers("a loop takes the rows one by one; an operation on the whole array is traced")
    __contains__ = _needs_numbers("`in` depends on values")

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            raise untraceable(f"{name} of an array is not among the methods that can be traced")
        raise AttributeError(f"an array has no attribute {name!r}")

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Symbol({self.node!r})"

    def __pow__(self, exponent: Any) -> Any:
        """Record a power as ndarray computes it: some by a function of their own."""
        if self.shape and type(exponent) in (int, float):
            own = {2: np.square, 1: np.positive} | ({0.5: np.sqrt, -1: np.reciprocal} if self.dtype.kind == "f" else {})
            if exponent in own:
                return own[exponent](self)
        return np.power(self, exponent)

    def __ipow__(self, exponent: Any) -> "Symbol":
        return self.become(self**exponent)

    # Parts of an array

    def view(self, read: Read, write: Write, contiguous: bool, key: Any = None) -> "Symbol":
        """Return a symbol that shares this one's memory."""
        return Symbol(read(self.node), contiguous, View(self, read, write, key))

    def __getitem__(self, index: Any) -> "Symbol":
        key, arrays = index_of(index, self.shape)
        if arrays:
            return Symbol(make("getitem", self.node, *arrays, index=key))
        return self.view(
            lambda parent: make("getitem", parent, index=key),
            lambda parent, value: make("setitem", parent, value, index=key),
            self.contiguous and _keeps_order(self.shape, key),
            key,
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, Symbol) and index.dtype == np.bool_:
            self._set_where(index, value)
            return
        key, arrays = index_of(index, self.shape)
        if not arrays and None not in key and is_whole(key):
            self.become(value)
            return
        view = value._view if isinstance(value, Symbol) else None
        if view and view.parent is self and view.key == key and not arrays:
            return  # x[a:b] += 1 has been written by the view already
        node = node_of(value, self.dtype)
        self._replace(make("setitem", self.node, cast(node, self.dtype), *arrays, index=key))

    def add_at(self, index: Any, value: Any) -> None:
        """Record np.add.at, which adds `value` as often as a place stands in the `index`."""
        key, arrays = index_of(index, self.shape)
        node = node_of(value, self.dtype)
        if not np.can_cast(node.dtype, self.dtype, "same_kind"):
            raise TypeError(f"{node.dtype} values cannot be added to an array of {self.dtype}")
        self._replace(make("add_at", self.node, cast(node, self.dtype), *arrays, index=key))

    def _set_where(self, mask: "Symbol", value: Any) -> None:
        node = node_of(value, self.dtype)
        if mask.shape != self.shape or node.shape:
            raise untraceable("which elements are written depends on values; np.where is traced")
        self._replace(make("where", mask.node, cast(node, self.dtype), self.node))

    def transpose(self, *axes: Any) -> "Symbol":
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        order = tuple(axis % self.ndim for axis in given or range(self.ndim)[::-1])
        back = tuple(order.index(axis) for axis in range(self.ndim))
        return self.view(
            lambda parent: make("transpose", parent, axes=order),
            lambda parent, value: make("transpose", value, axes=back),
            self.contiguous and order == tuple(range(self.ndim)),
        )

    def swapaxes(self, first: int, second: int) -> "Symbol":
        order = list(range(self.ndim))
        order[first], order[second] = order[second], order[first]
        return self.transpose(order)

    def reshape(self, *shape: Any) -> "Symbol":
        given = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        new, old = np.broadcast_to(np.False_, self.shape).reshape(given).shape, self.shape
        if self.contiguous:
            return self.view(
                lambda parent: make("reshape", parent, shape=new),
                lambda parent, value: make("reshape", value, shape=old),
                contiguous=True,
            )
        symbol = Symbol(make("reshape", self.node, shape=new))
        for one in (self, symbol):
            one.share("after a reshape, which NumPy makes a view or a copy as the memory lies")
        return symbol

    def ravel(self) -> "Symbol":
        return self.reshape(-1)

    def flatten(self) -> "Symbol":
        return Symbol(make("copy", make("reshape", self.node, shape=(self.size,))))

    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> "Symbol":
        axes = _axes(axis, self.ndim) if axis is not None else tuple(i for i, n in enumerate(self.shape) if n == 1)
        if any(self.shape[i] != 1 for i in axes):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
        return self[tuple(0 if i in axes else slice(None) for i in range(self.ndim))]

    def take(self, indices: Any, axis: int | None = None) -> "Symbol":
        if axis is None:
            return self.reshape(-1)[np.asarray(indices) if isinstance(indices, list | tuple) else indices]
        return self[(slice(None),) * (axis % self.ndim) + (indices,)]

    # Attributes and other methods of an array

    @property
    def shape(self) -> Shape:
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._value.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.intp))

    @property
    def T(self) -> "Symbol":  # noqa: N802
        return self.transpose()

    sum, mean, prod, max, min, any, all = map(_reduction, ("sum", "mean", "prod", "max", "min", "any", "all"))

    def argmax(self, axis: int | None = None, **options: Any) -> "Symbol":
        _refuse_options("argmax", options)
        return Symbol(make("argmax", self.node, axis=None if axis is None else axis % self.ndim))

    def var(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False, **options: Any) -> Any:
        """Record the variance in the steps in which NumPy takes it."""
        _refuse_options("var", options)
        centred = self - self.mean(axis, keepdims=True)
        total = (centred * centred).sum(axis, keepdims=keepdims)
        return total / (self.size // total.size - ddof)

    def std(self, axis: Any = None, **options: Any) -> Any:
        return np.sqrt(self.var(axis, **options))

    def clip(self, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
        low, high = a_min if min is None else min, a_max if max is None else max
        if low is None or high is None:
            return np.minimum(self, high, out=out) if low is None else np.maximum(self, low, out=out)
        return recorded(elementwise("clip", self, low, high), (self, low, high), out)

    def dot(self, other: Any) -> Any:
        if not self.shape or not np.shape(other):
            return np.multiply(self, other)
        return np.matmul(self, other)

    def astype(self, dtype: Any, copy: bool = True) -> "Symbol":
        dtype = np.dtype(dtype)
        return self if dtype == self.dtype and not copy else Symbol(cast(self.node, dtype), self.contiguous)

    def copy(self, memo: Any = None) -> "Symbol":
        return Symbol(make("copy", self.node), contiguous=True)

    __copy__ = __deepcopy__ = copy

    def fill(self, value: Any) -> None:
        self.become(value)


def _keeps_order(shape: Shape, key: tuple[Any, ...]) -> bool:
    """Return True if the part x[key] of a contiguous array lies in memory row by row.

    One row counts as several, so that a batch of one row has the graph of any other.
    """
    return bool(np.empty([max(length, 2) for length in shape], np.bool_)[key].flags.c_contiguous)


class NumberSymbol(Symbol):
    """A stand-in for a Python number. Arithmetic with Python numbers gives another one, as in Python."""


def _number_operator(op: str, reflected: bool = False) -> Callable[[Any, Any], Any]:
    def operate(number: Any, other: Any) -> Any:
        operands = (other, number) if reflected else (number, other)
        if isinstance(other, NumberSymbol) or type(other) in (int, float):
            return NumberSymbol(make(op, *map(node_of, operands)))
        return getattr(np, op)(*operands)

    return operate


_ARITHMETIC = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power"}
_ARITHMETIC |= {"floordiv": "floor_divide", "mod": "remainder"}
_COMPARISONS = {"gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal"}
for _word, _op in (_ARITHMETIC | _COMPARISONS | {"ne": "not_equal"}).items():
    setattr(NumberSymbol, f"__{_word}__", _number_operator(_op))
    setattr(NumberSymbol, f"__r{_word}__", _number_operator(_op, reflected=True))
    setattr(NumberSymbol, f"__i{_word}__", _number_operator(_op))  # a number is replaced, not changed in place
for _word, _op in {"neg": "negative", "abs": "absolute"}.items():
    setattr(NumberSymbol, f"__{_word}__", lambda number, op=_op: NumberSymbol(make(op, number.node)))


# Recording


REDUCTIONS = {
    np.add: "sum",
    np.maximum: "max",
    np.minimum: "min",
    np.multiply: "prod",
    np.logical_or: "any",
    np.logical_and: "all",
}


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], out: Any, options: dict[str, Any]) -> Any:
    """Record a ufunc or its `reduce`."""
    name = ufunc.__name__
    if getattr(np, name, None) is not ufunc:
        raise untraceable(f"{name} is a function of another library than NumPy; write its formula with NumPy's")
    if ufunc.nout != 1 or (ufunc.signature is not None and ufunc is not np.matmul):
        raise untraceable(f"np.{name} is not among the functions that can be traced")
    if method == "reduce" and ufunc in REDUCTIONS:
        return _reduction(REDUCTIONS[ufunc])(inputs[0], out=out, **{"axis": 0, **options})
    if method == "at" and ufunc is np.add and isinstance(inputs[0], Symbol):
        return inputs[0].add_at(*inputs[1:])
    if method != "__call__":
        raise untraceable(f"np.{name}.{method} is not among the functions that can be traced")
    _refuse_options(name, options)
    if ufunc is np.matmul:
        return recorded(product(*map(node_of, inputs)), (), out)
    return recorded(elementwise(name, *inputs), inputs, out)


def _refuse_options(function: str, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if value is not None and not (name == "where" and value is True):
            raise untraceable(f"the argument {name} of np.{function} cannot be traced")


def recorded(node: Node, operands: Sequence[Any], out: Any = None) -> Any:
    """Return a symbol of the node, which lies in memory as its operands do, or write the node into the array `out`."""
    out = out[0] if isinstance(out, tuple) else out
    if out is None:
        return Symbol(node, all(x.contiguous if isinstance(x, Symbol) else _is_contiguous(x) for x in operands))
    if not isinstance(out, Symbol):
        raise untraceable("a plain array, which is no argument of the traced function, is changed in place")
    return out.become(Symbol(node))


def _is_contiguous(x: Any) -> bool:
    return np.asarray(x).flags.c_contiguous


def elementwise(op: str, *operands: Any) -> Node:
    """Record a ufunc: NumPy says in which dtypes it computes, and each operand is cast to its own."""
    nodes = [node_of(operand) for operand in operands]
    kinds = [type(node.dtype.type(0).item()) if node.weak else node.dtype for node in nodes]
    if op in ("where", "clip"):
        choices = kinds[1:] if op == "where" else kinds
        dtype = np.result_type(*(kind(0) if isinstance(kind, type) else kind for kind in choices))
        loop = [np.dtype(np.bool_) if op == "where" else dtype, dtype, dtype]
    else:
        loop = getattr(np, op).resolve_dtypes((*kinds, None))[:-1]
    return make(op, *(cast(node, dtype) for node, dtype in zip(nodes, loop, strict=True)))


def product(a: Node, b: Node) -> Node:
    """Record a @ b."""
    dtype = np.matmul.resolve_dtypes((a.dtype, b.dtype, None))[0]
    return make("matmul", cast(a, dtype), cast(b, dtype))


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for one in axes:
        if not -ndim <= one < ndim:
            raise np.exceptions.AxisError(one, ndim)
    return tuple(sorted(one % ndim for one in axes))


def node_of(value: Any, dtype: np.dtype[Any] | None = None) -> Node:
    """Return the node of a symbol, an array or a number; a Python number takes `dtype` where it is given."""
    node = value.node if isinstance(value, Symbol) else constant(value)
    if node.dtype.kind not in "bifu":
        raise untraceable(f"{node.dtype} is not among the dtypes that can be traced")
    return cast(node, dtype) if node.weak and dtype is not None else node


def cast(node: Node, dtype: np.dtype[Any]) -> Node:
    """Return the values in another dtype."""
    if node.dtype == dtype and not node.weak:
        return node
    if node.op == "constant":
        return constant(np.asarray(node.attributes["value"]).astype(dtype)[()])
    return make("astype", node, dtype=dtype)
