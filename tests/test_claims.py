"""What the output says of a model: beside the simplest answer, on which rows, with which weights, in which names."""

import io
import re
import resource
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from prepared import prepared_file
from rich.console import Console
from shared import SMALL
from sklearn import metrics as sklearn_metrics
from sklearn.dummy import DummyClassifier, DummyRegressor

import plainnet as pn
from plainnet.cli import run
from plainnet.cli.measures import measure_table
from plainnet.tabular import Table, memory, overlap, scores

pytestmark = pytest.mark.usefixtures("in_empty_folder")

QUICK = [*SMALL, "--no-progress", "--epochs", "3", "--hidden", "4"]


def numbers(rows=60, seed=0):
    random = np.random.default_rng(seed)
    frame = pl.DataFrame({"x": random.normal(size=rows), "z": random.normal(size=rows)})
    return frame.with_columns(y=pl.when(pl.col("x") > 0).then(pl.lit("no")).otherwise(pl.lit("yes")))


def trained(frame, *options, save="m.npz"):
    frame.write_csv("t.csv")
    assert run(["train", "t.csv", "--target", "y", "--save", save, *QUICK, *options]) == 0
    return pn.load(save)


def train_on(frame, capsys, *options):
    """What `plainnet train` prints, on standard output and standard error."""
    trained(frame, *options)
    return capsys.readouterr()


def one_line(text):
    return " ".join(text.split())


# ---- the simplest answer ----


def test_the_simplest_answer_is_that_of_scikit_learns_dummies():
    random = np.random.default_rng(1)
    labels, weights = random.choice(3, 200, p=[0.2, 0.5, 0.3]), random.random(200) + 0.1
    outputs = random.dirichlet(np.ones(3), 200)
    found = scores.of_classes(labels, outputs, ["a", "b", "c"], weights)
    dummy = DummyClassifier(strategy="most_frequent").fit(outputs, labels, weights)
    measured = {score.name: score for score in found.measures}
    assert found.baseline == "always 'b'"
    assert measured["accuracy"].baseline == pytest.approx(dummy.score(outputs, labels, weights))
    predicted = outputs.argmax(axis=1)
    for name, function in (("precision", "precision_score"), ("recall", "recall_score"), ("f1", "f1_score")):
        of = getattr(sklearn_metrics, function)(labels, predicted, average="macro", sample_weight=weights)
        assert measured[name].value == pytest.approx(of)
        assert measured[name].label == f"{name} (macro average)"

    true, wrong = random.normal(5, 2, (200, 1)), random.normal(5, 2, (200, 1))
    found = scores.of_quantities(true, wrong, weights)
    mean = DummyRegressor().fit(true, true, weights).predict(true).reshape(-1, 1)
    measured = {score.name: score for score in found.measures}
    assert measured["r2"].baseline == pytest.approx(0)
    expected = sklearn_metrics.root_mean_squared_error(true, mean, sample_weight=weights)
    assert measured["rmse"].baseline == pytest.approx(expected)
    expected = sklearn_metrics.mean_absolute_error(true, mean, sample_weight=weights)
    assert measured["mae"].baseline == pytest.approx(expected)
    assert found.remarks == (f"It is no better than the answer {found.baseline}, whose r2 is 0.",)


def test_the_interval_of_the_accuracy_is_wilsons():
    """68 of 69 right: Wilson's interval by the quadratic that defines it, (p - π)² = z² π (1 - π) / n."""
    labels = np.zeros(69, int)
    outputs = np.full((69, 2), [0.9, 0.1])
    outputs[0] = [0.1, 0.9]
    (accuracy, *_) = scores.of_classes(labels, outputs, ["a", "b"]).measures
    for bound in accuracy.interval:
        assert (68 / 69 - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / 69)
    assert accuracy.interval[0] < 68 / 69 < accuracy.interval[1]
    weighted = scores.of_classes(labels, outputs, ["a", "b"], np.full(69, 7.0)).measures[0]
    assert weighted.interval == pytest.approx(accuracy.interval)


