"""The encoding "robust" of a table, held against RealMLP's formulas and the calendar of the standard library."""

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plainnet._base.arrays import Array
from plainnet.errors import InvalidValue, PlainnetWarning
from plainnet.tabular import FeatureGroups, Table, encodings
from plainnet.tabular.robust_scale import quartiles

QUIET = pytest.mark.filterwarnings("ignore:column .* (holds dates|holds times|missing values|training did not)")


def learned(target: str = "y", **columns: Any) -> Table:
    """Learn the robust table of some columns; the target is the number of the row unless it is given."""
    rows = len(next(iter(columns.values())))
    frame = pl.DataFrame({**columns, **({} if target in columns else {target: np.arange(float(rows))})})
    return Table.learn(frame, target, "regression", encoding="robust")


def scaled(x: Any) -> Array:
    """Robust scale and smooth clip as RealMLP's authors define them, of all rows."""
    x = np.asarray(x, float)
    q25, q50, q75 = np.quantile(x, [0.25, 0.5, 0.75])
    s = 1 / (q75 - q25) if q75 != q25 else 2 / (x.max() - x.min()) if x.max() != x.min() else 0.0
    z = s * (x - q50)
    return z / np.sqrt(1 + (z / 3) ** 2)


numbers = st.lists(
    st.sampled_from([0.0, 1.0, 2.5, -3.0, 1e4, 1e-5]) | st.floats(-1e6, 1e6).map(lambda x: round(x, 6)), min_size=2
)


@given(x=numbers.filter(lambda x: max(x) - min(x) > 1e-4))
def test_numbers_are_scaled_by_quartiles_and_clipped_smoothly(x: list[float]) -> None:
    table = learned(x=x)
    made = table.features(pl.DataFrame({"x": x}))
    low, high = np.quantile(x, [0.25, 0.75])
    if 0 < high - low < 1e-11 * max(-low, high):  # equal to rounding
        assert np.abs(made).max() <= 3
    else:
        np.testing.assert_allclose(made[:, 0], scaled(x), rtol=1e-6, atol=1e-9)
    assert table.groups == FeatureGroups(1, 0)


