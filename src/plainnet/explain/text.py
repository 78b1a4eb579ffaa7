"""An explanation in the terminal, by rich."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from plainnet.arrays import Array
from plainnet.errors import missing_extra
from plainnet.explain.explanation import Check, Explanation, Quantity, Stage
from plainnet.explain.formulas import LEGEND
from plainnet.explain.numbers import cells

try:
    from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
    from rich.measure import Measurement
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.table import Table
    from rich.text import Text

    from plainnet.explain.grid import QUIET, Grid
except ImportError:
    raise missing_extra("an explanation as text", "cli") from None

FORMULA, CHECK, WRONG = "cyan", "green", "red"


def as_text(explanation: Explanation, full: bool, width: int) -> str:
    """Plain text without colours."""
    file = io.StringIO()
    Console(file=file, width=width, color_system=None, highlight=False).print(renderable(explanation, full))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def renderable(explanation: Explanation, full: bool) -> RenderableType:
    """All sections, one below the other."""
    parts: list[RenderableType] = [
        Text("One training step", style="bold"),
        Text(explanation.network),
        Text(f"{len(explanation.examples)} example{'s' if len(explanation.examples) > 1 else ''}, {explanation.dtype}"),
        Text(LEGEND, style=QUIET),
    ]
    for section in explanation.sections:
        parts += [Text(), Rule(Text(section.title, style="bold"), align="left", characters="─")]
        parts.append(Text(section.note, style=QUIET))
        for stage in section:
            parts += _stage(stage, full)
    parts += [Text(), _summary(explanation)]
    return Group(*parts)


def _summary(explanation: Explanation) -> Text:
    return Text(
        "Largest relative error of all gradients against central differences (in float64): "
        f"{explanation.relative_error:.1e}"
    )


def _stage(stage: Stage, full: bool) -> Iterator[RenderableType]:
    title = Text(f"\n{stage.title}", style="bold")
    if stage.code:
        title.append(f"   {stage.code}", style=f"not bold {QUIET}")
    yield title
    for note in stage.notes:
        yield Text(note, style=QUIET)
    for formula in stage.formulas:
        yield Text(f"  {formula}", style=FORMULA)
    yield Flow([list(_blocks(quantity, full)) for quantity in stage.quantities])


class Flow:
    """Groups of blocks side by side as far as the width allows; a group is parted only where no row could hold it."""

    BETWEEN = 4

    def __init__(self, groups: Sequence[Sequence[RenderableType]]) -> None:
        self.groups = groups

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - self.BETWEEN  # the indent
        row: list[RenderableType] = []
        used = 0
        for group in self.groups:
            widths = [Measurement.get(console, options, block).maximum for block in group]
            together = sum(widths) + self.BETWEEN * (len(widths) - 1)
            needed = [together] + [0] * (len(widths) - 1) if together <= room else widths
            for block, width, need in zip(group, widths, needed, strict=True):
                if row and used + need > room:
                    yield self.side_by_side(row)
                    row, used = [], 0
                row.append(block)
                used += width + self.BETWEEN
        if row:
            yield self.side_by_side(row)

    def side_by_side(self, row: Sequence[RenderableType]) -> RenderableType:
        grid = Table.grid(padding=(0, self.BETWEEN, 0, 0))
        grid.add_row(*row)
        return Padding(grid, (1, 0, 0, self.BETWEEN), expand=False)


def _blocks(quantity: Quantity, full: bool) -> Iterator[RenderableType]:
    """A quantity, and its numerical check beside it."""
    head = Text()
    if not quantity.formula.startswith(quantity.name):
        head.append(quantity.name, style="bold")
        head.append("   " if quantity.formula else "")
    head.append(quantity.formula, style=FORMULA)
    if quantity.values.size == 1 and not quantity.rows:
        head.append(f" = {cells(quantity.values, (), (), full).texts[0][0]}", style="bold")
        yield Group(head, Text(quantity.note, style=QUIET)) if quantity.note else head
        return
    note = f"{quantity.note}, " if quantity.note else ""
    yield Group(head, Text(f"{note}{quantity.values.shape}", style=QUIET), _grid(quantity, quantity.values, full))
    if quantity.check is not None:
        yield _check(quantity, quantity.check, full)


def _check(quantity: Quantity, check: Check, full: bool) -> RenderableType:
    size = check.numerical.size
    some = f" at {check.entries:,} of {size:,} places" if check.entries < size else ""
    head = Text(f"central differences{some}", style=CHECK)
    error = Text(check.verdict, style=CHECK if check.passed else WRONG)
    return Group(head, error, _grid(quantity, check.numerical, full, QUIET))


def _grid(quantity: Quantity, values: Array, full: bool, style: str = "") -> RenderableType:
    return Grid(cells(values, quantity.rows, quantity.columns, full), style)
