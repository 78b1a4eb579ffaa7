"""The server: a socket on 127.0.0.1, a thread that serves it, and the browser that looks at it."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Self

from plainnet._base.extras import missing_extra
from plainnet.errors import InvalidValue
from plainnet.play.server import limits
from plainnet.play.server.sessions import Sessions
from plainnet.play.server.worker import Trainable

HOST = "127.0.0.1"


class PlayServer:
    """A server of the page, with a session of its own for each page; `make` makes one.

    It listens on 127.0.0.1 alone, on a free port unless one is given. Raises MissingExtraError without the libraries of
    the extra `play`, and InvalidValue for a port that cannot be had.
    """

    def __init__(self, make: Callable[[], Trainable], port: int = 0, lesson: int | None = None, framed: bool = False):
        if not all(find_spec(library) for library in ("starlette", "uvicorn", "websockets")):
            raise missing_extra("the live page", "play")
        self.sessions = Sessions(make)
        self.framed = framed
        self.query = "" if lesson is None else f"?lesson={lesson}"
        self.socket = _listening(port)
        self.port: int = self.socket.getsockname()[1]
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        self.should_end = False
        self._server: Any = None
        self.thread = threading.Thread(target=self._run, name="plainnet play server", daemon=True)

    @property
    def url(self) -> str:
        """The address of the page; whoever has it may use the page."""
        return f"http://{HOST}:{self.port}/{self.query}#token={self.sessions.tokens.token}"

    def start(self) -> Self:
        """Serve, in a thread; the first session is made meanwhile."""
        self.thread.start()
        self.sessions.prepare()
        return self

    def open_browser(self) -> None:
        """Show the page in the user's browser, without waiting for it."""
        address = f"http://{HOST}:{self.port}/{self.query}#token={self.sessions.tokens.ticket()}"
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the server has ended, or for so many seconds; raise what ended it."""
        until = timeout
        while not self.ended.wait(0.5 if until is None else min(until, 0.5)):  # in parts, as Windows lets no Ctrl-C in
            if until is not None and (until := until - 0.5) <= 0:
                return
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        """End the sessions and the server."""
        self.should_end = True
        self.sessions.close()
        if self._server is not None:
            self._server.should_exit = True
        if self.thread.ident is not None:
            self.thread.join(5)
        self.socket.close()

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


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on this port of 127.0.0.1, on a free one for 0."""
    listening = socket.socket()
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
