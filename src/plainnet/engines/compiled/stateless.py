"""Parts whose own state changes from step to step: machine code would not change it, so they are not compiled."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from plainnet.engines.compiled.loops import Unsupported
from plainnet.tracing.graph import Graph
from plainnet.tracing.symbol import NumberSymbol, Symbol
from plainnet.tracing.tracer import trace
from plainnet.tracing.untraceable import Untraceable

Part = TypeVar("Part")


def copies(parts: Part) -> Part:
    """Return copies, so that tracing leaves the parts themselves as they are."""
    try:
        return copy.deepcopy(parts)
    except Exception as error:
        raise Unsupported(f"a part of it cannot be copied ({error})") from None


def trace_stateless(parts: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> Graph:
    """Return the graph of a function that calls the parts; raise Unsupported if it changes their attributes."""
    before = [_attributes(part) for part in parts]
    try:
        graph = trace(function, *arguments)
    except (Untraceable, Unsupported):
        raise
    except Exception as error:  # of the user's code, which meets a symbol where it expects an array
        raise Unsupported(f"it cannot be traced: {type(error).__name__}: {error}") from None
    for part, old in zip(parts, before, strict=True):
        for name, value in _attributes(part).items():
            if _differs(old.get(name), value):
                raise Unsupported(
                    f"{type(part).__name__} keeps a state of its own: its attribute {name!r} changes from step to step"
                )
    return graph


def _differs(old: Any, new: Any) -> bool:
    """Return True if a value has changed, other than to an array that is made anew in each step."""
    if isinstance(new, dict):
        return any(_differs(old.get(key) if isinstance(old, dict) else None, value) for key, value in new.items())
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return any(map(_differs, old, new))
    return bool(new != old and new != "symbol")


def _attributes(part: Any) -> dict[str, Any]:
    """Return what stands for each attribute in a comparison, without the arrays of a network."""
    return {name: _stand_in(value, (id(part),)) for name, value in _state(part).items()}


def _state(part: Any) -> dict[str, Any]:
    """Return the attributes of an object, without those of a layer that the network gives it."""
    own = getattr(part, "__dict__", {})
    hidden = {"_views", "_claimed", *own.get("_views", {})}
    return {name: value for name, value in own.items() if name not in hidden}


def _stand_in(value: Any, above: tuple[int, ...]) -> Any:
    """Return something that compares equal as long as the value is the same."""
    if isinstance(value, Symbol | NumberSymbol):
        return "symbol"
    if isinstance(value, np.ndarray | np.generic):
        return (str(value.dtype), value.shape, value.tobytes())
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, Mapping):
        return {key: _stand_in(part, (*above, id(value))) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [_stand_in(part, (*above, id(value))) for part in value]
        return "symbol" if "symbol" in parts else parts
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if id(value) not in above and len(above) < 4 and not callable(value) and hasattr(value, "__dict__"):
        return {name: _stand_in(part, (*above, id(value))) for name, part in _state(value).items()}
    return id(value)
