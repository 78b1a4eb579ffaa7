"""The notebooks made of docs/learn hold all that they need, and their cells print what the pages show."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from test_documents import SHORTER, assert_printed

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "docs"))

import notebooks  # noqa: E402  it stands in docs, which is no package

PAGES = [page.stem for page in notebooks.pages()]


def run(notebook, folder, monkeypatch):
    """Run every cell in this folder, with this interpreter and this checkout, heard by this machine alone."""
    paths = {"IPYTHONDIR": folder / "ipython", "JUPYTER_RUNTIME_DIR": folder / "runtime", "PYTHONPATH": ROOT / "src"}
    for name, path in paths.items():
        monkeypatch.setenv(name, str(path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # for `!plainnet`
    monkeypatch.setenv("COLUMNS", "100")
    (folder / "examples").symlink_to(ROOT / "examples")
    kernel = AsyncKernelManager(ip="127.0.0.1", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(notebook, timeout=300, km=kernel, resources={"metadata": {"path": str(folder)}})
    client.execute(cleanup_kc=True)


def printed(cell):
    """What a cell has written and its value, without colours and without the bars that a terminal takes back."""
    texts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    text = "".join(texts).replace("\r\n", "\n")
    text = re.sub(r"^\S* ?[^\n]*━.*?\r\x1b\[(1A\x1b\[)?2K", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\r|\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("name", PAGES)
def test_a_notebook_prints_what_its_page_shows(name, tmp_path, monkeypatch):
    page = notebooks.LEARN / f"{name}.md"
    notebook = notebooks.notebook(page)
    nbformat.validate(notebook)
    long, short = SHORTER.get(f"docs/learn/{name}.md", ("", ""))
    is_long = [bool(long) and long in cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        cell.source = cell.source.replace(long, short) if long else cell.source
    run(notebook, tmp_path, monkeypatch)
    for cell, wanted, changed in zip(notebook.cells, notebooks.cells(page), is_long, strict=True):
        if wanted.shown is not None and not changed:
            assert_printed(wanted.shown, printed(cell))


def test_notebooks_are_the_same_at_every_run_and_link_to_no_file(tmp_path):
    first, second = notebooks.notebooks(tmp_path / "a"), notebooks.notebooks(tmp_path / "b")
    assert [path.stem for path in first] == PAGES
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        text = "\n".join(cell.source for cell in nbformat.read(one, as_version=4).cells if cell.cell_type == "markdown")
        assert not re.search(r"\.md[)#]|\.\./images|\.\./play", text)


PAGE = """# Title

Text with [a page](other.md#there), [below](#below), [Other](other.md) and a list[0](1).

Live: run `plainnet play`, or <a href="../play/index.html">open it in your browser</a>.

![A dot [1]](../images/dot.svg)

```bash
plainnet xor \\
    --seed 2
```

```text
learned
```

## Below

```bash
plainnet train yours.csv
```

<details><summary>Answer</summary>

```python
hidden = 1
```

</details>

```python
print(1)
```
"""


def test_what_becomes_of_the_parts_of_a_page(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "dot.svg").write_text("<svg/>")
    (tmp_path / "learn").mkdir()
    (tmp_path / "learn" / "other.md").write_text("# Other\n")
    page = tmp_path / "learn" / "page.md"
    page.write_text(PAGE)
    title, needs, text, picture, command, below, code = notebooks.cells(page)
    assert title.source == "# Title"
    assert 'pip install ".[all]"' in needs.source
    assert text.source == (
        "Text with a page (page *Other*), below, *Other* and a list[0](1).\n\nLive: run `plainnet play`."
    )
    assert picture.source == '<img alt="A dot [1]" src="data:image/svg+xml;base64,PHN2Zy8+">'
    assert (command.source, command.is_code, command.shown) == ("!plainnet xor \\\n    --seed 2", True, "learned\n")
    assert below.source.startswith("## Below\n\n```bash\nplainnet train")
    assert below.source.endswith("hidden = 1\n```\n\n</details>")
    assert (code.source, code.is_code, code.shown) == ("print(1)", True, None)
