"""Networks and histories in a notebook: text as HTML, with a picture if one can be drawn."""

from __future__ import annotations

from html import escape

from plainnet.errors import PlainnetError
from plainnet.history import History
from plainnet.network import Network
from plainnet.plots.curves import loss_curve
from plainnet.plots.diagram import network_diagram
from plainnet.plots.inline import page_style, png, svg

PRE = '<pre style="font-family: ui-monospace, monospace">'
"""The opening of text in letters of one width."""


def network_html(net: Network) -> str:
    """Return the layers as text below the diagram."""
    try:
        with page_style():
            picture = svg(network_diagram(net), "The network's units and weights", id(net))
    except PlainnetError:  # not built, nothing to draw, or no matplotlib
        picture = ""
    return f"<div>{picture}{PRE}{escape(net.summary())}</pre></div>"


def network_png(net: Network) -> bytes | None:
    """Return the diagram, or None if there can be none."""
    try:
        return png(network_diagram(net))
    except PlainnetError:
        return None


def history_html(history: History) -> str:
    """Return the run in one line below its loss curves."""
    try:
        with page_style():
            picture = svg(loss_curve(history), "Loss by epoch", id(history))
    except PlainnetError:  # nothing to draw, or no matplotlib
        picture = ""
    return f"<div>{picture}<p><code>{escape(repr(history))}</code></p></div>"


def history_png(history: History) -> bytes | None:
    """Return the loss curves, or None if there can be none."""
    try:
        return png(loss_curve(history))
    except PlainnetError:
        return None
