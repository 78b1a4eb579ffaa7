"""Objects that are their settings: what a description, a file, a `repr` and a rebuilt copy all read."""

import copy
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from plainnet._base.checks import closest
from plainnet.errors import InvalidType, InvalidValue


class Configurable:
    """An object that keeps each argument of its constructor under the argument's own name.

    That one convention is all a layer, activation, loss, initializer, optimizer or schedule has to follow for
    `describe` to turn it into plain data and `build` to make it again. No registration is involved.
    """

    name: ClassVar[str] = ""

    changes: ClassVar[int] = 0
    """This counts the settings that were set on any such object; what was made from settings is good until then."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        Configurable.changes += 1

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments and their present values, in order."""
        return {argument: getattr(self, argument) for argument in _defaults(type(self))}

    def __repr__(self) -> str:
        defaults = _defaults(type(self))
        given = {k: v for k, v in self.settings().items() if not _same(v, defaults[k])}
        return f"{type(self).__name__}({', '.join(f'{k}={_short(v)!r}' for k, v in given.items())})"


class Adjustable(Configurable):
    """A `Configurable` whose settings scikit-learn's searches reach by name, such as solver__learning_rate."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments; `deep` adds those of objects among them, as argument__setting."""
        arguments = {name: getattr(self, name) for name in _defaults(type(self)) if hasattr(self, name)}
        inner = {
            f"{name}__{setting}": value
            for name, part in arguments.items()
            if deep and isinstance(part, Adjustable)
            for setting, value in part.get_params().items()
        }
        return arguments | inner

    def set_params(self, **settings: Any) -> Self:
        """Change settings as if the object were made anew with them; argument__setting changes an object's own."""
        arguments = self.get_params(deep=False)
        changed = {name: value for name, value in settings.items() if "__" not in name}
        _check_settings(type(self).__name__, changed, dict.fromkeys(arguments))
        arguments |= changed
        for name, value in settings.items():
            argument, nested, setting = name.partition("__")
            if nested:
                part = arguments.get(argument)
                if not isinstance(part, Adjustable):
                    raise InvalidValue(f"{name} cannot be set: {argument} is {part!r}, which has no settings")
                arguments[argument] = copy.deepcopy(part).set_params(**{setting: value})
        type(self).__init__(self, **arguments)
        return self

    def __sklearn_clone__(self) -> Self:
        return copy.deepcopy(self)


