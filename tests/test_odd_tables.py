"""Tables with few rows, few groups or one class among the rows that choose, and trainings that end before their end."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import plainnet as pn
from plainnet.cli import run
from plainnet.errors import DivergenceError, InvalidValue
from plainnet.metrics.intervals import interval
from plainnet.tabular import Division, divide, fit_table, prepare, problem_of
from plainnet.tabular.finishing import finish, linear_outputs
from plainnet.tabular.fitting import Fitted
from plainnet.tabular.parts import Share
from plainnet.tabular.recipe import Recipe

TINY = Recipe(hidden=(4,), epochs=2, frequencies=2)
OPTIONS = ["--target", "y", "--hidden", "4", "--epochs", "2", "--engine", "numpy", "--no-progress", "--save", "m.npz"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(labels: list[str], groups: int = 3) -> pl.DataFrame:
    x = np.random.default_rng(0).normal(size=len(labels))
    return pl.DataFrame({"x": x, "g": [f"g{i % groups}" for i in range(len(labels))], "y": labels})


def train(frame: pl.DataFrame, *options: str) -> int:
    frame.write_csv("t.csv")
    return run(["train", "t.csv", *OPTIONS, *options])


def fitted_folds(frame: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, ended: dict[int, int | None]) -> Fitted:
    """Train five networks, those in `ended` for so many epochs (None: all), the others not; then Ctrl-C comes."""

    def interrupted(members: list[pn.Network], X: Any, y: Any, *, folds: Any, **given: Any) -> None:
        given = {name: value for name, value in given.items() if name not in ("progress", "deadline")}
        for i, epochs in ended.items():
            rows, held = folds[i]
            reports = members[i].training(X[rows], y[rows], validation=(X[held], y[held]), **given)
            for report in reports:
                if report.epoch == epochs:
                    reports.close()
        raise KeyboardInterrupt

    monkeypatch.setattr("plainnet.tabular.fitting.train_many", interrupted)
    problem = problem_of(frame.drop("g"), "y")
    prepared = prepare(problem, divide(problem, Division(folds=5), seed=0), TINY)
    return fit_table(prepared, TINY, seed=0, report_every=1)


def test_folds_that_nobody_asked_for_are_as_many_as_rows_and_groups_allow() -> None:
    assert [Division().for_rows(rows).folds for rows in (2, 4, 60, 1000)] == [2, 4, 5, 0]
    assert train(table(["a", "b", "a", "b"]).drop("g")) == 0
    assert train(table(["a", "b"] * 10), "--group", "g") == 0


def test_too_many_folds_and_a_single_group_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert train(table(["a", "b"] * 10), "--group", "g", "--folds", "4") == 2
    assert "folds is 4 and there are 3 groups" in capsys.readouterr().err
    assert train(table(["a", "b"] * 10, groups=1), "--group", "g") == 2
    assert "there is 1 group" in capsys.readouterr().err
    assert not os.path.exists("m.npz")


@pytest.mark.parametrize("first", [8, 12])
def test_folds_of_groups_of_different_sizes_have_batches_of_the_smallest(first: int) -> None:
    frame = table(["a", "b"] * 10).with_columns(g=pl.Series(["g"] * first + ["h"] * (20 - first)))
    assert train(frame, "--group", "g", "--folds", "2") == 0


def test_ctrl_c_keeps_the_networks_that_have_ended_and_measures_on_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fitted_folds(table(["a", "b"] * 10), monkeypatch, {1: None, 3: None, 4: 1})
    assert fitted.interrupted
    assert len(fitted.members) == len(fitted.prepared.parts.folds) == 2
    shown = finish(fitted, calibrate=True).shown
    assert shown.outputs is not None
    assert len(shown.part) == len(shown.outputs) == len(linear_outputs(fitted)) == 8  # two fifths of 20


def test_ctrl_c_before_any_network_has_ended_keeps_their_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fitted_folds(table(["a", "b"] * 10), monkeypatch, {0: 1, 1: 1})
    assert [history.epoch for history in fitted.members] == [[1], [1]]
    with pytest.raises(KeyboardInterrupt):
        fitted_folds(table(["a", "b"] * 10), monkeypatch, {})


@pytest.mark.parametrize(
    ("labels", "aim", "message"),
    [
        (["a", "b", "c"] * 6, ("--cost", "5:1"), "a threshold is for two classes and target 'y' holds 3 classes"),
        (["a"] + ["b"] * 19, ("--threshold", "f1", "--folds", "0"), "and all 4 are 'b'"),
    ],
)
def test_a_threshold_that_cannot_be_chosen_is_refused_before_the_training(
    labels: list[str],
    aim: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("plainnet.tabular.modelling.fit_table", lambda *_, **__: pytest.fail("trained"))
    assert train(table(labels).drop("g"), *aim) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        {"learning_rate": 0},
        {"weight_decay": -1},
        {"dropout": 1},
        {"number_width": 1},
        {"frequency": 0},
        {"label_smoothing": 1},
        {"scale_rate": -1},
        {"l2": float("nan")},
    ],
)
def test_a_recipe_refuses_a_number_by_its_own_name(given: dict[str, float]) -> None:
    (name,) = given
    with pytest.raises(InvalidValue, match=f"^{name} is"):
        Recipe().varied(**given)


def test_an_ensemble_with_a_file_of_validation_rows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    table(["a", "b"] * 4).write_csv("v.csv")
    assert train(table(["a", "b"] * 10), "--validation", "v.csv", "--ensemble", "3") == 2
    assert "ensemble is 3 and validation the file v.csv" in capsys.readouterr().err


def test_an_ensemble_without_validation_rows_is_refused() -> None:
    with pytest.raises(InvalidValue, match="ensemble is 2 and validation 0"):
        Division(validation=Share(0.0), ensemble=2)


def test_a_time_limit_with_a_file_of_validation_rows_trains_one_network() -> None:
    table(["a", "b"] * 4).write_csv("v.csv")
    assert train(table(["a", "b"] * 10), "--validation", "v.csv", "--time-limit", "60s") == 0
    assert "Average" not in repr(pn.load("m.npz"))


def test_a_seed_below_zero_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert train(table(["a", "b"] * 10), "--seed", "-1") == 2
    assert "seed is -1" in capsys.readouterr().err


def test_a_checkpoint_of_a_small_table_is_that_of_one_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert train(table(["a", "b"] * 10), "--checkpoint", "run.npz") == 0
    assert os.path.exists("run.npz")
    assert train(table(["a", "b"] * 10), "--checkpoint", "run.npz", "--resume") == 0
    capsys.readouterr()
    assert train(table(["a", "b"] * 10), "--checkpoint", "c.npz", "--save", "c.refit.npz") == 2
    assert "c.refit.npz" in capsys.readouterr().err


@pytest.mark.parametrize("folds", ["0", "5"])
def test_a_rate_that_is_too_large_is_said_to_be(folds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(table(["a", "b"] * 10), "--learning-rate", "1e30", "--epochs", "6", "--folds", folds) == 2
    assert "smaller learning rate" in capsys.readouterr().err


def test_metrics_of_outputs_that_are_not_finite_are_nan_and_the_run_diverges() -> None:
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    net = pn.Network(pn.Dense(4, "relu"), pn.Dense(2, "softmax"), input_size=2, seed=0)
    with pytest.raises(DivergenceError), np.errstate(all="ignore"):
        net.fit(
            X,
            y,
            loss="cross_entropy",
            epochs=9,
            batch_size=None,
            optimizer=pn.SGD(1e30),
            validation=(X, y),
            metrics=["accuracy"],
            engine="numpy",
        )


def test_an_interval_of_quantities_whose_squares_no_float_holds() -> None:
    y, predicted = np.random.default_rng(1).normal(size=(2, 20, 1)) * 1e200
    with np.errstate(over="ignore", invalid="ignore"):
        assert interval("rmse", y, predicted) is None
        assert interval("mae", y, predicted) is None


def test_time_that_is_over_before_the_first_epoch_is_not_called_a_divergence() -> None:
    problem = problem_of(table(["a", "b"] * 10).drop("g"), "y")
    prepared = prepare(problem, divide(problem, Division(folds=2), seed=0), TINY)
    fitted = fit_table(prepared, TINY, seed=0, deadline=time.monotonic() - 1)
    assert all(history.epoch for history in fitted.members)
