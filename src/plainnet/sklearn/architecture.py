"""The network that an estimator's parameters describe, and its initial weights."""

import copy
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from plainnet import adapters
from plainnet._base import checks
from plainnet._base.configurable import describe
from plainnet.activations import ActivationFunction
from plainnet.errors import InvalidValue
from plainnet.layers import Dense, Layer, hidden_block
from plainnet.network import Network
from plainnet.sklearn.arguments import Arguments
from plainnet.sklearn.objective import dense_layers

PLAINNET_NAMES = {"logistic": "sigmoid", "exp": "exponential"}
"""plainnet's names for scikit-learn's activations, if they differ."""


def hidden_sizes(hidden_layer_sizes: Any) -> list[int]:
    """Return the units of each hidden layer, given one number or a sequence of them."""
    sizes = list(hidden_layer_sizes) if np.iterable(hidden_layer_sizes) else [hidden_layer_sizes]
    if any(isinstance(size, Real) and size <= 0 for size in sizes):
        raise InvalidValue(f"hidden_layer_sizes must be > 0, got {sizes}; it takes the units of each hidden layer")
    return [checks.whole_number(f"hidden_layer_sizes[{i}]", size, least=1) for i, size in enumerate(sizes)]


def build_network(
    parameters: Arguments, inputs: int, outputs: int, output_activation: str, dtype: Any, random: np.random.RandomState
) -> Network:
    """Return the network that the parameters describe, with weights and biases drawn in scikit-learn's order."""
    functions = hidden_activations(parameters.activation, len(hidden_sizes(parameters.hidden_layer_sizes)))
    layers = [*_hidden_layers(parameters), Dense(outputs, PLAINNET_NAMES.get(output_activation, output_activation))]
    seed = copy.deepcopy(random).randint(2**31 - 1)  # for dropout masks; `random` itself goes on as in scikit-learn
    network = Network(*layers, input_size=inputs, seed=int(seed), dtype=dtype)
    _initialize(network, [*functions, *functions[-1:]] or hidden_activations(parameters.activation, 1), random)
    return network


def check_unchanged(network: Network, parameters: Arguments) -> None:
    """Raise InvalidValue if the hidden layers of a network are not those that the parameters now describe."""
    made, wanted = _outline(network.layers[:-1]), _outline(_hidden_layers(parameters))
    if made != wanted:
        raise InvalidValue(
            "hidden_layer_sizes, activation, dropout or normalization have changed since the network was made: its "
            f"hidden layers are {', '.join(made) or 'none'}, the parameters say {', '.join(wanted) or 'none'}. "
            "warm_start and partial_fit go on with that network; put the parameters back, or fit a new estimator: "
            "sklearn.base.clone(estimator)"
        )


def _outline(layers: Sequence[Layer]) -> list[str]:
    """Return what the parameters decide for each layer, such as "Dense 8 tanh"; its penalty depends on the batch."""
    settings = ("units", "activation", "rate")
    return [
        " ".join([layer.name, *(str(describe(getattr(layer, name))) for name in settings if hasattr(layer, name))])
        for layer in layers
    ]


def hidden_activations(activation: Any, layers: int) -> list[ActivationFunction]:
    """Return the activation function of each hidden layer."""
    given = _for_each_layer("activation", activation, layers)
    return [adapters.activation_of(PLAINNET_NAMES.get(one, one) if isinstance(one, str) else one) for one in given]


def dropout_rates(dropout: Any, layers: int) -> list[float]:
    """Return the dropout rate of each hidden layer."""
    given = _for_each_layer("dropout", dropout, layers)
    return [checks.number(f"dropout[{i}]", rate, least=0, below=1) for i, rate in enumerate(given)]


def _for_each_layer(name: str, value: Any, layers: int) -> list[Any]:
    """Return a list with a value for each layer, given one value for all layers or such a list."""
    if not isinstance(value, list | tuple | np.ndarray):
        return [value] * layers
    if len(value) != layers:
        raise InvalidValue(
            f"{name} has {len(value)} elements and there are {layers} hidden layers; it takes one for all of them, "
            "or one for each"
        )
    return list(value)


def _hidden_layers(parameters: Arguments) -> list[Layer]:
    sizes = hidden_sizes(parameters.hidden_layer_sizes)
    functions = hidden_activations(parameters.activation, len(sizes))
    rates = dropout_rates(parameters.dropout, len(sizes))
    layers: list[Layer] = []
    for units, function, rate in zip(sizes, functions, rates, strict=True):
        layers += hidden_block(units, function, normalization=parameters.normalization, dropout=rate)
    return layers


def _initialize(network: Network, functions: list[ActivationFunction], random: np.random.RandomState) -> None:
    """Draw weights and biases uniformly from ±√(f / (inputs + units)), f = 2 before a logistic function, else 6.

    Glorot & Bengio 2010; as in scikit-learn, the output layer counts as one before the last hidden activation.
    """
    for layer, function in zip(dense_layers(network), functions, strict=True):
        shape: tuple[int, int] = layer.weights.shape
        limit = np.sqrt((2.0 if function.name == "sigmoid" else 6.0) / sum(shape))
        layer.weights = random.uniform(-limit, limit, shape)
        layer.bias = random.uniform(-limit, limit, shape[1])
