"""The content of an explanation: quantities with their formulas, in the order in which a step computes them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.configurable import without_nan
from plainnet.explain.formulas import Formula
from plainnet.gradients import TOLERANCE

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Check:
    """A check is a gradient's central differences, with their relative errors.

    `numerical` are the differences, NaN where an entry of a large array was left out, and `errors` the relative errors.
    """

    numerical: Array
    errors: Array

    @property
    def relative_error(self) -> float:
        """The largest over the entries checked."""
        return float(np.nanmax(self.errors))

    @property
    def passed(self) -> bool:
        """True if the gradient agrees; near a kink, such as relu's at 0, or a sharp bend it need not."""
        return self.relative_error < TOLERANCE

    @property
    def verdict(self) -> str:
        """The largest relative error in words."""
        if self.passed:
            return f"relative error ≤ {self.relative_error:.1e}"
        return f"relative error up to {self.relative_error:.1e}: they do not agree, as near a kink or a sharp bend"

    @property
    def entries(self) -> int:
        """The number of entries that were checked."""
        return int(np.isfinite(self.numerical).sum())


@dataclass(frozen=True)
class Quantity:
    """A quantity is an array of the step: its `name`, the formula it came from, and its numbers, `values`."""

    name: str
    formula: str
    """Empty where nothing was computed, as for the examples."""
    values: Array
    note: str = ""
    """A remark beside the formula."""
    rows: tuple[str, ...] = ()
    """A name for each row, where rows have names."""
    columns: tuple[str, ...] = ()
    """A name for each column, where columns have names."""
    check: Check | None = None
    """The numerical gradient beside a gradient."""


@dataclass(frozen=True)
class Stage:
    """A stage is all that happens at one place: a layer, the loss, an array of parameters.

    `title` names the place; `stage["z"]` is a quantity by its name.
    """

    title: str
    code: str
    """Its name in Python, such as `net.layers[0]`; empty if it has none."""
    quantities: tuple[Quantity, ...]
    """The arrays, in the order in which they are computed."""
    formulas: tuple[Formula, ...] = ()
    """The formulas of what happens there."""
    notes: tuple[str, ...] = ()
    """Remarks."""

    def __getitem__(self, name: str) -> Quantity:
        for quantity in self.quantities:
            if quantity.name == name:
                return quantity
        raise KeyError(f"{name!r}; {self.title} has {', '.join(quantity.name for quantity in self.quantities)}")


@dataclass(frozen=True)
class Section:
    """A section is a part of the step, forward, loss, backward or update: a sequence of stages.

    `title` names it, `note` says what it shows, and `stages` are its stages in order.
    """

    title: str
    note: str
    stages: tuple[Stage, ...]

    def __getitem__(self, place: int) -> Stage:
        return self.stages[place]

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)


@dataclass(frozen=True)
class Explanation:
    """An explanation is one training step in numbers; `plainnet.explain` makes it.

    `forward` has a stage a layer, `loss` one stage, `backward` a stage a layer from the last to the first, `update`
    one for the gradient as the optimizer takes it and one for each array of parameters. It prints as text, shows as
    a page in a notebook, and is plain data by `to_dict`.
    """

    network: str
    """The network in words."""
    dtype: str
    """The number type of the step."""
    examples: tuple[str, ...]
    """A name for each example."""
    loss_name: str
    """The name of the loss."""
    optimizer: str
    """The optimizer in words."""
    value: float
    """The loss of the step, penalties included."""
    penalty: float
    """The penalties on the weights, a part of `value`."""
    learning_rate: float
    """The learning rate of the step."""
    forward: Section
    loss: Section
    backward: Section
    update: Section

    @property
    def sections(self) -> tuple[Section, ...]:
        """The four parts in their order."""
        return (self.forward, self.loss, self.backward, self.update)

    @property
    def relative_error(self) -> float:
        """The largest relative error of all gradients against central differences; NaN where there are none."""
        checks = [q.check for section in self.sections for stage in section for q in stage.quantities if q.check]
        return max((check.relative_error for check in checks), default=math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain data that JSON holds: arrays as lists, None for a number that is not finite."""
        return {
            "network": self.network,
            "dtype": self.dtype,
            "examples": list(self.examples),
            "loss_name": self.loss_name,
            "optimizer": self.optimizer,
            "value": self.value,
            "penalty": self.penalty,
            "learning_rate": self.learning_rate,
            **{
                name: _section_as_dict(section)
                for name, section in zip(("forward", "loss", "backward", "update"), self.sections, strict=True)
            },
        }

    def text(self, *, full: bool = False, width: int = 100) -> str:
        """Return text of `width` columns; arrays abbreviated unless `full`. Needs the extra `cli`."""
        from plainnet.explain.text import as_text

        return as_text(self, full, width)

    def rich(self, *, full: bool = False) -> RenderableType:
        """Return an object that a rich console prints, arrays abbreviated unless `full`. Needs the extra `cli`."""
        from plainnet.explain.text import renderable

        return renderable(self, full)

    def to_html(self, *, full: bool = False) -> str:
        """Return a page that needs nothing else; arrays abbreviated unless `full`."""
        from plainnet.explain.html import page

        return page(self, full)

    def _repr_html_(self) -> str:
        from plainnet.explain.html import fragment

        return fragment(self, full=False)

    def __rich__(self) -> RenderableType:
        return self.rich()

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Explanation({self.network}, {len(self.examples)} examples, loss {self.value:.6g})"


def _section_as_dict(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "note": section.note,
        "stages": [
            {
                "title": stage.title,
                "code": stage.code,
                "formulas": list(stage.formulas),
                "notes": list(stage.notes),
                "quantities": [_quantity_as_dict(quantity) for quantity in stage.quantities],
            }
            for stage in section
        ],
    }


def _quantity_as_dict(quantity: Quantity) -> dict[str, Any]:
    plain = {
        "name": quantity.name,
        "formula": quantity.formula,
        "note": quantity.note,
        "shape": list(quantity.values.shape),
        "values": without_nan(quantity.values.tolist()),
        "rows": list(quantity.rows),
        "columns": list(quantity.columns),
    }
    if quantity.check is not None:
        plain["check"] = {
            "numerical": without_nan(quantity.check.numerical.tolist()),
            "errors": without_nan(quantity.check.errors.tolist()),
            "relative_error": quantity.check.relative_error,
        }
    return plain
