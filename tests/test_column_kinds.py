"""What a column of a text file is: numbers in one notation, dates, codes, categories; and what is refused."""

import datetime
import re
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from prepared import prepared_file, prepared_frame

from plainnet.errors import InvalidValue, PlainnetWarning
from plainnet.tabular import ReadOptions, Table, read_table
from plainnet.tabular.notations import Notation
from plainnet.tabular.reading import read_typed


def written(folder, values, name="table.csv"):
    """A file of two columns, whose first holds these values."""
    path = folder / name
    rows = "".join(f'"{value}";{"ab"[i % 2]}\n' for i, value in enumerate(values))
    path.write_text(f"x;y\n{rows}", encoding="utf-8")
    return path


def read_noted(path, **options):
    """The column x and the notes on reading it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_table(path, options=ReadOptions(**options))
    return frame["x"].to_list(), [str(warning.message) for warning in caught]


def day(text):
    return (datetime.datetime.fromisoformat(text) - datetime.datetime(1970, 1, 1)).total_seconds() / 86400


@pytest.mark.parametrize(
    ("values", "expected", "note"),
    [
        (["11,0", "2,5", "-3", "1,5e3"], [11, 2.5, -3, 1500], "decimal commas ('11,0')"),
        (["1.234,5", "12", "0,25"], [1234.5, 12, 0.25], "decimal commas and points between thousands"),
        (["1,234.50", "999"], [1234.5, 999], "commas between thousands ('1,234.50')"),
        (["1,234,567", "1,234"], [1234567, 1234], "commas between thousands"),
        (["12,34,567", "1,000"], [1234567, 1000], "commas between thousands"),
        (["1'017", "999", "12'345.5"], [1017, 999, 12345.5], "apostrophes between thousands"),
        (["1’017", "12’345"], [1017, 12345], "apostrophes between thousands"),
        (["1 017", "12\u202f345", "1\xa0000"], [1017, 12345, 1000], "spaces between thousands"),
        (["1 017,5", "12 345"], [1017.5, 12345], "decimal commas and spaces between thousands"),
        (["1_000", "20"], [1000, 20], "underscores between thousands"),
        (["12%", "3.5 %", "-1%"], [12, 3.5, -1], "the unit '%'"),
        (["$5", "-$3", "$1,200.00"], [5, -3, 1200], "commas between thousands and the unit '$'"),
        (["1.200,50 €", "3 €"], [1200.5, 3], "decimal commas and points between thousands and the unit '€'"),
        (["EUR 5", "EUR 12.5"], [5, 12.5], "the unit 'EUR'"),
        (["5kg", "12.5 kg"], [5, 12.5], "the unit 'kg'"),
        (["−5", "3"], [-5, 3], "digits or signs outside ASCII"),
        (["１２", "３.５"], [12, 3.5], "digits or signs outside ASCII"),
        (["2024-01-31", "1969-12-31"], [day("2024-01-31"), -1], "dates ('2024-01-31')"),
        (
            ["2024-01-31T12:00:00Z", "2024-01-31 12:00+02:00"],
            [day("2024-01-31T12:00"), day("2024-01-31T10:00")],
            "dates",
        ),
        (["31.01.2024", "3.4.2024 18:00"], [day("2024-01-31"), day("2024-04-03T18:00")], "dates"),
        (["31/01/2024", "03/04/2024"], [day("2024-01-31"), day("2024-04-03")], "dates"),
        (["01/31/2024 3:00 PM", "03/04/2024"], [day("2024-01-31T15:00"), day("2024-03-04")], "dates"),
        (["3 Apr 2024", "31 January 2023"], [day("2024-04-03"), day("2023-01-31")], "dates"),
        (["Apr 3, 2024", "Jan 31, 2023"], [day("2024-04-03"), day("2023-01-31")], "dates"),
        (
            ["Wed, 31 Jan 2024 18:00:00 GMT", "Sunday, 2 June 2024"],
            [day("2024-01-31T18:00"), day("2024-06-02")],
            "dates",
        ),
        (["20240131T000000", "20240602T1800Z"], [day("2024-01-31"), day("2024-06-02T18:00")], "dates"),
        (["HUF 500", "HUF 1,250.5"], [500, 1250.5], "commas between thousands and the unit 'HUF'"),
        (["2024-02", "2023-12"], [day("2024-02-01"), day("2023-12-01")], "dates"),
        (["12:00", "18:30:00"], [0.5, 18.5 / 24], "times ('12:00')"),
    ],
)
def test_an_unambiguous_notation_is_read_with_a_note(tmp_path, values, expected, note):
    path = written(tmp_path, [*values, ""])
    found, notes = read_noted(path)
    np.testing.assert_allclose(found[:-1], expected, rtol=1e-15)
    assert found[-1] is None
    assert len(notes) == 1
    assert f"column 'x' holds {note}" in notes[0]
    assert "--categories x" in notes[0]
    assert read_noted(path, categories=["x"]) == ([*values, None], [])


@pytest.mark.parametrize(
    "values",
    [
        ["1", "-2.5", "3e5", "1e+05"],
        ["1.234", "5.678"],
        ["1.5", "1.234", "7"],
        ["0.125", "3"],
        ["1250", "1.234"],
        ["red", "blue"],
        ["A5", "A17", "B2"],
        ["18-25", "26-40", "41-60"],
        ["1.2.3", "1.10.0"],
        ["192.168.0.1", "10.0.0.1"],
        ["192.168.100.120", "192.168.100.121"],
        ["3+", "low"],
        ["555-1234", "555-9876"],
        ["10x20", "30x40"],
        ["2:1", "3:0"],
        ["Q1 2024", "Q2 2024"],
        ["12 Main Street", "7 High Road"],
        ["5a", "5b", "6a", "6b"],
        ["1. low", "1. low", "2. high"],
        ["1: low", "2: high", "2: high"],
    ],
)
def test_an_ordinary_column_gets_no_note(tmp_path, values):
    assert read_noted(written(tmp_path, values))[1] == []


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (["33101", "01002"], "leading zeros ('01002')"),
        (["9007199254740993", "9007199254740994"], "whole numbers beyond 2^53"),
        (["1E5", "2E3", "7E12"], "digits with an E between them ('1E5')"),
        (["+15553287561", "+442079460000"], "telephone numbers ('+15553287561')"),
    ],
)
def test_codes_stay_text_unless_they_are_called_numbers(tmp_path, values, what):
    path = written(tmp_path, values)
    found, (note,) = read_noted(path)
    assert found == values
    assert f"column 'x' holds {what}" in note
    assert "--numbers x" in note
    assert read_noted(path, numbers=["x"]) == (list(map(float, values)), [])


@pytest.mark.parametrize(
    ("values", "message", "options"),
    [
        (["8,300", "1,200"], "line 2: column 'x' holds '8,300', which may", {"decimal": ",", "thousands": ","}),
        (["243", "97.092"], "line 3: column 'x' holds '97.092', which", {"decimal": ".", "thousands": "."}),
        (["03/04/2024", "01/02/2024"], "line 2: column 'x' holds '03/04/2024'.*either order", {"dates": "dmy"}),
    ],
)  # fmt: skip
def test_an_ambiguous_notation_is_refused_with_the_option_that_decides(tmp_path, values, message, options):
    path = written(tmp_path, values)
    with pytest.raises(InvalidValue, match=message):
        read_table(path)
    for name, value in options.items():
        with pytest.raises(InvalidValue, match=f"{name}='{value}'"):
            read_table(path)
        found, _ = read_noted(path, **{name: value})
        assert all(isinstance(number, float) for number in found)
    expected = {"8,300": (8.3, 8300), "97.092": (97.092, 97092)}
    for value, meanings in expected.items():
        if value in values:
            found = {read_noted(path, **{name: mark})[0][values.index(value)] for name, mark in options.items()}
            assert found == set(meanings)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1,5", "2,5", "3,5", "many"], r"line 5: column 'x' holds 'many', where most values are numbers"),
        (["$5", "$6", "7 $ or so"], r"line 4: column 'x' holds '7 \$ or so', where most values are"),
        (["2024-01-31", "2024-02-30", "2024-03-01"], "line 3: column 'x' holds '2024-02-30', where most"),
        (["1,5", "$2.5", "5%", "low"], "column 'x' holds numbers or dates that are written in several ways"),
        (["03.04.24", "31.12.23"], "line 2: column 'x' holds '03.04.24', which may be a date"),
        (["03-Apr-24", "31-Dec-23"], "line 2: column 'x' holds '03-Apr-24', which may be a date"),
        (["4/13/24 8:30", "12/31/23 9:00"], "line 2: column 'x' holds '4/13/24 8:30', which may be a date"),
        (["5", "$6", "7"], r"line 3: column 'x' holds '\$6', text among numbers"),
        (["12%", "0.12"], "column 'x' holds"),
        (["'5'", "'6.5'"], "line 2: column 'x' holds '5', a number with an apostrophe; remove the apostrophes"),
        (["'5", "'1,5"], "line 2: column 'x' holds '5, a number with an apostrophe; remove the apostrophes"),
    ],
)  # fmt: skip
def test_text_that_is_nearly_numbers_is_refused(tmp_path, values, message):
    path = written(tmp_path, values)
    with pytest.raises(InvalidValue, match=f"{message}.*--categories x"):
        read_table(path)
    assert read_noted(path, categories=["x"])[0] == values


def test_what_is_certain_in_one_column_helps_with_the_next(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a;b;y\n"1,234";"2,5";u\n"5,678";"0,1";v\n')
    with pytest.warns(PlainnetWarning, match="columns 'a', 'b' hold decimal commas"):
        assert read_table(path)["a"].to_list() == [1.234, 5.678]
    path.write_text('a;b;y\n"1,234";"$2,500.00";u\n"5,678";"$0.10";v\n')
    with pytest.warns(PlainnetWarning):
        assert read_table(path)["a"].to_list() == [1234, 5678]
    path.write_text("a;b;y\n55.787;2,5;u\n12.345;0,1;v\n")
    with pytest.raises(InvalidValue, match=r"column 'a' holds '55.787', which may be 55.787 or 55787"):
        read_table(path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["True", "1", "0"], [True, True, False]),
        (["yes", "n", "no", "Y"], [True, False, False, True]),
        (["TRUE", "no", "False", "yes"], [True, False, False, True]),
        (["on", "0", "1"], [True, False, True]),
    ],
)
def test_true_and_false_may_have_several_spellings(tmp_path, values, expected):
    found, (note,) = read_noted(written(tmp_path, values))
    assert found == expected
    assert "column 'x' holds true and false in several spellings" in note
    assert "read as booleans" in note


@pytest.mark.parametrize(
    "values", [["yes", "no"], ["f", "m", "n"], ["NO", "ON"], ["t", "y", "f"], ["y", "n", "t", "f"]]
)
def test_words_that_may_be_others_stay_categories(tmp_path, values):
    assert read_noted(written(tmp_path, values)) == (values, [])


def test_a_caller_may_say_that_words_are_true_and_false(tmp_path):
    path = written(tmp_path, ["y", "N", "-", "wahr"])
    found, notes = read_noted(path, columns={"x": "boolean"})
    assert found == [True, False, None, True]
    assert "'-' counts as a missing value" in notes[0]
    pl.DataFrame({"x": [1, 0, None]}).write_parquet(tmp_path / "t.parquet")
    assert read_noted(tmp_path / "t.parquet", columns={"x": "boolean"}) == ([True, False, None], [])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["20240403", "20231231"], ["2024-04-03", "2023-12-31"]),
        (["03.04.2024", "-", "31.12.2023"], ["2024-04-03", None, "2023-12-31"]),
    ],
)
def test_a_caller_may_say_that_values_are_dates(tmp_path, values, expected):
    found, _ = read_noted(written(tmp_path, values), columns={"x": "date"})
    assert found == [None if text is None else day(text) for text in expected]
    with pytest.raises(InvalidValue, match=r"line 3: column 'x' holds '20241301', which is no date such as 20240403"):
        read_noted(written(tmp_path, ["20240403", "20241301"]), columns={"x": "date"})


def test_every_column_has_a_decision(tmp_path):
    (tmp_path / "t.csv").write_text(
        ";zip;price;day;flag;town;note;gone;n\n"
        "1;01002;1,5;2024-04-03;true;Ulm;;a;3\n2;10001;-;2024-05-01;false;NA;;b;4\n3;9;2,5;2024-05-02;true;Köln;;c;5\n"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        typed = read_typed(tmp_path / "t.csv", ignore=["gone"])
    assert [(d.column, d.kind, d.reason, d.option, d.example) for d in typed.decisions] == [
        ("column 1", "left out", "the index of the rows", "", "1"),
        ("zip", "category", "leading zeros", "--numbers zip", "01002"),
        ("price", "number", "decimal commas", "--categories price", "1,5"),
        ("day", "date", "dates", "--categories day", "2024-04-03"),
        ("flag", "boolean", "true and false", "--categories flag", "true"),
        ("town", "category", "text", "--numbers town", "Ulm"),
        ("note", "category", "no values", "", ""),
        ("gone", "left out", "as you say", "", ""),
        ("n", "number", "numbers", "--categories n", "3"),
    ]
    assert typed.decisions[2].missing == (("-", 1),)
    assert str(typed.decisions[1]) == "zip: category, leading zeros ('01002'); otherwise: --numbers zip"
    notes = [str(warning.message) for warning in caught]
    assert len(notes) == 5  # the index, the zip, the price, its marker, the day
    with pytest.warns(PlainnetWarning, match="column 'note' is left out"):
        table = Table.learn(
            typed.frame.with_columns(y=pl.Series([1.0, 2.0, 3.5])).select("n", "note", "y"), "y", "regression"
        )
    assert [(d.column, d.kind, d.reason) for d in table.left_out] == [("note", "left out", "every value is missing")]


# Learning, and later files


def learned(path, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)
        prepared = prepared_file(path, target, options=ReadOptions(**options), seed=0)
    return Table.from_dict(prepared.table.to_dict()), prepared


def test_a_model_reads_later_files_in_the_notation_of_its_training(tmp_path):
    rows = "".join(f"{i},5;0{i % 3 + 1}.02.2024;{2 * i},0\n" for i in range(20))
    (tmp_path / "train.csv").write_text(f"x;day;y\n{rows}")
    table, _ = learned(tmp_path / "train.csv", "y")
    new = tmp_path / "new.csv"
    new.write_text("x;day;y\n7;01.02.2024;1,5\n1,25;2.2.2024 12:00;3\n")
    frame = table.read(new, target=True)
    assert frame.rows() == [(7.0, day("2024-02-01"), 1.5), (1.25, day("2024-02-02T12:00"), 3.0)]
    parquet = tmp_path / "new.parquet"
    moments = [datetime.datetime(2024, 2, 1), datetime.datetime(2024, 2, 2, 12)]
    pl.DataFrame({"x": [7.0, 1.25], "day": moments, "y": [1.5, 3.0]}).write_parquet(parquet)
    assert table.read(parquet, target=True).equals(frame)
    for row, value in (
        ("1.5;01.02.2024;1", "'1.5', where training had numbers with dec"),
        ("1;2024-02-01;1", "'2024-02-01', where training had dates as 03.04"),
    ):
        new.write_text(f"x;day;y\n7;01.02.2024;1\n{row}\n")
        with pytest.raises(InvalidValue, match=f"line 3: column '.*' holds {value}"):
            table.read(new)
    pl.DataFrame({"x": [1.0], "day": [19000]}).write_parquet(parquet)
    with pytest.raises(InvalidValue, match="column 'day' is of type Int64 where training had dates"):
        table.read(parquet)


def test_plain_numbers_of_training_stay_plain(tmp_path):
    (tmp_path / "train.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in (3, 1, 2, 9, 7, 5, 30, 12)))
    table, _ = learned(tmp_path / "train.csv", "y")
    new = tmp_path / "new.csv"
    new.write_text("x\n007\n1.234\n5\n")
    assert table.read(new)["x"].to_list() == [7.0, 1.234, 5.0]
    new.write_text('x\n"1,5"\n')
    with pytest.raises(InvalidValue, match="'1,5', where training had numbers"):
        table.read(new)


def learned_from_thousands(tmp_path, ending, unit=""):
    """A table whose column x had whole numbers alone in training, of a thousand and more, without a mark."""
    numbers = [7000, 120, 6500, 31_250, 900, 4000]
    frame = pl.DataFrame({"x": [f"{n}{unit}" for n in numbers] if unit else numbers, "y": ["a", "b"] * 3})
    getattr(frame, f"write_{ending}")(tmp_path / f"train.{ending}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)  # of the unit
        typed = read_typed(tmp_path / f"train.{ending}")
        frame, options = typed.frame, typed.options
        return Table.from_dict(Table.learn(frame, "y", "classification", options=options).to_dict())


@pytest.mark.parametrize(("ending", "unit"), [("csv", ""), ("csv", " €"), ("parquet", "")])
def test_a_point_that_may_stand_between_thousands_is_refused_after_whole_numbers(tmp_path, ending, unit):
    table = learned_from_thousands(tmp_path, ending, unit)
    new = tmp_path / "new.csv"
    new.write_text("x\n" + "".join(f"{text}{unit}\n" for text in ("7.5", "0.250", "1234.567", "7.0000", "7000")))
    assert table.read(new)["x"].to_list() == [7.5, 0.25, 1234.567, 7, 7000]
    for text, may_be in (("7.000", "7 or 7000"), ("-31.250", "-31.25 or -31250")):
        new.write_text(f"x\n7.5{unit}\n{text}{unit}\n")
        with pytest.raises(InvalidValue, match=rf"line 3: column 'x' holds '{text}{unit}', which may be {may_be}, as "):
            table.read(new)


def test_a_mark_between_thousands_in_training_tells_what_a_point_is(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text(
        "x;y\n" + "".join(f"{text};{'ab'[i % 2]}\n" for i, text in enumerate(["1,250,000", "20,125", "7", "12"]))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)  # of the commas
        typed = read_typed(path)
        frame, options = typed.frame, typed.options
        table = Table.learn(frame, "y", "classification", options=options)
    (tmp_path / "new.csv").write_text("x\n7.000\n")
    assert table.read(tmp_path / "new.csv")["x"].to_list() == [7]


def test_whole_numbers_of_a_frame_are_known_too(tmp_path):
    frame = pl.DataFrame({"x": [7000, 120, 6500, 31_250], "small": [1, 2, 3, 4], "y": ["a", "b"] * 2})
    table = Table.learn(frame, "y", "classification")
    (tmp_path / "new.csv").write_text("x,small\n7000,1.125\n")
    assert table.read(tmp_path / "new.csv").rows() == [(7000, 1.125)]
    (tmp_path / "new.csv").write_text("x,small\n7.000,1\n")
    with pytest.raises(InvalidValue, match="which may be 7 or 7000"):
        table.read(tmp_path / "new.csv")


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["2024-01-31", "2024-02-01"], [day("2024-01-31"), day("2024-02-01")]),
        (["1,5", "1.000,25"], [1.5, 1000.25]),
        (["0.5", "12"], [0.5, 12]),
    ],
)
def test_text_of_parquet_is_numbers_where_training_had_numbers(tmp_path, texts, numbers):
    """As in a text file with the same values."""
    frame = pl.DataFrame({"x": texts * 10, "y": np.linspace(-1, 1, 20)})
    frame.write_parquet(tmp_path / "t.parquet")
    with pytest.warns(PlainnetWarning, match="'x' holds numbers or dates as text .*--numbers x"):
        assert read_table(tmp_path / "t.parquet")["x"].to_list() == texts * 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = frame.with_columns(pl.col("x").cast(pl.Categorical))
        labels.write_parquet(tmp_path / "labels.parquet")
        found = read_table(tmp_path / "labels.parquet", options=ReadOptions(numbers=["x"]))
        assert found["x"].to_list() == numbers * 10
        frame.write_csv(tmp_path / "t.csv", separator=";")
        table, _ = learned(tmp_path / "t.csv", "y")
    assert table.read(tmp_path / "t.parquet")["x"].to_list() == numbers * 10
    pl.DataFrame({"x": ["many"]}).write_parquet(tmp_path / "new.parquet")
    with pytest.raises(InvalidValue, match="row 1: column 'x' holds 'many'"):
        table.read(tmp_path / "new.parquet")


def test_empty_text_is_missing_in_every_format(tmp_path):
    frame = pl.DataFrame({"x": ["a", "", " ", None, "b"], "y": [1, 2, 3, 4, 5]})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    for ending in ("csv", "parquet"):
        assert read_table(tmp_path / f"t.{ending}")["x"].to_list() == ["a", None, None, None, "b"]


@pytest.mark.parametrize("texts", [["01", "10"], ["1", "2"], ["a", "2"], ["type 1", "type 2"], ["nan", "inf"], [None]])
def test_ordinary_text_of_parquet_gets_no_note(tmp_path, texts):
    pl.DataFrame({"x": texts * 30}, schema={"x": pl.String}).write_parquet(tmp_path / "t.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_table(tmp_path / "t.parquet")["x"].to_list() == texts * 30


def test_large_whole_numbers_of_parquet_are_categories(tmp_path):
    numbers = pl.Series([2**60, 2**60 + 1] * 4)
    frame = {"a": numbers, "b": numbers.cast(pl.UInt64), "c": numbers.cast(pl.Decimal(30, 0)), "d": [2**60] * 8}
    pl.DataFrame(frame).write_parquet(tmp_path / "t.parquet")
    with pytest.warns(PlainnetWarning, match=r"beyond 2\^53"):
        found = read_table(tmp_path / "t.parquet")
    assert found.dtypes == [pl.String] * 3 + [pl.Float64]
    assert found["a"].to_list() == [str(2**60), str(2**60 + 1)] * 4


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        ([f"{i / 4}" for i in range(40)], 0.0),
        ([f"{i},5" for i in range(40)], 0.5),
        ([f"2024-01-{1 + i % 31:02}" for i in range(40)], day("2024-01-01")),
    ],
)
def test_text_of_parquet_that_writes_numbers_is_said_and_can_be_read_as_such(tmp_path, texts, first):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"x": texts, "name": [f"n{i}" for i in range(40)], "y": ["a", "b"] * 20}).write_parquet(path)
    found, notes = read_noted(path)
    assert found == texts
    assert len(notes) == 1
    assert "'x' holds numbers or dates as text" in notes[0]
    assert "--numbers x" in notes[0]
    options = ReadOptions(numbers=["x"])
    assert read_noted(path, numbers=["x"])[0][0] == first
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)
        typed = read_typed(path, options=options)
        frame, options = typed.frame, typed.options
    table = Table.learn(frame.drop("name"), "y", "classification", options=options)
    np.testing.assert_array_equal(table.features(table.read(path)), table.features(frame))


@pytest.mark.parametrize("texts", [[f"{i:03}" for i in range(40)], ["1", "2"] * 20, [f"A{i}" for i in range(40)]])
def test_codes_and_names_of_parquet_get_no_note(tmp_path, texts):
    pl.DataFrame({"x": texts}).write_parquet(tmp_path / "t.parquet")
    assert read_noted(tmp_path / "t.parquet") == (texts, [])


def test_one_value_is_one_category_in_every_format(tmp_path):
    (tmp_path / "train.csv").write_text("code,flag,x,y\n" + "2,True,1,hot\n3,False,5,mild\n2.0,unknown,2,hot\n" * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)
        typed = read_typed(tmp_path / "train.csv", options=ReadOptions(categories=("code",)))
        frame, options = typed.frame, typed.options
        table = Table.learn(frame, "y", "classification", options=options)
    assert table.feature_names[:5] == ("code=2", "code=3", "flag=false", "flag=true", "flag=unknown")
    (tmp_path / "new.csv").write_text("code,flag,x\n2.0,TRUE,1\n3.00,false,2\n")
    pl.DataFrame({"code": [2, 3], "flag": [True, False], "x": [1, 2]}).write_parquet(tmp_path / "new.parquet")
    expected = [[1, 0, 0, 1, 0], [0, 1, 1, 0, 0]]
    for name in ("new.csv", "new.parquet"):
        assert table.features(table.read(tmp_path / name))[:, :5].tolist() == expected


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("True", "False"), (False, True)),
        (("5%", "10%"), (5, 10)),
        (("1.0", "2.0"), (1, 2)),
        (("TRUE", "other"), ("other", "true")),
        (("yes", "no"), ("no", "yes")),
        (("e\u0301te\u0301", "hiver"), ("hiver", "été")),
    ],
)
def test_labels_come_back_as_the_file_writes_them(tmp_path, labels, classes):
    (tmp_path / "train.csv").write_text("x,y\n" + "".join(f"{i / 7},{labels[i % 2]}\n" for i in range(12)))
    table, prepared = learned(tmp_path / "train.csv", "y")
    assert table.classes == classes
    outputs = np.eye(2)[prepared.y]
    frame = table.predictions(outputs)
    spelled = {"e\u0301te\u0301": "été"}
    assert set(frame["prediction"].cast(str)) == {spelled.get(label, label) for label in labels}
    assert [name for name in table.class_names if name in map(spelled.get, labels, labels)] == list(table.class_names)


# Unlikely decisions


def notes_of(frame, target, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prepared_frame(frame, target, seed=0, **settings)
    return [str(warning.message) for warning in caught if issubclass(warning.category, PlainnetWarning)]


random = np.random.default_rng(0)
NOISE = random.normal(size=200)


@pytest.mark.parametrize(
    ("column", "target", "note"),
    [
        (("Unnamed: 0", range(200)), None, "'Unnamed: 0' is left out"),
        (("__index_level_0__", range(200)), None, "'__index_level_0__' is left out"),
        (("order", range(1000, 1200)), None, "'order' has another whole number in each row.*--ignore order"),
        (("order", random.permutation(200) + 7), None, "'order' has another whole number in each row"),
        (("day", [20240101 + 100 * (i % 12) for i in range(200)]), None, r"'day' looks like dates.*20240101"),
        (("shop", ["Ulm", "ulm"] * 100), None, "'Ulm', 'ulm', which differ in case"),
        (("b", NOISE), [1, 2, 3, 4, 5] * 40, "whole numbers from 1 to 5.*--task regression"),
        (
            ("b", NOISE),
            [f"name {min(i, 150)}" for i in range(200)],
            "151 different texts.*150 of them in one row alone",
        ),
        (("b", NOISE), ["Yes", "yes", "No", "no"] * 50, "'No', 'no', which differ in case"),
    ],
)
def test_an_unlikely_decision_is_said(column, target, note):
    name, values = column
    target = ["u", "v", "v", "u", "u"] * 40 if target is None else target
    frame = pl.DataFrame({name: values, "noise": NOISE[::-1], "y": target})
    found = notes_of(frame, "y")
    assert [text for text in found if re.search(note, text)], found


def test_many_texts_with_digits_are_said_to_be_many_inputs():
    frame = pl.DataFrame({"price": [f"Rs. {i % 150}" for i in range(600)], "y": ["u", "v", "v"] * 200})
    (note,) = (text for text in notes_of(frame, "y") if "'price'" in text)
    assert "150 different texts with digits" in note


def test_an_ordinary_table_gets_no_note():
    penguins = Path(__file__).parents[1] / "examples" / "penguins.csv"
    for target in ("species", "body_mass_g"):
        assert notes_of(read_table(penguins), target) == []


def test_a_date_in_each_row_is_no_row_number(tmp_path):
    rows = "".join(f"2024-{1 + i // 28:02}-{1 + i % 28:02},{NOISE[i]},{'uv'[i % 2]}\n" for i in range(100))
    (tmp_path / "days.csv").write_text(f"day,b,y\n{rows}")
    with pytest.warns(PlainnetWarning, match="'day' holds dates"):
        typed = read_typed(tmp_path / "days.csv")
    assert notes_of(typed.frame, "y", options=typed.options) == []


def test_categories_that_are_named_are_kept_up_to_a_limit(tmp_path):
    cities = [f"city {i}" for i in range(40)] * 2
    frame = pl.DataFrame({"city": cities[:50], "x": NOISE[:50], "y": ["u", "v"] * 25})
    with pytest.warns(PlainnetWarning, match="'city' is left out.*--categories city"):
        Table.learn(frame, "y", "classification")
    named = Table.learn(frame, "y", "classification", options=ReadOptions(categories=("city",)))
    assert "city" in named.column_names
    many = pl.DataFrame(
        {"city": [f"city {i}" for i in range(1001)], "x": range(1001), "y": ["u", "v", "v"] * 333 + ["u"] * 2}
    )
    with pytest.warns(PlainnetWarning, match="more than 1000"):
        Table.learn(many, "y", "classification", options=ReadOptions(categories=("city",)))


def test_very_many_classes_take_a_request(tmp_path):
    frame = pl.DataFrame({"x": range(1001), "y": [f"name {i}" for i in range(1001)]})
    with pytest.raises(InvalidValue, match=r"1,001 different texts.*--task classification"):
        prepared_frame(frame, "y")


@pytest.mark.parametrize(
    "altered",
    [{"decimal": "x"}, {"decimal": ",", "thousands": ","}, {"date": "xyz"}, {"unit": 3}, {"more": ""}, [], "plain"],
)
def test_an_altered_notation_is_refused(altered):
    with pytest.raises(InvalidValue):
        Notation.from_dict("a notation", altered)


def test_a_date_is_no_row_number():
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(k) for k in range(60)]
    times = [datetime.time(k % 24, k % 60) for k in range(60)]
    frame = pl.DataFrame({"day": days, "at": times, "x": [k % 7 + 0.5 for k in range(60)], "y": ["a", "b", "b"] * 20})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert prepared_frame(frame, "y", seed=0).table.date_columns == ("day",)
    assert not [warning for warning in caught if "whole number" in str(warning.message)]


def test_a_column_that_never_varies_is_shown_as_it_is_written():
    frame = pl.DataFrame({"one": [1.0] * 30, "x": [k % 7 + 0.5 for k in range(30)], "y": ["a", "b", "b"] * 10})
    with pytest.warns(PlainnetWarning, match="column 'one' is left out: it is 1 in every row"):
        prepared_frame(frame, "y", seed=0)


def test_a_target_without_other_columns_is_refused():
    with pytest.raises(InvalidValue, match="no column is left to predict 'side' from"):
        prepared_frame(pl.DataFrame({"side": ["head", "tail"] * 20}), "side", seed=0)
