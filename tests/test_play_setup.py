"""The setup of plainnet play: every choice of the catalogue, what cannot be combined, and links that hold anything."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plainnet as pn
from plainnet._base.configurable import build
from plainnet.errors import PlainnetError
from plainnet.play.session.choices import LISTS, catalogue
from plainnet.play.session.examples import Held, examples_of
from plainnet.play.session.session import Session
from plainnet.play.session.settings import InvalidSetting
from plainnet.play.session.setup import Setup

XOR = {"kind": "dataset", "name": "xor"}
GAUSSIANS = {"kind": "dataset", "name": "gaussians"}
SINE = {"kind": "dataset", "name": "sine"}
OUTPUT = {"name": "Dense", "units": 1, "activation": "sigmoid"}
ENTRIES = [(name, entry["name"]) for name in LISTS for entry in catalogue()[name]]


def entry_of(kind: str, name: str) -> dict[str, Any]:
    return next(entry for entry in catalogue()[kind] if entry["name"] == name)


def defaults(kind: str, name: str) -> dict[str, Any]:
    return {"name": name} | {one["name"]: one["default"] for one in entry_of(kind, name)["arguments"]}


def change(session: Session, *path: Any, to: Any) -> dict[str, Any]:
    return session.handle({"do": "change", "path": list(path), "value": to})[0]


def problems(session: Session) -> list[tuple[list[Any], str]]:
    return [(problem["at"], problem["message"]) for problem in session.problems]


# ---- the catalogue ----


def test_every_part_of_plainnet_is_in_the_catalogue():
    registries = {
        "layers": pn.layers.LAYERS,
        "activations": pn.activations.ACTIVATIONS,
        "losses": pn.losses.LOSSES,
        "optimizers": pn.optimizers.OPTIMIZERS,
        "schedules": pn.schedules.SCHEDULES,
        "initializers": pn.initializers.INITIALIZERS,
        "metrics": pn.metrics.METRICS,
    }
    for name, registry in registries.items():
        assert {entry["name"] for entry in catalogue()[name]} == set(registry)
    assert {entry["name"] for entry in catalogue()["datasets"]} == {
        *("xor", "gates", "circles", "moons", "spirals", "gaussians", "sine")
    }


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_entry_builds_with_its_defaults_and_says_what_it_is(kind, name):
    entry = entry_of(kind, name)
    assert entry["help"]
    for argument in entry["arguments"]:
        assert argument["help"], argument
        assert argument["kind"] in ("whole", "number", "flag", "choice", "rate", "text"), argument
        assert argument["default"] is not None or argument["optional"], argument
        if argument["kind"] == "whole" and argument["default"] is not None:
            assert argument["least"] <= argument["default"] <= argument["most"], argument
    if kind not in ("metrics", "datasets", "layers"):
        build(kind, defaults(kind, name), LISTS[kind])
    json.dumps(entry, allow_nan=False)


@pytest.mark.parametrize("name", [name for kind, name in ENTRIES if kind == "datasets"])
def test_every_data_set_trains_with_its_usual_setup(name):
    session = Session({"data": {"kind": "dataset", "name": name, "validation": 0.25}})
    assert session.problems == []
    options = {one["name"]: one["default"] for one in entry_of("datasets", name)["arguments"]}
    X, y = getattr(pn.datasets, name)(**options, seed=0)
    assert np.array_equal(session.examples.inputs, X)
    assert np.array_equal(session.examples.labels, y.reshape(-1))
    first = session.runs[0].network.parameters.copy()
    session.handle({"do": "epoch"})
    assert (first != session.runs[0].network.parameters).any()


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("layers", ["layers", 0]),
        ("activations", ["layers", 0, "activation"]),
        ("initializers", ["layers", 0, "initializer"]),
        ("optimizers", ["optimizer"]),
        ("schedules", ["optimizer", "learning_rate"]),
        ("metrics", ["metrics"]),
    ],
)
def test_every_choice_trains_or_says_why_not(kind, path):
    for entry in catalogue()[kind]:
        session = Session({"data": {**XOR, "validation": 0.25}})
        value = [entry["name"]] if kind == "metrics" else defaults(kind, entry["name"])
        change(session, *path, to=value)
        reasons = {"Embedding": "codes of categories", "r2": "quantity", "rmse": "quantity", "mae": "quantity"}
        if entry["name"] in reasons:
            assert reasons[entry["name"]] in problems(session)[0][1]
            continue
        assert session.problems == [], entry["name"]
        session.handle({"do": "epoch"})
        assert session.runs[0].epochs == 1


# ---- one form for each setup ----


def test_a_setup_reads_back_as_itself_and_says_everything():
    plain = {
        "data": {"kind": "dataset", "name": "spirals", "options": {"classes": 3}, "validation": 0.2},
        "layers": [
            {"name": "Dense", "units": 5, "activation": {"name": "leaky_relu", "slope": 0.1}},
            "Dropout",
            OUTPUT,
        ],
        "loss": {"name": "huber", "delta": 2.0},
        "optimizer": {"name": "sgd", "learning_rate": {"name": "cosine", "learning_rate": 0.1}},
    }
    setup = Setup.of(plain)
    assert Setup.of(setup.plain()) == setup == Setup.of(json.loads(json.dumps(setup.plain())))
    assert setup.layers[1] == {"name": "Dropout", "rate": 0.5}
    assert setup.optimizer["learning_rate"] == {"name": "cosine", "learning_rate": 0.1, "minimum": 0.0}
    assert setup.data["options"] == {"rows": 200, "classes": 3, "turns": 1.0, "noise": 0.0}
    completed = setup.completed(examples_of(setup, Held()))
    assert Setup.of(completed.plain()) == completed


def test_the_options_are_those_of_fit():
    plain = {
        "data": {"kind": "dataset", "name": "moons", "options": {"noise": 0.1}, "validation": 0.2, "test": 0.1},
        "layers": [{"name": "Dense", "units": 6, "activation": "tanh", "l2": 0.01}, OUTPUT],
        "optimizer": {"name": "sgd", "learning_rate": 0.3, "momentum": 0.5},
        "batch_size": 16,
        "epochs": 7,
        "seed": 3,
        "class_weight": "balanced",
        "engine": "numpy",
    }
    setup = Setup.of(plain)
    examples = examples_of(setup, Held())
    setup = setup.completed(examples)
    run = Session(plain).runs[0]
    run.advance(epochs=7)
    net = pn.Network(pn.Dense(6, "tanh", l2=0.01), pn.Dense(1, "sigmoid"), input_size=2, seed=3)
    assert np.array_equal(setup.network(examples).parameters, net.parameters)
    net.fit(
        *examples.training[:2],
        loss="binary_cross_entropy",
        optimizer=pn.SGD(0.3, momentum=0.5),
        batch_size=16,
        epochs=7,
        validation=examples.validation,
        class_weight="balanced",
        engine="numpy",
    )
    assert np.array_equal(run.network.parameters, net.parameters)


def test_a_batch_is_at_most_all_examples():
    session = Session({"data": XOR, "batch_size": 1000})
    assert session.problems == []
    assert session.runs[0].job.batch_size is None


# ---- another kind of data ----


def test_the_output_follows_the_data_and_the_hidden_layers_stay():
    session = Session({"data": XOR})
    hidden = session.setup.layers[:-1]
    for data, units, activation, loss in (
        (GAUSSIANS, 3, "softmax", "cross_entropy"),
        (SINE, 1, "identity", "mse"),
        ({"kind": "dataset", "name": "circles"}, 1, "sigmoid", "binary_cross_entropy"),
    ):
        assert change(session, "data", to=data)["problems"] == []
        last = session.setup.layers[-1]
        assert (last["units"], last["activation"], session.setup.loss) == (units, activation, loss)
        assert session.setup.layers[:-1] == hidden


def test_what_suits_the_new_data_stays():
    session = Session({"data": XOR})
    change(session, "loss", to="mae")
    change(session, "data", to={"kind": "dataset", "name": "moons"})
    assert (session.setup.loss, session.problems) == ("mae", [])
    change(session, "metrics", to=["f1", "r2"])
    change(session, "data", to=SINE)
    assert (session.setup.loss, session.setup.metrics, session.problems) == ("mse", ["r2"], [])


# ---- what cannot be combined ----

RATE = {**OUTPUT, "activation": "exponential"}
SOFTMAX = {"name": "Dense", "units": 1, "activation": "softmax"}
NORMED = [{"name": "Dense", "units": 4, "activation": "identity"}, "BatchNorm", OUTPUT]


@pytest.mark.parametrize(
    ("plain", "at", "says"),
    [
        ({"data": XOR, "layers": [SOFTMAX]}, ["layers", 0, "activation"], "always 1"),
        ({"data": XOR, "layers": [{**OUTPUT, "units": 3}]}, ["layers", 0, "units"], "2 classes"),
        ({"data": GAUSSIANS, "layers": [OUTPUT]}, ["layers", 0, "units"], "3 units with softmax"),
        ({"data": SINE, "layers": [{**OUTPUT, "units": 2}]}, ["layers", 0, "units"], "one quantity"),
        ({"data": XOR, "layers": [OUTPUT, "Scale"], "loss": "cross_entropy"}, ["loss"], "2 outputs"),
        ({"data": SINE, "layers": [RATE], "loss": "poisson"}, ["loss"], "at least 0"),
        ({"data": SINE, "loss": "binary_cross_entropy"}, ["loss"], "sigmoid"),
        ({"data": GAUSSIANS, "loss": "binary_cross_entropy"}, ["loss"], "sigmoid"),
        ({"data": GAUSSIANS, "loss": "mse"}, ["loss"], "cross_entropy with softmax"),
        ({"data": XOR, "layers": NORMED, "batch_size": 1}, ["batch_size"], "too small for BatchNorm"),
        ({"data": XOR, "metrics": ["r2"]}, ["metrics"], "quantity"),
        ({"data": SINE, "metrics": ["accuracy"]}, ["metrics"], "classes"),
        ({"data": XOR, "early_stopping": {"monitor": "f1"}}, ["early_stopping", "monitor"], "does not measure"),
        ({"data": SINE, "class_weight": "balanced"}, ["class_weight"], "quantity"),
        ({"data": XOR, "layers": [{**OUTPUT, "units": 65}, OUTPUT]}, ["layers", 0, "units"], "at most 64"),
        ({"data": XOR, "layers": [OUTPUT] * 14}, ["layers"], "at most 12"),
        ({"data": XOR, "layers": [{"name": "PeriodicEmbedding", "columns": 4}, OUTPUT]}, ["layers", 0], "at most 3"),
        ({"data": XOR, "optimizer": {"name": "sgd", "rate_factors": {"bais": 2}}}, ["optimizer"], "bais"),
    ],
)  # fmt: skip
def test_what_cannot_be_combined_is_explained_where_it_is_set(plain, at, says):
    session = Session(plain)
    found = [message for place, message in problems(session) if place == at]
    assert any(says in message for message in found), session.problems
    assert session.runs[0].epochs == 0  # a run of the usual setup stands there


def test_a_setup_with_problems_waits_while_the_run_before_it_stays():
    session = Session({"data": {"kind": "dataset", "name": "moons"}})
    session.handle({"do": "epoch"})
    parameters = session.runs[0].network.parameters.copy()
    reply = change(session, "layers", 2, "activation", to="softmax")
    assert reply["setup"]["layers"][2]["activation"] == "softmax"
    assert reply["problems"][0]["at"] == ["layers", 2, "activation"]
    assert np.array_equal(session.runs[0].network.parameters, parameters)
    change(session, "layers", 2, "units", to=2)
    assert change(session, "loss", to="cross_entropy")["problems"] == []
    assert session.runs[0].network.output_size == 2


# ---- links that hold anything ----

RATES = ["optimizer", "learning_rate"]
LONG = {"name": "cosine_log", "learning_rate": 0.1, "cycles": 99}


@pytest.mark.parametrize(
    ("plain", "at", "says"),
    [
        ({"layer": []}, ["layer"], "did you mean 'layers'"),
        ({"layers": [{"name": "Dens"}]}, ["layers", 0], "did you mean 'Dense'"),
        ({"layers": [OUTPUT, {"name": "Dense", "units": -1}]}, ["layers", 1, "units"], "units is -1"),
        ({"layers": [{"name": "own:x"}]}, ["layers", 0], ""),
        ({"optimizer": {"name": "sgd", "nesterov": True}}, ["optimizer", "nesterov"], "momentum"),
        ({"optimizer": {"name": "adam", "learning_rate": LONG}}, [*RATES, "cycles"], "at most 16"),
        ({"data": {"kind": "dataset", "name": "moon"}}, ["data", "name"], "moons"),
        ({"data": {"name": "moons", "options": {"rows": 10**9}}}, ["data", "options", "rows"], "at most 5,000"),
        ({"data": {"kind": "points", "X": [[1.0, math.nan]], "y": [0]}}, ["data", "X", 0, 1], "plain data"),
        ({"data": {"kind": "points", "X": [[0.0, 1.0]] * 2001, "y": [0] * 2001}}, ["data", "X"], "at most 2,000"),
        ({"data": {"kind": "table", "name": "a.csv"}}, ["data", "target"], "needs target"),
        ({"epochs": 10**8}, ["epochs"], "at most 10,000,000"),
        ({"seed": "1"}, ["seed"], "whole number"),
        ({"batch_size": 0}, ["batch_size"], "at least 1"),
        ({"dtype": "float16"}, ["dtype"], "float32"),
        ({"version": 2, "unheard_of": 1}, ["version"], "later plainnet"),
        ({"version": "x"}, ["version"], "whole number"),
        ([], [], "object"),
    ],
)  # fmt: skip
def test_a_link_that_cannot_be_is_refused_with_the_place(plain, at, says):
    if plain == {"layers": [{"name": "own:x"}]}:  # parts of a program: known once the program gave them
        session = Session(plain)
        assert problems(session)[0] == (at, "layer 'own:x' is unknown: it is none of plainnet's")
        return
    with pytest.raises(InvalidSetting, match=says) as caught:
        Setup.of(plain)
    assert caught.value.at == at


texts = st.sampled_from(
    ["Dense", "tanh", "adam", "own:x", "name", "units", "", "__class__", "reduce_on_plateau", "dataset", "xor", "é\x00"]
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.sampled_from([0, 1, 2, 0.5, 10**400])
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("learning_rate"), inner, max_size=3),
    max_leaves=8,
)
places = st.sampled_from(
    [
        *(["data"], ["data", "options"], ["data", "options", "noise"], ["data", "kind"], ["seed"], ["layers"]),
        *(["layers", 0], ["layers", 0, "units"], ["layers", 1, "activation"], ["loss"], ["optimizer"], ["metrics"]),
        *(["optimizer", "learning_rate"], ["early_stopping"], ["epochs"], ["batch_size"], ["made_for"], ["version"]),
        *(["loss", "delta"], ["layers", 7, "x"], ["nothing"], []),
    ]
)


@settings(max_examples=200)
@given(places, anything)
def test_whatever_is_set_is_taken_in_one_form_or_refused(path, value):
    setup = Setup.of({"data": XOR, "layers": [{"name": "Dense", "units": 3}, OUTPUT]})
    try:
        changed = setup.changed(path, value)
        examples = examples_of(changed, Held())
        completed = changed.completed(examples)
        found = completed.problems(examples)
    except PlainnetError:
        return
    assert Setup.of(json.loads(json.dumps(completed.plain()))) == completed
    assert found or completed.network(examples).is_built
