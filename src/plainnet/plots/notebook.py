"""Networks and histories in a notebook: text as HTML, with a picture if one can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from plainnet.errors import PlainnetError
from plainnet.history import History
from plainnet.network import Network
from plainnet.plots.curves import loss_curve
from plainnet.plots.diagram import network_diagram
from plainnet.plots.inline import page_style, png, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRE = '<pre style="font-family: ui-monospace, monospace">'
"""The opening of text in letters of one width."""


def network_html(net: Network) -> str:
    """Return the layers as text below the diagram."""
    picture = svg_or_nothing(lambda: network_diagram(net), "The network's units and weights", id(net))
    return f"<div>{picture}{PRE}{escape(net.summary())}</pre></div>"


def network_png(net: Network) -> bytes | None:
    """Return the diagram, or None if there can be none."""
    return png_or_none(lambda: network_diagram(net))


def history_html(history: History) -> str:
    """Return the run in one line below its loss curves."""
    picture = svg_or_nothing(lambda: loss_curve(history), "Loss by epoch", id(history))
    return f"<div>{picture}<p><code>{escape(repr(history))}</code></p></div>"


def history_png(history: History) -> bytes | None:
    """Return the loss curves, or None if there can be none."""
    return png_or_none(lambda: loss_curve(history))


def svg_or_nothing(draw: Callable[[], Axes], label: str, number: int) -> str:
    """Return what `draw` draws as an <svg> element, or "" if there is nothing to draw or no matplotlib."""
    try:
        with page_style():
            return svg(draw(), label, number)
    except PlainnetError:
        return ""


def png_or_none(draw: Callable[[], Axes]) -> bytes | None:
    """Return what `draw` draws as a PNG file's bytes, or None if there is nothing to draw or no matplotlib."""
    try:
        return png(draw())
    except PlainnetError:
        return None
