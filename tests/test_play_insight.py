"""One step explained, one unit in numbers, and the valley, as a session of `plainnet play` gives them to the page."""

import json

import numpy as np
import pytest

import plainnet as pn
from plainnet.errors import InvalidType, InvalidValue
from plainnet.play.session.messages import pack
from plainnet.play.session.session import Session

XOR = {"kind": "dataset", "name": "xor"}
MOONS = {"kind": "dataset", "name": "moons", "options": {"rows": 40, "noise": 0.2}}
DENSE = {"name": "Dense", "units": 3, "activation": "tanh"}
OUTPUT = {"name": "Dense", "units": 1, "activation": "sigmoid"}
COSINE = {"name": "cosine", "learning_rate": 0.05}


def session(layers=(DENSE, OUTPUT), *, data=XOR, done=0, **setup):
    made = Session({"data": data, "layers": list(layers), "dtype": "float64", **setup})
    assert made.problems == []
    for _ in range(done):
        made.handle({"do": "epoch"})
    return made


def ask(session, do, **fields):
    header, arrays = session.handle({"do": do, **fields})
    pack(header, arrays)
    return header, arrays


def of_kind(explained, kind, unit=None):
    return [scene for scene in explained["scenes"] if scene["kind"] == kind and unit in (None, scene.get("unit"))]


def parts(scene):
    return {part["name"]: part for part in scene["parts"]}


def values(part):
    return [line["value"] for line in part["lines"]]


def slopes(net, X, y, loss, size=1e-5):
    """The gradient by all parameters, by central differences of the loss alone."""
    found = np.empty(net.parameters.size)
    twin = net.copy()
    for i in range(found.size):
        ends = []
        for side in (size, -size):
            twin.parameters = net.parameters + side * (np.arange(found.size) == i)
            ends.append(twin.loss_and_gradient(X, y, loss=loss)[0])
        found[i] = (ends[0] - ends[1]) / (2 * size)
    return found


# ---- one step ----


def test_a_step_on_one_example_is_explained_link_by_link():
    playing = session(done=5)
    run = playing.runs[0]
    net, row = run.network, run.examples.row(1)
    explained, _ = ask(playing, "explain", row=1)
    first, last = net.layers
    z = row.inputs @ first.weights + first.bias
    for k in range(3):
        (scene,) = of_kind(explained, "sum", [0, k])
        products = values(parts(scene)["z"])
        assert products[:3] == pytest.approx(row.inputs * first.weights[:, k])
        assert products[3:] == pytest.approx([first.bias[k], z[k]])
        assert values(parts(scene)["a"]) == pytest.approx([np.tanh(z[k])])
        assert [link[:3] for link in scene["where"]["links"]] == [[0, j, k] for j in range(3)]
    assert explained["loss"] == pytest.approx(
        net.evaluate(row.inputs[None], row.target, loss=playing.setup.loss)["loss"]
    )
    by_hand = slopes(net, row.inputs[None], row.target, playing.setup.loss)
    for k in range(3):
        (scene,) = of_kind(explained, "delta", [0, k])
        shown = parts(scene)["∂loss/∂weights"]
        assert values(shown) == pytest.approx(by_hand[:9].reshape(3, 3)[:, k], rel=1e-5, abs=1e-9)
        assert [line["numerical"] for line in shown["lines"]] == pytest.approx(values(shown), rel=1e-4, abs=1e-9)
        assert [np.prod(line["terms"]) for line in shown["lines"]] == pytest.approx(values(shown))
        assert shown["check"]["passed"]
    assert explained["relative_error"] < 1e-5
    assert last.weights.shape == (3, 1)


