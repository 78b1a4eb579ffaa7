"""Pictures inside a page, as SVG in the page's own text colour for light and dark pages."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from plainnet._base.extras import missing_extra
from plainnet._base.pages import QUIET

INK = "#010203"
"""A colour in place of the page's text colour until the picture is written."""
LEAST_TEXT = 11
"""The height of the smallest text in pixels; a picture that does not fit at this size scrolls."""


@contextmanager
def page_style() -> Iterator[None]:
    """Set the style of axes for `svg`: transparent, with lines and text in the page's colour."""
    try:
        import matplotlib
    except ImportError:
        raise missing_extra("a picture", "plots") from None
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color", "ytick.color")
    style: dict[str, Any] = dict.fromkeys(inked, INK)
    style |= dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none")
    style |= {"font.size": 10, "svg.fonttype": "none", "svg.hashsalt": "plainnet"}
    with matplotlib.rc_context(style):  # type: ignore[arg-type]  # its keys are typed one by one
        yield


def svg(axes: Axes, label: str, number: int = 0) -> str:
    """Return the figure of `axes` as an <svg> element, described by `label` and with a `number` of its own on the page.

    Call it within `page_style`.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the letters stay letters, and the reader's browser has its fonts
        figure_of(axes).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'style="[^"]*"', lambda style: _in_the_page(style.group()), text)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>p{number}-", text)
    smallest = min(map(float, re.findall(r"font(?:-size)?: (?:[a-z]+ |[0-9]+ )*([0-9.]+)px", text)), default=10.0)
    return re.sub(r"<svg [^>]*?>", lambda tag: _opening(tag.group(), label, smallest), text, count=1)


def _in_the_page(style: str) -> str:
    """Return a style attribute with the colours and the fonts of the page."""
    style = style.replace(INK, "currentColor").replace(QUIET, "var(--quiet, currentColor)")
    style = re.sub(r"font: ([^;\"]*?px) [^;\"]*", r"font: \1 system-ui, sans-serif", style)  # matplotlib before 3.11
    return re.sub(r"font-family: [^;\"]*", "font-family: system-ui, sans-serif", style)


def png(drawn: Axes | Figure) -> bytes:
    """Return a figure, or the figure of some axes, as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure_of(drawn).savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def figure_of(drawn: Axes | Figure) -> Figure:
    """Return the whole figure of axes, even if they belong to a part of it."""
    part: Any = drawn.figure
    whole: Figure = part.figure
    return whole


def _opening(tag: str, label: str, smallest: float) -> str:
    """Return the <svg> tag, as wide as its place allows within sizes at which text of `smallest` points reads well."""
    from html import escape

    box = re.search(r'viewBox="([^"]*)"', tag)
    view = box.group(1) if box else "0 0 1 1"
    points = float(view.split()[2])
    least, most = points * LEAST_TEXT / smallest, points * 4 / 3 * 1.25
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    style = f"width: 100%; min-width: {least:.0f}px; max-width: {max(least, most):.0f}px; height: auto"
    return f'<svg {namespaces} viewBox="{view}" role="img" aria-label="{escape(label)}" style="{style}">'