def test_a_model_that_never_says_a_rare_class_is_told_so(capsys):
    frame = numbers(100).with_columns(x=pl.lit(0.0) + pl.col("z"))
    frame = frame.with_columns(y=pl.when(pl.int_range(100) < 8).then(pl.lit("bad")).otherwise(pl.lit("good")))
    out = one_line(train_on(frame, capsys).out)
    assert "always 'good'" in out
    assert "Its accuracy is no better than that of the answer always 'good', 0.9." in out  # 2 of 20 are bad
    assert "It never predicts 'bad'; --class-weight balanced makes rare classes count more in training." in out
    assert re.search(r"f1 of 'good' 0\.947368 ", out)  # 2 · 18 / (20 + 18)
    assert run(["evaluate", "m.npz", "t.csv"]) == 0
    assert "It never predicts 'bad'" in one_line(capsys.readouterr().out)
    out = one_line(train_on(frame, capsys, "--class-weight", "balanced").out)
    assert "--class-weight" not in out


def test_unbalanced_classes_are_hinted_at_unless_the_model_minds_them():
    random = np.random.default_rng(2)
    labels = (random.random(400) < 0.1).astype(int)
    p = np.clip(0.5 * labels + 0.3 * random.random(400), 0, 1)[:, None]
    remarks = " ".join(scores.of_classes(labels, p, ["no", "yes"]).remarks)
    assert f"The classes are unbalanced ('no' is {1 - labels.mean():.0%} of the rows)" in remarks
    assert "--threshold f1" in remarks
    for minded in ({"balanced": True}, {"threshold": 0.4}):
        assert "unbalanced" not in " ".join(scores.of_classes(labels, p, ["no", "yes"], **minded).remarks)
    even = (np.arange(400) % 2).astype(int)
    assert "unbalanced" not in " ".join(scores.of_classes(even, p, ["no", "yes"]).remarks)


def test_every_measure_stands_beside_those_of_simple_models():
    """The simplest answer is the shares of the classes; both columns hold scikit-learn's measures."""
    random = np.random.default_rng(3)
    labels, outputs = random.choice(3, 300, p=[0.5, 0.3, 0.2]), random.dirichlet(np.ones(3), 300)
    linear = random.dirichlet(np.ones(3), 300)
    shares = np.tile(np.bincount(labels) / 300, (300, 1))
    found = {s.name: s for s in scores.of_classes(labels, outputs, ["a", "b", "c"], linear=linear).measures}
    for name, function in (("log_loss", "log_loss"), ("brier", "brier_score_loss")):
        of = getattr(sklearn_metrics, function)
        assert found[name].baseline == pytest.approx(of(labels, shares))
        assert found[name].linear == pytest.approx(of(labels, linear))
    assert found["roc_auc"].baseline == 0.5
    assert found["roc_auc"].linear == pytest.approx(sklearn_metrics.roc_auc_score(labels, linear, multi_class="ovr"))
    true = random.normal(size=(50, 1))
    of_quantities = scores.of_quantities(true, true + 1, linear=true)
    assert [s.linear for s in of_quantities.measures] == [1, 0, 0]
    of_quantities = scores.of_quantities(true, 0.9 * true, linear=true)
    assert any(remark.startswith("A linear model is as good") for remark in of_quantities.remarks)


@pytest.mark.parametrize("width", [44, 60, 80, 120])
def test_a_narrow_console_shows_every_number(width):
    random = np.random.default_rng(4)
    labels, p = random.integers(2, size=90), random.random((90, 1))
    found = scores.of_classes(labels, p, ["less than fifty", "more"], linear=p**2)
    console = Console(width=width, file=io.StringIO())
    console.print(measure_table(found, width))
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    for score in found.measures:
        numbers = [score.value, score.linear, *([score.baseline] if score.baseline is not None else [])]
        assert all(scores.in_plain_figures(number) in shown for number in numbers)
        assert scores.written_interval(score.interval) in shown


