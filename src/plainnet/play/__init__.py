"""The live page shows a network that learns, on any data, and lets people change whatever they like meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
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
    loss: Any = None,
    optimizer: Any = None,
    batch_size: int | None = 32,
    validation: float = 0.0,
    sample_weight: Any = None,
    columns: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    lesson: int | None = None,
    port: int = 0,
    browser: bool | None = None,
    notebook: bool | None = None,
) -> PlayServer:
    """Open a page in the browser on which `net` learns X and y; without arguments, a network that learns XOR.

    The page trains a copy: `net` does not change, and `network` of what is returned is a copy of that one. Only this
    machine reaches the page, by the address `url`, for as long as this process runs, or until `close()`. A script ends
    with `wait()`, which returns a minute after the page was closed, or at Ctrl-C. In a notebook the last line of a cell
    shows the page below it.

    Arguments:
        net, X, y: the network and its examples and targets; all three or none.
        loss, optimizer, sample_weight: as `net.fit` takes them. Those not given are those of the network's latest run,
            or the usual ones for such a network.
        batch_size: examples per step; None for all at once.
        validation: the fraction of the examples to hold out.
        columns: names of the columns of X.
        classes: names of the classes, in the order of their labels or of the outputs.
        lesson: open the page with one of its lessons, 1 to 6.
        port: a port of 127.0.0.1; 0 takes one that is free.
        browser: True to start the browser; None for wherever there is no notebook.
        notebook: True to let pages of servers on this machine show the page in a frame, as a notebook does; None for
            in a notebook.

    Returns the page's server. Raises MissingExtraError without the extra `play`, and InvalidValue and InvalidType as
    `net.fit` does.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.circles(200, noise=0.1, seed=1)
    >>> net = pn.Network(pn.Dense(8, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    >>> page = pn.play(net, X, y, loss="cross_entropy", browser=False)  # True opens it
    >>> page.url.startswith("http://127.0.0.1:")
    True
    >>> page.close()
    """
    from plainnet.play.opening import opened  # the rest of this package, when it is first asked for

    return opened(
        net,
        X,
        y,
        loss=loss,
        optimizer=optimizer,
        sample_weight=sample_weight,
        columns=columns,
        classes=classes,
        batch_size=batch_size,
        validation=validation,
        lesson=lesson,
        port=port,
        browser=browser,
        notebook=notebook,
    )
