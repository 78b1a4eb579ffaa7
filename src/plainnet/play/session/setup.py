"""Setup: all that can be set on the page, as plain data: what a link holds, what decides every number of a run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from plainnet._base import checks
from plainnet.engines import ENGINES
from plainnet.layers import LAYERS
from plainnet.metrics import METRICS
from plainnet.play.session import settings
from plainnet.play.session.bounds import MOST_EPOCHS, MOST_SEED
from plainnet.play.session.data_settings import checked_data
from plainnet.play.session.settings import InvalidSetting, Path, placed, shown
from plainnet.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from plainnet.network import Network
    from plainnet.play.session.examples import Examples

VERSION = 1
MOST_LAYERS = 200
USUAL_BATCH = 32


@dataclass(frozen=True)
class Setup:
    """Everything that decides what a run computes; made by `Setup.of`, which checks it.

    Each part stands in one form, so that `Setup.of(setup.plain()) == setup`. What is None (layers, loss, optimizer,
    epochs, metrics) is decided by `completed`, which knows the data.
    """

    data: dict[str, Any]
    seed: int
    layers: list[dict[str, Any]] | None
    loss: str | dict[str, Any] | None
    optimizer: dict[str, Any] | None
    batch_size: int | None
    """The examples of a step, at most all; None for all."""
    shuffle: bool
    epochs: int | None
    early_stopping: dict[str, Any] | None
    metrics: list[str] | None
    class_weight: str | None
    engine: str
    dtype: str
    made_for: dict[str, Any] | None
    """The kind of data that the output was made for; where the data are of another kind, `completed` makes it anew."""

    @classmethod
    def of(cls, plain: Any = None) -> Setup:
        """Return the setup that `plain` describes; what is missing has its default.

        Raises InvalidSetting, with the place, for whatever is unknown or out of range.
        """
        given = settings.an_object("setup", settings.checked_plain({} if plain is None else plain))
        _check_version(given.pop("version", VERSION))
        settings.known_keys("setup", given, list(_CHECKS))
        return cls(**{name: _checked(name, given.get(name, _DEFAULTS.get(name))) for name in _CHECKS})

    def plain(self) -> dict[str, Any]:
        """Return the setup as plain data, which `of` takes."""
        plain = {name: copy.deepcopy(getattr(self, name)) for name in _CHECKS if name != "data"}
        many = {name: list(self.data[name]) for name in ("X", "y") if name in self.data}
        return {"version": VERSION, "data": {**copy.deepcopy({**self.data, **dict.fromkeys(many)}), **many}, **plain}

    def changed(self, path: Path, value: Any) -> Setup:
        """Return the setup with another value at a path, such as ["layers", 0, "units"].

        Another division of own points divides them anew.
        """
        place, *inside = path or ["setup"]
        if not isinstance(place, str) or place not in _CHECKS:  # a whole setup, or a place that is refused by name
            return Setup.of(_with(self.plain(), list(path), value, []))
        new = _with(getattr(self, place), inside, value, [place])
        if place == "data" and inside[:1] and inside[0] in ("validation", "test", "seed"):
            new = {name: part for name, part in new.items() if name != "parts"}
        return self.replaced({place: new})

    def replaced(self, values: Mapping[str, Any]) -> Setup:
        """Return the setup with other values of some fields; only what is new is checked."""
        new = {name: value for name, value in values.items() if value != getattr(self, name)}
        return replace(self, **{name: _checked(name, settings.checked_plain(new[name], [name])) for name in new})

    def completed(self, examples: Examples) -> Setup:
        """Return the setup with what suits the examples where it says nothing, or was made for data of another kind."""
        from plainnet.play.session.usual import completed

        return completed(self, examples)

    def problems(self, examples: Examples) -> list[dict[str, Any]]:
        """Return what cannot be combined: the place of each, and a sentence that says why and what would do."""
        from plainnet.play.session.problems import problems

        return problems(self, examples)

    def network(self, examples: Examples) -> Network:
        """Return the network with its initial weights."""
        from plainnet.play.session.building import network_of

        return network_of(self, examples)

    def options(self, examples: Examples) -> dict[str, Any]:
        """Return the keywords of `net.fit` but X and y, which are the first two of `examples.training`."""
        rows = len(examples.training[0])
        return {
            "loss": examples.part(self.loss),
            "optimizer": examples.part(self.optimizer),
            "batch_size": None if self.batch_size is None or self.batch_size >= rows else self.batch_size,
            "shuffle": self.shuffle,
            "epochs": self.epochs,
            "early_stopping": None if self.early_stopping is None else EarlyStopping(**self.early_stopping),
            "metrics": list(self.metrics or ()),
            "class_weight": self.class_weight,
            "engine": self.engine,
            "sample_weight": examples.training[2],
            "validation": examples.validation,
        }


def _checked(name: str, value: Any) -> Any:
    with placed(name):
        return None if value is None and name in _MAY_BE_NONE else _CHECKS[name](value)


def _check_version(version: Any) -> None:
    with placed("version"):
        if settings.whole("version", version, 1, 10**9) > VERSION:
            raise InvalidSetting(
                f"this setup is of version {version}, from a later plainnet, and this one knows up to version "
                f"{VERSION}; install the latest plainnet to open it"
            )


def _with(plain: Any, path: list[Any], value: Any, done: list[Any]) -> Any:
    """Return plain data with another value at a path; a name on the way becomes a description with settings."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(plain, str):
        plain = {"name": plain}
    if isinstance(plain, list) and type(key) is int and 0 <= key < len(plain):
        return [*plain[:key], _with(plain[key], rest, value, [*done, key]), *plain[key + 1 :]]
    if isinstance(plain, dict) and isinstance(key, str):
        return {**plain, key: _with(plain.get(key), rest, value, [*done, key])}
    if plain is None and isinstance(key, str) and done:
        return {key: _with(None, rest, value, [*done, key])}
    raise InvalidSetting(f"the setup has no place {shown([*done, *path])}", done)


