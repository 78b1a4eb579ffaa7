"""A network's prediction as machine code, for any number of rows.

The rows pass through all layers a block at a time, so that what stands between two layers stays in the processor's
cache. The code is made for the layers and their settings; where the parameters lie, it is told at each call. So one
code serves all networks of one structure, and training a network further changes nothing.
"""

from __future__ import annotations

import copy
import ctypes
import math
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.configurable import OWN, describe
from plainnet.engines.compiled import machine
from plainnet.engines.compiled.assembly import Module, Value, whole
from plainnet.engines.compiled.compiling import address
from plainnet.engines.compiled.driver import program_function
from plainnet.engines.compiled.emission import scratch_numbers
from plainnet.engines.compiled.loops import Buffer, Expression, Program, Unsupported
from plainnet.engines.compiled.lowering import lower
from plainnet.engines.compiled.sizes import for_all_sizes
from plainnet.engines.compiled.step import arrays_of
from plainnet.tracing.graph import Graph, Node, ShapeDtype
from plainnet.tracing.tracer import trace

if TYPE_CHECKING:
    from plainnet.network import Network

TRACED_ROWS = (5, 7)
"""Two numbers of rows: what differs between their graphs is what depends on the rows."""

MOST_ROWS = 256
"""The rows of a block at most."""

WORK_BYTES = 2**17
"""The memory that a block takes at most between its layers; it fits the second cache of a core."""

TRAINING_SETTINGS = frozenset({"initializer", "l1", "l2", "rate", "momentum"})
"""Settings of plainnet's layers on which no prediction depends."""


MOST_KEPT = 16
"""The number of structures whose machine code is kept."""


class Prediction:
    """The machine code of one network's prediction; called with rows, it returns their outputs."""

    def __init__(self, net: Network, code: machine.Code) -> None:
        self.features, self.outputs, self.dtype = net.input_size, net.output_size, net.dtype
        self.arrays = net.parameters, net.statistics  # kept, as another thread may build the network anew meanwhile
        self.parameters, self.statistics = map(address, self.arrays)
        self.code = code
        self.run = code.function("predict", ctypes.c_int64, *[ctypes.c_void_p] * 5, ctypes.c_int64)

    def __call__(self, X: Array) -> Array | None:
        """Return the outputs for rows that are finite numbers of the network's dtype; None for anything else."""
        if X.dtype != self.dtype or X.shape[1] != self.features:
            return None
        flags = X.flags
        if not flags.c_contiguous or not flags.aligned:
            X = np.require(X, requirements=["C", "A"])
        rows = len(X)
        outputs: Array = np.empty((rows, self.outputs), self.dtype)
        given = address(X), self.parameters, self.statistics, address(outputs), _workspace.address, rows
        return outputs if self.run(*given) and rows else None


