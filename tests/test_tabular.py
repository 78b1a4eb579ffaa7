"""Tables: files to frames, frames to features and targets, outputs back to labels and units."""

import csv
import io
import json
import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared import PENGUINS

from plainnet.errors import FileError, InvalidType, InvalidValue, MissingExtraError, PlainnetWarning
from plainnet.tabular import Table, decide_task, drop_missing_targets, read_table, split, write_table


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Reading


def test_penguins_have_the_kinds_and_counts_that_are_published() -> None:
    frame = read_table(PENGUINS)
    measurements = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    assert frame.shape == (344, 8)
    assert {name for name, dtype in frame.schema.items() if dtype == pl.String} == {"species", "island", "sex"}
    assert all(frame.schema[name] == pl.Float64 for name in (*measurements, "year"))
    assert {name: frame[name].null_count() for name in frame.columns} == {
        "species": 0,
        "island": 0,
        **dict.fromkeys(measurements, 2),
        "sex": 11,
        "year": 0,
    }
    assert dict(frame["species"].value_counts().iter_rows()) == {"Adelie": 152, "Chinstrap": 68, "Gentoo": 124}
    means = np.nanmean(frame.select(measurements).to_numpy(), axis=0)
    np.testing.assert_allclose(means, [43.92, 17.15, 200.9, 4202], rtol=2e-4)  # summary() of palmerpenguins


fields = st.text(st.sampled_from("ab \",;\t|\n\r'é日0"), max_size=6)


@given(
    rows=st.lists(st.tuples(fields, fields), min_size=1, max_size=8),
    separator=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
@example(rows=[("", "0\r\r\n0")], separator=",", line_end="\n")
def test_text_reads_as_the_standard_librarys_csv_wrote_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], separator: str, line_end: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(
        [("first", "second"), *rows]
    )
    path = written(tmp_path_factory.mktemp("csv"), text.getvalue())
    frame = read_table(path, categories=["first", "second"])
    expected = [tuple(value.strip() or None for value in row) for row in rows]
    assert frame.rows() == expected


@settings(deadline=None)
@given(content=st.one_of(st.binary(max_size=60), st.text(st.sampled_from('ab1,;"\n\r .'), max_size=60).map(str.encode)))
def test_any_content_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for name in ("table.csv", "table.parquet"):
        path = written(tmp_path_factory.mktemp("any"), content, name)
        try:
            with warnings.catch_warnings(action="ignore", category=PlainnetWarning):
                frame = read_table(path)
        except InvalidValue:
            continue
        assert frame.height > 0
        assert set(frame.dtypes) <= {pl.Float64, pl.Boolean, pl.String}


