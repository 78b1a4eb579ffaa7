"""Formulas are MathML, which browsers draw by themselves: no script, and nothing from another host."""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


def setup(app: Sphinx) -> dict[str, Any]:
    """Make "mathml" a renderer of formulas."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def display(translator: Any, node: nodes.math_block) -> None:
    """Write a formula that stands alone; on a narrow screen it scrolls within its own box."""
    translator.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def mathml(tex: str, display: str) -> str:
    """Return the MathML of a formula; what the converter does not know is an error, not a hole in the page."""
    formula = convert(tex.strip(), display=display)
    if "<mi>&</mi>" in formula or "<mi>\\" in formula or "<mtext>\\" in formula:
        raise ExtensionError(f"this formula has something that cannot be shown as MathML: {tex}")
    return str(formula).replace("<math ", f'<math alttext="{escape(tex.strip())}" ', 1)
