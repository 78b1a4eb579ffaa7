"""Networks that are trained already as one network, whose output is the mean of theirs."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from plainnet.errors import InvalidType, InvalidValue
from plainnet.layers import Average
from plainnet.network import Network


def members_of(net: Network) -> list[Network]:
    """Return the networks of which `averaged` made this one, as copies; any other network alone."""
    (layer, *others) = net.layers
    if others or not isinstance(layer, Average):
        return [net]
    members = []
    for branch in layer.branches:
        layers = copy.deepcopy(branch)
        member = Network(*layers, input_size=net.input_size, seed=net.seed, dtype=net.dtype)
        members.append(member)
    sizes = np.cumsum([[member.parameters.size, member.statistics.size] for member in members], axis=0)[:-1]
    for member, parameters, statistics in zip(
        members, np.split(net.parameters, sizes[:, 0]), np.split(net.statistics, sizes[:, 1]), strict=True
    ):
        member.parameters, member.statistics = parameters, statistics
        member.classes, member.table, member.history = net.classes, net.table, net.history
    return members


def averaged(networks: Sequence[Network]) -> Network:
    """Return one network whose outputs are the mean of those of `networks`, an ensemble of them.

    It holds copies of their layers, one network a branch of a layer `Average`, with their parameters and statistics;
    its seed, classes and table are the first network's. Raises InvalidValue for networks that are not built or differ
    in input size, output size, dtype, classes or table.

    >>> import plainnet as pn
    >>> X, y = pn.datasets.sine(200, noise=0.1, seed=1)
    >>> nets = [pn.Network(pn.Dense(8, "tanh"), pn.Dense(1), input_size=1, seed=seed) for seed in range(3)]
    >>> histories = pn.train_many(nets, X, y, loss="mse", optimizer=pn.Adam(0.01), epochs=100)
    >>> ensemble = pn.averaged(nets)
    >>> bool(np.allclose(ensemble.predict(X), np.mean([net.predict(X) for net in nets], axis=0), atol=1e-6))
    True
    """
    members = list(networks)
    if not members:
        raise InvalidValue("networks is empty; averaged takes at least one network")
    for i, net in enumerate(members):
        if not isinstance(net, Network):
            raise InvalidType(f"networks[{i}] is {net!r}; averaged takes a list of networks")
        if not net.is_built:
            raise InvalidValue(f"networks[{i}] has no parameters yet: give it an input_size, or fit it")
        for name in ("input_size", "output_size", "dtype", "classes", "table"):
            own, first = getattr(net, name), getattr(members[0], name)
            if own != first:
                raise InvalidValue(f"networks[{i}] has another {name} than networks[0]; averaged takes networks alike")
    first = members[0]
    branches = [copy.deepcopy(net.layers) for net in members]
    ensemble = Network(Average(*branches), input_size=first.input_size, seed=first.seed, dtype=first.dtype)
    ensemble.parameters = np.concatenate([net.parameters for net in members])
    ensemble.statistics = np.concatenate([net.statistics for net in members])
    ensemble.classes, ensemble.table = copy.deepcopy((first.classes, first.table))
    return ensemble