@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1,a\n2,b\n",
        "x,y\n1,a\n2,b",
        "x,y\r\n1,a\r\n2,b\r\n",
        "x,y\r1,a\r2,b\r",
        "\ufeffx,y\n1,a\n2,b\n",
        "\n\nx,y\n\n1,a\n\r\n2,b\n\n\n",
        'x,"y"\n"1",a\n 2 ,"b"\n',
        "x;y\n1;a\n2;b\n",
        "x\ty\n1\ta\n2\tb\n",
        "x|y\n1|a\n2|b\n",
        '"x";y\n1;a\n"2";b\n',
    ],
)
@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.TXT"])
def test_line_ends_blank_lines_quotes_and_separators_change_nothing(tmp_path: Path, content: str, name: str) -> None:
    assert read_table(written(tmp_path, content, name)).to_dict(as_series=False) == {
        "x": [1.0, 2.0],
        "y": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2.5", "+3e2", ".5"], [1.0, -2.5, 300.0, 0.5]),
        (["1", "", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"], [1.0, *[None] * 9]),
        (["true", "FALSE", "True", ""], [True, False, True, None]),
        (["true", "false", "maybe"], ["true", "false", "maybe"]),
        (["red", " blue ", "?"], ["red", "blue", None]),
        (["", "NA"], [None, None]),
    ],
)
def test_a_columns_kind_follows_from_all_its_values(tmp_path: Path, values: list[str], expected: list[Any]) -> None:
    path = written(tmp_path, "x,other\n" + "".join(f"{value},a\n" for value in values))
    column = read_table(path)["x"].to_list()
    assert column == expected
    assert [type(value) for value in column] == [type(value) for value in expected]


def test_a_kind_is_not_decided_by_the_first_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "x,y\n" + "1,2\n" * 5000 + "1.5,2\n" + "?,oops\n")
    with pytest.raises(InvalidValue, match=r"line 5003: column 'y' holds 'oops'.*--categories y"):
        read_table(path)
    assert read_table(path, categories=["y"])["x"][5000] == 1.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("x,y\n", "has a header and no rows"),
        ("x,y\n1,2\n3\n", "line 3: 1 field where the header has 2"),
        ("x,y\n1,2\n3,4,5\n6\n", "line 3: 3 fields where the header has 2"),
        ('x,y\n"a\nb",2\n\n3,4,5\n', "line 5: 3 fields where the header has 2"),
        ('x,y\n1,2\n5" nail,3\n', "line 3: a quotation mark is out of place"),
        ('x,y\n1,2\n5" nail,3\n6" nail,4\n', "line 3: a quotation mark is out of place"),
        ('x,y\n1,2\n3,"4\n', "line 3: a quotation mark is out of place"),
        ('x,y\n1,2\n"a,3\n"b",4\n', "line 3: a quotation mark is out of place"),
        ('x,y\n1,2\n"3" ,4\n', "line 3: a quotation mark is out of place"),
        ('x,"y\n1,2\n', "line 1: a quotation mark is out of place"),
        ("x,y\né,ü\n".encode() + b"2,\xe9\n", "line 3: byte 0xe9 is not UTF-8"),
        ("x,y\n1,a\n".encode("utf-16-le"), "is not UTF-8 text"),
        ("x,y\n1,a\n2,b\n3,4\n", "line 4: column 'y' holds '4', a number among text"),
        ('x,y\n"1",\n"\n",\nfoo,\n2,\n', "line 5: column 'x' holds 'foo', text among numbers"),
        ("x,y\n1,2\n-inf,2\n", "line 3: column 'x' holds -inf"),
        ("x,y\n1,2\n1e999,2\n", "line 3: column 'x' holds inf"),
    ],
)
def test_a_text_table_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InvalidValue, match=message) as refusal:
        read_table(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    parquet = tmp_path / "table.parquet"
    pl.DataFrame({"x": [1.0, 2.0]}).write_parquet(parquet)
    content = parquet.read_bytes()
    for path, message in [
        (tmp_path / "absent.csv", "does not exist"),
        (tmp_path, "is a directory"),
        (written(tmp_path, "x,y\n1,2\n", "table.ods"), "cannot be read as a workbook"),
        (written(tmp_path, "x,y\n1,2\n", "table.doc"), "ending '.doc'"),
        (written(tmp_path, content, "parquet.csv"), "is a Parquet file"),
        (written(tmp_path, "x,y\n1,2\n", "csv.parquet"), "is not a Parquet file"),
        (written(tmp_path, content[:-20], "short.parquet"), "cut off"),
        (written(tmp_path, content[:-9] + b"\xff" + content[-8:], "damaged.parquet"), "damaged"),
        (written(tmp_path, "", "empty.pq"), "is empty"),
    ]:
        with pytest.raises(FileError, match=message) as refusal:
            read_table(path)
        assert str(path) in str(refusal.value)
    with pytest.raises(InvalidType, match="the table is of type int; it takes a frame"):
        read_table(3)  # type: ignore[arg-type]


def test_names_of_columns_that_are_not_there_get_the_closest_one(tmp_path: Path) -> None:
    path = written(tmp_path, "height,weight\n1,2\n")
    with pytest.raises(InvalidValue, match=r"categories names 'heigth'.*did you mean 'height'"):
        read_table(path, categories=["heigth"])
    with pytest.raises(InvalidValue, match=r"ignore names 'wait'.*did you mean 'weight'"):
        read_table(path, ignore=["wait"])
    with pytest.raises(InvalidType, match=r"ignore is 'weight'; it takes a list of column names"):
        read_table(path, ignore="weight")


def test_parquet_types_become_the_three_kinds(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame(
        {
            "int": pl.Series([1, None, 3], dtype=pl.Int16),
            "float": pl.Series([1.5, math.nan, None], dtype=pl.Float32),
            "decimal": pl.Series(["1.25", "2", "3"]).cast(pl.Decimal(10, 2)),
            "bool": [True, None, False],
            "text": ["1", "NA", None],
            "categorical": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
            "enum": pl.Series(["b", None, "a"], dtype=pl.Enum(["b", "a"])),
            "nothing": [None, None, None],
            "date": pl.Series([0, 1, 2], dtype=pl.Date),
        }
    ).write_parquet(path)
    with pytest.warns(PlainnetWarning, match=r"'date' holds dates \('1970-01-01'\).*days since 1970-01-01"):
        frame = read_table(path)
    assert frame.to_dict(as_series=False) == {
        "int": [1.0, None, 3.0],
        "float": [1.5, None, None],
        "decimal": [1.25, 2.0, 3.0],
        "bool": [True, None, False],
        "text": ["1", "NA", None],
        "categorical": ["a", "b", "a"],
        "enum": ["b", None, "a"],
        "nothing": [None, None, None],
        "date": [0.0, 1.0, 2.0],
    }
    as_categories = read_table(path, ignore=["date"], categories=["int", "float", "bool"])
    assert as_categories.select("int", "float", "bool").rows() == [
        ("1", "1.5", "true"),
        (None, None, None),
        ("3", None, "false"),
    ]
    pl.DataFrame({"x": [1.0], "took": pl.Series([1], dtype=pl.Duration)}).write_parquet(path)
    with pytest.raises(InvalidValue, match=r"column 'took' is of type Duration.*--ignore took"):
        read_table(path)


def test_an_ignored_column_may_hold_anything(tmp_path: Path) -> None:
    path = written(tmp_path, "x,mixed\n1,2\n2,a\n3,inf\n")
    assert read_table(path, ignore=["mixed"]).columns == ["x"]


def test_without_polars_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"plainnet\[tables\]"):
        read_table(PENGUINS)


def test_polars_is_imported_only_where_it_is_used() -> None:
    check = "import sys, plainnet.tabular; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


# Writing


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.txt", "out.parquet", "out.pq"])
def test_what_is_written_reads_back_equal(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"x": [1 / 3, None, 1e-300], "y": [True, False, None], "z": ['a "b", c', "d\ne", None]})
    write_table(tmp_path / name, frame)
    assert read_table(tmp_path / name).equals(frame)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_failed_write_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, "old", "out.csv")
    with pytest.raises(InvalidValue, match="column 'nested' holds List"):
        write_table(path, pl.DataFrame({"nested": [[1], [2]]}))
    assert path.read_text() == "old"
    parquet = written(tmp_path, "old", "out.parquet")
    with pytest.raises(pl.exceptions.PolarsError):
        write_table(parquet, pl.DataFrame({"object": pl.Series([object()], dtype=pl.Object)}))
    assert parquet.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [path, parquet]
    with pytest.raises(FileError, match="there is no folder"):
        write_table(tmp_path / "absent" / "out.csv", pl.DataFrame({"x": [1]}))
    with pytest.raises(FileError, match=r"ending '.xlsx'"):
        write_table(tmp_path / "out.xlsx", pl.DataFrame({"x": [1]}))


