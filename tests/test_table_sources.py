"""Where tables come from: JSON Lines, workbooks, Arrow, archives, other encodings, several files, standard input."""

import bz2
import datetime
import gzip
import html
import io
import json
import lzma
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from shared import SMALL

from plainnet.cli import run
from plainnet.errors import FileError, InvalidValue, PlainnetWarning
from plainnet.tabular import ReadOptions, Table, read_table, write_table
from plainnet.tabular.reading import read_columns, read_typed

CSV = b"x;town\n1,5;Ulm\n2;K\xc3\xb6ln\n"
EXPECTED = {"x": [1.5, 2.0], "town": ["Ulm", "Köln"]}


def written(folder: Path, content: str | bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(path: Any, **options: Any) -> dict[str, list[Any]]:
    with warnings.catch_warnings(action="ignore", category=PlainnetWarning):
        return read_table(path, options=ReadOptions(**options)).to_dict(as_series=False)


def day(year: int, month: int, of_month: int) -> int:
    return (datetime.date(year, month, of_month) - datetime.date(1970, 1, 1)).days


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """Write a workbook of text, numbers, booleans, dates and errors (texts such as #DIV/0!) as Excel does."""

    def cell(row: int, column: int, value: Any) -> str:
        place = f'r="{chr(65 + column)}{row + 1}"'
        if value is None:
            return ""
        if isinstance(value, bool):
            return f'<c {place} t="b"><v>{int(value)}</v></c>'
        if isinstance(value, datetime.date):
            return f'<c {place} s="1"><v>{(value - datetime.date(1899, 12, 30)).days}</v></c>'
        if isinstance(value, str) and value.startswith("#"):
            return f'<c {place} t="e"><v>{value}</v></c>'
        if isinstance(value, str):
            return f'<c {place} t="inlineStr"><is><t>{html.escape(value)}</t></is></c>'
        return f"<c {place}><v>{value}</v></c>"

    main, head = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", '<?xml version="1.0"?>'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"

    def relations(targets: dict[str, str]) -> str:
        parts = [
            f'<Relationship Id="r{i}" Type="{office}/{what}" Target="{to}"/>'
            for i, (to, what) in enumerate(targets.items())
        ]
        return f'{head}<Relationships xmlns="{package}/relationships">{"".join(parts)}</Relationships>'

    entries = "".join(f'<sheet name="{name}" sheetId="{i + 1}" r:id="r{i}"/>' for i, name in enumerate(sheets))
    files = {f"worksheets/sheet{i + 1}.xml": "worksheet" for i in range(len(sheets))} | {"styles.xml": "styles"}
    styles = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
    with zipfile.ZipFile(path, "w") as archive:
        part = f'<Override PartName="/xl/workbook.xml" ContentType="{kind}"/>'
        archive.writestr("[Content_Types].xml", f'{head}<Types xmlns="{package}/content-types">{part}</Types>')
        archive.writestr("_rels/.rels", relations({"xl/workbook.xml": "officeDocument"}))
        book = f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{entries}</sheets></workbook>'
        archive.writestr("xl/workbook.xml", head + book)
        archive.writestr("xl/_rels/workbook.xml.rels", relations(files))
        archive.writestr("xl/styles.xml", f'{head}<styleSheet xmlns="{main}">{styles}</styleSheet>')
        for number, rows in enumerate(sheets.values(), start=1):
            cells = ("".join(cell(i, j, value) for j, value in enumerate(row)) for i, row in enumerate(rows))
            data = "".join(f'<row r="{i + 1}">{text}</row>' for i, text in enumerate(cells))
            sheet = f'<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/sheet{number}.xml", head + sheet)
    return path


# Compressed text and archives


@pytest.mark.parametrize(
    ("ending", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed_text_is_read(tmp_path: Path, ending: str, compress: Any) -> None:
    assert columns(written(tmp_path, compress(CSV), f"t.csv{ending}")) == EXPECTED
    lines = b'{"x": 1.5, "town": "Ulm"}\n{"x": 2, "town": "K\xc3\xb6ln"}\n'
    assert columns(written(tmp_path, compress(lines), f"t.jsonl{ending}")) == EXPECTED
    with pytest.raises(FileError, match=r"cut\.csv\.\w+ is not a whole file compressed by"):
        columns(written(tmp_path, compress(CSV)[:-6], f"cut.csv{ending}"))


def archive_of(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return path


def test_the_one_table_of_an_archive_is_read(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "t.zip", read_me=b"about", table_csv=CSV)
    assert columns(path) == EXPECTED
    with pytest.raises(FileError, match=r"two\.zip holds 2 tables \(a\.csv, b\.tsv\); .* unpack it first"):
        columns(archive_of(tmp_path / "two.zip", a_csv=CSV, b_tsv=CSV))
    with pytest.raises(FileError, match=r"none\.zip holds no table \(a\.doc\)"):
        columns(archive_of(tmp_path / "none.zip", a_doc=CSV))
    with pytest.raises(FileError, match=r"t\.zip \(table\.csv\), line 3: 1 field"):
        columns(archive_of(tmp_path / "t.zip", table_csv=b"x;y\n1;2\n3\n"))
    with pytest.raises(FileError, match=r"cut\.zip is not a whole ZIP archive"):
        columns(written(tmp_path, path.read_bytes()[:-30], "cut.zip"))


# Encodings


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "latin-1"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, CSV.decode().encode(encoding), "t.csv")
    assert columns(path) == EXPECTED
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_table(path, options=ReadOptions(decimal=","))
    said = [str(warning.message) for warning in caught if "Windows-1252" in str(warning.message)]
    assert len(said) == (encoding != "utf-16")
    assert all("--encoding cp1250" in note for note in said)


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "x;town\n1;Łódź\n2;Ulm\n".encode("cp1250"), "t.csv")
    assert columns(path, encoding="cp1250")["town"] == ["Łódź", "Ulm"]
    with pytest.raises(FileError, match=r"line 2: byte 0xa3 is not text in the encoding 'utf-8'"):
        columns(path, encoding="utf-8")
    little = written(tmp_path, CSV.decode().encode("utf-16-le"), "l.csv")
    assert columns(little, encoding="utf-16-le") == EXPECTED
    with pytest.raises(InvalidValue, match="encoding is 'utf-99'"):
        ReadOptions(encoding="utf-99")


# JSON Lines


def test_json_lines_are_read(tmp_path: Path) -> None:
    rows = [
        {"x": 1, "day": "2024-04-03", "flag": True, "town": "NA", "code": "007"},
        {"x": 2.5, "day": "2024-04-04", "flag": None, "town": "Ulm", "code": "010"},
        {"flag": False, "town": "", "code": "NA", "day": "NA", "more": "NA"},
    ]
    path = written(tmp_path, "\n".join(map(json.dumps, rows)) + "\n", "t.jsonl")
    assert columns(path) == {
        "x": [1.0, 2.5, None],
        "day": [day(2024, 4, 3), day(2024, 4, 4), None],
        "flag": [True, None, False],
        "town": ["NA", "Ulm", None],  # as in quotation marks
        "code": ["007", "010", "NA"],
        "more": [None, None, "NA"],
    }


def test_a_json_column_of_several_kinds_is_as_in_a_text_file(tmp_path: Path) -> None:
    path = written(tmp_path, '{"x": 1, "b": true}\n{"x": "n/a", "b": 0}\n\n{"x": 2.5, "b": 1}\n', "t.ndjson")
    assert columns(path) == {"x": [1, None, 2.5], "b": [True, False, True]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"x": 1}\n{"x": 2\n', "line 2: this is no JSON object"),
        ('{"x": 1}\n[1]\n', "line 2: this is no JSON object with a value for each name"),
        ('{"x": 1}\n{"x": [1]}\n', "line 2: 'x' is a list"),
        ('{"x": 1}\n{"x": {"y": 1}}\n{"x": {"z": 1}}\n', "line 2: 'x' is an object"),
        ("", "is empty"),
        ("x,y\n1,2\n", "line 1: this is no JSON object"),
        ('{"x": 1}\n{"x": "low"}\n{"x": 2}\n', "row 2: column 'x' holds 'low', text among numbers"),
    ],
)
def test_wrong_json_lines_are_refused_with_their_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        columns(written(tmp_path, content, "t.jsonl"))


# Workbooks

DAYS = [datetime.date(2024, 4, 3), datetime.date(2024, 4, 4), datetime.date(2024, 4, 6)]


def test_a_workbook_is_read(tmp_path: Path) -> None:
    rows = [
        ["x", "day", "flag", "zip", "price", "grouped", "mixed", "note"],
        [1, DAYS[0], True, "01002", "1,50 €", 55.787, 5, "n/a"],
        [2.5, DAYS[1], False, None, "2,00 €", 12.345, "-", "a"],
        [None] * 8,
        ["#DIV/0!", DAYS[2], True, "99", None, 624, 7, None],
    ]
    path = workbook(tmp_path / "book.xlsx", {"Data": [[], [], *rows]})
    assert columns(path) == {
        "x": [1, 2.5, None],
        "day": [day(2024, 4, 3), day(2024, 4, 4), day(2024, 4, 6)],
        "flag": [True, False, True],
        "zip": ["01002", None, "99"],
        "price": [1.5, 2, None],
        "grouped": [55.787, 12.345, 624],
        "mixed": [5, None, 7],
        "note": ["n/a", "a", None],
    }


def test_a_sheet_can_be_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "book.xlsx", {"First": [["a"], [1], [2]], "Second": [["b"], [3]], "Void": []})
    with pytest.warns(PlainnetWarning, match=r"sheets First, Second, Void; the first is read .*--sheet Second"):
        assert read_table(path).columns == ["a"]
    for sheet in ("Second", "2"):
        assert read_table(path, options=ReadOptions(sheet=sheet)).to_dict(as_series=False) == {"b": [3.0]}
    with pytest.raises(InvalidValue, match=r"sheet is 'Secnd', which .* did you mean 'Second'"):
        columns(path, sheet="Secnd")
    with pytest.raises(FileError, match="sheet 'Void' is empty"):
        columns(path, sheet="Void")
    title = workbook(tmp_path / "title.xlsx", {"A": [["Sales"], ["x", "y", "z"], [1, 2, 3]]})
    with pytest.raises(FileError, match="first row, 'Sales', may be a title"):
        columns(title)
    with pytest.raises(InvalidValue, match=r"row 2: column 'x' holds 'low', text among numbers"):
        columns(workbook(tmp_path / "low.xlsx", {"A": [["x", "y"], [1, 2], ["low", 3], [3, 4]]}))
    with pytest.raises(FileError, match="cannot be read as a workbook"):
        columns(written(tmp_path, b"PK\3\4 and more", "no.xlsx"))


