"""The page of a report: one HTML file that needs nothing else, for phone, desk and paper, in light and in dark."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from plainnet.plots.inline import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 4.7
"""Of a picture, in inches: its text has a good size on a phone."""

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --text: #1c2126; --quiet: #5c6670; --line: #dde2e7;
  --card: #f5f7f9; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181c; --text: #e4e8ec; --quiet: #9aa5af; --line: #313941;
  --card: #1d2329; --accent: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main, header { max-width: 74rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.6rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 0 0 .3rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; overflow-wrap: anywhere; }
a { color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .8rem 0 0; font-size: .95rem; }
section { border-top: 1px solid var(--line); padding: 1.4rem 0 1rem; margin-top: 1rem; }
.quiet, figcaption { color: var(--quiet); font-size: .92rem; }
.measures { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; padding: 0; list-style: none; }
.measures li { background: var(--card); border-radius: .5rem; padding: .5rem .9rem; min-width: 7rem; }
.measures b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1rem 2rem;
  align-items: start; }
.figures > * { min-width: 0; }
figure { margin: 0; break-inside: avoid; }
figure svg { display: block; }
figcaption { margin-top: .2rem; max-width: 40rem; }
.scroll { overflow-x: auto; margin: .4rem 0 1rem; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; }
pre { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; margin: .4rem 0 1rem; font-size: .87rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
footer { max-width: 74rem; margin: 0 auto; padding: 0 1rem 2rem; color: var(--quiet); font-size: .9rem; }
@media (min-width: 60rem) { .figures > figure:only-child { display: grid; grid-template-columns: 35rem 1fr; gap: 2rem;
  align-items: center; } }
@media (max-width: 30rem) { th, td { padding-right: .6rem; } }
@media print { :root { --ground: #fff; --text: #000; --quiet: #444; --line: #bbb; --card: #f4f4f4; }
  nav { display: none; } section, p, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; } .scroll { overflow: visible; } }
"""


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading."""

    name: str
    """Its anchor."""
    title: str
    body: str


def page(title: str, lead: str, sections: Sequence[Section], made_with: str) -> str:
    """The whole file. `lead` and the sections' bodies are HTML, everything else is text."""
    links = "".join(f'<a href="#{section.name}">{escape(section.title)}</a>' for section in sections)
    parts = "\n".join(
        f'<section id="{section.name}">\n<h2>{escape(section.title)}</h2>\n{section.body}\n</section>'
        for section in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{lead}
<nav>{links}</nav>
</header>
<main>
{parts}
</main>
<footer>{escape(made_with)}</footer>
</body>
</html>
"""


def text(words: str, quiet: bool = False) -> str:
    """A paragraph."""
    opening = '<p class="quiet">' if quiet else "<p>"
    return f"{opening}{escape(words)}</p>" if words else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table, the columns of `numbers` set to the right; one too wide for the page scrolls by itself."""
    right = set(numbers)

    def line(cells: Sequence[str], tag: str) -> str:
        marks = [' class="number"' if i in right else "" for i in range(len(cells))]
        return "".join(f"<{tag}{mark}>{escape(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))

    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    head = f"<thead><tr>{line(header, 'th')}</tr></thead>" if any(header) else ""
    return f'<div class="scroll" tabindex="0"><table>{head}<tbody>\n{body}\n</tbody></table></div>'


def figure(picture: str, caption: str) -> str:
    """A picture with what it shows."""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def figures(parts: Iterable[str]) -> str:
    """Pictures side by side where the page is wide enough."""
    return f'<div class="figures">{"".join(parts)}</div>'


def measures(values: dict[str, str]) -> str:
    """Numbers in large type."""
    return (
        '<ul class="measures">'
        + "".join(f"<li>{escape(name)}<b>{escape(value)}</b></li>" for name, value in values.items())
        + "</ul>"
    )


class Pictures:
    """Turns axes into figures of one page, whose pictures' inner names must differ."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def __call__(self, axes: Axes, caption: str) -> str:
        return figure(svg(axes, caption, next(self.numbers)), caption)
