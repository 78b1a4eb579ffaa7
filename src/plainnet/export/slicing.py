"""A program out of a library: all that some functions and objects need, as source, and nothing else.

`SlicedSource` begins at roots and follows what they use: functions and constants by their names; of a class the
methods that anything in the program asks for by name, each from the class that an object really takes it from. What is
printed is the source itself, without annotations; the checks in constructors stay behind, as an object is made again
from its attributes.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import Any

import numpy as np

from plainnet.errors import InvalidValue, PlainnetError
from plainnet.export.code import Reference, SourceCode, Unprintable, can_be_imported, code_of, function_of
from plainnet.export.source import WIDTH, bracketed, free_name, literal


class Part:
    """A part of the network or of its training: its settings are its attributes."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


class SlicedSource:
    """Collects what is needed, and then prints it.

    `given` are names that the program defines by other means, for functions of the module `wiring`.
    """

    def __init__(self, given: Iterable[str] = (), wiring: str = "") -> None:
        self.given = set(given)
        self.wiring = wiring
        self.names: dict[Any, str] = {}
        """The name of each thing, by its key."""
        self.things: dict[str, Any] = dict.fromkeys(self.given)
        """The function, class or constant of each name."""
        self.imports: dict[str, str] = {}
        """The import lines, by the name that they define."""
        self.codes: dict[int, SourceCode] = {id(Part): code_of(Part)}
        self.objects: dict[int, Any] = {}
        self.computed: dict[tuple[int, str], Any] = {}
        """The values of the objects' properties, by object and name."""
        self.classes: dict[type, dict[str, Any]] = {}
        """The members in use of each class whose objects are in the program."""
        self.attributes: set[str] = {"__call__"}
        self.own_attributes: dict[type, set[str]] = {}
        """The attributes that the methods of each class take of self."""
        self.origin: dict[int, str] = {}
        """The name by which the user knows a thing, for messages."""
        self.part = "the network"
        self.printed: set[str] = set()

    # ---- collecting ----

    def use(self, *things: Any, part: str = "") -> None:
        """Take things in, with what they need; InvalidValue if one has no source, which names it as `part`."""
        self.part = part or self.part
        for thing in things:
            self._visit(thing)
        while True:
            before = self._size()
            for thing in list(self.objects.values()):
                self.part = self.origin[id(thing)]
                self._reach(thing)
            if before == self._size():
                return

    def _size(self) -> tuple[int, ...]:
        own = sum(map(len, self.own_attributes.values()))
        return len(self.attributes), own, len(self.codes), len(self.objects), sum(map(len, self.classes.values()))

    def _visit(self, value: Any) -> None:
        """Take in a value: a plain one, a function, a class, or an object."""
        if isinstance(value, tuple | list | set | frozenset):
            for item in value:
                self._visit(item)
        elif isinstance(value, dict):
            for item in () if _are_classes(value) else value.items():
                self._visit(item)
        elif isinstance(value, np.ndarray | np.generic | np.dtype) or _is_plain(value):
            pass
        elif isinstance(value, type | FunctionType | BuiltinFunctionType | np.ufunc):
            self._visit_defined(inspect.unwrap(value))
        elif isinstance(value, ModuleType):
            self._fail(f"it uses the module {value.__name__} as a whole; let it use the function itself")
        elif not hasattr(value, "__dict__") or can_be_imported(type(value).__module__):
            self._fail(f"it holds {_shortened(value)}, which is no plain value; let it hold numbers, texts or arrays")
        elif id(value) not in self.objects:
            self.objects[id(value)] = value
            self.origin[id(value)] = self.part
            for cls in type(value).__mro__[:-1]:
                self.classes.setdefault(cls, {})

    def _visit_defined(self, thing: Any) -> None:
        """Take in a function, or a class that is called by its name."""
        if _builtin_of(thing) is not None or self._imported(thing) is not None or thing in self.classes:
            return
        if id(thing) not in self.codes:
            if not isinstance(thing, type | FunctionType):
                self._fail(f"it uses {thing.__name__}; {_AVAILABLE}")
            code = self._read(thing)
            self.attributes |= code.own_attributes

    def _read(self, thing: Any) -> SourceCode:
        """Read a function or class and take in what it names."""
        module = "" if _is_ours(thing) or thing.__module__ == "__main__" else thing.__module__
        file = getattr(sys.modules.get(module), "__file__", None) or ""
        if file.startswith((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))):
            self._fail(f"it uses {thing.__name__} of {module}; {_AVAILABLE}")
        try:
            code = self.codes[id(thing)] = code_of(thing)
        except Unprintable as error:
            self._fail(str(error))
        self.attributes |= code.attributes
        for reference in code.references:
            can_import = isinstance(reference.thing, ModuleType) and can_be_imported(reference.thing.__name__)
            if not can_import and not self._is_given(code, reference):
                self._visit(reference.thing)
        return code

    def _is_given(self, code: SourceCode, reference: Reference) -> bool:
        return reference.name in self.given and code.thing.__module__ == self.wiring

    def _reach(self, thing: Any) -> None:
        """Take in the attributes and methods of an object that the program asks for."""
        mro = type(thing).__mro__[:-1]
        for name in self.asked(thing):
            if name in vars(thing):
                self._visit(vars(thing)[name])
            else:
                self._reach_member(thing, mro, name)

    def asked(self, thing: Any) -> set[str]:
        """Return the attributes that the program may ask an object for."""
        return self.attributes.union(*(self.own_attributes.get(cls, ()) for cls in type(thing).__mro__))

    def _reach_member(self, thing: Any, mro: tuple[type, ...], name: str) -> None:
        """Take in a member from the first class that has it, and from the next one if that asks by super()."""
        for place, cls in enumerate(mro):
            if name not in vars(cls) or _is_missing(vars(cls)[name]):
                continue
            member = vars(cls)[name]
            following = [vars(base)[name] for base in mro[place + 1 :] if name in vars(base)]
            if following and following[0] is member:
                continue  # it is taken over from there
            if _is_setting(cls, member):
                self._visit(self._computed(thing, name))
                return
            if name not in self.classes[cls]:
                self.classes[cls][name] = member
                self._visit_member(cls, name, member)
            function = function_of(member)
            code = self.codes.get(id(function))
            for asked in code.inherited if code and _is_defined_in(cls, name, function) else ():
                self._reach_member(thing, mro[place + 1 :], asked)
            return

    def _visit_member(self, cls: type, name: str, member: Any) -> None:
        function = function_of(member)
        if owner := _owner(cls, name, function):  # such as predict = Layer.predict
            self.classes[owner][name] = vars(owner)[name]
            cls = owner
        elif function is None or not _is_defined_in(cls, name, function):
            self._visit(function or member)
            return
        assert function is not None
        if id(function) not in self.codes:
            code = self._read(function)
            self.own_attributes.setdefault(cls, set()).update(code.own_attributes)

    def _fail(self, reason: str) -> None:
        raise InvalidValue(f"{self.part} cannot be written out as source: {reason}")

    def _imported(self, thing: Any) -> str | None:
        """Return the import line of what comes from NumPy or the standard library, else None."""
        name = getattr(thing, "__name__", "")
        module = getattr(thing, "__module__", None) or "numpy"
        if can_be_imported(module) and getattr(sys.modules.get(module), name, None) is thing:
            return f"from {module} import {name}"
        return None

    # ---- names ----

    def name(self, thing: Any, wanted: str = "") -> str:
        """Return the name of a function, class, module or constant in the program, `wanted` if that is free."""
        if builtin := _builtin_of(thing):
            return builtin.__name__
        if isinstance(thing, ModuleType):
            line = f"import {thing.__name__}" + (f" as {wanted}" if wanted != thing.__name__ else "")
            key: Any = line
        else:
            thing = inspect.unwrap(thing) if callable(thing) else thing
            line = self._imported(thing) or ""
            wanted = thing.__name__ if isinstance(thing, type | FunctionType) or line else wanted
            key = repr(thing) if _is_plain(thing) or isinstance(thing, tuple | list | dict) else id(thing)
        if (key, wanted) not in self.names:
            taken = [name for name, other in self.things.items() if other is not thing]
            name = self.names[key, wanted] = free_name(wanted, taken)
            self.things[name] = thing
            if line:
                self.imports[name] = line if name == wanted else f"{line} as {name}"
        return self.names[key, wanted]

    def _name_of(self, code: SourceCode) -> Any:
        def name_of(reference: Reference) -> str:
            if self._is_given(code, reference):
                return reference.name
            return self.name(reference.thing, reference.name.rpartition(".")[2])

        return name_of

    # ---- printing ----

    def value(self, value: Any) -> str:
        """Return an expression that makes a value again."""
        match value:
            case tuple():
                items = [self.value(item) for item in value]
                return f"({', '.join(items)}{',' * (len(items) == 1)})"
            case list():
                return f"[{', '.join(map(self.value, value))}]"
            case dict():
                kept = {k: v for k, v in value.items() if not _are_classes(value) or v in self.classes}
                return "{" + ", ".join(f"{self.value(k)}: {self.value(v)}" for k, v in kept.items()) + "}"
            case np.ndarray() | np.generic() | np.dtype():
                np_ = self.name(np, "np")
                if isinstance(value, np.ndarray):
                    return f"{np_}.array({value.tolist()!r}, dtype={np_}.{value.dtype})"
                return f"{np_}.dtype({value.name!r})" if isinstance(value, np.dtype) else f"{np_}.{value!r}"[3:]
            case FunctionType() | type() | BuiltinFunctionType() | np.ufunc():
                return self.name(value, getattr(value, "__name__", ""))
        return literal(value) if _is_plain(value) or isinstance(value, set | frozenset) else self.made(value)

    def settings(self, thing: Any) -> dict[str, Any]:
        """Return the attributes of an object that the program asks for."""
        mro = type(thing).__mro__[:-1]
        asked = self.asked(thing)
        found = {name: value for name, value in vars(thing).items() if name in asked}
        members = {name: cls for cls in reversed(mro) for name in vars(cls)}
        computed = [name for name, cls in members.items() if name in asked and _is_setting(cls, vars(cls)[name])]
        return found | {name: self._computed(thing, name) for name in sorted(computed) if name not in found}

    def _computed(self, thing: Any, name: str) -> Any:
        """Return the value of a property, which may be an object that is made at each call, always the same one."""
        key = id(thing), name
        if key not in self.computed:
            self.computed[key] = getattr(thing, name)
        return self.computed[key]

    def made(self, thing: Any, more: Mapping[str, str] = MappingProxyType({}), indent: int = 0) -> str:
        """Return the expression that makes an object of the program again; `more` are attributes as source."""
        settings = {name: self.value(value) for name, value in self.settings(thing).items() if name not in more}
        return bracketed(
            f"{self.name(type(thing))}(", [f"{name}={text}" for name, text in {**settings, **more}.items()], ")", indent
        )

    def definitions(self, *roots: Any, wanted: str = "") -> list[str]:
        """Return the texts of the roots and of what they need and is not printed yet, in order."""
        return [text for root in roots for text in self._define(root, wanted)]

    def needed_by(self, *functions: Any) -> list[str]:
        """Return the texts of what some functions need and is not printed yet, without the functions."""
        codes = [self.codes[id(inspect.unwrap(function))] for function in functions]
        return [text for code in codes for text in self._define_needed(code)]

    def text(self, function: Any, name: str = "") -> str:
        """Return the text of a function."""
        code = self.codes[id(inspect.unwrap(function))]
        return code.text(self._name_of(code), name or code.node.name)

    def _define(self, thing: Any, wanted: str = "") -> Iterator[str]:
        thing = inspect.unwrap(thing) if callable(thing) else thing
        if isinstance(thing, ModuleType):
            self.name(thing, wanted)
            return
        if isinstance(thing, tuple | list | set | frozenset | dict) and not wanted:
            for item in (*thing, *thing.values()) if isinstance(thing, dict) else thing:
                if not isinstance(item, type) or item in self.classes:
                    yield from self._define(item)
            return
        if id(thing) in self.objects and not wanted:
            yield from self._define(type(thing))
            for value in self.settings(thing).values():
                yield from self._define(value)
            return
        if (_is_plain(thing) or isinstance(thing, np.ndarray | np.generic | np.dtype)) and not wanted:
            return
        name = self.name(thing, wanted)
        if name in self.printed or name in self.imports or _builtin_of(thing) is not None:
            return
        self.printed.add(name)
        if isinstance(thing, type) and thing in self.classes:
            yield from self._define_class(thing)
        elif isinstance(thing, type | FunctionType):
            yield from self._define_code(self.codes[id(thing)], name)
        else:
            yield from self._define(thing)
            yield f"{name} = {self.value(thing)}"

    def _define_needed(self, code: SourceCode) -> Iterator[str]:
        for reference in code.references:
            if not self._is_given(code, reference):
                wanted = reference.name.rpartition(".")[2]
                constant = not isinstance(reference.thing, type | FunctionType)
                line = _line_of(code, wanted, reference.thing) if constant and wanted == reference.name else None
                for text in self._define(reference.thing, wanted):
                    yield line if line and text == f"{wanted} = {self.value(reference.thing)}" else text

    def _define_code(self, code: SourceCode, name: str) -> Iterator[str]:
        yield from self._define_needed(code)
        yield code.text(self._name_of(code), name)

    def _define_class(self, cls: type) -> Iterator[str]:
        bases = list(self._bases(cls))
        for base in bases:
            yield from self._define(base)
        members = self.classes[cls]
        body = [f'    """{_indented(cls.__doc__)}"""', ""] if cls.__doc__ else []
        for name in [name for name in vars(cls) if name in members]:
            member, function = members[name], function_of(members[name])
            code = self.codes.get(id(function))
            if code and _is_defined_in(cls, name, function):
                yield from self._define_needed(code)
                lines = code.text(self._name_of(code), name).splitlines()
                body += [*[""] * bool(body and body[-1]), *(f"    {line}".rstrip() for line in lines), ""]
            else:
                owner = _owner(cls, name, function)
                yield from () if owner else self._define(function or member)
                text = f"{self.name(owner)}.{name}" if owner else self.value(function or member)
                body.append(f"    {name} = {f'staticmethod({text})' if isinstance(member, staticmethod) else text}")
        head = f"class {self.name(cls)}({', '.join(map(self.name, bases)) or 'Part'}):"
        if not bases:
            yield from self._define(Part)
        yield "\n".join([head, *(body or ["    pass"])]).rstrip()

    def _bases(self, cls: type) -> Iterator[type]:
        """Return the nearest classes above that are printed, too."""
        for base in cls.__bases__:
            if base is object:
                continue
            if self.classes.get(base) or base not in self.classes:
                yield base
            else:
                yield from self._bases(base)


