"""`plainnet explain` and `plainnet xor --explain`: which rows they walk, and where they write."""

import re

import polars as pl
import pytest
import typer
from shared import PENGUINS, SMALL

import plainnet as pn
from plainnet.cli import explain as command
from plainnet.errors import PlainnetError, PlainnetWarning


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from plainnet.cli import run

    path = tmp_path_factory.mktemp("model") / "model.npz"
    arguments = ["--target", "species", *SMALL, "--hidden", "8", "--epochs", "5", "--save", str(path), "--no-progress"]
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


def test_command_shows_which_columns_made_the_prediction(run, model, tmp_path, capsys):
    frame = pl.read_csv(PENGUINS, infer_schema=False)
    new = tmp_path / "new.csv"
    frame.drop("species").head(30).write_csv(new)
    run(model, new, "--why", "--row", 3, "--row", 20, "--background", PENGUINS)
    out = capsys.readouterr().out
    assert "Why row 3 is predicted as species" in out
    assert "Why row 20 is predicted as species" in out
    assert "For 100 of the 344 rows of penguins.csv" in " ".join(out.split())
    assert re.search(rf"bill_length_mm +{frame['bill_length_mm'][2]} +[+-]0\.\d+ +[▐█▌]+", out)
    assert "One training step" not in out
    run(model, new, "--why", "--row", 3, "--background", PENGUINS, "--html", tmp_path / "why.html")
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "Row 3 of new.csv explained" in page
    assert 'class="more" style="left:' in page
    capsys.readouterr()
    run(model, PENGUINS, "--row", 3)
    both = capsys.readouterr().out
    assert both.index("Why row 3") < both.index("One training step")


def test_few_rows_to_compare_with_are_told(run, model, tmp_path):
    pl.read_csv(PENGUINS, infer_schema=False).head(2).write_csv(tmp_path / "two.csv")
    with pytest.warns(PlainnetWarning, match="compared with the 2 rows of two.csv; --background takes"):
        run(model, tmp_path / "two.csv", "--why")


def test_xor_command_names_the_examples(capsys):
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    command.explain_xor(net, X, y, "mse", pn.SGD(1.0), full=False, html=None)
    out = capsys.readouterr().out
    assert "0 1 1" in out
    assert "θ ← θ - η g" in out
