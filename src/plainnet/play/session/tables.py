"""A table in memory is an uploaded file, read as `plainnet train` reads it, divided and encoded as it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.configurable import describe
from plainnet._base.extras import missing_extra
from plainnet.errors import InvalidValue, shortened, warnings_gathered
from plainnet.play.session import settings
from plainnet.play.session.columns import ShownColumn, median_of, most_frequent, range_of
from plainnet.play.session.data_settings import LONGEST_NAME, reading_options
from plainnet.play.session.examples import TEST, VALIDATION, Examples, Held
from plainnet.play.session.setup import usual_of

if TYPE_CHECKING:
    import polars as pl

    from plainnet.play.session.arguments import CommandArguments
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session
    from plainnet.tabular.columns import Column
    from plainnet.tabular.read_options import ReadOptions
    from plainnet.tabular.reading import TypedTable
    from plainnet.tabular.table import Table

USUAL_VALIDATION = 0.2
MOST_TABLES = 2
"""The most tables that a session keeps: the latest one, and the one before it."""
LONGEST_LEVEL = 200
"""The most characters of a category that the page gets."""
ENOUGH_FOR_FLOAT32 = 2_000_000
"""The number of features, over all rows, from which they are kept in float32."""
PARTS = {"number": "number", "boolean": "category", "category": "category"}
FALSE_TRUE = ["false", "true"]


@dataclass(eq=False)
class HeldTable:
    """A HeldTable is a table file in memory."""

    name: str
    content: bytes = field(repr=False)
    _read: tuple[Any, TypedTable, tuple[str, ...]] | None = field(default=None, repr=False)

    def typed(self, options: dict[str, Any], target: str | None) -> tuple[TypedTable, tuple[str, ...]]:
        """Return the columns in their kinds, and what the reader says of them; the latest answer is kept."""
        from plainnet.tabular.reading import read_typed
        from plainnet.tabular.sources import FileContent

        if self._read is None or self._read[0] != (options, target):
            with warnings_gathered() as notes, refusals_of_polars(self.name):
                read = read_typed(FileContent(self.name, self.content), options=read_options(options), target=target)
            self._read = (options, target), read, tuple(notes)
        return self._read[1:]


@contextmanager
def refusals_of_polars(name: str) -> Iterator[None]:
    """Turn what polars raises for a file that it cannot read into a refusal of ours."""
    from plainnet.tabular.sources import first_line

    try:
        from polars.exceptions import PolarsError
    except ImportError:
        raise missing_extra("a table", "tables") from None
    try:
        yield
    except PolarsError as error:
        raise InvalidValue(f"{name} cannot be read: {first_line(error)}") from None


def read_options(plain: dict[str, Any]) -> ReadOptions:
    """Return the options of the reader for those of a setup."""
    from plainnet.tabular.read_options import ReadOptions

    return ReadOptions(**{name: value for name, value in plain.items() if name != "task"})


def of_table(data: dict[str, Any], held: Held) -> Examples:
    """Return the examples of an uploaded table, divided and encoded as `plainnet train` does it."""
    from plainnet.tabular.parts import Division, Share
    from plainnet.tabular.preparing import prepare
    from plainnet.tabular.problem import divide, problem_of
    from plainnet.tabular.recipe import SMALL

    name, options = data["name"], data["options"]
    if name not in held.tables:
        raise InvalidValue(f"table {name!r} is not in memory: a link holds no data; upload the file again")
    typed, read_notes = held.tables[name].typed(options, data["target"])
    with warnings_gathered() as notes, refusals_of_polars(name):
        problem = problem_of(typed.frame, data["target"], options=typed.options, task=options.get("task"), source=name)
        division = Division(test=Share(data["test"]), validation=Share(data["validation"]))
        divided = divide(problem, division, data["seed"])
        prepared = prepare(problem, divided, SMALL)
        rows = problem.rows
        parts = np.zeros(len(rows), np.uint8)
        parts[np.isin(rows.numbers, divided.test.numbers)] = TEST
        parts[np.isin(rows.numbers, prepared.held_out.numbers)] = VALIDATION
        made = examples_of_rows(name, prepared.table, rows.frame, parts)
        usual = _usual(prepared, data, made)
    said = [*read_notes, *(note for note in notes if note not in read_notes)]
    return replace(made, usual=usual, notes=tuple(dict.fromkeys(said)))


def examples_of_rows(name: str, table: Table, frame: pl.DataFrame, parts: Array) -> Examples:
    """Return rows with a known target as examples, encoded by a table that has been learned."""
    from plainnet.tabular.encoding import codes, of_kinds
    from plainnet.tabular.targets import NumberTarget

    kinds = of_kinds(table.columns, frame)
    cells = np.empty((len(frame), len(table.columns)))
    for place, values in codes(table.columns, kinds):
        known = levels_of(table.columns[place])
        cells[:, place] = np.where(values < 0, len(known), values) if known else values
    few = len(frame) * len(table.feature_names) <= ENOUGH_FOR_FLOAT32
    inputs = table.features(frame, dtype=np.float64 if few else np.float32)
    targets = table.targets(frame)
    target = table.target
    unit = (target.mean, target.deviation) if isinstance(target, NumberTarget) else None
    return Examples(
        name=name,
        columns=tuple(shown_columns(table, cells[parts == 0], cells)),
        cells=cells,
        inputs=inputs,
        targets=targets,
        labels=targets.astype(float) if unit is None else table.target.stated(targets),
        parts=parts,
        target=table.target.name,
        classes=list(table.class_names) if unit is None else None,
        unit=unit or (0.0, 1.0),
        input_names=table.feature_names,
        categories=table.groups.categories,
        table=table.to_dict(),
    )


def shown_columns(table: Table, training: Array, cells: Array) -> list[ShownColumn]:
    """Return the columns of a table as the page shows them; ranges are those of the `training` rows."""
    dates = set(table.date_columns)
    found = []
    for i, (column, places) in enumerate(zip(table.columns, table.features_of_columns, strict=True)):
        values = training[:, i]
        levels = levels_of(column)
        if levels and (cells[:, i] >= len(levels)).any():
            levels = [*levels, "(not seen)"]  # in training; its place is beyond all others, so its features are 0
        kind = "category" if levels else "date" if column.name in dates else "number"
        usual = most_frequent(values, len(levels)) if levels else median_of(values)
        ends = (-0.5, len(levels) - 0.5) if levels else range_of(values)
        found.append(ShownColumn(column.name, kind, levels, list(places), ends, usual, features_of(column)))
    return found


def levels_of(column: Column) -> list[str]:
    """Return the values of a category or boolean, in the order of their codes; a missing one is the last."""
    from plainnet.tabular.columns import Categories

    if isinstance(column, Categories):
        return [*(shortened(value, LONGEST_LEVEL) for value in column.values), *["(missing)"] * column.missing]
    return FALSE_TRUE if column.kind == "boolean" else []


def features_of(column: Column) -> Callable[[Array], Array]:
    """Return the function from numbers of values (values, 1) to all features of a column."""
    return lambda values: np.hstack([made.of(values) for made in column.features])


def _usual(prepared: Any, data: dict[str, Any], examples: Examples) -> dict[str, Any]:
    """Return the fields of a setup that go with a table: those of the recipe "small"."""
    from plainnet.play.session.given import described_layers
    from plainnet.tabular.building import batch_size_for, early_stopping_for, loss_of, network_for, optimizer_for
    from plainnet.tabular.recipe import SMALL

    problem = prepared.problem
    net = network_for(prepared.table, SMALL, problem.loss, *prepared.examples, seed=0)
    stopping = early_stopping_for(SMALL, problem.task).settings() if data["validation"] else None
    return {
        "layers": described_layers(net),
        "loss": describe(loss_of(SMALL, problem.loss)),
        "optimizer": settings.settings_of(optimizer_for(net, SMALL, problem.task)),
        "batch_size": batch_size_for(SMALL, len(examples.training[0])),
        "epochs": SMALL.epochs,
        "early_stopping": stopping,
        "metrics": ["accuracy" if problem.task == "classification" else "r2"],
    }


# ---- commands ----


def upload(session: Session, given: CommandArguments) -> Reply:
    """Read an uploaded table: without a target, say what columns it has; with one, begin to learn it."""
    name = given.text("name", LONGEST_NAME)
    target = given.text("target", LONGEST_NAME, None)
    options = reading_options(given.plain("options", {}) or {})
    content = given.array("bytes", "uint8").tobytes()
    given.finish()
    table = HeldTable(name, content)
    if target is None:
        typed, notes = table.typed(options, None)
        return {"columns": kinds_of(typed.decisions), "rows": len(typed.frame), "notes": list(notes)}, {}
    plain = session.setup.plain()
    data = {"kind": "table", "name": name, "target": target, "options": options, "validation": USUAL_VALIDATION}
    setup = usual_of({**plain, "data": data})
    before = dict(session.held.tables)
    others = [(key, one) for key, one in before.items() if key != name]
    session.held.tables = dict([*others, (name, table)][-MOST_TABLES:])
    session.forget_examples()
    try:
        try:
            session.start(setup.plain())
        except InvalidValue:  # a table of a few rows has none to set aside
            session.start(setup.changed(["data", "validation"], 0.0).plain())
    except BaseException:
        session.held.tables = before
        raise
    return session.scene(True), {}


def kinds_of(decisions: Sequence[Any]) -> list[dict[str, str]]:
    """Return the columns of a file with what each was read as."""
    return [{"name": decision.column, "kind": decision.kind} for decision in decisions]
