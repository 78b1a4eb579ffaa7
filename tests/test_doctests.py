"""The examples in the docstrings and the docs do what they show."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import plainnet

MODULES = [
    module.name for module in pkgutil.walk_packages(plainnet.__path__, "plainnet.") if "__main__" not in module.name
]


NEEDS = {
    "plainnet.cli": ("cli", "tables", "plots"),
    "plainnet.engines.compiled": ("fast",),
    "plainnet.play.server": ("play",),
    "plainnet.plots": ("plots",),
    "plainnet.report": ("plots",),
    "plainnet.sklearn": ("sklearn", "tables"),
    "plainnet.tabular.study": ("tables", "tune"),
    "plainnet.tabular": ("tables",),
    "README.md": ("sklearn", "plots"),
    "docs/how/engines.md": ("fast",),
    "docs/use/estimators.md": ("sklearn", "tables"),
    "docs/use/report.md": ("cli", "tables", "plots"),
}
"""What the examples of a package, module or page need."""


def marked(names):
    """Each name with the mark of what its examples need."""
    found = []
    for name in names:
        needs = next((NEEDS[known] for known in NEEDS if name == known or name.startswith(f"{known}.")), ())
        found.append(pytest.param(name, marks=[pytest.mark.needs(*needs)] if needs else []))
    return found


@pytest.mark.parametrize("name", marked(["plainnet", *MODULES]))
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", ["use/extending", "use/layers", "how/tracing"])
def test_examples_that_show_their_results(page):
    guide = Path(__file__).parent.parent / "docs" / f"{page}.md"
    assert doctest.testfile(str(guide), module_relative=False, encoding="utf-8").failed == 0


DOCUMENTS = marked(
    [
        "README.md",
        *(f"docs/{name}.md" for name in ["learn/xor", "use/estimators", "use/large-data", "how/engines"]),
        *(f"docs/use/{name}.md" for name in ["report", "explain", "check-your-own"]),
    ]
)
SHORTER = {
    "README.md": ("epochs=100_000", "epochs=1_000"),
    "docs/learn/xor.md": ("seeds=1000", "seeds=50"),
    "docs/use/estimators.md": ("TableClassifier(random_state=0)", "TableClassifier(epochs=20, random_state=0)"),
}
"""What a page computes for long, and what is enough to see that its examples run; `-m slow` runs them as they are."""


def run_blocks(document, change=("", "")):
    text = (Path(__file__).parent.parent / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    assert any(change[0] in block for block in blocks)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block.replace(*change) if change[0] else block, names)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_blocks_run_from_top_to_bottom(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    run_blocks(document, SHORTER.get(document, ("", "")))


@pytest.mark.slow
@pytest.mark.parametrize("document", SHORTER)
def test_long_blocks_run_as_they_are(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(document)