def without_nan(data: Any) -> Any:
    """Return plain data with None in place of each number that is not finite, as JSON has no such numbers."""
    if isinstance(data, Mapping):
        return {name: without_nan(part) for name, part in data.items()}
    if isinstance(data, list | tuple):
        return [without_nan(part) for part in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def needed(method: str, docstring: str) -> Callable[..., Any]:
    """Stand in for a method that a subclass has to have, such as "value(z)": raise NotImplementedError."""

    def missing(self: Configurable, *arguments: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method {method}")

    names = ["self", *method.partition("(")[2].rstrip(")").split(", ")]
    taken = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    missing.__doc__, missing.__signature__ = docstring, inspect.Signature(taken)  # type: ignore[attr-defined]
    return missing


Part = TypeVar("Part", bound=Configurable)


def parts(base: type[Part], module: Mapping[str, Any]) -> dict[str, type[Part]]:
    """Return the subclasses of `base` that a module (its `globals()`) has so far, by their names; "" is no name."""
    classes = [thing for thing in module.values() if isinstance(thing, type) and issubclass(thing, base)]
    return {cls.name: cls for cls in classes if cls is not base and cls.name}


_REQUIRED = object()


def _defaults(cls: type) -> dict[str, Any]:
    """Each argument of the constructor of `cls`, with its default or `_REQUIRED`."""
    if cls.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    code = cls.__init__.__code__  # type: ignore[misc]
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    positional = cls.__init__.__defaults__ or ()  # type: ignore[misc]
    first_default = code.co_argcount - 1 - len(positional)
    defaults = dict.fromkeys(names, _REQUIRED)
    defaults.update(zip(names[first_default : code.co_argcount - 1], positional, strict=True))
    defaults.update(cls.__init__.__kwdefaults__ or {})  # type: ignore[misc]
    return defaults


def _same(value: Any, default: Any) -> bool:
    return bool(np.all(_short(value) == default))


def _short(value: Any) -> Any:
    """Return a nested object by its name alone where it has its default settings."""
    description = describe(value)
    return description if isinstance(description, str) else value


OWN = "own:"
"""The beginning of the name of every user's class or function in a description."""


def describe(thing: Any) -> Any:
    """`thing` as plain data.

    An object of ours is its name where all its settings are the defaults, otherwise a dict of `name` and settings.
    A user's own class or function goes by "own:" and its name, so that none is taken for one of ours. Numbers,
    strings, lists and None are themselves.
    """
    if isinstance(thing, Configurable):
        settings = {k: describe(v) for k, v in thing.settings().items()}
        name = thing.name if _is_ours(thing) else own_name(thing)
        return name if not settings or settings == _defaults(type(thing)) else {"name": name, **settings}
    if isinstance(thing, np.floating):
        return float(thing)  # of a longdouble, `tolist` gives a longdouble
    if isinstance(thing, np.generic | np.ndarray):
        return thing.tolist()
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if isinstance(thing, Mapping):
        return {name: describe(part) for name, part in thing.items()}
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    return own_name(thing)


def _is_ours(thing: Configurable) -> bool:
    return type(thing).__module__.startswith("plainnet.") or thing.name.startswith(OWN)


def own_name(thing: Any) -> str:
    """Return how a description names a user's own class, object or function."""
    name = shown_name(thing)
    return name if name.startswith(OWN) else OWN + name


def shown_name(thing: Any) -> str:
    """Return how a message names a class, object or function."""
    return getattr(thing, "__name__", type(thing).__name__)


def build(
    kind: str,
    description: Any,
    known: Mapping[str, Callable[..., Any]],
    custom: Iterable[Any] = (),
) -> Any:
    """Return the object that `describe` gave `description` for; `custom` are the user's own classes and functions."""
    if isinstance(description, str):
        description = {"name": description}
    if not isinstance(description, dict) or not isinstance(description.get("name"), str):
        raise InvalidType(f"{kind} is {description!r}; it takes a name, or a dict with 'name' and settings")
    own = {own_name(thing): thing for thing in custom}
    name = description["name"]
    if name.startswith(OWN) and name not in own:
        raise InvalidValue(f"{kind} {name!r} is unknown: it is none of plainnet's")
    maker = own.get(name) or known.get(name)
    if maker is None:
        raise InvalidValue(f"{kind} {name!r} is unknown; {closest(name, known)}")
    settings = {k: _own_parts(k, v, own) for k, v in description.items() if k != "name"}
    if not settings and name in own and not isinstance(maker, type):
        return maker
    if isinstance(maker, type):
        _check_settings(f"{kind} {name!r}", settings, _defaults(maker))
    return maker(**settings)


def _own_parts(setting: str, value: Any, own: Mapping[str, Any]) -> Any:
    """Return a setting with what is the user's own in it built; all else is left to the constructor."""
    name = value.get("name") if isinstance(value, dict) else value
    if isinstance(name, str) and name.startswith(OWN):
        return build(setting, value, {}, own.values())
    if isinstance(value, dict):
        return {k: _own_parts(k, v, own) for k, v in value.items()}
    if isinstance(value, list):
        return [_own_parts(setting, part, own) for part in value]
    return value


def _check_settings(what: str, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    for setting in settings:
        if setting not in defaults:
            raise InvalidValue(f"{what} takes no {setting}; it takes {', '.join(defaults) or 'no settings'}")
    for setting, default in defaults.items():
        if default is _REQUIRED and setting not in settings:
            raise InvalidValue(f"{what} needs {setting}")
