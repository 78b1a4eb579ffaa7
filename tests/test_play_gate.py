"""The gate of `plainnet play`: what it lets through, and that nothing else reaches the page or a session.

Every route of the application is asked with every kind of request that another page, another name or another program
could send. The application is called as a server calls it, so that each byte of a header is the test's own.
"""

import asyncio
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route, WebSocketRoute

import plainnet
from plainnet.play.server import limits
from plainnet.play.server.app import guarded, routes_of
from plainnet.play.server.gate import Gate
from plainnet.play.server.sessions import Sessions
from plainnet.play.session.messages import pack, unpack

STATIC = Path(plainnet.__file__).parent / "play" / "static"
PORT = 8123
HOST, ORIGIN = b"127.0.0.1:8123", b"http://127.0.0.1:8123"


class Echo:
    """A session that answers with the message itself, and fails where it is told to."""

    is_playing, wait = False, None

    def receive(self, message):
        if unpack(message)[0].get("do") == "fail":
            raise RuntimeError("the secret of the traceback")
        return message

    def advance(self, seconds):
        raise AssertionError


@pytest.fixture
def sessions():
    made = Sessions(Echo)
    yield made
    made.close()


@pytest.fixture
def gate(sessions):
    return guarded(sessions, PORT)


ROUTES = routes_of(Sessions(Echo))
PAGES = [route.path for route in ROUTES if isinstance(route, Route)]
SOCKETS = [route.path for route in ROUTES if isinstance(route, WebSocketRoute)]


class Talk:
    """One request or WebSocket, with what the application has sent so far."""

    def __init__(self, gate, kind, path, headers, method="GET", raw_path=None, denial=True):
        self.sent, self.to_send = [], asyncio.Queue()
        raw = path.encode() if raw_path is None else raw_path
        scope = {"type": kind, "path": path, "raw_path": raw, "headers": headers, "query_string": b"", "root_path": ""}
        if kind == "websocket":
            scope |= {
                "scheme": "ws",
                "subprotocols": [],
                "extensions": {"websocket.http.response": {}} if denial else {},
            }
            self.to_send.put_nowait({"type": "websocket.connect"})
        else:
            scope |= {"scheme": "http", "method": method, "http_version": "1.1"}
            self.to_send.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.scope, self.gate = scope, gate

    async def run(self):
        """Call the application, which ends by itself or when the messages of the page end."""
        if self.scope["type"] == "websocket":
            self.to_send.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(60):
            await self.gate(self.scope, self.to_send.get, self._send)
        return self

    async def _send(self, message):
        self.sent.append(message)

    @property
    def status(self):
        """The status of the response; 101 for a WebSocket that was accepted."""
        first = self.sent[0]
        if first["type"] == "websocket.close":
            return 403
        return 101 if first["type"] == "websocket.accept" else first["status"]

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def answers(self):
        """The headers of the messages that came back."""
        return [unpack(message["bytes"])[0] for message in self.sent if message["type"] == "websocket.send"]

    @property
    def closed(self):
        """The codes with which the WebSocket was closed."""
        return [message["code"] for message in self.sent if message["type"] == "websocket.close"]


def headers(host=HOST, origin=None, **more):
    """Headers as a server passes them on; None leaves one out."""
    given = {b"host": host, b"origin": origin, **{name.replace("_", "-").encode(): more[name] for name in more}}
    return [(name, value) for name, value in given.items() if value is not None]


def ask(gate, path, given, **more):
    return asyncio.run(Talk(gate, "http", path, given, **more).run())


def connect(gate, *messages, path="/session", given=None, **more):
    """Open a WebSocket, send messages (bytes or text), and leave."""
    talk = Talk(gate, "websocket", path, headers(origin=ORIGIN) if given is None else given, **more)
    for message in messages:
        kind = "text" if isinstance(message, str) else "bytes"
        talk.to_send.put_nowait({"type": "websocket.receive", kind: message})
    return asyncio.run(talk.run())


def hello(token, session=None):
    return pack({"id": 0, "do": "hello", "token": token, "session": session})


def reach(gate, path, given, **more):
    """Send a request to a route of either kind."""
    return connect(gate, path=path, given=given, **more) if path in SOCKETS else ask(gate, path, given, **more)


def test_the_page_of_this_address_is_let_through(gate):
    for path in PAGES:
        answer = ask(gate, path, headers(sec_fetch_site=b"same-origin", sec_fetch_mode=b"cors"))
        assert answer.status == 200, path
        assert answer.body
        assert ask(gate, path, headers(host=b"localhost:8123", origin=b"http://localhost:8123")).status == 200
    for path in SOCKETS:
        assert connect(gate, path=path).status == 101
    assert {"/", "/index.html", "/main.js", "/style.css", "/texts/en.json"} <= set(PAGES)
    assert SOCKETS == ["/session"]