# The task


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        (["a", "b", "a"], None, "classification"),
        ([True, False, None], None, "classification"),
        ([3, 7, 7], None, "classification"),
        (list(range(10)), None, "classification"),
        (list(range(11)), None, "regression"),
        ([0.5, 1.0, 2.0], None, "regression"),
        ([3, 7, 7], "regression", "regression"),
        (list(range(100)), "classification", "classification"),
    ],
)
def test_the_task_follows_from_the_target_unless_it_is_given(
    values: list[Any], task: str | None, expected: str
) -> None:
    assert decide_task(pl.DataFrame({"y": values}), "y", task) == expected


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([None, None], None, "'y' is missing in every row"),
        ([math.nan, None], None, "'y' is missing in every row"),
        (["a", "a", None], None, "'y' is 'a' in every row"),
        ([2.0, 2.0], "regression", "'y' is 2.0 in every row"),
        (["a", "b"], "regression", "'y' holds 'a', which is no number"),
        ([True, False], "regression", "'y' holds True, which is no number"),
        ([0.5, 1.0], "classification", "numbers that are not whole.*task='regression'"),
        (list(range(101)), "classification", "101 different numbers.*--categories y"),
        ([1, 2], "clustering", "task is 'clustering'"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(values: list[Any], task: str | None, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        decide_task(pl.DataFrame({"y": values}, strict=False), "y", task)


def test_an_unknown_target_gets_the_closest_column() -> None:
    for function in (decide_task, drop_missing_targets):
        with pytest.raises(InvalidValue, match=r"target is 'specie'.*did you mean 'species'"):
            function(pl.DataFrame({"species": ["a", "b"], "x": [1, 2]}), "specie")


def test_rows_without_a_target_are_dropped_and_counted() -> None:
    frame, dropped = drop_missing_targets(pl.DataFrame({"y": [1.0, math.nan, None, 2.0], "x": [1, 2, 3, 4]}), "y")
    assert (frame["x"].to_list(), dropped) == ([1, 4], 2)


# The split


@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=6).filter(lambda sizes: max(sizes) > 1),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 100),
)
def test_a_stratified_split_takes_each_class_its_share(sizes: list[int], fraction: float, seed: int) -> None:
    labels = [name for name, size in zip("abcdef", sizes, strict=False) for _ in range(size)]
    random = np.random.default_rng(seed)
    frame = pl.DataFrame({"y": labels})[random.permutation(len(labels))]
    training, validation = split(frame, "y", "classification", fraction, random)

    assert sorted([*training, *validation]) == list(range(len(labels)))
    assert set(frame["y"][training]) == set(labels)
    can_give = len(labels) - len(sizes)
    assert len(validation) == min(max(1, round(fraction * len(labels))), can_give)
    if min(sizes) * (1 - fraction) >= 1:  # no class is held back by the row that it keeps
        for name, size in zip("abcdef", sizes, strict=False):
            assert abs(frame["y"][validation].to_list().count(name) - fraction * size) <= 1


