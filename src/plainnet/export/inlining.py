"""A layer's prediction as one line: its method `predict`, with the layer's own arrays, settings and functions put in.

A method that is one `return` becomes the expression that it returns, so that a Dense layer with a sigmoid is
`sigmoid(weighted_sums(inputs, hidden_weights, hidden_bias))`. Where a method is longer, its object is made in the
program and the method is called.
"""

from __future__ import annotations

import ast
import copy
import inspect
from types import FunctionType, ModuleType
from typing import Any

from plainnet._base.configurable import OWN
from plainnet.activations import ActivationFunction
from plainnet.adapters import FunctionLoss, ObjectLoss, UserActivation
from plainnet.export import wiring
from plainnet.export.code import SourceCode, Unprintable, code_of
from plainnet.export.slicing import SlicedSource
from plainnet.export.source import NamedLayer, assignment, shape
from plainnet.layers.average import Average, mean_of
from plainnet.schedules import FunctionSchedule, Schedule


class Line:
    """The lines from the inputs of one layer to its outputs."""

    def __init__(self, program: SlicedSource, part: NamedLayer) -> None:
        self.program = program
        self.part = part
        self.layer = without_checks(part.layer)
        self.before: list[tuple[str, ast.expr]] = []
        """Values that the expression needs more than once."""
        self.used: list[tuple[Any, str]] = []
        """The functions and constants that the expression names."""
        self.objects: dict[str, Any] = {}
        """Objects that the program makes, by name."""
        self.outputs = self.call(self.layer, "predict", [ast.Name(part.inputs)])

    def lines(self) -> list[str]:
        """Return the lines, for the inside of a function."""
        size = shape(["rows", self.part.units])
        return [assignment(*pair, size) for pair in (*self.before, (self.part.outputs, self.outputs))]

    def definitions(self) -> list[str]:
        """Return the texts of the functions and classes that are not printed yet."""
        used = [text for thing, name in self.used for text in self.program.definitions(thing, wanted=name)]
        return used + self.program.definitions(*self.objects.values())

    def made(self) -> list[str]:
        """Return the lines that make the objects, outside the function."""
        texts = []
        for name, thing in self.objects.items():
            asked = self.program.asked(thing)
            arrays = self.part.arrays if thing is self.layer else {}
            more = {attribute: self.part.array_name(attribute) for attribute in arrays if attribute in asked}
            texts.append(f"{name} = {self.program.made(thing, more)}")
        return texts

    def call(self, thing: Any, method: str, arguments: list[ast.expr], place: str = "layer") -> ast.expr:
        """Return the expression for thing.method(arguments)."""
        member = inspect.getattr_static(type(thing), method)
        if isinstance(member, staticmethod) and not _is_written_in_a_class(member.__func__):
            return ast.Call(self.reference(member.__func__), arguments, [])
        code, names, expression = _one_line(member)
        if code is None or len(names) != len(arguments) + 1:
            self.program.attributes.add(method)
            return ast.Call(ast.Attribute(self.object(thing, place), method), arguments, [])
        given = dict(zip(names[1:], arguments, strict=True))
        for name, argument in given.items():
            if not isinstance(argument, ast.Name | ast.Constant) and _uses(expression, name) > 1:
                self.before.append((f"{self.part.name}_sums", argument))
                given[name] = ast.Name(f"{self.part.name}_sums")
        outside = {reference.name: reference.thing for reference in code.references}
        return _Filled(self, names[0], thing, place, given, outside).visit(copy.deepcopy(expression))

    def attribute(self, thing: Any, name: str, place: str) -> ast.expr:
        """Return the expression for an attribute: one of the layer's arrays, a setting, or an object's own."""
        if thing is self.layer and name in self.part.arrays:
            return ast.Name(self.part.array_name(name))
        value = getattr(thing, name)
        if value is None or isinstance(value, bool | int | float | str):
            return ast.Constant(value)
        if isinstance(value, FunctionType) and not _is_written_in_a_class(value):
            return self.reference(value)
        self.program.attributes.add(name)
        return ast.Attribute(self.object(thing, place), name)

    def reference(self, thing: Any, name: str = "") -> ast.expr:
        """Return the expression for a function, module or constant from outside the layer."""
        if not isinstance(thing, ModuleType):
            self.program.use(thing, part=called(self.part))
            self.used.append((thing, name))
        return ast.Name(self.program.name(thing, name))

    def object(self, thing: Any, place: str) -> ast.expr:
        """Return the name of an object that the program makes, such as hidden_activation."""
        name = f"{self.part.name}_{place}"
        self.objects[name] = thing
        self.program.use(thing, part=called(self.part))
        return ast.Name(name)