def test_the_numbers_are_those_of_plainnet_explain():
    playing = session([{**DENSE, "l2": 0.01}, OUTPUT], data=MOONS)
    run = playing.runs[0]
    row = run.examples.row(3)
    explained, _ = ask(playing, "explain", row=3)
    whole = pn.explain(run.network, row.inputs[None], row.target, loss=playing.setup.loss, optimizer=run.job.optimizer)
    for scene in of_kind(explained, "delta", [0, 2]):
        for part in scene["parts"]:
            quantity = whole.backward[1][part["name"]]
            assert values(part) == list(quantity.values[..., 2].ravel())
            assert part["text"] == quantity.formula
            assert part["formula"] == getattr(quantity.formula, "mathml", "")
    (update,) = of_kind(explained, "update", [1, 0])
    after = [line["values"][-1] for line in update["parts"][0]["table"]["rows"]]
    assert after == [*whole.update[3]["after"].values[:, 0], *whole.update[4]["after"].values]


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        {"name": "adam", "learning_rate": COSINE},
        {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.1},
        {"name": "rmsprop", "learning_rate": 0.01, "clip_norm": 0.01},
    ],
)
def test_the_update_is_the_one_that_the_run_takes(optimizer):
    playing = session(done=7, epochs=20, optimizer=optimizer)
    run = playing.runs[0]
    before = run.network.parameters.copy()
    explained, _ = ask(playing, "explain", row=None)
    assert explained["rows"] == 4
    rows = [line for scene in of_kind(explained, "update") for line in scene["parts"][0]["table"]["rows"]]
    assert run.network.parameters.tolist() == before.tolist()
    ask(playing, "step")
    places = [*np.arange(9).reshape(3, 3).T.tolist()]
    order = [*[[*places[k], 9 + k] for k in range(3)], [12, 13, 14, 15]]
    for line, place in zip(rows, np.concatenate(order), strict=True):
        assert line["values"][0] == before[place]
        assert line["values"][-1] == pytest.approx(run.network.parameters[place], rel=1e-9)
    assert explained["learning_rate"] == pytest.approx(run.job.learning_rate)
    assert explained["step"] == run.job.steps_done == 8
    ask(playing, "change", path=["optimizer"], value="rmsprop")  # which counts its own steps from 1
    assert ask(playing, "explain", row=None)[0]["step"] == 9


