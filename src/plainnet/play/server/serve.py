"""The server has a socket on 127.0.0.1 and a thread that serves it, and opens the browser that looks at it."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from plainnet._base.extras import missing_extra
from plainnet.errors import InvalidValue
from plainnet.play.server import limits
from plainnet.play.server.sessions import Sessions
from plainnet.play.server.worker import SessionEnded

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.play.session.session import Session

HOST = "127.0.0.1"
LOOK_SECONDS = 0.5  # Windows lets no Ctrl-C into a longer wait
CLOSE_SECONDS = 5.0
FRAME = 'width="100%" height="820" style="border: 0"'


class PlayServer:
    """A PlayServer shows a page in the browser on which a network learns; it runs until it is closed.

    Each page that is opened has a session of its own, made by `make`. It listens on 127.0.0.1 alone, on a free `port`
    unless one is given; `lesson` opens the page with a lesson, and `framed` lets a notebook show it in a frame. Raises
    MissingExtraError without the libraries of the extra `play`, and InvalidValue for a port that cannot be had.
    """

    def __init__(
        self,
        make: Callable[[], Session],
        port: int = 0,
        lesson: int | None = None,
        framed: bool = False,
    ) -> None:
        if not all(find_spec(library) for library in ("starlette", "uvicorn", "websockets")):
            raise missing_extra("the live page", "play")
        self.framed = framed
        self.query = "" if lesson is None else f"?lesson={lesson}"
        self.socket = _listening(port)
        self.port: int = self.socket.getsockname()[1]
        self.sessions = Sessions(make, _network_of)
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        self.should_end = False
        self._server: Any = None
        self.thread = threading.Thread(target=self._run, name="plainnet play server", daemon=True)

    @property
    def url(self) -> str:
        """Return the address of the page; whoever has it, and is on this machine, may use the page."""
        return self._address(self.sessions.tokens.token)

    def _address(self, token: str) -> str:
        return f"http://{HOST}:{self.port}/{self.query}#token={token}"

    @property
    def network(self) -> Network:
        """Return a copy of the network as it is now on the page that was opened last; at first, as it was given."""
        worker = self.sessions.latest or self.sessions.spare
        assert worker is not None, "start() makes the first session"
        try:
            return worker.call(_network_of).result()
        except SessionEnded:
            worker.thread.join()
        if worker.failure is not None:
            raise worker.failure
        kept: Network = worker.kept
        return kept

    def start(self) -> Self:
        """Serve, in a thread, and return the server; the first session is made meanwhile."""
        self.thread.start()
        self.sessions.prepare()
        return self

    def open_browser(self) -> bool:
        """Show the page in the user's browser, without waiting for it; return False where there is none."""
        browser = _browser()
        if browser is None:
            return False
        address = self._address(self.sessions.tokens.ticket())
        threading.Thread(target=browser.open, args=(address,), daemon=True).start()
        return True

    def wait(self, timeout: float | None = None, *, until_left: bool = True) -> None:
        """Wait until the last page has been closed for a minute, until Ctrl-C, or for `timeout` seconds.

        With `until_left=False` further pages are waited for. Raises what ended the server, if anything did.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        with suppress(KeyboardInterrupt):
            while (left := until - time.monotonic()) > 0 and not (until_left and self.sessions.are_left):
                if self.ended.wait(min(left, LOOK_SECONDS)):
                    break
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        """End all sessions and the server; `network` is still there."""
        self.should_end = True
        self.sessions.close()
        if self._server is not None:
            self._server.should_exit = True
        if self.thread.ident is not None:
            self.thread.join(CLOSE_SECONDS)
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<plainnet play, {'ended' if self.should_end else f'at {self.url}'}>"

    def _repr_html_(self) -> str:
        """Return the page in a frame, for a notebook, where it may be shown in one; else a link to it."""
        if self.should_end:
            return "<p>plainnet play has ended.</p>"
        link = f'<p><a href="{self.url}" target="_blank" rel="noopener">plainnet play in a tab of its own</a></p>'
        return (f'<iframe src="{self.url}" title="plainnet play" {FRAME}></iframe>' if self.framed else "") + link

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self.failure = error
        finally:
            self.ended.set()

    async def _serve(self) -> None:
        import uvicorn

        from plainnet.play.server.app import guarded

        config = uvicorn.Config(
            guarded(self.sessions, self.port, self.framed),
            loop="asyncio",
            http="h11",
            ws="websockets-sansio",
            ws_max_size=limits.UPLOAD_BYTES,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=limits.CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._server.should_exit = self.should_end
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self._server.serve(sockets=[self.socket])
        finally:
            sweeping.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.sessions.sweep()


def _browser() -> webbrowser.BaseBrowser | None:
    """Return the user's browser; None without one, or where only one for terminals could be started."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))):
        return None
    try:
        return webbrowser.get()
    except webbrowser.Error:
        return None


def _network_of(session: Session) -> Network:
    return session.runs[0].network.copy()


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on this port of 127.0.0.1, on a free one for 0."""
    # asyncio turns Nagle's delay off (40 ms for each file) only where a socket names its protocol
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform == "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # after a server that has just ended
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror or error}"
        raise InvalidValue(f"port {port} of {HOST} {what}; take another one, or none for one that is free") from None
    return listening
