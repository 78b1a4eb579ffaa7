"""The application: the files of the page, and the WebSocket over which a page talks with its session."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib import resources
from typing import Any

from starlette.applications import Starlette
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
    return Gate(Starlette(routes=routes), port, paths, sockets, framed)


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
        if self.unknown >= limits.UNKNOWN:
            await close(socket, REFUSED, "Too many connections wait to be let in.")
            return None
        self.unknown += 1
        try:
            async with asyncio.timeout(limits.HELLO_SECONDS):
                message = await receive(socket, limits.HELLO_BYTES)
            header = {} if message is None else _header(message)
        except TimeoutError:
            header = {}
        finally:
            self.unknown -= 1
        number = header.get("id") if isinstance(header.get("id"), int) else None
        try:
            if header.get("do") != "hello":
                raise Refused("The first message has to be hello.")
            seat, before = self.sessions.admit(header.get("token"), header.get("session"), socket)
        except Refused as refusal:
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_bytes(messages.pack({"id": number, "error": str(refusal), "at": None}))
            await close(socket, REFUSED, str(refusal))
            return None
        if before is not None:
            await close(before, REFUSED, "The page has been opened elsewhere.")
        reply = {"session": seat.name, "resumed": header.get("session") == seat.name}
        about = {"version": plainnet.__version__, "token": self.sessions.tokens.token}
        await socket.send_bytes(messages.pack({"id": number, **reply, **about}))
        return seat

    async def _answer_all(self, socket: WebSocket, seat: Seat) -> None:
        """Pass the messages of a page on to its session, and the answers back."""
        second, count = 0, 0
        while (message := await receive(socket, limits.UPLOAD_BYTES)) is not None:
            if len(message) > limits.MESSAGE_BYTES and _header(message).get("do") != "upload":
                await close(socket, TOO_LONG, "Only an upload may be so long.")
                return
            now = time.monotonic()
            second, count = (second, count + 1) if int(now) == second else (int(now), 1)
            if count > limits.MESSAGES_PER_SECOND:
                await asyncio.sleep(second + 1 - now)
            try:
                answer = await asyncio.wrap_future(seat.worker.answer(message))
            except SessionEnded:
                await close(socket, FAILED, "The session has ended.")
                return
            await socket.send_bytes(answer)


async def receive(socket: WebSocket, most: int) -> bytes | None:
    """Return the next message; None where it is too long or no binary message: then the connection is closed."""
    event = await socket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event["code"])
    message = event.get("bytes")
    if message is None:
        await close(socket, UNSUPPORTED, "Messages are binary.")
    elif len(message) > most:
        await close(socket, TOO_LONG, "The message is too long.")
        return None
    return message


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Close a connection, which may be closed already."""
    with suppress(WebSocketDisconnect, RuntimeError, OSError):
        await socket.close(code, reason)


def _header(message: bytes) -> dict[str, Any]:
    """Return the header of a message, empty where it is none."""
    try:
        return messages.unpack(message)[0]
    except PlainnetError:
        return {}
