"""The directive `public` documents the public names of a module: those in its `__all__`, in that order of kinds.

    .. public:: plainnet.losses
       :methods: Loss

Classes are shown with their own docstring; `methods` names those whose methods are shown as well.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("public", Public)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Public(Directive):
    """The names of a module, or those that are given as the content."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"methods": str.split, "without": str.split}

    def run(self) -> list[nodes.Node]:
        """Return what autodoc makes of each name."""
        module = importlib.import_module(self.arguments[0])
        names = " ".join(self.content).split() or [
            name for name in module.__all__ if name not in self.options.get("without", ())
        ]
        methods = self.options.get("methods", ())
        if unknown := [name for name in (*names, *methods) if not hasattr(module, name)]:
            raise self.error(f"{module.__name__} has no {', '.join(unknown)}")
        lines = [line for name in names for line in documented(module, name, name in methods)]
        parent = nodes.section()
        self.state.nested_parse(StringList(lines, source=module.__name__), 0, parent)
        return parent.children


def documented(module: ModuleType, name: str, with_methods: bool) -> Iterator[str]:
    """Yield the directive of autodoc for one name."""
    thing = getattr(module, name)
    if not callable(thing):  # a registry, a constant or a module
        return
    kind = "class" if inspect.isclass(thing) else "function"
    yield f".. auto{kind}:: {module.__name__}.{name}"
    if with_methods:
        yield from ("   :members:", "   :member-order: bysource")
    yield ""
