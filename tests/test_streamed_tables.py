"""Tables that are read in pieces: learned in one pass as they would be in memory, and trained by the command line."""

import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import plainnet as pn
from plainnet.cli import run
from plainnet.errors import FileError, InvalidValue, PlainnetWarning
from plainnet.tabular import RECIPES, Division, Share, Table, prepare_stream
from plainnet.tabular.reading import read_typed
from plainnet.tabular.streaming.drawing import NOWHERE, TEST, TRAINING, VALIDATION, Drawing
from plainnet.tabular.streaming.sums import NumberSums, ValueCounts

pytestmark = pytest.mark.filterwarnings("ignore::plainnet.errors.PlainnetWarning")
QUICK = ["--recipe", "small", "--epochs", "3", "--no-progress"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows(count, seed=0):
    """Rows with columns of every kind, missing values among them."""
    random = np.random.default_rng(seed)
    x = random.normal(5, 3, count)

    def some(values):
        return [values[place] for place in random.integers(0, len(values), count)]

    return pl.DataFrame(
        {
            "x": [None if random.random() < 0.05 else value for value in x.tolist()],
            "count": random.integers(0, 5000, count),
            "few": some(["a", "b", "c", None]),
            "two": some(["yes", "no"]),
            "many": some([f"k{i}" for i in range(30)]),
            "flag": some([True, False, None]),
            "day": pl.datetime_range(pl.datetime(2020, 1, 1), pl.datetime(2030, 1, 1), "7h", eager=True)[:count],
            "id": [f"id{i}" for i in range(count)],
            "same": [1] * count,
            "w": random.uniform(0.1, 2, count),
            "y": (x > 5).astype(int) + (random.random(count) > 0.5),
        }
    )


def written(frame, ending, parts=3):
    """Write a frame to several files of a new folder."""
    shutil.rmtree("rows", ignore_errors=True)
    folder = Path("rows")
    folder.mkdir()
    size = -(-len(frame) // parts)
    for k in range(parts):
        part, path = frame[k * size : (k + 1) * size], folder / f"{k}{ending}"
        if ending == ".parquet":
            part.write_parquet(path, row_group_size=100)
        elif ending == ".arrow":
            part.write_ipc(path)
        else:
            part.write_csv(path)
    return folder


def plain(value):
    """The description of a table without the hashes of rows."""
    return {name: entry for name, entry in value.to_dict().items() if name != "fingerprint"}


def assert_close(first, second, where="table"):
    """Numbers agree to rounding, everything else exactly."""
    assert type(first) is type(second), where
    if isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for name in first:
            assert_close(first[name], second[name], f"{where}.{name}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for i, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_close(one, other, f"{where}[{i}]")
    elif isinstance(first, float):
        assert first == pytest.approx(second, rel=1e-12, abs=1e-12), where
    else:
        assert first == second, where


@pytest.mark.parametrize(
    ("ending", "recipe", "target", "weight"),
    [
        (".csv", "realmlp", "y", None),
        (".csv", "realmlp", "x", "w"),
        (".csv", "small", "two", "w"),
        (".csv", "small", "x", None),
        (".parquet", "realmlp", "two", "w"),
        (".arrow", "small", "x", "w"),
    ],
)
def test_a_table_is_learned_as_from_the_same_rows_in_memory(ending, recipe, target, weight):
    files = written(rows(700), ending)
    prepared = prepare_stream(files, target, RECIPES[recipe], sample_weight=weight)
    typed = read_typed(sorted(files.iterdir()), target=target)
    chosen = typed.frame[prepared.parts.training.numbers - 1]
    known = Table.learn(
        chosen.drop(weight) if weight else chosen,
        target,
        prepared.problem.task,
        encoding=RECIPES[recipe].encoding,
        options=typed.options,
        sample_weight=None if weight is None else chosen[weight].to_numpy(),
    )
    assert_close(plain(prepared.table), plain(known))
    assert prepared.to_train == len(prepared.X) == len(chosen) > 400
    np.testing.assert_allclose(prepared.X, known.features(chosen, dtype="float32"), atol=1e-6)
    np.testing.assert_allclose(prepared.y, known.targets(chosen))
    if weight:
        np.testing.assert_array_equal(prepared.sample_weight, chosen[weight])
    # each row that has a target has one part
    held = [prepared.held_out, prepared.parts.test, prepared.parts.training]
    numbers = np.sort(np.concatenate([part.numbers for part in held]))
    np.testing.assert_array_equal(numbers, 1 + np.flatnonzero(typed.frame[target].is_not_null()))


def test_of_many_rows_quartiles_are_those_of_a_sample_and_all_else_is_exact():
    random = np.random.default_rng(3)
    frame = pl.DataFrame({"x": random.exponential(size=400_000), "c": random.integers(0, 3, 400_000)})
    frame = frame.with_columns(pl.col("c").cast(pl.String), y=frame["x"] + random.normal(size=400_000))
    frame[0, "c"] = "alone"
    frame.write_parquet("t.parquet")
    prepared = prepare_stream("t.parquet", "y", RECIPES["realmlp"])
    assert len(prepared.parts.test) == pytest.approx(80_000, abs=1500)
    assert len(prepared.held_out) == pytest.approx(64_000, abs=1500)
    assert len(prepared.parts.training) == pytest.approx(100_000, abs=1500)
    assert len(prepared.X) == prepared.to_train
    held = np.concatenate([prepared.held_out.numbers, prepared.parts.test.numbers]) - 1
    training = frame.with_row_index().filter(~pl.col("index").is_in(held))
    x, c = prepared.table.columns
    below = (training["x"] < x.center).mean()
    assert below == pytest.approx(0.5, abs=0.008)  # five standard errors of the middle of 100,000 rows
    quartiles = training["x"].quantile(0.75, "linear") - training["x"].quantile(0.25, "linear")
    assert x.spread == pytest.approx(quartiles, rel=0.04)
    assert set(c.values) == set(training["c"])
    target, y = prepared.table.target, training["y"].to_numpy()
    assert (target.mean, target.deviation) == pytest.approx((y.mean(), y.std()))
    assert target.limits == (y.min(), y.max())


def test_sums_merge():
    random = np.random.default_rng(1)
    values = random.normal([0, 1e6, 1e300, 5], [1, 1e-3, 1e299, 0], (1000, 4))
    values[random.random(values.shape) < 0.1] = np.nan
    values[:300, 0] = np.nan  # a part without a number
    weights = random.uniform(0.5, 2, 1000)
    for w in (None, weights):
        cuts = [slice(0, 300), slice(300, 301), slice(301, 301), slice(301, 1000)]
        merged = sum(
            (NumberSums.of(values[cut], None if w is None else w[cut]) for cut in cuts[1:]),
            NumberSums.of(values[cuts[0]], None if w is None else w[cuts[0]]),
        )
        for i, column in enumerate(values.T):
            known = ~np.isnan(column)
            x, own = column[known], None if w is None else w[known]
            scale = np.abs(x).max()
            mean = np.average(x / scale, weights=own)
            deviation = np.sqrt(np.average((x / scale - mean) ** 2, weights=own))
            assert merged.known[i] == known.sum()
            assert merged.mean[i] / scale == pytest.approx(mean, rel=1e-12)
            assert merged.deviation[i] / scale == pytest.approx(deviation, rel=1e-5, abs=1e-15)
            assert (merged.least[i], merged.most[i]) == (x.min(), x.max())
        assert merged.whole.tolist() == [False, False, False, True]


def test_different_values_are_counted_and_estimated_where_they_are_too_many(monkeypatch):
    monkeypatch.setattr("plainnet.tabular.streaming.sums.MOST_VALUES", 5_000)
    texts = pl.Series([f"t{i % 60_000}" for i in range(90_000)] + [None] * 7)
    whole = sum((ValueCounts.of(texts[k : k + 4000]) for k in range(4000, 90_007, 4000)), ValueCounts.of(texts[:4000]))
    assert whole.different == pytest.approx(60_000, rel=0.08)  # five standard errors
    assert whole.rows == {None: 7}
    few = ValueCounts.of(texts[:3]) + ValueCounts.of(texts[1:5])
    assert few.rows == {"t0": 1, "t1": 2, "t2": 2, "t3": 1, "t4": 1}


def test_a_row_has_the_same_part_in_whatever_piece_it_is_read():
    numbers = np.arange(1_000_000)
    drawing = Drawing.of(Division(Share(0.2), Share(0.2)), 1_000_000, seed=5)
    parts = drawing.parts(numbers)
    np.testing.assert_array_equal(parts, np.concatenate([drawing.parts(some) for some in np.split(numbers, 50)]))
    for part in (TEST, VALIDATION):
        assert np.count_nonzero(parts == part) == pytest.approx(100_000, abs=1500)
    # neighbours and parts are independent
    held = parts != TRAINING
    assert np.corrcoef(held[1:], held[:-1])[0, 1] == pytest.approx(0, abs=0.005)
    assert (Drawing.of(Division(Share(0.2), Share(0.2)), 1_000_000, seed=6).parts(numbers) != parts).any()
    few = Drawing.of(Division(Share(0.25), Share(0.5)), 4_000, seed=0).parts(np.arange(4_000))
    shares = [np.mean(few == part) for part in (TEST, VALIDATION)]
    assert shares == pytest.approx([0.25, 0.75 / 2], abs=0.04)


def test_the_last_rows_are_held_out_as_a_whole():
    parts = Drawing.of(Division(Share(0.4, last=True), Share(0.5, last=True)), 1_000_000, 0).parts(np.arange(1_000_000))
    assert set(parts[:300_000]) == {TRAINING}
    assert set(parts[300_000:600_000]) == {VALIDATION, NOWHERE}
    assert set(parts[600_000:]) == {TEST, NOWHERE}
    assert np.count_nonzero(parts == TEST) == pytest.approx(100_000, abs=1500)
    for test, validation, last in (
        (Share(0.3), Share(0.5, last=True), VALIDATION),
        (Share(0.35, last=True), Share(0.5), TEST),
    ):
        mixed = Drawing.of(Division(test, validation), 10_000, 0).parts(np.arange(10_000))
        assert set(mixed[6_500:]) == {last}  # whatever the other part draws
        assert set(mixed[:6_500]) == {TRAINING, TEST + VALIDATION - last}
    small = Drawing.of(Division(Share(0.2, last=True), Share(0.25, last=True)), 10, 0).parts(np.arange(10))
    assert small.tolist() == [0] * 6 + [VALIDATION] * 2 + [TEST] * 2


def lines(name, *texts, many=400):
    """Write a CSV file of one input column; the texts come again and again."""
    body = "".join(f"{texts[i % len(texts)]};{i % 2}\n" for i in range(many))
    Path(name).write_text("x;y\n" + body)


@pytest.mark.parametrize(
    ("first", "last", "kind"),
    [
        (["1", "2", "3"], ["007", "12"], "category"),  # a code in the last file alone
        (["1", "2"], ["2,5", "3"], "number"),
        (["", ""], ["a", "b", "c"], "category"),
        (["NA", "4"], ["n/a", "2.5"], "number"),
        (["true", "false"], ["TRUE", "NA"], "boolean"),
        (["03/04/2024", "05/06/2024"], ["03/25/2024", "01/02/2024"], "number"),
        (["1.234", "5.678"], ["12.5", "1.75"], "number"),
    ],
)
def test_columns_of_text_files_are_decided_on_by_all_of_their_values(first, last, kind):
    lines("a.csv", *first, many=4_000)
    lines("b.csv", *last, many=40)
    prepared = prepare_stream(["a.csv", "b.csv"], "y", RECIPES["small"], division=Division(Share(0.0)))
    typed = read_typed(["a.csv", "b.csv"], target="y")
    assert prepared.problem.options.notations == typed.options.notations
    (column,) = prepared.table.columns
    assert column.kind == kind
    places = np.sort(np.concatenate([prepared.parts.training.numbers, prepared.held_out.numbers])) - 1
    np.testing.assert_array_equal(places, np.arange(4_040))
    training = prepared.parts.training
    assert training.frame["x"].equals(typed.frame["x"][training.numbers - 1])


def small(seed, count=120):
    """Rows of one file of a folder; no value is missing."""
    random = np.random.default_rng(seed)
    x, z = random.normal(size=(2, count)).round(3)
    return pl.DataFrame({"x": x, "z": z, "c": ["a", "b", "c", "d"] * (count // 4), "y": np.where(x > 0, "p", "n")})


ZONE = pl.datetime(2026, 1, 1) + pl.duration(days=pl.int_range(120))
HALF = pl.int_range(120) < 60
FOLDERS = {
    "the same columns in another order": (".csv", lambda frame: frame.select("y", "c", "z", "x"), None),
    "a header without rows": (".csv", lambda frame: frame[:0], None),
    "a schema without rows": (".parquet", lambda frame: frame[:0], None),
    "one row": (".parquet", lambda frame: frame[:1], None),
    "text with quotation marks and lines": (".csv", lambda frame: frame.with_columns(c=pl.lit('a "b",\nc')), None),
    "another class": (".parquet", lambda frame: frame[:40].with_columns(y=pl.lit("q")), None),
    "numbers without a value where others hold text": (
        ".parquet",
        lambda frame: frame.with_columns(c=pl.lit(None, dtype=pl.Float64)),
        None,
    ),
    "NaN where others hold text": (".parquet", lambda frame: frame.with_columns(c=pl.lit(np.nan)), None),
    "text without a value where others hold numbers": (
        ".parquet",
        lambda frame: frame.with_columns(z=pl.lit(None, dtype=pl.String)),
        None,
    ),
    "numbers after rows without a value where others hold text": (
        ".parquet",
        lambda frame: frame.with_columns(c=pl.when(HALF).then(None).otherwise("z")),
        r"\d\.parquet: column 'c' is of type \w+, and of type \w+ in",
    ),
    "numbers as text": (".parquet", lambda frame: frame.with_columns(pl.col("z").cast(pl.String)), "column 'z' is of"),
    "lists": (".parquet", lambda frame: frame.with_columns(z=pl.concat_list("x", "z")), "column 'z' is of type"),
    "points in time of a zone": (
        ".parquet",
        lambda frame: frame.with_columns(x=ZONE.dt.replace_time_zone("UTC")),
        "column 'x' is of type",
    ),
    "decimal commas": (".csv", lambda frame: frame.with_columns(z=pl.lit("1,5")), "'1,5', text among numbers"),
}


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize(("ending", "odd", "message"), FOLDERS.values(), ids=FOLDERS)
def test_a_folder_with_an_odd_file_is_read_alike_in_pieces_and_in_memory(ending, odd, message, place):
    Path("rows").mkdir()
    for number in range(3):
        frame = odd(small(number)) if number == place else small(number)
        path = f"rows/{number}{ending}"
        frame.write_parquet(path, row_group_size=40) if ending == ".parquet" else frame.write_csv(path)
    files = sorted(Path("rows").iterdir())
    if message is not None:
        with pytest.raises(InvalidValue, match=message) as in_memory:
            read_typed(files, target="y")
        with pytest.raises(InvalidValue) as in_pieces:
            prepare_stream("rows", "y")
        assert str(in_pieces.value) == str(in_memory.value)
        return
    whole = read_typed(files, target="y").frame
    prepared = prepare_stream("rows", "y", RECIPES["small"])
    parts = [prepared.parts.training, prepared.held_out, prepared.parts.test]
    for part in filter(len, parts):
        assert part.frame.equals(whole[part.numbers - 1].select(part.frame.columns))
    assert sum(map(len, parts)) == len(whole)


def test_what_contradicts_is_refused_with_its_file():
    frame = rows(400)
    files = written(frame, ".parquet")
    (files / "1.parquet").unlink()
    frame[:100].with_columns(pl.col("x").cast(pl.String)).write_parquet(files / "1.parquet")
    with pytest.raises(FileError, match=r"1.parquet: column 'x' is of type String, and of type Float64 in .*0.parquet"):
        prepare_stream(files, "y")
    frame[:100].drop("few").write_parquet(files / "1.parquet")
    with pytest.raises(FileError, match=r"1.parquet lacks the column 'few'"):
        prepare_stream(files, "y")
    (files / "1.parquet").write_bytes((files / "0.parquet").read_bytes()[:-7])
    with pytest.raises(FileError, match=r"1.parquet .*cut off"):
        prepare_stream(files, "y")
    frame[:100].select(reversed(frame.columns)).write_parquet(files / "1.parquet")
    assert prepare_stream(files, "y").rows == 134 + 100 + 132
    lines("a.csv", "1", "2")
    lines("b.csv", *["5"] * 399, "oops")
    with pytest.raises(InvalidValue, match=r"b.csv, line 401: column 'x' holds 'oops', text among numbers"):
        prepare_stream(["a.csv", "b.csv"], "y")
    lines("b.csv", "5", "inf")
    with pytest.raises(InvalidValue, match=r"b.csv, line 3: column 'x' holds inf"):
        prepare_stream(["a.csv", "b.csv"], "y")


def test_weights_are_checked_in_every_piece_and_rows_without_weight_or_target_are_counted():
    frame = rows(600).with_columns(
        w=pl.when(pl.int_range(600) < 200).then(0.0).otherwise(1.0),  # all of the first file
        y=pl.when(pl.int_range(600) >= 590).then(None).otherwise("y"),
    )
    prepared = prepare_stream(written(frame, ".parquet"), "y", sample_weight="w")
    assert prepared.rows == 390
    assert (prepared.problem.rows.weightless, prepared.problem.rows.without_target) == (200, 10)
    bad = frame.with_columns(w=pl.when(pl.int_range(600) == 450).then(-1.0).otherwise("w"))
    with pytest.raises(InvalidValue, match=r"2.parquet, row 51: sample_weight column 'w' holds -1"):
        prepare_stream(written(bad, ".parquet"), "y", sample_weight="w")


def test_whole_numbers_beyond_a_float_make_categories_wherever_they_stand():
    frame = rows(600).with_columns(pl.col("count") % 9)
    files = written(frame, ".parquet")
    code = pl.when(pl.int_range(100) > 90).then(2**60 + 1).otherwise("count")
    frame[:100].with_columns(count=code).write_parquet(files / "2.parquet", row_group_size=10)
    prepared = prepare_stream(files, "y", RECIPES["small"])
    column = next(column for column in prepared.table.columns if column.name == "count")
    assert column.values == (*map(str, range(9)),) or str(2**60 + 1) in column.values
    assert column.kind == "category"


def test_columns_that_are_empty_in_most_files_get_their_kinds_where_they_have_values():
    frame = rows(600)
    columns = {f"rare{k}": [1.5 * k if i == 60 * k + 59 else None for i in range(600)] for k in range(10)}
    sparse = frame.hstack(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64)))
    sparse = sparse.with_columns(word=pl.when(pl.int_range(600) > 597).then(pl.lit("w")))
    files = written(sparse, ".parquet")
    table = prepare_stream(files, "y", RECIPES["small"], division=Division(Share(0.0), Share(0.05))).table
    kinds = {column.name: column.kind for column in table.columns}
    assert sum(kinds.get(name) == "number" for name in columns) >= 7  # a value may be in a row that validates
    assert kinds["word"] == "category"


def test_the_command_line_trains_on_a_folder(capsys):
    frame = rows(3_000)
    folder = written(frame, ".parquet")
    assert run(["train", "rows", "--target", "y", "--stream", "--save", "m.npz", *QUICK]) == 0
    shown = capsys.readouterr().out
    assert "0.parquet and 2 more: 3,000 rows" in shown
    assert "The rows to train on are kept in memory" in shown
    assert "On the test rows" in shown
    net = pn.load("m.npz")
    assert len(net.predict_labels(frame)) == 3_000
    assert run(["evaluate", "m.npz", *map(str, sorted(folder.iterdir()))]) == 0
    assert run(["train", "rows", "--target", "y", "--no-stream", *QUICK, "--folds", "0"]) == 0
    assert "kept in memory" not in capsys.readouterr().out


def test_a_folder_read_in_pieces_trains_to_the_predictions_of_the_same_rows_in_memory():
    Path("rows").mkdir()
    for number in range(3):
        small(number, 800).write_parquet(f"rows/{number}.parquet", row_group_size=100)
    new, labels = small(9, 1000), {}
    for way in ("--stream", "--no-stream"):
        command = ["train", "rows", "--target", "y", way, "--save", f"m{way}.npz", *QUICK, "--folds", "0"]
        assert run([*command, "--epochs", "20"]) == 0
        labels[way] = np.array(pn.load(f"m{way}.npz").predict_labels(new))
        assert np.mean(labels[way] == new["y"].to_numpy()) > 0.95
    assert np.mean(labels["--stream"] == labels["--no-stream"]) > 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folds", "5"], "--folds is 5 and the rows are not all in the memory"),
        (["--ensemble", "3"], "--ensemble is 3 and the rows are not all in the memory"),
        (["--group", "many"], "--group is 'many' and the rows are not all in the memory"),
        (["--refit"], "refit is True and the table is read in pieces"),
        (["--validation", "0"], "--validation is 0; rows are needed"),
        (["--compression", "float16"], "--compression is float16 and one process trains"),
    ],
)
def test_options_that_need_all_rows_are_refused_in_one_line(options, message, capsys):
    rows(300).write_parquet("t.parquet")
    assert run(["train", "t.parquet", "--target", "y", "--stream", *QUICK, *options]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "note:" not in line]
    assert len(said) == 1
    assert message in said[0]


@pytest.mark.parametrize(
    "options",
    [
        ["--test", "0", "--validation", "last:0.3"],
        ["--test", "last:0.2", "--validation", "0.3"],
        ["--validation", "v.parquet", "--sample-weight", "w"],
        ["--class-weight", "balanced", "--threshold", "f1", "--target", "two", "--calibrate"],
        ["--time-limit", "30s", "--plot", "p.svg", "--report", "r.html"],
        ["--checkpoint", "c.npz"],
        ["--task", "regression", "--target", "count", "--loss", "huber"],
        ["--categories", "count", "--ignore", "day,x", "--column", "two=boolean", "--dtype", "float64"],
    ],
)
def test_other_options_work(options, capsys):
    rows(1_200).write_parquet("t.parquet")
    rows(200, seed=1).write_parquet("v.parquet")
    target = [] if "--target" in options else ["--target", "y"]
    assert run(["train", "t.parquet", "--stream", *target, *QUICK, *options]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--sample-weight", "w", "--class-weight", "balanced"]])
def test_rows_that_are_read_in_each_epoch_train_as_those_in_memory(options, monkeypatch, capsys):
    written(rows(1_500), ".csv")
    command = ["train", "rows", "--target", "y", "--stream", *QUICK, *options]
    assert run([*command, "--save", "1.npz"]) == 0
    assert "are kept in memory" in capsys.readouterr().out
    monkeypatch.setattr("plainnet.tabular.streaming.encoded.SMALL_BYTES", 0)
    assert run([*command, "--save", "2.npz"]) == 0
    assert "are read in pieces, again in each epoch" in capsys.readouterr().out
    kept, streamed = (pn.load(name).history for name in ("1.npz", "2.npz"))
    np.testing.assert_allclose(kept.validation_loss, streamed.validation_loss, rtol=0.05)


def test_rows_that_do_not_fit_are_read_in_pieces_by_themselves(monkeypatch, capsys):
    rows(1_000).write_parquet("t.parquet")
    monkeypatch.setattr("plainnet.tabular.memory.SMALL", 0)
    monkeypatch.setattr("plainnet.tabular.memory.free_memory", lambda: 200_000)
    assert run(["train", "t.parquet", "--target", "y", *QUICK]) == 0
    assert "rows to train on are" in capsys.readouterr().out


def test_notes_say_once_what_is_not_expected():
    files = written(rows(600), ".parquet")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", PlainnetWarning)
        prepare_stream(files, "y")
    texts = [str(one.message) for one in said]
    assert len(texts) == len(set(texts))
    assert sum("identifier" in text for text in texts) == 1
    assert sum("in every row" in text for text in texts) == 1


PEAK = """
import resource, sys
from plainnet.cli import run
status = run(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB")
sys.exit(status)
"""


@pytest.mark.slow
def test_a_streamed_training_takes_less_than_a_gigabyte():
    random = np.random.default_rng(0)
    Path("large").mkdir()
    for k in range(16):  # 2 GB as a table in memory
        x = random.normal(size=(500_000, 25)).astype(np.float32)
        columns = {f"x{i}": x[:, i] for i in range(24)} | {"c": random.integers(0, 20, 500_000).astype(str)}
        frame = pl.DataFrame(columns | {"y": 2 * x[:, 0] + x[:, 1] + x[:, 24]})
        frame.write_parquet(f"large/{k}.parquet", row_group_size=100_000)
    command = [sys.executable, "-c", PEAK, "train", "large", "--target", "y", "--stream", *QUICK]
    ended = subprocess.run(
        [*command, "--epochs", "1", "--batch-size", "4096"], capture_output=True, text=True, timeout=900
    )
    assert ended.returncode == 0, ended.stderr
    assert "read in pieces, again in each epoch" in ended.stdout
    peak = int(ended.stdout.split("peak ")[1].split()[0])
    assert peak < 1000