def test_what_is_not_defined_says_why():
    outputs = np.full((10, 3), [0.5, 0.3, 0.2])
    remarks = scores.of_classes(np.zeros(10, int), outputs, ["a", "b", "c"]).remarks
    assert "Every row here is 'a', so roc_auc is not defined." in remarks
    remarks = scores.of_classes(np.array([0, 1] * 5), outputs, ["a", "b", "c"]).remarks
    assert "No row here is 'c': roc_auc is not defined, and nothing is known of such rows." in remarks
    one = np.ones((1, 1))
    assert scores.of_quantities(one, one).remarks == ("r2 is not defined for one row.",)
    assert scores.of_quantities(np.ones((3, 1)), np.ones((3, 1))).remarks == (
        "The target is the same in every row here, so r2 says nothing.",
    )


def test_a_few_right_rows_are_no_proof():
    labels = np.array([0, 0, 1, 1, 1])
    (remark,) = scores.of_classes(labels, np.eye(2)[labels], ["a", "b"]).remarks
    assert remark.startswith("Its accuracy may be no better than that of the answer always 'b'")


def test_confusions_of_very_many_classes_take_no_square_of_them():
    labels = np.arange(40_000)
    pairs, counts = scores.confusions(labels, np.roll(labels, 1), 40_000)
    assert len(pairs) == len(counts) == 40_000
    assert pairs[0].tolist() == [0, 39_999]
    matrix = np.zeros((3, 3))
    pairs, counts = scores.confusions(np.array([0, 2, 2]), np.array([1, 2, 2]), 3, np.array([0.5, 1, 2]))
    matrix[tuple(pairs.T)] = counts
    assert matrix.tolist() == [[0, 0.5, 0], [0, 0, 0], [0, 0, 3]]


# ---- which rows ----


def test_the_validation_rows_are_said_to_have_chosen_the_epoch(capsys):
    assert "These rows chose the epoch" in train_on(numbers(), capsys).out
    assert "These rows chose the epoch" in train_on(numbers(), capsys, "--early-stopping", "0").out  # the best is kept


def test_rows_seen_in_training_are_known_again_by_content(capsys):
    frame = numbers()
    trained(frame)
    capsys.readouterr()
    frame.sample(fraction=1, shuffle=True, seed=1).write_csv("other name.csv")
    numbers(seed=5).write_csv("t.csv")  # the name of the training file, other rows
    assert run(["evaluate", "m.npz", "other name.csv"]) == 0
    said = one_line(capsys.readouterr().out)
    assert (
        "About 80% of these rows are equal to rows that the model was trained on" in said
    )  # 48 of 60, the rest held out
    assert run(["evaluate", "m.npz", "t.csv"]) == 0
    assert "equal to rows" not in one_line(capsys.readouterr().out)
    pytest.importorskip("matplotlib")
    assert run(["report", "m.npz", "other name.csv", "-o", "r.html"]) == 0
    assert "About 80% of these rows are equal" in Path("r.html").read_text()


def test_the_share_of_known_rows_is_estimated_for_large_tables():
    hashes = np.random.default_rng(0).integers(0, 2**48, 30_000, dtype=np.uint64)
    kept = overlap.fingerprint(hashes[:20_000])
    assert len(kept) < 10_000
    assert overlap.known_share(kept, hashes) == pytest.approx(2 / 3, abs=0.05)
    assert overlap.known_share(kept, hashes[20_000:]) == 0


def test_hashes_tell_rows_apart_and_forget_nothing_else():
    frame = pl.DataFrame(
        {"n": [1.0, -0.0, 0.0, None, 1.0], "b": [True, False, False, None, True], "c": ["p", "q", "q", None, "q"]}
    )
    table = Table.learn(frame.with_columns(y=pl.Series([1.0, 2.0, 3.0, 4.0, 5.5])), "y", "regression")
    hashes = overlap.row_hashes(table, frame).tolist()
    assert hashes[1] == hashes[2]
    assert len(set(hashes)) == 4
    reordered = overlap.row_hashes(table, frame.select("c", "n", "b")[::-1]).tolist()
    assert reordered == hashes[::-1]


