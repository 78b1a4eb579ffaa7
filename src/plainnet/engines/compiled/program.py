"""A network, its loss and its optimizer as tables of numbers: the program that the compiled engine's kernel runs.

This file knows nothing of Numba. `decline` says, in words, why a job has no program: what a user wrote in Python
runs in the NumPy engine.
"""

from typing import Any, NamedTuple

import numpy as np

from plainnet import activations, layers, losses, optimizers
from plainnet._base.arrays import Array
from plainnet.backpropagation import is_fused
from plainnet.engines.job import Job

# The columns of a stage's whole numbers. Offsets count numbers from the start of their vector; -1 means "none".
KIND, INPUTS, OUTPUTS, ACTIVATION = 0, 1, 2, 3
WEIGHTS, BIAS = 4, 5  # in the parameters; scale and shift of a normalization
STATISTICS = 6  # running means, then running variances
SUMS, VALUES, GRADIENT = 7, 8, 9  # in the workspace: z, a = f(z), and ∂loss/∂a, which becomes ∂loss/∂z
MASK, NORMALIZED, INVERSE = 10, 10, 11  # in the workspace: of Dropout; x̂ and 1 / √(variance + ε) of a normalization
COLUMNS = 12

# The columns of a stage's real numbers.
SHAPE, L1, L2, RATE, EPSILON, MOMENTUM = 0, 1, 2, 3, 4, 5  # SHAPE: the activation's own, such as a slope
REALS = 6

DENSE, ACTIVATE, DROPOUT, BATCH_NORM, LAYER_NORM = range(5)
KINDS: dict[type, int] = {
    layers.Dense: DENSE,
    layers.Activation: ACTIVATE,
    layers.Dropout: DROPOUT,
    layers.BatchNorm: BATCH_NORM,
    layers.LayerNorm: LAYER_NORM,
}

IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, ELU, SELU, GELU, SILU, SOFTPLUS, EXPONENTIAL, SOFTMAX = range(12)
ACTIVATION_CODES: dict[type, int] = {
    activations.Identity: IDENTITY,
    activations.Sigmoid: SIGMOID,
    activations.Tanh: TANH,
    activations.Relu: RELU,
    activations.LeakyRelu: LEAKY_RELU,
    activations.Elu: ELU,
    activations.Selu: SELU,
    activations.Gelu: GELU,
    activations.Silu: SILU,
    activations.Softplus: SOFTPLUS,
    activations.Exponential: EXPONENTIAL,
    activations.Softmax: SOFTMAX,
}
FROM_VALUES = {IDENTITY, SIGMOID, TANH, RELU, EXPONENTIAL, SOFTMAX}
"""Activations whose derivative is taken from a = f(z) alone, so that a stands where z stood."""

MSE, MAE, HUBER, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, POISSON, POISSON_OF_RATES = range(7)
LOSS_CODES: dict[type, int] = {
    losses.MeanSquaredError: MSE,
    losses.MeanAbsoluteError: MAE,
    losses.Huber: HUBER,
    losses.BinaryCrossEntropy: BINARY_CROSS_ENTROPY,
    losses.CrossEntropy: CROSS_ENTROPY,
    losses.Poisson: POISSON,
}

SGD, RMSPROP, ADAGRAD, ADAM = range(4)
OPTIMIZER_CODES: dict[type, int] = {
    optimizers.SGD: SGD,
    optimizers.RMSprop: RMSPROP,
    optimizers.Adagrad: ADAGRAD,
    optimizers.Adam: ADAM,
    optimizers.AdamW: ADAM,
}


class Program(NamedTuple):
    """All that stays the same through a run."""

    stages: Array
    """(layers, COLUMNS) whole numbers."""
    reals: Array
    """(layers, REALS) real numbers."""
    loss: int
    loss_shape: float
    """Huber's delta."""
    optimizer: int
    settings: Array
    """Real numbers of the optimizer; see `optimizer_settings`."""


def decline(job: Job) -> str | None:
    """Why a job cannot run as a program, in words; None where it can."""
    for i, layer in enumerate(job.network.layers):
        if type(layer) not in KINDS:
            return f"layers[{i}], {layer.name}, has no machine code"
        activation = getattr(layer, "activation", None)
        if activation is not None and type(activation) not in ACTIVATION_CODES:
            return f"the activation {activation.name} of layers[{i}] has no machine code"
    if job.loss.penalty_rows is not None:
        return f"the penalty of the loss {job.loss.name} depends on the batch"
    if type(job.loss) not in LOSS_CODES:
        return f"the loss {job.loss.name} has no machine code"
    if type(job.optimizer) not in OPTIMIZER_CODES:
        return f"the optimizer {job.optimizer.name} has no machine code"
    fused = is_fused(job.network.layers[-1], job.loss)
    if LOSS_CODES[type(job.loss)] in (BINARY_CROSS_ENTROPY, CROSS_ENTROPY) and not fused:
        return f"the loss {job.loss.name} does not follow its activation directly"
    return None


