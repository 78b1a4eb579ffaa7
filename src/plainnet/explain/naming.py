"""The names of rows and columns: examples, features, units and classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue
from plainnet.explain.explanation import Quantity

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.tabular import Table


@dataclass(frozen=True)
class LayerNames:
    """The names of a layer's inputs and outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def parameter(self, name: str, formula: str, values: Array, *, like: str = "", **more: Any) -> Quantity:
        """Return a quantity laid out like a parameter, with one row per input and one column per output if it fits."""
        rows: tuple[str, ...] = ()
        columns: tuple[str, ...] = ()
        if values.ndim == 2 and values.shape == (len(self.inputs), len(self.outputs)):
            rows, columns = self.inputs, self.outputs
        elif values.ndim == 1 and values.shape == (len(self.outputs),):
            rows, columns = (like or name,), self.outputs
        return Quantity(name, formula, values.copy(), rows=rows, columns=columns, **more)


@dataclass(frozen=True)
class Names:
    """The names of the examples and of each layer's inputs and outputs."""

    examples: tuple[str, ...]
    of_layers: tuple[LayerNames, ...]
    table: Table | None

    @classmethod
    def of(cls, net: Network, rows: int, examples: Sequence[str] | None) -> Names:
        """Take the names from the network's table if it has one; otherwise number from 0, as in Python."""
        if examples is not None and len(examples) != rows:
            raise InvalidValue(f"examples has {len(examples)} names and X has {rows} rows; each row takes one")
        table = _table_of(net)
        inputs = table.feature_names if table else tuple(f"input {i}" for i in range(net.input_size or 0))
        shape: tuple[int, ...] = (net.input_size or 0,)
        layers = []
        for i, layer in enumerate(net.layers):
            shape = layer.output_shape(shape)
            own_units = shape != (len(inputs),) or layer.parameter_shapes((len(inputs),)).keys() >= {"weights"}
            outputs = tuple(f"unit {k}" for k in range(shape[0])) if own_units else inputs
            if i == len(net.layers) - 1:
                outputs = _output_names(table, shape[0])
            layers.append(LayerNames(inputs, outputs))
            inputs = outputs
        named = examples if examples is not None else [f"example {i}" for i in range(rows)]
        return cls(tuple(map(str, named)), tuple(layers), table)

    def verdicts(self, predictions: Array, targets: Array) -> Iterator[str]:
        """Yield each example's truth and prediction in the table's own words; of many, the first ones."""
        if self.table is None:
            return
        truths = _truths(self.table, targets)
        predicted = self.table.decode(predictions)
        for example, truth, guess in list(zip(self.examples, truths, predicted, strict=True))[:_MOST_VERDICTS]:
            yield f"{example}: {self.table.target.name} is {_word(truth)}, the network says {_word(guess)}."


_MOST_VERDICTS = 5


def _table_of(net: Network) -> Table | None:
    if net.table is None:
        return None
    from plainnet.tabular import Table

    return Table.from_dict(net.table)


def _output_names(table: Table | None, units: int) -> tuple[str, ...]:
    if table is not None and table.classes:
        if units == len(table.class_names):
            return table.class_names
        return (f"probability of {table.class_names[-1]}",)
    if table is not None and units == 1:
        return (table.target.name,)
    return ("output",) if units == 1 else tuple(f"output {k}" for k in range(units))


def _truths(table: Table, targets: Array) -> Sequence[Any]:
    if not table.classes:
        return list(table.target.stated(targets))
    labels = targets if targets.ndim == 1 else targets[:, 0] if targets.shape[1] == 1 else targets.argmax(axis=1)
    return [table.class_names[int(label)] for label in labels]


def _word(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