def test_a_damaged_fingerprint_is_refused():
    data = Table.learn(numbers(), "y", "classification").to_dict()
    for damaged in ("abc", "!!!!!!!!", 7):
        with pytest.raises(ValueError, match="fingerprint of the table"):
            Table.from_dict(data | {"fingerprint": damaged})


def test_copies_of_training_rows_among_the_validation_rows_are_counted(capsys):
    frame = pl.concat([numbers(20)] * 4)
    error = train_on(frame, capsys).err
    (count,) = re.findall(r"note: (all 16|\d+ of the 16) validation rows \(t\.csv\) are equal to training rows", error)
    assert count == "all 16" or int(count.split()[0]) > 10
    assert "equal to training rows" not in train_on(numbers(), capsys).err
    one_twice = pl.concat([numbers(1000), numbers(1000).head(3)])
    assert "equal to training rows" not in train_on(one_twice, capsys).err  # at most 3 of 200: no figure moves
    few_values = pl.DataFrame({"x": [0, 0, 1, 1] * 20, "z": [0, 1, 0, 1] * 20, "y": ["a", "b", "b", "a"] * 20})
    assert "equal to training rows" not in train_on(few_values, capsys).err  # as XOR has: equal rows are no accident


def test_a_validation_file_that_holds_the_training_rows_is_noted(capsys):
    numbers().write_csv("copy.csv")
    error = train_on(numbers(), capsys, "--validation", "copy.csv").err
    assert "all 60 validation rows (copy.csv) are equal to training rows in every input" in error


def test_rows_of_a_validation_file_without_a_target_are_counted_under_its_name(capsys):
    numbers(9, seed=3).with_columns(y=pl.Series(["no", None, "yes", None] + ["no"] * 5)).write_csv("held.csv")
    out = train_on(numbers(), capsys, "--validation", "held.csv").out
    assert "t.csv: 60 rows, target y\n" in out
    assert "held.csv: 7 rows to validate on\n" in out
    assert "held.csv: 2 more rows without a target are left out\n" in out
    pl.DataFrame({"x": [1.0], "z": [2.0], "y": [None]}).write_csv("none.csv")
    assert run(["train", "t.csv", "--target", "y", "--validation", "none.csv", *QUICK]) == 2
    assert "none.csv has no row that has a y and counts" in capsys.readouterr().err


def test_the_worst_rows_are_numbered_as_in_the_file(capsys):
    pytest.importorskip("matplotlib")
    frame = numbers(40).with_columns(y=pl.col("x") * 10, x=pl.Series(range(40), dtype=pl.Float64))
    frame = frame.with_columns(y=pl.when(pl.int_range(40) == 7).then(None).otherwise("y"))
    trained(frame, "--report", "r.html")
    worst = Path("r.html").read_text().split("worst-predicted rows</h2>")[1].split("</section>")[0]
    assert "Rows are numbered as in t.csv; 1 is the first below the header." in worst
    rows = re.findall(r"<tr>(.*?)</tr>", worst, flags=re.S)[1:]
    shown = [re.sub(r"<[^>]*>", " ", row).split() for row in rows]
    assert len(shown) == 8
    assert all(int(row[0]) == int(float(row[4])) + 1 for row in shown)  # x counts the rows from 0
    assert run(["report", "m.npz", "t.csv", "-o", "all.html"]) == 0
    assert "1 more row without a target is left out." in Path("all.html").read_text()


# ---- weights ----