def test_the_page_can_load_all_that_it_names(gate):
    """What index.html refers to, and what its modules import, has a route with the type that nosniff asks for."""
    page = ask(gate, "/", headers()).body.decode()
    names = [part.split('"')[0] for mark in ('src="', 'href="') for part in page.split(mark)[1:]]
    files = [name for name in names if not name.startswith(("#", "data:"))]
    types = {"js": "text/javascript", "css": "text/css", "json": "application/json"}
    for name in files:  # which grows
        answer = ask(gate, f"/{name}", headers())
        kind = dict(answer.sent[0]["headers"])[b"content-type"].decode()
        assert (answer.status, kind.partition(";")[0]) == (200, types[name.rpartition(".")[2]]), name
        if name.endswith(".js"):
            imported = [part.split('"')[0] for part in answer.body.decode().split(' from "./')[1:]]
            files += [one for one in dict.fromkeys(imported) if one not in files]
    assert {"style.css", "texts/en.json", "main.js", "app.js", "message.js"} <= set(files)


def test_the_page_weighs_at_most_300_kb(gate):
    """All of its files together, as a browser is sent them."""
    files = [path for path in PAGES if path != "/"]
    answers = [ask(gate, path, headers(accept_encoding=b"gzip, deflate, br")) for path in files]
    assert len(files) > 20
    assert sum(len(answer.body) for answer in answers) <= 300_000
    plain = ask(gate, "/main.js", headers()).body
    assert gzip.decompress(answers[files.index("/main.js")].body) == plain == (STATIC / "main.js").read_bytes()


BAD_HOSTS = [
    *(
        None,
        b"",
        b"127.0.0.1",
        b"localhost",
        b"127.0.0.1:8124",
        b"127.0.0.1:80",
        b"127.0.0.1:81230",
        b"127.0.0.1:08123",
    ),
    *(b"evil.example", b"evil.example:8123", b"127.0.0.1.evil.example:8123", b"127.0.0.1:8123.evil.example"),
    *(b"evil127.0.0.1:8123", b"localhost:8123:8123", b"127.0.0.1:8123@evil.example", b"evil.example@127.0.0.1:8123"),
    *(b"[::1]:8123", b"127.1:8123", b"2130706433:8123", b"0.0.0.0:8123", b"localhost.:8123", b"127.0.0.1:8123 "),
    *(b"127.0.0.1:8123, evil.example", b"LOCALHOST:8123", b"127.0.0.1:08123", b"127.0.0.1:8123/", b"\xff:8123"),
]
BAD_ORIGINS = [
    *(b"", b"null", b"http://evil.example", b"https://127.0.0.1:8123", b"http://127.0.0.1", b"http://127.0.0.1:8124"),
    *(b"http://127.0.0.1:8123.evil.example", b"http://evil.example?http://127.0.0.1:8123", b"http://localhost:8123"),
    *(b"http://127.0.0.1:8123/", b"http://127.0.0.1:81230", b"http://127.0.0.1.evil.example:8123", b"127.0.0.1:8123"),
    *(b"http://evil127.0.0.1:8123", b"http://127.0.0.1:8123 http://evil.example", b"HTTP://127.0.0.1:8123", b"file://"),
    *(b"ws://127.0.0.1:8123", b"http://x@127.0.0.1:8123", b"http://127.0.0.1:8123\x00", b"http://[::1]:8123", b"*"),
]
BAD_SITES = [b"cross-site", b"same-site", b"", b"none, same-origin", b"Same-Origin", b"whatever"]


@pytest.mark.parametrize("path", PAGES + SOCKETS)
def test_every_route_refuses_what_is_not_ours(gate, path):
    """Other hosts (a rebound name, another port, a part of ours), other origins, other sites, and headers twice."""
    own = ORIGIN if path in SOCKETS else None
    refused = {f"host {host!r}": headers(host=host, origin=own) for host in BAD_HOSTS}
    refused |= {f"origin {origin!r}": headers(origin=origin) for origin in BAD_ORIGINS}
    refused |= {f"site {site!r}": headers(origin=own, sec_fetch_site=site) for site in BAD_SITES}
    good = headers(origin=ORIGIN, sec_fetch_site=b"same-origin")
    for name, value in good:
        refused[f"{name!r} twice"] = [*good, (name, value)]
        refused[f"{name!r} twice, once in capitals"] = [(name.upper(), b"evil.example"), *good]
    if path in SOCKETS:
        refused["no origin"] = headers()
    for what, sent in refused.items():
        answer = reach(gate, path, sent)
        assert answer.status == 403, what
        assert_guarded(answer)
    assert reach(gate, path, good).status in (101, 200)


