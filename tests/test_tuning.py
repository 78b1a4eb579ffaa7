"""`plainnet tune` and `pn.tune`: trials, a study that goes on, and a winner that `plainnet train` repeats."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import mpi
import numpy as np
import optuna
import polars as pl
import pytest
from optuna.trial import TrialState

import plainnet as pn
from plainnet.cli import run
from plainnet.errors import InvalidValue, MissingExtraError, PlainnetWarning
from plainnet.tabular import RECIPES, Division, Share, tuning

QUICK = RECIPES["realmlp"].varied(epochs=2)


def frame(rows: int = 120) -> pl.DataFrame:
    random = np.random.default_rng(0)
    x, color = random.normal(size=rows), random.choice(["red", "green", "blue"], rows)
    return pl.DataFrame({"x": x, "color": color, "y": np.where(x + (color == "red") > 0.5, "yes", "no")})


def test_the_first_trial_is_the_recipe_and_the_best_is_trained_again():
    tuned = pn.tune(frame(), "y", trials=3, recipe=QUICK, division=Division(Share(0.2), Share(0.2)), engine="numpy")
    ended = [trial for trial in tuned.study.trials if trial.state.is_finished()]
    assert len(ended) == 3
    assert ended[0].user_attrs["recipe"] == {} or set(ended[0].user_attrs["recipe"]) <= {"activation", "learning_rate"}
    assert tuned.study.best_value == min(trial.value for trial in ended if trial.value is not None)
    assert tuned.varied == tuned.study.best_trial.user_attrs["recipe"]
    assert set(tuned.net.predict_labels(frame().drop("y"))) <= {"yes", "no"}


def test_test_rows_take_no_part():
    division = Division(Share(0.25, last=True), Share(0.2))
    whole = frame()
    spoilt = whole.with_columns(
        y=pl.when(pl.int_range(len(whole)) >= 90).then(pl.lit("yes")).otherwise("y"),
        x=pl.when(pl.int_range(len(whole)) >= 90).then(99.0).otherwise("x"),
    )
    told = {"trials": 1, "recipe": QUICK, "division": division, "engine": "numpy"}
    values = [[trial.value for trial in pn.tune(rows, "y", **told).study.trials] for rows in (whole, spoilt)]
    assert values[0] == values[1]


def test_folds_are_judged_on_every_row():
    tuned = pn.tune(frame(40), "y", trials=1, recipe=QUICK, division=Division(folds=2), engine="numpy")
    judged = tuned.fitted.judged
    assert judged is not None
    assert sorted(judged.part.numbers) == list(range(1, 41))
    assert (tuned.study.best_value * 40) % 1 == pytest.approx(0, abs=1e-9)


def test_a_study_in_a_file_goes_on(tmp_path):
    told = {"recipe": QUICK, "division": Division(Share(0.0), Share(0.2), 0), "engine": "numpy"}
    storage = tmp_path / "study.db"
    pn.tune(frame(), "y", trials=1, storage=storage, **told)
    tuned = pn.tune(frame(), "y", trials=2, storage=storage, **told)
    assert [trial.number for trial in tuned.study.trials] == [0, 1]


@pytest.mark.needs("cluster")
def test_several_workers_keep_one_study_and_each_trial_is_as_it_would_be_here():
    told = {"recipe": QUICK, "division": Division(Share(0.0), Share(0.2), 0), "engine": "numpy"}
    tuned = pn.tune(frame(), "y", trials=4, workers=2, **told)
    trials = [trial for trial in tuned.study.trials if trial.state.is_finished()]
    assert sorted(trial.number for trial in trials) == [0, 1, 2, 3]
    here = pn.tune(frame(), "y", trials=1, **told)
    assert trials[0].value == pytest.approx(here.study.trials[0].value, abs=1e-6)
    assert tuned.study.best_value == min(trial.value for trial in trials if trial.value is not None)


SHARING = """
import sys
import polars as pl
import plainnet as pn
from plainnet.tabular import RECIPES, Division, Share

