"""The parts of a report's page: paragraphs, tables, pictures and programs, with their style."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from plainnet.plots.inline import figure_of, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 3.7
"""The width of a picture in inches, that of a phone, where text of 10 points has a good size."""
TALL = 4.0
"""The height in inches above which a picture takes the place of two."""

STYLE = """
& figcaption { color: var(--quiet); font-size: .92rem; }
& .measures { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; padding: 0; list-style: none; }
& .measures li { background: var(--card); border-radius: .5rem; padding: .5rem .9rem; min-width: 7rem;
  overflow-wrap: anywhere; }
& .measures b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
& .side { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1rem 2rem;
  align-items: start; margin-bottom: .6rem; }
& .side > * { min-width: 0; }
& figure { margin: 0; break-inside: avoid; }
& .side > .tall { grid-row: span 2; }
& figure svg { display: block; }
& figcaption { margin-top: .2rem; max-width: 40rem; overflow-wrap: anywhere; }
& .scroll { margin: .4rem 0 1rem; }
& figure .scroll { margin: 0; }
& th, & td { text-align: left; padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
& .number { text-align: right; white-space: nowrap; }
& pre { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; margin: .4rem 0 1rem; font-size: .87rem; }
& .command { white-space: pre-wrap; overflow-wrap: anywhere; }
& .command span, & .option { white-space: nowrap; }
& .code { overflow-x: auto; }
@media (max-width: 30rem) { & th, & td { padding-right: .6rem; } }
@media print { & section > p, & tr, & .measures { break-inside: avoid; } & .side { grid-template-columns: 1fr 1fr; }
  & figure svg { min-width: 0 !important; } & .code { white-space: pre-wrap; } }
"""


def text(words: str, quiet: bool = False) -> str:
    """Return a paragraph in which no option such as --target breaks after its dashes."""
    opening = '<p class="quiet">' if quiet else "<p>"
    unbroken = re.sub(r"(?<!\S)--[a-z-]+", r'<span class="option">\g<0></span>', escape(words))
    return f"{opening}{unbroken}</p>" if words else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """Return a table with the columns of `numbers` aligned to the right; a wide table scrolls by itself."""
    right = set(numbers)

    def line(cells: Sequence[str], tag: str) -> str:
        marks = [' class="number"' if i in right else "" for i in range(len(cells))]
        return "".join(f"<{tag}{mark}>{escape(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))

    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    head = f"<thead><tr>{line(header, 'th')}</tr></thead>" if any(header) else ""
    return f'<div class="scroll" tabindex="0"><table>{head}<tbody>\n{body}\n</tbody></table></div>'


def side_by_side(*parts: str) -> str:
    """Return pictures and blocks side by side if the page is wide enough."""
    return f'<div class="side">{"".join(parts)}</div>'


def block(title: str, *parts: str) -> str:
    """Return tables or paragraphs under a title of their own, to stand beside a picture."""
    return f"<div><h3>{escape(title)}</h3>{''.join(parts)}</div>"


def command(words: str) -> str:
    """Return a command line that breaks between its words; only a word too long for a phone breaks within."""
    shown = (f"<span>{escape(word)}</span>" if len(word) < 34 else escape(word) for word in words.split(" "))
    return f'<pre class="command">{" ".join(shown)}</pre>'


def code(lines: str) -> str:
    """Return a program, which scrolls if its lines are too long."""
    return f'<pre class="code" tabindex="0">{escape(lines)}</pre>'


def measures(values: dict[str, str]) -> str:
    """Return numbers in large type."""
    items = "".join(f"<li>{escape(name)}<b>{escape(value)}</b></li>" for name, value in values.items())
    return f'<ul class="measures">{items}</ul>'


class Pictures:
    """Turns axes into titled figures with captions; their numbers keep names inside the pictures apart."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def __call__(self, title: str, axes: Axes, caption: str) -> str:
        kind = ' class="tall"' if figure_of(axes).get_figheight() > TALL else ""
        picture = svg(axes, f"{title}. {caption}", next(self.numbers))
        shown = f'<h3>{escape(title)}</h3><div class="scroll" tabindex="0">{picture}</div>'
        return f"<figure{kind}>{shown}<figcaption>{escape(caption)}</figcaption></figure>"
