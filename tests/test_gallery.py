"""The examples of the gallery have what the site needs of them; `pytest -m slow` runs each as a program.

The site's build runs them all as well, so that the tests of every day need not.
"""

import ast
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

GALLERY = Path(__file__).parent.parent / "examples" / "gallery"
EXAMPLES = sorted(GALLERY.glob("*.py"))
INSTALLED = {"matplotlib", "numpy", "onnxruntime", "plainnet", "polars", "scipy", "sklearn"}
"""What `pip install ".[docs]"` brings and an example may import."""

each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


def imported(tree):
    """The packages that a program cannot do without: what it imports, but for imports of which it catches the error."""
    optional = {
        within
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any("ImportError" in ast.unparse(handler) for handler in node.handlers)
        for within in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node not in optional and isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            yield from (name.partition(".")[0] for name in names)


def test_there_are_examples():
    assert len(EXAMPLES) >= 15


@each
def test_the_page_has_a_title_an_introduction_text_and_a_picture(example):
    source = example.read_text(encoding="utf-8")
    title, underline, blank, introduction = ast.get_docstring(ast.parse(source)).split("\n", 3)
    assert (underline, blank) == ("=" * len(title), "")
    assert 2 <= len(re.findall(r"[.!?](?=\s|$)", introduction)) <= 6
    assert re.search(r"^# %%\n# \w", source, re.MULTILINE)
    assert "plt.show()" in source


@each
def test_an_example_imports_what_the_site_installs(example):
    unknown = set(imported(ast.parse(example.read_text(encoding="utf-8")))) - INSTALLED - sys.stdlib_module_names
    assert not unknown


@each
def test_links_lead_to_public_names_and_examples(example):
    """Sphinx shows a name that it does not know as plain text, without a warning."""
    source = example.read_text(encoding="utf-8")
    for name in re.findall(r":(?:func|class|meth|attr|mod):`~?([\w.]+)`", source):
        assert pkgutil.resolve_name(name)
    for name in re.findall(r":ref:`sphx_glr_gallery_(\w+\.py)`", source):
        assert (GALLERY / name).exists()


@pytest.mark.slow
@pytest.mark.needs("exchange", "fast", "plots", "sklearn", "tables", "onnxruntime")
@each
def test_an_example_runs_without_a_warning_and_leaves_no_file(example, tmp_path):
    environment = os.environ | {"MPLBACKEND": "agg"}
    command = [sys.executable, "-W", "error", str(example)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert not list(tmp_path.iterdir())
