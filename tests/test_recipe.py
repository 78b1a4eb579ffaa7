"""Recipes of table models: settings that are checked and varied, the network and the optimizer they make."""

import math

import numpy as np
import polars as pl
import pytest

import plainnet as pn
from plainnet.errors import InvalidType, InvalidValue
from plainnet.schedules import Constant, CosineLog, FlatCosine
from plainnet.tabular import RECIPES, Division, Recipe, Share, divide, prepare, problem_of
from plainnet.tabular.building import (
    batch_size_for,
    early_stopping_for,
    loss_of,
    network_for,
    optimizer_for,
    output_of,
)
from plainnet.tabular.recipe import recipe_of

REALMLP, SMALL = RECIPES["realmlp"], RECIPES["small"]


def table_of(task, recipe, rows=120):
    """Prepared rows with two numbers, one of them with gaps, a plain category and one of twelve that is embedded."""
    random = np.random.default_rng(2)
    x, many = random.normal(size=rows), random.integers(12, size=rows)
    gaps = [None if i % 10 == 0 else float(v) for i, v in enumerate(random.normal(size=rows))]
    frame = pl.DataFrame(
        {
            "x": x,
            "gaps": gaps,
            "few": np.array(["a", "b", "c"])[random.integers(3, size=rows)],
            "many": np.array([f"m{i:02}" for i in range(12)])[many],
            "y": np.array(["no", "yes"])[(x > 0).astype(int)]
            if task == "classification"
            else 3 * x + random.normal(size=rows),
        }
    )
    problem = problem_of(frame, "y")
    return prepare(problem, divide(problem, Division(test=Share(0.0), validation=Share(0.2)), seed=0), recipe)


def built(prepared, recipe):
    """The recipe's network for a prepared table."""
    return network_for(prepared.table, recipe, prepared.problem.loss, prepared.X, prepared.y, seed=0)


def sizes(net):
    return [layer.units for layer in net.layers if isinstance(layer, pn.Dense)]


# ---- settings ----


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden": (64, 0)}, "hidden is 0"),
        ({"hidden": 2.5}, "hidden is 2.5"),
        ({"encoding": "robsut"}, "did you mean 'robust'"),
        ({"number_embedding": "linear"}, "number_embedding is 'linear'"),
        ({"activation": "relo"}, "did you mean 'relu'"),
        ({"initializer": "he"}, "initializer is 'he'"),
        ({"optimizer": "adamm"}, "did you mean 'adam"),
        ({"schedule": "cosine_lag"}, "did you mean 'cosine_log'"),
        ({"monitor": "accuracy"}, "monitor is 'accuracy'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"early_stopping": 1.5}, "early_stopping is 1.5"),
        ({"frequencies": 0}, "frequencies is 0"),
        ({"largest_one_hot": -1}, "largest_one_hot is -1"),
        ({"calibrate": "yes"}, "calibrate is 'yes'"),
        ({"refit": "no"}, "refit is 'no'"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"label_smoothing": 1}, "label_smoothing is 1"),
        ({"frequency": 0}, "frequency is 0"),
        ({"scale_rate": -1}, "scale_rate is -1"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"number_width": 1}, "number_width is 1"),
        ({"encoding": "standard"}, "numbers are embedded with the encoding 'robust' alone"),
        ({"epoch": 3}, "did you mean 'epochs'"),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises((InvalidValue, InvalidType), match=words):
        REALMLP.varied(**settings)


def test_names_stand_for_recipes():
    assert recipe_of("small") is SMALL
    assert recipe_of(SMALL) is SMALL
    with pytest.raises(InvalidValue, match="did you mean 'realmlp'"):
        recipe_of("realmlq")


def test_varied_replaces_what_is_given_and_nothing_else():
    varied = REALMLP.varied(hidden=[32, 16], dropout=0.3, epochs=None)
    assert varied == Recipe(hidden=(32, 16), dropout=0.3)
    assert REALMLP.hidden == (256, 256, 256)
    assert REALMLP.varied(hidden=()).hidden == ()


def test_another_optimizer_takes_its_own_rate_and_decay():
    prepared = table_of("classification", REALMLP)
    recipe = REALMLP.varied(optimizer="sgd")
    made = optimizer_for(built(prepared, recipe), recipe, "classification")
    own = pn.SGD()
    assert isinstance(made, pn.SGD)
    assert isinstance(made.learning_rate, CosineLog)
    assert made.learning_rate.learning_rate == own.learning_rate
    assert (made.weight_decay, made.rate_factors, made.decay_factors) == (own.weight_decay, None, None)
    given = REALMLP.varied(optimizer="sgd", learning_rate=0.5, momentum=0.9, nesterov=True)
    made = optimizer_for(built(prepared, given), given, "classification")
    assert (made.learning_rate.learning_rate, made.momentum, made.nesterov) == (0.5, 0.9, True)
    assert REALMLP.varied(optimizer="adamw") == REALMLP


