"""Learning a table: the epoch that is kept, the training on all rows after it, folds, ensembles, and their ends."""

import math
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from plainnet.errors import DivergenceError, InvalidValue
from plainnet.tabular import RECIPES, Division, Share, divide, fit_table, fitting, prepare, problem_of
from plainnet.tabular import recipe as recipes
from plainnet.tabular.finishing import finish, linear_outputs
from plainnet.tabular.table import Table
from plainnet.tabular.thresholds import aim_of, decided
from plainnet.tabular.timing import within

QUICK = RECIPES["realmlp"].varied(hidden=(8,), epochs=6, batch_size=32)
SINGLE = Division(test=Share(0.0), validation=Share(0.25), folds=0)


def frame_of(task="classification", rows=120):
    random = np.random.default_rng(4)
    x, z = random.normal(size=(2, rows))
    kind = np.array(["a", "b", "c"])[random.integers(3, size=rows)]
    if task == "regression":
        y = 100 + 10 * x - 5 * z * (kind == "a") + random.normal(size=rows)
    else:
        y = np.array(["no", "yes"])[(x + 0.5 * random.normal(size=rows) > 0.6).astype(int)]
    return pl.DataFrame({"x": x, "z": z, "kind": kind, "y": y})


def prepared_of(division=SINGLE, recipe=QUICK, task="classification", **settings):
    frame = frame_of(task, settings.pop("rows", 120))
    problem = problem_of(frame, "y", **settings)
    return prepare(problem, divide(problem, division, seed=0), recipe)


def rate_of(net):
    return net.history.settings["optimizer"]["learning_rate"]


def parameters_by_epoch(prepared, recipe, rows=None):
    """The parameters after each epoch of the recipe's run, made of the library's own parts alone."""
    X, y = (prepared.X, prepared.y) if rows is None else rows
    net = fitting.new_network(prepared, recipe, X, y, None, 0)
    options = fitting.training_options(prepared, recipe, net, len(X), {})
    options |= {"early_stopping": None, "validation": None}
    reports = net.training(X, y, report_every=1, **options)
    return [net.parameters.copy() for _ in reports]


# ---- a single network ----


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_last_epoch_with_the_lowest_error_on_the_validation_rows_is_kept(task):
    prepared = prepared_of(task=task)
    recipe = QUICK.varied(refit=False, epochs=12)
    fitted = fit_table(prepared, recipe)
    X, y = prepared.validation
    probe, errors = fitted.net.copy(), []
    for parameters in (every := parameters_by_epoch(prepared, recipe)):
        probe.parameters = parameters
        out = probe.predict(X)
        wrong = (
            np.mean(out.argmax(axis=1) != y.ravel()) if task == "classification" else np.sqrt(np.mean((out - y) ** 2))
        )
        errors.append(round(float(wrong), 6))
    best = max(i for i, error in enumerate(errors) if error == min(errors))
    assert fitted.history.best_epoch == best + 1
    np.testing.assert_allclose(fitted.net.parameters, every[best], rtol=1e-4, atol=1e-5)
    assert fitted.history.epoch[-1] == 12
    assert fitted.shown.kind == "validation"
    np.testing.assert_allclose(fitted.judged.outputs, fitted.net.predict(X), rtol=1e-5, atol=1e-6)


def test_a_network_is_trained_again_on_all_rows_for_the_best_number_of_epochs():
    prepared = prepared_of()
    recipe = QUICK.varied(epochs=12)
    once = fit_table(prepared, replace(recipe, refit=False))
    again = fit_table(prepared, recipe)
    best = once.history.best_epoch
    assert 1 <= best <= 12
    assert again.refitted
    assert not once.refitted
    assert again.history.epoch[-1] == best
    assert again.history.settings["training_examples"] == 120
    # it is the beginning of a run of twelve epochs on all rows, not a run of fewer, whose rate would fall sooner
    rest = prepare(prepared.problem, divide(prepared.problem, Division(Share(0.0), None, 0), 0), recipe)
    nothing = replace(rest.parts, training=rest.parts.rest, validation=rest.parts.rest.take(np.arange(0)))
    all_rows = prepare(prepared.problem, nothing, recipe)
    expected = parameters_by_epoch(all_rows, recipe)[best - 1]
    np.testing.assert_allclose(again.net.parameters, expected, rtol=1e-4, atol=1e-5)
    # what is shown of the validation rows is what the network that has not seen them says
    np.testing.assert_array_equal(again.judged.outputs, once.judged.outputs)


def test_only_small_tables_are_trained_again_unless_the_recipe_says(monkeypatch):
    prepared = prepared_of()
    monkeypatch.setattr(recipes, "FEW_ROWS", 119)
    assert not fit_table(prepared, QUICK).refitted
    assert fit_table(prepared, replace(QUICK, refit=True)).refitted


