"""The page of `plainnet play` in Chromium: what the tests of it share."""

import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from plainnet.play.session import messages

LONG = 90.0
"""Seconds that a condition may take on a busy machine."""


# ---- the server ----


class Server:
    """A process that runs `plainnet play`, with the address that it prints."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "plainnet", "play", "--no-browser", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", env=environment
        )
        self.lines = []
        self.url = None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/\S*", line):
                self.url = found[0]
                break
        assert self.url, "".join(self.lines)
        self.reader = threading.Thread(target=self.lines.extend, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def memory(self):
        """Return the megabytes that the process has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def close(self):
        """End the process, and fail for what it has complained about."""
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait(10)
            self.reader.join(10)
            self.process.stdout.close()
        complaints = [line for line in self.lines if "Traceback" in line or "failed" in line]
        assert complaints == [], "".join(self.lines)


@contextmanager
def served(*arguments):
    """Yield a Server with these arguments of the command, and end it."""
    server = Server(*arguments)
    try:
        yield server
    finally:
        server.close()


class Cable:
    """A SOCKS proxy, through which a browser reaches this machine, and which can be cut in the midst of everything."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"socks5://127.0.0.1:{self.listening.getsockname()[1]}"
        self.ends = set()
        self.is_cut = False
        threading.Thread(target=self._take, daemon=True).start()

    def cut(self):
        """End all connections at once, and take no more."""
        self.is_cut = True
        for end in list(self.ends):
            with suppress(OSError):  # a reset instead of an orderly end
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self):
        """Take connections again."""
        self.is_cut = False

    def close(self):
        """Take nothing any more."""
        self.cut()
        self.listening.close()

    def _take(self):
        with suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near):
        with suppress(OSError, struct.error), near:
            if self.is_cut:
                return
            near.recv(2 + near.recv(2, socket.MSG_PEEK)[1])
            near.sendall(b"\x05\x00")
            *_, kind = near.recv(4)
            host = socket.inet_ntoa(near.recv(4)) if kind == 1 else near.recv(near.recv(1)[0]).decode()
            (port,) = struct.unpack(">H", near.recv(2))
            with socket.create_connection((host, port)) as far:
                near.sendall(b"\x05\x00\x00\x01" + bytes(6))
                self.ends |= {near, far}
                back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
                back.start()
                self._pass(near, far)
                back.join()
                self.ends -= {near, far}

    @staticmethod
    def _pass(one, other):
        with suppress(OSError):
            while part := one.recv(65536):
                other.sendall(part)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


# ---- the page ----


class Talk:
    """What a page and its session say to each other: all but the frames, with the latest scene."""

    def __init__(self, page):
        self.page = page
        self.asked = []
        self.answers = {}
        self.scene = None
        self.frame = None
        self.connections = 0
        page.on("websocket", self._listen)

    def _listen(self, socket):
        self.connections += 1
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, message):
        header, _ = messages.unpack(message)
        if header["do"] != "frame":
            self.asked.append(header)

    def _received(self, message):
        header, arrays = messages.unpack(message)
        if "runs" in header and "loss" in str(header.get("runs")):
            self.frame = (header, arrays)
        else:
            self.answers[header["id"]] = header
        if "network" in header and "setup" in header:
            self.scene = header

    @property
    def changes(self):
        """The questions that change the setup."""
        return [asked for asked in self.asked if asked["do"] in ("change", "setup", "twin")]

    def settle(self):
        """Wait until the session has answered all that the page has asked so far."""
        until(self.page, lambda: all(asked["id"] in self.answers for asked in self.asked))

    def run(self):
        """Return what the latest frame says of the first run."""
        return self.frame[0]["runs"][0]


@contextmanager
def opened(browser, url, **options):
    """Yield a page in a fresh context; it fails the test for errors on its console and for requests to other hosts."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        with in_tab(context, url) as page:
            yield page
    finally:
        context.close()


@contextmanager
def in_tab(context, url):
    """Yield a page in a new tab of a context, as `opened` does."""
    context.set_default_timeout(1000 * LONG)
    page = context.new_page()
    page.talk = Talk(page)
    complaints, requests = watched(page)
    page.complaints = complaints
    page.goto(url)
    yield page
    assert complaints == [], complaints
    host = re.match(r"https?://[^/]+/", url)[0]
    own = (host, host.replace("http", "ws", 1), "data:", "blob:")
    assert [request for request in requests if not request.startswith(own)] == []
    page.close()


def watched(page):
    """Return the lists of errors and of requests of a page, which fill while it lives."""
    complaints, requests = [], []
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(error.stack or str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.on("worker", lambda worker: worker.on("console", lambda line: complaints.append(line.text)))
    page.on("websocket", lambda socket: requests.append(socket.url))
    return complaints, requests


def until(page, condition):
    """Wait until a condition of the page or of its talk holds, and return its value."""
    latest = time.monotonic() + LONG
    while not (found := condition()):
        assert time.monotonic() < latest, f"this did not come true; the page has complained of {page.complaints}"
        page.wait_for_timeout(10)  # in which the page's events are heard
    return found


def ready(page):
    """Wait until the page has its session and its first frame."""
    page.bring_to_front()  # pages in the background draw nothing
    wait_for_state(page, "ready")
    page.talk.settle()
    return page


def wait_for_state(page, *states):
    """Wait until the first run is in one of these states."""
    page.locator(",".join(f".story > p:first-child[data-state={state}]" for state in states)).wait_for()


def story(page):
    """Return what the page says of its first run."""
    return page.locator(".story > p").first.inner_text()


def choose_data(page, name):
    """Choose a data set by its picture, and wait until it is there."""
    page.locator("#data .sets label", has=page.get_by_text(name, exact=True)).click()
    until(page, lambda: page.talk.scene["data"]["name"] == name)


def show_all(page):
    """Open all folds of the page."""
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