# Arrow, and the types of Parquet


def test_arrow_and_parquet_have_the_same_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "x": [1, 2, None],
            "day": DAYS,
            "moment": [datetime.datetime(2024, 4, 3, 12, tzinfo=datetime.UTC), None, None],
            "at": [datetime.time(12), None, datetime.time(18)],
            "kind": pl.Series(["a", "b", None], dtype=pl.Categorical),
            "size": pl.Series(["S", "L", "S"], dtype=pl.Enum(["S", "L"])),
            "price": pl.Series(["1.25", "2.50", None]).cast(pl.Decimal(10, 2)),
            "small": pl.Series([1, 2, 3], dtype=pl.UInt8),
            "none": pl.Series([None] * 3, dtype=pl.Null),
        }
    )
    expected = {
        "x": [1, 2, None],
        "day": [day(2024, 4, 3), day(2024, 4, 4), day(2024, 4, 6)],
        "moment": [day(2024, 4, 3) + 0.5, None, None],
        "at": [0.5, None, 0.75],
        "kind": ["a", "b", None],
        "size": ["S", "L", "S"],
        "price": [1.25, 2.5, None],
        "small": [1, 2, 3],
        "none": [None] * 3,
    }
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.arrow")
    frame.write_ipc(tmp_path / "t.feather", compression="zstd")
    frame.write_ipc_stream(tmp_path / "t.ipc")
    for ending in ("parquet", "arrow", "feather", "ipc"):
        assert columns(tmp_path / f"t.{ending}") == expected
    content = (tmp_path / "t.arrow").read_bytes()
    for wrong, message in (
        (content[:200], "damaged"),
        (b"", "is empty"),
        (b"FEA1....", "of version 1"),
        (b"x,y", "no Arrow"),
    ):
        with pytest.raises(FileError, match=message):
            columns(written(tmp_path, wrong, "wrong.feather"))


