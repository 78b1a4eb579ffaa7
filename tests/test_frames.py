"""Rows of a table from memory: frames of pandas and polars and lists of dicts say what the same rows of a file say."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import plainnet as pn
from plainnet.errors import InvalidType, InvalidValue, PlainnetWarning
from plainnet.tabular.fitting import fit_table
from plainnet.tabular.frames import raw_table_of
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import prepare
from plainnet.tabular.problem import divide, problem_of_file
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.reading import read_table
from plainnet.tabular.recipe import RECIPES
from plainnet.tabular.sources import named

rng = np.random.default_rng(0)
COUNT = 120
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 300, COUNT)]
ROWS = pl.DataFrame(
    {
        "size": np.where(rng.random(COUNT) < 0.1, np.nan, rng.normal(size=COUNT).round(3)),
        "zip": rng.choice([10115, 20095, 80331], COUNT),
        "color": rng.choice(["red", "blue", "green"], COUNT),
        "sold": rng.random(COUNT) < 0.5,
        "day": DAYS,
    },
    nan_to_null=True,
).with_columns(price=pl.col("size").fill_null(0) * 3 + (pl.col("color") == "red") * 2 + 10.5)


def trained(path, target, task):
    recipe = RECIPES["small"].varied(epochs=3)
    ignore = {"price", "color"} - {target} if task == "classification" else ()
    options = ReadOptions(columns={"zip": "category", "day": "date"})
    problem = problem_of_file(path, target, task=task, options=options, ignore=ignore)
    prepared = prepare(problem, divide(problem, Division(Share(0.0), Share(0.2), 0), 0), recipe)
    return fit_table(prepared, recipe, seed=0).net


@pytest.fixture(scope="module", params=[("price", "regression"), ("color", "classification")], ids=lambda p: p[0])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    ROWS.write_csv(folder / "rows.csv")
    trained(folder / "rows.csv", *request.param).save(folder / "model.npz")
    return pn.load(folder / "model.npz"), folder / "rows.csv"


def as_pandas(frame):
    return pd.DataFrame(frame.to_dict(as_series=False))


FORMS = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "pandas": as_pandas,
    "nullable": lambda frame: as_pandas(frame).convert_dtypes(),
    "categorical": lambda frame: as_pandas(frame).astype({"color": "category", "zip": "category"}),
    "text": lambda frame: as_pandas(frame).astype({"zip": str, "size": object, "day": str}),
    "timestamps": lambda frame: as_pandas(frame).assign(day=lambda f: pd.to_datetime(f.day).dt.tz_localize("UTC")),
    "dicts": lambda frame: frame.to_dicts(),
    "another order": lambda frame: frame[frame.columns[::-1]].with_columns(more=pl.lit([1, 2])),
    "objects beside": lambda frame: as_pandas(frame).assign(more=[{}, 1] * (COUNT // 2)),
}


@pytest.mark.parametrize("form", FORMS)
def test_frames_and_dicts_predict_what_their_file_does(model, form):
    net, path = model
    np.testing.assert_array_equal(net.predict(FORMS[form](ROWS)), net.predict(path))
    np.testing.assert_array_equal(net.logits(FORMS[form](ROWS)), net.logits(str(path)))
    table = pn.tabular.Table.from_dict(net.table)
    features = table.features(table.read(path), dtype=net.dtype)
    np.testing.assert_allclose(net.predict(features), net.predict(path), rtol=1e-6)
    np.testing.assert_array_equal(net.predict_labels(FORMS[form](ROWS)), table.decode(net.predict(path)))


def test_labels_are_classes_or_quantities_in_their_own_units(model):
    net, path = model
    labels = net.predict_labels(path)
    if net.table["target"]["kind"] == "classification":
        assert set(labels) <= {"red", "blue", "green"}
    else:
        assert 5 < labels.mean() < 15
    assert labels.shape == (COUNT,)


def test_what_training_did_not_have_is_said(model):
    net, _ = model
    row = {"size": 1.0, "zip": 99999, "color": "red", "sold": True, "day": "2024-05-01"}
    with pytest.warns(PlainnetWarning, match="column 'zip': 1 values that training did not have"):
        net.predict([row])
    with pytest.raises(InvalidValue, match="the table lacks the column 'day'; it has: size, zip, color, sold"):
        net.predict([{name: value for name, value in row.items() if name != "day"}])
    with pytest.raises(InvalidValue, match=r"'size' holds .*'big'"):
        net.predict([{**row, "size": "big"}, {**row, "size": 3}])
    with pytest.raises(InvalidValue, match=r"'size'.*'big'"):
        net.predict(pd.DataFrame([{**row, "size": "big"}]))
    with pytest.raises(InvalidValue, match="row 2: column 'size' holds inf"):
        net.predict([row, {**row, "size": np.inf}])
    with pytest.raises(InvalidType, match=r"the table is a dict; .*a list of one dict is one row"):
        pn.tabular.Table.from_dict(net.table).read(row)
    with pytest.raises(InvalidValue, match="the table has no rows"):
        net.predict(ROWS[:0])
    with pytest.raises(ValueError, match="does not exist"):
        net.predict("nowhere.csv")


def test_a_network_of_arrays_says_that_it_knows_no_table():
    net = pn.Network(pn.Dense(2, "softmax"), input_size=2, seed=0)
    for given in ("rows.csv", [{"a": 1.0, "b": 2.0}]):
        with pytest.raises(InvalidType, match="trained on arrays, so it knows no columns"):
            net.predict(given)
    numbers = [[1.0, 2.0], [3.0, 0.0]]
    np.testing.assert_array_equal(net.predict(pl.DataFrame(numbers, orient="row")), net.predict(numbers))
    with pytest.raises(InvalidValue, match=r"knows no labels: net.classes takes"):
        net.predict_labels(numbers)
    net.classes = ["a", "b", "c"]
    with pytest.raises(InvalidValue, match="3 labels and the network 2 outputs"):
        net.predict_labels(numbers)


def test_a_single_output_means_the_second_of_two_labels():
    net = pn.Network(pn.Dense(1, "sigmoid"), input_size=1, seed=0)
    net.layers[0].weights = [[1.0]]
    net.classes = [False, True]
    assert net.predict_labels([[-1.0], [2.0]]).tolist() == [False, True]


VALUES = {
    "none": ([None, None], pl.Null, [None, None]),
    "numbers": ([1, 2.5, None, float("nan"), Decimal("1.5")], pl.Float64, [1, 2.5, None, None, 1.5]),
    "whole": ([1, np.int8(3), pd.NA], pl.Int64, [1, 3, None]),
    "huge": ([2**70, None], pl.String, [str(2**70), None]),
    "flags": ([True, np.False_, None], pl.Boolean, [True, False, None]),
    "text": (["a", " ", None], pl.String, ["a", None, None]),
    "days": (
        [dt.date(2024, 1, 2), dt.datetime(2024, 1, 2, 3), np.datetime64("2024-01-02"), pd.NaT],
        pl.Datetime("us"),
        [dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 2, 3), dt.datetime(2024, 1, 2), None],
    ),
    "zones": (
        [pd.Timestamp("2024-01-02 03:00", tz="Asia/Tokyo"), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)],
        pl.Datetime("us"),
        [dt.datetime(2024, 1, 1, 18), dt.datetime(2024, 1, 2)],
    ),
    "times": ([dt.time(3, 4), None], pl.Time, [dt.time(3, 4), None]),
}


@pytest.mark.parametrize("name", VALUES)
def test_objects_of_one_kind_become_a_column(name):
    values, dtype, expected = VALUES[name]
    for data in ([{"a": value} for value in values], pd.DataFrame({"a": pd.Series(values, dtype=object)})):
        column = raw_table_of(data).frame.to_series(0).fill_nan(None) if name == "numbers" else None
        column = raw_table_of(data).frame.to_series(0) if column is None else column
        assert (column.dtype, column.to_list()) == (dtype, expected)


@pytest.mark.parametrize(
    ("values", "naming"),
    [
        ([1, "x"], r"'a' holds a number \(1\) in row 1 and text \('x'\) in row 2; .*of one kind"),
        ([None, True, 2.0], r"'a' holds a boolean \(True\) in row 2 and a number \(2.0\) in row 3"),
        (["x", [1]], r"row 2: column 'a' holds \[1\] of type list"),
        ([b"x"], r"row 1: column 'a' holds b'x' of type bytes"),
    ],
)
def test_objects_of_several_kinds_are_refused_by_the_name_of_their_column(values, naming):
    with pytest.raises((InvalidValue, InvalidType), match=naming):
        read_table(pd.DataFrame({"a": pd.Series(values, dtype=object)}))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.array([1, None], dtype="Int64"), [1.0, None]),
        (pd.array([2**40, None], dtype="UInt64"), [2.0**40, None]),
        (pd.array([1.5, None], dtype="Float32"), [1.5, None]),
        (pd.array([True, None], dtype="boolean"), [True, None]),
        (pd.array(["a", None], dtype="string"), ["a", None]),
        (pd.Categorical([3, None]), ["3", None]),
        (pd.Categorical([True, False]), ["true", "false"]),
        (pd.cut([1, 9], [0, 5, 10]), ["(0, 5]", "(5, 10]"]),
        (pd.arrays.SparseArray([0.0, 1.0]), [0.0, 1.0]),
        (np.array([1, 2], np.float16), [1.0, 2.0]),
        (np.array([1, 2], np.longdouble), [1.0, 2.0]),
    ],
)
def test_types_of_pandas_and_numpy(column, expected):
    assert read_table(pd.DataFrame({"a": column}))["a"].to_list() == expected


@pytest.mark.parametrize("column", [np.array([1 + 2j]), pd.to_timedelta([1], unit="h")])
def test_types_that_no_table_has_are_refused(column):
    with pytest.raises((InvalidType, InvalidValue), match=r"column 'a' is of type .*; a table takes numbers, booleans"):
        read_table(pd.DataFrame({"a": column}))


def test_names_of_a_frame():
    assert read_table(pd.DataFrame([[1, 2.5], [3, 4]], columns=[3, 5])).columns == ["3", "5"]  # no first line of a file
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.warns(PlainnetWarning, match=r"the table: 2 columns are named 'a'; they are known as 'a', 'a\.1'"):
        assert read_table(twice).columns == ["a", "a.1"]


def test_messages_name_files_and_no_rows_of_a_table_in_memory():
    rows = [{"x": 1.0}, {"x": 2.0}]
    assert named(rows) == named(pl.DataFrame(rows)) == "the table"
    assert named("a.csv") == named(["a.csv"]) == "a.csv"
    assert named(["a.csv", "b.csv", "c.csv"]) == "a.csv and 2 more"
