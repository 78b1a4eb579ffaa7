"""Make columns of polars of the tables that users have in Python: frames of polars, pandas or Arrow, lists of dicts."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Rational, Real
from typing import Any

import numpy as np
import polars as pl

from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.kinds import row_of_frame
from plainnet.tabular.raw_table import RawTable
from plainnet.tabular.texts import as_text, spelled

TAKES = "it takes a frame of polars or pandas, a list of dicts, or the name of a table file"
KINDS = "a table takes numbers, booleans, dates and text"

Columns = list[tuple[str, Any]]
"""The name and the values of each column."""


def raw_table_of(data: Any, wanted: Collection[str] | None = None, where: str = "the table") -> RawTable:
    """Return a table that is in memory as if it had been read from a file whose columns have types.

    `wanted` are the columns that will be looked at, if not all: the values of the others need not be any that a table
    takes. `where` is how messages call the table.

    Raises InvalidType for other data and for values that are no numbers, booleans, dates or text; InvalidValue for
    a column that mixes them, and for a table without rows.
    """
    columns = columns_of(data, where)
    names = [name for name, _ in columns]
    rows = len(columns[0][1]) if columns else 0
    if not rows:
        raise InvalidValue(f"{where} has no {'rows' if columns else 'columns'}")
    made = []
    for number, (name, values) in enumerate(columns):
        looked_at = wanted is None or name in wanted or spelled(name) in wanted
        column = column_of(name, values) if looked_at else pl.repeat(None, rows, dtype=pl.Null, eager=True)
        made.append(column.alias(str(number)))  # two columns may have one name
    frame = pl.DataFrame(made)
    text = pl.col(pl.String)
    frame = frame.with_columns(pl.when(text.str.strip_chars() != "").then(text).name.keep())  # as in a file
    return RawTable(where=where, written=names, frame=frame, place=row_of_frame, is_text=False, in_memory=True)


def columns_of(data: Any, where: str) -> Columns:
    """Return the names and the values of the columns; raise InvalidType for anything that has none."""
    if isinstance(data, pl.LazyFrame):
        data = data.collect()
    if isinstance(data, pl.DataFrame):
        return [(column.name, column) for column in data.iter_columns()]
    if hasattr(data, "iloc") and hasattr(data, "columns"):  # pandas
        return [(str(name), data.iloc[:, i]) for i, name in enumerate(data.columns)]
    if hasattr(data, "__arrow_c_stream__"):
        return columns_of(pl.DataFrame(data), where)
    if isinstance(data, list | tuple) and all(isinstance(row, Mapping) for row in data):
        names: dict[Any, None] = {}
        for row in data:
            names.update(dict.fromkeys(row))
        return [(str(name), [row.get(name) for row in data]) for name in names]
    if isinstance(data, Mapping):
        raise InvalidType(f"{where} is a dict; {TAKES}: a list of one dict is one row")
    raise InvalidType(f"{where} is of type {type(data).__name__}; {TAKES}")


def frame_of(data: Any, where: str) -> pl.DataFrame:
    """Return a table that is in memory as a frame of polars, all of its columns; raise as `raw_table_of` does."""
    raw = raw_table_of(data, where=where)
    return pl.DataFrame(
        [column.alias(name) for name, column in zip(raw.written, raw.frame.iter_columns(), strict=True)]
    )


def column_of(name: str, values: Any) -> pl.Series:
    """Return the values of one column, of whatever library, as a series of polars; null where a value is missing."""
    if isinstance(values, pl.Series):
        return values if values.dtype != pl.Object else _of_objects(name, values.to_list())
    if hasattr(values, "iloc"):
        return _of_pandas(name, values)
    return _of_array(name, values) if isinstance(values, np.ndarray) else _of_objects(name, values)


def _of_pandas(name: str, column: Any) -> pl.Series:
    """Return a series of pandas, without Arrow, which pandas needs to hand over its own types."""
    if hasattr(column, "sparse"):
        column = column.sparse.to_dense()
    if hasattr(column, "cat"):
        texts = [value if isinstance(value, str) else as_text(value) for value in column.cat.categories]
        return pl.Series(name, [None, *texts], dtype=pl.String).gather(column.cat.codes.to_numpy() + 1)
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return _of_array(name, column.to_numpy())
    kind = getattr(dtype, "kind", "O")
    if getattr(dtype, "tz", None) is not None:
        return _of_array(name, column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    if hasattr(dtype, "freq"):
        return _of_array(name, column.dt.to_timestamp().to_numpy())
    if kind in "biu" and hasattr(dtype, "numpy_dtype"):
        known = pl.Series(name, ~column.isna().to_numpy())
        present = pl.Series(name, column.to_numpy(dtype=dtype.numpy_dtype, na_value=0))
        return present if known.all() else pl.select(pl.when(known).then(present).alias(name)).to_series()
    if kind == "f":
        return pl.Series(name, column.to_numpy(dtype=np.float64, na_value=np.nan))
    return _of_objects(name, column.tolist())


def _of_array(name: str, values: Array) -> pl.Series:
    kind = values.dtype.kind
    if kind in "biu":
        return pl.Series(name, values)
    if kind == "f":
        return pl.Series(name, values if values.dtype in (np.float32, np.float64) else values.astype(np.float64))
    if kind == "M":
        return pl.Series(name, values.astype("datetime64[us]"))
    if kind in "OU":
        return _of_objects(name, values.tolist())
    raise InvalidType(f"column {name!r} is of type {values.dtype}; {KINDS}: convert the column, or leave it out")


# ---- values of Python's own ----


def _of_objects(name: str, values: Sequence[Any]) -> pl.Series:
    """Return Python objects, all of one kind, or missing, as a series."""
    values = [None if is_missing(value) else value for value in values]
    first: dict[str, int] = {}
    for row, value in enumerate(values):
        if value is None:
            continue
        kind = _kind_of(value)
        if kind is None:
            raise InvalidType(
                f"{row_of_frame(row)}: column {name!r} holds {_short(value)} of type {type(value).__name__}; {KINDS}: "
                "convert the column, or leave it out"
            )
        first.setdefault(kind, row)
    if len(first) > 1:
        found = [f"{kind} ({_short(values[row])}) in {row_of_frame(row)}" for kind, row in first.items()]
        raise InvalidValue(
            f"column {name!r} holds {listed_and(found)}; a column takes values of one kind: convert them, or make "
            "text of all"
        )
    return _MAKERS[next(iter(first), "nothing")](name, values)


def listed_and(parts: Sequence[str]) -> str:
    """Return parts as in a sentence: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def is_missing(value: Any) -> bool:
    """Return True for None, NaN, and pandas' NA and NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return isinstance(value, Real) and not isinstance(value, Rational) and math.isnan(value)


def _kind_of(value: Any) -> str | None:
    """Return the kind of a value, for a message too; None for any that a table does not take."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool):
        return "a boolean"
    if isinstance(value, Real) or hasattr(value, "as_integer_ratio"):  # Decimal is no Real
        return "a number"
    if isinstance(value, datetime.date | np.datetime64):
        return "a date"
    return "a time" if isinstance(value, datetime.time) else None


