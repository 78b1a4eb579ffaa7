"""`python -m benchmarks.play`: how quick the page of `plainnet play` is, in Chromium, beside its goals.

Each figure is the median of several rounds; the training alone and the training under the page take turns.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.machine import describe

SETUP = {
    "data": {"kind": "dataset", "name": "moons", "options": {"rows": 500, "noise": 0.2}},
    "layers": [
        {"name": "Dense", "units": 8, "activation": "tanh"},
        {"name": "Dense", "units": 8, "activation": "tanh"},
        {"name": "Dense", "units": 2, "activation": "softmax"},
    ],
    "loss": "cross_entropy",
    "batch_size": 10,
    "epochs": 10_000_000,
    "engine": "compiled",
}
"""Moons of 500 rows and 2-8-8-2: a map of 100 × 100 points and 16 hidden units with their own maps."""

GOALS = {
    "from the command to the first picture": ("s", 1.5, min),
    "frames a second while training": ("/s", 30, max),
    "training under the page, of fit's own speed": ("%", 70, max),
    "input to response under training, 95th percentile": ("ms", 100, min),
    "weight of the page": ("KB", 300, min),
    "a frame": ("KB", 150, min),
}
"""The unit of each figure, its goal, and whether less or more is better."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SENT = """[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .reduce((sum, {transferSize}) => sum + transferSize, 0)"""
"""The bytes of all files of the page as they were sent, compressed and with their headers."""
SECONDS = 3.0
"""The time that frames are counted and epochs are trained in each round."""

WATCH = """
window.measured = {frames: [], sent: new Map(), replies: []};
function headerOf(bytes) {
    const view = new DataView(bytes);
    return JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, view.getUint32(0, true))));
}
window.WebSocket = class extends WebSocket {
    constructor(...given) {
        super(...given);
        this.addEventListener('message', ({data}) => {
            const {id, runs} = headerOf(data);
            const {epoch} = runs?.[0] ?? {};
            if (epoch !== undefined) measured.frames.push([performance.now(), data.byteLength, epoch]);
            measured.replies.push(id);
        });
    }
    send(bytes) {
        const header = headerOf(bytes.buffer ?? bytes);
        measured.sent.set(header.do, header.id);
        super.send(bytes);
    }
};
"""
"""A script for the page that notes each frame's time, size and epoch, and the replies."""

RESPOND = """async ([value]) => {
    const input = document.querySelector('#setup-optimizer-learning_rate');
    const began = performance.now();
    input.value = value;
    input.dispatchEvent(new Event('change', {bubbles: true}));
    const id = measured.sent.get('change');
    while (!measured.replies.includes(id)) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""
"""The milliseconds from an input until the picture after its reply."""


@contextmanager
def served() -> Iterator[tuple[str, float]]:
    """Yield the address of a new `plainnet play`, and when it was started."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "plainnet", "play", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line))), began
    finally:
        process.terminate()
        process.wait(20)


def first_picture(browser: Any) -> float:
    """Return the seconds from the command to the first drawn frame, in a browser that runs already."""
    with served() as (url, began):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.locator(".story > p").first.wait_for()
        seconds = time.perf_counter() - began
        page.close()
        return seconds


def under_the_page(browser: Any, url: str) -> dict[str, float]:
    """Train under the page: return frames and epochs a second, the largest frame, and the slow responses."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(f"{url}&setup={packed(SETUP)}")
    page.locator("#player-speed").press("End")
    page.locator("#player-play").click()
    page.locator(".story > p[data-state=playing], .story > p[data-state=learned]").first.wait_for()
    page.wait_for_timeout(1000)  # machine code is made
    page.evaluate("measured.frames.length = 0")
    page.wait_for_timeout(1000 * SECONDS)
    frames = np.array(page.evaluate("measured.frames"))
    seconds = (frames[-1, 0] - frames[0, 0]) / 1000
    weight = page.evaluate(SENT)
    responses = [page.evaluate(RESPOND, [0.002 + 0.0001 * i]) for i in range(20)]
    context.close()
    return {
        "frames": (len(frames) - 1) / seconds,
        "epochs": (frames[-1, 2] - frames[0, 2]) / seconds,
        "bytes": float(frames[:, 1].max()),
        "weight": weight,
        "response": float(np.percentile(responses, 95)),
    }


def packed(setup: dict[str, Any]) -> str:
    """Return a setup as the page has it in its address."""
    import base64
    import json
    import zlib

    compressor = zlib.compressobj(wbits=-15)
    data = compressor.compress(json.dumps(setup).encode()) + compressor.flush()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def alone() -> float:
    """Return the epochs a second of `net.fit` with the same setup."""
    code = (
        "import time, json, sys\n"
        "from plainnet.play.session.setup import Setup\n"
        "from plainnet.play.session.examples import Held, examples_of\n"
        "setup = Setup.of(json.loads(sys.argv[1])); examples = examples_of(setup, Held())\n"
        "setup = setup.completed(examples); options = setup.options(examples)\n"
        "X, y, _ = examples.training\n"
        "def timed(epochs):\n"
        "    net = setup.network(examples); began = time.perf_counter()\n"
        "    net.fit(X, y, **{**options, 'epochs': epochs}); return time.perf_counter() - began\n"
        "timed(10); once = timed(200); epochs = int(200 * 1.5 / once); print(epochs / timed(epochs))\n"
    )
    import json

    done = subprocess.run([sys.executable, "-c", code, json.dumps(SETUP)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(rounds: int) -> dict[str, float]:
    """Return each figure of GOALS."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        first_picture(browser)  # files come into memory
        starts, shares, pages = [], [], []
        for _ in range(rounds):
            starts.append(first_picture(browser))
            own = alone()
            with served() as (url, _began):
                pages.append(under_the_page(browser, url))
            shares.append(100 * pages[-1]["epochs"] / own)
        browser.close()
    middle = {name: float(np.median([page[name] for page in pages])) for name in pages[0]}
    values = [
        float(np.median(starts)),
        middle["frames"],
        float(np.median(shares)),
        middle["response"],
        middle["weight"] / 1000,
        middle["bytes"] / 1000,
    ]
    return dict(zip(GOALS, values, strict=True))


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.play", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds each figure is the median of (5)")
    rounds = parser.parse_args().rounds
    machine = describe([])
    print(f"{machine['date']}, {machine['processor']}, {machine['versions']}, medians of {rounds} rounds\n")
    print("| figure | measured | goal |\n| --- | ---: | ---: |")
    for name, value in measure(rounds).items():
        unit, goal, better = GOALS[name]
        print(f"| {name} | {value:.3g} {unit} | {'≤' if better is min else '≥'} {goal} {unit} |")


if __name__ == "__main__":
    main()
