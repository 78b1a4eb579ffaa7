"""One training step as the compiled engine runs it, to be read: as loops in C, as LLVM IR, as machine code."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from plainnet.engines.compiled import machine
from plainnet.engines.compiled.c_code import Loops
from plainnet.engines.compiled.c_expressions import memory_type
from plainnet.engines.compiled.compiling import compiled
from plainnet.engines.compiled.loops import Buffer, Expression, Nest, Product, Program, loads
from plainnet.engines.compiled.memory import read_by, used_by
from plainnet.engines.compiled.sizes import batch_sizes
from plainnet.engines.compiled.step import NORM, lowered_pass, lowered_update
from plainnet.engines.job import Job
from plainnet.layers import Layer

GIVEN = (
    "inputs", "targets", "weight", "parameters", "statistics", "gradient", "memory", "draw", "present", "tables",
    "results",
)  # fmt: skip
"""The first words of the arrays that a step is called with."""

HEAD = """\
/* One training step: the loops from which the compiled engine makes machine
   code, printed as C. The engine calls both functions for each batch of each
   epoch. delta_i is δ = ∂loss/∂z of layers[i], where z is its weighted sums. */
#include <math.h>"""


class Named(NamedTuple):
    """An array that lies in a vector with others."""

    text: str
    shape: tuple[int, ...] = ()
    layer: int = -1
    own: str = ""
    """Its name in its layer."""


Names = Mapping[tuple[str, int], Named]
"""The arrays by base and offset."""


def step_as_loops(job: Job) -> str:
    """Return one training step as functions of C: the pass forward and back, and the optimizer's update."""
    names = array_names(job)
    functions = []
    for program, ending in zip(lowered_pass(job, batch_sizes(job), 1).programs, ("", "_last_batch"), strict=False):
        name_temporaries(program, names)
        functions.append(_function(f"forward_and_back{ending}", program, names, comments(job, program, names)))
    update = lowered_update(job, 1)
    done = {len(update.steps) - 1: f"{type(job.optimizer).__name__}: all parameters in one loop"}
    functions.append(_function("update", update, {("results", NORM): Named("norm")}, done))
    return "\n\n".join([HEAD, *functions])


def step_as_llvm(job: Job) -> str:
    """Return the LLVM IR of the whole job on one thread; its function `run` is the loop over the steps."""
    return compiled(job).code.text


def step_as_machine_code(job: Job) -> str:
    """Return the machine code of the whole job on one thread, in the assembly language of this processor."""
    return machine.assembly(compiled(job).code.text)


def array_names(job: Job) -> dict[tuple[str, int], Named]:
    """Return the names of the arrays that lie in vectors; those of a layer end in its number."""
    names = {("results", 0): Named("loss"), ("results", 8): Named("weight_of_batch")}
    net = job.network
    of_layers = [setting for setting in job.scheduled if setting.schedule is not job.optimizer.weight_decay]
    names |= {("present", 8 * i): Named(f"{setting.setting}_{i}") for i, setting in enumerate(of_layers)}
    for base, vector, ending in (("parameters", net.parameters, ""), ("gradient", net.parameters, "_gradient")):
        offset = 0
        for i, views in enumerate(net.parameter_views(vector)):
            for name, view in views.items():
                names[base, offset] = Named(f"{name}_{i}{ending}", view.shape, i, name)
                offset += view.nbytes
    return names


def name_temporaries(program: Program, names: Names) -> None:
    """Name the arrays between the steps that have a name in backpropagation: each layer's δ and outputs.

    ∂loss/∂bias = Σ δ and ∂loss/∂weights = inputsᵀ @ δ: so δ is what the bias's gradient is made of, and what stands
    beside it in the weights' gradient is the layer's inputs, the outputs of the layer before.
    """
    sources: dict[tuple[str, int], list[Buffer]] = {}
    for target, read in (found for step in program.steps for found in _stores(step)):
        named = names.get((target.base, target.offset))
        if named is not None and target.base == "gradient":
            sources[named.own, named.layer] = [b.memory for b in read if b.base == "work"]
    found: dict[Buffer, str] = {}
    for (name, layer), given in sources.items():
        if name == "bias" and len(given) == 1:
            found[given[0]] = f"delta_{layer}"
    for (name, layer), given in sources.items():
        others = [memory for memory in given if memory not in found]
        if name == "weights" and len(given) == 2 and len(others) == 1:
            found[others[0]] = f"outputs_{layer - 1}"
    for buffer in {b for step in program.steps for b in used_by(step) if b.memory in found}:
        buffer.base, buffer.offset = found[buffer.memory], 0


