"""Makes Jupyter notebooks of the pages of docs/learn: run `python docs/notebooks.py FOLDER` with nbformat installed.

A notebook stands alone: its pictures are in it, and a link to another page becomes the name of that page. The code and
the commands of a page become cells that can be run; what they print is left out, for the cell prints it.
"""

from __future__ import annotations

import base64
import html
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

LEARN = Path(__file__).parent / "learn"
TYPES = {".svg": "image/svg+xml", ".webp": "image/webp", ".png": "image/png"}
HERE = re.compile(r", or <a href=\"\.\./play/.*?</a>", flags=re.DOTALL)
"""The half of a page's `Live:` line that opens a page of the site."""
PICTURE = re.compile(r"!\[((?:(?!\]\().)*)\]\(([^)\s]+)\)", flags=re.DOTALL)
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s#]+\.md)?(#[^)\s]+)?\)")
"""A link to a page, to a heading of a page, or to a heading of this page."""
PARTS = re.compile(
    r"^<details>.*?^</details>$"
    r"|^```(?P<kind>python|bash)\n(?P<code>.*?)^```$(?:\n+```text\n(?P<shown>.*?)^```$)?"
    r"|^```.*?^```$"
    r"|^!\[(?:(?!\]\().)*\]\([^)\s]+\)$",
    flags=re.MULTILINE | re.DOTALL,
)
"""The parts of a page between its paragraphs: a fold, code with what it prints, another block, a picture alone."""


@dataclass
class Cell:
    """A Cell is Markdown or code of a notebook; `shown` is what the page says that the code prints."""

    source: str
    is_code: bool = False
    shown: str | None = None


def notebooks(folder: Path) -> list[Path]:
    """Write a notebook of each page of docs/learn that has Python code into the folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for page in pages():
        path = folder / f"{page.stem}.ipynb"
        path.write_text(nbformat.writes(notebook(page)) + "\n", encoding="utf-8")
        written.append(path)
    return written


def pages() -> list[Path]:
    """Return the pages of docs/learn that have Python code."""
    found = (page for page in sorted(LEARN.glob("*.md")) if page.stem not in ("index", "glossary"))
    return [page for page in found if "\n```python\n" in page.read_text(encoding="utf-8")]


def notebook(page: Path) -> NotebookNode:
    """Return the notebook of a page: the same bytes at every run, the names of its cells included."""
    made = []
    for number, cell in enumerate(cells(page)):
        new = v4.new_code_cell if cell.is_code else v4.new_markdown_cell
        made.append(new(cell.source, id=f"{page.stem}-{number}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def cells(page: Path) -> list[Cell]:
    """Return the cells of a page: its title, what the notebook needs, then its parts from top to bottom."""
    title, text = page.read_text(encoding="utf-8").split("\n", 1)
    parts = list(_parts(text, page.parent))
    return [Cell(title), Cell(_needs(page, parts)), *parts]


def _parts(text: str, folder: Path) -> Iterator[Cell]:
    end = 0
    prose = before = ""
    for part in PARTS.finditer(text):
        prose += text[end : part.start()]
        end = part.end()
        runs = part["kind"] and _runs(part["kind"], part["code"], before)
        if not runs and not PICTURE.fullmatch(part[0]):
            prose += part[0]
            continue
        yield from _sections(prose, folder)
        prose = ""
        if runs:
            before += part["code"]
            yield Cell(
                _commands(part["code"]) if part["kind"] == "bash" else part["code"].rstrip(), True, part["shown"]
            )
        else:  # a picture in a cell of its own leaves the text around it short enough to edit
            yield Cell(_alone(part[0], folder))
    yield from _sections(prose + text[end:], folder)


def _runs(kind: str, code: str, before: str) -> bool:
    """Return whether a block becomes a cell that runs: Python, or commands of plainnet that end and find their tables.

    `before` is the code of the cells before it, which may have written the tables.
    """
    return kind == "python" or all(_finds_all(command, before) for command in code.replace("\\\n", " ").splitlines())


def _finds_all(command: str, before: str) -> bool:
    words = shlex.split(command)
    tables = [
        word
        for option, word in pairwise(words)
        if word.endswith((".csv", ".parquet")) and not option.startswith("--") and word not in before
    ]
    return (
        words[:1] == ["plainnet"]
        and words[1] != "play"
        and all((LEARN.parents[1] / table).exists() for table in tables)
    )


def _commands(code: str) -> str:
    return re.sub(r"^(?=plainnet )", "!", code.rstrip(), flags=re.MULTILINE)


def _sections(prose: str, folder: Path) -> Iterator[Cell]:
    """Yield a cell for each section of the prose, so that a heading begins a cell."""
    for section in re.split(r"^(?=##+ )", prose, flags=re.MULTILINE):
        if section.strip():
            yield Cell(_alone(section.strip(), folder))


def _alone(text: str, folder: Path) -> str:
    """Return Markdown that needs no file beside it: pictures within, and names in the place of links to pages."""

    def picture(found: re.Match[str]) -> str:
        path = folder / found[2]
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        # as an element: JupyterLab refuses SVG as an attachment of a cell
        return f'<img alt="{html.escape(found[1])}" src="data:{TYPES[path.suffix]};base64,{data}">'

    def link(found: re.Match[str]) -> str:
        words, page = found[1], found[2]
        if not page or not (folder / page).exists():  # Sphinx and the tests name links that lead nowhere
            return words
        title = (folder / page).read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")
        return f"*{words}*" if words.casefold() == title.casefold() else f"{words} (page *{title}*)"

    return LINK.sub(link, PICTURE.sub(picture, HERE.sub("", text)))


def _needs(page: Path, parts: list[Cell]) -> str:
    """Return what a reader has to install and to have at hand for these cells."""
    code = "\n".join(cell.source for cell in parts if cell.is_code)
    if "plainnet" not in code:
        needs = f"This notebook needs {'NumPy' if 'numpy' in code else 'Python'}, and nothing else."
    else:
        needs = 'This notebook needs plainnet: run `pip install ".[all]"` in a clone of its repository.'
    if "examples/" in code:
        needs += " Start it in the folder of the clone, for it reads files of the folder `examples`."
    return f"{needs} It is the page `docs/learn/{page.name}`, and its cells are run from top to bottom."


if __name__ == "__main__":
    for path in notebooks(Path(sys.argv[1])):
        print(path)
