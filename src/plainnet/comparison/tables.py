"""The rows and networks of a table as functions of the seed, which can be sent to other processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from plainnet._base.arrays import Array
from plainnet.network import Network
from plainnet.tabular.building import network_for
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import Prepared, prepare
from plainnet.tabular.problem import divide, problem_of
from plainnet.tabular.recipe import SMALL

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class TableRows:
    """A table split anew for each seed, scales and categories learned from the training rows alone."""

    frame: pl.DataFrame
    target: str
    options: Mapping[str, Any]
    """The options of `problem_of`."""
    validation: float = 0.2
    """The fraction of the rows to hold out."""

    def prepared(self, seed: int) -> Prepared:
        """Return the data that `plainnet train` with this seed trains on."""
        return _prepared(self, seed)

    def __call__(self, seed: int) -> tuple[Array, Array, tuple[Array, ...], Array | None]:
        """Return training examples, their targets, the rows held out, and the weights of the training examples."""
        prepared = self.prepared(seed)
        X, y, weights = prepared.examples
        return X, y, prepared.validation, weights


@dataclass(frozen=True, eq=False)
class TableNetwork:
    """The network that `plainnet train` makes for a table."""

    rows: TableRows
    hidden: Sequence[int]
    settings: Mapping[str, Any]
    """Settings of the recipe `small`."""

    def __call__(self, seed: int) -> Network:
        """Make a new network for the rows of a seed."""
        prepared = self.rows.prepared(seed)
        recipe = SMALL.varied(hidden=tuple(self.hidden), **self.settings)
        return network_for(prepared.table, recipe, prepared.problem.loss, *prepared.examples, seed=seed)


@lru_cache(maxsize=1)
def _prepared(rows: TableRows, seed: int) -> Prepared:
    """Prepare the rows once for a run's network and data and for the next variant with this seed."""
    problem = problem_of(rows.frame, rows.target, **rows.options)
    division = Division(test=Share(0.0), validation=Share(rows.validation))
    return prepare(problem, divide(problem, division, seed), SMALL)
