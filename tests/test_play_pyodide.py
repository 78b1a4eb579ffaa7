"""The static build of the page: plainnet as it is, in the reader's own browser.

The test in a browser needs Pyodide and its NumPy, which are too large to keep here. Fetch them once, and name their
folder:

    pip download --no-deps open-webui==0.12.4 && npm pack pyodide@314.0.3
    PLAINNET_PYODIDE=$PWD pytest tests/test_play_pyodide.py

Without the variable that test is skipped. NumPy's wheel is the one that Pyodide's own list names, by its checksum.
"""

import functools
import hashlib
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from chromium import NEEDS_CHROMIUM, chromium
from play_page import opened, wait_for_state

from plainnet.play.server.gate import NOTHING_BUT_OURS

PACKAGES = os.environ.get("PLAINNET_PYODIDE")
FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
BUILD = Path(__file__).parent.parent / "docs" / "play" / "build.py"
LEARNS_XOR = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

class NumPyAlone:
    def find_spec(self, name, path=None, target=None):
        is_missing = name in ("polars", "llvmlite", "onnx", "matplotlib", "scipy", "rich", "typer", "starlette")
        return None if is_missing else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, NumPyAlone()]
sys.path.insert(0, sys.argv[1])
from plainnet.play.session.session import Session
assert sys.modules["plainnet"].__file__.startswith(sys.argv[1])
session = Session()
session.play(speed=1e6)
state = None
while session.is_playing and state != "learned":
    session.advance()
    state = session.handle({"do": "frame"})[0]["runs"][0]["state"]
print(state)
"""


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("docs_play_build", BUILD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_differs_by_its_worker_and_its_policy_alone(build, tmp_path):
    build.build(tmp_path / "once", "https://example.org/a&b/")
    build.build(tmp_path / "again", "https://example.org/a&b/")
    lines = (tmp_path / "once" / "index.html").read_text("utf-8").splitlines()
    policy = NOTHING_BUT_OURS.partition("; frame-ancestors")[0]
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in lines
    assert lines[1] == '<html data-worker="worker.js?pyodide=https://example.org/a&amp;b/" lang="en" class="plainnet">'
    before = (build.STATIC / "index.html").read_text("utf-8").splitlines()
    assert [line for line in lines if line not in before] == [lines[1], lines[4]]
    for path in build.STATIC.rglob("*.js"):
        assert (tmp_path / "once" / path.relative_to(build.STATIC)).read_bytes() == path.read_bytes()
    archives = [(tmp_path / name / "plainnet.zip").read_bytes() for name in ("once", "again")]
    assert archives[0] == archives[1]


def test_the_archive_learns_xor_with_numpy_alone(build, tmp_path):
    build.write_source(tmp_path / "plainnet.zip")
    command = [sys.executable, "-c", LEARNS_XOR, str(tmp_path / "plainnet.zip")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.stdout.strip(), done.stderr) == ("learned", "")


@pytest.fixture(scope="module")
def pyodide(tmp_path_factory):
    """A folder with Pyodide and NumPy's wheel."""
    if not PACKAGES:
        pytest.skip("PLAINNET_PYODIDE names no folder with Pyodide's packages (see the top of this module)")
    folder = tmp_path_factory.mktemp("pyodide")
    with tarfile.open(next(Path(PACKAGES).glob("pyodide-*.tgz"))) as archive:
        for name in FILES:
            (folder / name).write_bytes(archive.extractfile(f"package/{name}").read())
    numpy = json.loads((folder / "pyodide-lock.json").read_text("utf-8"))["packages"]["numpy"]
    with zipfile.ZipFile(next(Path(PACKAGES).glob("open_webui-*.whl"))) as archive:
        wheel = archive.read(f"open_webui/frontend/pyodide/{numpy['file_name']}")
    assert hashlib.sha256(wheel).hexdigest() == numpy["sha256"]
    (folder / numpy["file_name"]).write_bytes(wheel)
    return folder


@pytest.fixture
def address(build, pyodide, tmp_path):
    """The address of the static page, from a server of files on this machine."""
    build.build(tmp_path, str(pyodide))
    handler = functools.partial(Files, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves files, each with the type that browsers ask for."""

    def guess_type(self, path):
        return {".mjs": "text/javascript", ".wasm": "application/wasm"}.get(Path(path).suffix, super().guess_type(path))

    def log_message(self, *_):
        pass


@NEEDS_CHROMIUM
@pytest.mark.needs("playwright")
def test_xor_is_learned_in_the_browser(address):
    with chromium() as browser, opened(browser, address) as page:
        assert "Python is starting" in page.locator("#lost").inner_text()
        wait_for_state(page, "ready")
        assert page.locator("#lost").is_hidden()
        page.locator("#player-play").click()
        wait_for_state(page, "learned")
        page.locator("#data-file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"x,y\n1,2\n"})
        page.locator(".upload .note", has_text="plainnet on your own machine does it").wait_for()