@pytest.mark.parametrize(
    "x",
    [
        [0.0, 0.0, 0.0, 0.0, 7.0],
        [-1.7e308, 0.0, 1.0, 1.7e308],
        [1e-310, 2e-310, 4e-310, 8e-310],
        [1e300, 1e300 + 1e285, 1e300 + 3e285],
        [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 5.0],
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_column_is_too_large_small_or_uneven(x: list[float], dtype: Any) -> None:
    table = learned(x=x)
    far = pl.DataFrame({"x": [*x, 1.7e308, -1.7e308]})
    made = table.features(far, dtype=dtype)[:, 0]
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 3
    assert (np.diff(made[np.argsort(far["x"].to_numpy())]) >= 0).all()
    assert np.ptp(made[: len(x)]) > 0.5


def test_categories_by_their_number() -> None:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "many": rng.choice([f"k{i:02}" for i in range(9)], 400),
        "x": rng.normal(size=400),
        "rare": rng.choice(["a", "b", "c"], 400, p=[0.05, 0.05, 0.9]),
        "two": rng.choice(["no", "yes"], 400, p=[0.4, 0.6]),
        "flag": rng.random(400) < 0.1,
    }
    table = learned(**columns)
    assert table.groups == FeatureGroups(numbers=1, plain=5, categories=(9,))
    assert table.feature_names == ("x", "rare=a", "rare=b", "rare=c", "two=no", "flag=false", "many")
    assert table.features_of_columns == ((6,), (0,), (1, 2, 3), (4,), (5,))
    made = table.features(pl.DataFrame(columns))
    expected = [
        scaled(columns["x"]),
        *(scaled(columns["rare"] == value) for value in "abc"),
        scaled(np.where(columns["two"] == "no", 1, -1)),
        scaled(np.where(columns["flag"], -1, 1)),
        [1 + int(value[1:]) for value in columns["many"]],
    ]
    np.testing.assert_allclose(made, np.column_stack(expected), atol=1e-12)
    assert np.unique(made[:, 1].round(3)).tolist() == [0, 1.664]  # a rare category


@QUIET
def test_what_is_missing_or_was_not_in_training() -> None:
    columns: dict[str, Any] = {
        "x": [1.0, 2.0, 4.0, None, 9.0, 3.0] * 10,
        "two": ["a", "b", None, "a", "b", "b"] * 10,
        "three": ["a", "b", None, "a", "c", "b"] * 10,
        "flag": [True, False, None, None, True, True] * 10,
        "many": [*"abcdefghi", None] * 6,
    }
    table = learned(**columns)
    assert table.feature_names == (
        *("x", "x missing"),
        *("two=a", "three=a", "three=b", "three=c", "flag=false", "many"),
    )
    known = np.array([1.0, 2, 4, 9, 3] * 10)
    present = np.array([x is not None for x in columns["x"]])
    two = np.array([{"a": 1, "b": -1, None: 0}[text] for text in columns["two"]])
    flag = np.array([{False: 1, True: -1, None: 0}[truth] for truth in columns["flag"]])
    made = table.features(pl.DataFrame(columns))
    np.testing.assert_allclose(made[present, 0], scaled(known), atol=1e-12)
    np.testing.assert_allclose(made[~present, 0], scaled(known).mean(), atol=1e-12)
    expected = [scaled(np.where(present, 1, -1)), scaled(two)]
    expected += [scaled(np.array(columns["three"]) == value) for value in "abc"]
    expected += [scaled(flag), np.array([0 if text is None else 1 + ord(text) - ord("a") for text in columns["many"]])]
    np.testing.assert_allclose(made[:, 1:], np.column_stack(expected), atol=1e-12)

    news = {"x": [None], "two": ["new"], "three": ["new"], "flag": [None], "many": ["new"]}
    missing = table.features(pl.DataFrame({name: [None] for name in news}))
    with pytest.warns(PlainnetWarning, match=r"column '(two|three|many)': 1 values that training did not have count"):
        np.testing.assert_array_equal(table.features(pl.DataFrame(news)), missing)
    assert missing[0, -1] == 0


@QUIET
@pytest.mark.parametrize(
    ("column", "missing", "unknown"),
    [([1.0, 2.0, 5.0], None, "the mean"), ([True, False, True], None, "unknown"), (["a", "b", "b"], None, "unknown")],
)
def test_missing_values_that_training_did_not_have_are_said(column: list[Any], missing: Any, unknown: str) -> None:
    table = learned(x=column * 5)
    frame = pl.DataFrame({"x": [missing, column[0]]}, schema={"x": pl.DataFrame({"x": column}).schema["x"]})
    with pytest.warns(PlainnetWarning, match=f"'x': 1 missing values, where training had none, count as {unknown}"):
        made = table.features(frame)
    expected = table.features(pl.DataFrame({"x": column * 5}))[:, 0].mean() if unknown == "the mean" else made[0, 0]
    assert made[0, 0] == pytest.approx(expected)


@QUIET
def test_a_constant_with_missing_values_is_a_mark_alone() -> None:
    table = learned(x=[3.0, None, 3.0, 3.0, None], z=[0.0, 1.0, 2.0, 3.0, 5.0])
    assert table.feature_names == ("z", "x missing")
    assert (
        table.features(pl.DataFrame({"x": [8.0], "z": [1.0]}))[0, 1]
        == table.features(pl.DataFrame({"x": [3.0], "z": [1.0]}))[0, 1]
    )


@QUIET
@given(st.lists(st.datetimes(dt.datetime(1582, 10, 15), dt.datetime(2400, 1, 1)), min_size=3, max_size=20, unique=True))
def test_dates_become_their_parts(times: list[dt.datetime]) -> None:
    times = [time.replace(microsecond=0) for time in times]
    values = pl.Series(times).dt.epoch("us").to_numpy() / 86400e6
    for part, expected in (
        (encodings.year, [time.year for time in times]),
        (encodings.month, [time.month for time in times]),
        (encodings.day_of_month, [time.day for time in times]),
        (encodings.weekday, [time.isoweekday() for time in times]),
    ):
        assert part(values).tolist() == expected
    hours = [time.hour + time.minute / 60 + time.second / 3600 for time in times]
    np.testing.assert_allclose(encodings.hour(values), hours, atol=1e-5)


def test_every_day_of_eight_hundred_years_has_its_date() -> None:
    first = dt.date(1600, 1, 1)
    days = [first + dt.timedelta(days=k) for k in range(292_194)]
    values = np.array([day.toordinal() for day in days], float) - dt.date(1970, 1, 1).toordinal() + 0.25
    np.testing.assert_array_equal(encodings.year(values), [day.year for day in days])
    np.testing.assert_array_equal(encodings.month(values), [day.month for day in days])
    np.testing.assert_array_equal(encodings.day_of_month(values), [day.day for day in days])
    np.testing.assert_array_equal(encodings.weekday(values), [day.isoweekday() for day in days])


@QUIET
def test_only_the_parts_that_vary_are_features() -> None:
    start = dt.datetime(2024, 3, 1)
    mornings = [start + dt.timedelta(days=int(k)) for k in np.arange(30)]
    table = learned(day=mornings)
    waves = [f"day: {part} {wave}" for part in ("day of month", "weekday") for wave in ("sine", "cosine")]
    assert table.feature_names == ("day", *waves)
    made = table.features(pl.DataFrame({"day": mornings}))
    np.testing.assert_allclose(made[:, 0], scaled(np.arange(30)), atol=1e-12)
    angle = 2 * np.pi * np.array([day.isoweekday() for day in mornings]) / 7
    np.testing.assert_allclose(made[:, 3:], np.column_stack([np.sin(angle), np.cos(angle)]), atol=1e-12)
    assert table.groups == FeatureGroups(5, 0)
    assert table.date_columns == ("day",)

    years = learned(day=[dt.date(year, 7, 4) for year in range(2000, 2020)])
    assert years.feature_names == ("day", "day: year", "day: weekday sine", "day: weekday cosine")
    clock = learned(at=[dt.time(hour, 30) for hour in (1, 5, 9, 20)])
    assert clock.feature_names == ("at", "at: hour sine", "at: hour cosine")
    missing = learned(day=[*mornings, None])
    assert missing.feature_names == ("day", *waves, "day missing")
    gap = missing.features(pl.DataFrame({"day": [None]}, schema={"day": pl.Datetime("us")}))
    np.testing.assert_allclose(gap[0, :-1], missing.features(pl.DataFrame({"day": mornings})).mean(axis=0)[:-1])


@QUIET
@given(data=st.data())
def test_a_row_counts_as_often_as_its_weight_says(data: st.DataObject) -> None:
    count = data.draw(st.integers(4, 12))
    cells = {
        "x": st.sampled_from([0.0, 1.0, 1.5, 7.0, None]),
        "flag": st.sampled_from([True, False, None]),
        "two": st.sampled_from(["a", "b", None]),
        "four": st.sampled_from(["a", "b", "c", "d", None]),
        "day": st.sampled_from([dt.date(2020, 1, 1), dt.date(2021, 5, 7), dt.date(2022, 5, 9), None]),
    }
    first: dict[str, list[Any]] = {"x": [0.0, 1.0], "flag": [True, False], "two": ["a", "b"], "four": ["a", "b"]}
    first["day"] = [dt.date(2020, 1, 1), dt.date(2022, 5, 9)]
    rows = {
        name: first[name] + data.draw(st.lists(cell, min_size=count, max_size=count)) for name, cell in cells.items()
    }
    frame = pl.DataFrame({**rows, "y": np.arange(count + 2.0)})
    weights = np.array([1, *data.draw(st.lists(st.integers(1, 4), min_size=count + 1, max_size=count + 1))])
    repeated = frame[np.repeat(np.arange(count + 2), weights).tolist()]
    of_weights, of_copies, unweighted, of_ones = (
        Table.learn(rows, "y", "regression", encoding="robust", sample_weight=w).features(frame)
        for rows, w in ((frame, weights * 0.1), (repeated, None), (frame, None), (frame, np.ones(count + 2)))
    )
    np.testing.assert_allclose(of_weights, of_copies, atol=1e-9)
    np.testing.assert_allclose(of_ones, unweighted, atol=1e-9)


def test_quartiles_without_weights_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=101)
    np.testing.assert_allclose(quartiles(values, np.full(101, 0.3), 0.3), np.quantile(values, [0.25, 0.5, 0.75]))