def assert_guarded(answer):
    """The response has all headers once, none that opens the page to others, and nothing of the request in it."""
    first = answer.sent[0]
    names = [name for name, _ in first["headers"]]
    found = dict(first["headers"])
    policy = found[b"content-security-policy"].decode()
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert found[b"x-content-type-options"] == b"nosniff"
    assert found[b"referrer-policy"] == b"no-referrer"
    assert found[b"cross-origin-resource-policy"] == found[b"cross-origin-opener-policy"] == b"same-origin"
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith(b"access-control") or name == b"set-cookie"]
    assert b"evil" not in answer.body


@pytest.mark.parametrize("path", PAGES)
def test_only_get_and_head_reach_a_file(gate, path):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "", "PROPFIND"):
        answer = ask(gate, path, headers(), method=method)
        assert answer.status == 405, method
        assert_guarded(answer)
    answer = ask(gate, path, headers(), method="HEAD")
    assert answer.status == 200
    assert_guarded(answer)


TRICKS = [
    *(
        "",
        "//",
        "/../../etc/passwd",
        "/static/index.html",
        "/texts/../index.html",
        "/./main.js",
        "/main.js/",
        "//main.js",
    ),
    *("/MAIN.JS", "/main.js\x00", "/main.js%00", "/texts", "/texts/", "/__init__.py", "//main.js", "/session/"),
    *("http://127.0.0.1:8123/", "/main.js;x", "\\main.js", "/main.js ", "/.", "/..", "/%2e%2e/session.py", "*"),
]


def test_other_paths_are_not_there(gate):
    for path in TRICKS:
        for answer in (ask(gate, path, headers()), connect(gate, path=path, given=headers(origin=ORIGIN))):
            assert answer.status == 404, path
            assert_guarded(answer)
    for path in SOCKETS:
        assert ask(gate, path, headers(origin=ORIGIN)).status == 404  # no WebSocket
    for path in PAGES:
        assert connect(gate, path=path).status == 404
        spelled = b"/" + b"".join(b"%%%02x" % byte for byte in path[1:].encode()) + b"?"
        assert ask(gate, path, headers(), raw_path=spelled).status == 404


@given(st.text())
def test_no_path_but_the_routes_is_there(path):
    sessions = Sessions(Echo)
    assert ask(guarded(sessions, PORT), path, headers()).status == (200 if path in PAGES else 404)


def test_a_link_to_the_page_may_be_followed_and_nothing_else_of_another_site(gate, sessions):
    click = {"sec_fetch_site": b"cross-site", "sec_fetch_mode": b"navigate", "sec_fetch_user": b"?1"}
    assert ask(gate, "/", headers(**click, sec_fetch_dest=b"document")).status == 200
    assert ask(gate, "/main.js", headers(**click, sec_fetch_dest=b"document")).status == 403
    assert ask(gate, "/", headers(**click | {"sec_fetch_user": None}, sec_fetch_dest=b"document")).status == 403
    for into in (b"iframe", b"frame", b"object", b"embed", b"script", b"empty"):
        assert ask(gate, "/", headers(**click, sec_fetch_dest=into)).status == 403
    framed = guarded(sessions, PORT, framed=True)
    answer = ask(framed, "/", headers(**click, sec_fetch_dest=b"iframe"))
    policy = dict(answer.sent[0]["headers"])[b"content-security-policy"].decode()
    assert answer.status == 200
    assert policy.endswith("frame-ancestors http://localhost:* http://127.0.0.1:*")
    assert ask(framed, "/", headers(**click, sec_fetch_dest=b"object")).status == 403
    assert ask(framed, "/main.js", headers(**click, sec_fetch_dest=b"iframe")).status == 403
    assert connect(framed, given=headers(origin=b"http://localhost:8888")).status == 403


def test_a_socket_is_refused_where_the_server_cannot_send_a_response(gate):
    answer = connect(gate, given=headers(origin=b"null"), denial=False)
    assert [message["type"] for message in answer.sent] == ["websocket.close"]


def test_only_requests_and_sockets_reach_the_application():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    async def call(kind):
        await Gate(app, PORT, {"/": ["GET"]}, [])({"type": kind, "path": "/", "headers": headers()}, None, sent)

    async def sent(message):
        assert message.get("status", 403) == 403

    asyncio.run(call("lifespan"))
    asyncio.run(call("webtransport"))
    assert seen == ["lifespan"]


def test_a_mistake_of_ours_says_nothing_to_the_page(caplog):
    async def app(scope, receive, send):
        raise RuntimeError("the secret of the traceback")

    answer = ask(Gate(app, PORT, {"/": ["GET"]}, []), "/", headers())
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert_guarded(answer)
    assert "the secret of the traceback" in caplog.text


