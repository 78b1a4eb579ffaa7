"""Text in styled lines: blocks side by side as far as the width allows, and arrays as aligned columns.

A block is a list of lines, a line a list of spans (text, style). The same lines are printed as plain text, which needs
no library, and in colours by a rich console.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from plainnet._base.extras import missing_extra
from plainnet.explain.numbers import GAP, Cells

if TYPE_CHECKING:
    from rich.console import RenderableType

QUIET = "dim"
BETWEEN = 2
"""Columns of the terminal between two columns of an array."""
ASIDE = 4
"""Columns of the terminal between two blocks, and before the first."""


class Span(NamedTuple):
    """A piece of a line, in one of rich's styles."""

    text: str
    style: str = ""


Line: TypeAlias = list[Span]
Block: TypeAlias = list[Line]


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: a wide character two, a combining mark none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def plain(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(span.text for span in line).rstrip()


def printed(lines: Callable[[int], Iterable[Line]]) -> RenderableType:
    """Return the lines in colours, as something that a rich console prints as wide as it is."""
    try:
        from rich.console import Console, ConsoleOptions, RenderResult
        from rich.text import Text
    except ImportError:
        raise missing_extra("an explanation in colours", "cli", "rich") from None

    class Rendered:
        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for line in lines(options.max_width):
                text = Text.assemble(*line, no_wrap=True)
                text.rstrip()
                yield text

    return Rendered()


def wrap(text: str, style: str, width: int) -> Block:
    """Return a text in lines of at most `width` columns, broken at spaces.

    A longer word is broken where the line ends.
    """
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if width_of(joined) <= width:
            line = joined
            continue
        lines += [line] if line else []
        while width_of(word) > width:
            head = cut(word, width, end="")
            lines.append(head)
            word = word[len(head) :]
        line = word
    return [[Span(line, style)] for line in [*lines, line]]


def side_by_side(groups: Sequence[Sequence[Block]], width: int) -> Block:
    """Groups of blocks in rows, indented; a group is parted only where no row could hold it."""
    room = width - ASIDE
    lines: Block = []
    row: list[Block] = []
    used = 0
    for group in groups:
        widths = [max(width_of(plain(line)) for line in block) for block in group]
        together = sum(widths) + ASIDE * (len(widths) - 1)
        needed = [together] + [0] * (len(widths) - 1) if together <= room else widths
        for block, own, need in zip(group, widths, needed, strict=True):
            if row and used + need > room:
                lines += _joined(row)
                row, used = [], 0
            row.append(block)
            used += own + ASIDE
    return lines + _joined(row) if row else lines


def _joined(row: Sequence[Block]) -> Block:
    """Return the blocks of a row, with an empty line above them."""
    widths = [max(width_of(plain(line)) for line in block) for block in row]
    lines: Block = [[]]
    for i in range(max(map(len, row))):
        line: Line = []
        for block, width in zip(row, widths, strict=True):
            own = block[i] if i < len(block) else []
            line += [Span(" " * ASIDE), *own, Span(" " * (width - sum(width_of(span.text) for span in own)))]
        lines.append(line)
    return lines


def grid(shown: Cells, style: str, width: int) -> Block:
    """Return an array as aligned columns, in bands one below the other where all together are too wide."""
    names = shown.columns or ("",) * len(shown.texts[0])
    widths = [max(map(width_of, column)) for column in zip(names, *shown.texts, strict=True)]
    lead = max(map(width_of, shown.rows)) + BETWEEN if shown.rows else 0
    lead = min(lead, max(width - max(widths), width // 2))
    room = width - lead
    widths = [min(own, room) for own in widths]
    lines: Block = []
    for band in _bands(widths, room):
        lines += [[]] if band.start else []
        lines += _band(shown, band, lead, widths[band.start : band.stop], style)
    return lines


def _band(shown: Cells, band: range, lead: int, widths: Sequence[int], style: str) -> Iterator[Line]:
    """Some of the columns, with the names of the rows."""
    if shown.columns:
        yield _row("", [shown.columns[k] for k in band], lead, widths, QUIET)
        yield [Span("─" * (lead + _together(widths)))]
    for i, texts in enumerate(shown.texts):
        yield _row(shown.rows[i] if shown.rows else "", [texts[k] for k in band], lead, widths, style)


def _row(name: str, texts: Sequence[str], lead: int, widths: Sequence[int], style: str) -> Line:
    shortened = [cut(text, width) for text, width in zip(texts, widths, strict=True)]
    aligned = [padded(text, width, right=True) for text, width in zip(shortened, widths, strict=True)]
    shown = cut(name, lead - BETWEEN) if lead else ""
    return [Span(padded(shown, lead), QUIET), Span((" " * BETWEEN).join(aligned), style)]


def _together(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) - 1)


def _bands(widths: Sequence[int], room: int) -> Iterator[range]:
    """Return the columns, as many at a time as the room holds."""
    first = 0
    for k in range(1, len(widths) + 1):
        if k == len(widths) or _together(widths[first : k + 1]) > room:
            yield range(first, k)
            first = k


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return the text with spaces behind it, or before it, up to the width."""
    spaces = " " * (width - width_of(text))
    return spaces + text if right else text + spaces


def cut(text: str, width: int, end: str = GAP) -> str:
    """Return the text, its end replaced by … where it is too long."""
    if width_of(text) <= width:
        return text
    kept = ""
    for character in text:
        if width_of(kept + character) > width - len(end):
            break
        kept += character
    return kept + end