def test_rows_of_weight_0_teach_nothing():
    frame = numbers(60).with_columns(w=pl.when(pl.int_range(60) % 3 == 0).then(0.0).otherwise(1.0))
    spoilt = frame.with_columns(
        x=pl.when(pl.col("w") == 0).then(1e9).otherwise("x"),
        color=pl.when(pl.col("w") == 0).then(pl.lit("odd")).otherwise(pl.lit("red")),
    ).with_columns(color=pl.when(pl.int_range(60) % 3 == 1).then(pl.lit("blue")).otherwise("color"))
    spoilt.write_csv("spoilt.csv")
    spoilt.filter(pl.col("w") > 0).write_csv("clean.csv")
    dirty, clean = (prepared_file(name, "y", sample_weight="w", seed=1) for name in ("spoilt.csv", "clean.csv"))
    assert dirty.table.to_dict() == clean.table.to_dict()
    np.testing.assert_array_equal(dirty.X, clean.X)
    np.testing.assert_array_equal(dirty.validation[0], clean.validation[0])
    assert dirty.problem.rows.weightless == 20


def test_weights_count_as_copies_of_rows(capsys):
    random = np.random.default_rng(2)
    weights = random.integers(1, 4, 50)
    frame = numbers(50).with_columns(
        x=pl.Series([None if i % 9 == 0 else v for i, v in enumerate(random.normal(size=50))]),
        on=pl.Series(random.random(50) < 0.4),
        y=pl.Series(random.normal(size=50)),
        w=pl.Series(weights),
    )
    copies = frame[np.repeat(np.arange(50), weights)].drop("w")
    weighted = Table.learn(frame.drop("w"), "y", "regression", sample_weight=weights.astype(float))
    repeated = Table.learn(copies, "y", "regression")
    for one, other in zip([*weighted.columns, weighted.target], [*repeated.columns, repeated.target], strict=True):
        assert one.name == other.name
        assert one.mean == pytest.approx(other.mean)
        assert getattr(one, "deviation", 1) == pytest.approx(getattr(other, "deviation", 1))

    frame.write_csv("weighted.csv")
    trained(frame, "--sample-weight", "w")
    copies.write_csv("copies.csv")
    capsys.readouterr()
    measured = []
    for name in ("weighted.csv", "copies.csv"):
        assert run(["evaluate", "m.npz", name]) == 0
        captured = capsys.readouterr()
        measured.append([float(v) for v in re.findall(r"^ (?:loss|r2|rmse|mae) +(-?[\d.]+)", captured.out, re.M)])
    assert len(measured[0]) == 4
    assert measured[0] == pytest.approx(measured[1], rel=1e-4)
    assert "copies.csv has no column 'w' with weights" in captured.err


def test_a_class_without_weight_is_noted(capsys):
    frame = numbers(60).with_columns(w=pl.lit(1.0), y=pl.when(pl.int_range(60) < 6).then(pl.lit("odd")).otherwise("y"))
    frame = frame.with_columns(w=pl.when(pl.col("y") == "odd").then(0.0).otherwise("w"))
    captured = train_on(frame, capsys, "--sample-weight", "w")
    assert "every row of 'odd' in target 'y' has the weight 0, so it is no class for the network" in captured.err
    assert "6 more rows of weight 0 are left out" in captured.out
    assert "2 classes: no, yes" in captured.out


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([-1.0], "t.csv, row 1: sample_weight column 'w' holds -1; a weight is at least 0"),
        ([None], "t.csv, row 1: sample_weight column 'w' holds no value; it takes a number in every row"),
        (["heavy"] * 60, "t.csv, row 1: sample_weight column 'w' holds 'heavy'; it takes a number in every row"),
        ([0.0] * 60, "sample_weight column 'w' is 0 in every row; some rows must count"),
    ],
)
def test_weights_that_are_none_are_refused_with_their_row(capsys, weights, words):
    rest = [1.0] * (60 - len(weights))
    numbers().with_columns(w=pl.Series([*weights, *rest], strict=False)).write_csv("t.csv")
    assert run(["train", "t.csv", "--target", "y", "--sample-weight", "w", *QUICK]) == 2
    assert capsys.readouterr().err == f"plainnet: {words}\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sample-weight", "y"], "sample_weight and target are both 'y'"),
        (["--ignore", "z,y"], "ignore names 'y', which is the target"),
        (["--sample-weight", "z", "--ignore", "z"], "ignore names 'z', which is the sample_weight"),
        (["--sample-weight", "z", "--categories", "z"], "categories names 'z', which is the sample_weight"),
    ],
)
def test_a_column_with_two_roles_is_refused(capsys, options, words):
    numbers().write_csv("t.csv")
    assert run(["train", "t.csv", "--target", "y", *options, *QUICK]) == 2
    assert words in capsys.readouterr().err