def test_test_rows_are_shown_and_take_no_part():
    division = Division(test=Share(0.2), validation=Share(0.25), folds=0)
    prepared = prepared_of(division)
    fitted = fit_table(prepared, QUICK)
    assert fitted.shown.kind == "test"
    assert len(fitted.shown.part) == 24
    assert fitted.history.settings["training_examples"] == 96  # trained again on the others alone
    frame = prepared.problem.rows.frame
    hidden = frame.with_columns(  # other values in the test rows change nothing
        x=pl.when(pl.int_range(len(frame)).is_in(prepared.parts.test.numbers - 1)).then(0.123).otherwise(pl.col("x"))
    )
    problem = problem_of(hidden, "y")
    other = fit_table(prepare(problem, divide(problem, division, seed=0), QUICK), QUICK)
    np.testing.assert_array_equal(fitted.net.parameters, other.net.parameters)


# ---- several networks ----


@pytest.mark.parametrize(
    "division",
    [Division(test=Share(0.0), folds=3), Division(Share(0.0), Share(0.25), ensemble=3)],
    ids=["folds", "ensemble"],
)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_rows_are_judged_by_the_networks_that_have_not_seen_them(division, task):
    prepared = prepared_of(division, task=task)
    fitted = fit_table(prepared, QUICK)
    (average,) = fitted.net.layers
    assert len(average.branches) == len(fitted.members) == 3

    def predict(branch, inputs):
        for layer in branch:
            inputs = layer.predict(inputs)
        return inputs

    outputs = [[] for _ in prepared.X]
    for branch, (train, held) in zip(average.branches, prepared.parts.folds, strict=True):
        assert not set(train) & set(held)
        for row, own in zip(held, predict(branch, prepared.X[held]), strict=True):
            outputs[row].append(own)
    judged = [row for row, own in enumerate(outputs) if own]
    if division.folds:
        assert judged == list(range(120))
    assert (fitted.judged.part.numbers - 1).tolist() == judged
    expected = [np.mean(outputs[row], axis=0) for row in judged]
    np.testing.assert_allclose(fitted.judged.outputs, expected, rtol=1e-4, atol=1e-5)
    together = np.mean([predict(branch, prepared.X) for branch in average.branches], axis=0)
    np.testing.assert_allclose(fitted.net.predict(prepared.X), together, rtol=1e-4, atol=1e-5)
    assert linear_outputs(fitted).shape[0] == len(judged)


def test_a_checkpoint_holds_one_run_alone():
    with pytest.raises(InvalidValue, match="checkpoint is given and 2 networks are trained"):
        fit_table(prepared_of(Division(test=Share(0.0), folds=2)), QUICK, checkpoint="run.npz")


# ---- what follows ----


@pytest.mark.parametrize("loss", [None, "binary_cross_entropy"])
@pytest.mark.parametrize("division", [SINGLE, Division(test=Share(0.0), folds=3)], ids=["single", "folds"])
def test_a_temperature_divides_the_logits_of_every_network(division, loss):
    prepared = prepared_of(division, loss=loss)
    fitted = fit_table(prepared, QUICK)
    scaled = finish(fitted, calibrate=True)
    assert scaled.temperature > 0
    assert fitted.temperature is None

    def log_odds(net, layers):
        inputs = prepared.X
        for layer in layers[:-1]:
            inputs = layer.predict(inputs)
        return inputs @ layers[-1].weights + layers[-1].bias

    branches = [net.layers[0].branches if division.folds else [net.layers] for net in (fitted.net, scaled.net)]
    for before, after in zip(*branches, strict=True):
        np.testing.assert_allclose(
            log_odds(scaled.net, after), log_odds(fitted.net, before) / scaled.temperature, rtol=1e-4, atol=1e-5
        )
    labels = prepared.table.targets(fitted.judged.part.frame).ravel().astype(int)

    def log_loss(outputs):
        p = outputs if outputs.shape[1] > 1 else np.hstack([1 - outputs, outputs])
        return -np.log(p[np.arange(len(p)), labels]).mean()

    assert log_loss(scaled.judged.outputs) <= log_loss(fitted.judged.outputs) + 1e-6
    assert scaled.net.history is not None
    assert scaled.net.table == fitted.net.table


