"""The gate stands before the server: the outermost application, which refuses all that it does not know to be ours.

A page of any site can send requests to this machine, and a name of any site can be made to point to it (DNS rebinding).
So the gate looks at each request and each WebSocket alike, and lets through only what a page from this very address
sends. It compares whole values of the raw headers: a comparison of beginnings or endings has let strangers into several
servers of this kind.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING_BUT_OURS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors "
)
"""The content security policy, but for the pages that may show ours in a frame."""

NO_FRAME = "'none'"
FRAME_OF_THIS_MACHINE = "http://localhost:* http://127.0.0.1:*"
"""The pages that may show ours in a frame: none, or for a notebook those of servers on this machine."""

Refusal = tuple[int, str]
"""The status of a response, and the sentence that it says."""


class Gate:
    """A Gate passes a request on to `app` if it comes from our own page, and refuses it otherwise.

    `paths` are the methods allowed for each path of a request; `sockets` are the paths of WebSockets. `framed` lets
    pages from servers on this machine show ours in a frame.
    """

    def __init__(
        self,
        app: ASGIApp,
        port: int,
        paths: Mapping[str, Collection[str]],
        sockets: Collection[str],
        framed: bool = False,
    ) -> None:
        self.app, self.paths, self.sockets, self.framed = app, paths, sockets, framed
        where = "" if port == 80 else f":{port}"  # browsers leave the usual port out
        self.hosts = {f"{name}{where}".encode() for name in ("127.0.0.1", "localhost")}
        policy = NOTHING_BUT_OURS + (FRAME_OF_THIS_MACHINE if framed else NO_FRAME)
        self.headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cache-control", b"no-cache"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or WebSocket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        answer = Answer(scope, send, self.headers)
        refusal = self.refusal(scope)
        if refusal is not None:
            await answer.refuse(*refusal)
            return
        try:
            await self.app(scope, receive, answer.send)
        except Exception:  # a mistake of ours: the terminal hears of it, the page of nothing but that
            logging.getLogger(__name__).exception("plainnet play: a request failed")
            await answer.refuse(500, "The server has made a mistake; its terminal says more.")

    def refusal(self, scope: Scope) -> Refusal | None:
        """Return what to refuse a request with; None for one to let through."""
        if scope["type"] not in ("http", "websocket"):
            return 403, "Only requests and WebSockets are taken."
        is_socket = scope["type"] == "websocket"
        host, origin = self._only(scope, b"host"), self._only(scope, b"origin")
        if host not in self.hosts:
            return 403, "The request names another host than this server."
        if origin is None if is_socket else origin == b"":
            return 403, "The request does not say from which page it comes."
        if origin is not None and origin != b"http://" + host:
            return 403, "The request comes from a page of another address."
        path, whole = scope["path"], scope.get("raw_path")
        if whole is not None and whole != path.encode():  # the same path, spelled in another way
            return 404, "There is nothing at this path."
        if path not in (self.sockets if is_socket else self.paths):
            return 404, "There is nothing at this path."
        if not is_socket and scope["method"] not in self.paths[path]:
            return 405, "This path does not take the method."
        site = self._only(scope, b"sec-fetch-site")
        if site not in (None, b"same-origin", b"none") and not self._is_visit(scope):
            return 403, "The request comes from a page of another site."
        return None

    def _is_visit(self, scope: Scope) -> bool:
        """Return True if a person follows a link to the page, or a notebook shows it: the page itself holds no data."""
        if scope["type"] != "http" or scope["path"] != "/" or self._only(scope, b"sec-fetch-mode") != b"navigate":
            return False
        into = self._only(scope, b"sec-fetch-dest")
        return (into == b"document" and self._only(scope, b"sec-fetch-user") == b"?1") or (
            self.framed and into == b"iframe"
        )

    @staticmethod
    def _only(scope: Scope, name: bytes) -> bytes | None:
        """Return a header as it came, None if there is none; b"" if it comes twice, which nothing equals."""
        values = [value for key, value in scope["headers"] if key.lower() == name]
        return None if not values else values[0] if len(values) == 1 else b""


class Answer:
    """An Answer sends what goes back for one request: each response has our headers, and a refusal is one sentence."""

    def __init__(self, scope: Scope, send: Send, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.scope, self.pass_on, self.headers = scope, send, list(headers)
        self.has_begun = False

    async def send(self, message: Message) -> None:
        """Pass a message of the application on, its headers with ours."""
        if message["type"] in ("http.response.start", "websocket.accept", "websocket.http.response.start"):
            self.has_begun = True
            ours = {name for name, _ in self.headers}
            others = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
            message = {**message, "headers": [*others, *self.headers]}
        await self.pass_on(message)

    async def refuse(self, status: int, sentence: str) -> None:
        """Answer with a status and a sentence; close what has begun already."""
        is_socket = self.scope["type"] == "websocket"
        if self.has_begun:
            if is_socket:
                await self.pass_on({"type": "websocket.close", "code": 1011, "reason": sentence})
            return
        if is_socket and "websocket.http.response" not in self.scope.get("extensions", {}):
            await self.pass_on({"type": "websocket.close", "code": 1008})  # the server makes it a response of its own
            return
        kind = "websocket.http" if is_socket else "http"
        body = sentence.encode()
        text = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        about = [] if is_socket else text  # the server adds both to the refusal of a WebSocket
        await self.send({"type": f"{kind}.response.start", "status": status, "headers": about})
        await self.pass_on({"type": f"{kind}.response.body", "body": body})
