"""The live page: watch a network learn, on any data, and change whatever you like while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.play.server.serve import PlayServer

__all__ = ["play"]


def play(
    net: Network | None = None,
    X: Any = None,
    y: Any = None,
    *,
    lesson: int | None = None,
    port: int = 0,
    browser: bool | None = None,
    notebook: bool | None = None,
) -> PlayServer:
    """Open a page in the browser that shows `net` in training on X and y; without arguments, one that learns XOR."""
    from plainnet.play.opening import opened  # the rest of this package, when it is first asked for

    return opened(net, X, y, lesson=lesson, port=port, browser=browser, notebook=notebook)
