"""Table files as people have them: separators, headers, line ends, encodings, markers of missing values."""

import gzip
import io
import re
import sys
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prepared import prepared_file

from plainnet.errors import FileError, InvalidType, InvalidValue, PlainnetWarning
from plainnet.tabular import ReadOptions, Table, read_table, write_table
from plainnet.tabular.reading import read_columns


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(path: Path, **arguments: Any) -> dict[str, list[Any]]:
    return read_table(path, **arguments).to_dict(as_series=False)


# The separator


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names_with_commas.tsv", "Age, in years\tIncome, in EUR\n30\t1\n40\t2\n"),
        ("names_with_commas.csv", "Age, in years;Income, in EUR\n30;1\n40;2\n"),
        ("name_with_bars.csv", 'Age| in |years,"Income, in EUR"\n30,1\n40,2\n'),
        ("tabs.csv", "Age, in years\tIncome; in EUR\n30\t1\n40\t2\n"),
    ],
)
def test_header_and_first_rows_decide_on_the_separator(tmp_path: Path, name: str, content: str) -> None:
    frame = read_table(written(tmp_path, content, name))
    assert frame.rows() == [(30.0, 1.0), (40.0, 2.0)]


def test_one_ragged_row_does_not_change_the_separator(tmp_path: Path) -> None:
    path = written(tmp_path, "a, in m\tb, in m\n1\t2\n3\n4\t5\n", "ragged.tsv")
    with pytest.raises(FileError, match=r"line 3: 1 field where the header has 2; the fields are separated by tabs"):
        read_table(path)


def test_a_separator_that_would_do_as_well_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b;c\nx,y;z\nu,v;w\n")
    with pytest.warns(PlainnetWarning, match=r"separated by commas; semicolons would do as well .*--separator ';'"):
        assert read_table(path).columns == ["a", "b;c"]
    assert read_table(path, options=ReadOptions(separator=";")).columns == ["a,b", "c"]


def test_a_separator_that_is_not_usual_has_to_be_named(tmp_path: Path) -> None:
    colons = written(tmp_path, "x:y\n1:a\n2:b\n")
    with pytest.raises(FileError, match=r"colons seem to separate the fields; say so .*--separator ':'"):
        read_table(colons)
    assert columns(colons, options=ReadOptions(separator=":")) == {"x": [1.0, 2.0], "y": ["a", "b"]}
    spaces = written(tmp_path, "x   y\n 1.5  a\n10.5  b\n", "spaces.txt")
    with pytest.raises(FileError, match=r"spaces seem to separate the fields; put one separator between them"):
        read_table(spaces)
    assert columns(spaces, options=ReadOptions(separator=","))["x   y"] == ["1.5  a", "10.5  b"]
    people = written(tmp_path, "First name\nAnn Smith\nBo Li\n", "people.csv")
    assert columns(people) == {"First name": ["Ann Smith", "Bo Li"]}


@pytest.mark.parametrize("separator", ["", ";;", '"', "\n", "é"])
def test_no_separator(separator: str) -> None:
    with pytest.raises(InvalidValue, match="separator is"):
        ReadOptions(separator=separator)


def test_the_line_with_which_excel_states_the_separator(tmp_path: Path) -> None:
    path = written(tmp_path, "sep=;\r\nx, in m;y\r\n1;a\r\n2;b\r\n")
    assert columns(path) == {"x, in m": [1.0, 2.0], "y": ["a", "b"]}


# The header


def test_an_index_without_a_name_is_left_out_with_a_note(tmp_path: Path) -> None:
    for index in (["0", "1", "2"], ['"1"', '"2"', '"3"'], ["17", "3", "12"], ["Mazda RX4", "Datsun 710", "Valiant"]):
        rows = "".join(f"{label},{label[-1:]}.5,b\n" for label in index)
        path = written(tmp_path, ",x,kind\n" + rows.replace('".5', ".5").replace("4.5", "4.5"))
        with pytest.warns(PlainnetWarning, match=r"the first column has no name .* left out"):
            frame = read_table(path, categories=["x"])
        assert frame.columns == ["x", "kind"]
    with pytest.warns(PlainnetWarning) as notes:
        read_table(path, categories=["x"])
    assert len(notes) == 1