_AVAILABLE = "an exported file has only NumPy and the standard library"


def _is_plain(value: Any) -> bool:
    return value is None or value is Ellipsis or isinstance(value, bool | int | float | complex | str | bytes)


def _are_classes(value: Any) -> bool:
    """True for a registry, of which the program holds what it uses."""
    return isinstance(value, dict) and bool(value) and all(isinstance(item, type) for item in value.values())


def _is_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("plainnet.")


def _is_setting(cls: type, member: Any) -> bool:
    """True for a property of plainnet, whose value an object of the program holds as an attribute."""
    return _is_ours(cls) and isinstance(member, property)


def _is_missing(member: Any) -> bool:
    """True for what stands in for a method that a subclass has to have."""
    return getattr(member, "__module__", None) == "plainnet._base.configurable"


def _is_defined_in(cls: type, name: str, function: FunctionType | None) -> bool:
    """True if a method is written in the class itself, and not a function that the class only takes in."""
    return function is not None and function.__qualname__ == f"{cls.__qualname__}.{name}"


def _owner(cls: type, name: str, function: FunctionType | None) -> type | None:
    """Return the class above in which a method that `cls` takes over past its next base is written."""
    return next((base for base in cls.__mro__[1:] if _is_defined_in(base, name, function)), None)


def _builtin_of(thing: Any) -> type | None:
    """Return a built-in class, or the one that an error of plainnet is."""
    if not isinstance(thing, type):
        return None
    if issubclass(thing, PlainnetError):
        return next(cls for cls in thing.__mro__ if cls.__module__ == "builtins")
    return thing if thing.__module__ == "builtins" else None


def _line_of(code: SourceCode, name: str, value: Any) -> str | None:
    """Return the line in the module that defines a constant, with its comment, if it is one line."""
    try:
        text = inspect.getsource(sys.modules[code.thing.__module__])
        found = re.search(rf"^{name} = (.*)$", text, re.MULTILINE)
        return found[0] if found and ast.literal_eval(found[1]) == value else None
    except (KeyError, OSError, TypeError, ValueError, SyntaxError):
        return None


def _indented(text: str) -> str:
    """Return a docstring's text, for the inside of a class; without examples, which import plainnet."""
    told = [block for block in inspect.cleandoc(text).split("\n\n") if not block.startswith(">>> ")]
    lines = "\n\n".join(told or [text]).replace("\\", "\\\\").replace('"""', '\\"\\"\\"').splitlines()
    end = "\n    " if len(lines) > 1 else ""
    return "\n".join([lines[0], *(f"    {line}".rstrip() for line in lines[1:])]) + end


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) < WIDTH else f"{type(value).__name__} object"
