"""The names of a table's columns: which columns have none, which a caller means, and whether they are names at all."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from plainnet._base.checks import closest
from plainnet.errors import FileError, InvalidValue, warn
from plainnet.tabular.spelling import difference, spelled, spelled_column

if TYPE_CHECKING:
    import polars as pl

MOST_LISTED = 30
"""So many names stand in a message; of more it says how many."""


def require_columns(names: Iterable[str], present: Collection[str], where: str) -> None:
    """Refuse a table without all of the named columns, naming each that it lacks."""
    known = set(present)
    lacking = [name for name in names if name not in known and spelled(name) not in known]
    if not lacking:
        return
    import difflib  # only a refusal pays for this import

    hints = []
    for name in lacking[:MOST_LISTED]:
        near = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
        letters = difference(name, near[0]) if near else ""
        hints.append(f"{name!r}" + (f" (is it {near[0]!r}?{' ' + letters if letters else ''})" if near else ""))
    plural = "s" if len(lacking) > 1 else ""
    more = _more(len(lacking))
    raise InvalidValue(f"{where} lacks the column{plural} {', '.join(hints)}{more}; it has: {listed(list(present))}")


def require_known(argument: str, names: Iterable[str], known: Sequence[str], where: str) -> list[str]:
    """The names of an argument as the table spells them; InvalidValue for one that the table does not have."""
    found = []
    for name in names:
        if spelled(name) not in known:
            with_it = [other for other in known if "," in other and spelled(name) in other.split(",")[0]]
            comma = f"; a name with a comma stands in quotation marks: '\"{with_it[0]}\"'" if with_it else ""
            raise InvalidValue(
                f"{argument} names {name!r}, which is no column of {where}; {closest(name, known)}{comma}"
            )
        found.append(spelled(name))
    return found


def listed(names: Sequence[str]) -> str:
    """Names in a row; of very many the first, and how many more."""
    return ", ".join(names[:MOST_LISTED]) + _more(len(names))


def _more(count: int) -> str:
    return f" and {count - MOST_LISTED:,} more" if count > MOST_LISTED else ""


def named_columns(names: Sequence[str], frame: pl.DataFrame, where: str) -> list[str]:
    """The names of the columns that have one.

    Columns without name and value are left out, and so is a first column without a name that tells the rows apart,
    as the index that pandas and R write does; a warning says so. FileError for another column without a name.
    """
    empty, index = [], False
    for number, name in enumerate(names):
        if name:
            continue
        column = frame.to_series(number)
        if _is_empty(column):
            empty.append(number + 1)
        elif number == 0 and _is_index(column):
            index = True
        else:
            raise FileError(
                f"{where}: column {number + 1} has no name; name it in the header, or remove it from the file"
            )
    if index:
        warn(
            f"{where}: the first column has no name and another value in each row; it is taken for the index of the "
            "rows and left out (name it in the header to use it)"
        )
    if empty:
        which = f"columns {', '.join(map(str, empty))} have" if len(empty) > 1 else f"column {empty[0]} has"
        warn(f"{where}: {which} neither a name nor a value, as where lines end in a separator; left out")
    return [name for name in names if name]


def _is_empty(column: pl.Series) -> bool:
    import polars as pl

    present = column.drop_nulls()
    return len(present) == 0 or (present.dtype == pl.String and bool((present.str.strip_chars() == "").all()))


def _is_index(column: pl.Series) -> bool:
    """Whether whole numbers or texts are all present and all different."""
    import polars as pl

    if column.null_count() or column.n_unique() < len(column):
        return False
    if column.dtype != pl.String:
        return column.dtype.is_integer()
    text = spelled_column(column)
    if text.cast(pl.Int64, strict=False).null_count() == 0:
        return True
    return text.cast(pl.Float64, strict=False).null_count() == len(text)


def refuse_lost_row(frame: pl.DataFrame, where: str) -> None:
    """Refuse a header that is a row like the others, or warn where it only may be one.

    Such a header has a number for the name of each column of numbers. A value of a column of text as its name as
    well makes it sure. Numbers that count up, as years do, are names.
    """
    import polars as pl

    numbers = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    if not numbers or not all(map(is_number, numbers)):
        return
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    repeated = [name for name in texts if (frame[name] == name).any()]
    line = f"{where}: the first line, {listed(frame.columns)}, "
    way = "if the file has no header, write a line of names above it"
    if repeated:
        raise FileError(
            f"{line}is a row like the others: numbers stand above numbers, and {repeated[0]!r} is also a value of its "
            f"column; {way}"
        )
    values = [float(name) for name in numbers]
    counts_up = all(second - first == 1 for first, second in itertools.pairwise(values))
    if not texts and not counts_up:
        warn(f"{line}is taken for the names of the columns; {way}")


def warn_of_spelling(written: Iterable[str], where: str) -> None:
    """Say which names of a header are written in another form than the one they are known by."""
    for name in written:
        if spelled(name) != name.strip():
            warn(
                f"{where}: the name {name!a} holds combining or invisible characters; the column is known as "
                f"{spelled(name)!r}"
            )


def is_number(text: str) -> bool:
    """Whether a text is a number, with a decimal point if any."""
    try:
        float(text)
    except ValueError:
        return False
    return any(map(str.isdigit, text))
