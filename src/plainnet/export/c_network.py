"""The function of C that computes a network's outputs: its layers traced, lowered to loops and printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.configurable import OWN
from plainnet.engines.compiled.c_code import Loops
from plainnet.engines.compiled.c_expressions import type_of
from plainnet.engines.compiled.loops import Buffer, Expression, Extent, Nest, Product, Program, Unsupported
from plainnet.engines.compiled.lowering import lower
from plainnet.engines.compiled.memory import used_by
from plainnet.errors import InvalidValue
from plainnet.export.c_text import words
from plainnet.export.source import NamedLayer, parts
from plainnet.layers import Dense
from plainnet.network import Network
from plainnet.tracing import Graph, Untraceable, simplify
from plainnet.tracing.layers import meeting, prediction

EXAMPLES = 1009, 1013
"""Numbers of rows with which layers are traced to see if a row is predicted by itself."""


@dataclass
class NetworkCode:
    """A prediction takes numbers, memory between the layers, and the lines of its loops."""

    constants: dict[str, Array]
    """The arrays of numbers by their names in C."""
    scratch: int
    """The length of the memory between the layers, in numbers of the network's dtype."""
    declarations: list[str]
    """The arrays between the layers, on the stack."""
    pointers: list[str]
    """The same arrays as parts of the memory `scratch`."""
    loops: list[str]


def network_code(net: Network, prefix: str) -> NetworkCode:
    """Return the code of the network's layers; names of arrays begin with `prefix`."""
    merged = _Merged(prefix)
    shape: tuple[int, ...] = (net.input_size or 0,)
    for part in parts(net) or parts(net, training=True):
        merged.add(part, shape, net.dtype)
        shape = (part.units,)
    program = Program(merged.steps, 0, 1, [])
    names = {(base, 0): base.removeprefix("constant ") for base in merged.constants}
    temporaries = {"work", *merged.between} - {"outputs"}
    loops = Loops(program, names, temporaries, merged.comments)
    read = {buffer.base for buffer in loops.buffers.values()}
    constants = {names[base, 0]: array for base, array in merged.constants.items() if base in read}
    return _with_memory(loops, constants, net.dtype)


@dataclass
class _Merged:
    """The steps of all layers, one after the other."""

    prefix: str
    steps: list[Nest | Product] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    between: set[str] = field(default_factory=set)

    def add(self, part: NamedLayer, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        where = f"layers[{part.index}], {type(part.layer).__name__},"
        try:
            graph = _traced(part, shape, dtype, where)
            program = self._lowered(part, graph, dtype)
        except (Untraceable, Unsupported) as error:
            raise InvalidValue(
                f"{where} cannot be written as C: {error}; write it with NumPy's operations alone, or export the "
                "network as a Python script (.py) or as safetensors"
            ) from None
        self.comments[len(self.steps)] = described(part)
        self.steps += program.steps
        buffers = {id(buffer): buffer for step in program.steps for buffer in used_by(step)}
        for number, array in enumerate(program.arrays):
            base = f"constant {self.prefix}_{part.name}_numbers_{number + 1}"
            self.constants[base] = np.asarray(array)
            for buffer in buffers.values():
                buffer.base = base if buffer.base == f"array {number}" else buffer.base

    def _lowered(self, part: NamedLayer, graph: Graph, dtype: np.dtype[Any]) -> Program:
        extents = {node: tuple(map(Extent, node.shape)) for node in graph.nodes}
        inputs, arrays = graph.arguments
        buffers: dict[Any, Buffer | Expression] = {inputs: Buffer(part.inputs, 0, extents[inputs], dtype)}
        for name, node in arrays.items():
            base = f"constant {self.prefix}_{part.array_name(name)}"
            self.constants[base] = part.arrays[name]
            buffers[node] = Buffer(base, 0, extents[node], dtype)
        self.between.add(part.outputs)
        outputs = Buffer(part.outputs, 0, extents[graph.result], dtype)
        return lower(graph, buffers, [(graph.result, outputs)], extents)


def _traced(part: NamedLayer, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> Graph:
    """Return the graph of one row, refused where a row's outputs depend on the others."""
    found = meeting(*(prediction(part.layer, (rows, *shape), dtype) for rows in EXAMPLES))
    if found:
        raise InvalidValue(
            f"{where} computes with all rows of a batch ({found}), so that a prediction depends on the other rows; "
            "C predicts one row at a time, so there is none to write"
        )
    return simplify(prediction(part.layer, (1, *shape), dtype))


def described(part: NamedLayer) -> str:
    """Return what a layer is, for a comment."""
    name = getattr(part.layer, "activation", part.layer).name.removeprefix(OWN)
    if isinstance(part.layer, Dense):
        name = f"Dense, {part.units} {'unit' if part.units == 1 else 'units'}, {name}".removesuffix(", identity")
    return words(f"{part.name}: {name}")


def _with_memory(loops: Loops, constants: dict[str, Array], dtype: np.dtype[Any]) -> NetworkCode:
    """Give each array between the layers its memory, which later arrays take over where it is free again."""
    kind = type_of(dtype)
    lives = loops.lives()
    others = [f"{other} {name}[{length}];" for name, other, length in loops.arrays if other != kind]
    own = [(name, int(length)) for name, other, length in loops.arrays if other == kind]
    placed: list[tuple[str, int, int]] = []
    for name, length in own:
        busy = sorted((at, at + size) for n, at, size in placed if _meet(lives[n], lives[name]))
        place = 0
        for start, stop in busy:
            if start - place >= length:
                break
            place = max(place, stop)
        placed.append((name, place, length))
    total = max((at + length for _, at, length in placed), default=0)
    pointers = [f"{kind} *const {name} = scratch{f' + {at}' if at else ''};" for name, at, _ in placed]
    if total == sum(length for _, _, length in placed):
        declared = [f"{kind} {name}[{length}];" for name, _, length in placed]
    else:
        declared = [f"{kind} scratch[{total}];", *pointers]
    return NetworkCode(constants, total, others + declared, others + pointers, loops.lines)


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
