"""`python -m benchmarks.tables`: the same splits for all, results that a broken run goes on from, honest ratios."""

import json
import warnings
from dataclasses import asdict, replace
from functools import partial
from math import sqrt

import numpy as np
import polars as pl
import pytest
from benchmarks.tables import __main__ as command
from benchmarks.tables.folder import DataTable, FolderError, tables_of
from benchmarks.tables.models import fit_boosting, fit_plainnet
from benchmarks.tables.results import Result, ResultsFile
from benchmarks.tables.summary import by_table, ratio_of, summary

from plainnet.errors import PlainnetWarning


def result(**changes):
    made = Result(
        table="flowers",
        digest="abc",
        split=0,
        model="plainnet",
        threads=1,
        task="classification",
        rows=100,
        columns=4,
        test_rows=25,
        error=0.2,
        least_error=0.02,
        fit_seconds=1.0,
        predict_seconds=0.1,
        load=0.5,
    )
    return replace(made, **changes)


@pytest.fixture
def flowers(tmp_path):
    """A table of two classes, a third of the rows "rare", that a column of text and a number tell apart."""
    random = np.random.default_rng(0)
    rare = np.arange(120) % 3 == 0
    columns = {
        "length": np.where(rare, 3.0, 1.0) + 0.3 * random.standard_normal(120),
        "color": np.where(rare, "red", "blue"),
        "kind": np.where(rare, "rare", "usual"),
    }
    pl.DataFrame(columns).write_csv(tmp_path / "flowers.csv")
    return DataTable(tmp_path / "flowers.csv")


def test_a_split_depends_on_its_seed_alone_and_keeps_the_shares_of_classes(flowers):
    train, test = flowers.split(1)
    assert sorted([*train, *test]) == list(range(120))
    assert (flowers.targets[test] == "rare").sum() == 10
    assert (flowers.targets[test] == "usual").sum() == 20
    np.testing.assert_array_equal(test, DataTable(flowers.path).split(1)[1])
    assert set(test) != set(flowers.split(2)[1])


def test_without_an_index_the_last_column_is_the_target(tmp_path):
    frame = pl.DataFrame({"x": [1.5, None, 2.5] * 20, "text": ["a", "?", "NA"] * 20, "y": [0, 1, 2] * 20})
    frame.write_csv(tmp_path / "classes.csv")
    frame.with_columns(y=pl.Series(np.arange(60) / 7)).write_csv(tmp_path / "numbers.csv")
    tables = {table.name: table for table in tables_of(tmp_path)}
    assert tables["classes"].task == "classification"
    assert set(tables["classes"].targets) == {"0", "1", "2"}
    assert tables["classes"].features["text"].null_count() == 40
    assert tables["numbers"].task == "regression"
    with pytest.raises(FolderError, match="has no"):
        tables_of(tmp_path.parent / "nothing here")


def test_the_index_names_target_and_task(flowers):
    index = [{"file": "flowers.csv", "target": "length", "task": "regression"}]
    (flowers.path.parent / "index.json").write_text(json.dumps(index))
    (table,) = tables_of(flowers.path.parent)
    assert (table.task, table.features.columns) == ("regression", ["color", "kind"])
    assert table.digest != flowers.digest


@pytest.mark.parametrize("fit", [fit_boosting, partial(fit_plainnet, recipe="small")])
def test_models_take_missing_and_unseen_values(flowers, fit):
    train, _ = flowers.split(0)
    rows = pl.DataFrame({"length": [3.0, None, 1.0], "color": ["red", "red", "green"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)
        predict = fit(flowers.features[train], flowers.targets[train], "classification", 0, 1)
        assert list(predict(rows)) == ["rare", "rare", "usual"]


def test_results_outlive_a_run_that_is_killed_while_it_writes(tmp_path):
    file = ResultsFile(tmp_path / "new folder" / "results.jsonl")
    file.add(result())
    file.add(result(split=1))
    with file.path.open("a") as opened:
        opened.write(json.dumps(asdict(result(split=2)))[:50])
    ResultsFile(file.path).add(result(split=3))
    assert [kept.split for kept in ResultsFile(file.path).results.values()] == [0, 1, 3]


def test_a_later_result_replaces_an_earlier_one_and_new_code_makes_another(tmp_path):
    file = ResultsFile(tmp_path / "results.jsonl")
    for changes in ({"error": 0.3}, {"error": 0.1}, {"error": 0.4, "versions": {"code": "changed"}}):
        file.add(result(**changes))
    assert sorted(kept.error for kept in ResultsFile(file.path).results.values()) == [0.1, 0.4]


def test_ratios_are_of_the_splits_that_both_have_and_never_divide_by_zero():
    ours = [result(split=0, error=0.2), result(split=1, error=0.3), result(split=2, error=0.9)]
    theirs = [result(split=split, model="boosting", error=0.1) for split in (0, 1)]
    ours += [result(table="perfect", error=0.08)]
    theirs += [result(table="perfect", model="boosting", error=0.0)]
    runs = by_table(ours + theirs)
    assert ratio_of(runs["flowers"], "plainnet", "boosting") == pytest.approx(2.5)
    assert ratio_of(runs["perfect"], "plainnet", "boosting") == pytest.approx(4)
    ratios = next(table for table in summary(ours + theirs, ["plainnet", "boosting"]) if "divided" in table.title)
    assert ratios.rows[-2:] == [["geometric mean, all", f"{sqrt(10):.3f} (2)"], ["median, all", "3.250"]]


def test_the_command_measures_once_and_writes_the_page(flowers, tmp_path, monkeypatch, capsys):
    results, page = tmp_path / "results.jsonl", tmp_path / "page.md"
    words = ["benchmarks.tables", f"{tmp_path}", "--models", "boosting", "--splits", "2", "--output", f"{results}"]
    monkeypatch.setattr("sys.argv", [*words, "--markdown", f"{page}"])
    command.main()
    assert capsys.readouterr().out.count("error 0.0000") == 2
    assert "| flowers | 120 × 2 | 0.0000 |" in page.read_text()
    assert "scikit-learn" in page.read_text()
    monkeypatch.setattr(command, "measure_apart", lambda *_: pytest.fail("it is there already"))
    command.main()