def test_identifiers_are_left_out_and_many_categories_are_not() -> None:
    rows = 6000
    many = [f"c{k % 2500}" for k in range(rows)]
    frame = pl.DataFrame({"many": many, "id": [f"u{k}" for k in range(rows)], "y": np.arange(float(rows))})
    with pytest.warns(PlainnetWarning, match="'id' is left out: it looks like an identifier"):
        table = Table.learn(frame, "y", "regression", encoding="robust")
    assert table.groups == FeatureGroups(0, 0, (2500,))
    assert table.features(frame[:3], dtype=np.float32).tolist() == [[many_place(k)] for k in range(3)]


def many_place(k: int) -> float:
    return 1.0 + sorted(f"c{i}" for i in range(2500)).index(f"c{k}")


def test_the_largest_one_hot_is_a_setting() -> None:
    frame = pl.DataFrame({"x": list("abc") * 4, "two": list("ab") * 6, "y": np.arange(12.0)})
    sizes = {
        most: Table.learn(frame, "y", "regression", encoding="robust", largest_one_hot=most).groups
        for most in (0, 2, 3)
    }
    assert sizes == {0: FeatureGroups(0, 1, (3,)), 2: FeatureGroups(0, 1, (3,)), 3: FeatureGroups(0, 4)}
    with pytest.raises(InvalidValue, match="largest_one_hot is -1; it takes a whole number of at least 0"):
        Table.learn(frame, "y", "regression", largest_one_hot=-1)
    with pytest.raises(InvalidValue, match="encoding is 'quantile'"):
        Table.learn(frame, "y", "regression", encoding="quantile")  # type: ignore[arg-type]