def test_an_option_that_the_optimizer_does_not_have_is_refused():
    prepared = table_of("classification", SMALL)
    with pytest.raises(InvalidValue, match="'adam' takes no momentum"):
        optimizer_for(built(prepared, SMALL), SMALL.varied(momentum=0.9), "classification")


# ---- the network ----


@pytest.mark.parametrize(("task", "activation", "outputs"), [("classification", "selu", 2), ("regression", "mish", 1)])
def test_the_network_of_realmlp_layer_by_layer(task, activation, outputs):
    recipe = REALMLP.varied(hidden=(10, 6))
    prepared = table_of(task, recipe)
    net = built(prepared, recipe)
    names = ["Embedding", "PeriodicEmbedding", "Scale"]
    names += ["Dense", "ParametricActivation", "Dropout"] * 2 + ["Dense"]
    assert [layer.name for layer in net.layers] == names
    # two numbers, one-hot few (3) and the indicator of the gaps, then many, whose code becomes 8 numbers
    assert prepared.X.shape[1] == 2 + 3 + 1 + 1
    assert net.layers[3].weights.shape == (2 * 4 + 3 + 1 + 8, 10)
    assert sizes(net) == [10, 6, outputs]
    embedding, periodic = net.layers[0], net.layers[1]
    assert embedding.weights.shape == (13, 8)  # twelve categories and none of them
    assert (periodic.columns, periodic.frequencies.shape) == (2, (2, 16))
    assert all(layer.activation.name == activation for layer in net.layers if layer.name == "ParametricActivation")
    assert all(layer.activation.name == "identity" for layer in net.layers if layer.name == "Dense" and layer.units > 2)
    for layer in net.layers:
        if layer.name == "Dropout":
            assert isinstance(layer.rate, FlatCosine)
            assert layer.rate.learning_rate == 0.15
    assert net.layers[-1].activation.name == output_of(prepared.problem.loss)
    assert net.table == prepared.table.to_dict()


def test_initial_sums_have_deviation_1_on_the_training_rows():
    recipe = REALMLP.varied(hidden=(10, 6))
    prepared = table_of("classification", recipe)
    net = built(prepared, recipe)
    inputs = prepared.X
    for layer in net.layers:
        if isinstance(layer, pn.Dense):
            np.testing.assert_allclose((inputs @ layer.weights).std(axis=0), 1, atol=1e-3)
        inputs = layer.predict(inputs)


def test_the_small_network_is_that_of_version_0_1():
    prepared = table_of("classification", SMALL)
    net = built(prepared, SMALL)
    assert [layer.name for layer in net.layers] == ["Dense", "Dense", "Dense"]
    assert sizes(net) == [64, 32, 2]
    assert prepared.X.shape[1] == 2 + 1 + 3 + 12
    made = optimizer_for(net, SMALL, "classification")
    assert made.settings() == pn.Adam().settings()
    assert early_stopping_for(SMALL, "classification").settings() == pn.EarlyStopping(20).settings()


@pytest.mark.parametrize("hidden", [(), (5,)])
def test_parts_can_be_left_out(hidden):
    recipe = REALMLP.varied(
        hidden=hidden, number_embedding="none", scaling=False, parametric=False, dropout=0.0, largest_one_hot=100
    )
    net = built(table_of("regression", recipe), recipe)
    assert [layer.name for layer in net.layers] == ["Dense"] * (len(hidden) + 1)


def test_hidden_layers_are_normalized_before_their_activation():
    recipe = REALMLP.varied(hidden=(5,), normalization="batch", number_embedding="none", largest_one_hot=100)
    names = [layer.name for layer in built(table_of("regression", recipe), recipe).layers]
    assert names == ["Scale", "Dense", "BatchNorm", "ParametricActivation", "Dropout", "Dense"]


# ---- the training ----


