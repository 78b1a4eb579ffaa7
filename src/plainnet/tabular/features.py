"""A Feature says what a column makes of its values: features of one group, by one formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from plainnet._base.arrays import Array

Group: TypeAlias = Literal["number", "plain", "code"]
"""Numbers may be embedded, codes of categories have to be; everything else goes into a network as it is."""
GROUPS: tuple[Group, ...] = ("number", "plain", "code")
"""The order of the groups among the features of a table."""


@dataclass(frozen=True)
class Features:
    """Some features of one column: their names, and a formula of `plainnet.tabular.encodings` with its settings.

    Every reader of a table computes them from this one description: NumPy calls `of`, ONNX and C trace it, a script
    holds the formula's source and calls it with the settings.
    """

    group: Group
    names: tuple[str, ...]
    formula: Callable[..., Array]
    settings: dict[str, Any] = field(default_factory=dict)

    def of(self, values: Array) -> Array:
        """Return the features, shape (rows, features), of the numbers of values, shape (rows, 1)."""
        return self.formula(values, **self.settings)


@dataclass(frozen=True)
class FeatureGroups:
    """A table's features come in this order: numbers, plain features, codes of categories.

    `categories` has the number of known categories for each column of codes: its feature is 0 where the value is
    missing or was not in training, and 1 to this number for the known ones.
    """

    numbers: int
    """The number of features that are numbers."""
    plain: int
    """The number of plain features, such as those of one-hot categories."""
    categories: tuple[int, ...] = ()
