"""Formulas against the numbers of PyTorch and pytabkit, which `goldens/make_goldens.py` and `make_tables.py` made."""

import json
from pathlib import Path

import numpy as np
import pytest

import plainnet as pn
from plainnet import activations, losses, optimizers, schedules
from plainnet.layers import LAYERS, TrainingPass

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "pytorch.json").read_text())
OPTIMIZERS = GOLDENS["optimizers"]


@pytest.mark.parametrize("run", OPTIMIZERS["runs"], ids=lambda run: run["name"])
def test_a_hundred_steps_end_where_pytorch_ends(run):
    """From the same start, on the same batches in the same order."""
    initial = {name: np.array(values) for name, values in OPTIMIZERS["initial"].items()}
    net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(2), input_size=3, dtype="float64")
    net.parameters = np.concatenate([initial[name].ravel() for name in PARAMETERS])
    optimizer = optimizers.OPTIMIZERS[run["optimizer"]](**run["settings"])
    net.fit(
        np.array(OPTIMIZERS["inputs"]),
        np.array(OPTIMIZERS["targets"]),
        loss="mse",
        optimizer=optimizer,
        epochs=25,
        batch_size=5,
        shuffle=False,
    )
    expected = np.concatenate([np.ravel(run["final"][name]) for name in PARAMETERS])
    np.testing.assert_allclose(net.parameters, expected, rtol=0, atol=1e-10)


PARAMETERS = ("hidden_weights", "hidden_bias", "output_weights", "output_bias")


def test_the_goldens_cover_every_optimizer_loss_and_schedule():
    assert {run["optimizer"] for run in OPTIMIZERS["runs"]} == set(optimizers.OPTIMIZERS)
    assert {case["loss"] for case in GOLDENS["losses"]} == set(losses.LOSSES)
    covered = {case["schedule"] for case in GOLDENS["schedules"]} | {"constant", *OF_PYTABKIT}
    assert covered == set(schedules.SCHEDULES)


@pytest.mark.parametrize("case", GOLDENS["losses"], ids=lambda case: case["loss"])
def test_losses_and_their_gradients(case):
    loss = losses.LOSSES[case["loss"]](**case["settings"])
    from_logits = "logits" in case
    outputs = np.array(case["logits" if from_logits else "predictions"])
    targets = loss.prepare(case["targets"], outputs.shape[1], np.dtype("float64"))
    value, gradient = loss.value_and_gradient(targets, outputs, from_logits=from_logits)
    assert value == pytest.approx(case["value"], rel=1e-12)
    np.testing.assert_allclose(gradient, case["gradient"], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", [n for n in activations.ACTIVATIONS if n not in ("identity", "softmax", "gelu")])
def test_activations(name):
    check_activation(name, GOLDENS["activations"]["functions"][name])


def test_gelu_is_the_tanh_form():
    check_activation("gelu", GOLDENS["activations"]["functions"]["gelu_tanh"])


def check_activation(name, expected):
    z = np.array([GOLDENS["activations"]["points"]])
    activation = activations.ACTIVATIONS[name]()
    a = activation.value(z)
    np.testing.assert_allclose(a[0], expected["value"], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(activation.derivative(z, a)[0], expected["derivative"], rtol=1e-9, atol=1e-15)


def test_softmax():
    case = GOLDENS["activations"]["softmax"]
    np.testing.assert_allclose(activations.Softmax().value(np.array(case["rows"])), case["value"], rtol=1e-12)


@pytest.mark.parametrize("name", ["step", "exponential", "cosine", "linear_warmup", "one_cycle"])
def test_schedules(name):
    case = next(case for case in GOLDENS["schedules"] if case["schedule"] == name)
    schedule = schedules.SCHEDULES[name](**case["settings"])
    epochs = len(case["rates"])
    points = np.arange(epochs, dtype=float)
    total = epochs
    if (
        name == "one_cycle"
    ):  # PyTorch's two phases end at steps 29 and 99 of 0 ... 99, ours at 30 % and 100 % of the run
        total = 1
        points = np.where(points <= 29, 0.3 * points / 29, 0.3 + 0.7 * (points - 29) / 70)
    rates = [schedule.rate(float(point), total, {}) for point in points]
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-9)


OF_PYTABKIT = {"cosine_log": "coslog4", "flat_cosine": "flat_cos"}


@pytest.mark.parametrize("name", OF_PYTABKIT)
def test_schedules_of_pytabkit(name):
    case = np.load(Path(__file__).parent / "goldens" / "tables" / "schedules.npz")
    schedule = schedules.SCHEDULES[name](0.04)
    rates = [schedule.rate(float(8 * share), 8, {}) for share in case["shares"]]
    np.testing.assert_allclose(rates, 0.04 * case[OF_PYTABKIT[name]], rtol=1e-12, atol=1e-15)


def test_reduce_on_plateau():
    case = next(case for case in GOLDENS["schedules"] if case["schedule"] == "reduce_on_plateau")
    schedule, memory, rates = schedules.ReduceOnPlateau(**case["settings"]), {}, []
    for loss in case["losses"]:
        rates.append(schedule.rate(0, 1, memory))  # of the epoch that ends with this loss
        schedule.observe(loss, memory)
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-12)


