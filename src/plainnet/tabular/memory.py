"""Find out if a table's features fit into memory, before they are made."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from plainnet.errors import InvalidValue
from plainnet.tabular.sources import PARQUET_ENDINGS, endings_of
from plainnet.tabular.table import Table

MOST_NAMED = 3
SMALL = 2**24
"""Files of so many bytes are read as a whole, whatever memory is free."""
CERTAINLY_ENOUGH = 50
"""Files of a fiftieth of the free memory fit into it, whatever is in them."""
COPIES = 4
"""A table in memory is there so many times at the peak: as read, in its kinds, as features, and a part of these."""
UNPACKED = 5
"""A compressed text is so many times as large when it is unpacked, or somewhat more."""


def require_memory(table: Table, rows: int, dtype: np.dtype[Any]) -> None:
    """Raise InvalidValue, with the widest columns, for rows whose features would not fit into the free memory."""
    features = len(table.feature_names)
    needed, free = rows * features * dtype.itemsize, free_memory()
    if free is None or needed <= free:
        return
    widest = sorted(table.columns, key=lambda column: -len(column.feature_names))[:MOST_NAMED]
    named = ", ".join(f"{column.name!r} ({len(column.feature_names):,})" for column in widest)
    raise InvalidValue(
        f"the features take {needed / 1e9:.3g} GB ({rows:,} rows x {features:,} features as {dtype}) and "
        f"{free / 1e9:.3g} GB of memory are free; take fewer rows, read them piece by piece (--stream), or leave out "
        f"(--ignore) columns that become many features: {named}"
    )


def would_fit(files: Sequence[Path]) -> bool:
    """Return True if the rows of table files, read as a whole, fit into the free memory, as far as their size tells."""
    free = free_memory()
    if free is None or not all(file.is_file() for file in files):
        return True
    sizes = [file.stat().st_size for file in files]
    if sum(sizes) <= SMALL or CERTAINLY_ENOUGH * sum(sizes) <= free:
        return True
    return COPIES * sum(map(_bytes_of_rows, files, sizes)) <= free


def _bytes_of_rows(file: Path, size: int) -> int:
    compressed, ending = endings_of(file)
    if ending in PARQUET_ENDINGS and not compressed:
        import polars as pl

        from plainnet.tabular.streaming.footers import parquet_groups

        rows = sum(group.rows for group in parquet_groups(file))
        return max(size, 8 * rows * len(pl.scan_parquet(file).collect_schema()))
    return UNPACKED * size if compressed else size


def free_memory() -> int | None:
    """Return the bytes that the process may still take, as far as the system says; None if it does not say."""
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    """Yield the memory that the machine, the container and the process's own limit leave, on Linux."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        used = int((group / "memory.current").read_text())
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield int((group / "memory.max").read_text()) - used + int(cached["inactive_file"])
    except (OSError, ValueError, KeyError):  # no container, or one without a limit ("max")
        pass
    if sys.platform != "win32":
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            yield limit - _address_space()


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    except OSError:
        return 0