def test_the_token_opens_a_session(gate, sessions):
    token = sessions.tokens.token
    answer = connect(gate, hello(token), pack({"id": 5, "do": "frame"}))
    first, second = answer.answers
    assert first["token"] == token
    assert first["resumed"] is False
    assert second == {"id": 5, "do": "frame"}
    assert connect(gate, hello(token, first["session"])).answers[0]["resumed"] is True
    assert connect(gate, hello(token, "of another start")).answers[0]["resumed"] is False


def test_without_the_token_there_is_no_session(gate, sessions):
    token = sessions.tokens.token
    wrong = [
        "",
        token[:-1],
        token + "x",
        token.swapcase(),
        "x" * 43,
        None,
        5,
        [token],
        {"token": token},
        True,
        "\ud800",
    ]
    for given_token in wrong:
        header = json.dumps({"id": 0, "do": "hello", "token": given_token}).encode()
        message = len(header).to_bytes(4, "little") + header
        answer = connect(gate, message, pack({"id": 1, "do": "frame"}))
        assert len(answer.answers) == 1, given_token
        assert "token" in answer.answers[0]["error"]
        assert token not in str(answer.answers)
        assert answer.closed == [1008]
    without = [pack({"id": 0, "do": "hello"}), pack({"id": 0, "do": "frame", "token": token}), b"", b"\0" * 64]
    for message in without:
        answer = connect(gate, message, pack({"id": 1, "do": "frame"}))
        assert answer.closed == [1008]
        assert [list(reply) for reply in answer.answers] == [["id", "error", "at"]]
    assert not sessions.seats
    assert sessions.latest is None


def test_a_ticket_opens_one_session_within_two_minutes():
    now = 0.0
    sessions = Sessions(Echo, clock=lambda: now)
    gate = guarded(sessions, PORT)
    used, late = sessions.tokens.ticket(), sessions.tokens.ticket()
    assert connect(gate, hello(used)).answers[0]["token"] == sessions.tokens.token
    assert connect(gate, hello(used)).closed == [1008]
    now = limits.TICKET_SECONDS + 1
    assert connect(gate, hello(late)).closed == [1008]
    sessions.close()


@given(st.binary(max_size=200) | st.text(max_size=50))
def test_no_first_message_but_hello_opens_a_session(message):
    sessions = Sessions(Echo)
    answer = connect(guarded(sessions, PORT), message, hello(sessions.tokens.token))
    assert answer.closed == [1003 if isinstance(message, str) else 1008]
    assert not sessions.seats


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: pack({"do": x}))
)
def test_a_session_gets_messages_as_they_are(message):
    """What a message holds is the session's business: the server passes it on, and goes on after a failure."""
    sessions = Sessions(Echo)
    answer = connect(guarded(sessions, PORT), hello(sessions.tokens.token), message, pack({"id": 9}))
    assert len(answer.answers) == 3 or answer.closed == [1011]
    sessions.close()


def test_sizes_are_limited(gate, sessions):
    token = sessions.tokens.token
    assert connect(gate, hello(token + "x" * limits.HELLO_BYTES)).closed == [1009]
    long = {"id": 1, "do": "frame", "text": "x" * limits.MESSAGE_BYTES}
    assert connect(gate, hello(token), pack(long)).closed == [1009]
    answer = connect(gate, hello(token), pack({**long, "do": "upload"}))
    assert not answer.closed
    assert answer.answers[1]["id"] == 1
    assert connect(gate, hello(token), b"\xff" * (limits.UPLOAD_BYTES + 1)).closed == [1009]
    assert connect(gate, hello(token), "text").closed == [1003]


def test_who_says_nothing_is_not_waited_for(gate, monkeypatch):
    monkeypatch.setattr(limits, "HELLO_SECONDS", 0.01)
    silent = Talk(gate, "websocket", "/session", headers(origin=ORIGIN))
    asyncio.run(silent.gate(silent.scope, silent.to_send.get, silent._send))
    assert silent.closed == [1008]
    assert "in time" in silent.answers[0]["error"]
    monkeypatch.setattr(limits, "UNKNOWN", 0)
    assert "Too many" in connect(gate, b"").answers[0]["error"]


def test_a_failure_in_a_session_stays_in_it(gate, sessions, caplog):
    token = sessions.tokens.token
    answer = connect(gate, hello(token), pack({"id": 1, "do": "fail"}), pack({"id": 2}))
    assert b"secret" not in b"".join(message.get("bytes", b"") for message in answer.sent)
    assert "the secret of the traceback" in caplog.text
    assert connect(gate, hello(token), pack({"id": 1})).answers[1] == {"id": 1}
