"""The values from which the four parts of an explanation are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from plainnet._base.arrays import Array
from plainnet.explain.explanation import Quantity
from plainnet.explain.formulas import LayerFormulas, of_layer
from plainnet.explain.naming import Names
from plainnet.explain.numerical import Differences
from plainnet.explain.recording import LayerRecord, Record
from plainnet.explain.standing import Standing
from plainnet.layers import Layer
from plainnet.losses import Loss
from plainnet.optimizers import Optimizer

if TYPE_CHECKING:
    from plainnet.network import Network


@dataclass(frozen=True)
class ExplainedStep:
    """One training step: its parts, what passed, the checks of its gradients and what things are called."""

    net: Network
    loss: Loss
    optimizer: Optimizer
    targets: Array
    weight: Array | None
    recorded: Record
    differences: Differences
    names: Names
    standing: Standing

    @cached_property
    def formulas(self) -> list[LayerFormulas]:
        """The equations of each layer."""
        return [
            of_layer(layer, noted.inputs.shape) if noted.inputs is not None else LayerFormulas()
            for _, layer, noted in self.by_layer()
        ]

    @property
    def has_penalties(self) -> bool:
        """True if any layer adds to the loss."""
        return any(layer.penalties() for layer in self.net.layers)

    def by_layer(self) -> Iterator[tuple[int, Layer, LayerRecord]]:
        """Each layer with its number and what passed there."""
        return zip(range(len(self.net.layers)), self.net.layers, self.recorded.layers, strict=True)

    def rowwise(self, name: str, formula: str, values: Array | None, columns: Sequence[str], **more: Any) -> Quantity:
        """Return a quantity with one row per example."""
        assert values is not None
        return Quantity(name, formula, values, rows=self.names.examples, columns=tuple(columns), **more)