def program(job: Job) -> tuple[Program, int]:
    """Return the tables of a job for which `decline` gives None, and how many numbers the workspace holds."""
    network = job.network
    rows = job.batch_size or len(job.inputs)
    fused = is_fused(network.layers[-1], job.loss)
    stages = np.full((len(network.layers), COLUMNS), -1, np.int64)
    reals = np.zeros((len(network.layers), REALS))
    width = network.input_size or 0
    workspace = rows * width  # the gathered rows of a batch
    parameters = statistics = 0
    for stage, real, layer in zip(stages, reals, network.layers, strict=True):
        (outputs,) = layer.output_shape((width,))
        stage[[KIND, INPUTS, OUTPUTS]] = KINDS[type(layer)], width, outputs
        _activation(stage, real, layer, stops_before=fused and layer is network.layers[-1])
        _settings(real, layer)
        parameters = _places(stage, [WEIGHTS, BIAS], layer.parameter_shapes((width,)), parameters)
        statistics = _places(stage, [STATISTICS], layer.statistic_shapes((width,)), statistics)
        workspace = _room(stage, rows, workspace)
        width = outputs
    loss = LOSS_CODES[type(job.loss)]
    if loss == POISSON and not fused:
        loss = POISSON_OF_RATES
    shape = float(getattr(job.loss, "delta", 0.0))
    optimizer, settings = OPTIMIZER_CODES[type(job.optimizer)], optimizer_settings(job.optimizer)
    return Program(stages, reals, loss, shape, optimizer, settings), workspace


def _activation(stage: Array, real: Array, layer: Any, stops_before: bool) -> None:
    activation = getattr(layer, "activation", None)
    stage[ACTIVATION] = IDENTITY
    if activation is not None and not stops_before:
        stage[ACTIVATION] = ACTIVATION_CODES[type(activation)]
        real[SHAPE] = getattr(activation, "slope", getattr(activation, "alpha", 0.0))


def _settings(real: Array, layer: Any) -> None:
    for column, name in ((L1, "l1"), (L2, "l2"), (RATE, "rate"), (EPSILON, "epsilon"), (MOMENTUM, "momentum")):
        real[column] = getattr(layer, name, 0.0)


def _places(stage: Array, columns: list[int], shapes: dict[str, Any], start: int) -> int:
    """Note where the arrays of these shapes begin in their vector; where the next layer's begin."""
    for i, shape in enumerate(shapes.values()):
        if i < len(columns):
            stage[columns[i]] = start
        start += int(np.prod(shape))
    return start


def _room(stage: Array, rows: int, start: int) -> int:
    """Give a stage its arrays in the workspace; where the next stage's begin."""
    size = rows * int(stage[OUTPUTS])
    kind = stage[KIND]
    wanted = [VALUES, GRADIENT]
    if kind == DENSE and stage[ACTIVATION] not in FROM_VALUES:
        wanted.append(SUMS)
    if kind in (DROPOUT, BATCH_NORM, LAYER_NORM):
        wanted.append(MASK)  # or NORMALIZED
    for column in wanted:
        stage[column] = start
        start += size
    if stage[SUMS] < 0:
        stage[SUMS] = stage[VALUES]
    if kind in (BATCH_NORM, LAYER_NORM):
        stage[INVERSE] = start
        start += max(rows, int(stage[OUTPUTS]))
    return start


# The places of an optimizer's real numbers.
CLIP, DECAY, DECOUPLED, BETA1, BETA2, OPTIMIZER_EPSILON, INERTIA, NESTEROV = range(8)


def optimizer_settings(optimizer: Any) -> Array:
    """Return the numbers of an optimizer; -1 for CLIP where the gradient is not clipped."""
    settings = np.zeros(8)
    settings[CLIP] = -1.0 if optimizer.clip_norm is None else optimizer.clip_norm
    settings[DECAY] = optimizer.weight_decay
    settings[DECOUPLED] = isinstance(optimizer, optimizers.AdamW)
    settings[BETA1] = getattr(optimizer, "beta1", 0.0)
    settings[BETA2] = getattr(optimizer, "beta2", getattr(optimizer, "decay", 0.0))
    settings[OPTIMIZER_EPSILON] = getattr(optimizer, "epsilon", 0.0)
    settings[INERTIA] = getattr(optimizer, "momentum", 0.0)
    settings[NESTEROV] = getattr(optimizer, "nesterov", False)
    return settings