def _stores(step: Nest | Product) -> Iterator[tuple[Buffer, list[Buffer]]]:
    """Give each buffer that a step writes, with those that it reads for it."""
    if isinstance(step, Product):
        yield step.target, read_by(step)
        return
    for store in step.stores:
        yield store.buffer, [x.buffer for x in loads(store.expression) if x.buffer is not None]


def comments(job: Job, program: Program, names: Names) -> dict[int, str]:
    """Say which formula begins at each step, in the words of the layers' docstrings."""
    layers = job.network.layers
    said: dict[int, str] = {}
    begun: set[str] = set()
    for at, step in enumerate(program.steps):
        texts: list[str] = []
        for target, read in _stores(step):
            written = names.get((target.base, target.offset))
            if target.base == "gradient" and written is not None:
                texts.append(_formula(layers[written.layer], written.layer, written.own))
            elif written is not None and written.text == "loss":
                texts.append(f"{type(job.loss).__name__}: the loss")
            used = [named for b in read if b.base == "parameters" and (named := names.get((b.base, b.offset)))]
            for named in used:
                forward = _forward(layers[named.layer], named.layer)
                is_back = forward in begun and named.own != "bias"
                texts.append(_formula(layers[named.layer], named.layer, "inputs") if is_back else forward)
        new = [text for text in dict.fromkeys(texts) if text not in begun]
        begun.update(new)
        if new:
            said[at] = "; ".join(new)
    return said


def _forward(layer: Layer, number: int) -> str:
    """Return what a layer computes, as the first line of its docstring has it."""
    first = (inspect.getdoc(type(layer)) or "").partition("\n")[0]
    formula = re.search(r"\w+ = .*?(?=\.?$)", first)
    activation = getattr(layer, "activation", None)
    which = f", f = {activation.name}" if activation is not None else ""
    return f"layers[{number}], {type(layer).__name__}: {formula[0] + which if formula else 'forward'}"


def _formula(layer: Layer, number: int, name: str) -> str:
    """Return the formula of ∂loss/∂name, as the layer's docstring has it."""
    found = re.search(rf"∂loss/∂{name} += (.*?)(?:  |$)", inspect.getdoc(type(layer)) or "", re.MULTILINE)
    right = f" = {found[1]}" if found else ""
    return f"layers[{number}], {type(layer).__name__}: ∂loss/∂{name}{right}"


def _function(name: str, program: Program, names: Names, said: Mapping[int, str]) -> str:
    """Return a program as a function of C."""
    buffers = {(b.base, b.offset): b for step in program.steps for b in used_by(step)}
    given = sorted({b for b, _ in buffers if b.split()[0] in GIVEN}, key=lambda b: (GIVEN.index(b.split()[0]), b))
    temporary = {base for base, _ in buffers} - set(given)
    loops = Loops(program, {at: named.text for at, named in names.items()}, {"work", *temporary}, said)
    changed = {target.base for step in program.steps for target, _ in _stores(step)}

    def pointer(buffer: Buffer) -> str:
        return f"{'' if buffer.base in changed else 'const '}{memory_type(buffer.dtype)} *"

    types = {b.base: pointer(b) for b in buffers.values()}
    parameters = [f"{types[base]}{base.replace(' ', '_')}" for base in given]
    arguments = {e.value: e.dtype for e in _expressions(program) if e.op == "argument"}
    parameters += [f"{memory_type(dtype)} {argument}" for argument, dtype in arguments.items()]
    if any(extent.per_row for buffer in buffers.values() for extent in buffer.extents):
        parameters.append("long rows")
    lines = []
    for base, offset in sorted((at for at in buffers if at in names), key=lambda at: (given.index(at[0]), at[1])):
        numbers = offset // buffers[base, offset].dtype.itemsize
        shape = " × ".join(map(str, names[base, offset].shape))
        line = f"{types[base]}{names[base, offset].text} = {base}{f' + {numbers}' if numbers else ''};"
        lines.append(f"{line:52}/* {shape} */" if shape else line)
    lines += [f"{kind} {own}[{length}];" for own, kind, length in loops.arrays]
    body = [*lines, "", *loops.lines] if lines else loops.lines
    text = "\n".join(f"    {line}" if line else "" for line in body)
    listed = textwrap.indent(textwrap.fill(", ".join(parameters), 75), "    ")
    return f"void {name}(\n{listed})\n{{\n{text}\n}}"


def _expressions(program: Program) -> Iterator[Expression]:
    """Give all expressions of a program."""
    waiting = [s.expression for step in program.steps if isinstance(step, Nest) for s in step.stores]
    seen: set[Expression] = set()
    while waiting:
        e: Any = waiting.pop()
        if e not in seen:
            seen.add(e)
            yield e
            waiting += e.arguments
