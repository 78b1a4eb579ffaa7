"""Find out if a table's features fit into memory, before they are made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from plainnet.errors import InvalidValue
from plainnet.tabular.table import Table

MOST_NAMED = 3


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
        f"{free / 1e9:.3g} GB of memory are free; take fewer rows, or leave out (--ignore) columns that become many "
        f"features: {named}"
    )


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