@pytest.mark.parametrize("content", [",x\n1,a\n1,b\n", ",x\n0.5,a\n0.7,b\n", "x,\na,1\nb,2\n", ",x\na,1\n,2\n"])
def test_another_column_without_a_name_is_known_by_its_place(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, content)
    name = "column 1" if content.startswith(",") else "column 2"
    with pytest.warns(PlainnetWarning, match=f"1 column has no name and is known as '{name}'"):
        frame = read_table(path)
    assert sorted(frame.columns) == sorted([name, "x"])
    assert read_columns(path, [name, "x"]).columns == [name, "x"]


def test_columns_without_name_and_value_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = written(tmp_path, "x,,y,\n1,,a,\n2, ,b,\n")
    with pytest.warns(PlainnetWarning, match=r"columns 2, 4 have neither a name nor a value"):
        assert columns(path) == {"x": [1.0, 2.0], "y": ["a", "b"]}


def test_doubled_names_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path, "x,note,note,note.1\n1,a,b,5\n2,c,d,6\n")
    with pytest.warns(PlainnetWarning, match=r"2 columns are named 'note'; they are known as 'note', 'note\.2'"):
        assert columns(path) == {"x": [1, 2], "note": ["a", "c"], "note.2": ["b", "d"], "note.1": [5, 6]}
    assert columns(path, ignore=["note"]) == {"x": [1.0, 2.0], "note.1": [5, 6]}
    assert read_columns(path, ["x"]).columns == ["x"]
    with pytest.warns(PlainnetWarning, match="2 columns are named 'note'"):
        assert read_columns(path, ["note.2"])["note.2"].to_list() == ["b", "d"]


def test_a_row_in_place_of_the_header_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "5.1,3.5,setosa\n4.9,3.0,setosa\n6.3,3.3,virginica\n")
    with pytest.raises(FileError, match=r"5\.1, 3\.5, setosa, is a row like the others.*write a line of names"):
        read_table(path)
    path = written(tmp_path, "5.1,3.5\n4.9,3.0\n6.3,3.3\n")
    with pytest.warns(PlainnetWarning, match=r"the first line, 5\.1, 3\.5, is taken for the names"):
        assert len(read_table(path)) == 2
    path = written(tmp_path, "0,0,7\n0,1,8\n")
    with pytest.raises(FileError, match=r"two columns are named '0'; if line 1 is a row and no header"):
        read_table(path)


