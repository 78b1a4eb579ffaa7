"""Explanations of rows as HTML: a chapter of a page, a page of its own, or a fragment for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from plainnet._base import pages
from plainnet._base.pages import Chapter
from plainnet.attribution.text import MOST, headline, how, listed, numbers, spreads, summary

if TYPE_CHECKING:
    from plainnet.attribution.rows import RowExplanation

TITLE = "Which columns made the prediction"

STYLE = """
& .adds { width: 100%; max-width: 52rem; }
& .adds :is(th, td) { padding: .15rem .5rem; text-align: right; white-space: nowrap; border: 0; background: none; }
& .adds thead th { border-bottom: 1px solid var(--line); font-weight: 500; }
& .adds :is(.name, .cell) { text-align: left; white-space: normal; overflow-wrap: anywhere; font-weight: 400; }
& .adds .name { padding-left: 0; } & .adds tbody .name { color: var(--text); }
& .adds .bar { width: 45%; min-width: 5rem; padding: 0; position: relative; }
& .adds .bar i { position: absolute; top: 15%; bottom: 15%; min-width: 1px; border-radius: .15rem; }
& .adds .more { background: var(--blue); } & .adds .less { background: var(--orange); }
@media (max-width: 30rem) { & .adds { font-size: .8rem; } & .adds :is(th, td) { padding: .15rem .25rem; } }
@media print { & .adds .bar i { print-color-adjust: exact; } }
"""


def page(explanations: Sequence[RowExplanation], full: bool, title: str) -> str:
    """Return a whole file."""
    return pages.page(title, "", [chapter(explanations, full)], STYLE)


def fragment(explanations: Sequence[RowExplanation], full: bool) -> str:
    """Return the explanations with their style for a notebook."""
    return pages.fragment(TITLE, "", [chapter(explanations, full)], STYLE)


def chapter(explanations: Sequence[RowExplanation], full: bool) -> Chapter:
    """Return the explanations under one heading, and how to read them."""
    body = "\n".join(_explanation(explanation, full) for explanation in explanations)
    return Chapter("columns", TITLE, f'{body}\n<p class="quiet">{escape(how(explanations))}</p>')


def _explanation(explanation: RowExplanation, full: bool) -> str:
    rows, values, errors = listed(explanation, None if full else MOST)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    body = []
    texts = zip(rows, numbers(values, signed=True), spreads(errors, values), values, strict=True)
    for (name, cell), text, error, value in texts:
        spread = "" if explanation.exact else f"<td>{error}</td>"
        body.append(
            f'<tr><th scope="row" class="name">{escape(name)}</th><td class="cell">{escape(cell)}</td>'
            f'<td>{text}</td>{spread}<td class="bar">{_bar(float(value), low, high)}</td></tr>'
        )
    head = ['<th class="name">column</th><th class="cell">value</th><th>adds</th>']
    head += ["<th></th>"] * (1 if explanation.exact else 2)
    return (
        f"<h3>{escape(headline(explanation))}</h3>\n<p>{escape(summary(explanation))}</p>\n"
        f'<div class="scroll"><table class="adds"><thead><tr>{"".join(head)}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _bar(value: float, low: float, high: float) -> str:
    """Return a bar from 0 to the value, on a line from `low` to `high`."""
    if not value:
        return ""
    start, end = sorted(100 * (place - low) / (high - low) for place in (0.0, value))
    kind = "more" if value > 0 else "less"
    return f'<i class="{kind}" style="left:{start:.1f}%;width:{end - start:.1f}%"></i>'