def test_the_threshold_that_serves_an_aim_stands_in_the_model():
    fitted = fit_table(prepared_of(), QUICK)
    aimed = finish(fitted, calibrate=True, aim=aim_of(None, "5:1"))
    table = Table.from_dict(aimed.net.table)
    assert table.threshold == aimed.prepared.table.threshold != 0.5
    judged = aimed.judged
    truth = prepared_labels(aimed)
    missed_cost, false_cost = 5, 1

    def cost(threshold):
        predicted = judged.outputs[:, 1] > threshold
        return missed_cost * np.sum(~predicted & truth) + false_cost * np.sum(predicted & ~truth)

    assert cost(table.threshold) <= min(cost(t) for t in np.linspace(0.01, 0.99, 99))
    np.testing.assert_array_equal(
        decided(judged.outputs, table.threshold).ravel(), judged.outputs[:, 1] > table.threshold
    )


def prepared_labels(fitted):
    return fitted.judged.part.frame["y"].to_numpy() == "yes"


def test_a_threshold_takes_two_classes():
    fitted = fit_table(prepared_of(task="regression"), QUICK)
    with pytest.raises(InvalidValue, match="a threshold is for two classes and target 'y' holds a quantity"):
        finish(fitted, aim=aim_of("f1", None))


# ---- ends before the end ----


@pytest.mark.parametrize("division", [SINGLE, Division(test=Share(0.0), folds=3)], ids=["single", "folds"])
def test_at_the_deadline_there_is_a_model(division):
    recipe = QUICK.varied(epochs=1_000_000)
    fitted = fit_table(prepared_of(division), recipe, deadline=time.monotonic() + 0.3, engine="numpy")
    assert not fitted.interrupted
    assert not fitted.refitted
    assert 0 < fitted.history.epoch[-1] < 1_000_000
    assert np.isfinite(fitted.net.predict(fitted.prepared.X)).all()
    assert math.isclose(finish(fitted, calibrate=True).net.predict(fitted.prepared.X[:1]).sum(), 1, rel_tol=1e-5)


def test_a_time_limit_takes_the_epochs_and_the_networks_that_fit(monkeypatch):
    from plainnet.tabular import timing

    monkeypatch.setattr(timing, "seconds_of_an_epoch", lambda *arguments: 0.5)
    prepared = prepared_of()
    open_ = Division(test=Share(0.0), validation=Share(0.25))  # how many networks is open
    division, recipe = within(100.0, prepared, SINGLE, QUICK.varied(epochs=256), 0, {})
    assert (division, recipe.epochs) == (SINGLE, 179)
    assert recipe.refit is False  # there is no time for it
    assert within(100.0, prepared, SINGLE, QUICK.varied(epochs=80), 0, {})[1].refit is True
    division, recipe = within(100.0, prepared, open_, QUICK.varied(epochs=20), 0, {})
    assert (division.ensemble, division.folds, recipe.epochs) == (8, 0, 20)
    division, recipe = within(100.0, prepared, SINGLE, QUICK.varied(epochs=20), 0, {})
    assert (division, recipe) == (SINGLE, QUICK.varied(epochs=20, refit=True))
    folds = prepared_of(Division(test=Share(0.0), folds=3))
    division, recipe = within(100.0, folds, Division(test=Share(0.0), folds=3), QUICK.varied(epochs=256), 0, {})
    assert recipe.epochs == 59
    assert within(0.01, prepared, SINGLE, QUICK, 0, {})[1].epochs == 1


def test_ctrl_c_keeps_the_networks_that_are_whole(monkeypatch):
    real = fitting.train_many

    def interrupted(members, X, y, **given):
        real(members[:2], X, y, **{**given, "folds": given["folds"][:2]})
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "train_many", interrupted)
    fitted = fit_table(prepared_of(Division(test=Share(0.0), folds=3)), QUICK)
    assert fitted.interrupted
    assert len(fitted.members) == 2
    held = np.concatenate([held for _, held in fitted.prepared.parts.folds[:2]])
    assert sorted(fitted.judged.part.numbers - 1) == sorted(held)
    assert np.isfinite(finish(fitted, calibrate=True).net.predict(fitted.prepared.X)).all()


def test_ctrl_c_before_a_network_is_whole_leaves_nothing(monkeypatch):
    def interrupted(*arguments, **given):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "train_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_table(prepared_of(Division(test=Share(0.0), folds=3)), QUICK)


def test_a_run_that_somebody_ends_keeps_its_best_epoch_and_is_not_trained_again():
    def two(reports):
        next(reports)
        next(reports)
        reports.close()
        return True

    fitted = fit_table(prepared_of(), QUICK, follow=two, report_every=1)
    assert fitted.interrupted
    assert not fitted.refitted
    assert fitted.history.epoch == [1, 2]


def test_where_every_network_diverges_that_is_said():
    recipe = QUICK.varied(optimizer="sgd", learning_rate=1e30, schedule="constant")
    prepared = prepared_of(Division(test=Share(0.0), folds=2), recipe, task="regression")
    with pytest.raises(DivergenceError, match="take a smaller learning rate"):
        fit_table(prepared, recipe)