@given(rows=st.integers(2, 200), fraction=st.floats(0.01, 0.99))
def test_a_split_for_regression_takes_the_fraction_and_never_all(rows: int, fraction: float) -> None:
    frame = pl.DataFrame({"y": np.arange(rows, dtype=float)})
    training, validation = split(frame, "y", "regression", fraction, np.random.default_rng(0))
    assert sorted([*training, *validation]) == list(range(rows))
    assert len(validation) == min(max(1, round(fraction * rows)), rows - 1)


def test_a_split_is_random_and_repeats_with_its_generator() -> None:
    frame = read_table(PENGUINS)
    parts = [
        split(frame, "species", "classification", 0.2, np.random.default_rng(seed))[1].tolist() for seed in (1, 1, 2)
    ]
    assert parts[0] == parts[1] != parts[2]
    counts = dict(frame[parts[0]]["species"].value_counts().iter_rows())
    assert counts == {"Adelie": 30, "Chinstrap": 14, "Gentoo": 25}  # 0.2 of 152, 68, 124: 30.4, 13.6, 24.8


def test_a_split_that_cannot_be_made_is_refused() -> None:
    random = np.random.default_rng(0)
    singles, two = pl.DataFrame({"y": ["a", "b", "c"]}), pl.DataFrame({"y": [1.0, None]})
    with pytest.raises(InvalidValue, match="a class with two rows"):
        split(singles, "y", "classification", 0.5, random)
    with pytest.raises(InvalidValue, match="two rows"):
        split(two[:1], "y", "regression", 0.5, random)
    with pytest.raises(InvalidValue, match="missing in 1 rows"):
        split(two, "y", "regression", 0.5, random)
    with pytest.raises(InvalidValue, match="fraction is 1"):
        split(singles, "y", "classification", 1.0, random)