def test_predictions_stay_in_the_range_of_the_training_targets() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [10.0, 20.0, 60.0]})
    robust, standard = (Table.learn(frame, "y", "regression", encoding=name) for name in ("robust", "standard"))
    outputs = np.array([[-9.0], [0.0], [9.0]])
    assert robust.decode(outputs).tolist() == [10.0, 30.0, 60.0]
    assert robust.predictions(outputs)["prediction"].to_list() == [10.0, 30.0, 60.0]
    assert standard.decode(outputs)[0] < 0
    later = pl.DataFrame({"x": [1.0], "y": [1000.0]})  # a true value is not clipped
    assert robust.target.stated(robust.targets(later)).tolist() == pytest.approx([1000.0])
    assert Table.from_dict(json.loads(json.dumps(robust.to_dict()))) == robust
    with pytest.raises(InvalidValue, match="limits of target 'y'"):
        Table.from_dict({**robust.to_dict(), "target": {**robust.to_dict()["target"], "limits": [3.0, 1.0]}})


def mixed() -> Table:
    return learned(
        day=[dt.date(2020, 1, 31), dt.date(2021, 5, 7), dt.date(2022, 5, 9), None] * 3,
        flag=[True, False, None, True] * 3,
        two=["a", "b", None, "a"] * 3,
        three=["a", "b", "c", None] * 3,
        many=[*"abcdefghi", None, "a", "b"],
    )


