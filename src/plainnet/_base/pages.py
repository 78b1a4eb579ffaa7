"""The frame and the colours of the HTML pages: a report, and an explanation, which also stands in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
"""Three colours of Okabe & Ito (2008) that people with any kind of colour vision can tell apart."""
QUIET = "#5c6670"
"""The colour of remarks; its contrast is 4.5:1 on white."""

LIGHT = f"""--ground: #ffffff; --text: #1c2126; --quiet: {QUIET}; --line: #dde2e7; --card: #f5f7f9; --good: #00694c;
  --blue: {BLUE}; --orange: {VERMILION}; --shade: rgb(0 0 0 / .28);"""
DARK = """--ground: #14181c; --text: #e4e8ec; --quiet: #9aa5af; --line: #313941; --card: #1d2329; --good: #4cc9a0;
  --blue: #56b4e9; --orange: #f0823c; --shade: rgb(255 255 255 / .4);"""
PAPER = "--ground: #fff; --text: #000; --quiet: #444; --line: #bbb; --card: #f4f4f4;"

COMMON = """
color: var(--text); background: var(--ground); font: 16px/1.55 system-ui, sans-serif;
& * { box-sizing: border-box; }
& header, & main, & footer { max-width: 75rem; margin: 0 auto; padding: 0 1rem; }
& header { padding-top: 1.4rem; }
& footer { padding-bottom: 2rem; color: var(--quiet); font-size: .9rem; }
& nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .8rem 0 0; font-size: .95rem; }
& section { border-top: 1px solid var(--line); padding: 1.4rem 0 1rem; margin-top: 1rem; }
& h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
& h2 { font-size: 1.25rem; margin: 0 0 .3rem; }
& h3 { font-size: 1rem; margin: .6rem 0 .3rem; overflow-wrap: anywhere; }
& p { margin: .3rem 0 .8rem; max-width: 46rem; overflow-wrap: anywhere; }
& a { color: var(--blue); }
& .quiet { color: var(--quiet); font-size: .92rem; }
& .scroll { overflow-x: auto; background:
  linear-gradient(to right, var(--ground) 40%, transparent) -1px 0 / 2.4rem 100% no-repeat local,
  linear-gradient(to left, var(--ground) 40%, transparent) right -1px top / 2.4rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) left / .8rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) right / .8rem 100% no-repeat scroll; }
& table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
& th { color: var(--quiet); }
@media print { & nav { display: none; } & h2, & h3 { break-after: avoid; }
  & .scroll { overflow: visible; background: none; } }
"""
"""The style that all pages share. The two last backgrounds of `.scroll` are shades at the edges where more is to be
seen; the two before, which move with the content, cover them at its ends."""


@dataclass(frozen=True)
class Chapter:
    """A part of a page under its own heading; `body` is HTML, and links lead to `anchor`."""

    anchor: str
    title: str
    body: str


def page(title: str, lead: str, chapters: Sequence[Chapter], style: str, footer: str = "") -> str:
    """Return a whole file that needs nothing else, in the colours that the reader's system asks for.

    `lead` is HTML. `style` is the page's own part of the style, whose element selectors begin with "& ".
    """
    links = "".join(f'<a href="#{chapter.anchor}">{escape(chapter.title)}</a>' for chapter in chapters)
    colors = f"@media screen and (prefers-color-scheme: dark) {{ .plainnet {{ {DARK} }} }}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>body {{ margin: 0; }}
{_style(style)}{colors}
@media print {{ .plainnet {{ {PAPER} }} }}</style>
</head>
<body class="plainnet">
{_content(title, f"{lead}<nav>{links}</nav>", chapters, anchored=True)}
{f"<footer>{escape(footer)}</footer>" if footer else ""}
</body>
</html>
"""


def fragment(title: str, lead: str, chapters: Sequence[Chapter], style: str) -> str:
    """Return the same for a notebook, in the colours of its theme, which need not be those of the system.

    JupyterLab and Visual Studio Code mark a dark theme.
    """
    colors = f"[data-jp-theme-light='false'] .plainnet, .vscode-dark .plainnet {{ {DARK} }}"
    content = _content(title, lead, chapters, anchored=False)  # a notebook may hold several
    return f'<style>{_style(style)}{colors}</style>\n<div class="plainnet">\n{content}\n</div>'


def _style(own: str) -> str:
    """Return rules that hold only within the page, so that they change nothing else in a notebook."""
    return f".plainnet {{ {LIGHT}{COMMON}{own}}}\n"


def _content(title: str, lead: str, chapters: Sequence[Chapter], anchored: bool) -> str:
    parts = []
    for chapter in chapters:
        opening = f'<section id="{chapter.anchor}">' if anchored else "<section>"
        parts.append(f"{opening}\n<h2>{escape(chapter.title)}</h2>\n{chapter.body}\n</section>")
    return "<header>\n<h1>{}</h1>\n{}\n</header>\n<main>\n{}\n</main>".format(escape(title), lead, "\n".join(parts))