LAYERS = [
    {"name": "BatchNorm"},
    {"name": "LayerNorm"},
    {"name": "Dropout", "rate": 0.3},
    {"name": "Dropout", "rate": {"name": "flat_cosine", "learning_rate": 0.3}},
    {"name": "Activation", "activation": "relu"},
    {"name": "Scale"},
    {"name": "ParametricActivation", "activation": "silu"},
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("row", [None, 5])
def test_layers_without_units_of_their_own_have_scenes(layer, row):
    playing = session([DENSE, layer, OUTPUT], data=MOONS, done=2, batch_size=8)
    explained, _ = ask(playing, "explain", row=row)
    (forward,) = of_kind(explained, "layer")
    (backward,) = of_kind(explained, "back")
    assert forward["layer"] == backward["layer"] == 1
    assert values(forward["parts"][0]) == [
        values(parts(of_kind(explained, "sum", [0, k])[0])["a"])[0] for k in range(3)
    ]
    assert explained["relative_error"] < 1e-4
    assert explained["rows"] == (8 if row is None or layer["name"] == "BatchNorm" else 1)


def test_large_layers_are_summarised_and_the_reader_chooses_units():
    playing = session([{**DENSE, "units": 40}, {**OUTPUT}], data=MOONS)
    explained, _ = ask(playing, "explain", row=0)
    assert explained["large"] == [0]
    (whole,) = of_kind(explained, "large")
    assert len(whole["parts"][0]["lines"]) < 40 == whole["parts"][0]["more"] + len(whole["parts"][0]["lines"])
    assert of_kind(explained, "sum", [0, 17]) == []
    (output,) = of_kind(explained, "sum", [1, 0])
    assert values(parts(output)["z"])[-1] == pytest.approx(sum(values(parts(output)["z"])[:-1]))
    chosen, _ = ask(playing, "explain", row=0, units=[[0, 17], [9, 0]])
    assert len(of_kind(chosen, "sum", [0, 17])) == len(of_kind(chosen, "delta", [0, 17])) == 1
    assert len(json.dumps(explained)) < 150_000


def test_several_classes_and_quantities_are_explained():
    gaussians = {"kind": "dataset", "name": "gaussians", "options": {"classes": 3}}
    for data, units in ((gaussians, 3), ({"kind": "dataset", "name": "sine"}, 1)):
        playing = Session({"data": data, "dtype": "float64"})
        explained, _ = ask(playing, "explain", row=0)
        assert explained["relative_error"] < 1e-4
        assert len(of_kind(explained, "sum", None)) >= units
        assert explained["label"] == playing.examples.row(0).label


# ---- one unit ----


def test_a_unit_in_numbers():
    playing = session([DENSE, {"name": "Dropout", "rate": 0.5}, OUTPUT], data=MOONS, done=3)
    net = playing.runs[0].network
    inputs = playing.examples.row(4).inputs
    unit, _ = ask(playing, "unit", layer=0, unit=1, row=4)
    assert [line["value"] for line in unit["in"]] == net.layers[0].weights[:, 1].tolist()
    assert unit["z"] == pytest.approx(sum(line["product"] for line in unit["in"]) + unit["bias"]["value"])
    assert unit["a"] == pytest.approx(np.tanh(unit["z"]))
    assert [line["value"] for line in unit["out"]] == net.layers[2].weights[1].tolist()
    for line in (*unit["in"], unit["bias"], *unit["out"]):
        assert net.parameters[line["place"]] == line["value"]
    output, _ = ask(playing, "unit", layer=2, unit=0, row=4)
    assert output["a"] == pytest.approx(net.predict(inputs[None])[0, 0])
    entering, _ = ask(playing, "unit", layer=-1, unit=1, row=4)
    assert entering["a"] == inputs[1]
    assert [line["value"] for line in entering["out"]] == net.layers[0].weights[1].tolist()


# ---- the valley ----


def whole_valley(playing, **fields):
    header, arrays = ask(playing, "valley", new=True, **fields)
    while not header["ready"]:
        header, arrays = ask(playing, "valley", **fields)
    return header, arrays


def test_the_valley_is_the_loss_over_two_weights():
    playing = session([{**DENSE, "l2": 0.1}, OUTPUT], done=30)
    net = playing.runs[0].network.copy()
    X, y, _ = playing.examples.training
    header, arrays = whole_valley(playing, along=[4, 12], points=9)
    assert arrays["valley"].shape == (9, 9)
    assert header["point"] == pytest.approx(net.parameters[[4, 12]])
    assert arrays["path"][-1] == pytest.approx([*net.parameters[[4, 12]], 30], rel=1e-6)
    assert len(arrays["path"]) == 32
    here = net.parameters.copy()
    for row, column in ((0, 0), (3, 8), (8, 2)):
        here[[4, 12]] = arrays["axis0"][column], arrays["axis1"][row]
        net.parameters = here
        assert arrays["valley"][row, column] == pytest.approx(net.loss_and_gradient(X, y, loss=playing.setup.loss)[0])
    by_hand = slopes(playing.runs[0].network, X, y, playing.setup.loss)
    assert header["slope"] == pytest.approx(by_hand[[4, 12]], rel=1e-4)


def test_the_valley_along_one_weight_and_along_the_path():
    playing = session(done=0)
    assert ask(playing, "valley", along=None)[0]["moved"] is False
    for _ in range(10):
        ask(playing, "epoch")
    header, arrays = whole_valley(playing, along=[2])
    lowest = np.abs(arrays["axis0"] - header["point"][0]).argmin()
    assert arrays["valley"][lowest] == pytest.approx(header["value"], rel=0.05)
    header, arrays = whole_valley(playing, along=None, points=7)
    assert sum(header["shares"]) == pytest.approx(1, abs=0.1)
    assert header["point"] == pytest.approx([0, 0])


def test_looking_changes_nothing_of_the_training():
    layers = [DENSE, {"name": "BatchNorm"}, {"name": "Dropout", "rate": 0.2}, OUTPUT]
    looked, alone = (session(layers, data=MOONS, batch_size=8) for _ in range(2))
    for epoch in range(6):
        for playing in (looked, alone):
            ask(playing, "epoch")
        ask(looked, "explain", row=epoch)
        ask(looked, "explain", row=None)
        ask(looked, "unit", layer=1, unit=0, row=0)
        ask(looked, "valley", along=[0, 1], new=epoch % 2 == 0)
    assert looked.runs[0].network.parameters.tolist() == alone.runs[0].network.parameters.tolist()
    assert looked.runs[0].network.statistics.tolist() == alone.runs[0].network.statistics.tolist()


@pytest.mark.parametrize(
    "bad",
    [
        {"do": "explain", "row": 4},
        {"do": "explain", "units": [[0]]},
        {"do": "explain", "units": "all"},
        {"do": "explain", "units": [[True, 0]]},
        {"do": "unit", "layer": 2, "unit": 0},
        {"do": "unit", "layer": 0, "unit": 3},
        {"do": "unit", "layer": 0, "unit": 0, "row": -1},
        {"do": "valley", "along": [0, 0]},
        {"do": "valley", "along": [99]},
        {"do": "valley", "along": []},
        {"do": "valley", "along": ["weights"]},
        {"do": "valley", "points": 1000},
    ],
)
def test_what_is_not_there_is_refused(bad):
    with pytest.raises((InvalidValue, InvalidType)):
        session().handle(bad)


def test_a_network_without_parameters_has_no_valley():
    playing = session(data={"kind": "dataset", "name": "sine"}, layers=[{"name": "Activation", "activation": "tanh"}])
    assert not playing.problems
    assert ask(playing, "valley", along=None)[0]["moved"] is False
