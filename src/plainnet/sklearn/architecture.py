"""From an estimator's parameters to the layers of a plainnet Network, and its initial weights."""

import copy
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from plainnet import activations
from plainnet._base import checks
from plainnet._base.configurable import describe
from plainnet.errors import InvalidValue
from plainnet.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from plainnet.network import Network
from plainnet.sklearn.objective import dense_layers

OURS = {"logistic": "sigmoid", "exp": "exponential"}
"""plainnet's names for scikit-learn's activations, where they differ."""

NORMALIZATIONS: dict[str, type[Layer]] = {"batch": BatchNorm, "layer": LayerNorm}


def hidden_sizes(hidden_layer_sizes: Any) -> list[int]:
    """The units of each hidden layer, from one number or a sequence of them."""
    sizes = list(hidden_layer_sizes) if np.iterable(hidden_layer_sizes) else [hidden_layer_sizes]
    if any(isinstance(size, Real) and size <= 0 for size in sizes):
        raise InvalidValue(f"hidden_layer_sizes must be > 0, got {sizes}; it takes the units of each hidden layer")
    return [checks.whole_number(f"hidden_layer_sizes[{i}]", size, least=1) for i, size in enumerate(sizes)]


def build_network(
    estimator: Any, inputs: int, outputs: int, output_activation: str, dtype: Any, random: np.random.RandomState
) -> Network:
    """The network of `estimator`, its Dense weights and biases drawn from `random` in scikit-learn's order."""
    functions = hidden_activations(estimator.activation, len(hidden_sizes(estimator.hidden_layer_sizes)))
    layers = [*_hidden_layers(estimator), Dense(outputs, OURS.get(output_activation, output_activation))]
    seed = copy.deepcopy(random).randint(2**31 - 1)  # for dropout masks; `random` itself goes on as in scikit-learn
    network = Network(*layers, input_size=inputs, seed=int(seed), dtype=dtype)
    _initialize(network, [*functions, *functions[-1:]] or hidden_activations(estimator.activation, 1), random)
    return network


def refuse_other_layers(estimator: Any) -> None:
    """Refuse to go on with a network whose hidden layers are not the ones that the parameters now describe."""
    made, wanted = _outline(estimator.network_.layers[:-1]), _outline(_hidden_layers(estimator))
    if made != wanted:
        raise InvalidValue(
            "hidden_layer_sizes, activation, dropout or normalization have changed since the network was made: its "
            f"hidden layers are {', '.join(made) or 'none'}, the parameters say {', '.join(wanted) or 'none'}. "
            "warm_start and partial_fit go on with that network; put the parameters back, or fit a new estimator: "
            "sklearn.base.clone(estimator)"
        )


def _outline(layers: Sequence[Layer]) -> list[str]:
    """What the parameters decide of each layer, in words: "Dense 8 tanh"; its penalty follows from the batch."""
    settings = ("units", "activation", "rate")
    return [
        " ".join([layer.name, *(str(describe(getattr(layer, name))) for name in settings if hasattr(layer, name))])
        for layer in layers
    ]


def hidden_activations(activation: Any, layers: int) -> list[Any]:
    """plainnet's activation function for each hidden layer."""
    given = _for_each_layer("activation", activation, layers)
    return [activations.resolve(OURS.get(one, one) if isinstance(one, str) else one) for one in given]


def dropout_rates(dropout: Any, layers: int) -> list[float]:
    """The dropout rate of each hidden layer."""
    given = _for_each_layer("dropout", dropout, layers)
    return [checks.number(f"dropout[{i}]", rate, least=0, below=1) for i, rate in enumerate(given)]


def _for_each_layer(name: str, value: Any, layers: int) -> list[Any]:
    """One value for all layers, or a list with one for each."""
    if not isinstance(value, list | tuple | np.ndarray):
        return [value] * layers
    if len(value) != layers:
        raise InvalidValue(
            f"{name} has {len(value)} elements and there are {layers} hidden layers; it takes one for all of them, "
            "or one for each"
        )
    return list(value)


def _hidden_layers(estimator: Any) -> list[Layer]:
    sizes = hidden_sizes(estimator.hidden_layer_sizes)
    functions = hidden_activations(estimator.activation, len(sizes))
    rates = dropout_rates(estimator.dropout, len(sizes))
    layers: list[Layer] = []
    for units, function, rate in zip(sizes, functions, rates, strict=True):
        layers += _hidden_layer(units, function, rate, estimator.normalization)
    return layers


def _hidden_layer(units: int, function: Any, rate: float, normalization: str | None) -> list[Layer]:
    if normalization is None:
        layers: list[Layer] = [Dense(units, function)]
    else:
        layers = [Dense(units), NORMALIZATIONS[normalization](), Activation(function)]
    return [*layers, Dropout(rate)] if rate else layers


def _initialize(network: Network, functions: list[Any], random: np.random.RandomState) -> None:
    """Weights and biases uniform over ±√(f / (inputs + units)), f = 2 before a logistic function and 6 otherwise.

    Glorot & Bengio 2010; as in scikit-learn, the output layer counts as one before the last hidden activation.
    """
    for layer, function in zip(dense_layers(network), functions, strict=True):
        shape: tuple[int, int] = layer.weights.shape
        limit = np.sqrt((2.0 if function.name == "sigmoid" else 6.0) / sum(shape))
        layer.weights = random.uniform(-limit, limit, shape)
        layer.bias = random.uniform(-limit, limit, shape[1])