@QUIET
def test_a_table_of_every_kind_survives_json() -> None:
    table = mixed()
    again = Table.from_dict(json.loads(json.dumps(table.to_dict(), allow_nan=False)))
    assert (again, again.groups, again.feature_names) == (table, table.groups, table.feature_names)
    assert {column.entry for column in table.columns} == {
        *("robust number", "robust boolean", "two categories", "robust category", "coded category")
    }


@QUIET
@pytest.mark.parametrize(
    ("place", "field", "value"),
    [
        (0, "parts", ["value", "second"]),
        (0, "parts", ["value", "value"]),
        (0, "parts", []),
        (0, "means", [0.0]),
        (0, "means", [math.nan] * 8),
        (0, "spread", 0.0),
        (0, "year_spread", -1.0),
        (0, "center", "1"),
        (0, "mark", []),
        (0, "missing", False),
        (1, "encoded", [1.0, 0.0]),
        (1, "encoded", 1.0),
        (2, "values", ["a"]),
        (2, "encoded", [1.0, 0.0, math.inf]),
        (3, "on", [1.0]),
        (3, "off", ["0", "0", "0"]),
        (4, "values", ["b", "a"]),
    ],
)
def test_an_altered_column_is_refused(place: int, field: str, value: Any) -> None:
    data = mixed().to_dict()
    assert field in data["columns"][place]
    data["columns"][place][field] = value
    with pytest.raises(InvalidValue):
        Table.from_dict(data)


@QUIET
def test_values_of_another_kind_are_refused_as_in_the_standard_encoding() -> None:
    table = mixed()
    frame = pl.DataFrame({name: [None] for name in table.column_names})
    for name, values, message in (
        ("day", ["monday"], "'day' holds text where training had numbers"),
        ("flag", [2.5], "'flag' holds numbers where training had true and false"),
        ("many", [2.5], "'many' holds numbers where training had text"),
        ("day", [math.inf], "'day' holds inf; numbers must be finite"),
    ):
        with pytest.raises(InvalidValue, match=message):
            table.features(frame.with_columns(pl.Series(name, values)))
    with pytest.raises(InvalidValue, match="lacks the column 'two'"):
        table.features(frame.drop("two"))


@QUIET
@pytest.mark.needs("plots")
def test_a_report_moves_all_parts_of_a_date_and_shows_numbers_in_their_own_units() -> None:
    from plainnet import Dense, Network
    from plainnet.report import of_table, report_html

    rng = np.random.default_rng(0)
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=int(k)) for k in rng.integers(0, 900, 60)]
    frame = pl.DataFrame({"day": days, "x": rng.standard_cauchy(60) * 100, "y": np.append(rng.normal(size=59), 50.0)})
    table = Table.learn(frame[:-1], "y", "regression", encoding="robust")
    net = Network(Dense(4, "tanh"), Dense(1), input_size=len(table.feature_names), seed=1)
    net.fit(table.features(frame), table.targets(frame), loss="mse", epochs=2)
    net.table = table.to_dict()
    subject = of_table(net, table, frame, title="t", rows_are="")
    day, x = subject.inputs
    tried = frame[:9]
    encoded = table.features(tried)
    np.testing.assert_allclose(day.encode(day.own[:9]), encoded[:, day.features])
    np.testing.assert_allclose(x.encode(x.own[:9]), encoded[:, x.features])
    to_own, to_feature = subject.scales[x.features[0]]
    np.testing.assert_allclose(to_own(encoded[:, x.features[0]]), x.own[:9], rtol=1e-6)
    np.testing.assert_allclose(to_feature(x.own[:9]), encoded[:, x.features[0]], rtol=1e-6)
    assert subject.true[-1, 0] == pytest.approx(50)  # beyond the training targets, and said so
    assert "What it predicts" in report_html(subject)