@pytest.mark.parametrize(
    "content",
    [
        "country,2019,2020\nFrance,1,2\nSpain,3,4\n",
        "0,1,2\n0.5,0.6,0.7\n",
        "1100.5,1102.5,oil\n0.1,0.2,rape\n0.3,0.4,olive\n",
        "2019,y\n3,4\n5,6\n",
    ],
)
def test_numbers_may_be_names(tmp_path: Path, content: str) -> None:
    assert len(read_table(written(tmp_path, content))) == content.count("\n") - 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Export of 3 March\n\nx,y\n1,2\n", r"line 3: 2 fields .* Line 1 may be a title or a comment"),
        ("Report\nMarch\nx,y\n1,2\n3,4\n", r"line 3: 2 fields .* Line 1 may be a title or a comment"),
        ("Report\n\nx;y\n1;2\n", r"semicolons divide the rows and not the first line, which may be a title"),
        ("x^y\n1^2\n3^4\n", r"'\^' seem to separate the fields; say so .*--separator '\^'"),
        ("# by a logger\n# in mm\nx,y\n1,2\n", r"line 3: 2 fields .* Line 1 may be a title or a comment"),
        ("x,y\n1,2\n# pause\n3,4\n", r"line 3: 1 field .* The line may be a comment"),
        ("x,y\n1,2,\n3,4,\n", r"line 2: 3 fields .* The line ends in a separator, the header does not"),
        ("x,y\n1,2\nx,y\n3,4\n", r"line 3: the line of names stands here again"),
        ("x,y\r\n1,2\r\nx,y", r"line 3: the line of names stands here again"),
        ("sep=;\n", "has no line of names"),
        ('"x" "y"\n"1" 2 "a"\n"2" 4 "b"\n', r"spaces seem to separate the fields; say so"),
        ('"x" "y"\n2 "a"\n4 "b"\n', r"spaces seem to separate the fields; say so"),
        ("x\x01y\n1\x012\n3\x014\n", r"control characters .* say so .*--separator \$'\\x01'"),
        ("x\ty\nMazda\t1\t2\nFiat\t3\t4\n", r"line 2: 3 fields .* each row: the first field may be the name"),
        ("x,y\n1,5,a\n3,4,b\n", r"line 2: 3 fields .* each row: a number may hold a decimal comma"),
        ("x,y\n1,2\n3,4\n\nSource: a\n", r"line 5: 1 field .* The last line may be a note below the table"),
        ("x\ty\n1\t2\n3\t4\n\\.\n", r"line 4: 1 field .* The last line may be a note below the table"),
        ('x, y\n1, "a"\n', r"line 2: a space stands before a quotation mark"),
    ],
)
def test_a_refusal_names_the_likely_cause(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read_table(written(tmp_path, content))


def test_a_header_may_begin_with_the_sign_of_comments(tmp_path: Path) -> None:
    assert columns(written(tmp_path, "#id,x\na,1\nb,2\n")) == {"#id": ["a", "b"], "x": [1.0, 2.0]}


# Line ends and what is no UTF-8 text


@pytest.mark.parametrize(
    "content",
    [
        "x,y\r1,a\r2,b\r\n",
        "x,y\r1,a\r2,b\n",
        "x,y\r\n1,a\n2,b\r\n",
        "x,y\r\r\n1,a\r\r\n2,b\r\r\n",
        "x,y\r\n1,a\r\n2,b\r\n\x1a",
        "\ufeff\ufeffx,y\n1,a\n2,b\n",
        "x,y\n1,a\n   \n2,b\n \n",
    ],
)
def test_lines_may_end_in_several_ways(tmp_path: Path, content: str) -> None:
    assert columns(written(tmp_path, content)) == {"x": [1.0, 2.0], "y": ["a", "b"]}


def test_a_quoted_newline_stays_where_lines_end_in_carriage_returns(tmp_path: Path) -> None:
    path = written(tmp_path, 'x,t\r1,"first\nsecond"\r2,b\r')
    assert columns(path) == {"x": [1.0, 2.0], "t": ["first\nsecond", "b"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,y\n1,a\rb\n2,c\n", "line 2: a carriage return stands inside the line"),
        ("x,y\n1,a\n".encode("utf-16-be"), "is not UTF-8 text, .*--encoding utf-16-le"),
        ("größe,y\n1,é\n".encode() + b"2,\xf6\n", "line 3: byte 0xf6 is not UTF-8 text; save the file as UTF-8"),
        (b"x,y\n1,\x81\n", "line 2: byte 0x81 is not UTF-8 text; .*--encoding"),
        (b"PK\x03\x04 and more", r"is a ZIP archive, as .xlsx files of Excel are; give it a name that ends in .zip or"),
        (gzip.compress(b"x,y\n1,a\n", mtime=0), "is compressed by gzip; give it a name that ends in .csv.gz"),
    ],
)
def test_what_is_no_text_is_called_by_its_name(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read_table(written(tmp_path, content))


# Where a table comes from


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("table.7z", "unpack it first"),
        ("table.json", r"give it a name that ends in \.jsonl"),
        ("table.data", "give it a name that ends in .csv"),
        ("table", "give it a name that ends in .csv"),
        ("model.npz", "plainnet.load reads models"),
    ],
)
def test_another_ending_is_refused_with_the_way(tmp_path: Path, name: str, way: str) -> None:
    with pytest.raises(FileError, match=way):
        read_table(written(tmp_path, "x,y\n1,2\n", name))


def test_an_address_is_shown_whole() -> None:
    address = "https://example.org/data/table.csv?version=2"
    for path in (address, Path(address)):
        with pytest.raises(FileError) as refusal:
            read_table(path)
        assert address in str(refusal.value)


