"""The source of one function or class: its text without annotations, and what it refers to."""

from __future__ import annotations

import ast
import builtins
import copy
import dis
import inspect
import sys
import textwrap
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

from plainnet.export.source import WIDTH


class Unprintable(Exception):
    """A thing that cannot be written out as source; the message completes "... cannot be written out as source: "."""


@dataclass(frozen=True)
class Reference:
    """A place in the text that names something from outside."""

    node: ast.expr
    name: str
    """The name of it as the text has it, such as np, or activations.sigmoid of a module that the file cannot import."""
    thing: Any


@dataclass
class SourceCode:
    """A function or class as it stands in its file."""

    thing: Any
    """The function, or the class."""
    lines: list[bytes]
    """Its lines, the first at the margin; in bytes, as `ast` counts columns."""
    node: ast.FunctionDef | ast.ClassDef
    scope: ChainMap[str, Any]
    """The meaning of its names: first the variables of functions around it, then its module's names, then Python's."""
    references: list[Reference] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    """The names of the attributes that it reads or sets, but for those of `own_attributes`."""
    own_attributes: set[str] = field(default_factory=set)
    """Those of self."""
    inherited: set[str] = field(default_factory=set)
    """The names that it takes by super()."""

    def text(self, name_of: Callable[[Reference], str], name: str) -> str:
        """Return the text under the name `name`, with each reference called what `name_of` says."""
        edits = list(_without_annotations(self.node, self.lines))
        for reference in self.references:
            if (new := name_of(reference)) != reference.name:
                node = reference.node
                edits.append((node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0, new))
        lines = list(self.lines)
        for first, start, last, stop, new in sorted(edits, reverse=True):
            lines[first - 1 : last] = [lines[first - 1][:start] + new.encode() + lines[last - 1][stop:]]
        text = b"".join(lines).decode().rstrip()
        if name != self.node.name:
            kind = "class" if isinstance(self.node, ast.ClassDef) else "def"
            text = text.replace(f"{kind} {self.node.name}", f"{kind} {name}", 1)
        try:
            ast.parse(text)
        except SyntaxError:
            raise Unprintable(f"its annotations cannot be taken out of {self.node.name}; write it without") from None
        return text


def code_of(thing: Any) -> SourceCode:
    """Read the source of a function, or of a class; raise Unprintable if there is none."""
    thing = inspect.unwrap(thing)
    try:
        text = textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        raise Unprintable(
            f"the source of {thing.__name__} is not to be had, as it is compiled or was typed into a prompt; write it "
            "as a function of plain NumPy into a file"
        ) from None
    try:
        node = ast.parse(text).body[0]
    except SyntaxError:
        node = ast.Pass()  # a lambda in the midst of a call
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        raise Unprintable("it is a lambda, whose source is a part of another line; write it as a function with def")
    lines = text.encode().splitlines(keepends=True)
    if isinstance(thing, type):
        methods = [value for value in map(function_of, vars(thing).values()) if value is not None]
        own = [method.__globals__ for method in methods if method.__globals__.get("__name__") == thing.__module__]
        scope = ChainMap({}, own[0] if own else vars(sys.modules[thing.__module__]), vars(builtins))
    else:
        methods = [thing]
        scope = ChainMap(_enclosed(thing), thing.__globals__, vars(builtins))
    code = SourceCode(thing, lines, node, scope)
    names = set(scope.maps[0]).union(*(_global_names(method.__code__) for method in methods))
    _Reader(code, names).visit(node)
    return code


def function_of(member: Any) -> FunctionType | None:
    """Return the function behind a method, property or static method."""
    for attribute in ("fget", "func", "__func__"):
        member = getattr(member, attribute, member)
    member = inspect.unwrap(member) if callable(member) else member
    return member if isinstance(member, FunctionType) else None


def _enclosed(function: FunctionType) -> dict[str, Any]:
    """Return the variables of an outer function that `function` reads."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    cells.pop("__class__", None)
    try:
        return {name: cell.cell_contents for name, cell in cells.items()}
    except ValueError:
        raise Unprintable(f"{function.__name__} reads a variable of the function around it that has no value") from None


def _global_names(code: CodeType) -> set[str]:
    """Return the names that a function, and each function in it, looks up outside."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_global_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