class MeanLines(Line):
    """Return the lines of an Average: those of the layers of its branches, and the mean."""

    def __init__(self, program: SlicedSource, part: NamedLayer) -> None:
        self.program, self.part, self.layer = program, part, part.layer
        self.before, self.used, self.objects = [], [], {}
        self.inner: list[Line] = []
        ends: list[ast.expr] = []
        for i, branch in enumerate(part.layer.branches):
            inputs, features = part.inputs, part.features
            for j, layer in enumerate(branch):
                (units,) = layer.output_shape((features,))
                name = f"{part.name}_{i}_{j}"  # as `NamedLayer.array_name` has it
                line = line_of(program, NamedLayer(part.index, layer, name, inputs, name, features, units, part.learns))
                self.inner.append(line)
                inputs, features = name, units
            ends.append(ast.Name(inputs))
        self.outputs = ast.Call(self.reference(mean_of), ends, [])

    def lines(self) -> list[str]:
        return [text for line in self.inner for text in line.lines()] + super().lines()

    def definitions(self) -> list[str]:
        return [text for line in self.inner for text in line.definitions()] + super().definitions()

    def made(self) -> list[str]:
        return [text for line in self.inner for text in line.made()]


def line_of(program: SlicedSource, part: NamedLayer) -> Line:
    """Return the lines of a layer."""
    return (MeanLines if isinstance(part.layer, Average) else Line)(program, part)


class _Filled(ast.NodeTransformer):
    """An expression with `self`, its arguments and its outside names filled in."""

    def __init__(
        self, line: Line, own: str, thing: Any, place: str, given: dict[str, ast.expr], outside: dict[str, Any]
    ) -> None:
        self.line = line
        self.own = own
        """The name that the method gives self."""
        self.thing = thing
        self.place = place
        self.given = given
        self.outside = outside

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Attribute) and not node.keywords:
            owner, place = self._owner(node.func.value)
            if owner is not None and node.func.attr not in vars(owner):
                arguments = [self.visit(argument) for argument in node.args]
                return self.line.call(owner, node.func.attr, arguments, place)
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        owner, place = self._owner(node.value)
        if owner is not None:
            return self.line.attribute(owner, node.attr, place)
        if (name := ast.unparse(node)) in self.outside:
            return self.line.reference(self.outside[name], node.attr)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.given:
            return copy.deepcopy(self.given[node.id])
        if node.id == self.own:
            return self.line.object(self.thing, self.place)
        return self.line.reference(self.outside[node.id], node.id) if node.id in self.outside else node

    def _owner(self, node: ast.expr) -> tuple[Any, str]:
        """Return the object that an expression such as self, or self.activation, is, and its name there."""
        if isinstance(node, ast.Name) and node.id == self.own:
            return self.thing, self.place
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self.own:
            value = vars(self.thing).get(node.attr)
            if hasattr(value, "__dict__") and not isinstance(value, FunctionType):
                return value, node.attr
        return None, ""


def _one_line(method: Any) -> tuple[SourceCode | None, list[str], ast.expr]:
    """Return the code, arguments and result of a method that is one `return`, after its docstring; None for another."""
    nothing = None, list[str](), ast.Constant(None)
    if not isinstance(method, FunctionType):
        return nothing
    try:
        code = code_of(method)
    except Unprintable:
        return nothing  # the program says why
    node = code.node
    assert isinstance(node, ast.FunctionDef)
    match node.body[ast.get_docstring(node) is not None :]:
        case [ast.Return(value=ast.expr() as result)] if not node.decorator_list:
            if not any(isinstance(inner, ast.Lambda) or _is_super(inner) for inner in ast.walk(result)):
                return code, [argument.arg for argument in node.args.args], result
    return nothing


def _is_super(node: ast.AST) -> bool:
    """Return True for the name `super`, which has a meaning inside a method alone."""
    return isinstance(node, ast.Name) and node.id == "super"


def _is_written_in_a_class(function: Any) -> bool:
    return "." in function.__qualname__.rpartition("<locals>.")[2]


def _uses(expression: ast.expr, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(expression))


def called(part: NamedLayer) -> str:
    """Return what a message calls a layer."""
    activation = getattr(part.layer, "activation", None)
    own = f" with {activation.name.removeprefix(OWN)}" if isinstance(activation, UserActivation) else ""
    return f"layers[{part.index}], {type(part.layer).__name__}{own},"


def without_checks(part: Any) -> Any:
    """Return a copy of a part of the training that takes what the user's own functions return as it is."""
    match part:
        case UserActivation():
            kind = wiring.ActivationOfObject if hasattr(part.own, "value") else wiring.ActivationOfFunction
            return kind(part.own)
        case FunctionLoss():
            return wiring.LossOfFunction(part.function)
        case ObjectLoss():
            return wiring.LossOfObject(part.own)
        case FunctionSchedule():
            return wiring.ScheduleOfFunction(part.function)
    part = copy.copy(part)  # a layer's copy has no numbers
    for name, value in list(vars(part).items()):
        if isinstance(value, Schedule | ActivationFunction):
            setattr(part, name, without_checks(value))
    if isinstance(part, Average):
        part.branches = [[without_checks(layer) for layer in branch] for branch in part.branches]
    return part