def test_gzip_is_read(tmp_path: Path) -> None:
    content = gzip.compress(b"x;y\n1;a\n2;b\n")
    assert columns(written(tmp_path, content, "table.csv.gz")) == {"x": [1.0, 2.0], "y": ["a", "b"]}
    with pytest.raises(FileError, match=r"cut\.tsv\.gz is not a whole file compressed by gzip"):
        read_table(written(tmp_path, content[:-10], "cut.tsv.gz"))


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x,y\n1,a\n2,b\n")))
    assert read_table("-").rows() == [(1.0, "a"), (2.0, "b")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x,y\n1,a\n2\n")))
    with pytest.raises(FileError, match="standard input, line 3: 1 field"):
        read_table("-")


# Tables of one column, and back again


def test_an_empty_line_of_a_one_column_table_is_a_missing_value(tmp_path: Path) -> None:
    assert columns(written(tmp_path, "x\n1\n\n3\n \n5\n")) == {"x": [1.0, None, 3.0, None, 5.0]}
    assert columns(written(tmp_path, '\n\nx\r\n\r\n1\r\n""\r\n')) == {"x": [None, 1.0, None]}
    path = written(tmp_path, "x\n1\n\n2\n\n\n")
    with pytest.warns(PlainnetWarning, match="ends in 2 blank lines, which are no rows"):
        assert columns(path) == {"x": [1.0, None, 2.0]}


texts = st.text(st.sampled_from("aNAn ,;|\t\r\n\"'é日#="), min_size=1, max_size=6).map(str.strip).filter(bool)
texts |= st.sampled_from(["NA", "None", "?", "null", "nan", "a\rb", "x", "sep=;"])


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Frames as `read_table` gives them."""
    rows = draw(st.integers(1, 5))
    names = draw(st.lists(texts, min_size=1, max_size=3, unique=True))
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    made = []
    for name in names:
        kind, values = draw(st.sampled_from([(pl.Float64, numbers), (pl.Boolean, st.booleans()), (pl.String, texts)]))
        column = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        made.append(pl.Series(name, column, dtype=kind))
    return pl.DataFrame(made)


@settings(deadline=None)
@given(frame=frames(), ending=st.sampled_from([".csv", ".tsv"]))
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, frame: pl.DataFrame, ending: str) -> None:
    path, separator = tmp_path_factory.mktemp("back") / f"table{ending}", "\t" if ending == ".tsv" else ","
    write_table(path, frame)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    with warnings.catch_warnings(action="ignore", category=PlainnetWarning):
        again = read_columns(path, frame.columns, categories=texts, options=ReadOptions(separator=separator))
    assert again.columns == frame.columns
    assert again.rows() == frame.rows()


# Markers of missing values


def test_markers_of_missing_values_can_be_chosen(tmp_path: Path) -> None:
    path = written(tmp_path, "x,y\n1,a\n-,None\n3,b\n#N/A,b\n")
    with pytest.raises(InvalidValue, match=r"line 5: column 'x' holds '#N/A'.*missing=\['#N/A'\].*; otherwise"):
        read_table(path, options=ReadOptions(missing=["-"]))  # type: ignore[arg-type]
    with pytest.warns(PlainnetWarning, match=r"'None' is a value in column 'y' \(1 rows\)"):
        frame = read_table(path, options=ReadOptions(missing=("-", "#N/A")))
    assert frame.to_dict(as_series=False) == {"x": [1.0, None, 3.0, None], "y": ["a", "None", "b", "b"]}
    for markers in ([], [""]):
        options = ReadOptions(missing=markers)  # type: ignore[arg-type]
        assert read_columns(path, ["y"], options=options)["y"].to_list() == ["a", "None", "b", "b"]
    with pytest.raises(InvalidType, match="missing is '-'; it takes a list of texts"):
        ReadOptions(missing="-")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["-", "n/a", "#N/A", "#DIV/0!", "none", "nil", "missing", "NaT", "<NA>", ".", "Null"])
@pytest.mark.parametrize("numbers", [["1", "3"], ["1,5", "3"], ["2024-04-03", "2024-04-05"], ["$1", "$3"]])
def test_a_likely_marker_among_numbers_is_missing_and_said(tmp_path: Path, text: str, numbers: list[str]) -> None:
    path = written(tmp_path, f"x;y\n{numbers[0]};a\n{text};b\n{numbers[1]};a\n{text};a\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_table(path)["x"]
    note = f"{text!r} counts as a missing value in column 'x' (2 rows)"
    assert [warning for warning in caught if note in str(warning.message)]
    assert found.is_null().to_list() == [False, True, False, True]
    assert found.dtype == pl.Float64
    if numbers[0] == "1":
        with pytest.raises(InvalidValue, match=re.escape(f"missing=[{text!r}]")):  # the empty field alone is missing
            read_table(path, options=ReadOptions(missing=[]))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["-999", "low", "#5", "1-2", "no"])
def test_other_texts_among_numbers_are_refused(tmp_path: Path, text: str) -> None:
    if text != "-999":
        with pytest.raises(InvalidValue, match=re.escape(f"line 3: column 'x' holds {text!r}")):
            read_table(written(tmp_path, f"x,y\n1,a\n{text},b\n3,a\n"))
    else:
        assert columns(written(tmp_path, f"x,y\n1,a\n{text},b\n3,a\n"))["x"] == [1, -999, 3]


def test_a_later_file_may_have_markers_that_training_had_not(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.5], "c": ["a", "-", "a"], "b": [True, False, True], "y": [1.0, 2.0, 3.0]})
    table = Table.learn(frame, "y", "regression")
    with pytest.warns(PlainnetWarning) as notes:
        found = table.read(written(tmp_path, "x,c,b\nn/a,-,yes\n2,a,N\n3,a,-\n"))
    assert [re.findall(r"'(.+)' counts as .* in column '(.)'", str(note.message))[0] for note in notes] == [
        ("n/a", "x"),
        ("-", "b"),
    ]
    assert found.rows() == [(None, "-", True), (2.0, "a", False), (3.0, "a", None)]


def test_quoted_markers_are_values_of_text_and_missing_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, 'x,country\n1,"NA"\n"NA",NA\n3,"say ""NA"""\n4,\n5,"NA"\n')
    with pytest.warns(PlainnetWarning, match=r"'NA' is a value in column 'country' \(2 rows\); .*--missing=NA"):
        frame = read_table(path)
    assert frame["x"].to_list() == [1.0, None, 3.0, 4.0, 5.0]
    assert frame["country"].to_list() == ["NA", None, 'say "NA"', None, "NA"]
    assert read_table(path, options=ReadOptions(missing=["NA"]))["country"].null_count() == 4  # type: ignore[arg-type]


def test_columns_that_the_user_calls_categories_keep_their_text(tmp_path: Path) -> None:
    path = written(tmp_path, "x,country\n1,NA\n2,BW\n3,NA\n4,\n")
    with pytest.warns(PlainnetWarning, match=r"'NA' is a value in column 'country' \(2 rows\)"):
        assert read_table(path, categories=["country"])["country"].to_list() == ["NA", "BW", "NA", None]


def test_a_marker_that_takes_much_from_a_column_of_text_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "x,disorder\n" + "1,Apnea\n2,None\n" * 5)
    with pytest.warns(
        PlainnetWarning, match=r"'None' counts as a missing value in column 'disorder' \(5 rows\).*--cat"
    ):
        assert read_table(path)["disorder"].null_count() == 5
    few = written(tmp_path, "x,sex\n" + "1,f\n2,m\n" * 40 + "3,NA\n" * 3)
    assert read_table(few)["sex"].null_count() == 3  # without a note