class _Reader(ast.NodeVisitor):
    """Fills in the references and attributes of a `SourceCode`."""

    def __init__(self, code: SourceCode, names: set[str]) -> None:
        self.code = code
        self.names = names
        self.outside = False
        """True in decorators, default values and bases, which are read where the function is defined."""
        self.selves: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_outside([*node.decorator_list, *node.bases, *node.keywords])
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                self.visit(statement)
            else:
                self._visit_outside([statement])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        if node in (self.code.node, *getattr(self.code.node, "body", ())):
            self._visit_outside([*node.decorator_list, *defaults])
        else:
            for inner in (*node.decorator_list, *defaults):
                self.visit(inner)
        first = [argument.arg for argument in node.args.args[:1]]
        self.selves += first if first == ["self"] else []
        for statement in node.body:
            self.visit(statement)
        if first == ["self"]:
            self.selves.pop()

    def _visit_outside(self, nodes: Iterable[ast.AST]) -> None:
        before, self.outside = self.outside, True
        for node in nodes:
            self.visit(node)
        self.outside = before

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if isinstance(self.code.node, ast.ClassDef) and node in self.code.node.body:
            self.visit(node.annotation)  # the field of a dataclass or a named tuple
        for part in filter(None, (node.target, node.value)):
            self.visit(part)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._refer(node, node.id, ())

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path: list[str] = []
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            path.insert(0, root.attr)
            root = root.value
        if isinstance(root, ast.Name) and self._is_outside(root.id):
            self._refer(node, root.id, path, root)
            return
        own = isinstance(root, ast.Name) and root.id in self.selves
        if isinstance(root, ast.Call) and isinstance(root.func, ast.Name) and root.func.id == "super":
            self.code.inherited.add(path[0])
        (self.code.own_attributes if own else self.code.attributes).add(path[0])
        self.code.attributes.update(path[1:])
        self.visit(root)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr", "setattr"):
            self.code.attributes.update(str(a.value) for a in node.args[1:2] if isinstance(a, ast.Constant))
        self.generic_visit(node)

    def _is_outside(self, name: str) -> bool:
        return self.outside or name in self.names

    def _refer(self, node: ast.expr, name: str, path: Iterable[str], root: ast.expr | None = None) -> None:
        """Note a global name, followed through modules that an exported file cannot import."""
        if not self._is_outside(name):
            return
        if name not in self.code.scope:
            if self.outside:  # a variable of a lambda or a comprehension there
                return
            raise Unprintable(f"it reads the name {name}, which is not defined")
        thing = self.code.scope[name]
        if thing is vars(builtins).get(name):
            self.code.attributes.update(path)
            return
        path, taken = list(path), [name]
        if isinstance(thing, ModuleType) and not can_be_imported(thing.__name__):
            while isinstance(thing, ModuleType) and path:
                taken.append(path.pop(0))
                thing = getattr(thing, taken[-1])
            place = node
            for _ in path:
                assert isinstance(place, ast.Attribute)
                place = place.value
        else:
            place = root or node
        self.code.references.append(Reference(place, ".".join(taken), thing))
        if not isinstance(thing, ModuleType):
            self.code.attributes.update(path)


def can_be_imported(module: str) -> bool:
    """True for the modules that an exported file may import: NumPy and the standard library."""
    return module.partition(".")[0] in ("numpy", *sys.stdlib_module_names)


# ---- annotations ----


def _without_annotations(
    node: ast.FunctionDef | ast.ClassDef, lines: list[bytes]
) -> Iterator[tuple[int, int, int, int, str]]:
    fields = node.body if isinstance(node, ast.ClassDef) else []
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef):
            yield from _plain_signature(inner, lines)
        elif isinstance(inner, ast.AnnAssign) and inner not in fields and inner.value is not None:
            target, annotation = inner.target, inner.annotation
            end = annotation.end_lineno or 0, annotation.end_col_offset or 0
            yield target.end_lineno or 0, target.end_col_offset or 0, *end, ""


def _plain_signature(node: ast.FunctionDef, lines: list[bytes]) -> Iterator[tuple[int, int, int, int, str]]:
    """Return the signature without annotations, on one line if it fits; nothing to change if it has none."""
    args = node.args
    arguments = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    annotated = [node.returns, *(argument.annotation for argument in arguments)]
    if not any(annotated):
        return
    parts: list[Any] = [*arguments, *args.defaults, *filter(None, [*args.kw_defaults, node.returns])]
    last, after = max((part.end_lineno or 0, part.end_col_offset or 0) for part in parts)
    while (colon := lines[last - 1].find(b":", after)) < 0:
        last, after = last + 1, 0
    first, start = node.lineno, node.col_offset
    bare = copy.deepcopy(args)
    for inner in ast.walk(bare):
        if isinstance(inner, ast.arg):
            inner.annotation = None
    listed = ast.unparse(bare)
    text = f"def {node.name}({listed}):"
    if start + len(text) > WIDTH:
        space = " " * (start + 4)
        inside = textwrap.fill(listed, WIDTH, initial_indent=space, subsequent_indent=space)
        text = f"def {node.name}(\n{inside}\n{' ' * start}):"
    yield first, start, last, colon + 1, text
