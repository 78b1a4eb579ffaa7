"""An independent implementation of networks, losses and penalties, differentiated by HIPS autograd.

It reads a network's description and parameter vector and nothing else of plainnet. A new activation, loss or layer
fails the discovery test until it has an entry here.
"""

import autograd.numpy as anp
from autograd import grad

ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: anp.exp(-anp.logaddexp(0.0, -z)),
    "tanh": lambda z: (anp.exp(z) - anp.exp(-z)) / (anp.exp(z) + anp.exp(-z)),
    "relu": lambda z: z * (z > 0),
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "elu": lambda z: anp.where(z > 0, z, anp.exp(anp.where(z > 0, 0.0, z)) - 1),
    "selu": lambda z: (
        1.0507009873554805 * anp.where(z > 0, z, 1.6732632423543772 * (anp.exp(anp.where(z > 0, 0.0, z)) - 1))
    ),
    "gelu": lambda z: 0.5 * z * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (z + 0.044715 * z**3))),
    "silu": lambda z: z / (1 + anp.exp(-z)),
    "softplus": lambda z: anp.logaddexp(0.0, z),
    "mish": lambda z: z * (1 - 2 / ((1 + anp.exp(z)) ** 2 + 1)),
    "exponential": anp.exp,
    "softmax": lambda z: anp.exp(z - _log_sum_exp(z)),
}


def _log_sum_exp(z):
    """ln Σ_j e^(z_j) along each row, with the largest entry taken out so that no power overflows."""
    largest = anp.max(z, axis=1, keepdims=True)
    return largest + anp.log(anp.sum(anp.exp(z - largest), axis=1, keepdims=True))


def _one_hot(y, p):
    return y if y.ndim == 2 else anp.eye(p.shape[1])[y]


LOSSES = {
    "mse": lambda y, p: (p - y) ** 2,
    "mae": lambda y, p: anp.abs(p - y),
    "huber": lambda y, p: anp.where(anp.abs(p - y) <= 1, 0.5 * (p - y) ** 2, anp.abs(p - y) - 0.5),
    # of the output layer's weighted sums z, as ln(1 - σ(z)) cannot be had from σ(z) near 1
    "binary_cross_entropy": lambda y, z: anp.logaddexp(0.0, z) - y * z,
    "cross_entropy": lambda y, z: anp.sum(_one_hot(y, z) * (_log_sum_exp(z) - z), axis=1, keepdims=True),
    "poisson": lambda y, z: anp.exp(z) - y * z,
}
OF_WEIGHTED_SUMS = {"binary_cross_entropy", "cross_entropy", "poisson"}


def dense(layer, x, take, **_):
    weights = take((x.shape[1], layer["units"]))
    z = anp.dot(x, weights) + (take((layer["units"],)) if layer["bias"] else 0.0)
    penalty = layer["l1"] * anp.sum(anp.abs(weights)) + layer["l2"] / 2 * anp.sum(weights**2)
    return ACTIVATIONS[layer["activation"]](z), penalty


def activation(layer, x, take, **_):
    return ACTIVATIONS[layer["activation"]](x), 0.0


def dropout(layer, x, take, training, masks, **_):
    return (x * next(masks)(x.shape, layer["rate"]) if training else x), 0.0


def batch_norm(layer, x, take, training, statistics, **_):
    scale, shift = take((x.shape[1],)), take((x.shape[1],))
    if training:
        mean = anp.sum(x, axis=0) / x.shape[0]
        variance = anp.sum((x - mean) ** 2, axis=0) / x.shape[0]
    else:
        mean, variance = next(statistics)
    return scale * (x - mean) / anp.sqrt(variance + 1e-5) + shift, 0.0


def layer_norm(layer, x, take, **_):
    scale, shift = take((x.shape[1],)), take((x.shape[1],))
    mean = anp.mean(x, axis=1, keepdims=True)
    variance = anp.mean((x - mean) ** 2, axis=1, keepdims=True)
    return scale * (x - mean) / anp.sqrt(variance + 1e-5) + shift, 0.0


def rms_norm(layer, x, take, **_):
    scale = take((x.shape[1],))
    return scale * x * (anp.sum(x**2, axis=1, keepdims=True) / x.shape[1] + 1e-5) ** -0.5, 0.0


def scale(layer, x, take, **_):
    return x * take((x.shape[1],)), 0.0


def parametric_activation(layer, x, take, **_):
    alpha = take((x.shape[1],))
    return (1 - alpha) * x + alpha * ACTIVATIONS[layer["activation"]](x), 0.0


def periodic_embedding(layer, x, take, **_):
    """Each column by itself, as its formula stands in the paper."""
    columns, count, width = layer["columns"], layer.get("frequencies", 16), layer.get("width", 4)
    frequencies, phases = take((columns, count)), take((columns, count))
    weights, bias = take((columns, count, width - 1)), take((columns, width - 1))
    embedded = [
        anp.dot(anp.cos(2 * anp.pi * anp.outer(x[:, i], frequencies[i]) + phases[i]), weights[i]) + bias[i]
        for i in range(columns)
    ]
    return anp.concatenate([*embedded, x], axis=1), 0.0


