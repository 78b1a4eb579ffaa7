"""Checks of a command's outputs before any work, so that nothing is destroyed by mistake; and saved pictures."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from plainnet import plots
from plainnet.errors import FileError, InvalidValue
from plainnet.files.writing import check_writable, is_regular, is_same_place, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")
PAGES = (".html", ".htm")

ENDINGS: dict[str, Sequence[str]] = {
    "--save": (".npz",),
    "--checkpoint": (".npz",),
    "--plot": PICTURES,
    "--report": PAGES,
    "--html": PAGES,
    "--csv": (".csv",),
    "--json": (".json",),
    "--results": (".jsonl", ".json", ".ndjson"),
}
"""The endings that the file of each option may have."""

WITH_AN_ENDING = ("--plot", "--report", "--output")
"""The options whose file must have an ending."""

STREAMS = {1: "standard output", 2: "standard error"}


def check_outputs(
    outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None], endings: Sequence[str] = ()
) -> None:
    """Raise an error for an output that cannot be written, is an input or another output, or has a wrong ending.

    The keys of `outputs` are options, those of `inputs` words for a message ("the table"); what is not given is None.
    `endings` are those of --output, whose kind depends on the command.
    """
    given = {option: path for option, path in outputs.items() if path is not None}
    for option, path in given.items():
        for name, source in inputs.items():
            if source is not None and _is_file(source, path):
                raise InvalidValue(f"{option} is {path}, {name} itself; it takes another name")
        for descriptor, name in STREAMS.items():
            if _is_open_as(descriptor, path):
                raise InvalidValue(f"{option} is {path}, where {name} goes; it takes another name")
        _check_ending(option, path, ENDINGS.get(option, endings))
        try:
            check_writable(path)
        except FileError as error:
            raise FileError(f"{option}: {error}") from None
    for (first, path), (second, other) in itertools.combinations(given.items(), 2):
        if is_regular(path) and is_same_place(path, other):
            raise InvalidValue(f"{first} and {second} are both {path}; each takes a name of its own")
    if "--plot" in given or "--report" in given:
        plots.new_axes()  # raises MissingExtraError without matplotlib


def save_picture(path: Path, figure: Figure) -> None:
    """Write a figure in the format of the file's ending."""
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix.lower().removeprefix("."), dpi=150)


def _check_ending(option: str, path: Path, endings: Sequence[str]) -> None:
    if endings and path.suffix.lower() not in (*endings, *([] if option in WITH_AN_ENDING else [""])):
        found = f"with the ending {path.suffix!r}" if path.suffix else "without an ending"
        raise InvalidValue(f"{option} is {path}, {found}; it takes a file name ending in {', '.join(endings)}")


def _is_file(source: Path, path: Path) -> bool:
    """Return True if the input `source`, which may not exist, is the file that `path` would replace."""
    if str(source) == "-":
        return _is_open_as(0, path)
    return path.exists() and source.exists() and os.path.samefile(source, path)


def _is_open_as(descriptor: int, path: Path) -> bool:
    """Return True if one of the process's own streams is the ordinary file at `path`."""
    try:
        stream, file = os.fstat(descriptor), os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(stream.st_mode) and os.path.samestat(stream, file)
