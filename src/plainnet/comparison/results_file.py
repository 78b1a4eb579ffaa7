"""A file of runs, one line of JSON each, from which an interrupted comparison goes on.

The first line holds the settings: variants, options, and the fingerprint of the data. A comparison with other settings
raises FileError with the first difference. More seeds are no other setting: their runs are added.
"""

import json
import os
from collections.abc import Mapping
from os import PathLike
from typing import Any

from plainnet._base.identity import differences
from plainnet.comparison.runs import Run
from plainnet.errors import FileError
from plainnet.files.writing import check_writable, path_name, read_whole

VERSION = 1


class ResultsFile:
    """The runs in a file; a run is on the disk when `add` returns."""

    def __init__(self, path: str | PathLike[str], settings: Mapping[str, Any], resume: bool) -> None:
        self.path = path_name(path)
        self.runs: list[Run] = []
        check_writable(self.path)
        header = {"plainnet comparison": VERSION, "settings": json.loads(json.dumps(settings))}
        if os.path.exists(self.path):
            if not resume:
                raise FileError(
                    f"{self.path} exists already; resume=True (--resume) goes on with its runs, a new comparison takes "
                    "another name, or the file's removal"
                )
            kept = self._read(header)
            with open(self.path, "r+b") as file:
                file.truncate(kept)  # a last line that was cut off while it was written
        else:
            self._append(header)

    def add(self, run: Run) -> None:
        """Append a run."""
        self.runs.append(run)
        self._append(run.to_dict())

    def _append(self, data: Mapping[str, Any]) -> None:
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(data, allow_nan=False) + "\n")
        except OSError as error:
            raise FileError(f"{self.path} cannot be written: {error.strerror or error}") from None

    def _read(self, header: Mapping[str, Any]) -> int:
        """Read the runs of the file and return how many bytes of it are whole lines."""
        content = read_whole(self.path)
        whole = content[: content.rfind(b"\n") + 1]
        try:
            first, *lines = [json.loads(line) for line in whole.splitlines()]
            if first["plainnet comparison"] != VERSION:
                raise FileError(
                    f"{self.path} has version {first['plainnet comparison']}; this plainnet reads {VERSION}"
                )
            runs = [Run(**line) for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"{self.path} is no results file of a comparison, or is damaged") from None
        for difference in differences(first["settings"], header["settings"]):
            raise FileError(f"{self.path} is of another comparison: {difference}; resume takes the same settings")
        self.runs = runs
        return len(whole)
