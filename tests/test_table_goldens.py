"""The recipe for tables against pytabkit's RealMLP-TD, part by part; `goldens/make_tables.py` made the numbers."""

import math
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import plainnet as pn
from plainnet.errors import PlainnetWarning
from plainnet.losses import CrossEntropy
from plainnet.optimizers import AdamW
from plainnet.schedules import CosineLog, FlatCosine
from plainnet.tabular import Table

FOLDER = Path(__file__).parent / "goldens" / "tables"
TASKS = ("classification", "regression")


def golden(name):
    return np.load(FOLDER / f"{name}.npz")


def frame_of(arrays, part):
    """The rows of the golden table, with a target of two classes."""
    columns = {name: arrays[f"{part} column {name}"] for name in arrays["names"]}
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.String).replace("", None))
    return frame.with_columns(target=pl.Series([["a", "b"][row % 2] for row in range(len(frame))]))


@pytest.mark.parametrize("part", ["train", "test"])
def test_preprocessing(part):
    """Robust scale, smooth clip, two-valued, one-hot and coded columns; the constant one, zeros there, is left out."""
    arrays = golden("preprocessing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)
        table = Table.learn(frame_of(arrays, "train"), "target", "classification", encoding="robust")
        features = table.features(frame_of(arrays, part))
    numbers = arrays[f"{part} numbers"]
    constant = list(arrays["names"]).index("constant")
    assert not numbers[:, constant].any()
    theirs = [np.delete(numbers, constant, axis=1), arrays[f"{part} plain"], arrays[f"{part} codes"]]
    assert (table.groups.numbers, table.groups.plain, table.groups.categories) == (5, 16, (12,))
    np.testing.assert_allclose(features, np.hstack(theirs), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("schedule", "name"), [(CosineLog(1.0), "coslog4"), (FlatCosine(1.0), "flat_cos")])
def test_schedules(schedule, name):
    arrays = golden("schedules")
    ours = [schedule.rate(share * 256, 256, {}) for share in arrays["shares"]]
    np.testing.assert_allclose(ours, arrays[name], rtol=0, atol=1e-12)


LAYERS = 3
"""The layers before the first Dense one: embeddings of categories and of numbers, and the scale."""


def network(arrays, task, dtype):
    """The network of the golden steps as it begins."""
    activation, last = {"classification": ("selu", pn.Dense(3, "softmax")), "regression": ("mish", pn.Dense(1))}[task]
    hidden = [layer for units in (7, 6, 5) for layer in (pn.Dense(units), pn.ParametricActivation(activation))]
    layers = [pn.Embedding([12, 10], width=8), pn.PeriodicEmbedding(3), pn.Scale(), *hidden, last]
    net = pn.Network(*layers, input_size=inputs_of(arrays).shape[1], dtype=dtype)
    net.parameters = vector_of(net, arrays, "before")
    return net


def inputs_of(arrays):
    return np.hstack([arrays["numbers"], arrays["plain"], arrays["codes"]])


def targets_of(arrays, task):
    targets = arrays["targets"]
    return targets if task == "classification" else (targets - targets.mean()) / targets.std()


def vector_of(net, arrays, moment):
    """The golden parameters at a moment, or their gradients, in our order; our weights are NTK's over √inputs."""
    vector = np.zeros(net.parameters.shape)
    for place, views in enumerate(net.parameter_views(vector)):
        for name, view in views.items():
            view[...] = golden_parameter(arrays, moment, place, name)
    return vector


def golden_parameter(arrays, moment, place, name):
    if place == 0:
        return np.concatenate([arrays[f"{moment} category {column} weights"] for column in (0, 1)])
    if place == 1:
        return arrays[f"{moment} numbers {name}"]
    if place == 2:
        return arrays[f"{moment} scale"]
    found = arrays[f"{moment} layer {(place - LAYERS) // 2} {name}"]
    if name != "weights":
        return found
    return found * math.sqrt(len(found)) if moment == "gradient" else found / math.sqrt(len(found))


@pytest.mark.parametrize("task", TASKS)
def test_the_first_gradient(task):
    arrays = golden(f"steps_{task}")
    net = network(arrays, task, "float64")
    loss = CrossEntropy(label_smoothing=0.1) if task == "classification" else "mse"
    rows = slice(int(arrays["batch size"]))
    value, gradient = net.loss_and_gradient(inputs_of(arrays)[rows], targets_of(arrays, task)[rows], loss=loss)
    assert value == pytest.approx(arrays["losses"][0], rel=1e-12)
    np.testing.assert_allclose(gradient, vector_of(net, arrays, "gradient"), rtol=0, atol=1e-12)


def optimizer(arrays, net):
    """RealMLP's: rates and decays of groups of parameters, weights as in NTK, all of it on schedules."""
    rates = {"bias": 0.1, "scale": 6.0, "alpha": 0.1}
    decays = {"bias": 0.0, "scale": 36.0, "alpha": 0.01}
    for place, layer in enumerate(net.layers):
        if isinstance(layer, pn.Dense):
            rates[f"layers[{place}].weights"] = 1 / math.sqrt(len(layer.weights))
        if isinstance(layer, pn.PeriodicEmbedding):
            for name in ("frequencies", "phases", "weights", "bias"):
                rates[f"layers[{place}].{name}"], decays[f"layers[{place}].{name}"] = 0.1, 0.01
    return AdamW(
        CosineLog(float(arrays["learning rate"])),
        beta2=0.95,
        weight_decay=FlatCosine(float(arrays["weight decay"])),
        rate_factors=rates,
        decay_factors=decays,
    )


@pytest.mark.parametrize(
    ("engine", "dtype", "tolerance"),
    [
        ("numpy", "float64", 1e-6),  # not less: Adam's ε is that of the weights over √inputs
        ("numpy", "float32", 1e-5),
        pytest.param("compiled", "float32", 1e-5, marks=pytest.mark.needs("fast")),
    ],
)
@pytest.mark.parametrize("task", TASKS)
def test_six_steps(task, engine, dtype, tolerance):
    arrays = golden(f"steps_{task}")
    net = network(arrays, task, dtype)
    net.fit(
        inputs_of(arrays),
        targets_of(arrays, task),
        loss=CrossEntropy(label_smoothing=0.1) if task == "classification" else "mse",
        optimizer=optimizer(arrays, net),
        epochs=1,
        batch_size=int(arrays["batch size"]),
        shuffle=False,
        engine=engine,
    )
    np.testing.assert_allclose(net.parameters, vector_of(net, arrays, "after 6"), rtol=0, atol=tolerance)


def test_initialization_from_data():
    """Each unit's sums have deviation 1; biases lie about minus their mean as far as pytabkit's, whose draws differ."""
    arrays = golden("initialization")
    layers = [layer for _ in range(3) for layer in (pn.Dense(256), pn.ParametricActivation("selu"))]
    embeddings = [pn.Embedding([12, 10], width=8), pn.PeriodicEmbedding(3), pn.Scale()]
    X = inputs_of(arrays)
    net = pn.Network(*embeddings, *layers, pn.Dense(3, "softmax"), input_size=X.shape[1], seed=0, dtype="float64")
    pn.initialize_from_data(net, X)
    values = X
    for place, layer in enumerate(net.layers):
        if isinstance(layer, pn.Dense):
            sums = values @ layer.weights
            number = (place - LAYERS) // 2
            np.testing.assert_allclose(sums.std(axis=0), arrays[f"layer {number} deviations"], rtol=1e-6)
            if len(layer.bias) == 256:  # three are too few for a deviation
                ours, theirs = layer.bias + sums.mean(axis=0), arrays[f"layer {number} bias from mean"]
                assert ours.std() == pytest.approx(theirs.std(), rel=0.2)
                assert abs(ours.mean()) < 0.15
        values = layer.predict(values)
