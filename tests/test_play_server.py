"""The server of `plainnet play`: its process with real connections, its sessions by a clock of the test, `pn.play`."""

import asyncio
import gc
import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import plainnet as pn
from plainnet.cli import run
from plainnet.errors import MissingExtraError, PlainnetWarning
from plainnet.network.averaging import members_of
from plainnet.play.server import limits, serve
from plainnet.play.server.sessions import Refused, Sessions
from plainnet.play.server.worker import SessionEnded, Worker
from plainnet.play.session.messages import pack, unpack

PLAY = [sys.executable, "-m", "plainnet", "play", "--no-browser"]
SECONDS = 60
"""The most that anything here waits for what comes in a moment."""


# ---- sessions, with a clock of the test's own ----


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Counting:
    """A session that only counts how often it trains."""

    wait = 0.0

    def __init__(self):
        self.is_playing, self.slices = False, 0

    def receive(self, message):
        self.is_playing = message == b"play"
        return b"%d" % self.slices

    def advance(self, seconds):
        self.slices += 1


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sessions(clock):
    made = Sessions(Counting, clock=clock)
    yield made
    made.close()


def test_a_page_that_comes_back_within_a_minute_finds_its_session_in_training(sessions, clock):
    first = object()
    seat, _ = sessions.admit(sessions.tokens.token, None, first)
    before = int(seat.worker.answer(b"play").result(SECONDS))
    sessions.leave(seat, first)
    clock.now += limits.AWAY_SECONDS - 1
    sessions.sweep()
    again, _ = sessions.admit(sessions.tokens.token, seat.name, object())
    assert again is seat
    until(lambda: int(seat.worker.answer(b"play").result(SECONDS)) > before + 10)
    clock.now += limits.AWAY_SECONDS + 1
    sessions.sweep()
    assert sessions.seats == {seat.name: seat}
    assert not sessions.are_left


def test_a_page_that_stays_away_ends_its_training_and_frees_its_memory(sessions, clock):
    connection = object()
    seat, _ = sessions.admit(sessions.tokens.token, None, connection)
    session = seat.worker.call(weakref.ref).result(SECONDS)
    seat.worker.answer(b"play").result(SECONDS)
    sessions.leave(seat, connection)
    clock.now += limits.AWAY_SECONDS
    sessions.sweep()
    seat.worker.thread.join(SECONDS)
    gc.collect()
    assert session() is None
    assert sessions.are_left
    other, _ = sessions.admit(sessions.tokens.token, seat.name, object())
    assert other.name != seat.name


def test_a_connection_takes_its_session_over_from_one_that_hangs(sessions, clock):
    old, new = object(), object()
    seat, none = sessions.admit(sessions.tokens.token, None, old)
    again, before = sessions.admit(sessions.tokens.token, seat.name, new)
    assert (again, none, before) == (seat, None, old)
    sessions.leave(seat, old)  # the end of the old one is heard of late
    clock.now += 10 * limits.AWAY_SECONDS
    sessions.sweep()
    assert seat.name in sessions.seats


def test_each_tab_has_a_session_and_there_are_not_too_many(sessions, clock):
    token = sessions.tokens.token
    connections = [object() for _ in range(limits.SESSIONS)]
    seats = [sessions.admit(token, None, connection)[0] for connection in connections]
    assert len({seat.worker for seat in seats}) == limits.SESSIONS
    with pytest.raises(Refused, match="8 pages are open at once"):
        sessions.admit(token, None, object())
    sessions.leave(seats[3], connections[3])
    clock.now += 1
    sessions.leave(seats[1], connections[1])
    sessions.admit(token, None, object())
    assert seats[3].name not in sessions.seats
    assert seats[1].name in sessions.seats
    with pytest.raises(Refused):
        sessions.admit("no token", None, object())


def test_a_session_is_made_ahead_and_given_to_the_first_page(sessions):
    sessions.prepare()
    spare = sessions.spare
    assert sessions.admit(sessions.tokens.token, None, object())[0].worker is spare
    assert sessions.admit(sessions.tokens.token, None, object())[0].worker is not spare


def test_training_goes_on_while_a_page_does_not_ask():
    worker = Worker(Counting)
    session = worker.call(lambda session: session).result(SECONDS)
    worker.answer(b"play").result(SECONDS)
    until(lambda: session.slices > 100)
    worker.answer(b"pause").result(SECONDS)
    trained = session.slices
    assert worker.call(lambda session: session.slices).result(SECONDS) == trained
    worker.stop()
    worker.thread.join(SECONDS)