# Features

numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """A frame of 3 to 12 rows with a column of each kind that has two known values, and a target."""
    rows = draw(st.integers(3, 12))

    def column(values: st.SearchStrategy[Any], first: list[Any]) -> list[Any]:
        rest = st.one_of(values, st.none()) if draw(st.booleans()) else values
        return [*first, *draw(st.lists(rest, min_size=rows - 2, max_size=rows - 2))]

    return pl.DataFrame(
        {
            "number": column(numbers, [0.0, 1.0]),
            "boolean": column(st.booleans(), [True, False]),
            "category": column(st.sampled_from(["b", "a", "é", "B", ""]), ["b", "a"]),
            "target": column(numbers, [0.0, 1.0]),
        }
    )


@given(frame=frames())
def test_features_are_the_standardized_and_one_hot_values(frame: pl.DataFrame) -> None:
    frame, _ = drop_missing_targets(frame, "target")
    table = Table.learn(frame, "target", "regression")

    number = np.array(frame["number"].to_list(), dtype=float)
    boolean = np.array([math.nan if value is None else float(value) for value in frame["boolean"]])
    text = frame["category"].to_list()
    expected = [np.nan_to_num((number - np.nanmean(number)) / np.nanstd(number))]
    names = ["number"]
    if np.isnan(number).any():
        expected.append(np.isnan(number))
        names.append("number missing")
    expected.append(np.where(np.isnan(boolean), np.nanmean(boolean), boolean))
    names.append("boolean")
    if np.isnan(boolean).any():
        expected.append(np.isnan(boolean))
        names.append("boolean missing")
    for value in sorted({value for value in text if value is not None}):
        expected.append(np.array([other == value for other in text]))
        names.append(f"category={value}")
    if None in text:
        expected.append(np.array([value is None for value in text]))
        names.append("category missing")

    features = table.features(frame)
    assert table.feature_names == tuple(names)
    assert features.dtype == np.float64
    np.testing.assert_allclose(features, np.column_stack(expected), rtol=1e-9, atol=1e-9)

    y = frame["target"].to_numpy()
    np.testing.assert_allclose(table.targets(frame), ((y - y.mean()) / y.std())[:, None], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(table.decode(table.targets(frame)), y, rtol=1e-9, atol=1e-6)


@given(frame=frames(), task=st.sampled_from(["number", "boolean", "category"]), seed=st.integers(0, 9))
def test_a_table_survives_json_and_the_order_of_columns(frame: pl.DataFrame, task: str, seed: int) -> None:
    frame, _ = drop_missing_targets(frame, task)
    table = Table.learn(frame, task, "regression" if task == "number" else "classification")
    again = Table.from_dict(json.loads(json.dumps(table.to_dict(), allow_nan=False)))
    assert again == table
    shuffled = frame.select(np.random.default_rng(seed).permutation(frame.columns).tolist())
    np.testing.assert_array_equal(again.features(shuffled), table.features(frame))
    np.testing.assert_array_equal(again.targets(shuffled), table.targets(frame))


def test_a_parquet_copy_gives_the_features_of_the_csv(tmp_path: Path) -> None:
    copy = tmp_path / "penguins.parquet"
    write_table(copy, read_table(PENGUINS))
    table = Table.learn(read_table(PENGUINS), "species", "classification")
    from_csv, from_parquet = (table.read(path, target=True) for path in (PENGUINS, copy))
    np.testing.assert_array_equal(table.features(from_csv), table.features(from_parquet))
    np.testing.assert_array_equal(table.targets(from_csv), table.targets(from_parquet))
    assert table == Table.learn(read_table(copy), "species", "classification")


def test_categories_of_digits_read_alike_from_csv_and_parquet(tmp_path: Path) -> None:
    table = Table.learn(read_table(PENGUINS, categories=["year"]), "species", "classification")
    assert table.category_columns == ("island", "sex", "year")
    assert table.feature_names[-3:] == ("year=2007", "year=2008", "year=2009")
    write_table(tmp_path / "copy.parquet", read_table(PENGUINS))
    for path in (PENGUINS, tmp_path / "copy.parquet"):
        assert table.features(table.read(path))[:, -3:].sum(axis=0).tolist() == [110, 114, 120]  # as published
    with pytest.raises(InvalidValue, match=r"'year' holds numbers where training had text.*categories=\['year'\]"):
        table.features(read_table(PENGUINS))


def test_extreme_numbers_are_standardized_without_overflow() -> None:
    frame = pl.DataFrame({"large": [1e300, 3e300], "small": [1e-300, 3e-300], "y": [0.0, 1.0]})
    features = Table.learn(frame, "y", "regression").features(frame)
    np.testing.assert_allclose(features, [[-1, -1], [1, 1]], rtol=1e-12)


def test_columns_that_cannot_help_are_left_out_with_a_warning() -> None:
    frame = pl.DataFrame(
        {
            "useful": [float(i) for i in range(60)],
            "missing": pl.Series([None] * 60, dtype=pl.Float64),
            "constant": ["same"] * 60,
            "name": [f"name {i}" for i in range(60)],
            "street": [f"street {i % 30}" for i in range(60)],
            "sometimes": ["yes", None] * 30,
            "y": [0.0, 1.0] * 30,
        }
    )
    with pytest.warns(PlainnetWarning) as caught:
        table = Table.learn(frame, "y", "classification")
    assert [str(warning.message).split(" is left out: ")[0] for warning in caught] == [
        "column 'missing'",
        "column 'constant'",
        "column 'name'",
    ]
    assert "60 different values in 60 rows" in str(caught[2].message)
    assert table.column_names == ("useful", "street", "sometimes")
    with pytest.warns(PlainnetWarning), pytest.raises(InvalidValue, match="no column is left to predict 'y'"):
        Table.learn(frame.select("constant", "y"), "y", "classification")


def test_text_with_more_values_than_features_can_be_is_left_out() -> None:
    codes = [f"code {i % 1001}" for i in range(3003)]
    frame = pl.DataFrame({"x": list(range(3003)), "code": codes, "y": [i % 2 for i in range(3003)]})
    with pytest.warns(PlainnetWarning, match="'code' is left out: it has 1001 different values"):
        assert Table.learn(frame, "y", "classification").feature_names == ("x",)


TRAINING = pl.DataFrame(
    {
        "size": [1.0, 3.0, 1.0, 3.0],
        "red": [True, False, True, True],
        "shape": ["round", "flat", "flat", "long"],
        "y": ["1", "2", "2", "10"],
    }
)


def test_what_training_did_not_have_is_encoded_as_unknown_and_counted() -> None:
    table = Table.learn(TRAINING, "y", "classification")
    new = pl.DataFrame(
        {
            "shape": ["square", "flat", "oval", "square", "wide", "deep", None],
            "red": [None, True, True, True, True, True, True],
            "size": [2.0, None, None, 3.0, 3.0, 3.0, 3.0],
            "more": [[1]] * 7,
        }
    )
    with pytest.warns(PlainnetWarning) as caught:
        features = table.features(new)
    assert features.tolist() == [
        [0, 0.75, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
    ]
    messages = [str(warning.message) for warning in caught]
    assert [message.split(",")[0] for message in messages[:2]] == [
        "column 'size': 2 missing values",
        "column 'red': 1 missing values",
    ]
    assert "'shape': 5 values" in messages[2]
    assert messages[2].endswith("'square', 'oval', 'wide', ...")
    assert messages[3].startswith("column 'shape': 1 missing values")
    assert len(messages) == 4
    assert caught[0].filename == __file__


def test_a_column_that_is_entirely_missing_is_acceptable(tmp_path: Path) -> None:
    table = Table.learn(TRAINING, "y", "classification")
    new = table.read(written(tmp_path, "size,red,shape\nNA,,\n,,?\n"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)
        assert table.features(new).tolist() == [[0, 0.75, 0, 0, 0]] * 2


def test_new_data_with_lacking_or_other_columns_are_refused(tmp_path: Path) -> None:
    table = Table.learn(TRAINING, "y", "classification")
    with pytest.raises(InvalidValue, match=r"lacks the columns 'size' \(is it 'sizes'\?\), 'red'; it has: "):
        table.features(TRAINING.drop("red").rename({"size": "sizes"}))
    path = written(tmp_path, "size,red\n1,true\n")
    with pytest.raises(InvalidValue, match=r"table.csv lacks the column 'shape'"):
        table.read(path)
    others: list[tuple[str, list[Any], str]] = [
        ("size", ["big"], "'size' holds text where training had numbers"),
        ("size", [True], "'size' holds true and false where training had numbers"),
        ("red", [1.0], "'red' holds numbers where training had true and false"),
        ("shape", [1.0], "'shape' holds numbers where training had text"),
        ("size", [math.inf], "row 1: column 'size' holds inf"),
    ]
    for name, values, message in others:
        new = TRAINING[:1].drop(name).with_columns(pl.Series(name, values))
        with pytest.raises(InvalidValue, match=message):
            table.features(new)


def test_reading_for_a_table_looks_at_its_own_columns_only(tmp_path: Path) -> None:
    table = Table.learn(TRAINING, "y", "classification")
    path = written(tmp_path, "mixed,y,shape,red,size\n1,10,flat,true,3\na,2,flat,true,1\n")
    assert table.read(path).columns == ["size", "red", "shape"]
    assert table.targets(table.read(path, target=True)).tolist() == [1, 2]  # classes are "1", "10", "2"


# Targets and outputs


def with_target(values: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"x": range(len(values)), "y": values})


@pytest.mark.parametrize(
    ("values", "classes", "names", "labels"),
    [
        (["b", "a", "b", "c"], ("a", "b", "c"), ("a", "b", "c"), [1, 0, 1, 2]),
        ([10.0, 9.0, 10.0, -1.0], (-1, 9, 10), ("-1", "9", "10"), [2, 1, 2, 0]),
        ([True, False, True, True], (False, True), ("false", "true"), [1, 0, 1, 1]),
    ],
)
def test_classes_are_numbered_in_order_and_come_back_as_they_were(
    tmp_path: Path, values: list[Any], classes: tuple[Any, ...], names: tuple[str, ...], labels: list[int]
) -> None:
    table = Table.learn(with_target(values), "y", "classification")
    assert table.classes == classes
    assert table.class_names == names
    assert table.task == "classification"
    targets = table.targets(with_target(values))
    assert targets.tolist() == labels
    outputs = np.eye(len(classes), dtype=np.float32)[targets]
    assert table.decode(outputs).tolist() == values

    write_table(tmp_path / "out.csv", table.predictions(outputs, probabilities=True))
    header, first, *_ = (tmp_path / "out.csv").read_text().splitlines()
    assert header == ",".join(["prediction", *(f"probability_{name}" for name in names)])
    assert first.split(",")[0] == names[labels[0]]
    assert first.split(",")[1 + labels[0]] == "1.0"


def test_two_classes_also_come_from_one_probability() -> None:
    table = Table.learn(with_target(["no", "yes", "no"]), "y", "classification")
    assert table.decode(np.array([[0.49], [0.5], [0.75]])).tolist() == ["no", "no", "yes"]
    assert table.predictions(np.array([[0.75]]), probabilities=True).row(0) == ("yes", 0.25, 0.75)


def test_a_quantity_comes_back_in_its_own_units() -> None:
    frame = with_target([1.0, 2.5, 7.0])
    table = Table.learn(frame, "y", "regression")
    assert table.classes == ()
    np.testing.assert_allclose(table.decode(np.zeros((2, 1))), [3.5, 3.5])  # (1 + 2.5 + 7) / 3
    assert table.predictions(table.targets(frame)).columns == ["prediction"]
    plain = Table.learn(frame, "y", "regression", standardize_target=False)
    assert plain.targets(frame).tolist() == [[1.0], [2.5], [7.0]]
    assert plain.decode(plain.targets(frame)).tolist() == [1.0, 2.5, 7.0]


def test_targets_and_outputs_that_do_not_fit_are_refused() -> None:
    classes = Table.learn(with_target(["a", "b", "c"]), "y", "classification")
    quantity = Table.learn(with_target([1.0, 2.0, 3.5]), "y", "regression")
    with pytest.raises(InvalidValue, match=r"'y' holds 'd' in 2 rows.*its classes are: a, b, c"):
        classes.targets(with_target(["a", "d", "d"]))
    with pytest.raises(InvalidValue, match="'y' is missing in 1 rows"):
        classes.targets(with_target(["a", None]))
    with pytest.raises(InvalidValue, match="'y' is missing in 1 rows"):
        Table.learn(with_target(["a", "b", None]), "y", "classification")
    with pytest.raises(InvalidValue, match="target is 'y', which is no column"):
        classes.targets(pl.DataFrame({"x": [1.0]}))
    with pytest.raises(InvalidValue, match="'y' holds numbers where training had text"):
        classes.targets(with_target([1.0]))
    with pytest.raises(InvalidValue, match="'y' holds text where training had numbers"):
        quantity.targets(with_target(["a"]))
    for table, shape in ((classes, (4, 2)), (classes, (4, 1)), (quantity, (4, 2)), (quantity, (4,))):
        with pytest.raises(InvalidValue, match=rf"outputs has shape \({shape[0]}"):
            table.decode(np.zeros(shape))
    with pytest.raises(InvalidValue, match="outputs holds nan"):
        quantity.decode(np.array([[math.nan]]))
    with pytest.raises(InvalidValue, match="'y' is a quantity and has no classes"):
        quantity.predictions(np.zeros((1, 1)), probabilities=True)


# The description


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), None),
        ((), {}),
        (("columns",), []),
        (("columns",), {"size": 1}),
        (("columns", 0), "size"),
        (("columns", 0, "kind"), "date"),
        (("columns", 0, "kind"), None),
        (("columns", 0, "name"), 3),
        (("columns", 0, "name"), "y"),
        (("columns", 0, "name"), "red"),
        (("columns", 0, "mean"), "1"),
        (("columns", 0, "mean"), math.inf),
        (("columns", 0, "deviation"), 0.0),
        (("columns", 0, "missing"), 1),
        (("columns", 0, "more"), 1),
        (("columns", 1, "mean"), 1.5),
        (("columns", 2, "values"), "flat"),
        (("columns", 2, "values"), []),
        (("columns", 2, "values"), ["b", "a"]),
        (("columns", 2, "values"), ["a", "a"]),
        (("columns", 2, "values"), ["a", 1]),
        (("target",), None),
        (("target", "kind"), "clustering"),
        (("target", "classes"), ["a"]),
        (("target", "classes"), [0.5, 1.5]),
        (("target", "classes"), [False, 1]),
        (("target", "classes"), [[1], [2]]),
    ],
)
def test_an_altered_description_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    data: Any = {"top": Table.learn(TRAINING, "y", "classification").to_dict()}
    holder: Any = data
    for step, following in zip(("top", *path), path, strict=False):
        holder, step = holder[step], following
    holder[("top", *path)[-1]] = value
    with pytest.raises(InvalidValue):
        Table.from_dict(data["top"])


@pytest.mark.parametrize("place", ["columns", "target"])
def test_a_description_without_an_entry_is_refused(place: str) -> None:
    data = Table.learn(TRAINING, "y", "classification").to_dict()
    entry = data[place][0] if place == "columns" else data[place]
    del entry["name"]
    with pytest.raises(InvalidValue, match="has the entries"):
        Table.from_dict(data)
    del data[place]
    with pytest.raises(InvalidValue, match="the table has the entries"):
        Table.from_dict(data)
