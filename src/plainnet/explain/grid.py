"""An array in the terminal: aligned columns, in bands one below the other where all together are too wide."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from plainnet.explain.numbers import GAP, Cells

QUIET = "dim"
BETWEEN = 2
"""Columns of the terminal between two of the array."""


class Grid:
    """Cells with the names of rows and columns where there are any; rich's own table would fold the digits."""

    def __init__(self, shown: Cells, style: str = "") -> None:
        self.shown, self.style = shown, style
        self.lead = max(map(cell_len, shown.rows)) + BETWEEN if shown.rows else 0
        names = shown.columns or ("",) * len(shown.texts[0])
        self.widths = [max(map(cell_len, column)) for column in zip(names, *shown.texts, strict=True)]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = min(self.lead + _together(self.widths), options.max_width)
        return Measurement(width, width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lead = min(self.lead, max(options.max_width - max(self.widths), options.max_width // 2))
        room = options.max_width - lead
        widths = [min(width, room) for width in self.widths]
        for band in _bands(widths, room):
            if band.start:
                yield Text()
            yield from self.band(band, lead, widths[band.start : band.stop])

    def band(self, band: range, lead: int, widths: Sequence[int]) -> Iterator[Text]:
        """Some of the columns, with the names of the rows."""
        if self.shown.columns:
            yield self.line("", [self.shown.columns[k] for k in band], lead, widths, QUIET)
            yield Text("─" * (lead + _together(widths)))
        for i, row in enumerate(self.shown.texts):
            name = self.shown.rows[i] if self.shown.rows else ""
            yield self.line(name, [row[k] for k in band], lead, widths, self.style)

    def line(self, name: str, texts: Sequence[str], lead: int, widths: Sequence[int], style: str) -> Text:
        line = Text(set_cell_size(_cut(name, lead - BETWEEN), lead), QUIET, no_wrap=True)
        cut = [_cut(text, width) for text, width in zip(texts, widths, strict=True)]
        padded = [" " * (width - cell_len(text)) + text for text, width in zip(cut, widths, strict=True)]
        return line.append((" " * BETWEEN).join(padded), style or "not dim")


def _together(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) - 1)


def _bands(widths: Sequence[int], room: int) -> Iterator[range]:
    """The columns, as many at a time as the room holds."""
    first = 0
    for k in range(1, len(widths) + 1):
        if k == len(widths) or _together(widths[first : k + 1]) > room:
            yield range(first, k)
            first = k


def _cut(text: str, width: int) -> str:
    """The text, its end replaced by … where it is too long."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + GAP