class _Workspace(threading.local):
    """Memory that each thread has for itself."""

    def __init__(self) -> None:
        self.array = np.zeros(WORK_BYTES // 8 + 1)
        self.address = address(self.array)


_workspace = _Workspace()
_lock = threading.Lock()
_codes: dict[str, machine.Code | None] = {}
"""The code of each structure; None for one that cannot be compiled."""


def prediction(net: Network, before_activation: bool) -> Prediction | None:
    """Return the machine code of a network's prediction, or of the sums before its last activation.

    It is None for a network that cannot be compiled, and for one with parts of the user's own, which may change
    without notice.
    """
    layers = [_without_training(describe(layer)) for layer in net.layers]
    structure = repr((net.input_size, net.dtype.name, before_activation, layers))
    if OWN in structure:
        return None
    with _lock:  # several threads may ask for the first time
        if structure not in _codes:
            _codes[structure] = _compiled(net, before_activation)
            if len(_codes) > MOST_KEPT:
                del _codes[next(iter(_codes))]
        code = _codes[structure]
    return None if code is None else Prediction(net, code)


def _without_training(description: Any) -> Any:
    """Return the description of a layer without what matters in training alone."""
    if isinstance(description, str):
        return description
    return {name: value for name, value in description.items() if name not in TRAINING_SETTINGS}


def _compiled(net: Network, before_activation: bool) -> machine.Code | None:
    try:
        program, row_bytes = lowered([traced(net, rows, before_activation) for rows in TRACED_ROWS])
    except Exception:  # Unsupported, Untraceable, or a fault of the compiler's: NumPy can do without it
        return None
    return machine.Code(str(written(program, row_bytes)))


def traced(net: Network, rows: int, before_activation: bool) -> Graph:
    """Return the graph of a prediction for so many rows; its result is the outputs, and if the inputs are finite."""
    shapes = arrays_of(net.layers, (net.input_size or 0,))
    *twins, last = copy.deepcopy(list(net.layers))

    def predict(inputs: Any, parameters: Any, statistics: Any) -> Any:
        for layer, own, kept in zip((*twins, last), parameters, statistics, strict=True):
            layer.bind({**own, **kept})
        outputs = inputs
        for layer in twins:
            outputs = layer.predict(outputs)
        outputs = last.pre_activation(outputs)[0] if before_activation else last.predict(outputs)
        return outputs, np.isfinite(inputs).all()

    def examples(shapes: Mapping[str, Any]) -> dict[str, ShapeDtype]:
        return {name: ShapeDtype(shape, net.dtype) for name, shape in shapes.items()}

    inputs = ShapeDtype((rows, net.input_size or 0), net.dtype)
    return trace(predict, inputs, [examples(own) for own, _ in shapes], [examples(kept) for _, kept in shapes])


def lowered(graphs: list[Graph]) -> tuple[Program, list[int]]:
    """Return the loops for a block of rows, and the bytes of a row of the inputs and of the outputs."""
    graph, extents, tables = for_all_sizes(graphs, TRACED_ROWS)
    if tables:
        raise Unsupported("its outputs depend on the number of rows")
    inputs, parameters, statistics = graph.arguments
    buffers: dict[Node, Buffer | Expression] = {inputs: Buffer("inputs", 0, extents[inputs], inputs.dtype)}
    for base, groups in (("parameters", parameters), ("statistics", statistics)):
        offset = 0
        for node in (node for group in groups for node in group.values()):
            buffers[node] = Buffer(base, offset, extents[node], node.dtype)
            offset += math.prod(node.shape) * node.dtype.itemsize
    outputs, is_finite = graph.result
    results = [
        (outputs, Buffer("outputs", 0, extents[outputs], outputs.dtype)),
        (is_finite, Buffer("is_finite", 0, (), is_finite.dtype)),
    ]
    rows = MOST_ROWS
    while True:
        program = lower(graph, buffers, results, extents, rows, {}, scratch_numbers)
        if program.work_bytes < WORK_BYTES:
            break
        if rows == 1:
            raise Unsupported("its layers are wider than the memory for a row")
        rows = max(1, min(rows - 1, rows * WORK_BYTES // program.work_bytes))
    return program, [math.prod(node.shape[1:]) * node.dtype.itemsize for node in (inputs, outputs)]


def written(program: Program, row_bytes: list[int]) -> Module:
    """Return the module with the function `predict(inputs, parameters, statistics, outputs, work, rows)`.

    It returns 1 if all inputs are finite, else 0.
    """
    module = Module()
    bases = ["inputs", "parameters", "statistics", "outputs", "work", "is_finite"]
    program_function(module, "block", program, bases, {}, machine.registers()[0], 1)
    given = [Value("ptr", f"%{name}") for name in bases[:-1]]
    rows = Value("i64", "%rows")
    f = module.function("predict", [*given, rows], "i64", private=False)
    inputs, parameters, statistics, outputs, work = given
    finite_flag = f.place(work, "i8", whole(program.work_bytes))
    with f.loop(whole(0), rows, program.rows, [whole(1)]) as loop:
        block = f.intrinsic("smin", "i64", f.subtract(rows, loop.index), whole(program.rows))
        at, to = (
            f.place(array, "i8", f.multiply(loop.index, whole(size)))
            for array, size in zip((inputs, outputs), row_bytes, strict=True)
        )
        f.call("block", "void", at, parameters, statistics, to, work, finite_flag, block)
        block_is_finite = f.convert("zext", f.load("i8", finite_flag), "i64")
        loop.next = (f.binary("and", loop.carried[0], block_is_finite),)
    f.give(loop.carried[0])
    return module
