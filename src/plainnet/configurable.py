"""Objects that are their settings: what a description, a file, a `repr` and a rebuilt copy all read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from plainnet.checks import closest
from plainnet.errors import InvalidType, InvalidValue


class Configurable:
    """An object that keeps each argument of its constructor under the argument's own name.

    That one convention is all a layer, activation, loss, initializer, optimizer or schedule has to follow for
    `describe` to turn it into plain data and `build` to make it again. No registration is involved.
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments and their present values, in order."""
        return {argument: getattr(self, argument) for argument in _defaults(type(self))}

    def __repr__(self) -> str:
        defaults = _defaults(type(self))
        given = {k: v for k, v in self.settings().items() if not _same(v, defaults[k])}
        return f"{type(self).__name__}({', '.join(f'{k}={_short(v)!r}' for k, v in given.items())})"


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
    return bool(_short(value) == default)


def _short(value: Any) -> Any:
    """A nested object by its name alone where it has its default settings."""
    description = describe(value)
    return value if isinstance(description, dict) else description


def describe(thing: Any) -> Any:
    """`thing` as plain data.

    An object of ours is its name where all its settings are the defaults, otherwise a dict of `name` and
    settings; a user's own function or object is its name; numbers, strings and None are themselves.
    """
    if isinstance(thing, Configurable):
        settings = {k: describe(v) for k, v in thing.settings().items()}
        if not settings or settings == _defaults(type(thing)):
            return thing.name
        return {"name": thing.name, **settings}
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if thing is None or isinstance(thing, bool | int | float | str | dict):
        return thing
    return getattr(thing, "__name__", type(thing).__name__)


def build(
    kind: str,
    description: Any,
    known: Mapping[str, Callable[..., Any]],
    custom: Iterable[Any] = (),
) -> Any:
    """The object that `describe` gave `description` for; `custom` are the user's own classes and functions."""
    own = {getattr(thing, "__name__", type(thing).__name__): thing for thing in custom}
    if isinstance(description, str):
        description = {"name": description}
    if not isinstance(description, dict) or not isinstance(description.get("name"), str):
        raise InvalidType(f"{kind} is {description!r}; it takes a name, or a dict with 'name' and settings")
    name = description["name"]
    settings = {k: own.get(v, v) if isinstance(v, str) else v for k, v in description.items() if k != "name"}
    maker = own.get(name, known.get(name))
    if maker is None:
        raise InvalidValue(f"{kind} {name!r} is unknown; {closest(name, known)}")
    if not settings and not isinstance(maker, type):
        return maker
    if isinstance(maker, type):
        _check_settings(f"{kind} {name!r}", settings, _defaults(maker))
    return maker(**settings)


def _check_settings(what: str, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    for setting in settings:
        if setting not in defaults:
            raise InvalidValue(f"{what} takes no {setting}; it takes {', '.join(defaults) or 'no settings'}")
    for setting, default in defaults.items():
        if default is _REQUIRED and setting not in settings:
            raise InvalidValue(f"{what} needs {setting}")
