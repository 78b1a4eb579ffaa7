"""The directive `commands` documents every command of plainnet with its arguments and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from plainnet import cli


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Commands(Directive):
    """A section for each command."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        lines = [line for name, command in commands() for line in section(name, command)]
        parent = nodes.section()
        self.state.nested_parse(StringList(lines, source="plainnet.cli"), 0, parent, match_titles=True)
        return parent.children


def commands() -> Iterator[tuple[str, Any]]:
    """Yield the commands by their names, in the program's own order."""
    group: Any = typer.main.get_command(cli.program())
    yield from group.commands.items()


def section(name: str, command: Any) -> Iterator[str]:
    """Yield the reStructuredText of one command."""
    context = command.context_class(command, info_name=f"plainnet {name}")
    title = f"plainnet {name}"
    yield from (title, "-" * len(title), "", text(command.help or ""), "")
    usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
    yield from ("::", "", f"    {usage}", "")
    panels: dict[str, list[Any]] = {}
    for parameter in command.get_params(context):
        usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
        panels.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(parameter)
    for panel, parameters in panels.items():
        yield from (f".. rubric:: {panel}", "")
        for parameter in parameters:
            yield from entry(parameter, context)
    yield from (text(command.epilog or ""), "")


def entry(parameter: Any, context: Any) -> Iterator[str]:
    """Yield one argument or option with what it does."""
    names, help = parameter.get_help_record(context)
    yield from (f"``{names}``", f"    {text(help)}", "")


def text(help: str) -> str:
    """Return a help text as one line of reStructuredText."""
    return " ".join(help.split()).replace("*", r"\*").replace("|", r"\|").replace("`", "``")
