"""Read tables, from files of all kinds or from memory, into frames, and write frames as CSV, TSV or Parquet."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from plainnet._base.extras import missing_extra
from plainnet.errors import InvalidType, InvalidValue, warn
from plainnet.files.writing import replacing
from plainnet.tabular.decisions import AS_SAID, Decision, notes
from plainnet.tabular.kinds import kind_of
from plainnet.tabular.names import (
    columns_to_read,
    refuse_doubled_numbers,
    refuse_lost_row,
    require_columns,
    require_known,
    warn_of_spelling,
)
from plainnet.tabular.read_options import DEFAULT, MISSING, ColumnKind, ReadOptions
from plainnet.tabular.sources import (
    ARROW_ENDINGS,
    JSON_ENDINGS,
    PARQUET_ENDINGS,
    TEXT_ENDINGS,
    WORKBOOK_ENDINGS,
    FileContent,
    NoRows,
    files_of,
    open_source,
    require_ending,
)
from plainnet.tabular.targets import spellings_of
from plainnet.tabular.texts import spelled, spelled_column

if TYPE_CHECKING:
    import polars as pl

    from plainnet.tabular.raw_table import RawTable


def read_table(
    path: Any,
    *,
    categories: Collection[str] = (),
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
) -> pl.DataFrame:
    r"""Return a table file as a frame of Float64, Boolean and String columns, with null where a value is missing.

    `path` is the name of a file, or a list of several names of files that have the same columns, whose rows follow each
    other. The name's ending says what a file is: .csv, .tsv and .txt are text with a header, separated by commas
    or by what the header shows (semicolon, tab or |); .jsonl and .ndjson are JSON Lines; .xlsx and .xls are workbooks;
    .parquet and .pq are Parquet; .arrow, .feather and .ipc are Arrow. Text may be compressed (.gz, .bz2, .xz) and any
    table the only one of a .zip archive. The columns of a text file get their kinds from all of their rows (see
    `plainnet.tabular.kinds`); those of a Parquet file have theirs. In place of a name, `path` may be a table in memory,
    whose columns have theirs too: a frame of polars, pandas or Arrow, or a list of dicts.

    `categories` names columns that are categories whatever they hold, numbers for instance; `ignore` names
    columns to leave out. `options` says what the file leaves open, such as the texts that stand for a missing
    value; see `ReadOptions`.

    Raises FileError, naming the file and, where there is one, the first line that is wrong; InvalidValue for
    a column of mixed kinds, an infinite number, a type that is no number, boolean or text, and an unknown
    name.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "animals.csv")
    ...     _ = file.write_text("animal;weight\ncat;4.5\ndog;\n", encoding="utf-8")
    ...     read_table(file).to_dicts()
    [{'animal': 'cat', 'weight': 4.5}, {'animal': 'dog', 'weight': None}]
    """
    return read_typed(path, categories=categories, ignore=ignore, options=options).frame


@dataclass(frozen=True, eq=False)
class TypedTable:
    """A TypedTable is a table file that has been read: its columns in their kinds, and how each was decided on."""

    frame: pl.DataFrame
    options: ReadOptions
    """The options given, with what reading found: a table that is learned with them reads later files alike."""
    decisions: tuple[Decision, ...]
    """The decision on each column of the file, in its order."""


def read_typed(
    path: Any,
    *,
    categories: Collection[str] = (),
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
    target: str | None = None,
    say: bool = True,
) -> TypedTable:
    """Read as `read_table` does; return also the decisions, and the options that `Table.learn` keeps.

    For a `target` that holds classes the options include how the file writes them. Without `say` no note says what the
    user may not expect of the decisions.
    """
    raw = _open(path, options)
    return typed_of(raw, categories=categories, ignore=ignore, options=options, target=target, say=say)


def typed_of(
    raw: RawTable,
    *,
    categories: Collection[str] = (),
    ignore: Collection[str] = (),
    options: ReadOptions = DEFAULT,
    target: str | None = None,
    say: bool = True,
) -> TypedTable:
    """Decide on the columns of a table that has been read; see `read_typed`."""
    from plainnet.tabular.markers import with_markers  # imports polars

    for argument, names in (("categories", categories), ("ignore", ignore)):
        if isinstance(names, str):
            raise InvalidType(f"{argument} is {names!r}; it takes a list of column names: [{names!r}]")
    options = _with_known_names(replace(options, columns=_kinds(options, categories, ignore)), raw)
    if target in options.ignored:
        raise InvalidValue(f"ignore names {target!r}, which is the target; leave it out of ignore (--ignore)")
    refuse_doubled_numbers(raw)
    named, without_name = columns_to_read(raw)
    names = [name for name in named if name not in options.ignored]
    warn_of_spelling(raw.written, raw.where)
    if not names:
        raise InvalidValue(f"{raw.where}: no column with a name and a value is left to read")
    decided = raw.columns(names, options.categories, options)
    if not raw.in_memory:
        refuse_lost_row(decided.frame, raw.where)
    decisions = with_markers(decided.decisions, raw, decided.frame, options)
    for note in notes(decisions) if say else ():
        warn(note)
    ignored = [Decision(name, "left out", AS_SAID) for name in named if name in options.ignored]
    places = {name: place for place, name in enumerate(raw.names)}
    everything = sorted([*decisions, *without_name, *ignored], key=lambda decision: places.get(decision.column, -1))
    spellings = {}
    if target in decided.frame.columns and kind_of(decided.frame[target]) != "category" and raw.has_text(target):
        written = spelled_column(raw.frame.to_series(raw.number(target)))
        spellings = spellings_of(decided.frame[target], written)
    found = replace(options, notations={**options.notations, **decided.notations}, spellings=spellings)
    return TypedTable(decided.frame, found, tuple(everything))


def _kinds(options: ReadOptions, categories: Collection[str], ignore: Collection[str]) -> dict[str, ColumnKind]:
    """Return the kinds that a caller gives to columns, in one way or another; those to ignore win."""
    kinds: dict[str, ColumnKind] = dict.fromkeys(categories, "category")
    return {**options.with_categories(kinds).columns, **dict.fromkeys(ignore, "ignore")}


def _with_known_names(options: ReadOptions, raw: RawTable) -> ReadOptions:
    """Return the options with the names of columns as the file spells them; raise InvalidValue for an unknown name."""
    columns: dict[str, ColumnKind] = {}
    for argument, kinds in (
        ("ignore", ["ignore"]),
        ("categories", ["category"]),
        ("numbers", ["number"]),
        ("columns", ["date", "boolean"]),
    ):
        given = [name for name, kind in options.columns.items() if kind in kinds]
        for name, known in zip(given, require_known(argument, given, raw.names, raw.where), strict=True):
            # A name that stands twice in the header leaves out all these columns.
            for one in raw.doubled.get(known, [known]) if argument == "ignore" else [known]:
                columns[one] = options.columns[name]
    return replace(options, columns=columns, categories=(), numbers=())


def read_columns(
    path: Any,
    names: Collection[str],
    *,
    categories: Collection[str] = (),
    also: Collection[str] = (),
    options: ReadOptions = DEFAULT,
) -> pl.DataFrame:
    """Read the named columns only, as `read_table` does; nothing else in the file is looked at.

    Columns named in `also` come with them where the file has them.

    Raises InvalidValue where the file lacks any of them.
    """
    return _columns(_open(path, options, {*names, *also}), names, categories, also, options)


def read_keeping(
    path: Any,
    names: Collection[str],
    keep: Collection[str],
    *,
    categories: Collection[str] = (),
    options: ReadOptions = DEFAULT,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the named columns as `read_columns` does, and beside them those of `keep` as they stand in the file.

    The second frame holds the columns of `keep`, any of the file: those of a text file are the texts of its fields,
    those of a Parquet file have its types.

    Raises InvalidValue, with the closest name, where the file does not have a column of `keep`.
    """
    if isinstance(keep, str):
        raise InvalidType(f"keep is {keep!r}; it takes a list of column names: [{keep!r}]")
    raw = _open(path, options, {*names, *keep})
    kept = require_known("keep", keep, [name for name in raw.names if name], raw.where)
    return _columns(raw, names, categories, (), options), raw.as_they_stand(dict.fromkeys(kept))


