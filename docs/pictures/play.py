"""Makes the pictures of plainnet play: run `python docs/pictures/play.py` with plainnet[test] and Chromium.

docs/images/play.webp and play-dark.webp are an animation of XOR being learned; play-desktop.webp and play-phone.webp
are the page on a desk, in dark colours and with a table, and on a phone.
"""

import io
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).parents[1]
IMAGES = DOCS / "images"
PENGUINS = DOCS.parent / "examples" / "penguins.csv"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

FRAMES = 48
"""The pictures of the animation."""
MILLISECONDS = 125
"""Each of them is shown for so long."""
STEPS = 6
"""The epochs from one to the next."""


@contextmanager
def played(browser: Browser, *arguments: str, width: int, height: int, scheme: Any, query: str = "") -> Iterator[Page]:
    """Open the page of `plainnet play ARGUMENTS` in a window of this size and colour scheme."""
    command = [sys.executable, "-m", "plainnet", "play", "--no-browser", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address is not None
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1.5
        )
        try:
            page = context.new_page()
            page.goto(address[0].replace("/#", f"/{query}#"))
            page.locator("#network svg").first.wait_for()
            page.locator("#plane canvas").first.wait_for()
            yield page
        finally:
            context.close()
            server.send_signal(signal.SIGINT)


def picture(page: Page) -> Image.Image:
    """Return what the window shows."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def animation(browser: Browser, name: str, scheme: str) -> None:
    """XOR from the first weights until it is learned, some epochs a picture."""
    pictures = []
    with played(browser, width=1180, height=800, scheme=scheme, query="?hide=data,setup,explain") as page:
        for _ in range(FRAMES):
            pictures.append(picture(page).resize((885, 600)))
            for _ in range(STEPS):
                page.keyboard.press("e")
    first, *others = pictures
    durations = [MILLISECONDS] * (FRAMES - 1) + [2500]
    first.save(IMAGES / name, save_all=True, append_images=others, duration=durations, loop=0, quality=70, method=6)


def stills(browser: Browser) -> None:
    """The page on a desk with a table, and on a phone."""
    with played(browser, str(PENGUINS), "--target", "species", width=1440, height=900, scheme="dark") as page:
        page.keyboard.press("Space")
        page.wait_for_timeout(4000)
        page.keyboard.press("Space")
        picture(page).save(IMAGES / "play-desktop.webp", quality=85, method=6)
    with played(browser, width=390, height=844, scheme="light") as page:
        page.keyboard.press("Space")
        page.wait_for_timeout(2000)
        picture(page).save(IMAGES / "play-phone.webp", quality=85, method=6)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        animation(chromium, "play.webp", "light")
        animation(chromium, "play-dark.webp", "dark")
        stills(chromium)
        chromium.close()
