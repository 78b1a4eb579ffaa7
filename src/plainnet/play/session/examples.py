"""Examples: the data of a session, as the network takes them and as the page shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.wording import in_digits
from plainnet.errors import InvalidValue
from plainnet.play.session.columns import ShownColumn

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.play.session.given import GivenModel
    from plainnet.play.session.setup import Setup
    from plainnet.play.session.tables import HeldTable

TRAINING, VALIDATION, TEST = 0, 1, 2
"""The numbers of the parts in `Examples.parts`."""

Part = tuple[Array, Array, Array | None]
"""Inputs, targets, and weights if there are any."""


@dataclass
class Held:
    """Held has what a session keeps in memory beside its setup: uploaded tables, and what was given to `play`."""

    tables: dict[str, HeldTable] = field(default_factory=dict)
    """The tables by their names, the latest last."""
    given: GivenModel | None = None
    """A network and arrays from a program, or a model with its table from the command line."""
    setup: dict[str, Any] | None = None
    """The setup to begin with, as plain data; None for the usual one."""


class ExampleRow(NamedTuple):
    """ExampleRow holds one example."""

    inputs: Array
    """The network takes these numbers, (inputs,)."""
    target: Array
    """The network has to learn this, as `net.fit` takes it for one row: (1,) or (1, outputs)."""
    cells: list[str]
    """The value of each column, as text."""
    label: str
    """The class, or the value in its own unit, as text."""
    part: int


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples holds the rows of a session in the order of their source, and the part that each belongs to."""

    name: str
    columns: tuple[ShownColumn, ...]
    cells: Array
    """All rows in the own units of the columns, (rows, columns): categories by the place among their levels."""
    inputs: Array
    """All rows as the network takes them, (rows, inputs)."""
    targets: Array
    """Labels (rows,) or standardized quantities (rows, 1), as the network learns them."""
    labels: Array
    """The place of each row's class, or its value in its own unit, (rows,)."""
    parts: Array
    """0 for training, 1 for validation, 2 for test, (rows,) uint8."""
    target: str = "y"
    classes: list[str] | None = None
    """The names of the classes; None where the target is a quantity."""
    weights: Array | None = None
    editable: bool = False
    unit: tuple[float, float] = (0.0, 1.0)
    """The mean and the deviation by which a quantity was standardized."""
    input_names: tuple[str, ...] = ()
    """The name of each input, where a column has several."""
    categories: tuple[int, ...] = ()
    """The number of categories of each of the last inputs, where these are codes for an embedding."""
    table: dict[str, Any] | None = None
    """The schema of the table that the inputs were made from, as networks keep it."""
    network: Network | None = None
    """The network that was given."""
    custom: tuple[Any, ...] = ()
    """The user's own classes and functions in it."""
    own: dict[str, Any] = field(default_factory=dict)
    """The user's own loss and optimizer, by how the setup describes them."""
    usual: dict[str, Any] | None = None
    """The setup's fields that go with these data, beside the general ones."""
    notes: tuple[str, ...] = ()
    """A reader of the table should know these things, as `plainnet train` says them."""

    # ---- for the network ----

    @property
    def task(self) -> str:
        """Return "classification" or "regression"."""
        return "regression" if self.classes is None else "classification"

    @property
    def input_size(self) -> int:
        """Return the number of inputs of the network."""
        return int(self.inputs.shape[1])

    @cached_property
    def training(self) -> Part:
        """Return inputs, targets and weights of the training examples."""
        return self._part(TRAINING)

    @cached_property
    def validation(self) -> Part | None:
        """Return those of the validation examples; None where there are none."""
        return self._part(VALIDATION) if (self.parts == VALIDATION).any() else None

    @cached_property
    def test(self) -> Part | None:
        """Return those of the test examples; None where there are none."""
        return self._part(TEST) if (self.parts == TEST).any() else None

    def _part(self, number: int) -> Part:
        rows = np.flatnonzero(self.parts == number)
        return self.inputs[rows], self.targets[rows], None if self.weights is None else self.weights[rows]

    def part(self, description: Any) -> Any:
        """Return the user's own loss or optimizer that a setup describes; any other description as it is."""
        name = description.get("name") if isinstance(description, dict) else description
        return self.own.get(name, description) if isinstance(name, str) else description

    def in_units(self, outputs: Array) -> Array:
        """Return outputs of the network in the target's own unit: output · deviation + mean; probabilities as such."""
        mean, deviation = self.unit
        if (mean, deviation) == (0.0, 1.0):
            return outputs
        found: Array = outputs * deviation + mean
        return found

    # ---- for the page ----

    def shown(self, axes: Sequence[int]) -> Array:
        """Return all examples in the own units of some columns, (rows, axes); a missing number is where it counts."""
        found = self.cells[:, self._checked(axes)].astype(np.float32)
        for i, axis in enumerate(axes):
            missing = np.isnan(found[:, i])
            found[missing, i] = self.columns[axis].usual
        return found

    def ranges(self, axes: Sequence[int]) -> list[tuple[float, float]]:
        """Return the range of some columns in their own units."""
        return [self.columns[axis].range for axis in self._checked(axes)]

    def plane(self, axes: Sequence[int], points: int, at: int | None = None) -> Array:
        """Return the inputs over a grid of one or two columns, (points ** axes, inputs).

        The first axis changes fastest. The other columns are as in row `at`, or at their medians and most frequent
        values.
        """
        rows = np.tile(self.base(at), (points ** len(self._checked(axes)), 1))
        grids = [self.columns[axis].grid(points) for axis in axes]
        for axis, values in zip(axes, np.meshgrid(*grids), strict=True):
            column = self.columns[axis]
            rows[:, column.inputs] = column.encode(values.ravel())
        return rows

    def base(self, at: int | None = None) -> Array:
        """Return the inputs of a row, or those where all columns are at their medians and most frequent values."""
        if at is not None:
            own: Array = self.inputs[self._row(at)]
            return own
        base = np.zeros(self.input_size, self.inputs.dtype)
        for column in self.columns:
            base[list(column.inputs)] = column.encode(np.array([column.usual]))[0]
        return base

    def dependence(self, column: int, points: int) -> tuple[Array, Array]:
        """Return values of a column to try, in its own unit, and its inputs for each, for `partial_dependence`.

        Of a category they are its levels.
        """
        chosen = self.columns[self._checked([column])[0]]
        values = np.arange(len(chosen.levels), dtype=float) if chosen.levels else chosen.grid(points)
        return values, chosen.encode(values)

    def row(self, row: int) -> ExampleRow:
        """Return one example: its inputs, its target, and its cells as text."""
        i = self._row(row)
        cells = [column.text(value) for column, value in zip(self.columns, self.cells[i], strict=True)]
        label = self.classes[int(self.labels[i])] if self.classes is not None else in_digits(float(self.labels[i]))
        return ExampleRow(self.inputs[i], self.targets[i : i + 1], cells, label, int(self.parts[i]))

    def _row(self, row: int) -> int:
        if not 0 <= row < len(self.labels):
            raise InvalidValue(f"row is {row}; there are the rows 0 to {len(self.labels) - 1}")
        return row

    def _checked(self, axes: Sequence[int]) -> list[int]:
        for axis in axes:
            if not 0 <= axis < len(self.columns):
                raise InvalidValue(f"axes is {list(axes)}; there are the columns 0 to {len(self.columns) - 1}")
        return list(axes)


def examples_of(setup: Setup, held: Held) -> Examples:
    """Return the examples that the data of a setup describe."""
    from plainnet.play.session.settings import placed, placed_by_name

    with placed("data"), placed_by_name(("target", "validation", "test")):
        return _makers()[setup.data["kind"]](setup.data, held)


def _makers() -> dict[str, Callable[[dict[str, Any], Held], Examples]]:
    from plainnet.play.session import given, points, tables  # each needs what stands above

    return {"dataset": points.of_dataset, "points": points.of_points, "table": tables.of_table, "given": given.of_given}
