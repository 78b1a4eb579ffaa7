"""The commands as a user runs them: what they print, write, refuse and leave alone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from shared import PENGUINS, SMALL

import plainnet as pn
from plainnet.cli import COMMANDS, run, streams

pytestmark = pytest.mark.usefixtures("in_empty_folder")

PLAINNET = [sys.executable, "-m", "plainnet"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    assert run(["train", str(PENGUINS), "--target", "species", *SMALL, "--save", str(path), "--no-progress"]) == 0
    return str(path)


def refusal(capsys, *arguments):
    """The one line on standard error of a command that is refused with status 2."""
    status = run([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert status == 2, error
    assert error.startswith("plainnet: ")
    assert error.count("\n") == 1
    return error


# ---- xor ----


def test_xor_learns_and_shows_it(capsys):
    assert run(["xor", "--save", "xor.npz"]) == 0
    out = capsys.readouterr().out
    losses = [float(number) for number in re.findall(r"step +[\d,]+ +loss ([\d.]+)", out)]
    assert len(losses) == 11
    assert losses[-1] < 0.001 < losses[0]
    assert "3 → 4" in out
    assert "sigmoid" in out
    assert len(re.findall(r"\bright\b", out)) == 4
    assert "The network learned XOR." in out
    X, y = pn.datasets.xor()
    assert np.abs(pn.load("xor.npz").predict(X) - y).max() < 0.1


def test_xor_explains_the_step_that_training_then_takes(capsys):
    assert run(["xor", "--epochs", "1", "--explain", "--html", "step.html", "--save", "one.npz"]) == 1
    assert "step explained in step.html" in capsys.readouterr().out
    page = Path("step.html").read_text(encoding="utf-8")
    assert "<math" in page
    after = pn.load("one.npz").layers[0].weights[0, 0]
    assert f"{after:.4f}" in page
    assert run(["xor", "--epochs", "1", "--explain"]) == 1
    assert "∂loss/∂weights = inputsᵀ @ δ" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--hidden 0", "without a hidden layer it is a single unit"),
        ("--hidden 1", "a single hidden unit passes on one sum, and sigmoid only rises with it"),
        ("--hidden 1,1 --activation relu", "a single hidden unit passes on one sum, and relu only rises with it"),
        ("--hidden 8,8 --activation identity", "identity units, however many there are, add up to a single unit"),
        ("--hidden 1,4 --activation softmax", "a softmax of one unit is 1 whatever comes in"),
        ("--hidden 2 --activation softmax", "a softmax of two units passes on one sum"),
    ],
)
def test_a_network_that_cannot_compute_xor_is_told_why(options, reason, capsys):
    assert run(["xor", *options.split(), "--epochs", "20"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "did not learn XOR" in out
    assert "No weights of this network compute XOR" in out
    assert reason in out
    assert "Another --seed" not in out


@pytest.mark.parametrize(
    "options",
    [
        "--hidden 2 --seed 3",
        "--hidden 1 --activation silu --seed 3",  # it falls and rises: a single unit is enough
        "--hidden 1,4 --activation tanh --seed 5",
        "--hidden 3 --activation softmax --learning-rate 3",
    ],
)
def test_networks_that_can_compute_xor_are_given_advice_until_they_do(options, capsys):
    assert run(["xor", *options.split(), "--epochs", "1"]) == 1
    assert "Another --seed, more --epochs or another --learning-rate may do." in " ".join(
        capsys.readouterr().out.split()
    )
    assert run(["xor", *options.split(), "--epochs", "30000"]) == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--activation", "tanh", "--hidden", "8"],
        ["--loss", "binary_cross_entropy", "--learning-rate", "0.5", "--epochs", "3000"],
        ["--hidden", "6,4", "--seed", "3", "--epochs", "20000"],
    ],
)
def test_xor_options_take_effect(options, capsys):
    assert run(["xor", *options]) == 0
    out = capsys.readouterr().out
    if "tanh" in options:
        assert "3 → 8" in out
        assert "tanh" in out


def test_xor_as_published_prints_the_posts_lines(capsys):
    assert run(["xor", "--as-published"]) == 0
    out = capsys.readouterr().out
    lines = re.findall(r"^Loss:  (\S+)$", out, flags=re.MULTILINE)
    assert len(lines) == 8
    assert lines[0] == "0.5013730688788007"
    assert float(lines[1]) == pytest.approx(0.4664830127093482, abs=1e-12)
    assert "no two machines need agree" in " ".join(out.split())


def test_xor_check_names_the_defects_of_each_array(capsys):
    assert run(["xor", "--as-published", "--check"]) == 0
    out = capsys.readouterr().out
    rows = dict(re.findall(r"^ *((?:hidden|output) (?:weights|bias)) +(.*)$", out, flags=re.MULTILINE))
    assert {name: re.search(r"\d(, \d)+", row)[0] for name, row in rows.items()} == {
        "hidden weights": "1, 3",
        "output weights": "1, 3",
        "hidden bias": "1, 2, 3",
        "output bias": "1, 3",
    }


# ---- help ----


@pytest.mark.parametrize("width", ["60", "80", "120"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_no_types_beside_flags(command, width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    assert run([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= int(width) for line in out.splitlines())
    assert "bool" not in out
    text = " ".join(out.split())
    assert f"Example: plainnet {command}" in text
    example = text.split("Example: ")[1]
    assert set(re.findall(r"--[a-z-]+", example)) <= set(re.findall(r"--[a-z-]+", text.split("Example: ")[0]))


def test_warmup_says_that_it_is_no_longer_needed(capsys):
    assert run(["warmup"]) == 0
    assert "no longer needed" in capsys.readouterr().out


def test_help_lists_what_plainnet_knows(capsys, monkeypatch):
    from plainnet.initializers import INITIALIZERS
    from plainnet.losses import LOSSES
    from plainnet.metrics import METRICS
    from plainnet.optimizers import OPTIMIZERS
    from plainnet.schedules import SCHEDULES

    monkeypatch.setenv("COLUMNS", "400")
    registries = {"train": [INITIALIZERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES, pn.activations.ACTIVATIONS]}
    registries |= {"compare": registries["train"][1:], "xor": [pn.activations.ACTIVATIONS]}
    for command, known in registries.items():
        assert run([command, "--help"]) == 0
        out = capsys.readouterr().out
        for registry in known:
            assert ", ".join(registry) in out


def test_the_version_waits_for_no_command():
    code = "import sys; from plainnet.__main__ import main; main(); print('typer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True)
    assert done.stdout == f"plainnet {pn.__version__}\nFalse\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_no_part_of_the_output(terminal, capsys, monkeypatch):
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")  # rich then draws as on a terminal
        monkeypatch.setattr(streams.errors, "is_interactive", True)
    assert run(["xor", "--epochs", "3000"]) == 0
    out, error = capsys.readouterr()
    assert "━" not in out
    assert "rows/s" not in out
    assert ("/3000" in error) == terminal
    assert run(["xor", "--epochs", "3000", "--no-progress"]) == 0
    assert capsys.readouterr().err == ""


# ---- train, predict, evaluate, show ----


def test_train_says_what_it_read_did_and_reached(capsys):
    arguments = ["--target", "species", *SMALL, "--hidden", "16,8", "--save", "m.npz", "--plot", "loss.png"]
    assert run(["train", str(PENGUINS), *arguments]) == 0
    out = capsys.readouterr().out
    assert "344 rows" in out
    assert "3 classes: Adelie, Chinstrap, Gentoo" in out
    assert "15 → 16" in out
    assert "16 → 8" in out
    assert "early stopping" in out
    assert float(re.search(r"accuracy +([\d.]+)", out.split("On the validation rows")[1])[1]) > 0.95
    assert re.search(r"Adelie +\d+ +[·\d]+ +[·\d]+ +\d+\.\d%", out)
    assert "Model saved to m.npz" in out
    assert Path("loss.png").read_bytes().startswith(b"\x89PNG")
    assert pn.load("m.npz").layers[0].units == 16


def test_regression_is_measured_in_the_targets_own_units(capsys):
    assert run(["train", str(PENGUINS), "--target", "body_mass_g", *SMALL, "--no-progress", "--save", "m.npz"]) == 0
    out = capsys.readouterr().out
    assert "2 more rows without a target are left out" in out
    assert "regression" in out
    measured = {name: float(re.search(rf"{name} +([\d.]+)", out)[1]) for name in ("r2", "rmse", "mae")}
    assert measured["r2"] > 0.8
    assert 150 < measured["mae"] < measured["rmse"] < 450  # grams
    assert run(["predict", "m.npz", str(PENGUINS), "-o", "out.csv"]) == 0
    frame = pl.read_csv(PENGUINS, null_values="NA")
    errors = pl.read_csv("out.csv")["prediction"] - frame["body_mass_g"]
    assert np.sqrt((errors.drop_nulls() ** 2).mean()) < 450


def test_predictions_are_the_networks_in_any_column_order_from_csv_and_parquet(model, capsys):
    from plainnet.tabular import read_table, write_table

    frame = read_table(PENGUINS)
    write_table("shuffled.parquet", frame.select(reversed(frame.columns)))
    assert run(["predict", model, str(PENGUINS), "--probabilities", "-o", "a.csv"]) == 0
    assert run(["predict", model, "shuffled.parquet", "--probabilities", "-o", "b.csv"]) == 0
    assert Path("a.csv").read_text() == Path("b.csv").read_text()
    predictions = pl.read_csv("a.csv")
    assert predictions.columns == ["prediction", *(f"probability_{s}" for s in ("Adelie", "Chinstrap", "Gentoo"))]
    assert (predictions["prediction"] == frame["species"]).mean() > 0.95
    capsys.readouterr()
    assert run(["predict", model, str(PENGUINS)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["prediction", "Adelie"]


def test_kept_columns_stand_before_the_prediction_as_they_stand_in_the_table(model, capsys):
    frame = pl.read_csv(PENGUINS, infer_schema=False).head(3)
    note = ['a "b", c', " NA", "007.50"]
    frame.insert_column(0, pl.Series("note", note)).insert_column(0, pl.Series("id", ["007", "NA", "0010"]))
    frame.write_csv("new.csv")
    assert run(["predict", model, "new.csv", "--keep", "id,year", "--keep", "note", "--output", "-"]) == 0
    out = capsys.readouterr().out
    assert out == (
        'id,year,note,prediction\n007,2007,"a ""b"", c",Adelie\nNA,2007, NA,Adelie\n0010,2007,007.50,Adelie\n'
    )
    assert run(["predict", model, "new.csv", "--keep", "id,year,note", "-o", "kept.csv"]) == 0
    assert Path("kept.csv").read_text() == out
    capsys.readouterr()
    assert "did you mean 'note'?" in refusal(capsys, "predict", model, "new.csv", "--keep", "notes")
    frame.rename({"note": "probability_Adelie"}).write_csv("clash.csv")
    clash = ("predict", model, "clash.csv", "--keep", "probability_Adelie")
    assert run(clash) == 0
    capsys.readouterr()
    assert "keep names 'probability_Adelie'" in refusal(capsys, *clash, "--probabilities")


def test_kept_columns_of_parquet_have_its_types(model, capsys):
    from plainnet.tabular import read_table

    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 3), eager=True).alias("day")
    frame = read_table(PENGUINS).head(3).with_columns(days, parts=pl.Series([[1], [2], []]))
    frame.write_parquet("new.parquet")
    assert run(["predict", model, "new.parquet", "--keep", "day,parts,year", "-o", "kept.parquet"]) == 0
    kept = pl.read_parquet("kept.parquet")
    assert kept.drop("prediction").equals(frame.select("day", "parts", "year"))
    assert "column 'parts' holds List" in refusal(capsys, "predict", model, "new.parquet", "--keep", "parts")


def test_evaluate_shows_the_importance_of_columns(model, capsys):
    assert run(["evaluate", model, str(PENGUINS), "--importance", "--repeats", "3", "--seed", "2"]) == 0
    out = capsys.readouterr().out.split("Importance of the columns")[1]
    rows = re.findall(r"^(\w+) +(-?[\d.]+)  ± [\d.]+", out, re.MULTILINE)
    assert {name for name, _ in rows} == set(pl.read_csv(PENGUINS).columns) - {"species"}
    values = [float(value) for _, value in rows]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.1
    assert "mean of 3 shuffles" in " ".join(out.split())
    assert run(["evaluate", model, str(PENGUINS), "--importance", "--repeats", "3", "--seed", "2"]) == 0
    assert capsys.readouterr().out.split("Importance of the columns")[1] == out


def test_evaluate_agrees_with_the_predictions(model, capsys):
    assert run(["evaluate", model, str(PENGUINS)]) == 0
    accuracy = float(re.search(r"accuracy +([\d.]+)", capsys.readouterr().out)[1])
    run(["predict", model, str(PENGUINS), "-o", "a.csv"])
    hits = pl.read_csv("a.csv")["prediction"] == pl.read_csv(PENGUINS)["species"]
    assert accuracy == pytest.approx(hits.mean(), abs=1e-6)


def test_show_tells_layers_training_and_columns(model, capsys):
    assert run(["show", model]) == 0
    out = capsys.readouterr().out
    for words in ("15 → 64", "cross_entropy", "early stopping", "bill_length_mm", "Biscoe, Dream, Torgersen", "Gentoo"):
        assert words in out


def test_options_reach_the_network_and_the_run(capsys):
    network = "--hidden 8 --activation tanh --initializer lecun_normal --dropout 0.1 --normalization batch --l1 0.001"
    optimizer = "--optimizer sgd --learning-rate 0.05 --schedule cosine --momentum 0.9 --nesterov --clip-norm 1"
    run_options = (
        "--epochs 30 --batch-size 16 --no-shuffle --early-stopping 9 --minimum-improvement 0.001 --engine numpy"
    )
    data = "--validation 0.3 --ignore year --categories island --class-weight balanced --metrics accuracy,f1"
    rest = "--l2 0.01 --dtype float64 --weight-decay 0.001 --report-every 3 --seed 4 --no-progress --save m.npz"
    arguments = " ".join((network, optimizer, run_options, data, rest)).split()
    assert run(["train", str(PENGUINS), "--target", "species", *SMALL, *arguments]) == 0
    net = pn.load("m.npz")
    names = [layer.name for layer in net.layers]
    assert names == ["Dense", "BatchNorm", "Activation", "Dropout", "Dense"]
    assert (net.layers[0].l1, net.layers[0].l2) == (0.001, 0.01)
    assert net.layers[0].initializer.name == "lecun_normal"
    assert net.layers[2].activation.name == "tanh"
    assert net.dtype == np.float64
    settings = net.history.settings
    optimizer = settings["optimizer"]
    assert optimizer["learning_rate"]["name"] == "cosine"
    assert (optimizer["momentum"], optimizer["nesterov"], optimizer["clip_norm"]) == (0.9, True, 1)
    early_stopping = {"patience": 9, "minimum_improvement": 0.001, "monitor": "loss", "last": False}
    assert settings["early_stopping"] == early_stopping
    assert settings["batch_size"] == 16
    assert settings["shuffle"] is False
    assert settings["validation_examples"] == 103
    assert {name: net.history.source[name] for name in ("data", "target", "seed")} == {
        "data": PENGUINS.name,
        "target": "species",
        "seed": 4,
    }
    assert net.history.source["command"].startswith("plainnet train ")
    assert not settings.keys() & net.history.source.keys()
    assert set(net.history.metrics) == {"accuracy", "f1"}
    assert net.history.epoch[0] == 3
    assert "year" not in capsys.readouterr().out


def test_validation_rows_from_a_file_and_weights_from_a_column(capsys):
    frame = pl.read_csv(PENGUINS).with_columns(weight=pl.lit(1.0))
    frame[:300].write_csv("train.csv")
    frame[300:].write_csv("held.csv")
    options = [*SMALL, "--validation", "held.csv", "--sample-weight", "weight", "--epochs", "3", "--no-progress"]
    assert run(["train", "train.csv", "--target", "species", *options]) == 0
    out = capsys.readouterr().out
    assert "300 rows to train on, 44 to validate" in out
    assert "7 input columns" in out


def test_a_column_that_gives_the_target_away_is_noted(capsys):
    frame = pl.read_csv(PENGUINS)
    frame.with_columns(code=frame["species"].str.slice(0, 1)).write_csv("leak.csv")
    assert run(["train", "leak.csv", "--target", "species", *SMALL, "--epochs", "2", "--no-progress"]) == 0
    error = capsys.readouterr().err
    assert error == "plainnet: note: column 'code' says the same as the target 'species' in every row\n"


def test_two_classes_may_share_one_sigmoid_unit(capsys):
    options = [*SMALL, "--ignore", "species", "--loss", "binary_cross_entropy", "--no-progress", "--save", "m.npz"]
    assert run(["train", str(PENGUINS), "--target", "sex", *options]) == 0
    assert pn.load("m.npz").output_size == 1
    assert run(["predict", "m.npz", str(PENGUINS), "--probabilities", "-o", "p.csv"]) == 0
    frame = pl.read_csv("p.csv")
    assert frame.columns == ["prediction", "probability_female", "probability_male"]
    assert ((frame["probability_male"] > 0.5) == (frame["prediction"] == "male")).all()


def test_unseen_categories_are_counted_in_a_note(model, capsys):
    text = PENGUINS.read_text().replace("Torgersen", "Atlantis")
    Path("new.csv").write_text(text)
    assert run(["predict", model, "new.csv", "-o", "out.csv"]) == 0
    error = capsys.readouterr().err
    assert f"{text.count('Atlantis')} values that training did not have" in error
    assert "'Atlantis'" in error


def test_square_brackets_in_the_data_are_text(capsys):
    frame = pl.read_csv(PENGUINS).rename({"year": "[y]"})
    frame.with_columns(species="[/" + frame["species"] + "]").write_csv("[red]t.csv")
    arguments = ["[red]t.csv", "--target", "species", *SMALL, "--save", "m.npz", "--no-progress", "--epochs", "3"]
    assert run(["train", *arguments]) == 0
    assert run(["show", "m.npz"]) == 0
    out = capsys.readouterr().out
    for words in ("[red]t.csv", "[/Adelie]", "[/Gentoo]", "[y]"):
        assert words in out


def test_a_poisson_target_keeps_its_counts(capsys):
    options = [*SMALL, "--loss", "poisson", "--epochs", "100", "--no-progress", "--save", "m.npz"]
    assert run(["train", str(PENGUINS), "--target", "flipper_length_mm", *options]) == 0
    target = pn.load("m.npz").table["target"]
    assert (target["mean"], target["deviation"]) == (0, 1)
    assert float(re.search(r"rmse +([\d.]+)", capsys.readouterr().out)[1]) < 20


def test_the_model_is_saved_before_anything_is_shown():
    arguments = ["train", str(PENGUINS), "--target", "species", *SMALL, "--epochs", "3", "--no-progress"]
    arguments += ["--save", "m.npz"]
    process = subprocess.Popen([*PLAINNET, *arguments], stdout=subprocess.PIPE, text=True)
    while "total" not in process.stdout.readline():
        pass
    process.stdout.readline()
    process.stdout.close()  # as `| head` does
    assert process.wait(60) in (0, 1)
    assert pn.load("m.npz").history.epoch[-1] == 3


# ---- refusals ----

TABLES = {
    "empty.csv": "",
    "header.csv": "a,b\n",
    "short.csv": "a,b\n1,2\n3\n",
    "long.csv": "a,b\n1,2\n3,4,5\n",
    "mixed.csv": "a,b\n1,x\n3,2\n4,5\n",
    "constant.csv": "a,b\n1,1\n2,1\n3,1\n",
    "missing.csv": "a,b\n1,\n2,\n3,NA\n",
    "infinite.csv": "a,b\n1,3\ninf,2\n4,5\n",
    "actually.parquet": "a,b\n1,2\n",
}


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("nowhere.csv", "nowhere.csv does not exist"),
        ("empty.csv", "empty"),
        ("header.csv", "header.csv"),
        ("short.csv", "line 3"),
        ("long.csv", "line 3"),
        ("mixed.csv", "text among numbers"),
        ("constant.csv", "'b' is 1.0 in every row"),
        ("missing.csv", "'b' is missing in every row"),
        ("infinite.csv", "line 3: column 'a' holds inf"),
        ("actually.parquet", "actually.parquet"),
    ],
)
def test_bad_tables_are_refused_in_one_line(file, words, capsys):
    if file in TABLES:
        Path(file).write_text(TABLES[file])
    Path("kept.npz").write_text("as it was")
    assert words in refusal(capsys, "train", file, "--target", "b", "--save", "kept.npz")
    assert Path("kept.npz").read_text() == "as it was"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--target", "speces"], "did you mean 'species'"),
        (["--target", "species", "--optimizer", "adamm"], "did you mean 'adam'"),
        (["--target", "species", "--activation", "relo"], "did you mean 'relu'"),
        (["--target", "species", "--loss", "cross"], "did you mean 'cross_entropy'"),
        (["--target", "species", "--loss", "mse"], "does not go with classification"),
        (["--target", "species", "--task", "regression"], "which is no number"),
        (["--target", "species", "--schedule", "cosinus"], "did you mean 'cosine'"),
        (["--target", "species", "--normalization", "group"], "normalization is 'group'"),
        (["--target", "species", "--epochs", "0"], "epochs is 0"),
        (["--target", "species", "--epochs", "many"], "--epochs"),
        (["--target", "species", "--learning-rate", "-1"], "learning_rate is -1.0"),
        (["--target", "species", "--momentum", "0.9"], "'adamw' takes no momentum"),
        (["--target", "species", "--hidden", "3,x"], "--hidden is '3,x'"),
        (["--target", "species", "--dropout", "1.5"], "dropout is 1.5"),
        (["--target", "species", "--validation", "1.5"], "--validation is 1.5"),
        (["--target", "species", "--ignore", "yeer"], "'year'"),
        (["--target", "species", "--class-weight", "Adelie=x"], "--class-weight has 'Adelie=x'"),
        (["--target", "species", "--class-weight", "Adely=2"], "did you mean 'Adelie'"),
        (["--target", "species", "--save", "no/where.npz"], "there is no folder no"),
        (["--target", "species", "--save", "/sys/m.npz"], "/sys/m.npz cannot be written"),
        (["--target", "species", "--metrics", "r2"], "metric 'r2' does not suit"),
        (["--target", "species", "--hidden", "999999999999"], "more than memory holds"),
        (["--target", "species", "--initializer", "he"], "did you mean 'he_"),
        (["--target", "species", "--class-weight", "Adelie=0,Gentoo=0,Chinstrap=0"], "are all 0"),
        (["--target", "species", "--plot", "loss.xyz"], ".png, .svg, .pdf"),
        (["--target", "species", "--bogus"], "--bogus"),
        ([], "--target"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, words, capsys):
    assert words in refusal(capsys, "train", PENGUINS, *options)


def test_divergence_is_one_line_and_leaves_the_file(capsys):
    Path("kept.npz").write_text("as it was")
    options = [*SMALL, "--optimizer", "sgd", "--learning-rate", "1e9", "--no-progress", "--save", "kept.npz"]
    assert "diverged in epoch 1" in refusal(capsys, "train", PENGUINS, "--target", "species", *options)
    assert Path("kept.npz").read_text() == "as it was"


def test_bad_models_and_columns_are_refused_in_one_line(model, capsys):
    Path("half.npz").write_bytes(Path(model).read_bytes()[:2000])
    pl.read_csv(PENGUINS).drop("sex", "year").write_csv("few.csv")
    Path("kept.csv").write_text("as it was")
    assert "half.npz" in refusal(capsys, "show", "half.npz")
    assert "does not exist" in refusal(capsys, "predict", "none.npz", PENGUINS)
    assert "lacks the columns 'sex', 'year'" in refusal(capsys, "predict", model, "few.csv", "-o", "kept.csv")
    assert "'.xlsx'" in refusal(capsys, "predict", model, PENGUINS, "-o", "out.xlsx")
    assert Path("kept.csv").read_text() == "as it was"
    net = pn.Network(pn.Dense(1), input_size=2)
    net.save("arrays.npz")
    assert "trained on arrays" in refusal(capsys, "predict", "arrays.npz", PENGUINS)


def test_xor_refuses_what_does_not_go_together(capsys):
    assert "--epochs does not go with --as-published" in refusal(capsys, "xor", "--as-published", "--epochs", "3")
    assert "--check goes with --as-published" in refusal(capsys, "xor", "--check")
    assert "--html goes with --explain" in refusal(capsys, "xor", "--html", "step.html")
    assert "--explain does not go with --as-published" in refusal(capsys, "xor", "--as-published", "--explain")
    assert "expects softmax as the output's activation" in refusal(capsys, "xor", "--loss", "cross_entropy")


def test_a_run_resumes_from_its_checkpoint(capsys):
    arguments = ["train", str(PENGUINS), "--target", "species", *SMALL, "--epochs", "30", "--no-progress"]
    arguments += ["--checkpoint", "run.npz"]
    assert run([*arguments, "--checkpoint-every", "5", "--save", "a.npz"]) == 0
    error = refusal(capsys, *arguments)
    assert "run.npz exists already" in error
    assert run([*arguments, "--resume", "--save", "b.npz"]) == 0
    np.testing.assert_array_equal(pn.load("a.npz").parameters, pn.load("b.npz").parameters)
    capsys.readouterr()
    assert "options.batch_size was 32 and is 16" in refusal(capsys, *arguments, "--resume", "--batch-size", "16")
    assert "checkpoint_every is 'often'" in refusal(capsys, *arguments, "--checkpoint-every", "often")


# ---- in a process of its own ----


def wait_for(condition, process, seconds=60):
    """Wait until something is so, as long as the process that is to bring it about lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"not within {seconds} seconds: {process.communicate()}")
        time.sleep(0.05)