def _columns(
    raw: RawTable, names: Collection[str], categories: Collection[str], also: Collection[str], options: ReadOptions
) -> pl.DataFrame:
    require_columns(names, raw.names, raw.where)
    names = [*names, *(name for name in also if spelled(name) in raw.names)]
    categories = {*categories, *options.categories}
    # The kinds are known: a marker in quotation marks is a value of a category and makes none of another column.
    quoted = {number: rows for number, rows in raw.quoted.items() if raw.names[number] in categories}
    decided = replace(raw, quoted=quoted).columns(names, categories, options)
    for note in notes(decided.decisions):
        warn(note)
    return decided.frame


def write_table(path: str | os.PathLike[str], frame: pl.DataFrame, *, kept: Collection[str] = ()) -> None:
    """Write a `frame` to the file `path` as CSV (.csv, .txt), TSV (.tsv) or Parquet (.parquet, .pq), by its ending.

    What it holds reads back equal. `kept` names columns of text as another file has it, see `read_keeping`, where
    NA and the like may stand for a missing value: they get no quotation marks for it.

    The file appears at once or not at all; see `plainnet.files.writing.replacing`.

    Raises FileError for another ending and for a place that cannot be written.

    >>> import pathlib, tempfile
    >>> import polars
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "animals.csv")
    ...     write_table(file, polars.DataFrame({"animal": ["cat", "dog"], "weight": [4.5, None]}))
    ...     file.read_text(encoding="utf-8").splitlines()
    ['animal,weight', 'cat,4.5', 'dog,']
    """
    ending = require_ending(Path(path), TEXT_ENDINGS + PARQUET_ENDINGS)
    if ending not in PARQUET_ENDINGS:
        text = as_text_table(frame, "\t" if ending == ".tsv" else ",", kept=kept).encode()
    with replacing(path) as file:
        if ending in PARQUET_ENDINGS:
            frame.write_parquet(file)
        else:
            file.write(text)


