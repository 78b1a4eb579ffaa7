"""Write the page of `plainnet play` as static files, which run plainnet in the reader's own browser (Pyodide).

    python docs/play/build.py FOLDER [--pyodide ADDRESS]

FOLDER gets the page, plainnet's source in one archive, and a worker that runs it. Pyodide, which is Python and NumPy
for browsers, is fetched by the reader's browser from ADDRESS; a folder that holds it is copied into FOLDER instead.
"""

from __future__ import annotations

import argparse
import html
import shutil
import zipfile
from pathlib import Path

import plainnet
from plainnet.play.server.gate import NOTHING_BUT_OURS

PYODIDE = "https://cdn.jsdelivr.net/pyodide/v314.0.3/full/"
SOURCE = Path(plainnet.__file__).parent
STATIC = SOURCE / "play" / "static"
NOT_HERE = ("cli/", "play/server/")
"""Parts of plainnet that are for a terminal and for a server."""


def build(folder: Path, pyodide: str = PYODIDE) -> None:
    """Write all files of the page into a folder, which is made where it is missing."""
    shutil.copytree(STATIC, folder, dirs_exist_ok=True)
    shutil.copy(Path(__file__).with_name("worker.js"), folder)
    if Path(pyodide).is_dir():
        shutil.copytree(pyodide, folder / "pyodide", dirs_exist_ok=True)
        pyodide = "pyodide/"
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    (folder / "index.html").write_text(with_worker(page, pyodide), encoding="utf-8")
    write_source(folder / "plainnet.zip")


def with_worker(page: str, pyodide: str) -> str:
    """Return the page with the worker in the server's place, and with the server's policy in the page itself."""
    policy = NOTHING_BUT_OURS.removesuffix("; frame-ancestors ")  # which only a server can set
    worker = html.escape(f"worker.js?pyodide={pyodide}")
    for before, after in (
        ("<html ", f'<html data-worker="{worker}" '),
        (
            '<meta charset="utf-8">',
            f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">',
        ),
    ):
        if page.count(before) != 1:
            raise ValueError(f"the page has {before!r} {page.count(before)} times; it must have it once")
        page = page.replace(before, after)
    return page


def write_source(archive: Path) -> None:
    """Write plainnet's source into an archive, with the same bytes for the same source."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for path in sorted(SOURCE.rglob("*.py")):
            name = path.relative_to(SOURCE).as_posix()
            if not name.startswith(NOT_HERE):
                entry = zipfile.ZipInfo(f"plainnet/{name}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                written.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pyodide", default=PYODIDE, help=f"address or folder of Pyodide; {PYODIDE} without it")
    given = parser.parse_args()
    build(given.folder, given.pyodide)
