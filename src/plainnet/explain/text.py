"""An explanation as lines of text: printed as they are, or in colours by a rich console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from plainnet._base.arrays import Array
from plainnet.explain.layout import ASIDE, QUIET, Block, Line, Span, grid, plain, printed, side_by_side, width_of, wrap
from plainnet.explain.numbers import cells
from plainnet.tracing import LEGEND

if TYPE_CHECKING:
    from rich.console import RenderableType

    from plainnet.explain.explanation import Check, Explanation, Quantity, Stage

FORMULA, CHECK, WRONG, BOLD = "cyan", "green", "red", "bold"
BETWEEN_TEXTS = 3
MOST = 5


def as_text(explanation: Explanation, full: bool, width: int) -> str:
    """Plain text without colours."""
    return "\n".join(map(plain, lines(explanation, full, width)))


def renderable(explanation: Explanation, full: bool) -> RenderableType:
    """Return the same lines in colours, as wide as the console."""
    return printed(lambda width: lines(explanation, full, width))


def lines(explanation: Explanation, full: bool, width: int) -> Iterator[Line]:
    """All sections, one below the other."""
    count = len(explanation.examples)
    yield [Span("One training step", BOLD)]
    yield from wrap(explanation.network, "", width)
    yield [Span(f"{count} example{'s' if count > 1 else ''}, {explanation.dtype}")]
    yield from wrap(LEGEND, QUIET, width)
    for section in explanation.sections:
        yield []
        yield [Span(section.title, BOLD), Span(f" {'─' * (width - len(section.title) - 1)}")]
        yield from wrap(section.note, QUIET, width)
        for stage in section:
            yield from _stage(stage, None if full else MOST, width)
    yield []
    yield from wrap(
        "Largest relative error of all gradients against central differences (in float64): "
        f"{explanation.relative_error:.1e}",
        "",
        width,
    )


def _stage(stage: Stage, most: int | None, width: int) -> Iterator[Line]:
    yield []
    yield from _together(stage.title, BOLD, stage.code, QUIET, width)
    for note in stage.notes:
        yield from wrap(note, QUIET, width)
    for formula in stage.formulas:
        yield from ([Span("  "), *line] for line in wrap(formula, FORMULA, width - 2))
    yield from side_by_side([list(_blocks(quantity, most, width)) for quantity in stage.quantities], width)


def _blocks(quantity: Quantity, most: int | None, width: int) -> Iterator[Block]:
    """Return a quantity, and its numerical check beside it."""
    room = width - ASIDE
    name = "" if quantity.formula.startswith(quantity.name) else quantity.name
    head = _together(name, BOLD, quantity.formula, FORMULA, room)
    if quantity.values.size == 1 and not quantity.rows:
        value = f"= {cells(quantity.values, (), (), None).texts[0][0]}"
        if width_of(plain(head[-1])) + 1 + len(value) > room:
            head.append([])
        head[-1].append(Span(f" {value}" if head[-1] else value, BOLD))
        yield [*head, *(wrap(quantity.note, QUIET, room) if quantity.note else [])]
        return
    note = f"{quantity.note}, " if quantity.note else ""
    shape = wrap(f"{note}{quantity.values.shape}", QUIET, room)
    yield [*head, *shape, *_grid(quantity, quantity.values, most, "", width)]
    if quantity.check is not None:
        yield _check(quantity, quantity.check, most, width)


def _together(first: str, style: str, second: str, other_style: str, width: int) -> Block:
    """Two texts on one line where it holds them, otherwise one below the other."""
    if not (first and second):
        return wrap(first or second, style if first else other_style, width)
    if width_of(first) + width_of(second) + BETWEEN_TEXTS <= width:
        return [[Span(first + " " * BETWEEN_TEXTS, style), Span(second, other_style)]]
    return [*wrap(first, style, width), *wrap(second, other_style, width)]


def _check(quantity: Quantity, check: Check, most: int | None, width: int) -> Block:
    size = check.numerical.size
    some = f" at {check.entries:,} of {size:,} places" if check.entries < size else ""
    error = wrap(check.verdict, CHECK if check.passed else WRONG, width - ASIDE)
    head = wrap(f"central differences{some}", CHECK, width - ASIDE)
    return [*head, *error, *_grid(quantity, check.numerical, most, QUIET, width)]


def _grid(quantity: Quantity, values: Array, most: int | None, style: str, width: int) -> Block:
    return grid(cells(values, quantity.rows, quantity.columns, most), style, width - ASIDE)
