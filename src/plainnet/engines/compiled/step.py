"""One training step as two graphs, traced from the network's own functions: a pass forward and back, and the update.

The batches of an epoch have one size, but for a smaller last batch; the parts of them that several ranks hold have a
few more sizes. A graph has shapes; so the pass is traced for each size, and sizes.py makes one of the graphs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from plainnet.backpropagation import backpropagate
from plainnet.engines.compiled.emission import scratch_numbers
from plainnet.engines.compiled.loops import Buffer, Expression, Extent, Program, Unsupported
from plainnet.engines.compiled.lowering import lower
from plainnet.engines.compiled.sizes import Size, for_all_sizes
from plainnet.engines.compiled.stateless import copies, trace_stateless
from plainnet.engines.job import Job
from plainnet.layers import Layer, TrainingPass
from plainnet.schedules import Schedule, scheduled
from plainnet.tracing.graph import Graph, Node, Number, ShapeDtype, make
from plainnet.tracing.simplify import simplify
from plainnet.tracing.symbol import NumberSymbol, Symbol
from plainnet.tracing.tracer import trace

NORM, CHECK, LAYER_NORMS = 16, 24, 32
"""The offsets of what follows the loss and the weight of the batch in `results`, each number in eight bytes."""


@dataclass
class Pass:
    """The pass over a batch of any of some sizes."""

    programs: list[Program]
    """One for all sizes or, where they compute different things, one for each."""
    sizes: tuple[Size, ...]
    """The sizes that it is for, the largest first."""
    tables: list[tuple[float, ...]]
    """Constants with a value for each size."""
    draws: list[Draw]
    dtypes: tuple[np.dtype[Any], ...]
    """The dtype of the loss and, with weights, of their sum."""


class Draw(NamedTuple):
    """Random numbers that a pass takes."""

    method: str
    dtype: np.dtype[Any]
    shapes: tuple[tuple[int, ...], ...]
    """The shape for each size of batch."""


def arrays_of(layers: Sequence[Layer], input_shape: tuple[int, ...]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the shapes of each layer's parameters and statistics."""
    found = []
    for layer in layers:
        found.append((layer.parameter_shapes(input_shape), layer.statistic_shapes(input_shape)))
        input_shape = layer.output_shape(input_shape)
    return found


class Setting(NamedTuple):
    """A setting of a layer in which networks differ that share their machine code."""

    layer: int
    name: str


class _Present(NumberSymbol):
    """A setting as a traced number; code that asks if there is one, such as `if l1:`, is told that there is."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return True


def traced_pass(job: Job, size: Size, settings: Sequence[Setting] = (), *, whole_set: bool = False) -> Graph:
    """Return the graph, not simplified, of a pass forward and back over so many rows.

    Its result is the loss and the weight of the batch; it changes the gradients and the statistics in place. `settings`
    and those that follow a schedule are inputs of the graph, all others constants. A pass over the `whole_set`, which
    belongs to no place of a run, leaves the statistics, and takes each schedule's first value. The part of a batch that
    other ranks hold the rest of has one more input: its portion of the batch.
    """
    net, dtype = job.network, job.network.dtype
    twins, loss = copies((list(net.layers), job.loss))
    shapes = arrays_of(net.layers, job.inputs.shape[1:])
    followed = [] if whole_set else [found.schedule for twin in twins for found in scheduled(twin)]

    def one_pass(
        inputs: Any, targets: Any, weight: Any, parameters: Any, statistics: Any, gradients: Any, random: Any,
        numbers: Any, present: Any, portion: Any,
    ) -> Any:  # fmt: skip
        for setting, symbol in zip(settings, numbers, strict=True):
            setattr(twins[setting.layer], setting.name, _Present(symbol.node))
        for layer, own, kept in zip(twins, parameters, statistics, strict=True):
            layer.bind({**own, **kept})
        training = TrainingPass(random, not whole_set)
        if size.whole is not None:
            training = replace(training, total=_sum_over_ranks, rows=size.whole, portion=portion)
        if followed:
            training = replace(training, present=dict(zip(followed, present, strict=True)).__getitem__)
        value = backpropagate(twins, loss, inputs, targets, weight, training, gradients)
        return value, (None if weight is None else weight.sum())

    def examples(shapes: Mapping[str, Any]) -> dict[str, ShapeDtype]:
        return {name: ShapeDtype(shape, dtype) for name, shape in shapes.items()}

    rows = size.rows
    weight = None if job.sample_weight is None else ShapeDtype((rows,), job.sample_weight.dtype)
    graph = trace_stateless(
        [*twins, loss],
        one_pass,
        ShapeDtype((rows, *job.inputs.shape[1:]), job.inputs.dtype),
        ShapeDtype((rows, *job.targets.shape[1:]), job.targets.dtype),
        weight,
        [examples(own) for own, _ in shapes],
        [examples(kept) for _, kept in shapes],
        [examples(own) for own, _ in shapes],
        np.random.default_rng(0),
        [Number(float) for _ in settings],
        [Number(float) for _ in followed],
        None if size.whole is None else Number(float),
    )
    if not isinstance(graph.result[0], Node):
        raise Unsupported(f"its loss is {graph.result[0]!r} whatever the predictions are")
    return graph


def _sum_over_ranks(array: Any) -> Any:
    return Symbol(make("sum_over_ranks", array.node), contiguous=True)


def traced_update(job: Job) -> Graph:
    """Return the graph of the optimizer's step; its result is the norm of the gradient before clipping."""
    size, dtype = job.network.parameters.size, job.network.dtype
    optimizer = copies(job.optimizer)

    def update(parameters: Any, gradient: Any, state: Any, learning_rate: Any, t: Any, *decay: Any) -> Any:
        squares = (gradient * gradient).sum()
        optimizer.whole_step(parameters, gradient, state, learning_rate, t, *decay)
        return np.sqrt(squares)

    vector = ShapeDtype((size,), dtype)
    state = {name: ShapeDtype(v.shape, v.dtype) for name, v in job.optimizer_state.items()}
    decay = [Number(float)] * has_scheduled_decay(job)
    return simplify(trace_stateless([optimizer], update, vector, vector, state, Number(float), Number(int), *decay))


