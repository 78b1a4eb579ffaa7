"""A table file has been read, and its columns do not have their kinds yet."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
import polars.selectors as cs

from plainnet._base.arrays import Array
from plainnet.errors import FileError, warn
from plainnet.tabular.deciding import Decided, decide, decide_typed, joined
from plainnet.tabular.kinds import Place
from plainnet.tabular.names import known_names
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.sources import first_line, named
from plainnet.tabular.texts import option, spelled


@dataclass(frozen=True)
class RawTable:
    """A RawTable has the names and columns of a table, in its order; `written` may hold empty and doubled ones."""

    where: str
    written: Sequence[str]
    """The names as the file has them."""
    frame: pl.DataFrame
    place: Place
    is_text: bool
    """True if columns of text are as people write them: their values decide what they are."""
    quoted: Mapping[int, Array] = field(default_factory=dict)
    """A column's number leads to the rows whose field, in quotation marks, is a marker of missing values."""
    is_bare: bool = False
    """True if no text has spaces around it or letters beyond ASCII."""
    in_memory: bool = False
    """True for a table that is not from a file: its names are no first line."""

    @cached_property
    def names(self) -> list[str]:
        """Return the names by which the columns are known."""
        return known_names(self.written)

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def doubled(self) -> Mapping[str, Sequence[str]]:
        """Return, for a name that stands in the header several times, the names by which these columns are known."""
        alike: dict[str, list[str]] = {}
        for name, written in zip(self.names, self.written, strict=True):
            if spelled(written):
                alike.setdefault(spelled(written), []).append(name)
        return {name: known for name, known in alike.items() if len(known) > 1}

    def number(self, name: str) -> int:
        """Return the number of the column of this name."""
        return self._numbers[spelled(name)]

    def has_text(self, name: str) -> bool:
        """Return True if a column holds text whose values decide what it is."""
        return self.is_text and self.frame.dtypes[self.number(name)] == pl.String

    def as_they_stand(self, names: Iterable[str]) -> pl.DataFrame:
        """Return the named columns as the file has them: texts of a text file, or the types of a Parquet file."""
        return pl.DataFrame([self.frame.to_series(self.number(name)).alias(name) for name in names])

    def without_type(self, name: str) -> RawTable:
        """Return the table with nothing, of no type, in a column."""
        written = self.frame.columns[self.number(name)]
        return replace(self, frame=self.frame.with_columns(pl.lit(None).alias(written)))

    def take(self, rows: Array) -> RawTable:
        """Return only the rows of these places, counted from 0 and in ascending order, with a place that pickles."""
        quoted = {column: np.flatnonzero(np.isin(rows, marked)) for column, marked in self.quoted.items()}
        return replace(
            self,
            frame=self.frame[rows],
            place=tuple(map(self.place, rows.tolist())).__getitem__,
            quoted={column: marked for column, marked in quoted.items() if len(marked)},
        )

    def columns(self, names: Collection[str], categories: Collection[str], options: ReadOptions) -> Decided:
        """Return the named columns in their kinds; `categories` names categories."""
        asked = set(names)
        for name, known in self.doubled.items():
            if asked & set(known):
                warn(
                    f"{self.where}: {len(known)} columns are named {name!r}; they are known as "
                    f"{', '.join(map(repr, known))}"
                )
        numbers = {name: self.number(name) for name in names}
        frame = pl.DataFrame([self.frame.to_series(number).alias(name) for name, number in numbers.items()])
        text = [name for name, dtype in frame.schema.items() if self.is_text and dtype == pl.String]
        typed = [name for name in frame.columns if name not in set(text)]
        # In a column that the user calls categories the usual markers are values, in quotation marks or not.
        free = {name: numbers[name] for name in text if name not in options.categories}
        quoted = {name: self.quoted[number] for name, number in free.items() if number in self.quoted}
        parts = []
        if text:
            parts.append(decide(frame.select(cs.by_name(text)), self.place, options, categories, quoted, self.is_bare))
        if typed:
            parts.append(decide_typed(frame.select(cs.by_name(typed)), self.place, options, categories))
        return parts[0] if len(parts) == 1 else joined(frame.columns, parts)