# ---- one check for each field ----


def _layers(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise InvalidSetting(f"layers is {shown(value)}; it takes a list of at least one layer")
    if len(value) > MOST_LAYERS:
        raise InvalidSetting(f"layers has {len(value)} layers; the page takes at most {MOST_LAYERS}")
    found = []
    for i, layer in enumerate(value):
        with placed(i):
            found.append(settings.layer_of(layer, LAYERS))
    return found


def _early_stopping(value: Any) -> dict[str, Any]:
    given = settings.an_object("early_stopping", value)
    settings.known_keys("early_stopping", given, list(EarlyStopping().settings()))
    made = EarlyStopping(**given)
    settings.check_sizes(made)
    return made.settings()


def _metrics(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise InvalidSetting(f"metrics is {shown(value)}; it takes a list of names")
    names = [checks.one_of("metric", name, METRICS) for name in value]
    return list(dict.fromkeys(names))


def _made_for(value: Any) -> dict[str, Any]:
    given = settings.an_object("made_for", value)
    settings.known_keys("made_for", given, ["task", "classes"])
    return {
        "task": checks.one_of("task", given.get("task"), ["classification", "regression"]),
        "classes": settings.whole("classes", given.get("classes", 0), 0, 10_000),
    }


_CHECKS = {
    "data": checked_data,
    "seed": lambda value: settings.whole("seed", value, 0, MOST_SEED),
    "layers": _layers,
    "loss": settings.known_loss,
    "optimizer": settings.known_optimizer,
    "batch_size": lambda value: settings.whole("batch_size", value, 1, 1_000_000),
    "shuffle": lambda value: checks.flag("shuffle", value),
    "epochs": lambda value: settings.whole("epochs", value, 1, MOST_EPOCHS),
    "early_stopping": _early_stopping,
    "metrics": _metrics,
    "class_weight": lambda value: checks.one_of("class_weight", value, ["balanced"]),
    "engine": lambda value: checks.one_of("engine", value, ["auto", *ENGINES]),
    "dtype": lambda value: checks.one_of("dtype", value, ["float32", "float64"]),
    "made_for": _made_for,
}
_DEFAULTS: dict[str, Any] = {
    "data": {},
    "seed": 0,
    "batch_size": USUAL_BATCH,
    "shuffle": True,
    "engine": "auto",
    "dtype": "float32",
}
_MAY_BE_NONE: Sequence[str] = (
    *("layers", "loss", "optimizer", "batch_size", "epochs", "early_stopping", "metrics", "class_weight", "made_for"),
)


def usual_of(plain: Mapping[str, Any]) -> Setup:
    """Return the setup of some data and of the seed, engine and number type of another one, all else as usual."""
    return Setup.of({name: plain[name] for name in ("data", "seed", "engine", "dtype") if name in plain})