def has_scheduled_decay(job: Job) -> bool:
    """Return True if the optimizer's weight decay follows a schedule."""
    return isinstance(job.optimizer.weight_decay, Schedule)


def lowered_pass(job: Job, sizes: tuple[Size, ...], threads: int, whole_set: bool = False) -> Pass:
    """Return the loops of the pass, for all these sizes of batch."""
    graphs = [traced_pass(job, size, whole_set=whole_set) for size in sizes]
    draws = _draws_of(graphs)
    try:
        one, extents, constants = for_all_sizes(graphs, [size.rows for size in sizes])
        tables = {node: Buffer("tables", 8 * i, (), np.dtype(np.float64)) for i, node in enumerate(constants)}
        programs = [_lowered(job, one, extents, sizes[0].rows, tables, threads)]
        return Pass(programs, sizes, list(constants.values()), draws, _dtypes_of(one))
    except Unsupported:
        if len(graphs) == 1 or sizes[0].whole is not None:  # ranks of other sizes would not sum the same at a time
            raise
        return _each_lowered(job, graphs, sizes, threads)


def lowered_passes(job: Job, sizes: tuple[Size, ...], settings: Sequence[Setting]) -> Pass:
    """Return the loops of the pass for each size of batch by itself, with `settings` as the numbers at that base."""
    return _each_lowered(job, [traced_pass(job, size, settings) for size in sizes], sizes, 1)


def _each_lowered(job: Job, graphs: Sequence[Graph], sizes: tuple[Size, ...], threads: int) -> Pass:
    graphs = [simplify(graph) for graph in graphs]
    programs = [
        _lowered(job, graph, {node: tuple(map(Extent, node.shape)) for node in graph.nodes}, size.rows, {}, threads)
        for graph, size in zip(graphs, sizes, strict=True)
    ]
    return Pass(programs, sizes, [], _draws_of(graphs), _dtypes_of(graphs[0]))


def _dtypes_of(graph: Graph) -> tuple[np.dtype[Any], ...]:
    return tuple(node.dtype for node in graph.outputs)


def _draws_of(graphs: Sequence[Graph]) -> list[Draw]:
    """Return the random numbers that the passes over batches of each size take."""
    if len({len(graph.draws) for graph in graphs}) > 1:
        raise Unsupported("it draws other random numbers for a smaller batch")
    return [
        Draw(same[0].attributes["method"], same[0].dtype, tuple(draw.shape for draw in same))
        for same in zip(*(graph.draws for graph in graphs), strict=True)
    ]


