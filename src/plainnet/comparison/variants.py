"""Variants, each a network and the options of its training."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from plainnet._base import checks
from plainnet._base.configurable import describe
from plainnet._base.conversion import numbers_of
from plainnet._base.identity import fingerprint
from plainnet._base.weighting import class_labels
from plainnet.comparison.seed_data import SeedData
from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import Network
from plainnet.network.examples import loss_for, usual_loss
from plainnet.training.options import OF_ONE_RUN

Maker: TypeAlias = Network | Callable[[int], Network]


@dataclass(frozen=True)
class Variant:
    """A network and the options of `fit` that train it."""

    name: str
    network: Maker
    options: Mapping[str, Any]

    def make(self, seed: int) -> Network:
        """Make a new network for `seed`: one of the same layers, or the one that the function returns."""
        if isinstance(self.network, Network):
            layers = [copy.deepcopy(layer) for layer in self.network.layers]
            return Network(*layers, input_size=self.network.input_size, seed=seed, dtype=self.network.dtype)
        made = self.network(seed)
        if not isinstance(made, Network):
            raise InvalidType(f"variant {self.name!r} gives {made!r} for seed {seed}; it takes a plainnet.Network")
        if made.seed != seed:
            raise InvalidValue(
                f"variant {self.name!r} gives a network with seed {made.seed} for seed {seed}; make it with seed=seed, "
                "so that all variants have the same seeds and splits"
            )
        return made


def resolve(variants: Any, shared: Mapping[str, Any]) -> list[Variant]:
    """Return the variants as the user gave them, with the shared options where a variant has none of its own."""
    if not isinstance(variants, Mapping) or not variants:
        raise InvalidType(f"variants is {variants!r}; it takes a dict of names and networks")
    return [_resolve(str(name), given, shared) for name, given in variants.items()]


def _resolve(name: str, given: Any, shared: Mapping[str, Any]) -> Variant:
    own = dict(given) if isinstance(given, Mapping) else {"network": given}
    network = own.pop("network", None)
    if not isinstance(network, Network) and not callable(network):
        raise InvalidType(
            f"variant {name!r} is {given!r}; it takes a Network, a function seed -> Network, or a dict with one of "
            "them under 'network' and options of fit"
        )
    for option in {"progress", *OF_ONE_RUN} & {*own, *shared}:
        raise InvalidValue(
            f"{option} is no option of a compared run; compare shows progress, keeps runs and shares them out itself"
        )
    if "loss" not in {**shared, **own}:
        usual = f"; {usual_loss(network)}" if isinstance(network, Network) else ""
        raise InvalidType(f"variant {name!r} has no loss; give compare loss=..., or the variant its own{usual}")
    return Variant(name, network, {**shared, **own})


def described(variants: Sequence[Variant], seed: int, data: SeedData) -> tuple[dict[str, Any], dict[str, int]]:
    """Return each variant as plain data and its number of parameters.

    Raises the errors that `fit` would raise, before any training.
    """
    descriptions: dict[str, Any] = {}
    parameters: dict[str, int] = {}
    splits = set()
    X, y, held_out = data.of(seed)
    for variant in variants:
        for option in held_out.keys() & variant.options.keys():
            raise InvalidValue(f"{option} is given beside a function for X, which gives it itself")
        net = variant.make(seed)
        net.training(X, y, **variant.options, **held_out).close()
        assert net.history is not None
        network = {key: value for key, value in net.describe().items() if key != "seed"}
        parameters[variant.name] = net.parameters.size
        marked = {key: _marked(variant.options.get(key)) for key in ("sample_weight", "class_weight")}
        marked["validation"] = _marked_validation(variant.options.get("validation"))
        descriptions[variant.name] = {"network": network, "options": net.history.settings, "data": marked}
        splits.add(_split(variant, net, y))
    if len(splits) > 1:
        raise InvalidValue(
            "the variants would not be validated on the same rows; give all of them the same fraction, and losses that "
            "see the same classes in y, or validation=(X, y)"
        )
    return descriptions, parameters


def _split(variant: Variant, net: Network, y: Any) -> str:
    """Return what decides, with the seed, on which rows a run is validated."""
    validation = variant.options.get("validation")
    if not isinstance(validation, float | np.floating):
        return str(_marked_validation(validation))
    targets = loss_for(net, variant.options["loss"]).prepare(y, net.output_size or 1, net.dtype)
    labels = class_labels(targets)
    return f"{validation} {None if labels is None else fingerprint(labels.astype(np.int64))}"


def _marked(value: Any) -> Any:
    """Return an option that can hold arrays as plain data, with fingerprints in place of arrays."""
    if value is None or isinstance(value, str | float | int | np.number):
        return describe(value)
    if isinstance(value, Mapping):
        return {str(key): describe(part) for key, part in value.items()}
    return [fingerprint(numbers_of("sample_weight", value))]


def _marked_validation(validation: Any) -> Any:
    """Return the same of a fraction, or of the arrays X, y and, if there are any, weights."""
    if not isinstance(validation, tuple | list):
        return _marked(validation)
    return [fingerprint(numbers_of("validation", part)) for part in validation if part is not None]


def seeds_of(seeds: Any) -> list[int]:
    """Return the seeds 0 ... n - 1 for a number n, or the seeds given."""
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        return list(range(checks.whole_number("seeds", seeds, least=1)))
    if isinstance(seeds, str) or not isinstance(seeds, Sequence | np.ndarray):
        raise InvalidType(f"seeds is {seeds!r}; it takes how many, or a list of them")
    listed = [checks.whole_number("a seed", seed, least=0) for seed in seeds]
    if not listed or len(set(listed)) < len(listed):
        raise InvalidValue(f"seeds is {listed}; it takes at least one, each once")
    return listed
