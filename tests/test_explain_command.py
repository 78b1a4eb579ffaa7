"""`plainnet explain` and `plainnet xor --explain`: which rows they walk, and where they write."""

import polars as pl
import pytest
import typer
from shared import PENGUINS

import plainnet as pn
from plainnet.cli import explain as command
from plainnet.errors import PlainnetError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from plainnet.cli import run

    path = tmp_path_factory.mktemp("model") / "model.npz"
    arguments = ["--target", "species", "--hidden", "8", "--epochs", "5", "--save", str(path), "--no-progress"]
    assert run(["train", str(PENGUINS), *arguments]) == 0
    return path


@pytest.fixture
def run():
    """`plainnet explain` by itself."""
    app = typer.Typer()
    app.command()(command.explain)
    return lambda *arguments: app([str(argument) for argument in arguments], standalone_mode=False)


def test_command_explains_rows_by_name(run, model, capsys):
    species = pl.read_csv(PENGUINS)["species"].to_list()
    change = next(row for row in range(1, 344) if species[row - 1] != species[row])  # the next row is another species
    run(model, PENGUINS, "--row", 3, "--row", change)
    out = capsys.readouterr().out
    assert f"row 3: species is {species[2]}, the network says" in out
    assert f"row {change}: species is {species[change - 1]}, the network says" in out
    assert "island=Biscoe" in out
    assert "Chinstrap" in out
    assert "net.layers[1]" in out


def test_command_writes_a_page(run, model, tmp_path, capsys):
    path = tmp_path / "step.html"
    run(model, PENGUINS, "--full", "--html", path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "row 1" in path.read_text(encoding="utf-8")
    assert str(path) in capsys.readouterr().out.replace("\n", "")


def test_command_refuses_rows_that_are_not_there(run, model):
    for row in (0, 345):
        with pytest.raises(PlainnetError, match=f"--row is {row}; penguins.csv has the rows 1 to 344"):
            run(model, PENGUINS, "--row", row)


def test_xor_command_names_the_examples(capsys):
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    command.explain_xor(net, X, y, "mse", pn.SGD(1.0), full=False, html=None)
    out = capsys.readouterr().out
    assert "0 1 1" in out
    assert "θ ← θ - η g" in out