# ---- what looks wrong, in the table's own names ----


def test_a_line_of_the_target_is_noted_by_its_name(capsys):
    frame = numbers().with_columns(y=pl.col("x") * 2.5)
    frame = frame.with_columns(copied=3 - 7 * pl.col("y"))
    error = train_on(frame, capsys).err
    assert "column 'x' says the same as the target 'y' in every row" in error
    assert "column 'copied' says the same as the target 'y' in every row" in error
    assert "of X" not in error


def test_a_value_far_out_is_noted_with_its_row(capsys):
    frame = numbers(80).with_columns(x=pl.when(pl.int_range(80) == 30).then(1e9).otherwise("x"))
    error = train_on(frame, capsys, "--validation", "0.02").err
    assert "column 'x' holds 1e+09 (t.csv, row 31), so far out that the other values hardly differ" in error
    indicator = numbers(400).with_columns(rare=(pl.int_range(400) % 200 == 3).cast(pl.Int64))
    assert "far out" not in train_on(indicator, capsys).err


def test_a_value_beyond_float32_is_refused_with_its_row(capsys):
    trained(numbers())
    capsys.readouterr()
    numbers(3).with_columns(z=pl.Series([1.0, 1e300, 2.0])).write_csv("new.csv")
    for command in ("predict", "evaluate"):
        assert run([command, "m.npz", "new.csv"]) == 2
        assert capsys.readouterr().err.startswith("plainnet: new.csv, row 2: column 'z' holds 1e+300, too far from")


# ---- size ----


def test_features_in_blocks_are_the_features(monkeypatch):
    frame = numbers(50).with_columns(color=pl.Series(list("abcde") * 10))
    table = Table.learn(frame, "y", "classification")
    monkeypatch.setattr("plainnet.tabular.table.BLOCK_BYTES", 7 * 4 * len(table.feature_names))
    blocks = list(table.feature_blocks(frame, np.float32))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert all(block.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), table.features(frame).astype(np.float32))


def test_features_that_do_not_fit_are_refused_before_they_are_made(monkeypatch, capsys):
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    numbers().with_columns(code=pl.Series([f"c{i % 12}" for i in range(60)])).write_csv("t.csv")
    assert run(["train", "t.csv", "--target", "y", *QUICK]) == 2
    error = capsys.readouterr().err
    assert "(60 rows x 14 features as float32) and 1e-06 GB of memory are free" in error
    assert "'code' (12)" in error
    monkeypatch.setattr(memory, "free_memory", lambda: 4 * 60 * 14)
    assert run(["train", "t.csv", "--target", "y", *QUICK]) == 0


def test_the_free_memory_heeds_the_limit_of_the_process(monkeypatch):
    before = memory.free_memory()
    assert before is None or before > 2**20
    monkeypatch.setattr(resource, "getrlimit", lambda of: (memory._address_space() + 5000, 0))
    assert memory.free_memory() <= 5000


def test_memory_that_runs_out_is_one_line(monkeypatch, capsys):
    def exhausted(*arguments, **options):
        raise MemoryError

    trained(numbers())
    capsys.readouterr()
    monkeypatch.setattr(Table, "feature_blocks", exhausted)
    assert run(["predict", "m.npz", "t.csv"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("plainnet: the memory is not enough for this; take fewer rows")
    assert error.count("\n") == 1
