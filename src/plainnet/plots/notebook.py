"""How a network and a history show themselves in a notebook: an outline as HTML, with a picture where there can be."""

from __future__ import annotations

from html import escape

from plainnet.errors import MissingExtraError, PlainnetError
from plainnet.history import History
from plainnet.network import Network
from plainnet.plots.curves import loss_curve
from plainnet.plots.diagram import network_diagram
from plainnet.plots.inline import page_style, png, svg

PRE = '<pre style="font-family: ui-monospace, monospace">'
"""A notebook may set text in letters of different widths."""


def network_html(net: Network) -> str:
    """The layers as text below the diagram."""
    try:
        with page_style():
            picture = svg(network_diagram(net), "The network's units and weights", id(net))
    except PlainnetError:  # not built, nothing to draw, or no matplotlib
        picture = ""
    return f"<div>{picture}{PRE}{escape(net.summary())}</pre></div>"


def network_png(net: Network) -> bytes | None:
    """The diagram, where there can be one."""
    try:
        return png(network_diagram(net))
    except PlainnetError:
        return None


def history_html(history: History) -> str:
    """The run in a line below its loss curves."""
    picture = ""
    if history.epoch:
        try:
            with page_style():
                picture = svg(loss_curve(history), "Loss by epoch", id(history))
        except MissingExtraError:
            picture = ""
    return f"<div>{picture}<p><code>{escape(repr(history))}</code></p></div>"


def history_png(history: History) -> bytes | None:
    """The loss curves, where there can be some."""
    try:
        return png(loss_curve(history))
    except PlainnetError:
        return None