WITHOUT_GOLDENS = ("Dense", "Activation", "Dropout")
"""Layers that the runs of the optimizers and the activations cover, and one that draws its own random numbers."""


def single_layer(layer, units):
    net = pn.Network(layer, input_size=units, dtype="float64")
    return net.layers[0]


def test_batch_norm_over_three_steps_and_a_prediction():
    case = GOLDENS["layers"]["batch_norm"]
    layer = single_layer(pn.BatchNorm(**case["settings"]), 3)
    layer.scale, layer.shift = case["scale"], case["shift"]
    for step in case["training"]:
        outputs, _ = layer.forward(np.array(step["inputs"]), TrainingPass(np.random.default_rng(0)))
        np.testing.assert_allclose(outputs, step["outputs"], rtol=1e-10)
        np.testing.assert_allclose(layer.running_mean, step["running_mean"], rtol=1e-10)
        np.testing.assert_allclose(layer.running_variance, step["running_variance"], rtol=1e-10)
    outputs, _ = layer.forward(np.array(case["prediction"]["inputs"]))
    np.testing.assert_allclose(outputs, case["prediction"]["outputs"], rtol=1e-10)


@pytest.mark.parametrize("name", ["LayerNorm", "RMSNorm"])
def test_normalization_of_an_example(name):
    case = GOLDENS["layers"][{"LayerNorm": "layer_norm", "RMSNorm": "rms_norm"}[name]]
    layer = single_layer(LAYERS[name](**case["settings"]), 4)
    learned = [key for key in ("scale", "shift") if key in case]
    for key in learned:
        setattr(layer, key, case[key])
    outputs, backward = layer.forward(np.array(case["inputs"]))
    gradients = {key: np.empty(4) for key in learned}
    input_gradient = backward(np.array(case["upstream_gradient"]), gradients)
    np.testing.assert_allclose(outputs, case["outputs"], rtol=1e-10)
    np.testing.assert_allclose(input_gradient, case["input_gradient"], rtol=1e-9, atol=1e-12)
    for key in learned:
        np.testing.assert_allclose(gradients[key], case[f"{key}_gradient"], rtol=1e-10)


@pytest.mark.parametrize("name", [name for name in LAYERS if "Norm" not in name and name not in WITHOUT_GOLDENS])
def test_layers_and_their_gradients(name):
    case = next(case for key, case in GOLDENS["layers"].items() if key.replace("_", "") == name.lower())
    inputs = np.array(case["inputs"])
    layer = single_layer(LAYERS[name](**case["settings"]), inputs.shape[1])
    for key, values in case["parameters"].items():
        setattr(layer, key, values)
    outputs, backward = layer.forward(inputs)
    gradients = {key: np.empty(getattr(layer, key).shape) for key in case["parameters"]}
    gradients["inputs"] = backward(np.array(case["upstream_gradient"]), gradients)
    np.testing.assert_allclose(outputs, case["outputs"], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(layer.predict(inputs), case["outputs"], rtol=1e-12, atol=1e-13)
    for key, expected in case["gradients"].items():
        np.testing.assert_allclose(gradients[key], expected, rtol=1e-11, atol=1e-13)
