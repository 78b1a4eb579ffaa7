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


@pytest.mark.parametrize("name", ["plainnet", *MODULES])
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_of_the_guide_to_extending():
    guide = Path(__file__).parent.parent / "docs" / "extending.md"
    assert doctest.testfile(str(guide), module_relative=False, encoding="utf-8").failed == 0


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        *(f"docs/{name}.md" for name in ["xor", "estimators", "large-data", "engines"]),
        *(f"docs/{name}.md" for name in ["report", "explain", "check-your-own"]),
    ],
)
def test_python_blocks_run_from_top_to_bottom(document, tmp_path, monkeypatch):
    text = (Path(__file__).parent.parent / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)  # some write files
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
