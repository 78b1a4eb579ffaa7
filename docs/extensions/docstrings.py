"""Docstrings of plainnet as reStructuredText: their plain style is read, not changed.

A paragraph is a paragraph, and code stands between single backticks. An indented block is shown as it stands, but for
the table of arguments of a class (`name  text` lines), which becomes a list of arguments, as `Arguments:` does. The
estimators have scikit-learn's sections, a heading with dashes below it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"`([^`\n]+)`")
ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: ?: | {2,})(?P<text>.*)")
HEADING = re.compile(r"^(\w+)\n-+\n", re.MULTILINE)
SECTION = re.compile(r"(Arguments|Attributes|Returns|Raises):\n?")


def setup(app: Sphinx) -> dict[str, Any]:
    """Read each docstring before autodoc does."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Replace the lines of a docstring by reStructuredText."""
    lines[:] = restructured("\n".join(lines), parameters_of(thing))


def parameters_of(thing: Any) -> set[str]:
    """Return the names of the arguments that a class or function takes."""
    try:
        return set(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return set()


def restructured(docstring: str, parameters: set[str]) -> list[str]:
    """Return the lines of a docstring as reStructuredText."""
    docstring, *sections = HEADING.split(docstring)
    lines = body(docstring, parameters)
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        found = entries(text.strip())
        if title == "Parameters":  # the first line is the kind of value
            lined = [(names, *text.split("\n", 1)) for names, text in found]
            found = [(f"{names} : {kind}", *rest) for names, kind, *rest in lined]
        lines += [f".. rubric:: {title}", "", *(arguments(found) or body(text, parameters)), ""]
    return lines


def body(docstring: str, parameters: set[str]) -> list[str]:
    """Return the lines of a docstring without headings."""
    lines: list[str] = []
    for block in blocks(docstring):
        if block.startswith("| "):  # a table of a package's files, for readers of the code
            continue
        if block.startswith(">>> "):
            lines += block.splitlines()
        elif not block.startswith(" "):
            lines += list(paragraph(block))
        elif (found := entries(block)) and all(name in parameters for names, _ in found for name in names.split(", ")):
            lines += arguments(found)
        else:
            lines += ["::", "", *block.splitlines()]
        lines.append("")
    return lines


def blocks(docstring: str) -> Iterator[str]:
    """Yield paragraphs, examples, and indented blocks with the empty lines within them."""
    kept: list[str] = []
    for block in re.split(r"\n[ \t]*\n", docstring.strip("\n")):
        if block.startswith(" ") and kept:
            kept.append(block)
            continue
        if kept:
            yield "\n\n".join(kept)
            kept = []
        if block.startswith(" "):
            kept = [block]
        else:
            yield block
    if kept:
        yield "\n\n".join(kept)


def paragraph(block: str) -> Iterator[str]:
    """Yield the lines of a paragraph, or of a section such as `Arguments:` with its entries."""
    if section := SECTION.match(block):
        body = dedent(block[section.end() :])
        if found := entries(body):
            if section[1] != "Arguments":
                yield from (f".. rubric:: {section[1]}", "")
            yield from arguments(found)
            return
    if re.match(r"[-*] ", block):
        yield from (re.sub(r"^\\\*", "*", line) for line in escaped(block).splitlines())
        return
    head, colon, indented = re.match(r"(.*?)(:?)\n(?= )(.*)|(.*)", block, re.DOTALL).groups("")[:3]  # type: ignore[union-attr]
    if indented:  # a formula that follows its sentence without an empty line
        yield from (*escaped(head + colon).splitlines(), "", "::", "", *indented.splitlines())
    else:
        yield from escaped(block).splitlines()


def entries(block: str) -> list[tuple[str, str]]:
    """Return the names and texts of a table of arguments, or nothing if the block is something else."""
    found: list[tuple[str, str]] = []
    for line in dedent(block).splitlines():
        if line.startswith(" ") and found:
            names, text = found[-1]
            found[-1] = (names, f"{text}\n{line.strip()}")
        elif entry := ENTRY.fullmatch(line):
            found.append((entry["names"], entry["text"]))
        else:
            return []
    return found


def arguments(found: list[tuple[str, str]]) -> list[str]:
    """Return a definition list."""
    lines = []
    for names, text in found:
        name, colon, kind = names.partition(" : ")
        lines += [f"``{name}``{colon}{escaped(kind)}", f"    {escaped(' '.join(text.split()))}", ""]
    return lines


def escaped(text: str) -> str:
    """Return text whose stars, bars and underscores mean themselves, with code in double backticks."""
    parts = CODE.split(text)
    parts[::2] = [re.sub(r"([*|\\]|_(?!\w)|(?<=\w)_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"``{code}``" for code in parts[1::2]]
    return "".join(parts)