def embedding(layer, x, take, **_):
    categories, width = layer["categories"], layer.get("width", 8)
    others = x.shape[1] - len(categories)
    table = take((sum(categories) + len(categories), width))
    columns, first = [x[:, :others]], 0
    for i, count in enumerate(categories):
        codes = [round(float(getattr(row[others + i], "_value", row[others + i]))) for row in x]
        columns.append(anp.stack([table[first + (code if 0 <= code <= count else 0)] for code in codes]))
        first += count + 1
    return anp.concatenate(columns, axis=1), 0.0


def average(layer, x, take, **context):
    outputs, penalties = [], 0.0
    for branch in layer["branches"]:
        value = x
        for own in branch:
            own = own if isinstance(own, dict) else {"name": own}
            value, penalty = LAYERS[own["name"]]({**DENSE, **own}, value, take, **context)
            penalties = penalties + penalty
        outputs.append(value)
    return sum(outputs) / len(outputs), penalties


DENSE = {"activation": "identity", "bias": True, "l1": 0.0, "l2": 0.0}
"""What a description leaves out."""


def piecewise_linear_embedding(layer, x, take, **_):
    """Each bin by itself, as the paper's cases have it."""
    edges, width = layer["edges"], layer.get("width", 16)
    columns, most = len(edges), max(map(len, edges)) - 1
    slopes, bias, weights = take((columns, width)), take((columns, width)), take((columns, most, width))
    embedded = []
    for j, own in enumerate(edges):
        value = anp.outer(x[:, j], slopes[j]) + bias[j]
        for b in range(len(own) - 1):
            t = (x[:, j] - own[b]) / (own[b + 1] - own[b])
            t = t if b == 0 else anp.where(t > 0, t, 0.0)
            t = t if b == len(own) - 2 else anp.where(t < 1, t, 1.0)
            value = value + anp.outer(t, weights[j, b])
        embedded.append(value)
    return anp.concatenate([*embedded, x[:, columns:]], axis=1), 0.0


LAYERS = {
    "Dense": dense,
    "Activation": activation,
    "Dropout": dropout,
    "BatchNorm": batch_norm,
    "LayerNorm": layer_norm,
    "RMSNorm": rms_norm,
    "Scale": scale,
    "ParametricActivation": parametric_activation,
    "Average": average,
    "Embedding": embedding,
    "PiecewiseLinearEmbedding": piecewise_linear_embedding,
    "PeriodicEmbedding": periodic_embedding,
}


INITIALIZERS = {
    "zeros": lambda inputs, units: 0.0,
    "normal": lambda inputs, units: 1.0,
    "uniform": lambda inputs, units: 0.05**2 / 3,
    "glorot_normal": lambda inputs, units: 2 / (inputs + units),
    "glorot_uniform": lambda inputs, units: 2 / (inputs + units),
    "he_normal": lambda inputs, units: 2 / inputs,
    "he_uniform": lambda inputs, units: 2 / inputs,
    "lecun_normal": lambda inputs, units: 1 / inputs,
    "lecun_uniform": lambda inputs, units: 1 / inputs,
}
"""The variance of a weight."""


def loss_and_gradient(net, X, y, loss, sample_weight=None, training=True, dropout_seed=0):
    """The loss and its gradient for a plainnet network, by the definitions above and automatic differentiation."""
    layers = net.describe()["layers"]
    if loss in OF_WEIGHTED_SUMS:
        layers[-1] = {**layers[-1], "activation": "identity"}

    def masks():
        random = anp.random.default_rng(dropout_seed)
        while True:
            yield lambda shape, rate: (random.random(shape, dtype=anp.float32) >= rate) / (1 - rate)

    def statistics():
        for layer in net.layers:
            if layer.name == "BatchNorm":
                yield layer.running_mean.copy(), layer.running_variance.copy()

    def value(vector):
        position = [0]

        def take(shape):
            start = position[0]
            position[0] += int(anp.prod(shape))
            return vector[start : position[0]].reshape(shape)

        context = {"training": training, "masks": masks(), "statistics": statistics()}
        outputs, penalties = X, 0.0
        for layer in layers:
            outputs, penalty = LAYERS[layer["name"]](layer, outputs, take, **context)
            penalties = penalties + penalty
        elements = LOSSES[loss](y, outputs)
        if sample_weight is None:
            return anp.mean(elements) + penalties
        weights = sample_weight[:, None] * anp.ones(elements.shape)
        return anp.sum(weights * elements) / anp.sum(weights) + penalties

    parameters = net.parameters.copy()
    return float(value(parameters)), grad(value)(parameters)
