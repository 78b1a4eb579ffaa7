"""An explanation as a page: one file that needs nothing else, its formulas in MathML."""

import math
from collections.abc import Iterator
from dataclasses import replace
from html import escape

from plainnet.explain.explanation import Check, Explanation, Quantity, Section, Stage
from plainnet.explain.formulas import LEGEND
from plainnet.explain.mathml import mathml
from plainnet.explain.numbers import Cells, cells

DARK = """{ --ground: #14181c; --text: #e4e8ec; --quiet: #9aa5af;
  --line: #313941; --card: #1d2329; --good: #4cc9a0; --plus: 86 180 233; --minus: 240 130 60; }"""
BY_SYSTEM = f"@media (prefers-color-scheme: dark) {{ body {{ background: #14181c; }} .explained {DARK} }}"
BY_NOTEBOOK = f"[data-jp-theme-light='false'] .explained, .vscode-dark .explained {DARK}"
"""A notebook has a theme of its own, which need not be the system's: JupyterLab and Visual Studio Code say it so."""

MOST = 10
"""The most rows and columns of an array that is not shown whole."""

STYLE = """
.explained { --ground: #ffffff; --text: #1c2126; --quiet: #5c6670; --line: #dde2e7; --card: #f5f7f9;
  --good: #00694c; --plus: 0 114 178; --minus: 213 94 0; color: var(--text); background: var(--ground);
  font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 1rem; box-sizing: border-box; }
.explained h1 { font-size: 1.6rem; line-height: 1.2; margin: .4rem 0; }
.explained h2 { font-size: 1.3rem; margin: 2rem 0 .2rem; padding-top: 1rem; border-top: 1px solid var(--line); }
.explained h3 { font-size: 1.05rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
.explained p { margin: .2rem 0 .6rem; max-width: 48rem; overflow-wrap: anywhere; }
.explained .quiet, .explained .note { color: var(--quiet); font-size: .9rem; }
.explained .note { margin: .1rem 0 .3rem; }
.explained code { font: .85rem ui-monospace, monospace; font-weight: 400;
  color: var(--quiet) !important; background: none !important; padding: 0; }
.explained .stage { background: var(--card); border-radius: .6rem; padding: .9rem 1rem; margin: .9rem 0; }
.explained .flow { display: flex; flex-wrap: wrap; gap: 1rem 2.4rem; align-items: flex-start; margin-top: .6rem; }
.explained .flow > div { min-width: 0; max-width: 100%; }
.explained .pair { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; align-items: flex-end; }
.explained .pair > div { min-width: 0; max-width: 100%; }
.explained .formula { overflow-x: auto; overflow-y: hidden; padding: .15rem 0; }
.explained math { font-size: 1.1rem; font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math",
  "DejaVu Math TeX Gyre", math; }
.explained .number { white-space: nowrap; }
.explained .scroll { overflow-x: auto; }
.explained table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; margin: 0; }
.explained th, .explained td { border: 0; background: none; padding: .12rem .5rem; text-align: right;
  white-space: nowrap; color: inherit; }
.explained th { color: var(--quiet); font-weight: 500; }
.explained tr { background: none !important; } /* a notebook's stripes */
.explained tbody th { text-align: left; padding-left: 0; }
.explained td.plus { background: rgb(var(--plus) / calc(var(--size) * .45)); }
.explained td.minus { background: rgb(var(--minus) / calc(var(--size) * .45)); }
.explained .agrees { color: var(--good); } .explained .agrees::before { content: "✓ "; }
.explained .differs { color: var(--text); font-weight: 600; } .explained .differs::before { content: "✗ "; }
.explained .key { display: inline-block; padding: 0 .4rem; border-radius: .2rem; }
@media (max-width: 30rem) { .explained { padding: .5rem; } .explained .stage { padding: .7rem .6rem; }
  .explained table { font-size: .78rem; } .explained th, .explained td { padding: .12rem .25rem; } }
@media print { .explained .stage { break-inside: avoid-page; } .explained .scroll { overflow: visible; } }
"""


def page(explanation: Explanation, full: bool) -> str:
    """The whole file."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>One training step in numbers</title>
<style>body {{ margin: 0; background: #ffffff; }}
{STYLE}{BY_SYSTEM}</style>
</head>
<body>
{_body(explanation, None if full else MOST)}
</body>
</html>
"""


def fragment(explanation: Explanation, full: bool) -> str:
    """The explanation with its style, to stand in a notebook."""
    return f"<style>{STYLE}{BY_NOTEBOOK}</style>\n{_body(explanation, None if full else MOST)}"


def _body(explanation: Explanation, most: int | None) -> str:
    count = len(explanation.examples)
    return f"""<div class="explained">
<h1>One training step in numbers</h1>
<p>{escape(explanation.network)}</p>
<p>{count} example{"s" if count > 1 else ""}, {explanation.dtype}, loss {explanation.value:.6g}. Every gradient was held
against central differences (in float64): the largest relative error is
<span class="number">{explanation.relative_error:.1e}</span>.</p>
<p class="quiet">{LEGEND} Cells above 0 are <span class="key" style="background: rgb(var(--plus) / .35)">blue</span>,
cells below 0 <span class="key" style="background: rgb(var(--minus) / .35)">orange</span>, and the stronger the larger
their number is in its array.</p>
{"".join(_section(section, most) for section in explanation.sections)}
</div>
"""


def _section(section: Section, most: int | None) -> str:
    stages = "\n".join(_stage(stage, most) for stage in section)
    head = f'<h2>{escape(section.title)}</h2>\n<p class="quiet">{escape(section.note)}</p>'
    return f"<section>\n{head}\n{stages}\n</section>\n"


def _stage(stage: Stage, most: int | None) -> str:
    code = f" <code>{escape(stage.code)}</code>" if stage.code else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in stage.notes)
    formulas = "".join(f'<div class="formula">{mathml(formula)}</div>' for formula in stage.formulas)
    blocks = "\n".join(_quantity(quantity, most) for quantity in stage.quantities)
    head = f"<h3>{escape(stage.title)}{code}</h3>{notes}{formulas}"
    return f'<div class="stage">{head}\n<div class="flow">{blocks}</div></div>'


def _quantity(quantity: Quantity, most: int | None) -> str:
    named = quantity.formula.startswith(quantity.name)
    formula = mathml(quantity.formula) if quantity.formula else ""
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
