"""Counts, settings and tables in words, alike in every output."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def plural(count: int, noun: str) -> str:
    """Return '1 unit' or '1,200 units'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def in_words(value: Any) -> str:
    """Return a setting for people: 'adam, learning rate 0.001'."""
    if isinstance(value, Mapping):
        parts = [f"{name.replace('_', ' ')} {_nested(part)}" for name, part in value.items() if name != "name"]
        return ", ".join([str(value["name"]), *parts] if "name" in value else parts)
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def _nested(value: Any) -> str:
    return f"({in_words(value)})" if isinstance(value, Mapping) else in_words(value)


def aligned(rows: Iterable[Sequence[str]], left: Iterable[int] = (0,)) -> list[str]:
    """Return a line of text for each row, the columns aligned: those of `left` to the left, all others to the right."""
    rows, left = list(rows), set(left)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return lines
