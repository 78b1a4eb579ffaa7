"""The network of a setup is built from its description, or is the one that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plainnet._base.configurable import build
from plainnet.errors import InvalidValue
from plainnet.layers import LAYERS, Layer, quantile_edges
from plainnet.network import Network
from plainnet.play.session.settings import FROM_DATA, placed

if TYPE_CHECKING:
    from plainnet.play.session.examples import Examples
    from plainnet.play.session.setup import Setup


def network_of(setup: Setup, examples: Examples) -> Network:
    """Return the network with its initial weights.

    A network that was given keeps its weights as long as its layers, its seed and its number type stay.
    """
    given = examples.network
    if given is not None and is_as_given(setup, given):
        network = given.copy()
        if not network.is_built:
            network.build(examples.input_size)
        return network
    network = Network(*layers_of(setup, examples), input_size=examples.input_size, seed=setup.seed, dtype=setup.dtype)
    network.table = examples.table
    return network


def is_as_given(setup: Setup, network: Network) -> bool:
    """Return True if a setup describes the network that was given, so that its weights stay."""
    from plainnet.play.session.given import described_layers, seed_of

    same = setup.layers == described_layers(network)
    return same and (setup.seed, setup.dtype) == (seed_of(network), network.dtype.name)


def layers_of(setup: Setup, examples: Examples) -> list[Layer]:
    """Return the layers, with what the data decide filled in."""
    found = []
    for i, description in enumerate(setup.layers or ()):
        with placed("layers", i):
            found.append(build("layer", filled(description, examples), LAYERS, examples.custom))
    return found


def filled(layer: dict[str, Any], examples: Examples) -> dict[str, Any]:
    """Return the description of a layer with the settings that the data decide."""
    open_settings = [name for part, name in FROM_DATA if part == layer["name"] and layer.get(name) is None]
    return {**layer, **{name: _from_data(layer["name"], examples) for name in open_settings}}


def _from_data(layer: str, examples: Examples) -> Any:
    numbers = examples.input_size - len(examples.categories)
    if layer == "Embedding":
        if not examples.categories:
            raise InvalidValue(
                "Embedding takes inputs that are codes of categories, and these data have none; leave it out"
            )
        return list(examples.categories)
    if layer == "PeriodicEmbedding":
        return numbers
    return quantile_edges(examples.training[0][:, :numbers])