@pytest.mark.parametrize("marker", ["\\N", "<NA>", "#N/A", "[NULL]"])
def test_what_only_a_program_writes_for_a_missing_value_is_named(tmp_path: Path, marker: str) -> None:
    path = written(tmp_path, "x,sex\n" + "1,f\n2,m\n" * 40 + f"3,{marker}\n")
    with pytest.warns(PlainnetWarning, match=re.escape(f"{marker!r} is a value in column 'sex' (1 rows)")):
        assert read_table(path)["sex"].null_count() == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_table(path, options=ReadOptions(missing=[marker]))["sex"].null_count() == 1
        assert read_table(path, options=ReadOptions(missing=[]))["sex"].null_count() == 0


def test_names_that_a_parser_takes_for_numbers_are_text(tmp_path: Path) -> None:
    path = written(tmp_path, "name,x\nAnn,1\nNan,2\nInf,3\ninfinity,4\n")
    assert columns(path)["name"] == ["Ann", "Nan", "Inf", "infinity"]
    with pytest.raises(InvalidValue, match=r"column 'x' holds inf"):
        read_table(written(tmp_path, "x\n1\nInf\n"))


def test_a_model_keeps_how_its_files_are_read(tmp_path: Path) -> None:
    train = written(tmp_path, "x,country,y\n" + "1,NA,a\n-,BW,b\n3,NA,b\n4,BW,a\n" * 5)
    options = ReadOptions(missing=("-",), categories=("country",))
    with pytest.warns(PlainnetWarning, match="'NA' is a value"):
        table = prepared_file(train, "y", options=options, seed=0).table
    again = Table.from_dict(table.to_dict())
    assert again == table
    frame = again.read(written(tmp_path, "country,x\nNA,-\nBW,2\n", "new.csv"))
    assert frame.to_dict(as_series=False) == {"x": [None, 2.0], "country": ["NA", "BW"]}


