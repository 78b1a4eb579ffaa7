"""The loop over the epochs of many networks at once, as machine code: the driver of `lane_emission`'s programs.

It does what driver.py does for one network, for whole epochs. A network whose loss or parameters are no longer finite
stands still in what is kept of it (its good parameters, the norms, the count of its steps) while the others go on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plainnet.engines.compiled import lane_emission, operations
from plainnet.engines.compiled.assembly import TYPES, Function, Module, Value, number, vector, whole
from plainnet.engines.compiled.driver import NORMS, Programs
from plainnet.engines.compiled.loops import Program
from plainnet.engines.compiled.step import CHECK, LAYER_NORMS, NORM

ROWS = ("inputs", "targets", "weight")
"""The arrays of which a batch has some rows."""

NUMBERS = ("epochs", "epochs_done", "moves", "note_every", "note_last")
FIELDS = (
    *NUMBERS, *ROWS, "order", "rates", "draws", "losses", "notes", "parameters", "gradient", "statistics",
    "good_parameters", "good_statistics", "work", "results", "alive", "survived", "steps", "norms", "batch_inputs",
    "batch_targets", "batch_weight", "settings",
)  # fmt: skip
"""The arguments of the machine code: whole numbers, then addresses; the optimizer's memory follows."""


FIRST = whole(0)

AT_A_TIME = 8
"""The numbers that one turn of a loop copies."""