# Standard input


def test_standard_input_holds_any_kind_of_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame(EXPECTED)
    parquet, arrow = io.BytesIO(), io.BytesIO()
    frame.write_parquet(parquet)
    frame.write_ipc(arrow)
    book = workbook(tmp_path / "b.xlsx", {"A": [["x", "town"], [1.5, "Ulm"], [2, "Köln"]]})
    lines = b'{"x": 1.5, "town": "Ulm"}\n{"x": 2, "town": "K\xc3\xb6ln"}\n'
    archive = archive_of(tmp_path / "t.zip", table_csv=CSV)
    texts = [CSV, lines, CSV.decode().encode("utf-16"), CSV.decode().encode("cp1252")]
    for content in [
        *texts,
        *map(gzip.compress, texts),
        parquet.getvalue(),
        arrow.getvalue(),
        *map(Path.read_bytes, [book, archive]),
    ]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert columns("-") == EXPECTED


# Several files


def test_several_files_are_one_table(tmp_path: Path) -> None:
    first = written(tmp_path, "id,x,c\n1,01,a\n2,02,NA\n", "a.csv")
    second = written(tmp_path, 'c;x;id\n"NA";3;3\nb;-;4\n', "b.csv")
    assert columns([first, second]) == {
        "id": [1, 2, 3, 4],
        "x": ["01", "02", "3", None],  # what one file shows holds for all
        "c": ["a", None, "NA", "b"],
    }
    typed = read_typed([first, second], say=False)
    assert typed.decisions[1].reason == "leading zeros"
    pl.DataFrame({"x": [1, 2], "c": ["a", "b"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": [1.5], "c": pl.Series(["a"], dtype=pl.Categorical)}).write_parquet(tmp_path / "b.parquet")
    assert columns([tmp_path / "a.parquet", tmp_path / "b.parquet"]) == {"x": [1, 2, 1.5], "c": ["a", "b", "a"]}


def test_files_that_differ_are_refused_by_name(tmp_path: Path) -> None:
    first, second = written(tmp_path, "x,y\n1,a\n2,b\n", "a.csv"), written(tmp_path, "x,z\n1,2\n3,low\n", "b.csv")
    with pytest.raises(FileError, match=r"b\.csv lacks the column 'y', which .*a\.csv has; .* the same columns"):
        columns([first, second])
    more = written(tmp_path, "x,y,z\n1,a,2\n", "c.csv")
    with pytest.raises(FileError, match=r"c\.csv has a column 'z', which .*a\.csv has not"):
        columns([first, more])
    wrong = written(tmp_path, "y,x\na,5\nb,low\n", "d.csv")
    with pytest.raises(InvalidValue, match=r"d\.csv, line 3: column 'x' holds 'low', text among numbers"):
        columns([first, wrong])
    pl.DataFrame({"x": [1], "y": ["a"]}).write_parquet(tmp_path / "e.parquet")
    with pytest.raises(FileError, match=r"e\.parquet and .*a\.csv are of different kinds"):
        columns([first, tmp_path / "e.parquet"])


def test_commands_take_several_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i},{'ab'[i % 2]},{'uv'[i % 2]}\n" for i in range(40)]
    first, second = written(tmp_path, "x,c,y\n" + "".join(rows[:20]), "a.csv"), tmp_path / "b.parquet"
    third = written(tmp_path, "x,c,y\n" + "".join(rows[20:]), "b.csv")
    model = str(tmp_path / "m.npz")
    shown = [*SMALL, "--epochs", "1", "--no-progress", "--save", model]
    assert run(["train", str(first), str(third), "--target", "y", *shown]) == 0
    assert "a.csv and b.csv: 40 rows, target y" in capfd.readouterr().out
    assert run(["show", model]) == 0
    assert f"train {first} {third} --target y" in capfd.readouterr().out
    assert run(["show", str(first), str(third)]) == 0
    assert "a.csv and b.csv: 40 rows, 3 columns" in capfd.readouterr().out
    assert run(["predict", model, str(first), str(third), "--keep", "x"]) == 0
    assert [line.split(",")[0] for line in capfd.readouterr().out.splitlines()] == ["x", *map(str, range(40))]
    assert run(["evaluate", model, str(first), str(third)]) == 0
    assert "On a.csv and b.csv (40 rows)" in capfd.readouterr().out
    write_table(second, pl.DataFrame({"x": [1.0], "c": ["a"]}))
    assert run(["predict", model, str(first), str(second)]) == 2
    assert "b.parquet lacks the column 'y'" in capfd.readouterr().err
    assert run(["train", str(first), "--target", "y", "--save", model, "--encoding", "utf-99"]) == 2
    assert "encoding is 'utf-99'" in capfd.readouterr().err


def test_a_model_reads_later_files_of_every_kind(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1.5, 2.0, 3.0], "c": ["a", "b", "a"], "flag": [True, False, True]})
    table = Table.learn(frame.with_columns(y=pl.Series([1.0, 2.0, 3.5])), "y", "regression")
    frame.write_ipc(tmp_path / "t.arrow")
    frame.write_ndjson(tmp_path / "t.jsonl")
    workbook(tmp_path / "t.xlsx", {"A": [frame.columns, *map(list, frame.rows())]})
    for name in ("t.arrow", "t.jsonl", "t.xlsx"):
        assert table.read(tmp_path / name).equals(frame)
        assert read_columns(tmp_path / name, ["c"]).equals(frame.select("c"))
