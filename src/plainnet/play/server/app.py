"""The application sends the files of the page, and has the WebSocket over which a page talks with its session."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

import plainnet
from plainnet.errors import PlainnetError
from plainnet.play.server import limits
from plainnet.play.server.gate import Gate
from plainnet.play.server.sessions import Refused, Seat, Sessions
from plainnet.play.server.worker import SessionEnded
from plainnet.play.session import messages

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""The files of the page by their endings; others are not served."""

REFUSED, UNSUPPORTED, TOO_LONG, FAILED = 1008, 1003, 1009, 1011
"""The codes with which a WebSocket is closed."""


def guarded(sessions: Sessions, port: int, framed: bool = False) -> Gate:
    """Return the application behind its gate, which knows exactly the paths of the application."""
    routes = routes_of(sessions)
    paths = {route.path: route.methods or () for route in routes if isinstance(route, Route)}
    sockets = [route.path for route in routes if isinstance(route, WebSocketRoute)]
    app = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware, compresslevel=1)])
    return Gate(app, port, paths, sockets, framed)


def routes_of(sessions: Sessions) -> list[BaseRoute]:
    """Return a route for each file of the page, and the one of the WebSocket."""
    folder = resources.files("plainnet.play") / "static"
    files = sorted(_files(folder))
    routes: list[BaseRoute] = [Route(f"/{name}", _serving(file, kind)) for name, file, kind in files]
    routes += [Route("/", _serving(file, kind)) for name, file, kind in files if name == "index.html"]
    return [*routes, WebSocketRoute("/session", Conversations(sessions).serve)]


def _files(folder: Any, before: str = "") -> list[tuple[str, Any, str]]:
    """Return the path, the file and the type of each file of the page."""
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files(entry, f"{before}{entry.name}/")
        elif kind := TYPES.get("." + entry.name.rpartition(".")[2]):
            found.append((before + entry.name, entry, kind))
    return found


def _serving(file: Any, kind: str) -> Any:
    async def serve(request: Request) -> Response:
        return Response(file.read_bytes(), media_type=kind)

    return serve


class Conversations:
    """Talks with pages: each connection says hello, gets a session, and then asks one thing after another.

    The next message is read when the one before it is answered and sent. So a page that reads slowly, or asks for too
    much, waits for itself alone, and its session trains on.
    """

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.unknown = 0

    async def serve(self, socket: WebSocket) -> None:
        """Talk with one page until one of the two sides ends it."""
        await socket.accept()
        seat = None
        try:
            seat = await self._greet(socket)
            if seat is not None:
                await self._answer_all(socket, seat)
        except WebSocketDisconnect:
            pass
        finally:
            if seat is not None:
                self.sessions.leave(seat, socket)

    async def _greet(self, socket: WebSocket) -> Seat | None:
        """Give the page a session if its first message has the token; else say why not, and close."""
        header: dict[str, Any] = {}
        try:
            header = _header(await self._first_of(socket))
            if header.get("do") != "hello":
                raise Refused("The first message has to be hello, with the token.")
            seat, before = self.sessions.admit(header.get("token"), header.get("session"), socket)
        except Refused as refusal:
            with suppress(RuntimeError):
                await socket.send_bytes(messages.pack({"id": header.get("id"), "error": str(refusal), "at": None}))
            await close(socket, REFUSED, str(refusal))
            return None
        reply = {"session": seat.name, "resumed": header.get("session") == seat.name}
        about = {"version": plainnet.__version__, "token": self.sessions.tokens.token}
        await socket.send_bytes(messages.pack({"id": header.get("id"), **reply, **about}))
        if before is not None:
            await close(before, REFUSED, "The page has been opened elsewhere.")
        return seat

    async def _first_of(self, socket: WebSocket) -> bytes:
        """Return the first message; nobody has vouched for it, so it is short and does not take long."""
        if self.unknown >= limits.UNKNOWN:
            raise Refused("Too many connections wait to be let in.")
        self.unknown += 1
        try:
            async with asyncio.timeout(limits.HELLO_SECONDS):
                return await receive(socket, limits.HELLO_BYTES)
        except TimeoutError:
            raise Refused("The first message did not come in time.") from None
        finally:
            self.unknown -= 1

    async def _answer_all(self, socket: WebSocket, seat: Seat) -> None:
        """Pass the messages of a page on to its session, and the answers back."""
        rate = Rate()
        while True:
            message = await receive(socket, limits.UPLOAD_BYTES)
            if len(message) > limits.MESSAGE_BYTES and _header(message).get("do") != "upload":
                await close(socket, TOO_LONG, "Only an upload may be so long.")
                return
            await rate.keep()
            try:
                answer = await asyncio.wrap_future(seat.worker.answer(message))
            except SessionEnded:
                await close(socket, FAILED, "The session has ended.")
                return
            await socket.send_bytes(answer)


class Rate:
    """Counts the messages of each second, and lets those beyond the most wait for the next."""

    def __init__(self) -> None:
        self.second, self.count = 0, 0

    async def keep(self) -> None:
        """Count a message, and wait if there have been too many."""
        now = time.monotonic()
        if int(now) != self.second:
            self.second, self.count = int(now), 0
        self.count += 1
        if self.count > limits.MESSAGES_PER_SECOND:
            await asyncio.sleep(self.second + 1 - now)


async def receive(socket: WebSocket, most: int) -> bytes:
    """Return the next message; close the connection for one that is too long or no binary message.

    Raises WebSocketDisconnect where the connection is closed.
    """
    event = await socket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event["code"])
    message: bytes | None = event.get("bytes")
    if message is not None and len(message) <= most:
        return message
    code, reason = (UNSUPPORTED, "Messages are binary.") if message is None else (TOO_LONG, "The message is too long.")
    await close(socket, code, reason)
    raise WebSocketDisconnect(code, reason)


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Close a connection, which may be closed already, or hang so that it takes nothing any more."""
    with suppress(WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
        async with asyncio.timeout(limits.CLOSE_SECONDS):
            await socket.close(code, reason)


def _header(message: bytes) -> dict[str, Any]:
    """Return the header of a message, empty where it is none."""
    try:
        return messages.unpack(message)[0]
    except PlainnetError:
        return {}