class LanesLayout(NamedTuple):
    """A Layout holds what the machine code knows of the jobs."""

    networks: int
    """The lanes."""
    dtype: np.dtype
    rows: int
    batch: int
    widths: tuple[int, ...]
    """The numbers in a row of the inputs and the targets and, where there are weights, in one of those: 1."""
    kinds: tuple[np.dtype, ...]
    """Their dtypes."""
    own_rows: bool
    """Each network has data of its own."""
    shuffles: bool
    parameters: int
    statistics: int
    memory: tuple[str, ...]
    record_bytes: int
    """The bytes of the random numbers of one step of one network."""
    draw_offsets: tuple[int, ...]
    layers: int
    """The layers that have parameters."""
    numbers: int
    """The numbers that schedules give for a step: the learning rate, perhaps the weight decay, then the layers'."""
    scheduled_decay: bool
    """True if the weight decay is one of them."""

    @property
    def batches(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-self.rows // self.batch)

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of all that the machine code is called with."""
        return (*FIELDS, *(f"memory {name}" for name in self.memory))


def write(programs: Programs, layout: LanesLayout) -> Module:
    """Return the module with the function `run(context)`, where the context holds the layout's `fields`."""
    return _Driver(programs, layout).write()


class _Driver:
    def __init__(self, programs: Programs, layout: LanesLayout) -> None:
        self.layout = layout
        self.programs = programs
        self.module = Module()
        self.shared = set() if layout.own_rows or layout.shuffles else set(ROWS)
        self.f: Function
        self.given: dict[str, Value] = {}

    def write(self) -> Module:
        draws = [f"draw {i}" for i in range(len(self.programs.step.draws))]
        memory = [f"memory {name}" for name in self.layout.memory]
        vectors = ("parameters", "statistics", "gradient", "settings", "present", "results", "work")
        self.pass_bases = [*ROWS, *vectors, *draws]
        self.update_bases = ["parameters", "gradient", "results", "work", *memory]
        for i, program in enumerate(self.programs.step.programs):
            self._function(f"pass_{i}", program, self.pass_bases)
        rate, t = Value(self._vector("double"), "%learning_rate"), Value("i64", "%t")
        decay = [Value(self._vector("double"), "%weight_decay")] * self.layout.scheduled_decay
        self._function("update", self.programs.update, self.update_bases, rate, t, *decay)
        self._function("check", self.programs.check, ["parameters", "results", "work"])
        self._function("norms", self.programs.norms, ["gradient", "results", "work"])
        self.f = self.module.function("run", [Value("ptr", "%context")], private=False)
        for i, name in enumerate(self.layout.fields):
            at = self.f.place(Value("ptr", "%context"), "i64", whole(i))
            self.given[name] = self.f.load("i64" if i < len(NUMBERS) else "ptr", at)
        self._epochs()
        self.f.give()
        return self.module

    def _function(self, name: str, program: Program, bases: list[str], *numbers: Value) -> None:
        addresses = {base: Value("ptr", f"%base{i}") for i, base in enumerate(bases)}
        f = self.module.function(name, [*addresses.values(), *numbers])
        arguments = {value.name[1:]: value for value in numbers}
        lane_emission.write(f, program, addresses, arguments, self.shared, self.layout.networks)
        f.give()

    # The loops

    def _epochs(self) -> None:
        f, given = self.f, self.given
        alive = f.convert("trunc", self._load("alive", "i8"), self._vector("i1"))
        start = (alive, self._load("steps"), self._load("survived"), whole(0), whole(0))
        with f.loop(whole(0), given["epochs"], carried=start) as loop:
            alive, steps, survived, step, noted = loop.carried
            zero = f.select(alive, self._number("double", 0), self._number("double", np.nan))
            carried = (alive, steps, step, zero, self._number("double", 0), zero, zero)
            with f.loop(whole(0), whole(self.layout.batches), carried=carried) as batches:
                batches.next = self._batch(loop.index, batches.index, batches.carried)
            alive, steps, step, total, weights, rate, norm = batches.carried
            loss = f.divide(total, weights)
            self._store(loss, "losses", loop.index)
            f.call("check", "void", *(given[name] for name in ("parameters", "results", "work")))
            zeros = self._result(CHECK)
            alive = f.binary("and", alive, f.compare("ord", zeros, zeros))
            survived = f.add(survived, f.convert("zext", alive, self._vector("i64")))
            noted = self._note_if_due(loop.index, noted, (loss, rate, norm))
            loop.next = (alive, steps, survived, step, noted)
        alive, steps, survived, *_ = loop.carried
        f.store(f.convert("zext", alive, self._vector("i8")), given["alive"])
        f.store(steps, given["steps"])
        f.store(survived, given["survived"])

    def _batch(self, epoch: Value, batch: Value, carried: tuple[Value, ...]) -> tuple[Value, ...]:
        """Write one step; return what the next one starts with."""
        alive, steps, step, total, weights, *_ = carried
        f, given, layout = self.f, self.given, self.layout
        begin = f.multiply(batch, whole(layout.batch))
        left = f.subtract(whole(layout.rows), begin)
        rows = f.intrinsic("smin", "i64", left, whole(layout.batch))
        first_number = f.multiply(f.multiply(step, given["moves"]), whole(layout.numbers))
        of_layers = f.add(first_number, whole(1 + layout.scheduled_decay))
        present = {"present": self._place("rates", "double", of_layers)}
        self._pass({**given, **present, **self._rows(epoch, begin, rows), **self._draws(step)}, rows)
        loss, *weights_given = (self._result(8 * i, dtype) for i, dtype in enumerate(self.programs.step.dtypes))
        weight = f.spread(f.op("double", f"sitofp {rows} to double"), layout.networks)
        if weights_given:
            (weight,) = weights_given
        total = f.select(alive, f.multiply_add(weight, loss, total), total)
        finite = f.compare("olt", f.intrinsic("fabs", loss.type, loss), self._number("double", np.inf))
        alive = f.binary("and", alive, finite)
        with f.when(f.compare("eq", batch, whole(0))):
            self._keep("parameters", layout.parameters, alive)
            self._keep("statistics", layout.statistics, alive)
        rate, *decay = (
            self._load("rates", "double", f.add(first_number, whole(i))) for i in range(1 + layout.scheduled_decay)
        )
        t = f.add(step, self._first_step())
        f.call("update", "void", *(given[name] for name in self.update_bases), rate, f.add(t, whole(1)), *decay)
        norm = self._result(NORM)
        self._store(norm, "norms", f.binary("urem", t, whole(NORMS)), alive)
        steps = f.add(steps, f.convert("zext", alive, steps.type))
        return alive, steps, f.add(step, whole(1)), total, f.add(weights, weight), rate, norm

    def _first_step(self) -> Value:
        """Return the number of steps that were done before this call."""
        return self.f.multiply(self.given["epochs_done"], whole(self.layout.batches))

    def _pass(self, bases: dict[str, Value], rows: Value) -> None:
        f = self.f
        passed = [bases[name] for name in self.pass_bases]
        sizes = [size.rows for size in self.programs.step.sizes]
        if len(sizes) == 1:
            f.call("pass_0", "void", *passed)
            return
        for i, size in enumerate(sizes):
            with f.when(f.compare("eq", rows, whole(size))):
                f.call(f"pass_{i}", "void", *passed)

    def _keep(self, name: str, count: int, alive: Value) -> None:
        """Write a copy of the parameters or statistics of the networks that are alive."""
        if not count:
            return
        turns = count // AT_A_TIME
        with self.f.loop(whole(0), whole(turns * AT_A_TIME), AT_A_TIME) as loop:
            for i in range(AT_A_TIME):
                self._keep_one(name, self.f.add(loop.index, whole(i)), alive)
        for i in range(turns * AT_A_TIME, count):
            self._keep_one(name, whole(i), alive)

    def _keep_one(self, name: str, row: Value, alive: Value) -> None:
        type = TYPES[self.layout.dtype.name]
        self.f.store(self._load(name, type, row), self._place(f"good_{name}", type, row), alive)

    def _note_if_due(self, epoch: Value, noted: Value, numbers: tuple[Value, ...]) -> Value:
        """Write a row of the notes if the epoch is reported; return how many are written by now."""
        f, given = self.f, self.given
        done = f.add(f.add(epoch, given["epochs_done"]), whole(1))
        regular = f.compare("eq", f.binary("urem", done, given["note_every"]), whole(0))
        due = f.binary("or", regular, f.compare("eq", done, given["note_last"]))
        with f.when(due):
            f.call("norms", "void", *(given[name] for name in ("gradient", "results", "work")))
            norms = tuple(self._result(LAYER_NORMS + 8 * i) for i in range(self.layout.layers))
            first = f.multiply(noted, whole(len(numbers) + self.layout.layers))
            for i, value in enumerate((*numbers, *norms)):
                self._store(value, "notes", f.add(first, whole(i)))
        return f.select(due, f.add(noted, whole(1)), noted)

    # A batch

    def _rows(self, epoch: Value, begin: Value, rows: Value) -> dict[str, Value]:
        """Return the addresses of a batch: where it lies, or where its rows were copied to."""
        f, layout, found = self.f, self.layout, {}
        for name, width, dtype in zip(ROWS, layout.widths, layout.kinds, strict=False):
            if layout.shuffles:
                self._copy_rows(name, width, operations.memory_type(dtype), epoch, begin, rows)
                found[name] = self.given[f"batch_{name}"]
            else:
                numbers = width * (layout.networks if layout.own_rows else 1)
                step = f.multiply(begin, whole(numbers))
                found[name] = f.place(self.given[name], operations.memory_type(dtype), step)
        return found

    def _copy_rows(self, name: str, width: int, kind: str, epoch: Value, begin: Value, rows: Value) -> None:
        """Write copies of the rows that stand in each network's order."""
        f, layout = self.f, self.layout
        first = f.add(f.multiply(epoch, whole(layout.rows)), begin)
        scale = width * (layout.networks if layout.own_rows else 1)
        with f.loop(whole(0), rows) as row:
            order = self._load("order", "i64", f.add(first, row.index))
            start = f.multiply(order, number(order.type, scale))
            if layout.own_rows:
                start = f.add(start, f.places(layout.networks))
            with f.loop(whole(0), whole(width)) as column:
                step = f.multiply(column.index, whole(scale // width))
                value = f.gather(kind, f.place(self.given[name], kind, step), start)
                to = f.add(f.multiply(row.index, whole(width)), column.index)
                to = f.multiply(to, whole(layout.networks))
                f.store(value, f.place(self.given[f"batch_{name}"], kind, to))

    def _draws(self, step: Value) -> dict[str, Value]:
        """Return the addresses of the random numbers of a step."""
        f, layout = self.f, self.layout
        if not layout.draw_offsets:
            return {}
        record = f.place(self.given["draws"], "i8", f.multiply(step, whole(layout.record_bytes * layout.networks)))
        return {
            f"draw {i}": f.place(record, "i8", whole(offset * layout.networks))
            for i, offset in enumerate(layout.draw_offsets)
        }

    # Vectors with a lane for each network

    def _vector(self, type: str) -> str:
        return vector(type, self.layout.networks)

    def _number(self, type: str, value: float) -> Value:
        return number(self._vector(type), value)

    def _place(self, name: str, type: str, row: Value) -> Value:
        return self.f.place(self.given[name], type, self.f.multiply(row, whole(self.layout.networks)))

    def _load(self, name: str, type: str = "i64", row: Value = FIRST) -> Value:
        return self.f.load(self._vector(type), self._place(name, type, row))

    def _store(self, value: Value, name: str, row: Value, mask: Value | None = None) -> None:
        self.f.store(value, self._place(name, "double", row), mask)

    def _result(self, offset: int, dtype: np.dtype | None = None) -> Value:
        """Return the result that a program has written at an offset, in double precision."""
        dtype = dtype or self.layout.dtype
        at = self.f.place(self.given["results"], "i8", whole(offset * self.layout.networks))
        value = self.f.load(self._vector(TYPES[dtype.name]), at)
        return self.f.convert("fpext" if dtype.kind == "f" else "sitofp", value, self._vector("double"))
