"""The loop over the steps of a run, as machine code: gather the batch, pass, update, and keep the record.

It does what `train` of the NumPy engine does, for so many steps in one call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plainnet.engines.compiled import emission, sharing
from plainnet.engines.compiled.assembly import TYPES, Function, Module, Value, number, whole
from plainnet.engines.compiled.loops import Program
from plainnet.engines.compiled.sharing import Thread
from plainnet.engines.compiled.step import CHECK, LAYER_NORMS, NORM, Pass

NORMS = 10
"""The number of latest steps whose gradient norm is kept."""

NUMBERS = ("steps", "batches", "before", "rows", "moves", "note_every", "note_last")
FIELDS = (
    *NUMBERS, "inputs", "targets", "weight", "order", "rates", "draws", "losses",
    "notes", "parameters", "gradient", "statistics", "good_parameters", "good_statistics", "work",
    "results", "counts", "sums", "norms", "batch_inputs", "batch_targets", "batch_weight", "tables", "arrived",
    "places", "portions", "weights", "reduce",
)  # fmt: skip
"""The arguments of the machine code: whole numbers, then addresses; the optimizer's memory follows."""

PLACES = 3
"""The numbers that the caller gives for each step of ranks: the first row, the count of rows, the place of the size."""

EPOCHS, BATCHES, STEPS, GOOD_EPOCH, WRITTEN, NOTED, BROKEN = range(7)
"""The places in `counts`; BROKEN says if a parameter is no longer finite."""


class JobLayout(NamedTuple):
    """The sizes of a job that its machine code knows."""

    dtype: np.dtype
    batch: int
    row_bytes: tuple[int, int, int]
    """The bytes of one row of the inputs, the targets and the weights (0: none)."""
    shuffles: bool
    weighted: bool
    parameter_bytes: int
    statistic_bytes: int
    memory: tuple[str, ...]
    record_bytes: int
    """The bytes of the random numbers of one step."""
    draw_offsets: tuple[int, ...]
    layers: int
    """The layers that have parameters."""
    numbers: int
    """The numbers that schedules give for a step: the learning rate, perhaps the weight decay, then the layers'."""
    scheduled_decay: bool
    """True if the weight decay is one of them."""
    threads: int
    ranks: bool
    """True if the job runs on several ranks: their gradients are summed before each update."""


def program_function(
    module: Module, name: str, program: Program, bases: list[str], arguments: dict[str, str], width: int,
    threads: int,
) -> Function:  # fmt: skip
    """Write a program as a function of the addresses it uses, numbers, and the number of rows."""
    addresses = {
        base: Value("ptr", f"%{base.replace(' ', '_') if base.isascii() else i}") for i, base in enumerate(bases)
    }
    numbers = {argument: Value(type, f"%{argument}") for argument, type in arguments.items()}
    rows = Value("i64", "%rows")
    thread = Thread(Value("i64", "%thread"), threads, Value("ptr", "%arrived")) if threads > 1 else None
    shared = [thread.arrived, thread.number] if thread else []
    f = module.function(name, [*addresses.values(), *numbers.values(), rows, *shared])
    emission.write(f, program, addresses, numbers, rows, width, thread)
    f.give()
    return f


class Programs(NamedTuple):
    """The work of one step, in loops."""

    step: Pass
    update: Program
    check: Program
    norms: Program


def write(programs: Programs, layout: JobLayout, width: int) -> Module:
    """Return the module with the function `run(context)`, where the context holds the `FIELDS`."""
    module = Module()
    step = programs.step
    draws = [f"draw {i}" for i in range(len(step.draws))]
    memory = [f"memory {name}" for name in layout.memory]
    pass_bases = [
        "inputs", "targets", "weight", "parameters", "statistics", "gradient", "tables", "results", "work", "present",
    ]  # fmt: skip
    if layout.ranks:
        pass_bases += ["portion", "reduce"]
    update_bases = ["parameters", "gradient", "results", "work", *memory]
    for i, program in enumerate(step.programs):
        program_function(module, f"pass_{i}", program, [*pass_bases, *draws], {}, width, layout.threads)
    numbers = {"learning_rate": "double", "t": "i64"} | ({"weight_decay": "double"} if layout.scheduled_decay else {})
    program_function(module, "update", programs.update, update_bases, numbers, width, layout.threads)
    program_function(module, "check", programs.check, ["parameters", "results", "work"], {}, width, layout.threads)
    program_function(module, "norms", programs.norms, ["gradient", "results", "work"], {}, width, layout.threads)
    _Driver(module, step, layout).write([*pass_bases, *draws], update_bases)
    return module


