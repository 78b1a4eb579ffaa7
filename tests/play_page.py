"""The page of `plainnet play` in Chromium: what the tests of it share."""

import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium: install it (Debian, Ubuntu: apt-get install chromium) to run this"
)
LONG = 60_000
"""Milliseconds that a condition may take on a busy machine."""


@contextmanager
def chromium():
    """Yield Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


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

    @property
    def port(self):
        return int(re.search(r":(\d+)/", self.url)[1])

    def memory(self):
        """Return the megabytes that the process has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.reader.join(10)


@contextmanager
def served(*arguments):
    """Yield a Server with these arguments of the command, and end it."""
    server = Server(*arguments)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def opened(browser, url, **options):
    """Yield a page in a fresh context; it fails the test for errors on its console and for requests to other hosts."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(LONG)
    page = context.new_page()
    page.complaints, page.requests = watched(page)
    try:
        page.goto(url)
        yield page
        assert page.complaints == []
        host = re.match(r"https?://[^/]+/", url)[0]
        assert [
            one for one in page.requests if not one.startswith((host, host.replace("http", "ws", 1), "data:", "blob:"))
        ] == []
    finally:
        context.close()


def watched(page):
    """Return the lists of errors and of requests of a page, which fill while it lives."""
    complaints, requests = [], []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.context.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    return complaints, requests


def wait_for_state(page, *states):
    """Wait until the first run is in one of these states."""
    page.locator(",".join(f".story[data-state={state}]" for state in states)).wait_for()
