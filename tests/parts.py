"""Every part there is, in some settings, from which the tests of engines, files and exports make networks.

A new layer, optimizer or schedule is entered here, and its independent definition in `reference.py`;
`test_discovery.py` fails until both are there. Activations, losses and initializers come from their registries.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import strategies as st

import plainnet as pn
from plainnet import schedules
from plainnet.activations import ACTIVATIONS, Elu, LeakyRelu

LAYERS = {
    "Dense": [
        lambda units: pn.Dense(units, bias=False),
        lambda units: pn.Dense(units, "tanh", l1=0.01),
        lambda units: pn.Dense(units, l2=0.1),
    ],
    "Activation": [lambda units: pn.Activation("gelu"), lambda units: pn.Activation(LeakyRelu(0.3))],
    "Dropout": [
        lambda units: pn.Dropout(0.3),
        lambda units: pn.Dropout(0.0),
        lambda units: pn.Dropout(schedules.FlatCosine(0.4, flat=0.3)),
    ],
    "BatchNorm": [lambda units: pn.BatchNorm(), lambda units: pn.BatchNorm(momentum=0.3, epsilon=1e-3)],
    "LayerNorm": [lambda units: pn.LayerNorm(), lambda units: pn.LayerNorm(epsilon=1e-3)],
    "RMSNorm": [lambda units: pn.RMSNorm(), lambda units: pn.RMSNorm(epsilon=1e-3)],
    "Scale": [lambda units: pn.Scale()],
    "ParametricActivation": [
        lambda units: pn.ParametricActivation("mish"),
        lambda units: pn.ParametricActivation("selu"),
    ],
    "Average": [
        lambda units: pn.Average(
            [pn.Dense(units, "tanh")], [pn.Dense(3, "relu", l2=0.1), pn.Dropout(0.3), pn.Dense(units)]
        ),
        lambda units: pn.Average(
            [pn.Average([pn.Scale(), pn.Dense(units)], [pn.Dense(units, l1=0.01)]), pn.Activation("silu")],
            [pn.Dense(2), pn.BatchNorm(), pn.Dense(units, bias=False)],
        ),
    ],
    "Embedding": [lambda units: pn.Embedding([2]), lambda units: pn.Embedding([1, 3][:units], width=3)],
    "PiecewiseLinearEmbedding": [
        lambda units: pn.PiecewiseLinearEmbedding([[-1, -0.25, 0.1, 0.5]], width=3),
        lambda units: pn.PiecewiseLinearEmbedding([[-0.5, 0.75], [-2, -0.25, 0.3, 1.1]][:units], width=2),
    ],
    "PeriodicEmbedding": [
        lambda units: pn.PeriodicEmbedding(1),
        lambda units: pn.PeriodicEmbedding(min(units, 2), frequencies=5, width=3, deviation=0.3),
    ],
}
"""By name, functions of the number of units, which not every layer has."""

OPTIMIZERS = {
    "sgd": [
        lambda rate: pn.SGD(rate),
        lambda rate: pn.SGD(rate, momentum=0.9),
        lambda rate: pn.SGD(rate, clip_norm=0.1),
        lambda rate: pn.SGD(rate, weight_decay=0.1, rate_factors={"weights": 0.5}, decay_factors={"weights": 2}),
        lambda rate: pn.SGD(rate, momentum=0.9, nesterov=True, weight_decay=1e-3),
    ],
    "rmsprop": [
        lambda rate: pn.RMSprop(rate, decay=0.95),
        lambda rate: pn.RMSprop(rate, momentum=0.5, weight_decay=1e-3, clip_norm=0.5),
    ],
    "adagrad": [lambda rate: pn.Adagrad(rate, weight_decay=1e-3)],
    "adam": [
        lambda rate: pn.Adam(rate),
        lambda rate: pn.Adam(rate, beta1=0.8, beta2=0.99, weight_decay=0.01, clip_norm=0.5),
    ],
    "adamw": [
        lambda rate: pn.AdamW(rate),
        lambda rate: pn.AdamW(rate, weight_decay=schedules.FlatCosine(0.1), rate_factors={"bias": 0.1}),
        lambda rate: pn.AdamW(rate, weight_decay=0.1, clip_norm=0.1, decay_factors={"weights": 3}),
    ],
}
"""By name, functions of the learning rate, which may be a schedule."""

SCHEDULES = {
    "constant": [schedules.Constant],
    "step": [lambda rate: schedules.Step(rate, every=3, factor=0.5)],
    "exponential": [lambda rate: schedules.Exponential(rate, factor=0.97)],
    "cosine": [lambda rate: schedules.Cosine(rate, minimum=rate / 50)],
    "cosine_log": [schedules.CosineLog, lambda rate: schedules.CosineLog(rate, cycles=2)],
    "flat_cosine": [schedules.FlatCosine, lambda rate: schedules.FlatCosine(rate, flat=0.2)],
    "linear_warmup": [
        lambda rate: schedules.LinearWarmup(rate, warmup=3),
        lambda rate: schedules.LinearWarmup(schedules.Cosine(rate), warmup=10, start=0.1),
        lambda rate: schedules.LinearWarmup(schedules.LinearWarmup(schedules.OneCycle(rate))),
    ],
    "one_cycle": [schedules.OneCycle],
    "reduce_on_plateau": [lambda rate: schedules.ReduceOnPlateau(rate, patience=0, threshold=0.05)],
}
"""By name, functions of the learning rate."""


def cases(parts, without=()):
    """Every function of `parts`, as parameters of a test."""
    makers = {name: several for name, several in parts.items() if name not in without}
    return [pytest.param(make, id=f"{name}{i}") for name, several in makers.items() for i, make in enumerate(several)]


def one_of_each(parts):
    """The last function of each part by its name; of optimizers it is the one that remembers the most."""
    return {name: several[-1] for name, several in parts.items()}


def targets(loss, random, rows, outputs):
    """Targets that the loss takes."""
    if loss == "cross_entropy":
        return random.integers(0, outputs, rows)
    if loss == "binary_cross_entropy":
        return random.uniform(0, 1, (rows, outputs))
    if loss == "poisson":
        return random.integers(0, 4, (rows, outputs)).astype(float)
    return random.normal(size=(rows, outputs))


# ---- drawn by Hypothesis ----


def any_activation(without=()):
    """The name of an activation, or one with a parameter of its own."""
    named = st.sampled_from([name for name in ACTIVATIONS if name not in without])
    return st.one_of(named, st.builds(LeakyRelu, st.floats(0, 2)), st.builds(Elu, st.floats(0.1, 3)))


def any_layer(without=()):
    """A layer of any kind, with any activation but these."""
    activation = any_activation(without)
    dense = st.builds(
        lambda units, f, bias: pn.Dense(units, f, bias=bias), st.integers(1, 9), activation, st.booleans()
    )
    others = [st.sampled_from(several) for name, several in LAYERS.items() if name not in ("Dense", "Activation")]
    return st.one_of(dense, st.builds(pn.Activation, activation), *(make.map(lambda make: make(1)) for make in others))


def with_random_numbers(net, seed=0):
    """The network with every parameter and statistic moved away from where it starts."""
    random = np.random.default_rng(seed)
    net.parameters = random.normal(0, 0.7, net.parameters.shape)
    net.statistics = random.uniform(0.3, 2, net.statistics.shape)
    return net


# ---- exported files ----


def bare(folder, *command):
    """Run Python without site-packages; of what is installed it finds NumPy alone."""
    only = folder / "only_numpy"
    only.mkdir(exist_ok=True)
    site = os.path.dirname(os.path.dirname(np.__file__))
    for name in ("numpy", "numpy.libs"):
        if os.path.exists(os.path.join(site, name)) and not (only / name).exists():
            os.symlink(os.path.join(site, name), only / name)
    environment = {**os.environ, "PYTHONPATH": str(only), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-S", "-W", "error", *command], cwd=folder, env=environment, capture_output=True, text=True
    )