def _lowered(
    job: Job, graph: Graph, extents: Mapping[Node, tuple[Extent, ...]], rows: int, tables: Mapping[Node, Buffer],
    threads: int,
) -> Program:  # fmt: skip
    buffers = _pass_buffers(job, graph, extents)
    for place, draw in enumerate(graph.draws):
        buffers[draw] = Buffer(f"draw {place}", 0, extents[draw], draw.dtype)
    results = [
        (node, Buffer("results", 8 * place, (), node.dtype))
        for place, node in enumerate(graph.result)
        if isinstance(node, Node)
    ]
    return lower(graph, buffers, results, extents, rows, tables, scratch_numbers, threads)


def _pass_buffers(
    job: Job, graph: Graph, extents: Mapping[Node, tuple[Extent, ...]]
) -> dict[Node, Buffer | Expression]:
    """Return where the inputs of the pass lie."""
    inputs, targets, weight, parameters, statistics, gradients, _, settings, present, portion = graph.arguments
    buffers: dict[Node, Buffer | Expression] = {
        inputs: Buffer("inputs", 0, extents[inputs], inputs.dtype),
        targets: Buffer("targets", 0, extents[targets], targets.dtype),
    }
    if weight is not None:
        buffers[weight] = Buffer("weight", 0, extents[weight], weight.dtype)
    for base, groups in (("parameters", parameters), ("statistics", statistics), ("gradient", gradients)):
        offset = 0
        for group in groups:
            for node in group.values():
                buffers[node] = Buffer(base, offset, extents[node], node.dtype)
                offset += int(np.prod(node.shape)) * node.dtype.itemsize
    for base, nodes in (("settings", settings), ("present", present)):
        for i, node in enumerate(nodes):
            buffers[node] = Expression("load", node.dtype, buffer=Buffer(base, 8 * i, (), node.dtype))
    if portion is not None:
        buffers[portion] = Expression("load", portion.dtype, buffer=Buffer("portion", 0, (), portion.dtype))
    return buffers


def lowered_update(job: Job, threads: int) -> Program:
    """Return the loops of the optimizer's step."""
    graph = traced_update(job)
    extents = {node: tuple(map(Extent, node.shape)) for node in graph.nodes}
    parameters, gradient, state, rate, t, *decay = graph.arguments
    buffers: dict[Node, Buffer | Expression] = {
        parameters: Buffer("parameters", 0, extents[parameters], parameters.dtype),
        gradient: Buffer("gradient", 0, extents[gradient], gradient.dtype),
        rate: Expression("argument", rate.dtype, value="learning_rate"),
        t: Expression("argument", t.dtype, value="t"),
        **{node: Expression("argument", node.dtype, value="weight_decay") for node in decay},
    }
    for name, node in state.items():
        buffers[node] = Buffer(f"memory {name}", 0, extents[node], node.dtype)
    norm = graph.result
    return lower(
        graph,
        buffers,
        [(norm, Buffer("results", NORM, (), norm.dtype))],
        extents,
        scratch=scratch_numbers,
        threads=threads,
    )


def lowered_check(job: Job) -> Program:
    """Return the loops of Σ 0 · θ, which is NaN if a parameter is not finite."""

    def check(parameters: Any) -> Any:
        return (0 * parameters).sum()

    vector = ShapeDtype(job.network.parameters.shape, job.network.dtype)
    return _of_vector(simplify(trace(check, vector)), "parameters", CHECK)


def lowered_norms(job: Job) -> Program:
    """Return the loops of the norm of each layer's part of the gradient."""

    def norms(gradient: Any) -> Any:
        return [np.sqrt((gradient[part] * gradient[part]).sum()) for part in job.layer_parts.values()]

    vector = ShapeDtype(job.network.parameters.shape, job.network.dtype)
    return _of_vector(simplify(trace(norms, vector)), "gradient", LAYER_NORMS)


def _of_vector(graph: Graph, base: str, results: int) -> Program:
    """Return the loops of a function of one vector; its results follow each other, eight bytes apart."""
    extents = {node: tuple(map(Extent, node.shape)) for node in graph.nodes}
    (vector,) = graph.arguments
    wanted = [(node, Buffer("results", results + 8 * i, (), node.dtype)) for i, node in enumerate(graph.outputs)]
    return lower(graph, {vector: Buffer(base, 0, extents[vector], vector.dtype)}, wanted, extents)