@pytest.mark.parametrize(("task", "rate"), [("classification", 0.04), ("regression", 0.2)])
def test_rates_and_decays_of_realmlp_by_name(task, rate):
    recipe = REALMLP.varied(hidden=(10, 6))
    net = built(table_of(task, recipe), recipe)
    made = optimizer_for(net, recipe, task)
    assert isinstance(made, pn.AdamW)
    assert (made.beta1, made.beta2, made.epsilon) == (0.9, 0.95, 1e-8)
    assert isinstance(made.learning_rate, CosineLog)
    assert (made.learning_rate.learning_rate, made.learning_rate.cycles) == (rate, 4)
    assert isinstance(made.weight_decay, FlatCosine)
    assert made.weight_decay.learning_rate == 0.02
    width = 2 * 4 + 3 + 1 + 8
    rates = {
        **{f"layers[1].{name}": 0.1 for name in ("frequencies", "phases", "weights", "bias")},
        "layers[2].scale": 6.0,
        "layers[3].weights": 1 / math.sqrt(width),
        "layers[3].bias": 0.1,
        "layers[4].alpha": 0.1,
        "layers[6].weights": 1 / math.sqrt(10),
        "layers[6].bias": 0.1,
        "layers[7].alpha": 0.1,
        "layers[9].weights": 1 / math.sqrt(6),
        "layers[9].bias": 0.1,
    }
    decays = {name: 0.01 for name in rates if name.startswith("layers[1]") or name.endswith("alpha")}
    decays |= {"layers[2].scale": 36.0} | {name: 0.0 for name in rates if name in BIASES}
    assert made.rate_factors == pytest.approx(rates)  # the embedding of categories has the rate and decay as they are
    assert made.decay_factors == pytest.approx(decays)


BIASES = ("layers[3].bias", "layers[6].bias", "layers[9].bias")


def test_factors_follow_the_recipe():
    recipe = REALMLP.varied(hidden=(10,), scale_rate=3.0, embedding_rate=0.2, first_rate=0.5, schedule="constant")
    made = optimizer_for(built(table_of("regression", recipe), recipe), recipe, "regression")
    assert made.rate_factors["layers[2].scale"] == 3
    assert made.decay_factors["layers[2].scale"] == 9
    assert made.rate_factors["layers[1].phases"] == 0.2
    assert made.rate_factors["layers[3].weights"] == pytest.approx(0.5 / math.sqrt(20))
    assert made.rate_factors["layers[6].weights"] == pytest.approx(1 / math.sqrt(10))
    assert not isinstance(made.learning_rate, CosineLog | Constant)


def test_the_loss_has_the_recipes_smoothing_where_there_are_labels():
    assert loss_of(REALMLP, "cross_entropy").settings() == pn.losses.CrossEntropy(label_smoothing=0.1).settings()
    assert loss_of(SMALL, "cross_entropy").settings() == pn.losses.CrossEntropy().settings()
    assert loss_of(REALMLP, "mse").name == "mse"


def test_the_last_of_the_epochs_with_the_lowest_error_is_kept():
    settings = {"patience": None, "minimum_improvement": 0.0, "last": True}
    assert early_stopping_for(REALMLP, "classification").settings() == {**settings, "monitor": "accuracy"}
    assert early_stopping_for(REALMLP, "regression").settings() == {**settings, "monitor": "rmse"}
    stops = early_stopping_for(REALMLP.varied(early_stopping=9), "regression")
    assert stops.patience == 9


@pytest.mark.parametrize(
    ("given", "rows", "networks", "epochs", "refit"),
    [
        ({}, 2500, 1, 128, True),
        ({}, 2501, 1, 256, False),
        ({}, 900, 5, 256, False),
        ({"refit": True}, 9000, 1, 256, True),
        ({"refit": False}, 900, 1, 256, False),
        ({"epochs": 40}, 900, 1, 40, True),
    ],
)
def test_few_rows_are_trained_on_twice_for_half_the_epochs(given, rows, networks, epochs, refit):
    decided = REALMLP.varied(**given).for_rows(rows, networks)
    assert (decided.epochs, decided.refit) == (epochs, refit)


@pytest.mark.parametrize("rows", [1, 7, 255, 256, 257, 383, 385, 640, 1000, 2049, 99_999])
def test_batches_are_even(rows):
    size = batch_size_for(REALMLP, rows)
    batches = math.ceil(rows / size)
    smallest = rows - (batches - 1) * size
    assert batches == max(1, round(rows / 256))
    assert size <= 1.5 * 256
    assert size - smallest < batches  # as even as whole batches of one size can be


def test_batches_as_given():
    assert batch_size_for(SMALL, 1000) == 32
    assert batch_size_for(SMALL, 20) == 20
    assert batch_size_for(REALMLP.varied(batch_size=0), 1000) is None
