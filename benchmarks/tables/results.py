"""Results as lines of JSON: each is written as it comes, and a later run takes what is there."""

import datetime
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[str, str, int, str, int, str]


@dataclass(frozen=True)
class Result:
    """One model on one split of one table."""

    table: str
    digest: str
    """Of the table's file."""
    split: int
    model: str
    threads: int
    task: str
    rows: int
    columns: int
    test_rows: int
    error: float
    """1 - accuracy, or the root of the mean squared error, on the test rows."""
    least_error: float
    """What an error counts as in ratios if it is smaller, so that none is zero: half a test row for classes, a
    thousandth of the targets' deviation for numbers."""
    fit_seconds: float
    predict_seconds: float
    load: float
    """The machine's load average when the model had predicted."""
    versions: dict[str, str] = field(default_factory=dict)
    processor: str = ""
    date: str = field(default_factory=lambda: f"{datetime.date.today()}")

    @property
    def key(self) -> Key:
        """Return what makes two results the same measurement: a change of plainnet's own code makes a new one."""
        return self.table, self.digest, self.split, self.model, self.threads, self.versions.get("code", "")

    @property
    def counted_error(self) -> float:
        """Return the error as it enters ratios."""
        return max(self.error, self.least_error)


class ResultsFile:
    """A file that grows by a line for each result; a later line replaces an earlier one of the same measurement."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[Key, Result] = {}
        for result in self._lines():
            self.results[result.key] = result

    def _lines(self) -> Iterator[Result]:
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                read: dict[str, Any] = json.loads(line)
            except json.JSONDecodeError:  # a run that was killed while it wrote leaves half a line
                continue
            yield Result(**read)

    def add(self, result: Result) -> None:
        """Keep a result, in the file too."""
        self.results[result.key] = result
        self.path.parent.mkdir(parents=True, exist_ok=True)
        broken = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * broken + json.dumps(asdict(result)) + "\n")
