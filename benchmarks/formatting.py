"""A table as data, shown in a terminal or written as Markdown."""

from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.table import Table as RichTable


@dataclass
class Table:
    """Rows of text under a title; the first column is set to the left, the others to the right."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences below it."""

    def markdown(self) -> str:
        """As a section with a table."""
        lines = [f"## {self.title}", ""]
        if self.rows:
            lines += [_line(self.columns), _line(["---", *["---:"] * (len(self.columns) - 1)])]
            lines += [_line(row) for row in self.rows]
            lines.append("")
        for note in self.notes:
            lines += [note, ""]
        return "\n".join(lines)

    def show(self, console: Console) -> None:
        """On a terminal."""
        console.print(f"\n{self.title}", style="bold")
        if self.rows:
            table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
            for i, column in enumerate(self.columns):
                table.add_column(column, justify="right" if i else "left", overflow="fold")
            for row in self.rows:
                table.add_row(*row)
            console.print(table)
        for note in self.notes:
            console.print(note)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def duration(seconds: float, figures: str = "") -> str:
    """Return the unit that suits, after three significant digits or the figures in a format of your own."""
    unit, size = next(((unit, size) for unit, size in (("s", 1), ("ms", 1e-3)) if seconds >= size), ("µs", 1e-6))
    return f"{seconds / size:{figures}} {unit}" if figures else f"{number(seconds / size)} {unit}"


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{round(value, 2 - len(str(int(value))) + 1):,.0f}"
    return f"{value:#.3g}".rstrip(".")
