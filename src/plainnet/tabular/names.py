"""Check the names of a table's columns: a column may have none, a caller may misspell one, a row may stand there."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from plainnet._base.checks import closest, listed
from plainnet.errors import FileError, InvalidValue, warn
from plainnet.tabular.decisions import Decision
from plainnet.tabular.texts import spelled, spelled_column

if TYPE_CHECKING:
    import polars as pl

    from plainnet.tabular.raw_table import RawTable

MOST_LISTED = 30
"""A message says so many names that a table lacks; of more it says how many."""


def require_columns(names: Iterable[str], present: Collection[str], where: str) -> None:
    """Raise InvalidValue for a table without all of the named columns; the message says which it lacks."""
    known = set(present)
    lacking = [name for name in names if name not in known and spelled(name) not in known]
    if lacking:
        plural = "s" if len(lacking) > 1 else ""
        more = f" and {len(lacking) - MOST_LISTED:,} more" if len(lacking) > MOST_LISTED else ""
        hints = ", ".join(_with_nearest(name, present) for name in lacking[:MOST_LISTED])
        raise InvalidValue(f"{where} lacks the column{plural} {hints}{more}; it has: {listed(list(present))}")


def _with_nearest(name: str, present: Collection[str]) -> str:
    """Return a name for a message, with the nearest one that is present, and the letters that tell two alike apart."""
    import difflib  # only an error pays for this import

    near = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
    if not near:
        return repr(name)
    pairs = [(a, b) for a, b in zip(name, near[0], strict=False) if a != b]
    if len(name) != len(near[0]) or not pairs or "".join(map("".join, pairs)).isascii():
        return f"{name!r} (is it {near[0]!r}?)"
    here, there = (f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip() for letter in pairs[0])
    return f"{name!r} (is it {near[0]!r}? {here} is not {there})"


def require_known(argument: str, names: Iterable[str], known: Sequence[str], where: str) -> list[str]:
    """Return the names of an argument as the table spells them; raise InvalidValue for one that it does not have."""
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


def columns_to_read(raw: RawTable) -> tuple[list[str], list[Decision]]:
    """Return the names of a table's columns, and the decisions on those without a name that are left out.

    These are columns without name and value, and a first column without a name that tells the rows apart, as the index
    that pandas and R write does; a warning says so. Other columns without a name are read, with a warning.
    """
    import polars as pl

    left_out, empty, nameless = [], [], []
    for number, (name, written) in enumerate(zip(raw.names, raw.written, strict=True)):
        if spelled(written):
            continue
        column = raw.frame.to_series(number)
        present = column.drop_nulls()
        if len(present) == 0 or (present.dtype == pl.String and bool((present.str.strip_chars() == "").all())):
            empty.append(number + 1)
            left_out.append(Decision(name, "left out", "neither a name nor a value"))
        elif number == 0 and _is_index(column):
            warn(
                f"{raw.where}: the first column has no name and another value in each row; it is taken for the index "
                "of the rows and left out (name it in the header to use it)"
            )
            left_out.append(Decision(name, "left out", "the index of the rows", example=str(present[0])))
        else:
            nameless.append(name)
    if empty:
        which = f"columns {', '.join(map(str, empty))} have" if len(empty) > 1 else f"column {empty[0]} has"
        warn(f"{raw.where}: {which} neither a name nor a value, as where lines end in a separator; left out")
    if nameless:
        which = "columns have" if len(nameless) > 1 else "column has"
        known = ", ".join(map(repr, nameless[:5])) + (", ..." if len(nameless) > 5 else "")
        warn(
            f"{raw.where}: {len(nameless)} {which} no name and {'are' if len(nameless) > 1 else 'is'} known as {known}"
        )
    without = {decision.column for decision in left_out}
    return [name for name in raw.names if name not in without], left_out


# The exported script holds the text of the next function: its lines are as short as `ruff format` makes them without
# settings.


def known_names(header: Sequence[str]) -> list[str]:
    """Return the names by which the columns under a header are known.

    The third column, if it has none, is "column 3", and a second "note" is "note.1".
    """
    plain = [spelled(name) or f"column {i + 1}" for i, name in enumerate(header)]
    names: dict[str, int] = {}
    for name in plain:
        own, copies = name, 0
        while own in names or (copies and own in plain):
            copies += 1
            own = f"{name}.{copies}"
        names[own] = copies
    return list(names)


def _is_index(column: pl.Series) -> bool:
    """Return True if the values are whole numbers or texts, all present and all different."""
    import polars as pl

    if column.null_count() or column.n_unique() < len(column):
        return False
    if column.dtype != pl.String:
        return column.dtype.is_integer()
    text = spelled_column(column)
    whole, numbers = (text.cast(dtype, strict=False).null_count() for dtype in (pl.Int64, pl.Float64))
    return whole == 0 or numbers == len(text)


def refuse_doubled_numbers(raw: RawTable) -> None:
    """Raise FileError for a header in which a number stands twice, as it may be a row."""
    for name in raw.doubled:
        if is_number(name):
            raise FileError(
                f"{raw.where}: two columns are named {name!r}; if line 1 is a row and no header, write a line of names "
                f"above it; otherwise give each column a name of its own"
            )


def refuse_lost_row(frame: pl.DataFrame, where: str) -> None:
    """Raise FileError for a header that is a row like the others, or warn where it only may be one.

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
    """Warn of names in a header that are written in another form than the one they are known by."""
    for name in written:
        if spelled(name) != name.strip():
            warn(
                f"{where}: the name {name!a} holds combining or invisible characters; the column is known as "
                f"{spelled(name)!r}"
            )


def is_number(text: str) -> bool:
    """Return True if a text is a number, with a decimal point if any."""
    try:
        float(text)
    except ValueError:
        return False
    return any(map(str.isdigit, text))