def together(tables: Sequence[RawTable]) -> RawTable:
    """Return the rows of several tables with the same columns, in the order of the first, as one table.

    Raises FileError, with the file that differs, where the columns are not the same.
    """
    first, *others = tables
    if not others:
        return first
    for other in others:
        require_alike(first, other)
    if not first.is_text:
        tables = _with_types_alike(tables)
    orders = [[table.names.index(name) for name in first.names] for table in tables]
    numbers = [str(number) for number in range(len(first.names))]
    frames = [
        pl.DataFrame([table.frame.to_series(place).alias(number) for place, number in zip(order, numbers, strict=True)])
        for table, order in zip(tables, orders, strict=True)
    ]
    try:
        frame = pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise FileError(f"{named([table.where for table in tables])} do not go together: {first_line(error)}") from None
    starts = np.cumsum([0, *(len(table.frame) for table in tables)]).tolist()
    quoted: dict[int, list[Array]] = {}
    for table, order, start in zip(tables, orders, starts, strict=False):
        for number, place in enumerate(order):
            if place in table.quoted:
                quoted.setdefault(number, []).append(table.quoted[place] + start)

    def place_of(row: int) -> str:
        table = bisect_right(starts, row) - 1
        return tables[table].place(row - starts[table])

    return RawTable(
        where=named([table.where for table in tables]),
        written=first.written,
        frame=frame,
        place=place_of,
        is_text=first.is_text,
        is_bare=all(table.is_bare for table in tables),
        quoted={number: np.concatenate(rows) for number, rows in quoted.items()},
    )


def _with_types_alike(tables: Sequence[RawTable]) -> Sequence[RawTable]:
    """Return tables whose columns go together; one without a value, whatever its type, goes with any other.

    Raises FileError for a column that holds, say, text in one file and numbers in another.
    """
    found = list(tables)
    for name in tables[0].names:
        columns = [table.frame.to_series(table.number(name)) for table in tables]
        if len({_family(column.dtype) for column in columns}) == 1:
            continue
        known: tuple[pl.DataType, str] | None = None
        for place, (table, column) in enumerate(zip(tables, columns, strict=True)):
            if not has_values(column):
                found[place] = found[place].without_type(name)
                continue
            known = known or (column.dtype, table.where)
            if not go_together(column.dtype, known[0]):
                raise FileError(
                    f"{table.where}: column {name!r} is of type {column.dtype}, and of type {known[0]} in {known[1]}; "
                    f"files that are read together have the same columns: convert one, or leave it out "
                    f"({option('ignore', name)})"
                )
    return found


def has_values(column: pl.Series) -> bool:
    """Return True if a value of a column is not missing, as NaN is."""
    known = column.fill_nan(None) if column.dtype.is_float() else column
    return known.null_count() < len(known)


def go_together(first: pl.DataType, second: pl.DataType) -> bool:
    """Return True if values of these types can be in one column."""
    return pl.Null in (first, second) or _family(first) == _family(second)


def _family(dtype: pl.DataType) -> str:
    """Return what values of a type are; types of one family go together."""
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    is_local = dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)
    return "date" if is_local else str(dtype)


def require_alike(first: RawTable, other: RawTable) -> None:
    """Raise FileError if a second table has other columns than the first."""
    lacking = [name for name in first.names if name not in other.names]
    more = [name for name in other.names if name not in first.names]
    if lacking or more:
        what = f"lacks the column {lacking[0]!r}" if lacking else f"has a column {more[0]!r}"
        counts = len(lacking) - 1 if lacking else len(more) - 1
        raise FileError(
            f"{other.where} {what}{f' and {counts} more' if counts else ''}, which {first.where} "
            f"{'has' if lacking else 'has not'}; files that are read together have the same columns, in any order"
        )
    if first.is_text != other.is_text:
        raise FileError(
            f"{other.where} and {first.where} are of different kinds, as the columns of one have types; "
            "give files of one kind"
        )
