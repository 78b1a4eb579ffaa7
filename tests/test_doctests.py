"""The examples in the docstrings do what they show."""

import doctest
import importlib
import pkgutil

import pytest

import plainnet

MODULES = [
    module.name for module in pkgutil.walk_packages(plainnet.__path__, "plainnet.") if "__main__" not in module.name
]


NEEDS = {
    "plainnet.attribution.rows": ("tables",),
    "plainnet.cli": ("cli", "tables", "plots"),
    "plainnet.engines.compiled": ("fast",),
    "plainnet.export.safetensors": ("exchange",),
    "plainnet.play": ("play",),
    "plainnet.plots": ("plots",),
    "plainnet.report": ("plots",),
    "plainnet.sklearn": ("sklearn", "tables"),
    "plainnet.tabular.study": ("tables", "tune"),
    "plainnet.tabular.tuning": ("tables", "tune"),
    "plainnet.tabular": ("tables",),
}
"""What the examples of a package or module need."""


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