class State(NamedTuple):
    """A State passes from step to step: the place in the call, then `counts`, then `sums`."""

    at: Value
    epochs: Value
    batches: Value
    steps: Value
    good_epoch: Value
    written: Value
    noted: Value
    broken: Value
    loss_total: Value
    weight_total: Value
    rate: Value


class _Driver:
    def __init__(self, module: Module, step: Pass, layout: JobLayout) -> None:
        self.layout = layout
        self.step = step
        number_of_thread = Value("i64", "%thread")
        self.f = module.function("run", [Value("ptr", "%context"), number_of_thread], private=False)
        fields = [*FIELDS, *(f"memory {name}" for name in layout.memory)]
        self.given: dict[str, Value] = {}
        for i, name in enumerate(fields):
            at = self.f.place(Value("ptr", "%context"), "i64", whole(i))
            self.given[name] = self.f.load("i64" if i < len(NUMBERS) else "ptr", at)
        self.thread = None
        if layout.threads > 1:
            self.thread = Thread(number_of_thread, layout.threads, self.given["arrived"])
        self.shared = [self.thread.arrived, self.thread.number] if self.thread else []

    def write(self, pass_bases: list[str], update_bases: list[str]) -> None:
        """Write the loop over the steps: a loss that is not finite leaves it in the middle of a step."""
        f, given = self.f, self.given
        start = State(whole(0), *self._entries("counts", "i64", 7), *self._entries("sums", "double", 3))
        self.first_epoch = start.epochs
        head, body, moving, stop, done = (f.new_label(name) for name in ("step", "body", "finite", "stop", "done"))
        f.do(f"br label %{head}")
        before = f.block
        f.label(head)
        place = len(f.lines)
        state = State(*(f.op(value.type, "phi") for value in start))
        f.do(f"br {f.compare('slt', state.at, given['steps'])}, label %{body}, label %{done}")
        f.label(body)
        loss, weight = self._pass(state, pass_bases)
        finite = f.compare("olt", f.intrinsic("fabs", "double", loss), number("double", np.inf))
        f.do(f"br {finite}, label %{moving}, label %{stop}")
        f.label(moving)
        following = self._move(state, loss, weight, update_bases)
        end = f.block
        f.do(f"br label %{head}")
        for line, (phi, a, b) in enumerate(zip(state, start, following, strict=True), place):
            f.lines[line] = f"  {phi.name} = phi {phi.type} [ {a.name}, %{before} ], [ {b.name}, %{end} ]"
        f.label(stop)
        f.store(loss, f.place(given["losses"], "double", state.written))
        more = f.add(state.written, whole(1))
        f.do(f"br label %{done}")
        f.label(done)
        written = f.op("i64", f"phi i64 [ {state.written.name}, %{head} ], [ {more.name}, %{stop} ]")
        self._hand_back(state._replace(written=written))

    def _pass(self, state: State, pass_bases: list[str]) -> tuple[Value, Value]:
        """Write the pass over the step's batch; return the loss, and the weight of the batch."""
        f, given = self.f, self.given
        begin, rows, size = self._place(state)
        bases = {**given, **self._batch(state.epochs, begin, rows), **self._draws(state.at)}
        bases["present"] = self._scheduled(state.at, 1 + self.layout.scheduled_decay)
        if self.layout.ranks:
            bases["portion"] = f.place(given["portions"], "double", state.at)
        if self.step.tables:
            own = f.multiply(size, whole(len(self.step.tables)))
            bases["tables"] = f.place(given["tables"], "double", own)
        passed = (*(bases[name] for name in pass_bases), rows, *self.shared)
        if len(self.step.programs) == 1:
            f.call("pass_0", "void", *passed)
        else:
            for i in range(len(self.step.programs)):
                with f.when(f.compare("eq", size, whole(i))):
                    f.call(f"pass_{i}", "void", *passed)
        loss, *weights = (self._result(i, dtype) for i, dtype in enumerate(self.step.dtypes))
        if self.layout.ranks:
            return self._summed_over_ranks(loss), f.load("double", f.place(given["weights"], "double", state.at))
        return loss, weights[0] if weights else f.op("double", f"sitofp {rows} to double")

    def _place(self, state: State) -> tuple[Value, Value, Value]:
        """Return where the rows of a step begin, how many they are, and which of the sizes that is."""
        f, given, batch = self.f, self.given, whole(self.layout.batch)
        if self.layout.ranks:
            at = f.place(given["places"], "i64", f.multiply(state.at, whole(PLACES)))
            begin, rows, size = (f.load("i64", f.place(at, "i64", whole(i))) for i in range(PLACES))
            return begin, rows, size
        begin = f.multiply(f.subtract(state.batches, given["before"]), batch)
        if len(self.step.sizes) == 1:
            return begin, batch, whole(0)
        rows = f.intrinsic("smin", "i64", f.subtract(given["rows"], begin), batch)
        return begin, rows, f.convert("zext", f.compare("ne", rows, batch), "i64")

    def _summed_over_ranks(self, loss: Value) -> Value:
        """Write the sum over all ranks of the gradient and the loss, which stands after it; return that of the loss."""
        f, kind, size = self.f, TYPES[self.layout.dtype.name], self.layout.dtype.itemsize
        gradient, count = self.given["gradient"], self.layout.parameter_bytes // size
        end = f.place(gradient, kind, whole(count))
        with f.when(sharing.only_first(f, self.thread) if self.thread else Value("i1", "true")):
            f.store(f.convert("fptrunc", loss, kind), end)
            f.call_address(self.given["reduce"], gradient, whole(count + 1), whole(size))
        if self.thread:
            sharing.wait(f, self.thread)
        return f.convert("fpext", f.load(kind, end), "double")

    def _move(self, state: State, loss: Value, weight: Value, update_bases: list[str]) -> State:
        """Write the optimizer's step and what is recorded of it; return the state of the next step."""
        f, given = self.f, self.given
        first = f.compare("eq", state.batches, whole(0))
        with f.when(first):
            self._keep("parameters", self.layout.parameter_bytes)
            self._keep("statistics", self.layout.statistic_bytes)
            if self.thread:
                sharing.wait(f, self.thread)
        rate = f.load("double", self._scheduled(state.at, 0))
        decay = [f.load("double", self._scheduled(state.at, 1))] if self.layout.scheduled_decay else []
        steps, batches = f.add(state.steps, whole(1)), f.add(state.batches, whole(1))
        given_numbers = rate, steps, *decay
        f.call("update", "void", *(given[name] for name in update_bases), *given_numbers, whole(0), *self.shared)
        norm = f.load(TYPES[self.layout.dtype.name], f.place(given["results"], "i8", whole(NORM)))
        norm = f.convert("fpext", norm, "double")
        f.store(norm, f.place(given["norms"], "double", f.binary("urem", state.steps, whole(NORMS))))
        total, weights = f.multiply_add(weight, loss, state.loss_total), f.add(state.weight_total, weight)
        over = f.compare("eq", batches, given["batches"])
        failed, noted = self._epoch(over, state, f.divide(total, weights), rate, norm)
        zero = number("double", 0)
        return State(
            at=f.select(failed, given["steps"], f.add(state.at, whole(1))),
            epochs=f.select(over, f.add(state.epochs, whole(1)), state.epochs),
            batches=f.select(over, whole(0), batches),
            steps=steps,
            good_epoch=f.select(first, state.epochs, state.good_epoch),
            written=f.select(over, f.add(state.written, whole(1)), state.written),
            noted=noted,
            broken=f.convert("zext", failed, "i64"),
            loss_total=f.select(over, zero, total),
            weight_total=f.select(over, zero, weights),
            rate=rate,
        )

    def _hand_back(self, state: State) -> None:
        """Write the state to where the caller reads it, and return."""
        for name, values in (("counts", state[1:8]), ("sums", state[8:])):
            for i, value in enumerate(values):
                self.f.store(value, self.f.place(self.given[name], value.type, whole(i)))
        self.f.give()

    def _epoch(self, over: Value, state: State, loss: Value, rate: Value, norm: Value) -> tuple[Value, Value]:
        """Write what happens at the end of an epoch; return if a parameter is not finite, and the rows noted by now."""
        f, given = self.f, self.given
        before, no, yes, done = f.block, Value("i1", "false"), f.new_label("epoch"), f.new_label("done")
        f.do(f"br {over}, label %{yes}, label %{done}")
        f.label(yes)
        f.store(loss, f.place(given["losses"], "double", state.written))
        f.call("check", "void", given["parameters"], given["results"], given["work"], whole(0), *self.shared)
        zeros = f.load(TYPES[self.layout.dtype.name], f.place(given["results"], "i8", whole(CHECK)))
        failed = f.compare("uno", zeros, zeros)
        epoch = f.add(state.epochs, whole(1))
        regular = f.compare("eq", f.binary("urem", epoch, given["note_every"]), whole(0))
        due = f.binary("or", regular, f.compare("eq", epoch, given["note_last"]))
        due = f.select(failed, no, due)
        with f.when(due):
            self._note(state.noted, (loss, rate, norm))
        new = f.select(due, f.add(state.noted, whole(1)), state.noted)
        end = f.block
        f.do(f"br label %{done}")
        f.label(done)
        failed = f.op("i1", f"phi i1 [ false, %{before} ], [ {failed.name}, %{end} ]")
        return failed, f.op("i64", f"phi i64 [ {state.noted.name}, %{before} ], [ {new.name}, %{end} ]")

    def _note(self, noted: Value, numbers: tuple[Value, ...]) -> None:
        """Write a row of the notes."""
        f, given = self.f, self.given
        f.call("norms", "void", given["gradient"], given["results"], given["work"], whole(0), *self.shared)
        row = f.place(given["notes"], "double", f.multiply(noted, whole(len(numbers) + self.layout.layers)))
        kind = TYPES[self.layout.dtype.name]
        norms = [
            f.load(kind, f.place(given["results"], "i8", whole(LAYER_NORMS + 8 * i))) for i in range(self.layout.layers)
        ]
        for i, value in enumerate((*numbers, *(f.convert("fpext", norm, "double") for norm in norms))):
            f.store(value, f.place(row, "double", whole(i)))

    def _result(self, i: int, dtype: np.dtype[Any]) -> Value:
        """Return one of the results of the pass, in double precision."""
        value = self.f.load(TYPES[dtype.name], self.f.place(self.given["results"], "i8", whole(8 * i)))
        return self.f.convert("fpext" if dtype.kind == "f" else "sitofp", value, "double")

    def _entries(self, name: str, type: str, count: int) -> list[Value]:
        """Return the numbers that the caller has left in an array."""
        return [self.f.load(type, self.f.place(self.given[name], type, whole(i))) for i in range(count)]

    def _keep(self, name: str, size: int) -> None:
        """Copy this thread's part of a vector to the good ones."""
        f, source, target, count = self.f, self.given[name], self.given[f"good_{name}"], whole(size)
        if self.thread:
            start, stop = sharing.part(f, count, self.thread)
            source, target = f.place(source, "i8", start), f.place(target, "i8", start)
            count = f.subtract(stop, start)
        self._copy(source, target, count)

    def _copy(self, source: Value, target: Value, size: int | Value) -> None:
        if size == 0:
            return
        count = size if isinstance(size, Value) else whole(size)
        self.f.call("llvm.memcpy.p0.p0.i64", "void", target, source, count, Value("i1", "false"))

    def _batch(self, epochs: Value, begin: Value, rows: Value) -> dict[str, Value]:
        """Return the addresses of the batch: where it lies, or where its rows were copied to."""
        names = ["inputs", "targets", "weight"] if self.layout.weighted else ["inputs", "targets"]
        f = self.f
        if not self.layout.shuffles:
            return {
                name: f.place(self.given[name], "i8", f.multiply(begin, whole(size)))
                for name, size in zip(names, self.layout.row_bytes, strict=False)
            }
        epoch = f.subtract(epochs, self.first_epoch)
        epoch_order = f.place(self.given["order"], "i64", f.multiply(epoch, self.given["rows"]))
        part = sharing.part(f, rows, self.thread) if self.thread else (whole(0), rows)
        with f.loop(*part) as loop:
            order = f.place(epoch_order, "i64", f.add(begin, loop.index))
            row = f.load("i64", order)
            for name, size in zip(names, self.layout.row_bytes, strict=False):
                source = f.place(self.given[name], "i8", f.multiply(row, whole(size)))
                target = f.place(self.given[f"batch_{name}"], "i8", f.multiply(loop.index, whole(size)))
                self._copy(source, target, size)
        if self.thread:
            sharing.wait(f, self.thread)
        return {name: self.given[f"batch_{name}"] for name in names}

    def _scheduled(self, at: Value, number: int) -> Value:
        """Return the address of a number that a schedule gives for a step."""
        f = self.f
        record = f.multiply(f.multiply(at, self.given["moves"]), whole(self.layout.numbers))
        return f.place(self.given["rates"], "double", f.add(record, whole(number)))

    def _draws(self, at: Value) -> dict[str, Value]:
        """Return the addresses of the random numbers of a step."""
        if not self.step.draws:
            return {}
        f = self.f
        record = f.place(self.given["draws"], "i8", f.multiply(at, whole(self.layout.record_bytes)))
        return {f"draw {i}": f.place(record, "i8", whole(o)) for i, o in enumerate(self.layout.draw_offsets)}
