"""A table file that has been read, before its columns have their kinds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from plainnet._base.arrays import Array
from plainnet.errors import FileError
from plainnet.tabular.deciding import decide, decide_typed
from plainnet.tabular.kinds import Place
from plainnet.tabular.names import is_number
from plainnet.tabular.notations import Notation
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.spelling import spelled

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class RawTable:
    """The names and columns of a file, in its order; `names` may hold empty and doubled ones."""

    where: str
    written: Sequence[str]
    """The names as the file has them."""
    frame: pl.DataFrame
    place: Place
    is_text: bool
    quoted: Mapping[int, Array] = field(default_factory=dict)
    """The rows whose field stands in quotation marks and is a marker of missing values, by the column's number."""

    @cached_property
    def names(self) -> list[str]:
        """The names in the one spelling by which columns are known."""
        return [spelled(name) for name in self.written]

    @cached_property
    def _numbers(self) -> Mapping[str, list[int]]:
        """The numbers of the columns of each name."""
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            found.setdefault(name, []).append(number)
        return found

    def number(self, name: str) -> int:
        """The number of the one column of this name; FileError where there are several."""
        clean = spelled(name)
        first, *others = self._numbers[clean]
        if others:
            hint = "; if line 1 is a row and no header, write a line of names above it" if is_number(clean) else ""
            raise FileError(
                f"{self.where}: two columns are named {clean!r}; give each column a name of its own, or leave them out "
                f"(ignore=[{clean!r}]){hint}"
            )
        return first

    def columns(
        self, names: Collection[str], categories: Collection[str], options: ReadOptions
    ) -> tuple[pl.DataFrame, dict[str, Notation]]:
        """The named columns in their kinds, those in `categories` as categories, and the notations of their numbers."""
        import polars as pl

        numbers = {name: self.number(name) for name in names}
        frame = pl.DataFrame([self.frame.to_series(number).alias(name) for name, number in numbers.items()])
        if not self.is_text:
            return decide_typed(frame, self.place, options, categories)
        # In a column that the user calls categories the usual markers are values, in quotation marks or not.
        quoted = {name: self.quoted[n] for name, n in numbers.items() if n in self.quoted}
        quoted = {name: rows for name, rows in quoted.items() if name not in options.categories}
        return decide(frame, self.place, options, categories, quoted)