def test_a_model_of_version_0_1_reads_as_it_did(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "a"], "y": [1.0, 2.0, 3.0]})
    data = Table.learn(frame, "y", "regression").to_dict()
    del data["options"]
    old = Table.from_dict(data)
    assert old.read(written(tmp_path, "x,c\nNA,?\n2,a\n")).rows() == [(None, None), (2.0, "a")]


# One spelling of names and values


def test_composed_and_decomposed_names_are_one(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")
    path = written(tmp_path, f"{decomposed},y\u200b,\u00a0z \n1,a,2\n3,b,4\n")
    with pytest.warns(PlainnetWarning) as notes:
        assert read_table(path).columns == [composed, "y", "z"]
    assert [note.message.args[0].split(" holds")[0].split("name ")[1] for note in notes] == [  # type: ignore[union-attr]
        "'cafe\\u0301'",
        "'y\\u200b'",
    ]
    for name in (composed, decomposed):
        assert read_columns(path, [name]).columns == [name]
        with pytest.warns(PlainnetWarning):
            assert read_table(path, ignore=[name]).columns == ["y", "z"]


def test_values_have_one_spelling_in_every_format(tmp_path: Path) -> None:
    values = ["\u00e9t\u00e9", "e\u0301te\u0301", "\u200bhiver"]
    path = written(tmp_path, "y\n" + "\n".join(values) + "\n")
    assert columns(path)["y"] == ["\u00e9t\u00e9", "\u00e9t\u00e9", "hiver"]
    parquet = tmp_path / "table.parquet"
    pl.DataFrame({"y": values[:2]}).write_parquet(parquet)
    assert columns(parquet)["y"] == ["\u00e9t\u00e9"] * 2


def test_names_that_look_the_same_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path, "m\u0430ss,y\n1,2\n3,4\n")  # a Cyrillic letter
    with pytest.raises(InvalidValue, match=r"U\+0061 LATIN SMALL LETTER A is not U\+0430 CYRILLIC SMALL LETTER A"):
        read_columns(path, ["mass"])


def test_messages_stay_short(tmp_path: Path) -> None:
    path = written(tmp_path, ",".join(f"column_{i}" for i in range(10_000)) + "\n" + "1," * 9_999 + "1\n")
    for refused in (lambda: read_columns(path, ["colunm_7"]), lambda: read_table(path, ignore=["colunm_7"])):
        with pytest.raises(InvalidValue, match=r"column_7") as refusal:
            refused()
        assert len(str(refusal.value)) < 2_000
    with pytest.raises(InvalidValue, match="line 4: column 'x' holds 'zzz") as refusal:
        read_table(written(tmp_path, "x\n1\n2\n" + "z" * 300_000 + "\n4\n"))
    assert len(str(refusal.value)) < 2_000


def test_a_hint_quotes_a_name_for_the_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, '"income, total",y\n1,a\nlow,b\n3,a\n')
    with pytest.raises(InvalidValue, match=r"""--categories '"income, total"'"""):
        read_table(path)


def test_names_that_polars_takes_for_patterns_are_names(tmp_path):
    names = ["^.*$", "*", "^[$", "plain"]
    rows = [f"{1 + i % 7},{i % 5},{i % 3},{i % 11},{'ab'[i // 7 % 2]}" for i in range(60)]
    (tmp_path / "t.csv").write_text("\n".join([",".join([*names, "y"]), *rows]))
    weighted = prepared_file(tmp_path / "t.csv", "y", sample_weight="^.*$", seed=0)
    assert weighted.table.column_names == ("*", "^[$", "plain")
    assert prepared_file(tmp_path / "t.csv", "*", seed=0, task="regression").table.column_names == (
        "^.*$",
        "^[$",
        "plain",
        "y",
    )
