"""The examples in the docstrings and the docs do what they show."""

import doctest
import importlib
import pkgutil

import pytest

import plainnet

MODULES = [module.name for module in pkgutil.walk_packages(plainnet.__path__, "plainnet.") if "__main__" not in module.name]


@pytest.mark.parametrize("name", ["plainnet", *MODULES])
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
