"""An explanation as a page: one file that needs nothing else, its formulas in MathML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from plainnet._base import pages
from plainnet._base.pages import Chapter
from plainnet.explain.formulas import Formula
from plainnet.explain.numbers import Cells, cells
from plainnet.tracing import LEGEND

if TYPE_CHECKING:
    from plainnet.explain.explanation import Check, Explanation, Quantity, Section, Stage

TITLE = "One training step in numbers"
MOST = 10
"""The most rows and columns of an array that is not shown whole."""

STYLE = """
& h3 { margin-top: 0; }
& .note { color: var(--quiet); font-size: .9rem; margin: .1rem 0 .3rem; }
& code { font: .85rem ui-monospace, monospace; color: var(--quiet) !important; background: none !important;
  padding: 0; }
& .stage { --ground: var(--card); background: var(--card); border-radius: .6rem; padding: .9rem 1rem; margin: .9rem 0;
  line-height: 1.45; }
& .flow { display: flex; flex-wrap: wrap; gap: 1rem 2.4rem; align-items: flex-start; margin-top: .6rem; }
& .pair { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; align-items: flex-end; }
& :is(.flow, .pair) > div { min-width: 0; max-width: 100%; }
& .formula { overflow-x: auto; overflow-y: hidden; padding: .15rem 0; }
& math { font-size: 1.1rem; font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre",
  math; }
& .number { white-space: nowrap; }
& table { margin: 0; }
& th, & td { border: 0; background: none; padding: .12rem .5rem; text-align: right; white-space: nowrap; }
& td { color: var(--text); }
& th { font-weight: 500; }
& tr { background: none !important; } /* a notebook's stripes */
& tbody th { text-align: left; padding-left: 0; }
& .plus { background: color-mix(in srgb, var(--blue) calc(var(--size) * 45%), transparent); }
& .minus { background: color-mix(in srgb, var(--orange) calc(var(--size) * 45%), transparent); }
& .agrees { color: var(--good); } & .agrees::before { content: "✓ "; }
& .differs { color: var(--text); font-weight: 600; } & .differs::before { content: "✗ "; }
& .key { --size: .8; display: inline-block; padding: 0 .4rem; border-radius: .2rem; }
@media (max-width: 30rem) { & header, & main { padding-inline: .5rem; } & .stage { padding: .7rem .6rem; }
  & table { font-size: .78rem; } & th, & td { padding: .12rem .25rem; } }
@media print { & .stage { break-inside: avoid-page; } }
"""


def page(
    explanation: Explanation, full: bool, title: str = TITLE, first: Sequence[Chapter] = (), style: str = ""
) -> str:
    """Return the whole file; `first` are chapters before those of the step, and `style` is theirs."""
    return pages.page(title, _lead(explanation), [*first, *_chapters(explanation, full)], STYLE + style)


def fragment(explanation: Explanation, full: bool) -> str:
    """Return the explanation with its style for a notebook."""
    return pages.fragment(TITLE, _lead(explanation), _chapters(explanation, full), STYLE)


def _lead(explanation: Explanation) -> str:
    count = len(explanation.examples)
    return f"""<p>{escape(explanation.network)}</p>
<p>{count} example{"s" if count > 1 else ""}, {explanation.dtype}, loss {explanation.value:.6g}. Every gradient was held
against central differences (in float64): the largest relative error is
<span class="number">{explanation.relative_error:.1e}</span>.</p>
<p class="quiet">{LEGEND} Cells above 0 are <span class="plus key">blue</span>, cells below 0
<span class="minus key">orange</span>, and the stronger the larger their number is in its array.</p>
"""


def _chapters(explanation: Explanation, full: bool) -> list[Chapter]:
    return [_chapter(section, None if full else MOST) for section in explanation.sections]


def _chapter(section: Section, most: int | None) -> Chapter:
    stages = "\n".join(_stage(stage, most) for stage in section)
    return Chapter(section.title.lower(), section.title, f'<p class="quiet">{escape(section.note)}</p>\n{stages}')


def _stage(stage: Stage, most: int | None) -> str:
    code = f" <code>{escape(stage.code)}</code>" if stage.code else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in stage.notes)
    formulas = "".join(f'<div class="formula">{formula.mathml}</div>' for formula in stage.formulas)
    blocks = "\n".join(_quantity(quantity, most) for quantity in stage.quantities)
    head = f"<h3>{escape(stage.title)}{code}</h3>{notes}{formulas}"
    return f'<div class="stage">{head}\n<div class="flow">{blocks}</div></div>'


def _quantity(quantity: Quantity, most: int | None) -> str:
    named = quantity.formula.startswith(quantity.name)
    formula = quantity.formula.mathml if isinstance(quantity.formula, Formula) else ""
    head = formula if named else f"<b>{escape(quantity.name)}</b>{'&emsp;' if formula else ''}{formula}"
    if quantity.values.size == 1 and not quantity.rows:
        value = cells(quantity.values, (), (), None).texts[0][0]
        note = f'<p class="note">{escape(quantity.note)}</p>' if quantity.note else ""
        return f'<div><div class="formula">{head} = <b>{value}</b></div>{note}</div>'
    note = f"{escape(quantity.note)}, " if quantity.note else ""
    table = _table(cells(quantity.values, quantity.rows, quantity.columns, most))
    block = f'<div><div class="formula">{head}</div><p class="note">{note}{quantity.values.shape}</p>{table}</div>'
    return f'<div class="pair">{block}{_check(quantity, quantity.check, most)}</div>' if quantity.check else block


def _check(quantity: Quantity, check: Check, most: int | None) -> str:
    size = check.numerical.size
    some = f" at {check.entries:,} of {size:,} places" if check.entries < size else ""
    numerical = replace(quantity, values=check.numerical)
    table = _table(cells(numerical.values, numerical.rows, numerical.columns, most))
    return (
        f'<div class="check"><div class="formula">central differences{some}</div>'
        f'<p class="note {"agrees" if check.passed else "differs"}">{check.verdict}</p>{table}</div>'
    )


def _table(shown: Cells) -> str:
    corner = "<th></th>" if shown.rows else ""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in shown.columns)
    head = f"<thead><tr>{corner}{names}</tr></thead>" if names else ""
    return f'<div class="scroll"><table>{head}<tbody>{"".join(_rows(shown))}</tbody></table></div>'


def _rows(shown: Cells) -> Iterator[str]:
    largest = max((abs(value) for row in shown.values for value in row if math.isfinite(value)), default=0.0) or 1.0
    for i, (texts, values) in enumerate(zip(shown.texts, shown.values, strict=True)):
        name = f'<th scope="row">{escape(shown.rows[i])}</th>' if shown.rows else ""
        row = "".join(_cell(text, value / largest) for text, value in zip(texts, values, strict=True))
        yield f"<tr>{name}{row}</tr>"


def _cell(text: str, share: float) -> str:
    if not math.isfinite(share) or share == 0:
        return f"<td>{text}</td>"
    return f'<td class="{"plus" if share > 0 else "minus"}" style="--size:{abs(share):.2f}">{text}</td>'
