"""The command `plainnet play`, which shows a network in training on a page in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from plainnet.cli.groups import grouped
from plainnet.cli.streams import console

if TYPE_CHECKING:
    from plainnet.play.session.session import Session


@grouped
def play(
    *,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the initial weights.")] = 0,
    lesson: Annotated[int | None, typer.Option(min=1, max=6, help="Open the page with this lesson, 1 to 6.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 takes one that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Watch a network learn on a page in the browser, and change whatever you like while it does."""
    from plainnet.play.server.serve import PlayServer

    def session() -> Session:
        from plainnet.play.session.session import Session  # in the thread that makes it, while the browser starts

        return Session({"seed": seed})

    with PlayServer(session, port, lesson) as server:
        server.start()
        console.print(f"plainnet play is at {server.url}", soft_wrap=True)
        console.print("Ctrl-C ends it.")
        if browser:
            server.open_browser()
        server.wait(until_left=False)