def _numbers(name: str, values: Iterable[Any]) -> pl.Series:
    """Return whole numbers as such; those beyond 64 bits become text, as no float holds them."""
    values = list(values)
    known = [value for value in values if value is not None]
    if not all(isinstance(value, Rational) and value.denominator == 1 for value in known):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    whole = [None if value is None else int(value) for value in values]
    if all(-(2**63) <= int(value) < 2**63 for value in known):
        return pl.Series(name, whole, dtype=pl.Int64)
    return pl.Series(name, [None if value is None else str(value) for value in whole], dtype=pl.String)


def _dates(name: str, values: Iterable[Any]) -> pl.Series:
    """Return dates and points in time; those of a time zone as UTC has them."""
    return pl.Series(name, [None if value is None else _moment(value) for value in values], dtype=pl.Datetime("us"))


def _moment(value: Any) -> datetime.datetime:
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if hasattr(value, "to_pydatetime"):
        value = value.floor("us").to_pydatetime()
    if not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value if value.tzinfo is None else value.astimezone(datetime.UTC).replace(tzinfo=None)


_MAKERS: dict[str, Callable[[str, Any], pl.Series]] = {
    "nothing": lambda name, values: pl.Series(name, values, dtype=pl.Null),
    "text": lambda name, values: pl.Series(name, values, dtype=pl.String),
    "a boolean": lambda name, values: pl.Series(name, [v if v is None else bool(v) for v in values], dtype=pl.Boolean),
    "a number": _numbers,
    "a date": _dates,
    "a time": lambda name, values: pl.Series(name, values, dtype=pl.Time),
}


def _short(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