def test_who_waits_for_a_session_at_work_is_let_go_when_it_ends():
    worker = Worker(Counting, keep=lambda session: "kept")
    go = threading.Event()
    first, second = worker.call(lambda session: go.wait(SECONDS)), worker.answer(b"")
    worker.stop()
    for future in (first, second, worker.answer(b"")):
        with pytest.raises(SessionEnded):
            future.result(SECONDS)
    go.set()
    worker.thread.join(SECONDS)
    assert worker.kept == "kept"


@pytest.mark.parametrize("where", ["advance", "make"])
def test_a_session_that_fails_ends_alone(where, caplog):
    class Failing(Counting):
        def __init__(self):
            super().__init__()
            if where == "make":
                raise RuntimeError("a mistake")

        def advance(self, seconds):
            raise RuntimeError("a mistake")

    sessions = Sessions(Failing)
    seat, _ = sessions.admit(sessions.tokens.token, None, object())
    seat.worker.answer(b"play")
    seat.worker.thread.join(SECONDS)
    with pytest.raises(SessionEnded):
        seat.worker.answer(b"").result(SECONDS)
    assert "a mistake" in caplog.text
    again, _ = sessions.admit(sessions.tokens.token, seat.name, object())
    assert again is not seat
    sessions.close()


def until(condition):
    """Wait for a condition, which comes in a moment."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


# ---- the process ----


@contextmanager
def playing(*arguments):
    """Run the command; yield the process, its port and its token, and kill it at the end."""
    process = subprocess.Popen([*PLAY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killer = threading.Timer(3 * SECONDS, process.kill)
    killer.start()
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\S*#token=(\S+)", line)
        assert found, process.stderr.read()
        yield process, int(found[1]), found[2]
    finally:
        killer.cancel()
        process.kill()
        process.communicate()


class Page:
    """What a page does: it says hello and then asks one thing after another."""

    def __init__(self, socket):
        self.socket, self.last = socket, 0

    async def ask(self, name, arrays=None, **fields):
        self.last += 1
        await self.socket.send(pack({"id": self.last, "do": name, **fields}, arrays))
        header, arrays = unpack(await self.socket.recv())
        assert header.pop("id") == self.last
        assert "error" not in header, header["error"]
        return {**header, "arrays": arrays}

    async def until(self, condition):
        """Ask for frames until one fulfils a condition, and return it."""
        async with asyncio.timeout(SECONDS):
            while not condition(frame := await self.ask("frame")):
                pass
        return frame


def opened(port, origin=None):
    return connect(
        f"ws://127.0.0.1:{port}/session",
        origin=origin or f"http://127.0.0.1:{port}",
        compression=None,
        max_size=None,
        proxy=None,
        open_timeout=SECONDS,
    )


def talk(port, token, conversation, session=None):
    """Open a page, say hello, and have a conversation; return what it returns."""

    return asyncio.run(talk_in(port, token, conversation, session))


async def talk_in(port, token, conversation, session=None):
    async with asyncio.timeout(2 * SECONDS), opened(port) as socket:
        page = Page(socket)
        page.hello = await page.ask("hello", token=token, session=session)
        return await conversation(page)


def test_xor_is_learned_a_cut_is_resumed_and_ctrl_c_ends_it():
    async def cut(page):
        await page.ask("start", setup=None)
        await page.ask("play", speed=200)
        frame = await page.until(lambda frame: frame["runs"][0]["epoch"] > 5)
        page.socket.transport.abort()
        return page.hello["session"], frame["runs"][0]["epoch"]

    async def resume(page):
        assert page.hello["resumed"]
        first = await page.ask("frame")
        assert first["playing"]
        await page.ask("play", speed=None)
        learned = await page.until(lambda frame: frame["runs"][0]["state"] in ("learned", "finished"))
        process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionClosed):
            await page.until(lambda frame: False)
        return first["runs"][0]["epoch"], learned["runs"][0]["loss"]

    with playing("--seed", 3) as (process, port, token):
        session, epoch = talk(port, token, cut)
        resumed, loss = talk(port, token, resume, session)
        assert resumed >= epoch
        assert loss < 0.1
        assert process.wait(SECONDS) == 0
        assert process.stderr.read() == ""


def test_a_session_that_is_opened_elsewhere_closes_the_connection_it_had():
    async def conversation(page):
        await talk_in(port, token, lambda other: other.ask("frame"), page.hello["session"])
        with pytest.raises(ConnectionClosed) as closed:
            await page.ask("frame")
        return closed.value.rcvd.code

    with playing() as (_, port, token):
        assert talk(port, token, conversation) == 1008


def test_ctrl_c_ends_a_training_in_machine_code_with_its_page_open():
    async def conversation(page):
        await page.ask("start", setup={"data": {"kind": "dataset", "name": "spirals"}, "engine": "compiled"})
        await page.ask("play", speed=None)
        await page.until(lambda frame: frame["runs"][0]["epoch"] > 3)
        process.send_signal(signal.SIGINT)
        return await asyncio.to_thread(process.wait, SECONDS)

    with playing() as (process, port, token):
        assert talk(port, token, conversation) == 0
        assert process.stderr.read() == ""


def test_the_process_answers_this_page_alone():
    async def refused(port, token):
        with pytest.raises(InvalidStatus):
            async with opened(port, origin="http://evil.example"):
                pass
        async with opened(port) as page:
            await page.send(pack({"id": 1, "do": "hello", "token": token[:-1]}))
            assert "token" in unpack(await page.recv())[0]["error"]
            with pytest.raises(ConnectionClosed) as closed:
                await page.recv()
            assert closed.value.rcvd.code == 1008

    with playing() as (process, port, token):
        assert fetched(port, {})[0] == 200
        for host in ("evil.example", f"127.0.0.1.evil.example:{port}", "127.0.0.1"):
            assert fetched(port, {"Host": host})[0] == 403
        assert fetched(port, {"Origin": "null"})[0] == 403
        asyncio.run(refused(port, token))
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as raw:
            raw.sendall(b"\x16\x03\x01 this is no request\r\n\r\n")
            assert raw.recv(1000).startswith(b"HTTP/1.1 400")
        if sys.platform == "linux":  # where all of 127.0.0.0/8 is this machine
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=SECONDS)
        status, headers, body = fetched(port, {})
        assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
        assert token.encode() not in body
        process.send_signal(signal.SIGINT)
        assert (process.wait(SECONDS), process.stderr.read()) == (0, "")


def fetched(port, headers):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def test_a_port_that_is_taken_is_refused_in_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refusal(capsys, "--port", port) == (
            f"plainnet: port {port} of 127.0.0.1 is in use; take another one, or none for one that is free\n"
        )


def test_a_port_is_free_again_at_once():
    with playing() as (process, port, token):
        talk(port, token, lambda page: page.ask("start", setup=None))
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    with playing("--port", port, "--lesson", 2) as (process, again, _):
        assert again == port


def test_a_table_is_read_as_train_reads_it_in_every_tab(tmp_path):
    """German decimal commas, a hostile name of a column, a column to leave out; two tabs share the rows alone."""
    rows = "\n".join(f"{i / 8};{'ja' if i % 3 else 'nein'};{i}".replace(".", ",") for i in range(60))
    (tmp_path / "a.csv").write_text("<img src=x onerror=alert(1)>;y;id\n" + rows, encoding="utf-8")

    async def conversation(page):
        scene = await page.ask("start", setup=None)
        other = await talk_in(port, token, lambda page: page.ask("start", setup=None))
        await page.ask("epoch")
        return scene["data"], other["data"], scene["setup"]["seed"], (await page.ask("frame"))["runs"][0]["epoch"]

    with playing(tmp_path / "a.csv", "--target", "y", "--ignore", "id", "--seed", 7) as (_, port, token):
        data, other, seed, epoch = talk(port, token, conversation)
    assert data == other
    assert [column["name"] for column in data["columns"]] == ["<img src=x onerror=alert(1)>"]
    assert (data["rows"], data["target"], data["classes"]) == (60, "y", ["ja", "nein"])
    assert (seed, epoch) == (7, 1)


def test_a_model_begins_with_its_own_weights(tmp_path):
    """The model of `plainnet train` averages several networks; the page begins with the first of them."""
    table, model = tmp_path / "a.csv", tmp_path / "a.npz"
    table.write_text("x,y\n" + "\n".join(f"{i / 10},{i % 20 / 20}" for i in range(60)), encoding="utf-8")
    assert run(["train", str(table), "--target", "y", "--epochs", "3", "--save", str(model), "--no-progress"]) == 0

    async def conversation(page):
        await page.ask("start", setup=None)
        frame = await page.ask("frame")
        return frame["arrays"]["0.parameters"]

    with playing(model, table) as (_, port, token):
        parameters = talk(port, token, conversation)
    assert parameters.tolist() == members_of(pn.load(model))[0].parameters.tolist()


def test_what_cannot_be_shown_is_refused_in_one_line(tmp_path, capsys):
    table = tmp_path / "a.csv"
    table.write_text("x,y\n1,2\n3,4\n", encoding="utf-8")
    assert "does not exist" in refusal(capsys, tmp_path / "b.csv", "--target", "y")
    assert "no column" in refusal(capsys, table, "--target", "z")
    assert "--target is missing" in refusal(capsys, table)
    assert "goes with a table" in refusal(capsys, "--target", "y")
    assert "needs a table" in refusal(capsys, tmp_path / "a.npz")
    assert "does not exist" in refusal(capsys, tmp_path / "a.npz", table)
    assert "--decimal goes with a table alone" in refusal(capsys, tmp_path / "a.npz", table, "--decimal", ",")


def refusal(capsys, *arguments):
    """The line of a command that is refused with status 2."""
    status, printed = run(["play", "--no-browser", *map(str, arguments)]), capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    return printed.err


# ---- from a program ----

X, Y = pn.datasets.xor()
XOR = {"loss": "mse", "optimizer": pn.SGD(1.0), "batch_size": None}


@pytest.fixture
def net():
    return pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")


async def two_epochs(page):
    await page.ask("start", setup=None)
    await page.ask("epoch")
    await page.ask("epoch")


def test_play_trains_a_copy_which_it_gives_back_also_after_its_end(net):
    before = net.parameters.copy()
    with pn.play(net, X, Y, **XOR, browser=False) as page:
        assert page.network.parameters.tolist() == before.tolist()
        talk(page.port, page.sessions.tokens.token, two_epochs)
        trained = page.network
        threads = [page.thread, *(seat.worker.thread for seat in page.sessions.seats.values())]
    assert net.parameters.tolist() == before.tolist()
    net.fit(X, Y, **XOR, epochs=2, engine="compiled")
    assert trained.parameters.tolist() == net.parameters.tolist() == page.network.parameters.tolist()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    page.close()
    page.wait()
    assert "ended" in repr(page)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", page.port), timeout=SECONDS)


def test_a_notebook_gets_a_frame_and_a_program_a_link():
    with pn.play(browser=False) as page:
        assert page.url in repr(page)
        assert "<iframe" not in page._repr_html_()
        assert page.url in page._repr_html_()
    with pn.play(browser=False, notebook=True, lesson=3) as page:
        assert f'<iframe src="{page.url}"' in page._repr_html_()
        assert "/?lesson=3#token=" in page.url
    assert "<iframe" not in page._repr_html_()


def test_the_browser_gets_a_ticket_in_place_of_the_token(monkeypatch):
    addresses = []
    monkeypatch.setenv("BROWSER", "one")
    monkeypatch.setattr(serve.webbrowser, "get", lambda: SimpleNamespace(open=addresses.append))
    with pn.play() as page:
        until(lambda: addresses)
        base, _, ticket = addresses[0].partition("#token=")
        assert page.url.startswith(base)
        assert ticket != page.sessions.tokens.token
        talk(page.port, ticket, two_epochs)


def test_without_a_browser_the_address_is_said(monkeypatch):
    def get():
        raise serve.webbrowser.Error

    monkeypatch.setenv("BROWSER", "one")
    monkeypatch.setattr(serve.webbrowser, "get", get)
    with pytest.warns(PlainnetWarning, match=r"no browser was found; open http://127\.0\.0\.1:\d+/#token="), pn.play():
        pass


def test_wait_returns_when_the_page_has_been_closed_for_a_minute(net, clock):
    with pn.play(net, X, Y, **XOR, browser=False) as page:
        page.sessions.clock = clock
        page.wait(0.01)
        talk(page.port, page.sessions.tokens.token, two_epochs)
        until(lambda: all(seat.connection is None for seat in page.sessions.seats.values()))
        clock.now += limits.AWAY_SECONDS + 1
        page.wait()
        assert page.network.parameters.tolist() != net.parameters.tolist()


def test_what_play_cannot_show_is_refused_where_it_is_called(net, monkeypatch):
    with pytest.raises(pn.errors.InvalidType, match="a network with its X and y"):
        pn.play(net)
    with pytest.raises(pn.errors.InvalidValue, match="X has 2 columns and the network takes 3 inputs"):
        pn.play(net, X[:, :2], Y)
    with pytest.raises(pn.errors.InvalidValue, match="validation"):
        pn.play(net, X, Y, validation=2)
    assert not [thread for thread in threading.enumerate() if thread.name == "plainnet play server"]
    monkeypatch.setattr(serve, "find_spec", lambda library: None)
    with pytest.raises(MissingExtraError, match="the live page needs"):
        pn.play()
