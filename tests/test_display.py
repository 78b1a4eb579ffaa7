"""Tables in the terminal, wide and narrow: numbers whole, names cut; records in words; digits as many as there are."""

import io
import re
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from rich.cells import cell_len
from shared import PENGUINS, SMALL

import plainnet as pn
from plainnet.cli import run
from plainnet.cli.display import plain_table
from plainnet.cli.measures import cut
from plainnet.cli.streams import PlainConsole

STATES = ["Massachusetts", "California", "New Hampshire", "New Jersey", "North Carolina", "South Carolina"]
STATES += ["Connecticut", "Pennsylvania", "West Virginia", "Mississippi"]


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """A table of ten long names, hard to tell apart, and a model of it."""
    folder = tmp_path_factory.mktemp("states")
    random = np.random.default_rng(0)
    kinds = random.integers(10, size=2000)
    frame = pl.DataFrame(
        {"a": random.normal(kinds, 2), "b": random.normal(-kinds, 2), "state": np.array(STATES)[kinds]}
    )
    frame.write_csv(folder / "states.csv")
    options = ["--target", "state", *SMALL, "--hidden", "8", "--epochs", "5", "--no-progress"]
    assert run(["train", str(folder / "states.csv"), *options, "--save", str(folder / "m.npz")]) == 0
    return folder


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_confusion_matrix_shows_every_count_whole(width, states, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    data, model = str(states / "states.csv"), str(states / "m.npz")
    assert run(["evaluate", model, data]) == 0
    out = capsys.readouterr().out
    assert all(cell_len(line) <= width for line in out.splitlines())
    assert run(["predict", model, data, "-o", str(states / "p.csv")]) == 0
    true, predicted = pl.read_csv(data)["state"], pl.read_csv(states / "p.csv")["prediction"]
    names = sorted(STATES)
    matrix = [[int(((true == a) & (predicted == b)).sum()) for b in names] for a in names]
    rows = [line for line in out.split("Confusion matrix")[1].splitlines() if line.strip().endswith("%")]
    assert len(rows) == 10, out
    for row, name, counts in zip(rows, names, matrix, strict=True):
        label, *cells = re.split(r" +(?=[\d·])", row.strip())
        beginning, _, ending = label.partition("…")
        assert name.startswith(beginning)
        assert name.endswith(ending)
        assert [0 if cell == "·" else int(cell) for cell in cells[:-1]] == counts
        assert cells[-1].strip() == f"{counts[names.index(name)] / sum(counts):.1%}"


def test_counts_that_have_no_room_become_a_list(states, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    assert run(["evaluate", str(states / "m.npz"), str(states / "states.csv")]) == 0
    out = capsys.readouterr().out
    assert "Commonest confusions" in out
    assert "Confusion matrix" not in out


@pytest.mark.parametrize("width", [60, 80])
def test_no_command_breaks_a_number(width, states, capsys, monkeypatch):
    """A narrow console shows the numbers of a wide one."""
    for command in (["evaluate", "m.npz", "states.csv"], ["show", "m.npz"], ["explain", "m.npz", "states.csv"]):
        arguments = [command[0], *(str(states / name) for name in command[1:])]
        shown = {}
        for columns in (width, 400):
            monkeypatch.setenv("COLUMNS", str(columns))
            assert run(arguments) == 0
            out = capsys.readouterr().out
            shown[columns] = set(re.findall(r"(?<![\w.,])\d[\d,]*\.?\d*(?:e-?\d+)?%?(?![\w.])", out))
        assert shown[width] <= shown[400], command


def rendered(table, width):
    console = PlainConsole(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_text_gives_way_to_numbers():
    table = plain_table("a measure with a long name", "a value with a long name", left=(0,))
    table.add_row("incomprehensibilities of the first order", "1,234,567.891234")
    text = rendered(table, 30)
    assert "1,234,567.891234" in text
    assert "incompr" in text
    assert "…" in text
    assert all(len(line) <= 30 for line in text.splitlines())


def test_a_cell_of_several_lines_is_one_line():
    table = plain_table("name", "n", left=(0,))
    table.add_row("a\nb", "1")
    assert re.search(r"a b +1", rendered(table, 60))


@pytest.mark.parametrize(
    ("name", "width", "expected"),
    [
        ("Adelie", 6, "Adelie"),
        ("Iris-setosa", 7, "Iri…osa"),
        ("Iris-versicolor", 7, "Iri…lor"),
        ("New Jersey", 5, "Ne…ey"),
        ("New Jersey", 8, "New…rsey"),
        ("abc", 1, "…"),
        ("猫猫猫猫", 5, "猫…猫"),
    ],
)
def test_names_are_cut_in_the_middle(name, width, expected):
    assert cut(name, width) == expected
    assert cell_len(cut(name, width)) <= width


# ---- lines to copy ----


def test_paths_are_not_broken(states, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "60")
    folder = tmp_path / "a folder with a long name that goes on and on" / ("x" * 60)
    folder.mkdir(parents=True)
    data, model = str(states / "states.csv"), str(states / "m.npz")
    files = {name: str(folder / name) for name in ("m.npz", "c.png", "p.csv", "s.html", "m.onnx", "r.csv", "r.json")}
    train = ["--target", "state", "--hidden", "2", "--epochs", "1", "--no-progress"]
    commands = (
        ["train", data, *train, *SMALL, "--save", files["m.npz"], "--plot", files["c.png"]],
        ["predict", model, data, "-o", files["p.csv"]],
        ["explain", model, data, "--html", files["s.html"]],
        ["export", model, "-o", files["m.onnx"]],
        ["compare", data, *train, "--seeds", "2", "--workers", "1", "--csv", files["r.csv"], "--json", files["r.json"]],
    )
    for command in commands:
        assert run(command) == 0
    out = capsys.readouterr().out
    for file in files.values():
        assert f"{file}\n" in out
    assert run(["show", files["m.npz"]]) == 0
    assert re.search(r"^Trained by: plainnet train .*states.csv --target state .*$", capsys.readouterr().out, re.M)


# ---- records ----


def test_show_says_the_record_in_words(capsys, tmp_path):
    options = [
        "--target",
        "species",
        *SMALL,
        "--epochs",
        "40",
        "--no-progress",
        "--schedule",
        "cosine",
        "--clip-norm",
        "2",
    ]
    options += ["--learning-rate", "0.02", "--metrics", "accuracy,f1", "--save", str(tmp_path / "m.npz")]
    assert run(["train", str(PENGUINS), *options]) == 0
    capsys.readouterr()
    assert run(["show", str(tmp_path / "m.npz")]) == 0
    out = capsys.readouterr().out
    history = pn.load(tmp_path / "m.npz").history
    rows = dict(re.findall(r"^ ([a-z ]+?)  +(\S.*?) *$", out, re.M))
    assert rows["metrics"] == "accuracy, f1"
    assert rows["most epochs"] == "40"
    assert rows["epochs run"] == f"{history.epoch[-1]}, best {history.best_epoch}"
    assert rows["loss"] == "cross_entropy"
    assert "learning rate (cosine" in rows["optimizer"]
    assert "0.02" in rows["optimizer"]
    assert "clip norm 2" in " ".join(out.split())
    assert rows["shuffle"] == "yes"
    assert rows["target"] == "species"
    for word in ("None", "True", "False", "[", "{", "_size", "threads"):
        assert word not in out, word


def test_show_tells_the_learning_rate_that_was_left_to_the_optimizer(capsys, tmp_path):
    options = ["--target", "species", *SMALL, "--epochs", "1", "--no-progress", "--optimizer", "rmsprop"]
    assert run(["train", str(PENGUINS), *options, "--save", str(tmp_path / "m.npz")]) == 0
    capsys.readouterr()
    assert run(["show", str(tmp_path / "m.npz")]) == 0
    assert f"rmsprop, learning rate {pn.optimizers.resolve('rmsprop').learning_rate}" in capsys.readouterr().out


# ---- digits ----


@pytest.mark.filterwarnings("ignore:column .* missing values:plainnet.errors.PlainnetWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_predictions_have_the_digits_that_the_network_computes(dtype, target, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--target", target, *SMALL, "--epochs", "3", "--no-progress", "--dtype", dtype, "--save", "m.npz"]
    assert run(["train", str(PENGUINS), *options]) == 0
    capsys.readouterr()
    classes = target == "species"
    assert run(["predict", "m.npz", str(PENGUINS), *(["--probabilities"] if classes else [])]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    texts = [text for line in lines for text in line.split(",")[1 if classes else 0 :]]
    kind = np.dtype(dtype).type
    assert all(float(text) == float(str(kind(text))) for text in texts)  # the shortest text of that very number
    digits = [len(text.split("e")[0].replace(".", "").lstrip("0")) for text in texts]
    assert max(digits) <= (9 if dtype == "float32" else 17)
    net = pn.load("m.npz")
    from plainnet.tabular import Table

    table = Table.from_dict(net.table)
    outputs = net.predict(table.features(table.read(PENGUINS)), engine="numpy")  # as the command predicts
    expected = outputs if classes else table.decode(outputs)
    np.testing.assert_array_equal(np.array(texts, kind).reshape(expected.shape), expected.astype(kind))
    if not classes:
        assert run(["export", "m.npz", "-o", "m.py"]) == 0
        done = subprocess.run([sys.executable, "m.py", PENGUINS], capture_output=True, text=True)
        assert done.stdout.splitlines() == texts
