"""A page begins with XOR, a table, a model with a table, or a network and arrays of a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plainnet.errors import InvalidType, warn
from plainnet.play.server.serve import PlayServer
from plainnet.training.progress import in_notebook

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.play.session.examples import Held
    from plainnet.play.session.session import Session
    from plainnet.play.session.tables import HeldTable


def new_session(seed: int = 0) -> Session:
    """Return a session that begins with XOR."""
    from plainnet.play.session.session import Session  # in the thread that asks for it, while the browser starts

    return Session({"seed": seed})


def sessions_of(held: Held) -> Callable[[], Session]:
    """Return what makes the sessions of a server that begin with `held`; the first is made at once.

    So what is wrong with the data is raised here. The rows are shared, as nobody writes to them.
    """
    from plainnet.play.session.session import Session

    def session() -> Session:
        return Session(held=replace(held, tables=dict(held.tables)))

    made = [session()]
    return lambda: made.pop() if made else session()


def table_in_memory(path: str | PathLike[str]) -> HeldTable:
    """Return a table file as a session keeps it; raise FileError where it cannot be read."""
    from plainnet.play.session.tables import HeldTable
    from plainnet.tabular.sources import COMPRESSED, open_source

    source = open_source(path)
    name = Path(source.where).name
    if Path(name).suffix.lower() in COMPRESSED:  # it has been unpacked
        name = Path(name).stem
    return HeldTable(name if name.lower().endswith(source.ending) else name + source.ending, source.content)


def opened(
    net: Network | None,
    X: Any,
    y: Any,
    *,
    loss: Any,
    optimizer: Any,
    sample_weight: Any,
    columns: Sequence[str] | None,
    classes: Sequence[str] | None,
    batch_size: int | None,
    validation: float,
    lesson: int | None,
    port: int,
    browser: bool | None,
    notebook: bool | None,
) -> PlayServer:
    """Start a server as `plainnet.play` does."""
    make: Callable[[], Session] = new_session
    if net is not None or X is not None or y is not None:
        if net is None or X is None or y is None:
            raise InvalidType("play takes a network with its X and y, or nothing, for a network that learns XOR")
        from plainnet.play.session.given import held_arrays

        held = held_arrays(
            net.copy(),
            X,
            y,
            loss=loss,
            optimizer=optimizer,
            sample_weight=sample_weight,
            columns=columns,
            classes=classes,
        )
        assert held.setup is not None
        data = {**held.setup["data"], "validation": validation}
        make = sessions_of(replace(held, setup={**held.setup, "data": data, "batch_size": batch_size}))
    framed = in_notebook() if notebook is None else notebook
    server = PlayServer(make, port, lesson, framed).start()
    if (not framed if browser is None else browser) and not server.open_browser():
        warn(f"no browser was found; open {server.url}")
    return server