def as_text_table(frame: pl.DataFrame, separator: str = ",", *, kept: Collection[str] = ()) -> str:
    """Return a frame as `write_table` writes it; raise InvalidValue for lists and the like, which text cannot hold."""
    for name, dtype in frame.schema.items():
        if dtype.is_nested():
            raise InvalidValue(f"column {name!r} holds {dtype}, which text cannot; write Parquet or leave it out")
    return frame.write_csv(
        separator=separator,
        quote_style=_quote_style(frame, kept),
        null_value='""' if frame.width == 1 else None,  # an empty line could pass for none
    )


def _open(given: Any, options: ReadOptions, wanted: Collection[str] | None = None) -> RawTable:
    """Return the table of a file or of several, or one in memory.

    Of one in memory the `wanted` columns will be looked at, or all.
    """
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("a table", "tables") from None
    from plainnet.tabular.frames import raw_table_of  # these two import polars
    from plainnet.tabular.raw_table import together

    files = files_of(given)
    if not files:
        return raw_table_of(given, wanted)
    return together(_open_files(files, options)) if isinstance(given, list | tuple) else _open_file(given, options)


def _open_files(files: Sequence[str | os.PathLike[str] | FileContent], options: ReadOptions) -> list[RawTable]:
    """Return the tables of those files that have rows; raise NoRows if none has."""
    found: list[RawTable] = []
    empty: NoRows | None = None
    for file in files:
        try:
            found.append(_open_file(file, options))
        except NoRows as error:
            empty = empty or error
    if empty is not None and not found:
        raise empty
    return found


def _open_file(path: str | os.PathLike[str] | FileContent, options: ReadOptions) -> RawTable:
    from plainnet.tabular.text_table import read_text  # these two import polars
    from plainnet.tabular.typed_files import read_arrow, read_json_lines, read_parquet, read_workbook

    source = open_source(path)
    if source.ending in PARQUET_ENDINGS:
        return read_parquet(source)
    if source.ending in ARROW_ENDINGS:
        return read_arrow(source)
    if source.ending in JSON_ENDINGS:
        return read_json_lines(source, options)
    return read_workbook(source, options) if source.ending in WORKBOOK_ENDINGS else read_text(source, options)


def _quote_style(frame: pl.DataFrame, kept: Collection[str]) -> Literal["necessary", "non_numeric"]:
    """Put quotation marks around all text if some of it would not read back without."""
    import polars as pl

    if any(name.startswith("sep=") for name in frame.columns):  # unquoted, this is Excel's line for the separator
        return "non_numeric"
    texts = [pl.Series(frame.columns), *frame.select(pl.col(pl.String)).iter_columns()]
    needed = any(
        text.str.contains("\r", literal=True).any() or (text.name not in kept and text.is_in(MISSING).any())
        for text in texts
    )
    return "non_numeric" if needed else "necessary"