def test_ctrl_c_keeps_and_saves_the_best_model(tmp_path):
    arguments = ["train", str(PENGUINS), "--target", "species", *SMALL, "--epochs", "1000000"]
    arguments += ["--early-stopping", "1000000"]
    checkpoint = ["--checkpoint", "run.npz", "--checkpoint-every", "300"]  # by then the best epoch is long past
    checkpoint += ["--engine", "numpy"]  # begins at once
    process = subprocess.Popen(
        [*PLAINNET, *arguments, *checkpoint, "--save", "m.npz"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(Path("run.npz").exists, process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "interrupted; the best model so far" in error
    assert "was saved to m.npz" in error
    history = pn.load("m.npz").history
    assert history.stopped == "interrupted"
    assert history.best_epoch < history.epoch[-1] < 1_000_000


def test_ctrl_c_while_the_progress_is_drawn_keeps_the_best_model(capsys, monkeypatch):
    from plainnet.training import progress

    calls = []

    def interrupting(report):
        calls.append(report)
        if len(calls) == 60:
            raise KeyboardInterrupt
        return "..."

    monkeypatch.setattr(progress, "describe", interrupting)
    options = [*SMALL, "--early-stopping", "1000", "--epochs", "1000", "--save", "m.npz", "--learning-rate", "0.02"]
    assert run(["train", str(PENGUINS), "--target", "species", *options]) == 130
    best = min(report.validation_loss for report in calls)
    assert calls[-1].validation_loss > best
    shown = capsys.readouterr().out.split("On the validation rows")[1]
    assert float(re.search(r"loss +(\S+)", shown)[1]) == pytest.approx(best, rel=1e-4)
    assert pn.load("m.npz").history.stopped == "interrupted"


def test_ctrl_c_saves_the_xor_network():
    process = subprocess.Popen(
        [*PLAINNET, "xor", "--epochs", "100000000", "--save", "x.npz"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    for line in process.stdout:
        if line.startswith("step   1,000"):
            break
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.endswith("plainnet: interrupted; the network so far was saved to x.npz\n")
    assert pn.load("x.npz").history.stopped == "interrupted"


def test_without_the_extra_the_command_line_names_it():
    code = "import sys; sys.modules['typer'] = None; from plainnet.__main__ import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("plainnet: the command line needs ")
    assert "plainnet[cli]" in result.stderr
    assert "Traceback" not in result.stderr


def test_import_loads_numpy_and_nothing_else():
    extras = ("typer", "rich", "polars", "matplotlib", "scipy", "sklearn", "autograd")
    code = f"import sys, plainnet; print([m for m in {extras} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