rows, storage = pl.read_csv(sys.argv[1]), sys.argv[2]
recipe, division = RECIPES["realmlp"].varied(epochs=2), Division(Share(0.0), Share(0.2), 0)
print(len(pn.tune(rows, "y", trials=6, storage=storage, recipe=recipe, division=division, engine="numpy").study.trials))
"""


def test_two_processes_share_a_study(tmp_path):
    frame().write_csv(tmp_path / "t.csv")
    words = [sys.executable, "-c", SHARING, tmp_path / "t.csv", tmp_path / "study.db"]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    study = optuna.load_study(study_name="plainnet", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert all(trial.state.is_finished() for trial in study.trials)
    tried = [trial for trial in study.trials if trial.state is not TrialState.FAIL]  # as one that both begin with is
    assert 6 <= len(tried) <= 7  # the other process may have begun its last one
    drawn = [str(trial.params) for trial in tried]
    assert len(set(drawn)) == len(drawn), "no trial is run twice"


def states_in(storage):
    """The states of the trials in a file, none as long as there is no study."""
    try:
        study = optuna.load_study(study_name="plainnet", storage=f"sqlite:///{storage}")
    except Exception:  # of the database, which another process makes
        return []
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


@pytest.mark.parametrize("workers", [None, pytest.param(2, marks=pytest.mark.needs("cluster"))])
def test_ctrl_c_ends_the_search_and_the_best_so_far_is_trained(workers):
    def interrupts(study, trial):
        if trial.number == 1:
            signal.raise_signal(signal.SIGINT)

    told = {"recipe": QUICK, "division": Division(Share(0.0), Share(0.2), 0), "engine": "numpy"}
    with pytest.warns(PlainnetWarning, match="the search was interrupted; the best of the trials"):
        tuned = pn.tune(frame(), "y", trials=50, workers=workers, on_trial=interrupts, **told)
    assert tuned.interrupted
    ended = [trial for trial in tuned.study.trials if trial.state.name == "COMPLETE"]
    assert {trial.state.name for trial in tuned.study.trials} <= {"COMPLETE", "FAIL"}
    assert 1 <= len(ended) < 50
    assert tuned.varied == min(ended, key=lambda trial: trial.value).user_attrs["recipe"]
    assert set(tuned.net.predict_labels(frame().drop("y"))) <= {"yes", "no"}


@pytest.mark.needs("cluster")
@pytest.mark.skipif(os.name != "posix", reason="a terminal's Ctrl-C is sent by POSIX signals")
def test_ctrl_c_waits_until_the_study_has_been_told_and_read():
    """Amid a transaction the storage would answer it with an error of its own."""
    read = []

    def on_trial(study, trial):
        signal.raise_signal(signal.SIGINT)
        read.append(len(study.get_trials(states=[TrialState.COMPLETE])))

    told = {"recipe": QUICK, "division": Division(Share(0.2), Share(0.2)), "engine": "numpy"}
    with pytest.warns(PlainnetWarning, match="the search was interrupted"):
        tuned = pn.tune(frame(), "y", trials=50, on_trial=on_trial, **told)
    assert tuned.interrupted
    assert read == [1]


def test_ctrl_c_at_a_terminal_reaches_the_command_and_its_workers(tmp_path):
    frame().write_csv(tmp_path / "t.csv")
    told = "--target y --validation 0.2 --test 0 --folds 0 --recipe small --engine numpy --no-progress"
    words = f"tune t.csv {told} --trials 500 --workers 2 --storage study.db --save m.npz".split()
    paths = os.pathsep.join(filter(None, [str(Path(pn.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "plainnet", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        mpi.wait_for(lambda: "COMPLETE" in states_in(tmp_path / "study.db"), timeout=120)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 130, errors
    assert errors.splitlines() == [
        "plainnet: note: the search was interrupted; the best of the trials that have ended is trained now"
    ]
    assert "Model saved to m.npz" in output
    assert pn.load(tmp_path / "m.npz").table is not None


def test_ctrl_c_before_a_trial_has_ended_leaves_no_model_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame().write_csv("t.csv")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "try_out", interrupted)
    words = shlex.split("tune t.csv --target y --engine numpy --no-progress --storage study.db --save m.npz")
    assert run(words) == 130
    assert capsys.readouterr().out == "Interrupted before there was a model; the study so far is in study.db.\n"
    assert states_in("study.db") == ["FAIL"]
    assert not Path("m.npz").exists()


def test_the_command_searches_saves_and_says_how_to_train_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame().write_csv("t.csv")
    told = [
        "--target",
        "y",
        "--test",
        "0.2",
        "--validation",
        "0.2",
        "--engine",
        "numpy",
        "--no-progress",
        "--seed",
        "3",
    ]
    assert run(["tune", "t.csv", *told, "--trials", "1", "--recipe", "small", "--save", "m.npz"]) == 0
    out = capsys.readouterr().out
    assert "Model saved to m.npz" in out
    command = re.search(r"^ *(plainnet train .*)$", out, re.MULTILINE)
    assert command is not None
    assert run(shlex.split(command[1])[1:]) == 0
    np.testing.assert_array_equal(pn.load("model.npz").parameters, pn.load("m.npz").parameters)


def test_bad_settings_are_refused():
    with pytest.raises(InvalidValue, match="trials is 0"):
        pn.tune(frame(), "y", trials=0)
    with pytest.raises(InvalidValue, match="target is 'z'"):
        pn.tune(frame(), "z", trials=1)


def test_without_optuna_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"plainnet\[tune\]"):
        pn.tune(frame(), "y", trials=1)
